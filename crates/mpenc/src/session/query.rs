//! Questions about the session: none changes anything.

use core::time::Duration;

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use mpenc_liveness::Timing;
use mpenc_types::{
    BodyKind, ChainHash, MemberId, MemberSet, MessageId, PacketId, SubsessionId, Timestamp,
};

use super::subsession::LogContext;
use super::{Change, Fingerprint, Session, SubsessionState};

/// The public state of a session (SES-001).
///
/// | state | may send payloads | accepts messages |
/// | --- | --- | --- |
/// | `Joining` | no | yes |
/// | `JoinFailed` | no | yes |
/// | `Joined` | yes | yes |
/// | `Parting` | no | yes |
/// | `Parted`, `PartFailed` | no | no |
/// | `Error` | no | no |
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SessionState {
    /// Entering, or in the channel without a session with others.
    Joining,
    /// Nobody included us; nothing happens until the next request.
    JoinFailed,
    /// In a session with others.
    Joined,
    /// Leaving, or the last one while the former session shuts down.
    Parting,
    /// Out of the channel; everybody is known to have seen everything.
    Parted,
    /// Out of the channel without that knowledge.
    PartFailed,
    /// A fault of ours, or an author that contradicted itself (TRN-023). Exclude that author, or
    /// part and join again.
    Error,
}

/// A message of the log, as the session knows it now.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message<'a> {
    /// The same for all members.
    pub id: MessageId,
    /// Who wrote it; verified.
    pub author: &'a MemberId,
    /// The subsession it belongs to.
    pub sid: SubsessionId,
    /// Members of that subsession: the author and everybody it was written for. Compare with
    /// [`Session::members`], and tell people where it differs (UIX-002).
    pub members: &'a MemberSet,
    /// The text.
    pub text: &'a str,
    /// The messages the author had seen last, of any kind, as it sent them.
    pub parents: &'a [MessageId],
    /// When this member accepted it, on its own clock.
    pub accepted_at: Timestamp,
    /// When this member learnt that every reader has it.
    pub fully_acked_at: Option<Timestamp>,
    /// Accepted after our own FIN, and written without knowing of it (FIN-008).
    pub after_own_fin: bool,
}

impl Message<'_> {
    /// Everybody it was written for (MOD-008).
    #[must_use]
    pub fn readers(&self) -> MemberSet {
        self.members.without(self.author)
    }
}

/// The operation in progress, as others may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OperationView {
    /// Who proposed it.
    pub initiator: MemberId,
    /// What it changes.
    pub change: Change,
    /// Membership after success. Until then messages go to the former membership, also to those
    /// being excluded (UIX-005).
    pub next_members: MemberSet,
    /// Members whose packets are awaited.
    pub waiting_for: MemberSet,
    /// How long it has been running.
    pub running_for: Duration,
}

impl Session {
    /// The session's label (SES-044).
    #[must_use]
    pub fn session_id(&self) -> &str {
        &self.config.label
    }

    /// The member whose view this is.
    #[must_use]
    pub fn me(&self) -> &MemberId {
        &self.config.owner
    }

    /// The public state.
    #[must_use]
    pub fn state(&self) -> SessionState {
        if self.broken {
            return SessionState::Error;
        }
        if self.join_gave_up && self.current.is_none() {
            return SessionState::JoinFailed;
        }
        if self.channel.is_none() {
            return if self.is_joining() { SessionState::Joining } else { self.state_out };
        }
        match &self.current {
            Some(current) if current.state == SubsessionState::Error => SessionState::Error,
            Some(_) if self.parting => SessionState::Parting,
            Some(_) => SessionState::Joined,
            None if self.leaving() => SessionState::Parting,
            None => SessionState::Joining,
        }
    }

    /// Members of the session now, the owner always included (MOD-002).
    #[must_use]
    pub fn members(&self) -> MemberSet {
        self.session_members()
    }

    /// Who is in the channel, as the channel claims; `None` outside it.
    #[must_use]
    pub fn channel_members(&self) -> Option<&MemberSet> {
        self.channel.as_ref()
    }

    /// Whether the owner is in the channel with nobody to wait for, and may establish a session.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.channel.is_some()
            && self.order.is_synced()
            && self.current.is_none()
            && self.operation.is_none()
            && !self.leaving()
    }

    /// Whether the owner is in the channel and can do nothing but wait for those who were there
    /// before: to be included, or for all of them to leave (ORD-007).
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.channel.is_some() && !self.order.is_synced()
    }

    /// Identifier of the current subsession.
    #[must_use]
    pub fn sid(&self) -> Option<SubsessionId> {
        self.current.as_ref().map(|current| current.sid)
    }

    /// What the members of the current subsession can compare, if the profile has it.
    #[must_use]
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.current.as_ref().and_then(|current| current.fingerprint)
    }

    /// Identifiers of the messages in the log, oldest first; without those that were
    /// [forgotten](Self::log_start).
    pub fn log(&self) -> impl DoubleEndedIterator<Item = MessageId> + '_ {
        self.log.entries().map(|entry| entry.id)
    }

    /// Number of messages in the log, forgotten ones included.
    #[must_use]
    pub fn log_len(&self) -> usize {
        self.log.len()
    }

    /// Place of the oldest message in the log whose text is still here. Texts before it have been
    /// handed over by [`Notice::MessageReady`](super::Notice::MessageReady), and forgotten: see
    /// [`SessionConfig::log_kept`](crate::SessionConfig::log_kept).
    #[must_use]
    pub fn log_start(&self) -> usize {
        self.log.pruned()
    }

    /// The message at a place of the log, from 0; negative counts from the end (TRN-040). None
    /// before [`log_start`](Self::log_start).
    #[must_use]
    pub fn message_at(&self, index: isize) -> Option<Message<'_>> {
        self.message(&self.log.id_at(index)?)
    }

    /// Place of a message in the log; none of a forgotten one.
    #[must_use]
    pub fn index_of(&self, id: &MessageId) -> Option<usize> {
        self.log.index_of(id)
    }

    /// A message of the log; none if it is forgotten.
    #[must_use]
    pub fn message(&self, id: &MessageId) -> Option<Message<'_>> {
        let stored = self.messages.get(id)?;
        stored.logged.then(|| Message {
            id: *id,
            author: &stored.author,
            sid: stored.sid,
            members: &stored.members,
            text: &stored.text,
            parents: &stored.parents,
            accepted_at: stored.accepted_at,
            fully_acked_at: stored.fully_acked_at,
            after_own_fin: stored.after_own_fin,
        })
    }

    /// The messages of the log that a message answers: the latest its author had seen (TRN-035,
    /// TRN-036).
    #[must_use]
    pub fn log_parents(&self, id: &MessageId) -> Option<Vec<MessageId>> {
        self.log.get(id).map(|entry| entry.parents.clone())
    }

    /// The messages of the log that a text sent now would answer.
    #[must_use]
    pub fn next_parents(&self) -> Vec<MessageId> {
        match &self.current {
            Some(current) => {
                self.effective(current, current.transcript.heads()).unwrap_or_default()
            }
            None => self.log.id_at(-1).into_iter().collect(),
        }
    }

    /// Whether it is known what the first messages of the current subsession answer; false while
    /// messages that its first packet names have not arrived (TRN-037).
    #[must_use]
    pub fn context_is_known(&self) -> bool {
        let waits = |sub: &super::Subsession| matches!(sub.context, LogContext::Waiting { .. });
        !self.current.as_ref().is_some_and(waits)
    }

    /// Whether the message belongs to the current subsession, with the members and keys of now.
    #[must_use]
    pub fn is_current(&self, id: &MessageId) -> bool {
        self.current.as_ref().is_some_and(|current| current.transcript.contains(id))
    }

    /// Whether the author of `later` is known to have seen `earlier` when writing; `None` if they
    /// are not messages of one subsession that still exists, or if both are so old that it has been
    /// forgotten.
    #[must_use]
    pub fn is_before(&self, earlier: &MessageId, later: &MessageId) -> Option<bool> {
        let sub = self.subsessions().find(|sub| sub.transcript.contains(later))?;
        let before = sub.transcript.is_ancestor_or_equal(earlier, later).ok()?;
        Some(before && earlier != later)
    }

    /// Readers of whom it is not known that they have the message; `None` if it is not in the
    /// log.
    #[must_use]
    pub fn unacked_by(&self, id: &MessageId) -> Option<MemberSet> {
        let stored = self.messages.get(id).filter(|stored| stored.logged)?;
        if let Some(unacked) = &stored.unacked_at_end {
            return Some(unacked.clone());
        }
        self.subsessions()
            .find(|sub| sub.transcript.contains(id))
            .map(|sub| sub.transcript.unacked_by(id))
            .or_else(|| Some(MemberSet::new()))
    }

    /// Messages of the log of which it is not known that every reader has them, in log order.
    pub fn not_fully_acked(&self) -> impl Iterator<Item = MessageId> + '_ {
        self.log().filter(|id| self.messages.get(id).is_some_and(|m| m.fully_acked_at.is_none()))
    }

    /// Whether everybody is known to have seen every message of this session so far (SES-043).
    #[must_use]
    pub fn is_consistent(&self) -> bool {
        !self.dropped_inconsistent && self.subsessions().all(|sub| sub.transcript.is_consistent())
    }

    /// Whether the initial packet of the last completed operation is known to be its
    /// initiator's (GRT-026); `None` before there was one.
    #[must_use]
    pub fn metadata_authenticated(&self) -> Option<bool> {
        self.metadata_authenticated
    }

    /// The intervals in which packets and acknowledgements are expected now: the configured ones,
    /// or with a latency as observed (LIV-034).
    #[must_use]
    pub fn timing_in_force(&self) -> Timing {
        self.pace()
    }

    /// The operation in progress.
    #[must_use]
    pub fn operation(&self) -> Option<OperationView> {
        let running = self.operation.as_ref()?;
        // A bystander may have no part in the greeting at all, and waits for its end all the same.
        let waiting_for = self.greeter.running().map(|view| view.waiting_for);
        Some(OperationView {
            initiator: running.initiator.clone(),
            change: running.change.clone(),
            next_members: running.next_members.clone(),
            waiting_for: waiting_for.unwrap_or_default(),
            running_for: self.now.since(running.since),
        })
    }

    /// Members that left the channel, or said that they are leaving, and are to be excluded.
    #[must_use]
    pub fn leaving_members(&self) -> &MemberSet {
        &self.task_exclude
    }

    /// Former members that are still in the channel.
    #[must_use]
    pub fn lingering_members(&self) -> &MemberSet {
        &self.task_leave
    }

    /// Those in the channel that are not in the session, and could be included.
    #[must_use]
    pub fn candidates(&self) -> MemberSet {
        let Some(channel) = &self.channel else { return MemberSet::new() };
        channel.difference(&self.session_members()).difference(&self.task_leave)
    }

    /// Number of verified messages that wait for their ancestors (UIX-007).
    #[must_use]
    pub fn deferred(&self) -> usize {
        self.subsessions().map(|sub| sub.deferral.len()).sum()
    }

    /// Number of packets that no key fits so far.
    #[must_use]
    pub fn undecrypted(&self) -> usize {
        self.trial.len()
    }

    /// States of the subsessions that still exist: the current one first, then previous ones
    /// from the newest.
    pub fn subsession_states(&self) -> impl Iterator<Item = (SubsessionId, SubsessionState)> + '_ {
        self.subsessions().map(|sub| (sub.sid, sub.state))
    }

    /// The last accepted final packet and the chain hash up to it, as this member has them.
    #[must_use]
    pub fn order(&self) -> Option<(PacketId, ChainHash)> {
        self.order.prev_final().zip(self.order.chain_hash())
    }

    /// Latest messages of the current subsession, of any kind, most recently accepted first.
    #[must_use]
    pub fn heads(&self) -> &[MessageId] {
        self.current.as_ref().map(|current| current.transcript.heads()).unwrap_or_default()
    }

    /// What a message of the current or a closing subsession is for, also of those that are
    /// never shown; none once it is so old that it has been forgotten.
    #[must_use]
    pub fn kind(&self, id: &MessageId) -> Option<BodyKind> {
        self.subsessions().find_map(|sub| sub.transcript.kind(id).ok())
    }

    /// Identifiers of the warnings about messages that are in force (UIX-015).
    #[must_use]
    pub fn overdue(&self) -> BTreeSet<MessageId> {
        let stored = |id: &MessageId| self.messages.get(id).is_some_and(|stored| stored.logged);
        let current = self.subsessions().flat_map(|sub| sub.acks.warned()).filter(stored);
        let for_good = self.messages.iter().filter(|(_, stored)| stored.unacked_at_end.is_some());
        current.chain(for_good.map(|(id, _)| *id)).collect()
    }

    /// What proves to others that an author has written two messages for one place, for each
    /// [`Notice::AuthorFork`](super::Notice::AuthorFork) of which such a proof was to be had: in v2
    /// sessions, until the first of the two was fully acked. At most 16, the oldest ones.
    //= docs/spec/v2.md#V2-025
    pub fn fork_evidence(&self) -> impl ExactSizeIterator<Item = &crate::ForkEvidence> {
        self.evidence.iter()
    }

    pub(super) fn subsessions(&self) -> impl Iterator<Item = &super::Subsession> {
        self.current.iter().chain(self.previous.iter())
    }
}
