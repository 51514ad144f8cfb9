//! Bytes to typed, unverified packets and back, for both profiles.
//!
//! [`v1`] is the format of the original: text around base64 around records with a type and a
//! length. [`v2`] is binary, every field at a place that follows from those before it. They share
//! no packet: a v1 packet begins with `?`, a v2 packet with `02`.
//!
//! ```text
//!  v1: channel bytes ── armor ──> records (tlv) ── v1::decode ──> Unverified<…Packet>
//!      plaintext ── padding::unpad ──> records (tlv) ── v1::Content::decode ──> parents, body
//!
//!  v2: channel bytes ── v2::decode_greeting ──> Unverified<…Packet>
//!      channel bytes ── v2::DataPacket::decode ──> tag, nonce, ciphertext
//!      plaintext ── v2::Plaintext::decode ──> signature, content ── v2::Content::decode ──> body
//! ```
//!
//! Every format has exactly one encoding of each value and decoding accepts nothing else, so
//! that equal bytes and equal meaning are the same thing (ATK-004 to ATK-008). The one exception
//! is the JSON text inside a v1 message, where old peers write one form but read many; see
//! [`v1::Body::decode`].
//!
//! The crate knows nothing of secrets and keeps no state. A decoded packet that carries a
//! signature remembers the exact bytes that it covers, and comes out as
//! [`Unverified`](mpenc_crypto::Unverified): only a key turns it into something to act upon. In
//! v2 the signature of a message is under the encryption.
//! Input never makes anything here panic. Work is linear in its size, memory too: decoding
//! allocates at most 4 bytes for each byte of a packet, 4 KiB, and for each of the at most 512
//! members it names 40 bytes in v1, 80 in v2 (ATK-002).
//!
//! # From text to channel and back, in v1
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
//!
//! # A signed packet of v2
//!
//! ```
//! use mpenc_crypto::{SecretBytes, SignLabel, SigningKey, Suite, V2, VerifyingKey};
//! use mpenc_packet::v2::{self, AbortFields, AbortReason, Greeting, OpId};
//!
//! let key = <V2 as Suite>::SigningKey::from_seed(&SecretBytes::new([7; 32]));
//! let fields = AbortFields { op: OpId::new([9; 32]), place: 0, reason: AbortReason::Asked };
//! let packet = fields.sign(&key)?.to_wire();
//! assert_eq!(packet[..4], [0x02, 0x02, 0x01, 0x05]);
//!
//! let Greeting::Abort(found) = v2::decode_greeting(&packet)? else { panic!("it was an abort") };
//! let member = VerifyingKey::import(&key.public())?;
//! let found = found.verify::<V2>(&member, &[SignLabel::ABORT.as_bytes()])?;
//! assert_eq!(found.fields().reason, AbortReason::Asked);
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
