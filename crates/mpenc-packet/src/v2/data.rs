use alloc::vec::Vec;

use mpenc_types::guard;

use super::error::DecodeError;
use super::header::{HEADER_LEN, PacketKind, open};
use super::plaintext::{MAX_PLAINTEXT_LEN, MIN_PLAINTEXT_LEN, padded_len};
use super::reader::Writer;

/// Bytes of the authenticator at the end of a ciphertext.
pub const AUTHENTICATOR_LEN: usize = 16;

/// Bytes of the associated data: header, tag and nonce.
pub const AAD_LEN: usize = HEADER_LEN + 16 + 12;

/// A message as outsiders see it (wire-v2.md section 5): not one of them can verify anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataPacket {
    /// Tells members which subsession, author and position it is; random to others (V2-021).
    pub tag: [u8; 16],
    /// Nonce of the encryption.
    pub nonce: [u8; 12],
    /// The encrypted [`Plaintext`](super::Plaintext) and its authenticator.
    pub ciphertext: Vec<u8>,
}

impl DataPacket {
    /// The packet as the channel carries it.
    #[must_use]
    pub fn to_wire(&self) -> Vec<u8> {
        //= docs/spec/v2.md#V2-021
        let mut out = Writer::packet(PacketKind::Message);
        out.bytes(&self.tag).bytes(&self.nonce).bytes(&self.ciphertext);
        out.into_bytes()
    }

    /// What the encryption authenticates besides the plaintext: header, tag and nonce.
    #[must_use]
    pub fn aad(&self) -> [u8; AAD_LEN] {
        let mut aad = [0; AAD_LEN];
        let header = PacketKind::Message.header();
        let from = header.iter().chain(&self.tag).chain(&self.nonce);
        aad.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        aad
    }

    /// Decodes what the channel carried.
    ///
    /// # Errors
    ///
    /// See [`DecodeError`]. [`DecodeError::Length`] for a ciphertext that can hold no padded
    /// plaintext: everybody can tell, so nobody decrypts it.
    pub fn decode(packet: &[u8]) -> Result<Self, DecodeError> {
        let (kind, mut reader) = open(packet)?;
        if kind != PacketKind::Message {
            return Err(DecodeError::OtherKind(kind));
        }
        let tag = reader.array()?;
        let nonce = reader.array()?;
        let found = reader.left();
        let plain = found.saturating_sub(AUTHENTICATOR_LEN);
        let limits = MIN_PLAINTEXT_LEN..=MAX_PLAINTEXT_LEN;
        if guard!("padding") && !(limits.contains(&plain) && padded_len(plain) == plain) {
            return Err(DecodeError::Length { found });
        }
        Ok(Self { tag, nonce, ciphertext: reader.rest().to_vec() })
    }
}
