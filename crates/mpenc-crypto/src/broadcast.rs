use alloc::vec::Vec;
use core::fmt;

use crate::{DhError, Label, SecretBytes, Suite};

/// Hashing with a label and delimited parts (V2-004), so that no two uses and no two lists of
/// parts have the same input.
pub trait FramedHash: Suite {
    /// The suite's number, in the header of every packet and in every frame (V2-002).
    const SUITE_ID: u16;

    /// `H(label; parts…)`. Hashes what [`framing::hashed`](crate::framing::hashed) gives.
    fn framed(label: Label, parts: &[&[u8]]) -> [u8; 32];

    /// `H64(label; parts…)`, for values that are reduced afterwards.
    fn framed_wide(label: Label, parts: &[&[u8]]) -> [u8; 64];
}

/// Key derivation in the two steps of HKDF (RFC 5869).
pub trait KeyDerivation: FramedHash {
    /// `Extract(salt, ikm[0] || ikm[1] || …)`: a key from what is not yet one.
    ///
    /// # Security
    ///
    /// Nothing marks where a part of `ikm` ends; only the last may have a length that others
    /// choose.
    fn extract(salt: &[u8], ikm: &[&[u8]]) -> SecretBytes<64>;

    /// `Expand(prk, label; parts…; out.len())`: fills `out`.
    ///
    /// A longer output begins with the shorter one: one label has one length.
    ///
    /// # Panics
    ///
    /// If `out` has more than 16,320 bytes. All lengths are constants of the wire format; to go on
    /// with a key of zeros would be worse.
    fn expand(prk: &SecretBytes<64>, label: Label, parts: &[&[u8]], out: &mut [u8]);
}

/// A ciphertext, associated data, nonce or key that do not belong together. No cause is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AeadError;

impl fmt::Display for AeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ciphertext does not open")
    }
}

impl core::error::Error for AeadError {}

/// Authenticated encryption with associated data.
///
/// # Security
///
/// One key encrypts one plaintext: two under one key and nonce give both away (ATK-035). The
/// authenticator does not commit to the key: whoever knows two keys can make a ciphertext that
/// opens under both (ATK-033).
pub trait Aead: Suite {
    /// Bytes of the authenticator.
    const TAG_LEN: usize = 16;

    /// Encrypts `data` and appends the authenticator.
    ///
    /// If `data` has to grow into new memory, the old is wiped.
    fn seal_in_place(key: &SecretBytes<32>, nonce: &[u8; 12], aad: &[u8], data: &mut Vec<u8>);

    /// Checks and removes the authenticator at the end of `data` and decrypts the rest.
    ///
    /// # Errors
    ///
    /// [`AeadError`] if it does not verify, or `data` is too short to have one; `data` is
    /// unchanged then.
    fn open_in_place(
        key: &SecretBytes<32>,
        nonce: &[u8; 12],
        aad: &[u8],
        data: &mut Vec<u8>,
    ) -> Result<(), AeadError>;
}

/// A group of prime order, written additively, in which every element has one encoding.
///
/// Constant time with respect to scalars and elements, where nothing else is said.
pub trait PrimeOrderGroup: Suite {
    /// A secret number from 1 to the order less 1; wiped on drop.
    type Scalar: fmt::Debug + Send + Sync + 'static;
    /// An element of the group.
    type Element: Clone + fmt::Debug + PartialEq + Eq + Send + Sync + 'static;

    /// The identity, whose encoding is 32 zero bytes.
    fn identity() -> Self::Element;

    /// Whether this is the identity.
    fn is_identity(element: &Self::Element) -> bool;

    /// The base point `B`.
    fn base() -> Self::Element;

    /// Decodes an element that came from somebody else. Variable time.
    ///
    /// # Errors
    ///
    /// [`DhError`] if `bytes` are not the one encoding of an element, or are the identity (V2-006).
    fn import(bytes: &[u8; 32]) -> Result<Self::Element, DhError>;

    /// Like [`import`](Self::import), but takes the identity: for shares between two (V2-032).
    ///
    /// # Errors
    ///
    /// [`DhError`] if `bytes` are not the one encoding of an element.
    fn import_or_identity(bytes: &[u8; 32]) -> Result<Self::Element, DhError>;

    /// The encoding of an element that is public.
    fn export(element: &Self::Element) -> [u8; 32];

    /// The encoding of an element that is secret.
    fn export_secret(element: &Self::Element) -> SecretBytes<32>;

    /// `wide` as a number, little endian, modulo the order; nothing if that is zero.
    fn reduce(wide: &SecretBytes<64>) -> Option<Self::Scalar>;

    /// The canonical encoding, 32 bytes, little endian: for mixing into what is derived.
    fn scalar_bytes(scalar: &Self::Scalar) -> SecretBytes<32>;

    /// `scalar·B`.
    fn mul_base(scalar: &Self::Scalar) -> Self::Element;

    /// `scalar·element`.
    fn mul(scalar: &Self::Scalar, element: &Self::Element) -> Self::Element;

    /// `a + b`.
    fn add(a: &Self::Element, b: &Self::Element) -> Self::Element;

    /// `a − b`.
    fn sub(a: &Self::Element, b: &Self::Element) -> Self::Element;

    /// The sum of `weight·element` over all `terms`.
    ///
    /// If the weights are consecutive numbers, this takes about two additions for each term.
    /// Variable time in the weights only: they are public, the sum may be a secret.
    fn weighted_sum(terms: &[(u32, &Self::Element)]) -> Self::Element;

    /// The canonical encoding of a public number: `wide`, little endian, modulo the order.
    /// Variable time is allowed.
    fn challenge(wide: &[u8; 64]) -> [u8; 32];

    /// The canonical encoding of `nonce + challenge·secret`, which no longer is a secret. The
    /// nonce is used up: a second response with it would tell `secret`.
    ///
    /// A challenge that is not canonical is taken modulo the order; [`challenge`](Self::challenge)
    /// makes none.
    fn respond(nonce: Self::Scalar, challenge: &[u8; 32], secret: &Self::Scalar) -> [u8; 32];

    /// `response·base − challenge·image`, where `None` stands for the base point `B`; nothing if
    /// one of the numbers is not in canonical encoding. Variable time: everything is public.
    fn recompute(
        response: &[u8; 32],
        base: Option<&Self::Element>,
        challenge: &[u8; 32],
        image: &Self::Element,
    ) -> Option<Self::Element>;
}

/// What the second profile needs of its cryptography (V2-003): another suite is another value of
/// this.
//= docs/spec/v2.md#V2-003
pub trait BroadcastSuite: FramedHash + KeyDerivation + Aead + PrimeOrderGroup {}

impl<S: FramedHash + KeyDerivation + Aead + PrimeOrderGroup> BroadcastSuite for S {}
