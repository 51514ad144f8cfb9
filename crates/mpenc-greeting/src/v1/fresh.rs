//! What a newcomer draws when its turn has come.

use alloc::sync::Arc;
use alloc::vec::Vec;

use mpenc_crypto::{GroupDiffieHellman, SecretBytes, SigningKey, VerifyingKey};
use rand_core::CryptoRng;

use super::cliques::{self, Shared};
use super::ske::{Lists, Nonce};
use super::verified::VerifiedUpflow;
use crate::GreetingReject;

/// A newcomer's own values, and the lists with them in.
pub(crate) struct Fresh<S: GroupDiffieHellman> {
    pub(crate) keys: Vec<S::Element>,
    pub(crate) all: S::Accumulated,
    pub(crate) turn: Turn<S>,
    pub(crate) signer: Arc<S::SigningKey>,
    pub(crate) lists: Lists,
}

/// What happens to the new cardinal key.
pub(crate) enum Turn<S: GroupDiffieHellman> {
    /// It goes to the next newcomer.
    Next(S::Element),
    /// It is the group secret.
    Last { verifying: Vec<S::VerifyingKey>, group_key: SecretBytes<32> },
}

/// Draws 32 random bytes for a nonce.
pub(crate) fn nonce(rng: &mut dyn CryptoRng) -> Nonce {
    let mut nonce = [0; 32];
    rng.fill_bytes(&mut nonce);
    nonce
}

impl<S: GroupDiffieHellman> Fresh<S> {
    /// Draws contribution, nonce and ephemeral key, in this order (wire-v1.md 6.1).
    pub(crate) fn draw(
        rng: &mut dyn CryptoRng,
        upflow: VerifiedUpflow<S>,
    ) -> Result<Self, GreetingReject> {
        let (mut lists, keys, cardinal, others) = upflow.into_parts();
        //= docs/spec/protocol.md#GKA-018
        let Shared { keys, cardinal, all } = cliques::take_part::<S>(rng, &keys, &cardinal)
            .map_err(|_| GreetingReject::BadIntermediateKey)?;
        //= docs/spec/protocol.md#SKE-003
        //= docs/spec/protocol.md#SKE-009
        let nonce = nonce(rng);
        let signer = Arc::new(S::SigningKey::generate(rng));
        let key = signer.public();
        lists.push(nonce, key);
        let turn = match others {
            None => Turn::Next(cardinal),
            Some(mut verifying) => {
                verifying
                    .push(S::VerifyingKey::import(&key).map_err(|_| GreetingReject::BadSignature)?);
                Turn::Last { verifying, group_key: S::group_key(cardinal) }
            }
        };
        Ok(Self { keys, all, turn, signer, lists })
    }
}
