use core::fmt;

use curve25519_dalek::scalar::Scalar;
use ed25519_dalek::ed25519::signature::{MultipartSigner, MultipartVerifier};
use mpenc_types::guard;
use rand_core::CryptoRng;
use zeroize::ZeroizeOnDrop;

use crate::{KeyError, PublicKey, SecretBytes, Signature, SigningKey, VerifyError, VerifyingKey};

/// An Ed25519 key pair (RFC 8032), made from its 32-byte seed.
///
/// # Security
///
/// Holds the seed and the public key that belongs to it; there is no way to combine others. The
/// secret scalar is expanded anew for each signature: that costs one SHA-512 block, and leaves one
/// secret less in memory between signatures.
//= docs/spec/protocol.md#SEC-025
//= docs/spec/v2.md#V2-007
#[derive(ZeroizeOnDrop)]
pub struct Ed25519SigningKey(ed25519_dalek::SigningKey);

/// An Ed25519 public key in the prime-order group, with its point decompressed.
///
/// # Security
///
/// [`import`](VerifyingKey::import) is the only way to make one, so the key is canonical and
/// neither of small nor of mixed order. Verification relies on that.
#[derive(Clone, PartialEq, Eq)]
pub struct Ed25519VerifyingKey(ed25519_dalek::VerifyingKey);

impl SigningKey for Ed25519SigningKey {
    fn generate(rng: &mut dyn CryptoRng) -> Self {
        Self::from_seed(&SecretBytes::fill(|seed| rng.fill_bytes(seed)))
    }

    fn from_seed(seed: &SecretBytes<32>) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed.expose()))
    }

    fn public(&self) -> PublicKey {
        PublicKey::new(self.0.verifying_key().to_bytes())
    }

    fn sign(&self, parts: &[&[u8]]) -> Signature {
        Signature::new(self.0.multipart_sign(parts).to_bytes())
    }

    fn seed(&self) -> Option<SecretBytes<32>> {
        Some(SecretBytes::fill(|seed| seed.copy_from_slice(self.0.as_bytes())))
    }
}

impl fmt::Debug for Ed25519SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ed25519SigningKey({}, [redacted])", self.public())
    }
}

impl VerifyingKey for Ed25519VerifyingKey {
    fn import(key: &PublicKey) -> Result<Self, KeyError> {
        let verifying =
            ed25519_dalek::VerifyingKey::from_bytes(key.as_bytes()).map_err(|_| KeyError)?;
        let point = verifying.to_edwards();
        // The other two imply this one: only y + p for y below 19, and x = 0 with a sign, are
        // decoded without being canonical, and no such point has prime order. It is cheap enough
        // to say what is meant.
        let canonical = point.compress().as_bytes() == key.as_bytes();
        let prime_order = point.is_torsion_free() && !point.is_small_order();
        if !guard!("key-validate") || (canonical && prime_order) {
            Ok(Self(verifying))
        } else {
            Err(KeyError)
        }
    }

    fn export(&self) -> PublicKey {
        PublicKey::new(self.0.to_bytes())
    }

    //= docs/spec/protocol.md#SEC-026
    //= docs/spec/v2.md#V2-006
    fn verify(&self, parts: &[&[u8]], signature: &Signature) -> Result<(), VerifyError> {
        // As strict as `verify_strict` of ed25519-dalek, which takes no parts and decompresses R
        // only to learn whether it is of small order. Here that question has one answer: the
        // equation computes R = [s]B − [k]A, with A in the prime-order group by construction, and
        // compares encodings. So R is canonical and in the prime-order group, where the one
        // element of small order is the identity.
        let mut signature = ed25519_dalek::Signature::from_bytes(signature.as_bytes());
        if guard!("strict-verify") {
            if signature.r_bytes() == &IDENTITY {
                return Err(VerifyError);
            }
        } else {
            let s = Scalar::from_bytes_mod_order(*signature.s_bytes());
            signature =
                ed25519_dalek::Signature::from_components(*signature.r_bytes(), s.to_bytes());
        }
        self.0.multipart_verify(parts, &signature).map_err(|_| VerifyError)
    }
}

impl fmt::Debug for Ed25519VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ed25519VerifyingKey({})", self.export())
    }
}

/// Canonical encoding of the identity of the Edwards curve: x = 0, y = 1.
const IDENTITY: [u8; 32] = {
    let mut bytes = [0; 32];
    bytes[0] = 1;
    bytes
};
