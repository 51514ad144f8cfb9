use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::registry::Registry;

/// What a relay has done so far, readable from anywhere while the relay runs and after it.
#[derive(Clone, Debug)]
pub struct RelayStats {
    registry: Arc<Registry>,
}

/// Counts of a whole relay since it started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RelayCounts {
    /// Packets that entered the order of a room, each counted once whatever the number of
    /// receivers.
    pub packets: u64,
    /// Bytes of these packets, each counted once.
    pub bytes: u64,
    /// Clients closed because they lagged.
    pub lagging: u64,
    /// Members that left because their connection broke and did not come back within the grace.
    pub dropped: u64,
    /// Members that came back within the grace.
    pub resumed: u64,
    /// Connections open now.
    pub connections: usize,
    /// The rooms that exist now.
    pub rooms: BTreeMap<String, RoomCounts>,
}

/// Counts of one room since it came into being.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RoomCounts {
    /// Packets, each counted once.
    pub packets: u64,
    /// Bytes of these packets, each counted once.
    pub bytes: u64,
    /// Members in the room now.
    pub members: usize,
}

/// The counts that outlive rooms.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) packets: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) lagging: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) resumed: AtomicU64,
}

/// Adds to a count; the order relative to other counts does not matter.
pub(crate) fn add(count: &AtomicU64, more: u64) {
    count.fetch_add(more, Ordering::Relaxed);
}

impl RelayStats {
    pub(crate) fn new(registry: Arc<Registry>) -> Self {
        Self { registry }
    }

    /// The counts at this moment.
    #[must_use]
    pub fn counts(&self) -> RelayCounts {
        let totals = self.registry.totals();
        RelayCounts {
            packets: totals.packets.load(Ordering::Relaxed),
            bytes: totals.bytes.load(Ordering::Relaxed),
            lagging: totals.lagging.load(Ordering::Relaxed),
            dropped: totals.dropped.load(Ordering::Relaxed),
            resumed: totals.resumed.load(Ordering::Relaxed),
            connections: self.registry.connections(),
            rooms: self.registry.counts(),
        }
    }
}
