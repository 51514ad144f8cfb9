use blake2::{Blake2b256, Digest};

use crate::{Suite, ed25519};

mod aead;
mod group;
mod hash;

/// The suite `0x0201` of the second profile: ristretto255, Ed25519, ChaCha20-Poly1305, BLAKE2b,
/// HKDF with HMAC-BLAKE2b-512 (V2-003, wire-v2.md).
///
/// # Examples
///
/// Three members in a ring agree on a key, after one broadcast by each (`z`) and another (`x`).
/// Here the first of them computes it, having checked that nobody chose its share freely:
///
/// ```
/// use mpenc_crypto::proof::{self, Statement};
/// use mpenc_crypto::{KeyDerivation, Label, PrimeOrderGroup, SecretBytes, V2};
///
/// let scalar = |byte| V2::reduce(&SecretBytes::new([byte; 64])).ok_or("zero");
/// let (r0, r1, r2) = (scalar(1)?, scalar(2)?, scalar(3)?);
/// let (z0, z1, z2) = (V2::mul_base(&r0), V2::mul_base(&r1), V2::mul_base(&r2));
/// let (d0, d1) = (V2::sub(&z1, &z2), V2::sub(&z2, &z0));
/// let (x0, x1) = (V2::mul(&r0, &d0), V2::mul(&r1, &d1));
///
/// let ctx = [0; 32]; // in earnest the hash of all contributions
/// let statement = Statement { ctx: &ctx, place: 1, public: &z1, base: &d1, share: &x1 };
/// let proof = proof::prove::<V2>(&statement, &r1, scalar(4)?);
/// proof::verify::<V2>(&statement, &proof)?;
///
/// let key = V2::weighted_sum(&[(3, &V2::mul(&r0, &z2)), (2, &x0), (1, &x1)]);
/// let prk = V2::extract(&[0; 32], &[V2::export_secret(&key).expose()]);
/// let root = SecretBytes::<32>::fill(|out| V2::expand(&prk, Label::MESSAGES, &[&ctx], out));
/// # let mut sum = V2::mul(&r0, &z1);
/// # sum = V2::add(&V2::add(&sum, &V2::mul(&r1, &z2)), &V2::mul(&r2, &z0));
/// # assert_eq!(key, sum);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
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
