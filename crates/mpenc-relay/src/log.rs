use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::ws::Message;
use mpenc::MemberId;

/// A connection of the relay; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConnectionId(pub(crate) u64);

/// One event in a room's order, encoded once for everybody.
#[derive(Debug)]
pub(crate) struct Event {
    /// What everybody in the room receives. Cloning it shares the bytes.
    pub(crate) frame: Message,
    pub(crate) kind: EventKind,
}

/// What an event changes for those who read the log.
#[derive(Debug)]
pub(crate) enum EventKind {
    /// A packet; `without` is what those receive who are to lose it.
    Packet {
        without: Option<Message>,
    },
    /// Somebody entered, who alone receives `snapshot` instead of the frame.
    Enter {
        member: MemberId,
        snapshot: Message,
    },
    Leave {
        member: MemberId,
    },
}

/// The recent events of a room, in the room's one order.
///
/// Everybody reads this one log at their own pace, so that an event costs its size once, however
/// many receivers there are.
#[derive(Debug)]
pub(crate) struct Log {
    events: VecDeque<Event>,
    /// Sequence number of the oldest event kept, or of the next one if none is.
    first: u64,
    bytes: usize,
    budget: Arc<Budget>,
}

/// Bytes that the logs of all rooms may take.
#[derive(Debug)]
pub(crate) struct Budget {
    /// Limit of one room.
    room: usize,
    /// Limit of all rooms together.
    total: usize,
    used: AtomicUsize,
    rooms: AtomicUsize,
}

impl Budget {
    pub(crate) fn new(room: usize, total: usize) -> Self {
        Self { room, total, used: AtomicUsize::new(0), rooms: AtomicUsize::new(0) }
    }

    /// What one room may use now: its own limit, or while all together use too much, its share.
    fn limit(&self) -> usize {
        if self.used.load(Ordering::Relaxed) <= self.total {
            self.room
        } else {
            let rooms = self.rooms.load(Ordering::Relaxed).max(1);
            self.room.min(self.total.checked_div(rooms).unwrap_or(0))
        }
    }
}

impl Event {
    /// Bytes counted for an event: its frames and about what surrounds them.
    fn cost(&self) -> usize {
        const OVERHEAD: usize = 128;
        let snapshot = match &self.kind {
            EventKind::Enter { snapshot, .. } => size(snapshot),
            EventKind::Packet { .. } | EventKind::Leave { .. } => 0,
        };
        size(&self.frame).saturating_add(snapshot).saturating_add(OVERHEAD)
    }
}

fn size(message: &Message) -> usize {
    match message {
        Message::Text(text) => text.len(),
        Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes) => bytes.len(),
        Message::Close(_) => 0,
    }
}

impl Log {
    pub(crate) fn new(budget: Arc<Budget>) -> Self {
        budget.rooms.fetch_add(1, Ordering::Relaxed);
        Self { events: VecDeque::new(), first: 1, bytes: 0, budget }
    }

    /// Sequence number of the oldest event kept, or of the next one if none is.
    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// Sequence number that the next event will have.
    pub(crate) fn next(&self) -> u64 {
        self.first.saturating_add(u64::try_from(self.events.len()).unwrap_or(u64::MAX))
    }

    /// Appends an event and forgets the oldest ones beyond the limit. True if any was forgotten.
    pub(crate) fn append(&mut self, event: Event) -> bool {
        let cost = event.cost();
        self.bytes = self.bytes.saturating_add(cost);
        self.budget.used.fetch_add(cost, Ordering::Relaxed);
        self.events.push_back(event);
        let limit = self.budget.limit();
        let before = self.first;
        while self.bytes > limit && self.events.len() > 1 {
            self.forget_oldest();
        }
        self.first != before
    }

    /// Forgets the events before `seq`: everybody has them.
    pub(crate) fn trim(&mut self, seq: u64) {
        while self.first < seq && !self.events.is_empty() {
            self.forget_oldest();
        }
    }

    /// The events from `seq` on. If that one is forgotten, from the oldest kept on.
    pub(crate) fn from(&self, seq: u64) -> impl Iterator<Item = &Event> {
        let skip = usize::try_from(seq.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.events.range(skip.min(self.events.len())..)
    }

    fn forget_oldest(&mut self) {
        if let Some(event) = self.events.pop_front() {
            let cost = event.cost();
            self.bytes = self.bytes.saturating_sub(cost);
            self.budget.used.fetch_sub(cost, Ordering::Relaxed);
            self.first = self.first.saturating_add(1);
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
        self.budget.rooms.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(size: usize) -> Event {
        Event {
            frame: Message::Binary(vec![0; size].into()),
            kind: EventKind::Packet { without: None },
        }
    }

    #[test]
    fn oldest_events_go_first() {
        let budget = Arc::new(Budget::new(3 * 1128, usize::MAX));
        let mut log = Log::new(Arc::clone(&budget));
        for _ in 0..3 {
            assert!(!log.append(event(1000)));
        }
        assert_eq!((log.first(), log.next()), (1, 4));
        assert!(log.append(event(1000)));
        assert_eq!((log.first(), log.next()), (2, 5));
        assert_eq!(log.from(3).count(), 2);
        assert_eq!(log.from(1).count(), 3);
        assert_eq!(log.from(5).count(), 0);
        assert_eq!(log.from(u64::MAX).count(), 0);
        log.trim(4);
        assert_eq!((log.first(), log.next()), (4, 5));
        log.trim(u64::MAX);
        assert_eq!((log.first(), log.next()), (5, 5));
        assert_eq!(budget.used.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn newest_event_stays_whatever_its_size() {
        let mut log = Log::new(Arc::new(Budget::new(10, 10)));
        log.append(event(1000));
        log.append(event(2000));
        assert_eq!((log.first(), log.next()), (2, 3));
    }

    #[test]
    fn rooms_share_when_memory_is_short() {
        let budget = Arc::new(Budget::new(100_000, 10_000));
        let mut a = Log::new(Arc::clone(&budget));
        let mut b = Log::new(Arc::clone(&budget));
        for _ in 0..8 {
            a.append(event(1000));
        }
        assert_eq!(a.from(1).count(), 8, "below the total a room has its own limit");
        for _ in 0..8 {
            b.append(event(1000));
        }
        assert!(b.from(1).count() <= 8);
        a.append(event(1000));
        assert!(a.from(1).count() <= 4, "beyond it only its share");
        drop((a, b));
        assert_eq!(budget.used.load(Ordering::Relaxed), 0);
    }
}
