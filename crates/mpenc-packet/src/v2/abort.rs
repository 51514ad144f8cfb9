use mpenc_crypto::{SignLabel, SigningKey};

use super::error::{DecodeError, EncodeError, Misfit};
use super::greeting::{check_place, read_place};
use super::header::PacketKind;
use super::order::OpId;
use super::reader::{Reader, Writer};
use super::signed::{SignedBytes, signed_packet};

/// Why a member ends an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbortReason {
    /// A person asked for it.
    Asked,
    /// The operation took longer than OP_TIMEOUT.
    TimedOut,
    /// No identity key is known for the member at this place, below 512, or another one than
    /// listed.
    IdentityKey(u16),
    /// The key came out as the identity.
    NoKey,
    /// A fault of the one who aborts.
    Internal,
}

impl AbortReason {
    /// Code and subject as they travel.
    const fn to_wire(self) -> (u8, u16) {
        match self {
            Self::Asked => (0, NO_SUBJECT),
            Self::TimedOut => (1, NO_SUBJECT),
            Self::IdentityKey(subject) => (2, subject),
            Self::NoKey => (3, NO_SUBJECT),
            Self::Internal => (4, NO_SUBJECT),
        }
    }

    fn from_wire(code: u8, subject: u16) -> Result<Self, DecodeError> {
        let reason = match code {
            0 => Self::Asked,
            1 => Self::TimedOut,
            2 if subject == NO_SUBJECT => return Err(Misfit::Subject.into()),
            2 => Self::IdentityKey(subject),
            3 => Self::NoKey,
            4 => Self::Internal,
            _ => return Err(DecodeError::Reason { found: code }),
        };
        reason.check()?;
        if reason.to_wire() == (code, subject) { Ok(reason) } else { Err(Misfit::Subject.into()) }
    }

    fn check(self) -> Result<(), Misfit> {
        match self {
            Self::IdentityKey(subject) => check_place(subject),
            Self::Asked | Self::TimedOut | Self::NoKey | Self::Internal => Ok(()),
        }
    }
}

/// What an abort says (wire-v2.md section 4.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AbortFields {
    /// The operation.
    pub op: OpId,
    /// Place of the one who aborts in the target membership, below 512.
    pub place: u16,
    /// Why.
    pub reason: AbortReason,
}

impl AbortFields {
    /// Encodes and signs with the identity key.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Misfit`] for a place that nobody can have.
    pub fn sign(self, key: &dyn SigningKey) -> Result<AbortPacket, EncodeError> {
        check_place(self.place)?;
        self.reason.check()?;
        let (code, subject) = self.reason.to_wire();
        let mut out = Writer::packet(PacketKind::Abort);
        out.bytes(self.op.as_bytes()).u16(self.place).u8(code).u16(subject);
        let signed = SignedBytes::sign(out, key, SignLabel::ABORT, &[]);
        Ok(AbortPacket { fields: self, signed })
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let op = OpId::new(reader.array()?);
        let place = read_place(reader)?;
        let code = reader.u8()?;
        let reason = AbortReason::from_wire(code, reader.u16()?)?;
        Ok(Self { op, place, reason })
    }
}

signed_packet! {
    /// An abort, unchangeable. Signed with the identity key in [`SignLabel::ABORT`].
    AbortPacket, AbortFields
}

const NO_SUBJECT: u16 = u16::MAX;
