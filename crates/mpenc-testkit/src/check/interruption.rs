//! A connection that breaks while both sides talk.

use core::time::Duration;

use mpenc::channel::ChannelEvent;

use super::Stage;
use super::conversation::{compare, once};
use super::trouble::judge_gap;
use crate::Transport;
use crate::packet::Tag;
use crate::probe::{Log, Probe, Seen};
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
    let count = stage.kit.packets.div_ceil(ROUNDS);
    let mut next = 0;
    for _ in 0..ROUNDS {
        let end = next_after(next, count);
        for number in next..end {
            both_send(&alice, &bob, number);
            // In the middle of it, with packets of both under way.
            if number == next_after(next, count / 2) && !bob.interrupt() {
                let why = "the transport offers no way to break a connection".to_owned();
                report.note(Guarantee::HonestReconnect, Verdict::NotOffered(why));
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        // What was repeated or late comes before the echo of this.
        both_send(&alice, &bob, end);
        next = next_after(end, 1);
        if !settled(&alice, &bob, end, patience).await {
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
const ROUNDS: u32 = 3;

const PAUSE: Duration = Duration::from_millis(2);

fn next_after(number: u32, count: u32) -> u32 {
    number.saturating_add(count)
}

fn both_send(alice: &Probe, bob: &Probe, number: u32) {
    alice.send(number, 50);
    bob.send(number, 60);
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
    number: u32,
    patience: Duration,
    report: &mut Report,
) {
    let back = bob.enter(patience).await;
    report.hold(Guarantee::HonestReconnect, back, || "it could not enter again".to_owned());
    both_send(alice, bob, number);
    let packets = [alice.tag(number), bob.tag(number)];
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
    let seen = early.iter().filter(|tag| stay.contains(&crate::probe::Item::Packet(**tag))).count();
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
