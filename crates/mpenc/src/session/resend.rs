//! Packets that are sent again, because somebody has not said to have them, or has not heard that
//! we have (section 8.4).

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use mpenc_liveness::PacketCache;
use mpenc_transcript::Transcript;
use mpenc_types::{BodyKind, MemberId, MessageId, guard};

use super::Session;
use super::message::Which;

/// The explicit ack of ours that was our first to acknowledge a message of somebody else; `None`
/// if nobody needs to be told again, or something that is watched tells it (LIV-018).
//= docs/spec/protocol.md#LIV-018
pub(super) fn explicit_answer(
    transcript: &Transcript,
    owner: &MemberId,
    id: &MessageId,
) -> Option<MessageId> {
    let message = transcript.get(id).ok()?;
    if message.author() == owner || message.kind().is_explicit_ack() {
        return None;
    }
    let ack = transcript.first_after(owner, id).ok()??;
    transcript.kind(&ack).is_ok_and(BodyKind::is_explicit_ack).then_some(ack)
}

/// Whether we can send a message again: we have its packet, and others could read it if it comes
/// from us, not from its author; in v1 they cannot.
//= docs/spec/protocol.md#LIV-022
pub(super) fn is_sendable(
    transcript: &Transcript,
    packets: &PacketCache,
    author: Option<&MemberId>,
    id: &MessageId,
) -> bool {
    let readable = author.is_none() || transcript.author(id) == author;
    readable && packets.get(id).is_some()
}

impl Session {
    /// Whether packets may be sent again at all: the original's timing knows nothing of it.
    pub(super) fn resends(&self) -> bool {
        self.timing().resend().is_some()
    }

    /// Keeps the packet of a message, in case somebody misses it.
    //= docs/spec/protocol.md#LIV-020
    //= docs/spec/protocol.md#LIV-021
    pub(super) fn keep_packet(
        &mut self,
        which: Which,
        id: MessageId,
        author: &MemberId,
        packet: &[u8],
    ) {
        let own = author == self.owner();
        if self.resends()
            && let Some(sub) = self.subsession_mut(which)
        {
            sub.packets.insert(id, author, own, packet.to_vec());
        }
    }

    pub(super) fn drop_packet(&mut self, which: Which, id: &MessageId) {
        if let Some(sub) = self.subsession_mut(which) {
            sub.packets.remove(id);
        }
    }

    /// The message of which this is a copy, if we have it or have refused it.
    pub(super) fn known_copy(&self, packet: &[u8]) -> Option<(Which, MessageId)> {
        self.all_subsessions().into_iter().find_map(|which| {
            let sub = self.subsession(which)?;
            let id = sub.security.peek_id(packet)?;
            sub.knows(&id).then_some((which, id))
        })
    }

    /// A copy came of something that we know.
    //= docs/spec/protocol.md#LIV-018
    pub(super) fn copy_seen(&mut self, which: Which, sender: &MemberId, id: &MessageId) {
        let (now, own) = (self.now, *sender == *self.owner());
        let owner = self.owner().clone();
        let Some(sub) = self.subsession_mut(which).filter(|sub| sub.is_open()) else { return };
        let first = sub
            .acks
            .times(id)
            .filter(|times| own && !times.repeated && sub.transcript.author(id) == Some(&owner));
        if let Some(times) = first {
            self.latency_echo(now.since(times.accepted_at));
            return;
        }
        sub.acks.on_copy(now, *id);
        sub.repair.on_copy(id);
        if own || self.is_answer(which, id) {
            return;
        }
        let Some(sub) = self.subsession_mut(which) else { return };
        let unread = sub
            .transcript
            .get(id)
            .is_ok_and(|message| *message.author() != owner && message.kind().is_monitored());
        if unread && !sub.transcript.acked_by(&owner, id) {
            sub.acks.hasten(now);
            return;
        }
        if let Some(ack) = explicit_answer(&sub.transcript, &owner, id)
            && guard!("duplicate-answered")
            && sub.acks.may_answer(now, &ack)
        {
            self.send_again(which, &[ack]);
        }
    }

    /// Sends a message again that nobody may have, and the explicit acks before it that nobody
    /// else repeats.
    //= docs/spec/protocol.md#LIV-015
    //= docs/spec/protocol.md#LIV-016
    pub(super) fn resend(&mut self, which: Which, id: &MessageId) {
        let now = self.now;
        let Some(sub) = self.subsession(which) else { return };
        let unacked_by = sub.transcript.unacked_by(id);
        let mut ids = explicit_acks_before(&sub.transcript, id);
        ids.push(*id);
        //= docs/spec/protocol.md#LIV-023
        if self.nobody_there(&unacked_by)
            && let Some(sub) = self.subsession_mut(which)
        {
            // Who comes back answers the first ones; the others would only pile up until then.
            if !sub.transcript.unacked().take(RESENT_TO_NOBODY).any(|first| first == *id) {
                sub.acks.park(id);
                return;
            }
            sub.acks.slow_down(now, id);
        }
        self.send_again(which, &ids);
    }

    /// Sends these packets as they were.
    //= docs/spec/protocol.md#LIV-020
    pub(super) fn send_again(&mut self, which: Which, ids: &[MessageId]) {
        let now = self.now;
        let everybody = self.subsession(which).map(|sub| sub.readers(self.owner()));
        for id in ids {
            let Some(sub) = self.subsession_mut(which) else { return };
            let Some(packet) = sub.packets.get(id).map(<[u8]>::to_vec) else { continue };
            sub.acks.on_resent(now, *id);
            sub.repair.on_copy(id);
            self.broadcast(everybody.clone().unwrap_or_default(), packet);
        }
    }
}

/// The explicit acks that precede a message through explicit acks only, in the order of their
/// acceptance: nothing that is watched has them in its past, so nobody repeats them.
//= docs/spec/protocol.md#LIV-019
fn explicit_acks_before(transcript: &Transcript, id: &MessageId) -> Vec<MessageId> {
    let is_ack = |id: &MessageId| transcript.kind(id).is_ok_and(BodyKind::is_explicit_ack);
    let mut found: BTreeMap<MessageId, ()> = BTreeMap::new();
    let mut next = transcript.parents(id).unwrap_or_default();
    while let Some(parent) = next.pop() {
        if is_ack(&parent)
            && found.len() < MAX_ACKS_WITH_RESEND
            && found.insert(parent, ()).is_none()
        {
            next.extend(transcript.parents(&parent).unwrap_or_default());
        }
    }
    // Ancestors first: whoever misses several can accept them as they come.
    let mut found: Vec<MessageId> = found.into_keys().collect();
    found.sort_unstable();
    let mut ordered: Vec<MessageId> = Vec::with_capacity(found.len());
    while let Some(at) = found.iter().position(|id| {
        let before = |other: &MessageId| {
            other != id && transcript.is_ancestor_or_equal(other, id) == Ok(true)
        };
        !found.iter().any(before)
    }) {
        ordered.push(found.swap_remove(at));
    }
    ordered
}

/// Messages that are sent again to those of whom nothing shows that they are there.
const RESENT_TO_NOBODY: usize = 4;

/// Explicit acks that are sent again with one message.
const MAX_ACKS_WITH_RESEND: usize = 64;
