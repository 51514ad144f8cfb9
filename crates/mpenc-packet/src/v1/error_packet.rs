use alloc::vec::Vec;

use mpenc_crypto::{Signature, Signed, SigningKey, Unverified};
use mpenc_types::MemberId;

use super::decode::{DecodeError, Header, PacketKind};
use super::encode::{EncodeError, assemble, purpose, signed_part};
use super::{ERROR_CONTEXT, record};
use crate::armor;
use crate::tlv::Reader;

/// How bad an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Something went wrong.
    Warning,
    /// The sender cannot go on.
    Terminal,
}

impl Severity {
    const fn to_u8(self) -> u8 {
        match self {
            Self::Info => 0,
            Self::Warning => 1,
            Self::Terminal => 2,
        }
    }

    const fn from_u8(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Info),
            1 => Some(Self::Warning),
            2 => Some(Self::Terminal),
            _ => None,
        }
    }
}

/// What an error packet says (wire-v1.md section 10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorFields {
    /// Who says so.
    pub source: MemberId,
    /// How bad it is.
    pub severity: Severity,
    /// Text in an encoding that the format does not state. Never print it unescaped (ATK-020).
    pub text: Vec<u8>,
}

impl ErrorFields {
    /// Encodes, and signs if there is a key.
    ///
    /// # Errors
    ///
    /// [`EncodeError::ValueTooLong`].
    pub fn sign(self, key: Option<&dyn SigningKey>) -> Result<ErrorPacket, EncodeError> {
        let mut out = signed_part(PacketKind::Error)?;
        out.push(record::SOURCE, self.source.as_bytes())?;
        out.push(record::SEVERITY, &[self.severity.to_u8()])?;
        out.push(record::MESSAGE_PAYLOAD, &self.text)?;
        let signed = out.into_bytes();
        let signature = key.map(|key| key.sign(&[purpose(ERROR_CONTEXT), &signed]));
        let (bytes, signed_from) = assemble(None, signature.as_ref(), &signed)?;
        Ok(ErrorPacket { fields: self, signature, bytes, signed_from })
    }
}

/// An error packet, unchangeable. Old peers neither send nor read one; it needs no signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorPacket {
    fields: ErrorFields,
    signature: Option<Signature>,
    bytes: Vec<u8>,
    signed_from: usize,
}

/// An error packet that carries a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedError<'a> {
    packet: &'a ErrorPacket,
    signature: &'a Signature,
}

impl ErrorPacket {
    /// What it says.
    #[must_use]
    pub const fn fields(&self) -> &ErrorFields {
        &self.fields
    }

    /// The packet with its signature, if it has one.
    #[must_use]
    pub fn signed(&self) -> Option<Unverified<SignedError<'_>>> {
        let signature = self.signature.as_ref()?;
        Some(Unverified::new(SignedError { packet: self, signature }))
    }

    /// The packet as the channel carries it.
    #[must_use]
    pub fn to_wire(&self) -> Vec<u8> {
        armor::encode(&self.bytes)
    }

    pub(crate) fn read(header: Header, mut reader: Reader<'_>) -> Result<Parts, DecodeError> {
        let source = MemberId::from_wire(reader.take(record::SOURCE)?);
        let [severity] = reader.take_array(record::SEVERITY)?;
        let severity =
            Severity::from_u8(severity).ok_or(DecodeError::UnknownSeverity { found: severity })?;
        let text = reader.take(record::MESSAGE_PAYLOAD)?.to_vec();
        reader.finish()?;
        let fields = ErrorFields { source, severity, text };
        Ok(Parts { fields, signature: header.signature, signed_from: header.signed_from })
    }
}

impl<'a> SignedError<'a> {
    /// What it says.
    #[must_use]
    pub const fn fields(&self) -> &'a ErrorFields {
        &self.packet.fields
    }
}

impl Signed for SignedError<'_> {
    fn signature(&self) -> &Signature {
        self.signature
    }

    fn signed_bytes(&self) -> &[u8] {
        self.packet.bytes.get(self.packet.signed_from..).unwrap_or_default()
    }
}

/// A decoded packet without its bytes.
pub(crate) struct Parts {
    fields: ErrorFields,
    signature: Option<Signature>,
    signed_from: usize,
}

impl Parts {
    pub(crate) fn into_packet(self, bytes: Vec<u8>) -> ErrorPacket {
        let Self { fields, signature, signed_from } = self;
        ErrorPacket { fields, signature, bytes, signed_from }
    }
}
