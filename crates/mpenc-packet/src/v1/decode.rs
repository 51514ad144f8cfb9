use alloc::vec::Vec;
use core::fmt;

use mpenc_crypto::{Signature, Unverified};
use mpenc_types::guard;
use mpenc_types::limits::{MAX_MEMBERS, MAX_PACKET_LEN};

use super::{DataPacket, ErrorPacket, GreetingPacket, VERSION, record};
use crate::armor::{self, ArmorError};
use crate::tlv::{Reader, TlvError};

/// A decoded packet. Nothing in it is known to be true.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "matched at once; never stored or queued as such")]
pub enum Packet {
    /// Part of a membership operation.
    Greeting(Unverified<GreetingPacket>),
    /// A message.
    Data(Unverified<DataPacket>),
    /// An error text; old peers never send one.
    Error(Unverified<ErrorPacket>),
}

/// What a packet says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PacketKind {
    /// An invitation to speak the protocol: defined, never sent.
    Query,
    /// Part of a membership operation.
    Greeting,
    /// A message.
    Data,
    /// An error text.
    Error,
}

impl PacketKind {
    /// The number on the wire.
    #[must_use]
    pub const fn to_u8(self) -> u8 {
        match self {
            Self::Query => 1,
            Self::Greeting => 2,
            Self::Data => 3,
            Self::Error => 4,
        }
    }

    /// The kind with this number, if there is one. 0 stands for plain text, which is not a packet.
    #[must_use]
    pub const fn from_u8(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Query),
            2 => Some(Self::Greeting),
            3 => Some(Self::Data),
            4 => Some(Self::Error),
            _ => None,
        }
    }
}

/// Why bytes are not a packet of this profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// Text for people.
    Text,
    /// A form of packet that this version does not know.
    UnknownForm,
    /// More bytes than a channel carries (CHN-014, ATK-002).
    TooLong {
        /// Bytes found.
        found: usize,
    },
    /// Not base64 in its canonical form (ATK-007).
    Base64,
    /// Not the records that are due (ATK-001, ATK-004 to ATK-006, ATK-008).
    Record(TlvError),
    /// Another version of the protocol.
    UnknownVersion {
        /// Version found.
        found: u8,
    },
    /// A type of packet that this version does not know.
    UnknownType {
        /// Type found.
        found: u8,
    },
    /// A query, which nobody answers.
    Query,
    /// A type of greeting that does not exist.
    UnknownGreetType {
        /// Type found.
        found: u16,
    },
    /// More entries in a list than a session has members (GKA-031).
    TooMany {
        /// Type of the repeated record.
        kind: u16,
    },
    /// Addressed to one member though for everybody, or the reverse.
    Destination,
    /// Message identifiers that are not in ascending order.
    Unsorted,
    /// A severity that does not exist.
    UnknownSeverity {
        /// Severity found.
        found: u8,
    },
}

impl DecodeError {
    /// Whether this is somebody else's text rather than a bad packet of ours (SES-007).
    #[must_use]
    pub const fn is_foreign(&self) -> bool {
        matches!(
            self,
            Self::Text
                | Self::UnknownForm
                | Self::UnknownVersion { .. }
                | Self::UnknownType { .. }
                | Self::Query
        )
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => ArmorError::Text.fmt(f),
            Self::UnknownForm => ArmorError::UnknownForm.fmt(f),
            Self::TooLong { found } => {
                write!(f, "a packet has at most {MAX_PACKET_LEN} bytes, found {found}")
            }
            Self::Base64 => ArmorError::Base64.fmt(f),
            Self::Record(error) => error.fmt(f),
            Self::UnknownVersion { found } => {
                write!(f, "expected protocol version {VERSION}, found {found}")
            }
            Self::UnknownType { found } => write!(f, "unknown type of packet {found:#04x}"),
            Self::Query => f.write_str("a query, which nobody answers"),
            Self::UnknownGreetType { found } => write!(f, "unknown type of greeting {found:#06x}"),
            Self::TooMany { kind } => write!(f, "more than {MAX_MEMBERS} records {kind:#06x}"),
            Self::Destination => f.write_str("destination does not fit the type of greeting"),
            Self::Unsorted => f.write_str("message identifiers are not in ascending order"),
            Self::UnknownSeverity { found } => write!(f, "unknown severity {found}"),
        }
    }
}

impl core::error::Error for DecodeError {}

impl From<ArmorError> for DecodeError {
    fn from(error: ArmorError) -> Self {
        match error {
            ArmorError::Text => Self::Text,
            ArmorError::UnknownForm => Self::UnknownForm,
            ArmorError::TooLong { found } => Self::TooLong { found },
            ArmorError::Base64 => Self::Base64,
        }
    }
}

impl From<TlvError> for DecodeError {
    fn from(error: TlvError) -> Self {
        Self::Record(error)
    }
}

/// Decodes what the channel carried.
///
/// # Errors
///
/// The first thing found wrong; see [`DecodeError`].
pub fn decode(wire: &[u8]) -> Result<Packet, DecodeError> {
    let bytes = armor::decode(wire)?;
    let mut reader = Reader::new(&bytes);
    let header = Header::read(&mut reader)?;
    match header.kind {
        PacketKind::Query => {
            header.no_hint()?;
            reader.finish()?;
            Err(DecodeError::Query)
        }
        PacketKind::Greeting => {
            header.no_hint()?;
            GreetingPacket::read(header, reader)
                .map(|parts| Packet::Greeting(Unverified::new(parts.into_packet(bytes))))
        }
        PacketKind::Data => DataPacket::read(header, reader)
            .map(|parts| Packet::Data(Unverified::new(parts.into_packet(bytes)))),
        PacketKind::Error => {
            header.no_hint()?;
            ErrorPacket::read(header, reader)
                .map(|parts| Packet::Error(Unverified::new(parts.into_packet(bytes))))
        }
    }
}

/// Says where a packet belongs, from its first bytes alone: cheap, but no promise that
/// [`decode`] will accept the rest.
///
/// # Errors
///
/// As [`decode`], as far as it looked.
pub fn kind(wire: &[u8]) -> Result<PacketKind, DecodeError> {
    let bytes = armor::decode_head(wire, MAX_HEADER_LEN)?;
    Header::read(&mut Reader::new(&bytes)).map(|header| header.kind)
}

/// The records that every packet begins with. The type is read here and nowhere else (ATK-014).
#[derive(Clone, Debug)]
pub(crate) struct Header {
    pub(crate) hint: Option<u8>,
    pub(crate) signature: Option<Signature>,
    /// Where the signed part begins.
    pub(crate) signed_from: usize,
    pub(crate) kind: PacketKind,
}

impl Header {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let stray = match guard!("type-fixed-position") {
            true => None,
            false => reader.take_if(record::MESSAGE_TYPE)?,
        };
        let hint = match reader.peek()? {
            Some(next) if next.kind == record::SIDKEY_HINT => {
                let [hint] = reader.take_array(record::SIDKEY_HINT)?;
                Some(hint)
            }
            _ => None,
        };
        let signature = match reader.peek()? {
            Some(next) if next.kind == record::MESSAGE_SIGNATURE => {
                Some(Signature::new(reader.take_array(record::MESSAGE_SIGNATURE)?))
            }
            _ => None,
        };
        let signed_from = reader.position();
        let [version] = reader.take_array(record::PROTOCOL_VERSION)?;
        if guard!("version-bound") && version != VERSION {
            return Err(DecodeError::UnknownVersion { found: version });
        }
        let [kind] = reader.take_array(record::MESSAGE_TYPE)?;
        let kind = stray.and_then(|value| value.first().copied()).unwrap_or(kind);
        let kind = PacketKind::from_u8(kind).ok_or(DecodeError::UnknownType { found: kind })?;
        Ok(Self { hint, signature, signed_from, kind })
    }

    /// The signature of a packet that must have one (SKE-006).
    pub(crate) fn signature(&self) -> Result<Signature, DecodeError> {
        let any = if guard!("sig-required") { None } else { Some(Signature::new([0; 64])) };
        self.signature.or(any).ok_or(DecodeError::Record(TlvError::Unexpected {
            expected: record::MESSAGE_SIGNATURE,
            found: Some(record::PROTOCOL_VERSION),
        }))
    }

    /// The hint of a packet that must have one.
    pub(crate) fn hint(&self) -> Result<u8, DecodeError> {
        self.hint.ok_or(DecodeError::Record(TlvError::Unexpected {
            expected: record::SIDKEY_HINT,
            found: Some(self.first_after_hint()),
        }))
    }

    fn no_hint(&self) -> Result<(), DecodeError> {
        match self.hint {
            None => Ok(()),
            Some(_) => Err(DecodeError::Record(TlvError::Unexpected {
                expected: record::MESSAGE_SIGNATURE,
                found: Some(record::SIDKEY_HINT),
            })),
        }
    }

    const fn first_after_hint(&self) -> u16 {
        if self.signature.is_some() { record::MESSAGE_SIGNATURE } else { record::PROTOCOL_VERSION }
    }
}

/// Reads a run of equal records into a list of exactly as many entries.
pub(crate) fn list<'a, T>(
    reader: &mut Reader<'a>,
    kind: u16,
    limit: usize,
    mut entry: impl FnMut(&'a [u8], usize) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    //= docs/spec/protocol.md#GKA-031
    let count = reader.count(kind, limit)?;
    if guard!("max-members") && count > limit {
        return Err(DecodeError::TooMany { kind });
    }
    let mut entries = Vec::with_capacity(count);
    while let Some(value) = reader.take_if(kind)? {
        entries.push(entry(value, entries.len())?);
        if !guard!("linear-scan") {
            reader.count(kind, limit)?;
        }
    }
    Ok(entries)
}

/// Hint, signature, version and type.
const MAX_HEADER_LEN: usize = 5 + 68 + 5 + 5;
