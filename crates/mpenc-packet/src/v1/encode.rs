use alloc::vec::Vec;
use core::fmt;

use mpenc_crypto::Signature;
use mpenc_types::guard;
use mpenc_types::limits::{MAX_MEMBERS, MAX_PACKET_LEN};

use super::decode::PacketKind;
use super::{VERSION, record};
use crate::armor::armored_len;
use crate::padding::TooLarge;
use crate::tlv::{ValueTooLong, Writer};

/// Why a value has no encoding that every reader would accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// A field does not fit a record.
    ValueTooLong(ValueTooLong),
    /// The packet would be longer than a channel carries (CHN-014).
    PacketTooLong {
        /// Bytes of the packet as the channel would carry it.
        found: usize,
    },
    /// The records of a message are more than padding can wrap (MSG-007).
    TooLarge(TooLarge),
    /// A list has more entries than a session has members (GKA-031).
    TooMany {
        /// Type of the repeated record.
        kind: u16,
        /// Entries found.
        found: usize,
    },
    /// A field is present that the type of packet has no place for, lacks one that it demands, or
    /// is out of order.
    Misfit {
        /// Type of the record.
        kind: u16,
    },
    /// A text without characters (MOD-009).
    EmptyText,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ValueTooLong(error) => error.fmt(f),
            Self::PacketTooLong { found } => {
                write!(
                    f,
                    "a packet has at most {MAX_PACKET_LEN} bytes, this one would have {found}"
                )
            }
            Self::TooLarge(error) => error.fmt(f),
            Self::TooMany { kind, found } => write!(
                f,
                "a session has at most {MAX_MEMBERS} members, but there are {found} records \
                 {kind:#06x}"
            ),
            Self::Misfit { kind } => {
                write!(f, "record {kind:#06x} does not fit the type of the packet")
            }
            Self::EmptyText => f.write_str("a message must not be empty"),
        }
    }
}

impl core::error::Error for EncodeError {}

impl From<ValueTooLong> for EncodeError {
    fn from(error: ValueTooLong) -> Self {
        Self::ValueTooLong(error)
    }
}

impl From<TooLarge> for EncodeError {
    fn from(error: TooLarge) -> Self {
        Self::TooLarge(error)
    }
}

/// Begins the signed part of a packet.
pub(crate) fn signed_part(kind: PacketKind) -> Result<Writer, EncodeError> {
    let mut writer = Writer::new();
    writer.push(record::PROTOCOL_VERSION, &[VERSION])?;
    writer.push(record::MESSAGE_TYPE, &[kind.to_u8()])?;
    Ok(writer)
}

/// The label that says what a signature is for (ATK-015).
pub(crate) fn purpose(context: &'static [u8]) -> &'static [u8] {
    if guard!("sig-context") { context } else { b"" }
}

/// Puts together hint, signature and signed part. Returns where the signed part begins, too.
pub(crate) fn assemble(
    hint: Option<u8>,
    signature: Option<&Signature>,
    signed: &[u8],
) -> Result<(Vec<u8>, usize), EncodeError> {
    let mut writer = Writer::new();
    if let Some(hint) = hint {
        writer.push(record::SIDKEY_HINT, &[hint])?;
    }
    if let Some(signature) = signature {
        writer.push(record::MESSAGE_SIGNATURE, signature.as_bytes())?;
    }
    let mut bytes = writer.into_bytes();
    let signed_from = bytes.len();
    bytes.extend_from_slice(signed);
    let found = armored_len(bytes.len());
    if found > MAX_PACKET_LEN {
        return Err(EncodeError::PacketTooLong { found });
    }
    Ok((bytes, signed_from))
}
