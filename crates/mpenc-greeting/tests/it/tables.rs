//! Every state against every packet of an operation, as tables.

use core::fmt::Write;

use mpenc_greeting::{Greeter, Inspection};
use mpenc_types::MemberSet;

use crate::craft::fields;
use crate::group::{Group, Sent, name, names};

/// What each member thinks of each packet, after every number of packets.
///
/// Rows: who, and how many packets it has seen. Columns: the packets in channel order.
fn table(before: Option<&MemberSet>, by: &str, next: &MemberSet, all: &MemberSet) -> String {
    let start = || {
        let mut group = Group::new(all);
        if let Some(before) = before {
            group.change(&name("a"), before);
        }
        group
    };
    let mut group = start();
    group.change(&name(by), next);
    let log: Vec<Sent> = group.log.clone();
    let mut text = String::new();
    for (number, (from, packet)) in log.iter().enumerate() {
        let _ = writeln!(text, "{number} {from} {:?}", fields(packet).greet_type);
    }
    for who in all {
        for seen in 0..=log.len() {
            let mut group = start();
            let packet = group.propose(&name(by), next);
            group.send(&name(by), packet);
            for _ in 0..seen {
                group.step();
            }
            let greeter = &group.members[who].greeter;
            let _ = write!(text, "\n{who} {seen}:");
            for (from, packet) in &log {
                let cell = match greeter.inspect(from, packet) {
                    Ok(Inspection::Initial(initial)) if initial.is_final => "both".into(),
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
//= docs/spec/protocol.md#GRT-008
//= type=test
//= docs/spec/protocol.md#GKA-019
//= type=test
//= docs/spec/protocol.md#GKA-020
//= type=test
//= docs/spec/protocol.md#GRT-016
//= type=test
//= docs/spec/protocol.md#GRT-020
//= type=test
#[test]
fn state_tables() {
    let all = names(&["a", "b", "c", "d"]);
    let abc = names(&["a", "b", "c"]);
    let ab = names(&["a", "b"]);
    insta::assert_snapshot!("establish", table(None, "a", &all, &all));
    insta::assert_snapshot!("include", table(Some(&ab), "b", &all, &all));
    insta::assert_snapshot!("exclude", table(Some(&all), "b", &abc, &all));
    insta::assert_snapshot!("exclude_all", table(Some(&abc), "b", &names(&["b"]), &all));
    insta::assert_snapshot!("refresh", table(Some(&abc), "b", &abc, &all));
}
