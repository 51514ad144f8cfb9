//! Every state against every packet of an operation, as tables.

use core::fmt::Write;

use mpenc_crypto::testing::Transparent;
use mpenc_greeting::{AbortReason, Greeter, Inspection};
use mpenc_types::MemberSet;

use super::room::{Room, Sent};
use crate::group::{name, names};

/// What each member thinks of each packet, and of an abort, after every number of packets.
///
/// Rows: who, and how many packets it has seen. Columns: the packets in channel order, then an
/// abort by the first of the members afterwards.
fn table(before: Option<&MemberSet>, by: &str, next: &MemberSet, all: &MemberSet) -> String {
    let start = || {
        let mut room = Room::<Transparent>::new(all);
        if let Some(before) = before {
            room.change(&name("a"), before);
        }
        room
    };
    let run = |packets: usize| {
        let mut room = start();
        let begin = room.log.len();
        let packet = room.propose(&name(by), next);
        room.send(&name(by), packet);
        for _ in 0..packets {
            room.step();
        }
        (room, begin)
    };
    let (room, begin) = run(usize::from(u8::MAX));
    let mut log: Vec<Sent> = room.log[begin..].to_vec();
    let packets = log.len();
    let (mut room, _) = run(1);
    let first = next.iter().next().unwrap();
    if let Some(out) = room.get(first).greeter.abort(AbortReason::Asked) {
        log.push((first.clone(), out.packet));
    }
    let mut text = String::new();
    for (number, (from, packet)) in log.iter().enumerate() {
        let kind = mpenc_packet::v2::kind(packet).unwrap();
        let _ = writeln!(text, "{number} {from} {kind:?}");
    }
    for who in all {
        for seen in 0..=packets {
            let (room, _) = run(seen);
            let greeter = &room.members[who].greeter;
            let _ = write!(text, "\n{who} {seen}:");
            for (from, packet) in &log {
                let cell = match greeter.inspect(from, packet) {
                    Ok(Inspection::Initial(initial)) if initial.is_final => "both".into(),
                    Ok(Inspection::Initial(initial)) if !initial.verified => "foreign".into(),
                    Ok(Inspection::Initial(_)) => "initial".into(),
                    Ok(Inspection::Final) => "final".into(),
                    Ok(Inspection::Middle) => "middle".into(),
                    Err(reason) => format!("{reason:?}"),
                };
                let _ = write!(text, " {cell}");
            }
        }
        text.push('\n');
    }
    text
}

//= docs/spec/protocol.md#GRT-011
//= type=test
//= docs/spec/protocol.md#GRT-016
//= type=test
//= docs/spec/protocol.md#GRT-020
//= type=test
//= docs/spec/v2.md#V2-011
//= type=test
#[test]
fn state_tables() {
    let all = names(&["a", "b", "c", "d"]);
    let (ab, abc) = (names(&["a", "b"]), names(&["a", "b", "c"]));
    insta::assert_snapshot!("v2_establish", table(None, "a", &ab, &abc));
    insta::assert_snapshot!("v2_include", table(Some(&ab), "b", &abc, &all));
    insta::assert_snapshot!("v2_mixed", table(Some(&abc), "b", &names(&["b", "c", "d"]), &all));
    insta::assert_snapshot!("v2_exclude_all", table(Some(&abc), "b", &names(&["b"]), &all));
}
