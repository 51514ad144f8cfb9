//! The text form of packets: `?mpENC:` ‖ base64 ‖ `.` (wire-v1.md section 2).
//!
//! Base64 is the standard alphabet with padding, and has one form for each byte string: no white
//! space, no missing padding, no spare bits (ATK-007). Old peers read looser forms but never
//! write them.

use alloc::vec::Vec;
use core::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use mpenc_types::guard;
use mpenc_types::limits::MAX_PACKET_LEN;

/// Every text that begins so belongs to the protocol, though perhaps to a form that this version
/// does not know.
pub const PROTOCOL: &[u8] = b"?mpENC";

/// Begins an armoured packet.
pub const BEGIN: &[u8] = b"?mpENC:";

/// Ends an armoured packet.
pub const END: &[u8] = b".";

/// Why a text is not an armoured packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArmorError {
    /// It does not begin with `?mpENC`: text for people, not a packet.
    Text,
    /// It begins with `?mpENC` but goes on in a form that this version does not know, or ends
    /// early.
    UnknownForm,
    /// More than [`MAX_PACKET_LEN`] bytes; not looked into (ATK-002).
    TooLong {
        /// Bytes found.
        found: usize,
    },
    /// What it wraps is not base64 in its one permitted form (ATK-007).
    Base64,
}

impl fmt::Display for ArmorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("not a packet of this protocol"),
            Self::UnknownForm => f.write_str("unknown form of packet"),
            Self::TooLong { found } => {
                write!(f, "a packet has at most {MAX_PACKET_LEN} bytes, found {found}")
            }
            Self::Base64 => f.write_str("not base64 in its canonical form"),
        }
    }
}

impl core::error::Error for ArmorError {}

/// Bytes of the armoured form of `len` bytes.
#[must_use]
pub const fn armored_len(len: usize) -> usize {
    len.div_ceil(3).saturating_mul(4).saturating_add(BEGIN.len() + END.len())
}

/// Wraps bytes for the channel.
#[must_use]
pub fn encode(bytes: &[u8]) -> Vec<u8> {
    let mut wire = alloc::string::String::with_capacity(armored_len(bytes.len()));
    wire.push_str("?mpENC:");
    STANDARD.encode_string(bytes, &mut wire);
    wire.push('.');
    wire.into_bytes()
}

/// Unwraps what the channel carried.
///
/// # Errors
///
/// One [`ArmorError`] for each condition.
pub fn decode(wire: &[u8]) -> Result<Vec<u8>, ArmorError> {
    let body = body(wire)?;
    let decoded =
        if guard!("strict-base64") { STANDARD.decode(body) } else { LENIENT.decode(body) };
    decoded.map_err(|_| ArmorError::Base64)
}

/// Unwraps at most the first `len` bytes, for a look at the header. The rest is not checked.
pub(crate) fn decode_head(wire: &[u8], len: usize) -> Result<Vec<u8>, ArmorError> {
    let body = body(wire)?;
    let head = body.get(..len.div_ceil(3).saturating_mul(4)).unwrap_or(body);
    STANDARD.decode(head).map_err(|_| ArmorError::Base64)
}

/// The base64 text between beginning and end.
fn body(wire: &[u8]) -> Result<&[u8], ArmorError> {
    if !wire.starts_with(PROTOCOL) {
        return Err(ArmorError::Text);
    }
    if guard!("alloc-cap") && wire.len() > MAX_PACKET_LEN {
        return Err(ArmorError::TooLong { found: wire.len() });
    }
    wire.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END)).ok_or(ArmorError::UnknownForm)
}

/// What old peers read: spare bits may be set, padding may be missing.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
