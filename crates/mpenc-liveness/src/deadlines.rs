use alloc::collections::{BTreeMap, BTreeSet};

use mpenc_types::Timestamp;

/// What a session waits for; the reason for which it wants to be called at a certain moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimerKind {
    /// The owner has to acknowledge messages of others (LIV-009, LIV-010).
    OwnAck,
    /// A message should be fully acknowledged by now (LIV-007).
    FullAck,
    /// A message that is not fully acknowledged is sent again (LIV-015).
    Resend,
    /// The owner has said nothing for long (LIV-026).
    Heartbeat,
    /// Nothing proves that a member is still there (LIV-030).
    Presence,
    /// The owner's FIN is not fully acknowledged (FIN-005).
    FinTimeout,
    /// The owner's FIN was fully acknowledged a moment ago (FIN-005).
    FinGrace,
    /// The channel has not echoed the owner's proposal (PROPOSAL_TIMEOUT).
    Proposal,
    /// The running operation is slow (GRT-027).
    Operation,
    /// The owner ends an operation that is slow, after its initiator had a chance to, and says so
    /// again as long as it goes on (ORD-045).
    Abort,
    /// A scheduled exclusion may be proposed (ORD-031).
    Exclusion,
    /// An automatic inclusion may be proposed (SES-036).
    Inclusion,
    /// A request of the owner's waits too long for others to be done (SES-025).
    Turn,
    /// The channel has not let somebody enter, or the owner leave, as was asked of it
    /// (ENTER_TIMEOUT).
    Enter,
    /// Nobody has included the owner that is joining (SES-030).
    Join,
    /// The owner, kicked while joining, enters again (SES-031).
    Reenter,
    /// A bystander that nobody kicks leaves (ORD-034).
    Bystander,
    /// A verified message still waits for its parents (TRN-020).
    NotAccepted,
    /// A packet still waits for a key (MSG-015).
    NotDecrypted,
    /// The group key is old (V2-015).
    Refresh,
    /// Keys have reached an age of which people should know (V2-033).
    KeyAge,
    /// A confirmation of the last operation is missing (ORD-036).
    Confirmations,
    /// A text that arrives in parts waits for the next one (V2-028).
    Content,
    /// A member claims operations that the owner has not seen (V2-026).
    OrderAhead,
    /// The others are told of a message or a history that must not be (ORD-046).
    Complaint,
    /// A message that must exist is asked for, or one that somebody asked for is sent (V2-035).
    Repair,
    /// The operation that the owner asked for has not ended (SES-023).
    Outcome,
    /// The channel has not let the owner leave (SES-054).
    Leave,
}

/// A moment at which a session wants to be called, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deadline {
    /// When, on the owner's clock.
    pub at: Timestamp,
    /// Why.
    pub cause: TimerKind,
}

/// One queue of deadlines with their causes: at most one for each cause.
///
/// Deadlines at the same moment come in the order of their causes. All operations take time
/// logarithmic in the number of deadlines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadlines<C> {
    by_cause: BTreeMap<C, Timestamp>,
    in_order: BTreeSet<(Timestamp, C)>,
}

impl<C> Default for Deadlines<C> {
    fn default() -> Self {
        Self { by_cause: BTreeMap::new(), in_order: BTreeSet::new() }
    }
}

impl<C: Ord + Clone> Deadlines<C> {
    /// An empty queue.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the deadline of a cause, in place of an earlier one.
    pub fn set(&mut self, cause: C, at: Timestamp) {
        self.cancel(&cause);
        self.in_order.insert((at, cause.clone()));
        self.by_cause.insert(cause, at);
    }

    /// Sets the deadline of a cause unless an earlier one is set.
    pub fn set_earliest(&mut self, cause: C, at: Timestamp) {
        if self.get(&cause).is_none_or(|set| at < set) {
            self.set(cause, at);
        }
    }

    /// Removes the deadline of a cause; false if there was none.
    pub fn cancel(&mut self, cause: &C) -> bool {
        match self.by_cause.remove_entry(cause) {
            Some((cause, at)) => self.in_order.remove(&(at, cause)),
            None => false,
        }
    }

    /// Removes all deadlines.
    pub fn clear(&mut self) {
        self.by_cause.clear();
        self.in_order.clear();
    }

    /// The deadline of a cause.
    #[must_use]
    pub fn get(&self, cause: &C) -> Option<Timestamp> {
        self.by_cause.get(cause).copied()
    }

    /// The earliest deadline, without removing it.
    #[must_use]
    pub fn next(&self) -> Option<(Timestamp, &C)> {
        self.in_order.first().map(|(at, cause)| (*at, cause))
    }

    /// Removes and returns the earliest deadline if it is not later than `now`.
    pub fn pop_due(&mut self, now: Timestamp) -> Option<(Timestamp, C)> {
        if self.in_order.first()?.0 > now {
            return None;
        }
        let (at, cause) = self.in_order.pop_first()?;
        self.by_cause.remove(&cause);
        Some((at, cause))
    }

    /// Number of deadlines.
    #[must_use]
    pub fn len(&self) -> usize {
        self.in_order.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.in_order.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn deadlines_come_in_order_and_once() {
        let mut queue = Deadlines::new();
        queue.set('b', at(20));
        queue.set('a', at(20));
        queue.set('c', at(10));
        assert_eq!(queue.next(), Some((at(10), &'c')));
        assert_eq!(queue.pop_due(at(9)), None);
        assert_eq!(queue.pop_due(at(25)), Some((at(10), 'c')));
        assert_eq!(queue.pop_due(at(25)), Some((at(20), 'a')));
        assert_eq!(queue.pop_due(at(25)), Some((at(20), 'b')));
        assert_eq!(queue.pop_due(at(25)), None);
        assert_eq!(queue, Deadlines::new(), "nothing is left of what was popped");
        assert!(queue.is_empty());
    }

    #[test]
    fn one_deadline_for_each_cause() {
        let mut queue = Deadlines::new();
        queue.set('a', at(10));
        queue.set('a', at(30));
        assert_eq!((queue.len(), queue.get(&'a')), (1, Some(at(30))));
        queue.set_earliest('a', at(40));
        assert_eq!(queue.get(&'a'), Some(at(30)));
        queue.set_earliest('a', at(20));
        assert_eq!(queue.next(), Some((at(20), &'a')));
        assert!(queue.cancel(&'a'));
        assert!(!queue.cancel(&'a'));
        assert_eq!(queue, Deadlines::new());
        queue.set('a', at(1));
        queue.clear();
        assert_eq!(queue.next(), None);
    }
}
