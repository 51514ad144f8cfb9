//! The calculations inside an operation by themselves, for holding them against recordings
//! (feature `hazmat`).
//!
//! # Security
//!
//! Who may send what, and who may believe it, is decided by a [`Greeter`](crate::Greeter) and not
//! here. No program turns this on.

use alloc::vec::Vec;

use mpenc_crypto::{
    DhError, GroupDiffieHellman, PublicKey, SecretBytes, Signature, SigningKey, Suite, VerifyError,
};
use mpenc_types::{MemberId, SubsessionId};
use rand_core::CryptoRng;

use crate::v1::cliques::{self, Shared};
use crate::v1::ske;

/// `sid` over members and their nonces, in the same order (SKE-001).
#[must_use]
pub fn session_id<S: Suite>(members: &[MemberId], nonces: &[[u8; 32]]) -> SubsessionId {
    ske::session_id::<S>(members, nonces)
}

/// What a session signature states (SKE-002).
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// Who signs.
    pub member: &'a MemberId,
    /// Its ephemeral key.
    pub key: &'a PublicKey,
    /// Its nonce.
    pub nonce: &'a [u8; 32],
    /// The subsession.
    pub sid: &'a SubsessionId,
}

impl Claim<'_> {
    fn inner(&self) -> ske::Claim<'_> {
        ske::Claim { member: self.member, key: self.key, nonce: self.nonce, sid: self.sid }
    }

    /// The session signature under an identity key.
    #[must_use]
    pub fn sign<S: Suite>(&self, identity: &dyn SigningKey) -> Signature {
        self.inner().sign::<S>(identity)
    }

    /// Verifies a session signature.
    ///
    /// # Errors
    ///
    /// [`VerifyError`] if it is not this member's for this claim.
    pub fn verify<S: Suite>(
        &self,
        identity: &S::VerifyingKey,
        signature: &Signature,
    ) -> Result<(), VerifyError> {
        self.inner().verify::<S>(identity, signature)
    }
}

/// A list of intermediate keys into which a member has put a fresh share.
#[derive(Debug)]
pub struct List<S: GroupDiffieHellman> {
    /// One for each member that has taken part.
    pub keys: Vec<S::Element>,
    /// Product of all shares so far. **Secret** if everybody has taken part.
    pub cardinal: S::Element,
    /// All shares of the member, the fresh one included.
    pub shares: S::Accumulated,
}

impl<S: GroupDiffieHellman> From<Shared<S>> for List<S> {
    fn from(shared: Shared<S>) -> Self {
        Self { keys: shared.keys, cardinal: shared.cardinal, shares: shared.all }
    }
}

/// Begins an agreement (GKA-001).
///
/// # Errors
///
/// [`DhError`] for a share that must not be used.
pub fn begin<S: GroupDiffieHellman>(rng: &mut dyn CryptoRng) -> Result<List<S>, DhError> {
    cliques::begin::<S>(rng).map(List::from)
}

/// Takes part in the turn of a new member (GKA-002).
///
/// # Errors
///
/// [`DhError`] for a share or a key that must not be used.
pub fn take_part<S: GroupDiffieHellman>(
    rng: &mut dyn CryptoRng,
    keys: &[S::Element],
    cardinal: &S::Element,
) -> Result<List<S>, DhError> {
    cliques::take_part::<S>(rng, keys, cardinal).map(List::from)
}

/// Renews the share of the member at `own` (GKA-006, GKA-010).
///
/// # Errors
///
/// [`DhError`] for a share or a key that must not be used.
pub fn renew<S: GroupDiffieHellman>(
    rng: &mut dyn CryptoRng,
    keys: Vec<S::Element>,
    own: usize,
    former: &S::Accumulated,
) -> Result<List<S>, DhError> {
    cliques::renew::<S>(rng, keys, own, former).map(List::from)
}

/// The group key from a member's own entry of a complete list (GKA-004, GKA-005).
///
/// # Errors
///
/// [`DhError`] for a key that must not be used.
pub fn group_key<S: GroupDiffieHellman>(
    shares: &S::Accumulated,
    own_key: &S::Element,
) -> Result<SecretBytes<32>, DhError> {
    cliques::group_key::<S>(shares, own_key)
}
