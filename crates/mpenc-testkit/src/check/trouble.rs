//! Bad days: clients that vanish, connections that break, readers that do not read.

use alloc::collections::BTreeSet;
use core::time::Duration;

use mpenc::channel::ChannelEvent;

use super::Stage;
use crate::Transport;
use crate::packet::Tag;
use crate::probe::{Item, Log, Probe};
use crate::report::{Guarantee, Report, Verdict};

/// Somebody is gone without a word.
pub(super) async fn vanish<T: Transport>(
    stage: &mut Stage<'_, T>,
    report: &mut Report,
) -> Result<(), String> {
    let (_, [alice, bob]) = stage.company().await?;
    let name = bob.member.clone();
    drop(bob);
    let told =
        alice.until(stage.patience(), |log| log.items().contains(&Item::Left(name.clone()))).await;
    report.hold(Guarantee::DropTold, told, || {
        format!("others were not told within {:?}", stage.patience())
    });
    Ok(())
}

/// A connection breaks while others talk.
//= docs/spec/protocol.md#CHN-011
pub(super) async fn interrupt<T: Transport>(
    stage: &mut Stage<'_, T>,
    report: &mut Report,
) -> Result<(), String> {
    let patience = stage.patience();
    let (_, [alice, bob]) = stage.company().await?;
    let count = stage.kit.packets;
    for number in 0..count {
        alice.send(number, 50);
        if number == count / 2 && !bob.interrupt() {
            let why = "the kit has no way to break a connection".to_owned();
            report.note(Guarantee::HonestReconnect, Verdict::Unknown(why));
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
    let last = alice.tag(count.saturating_sub(1));
    let settled = |log: &Log| log.has_packet(last) || log.stay_is_over();
    bob.until(patience, settled).await;
    judge_gap(&bob, &alice.log(), Guarantee::HonestReconnect, report);
    if bob.log().left() > 0 && bob.log().ended.is_none() {
        let back = bob.enter(patience).await;
        report.hold(Guarantee::HonestReconnect, back, || "it could not enter again".to_owned());
        alice.send(count, 50);
        let heard = bob.until(patience, |log| log.has_packet(alice.tag(count))).await;
        report.hold(Guarantee::HonestReconnect, heard, || {
            "nothing arrived after it had entered again".to_owned()
        });
    }
    Ok(())
}

const PAUSE: Duration = Duration::from_millis(2);

/// Nothing is missing, or the client was told that something may be.
fn judge_gap(probe: &Probe, other: &Log, guarantee: Guarantee, report: &mut Report) {
    let log = probe.log();
    if log.stay_is_over() {
        return report.note(guarantee, Verdict::Given);
    }
    let items = log.items();
    let all: Vec<Item> = other.items();
    let packets = all.iter().filter(|item| matches!(item, Item::Packet(_)));
    let missing = packets.filter(|item| !items.contains(item)).count();
    report.hold(guarantee, missing == 0, || {
        format!("{} missed {missing} packets and was not told", probe.member)
    });
}

/// Somebody does not listen while others talk much.
pub(super) async fn slow_reader<T: Transport>(
    stage: &mut Stage<'_, T>,
    report: &mut Report,
) -> Result<(), String> {
    let patience = stage.patience();
    let (_, [alice, bob]) = stage.company().await?;
    bob.listen(false);
    let last = pour(&alice, stage.kit.flood_bytes);
    alice.until(patience, |log| log.has_packet(last) || log.ended.is_some()).await;
    bob.listen(true);
    bob.until(patience, |log| log.has_packet(last) || log.stay_is_over()).await;
    judge_gap(&bob, &alice.log(), Guarantee::SlowReader, report);
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
    let told = |log: &Log| log.has(|event| matches!(event, ChannelEvent::Left));
    let there: BTreeSet<Tag> = received.packets().map(|(_, tag, _)| tag).collect();
    let (there, all) = (there.len(), last.number.saturating_add(1));
    let complete = usize::try_from(all) == Ok(there);
    let honest = complete || told(&sent) || told(&received) || sent.ended.is_some();
    report.hold(Guarantee::Flood, honest, || format!("{there} of {all} packets arrived in time"));
    Ok(())
}
