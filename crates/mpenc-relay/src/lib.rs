//! A WebSocket relay that broadcasts packets in rooms ([`Relay`]), and its client as a group
//! channel ([`RelayChannel`]).

extern crate alloc;

mod client;
mod config;
mod connection;
mod log;
mod registry;
mod room;
mod server;
mod stats;
mod wire;

pub use client::{ConnectError, ConnectionHandle, RelayChannel};
pub use config::RelayConfig;
pub use server::Relay;
pub use stats::{RelayCounts, RelayStats, RoomCounts};
