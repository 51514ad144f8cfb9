use alloc::vec::Vec;

use mpenc_crypto::{Signature, Signed, SigningKey, Suite};
use mpenc_types::MessageId;

use super::decode::{DecodeError, Header, PacketKind};
use super::encode::{EncodeError, assemble, purpose, signed_part};
use super::{DATA_CONTEXT, MESSAGE_ID_LEN, record};
use crate::armor;
use crate::tlv::Reader;

/// What a data packet is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFields {
    /// Initialisation vector, fresh for each packet.
    pub iv: [u8; 12],
    /// Padded and encrypted records of the message.
    pub ciphertext: Vec<u8>,
}

impl DataFields {
    /// Encodes and signs. `sid_key_hash` is `H(sid ‖ gk)`: the signature covers it, its first byte
    /// is sent as a hint (MSG-002, MSG-003).
    ///
    /// # Errors
    ///
    /// [`EncodeError::ValueTooLong`] if the ciphertext does not fit a record.
    pub fn sign(
        self,
        key: &dyn SigningKey,
        sid_key_hash: &[u8; 32],
    ) -> Result<DataPacket, EncodeError> {
        //= docs/spec/protocol.md#MSG-002
        //= docs/spec/protocol.md#MSG-003
        let Self { iv, ciphertext } = self;
        let [hint, ..] = *sid_key_hash;
        let mut out = signed_part(PacketKind::Data)?;
        out.push(record::MESSAGE_IV, &iv)?;
        out.push(record::MESSAGE_PAYLOAD, &ciphertext)?;
        let signed = out.into_bytes();
        let signature = key.sign(&[purpose(DATA_CONTEXT), sid_key_hash, &signed]);
        let (bytes, signed_from) = assemble(Some(hint), Some(&signature), &signed)?;
        let ciphertext_from = bytes.len().saturating_sub(ciphertext.len());
        Ok(DataPacket { hint, signature, iv, bytes, signed_from, ciphertext_from })
    }
}

/// A data packet, unchangeable (wire-v1.md section 7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataPacket {
    hint: u8,
    signature: Signature,
    iv: [u8; 12],
    bytes: Vec<u8>,
    signed_from: usize,
    ciphertext_from: usize,
}

impl DataPacket {
    /// First byte of `H(sid ‖ gk)`, not covered by the signature. If it differs the subsession is
    /// another; if it is equal that means nothing (MSG-004).
    #[must_use]
    pub const fn hint(&self) -> u8 {
        self.hint
    }

    /// Initialisation vector.
    #[must_use]
    pub const fn iv(&self) -> &[u8; 12] {
        &self.iv
    }

    /// Padded and encrypted records of the message.
    #[must_use]
    pub fn ciphertext(&self) -> &[u8] {
        self.bytes.get(self.ciphertext_from..).unwrap_or_default()
    }

    /// The message's identifier: hash over signature and signed bytes, cut to 20 bytes.
    #[must_use]
    pub fn message_id<S: Suite>(&self) -> MessageId {
        //= docs/spec/protocol.md#MSG-009
        //= docs/spec/protocol.md#MOD-007
        let hash = S::hash(&[self.signature.as_bytes(), self.signed_bytes()]);
        let [id @ .., _, _, _, _, _, _, _, _, _, _, _, _] = hash;
        let id: [u8; MESSAGE_ID_LEN] = id;
        MessageId::from(id)
    }

    /// The packet as the channel carries it.
    #[must_use]
    pub fn to_wire(&self) -> Vec<u8> {
        armor::encode(&self.bytes)
    }

    pub(crate) fn read(header: Header, mut reader: Reader<'_>) -> Result<Parts, DecodeError> {
        let hint = header.hint()?;
        let signature = header.signature()?;
        let iv = reader.take_array(record::MESSAGE_IV)?;
        let ciphertext = reader.take(record::MESSAGE_PAYLOAD)?;
        let ciphertext_from = reader.position().saturating_sub(ciphertext.len());
        reader.finish()?;
        let signed_from = header.signed_from;
        Ok(Parts { hint, signature, iv, signed_from, ciphertext_from })
    }
}

impl Signed for DataPacket {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn signed_bytes(&self) -> &[u8] {
        self.bytes.get(self.signed_from..).unwrap_or_default()
    }
}

/// A decoded packet without its bytes.
pub(crate) struct Parts {
    hint: u8,
    signature: Signature,
    iv: [u8; 12],
    signed_from: usize,
    ciphertext_from: usize,
}

impl Parts {
    pub(crate) fn into_packet(self, bytes: Vec<u8>) -> DataPacket {
        let Self { hint, signature, iv, signed_from, ciphertext_from } = self;
        DataPacket { hint, signature, iv, bytes, signed_from, ciphertext_from }
    }
}
