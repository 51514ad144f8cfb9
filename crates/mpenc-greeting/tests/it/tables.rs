//! Every state against every packet of an operation, as tables.

use core::fmt::Write;

use mpenc_greeting::{Greeter, GreetingReject, Inspection, Outcome, Progress};
use mpenc_types::{MemberId, MemberSet};

use crate::craft::fields;
use crate::drawn::assert_drawn;
use crate::group::{Group, Sent, name, names};

/// One row for each number of packets that a member has seen; equal ones are one.
///
/// `cell` is asked about a member, how many packets it has seen, and a packet.
pub(crate) fn draw(
    who: &MemberSet,
    seen: usize,
    packets: &[String],
    cell: impl Fn(&MemberId, usize, usize) -> String,
) -> String {
    let mut text = "| Who, after |".to_owned();
    for packet in packets {
        let _ = write!(text, " {packet} |");
    }
    let _ = writeln!(text, "\n|{}", " --- |".repeat(packets.len() + 1));
    for who in who {
        let row = |seen| (0..packets.len()).map(|packet| cell(who, seen, packet)).collect();
        let rows: Vec<Vec<String>> = (0..=seen).map(row).collect();
        let mut first = 0;
        while let Some(row) = rows.get(first) {
            let same = rows[first..].iter().take_while(|other| *other == row).count();
            let last = first + same - 1;
            let span = if same == 1 { first.to_string() } else { format!("{first}–{last}") };
            let _ = writeln!(text, "| {who} {span} | {} |", row.join(" | "));
            first += same;
        }
    }
    text
}

/// What a greeter makes of a packet: what kind it is, how many packets follow from it, and how the
/// operation ended if it did.
pub(crate) fn effect(
    inspection: Result<Inspection, GreetingReject>,
    apply: impl FnOnce(&Inspection) -> Option<Result<Progress, GreetingReject>>,
) -> String {
    let inspection = match inspection {
        Ok(inspection) => inspection,
        Err(reason) => return format!("{reason:?}"),
    };
    let mut text = match &inspection {
        Inspection::Initial(initial) if !initial.verified => "foreign",
        Inspection::Initial(initial) if initial.is_final => "**both**",
        Inspection::Initial(_) => "**initial**",
        Inspection::Final => "**final**",
        Inspection::Middle => "**middle**",
    }
    .to_owned();
    let Some(progress) = apply(&inspection) else { return text };
    let progress = match progress {
        Ok(progress) => progress,
        Err(reason) => return format!("{text} {reason:?}"),
    };
    if !progress.outgoing.is_empty() {
        let _ = write!(text, " +{}", progress.outgoing.len());
    }
    text.push_str(match progress.outcome {
        Outcome::Continues => "",
        Outcome::Complete(_) => " complete",
        Outcome::Ignored => " ignored",
        Outcome::Failed(_) => " failed",
        Outcome::Stuck(_) => " stuck",
    });
    text
}

/// What each member makes of each packet, after every number of packets.
fn table(before: Option<&MemberSet>, by: &str, next: &MemberSet, all: &MemberSet) -> String {
    let after = |packets: usize| {
        let mut group = Group::new(all);
        if let Some(before) = before {
            group.change(&name("a"), before);
        }
        group.log.clear();
        let packet = group.propose(&name(by), next);
        group.send(&name(by), packet);
        for _ in 0..packets {
            group.step();
        }
        group
    };
    let log: Vec<Sent> = after(usize::from(u8::MAX)).log;
    let packets: Vec<String> = log
        .iter()
        .map(|(from, packet)| format!("{from} {:?}", fields(packet).greet_type))
        .collect();
    draw(all, log.len(), &packets, |who, seen, packet| {
        let mut group = after(seen);
        let member = group.get_mut(&who.to_string());
        let (from, packet) = &log[packet];
        effect(member.greeter.inspect(from, packet), |inspection| match inspection {
            Inspection::Initial(initial) => {
                let ours = initial.next_members.contains(who)
                    || member.greeter.members().contains(&initial.initiator);
                let free = member.greeter.running().is_none();
                (initial.verified && ours && free)
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
    assert_drawn("v1 establish", &table(None, "a", &abc, &all));
    assert_drawn("v1 include", &table(Some(&ab), "b", &abc, &all));
    assert_drawn("v1 exclude", &table(Some(&all), "b", &abc, &all));
    assert_drawn("v1 exclude all", &table(Some(&abc), "b", &names(&["b"]), &all));
    assert_drawn("v1 refresh", &table(Some(&abc), "b", &abc, &all));
}
