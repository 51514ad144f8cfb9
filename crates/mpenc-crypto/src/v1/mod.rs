use sha2::{Digest, Sha256};

use crate::{Suite, ed25519};

mod cipher;
mod diffie_hellman;

#[cfg(feature = "hazmat")]
pub(crate) use diffie_hellman::derive;

/// The suite of the original: Ed25519, X25519, AES-256-CTR, SHA-256, HKDF-SHA256
/// (wire-v1.md sections 6 and 7).
#[derive(Clone, Copy, Debug)]
pub struct V1;

impl Suite for V1 {
    const NAME: &'static str = "v1";

    type SigningKey = ed25519::Ed25519SigningKey;
    type VerifyingKey = ed25519::Ed25519VerifyingKey;

    /// `SHA-256(parts[0] || parts[1] || …)`.
    ///
    /// # Security
    ///
    /// Nothing marks where a part ends: `["ab", "c"]` and `["a", "bc"]` have the same hash. The
    /// formats of v1 demand that; whoever composes `parts` answers for their meaning.
    fn hash(parts: &[&[u8]]) -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part);
        }
        hash.finalize().into()
    }
}
