use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use mpenc_types::{MessageId, guard};

use super::past::Place;
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
        let slot = self.next_slot();
        if slot == u32::MAX {
            return Err(TranscriptReject::Full);
        }
        //= docs/spec/protocol.md#TRN-024
        //= docs/spec/protocol.md#TRN-025
        if guard!("dedup") && self.is_copy(entry) {
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

    /// Whether the message has been accepted before. If it has been pruned since, so have all its
    /// parents; see [`prune`](Self::prune).
    //= docs/spec/protocol.md#TRN-042
    fn is_copy(&self, entry: &Entry<'_>) -> bool {
        if self.live_slot(&entry.id).is_some() {
            return true;
        }
        !self.past.is_empty()
            && !entry.parents.iter().any(|parent| self.live_slot(parent).is_some())
            && self.past.slot_of(&entry.id).is_some()
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
        if missing.is_empty() || !guard!("causal-delivery") {
            return Ok(slots);
        }
        // A closed parent needs no waiting: nothing can make it right.
        match self.closed_of(&slots) {
            Some(id) => Err(TranscriptReject::ClosedParent(id)),
            None => Err(TranscriptReject::MissingParents(missing)),
        }
    }

    /// The first of these messages that is closed; all pruned ones are.
    fn closed_of(&self, slots: &[u32]) -> Option<MessageId> {
        let closed = |slot: &&u32| match self.record(**slot) {
            Some(record) => self.is_closed_record(record),
            None => true,
        };
        slots.iter().find(closed).and_then(|slot| self.id_at(*slot))
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
        // The vector of a pruned parent is gone, and is not missed: the message is refused
        // anyway, and whether it is a fork the other parents tell, because a closed message lies
        // before everybody's last one.
        let mut context = self.others(records().map(Record::standing));
        let closed = self.closed_of(parents);
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
    fn others<'a>(&self, messages: impl Iterator<Item = (Place, &'a [u32])>) -> Box<[u32]> {
        let mut others: Box<[u32]> = vec![0; self.lanes.len()].into_boxed_slice();
        for (Place { author, seq }, context) in messages {
            let own = to_usize(author);
            let before = others.get(own).copied().unwrap_or_default();
            for (known, seen) in others.iter_mut().zip(context) {
                *known = (*known).max(*seen);
            }
            if let Some(known) = others.get_mut(own) {
                *known = before.max(seq.saturating_sub(1));
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
        let last = self.lanes.get(author).and_then(|lane| lane.by.back());
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
        let slot = self.next_slot();
        let seq = context.get(author).copied().unwrap_or_default();
        let leave_intent = self.is_leave_intent(entry, author, &parents);
        let previous = self.lanes.get(author).and_then(|lane| lane.by.back().copied());

        //= docs/spec/protocol.md#TRN-010
        //= docs/spec/protocol.md#FIN-004
        let mut after_fin = false;
        if let Some(lane) = self.lanes.get_mut(author) {
            after_fin = guard!("fin-final") && entry.kind.is_payload() && lane.fin;
            lane.fin |= entry.kind.is_fin();
            lane.by.push_back(slot);
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
            edges: self.edges_base.wrapping_add(self.edges.len()),
            parents: to_u32(parents.len()),
            effective: to_u32(effective.len()),
            answers: 0,
            context,
        };
        self.edges.extend(&parents);
        self.edges.extend(&effective);
        for answered in effective {
            self.answered_by_one_more(answered);
        }
        if parents.is_empty() {
            self.minimal.push(slot);
        }
        self.records.push_back(record);
        let Self { base, records, .. } = self;
        let id_of = |slot: u32| Some(records.get(to_usize(slot.checked_sub(*base)?))?.id);
        self.index.insert(entry.id, slot, id_of);
        self.unacked.insert(slot);
        self.unacked_content = self.unacked_content.saturating_add(usize::from(content));

        let acked = self.acknowledge(author, previous, slot);
        self.replace_heads(slot, &parents);
        let fully_acked = self.settle(acked);
        Accepted { seq: u64::from(seq), fully_acked, after_fin, leave_intent }
    }

    fn answered_by_one_more(&mut self, slot: u32) {
        if let Some(record) = self.record_mut(slot) {
            record.answers = record.answers.saturating_add(1);
        } else if let Some(anchor) = self.anchors.get_mut(&slot) {
            anchor.answers = anchor.answers.saturating_add(1);
        }
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
    fn acknowledge(&mut self, author: usize, previous: Option<u32>, slot: u32) -> Vec<u32> {
        let Self { lanes, records, base, .. } = self;
        let at = |slot: u32| to_usize(slot.wrapping_sub(*base));
        let mut acked = vec![];
        if lanes.len() == 1 {
            // Without readers nothing is left to be acknowledged.
            acked.push(slot);
        }
        // Taken out while others are written.
        let mut take = |slot: u32| {
            records.get_mut(at(slot)).map(|record| core::mem::take(&mut record.context))
        };
        let (new, old) = (take(slot), previous.and_then(&mut take));
        let seen = new.as_deref().unwrap_or_default().iter().copied();
        let seen_before = old.as_deref().unwrap_or_default().iter().copied();
        let seen_before = seen_before.chain(core::iter::repeat(0));
        for (u, ((lane, new), old)) in lanes.iter().zip(seen).zip(seen_before).enumerate() {
            if u == author || new <= old {
                continue;
            }
            // Everybody has acknowledged what is pruned.
            let skip = to_usize(old.saturating_sub(lane.pruned));
            let newly = to_usize(new.saturating_sub(lane.pruned)).saturating_sub(skip);
            for slot in lane.by.iter().skip(skip).take(newly) {
                if let Some(record) = records.get_mut(at(*slot))
                    && record.pending > 0
                {
                    let last = record.pending == 1 || !guard!("full-ack-exact");
                    record.pending = if last { 0 } else { record.pending.saturating_sub(1) };
                    if last {
                        acked.push(*slot);
                    }
                }
            }
        }
        for (slot, context) in [(Some(slot), new), (previous, old)] {
            let record = slot.and_then(|slot| records.get_mut(at(slot)));
            if let (Some(record), Some(context)) = (record, context) {
                record.context = context;
            }
        }
        acked
    }

    /// The new message is the one head that it has not among its parents, and the first.
    fn replace_heads(&mut self, slot: u32, parents: &[u32]) {
        self.head_slots.retain(|head| !parents.contains(head));
        self.head_slots.insert(0, slot);
        self.heads.clear();
        let Self { head_slots, heads, records, base, .. } = self;
        let ids = head_slots
            .iter()
            .filter_map(|slot| records.get(to_usize(slot.checked_sub(*base)?)).map(|r| r.id));
        heads.extend(ids);
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
        }
        ids
    }

    /// The maximal contents among the messages given and their ancestors, by the slots of both.
    ///
    /// Every message remembers this frontier of its strict ancestors, so only what the given
    /// messages themselves remember has to be compared. Of one author only the latest can be
    /// maximal.
    //= docs/spec/protocol.md#TRN-035
    pub(super) fn effective(&self, of: impl ExactSizeIterator<Item = u32>) -> Vec<u32> {
        let single = of.len() == 1;
        let mut found: Vec<u32> = vec![];
        for slot in of {
            let Some(record) = self.record(slot) else { continue };
            if record.content {
                found.push(slot);
            } else {
                found.extend(self.effective_slots(record));
            }
        }
        if single || found.len() <= 1 {
            return found;
        }
        let mut latest: Vec<Option<u32>> = vec![None; self.lanes.len()];
        for slot in found {
            let author = self.payload(slot).map(|(place, _)| to_usize(place.author));
            if let Some(latest) = author.and_then(|author| latest.get_mut(author)) {
                *latest = (*latest).max(Some(slot));
            }
        }
        let mut maximal: Vec<u32> = latest.into_iter().flatten().collect();
        let others = self.others(maximal.iter().filter_map(|slot| self.payload(*slot)));
        maximal.retain(|slot| {
            self.payload(*slot).is_some_and(|(Place { author, seq }, _)| {
                others.get(to_usize(author)).is_some_and(|known| *known < seq)
            })
        });
        maximal.sort_unstable();
        maximal
    }

    /// Place and vector of a payload that a new message may answer.
    fn payload(&self, slot: u32) -> Option<(Place, &[u32])> {
        match self.record(slot) {
            Some(record) => Some(record.standing()),
            None => self.anchors.get(&slot).map(|anchor| (anchor.place, &*anchor.context)),
        }
    }
}

impl Record {
    /// Its place, and its vector.
    fn standing(&self) -> (Place, &[u32]) {
        (Place { author: self.author, seq: self.seq }, &self.context)
    }
}
