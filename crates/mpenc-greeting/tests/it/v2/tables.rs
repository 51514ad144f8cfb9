//! Every state against every packet of an operation, as tables.

use mpenc_crypto::testing::Transparent;
use mpenc_greeting::{AbortReason, Greeter, Inspection};
use mpenc_types::MemberSet;

use super::room::{Room, Sent};
use crate::drawn::assert_drawn;
use crate::group::{name, names};
use crate::tables::{draw, effect};

/// What each member makes of each packet, and of an abort by the first of the members afterwards,
/// after every number of packets.
fn table(before: Option<&MemberSet>, by: &str, next: &MemberSet, all: &MemberSet) -> String {
    let after = |packets: usize| {
        let mut room = Room::<Transparent>::new(all);
        if let Some(before) = before {
            room.change(&name("a"), before);
        }
        let begin = room.log.len();
        let packet = room.propose(&name(by), next);
        room.send(&name(by), packet);
        for _ in 0..packets {
            room.step();
        }
        (room, begin)
    };
    let (room, begin) = after(usize::from(u8::MAX));
    let mut log: Vec<Sent> = room.log[begin..].to_vec();
    let seen = log.len();
    let first = next.iter().next().unwrap();
    if let Some(out) = after(1).0.get(first).greeter.abort(AbortReason::Asked) {
        log.push((first.clone(), out.packet));
    }
    let packets: Vec<String> = log
        .iter()
        .map(|(from, packet)| format!("{from} {:?}", mpenc_packet::v2::kind(packet).unwrap()))
        .collect();
    draw(all, seen, &packets, |who, seen, packet| {
        let (mut room, _) = after(seen);
        let member = room.get(who);
        let (from, packet) = &log[packet];
        effect(member.greeter.inspect(from, packet), |inspection| match inspection {
            Inspection::Initial(initial) => {
                let free = member.greeter.running().is_none();
                // The rest is for the order of operations to decide.
                let follows = member.at.is_none_or(|at| at == initial.metadata.prev_final);
                (initial.verified && free && follows)
                    .then(|| member.greeter.start(&mut *member.rng, from, packet))
            }
            Inspection::Middle | Inspection::Final => {
                Some(member.greeter.handle(&mut *member.rng, from, packet))
            }
        })
    })
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
    assert_drawn("v2 establish", &table(None, "a", &ab, &abc));
    assert_drawn("v2 include", &table(Some(&ab), "b", &abc, &all));
    assert_drawn("v2 include and exclude", &table(Some(&abc), "b", &names(&["b", "c", "d"]), &all));
    assert_drawn("v2 exclude all", &table(Some(&abc), "b", &names(&["b"]), &all));
}
