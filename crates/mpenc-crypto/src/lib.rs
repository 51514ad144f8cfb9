//! Cryptography of mpENC behind one interface.
//!
//! [`Suite`] is what every profile needs: hashing, signing, strict verification. Extension traits
//! add what one profile needs: [`GroupDiffieHellman`] and [`StreamCipher`] for v1. [`V1`] is the
//! suite of the original. Nothing here is a primitive of our own: each is a well-kept crate,
//! wrapped so that it cannot be misused in the ways that `spec/attacks.md` lists.
//!
//! The crate draws no randomness: it is an argument. Secrets wipe themselves on drop, cannot be
//! cloned and print as `[redacted]`.
#![no_std]

extern crate alloc;

mod keys;
mod ladder;
mod suite;
mod v1;

pub use keys::{KeyError, PublicKey, SecretBytes, Signature};
pub use ladder::{Signed, Unverified, Verified, VerifyError};
pub use suite::{DhError, GroupDiffieHellman, SigningKey, StreamCipher, Suite, VerifyingKey};
pub use v1::V1;
