use blake2::{Blake2b256, Digest};

use crate::{Suite, ed25519};

mod aead;
mod group;
mod hash;

/// The suite `0x0201` of the second profile: ristretto255, Ed25519, ChaCha20-Poly1305, BLAKE2b,
/// HKDF with HMAC-BLAKE2b-512 (V2-003, wire-v2.md).
//= docs/spec/v2.md#V2-003
#[derive(Clone, Copy, Debug)]
pub struct V2;

impl Suite for V2 {
    const NAME: &'static str = "v2";

    type SigningKey = ed25519::Ed25519SigningKey;
    type VerifyingKey = ed25519::Ed25519VerifyingKey;

    /// `BLAKE2b-256(parts[0] || parts[1] || …)`.
    ///
    /// # Security
    ///
    /// Nothing marks where a part ends, and nothing what it is for: the formats of v2 use
    /// [`FramedHash`](crate::FramedHash) only.
    fn hash(parts: &[&[u8]]) -> [u8; 32] {
        let mut hash = Blake2b256::new();
        for part in parts {
            hash.update(part);
        }
        hash.finalize().into()
    }
}
