//! A WebSocket relay that broadcasts packets in rooms ([`Relay`]), and its client as a group
//! channel ([`RelayChannel`]).
//!
//! A room is a channel in the sense of the protocol (CHN): whoever is in it hears everything in
//! one order, its own packets included. The relay holds no secret and needs no trust: what it
//! says about members and their keys is checked, or shown as unverified, by those above. What it
//! demands of clients, such as proof of the identity key that they show, protects names against
//! other clients and not against the relay.
//!
//! Both sides speak the protocol of `docs/relay-protocol.md`, which has everything that a client
//! in another language needs. It runs over plain WebSocket; TLS is the task of a reverse proxy.
//!
//! # One log, many readers
//!
//! A room is a log of recent events, each encoded once. A connection is a position in it. Sending
//! to a hundred members costs one copy in memory, a slow reader costs nothing but its position,
//! and a connection that broke is resumed by going back to a position. Who falls behind the end
//! of the log has lagged: it is closed with a reason, never skipped (CHN-011).
//!
//! # Examples
//!
//! ```
//! use core::future::pending;
//! use mpenc::{Identity, MemberId, SecretBytes};
//! use mpenc::channel::{ChannelEvent, ChannelRequest, GroupChannel};
//! use mpenc_relay::{Relay, RelayChannel, RelayConfig};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Box<dyn core::error::Error>> {
//!     let relay = Relay::bind(([127, 0, 0, 1], 0).into(), RelayConfig::default()).await?;
//!     let url = relay.url();
//!     tokio::spawn(relay.run(pending()));
//!
//!     let identity = Identity::from_seed(&SecretBytes::new([7; 32]));
//!     let mut alice = RelayChannel::connect(&url, "tea", MemberId::new("alice")?, identity).await?;
//!     alice.request(ChannelRequest::Enter).await?;
//!     let ChannelEvent::Entered { members } = alice.next_event().await? else { panic!() };
//!     assert_eq!(members.to_string(), "alice");
//!     Ok(())
//! }
//! ```
#![expect(
    clippy::disallowed_methods,
    reason = "a channel reads the clock and draws randomness by nature"
)]

extern crate alloc;

mod client;
mod config;
mod connection;
#[cfg(test)]
mod corpus;
mod log;
mod loss;
mod registry;
mod room;
mod server;
mod stats;
mod wire;

pub use client::{ConnectError, ConnectionHandle, RelayChannel};
pub use config::RelayConfig;
pub use loss::Loss;
pub use server::Relay;
pub use stats::{RelayCounts, RelayStats, RoomCounts};
