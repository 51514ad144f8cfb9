//! Values that are as good as random, and the same every time.

use core::convert::Infallible;

use mpenc_crypto::{SecretBytes, SigningKey as _, Suite, V2};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use rand_core::{TryCryptoRng, TryRng};
use serde_json::Value;

use super::super::hx;

/// The source of values of one file.
pub(super) struct Dice(ChaCha20Rng);

impl Dice {
    pub(super) fn new(name: &str) -> Self {
        Self(ChaCha20Rng::from_seed(V2::hash(&[b"vectors of mpENC 2: ", name.as_bytes()])))
    }

    pub(super) fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    pub(super) fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    /// As many bytes, in hex.
    pub(super) fn hex(&mut self, len: usize) -> Value {
        hx(self.bytes(len))
    }

    /// A key pair with its seed.
    pub(super) fn key(&mut self) -> ([u8; 32], <V2 as Suite>::SigningKey) {
        let seed = self.array();
        (seed, <V2 as Suite>::SigningKey::from_seed(&SecretBytes::new(seed)))
    }

    /// A scalar that is not zero, in canonical encoding.
    pub(super) fn scalar(&mut self) -> [u8; 32] {
        use mpenc_crypto::PrimeOrderGroup as _;
        loop {
            if let Some(scalar) = V2::reduce(&SecretBytes::new(self.array())) {
                return *V2::scalar_bytes(&scalar).expose();
            }
        }
    }
}

/// For what draws nothing: zeros.
pub(in super::super) struct NoDice;

impl TryRng for NoDice {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        dst.fill(0);
        Ok(())
    }
}

impl TryCryptoRng for NoDice {}
