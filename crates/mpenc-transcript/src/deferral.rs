use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use mpenc_types::{MemberId, MessageId, guard};

/// Verified messages that wait for parents, with whatever the caller needs to try them again.
///
/// The space is bounded. When it is full, the oldest message of the author that occupies most is
/// dropped (counting the newcomer), so an author that keeps to its share,
/// `capacity / members`, never loses a message to another one's flood (ATK-108).
/// Who drops a message also forgets its identifier: a copy may be deferred again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deferral<T> {
    capacity: usize,
    /// By order of arrival.
    waiting: BTreeMap<u64, Deferred<T>>,
    arrivals: u64,
    by_id: BTreeMap<MessageId, u64>,
    /// Who waits for a missing message.
    by_parent: BTreeMap<MessageId, BTreeSet<u64>>,
    by_author: BTreeMap<MemberId, BTreeSet<u64>>,
}

/// A message in the deferral buffer, or released or dropped from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deferred<T> {
    /// Its identifier.
    pub id: MessageId,
    /// Its author, as verified.
    pub author: MemberId,
    /// The parents that have still not been accepted; none of a released message.
    pub missing: BTreeSet<MessageId>,
    /// What the caller keeps of it.
    pub value: T,
}

/// A message that was not deferred; the value is handed back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotDeferred<T> {
    /// Why.
    pub reason: NotDeferredReason,
    /// What the caller wanted to keep.
    pub value: T,
}

/// Why a message was not deferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotDeferredReason {
    /// It is deferred already (TRN-024).
    Duplicate,
    /// It misses nothing, so nothing would ever release it.
    NothingMissing,
}

impl fmt::Display for NotDeferredReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Duplicate => "deferred before (TRN-024)",
            Self::NothingMissing => "no parent is missing",
        })
    }
}

impl<T> fmt::Display for NotDeferred<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl<T: fmt::Debug> core::error::Error for NotDeferred<T> {}

impl<T> Deferral<T> {
    /// An empty buffer for a subsession with `members` members, the owner included.
    //= docs/spec/protocol.md#TRN-016
    #[must_use]
    pub fn new(members: usize) -> Self {
        // ⌈8·√n⌉ = ⌈√(64·n)⌉, in integers.
        let square = members.saturating_mul(64);
        let floor = square.isqrt();
        let root =
            if floor.saturating_mul(floor) < square { floor.saturating_add(1) } else { floor };
        Self {
            capacity: root.max(16).saturating_mul(4),
            waiting: BTreeMap::new(),
            arrivals: 0,
            by_id: BTreeMap::new(),
            by_parent: BTreeMap::new(),
            by_author: BTreeMap::new(),
        }
    }

    /// The most messages it holds: `4 · max(16, ⌈8·√n⌉)`.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Number of deferred messages.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nothing is deferred.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether the message is deferred. Such a one is a duplicate (TRN-024).
    #[must_use]
    pub fn contains(&self, id: &MessageId) -> bool {
        self.by_id.contains_key(id)
    }

    /// Whether a deferred message waits for this one.
    #[must_use]
    pub fn awaits(&self, id: &MessageId) -> bool {
        self.by_parent.contains_key(id)
    }

    /// A deferred message.
    #[must_use]
    pub fn get(&self, id: &MessageId) -> Option<&Deferred<T>> {
        self.waiting.get(self.by_id.get(id)?)
    }

    /// The deferred messages in the order of arrival.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Deferred<T>> {
        self.waiting.values()
    }

    /// Keeps a message until everything in `missing` has been [released](Self::release). Returns
    /// what was dropped to make room, in the order of dropping; never the new message.
    ///
    /// The caller bounds `missing`: [`Transcript::check`](crate::Transcript::check) reports at
    /// most as many as there are members.
    ///
    /// # Errors
    ///
    /// [`NotDeferredReason`]; nothing has changed.
    //= docs/spec/protocol.md#TRN-014
    //= docs/spec/protocol.md#TRN-017
    pub fn insert(
        &mut self,
        author: MemberId,
        id: MessageId,
        missing: &[MessageId],
        value: T,
    ) -> Result<Vec<Deferred<T>>, NotDeferred<T>> {
        if self.contains(&id) {
            return Err(NotDeferred { reason: NotDeferredReason::Duplicate, value });
        }
        if missing.is_empty() {
            return Err(NotDeferred { reason: NotDeferredReason::NothingMissing, value });
        }
        let arrival = self.arrivals;
        self.arrivals = self.arrivals.saturating_add(1);
        let missing: BTreeSet<MessageId> = missing.iter().copied().collect();
        for parent in &missing {
            self.by_parent.entry(*parent).or_default().insert(arrival);
        }
        self.by_id.insert(id, arrival);
        self.by_author.entry(author.clone()).or_default().insert(arrival);
        self.waiting.insert(arrival, Deferred { id, author, missing, value });

        let mut dropped = vec![];
        while guard!("buffer-cap") && self.len() > self.capacity {
            let Some(message) = self.victim().and_then(|arrival| self.take(arrival)) else { break };
            dropped.push(message);
        }
        Ok(dropped)
    }

    /// Tells that a message has been accepted. Returns those that waited for nothing else, in the
    /// order of arrival; they are to be accepted in turn, and told here (TRN-018).
    //= docs/spec/protocol.md#TRN-015
    //= docs/spec/protocol.md#TRN-018
    pub fn release(&mut self, id: &MessageId) -> Vec<Deferred<T>> {
        let mut released = vec![];
        for arrival in self.by_parent.remove(id).unwrap_or_default() {
            let Some(message) = self.waiting.get_mut(&arrival) else { continue };
            message.missing.remove(id);
            if message.missing.is_empty() {
                released.extend(self.take(arrival));
            }
        }
        released
    }

    /// Takes a message out, whatever it waits for.
    pub fn remove(&mut self, id: &MessageId) -> Option<Deferred<T>> {
        let arrival = *self.by_id.get(id)?;
        self.take(arrival)
    }

    /// Takes everything out, in the order of arrival.
    pub fn drain(&mut self) -> Vec<Deferred<T>> {
        self.by_id.clear();
        self.by_parent.clear();
        self.by_author.clear();
        core::mem::take(&mut self.waiting).into_values().collect()
    }

    /// The oldest message of the author that has most; of several such, the oldest of all.
    //= docs/spec/protocol.md#TRN-016
    //= docs/spec/protocol.md#TRN-019
    fn victim(&self) -> Option<u64> {
        if !guard!("buffer-per-author") {
            return self.waiting.keys().next().copied();
        }
        let authors = self.by_author.values();
        let oldest = authors.filter_map(|own| Some((own.len(), *own.first()?)));
        let most = oldest.max_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
        most.map(|(_, oldest)| oldest)
    }

    fn take(&mut self, arrival: u64) -> Option<Deferred<T>> {
        let message = self.waiting.remove(&arrival)?;
        self.by_id.remove(&message.id);
        if let Some(own) = self.by_author.get_mut(&message.author) {
            own.remove(&arrival);
            if own.is_empty() {
                self.by_author.remove(&message.author);
            }
        }
        for parent in &message.missing {
            if let Some(waiting) = self.by_parent.get_mut(parent) {
                waiting.remove(&arrival);
                if waiting.is_empty() {
                    self.by_parent.remove(parent);
                }
            }
        }
        Some(message)
    }
}
