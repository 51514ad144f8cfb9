//! What is asked of the channel, and the size of packets.

use mpenc::MemberSet;
use mpenc::channel::{ChannelEvent, ChannelRequest, Completion};
use mpenc::limits::MAX_PACKET_LEN;

use super::Stage;
use crate::Transport;
use crate::packet;
use crate::probe::{Log, Probe};
use crate::report::{Guarantee, Report, Verdict};

/// What cannot be said if nobody can be removed because the company does not come about.
pub(super) const LOOKS_AT: &[Guarantee] =
    &[Guarantee::EntrySnapshot, Guarantee::LeaveTold, Guarantee::Kick, Guarantee::Completion];

/// One member removes another, who comes back.
pub(super) async fn run<T: Transport>(
    stage: &mut Stage<'_, T>,
    report: &mut Report,
) -> Result<(), String> {
    let patience = stage.patience();
    let (_, [alice, bob, carol]) = stage.company().await?;
    let leave = MemberSet::of(&carol.member);
    let wish = ChannelRequest::Change { enter: MemberSet::new(), leave: leave.clone() };
    // A request about somebody whose entry has not arrived may have no effect.
    let is_there = |log: &Log| log.members().is_some_and(|all| leave.is_subset(&all));
    alice.until(patience, is_there).await;
    let before = alice.log().others().count();
    alice.remove(&carol.member);

    //= docs/spec/protocol.md#CHN-006
    let gone = carol.until(patience, |log| log.left() == 1).await;
    let is_told = |log: &Log| {
        log.others().any(
            |event| matches!(event, ChannelEvent::Changed { leave: gone, .. } if *gone == leave),
        )
    };
    let told = alice.until(patience, is_told).await && bob.until(patience, is_told).await;
    report.hold(Guarantee::Kick, gone, || {
        format!("{} asked for the removal of {}, who stays", alice.member, carol.member)
    });
    if gone {
        report.hold(Guarantee::LeaveTold, told, || {
            format!("others were not told that {} was removed", carol.member)
        });
    }

    //= docs/spec/protocol.md#CHN-008
    let mut completion = Completion::new(&wish);
    let mut observe = |event| completion.as_mut().and_then(|it| it.observe(event));
    let end = alice.log().others().skip(before).find_map(&mut observe);
    match (gone, end) {
        (true, end) => report.hold(Guarantee::Completion, end == Some(Ok(())), || {
            "a removal that was carried out could not be told from the events".to_owned()
        }),
        (false, _) => {
            report.note(Guarantee::Completion, Verdict::NotSeen("nobody was removed".to_owned()));
        }
    }
    if gone {
        let back = carol.enter(patience).await;
        report.hold(Guarantee::EntrySnapshot, back, || {
            format!("{} could not enter again", carol.member)
        });
    }
    Ok(())
}

/// What cannot be said if large packets cannot be tried.
pub(super) const SIZES_LOOK_AT: &[Guarantee] =
    &[Guarantee::Intact, Guarantee::LargePackets, Guarantee::OversizeDropped];

/// The largest packet, and one that is larger.
//= docs/spec/protocol.md#CHN-014
pub(super) async fn sizes<T: Transport>(
    stage: &mut Stage<'_, T>,
    report: &mut Report,
) -> Result<(), String> {
    let patience = stage.patience();
    let (_, [alice, bob]) = stage.company().await?;
    let sizes = [1000, 50_000, MAX_PACKET_LEN];
    for (number, len) in (0..).zip(sizes) {
        alice.send(number, len);
    }
    for (number, len) in (0..).zip(sizes) {
        let tag = alice.tag(number);
        let arrived = bob.until(patience, |log| log.has_packet(tag)).await;
        report.hold(Guarantee::LargePackets, arrived, || format!("{len} bytes did not arrive"));
    }
    let whole = bob.log().packets().all(|(_, _, whole)| whole);
    report.hold(Guarantee::Intact, whole, || "a large packet was altered".to_owned());

    let bytes = packet::make(alice.tag(100), MAX_PACKET_LEN.saturating_add(1));
    alice.request(ChannelRequest::Send { recipients: MemberSet::new(), bytes });
    alice.send(101, 100);
    let after = alice.tag(101);
    let goes_on = bob.until(patience, |log| log.has_packet(after)).await;
    let passed = bob.log().has_packet(alice.tag(100));
    let stays = |probe: &Probe| !probe.log().stay_is_over();
    let harmless = goes_on && !passed && stays(&alice) && stays(&bob);
    report.hold(Guarantee::OversizeDropped, harmless, || {
        if passed {
            "a packet over the limit was passed on".to_owned()
        } else {
            "a packet over the limit stopped what came after it".to_owned()
        }
    });
    Ok(())
}
