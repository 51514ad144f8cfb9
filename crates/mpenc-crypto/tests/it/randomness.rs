use core::convert::Infallible;

use mpenc_crypto::{GroupDiffieHellman, SecretBytes, SigningKey as _, V1};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng, TryCryptoRng, TryRng};

use crate::SigningKey;

/// Gives recorded bytes and fails when they run out.
pub(crate) struct Recorded {
    bytes: Vec<u8>,
    used: usize,
}

impl Recorded {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, used: 0 }
    }
}

impl TryRng for Recorded {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes).map(|()| u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes).map(|()| u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        let end = self.used + to.len();
        to.copy_from_slice(self.bytes.get(self.used..end).expect("enough recorded bytes"));
        self.used = end;
        Ok(())
    }
}

impl TryCryptoRng for Recorded {}

#[test]
fn a_signing_key_draws_its_seed_and_nothing_else() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut seed = [0; 32];
    rng.clone().fill_bytes(&mut seed);

    let mut recorded = Recorded::new(seed.to_vec());
    let key = SigningKey::generate(&mut recorded);
    assert_eq!(recorded.used, 32);
    assert_eq!(key.public(), SigningKey::from_seed(&SecretBytes::new(seed)).public());
    assert_eq!(key.public(), SigningKey::generate(&mut rng).public());
}

#[test]
fn a_share_draws_its_bytes_and_nothing_else() {
    let mut recorded = Recorded::new(vec![7; 32]);
    let x = V1::contribute(&mut recorded);
    assert_eq!(recorded.used, 32);
    assert_eq!(V1::apply(&x, &V1::base()), V1::apply(&crate::contribution([7; 32]), &V1::base()));
}
