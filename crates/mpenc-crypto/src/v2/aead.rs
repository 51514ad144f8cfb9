use alloc::vec::Vec;

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit};
use zeroize::Zeroize;

use crate::{Aead, AeadError, SecretBytes, V2};

/// ChaCha20-Poly1305 (RFC 8439).
impl Aead for V2 {
    #[expect(
        clippy::expect_used,
        reason = "no packet has 256 GiB; to send it unencrypted would be worse than to stop"
    )]
    fn seal_in_place(key: &SecretBytes<32>, nonce: &[u8; 12], aad: &[u8], data: &mut Vec<u8>) {
        make_room(data, Self::TAG_LEN);
        let tag = ChaCha20Poly1305::new(key.expose().into())
            .encrypt_inout_detached(nonce.into(), aad, data.as_mut_slice().into())
            .expect("ChaCha20-Poly1305 takes up to 256 GiB");
        data.extend_from_slice(&tag);
    }

    fn open_in_place(
        key: &SecretBytes<32>,
        nonce: &[u8; 12],
        aad: &[u8],
        data: &mut Vec<u8>,
    ) -> Result<(), AeadError> {
        let (text, tag) = data.split_last_chunk_mut::<16>().ok_or(AeadError)?;
        let len = text.len();
        // Verifies first and decrypts only then.
        ChaCha20Poly1305::new(key.expose().into())
            .decrypt_inout_detached(nonce.into(), aad, text.into(), (&*tag).into())
            .map_err(|_| AeadError)?;
        data.truncate(len);
        Ok(())
    }
}

/// Reserves space; if that takes new memory, the old is wiped.
fn make_room(data: &mut Vec<u8>, more: usize) {
    if data.capacity().saturating_sub(data.len()) < more {
        let mut roomy = Vec::with_capacity(data.len().saturating_add(more));
        roomy.extend_from_slice(data);
        core::mem::replace(data, roomy).zeroize();
    }
}
