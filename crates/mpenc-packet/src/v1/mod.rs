//! Packets of the v1 profile, byte for byte those of the original (wire-v1.md).
//!
//! # Stricter than the original
//!
//! [`decode`] takes only what honest old peers write, although old peers read more: base64 without
//! padding or with white space, records after the last expected one, greeting packets without
//! signature, fields of other widths, lists that do not belong to the type of greeting. What is
//! left out is what makes one packet look like another (ATK-004 to ATK-008).

mod body;
mod content;
mod data;
mod decode;
mod encode;
mod error_packet;
mod greet_type;
mod greeting;
mod json;
mod order;
pub mod record;

pub use body::{Body, BodyError};
pub use content::{Content, ContentError};
pub use data::{DataFields, DataPacket};
pub use decode::{DecodeError, Packet, PacketKind, decode, kind};
pub use encode::EncodeError;
pub(crate) use encode::purpose;
pub use error_packet::{ErrorFields, ErrorPacket, Severity, SignedError};
pub use greet_type::{GreetType, GreetingOperation};
pub use greeting::{GreetingFields, GreetingMetadata, GreetingPacket};
pub use mpenc_types::PacketRole;
pub use order::{chain_extend, chain_start, leave_packet_id, packet_id};

//= docs/spec/protocol.md#SKE-007
/// What the signature of a greeting packet covers before the signed bytes.
pub const GREETING_CONTEXT: &[u8] = b"greetmsgsig";
/// What the signature of a data packet covers before the subsession's hash and the signed bytes.
pub const DATA_CONTEXT: &[u8] = b"datamsgsig";
/// What the signature of an error packet covers before the signed bytes.
pub const ERROR_CONTEXT: &[u8] = b"errormsgsig";

/// Bytes of a message identifier in this profile.
pub const MESSAGE_ID_LEN: usize = 20;

const VERSION: u8 = 1;
