//! The causal order of one subsession's messages, kept with vectors (protocol.md 7.4).

mod accept;
mod index;
mod message;
mod past;
mod prune;
mod query;
mod reject;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec;
use alloc::vec::Vec;

use mpenc_types::{BodyKind, MemberId, MemberSet, MessageId};

use self::index::Index;
pub use self::message::Message;
use self::past::Past;
use self::prune::Anchor;
pub use self::query::{NoContext, NoRecord};
pub use self::reject::TranscriptReject;

/// A verified message as far as the causal order is concerned.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Identifier, a hash over everything else here (MOD-007): two entries with one identifier are
    /// one message.
    pub id: MessageId,
    /// Who wrote it, as verified. Its readers are all other members (MOD-008).
    pub author: &'a MemberId,
    /// The latest messages its author had accepted, in the order in which it names them.
    pub parents: &'a [MessageId],
    /// What it is for.
    pub kind: BodyKind,
}

/// What followed from accepting a message.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Position among its author's messages, from 1.
    pub seq: u64,
    /// Messages that every reader has acknowledged now and had not before, in the order of their
    /// acceptance (TRN-027).
    pub fully_acked: Vec<MessageId>,
    /// A payload that its author wrote after its own FIN: it stays in the graph, but its content
    /// is not shown and it counts as no payload (TRN-010).
    pub after_fin: bool,
    /// A FIN whose single parent is a FIN by the same author: the author leaves (FIN-017).
    pub leave_intent: bool,
}

/// The accepted messages of one subsession and their causal order.
///
/// Every message `m` has a vector `V(m)`: for each member, how many of its messages are in the
/// past of `m`. As every author's messages form a line, `x ≤ m` is one comparison, and the
/// vectors of the members' last messages tell what has been acknowledged; protocol.md 7.4 has
/// the proofs. Accepting a message takes `O(n·p)` simple operations for `n` members and `p`
/// parents, and amortised `O(n)` for the acknowledgements it brings.
///
/// What nobody can need any more is dropped by [`prune`](Self::prune), on request; what stays exact
/// then, and why, is said there.
///
/// # What acknowledgement means
///
/// A message is acknowledged by a member when a later message of that member has it in its past.
/// It shows that the member's program had accepted it, not that a person has read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transcript {
    members: MemberSet,
    /// One for each member, in the order of `members`.
    lanes: Vec<Lane>,
    /// Messages in the order of acceptance; the place of a message in it, from 0, is its *slot*.
    /// Those before `base` are pruned.
    base: u32,
    records: VecDeque<Record>,
    /// Slots of parents and effective parents; see [`Record::edges`].
    edges: VecDeque<u32>,
    /// How many edges were before them.
    edges_base: usize,
    /// Where the records are, and some that are pruned.
    index: Index,
    /// How many those are.
    stale: usize,
    /// What is left of pruned messages: their identifiers stay (TRN-025).
    past: Past,
    /// What new messages may still answer of what is pruned.
    anchors: BTreeMap<u32, Anchor>,
    /// Everything before this slot may be pruned, but for what is to be kept.
    cleared: u32,
    /// Slots of the messages without parents; one for each member at most.
    minimal: Vec<u32>,
    /// Maximal messages, most recently accepted first.
    heads: Vec<MessageId>,
    head_slots: Vec<u32>,
    /// Slots of messages that are not fully acked.
    unacked: BTreeSet<u32>,
    /// How many of them have content.
    unacked_content: usize,
}

/// What one member wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Lane {
    member: MemberId,
    /// How many of its messages are pruned: its first ones.
    pruned: u32,
    /// Slots of the others in its own order.
    by: VecDeque<u32>,
    /// Whether one of them is a FIN.
    fin: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Record {
    id: MessageId,
    kind: BodyKind,
    /// A payload that is shown; false after the author's FIN.
    content: bool,
    /// Lane of the author.
    author: u32,
    /// Number of readers that have not acknowledged it.
    pending: u32,
    /// Position in the author's lane, from 1.
    seq: u32,
    /// Where its parents begin among all edges; its effective parents follow them.
    edges: usize,
    parents: u32,
    effective: u32,
    /// How many records have it among their effective parents.
    answers: u32,
    /// `V(m)`, one entry for each lane.
    context: Box<[u32]>,
}

impl Transcript {
    /// An empty transcript for a subsession with these members, the owner included.
    #[must_use]
    pub fn new(members: &MemberSet) -> Self {
        Self {
            members: members.clone(),
            lanes: members
                .iter()
                .map(|member| Lane {
                    member: member.clone(),
                    pruned: 0,
                    by: VecDeque::new(),
                    fin: false,
                })
                .collect(),
            base: 0,
            records: VecDeque::new(),
            edges: VecDeque::new(),
            edges_base: 0,
            index: Index::new(),
            stale: 0,
            past: Past::default(),
            anchors: BTreeMap::new(),
            cleared: 0,
            minimal: vec![],
            heads: vec![],
            head_slots: vec![],
            unacked: BTreeSet::new(),
            unacked_content: 0,
        }
    }

    fn lane_of(&self, member: &MemberId) -> Option<usize> {
        self.lanes.binary_search_by(|lane| lane.member.cmp(member)).ok()
    }

    fn lane(&self, lane: u32) -> Option<&Lane> {
        self.lanes.get(to_usize(lane))
    }

    /// The slot of a message that is not pruned.
    fn live_slot(&self, id: &MessageId) -> Option<u32> {
        self.index.get(id, |slot| Some(self.record(slot)?.id))
    }

    /// The slot of any accepted message.
    fn slot_of(&self, id: &MessageId) -> Option<u32> {
        self.live_slot(id).or_else(|| self.past.slot_of(id))
    }

    /// The slot that the next message gets.
    fn next_slot(&self) -> u32 {
        self.base.saturating_add(to_u32(self.records.len()))
    }

    fn record(&self, slot: u32) -> Option<&Record> {
        self.records.get(to_usize(slot.checked_sub(self.base)?))
    }

    fn record_mut(&mut self, slot: u32) -> Option<&mut Record> {
        self.records.get_mut(to_usize(slot.checked_sub(self.base)?))
    }

    /// The identifier of any accepted message.
    fn id_at(&self, slot: u32) -> Option<MessageId> {
        match self.record(slot) {
            Some(record) => Some(record.id),
            None => self.past.id(slot),
        }
    }

    fn edges(&self, start: usize, number: u32) -> impl Iterator<Item = u32> + '_ {
        let start = start.wrapping_sub(self.edges_base);
        self.edges.iter().skip(start).take(to_usize(number)).copied()
    }

    fn parent_slots(&self, record: &Record) -> impl Iterator<Item = u32> + '_ {
        self.edges(record.edges, record.parents)
    }

    fn effective_slots(&self, record: &Record) -> impl Iterator<Item = u32> + '_ {
        self.edges(record.edges.wrapping_add(to_usize(record.parents)), record.effective)
    }

    fn is_last(&self, record: &Record) -> bool {
        self.lane(record.author).is_some_and(|lane| lane.written() == record.seq)
    }

    /// Whether it is fully acked and not its author's last (TRN-031).
    fn is_closed_record(&self, record: &Record) -> bool {
        record.pending == 0 && !self.is_last(record)
    }
}

impl Lane {
    /// How many messages the member has written.
    fn written(&self) -> u32 {
        self.pruned.saturating_add(to_u32(self.by.len()))
    }

    /// The slot of its message with this number, from 1, if that is not pruned.
    fn nth(&self, seq: u32) -> Option<u32> {
        let at = seq.checked_sub(self.pruned)?.checked_sub(1)?;
        self.by.get(to_usize(at)).copied()
    }
}

/// Numbers of lanes, slots and sequence numbers are positions in vectors, so they always fit.
fn to_usize(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// [`Transcript::check`] refuses what would make one of these numbers too large.
fn to_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
