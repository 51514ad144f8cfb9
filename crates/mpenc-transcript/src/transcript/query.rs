//! What a transcript can be asked (TRN-029). Nothing here changes it.

use alloc::vec::Vec;
use core::fmt;

use mpenc_types::{BodyKind, MemberId, MemberSet, MessageId};

use super::past::Place;
use super::{Message, Record, Transcript, to_u32, to_usize};

/// Why a question about a message has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRecord {
    /// It has not been accepted.
    Unknown,
    /// It has been accepted and fully acknowledged, and what is asked for has been dropped since
    /// ([`Transcript::prune`]).
    Pruned,
}

impl fmt::Display for NoRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "message has not been accepted",
            Self::Pruned => "message is fully acknowledged and has been pruned (TRN-042)",
        })
    }
}

impl core::error::Error for NoRecord {}

/// Why the payloads at or before some messages cannot be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoContext {
    /// These messages have not been accepted (TRN-037); in the order given.
    Missing(Vec<MessageId>),
    /// All are accepted, but these have been pruned.
    Pruned(Vec<MessageId>),
}

impl fmt::Display for NoContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(ids) => write!(f, "{} messages have not been accepted", ids.len()),
            Self::Pruned(ids) => write!(f, "{} messages have been pruned", ids.len()),
        }
    }
}

impl core::error::Error for NoContext {}

//= docs/spec/protocol.md#TRN-029
//= docs/spec/protocol.md#TRN-043
impl Transcript {
    /// The members of the subsession.
    #[must_use]
    pub fn members(&self) -> &MemberSet {
        &self.members
    }

    /// Number of accepted messages, pruned ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        to_usize(self.next_slot())
    }

    /// Whether no message has been accepted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.next_slot() == 0
    }

    /// How many of the accepted messages are pruned: the first ones.
    #[must_use]
    pub fn pruned(&self) -> usize {
        to_usize(self.base)
    }

    /// Whether the message has been accepted, pruned or not.
    #[must_use]
    pub fn contains(&self, id: &MessageId) -> bool {
        self.slot_of(id).is_some()
    }

    /// Whether the message has been accepted and is pruned.
    #[must_use]
    pub fn is_pruned(&self, id: &MessageId) -> bool {
        self.live_slot(id).is_none() && self.past.slot_of(id).is_some()
    }

    /// An accepted message.
    ///
    /// # Errors
    ///
    /// [`NoRecord`], here and below.
    pub fn get(&self, id: &MessageId) -> Result<Message<'_>, NoRecord> {
        let record = self.find(id)?;
        self.view(record).ok_or(NoRecord::Unknown)
    }

    /// All messages that are not pruned, in the order of acceptance, which is a topological order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Message<'_>> {
        self.records.iter().filter_map(|record| self.view(record))
    }

    /// Who wrote the message, pruned or not.
    #[must_use]
    pub fn author(&self, id: &MessageId) -> Option<&MemberId> {
        Some(&self.lane(self.place(id)?.author)?.member)
    }

    /// The message's parents, in the order in which it names them.
    ///
    /// # Errors
    ///
    /// [`NoRecord`].
    pub fn parents(&self, id: &MessageId) -> Result<Vec<MessageId>, NoRecord> {
        Ok(self.get(id)?.parents().collect())
    }

    /// The messages that name this one as parent, in the order of acceptance. `O(n·log)`.
    ///
    /// A member can do so only in its first message after it.
    ///
    /// # Errors
    ///
    /// [`NoRecord`].
    pub fn children(&self, id: &MessageId) -> Result<Vec<MessageId>, NoRecord> {
        let record = self.find(id)?;
        let Some(slot) = self.live_slot(id) else { return Err(NoRecord::Unknown) };
        let mut children: Vec<u32> = (0..self.lanes.len())
            .filter_map(|lane| self.first_slot_after(lane, record))
            .filter(|child| {
                self.record(*child).is_some_and(|r| self.parent_slots(r).any(|of| of == slot))
            })
            .collect();
        children.sort_unstable();
        Ok(self.ids(&children).collect())
    }

    /// What the message is for.
    ///
    /// # Errors
    ///
    /// [`NoRecord`].
    pub fn kind(&self, id: &MessageId) -> Result<BodyKind, NoRecord> {
        Ok(self.find(id)?.kind)
    }

    /// Whether the message has content that is shown: an accepted payload, unless its author's
    /// FIN precedes it (TRN-010).
    ///
    /// # Errors
    ///
    /// [`NoRecord`].
    pub fn has_content(&self, id: &MessageId) -> Result<bool, NoRecord> {
        Ok(self.find(id)?.content)
    }

    /// Position among its author's messages, from 1; of pruned ones too.
    #[must_use]
    pub fn seq(&self, id: &MessageId) -> Option<u64> {
        Some(u64::from(self.place(id)?.seq))
    }

    /// The maximal messages, most recently accepted first: exactly the parents of an own message
    /// written now, in their order (TRN-004).
    #[must_use]
    pub fn heads(&self) -> &[MessageId] {
        &self.heads
    }

    /// The messages without parents, pruned or not, in the order of acceptance.
    #[must_use]
    pub fn minimal(&self) -> Vec<MessageId> {
        self.ids(&self.minimal).collect()
    }

    /// The member's messages that are not pruned, in its own order. How many it has written is
    /// [`seen`](Self::seen) of it by itself.
    pub fn by(&self, member: &MemberId) -> impl DoubleEndedIterator<Item = MessageId> + '_ {
        let lane = self.lane_of(member).and_then(|lane| self.lanes.get(lane));
        let slots = lane.into_iter().flat_map(|lane| &lane.by);
        slots.filter_map(|slot| self.id_at(*slot))
    }

    /// The member's message at a position, from 1.
    ///
    /// # Errors
    ///
    /// [`NoRecord`].
    pub fn nth_by(&self, member: &MemberId, seq: u64) -> Result<MessageId, NoRecord> {
        let lane = self.lane_of(member).and_then(|lane| self.lanes.get(lane));
        let (Some(lane), Ok(seq)) = (lane, u32::try_from(seq)) else {
            return Err(NoRecord::Unknown);
        };
        if seq > 0 && seq <= lane.pruned {
            return Err(NoRecord::Pruned);
        }
        lane.nth(seq).and_then(|slot| self.id_at(slot)).ok_or(NoRecord::Unknown)
    }

    /// The member's last accepted message; it is never pruned.
    #[must_use]
    pub fn last(&self, member: &MemberId) -> Option<MessageId> {
        let slot = self.lanes.get(self.lane_of(member)?)?.by.back()?;
        Some(self.record(*slot)?.id)
    }

    /// Whether `a ≤ b`: whether whoever wrote `b` had accepted `a`, or they are the same message.
    /// One comparison. If `a` is pruned, the answer is as exact as ever.
    ///
    /// # Errors
    ///
    /// [`NoRecord::Unknown`] if one of them is not accepted, [`NoRecord::Pruned`] if both are
    /// pruned and by different members.
    //= docs/spec/protocol.md#TRN-002
    pub fn is_ancestor_or_equal(&self, a: &MessageId, b: &MessageId) -> Result<bool, NoRecord> {
        let a_place = self.place(a).ok_or(NoRecord::Unknown)?;
        let b_place = self.place(b).ok_or(NoRecord::Unknown)?;
        if a_place.author == b_place.author {
            return Ok(a_place.seq <= b_place.seq);
        }
        match self.find(b) {
            Ok(b) => Ok(a_place.seq <= b.component(a_place.author)),
            // What is accepted later is no ancestor.
            Err(_) if self.live_slot(a).is_some() => Ok(false),
            Err(reason) => Err(reason),
        }
    }

    /// The latest message of `member` strictly before `id`, if there is one.
    ///
    /// # Errors
    ///
    /// [`NoRecord::Unknown`] if `id` is not accepted or `member` is none,
    /// [`NoRecord::Pruned`] if it or the answer is pruned.
    pub fn last_before(
        &self,
        member: &MemberId,
        id: &MessageId,
    ) -> Result<Option<MessageId>, NoRecord> {
        let record = self.find(id)?;
        let lane = self.lane_of(member).ok_or(NoRecord::Unknown)?;
        let own = to_usize(record.author) == lane;
        let before = record.component(to_u32(lane)).saturating_sub(u32::from(own));
        if before == 0 {
            return Ok(None);
        }
        self.nth_by(member, u64::from(before)).map(Some)
    }

    /// The earliest message of `member` strictly after `id`, if there is one: for a reader, its
    /// ack.
    ///
    /// # Errors
    ///
    /// [`NoRecord::Unknown`] if `id` is not accepted or `member` is none,
    /// [`NoRecord::Pruned`] if `id` is pruned.
    pub fn first_after(
        &self,
        member: &MemberId,
        id: &MessageId,
    ) -> Result<Option<MessageId>, NoRecord> {
        let record = self.find(id)?;
        let lane = self.lane_of(member).ok_or(NoRecord::Unknown)?;
        Ok(self.first_slot_after(lane, record).and_then(|slot| self.id_at(slot)))
    }

    /// `K[by][of]`: how many messages of `of` member `by` is known to have accepted. 0 if one of
    /// them is not a member.
    #[must_use]
    pub fn seen(&self, of: &MemberId, by: &MemberId) -> u64 {
        let (Some(of), Some(by)) = (self.lane_of(of), self.lane_of(by)) else { return 0 };
        u64::from(self.known(by, of))
    }

    /// Whether `member` is a reader of the message, pruned or not, and has acknowledged it. An ack
    /// is implicit in every later message.
    #[must_use]
    pub fn acked_by(&self, member: &MemberId, id: &MessageId) -> bool {
        let (Some(lane), Some(place)) = (self.lane_of(member), self.place(id)) else {
            return false;
        };
        let author = to_usize(place.author);
        lane != author && place.seq <= self.known(lane, author)
    }

    /// The readers of the message that have not acknowledged it; none if it is not accepted.
    //= docs/spec/protocol.md#TRN-026
    #[must_use]
    pub fn unacked_by(&self, id: &MessageId) -> MemberSet {
        self.find(id).map(|record| self.unacked_by_record(record)).unwrap_or_default()
    }

    /// Whether the message is accepted and every reader has acknowledged it.
    #[must_use]
    pub fn is_fully_acked(&self, id: &MessageId) -> bool {
        match self.find(id) {
            Ok(record) => record.pending == 0,
            Err(reason) => reason == NoRecord::Pruned,
        }
    }

    /// Whether the message is fully acked and not its author's last: no valid message names it
    /// any more.
    //= docs/spec/protocol.md#TRN-031
    #[must_use]
    pub fn is_closed(&self, id: &MessageId) -> bool {
        match self.find(id) {
            Ok(record) => self.is_closed_record(record),
            Err(reason) => reason == NoRecord::Pruned,
        }
    }

    /// All messages that are not fully acked, in the order of acceptance.
    pub fn unacked(&self) -> impl DoubleEndedIterator<Item = MessageId> + '_ {
        self.unacked.iter().filter_map(|slot| Some(self.record(*slot)?.id))
    }

    /// Whether every accepted payload is fully acked. Payloads after their author's FIN do not
    /// count as such (TRN-010).
    //= docs/spec/protocol.md#TRN-030
    #[must_use]
    pub fn is_consistent(&self) -> bool {
        self.unacked_content == 0
    }

    /// The maximal payloads among the message's strict ancestors, in the order of acceptance.
    ///
    /// An empty answer means that the message follows the subsession's context (TRN-036), which
    /// the transcript does not know: see [`MessageLog`](crate::MessageLog).
    ///
    /// # Errors
    ///
    /// [`NoRecord`].
    pub fn effective_parents(&self, id: &MessageId) -> Result<Vec<MessageId>, NoRecord> {
        Ok(self.get(id)?.effective_parents().collect())
    }

    /// The effective parents of a payload written now.
    //= docs/spec/protocol.md#TRN-040
    #[must_use]
    pub fn would_be_parents(&self) -> Vec<MessageId> {
        self.ids(&self.effective(self.head_slots.iter().copied())).collect()
    }

    /// The maximal payloads among these messages and their ancestors, in the order of acceptance:
    /// how the context of the next subsession is resolved.
    ///
    /// # Errors
    ///
    /// [`NoContext`].
    //= docs/spec/protocol.md#TRN-036
    pub fn maximal_payloads(&self, of: &[MessageId]) -> Result<Vec<MessageId>, NoContext> {
        let slots: Vec<u32> = of.iter().filter_map(|id| self.live_slot(id)).collect();
        if slots.len() < of.len() {
            let missing = self.missing_parents(of);
            if missing.is_empty() {
                let pruned = of.iter().filter(|id| self.live_slot(id).is_none());
                return Err(NoContext::Pruned(pruned.copied().collect()));
            }
            return Err(NoContext::Missing(missing));
        }
        Ok(self.ids(&self.effective(slots.into_iter())).collect())
    }

    fn find(&self, id: &MessageId) -> Result<&Record, NoRecord> {
        match self.live_slot(id).and_then(|slot| self.record(slot)) {
            Some(record) => Ok(record),
            None if self.past.slot_of(id).is_some() => Err(NoRecord::Pruned),
            None => Err(NoRecord::Unknown),
        }
    }

    /// Where the message stands, pruned or not.
    fn place(&self, id: &MessageId) -> Option<Place> {
        if let Some(record) = self.live_slot(id).and_then(|slot| self.record(slot)) {
            return Some(Place { author: record.author, seq: record.seq });
        }
        self.past.place(self.past.slot_of(id)?)
    }

    fn view<'a>(&'a self, record: &'a Record) -> Option<Message<'a>> {
        let author = &self.lane(record.author)?.member;
        Some(Message { transcript: self, record, author })
    }

    fn ids(&self, slots: &[u32]) -> impl Iterator<Item = MessageId> {
        slots.iter().filter_map(|slot| self.id_at(*slot))
    }

    pub(super) fn unacked_by_record(&self, record: &Record) -> MemberSet {
        let author = to_usize(record.author);
        let lanes = self.lanes.iter().enumerate();
        lanes
            .filter(|(lane, _)| *lane != author && self.known(*lane, author) < record.seq)
            .map(|(_, lane)| &lane.member)
            .collect()
    }

    /// `K[reader][author]`. A member's last message is never closed, so its vector is there.
    fn known(&self, reader: usize, author: usize) -> u32 {
        let last = self.lanes.get(reader).and_then(|lane| lane.by.back());
        let last = last.and_then(|slot| self.record(*slot));
        last.map(|record| record.component(to_u32(author))).unwrap_or_default()
    }

    /// The member's first message after one that is not pruned: it is not pruned either.
    fn first_slot_after(&self, lane: usize, record: &Record) -> Option<u32> {
        let by = self.lanes.get(lane)?;
        if to_usize(record.author) == lane {
            return by.nth(record.seq.saturating_add(1));
        }
        let first = by.by.partition_point(|slot| {
            self.record(*slot).is_some_and(|later| later.component(record.author) < record.seq)
        });
        by.by.get(first).copied()
    }
}

impl Record {
    /// `V(m)[lane]`.
    fn component(&self, lane: u32) -> u32 {
        self.context.get(to_usize(lane)).copied().unwrap_or_default()
    }
}
