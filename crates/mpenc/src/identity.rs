use alloc::sync::Arc;
use core::fmt;

use mpenc_crypto::{PublicKey, SecretBytes, Signature, SigningKey, V1};
use rand_core::CryptoRng;

/// The owner's long-term key: proves to others who takes part in an operation.
///
/// Cloning shares the one key in memory, which is wiped when the last clone is dropped.
///
/// # Security
///
/// Keep the seed secret and never use it for anything that signs bare 32-byte values (SEC-027).
#[derive(Clone)]
pub struct Identity(Arc<dyn SigningKey>);

impl Identity {
    /// Draws a new identity.
    #[must_use]
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        Self(Arc::new(<V1 as mpenc_crypto::Suite>::SigningKey::generate(rng)))
    }

    /// Draws a new identity from the system's randomness.
    ///
    /// # Errors
    ///
    /// The system's reason for having none.
    #[cfg(feature = "async")]
    #[expect(clippy::disallowed_methods, reason = "the async half is where entropy is drawn")]
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut drawn = Ok(());
        let seed = SecretBytes::fill(|bytes| drawn = getrandom::fill(bytes));
        drawn.map(|()| Self::from_seed(&seed))
    }

    /// The identity that belongs to a 32-byte seed.
    #[must_use]
    pub fn from_seed(seed: &SecretBytes<32>) -> Self {
        Self(Arc::new(<V1 as mpenc_crypto::Suite>::SigningKey::from_seed(seed)))
    }

    /// The identity for a session over the suite for tests, in either profile: anybody can sign
    /// with it. For tests only.
    #[cfg(feature = "testing")]
    #[doc(hidden)]
    #[must_use]
    pub fn transparent(seed: &SecretBytes<32>) -> Self {
        use mpenc_crypto::{Suite, testing::Transparent};
        Self(Arc::new(<Transparent as Suite>::SigningKey::from_seed(seed)))
    }

    /// The public half, for the others' directories.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.0.public()
    }

    /// Signs `parts` for a purpose outside the protocol, such as proving to a relay that a name
    /// is ours. `label` must be unique to the purpose and end the possible confusion with any
    /// other (SKE-007).
    #[must_use]
    pub fn sign(&self, label: &'static [u8], parts: &[&[u8]]) -> Signature {
        let mut all = alloc::vec![label];
        all.extend_from_slice(parts);
        self.0.sign(&all)
    }

    pub(crate) fn key(&self) -> Arc<dyn SigningKey> {
        Arc::clone(&self.0)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({}, secret [redacted])", self.public())
    }
}
