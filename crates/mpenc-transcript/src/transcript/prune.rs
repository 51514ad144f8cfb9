use alloc::boxed::Box;

use mpenc_types::{MessageId, guard};

use super::past::Place;
use super::{Index, Record, Transcript, to_u32, to_usize};

/// A pruned payload that is among the effective parents of something that is not pruned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Anchor {
    pub(super) place: Place,
    pub(super) context: Box<[u32]>,
    /// How many records have it among their effective parents.
    pub(super) answers: u32,
}

impl Transcript {
    /// Drops the oldest messages, up to the first one that is not closed (TRN-031) or that the
    /// caller still needs, but for the `keep` messages before that one. Returns how many were
    /// dropped; several at a time, so mostly none.
    ///
    /// Whether a message is `needed` is asked again and again until it is not, and never again
    /// after that. Cost: constant for each message, over its life.
    ///
    /// # What stays
    ///
    /// Of a pruned message the identifier, the author and the position stay, in less than 100
    /// bytes, and of payloads that the next ones may still answer also the vector. Pruning changes
    /// no verdict on any message, and no answer but to [`NoRecord::Pruned`](super::NoRecord):
    ///
    /// * *Nothing valid names it.* It is closed, so Lemma 5 of protocol.md 7.4 holds for all times:
    ///   each member has written something after it, which any later message of that member
    ///   follows, through one of its parents; naming the pruned message beside that parent is no
    ///   anti-chain. Who names it all the same is refused as before:
    ///   [`ClosedParent`](super::TranscriptReject::ClosedParent), or, if the other parents do not
    ///   lead to its author's last message, as a fork. They decide that alone, because a closed
    ///   message lies before everybody's last one and cannot lead to it.
    /// * *A copy is a duplicate, not a fork.* Everything before a pruned message is pruned, since
    ///   what is fully acked is closed under ancestors (TRN-028) and parents are accepted first. So
    ///   a message that names something that is not pruned is none of the pruned ones, and only the
    ///   others, which none but a copy or a liar sends, are looked for among these.
    /// * *Order.* `x ≤ m` needs `seq(x)`, which stays, and `V(m)`, which stays unless `m` is pruned
    ///   too. Nothing that is kept lies before anything that is pruned.
    /// * *Acknowledgement.* A pruned message is fully acked; and the counting of Lemma 4 is done
    ///   with it.
    /// * *Payloads answered.* The effective parents of a new message are among its parents, which
    ///   are not pruned, and the effective parents of these. Those of them that are pruned are kept
    ///   as long as a record has them.
    //= docs/spec/protocol.md#TRN-031
    //= docs/spec/protocol.md#TRN-042
    pub fn prune(&mut self, keep: usize, mut needed: impl FnMut(&MessageId) -> bool) -> usize {
        if !guard!("prune") {
            return 0;
        }
        while let Some(record) = self.record(self.cleared)
            && self.is_closed_record(record)
            && !needed(&record.id)
        {
            self.cleared = self.cleared.saturating_add(1);
        }
        let first = self.base;
        let number = self.cleared.saturating_sub(to_u32(keep)).saturating_sub(first);
        if number < BATCH {
            return 0;
        }
        for _ in 0..number {
            let Some(record) = self.records.pop_front() else { break };
            self.drop_record(record);
        }
        self.past.index(first);
        self.stale = self.stale.saturating_add(to_usize(number));
        if self.stale > self.records.len() {
            self.rebuild_index();
        }
        to_usize(number)
    }

    fn drop_record(&mut self, record: Record) {
        let Record { id, author, seq, parents, effective, answers, context, .. } = record;
        let slot = self.base;
        self.base = slot.saturating_add(1);
        let edges = to_usize(parents).saturating_add(to_usize(effective));
        for edge in 0..edges {
            let Some(named) = self.edges.pop_front() else { break };
            if edge >= to_usize(parents) {
                self.answered_by_one_less(named);
            }
        }
        self.edges_base = self.edges_base.wrapping_add(edges);
        let place = Place { author, seq };
        if answers > 0 {
            self.anchors.insert(slot, Anchor { place, context, answers });
        }
        if let Some(lane) = self.lanes.get_mut(to_usize(author)) {
            lane.by.pop_front();
            lane.pruned = seq;
        }
        self.past.push(id, place);
    }

    fn answered_by_one_less(&mut self, slot: u32) {
        if let Some(record) = self.record_mut(slot) {
            record.answers = record.answers.saturating_sub(1);
        } else if let Some(anchor) = self.anchors.get_mut(&slot) {
            anchor.answers = anchor.answers.saturating_sub(1);
            if anchor.answers == 0 {
                self.anchors.remove(&slot);
            }
        }
    }

    /// Forgets in the index what is pruned.
    fn rebuild_index(&mut self) {
        let Self { base, records, .. } = self;
        let mut index = Index::new();
        let id_of = |slot: u32| Some(records.get(to_usize(slot.checked_sub(*base)?))?.id);
        for (slot, record) in (*base..).zip(records.iter()) {
            index.insert(record.id, slot, id_of);
        }
        self.index = index;
        self.stale = 0;
    }
}

/// Messages that are pruned together.
const BATCH: u32 = 64;
