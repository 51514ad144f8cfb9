use core::fmt;

use mpenc_types::MemberIdError;
use mpenc_types::limits::MAX_PACKET_LEN;

use super::header::{PROFILE, PacketKind, SUITE};
use super::reader::FieldError;

/// Why bytes are not a packet of this profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// Another profile, or no packet at all.
    UnknownProfile {
        /// First byte.
        found: u8,
    },
    /// Another suite (ATK-018).
    UnknownSuite {
        /// Number found.
        found: u16,
    },
    /// A kind of packet that this version does not know.
    UnknownKind {
        /// Number found.
        found: u8,
    },
    /// More bytes than a channel carries (CHN-014, ATK-002).
    TooLong {
        /// Bytes found.
        found: usize,
    },
    /// A packet, but not of the kind asked for.
    OtherKind(PacketKind),
    /// Not the fields that are due (ATK-001, ATK-004 to ATK-006).
    Field(FieldError),
    /// A name that nobody can have (ATK-011, ATK-012).
    Name(MemberIdError),
    /// Flags that are reserved.
    Flags {
        /// Byte found.
        found: u8,
    },
    /// A reason to abort that does not exist.
    Reason {
        /// Byte found.
        found: u8,
    },
    /// Fields that contradict each other.
    Misfit(Misfit),
    /// A ciphertext of a length that no padded message has.
    Length {
        /// Bytes found.
        found: usize,
    },
}

impl DecodeError {
    /// Whether this is somebody else's packet rather than a bad one of ours (V2-001).
    #[must_use]
    pub const fn is_foreign(&self) -> bool {
        matches!(
            self,
            Self::UnknownProfile { .. } | Self::UnknownSuite { .. } | Self::UnknownKind { .. }
        )
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownProfile { found } => {
                write!(f, "expected profile {PROFILE:#04x}, found {found:#04x}")
            }
            Self::UnknownSuite { found } => {
                write!(f, "expected suite {SUITE:#06x}, found {found:#06x}")
            }
            Self::UnknownKind { found } => write!(f, "unknown kind of packet {found:#04x}"),
            Self::TooLong { found } => {
                write!(f, "a packet has at most {MAX_PACKET_LEN} bytes, found {found}")
            }
            Self::OtherKind(kind) => write!(f, "packet is of another kind: {kind:?}"),
            Self::Field(error) => error.fmt(f),
            Self::Name(error) => error.fmt(f),
            Self::Flags { found } => write!(f, "reserved flags {found:#04x}"),
            Self::Reason { found } => write!(f, "unknown reason to abort {found:#04x}"),
            Self::Misfit(error) => error.fmt(f),
            Self::Length { found } => write!(f, "no padded message has {found} bytes"),
        }
    }
}

impl core::error::Error for DecodeError {}

impl From<FieldError> for DecodeError {
    fn from(error: FieldError) -> Self {
        Self::Field(error)
    }
}

impl From<Misfit> for DecodeError {
    fn from(error: Misfit) -> Self {
        Self::Misfit(error)
    }
}

/// Fields of a greeting packet that contradict each other (wire-v2.md section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// An operation without anybody.
    Nobody,
    /// A member that is in neither membership.
    Neither,
    /// A place that nobody can have, or at which the initiator cannot be.
    Place,
    /// A member alone that stays alone.
    Nothing,
    /// A contribution where there is nobody to share a key with, or none where there is.
    Contribution,
    /// A subject for a reason that has none, or none for one that has.
    Subject,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nobody => "an operation needs members",
            Self::Neither => "an operation names somebody who is in neither membership",
            Self::Place => "place is outside the membership",
            Self::Nothing => "an operation of one member alone changes nothing",
            Self::Contribution => "contribution does not fit the number of members",
            Self::Subject => "subject does not fit the reason to abort",
        })
    }
}

impl core::error::Error for Misfit {}

/// Why a value has no encoding that every reader would accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// A list has too many entries.
    TooMany {
        /// Entries found.
        found: usize,
        /// Entries it may have.
        limit: usize,
    },
    /// An entry of a list is there twice.
    Duplicate,
    /// A name that nobody can have (ATK-011, ATK-012).
    Name(MemberIdError),
    /// Fields that contradict each other.
    Misfit(Misfit),
    /// A message identifier of another profile: it has not 32 bytes.
    Identifier {
        /// Bytes found.
        found: usize,
    },
    /// A text of no bytes, or of more than a message or a content holds.
    Text {
        /// Bytes found.
        found: usize,
    },
    /// A part that breaks the rules of wire-v2.md section 5.5.
    Part,
    /// An opaque body of more bytes than a body has, or of a kind that is not opaque.
    Opaque,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany { found, limit } => {
                FieldError::TooMany { found: *found, limit: *limit }.fmt(f)
            }
            Self::Duplicate => f.write_str("an entry of a list is there twice"),
            Self::Name(error) => error.fmt(f),
            Self::Misfit(error) => error.fmt(f),
            Self::Identifier { found } => {
                write!(f, "a message identifier has 32 bytes, this one has {found}")
            }
            Self::Text { found } => write!(f, "a text of {found} bytes cannot be sent"),
            Self::Part => f.write_str("part breaks the rules of parts"),
            Self::Opaque => f.write_str("body is not an opaque one"),
        }
    }
}

impl core::error::Error for EncodeError {}

impl From<Misfit> for EncodeError {
    fn from(error: Misfit) -> Self {
        Self::Misfit(error)
    }
}
