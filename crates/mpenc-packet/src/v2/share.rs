use mpenc_crypto::{SignLabel, SigningKey};

use super::error::{DecodeError, EncodeError};
use super::greeting::{check_place, read_place};
use super::header::PacketKind;
use super::order::OpId;
use super::reader::{Reader, Writer};
use super::signed::{SignedBytes, signed_packet};

/// What a share says (wire-v2.md sections 3.2 and 4.3). Nothing in it is validated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareFields {
    /// The operation.
    pub op: OpId,
    /// Place of the member in the target membership, below 512.
    pub place: u16,
    /// `X_i`, encoded; the identity for two members.
    pub share: [u8; 32],
    /// `c` of the proof.
    pub challenge: [u8; 32],
    /// `s` of the proof.
    pub response: [u8; 32],
}

impl ShareFields {
    /// Encodes and signs with the ephemeral key. The signature covers `ctx`, which all members
    /// compute alike from the contributions and which is not sent.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Misfit`] for a place that nobody can have.
    pub fn sign(self, key: &dyn SigningKey, ctx: &[u8; 32]) -> Result<SharePacket, EncodeError> {
        check_place(self.place)?;
        let mut out = Writer::packet(PacketKind::Share);
        out.bytes(self.op.as_bytes()).u16(self.place);
        out.bytes(&self.share).bytes(&self.challenge).bytes(&self.response);
        let signed = SignedBytes::sign(out, key, SignLabel::SHARE, ctx);
        Ok(SharePacket { fields: self, signed })
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let op = OpId::new(reader.array()?);
        let place = read_place(reader)?;
        let share = reader.array()?;
        let challenge = reader.array()?;
        let response = reader.array()?;
        Ok(Self { op, place, share, challenge, response })
    }
}

signed_packet! {
    /// A share, unchangeable. Signed with the ephemeral key in [`SignLabel::SHARE`] followed by `ctx`.
    SharePacket, ShareFields
}
