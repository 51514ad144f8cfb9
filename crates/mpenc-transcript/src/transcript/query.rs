//! What a transcript can be asked (TRN-029). Nothing here changes it.

use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;

use mpenc_types::{BodyKind, MemberId, MemberSet, MessageId};

use super::{Message, Record, Transcript, to_usize};

//= docs/spec/protocol.md#TRN-029
impl Transcript {
    /// The members of the subsession.
    #[must_use]
    pub fn members(&self) -> &MemberSet {
        &self.members
    }

    /// Number of accepted messages.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether no message has been accepted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Whether the message has been accepted.
    #[must_use]
    pub fn contains(&self, id: &MessageId) -> bool {
        self.slot_of(id).is_some()
    }

    /// An accepted message.
    #[must_use]
    pub fn get(&self, id: &MessageId) -> Option<Message<'_>> {
        self.view(self.find(id)?)
    }

    /// All accepted messages in the order of acceptance, which is a topological order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Message<'_>> {
        self.records.iter().filter_map(|record| self.view(record))
    }

    /// Who wrote the message.
    #[must_use]
    pub fn author(&self, id: &MessageId) -> Option<&MemberId> {
        self.get(id).map(|message| message.author())
    }

    /// The message's parents, in the order in which it names them; none if it is not accepted.
    #[must_use]
    pub fn parents(&self, id: &MessageId) -> Vec<MessageId> {
        self.get(id).map(|message| message.parents().collect()).unwrap_or_default()
    }

    /// The messages that name this one as parent, in the order of acceptance. `O(n·log)`.
    ///
    /// A member can do so only in its first message after it.
    #[must_use]
    pub fn children(&self, id: &MessageId) -> Vec<MessageId> {
        let Some(slot) = self.slot_of(id) else { return vec![] };
        let mut children: Vec<u32> = (0..self.lanes.len())
            .filter_map(|lane| self.first_slot_after(lane, slot))
            .filter(|child| {
                self.record(*child).is_some_and(|r| self.parent_slots(r).contains(&slot))
            })
            .collect();
        children.sort_unstable();
        self.ids(&children).collect()
    }

    /// What the message is for.
    #[must_use]
    pub fn kind(&self, id: &MessageId) -> Option<BodyKind> {
        Some(self.find(id)?.kind)
    }

    /// Whether the message has content that is shown: an accepted payload, unless its author's
    /// FIN precedes it (TRN-010).
    #[must_use]
    pub fn has_content(&self, id: &MessageId) -> bool {
        self.find(id).is_some_and(|record| record.content)
    }

    /// Position among its author's messages, from 1.
    #[must_use]
    pub fn seq(&self, id: &MessageId) -> Option<u64> {
        Some(u64::from(self.find(id)?.seq))
    }

    /// The maximal messages, most recently accepted first: exactly the parents of an own message
    /// written now, in their order (TRN-004).
    #[must_use]
    pub fn heads(&self) -> &[MessageId] {
        &self.heads
    }

    /// The messages without parents, in the order of acceptance.
    #[must_use]
    pub fn minimal(&self) -> Vec<MessageId> {
        let first = self.lanes.iter().filter_map(|lane| lane.by.first().copied());
        let rootless = |slot: &u32| self.record(*slot).is_some_and(|record| record.parents == 0);
        let mut minimal: Vec<u32> = first.filter(rootless).collect();
        minimal.sort_unstable();
        self.ids(&minimal).collect()
    }

    /// The member's messages in its own order.
    pub fn by(&self, member: &MemberId) -> impl ExactSizeIterator<Item = MessageId> + '_ {
        let lane = self.lane_of(member).and_then(|lane| self.lanes.get(lane));
        self.ids(lane.map(|lane| lane.by.as_slice()).unwrap_or_default())
    }

    /// The member's last accepted message.
    #[must_use]
    pub fn last(&self, member: &MemberId) -> Option<MessageId> {
        let slot = self.lanes.get(self.lane_of(member)?)?.by.last()?;
        Some(self.record(*slot)?.id)
    }

    /// Whether `a ≤ b`: whether whoever wrote `b` had accepted `a`, or they are the same message.
    /// False if one of them is not accepted.
    ///
    /// One comparison, unless `b` is closed and has no content: its vector is then found again
    /// by following parents to the next vectors that were kept.
    //= docs/spec/protocol.md#TRN-002
    #[must_use]
    pub fn is_ancestor_or_equal(&self, a: &MessageId, b: &MessageId) -> bool {
        let (Some(a), Some(b)) = (self.find(a), self.slot_of(b)) else { return false };
        a.seq <= self.component(b, a.author)
    }

    /// The latest message of `member` strictly before `id`.
    #[must_use]
    pub fn last_before(&self, member: &MemberId, id: &MessageId) -> Option<MessageId> {
        let lane = self.lane_of(member)?;
        let slot = self.slot_of(id)?;
        let count = self.component(slot, u32::try_from(lane).ok()?);
        let own = to_usize(self.record(slot)?.author) == lane;
        let before = to_usize(count).checked_sub(if own { 2 } else { 1 })?;
        let before = self.lanes.get(lane)?.by.get(before)?;
        Some(self.record(*before)?.id)
    }

    /// The earliest message of `member` strictly after `id`: for a reader, its ack.
    #[must_use]
    pub fn first_after(&self, member: &MemberId, id: &MessageId) -> Option<MessageId> {
        let slot = self.first_slot_after(self.lane_of(member)?, self.slot_of(id)?)?;
        Some(self.record(slot)?.id)
    }

    /// `K[by][of]`: how many messages of `of` member `by` is known to have accepted. 0 if one of
    /// them is not a member.
    #[must_use]
    pub fn seen(&self, of: &MemberId, by: &MemberId) -> u64 {
        let (Some(of), Some(by)) = (self.lane_of(of), self.lane_of(by)) else { return 0 };
        u64::from(self.known(by, of))
    }

    /// Whether `member` is a reader of the message and has acknowledged it. An ack is implicit in
    /// every later message.
    #[must_use]
    pub fn acked_by(&self, member: &MemberId, id: &MessageId) -> bool {
        let (Some(lane), Some(record)) = (self.lane_of(member), self.find(id)) else {
            return false;
        };
        let author = to_usize(record.author);
        lane != author && record.seq <= self.known(lane, author)
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
        self.find(id).is_some_and(|record| record.pending == 0)
    }

    /// Whether the message is fully acked and not its author's last: no valid message names it
    /// any more.
    //= docs/spec/protocol.md#TRN-031
    #[must_use]
    pub fn is_closed(&self, id: &MessageId) -> bool {
        self.find(id).is_some_and(|record| self.is_closed_record(record))
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

    /// The maximal payloads among the message's strict ancestors, in the order of acceptance;
    /// nothing if it is not accepted.
    ///
    /// An empty answer means that the message follows the subsession's context (TRN-036), which
    /// the transcript does not know: see [`MessageLog`](crate::MessageLog).
    #[must_use]
    pub fn effective_parents(&self, id: &MessageId) -> Option<Vec<MessageId>> {
        Some(self.get(id)?.effective_parents().collect())
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
    /// Those of the messages that have not been accepted (TRN-037).
    //= docs/spec/protocol.md#TRN-036
    pub fn maximal_payloads(&self, of: &[MessageId]) -> Result<Vec<MessageId>, Vec<MessageId>> {
        let slots: Vec<u32> = of.iter().filter_map(|id| self.slot_of(id)).collect();
        if slots.len() < of.len() {
            return Err(self.missing_parents(of));
        }
        Ok(self.ids(&self.effective(slots.into_iter())).collect())
    }

    fn find(&self, id: &MessageId) -> Option<&Record> {
        self.record(self.slot_of(id)?)
    }

    fn view<'a>(&'a self, record: &'a Record) -> Option<Message<'a>> {
        let author = &self.lane(record.author)?.member;
        Some(Message { transcript: self, record, author })
    }

    pub(super) fn ids<'a>(
        &'a self,
        slots: &[u32],
    ) -> impl ExactSizeIterator<Item = MessageId> + use<'a> {
        let ids: Vec<MessageId> =
            slots.iter().filter_map(|slot| Some(self.record(*slot)?.id)).collect();
        ids.into_iter()
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
        let last = self.lanes.get(reader).and_then(|lane| lane.by.last());
        let context = last.and_then(|slot| self.record(*slot)?.context.as_deref());
        context.and_then(|context| context.get(author).copied()).unwrap_or_default()
    }

    /// `V(m)[lane]` for any accepted message, without recursion.
    ///
    /// Where the vector was dropped, it is the maximum over the parents, whose vectors may have
    /// been dropped too.
    fn component(&self, slot: u32, lane: u32) -> u32 {
        let mut best = 0;
        let mut queue = vec![slot];
        let mut met = BTreeSet::new();
        while let Some(record) = queue.pop().and_then(|slot| self.record(slot)) {
            if let Some(context) = &record.context {
                best = best.max(context.get(to_usize(lane)).copied().unwrap_or_default());
            } else if record.author == lane {
                best = best.max(record.seq);
            } else {
                queue.extend(self.parent_slots(record).iter().filter(|p| met.insert(**p)));
            }
        }
        best
    }

    fn first_slot_after(&self, lane: usize, slot: u32) -> Option<u32> {
        let record = self.record(slot)?;
        let by = &self.lanes.get(lane)?.by;
        if to_usize(record.author) == lane {
            return by.get(to_usize(record.seq)).copied();
        }
        let first = by.partition_point(|s| self.component(*s, record.author) < record.seq);
        by.get(first).copied()
    }
}
