use mpenc_crypto::{SignLabel, SigningKey};

use super::error::{DecodeError, EncodeError};
use super::greeting::{check_place, read_place};
use super::header::PacketKind;
use super::order::OpId;
use super::reader::{Reader, Writer};
use super::signed::{SignedBytes, signed_packet};

/// What a confirmation says (wire-v2.md section 4.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfirmationFields {
    /// The operation.
    pub op: OpId,
    /// Place of the member in the target membership, below 512.
    pub place: u16,
    /// `T`, the hash over the whole operation.
    pub transcript: [u8; 32],
    /// `kc`, which only members can compute; public once it is sent.
    pub check: [u8; 32],
}

impl ConfirmationFields {
    /// Encodes and signs with the identity key.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Misfit`] for a place that nobody can have.
    pub fn sign(self, key: &dyn SigningKey) -> Result<ConfirmationPacket, EncodeError> {
        check_place(self.place)?;
        let mut out = Writer::packet(PacketKind::Confirmation);
        out.bytes(self.op.as_bytes()).u16(self.place);
        out.bytes(&self.transcript).bytes(&self.check);
        let signed = SignedBytes::sign(out, key, SignLabel::CONFIRMATION, &[]);
        Ok(ConfirmationPacket { fields: self, signed })
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let op = OpId::new(reader.array()?);
        let place = read_place(reader)?;
        let transcript = reader.array()?;
        let check = reader.array()?;
        Ok(Self { op, place, transcript, check })
    }
}

signed_packet! {
    /// A confirmation, unchangeable. Signed with the identity key in [`SignLabel::CONFIRMATION`].
    ConfirmationPacket, ConfirmationFields
}
