//! Bytes to typed, unverified packets and back.
//!
//! ```text
//!  channel bytes ── armor ──> records (tlv) ── v1::decode ──> Unverified<…Packet>
//!  plaintext ── padding::unpad ──> records (tlv) ── v1::Content::decode ──> parents, body
//! ```
//!
//! Every format has exactly one encoding of each value and decoding accepts nothing else, so
//! that equal bytes and equal meaning are the same thing (ATK-004 to ATK-008). The one exception
//! is the JSON text inside a message, where old peers write one form but read many; see
//! [`v1::Body::decode`].
//!
//! The crate knows nothing of secrets and keeps no state. A decoded packet remembers the exact
//! bytes that its signature covers, and comes out as
//! [`Unverified`](mpenc_crypto::Unverified): only a key turns it into something to act upon.
//! Input never makes anything here panic; work and memory are linear in its size.
#![no_std]

extern crate alloc;

pub mod armor;
pub mod padding;
pub mod tlv;
pub mod v1;
