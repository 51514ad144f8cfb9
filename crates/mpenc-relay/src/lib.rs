//! A WebSocket relay that broadcasts packets in rooms ([`Relay`]), and its client as a group
//! channel ([`RelayChannel`]).

mod client;
mod config;
mod server;
mod stats;

pub use client::{ConnectError, ConnectionHandle, RelayChannel};
pub use config::RelayConfig;
pub use server::Relay;
pub use stats::{RelayCounts, RelayStats, RoomCounts};
