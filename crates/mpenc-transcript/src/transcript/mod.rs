//! The causal order of one subsession's messages, kept with vectors (protocol.md 7.4).

mod accept;
mod index;
mod message;
mod query;
mod reject;

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;

use mpenc_types::{BodyKind, MemberId, MemberSet, MessageId};

use self::index::Index;
pub use self::message::Message;
pub use self::reject::TranscriptReject;

/// A verified message as far as the causal order is concerned.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Identifier, a hash (MOD-007).
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
/// The vector of a message that is *closed* (TRN-031) and has no content for people is dropped:
/// no valid message refers to it any more. The rest of the graph is kept.
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
    /// All messages in the order of acceptance; the position is the message's *slot*.
    records: Vec<Record>,
    /// Slots of parents and effective parents; see [`Record::edges`].
    edges: Vec<u32>,
    // Identifiers of closed messages stay (TRN-025).
    index: Index,
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
    /// Slots of its messages in its own order.
    by: Vec<u32>,
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
    /// Where its parents begin in `edges`; its effective parents follow them.
    edges: usize,
    parents: u32,
    effective: u32,
    /// `V(m)`, one entry for each lane. Dropped when a message without content is closed.
    context: Option<Box<[u32]>>,
}

impl Transcript {
    /// An empty transcript for a subsession with these members, the owner included.
    #[must_use]
    pub fn new(members: &MemberSet) -> Self {
        Self {
            members: members.clone(),
            lanes: members
                .iter()
                .map(|member| Lane { member: member.clone(), by: vec![], fin: false })
                .collect(),
            records: vec![],
            edges: vec![],
            index: Index::new(),
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

    fn slot_of(&self, id: &MessageId) -> Option<u32> {
        self.index.get(id, |slot| Some(self.record(slot)?.id))
    }

    fn record(&self, slot: u32) -> Option<&Record> {
        self.records.get(usize::try_from(slot).ok()?)
    }

    fn record_mut(&mut self, slot: u32) -> Option<&mut Record> {
        self.records.get_mut(usize::try_from(slot).ok()?)
    }

    fn parent_slots(&self, record: &Record) -> &[u32] {
        let end = record.edges.saturating_add(to_usize(record.parents));
        self.edges.get(record.edges..end).unwrap_or_default()
    }

    fn effective_slots(&self, record: &Record) -> &[u32] {
        let start = record.edges.saturating_add(to_usize(record.parents));
        let end = start.saturating_add(to_usize(record.effective));
        self.edges.get(start..end).unwrap_or_default()
    }

    fn is_last(&self, record: &Record) -> bool {
        self.lane(record.author).is_some_and(|lane| lane.by.len() == to_usize(record.seq))
    }

    /// Whether it is fully acked and not its author's last (TRN-031).
    fn is_closed_record(&self, record: &Record) -> bool {
        record.pending == 0 && !self.is_last(record)
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
