//! An ordinary conversation, with somebody who comes and goes in the middle of it.

use alloc::collections::{BTreeMap, BTreeSet};

use mpenc::channel::{ChannelEvent, ChannelRequest};
use mpenc::{MemberId, MemberSet};

use super::Stage;
use crate::Transport;
use crate::packet::Tag;
use crate::probe::{Item, Log, Probe, Seen};
use crate::report::{Guarantee, Report};

/// What cannot be said if this cannot take place.
pub(super) const LOOKS_AT: &[Guarantee] = &[
    Guarantee::EntrySnapshot,
    Guarantee::OwnEcho,
    Guarantee::Delivery,
    Guarantee::Once,
    Guarantee::Intact,
    Guarantee::TrueSender,
    Guarantee::OneOrder,
    Guarantee::EnterTold,
    Guarantee::LeaveTold,
    Guarantee::MembershipInOrder,
];

pub(super) async fn run<T: Transport>(
    stage: &mut Stage<'_, T>,
    report: &mut Report,
) -> Result<(), String> {
    let patience = stage.patience();
    let (room, regulars) = stage.company::<3>().await?;
    snapshots(&regulars, report);
    let guest = stage.connect(&room, 3).await?;
    let half = stage.kit.packets.div_ceil(2);
    speak(&regulars, 0..half).await;
    guest.enter(patience).await;
    speak(&regulars, half..stage.kit.packets).await;
    guest.send(0, 100);
    let greeting = guest.tag(0);
    guest.until(patience, |log| log.has_packet(greeting)).await;
    guest.request(ChannelRequest::Leave);
    let told = guest.until(patience, |log| log.left() == 1).await;
    report.hold(Guarantee::LeaveTold, told, || format!("{} was not told", guest.member));
    let last = stage.kit.packets;
    speak(&regulars, last..last.saturating_add(1)).await;

    // All have seen what everybody said last, and the guest leave, or will not.
    let finals: Vec<Tag> = regulars.iter().map(|probe| probe.tag(last)).collect();
    for probe in &regulars {
        let own = probe.author;
        let complete = |log: &Log| {
            let others = finals.iter().filter(|tag| tag.author != own);
            let heard = others.into_iter().all(|tag| log.has_packet(*tag));
            heard && log.has_left(&guest.member)
        };
        probe.until(patience, complete).await;
        probe.until(patience.min(ECHO), |log| log.has_packet(probe.tag(last))).await;
    }
    let logs: Vec<Log> = regulars.iter().map(Probe::log).collect();
    let guest_log = guest.log();
    let names: BTreeMap<u8, MemberId> =
        regulars.iter().chain([&guest]).map(|probe| (probe.author, probe.member.clone())).collect();

    for (probe, log) in regulars.iter().zip(&logs) {
        packets(probe, log, &names, last, report);
        entering(probe, log, &guest.member, report);
    }
    for pair in logs.windows(2) {
        if let [one, other] = pair {
            compare(&one.items(), &other.items(), report);
        }
    }
    if let Some(log) = logs.first() {
        newcomer(log, &guest_log, &guest.member, report);
    }
    Ok(())
}

/// How long to wait for an echo when everything else has come.
const ECHO: core::time::Duration = core::time::Duration::from_millis(500);

/// All speak at once, in turn giving way to whatever else there is to do.
async fn speak(probes: &[Probe], numbers: core::ops::Range<u32>) {
    for number in numbers {
        for probe in probes {
            let len = usize::from(probe.author).saturating_mul(97);
            probe.send(number, len.saturating_add(40));
        }
        tokio::task::yield_now().await;
    }
}

//= docs/spec/protocol.md#CHN-001
//= docs/spec/protocol.md#CHN-002
fn snapshots(probes: &[Probe], report: &mut Report) {
    let mut inside = MemberSet::new();
    for probe in probes {
        inside.insert(probe.member.clone());
        let log = probe.log();
        let first = log
            .events
            .iter()
            .find(|seen| !matches!(seen, Seen::Other(ChannelEvent::Identity { .. })));
        let right = matches!(
            first,
            Some(Seen::Other(ChannelEvent::Entered { members })) if *members == inside
        );
        report.hold(Guarantee::EntrySnapshot, right, || {
            let found = match first {
                Some(Seen::Other(ChannelEvent::Entered { members })) => format!("{members}"),
                Some(_) => "another event first".to_owned(),
                None => "nothing".to_owned(),
            };
            format!("{} found {found} instead of {inside}", probe.member)
        });
    }
}

//= docs/spec/protocol.md#CHN-004
//= docs/spec/protocol.md#CHN-005
fn packets(
    probe: &Probe,
    log: &Log,
    names: &BTreeMap<u8, MemberId>,
    last: u32,
    report: &mut Report,
) {
    let me = &probe.member;
    let mut seen = BTreeSet::new();
    let (mut intact, mut honest) = (true, true);
    for (sender, tag, whole) in log.packets() {
        seen.insert(tag);
        intact &= whole;
        honest &= names.get(&tag.author) == Some(sender);
    }
    once(probe, log, report);
    report.hold(Guarantee::Intact, intact, || format!("{me} received a packet that was altered"));
    report.hold(Guarantee::TrueSender, honest, || {
        format!("{me} was told a wrong sender of a packet")
    });
    let missing =
        |author: u8| (0..=last).filter(|n| !seen.contains(&Tag { author, number: *n })).count();
    let own = missing(probe.author);
    report.hold(Guarantee::OwnEcho, own == 0, || {
        format!("{me} did not get back {own} of {} packets", last.saturating_add(1))
    });
    for author in (0..3).filter(|author| *author != probe.author) {
        let lost = missing(author);
        report.hold(Guarantee::Delivery, lost == 0, || {
            format!("{me} missed {lost} of {} packets of another", last.saturating_add(1))
        });
    }
}

//= docs/spec/protocol.md#CHN-003
fn entering(probe: &Probe, log: &Log, guest: &MemberId, report: &mut Report) {
    let me = &probe.member;
    let enters = |event: &&ChannelEvent| matches!(event, ChannelEvent::Changed { enter, .. } if enter.contains(guest));
    let leaves = |event: &&ChannelEvent| matches!(event, ChannelEvent::Changed { leave, .. } if leave.contains(guest));
    let (enters, leaves) =
        (log.others().filter(enters).count(), log.others().filter(leaves).count());
    report.hold(Guarantee::EnterTold, enters == 1, || {
        format!("{me} was told {enters} times that {guest} entered")
    });
    report.hold(Guarantee::LeaveTold, leaves == 1, || {
        format!("{me} was told {leaves} times that {guest} left")
    });
    let sane = log.others().all(|event| match event {
        ChannelEvent::Changed { enter, leave } => {
            let all = enter.union(leave);
            enter.is_disjoint(leave) && !all.is_empty() && !all.contains(me)
        }
        ChannelEvent::Entered { .. }
        | ChannelEvent::Left
        | ChannelEvent::Packet { .. }
        | ChannelEvent::Identity { .. }
        | _ => true,
    });
    report.hold(Guarantee::EnterTold, sane, || format!("{me} was told a change that is none"));
}

/// Two sequences restricted to what is in both.
fn common(one: &[Item], other: &[Item]) -> (Vec<Item>, Vec<Item>) {
    let in_one: BTreeSet<&Item> = one.iter().collect();
    let in_other: BTreeSet<&Item> = other.iter().collect();
    (
        one.iter().filter(|item| in_other.contains(item)).cloned().collect(),
        other.iter().filter(|item| in_one.contains(item)).cloned().collect(),
    )
}

//= docs/spec/protocol.md#CHN-009
pub(super) fn once(probe: &Probe, log: &Log, report: &mut Report) {
    let repeated = log.repeated();
    report.hold(Guarantee::Once, repeated == 0, || {
        format!("{} received {repeated} packets more than once", probe.member)
    });
}

/// What two members saw of one stay.
//= docs/spec/protocol.md#CHN-009
pub(super) fn compare(one: &[Item], other: &[Item], report: &mut Report) {
    let (one, other) = common(one, other);
    let packets = |items: &[Item]| -> Vec<Item> {
        items.iter().filter(|item| matches!(item, Item::Packet(_))).cloned().collect()
    };
    let agree = packets(&one) == packets(&other);
    report.hold(Guarantee::OneOrder, agree, || {
        "two members saw the same packets in different orders".to_owned()
    });
    if agree {
        report.hold(Guarantee::MembershipInOrder, one == other, || {
            "a change of members came at different places for two members".to_owned()
        });
    }
}

/// The newcomer sees a contiguous part of what the others see, from its entry on.
fn newcomer(log: &Log, guest_log: &Log, guest: &MemberId, report: &mut Report) {
    let items = log.items();
    let entered = items.iter().position(|item| *item == Item::Entered(guest.clone()));
    let Some(entered) = entered else { return };
    let after: Vec<&Item> = items.iter().skip(entered.saturating_add(1)).collect();
    let seen = guest_log.items();
    // What it did not get at all is another guarantee's business.
    let before: BTreeSet<&Item> = items.iter().take(entered).collect();
    let early = seen.iter().filter(|item| before.contains(item)).count();
    report.hold(Guarantee::MembershipInOrder, early == 0, || {
        format!("{guest} saw {early} things from before it entered")
    });
    let until =
        after.iter().rposition(|item| seen.contains(item)).map_or(0, |at| at.saturating_add(1));
    let gaps = after.iter().take(until).filter(|item| !seen.contains(item)).count();
    let own = after
        .iter()
        .take(until)
        .filter(|item| !seen.contains(item) && matches!(item, Item::Packet(tag) if tag.author == 3))
        .count();
    report.hold(Guarantee::MembershipInOrder, gaps == own, || {
        format!("{guest} missed {gaps} things after it entered")
    });
}
