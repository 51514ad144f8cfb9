use mpenc_crypto::{PublicKey, SignLabel, SigningKey};

use super::error::{DecodeError, EncodeError};
use super::greeting::{check_place, read_place};
use super::header::PacketKind;
use super::order::OpId;
use super::reader::{FieldError, Reader, Writer};
use super::signed::{SignedBytes, signed_packet};

/// What a member puts into a key: three values, fresh for each operation (V2-014).
///
/// Not validated: key and point are bytes as they travel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contribution {
    /// `k_i`.
    pub nonce: [u8; 32],
    /// `E_i`, the key under which the member signs in the subsession to come.
    pub ephemeral: PublicKey,
    /// `Z_i = r_i·B`, encoded.
    pub point: [u8; 32],
}

impl Contribution {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, FieldError> {
        let nonce = reader.array()?;
        let ephemeral = PublicKey::new(reader.array()?);
        let point = reader.array()?;
        Ok(Self { nonce, ephemeral, point })
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.bytes(&self.nonce).bytes(self.ephemeral.as_bytes()).bytes(&self.point);
    }
}

/// What a contribution says (wire-v2.md section 4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContributionFields {
    /// The operation.
    pub op: OpId,
    /// Place of the member in the target membership, below 512.
    pub place: u16,
    /// The values.
    pub contribution: Contribution,
}

impl ContributionFields {
    /// Encodes and signs with the identity key.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Misfit`] for a place that nobody can have.
    pub fn sign(self, key: &dyn SigningKey) -> Result<ContributionPacket, EncodeError> {
        check_place(self.place)?;
        let mut out = Writer::packet(PacketKind::Contribution);
        out.bytes(self.op.as_bytes()).u16(self.place);
        self.contribution.write(&mut out);
        let signed = SignedBytes::sign(out, key, SignLabel::CONTRIBUTION, &[]);
        Ok(ContributionPacket { fields: self, signed })
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let op = OpId::new(reader.array()?);
        let place = read_place(reader)?;
        let contribution = Contribution::read(reader)?;
        Ok(Self { op, place, contribution })
    }
}

signed_packet! {
    /// A contribution, unchangeable. Signed with the identity key in [`SignLabel::CONTRIBUTION`].
    ContributionPacket, ContributionFields
}
