//! Secure group conversations over any channel that broadcasts packets.
//!
//! People who talk in a group through somebody else's server want to know who can read this, who
//! wrote that, in which order and in answer to what, and whether everybody has seen the same.
//! This crate answers all four end to end. The channel below it only has to broadcast packets; it
//! is trusted with nothing.
//!
//! # First encrypted group message
//!
//! ```
//! use mpenc::{Identity, MemberId, client::Client, memory::Room};
//!
//! # #[cfg(not(feature = "async"))] fn main() {}
//! # #[cfg(feature = "async")]
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let room = Room::new(); // a channel in memory; see GroupChannel for real ones
//!     let open = |name| -> Result<_, Box<dyn std::error::Error>> {
//!         let identity = Identity::random()?;
//!         let channel = room.channel(MemberId::new(name)?, identity.public())?;
//!         Ok(Client::new(MemberId::new(name)?, identity)?.open(channel))
//!     };
//!     let (alice, bob) = (open("alice")?, open("bob")?);
//!     alice.join().await?;
//!     let invited = bob.join(); // resolves once somebody has included bob
//!     alice.include([MemberId::new("bob")?]).await?;
//!     invited.await?;
//!     alice.send("hello, bob")?;
//!     while bob.texts().is_empty() { bob.next_notice().await; }
//!     assert_eq!(bob.texts()[0].1, "hello, bob");
//!     Ok(())
//! }
//! ```
//!
//! # Two layers
//!
//! * [`Session`] is the engine without input or output of its own: events, requests, time and
//!   randomness go in, packets and notices come out. It works without `std`.
//! * [`client`] runs one over a [`GroupChannel`](channel::GroupChannel), with futures that resolve
//!   when an operation has ended. It needs the default feature `async` and a tokio runtime.
//!
//! # Texts that wait
//!
//! [`queue::SendQueue`] keeps texts that are written while nobody is there, and those that did not
//! reach everybody, and sends them later where that cannot change what they mean.
//!
//! # What to show people
//!
//! [`Notice`] says what happened, and what may and may not be concluded from it. Everything that a
//! notice said can be asked for later: [`Session::unacked_by`], [`Session::members`],
//! [`Session::operation`], [`Session::is_consistent`] and their neighbours.
//!
//! # Profiles
//!
//! A session speaks [`Profile::V2`] unless told otherwise: keys agreed on in three rounds and
//! confirmed by everybody, a key for each message, and an account of the operations in every
//! message. [`Profile::V1`] is the protocol of an implementation from 2016, for talking to that;
//! [`SessionConfig::profile`] chooses it. All members of a session have the same, nothing is
//! negotiated.
//!
//! # Security
//!
//! Not audited. The documentation of [`Profile`] and `docs/threat-model.md` say what each profile
//! protects and what not. With v2, members should compare [`Session::fingerprint`] once.
//! The existence of a session, its membership and the time and size of its packets are visible to
//! the channel (SEC-004). Whose identity key is whose is for the application to find out: see
//! [`Directory`](client::Directory).
#![no_std]

extern crate alloc;
#[cfg(feature = "async")]
extern crate std;

pub mod channel;
#[cfg(feature = "async")]
pub mod client;
mod config;
pub mod content;
mod identity;
#[cfg(feature = "async")]
pub mod memory;
mod profile;
pub mod queue;
pub mod security;
pub mod session;

pub use config::{BuildError, SessionConfig};
pub use identity::Identity;
pub use mpenc_crypto::{PublicKey, SecretBytes, Signature};
pub use mpenc_greeting::{AbortReason, FailureCause};
pub use mpenc_liveness::{Deadline, Flow, PresenceState, Preset, TimerKind, Timing, UnknownPreset};
pub use mpenc_types::*;
pub use profile::{Profile, UnknownProfile};
pub use security::{BadEvidence, ForkEvidence};
#[cfg(feature = "testing")]
#[doc(hidden)]
pub use session::Rewritten;
pub use session::{
    AbortError, BadMessage, Change, ChangeError, Disposition, Env, FailReason, Fingerprint, Health,
    Message, Notice, OperationError, OperationId, OperationView, RejectReason, SendError, Session,
    SessionState,
};
#[cfg(feature = "inspect")]
pub use session::{Revealed, Secrets};
