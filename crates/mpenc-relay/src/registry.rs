use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::RelayConfig;
use crate::log::{Budget, ConnectionId};
use crate::room::Room;
use crate::stats::{RoomCounts, Totals};
use crate::wire::Closing;

/// All that the connections of a relay share.
#[derive(Debug)]
pub(crate) struct Registry {
    config: RelayConfig,
    rooms: Mutex<BTreeMap<String, Arc<SharedRoom>>>,
    budget: Arc<Budget>,
    totals: Arc<Totals>,
    next_connection: AtomicU64,
    permits: Arc<Semaphore>,
    stop: watch::Sender<bool>,
}

/// A room, and a signal to everybody who waits for its next event.
#[derive(Debug)]
pub(crate) struct SharedRoom {
    room: Mutex<Room>,
    head: watch::Sender<u64>,
}

impl Registry {
    pub(crate) fn new(mut config: RelayConfig) -> Self {
        // A timer needs a period.
        config.ping_interval = config.ping_interval.max(Duration::from_millis(1));
        Self {
            rooms: Mutex::new(BTreeMap::new()),
            budget: Arc::new(Budget::new(config.backlog, config.backlog_total)),
            totals: Arc::new(Totals::default()),
            next_connection: AtomicU64::new(0),
            permits: Arc::new(Semaphore::new(config.max_connections.min(Semaphore::MAX_PERMITS))),
            stop: watch::Sender::new(false),
            config,
        }
    }

    pub(crate) fn config(&self) -> &RelayConfig {
        &self.config
    }

    pub(crate) fn totals(&self) -> &Totals {
        &self.totals
    }

    /// The counts of every room there is.
    pub(crate) fn counts(&self) -> BTreeMap<String, RoomCounts> {
        let rooms = lock(&self.rooms);
        rooms.iter().map(|(name, room)| (name.clone(), lock(&room.room).counts())).collect()
    }

    /// Connections open now.
    pub(crate) fn connections(&self) -> usize {
        let all = self.config.max_connections.min(Semaphore::MAX_PERMITS);
        all.saturating_sub(self.permits.available_permits())
    }

    /// Permission for one more connection, unless there are too many.
    pub(crate) fn permit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.permits).try_acquire_owned().ok()
    }

    pub(crate) fn next_connection(&self) -> ConnectionId {
        ConnectionId(self.next_connection.fetch_add(1, Ordering::Relaxed))
    }

    /// Becomes true when the relay shuts down.
    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// Tells every connection to end.
    pub(crate) fn tell_to_stop(&self) {
        self.stop.send_replace(true);
    }

    /// Tells every connection to end, and waits until all have.
    pub(crate) async fn stop(&self) {
        self.tell_to_stop();
        self.stop.closed().await;
    }

    /// Does something in the room of that name, which comes into being if there is none.
    pub(crate) fn in_room<T>(
        &self,
        name: &str,
        act: impl FnOnce(&mut Room) -> Result<T, Closing>,
    ) -> Result<(Arc<SharedRoom>, T), Closing> {
        // The list stays locked meanwhile, so that no room vanishes under a newcomer.
        let mut rooms = lock(&self.rooms);
        let known = rooms.get(name).map(Arc::clone);
        let room = match &known {
            Some(room) => Arc::clone(room),
            None if rooms.len() >= self.config.max_rooms => {
                return Err(Closing::new(Closing::FULL, "the relay has too many rooms"));
            }
            None => Arc::new(SharedRoom::new(Room::new(
                Arc::clone(&self.budget),
                Arc::clone(&self.totals),
                self.config.max_room_members,
                self.config.lose,
            ))),
        };
        let done = room.with(act)?;
        if known.is_none() {
            rooms.insert(name.to_owned(), Arc::clone(&room));
        }
        Ok((room, done))
    }

    /// Lets the room of that name vanish if nobody is left in it.
    pub(crate) fn prune(&self, name: &str) {
        let mut rooms = lock(&self.rooms);
        if rooms.get(name).is_some_and(|room| lock(&room.room).is_empty()) {
            rooms.remove(name);
        }
    }
}

impl SharedRoom {
    fn new(room: Room) -> Self {
        let head = watch::Sender::new(room.head());
        Self { room: Mutex::new(room), head }
    }

    /// Does something in the room, and wakes everybody if it led to an event.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Room) -> T) -> T {
        let mut room = lock(&self.room);
        let before = room.head();
        let done = act(&mut room);
        let head = room.head();
        drop(room);
        if head != before {
            self.head.send_replace(head);
        }
        done
    }

    /// Changes with every event.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }
}

/// Locks, also after a panic elsewhere: what is behind these locks is consistent between calls.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
