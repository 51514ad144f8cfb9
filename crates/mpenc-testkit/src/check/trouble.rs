//! Bad days: clients that vanish, readers that do not read, and more than queues hold.

use super::Stage;
use super::conversation::{compare, once};
use crate::Transport;
use crate::packet::Tag;
use crate::probe::{Item, Log, Probe};
use crate::report::{Guarantee, Report, Verdict};

/// What cannot be said if nobody can vanish.
pub(super) const VANISHING_LOOKS_AT: &[Guarantee] = &[Guarantee::DropTold];

/// Somebody is gone without a word.
pub(super) async fn vanish<T: Transport>(
    stage: &mut Stage<'_, T>,
    report: &mut Report,
) -> Result<(), String> {
    let (_, [alice, bob]) = stage.company().await?;
    let name = bob.member.clone();
    // Kept until the end: what a client that is dropped would say must not count.
    let _bob = bob.vanish();
    let told = alice.until(stage.patience(), |log| log.has_left(&name)).await;
    report.hold(Guarantee::DropTold, told, || {
        format!("others were not told within {:?}", stage.patience())
    });
    Ok(())
}

/// Nothing is missing, or the client was told that something may be.
//= docs/spec/protocol.md#CHN-011
pub(super) fn judge_gap(probe: &Probe, other: &Log, guarantee: Guarantee, report: &mut Report) {
    let log = probe.log();
    if log.stay_is_over() {
        return report.note(guarantee, Verdict::Given);
    }
    let items = other.items();
    let is_missing = |item: &&Item| matches!(item, Item::Packet(tag) if !log.has_packet(*tag));
    let missing = items.iter().filter(is_missing).count();
    report.hold(guarantee, missing == 0, || {
        format!("{} missed {missing} packets and was not told", probe.member)
    });
}

/// What also holds when there is much to do: nothing comes twice or in another order.
fn judge_order(one: (&Probe, &Log), other: (&Probe, &Log), report: &mut Report) {
    for (probe, log) in [one, other] {
        once(probe, log, report);
    }
    compare(&one.1.items(), &other.1.items(), report);
}

/// What cannot be said if nobody can be slow.
pub(super) const SLOW_READER_LOOKS_AT: &[Guarantee] = &[Guarantee::SlowReader];

/// Somebody does not listen while others talk much.
pub(super) async fn slow_reader<T: Transport>(
    stage: &mut Stage<'_, T>,
    report: &mut Report,
) -> Result<(), String> {
    let patience = stage.patience();
    let (_, [alice, bob]) = stage.company().await?;
    bob.listen(false);
    let last = pour(&alice, stage.kit.flood_bytes);
    alice.until(patience, |log| log.has_packet(last) || log.stay_is_over()).await;
    bob.listen(true);
    bob.until(patience, |log| log.has_packet(last) || log.stay_is_over()).await;
    let sent = alice.log();
    judge_gap(&bob, &sent, Guarantee::SlowReader, report);
    judge_order((&alice, &sent), (&bob, &bob.log()), report);
    Ok(())
}

/// Sends that many bytes at once; returns the last packet.
fn pour(probe: &Probe, bytes: usize) -> Tag {
    const LEN: usize = 8 << 10;
    let mut number = 0;
    let mut poured: usize = 0;
    while poured < bytes {
        probe.send(number, LEN);
        number = number.saturating_add(1);
        poured = poured.saturating_add(LEN);
    }
    probe.send(number, 50);
    probe.tag(number)
}

/// What cannot be said if nobody can send much.
pub(super) const FLOOD_LOOKS_AT: &[Guarantee] = &[Guarantee::Flood];

/// Much at once.
pub(super) async fn flood<T: Transport>(
    stage: &mut Stage<'_, T>,
    report: &mut Report,
) -> Result<(), String> {
    let patience = stage.patience();
    let (_, [alice, bob]) = stage.company().await?;
    let last = pour(&alice, stage.kit.flood_bytes);
    let done = |log: &Log| log.has_packet(last) || log.stay_is_over();
    alice.until(patience, done).await;
    bob.until(patience, done).await;
    let (sent, received) = (alice.log(), bob.log());
    let (there, all) = (received.different(), last.number.saturating_add(1));
    let complete = usize::try_from(all) == Ok(there);
    let told = sent.left() > 0 || received.left() > 0 || sent.ended.is_some();
    report.hold(Guarantee::Flood, complete || told, || {
        format!("{there} of {all} packets arrived in time")
    });
    judge_order((&alice, &sent), (&bob, &received), report);
    Ok(())
}
