use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::fmt;

use mpenc_types::{MessageId, SubsessionId};

/// The payloads of all subsessions of a session in one line for people, in the order of delivery.
///
/// The log is append-only, and every message comes after its effective parents. Those are given
/// by the caller, because they may lie in an earlier subsession:
///
/// 1. [`Transcript::effective_parents`](crate::Transcript::effective_parents) of the message; if
///    there are none,
/// 2. the subsession's context: what
///    [`Transcript::maximal_payloads`](crate::Transcript::maximal_payloads) of the previous
///    subsession makes of the heads named in the initial packet, and if that is empty, the
///    previous subsession's own context (TRN-036). If it reports missing messages, payloads of
///    the new subsession are withheld (TRN-037).
///
/// [`or_context`](Self::or_context) makes that choice.
///
/// A message identifier is a hash that covers the subsession, so one message is in one subsession;
/// the log refuses an identifier it has.
///
/// Its oldest entries can be [dropped](Self::prune_first); indices stay what they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageLog {
    /// How many entries were dropped.
    pruned: usize,
    entries: VecDeque<LogEntry>,
    index: BTreeMap<MessageId, usize>,
}

/// A message in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Its identifier.
    pub id: MessageId,
    /// The subsession it was written in.
    pub subsession: SubsessionId,
    /// Its effective parents, in the order of the log.
    pub parents: Vec<MessageId>,
    /// Where it stands relative to those.
    pub place: LogPlace,
}

/// Where a message was put (TRN-038).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPlace {
    /// Index in the log.
    pub index: usize,
    /// Distance from the end at which it was inserted: always 0.
    pub r_idx: usize,
    /// Distances (at least 1) from it back to its effective parents. One that is pruned counts as
    /// if it were the last pruned one: it is at least so far back.
    pub par_idx: BTreeSet<usize>,
}

impl LogPlace {
    /// Whether the message does not simply answer the one before it, so that people reading the
    /// log from top to bottom would misunderstand it unless it is marked.
    //= docs/spec/protocol.md#TRN-039
    #[must_use]
    pub fn highlight(&self) -> bool {
        self.index > 0 && !self.par_idx.iter().eq([&1])
    }
}

/// Why a message was not appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogError {
    /// It is in the log.
    Duplicate,
    /// This effective parent is not in the log, and nothing was pruned from it, so the order would
    /// not be topological (TRN-034).
    UnknownParent(MessageId),
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duplicate => f.write_str("message is in the log"),
            Self::UnknownParent(id) => write!(f, "effective parent {id} is not in the log"),
        }
    }
}

impl core::error::Error for LogError {}

impl MessageLog {
    /// An empty log.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends an accepted payload.
    ///
    /// # Errors
    ///
    /// [`LogError`]; the log is unchanged.
    //= docs/spec/protocol.md#TRN-033
    //= docs/spec/protocol.md#TRN-034
    //= docs/spec/protocol.md#TRN-038
    pub fn push(
        &mut self,
        subsession: SubsessionId,
        id: MessageId,
        effective_parents: &[MessageId],
    ) -> Result<LogPlace, LogError> {
        if self.index.contains_key(&id) {
            return Err(LogError::Duplicate);
        }
        let index = self.len();
        let mut at = BTreeSet::new();
        for parent in effective_parents {
            //= docs/spec/protocol.md#TRN-043
            let pruned = self.pruned.checked_sub(1);
            let found = self.index_of(parent).or(pruned);
            at.insert(found.ok_or(LogError::UnknownParent(*parent))?);
        }
        let par_idx = at.iter().map(|parent| index.saturating_sub(*parent)).collect();
        let place = LogPlace { index, r_idx: 0, par_idx };
        let mut parents: Vec<(Option<usize>, MessageId)> =
            effective_parents.iter().map(|parent| (self.index_of(parent), *parent)).collect();
        parents.sort_unstable();
        parents.dedup();
        let parents = parents.into_iter().map(|(_, parent)| parent).collect();
        self.index.insert(id, index);
        self.entries.push_back(LogEntry { id, subsession, parents, place: place.clone() });
        Ok(place)
    }

    /// Drops the oldest entry that is there.
    //= docs/spec/protocol.md#TRN-043
    pub fn prune_first(&mut self) -> Option<LogEntry> {
        let entry = self.entries.pop_front()?;
        self.index.remove(&entry.id);
        self.pruned = self.pruned.saturating_add(1);
        Some(entry)
    }

    /// How many messages were dropped: the index of the first one that is there.
    #[must_use]
    pub fn pruned(&self) -> usize {
        self.pruned
    }

    /// The effective parents that count: those found in the subsession, or if there are none, its
    /// context.
    //= docs/spec/protocol.md#TRN-036
    #[must_use]
    pub fn or_context(effective_parents: Vec<MessageId>, context: &[MessageId]) -> Vec<MessageId> {
        if effective_parents.is_empty() { context.to_vec() } else { effective_parents }
    }

    /// Number of messages, dropped ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pruned.saturating_add(self.entries.len())
    }

    /// Whether there was never a message.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the message is in the log and was not dropped.
    #[must_use]
    pub fn contains(&self, id: &MessageId) -> bool {
        self.index.contains_key(id)
    }

    /// The message at an index; a negative one counts from the end, where −1 is the last. None
    /// outside the log, and for what was dropped ([`pruned`](Self::pruned)).
    //= docs/spec/protocol.md#TRN-040
    #[must_use]
    pub fn id_at(&self, index: isize) -> Option<MessageId> {
        let from_start = match usize::try_from(index) {
            Ok(index) => index,
            Err(_) => self.len().checked_sub(index.unsigned_abs())?,
        };
        Some(self.at(from_start)?.id)
    }

    /// The index of a message.
    #[must_use]
    pub fn index_of(&self, id: &MessageId) -> Option<usize> {
        self.index.get(id).copied()
    }

    /// A message.
    #[must_use]
    pub fn get(&self, id: &MessageId) -> Option<&LogEntry> {
        self.at(self.index_of(id)?)
    }

    fn at(&self, index: usize) -> Option<&LogEntry> {
        self.entries.get(index.checked_sub(self.pruned)?)
    }

    /// The effective parents of a message, in the order of the log; none if it is not in it.
    #[must_use]
    pub fn parents(&self, id: &MessageId) -> &[MessageId] {
        self.get(id).map(|entry| entry.parents.as_slice()).unwrap_or_default()
    }

    /// All messages that are there, in order.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &LogEntry> + ExactSizeIterator {
        self.entries.iter()
    }

    /// The messages from index `start` up to, not including, index `end`; bounds outside of what
    /// is there are cut.
    pub fn slice(&self, start: usize, end: usize) -> impl DoubleEndedIterator<Item = &LogEntry> {
        let skip = start.saturating_sub(self.pruned);
        let number = end.saturating_sub(self.pruned).saturating_sub(skip);
        self.entries.iter().skip(skip).take(number)
    }

    /// Those of the messages that are in the log, each once and in its order: what
    /// [`Transcript::unacked`](crate::Transcript::unacked) of the subsessions becomes for people.
    #[must_use]
    pub fn in_order(&self, ids: impl IntoIterator<Item = MessageId>) -> Vec<MessageId> {
        let at: BTreeSet<usize> = ids.into_iter().filter_map(|id| self.index_of(&id)).collect();
        at.into_iter().filter_map(|at| Some(self.at(at)?.id)).collect()
    }
}
