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
//! Input never makes anything here panic. Work is linear in its size, memory too: decoding
//! allocates at most 4 bytes for each byte of a packet, 4 KiB, and 40 bytes for each of the at
//! most 512 members it names (ATK-002).
//!
//! # From text to channel and back
//!
//! ```
//! use mpenc_crypto::{SecretBytes, SigningKey, Suite, V1, VerifyingKey};
//! use mpenc_packet::{padding, v1};
//!
//! let key = <V1 as Suite>::SigningKey::from_seed(&SecretBytes::new([7; 32]));
//! let sid_key_hash = [9; 32]; // H(sid ‖ group key)
//!
//! let body = v1::Body::Payload("hello".into());
//! let records = v1::Content { parents: vec![], body }.encode()?;
//! let plaintext = padding::pad(&records, padding::BASE)?;
//! // … which message security encrypts …
//! let fields = v1::DataFields { iv: [0; 12], ciphertext: plaintext };
//! let wire = fields.sign(&key, &sid_key_hash)?.to_wire();
//! assert!(wire.starts_with(b"?mpENC:"));
//!
//! let v1::Packet::Data(packet) = v1::decode(&wire)? else { panic!("it was a data packet") };
//! let author = VerifyingKey::import(&key.public())?;
//! let packet = packet.verify::<V1>(&author, &[v1::DATA_CONTEXT, &sid_key_hash])?;
//! let content = v1::Content::decode(padding::unpad(packet.ciphertext())?)?;
//! assert_eq!(content.body, v1::Body::Payload("hello".into()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![no_std]

extern crate alloc;

pub mod armor;
pub mod padding;
pub mod tlv;
pub mod v1;
pub mod v2;
mod work;
