use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use mpenc_types::{MessageId, guard};

use super::{Accepted, Entry, Record, Transcript, TranscriptReject, to_u32, to_usize};

/// Everything that acceptance of a message will write, found without writing anything.
struct Plan {
    author: usize,
    /// Slots of the parents, in the order in which the message names them.
    parents: Vec<u32>,
    /// `V(m)`, complete.
    context: Box<[u32]>,
    /// Slots of the effective parents, in the order of acceptance.
    effective: Vec<u32>,
}

impl Transcript {
    /// Which of these messages have not been accepted, in the order given.
    #[must_use]
    pub fn missing_parents(&self, parents: &[MessageId]) -> Vec<MessageId> {
        parents.iter().filter(|id| !self.contains(id)).copied().collect()
    }

    /// Whether [`accept`](Self::accept) would accept the message now.
    ///
    /// # Errors
    ///
    /// The reason for which it would not; see [`TranscriptReject`].
    pub fn check(&self, entry: &Entry<'_>) -> Result<(), TranscriptReject> {
        self.plan(entry).map(|_| ())
    }

    /// Adds a message, one's own or a received one: both pass the same checks (TRN-004).
    ///
    /// # Errors
    ///
    /// The reason for which the message is not added; see [`TranscriptReject`]. The transcript is
    /// unchanged. [`TranscriptReject::MissingParents`] is not the message's fault: defer it.
    //= docs/spec/protocol.md#TRN-001
    //= docs/spec/protocol.md#TRN-004
    //= docs/spec/protocol.md#MOD-014
    pub fn accept(&mut self, entry: Entry<'_>) -> Result<Accepted, TranscriptReject> {
        let plan = self.plan(&entry)?;
        Ok(self.commit(&entry, plan))
    }

    fn plan(&self, entry: &Entry<'_>) -> Result<Plan, TranscriptReject> {
        let slot = u32::try_from(self.records.len()).unwrap_or(u32::MAX);
        if slot == u32::MAX {
            return Err(TranscriptReject::Full);
        }
        //= docs/spec/protocol.md#TRN-024
        //= docs/spec/protocol.md#TRN-025
        if guard!("dedup") && self.contains(&entry.id) {
            return Err(TranscriptReject::Duplicate);
        }
        //= docs/spec/protocol.md#TRN-009
        let author = self.lane_of(entry.author).ok_or(TranscriptReject::NotAMember)?;
        //= docs/spec/protocol.md#TRN-005
        if entry.parents.contains(&entry.id) {
            return Err(TranscriptReject::SelfParent);
        }
        let (found, max) = (entry.parents.len(), self.lanes.len());
        if guard!("parents-le-members") && found > max {
            return Err(TranscriptReject::TooManyParents { found, max });
        }
        let parents = self.resolve(entry)?;
        let context = self.context(slot, author, &parents)?;
        let effective = self.effective(parents.iter().copied());
        Ok(Plan { author, parents, context, effective })
    }

    /// The slots of the parents.
    fn resolve(&self, entry: &Entry<'_>) -> Result<Vec<u32>, TranscriptReject> {
        let mut slots = Vec::with_capacity(entry.parents.len());
        let mut missing = vec![];
        for id in entry.parents {
            match self.slot_of(id) {
                Some(slot) => slots.push(slot),
                None => missing.push(*id),
            }
        }
        // The members are fixed, so every accepted message is visible to every author, and a
        // message of another subsession is one that never arrives.
        //= docs/spec/protocol.md#TRN-006
        if missing.is_empty() {
            return Ok(slots);
        }
        // A closed parent needs no waiting: nothing can make it right.
        let closed = slots.iter().filter_map(|slot| self.record(*slot));
        match closed.into_iter().find(|record| self.is_closed_record(record)) {
            Some(record) => Err(TranscriptReject::ClosedParent(record.id)),
            None => Err(TranscriptReject::MissingParents(missing)),
        }
    }

    /// Steps 1 to 4 of protocol.md 7.4: the new message's vector, or what is wrong with it.
    ///
    /// A parent `p` is implied by another one iff `others[author(p)] ≥ seq(p)` for the
    /// [`others`](Self::others) of all parents; the specification's comparison of all pairs
    /// says the same. Raising `others` by the parents one after the other catches a repeated
    /// parent too.
    //= docs/spec/protocol.md#TRN-032
    fn context(
        &self,
        slot: u32,
        author: usize,
        parents: &[u32],
    ) -> Result<Box<[u32]>, TranscriptReject> {
        let records = || parents.iter().filter_map(|slot| self.record(*slot));
        // The vector of a closed parent may be gone, and is not missed: the message is refused
        // anyway, and whether it is a fork the other parents tell, because a closed message lies
        // before everybody's last one.
        let mut context = self.others(records());
        let closed = records().find(|parent| self.is_closed_record(parent)).map(|r| r.id);
        let mut redundant = None;
        for parent in records() {
            if let Some(known) = context.get_mut(to_usize(parent.author)) {
                if *known < parent.seq {
                    *known = parent.seq;
                } else {
                    redundant = redundant.or(Some(parent.id));
                }
            }
        }
        self.judge(slot, author, &mut context, closed, redundant)?;
        Ok(context)
    }

    /// For each member, how many of its messages lie strictly before one of the given messages.
    fn others<'a>(&self, records: impl Iterator<Item = &'a Record>) -> Box<[u32]> {
        let mut others: Box<[u32]> = vec![0; self.lanes.len()].into_boxed_slice();
        for record in records {
            let own = to_usize(record.author);
            let before = others.get(own).copied().unwrap_or_default();
            let context = record.context.as_deref().unwrap_or_default();
            for (known, seen) in others.iter_mut().zip(context) {
                *known = (*known).max(*seen);
            }
            if let Some(known) = others.get_mut(own) {
                *known = before.max(record.seq.saturating_sub(1));
            }
        }
        others
    }

    /// Judges the gravest fault first: what proves misbehaviour must be reported as that.
    fn judge(
        &self,
        slot: u32,
        author: usize,
        context: &mut [u32],
        closed: Option<MessageId>,
        redundant: Option<MessageId>,
    ) -> Result<(), TranscriptReject> {
        let own = context.get_mut(author);
        let last = self.lanes.get(author).and_then(|lane| lane.by.last());
        let last = last.and_then(|slot| self.record(*slot));
        let written = last.map_or(0, |record| record.seq);
        //= docs/spec/protocol.md#TRN-008
        //= docs/spec/protocol.md#TRN-022
        if let (Some(last), Some(own)) = (last, &own)
            && guard!("author-chain")
            && **own < written
        {
            return Err(TranscriptReject::AuthorFork { first: last.id });
        }
        //= docs/spec/protocol.md#TRN-011
        if guard!("closed-parent")
            && let Some(parent) = closed
        {
            return Err(TranscriptReject::ClosedParent(parent));
        }
        //= docs/spec/protocol.md#TRN-002
        //= docs/spec/protocol.md#TRN-007
        if guard!("antichain")
            && let Some(redundant) = redundant
        {
            return Err(TranscriptReject::NotAntichain { redundant });
        }
        // Sequence numbers do not exceed the number of messages, of which `slot` is one more.
        if let Some(own) = own {
            *own = written.saturating_add(1).min(slot.saturating_add(1));
        }
        Ok(())
    }

    fn commit(&mut self, entry: &Entry<'_>, plan: Plan) -> Accepted {
        let Plan { author, parents, context, effective } = plan;
        let slot = u32::try_from(self.records.len()).unwrap_or(u32::MAX);
        let seq = context.get(author).copied().unwrap_or_default();
        let leave_intent = self.is_leave_intent(entry, author, &parents);
        let previous = self.lanes.get(author).and_then(|lane| lane.by.last().copied());

        //= docs/spec/protocol.md#TRN-010
        //= docs/spec/protocol.md#FIN-004
        let mut after_fin = false;
        if let Some(lane) = self.lanes.get_mut(author) {
            after_fin = guard!("fin-final") && entry.kind.is_payload() && lane.fin;
            lane.fin |= entry.kind.is_fin();
            lane.by.push(slot);
        }
        let content = entry.kind.is_payload() && !after_fin;

        let readers = self.lanes.len().saturating_sub(1);
        let record = Record {
            id: entry.id,
            kind: entry.kind,
            content,
            author: to_u32(author),
            pending: to_u32(readers),
            seq,
            edges: self.edges.len(),
            parents: to_u32(parents.len()),
            effective: to_u32(effective.len()),
            context: None,
        };
        self.edges.extend_from_slice(&parents);
        self.edges.extend_from_slice(&effective);
        self.records.push(record);
        let records = &self.records;
        self.index.insert(entry.id, slot, |slot| records.get(to_usize(slot)).map(|r| r.id));
        self.unacked.insert(slot);
        self.unacked_content = self.unacked_content.saturating_add(usize::from(content));

        let acked = self.acknowledge(author, previous, &context);
        if let Some(record) = self.record_mut(slot) {
            record.context = Some(context);
        }
        self.replace_heads(slot, &parents);
        let fully_acked = self.settle(acked);
        if let Some(previous) = previous {
            self.close(previous);
        }
        Accepted { seq: u64::from(seq), fully_acked, after_fin, leave_intent }
    }

    //= docs/spec/protocol.md#FIN-017
    fn is_leave_intent(&self, entry: &Entry<'_>, author: usize, parents: &[u32]) -> bool {
        let [parent] = parents else { return false };
        let parent = self.record(*parent);
        entry.kind.is_fin()
            && parent.is_some_and(|p| to_usize(p.author) == author && p.kind.is_fin())
    }

    /// Step 5 of protocol.md 7.4: counts the author as one more reader of everything that the new
    /// message has in its past and the author's previous one had not. Returns the slots of what
    /// nobody is left to acknowledge.
    //= docs/spec/protocol.md#TRN-026
    //= docs/spec/protocol.md#TRN-028
    fn acknowledge(&mut self, author: usize, previous: Option<u32>, context: &[u32]) -> Vec<u32> {
        let Self { lanes, records, .. } = self;
        let mut acked = vec![];
        if let ([_], Some(slot)) = (lanes.as_slice(), records.len().checked_sub(1)) {
            // Without readers nothing is left to be acknowledged.
            acked.push(to_u32(slot));
        }
        let previous = previous.map(to_usize);
        let taken = previous.and_then(|slot| records.get_mut(slot)?.context.take());
        let old = taken.as_deref().unwrap_or_default().iter().copied();
        let old = old.chain(core::iter::repeat(0));
        for (u, ((lane, new), old)) in lanes.iter().zip(context).zip(old).enumerate() {
            if u == author {
                continue;
            }
            let newly = lane.by.get(to_usize(old)..to_usize(*new)).unwrap_or_default();
            for slot in newly {
                if let Some(record) = records.get_mut(to_usize(*slot)) {
                    record.pending = record.pending.saturating_sub(1);
                    if record.pending == 0 {
                        acked.push(*slot);
                    }
                }
            }
        }
        if let Some(record) = previous.and_then(|slot| records.get_mut(slot)) {
            record.context = taken;
        }
        acked
    }

    /// The new message is the one head that it has not among its parents, and the first.
    fn replace_heads(&mut self, slot: u32, parents: &[u32]) {
        self.head_slots.retain(|head| !parents.contains(head));
        self.head_slots.insert(0, slot);
        self.heads.clear();
        let records = &self.records;
        let ids = self.head_slots.iter().filter_map(|slot| records.get(to_usize(*slot)));
        self.heads.extend(ids.map(|record| record.id));
    }

    /// Reports messages as fully acked, in the order of their acceptance.
    //= docs/spec/protocol.md#TRN-027
    fn settle(&mut self, mut acked: Vec<u32>) -> Vec<MessageId> {
        acked.sort_unstable();
        let mut ids = Vec::with_capacity(acked.len());
        for slot in acked {
            self.unacked.remove(&slot);
            if let Some(record) = self.record(slot) {
                ids.push(record.id);
                let content = usize::from(record.content);
                self.unacked_content = self.unacked_content.saturating_sub(content);
            }
            self.close(slot);
        }
        ids
    }

    /// Drops the vector of a message that nothing needs any more.
    //= docs/spec/protocol.md#TRN-031
    fn close(&mut self, slot: u32) {
        let droppable = self.record(slot).is_some_and(|r| !r.content && self.is_closed_record(r));
        if droppable && let Some(record) = self.record_mut(slot) {
            record.context = None;
        }
    }

    /// The maximal contents among the messages given and their ancestors, by the slots of both.
    ///
    /// Every message remembers this frontier of its strict ancestors, so only what the given
    /// messages themselves remember has to be compared. Of one author only the latest can be
    /// maximal. Messages with content never lose their vector.
    //= docs/spec/protocol.md#TRN-035
    pub(super) fn effective(&self, of: impl ExactSizeIterator<Item = u32>) -> Vec<u32> {
        let single = of.len() == 1;
        let mut found: Vec<u32> = vec![];
        for slot in of {
            let Some(record) = self.record(slot) else { continue };
            if record.content {
                found.push(slot);
            } else {
                found.extend_from_slice(self.effective_slots(record));
            }
        }
        if single || found.len() <= 1 {
            return found;
        }
        let mut latest: Vec<Option<u32>> = vec![None; self.lanes.len()];
        for slot in found {
            let author = self.record(slot).and_then(|r| latest.get_mut(to_usize(r.author)));
            if let Some(latest) = author {
                *latest = (*latest).max(Some(slot));
            }
        }
        let mut maximal: Vec<u32> = latest.into_iter().flatten().collect();
        let others = self.others(maximal.iter().filter_map(|slot| self.record(*slot)));
        maximal.retain(|slot| {
            self.record(*slot).is_some_and(|record| {
                others.get(to_usize(record.author)).is_some_and(|known| *known < record.seq)
            })
        });
        maximal.sort_unstable();
        maximal
    }
}

#[cfg(test)]
mod tests {
    use mpenc_types::{BodyKind, MemberId, MemberSet};

    use super::*;

    /// Ids of the messages whose vector is kept.
    fn kept(kind: BodyKind) -> Vec<u8> {
        let members = [b"a", b"b"].map(|name| MemberId::from_wire(name));
        let mut transcript = Transcript::new(&members.iter().collect::<MemberSet>());
        let mut parents = vec![];
        for n in 1..=9_u8 {
            let id = MessageId::new(&[n]).unwrap();
            let author = &members[usize::from(n % 2)];
            let _ = transcript.accept(Entry { id, author, parents: &parents, kind }).unwrap();
            parents = vec![id];
        }
        let kept = transcript.records.iter().filter(|record| record.context.is_some());
        kept.map(|record| record.id.as_bytes()[0]).collect()
    }

    //= docs/spec/protocol.md#TRN-031
    //= type=test
    #[test]
    fn vectors_of_closed_messages_are_dropped_unless_they_have_content() {
        assert_eq!(kept(BodyKind::ExplicitAck { manual: false }), [8, 9], "each author's last");
        assert_eq!(kept(BodyKind::Payload), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
}
