//! For tests and fuzzing only (feature `testing`): a suite that protects nothing, and a check
//! that any suite keeps the promises of its traits.
//!
//! # Security
//!
//! No program and no default build turns the feature on; `cargo xtask tidy` fails if one does.

mod check;
mod check_broadcast;
#[cfg(test)]
mod flawed;
mod transparent;
mod transparent_broadcast;

pub use check::{Violation, check_group, check_stream_cipher, check_suite};
pub use check_broadcast::{
    check_aead, check_broadcast_suite, check_framed_hash, check_key_derivation,
    check_prime_order_group, check_proof,
};
pub use transparent::Transparent;
