//! A connection that breaks while both sides talk.

use core::time::Duration;

use mpenc::channel::ChannelEvent;

use super::Stage;
use super::conversation::{compare, once};
use super::trouble::judge_gap;
use crate::Transport;
use crate::packet::Tag;
use crate::probe::{Item, Log, Probe, Seen};
use crate::report::{Guarantee, Report, Verdict};

/// What cannot be said if no connection can break because there is none.
pub(super) const LOOKS_AT: &[Guarantee] =
    &[Guarantee::Once, Guarantee::OneOrder, Guarantee::HonestReconnect];

/// Bob's connection breaks a few times. Each time it is restored with nothing lost, repeated or
/// in another order, or he is told that he has left, and can come back.
//= docs/spec/protocol.md#CHN-011
pub(super) async fn run<T: Transport>(
    stage: &mut Stage<'_, T>,
    report: &mut Report,
) -> Result<(), String> {
    let patience = stage.patience();
    let (_, [alice, bob]) = stage.company().await?;
    let some = stage.kit.packets.div_ceil(2 * ROUNDS);
    let mut next = 0;
    for round in 0..ROUNDS {
        both_send(&alice, &bob, &mut next, some, SMALL).await;
        // In the middle of something large, each time a little later.
        both_send(&alice, &bob, &mut next, BURST, LARGE).await;
        tokio::time::sleep(PAUSE.saturating_mul(round)).await;
        if !bob.interrupt() {
            let why = "the transport offers no way to break a connection".to_owned();
            report.note(Guarantee::HonestReconnect, Verdict::NotOffered(why));
            return Ok(());
        }
        both_send(&alice, &bob, &mut next, some, SMALL).await;
        // What was repeated or late comes before the echo of this.
        let last = next;
        both_send(&alice, &bob, &mut next, 1, SMALL).await;
        if !settled(&alice, &bob, last, patience).await {
            break;
        }
    }
    judge(&alice, &bob, next, report);
    if bob.log().left() > 0 && bob.log().ended.is_none() {
        come_back(&alice, &bob, next, patience, report).await;
    }
    Ok(())
}

/// Number of times that the connection breaks.
const ROUNDS: u32 = 4;

/// Between small packets, and the unit of when the connection breaks.
const PAUSE: Duration = Duration::from_millis(2);

/// Packets sent at once before it breaks: more than a socket takes in one go.
const BURST: u32 = 12;

/// Bytes of packets.
const SMALL: usize = 50;
const LARGE: usize = 30_000;

/// Both send so many packets, small ones one after the other.
async fn both_send(alice: &Probe, bob: &Probe, next: &mut u32, count: u32, len: usize) {
    for _ in 0..count {
        alice.send(*next, len);
        bob.send(*next, len);
        *next = next.saturating_add(1);
        if len == SMALL {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Waits until both have seen both packets of that number. False if they will not, for bob is
/// out or something was lost.
async fn settled(alice: &Probe, bob: &Probe, number: u32, patience: Duration) -> bool {
    let last = [alice.tag(number), bob.tag(number)];
    let complete = |log: &Log| last.iter().all(|tag| log.has_packet(*tag));
    bob.until(patience, |log| complete(log) || log.stay_is_over()).await;
    if bob.log().stay_is_over() {
        alice.until(patience, |log| log.has_packet(alice.tag(number))).await;
        return false;
    }
    alice.until(patience, complete).await && complete(&bob.log())
}

/// Both have sent everything below `next`.
fn judge(alice: &Probe, bob: &Probe, next: u32, report: &mut Report) {
    let (near, far) = (alice.log(), bob.log());
    judge_gap(bob, &near, Guarantee::HonestReconnect, report);
    if !far.stay_is_over() {
        let lost = (0..next).filter(|number| !near.has_packet(bob.tag(*number))).count();
        report.hold(Guarantee::HonestReconnect, lost == 0, || {
            format!("{lost} packets of {} were lost and it was not told", bob.member)
        });
    }
    for (probe, log) in [(alice, &near), (bob, &far)] {
        once(probe, log, report);
    }
    for stay in far.stays() {
        compare(&near.items(), &stay, report);
    }
}

/// Bob has left by a broken connection, and enters again.
async fn come_back(
    alice: &Probe,
    bob: &Probe,
    mut next: u32,
    patience: Duration,
    report: &mut Report,
) {
    let back = bob.enter(patience).await;
    report.hold(Guarantee::HonestReconnect, back, || "it could not enter again".to_owned());
    let packets = [alice.tag(next), bob.tag(next)];
    both_send(alice, bob, &mut next, 1, SMALL).await;
    let complete = |log: &Log| packets.iter().all(|tag| log.has_packet(*tag));
    let heard = bob.until(patience, complete).await && alice.until(patience, complete).await;
    report.hold(Guarantee::HonestReconnect, heard, || {
        "packets did not arrive after it had entered again".to_owned()
    });
    let (near, far) = (alice.log(), bob.log());
    for (probe, log) in [(alice, &near), (bob, &far)] {
        once(probe, log, report);
    }
    //= docs/spec/protocol.md#CHN-009
    let early = packets_before_entry(&near, bob);
    let stay = far.items();
    let seen = early.iter().filter(|tag| stay.contains(&Item::Packet(**tag))).count();
    report.hold(Guarantee::MembershipInOrder, seen == 0, || {
        format!("{} saw {seen} packets from before it entered again", bob.member)
    });
}

/// Packets that came before somebody's last entry.
fn packets_before_entry(log: &Log, probe: &Probe) -> Vec<Tag> {
    let entry = log.events.iter().rposition(|seen| {
        matches!(
            seen,
            Seen::Other(ChannelEvent::Changed { enter, .. }) if enter.contains(&probe.member)
        )
    });
    let before = log.events.iter().take(entry.unwrap_or(0));
    let tags = before.filter_map(|seen| match seen {
        Seen::Packet { read, .. } => read.map(|(tag, _)| tag),
        Seen::Other(_) => None,
    });
    tags.collect()
}
