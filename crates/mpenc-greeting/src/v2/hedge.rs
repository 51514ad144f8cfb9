//! Random values that stay different when the source of randomness repeats itself.
//!
//! Source: wire-v2.md section 7, after RFC 8937.

use alloc::vec::Vec;
use core::fmt;

use mpenc_crypto::{BroadcastSuite, Label, SecretBytes, SignLabel, SigningKey};
use mpenc_types::guard;
use rand_core::CryptoRng;

/// What a value is drawn for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The secret `r_i` of a contribution.
    Contribution,
    /// The nonce `k_i`.
    Nonce,
    /// The seed of the ephemeral key `e_i`.
    Ephemeral,
    /// The nonce `w` of a proof.
    Proof,
}

impl Purpose {
    const fn as_bytes(self) -> &'static [u8] {
        match self {
            Self::Contribution => b"contribution",
            Self::Nonce => b"nonce",
            Self::Ephemeral => b"ephemeral",
            Self::Proof => b"proof",
        }
    }
}

/// Derives every random value of an operation from fresh randomness, a key that only the owner's
/// identity has, and what the value is for.
///
/// # Security
///
/// If the randomness is good, so are the values, whatever becomes of the key. If it repeats, the
/// values still differ, because number and operation do; unless the memory of a running process
/// was copied, which is why proof nonces depend on the secret that they protect as well (V2-008).
pub(crate) struct Hedge {
    pub(super) key: SecretBytes<32>,
    /// Of this process; drawn before anything else.
    pub(super) instance: Option<[u8; 16]>,
    /// Draws so far.
    pub(super) number: u64,
}

impl Hedge {
    /// Hedging for the owner of `identity`.
    pub(crate) fn new<S: BroadcastSuite>(identity: &dyn SigningKey) -> Self {
        //= docs/spec/v2.md#V2-008
        let signature = identity.sign(&[SignLabel::HEDGING.as_bytes()]);
        let key = S::framed(Label::HEDGING_KEY, &[signature.as_bytes()]);
        Self { key: SecretBytes::new(key), instance: None, number: 0 }
    }

    /// The identifier of this process, which goes into initial packets.
    pub(crate) fn instance(&mut self, rng: &mut dyn CryptoRng) -> [u8; 16] {
        *self.instance.get_or_insert_with(|| {
            let mut instance = [0; 16];
            rng.fill_bytes(&mut instance);
            instance
        })
    }

    /// Draws 64 bytes.
    pub(crate) fn draw<S: BroadcastSuite>(
        &mut self,
        rng: &mut dyn CryptoRng,
        purpose: Purpose,
        of: &[&[u8]],
        extra: &[u8],
    ) -> SecretBytes<64> {
        //= docs/spec/v2.md#V2-008
        //= docs/spec/v2.md#V2-014
        let instance = self.instance(rng);
        let fresh: SecretBytes<32> = SecretBytes::fill(|fresh| rng.fill_bytes(fresh));
        if !guard!("hedged") {
            return expand::<S>(&[0; 32], fresh.expose(), &[], purpose, &[]);
        }
        if !guard!("fresh-contrib") {
            return expand::<S>(self.key.expose(), &[], extra, purpose, &[]);
        }
        let number = self.number.to_be_bytes();
        self.number = self.number.wrapping_add(1);
        let mut parts: Vec<&[u8]> = Vec::with_capacity(of.len().saturating_add(2));
        parts.push(&instance);
        parts.push(&number);
        parts.extend_from_slice(of);
        expand::<S>(self.key.expose(), fresh.expose(), extra, purpose, &parts)
    }

    /// Draws a scalar that is not zero.
    pub(crate) fn scalar<S: BroadcastSuite>(
        &mut self,
        rng: &mut dyn CryptoRng,
        purpose: Purpose,
        of: &[&[u8]],
        extra: &[u8],
    ) -> S::Scalar {
        loop {
            // Zero comes up once in 2²⁵² draws, so that this ends.
            if let Some(scalar) = S::reduce(&self.draw::<S>(rng, purpose, of, extra)) {
                return scalar;
            }
        }
    }

    /// Draws 32 bytes.
    pub(crate) fn bytes<S: BroadcastSuite>(
        &mut self,
        rng: &mut dyn CryptoRng,
        purpose: Purpose,
        of: &[&[u8]],
    ) -> SecretBytes<32> {
        let wide = self.draw::<S>(rng, purpose, of, &[]);
        SecretBytes::fill(|out| out.copy_from_slice(wide.expose().split_at(32).0))
    }
}

fn expand<S: BroadcastSuite>(
    key: &[u8; 32],
    fresh: &[u8],
    extra: &[u8],
    purpose: Purpose,
    of: &[&[u8]],
) -> SecretBytes<64> {
    let mut parts: Vec<&[u8]> = Vec::with_capacity(of.len().saturating_add(1));
    parts.push(purpose.as_bytes());
    parts.extend_from_slice(of);
    let prk = S::extract(key, &[fresh, extra]);
    SecretBytes::fill(|out| S::expand(&prk, Label::HEDGED, &parts, out))
}

impl fmt::Debug for Hedge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hedge").field("number", &self.number).finish_non_exhaustive()
    }
}
