use std::collections::BTreeMap;

/// What a relay has done so far, readable from anywhere while the relay runs.
#[derive(Clone, Debug)]
pub struct RelayStats {}

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

impl RelayStats {
    /// The counts at this moment.
    #[must_use]
    pub fn counts(&self) -> RelayCounts {
        RelayCounts::default()
    }
}
