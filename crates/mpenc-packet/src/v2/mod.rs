//! Packets of the second profile (wire-v2.md): binary, every field at a place that follows from
//! those before it.
//!
//! ```text
//!  channel bytes ── kind ──> decode_greeting ──> Unverified<…Packet>
//!                       ├──> DataPacket::decode ── (decryption) ──> Plaintext ──> Content
//!                       ├──> RequestPacket::decode ── (decryption) ──> Request
//!                       └──> PublicationPacket::decode
//! ```
//!
//! Greeting packets are made by `…Fields::sign` and come out of [`decode_greeting`]; those of the
//! outside of a message are plain values. Lists come out in ascending order, without repetition.
//!
//! # Security
//!
//! Public keys, points, scalars and nonces are bytes as they travel: whoever uses them validates
//! them. What a signature covers begins with a label of [`SignLabel`](mpenc_crypto::SignLabel)
//! and the packet's header, so that a packet verifies as nothing else (ATK-014, ATK-015):
//!
//! | packet | verify with context | key |
//! | --- | --- | --- |
//! | [`InitialPacket`] | `SignLabel::INITIAL` | identity |
//! | [`ContributionPacket`] | `SignLabel::CONTRIBUTION` | identity |
//! | [`SharePacket`] | `SignLabel::SHARE`, `ctx` | ephemeral |
//! | [`ConfirmationPacket`] | `SignLabel::CONFIRMATION` | identity |
//! | [`AbortPacket`] | `SignLabel::ABORT` | identity |

mod abort;
mod body;
mod confirmation;
mod content;
mod contribution;
mod data;
mod error;
mod greeting;
mod header;
mod initial;
mod order;
mod part;
mod plaintext;
mod publication;
mod reader;
mod request;
mod share;
mod signed;

pub use abort::{AbortFields, AbortPacket, AbortReason};
pub use body::{Body, BodyError, ErrorCode, MAX_BODY_LEN, MAX_TEXT};
pub use confirmation::{ConfirmationFields, ConfirmationPacket};
pub use content::{Content, ContentError, MAX_CONTENT_LEN, MAX_PARENTS};
pub use contribution::{Contribution, ContributionFields, ContributionPacket};
pub use data::{AAD_LEN, AUTHENTICATOR_LEN, DataPacket};
pub use error::{DecodeError, EncodeError, Misfit};
pub use greeting::{Greeting, decode_greeting};
pub use header::{HEADER_LEN, PROFILE, PacketKind, SUITE, kind};
pub use initial::{Entry, InitialFields, InitialPacket};
pub use order::{
    OpId, chain_extend, chain_start, leave_packet_id, operation_id, packet_id, session_label,
};
pub use part::{MAX_CONTENT, MAX_PARTS, Part, PartStart, content_digest, split};
pub use plaintext::{MAX_PLAINTEXT_LEN, MIN_PLAINTEXT_LEN, Plaintext, padded_len};
pub use publication::PublicationPacket;
pub use reader::FieldError;
pub use request::{
    MAX_COUNTS, MAX_HELD, MAX_WANTED, REQUEST_AAD_LEN, REQUEST_MARK_LEN, Request, RequestPacket,
};
pub use share::{ShareFields, SharePacket};
