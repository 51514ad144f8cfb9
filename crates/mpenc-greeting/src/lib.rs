//! Membership operations of mpENC.
//!
//! [`Greeter`] is what a session knows of them. [`BroadcastGreeter`] performs them for the second
//! profile: authenticated Burmester–Desmedt with key confirmation, in three rounds.
//! [`CliquesGreeter`] performs them as the original does: CLIQUES group key agreement with an
//! authenticated exchange of signature keys.
//!
//! The crate knows nothing of messages, of the order in which proposals are accepted, or of time.
//! It draws no randomness of its own, and every packet is verified before it changes anything.
//!
//! # Example
//!
//! Two members on a channel that delivers every packet to both, in one order:
//!
//! ```
//! use std::sync::Arc;
//!
//! use mpenc_crypto::{SigningKey, Suite, V2};
//! use mpenc_greeting::{BroadcastGreeter, Greeter, Inspection, Metadata, Outcome};
//! use mpenc_types::{ChainHash, MemberId, MemberSet, PacketId};
//! use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
//!
//! let mut rng = ChaCha20Rng::from_seed([7; 32]); // a real program asks the system
//! let names = ["alice", "bob"].map(|name| MemberId::new(name).unwrap());
//! let keys = [(); 2].map(|()| Arc::new(<V2 as Suite>::SigningKey::generate(&mut rng)));
//! let mut greeters: Vec<BroadcastGreeter<V2>> = Vec::new();
//! for (name, key) in names.iter().zip(&keys) {
//!     let mut greeter = BroadcastGreeter::new(name.clone(), key.clone(), "a label");
//!     for (other, key) in names.iter().zip(&keys) {
//!         greeter.set_identity(other, Some(key.public()));
//!     }
//!     greeters.push(greeter);
//! }
//!
//! let next: MemberSet = names.iter().collect();
//! let metadata = Metadata {
//!     prev_final: PacketId::new([1; 32]),
//!     prev_chain: ChainHash::new([2; 32]),
//!     heads: Vec::new(),
//! };
//! let mut channel = vec![(names[0].clone(), greeters[0].propose(&mut rng, &next, metadata)?)];
//! let mut secrets = Vec::new();
//! while !channel.is_empty() {
//!     let (sender, packet) = channel.remove(0);
//!     for (name, greeter) in names.iter().zip(&mut greeters) {
//!         // Here a session asks the server order about initial and final packets.
//!         let progress = match greeter.inspect(&sender, &packet)? {
//!             Inspection::Initial(_) => greeter.start(&mut rng, &sender, &packet)?,
//!             _ => greeter.handle(&mut rng, &sender, &packet)?,
//!         };
//!         channel.extend(progress.outgoing.into_iter().map(|out| (name.clone(), out.packet)));
//!         if let Outcome::Complete(staged) = progress.outcome {
//!             secrets.push(*greeter.merge(staged).unwrap().secret.expose());
//!         }
//!     }
//! }
//! assert_eq!(secrets.len(), 2);
//! assert_eq!(secrets[0], secrets[1]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![no_std]

extern crate alloc;

mod greeter;
#[cfg(feature = "hazmat")]
pub mod hazmat;
mod v1;
mod v2;

pub use greeter::*;
pub use v1::CliquesGreeter;
pub use v2::BroadcastGreeter;
