use rand_core::CryptoRng;

use crate::{
    KeyError, PublicKey, SecretBytes, Signature, SigningKey, Suite, VerifyError, VerifyingKey,
};

/// The suite of the original.
#[derive(Clone, Copy, Debug)]
pub struct V1;

/// Placeholder until the suite is written.
#[derive(Debug)]
pub struct Ed25519SigningKey;
/// Placeholder until the suite is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ed25519VerifyingKey;

impl Suite for V1 {
    const NAME: &'static str = "v1";
    type SigningKey = Ed25519SigningKey;
    type VerifyingKey = Ed25519VerifyingKey;
    fn hash(_: &[&[u8]]) -> [u8; 32] {
        [0; 32]
    }
}

impl SigningKey for Ed25519SigningKey {
    fn generate(_: &mut dyn CryptoRng) -> Self {
        Self
    }
    fn from_seed(_: &SecretBytes<32>) -> Self {
        Self
    }
    fn public(&self) -> PublicKey {
        PublicKey::new([0; 32])
    }
    fn sign(&self, _: &[&[u8]]) -> Signature {
        Signature::new([0; 64])
    }
}

impl VerifyingKey for Ed25519VerifyingKey {
    fn import(_: &PublicKey) -> Result<Self, KeyError> {
        Err(KeyError)
    }
    fn export(&self) -> PublicKey {
        PublicKey::new([0; 32])
    }
    fn verify(&self, _: &[&[u8]], _: &Signature) -> Result<(), VerifyError> {
        Err(VerifyError)
    }
}
