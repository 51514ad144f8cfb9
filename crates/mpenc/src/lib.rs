//! Secure group conversations over any channel that broadcasts packets.
#![no_std]

extern crate alloc;

pub mod channel;
mod identity;

pub use identity::Identity;
pub use mpenc_crypto::{PublicKey, SecretBytes, Signature};
pub use mpenc_liveness as liveness;
pub use mpenc_types::*;
