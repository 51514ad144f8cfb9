use core::fmt;

use rand_core::CryptoRng;

use crate::{KeyError, PublicKey, SecretBytes, Signature, VerifyError};

/// What every profile needs of its cryptography.
///
/// A suite is a type without values; replacing it replaces every primitive at once.
pub trait Suite: Clone + Copy + fmt::Debug + Send + Sync + 'static {
    /// Name for people and for configuration, such as `"v1"`.
    const NAME: &'static str;

    /// A signature key pair.
    type SigningKey: SigningKey;
    /// A validated public signature key.
    type VerifyingKey: VerifyingKey;

    /// Hash of the concatenation of `parts`. Framing, where a format has any, is the format's.
    fn hash(parts: &[&[u8]]) -> [u8; 32];
}

/// A signature key pair that owns both halves (ATK-026: no way to sign with a foreign public key).
///
/// Implementations wipe the secret half on drop and redact it in `Debug`.
pub trait SigningKey: fmt::Debug + Send + Sync + 'static {
    /// Draws a new key: exactly 32 bytes of randomness, the seed.
    fn generate(rng: &mut dyn CryptoRng) -> Self
    where
        Self: Sized;

    /// Expands a seed.
    fn from_seed(seed: &SecretBytes<32>) -> Self
    where
        Self: Sized;

    /// The public half.
    fn public(&self) -> PublicKey;

    /// Signs the concatenation of `parts`. The first part is always a label of its use (SKE-007).
    fn sign(&self, parts: &[&[u8]]) -> Signature;

    /// The secret seed; none if it is not to be had.
    ///
    /// # Security
    ///
    /// Only for a key that has served its time and is about to be published (V2-029), and for
    /// comparing implementations.
    fn seed(&self) -> Option<SecretBytes<32>> {
        None
    }
}

/// A public signature key that passed validation.
pub trait VerifyingKey: Clone + fmt::Debug + PartialEq + Eq + Send + Sync + 'static {
    /// Validates a key.
    ///
    /// # Errors
    ///
    /// [`KeyError`] for encodings that are not canonical and for keys of small or mixed order
    /// (ATK-024).
    fn import(key: &PublicKey) -> Result<Self, KeyError>;

    /// The key as it travels.
    fn export(&self) -> PublicKey;

    /// Verifies a signature over the concatenation of `parts`, strictly (SEC-026): canonical
    /// encodings only, so that nobody can make a second valid signature from a first.
    ///
    /// # Errors
    ///
    /// [`VerifyError`], without a cause.
    fn verify(&self, parts: &[&[u8]], signature: &Signature) -> Result<(), VerifyError>;
}

/// A group element or a result that must not be used: not canonical, on the twist, of small
/// order, or all zero (GKA-017, GKA-018); in a group of prime order not canonical or the identity
/// (V2-006).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DhError;

impl fmt::Display for DhError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a valid group element")
    }
}

impl core::error::Error for DhError {}

/// Diffie–Hellman among any number of people, as CLIQUES needs it.
pub trait GroupDiffieHellman: Suite {
    /// A validated public group element: an intermediate key.
    type Element: Clone + fmt::Debug + PartialEq + Eq + Send + Sync + 'static;
    /// One fresh secret share `x`, wiped on drop.
    type Contribution: fmt::Debug + Send + Sync + 'static;
    /// The product of all own shares, condensed to one scalar (GKA-022), wiped on drop.
    type Accumulated: fmt::Debug + Send + Sync + 'static;

    /// The base point.
    fn base() -> Self::Element;

    /// Validates an element that came from somebody else (GKA-017).
    ///
    /// # Errors
    ///
    /// [`DhError`] if it is not canonical, not on the curve, or of small order.
    fn import(bytes: &[u8; 32]) -> Result<Self::Element, DhError>;

    /// The element as it travels.
    fn export(element: &Self::Element) -> [u8; 32];

    /// Draws a new share: exactly 32 bytes of randomness.
    fn contribute(rng: &mut dyn CryptoRng) -> Self::Contribution;

    /// Applies one fresh share the way every peer does (clamped, GKA-024), for values that are
    /// sent to others.
    ///
    /// # Errors
    ///
    /// [`DhError`] if the result is all zero.
    fn apply(x: &Self::Contribution, element: &Self::Element) -> Result<Self::Element, DhError>;

    /// All shares so far and one more; `None` stands for no share yet.
    fn fold(former: Option<&Self::Accumulated>, x: &Self::Contribution) -> Self::Accumulated;

    /// Applies all own shares: the element that lacks only them becomes the group secret, or the
    /// cardinal key that is sent to the next member in an upflow.
    ///
    /// # Errors
    ///
    /// [`DhError`] if the element is of small order.
    fn apply_all(
        all: &Self::Accumulated,
        element: &Self::Element,
    ) -> Result<Self::Element, DhError>;

    /// Derives the group key from the group secret (GKA-005).
    fn group_key(secret: Self::Element) -> SecretBytes<32>;

    /// The product of all own shares as bytes, for attacks on a state in tests; none if it is not
    /// to be had.
    #[cfg(feature = "inspect")]
    fn reveal(_: &Self::Accumulated) -> Option<SecretBytes<32>> {
        None
    }

    /// What [`reveal`](Self::reveal) made bytes of; none for anything else.
    #[cfg(feature = "inspect")]
    fn revealed(_: &SecretBytes<32>) -> Option<Self::Accumulated> {
        None
    }
}

/// The unauthenticated cipher under which a v1 message travels. The signature around it is what
/// authenticates (MSG-001).
pub trait StreamCipher: Suite {
    /// Encrypts or decrypts `data` in place.
    fn apply_keystream(key: &SecretBytes<32>, iv: &[u8; 12], data: &mut [u8]);
}
