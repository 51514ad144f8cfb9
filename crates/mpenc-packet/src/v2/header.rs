use mpenc_types::guard;
use mpenc_types::limits::MAX_PACKET_LEN;

use super::error::DecodeError;
use super::reader::{FieldError, Reader};

/// First byte of every packet of this profile.
pub const PROFILE: u8 = 2;

/// The suite of this profile, in the second and third byte of every packet (V2-003).
pub const SUITE: u16 = 0x0201;

/// Bytes of the header: profile, suite and kind.
pub const HEADER_LEN: usize = 4;

/// What a packet says it is (wire-v2.md section 1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PacketKind {
    /// Proposes an operation.
    Initial,
    /// A contribution to the key.
    Contribution,
    /// A share of the key with its proof.
    Share,
    /// Confirms the key.
    Confirmation,
    /// Ends an operation without success.
    Abort,
    /// A message.
    Message,
    /// Publishes an ephemeral key.
    Publication,
    /// Asks for messages again.
    Request,
}

impl PacketKind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::Initial,
        Self::Contribution,
        Self::Share,
        Self::Confirmation,
        Self::Abort,
        Self::Message,
        Self::Publication,
        Self::Request,
    ];

    /// The number on the wire.
    #[must_use]
    pub const fn to_u8(self) -> u8 {
        match self {
            Self::Initial => 0x01,
            Self::Contribution => 0x02,
            Self::Share => 0x03,
            Self::Confirmation => 0x04,
            Self::Abort => 0x05,
            Self::Message => 0x10,
            Self::Publication => 0x11,
            Self::Request => 0x12,
        }
    }

    /// The kind with this number, if there is one.
    #[must_use]
    pub const fn from_u8(number: u8) -> Option<Self> {
        match number {
            0x01 => Some(Self::Initial),
            0x02 => Some(Self::Contribution),
            0x03 => Some(Self::Share),
            0x04 => Some(Self::Confirmation),
            0x05 => Some(Self::Abort),
            0x10 => Some(Self::Message),
            0x11 => Some(Self::Publication),
            0x12 => Some(Self::Request),
            _ => None,
        }
    }

    /// Whether it belongs to a membership operation.
    #[must_use]
    pub const fn is_greeting(self) -> bool {
        match self {
            Self::Initial | Self::Contribution | Self::Share | Self::Confirmation | Self::Abort => {
                true
            }
            Self::Message | Self::Publication | Self::Request => false,
        }
    }

    /// The four bytes with which such a packet begins. Signatures and authenticators cover them.
    #[must_use]
    pub const fn header(self) -> [u8; HEADER_LEN] {
        //= docs/spec/v2.md#V2-002
        let [suite_high, suite_low] = SUITE.to_be_bytes();
        [PROFILE, suite_high, suite_low, self.to_u8()]
    }
}

/// Says where a packet belongs, from its first four bytes and its length: cheap, but no promise
/// that the rest can be decoded.
///
/// # Errors
///
/// What [`DecodeError::is_foreign`] calls foreign, [`DecodeError::TooLong`], or
/// [`FieldError::Truncated`].
pub fn kind(packet: &[u8]) -> Result<PacketKind, DecodeError> {
    open(packet).map(|(kind, _)| kind)
}

/// Reads the header. The kind is read here and nowhere else (ATK-014).
pub(crate) fn open(packet: &[u8]) -> Result<(PacketKind, Reader<'_>), DecodeError> {
    //= docs/spec/v2.md#V2-001
    let mut reader = Reader::new(packet);
    if packet.is_empty() {
        return Err(FieldError::Truncated.into());
    }
    let profile = reader.u8()?;
    //= docs/spec/attacks.md#ATK-017
    if guard!("version-bound") && profile != PROFILE {
        return Err(DecodeError::UnknownProfile { found: profile });
    }
    let suite = reader.u16()?;
    //= docs/spec/attacks.md#ATK-018
    if guard!("suite-typed") && suite != SUITE {
        return Err(DecodeError::UnknownSuite { found: suite });
    }
    let kind = reader.u8()?;
    let kind = PacketKind::from_u8(kind).ok_or(DecodeError::UnknownKind { found: kind })?;
    if guard!("alloc-cap") && packet.len() > MAX_PACKET_LEN {
        return Err(DecodeError::TooLong { found: packet.len() });
    }
    Ok((kind, reader))
}
