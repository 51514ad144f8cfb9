use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::convert::Infallible;
use core::fmt;

use rand_core::{TryCryptoRng, TryRng};

use crate::{
    GroupDiffieHellman, PublicKey, SecretBytes, Signature, SigningKey, StreamCipher, Suite,
    VerifyingKey,
};

/// A promise of the traits that a suite does not keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// [`Suite::NAME`].
    pub suite: &'static str,
    /// The promise.
    pub promise: &'static str,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "suite {}: broken promise: {}", self.suite, self.promise)
    }
}

impl core::error::Error for Violation {}

/// Checks what [`Suite`], [`SigningKey`] and [`VerifyingKey`] promise.
///
/// It finds faults in the wiring of a suite, not weak cryptography: for that, hold the suite
/// against published vectors.
///
/// # Errors
///
/// The first promise found broken.
pub fn check_suite<S: Suite>() -> Result<(), Violation> {
    hashing::<S>()?;
    keys::<S>()?;
    signatures::<S>()
}

/// Checks what [`GroupDiffieHellman`] promises.
///
/// # Errors
///
/// The first promise found broken.
pub fn check_group<S: GroupDiffieHellman>() -> Result<(), Violation> {
    shares::<S>()?;
    elements::<S>()
}

/// Checks what [`StreamCipher`] promises of its form: applied twice it gives the text back.
/// Nothing here asks whether it hides the text.
///
/// # Errors
///
/// The first promise found broken.
pub fn check_stream_cipher<S: StreamCipher>() -> Result<(), Violation> {
    let key = SecretBytes::new([7; 32]);
    for len in LENGTHS {
        let text: Vec<u8> = (0..len).map(|i| i.to_le_bytes()[0]).collect();
        let mut data = text.clone();
        S::apply_keystream(&key, &[9; 12], &mut data);
        let once = data.clone();
        S::apply_keystream(&key, &[9; 12], &mut data);
        promise::<S>(data == text, "the keystream applied twice gives the text back")?;
        // The keystream does not depend on the text.
        let mut zeros = alloc::vec![0; len];
        S::apply_keystream(&key, &[9; 12], &mut zeros);
        let sum: Vec<u8> = zeros.iter().zip(&text).map(|(a, b)| a ^ b).collect();
        promise::<S>(sum == once, "the keystream depends on key and iv only")?;
    }
    Ok(())
}

fn hashing<S: Suite>() -> Result<(), Violation> {
    promise::<S>(!S::NAME.is_empty(), "it has a name")?;
    for len in LENGTHS {
        let whole = alloc::vec![0x5a; len];
        let (left, right) = whole.split_at(len / 2);
        let hash = S::hash(&[&whole]);
        promise::<S>(hash == S::hash(&[left, &[], right]), "a hash is over the concatenation")?;
        let longer = S::hash(&[&whole, &[0]]);
        promise::<S>(hash != longer, "a zero more is another hash")?;
        let mut other = whole.clone();
        if let Some(last) = other.last_mut() {
            *last ^= 1;
            promise::<S>(hash != S::hash(&[&other]), "another bit is another hash")?;
        }
    }
    Ok(())
}

fn keys<S: Suite>() -> Result<(), Violation> {
    let mut rng = Counter::default();
    let drawn = S::SigningKey::generate(&mut rng);
    promise::<S>(rng.drawn == 32, "generating a key draws exactly 32 bytes")?;
    let seed = Counter::default().next_bytes();
    let expanded = S::SigningKey::from_seed(&SecretBytes::new(seed));
    promise::<S>(drawn.public() == expanded.public(), "what generating draws is the seed")?;
    let other = S::SigningKey::generate(&mut rng);
    promise::<S>(drawn.public() != other.public(), "another seed is another key")?;
    promise::<S>(hides(&drawn, &seed), "a signing key is redacted")?;
    let imported = S::VerifyingKey::import(&drawn.public());
    let exported = imported.map(|key| key.export());
    promise::<S>(exported == Ok(drawn.public()), "a public key comes out as it went in")?;
    let zeros = S::VerifyingKey::import(&PublicKey::new([0; 32]));
    promise::<S>(zeros.is_err(), "a public key of zeros is refused")
}

fn signatures<S: Suite>() -> Result<(), Violation> {
    let mut rng = Counter::default();
    let key = S::SigningKey::generate(&mut rng);
    let other = S::SigningKey::generate(&mut rng);
    let import = |key: &S::SigningKey| {
        S::VerifyingKey::import(&key.public())
            .map_err(|_| Violation { suite: S::NAME, promise: "an own public key is accepted" })
    };
    let (ours, theirs) = (import(&key)?, import(&other)?);
    for len in LENGTHS {
        let text = alloc::vec![0xa5; len];
        let (left, right) = text.split_at(len / 3);
        let signature = key.sign(&[b"label", &text]);
        let parts: [&[u8]; 3] = [b"label", left, right];
        promise::<S>(ours.verify(&parts, &signature).is_ok(), "an own signature verifies")?;
        promise::<S>(theirs.verify(&parts, &signature).is_err(), "under no other key")?;
        let relabelled: [&[u8]; 2] = [b"lapel", &text];
        promise::<S>(ours.verify(&relabelled, &signature).is_err(), "under no other label")?;
        let longer: [&[u8]; 3] = [b"label", &text, &[0]];
        promise::<S>(ours.verify(&longer, &signature).is_err(), "over no other text")?;
        for bit in [0, 7, 255, 256, 263, 511] {
            let spoilt = flip(&signature, bit);
            promise::<S>(ours.verify(&parts, &spoilt).is_err(), "with no bit flipped")?;
        }
        let zeros = Signature::new([0; 64]);
        promise::<S>(ours.verify(&parts, &zeros).is_err(), "zeros sign nothing")?;
    }
    Ok(())
}

fn shares<S: GroupDiffieHellman>() -> Result<(), Violation> {
    let mut rng = Counter::default();
    let first = S::contribute(&mut rng);
    promise::<S>(rng.drawn == 32, "a share draws exactly 32 bytes")?;
    promise::<S>(hides(&first, &Counter::default().next_bytes()), "a share is redacted")?;
    let all: Vec<S::Contribution> =
        core::iter::once(first).chain((0..3).map(|_| S::contribute(&mut rng))).collect();
    // Everybody's product in any order, share by share as it is sent, or condensed.
    let failed = |_| Violation { suite: S::NAME, promise: "own elements take shares" };
    let mut secrets = Vec::new();
    for skip in 0..all.len() {
        let mut around = S::base();
        for x in all.iter().cycle().skip(skip).take(all.len()) {
            let sent = S::export(&S::apply(x, &around).map_err(failed)?);
            around = S::import(&sent).map_err(failed)?;
            promise::<S>(S::export(&around) == sent, "an element comes out as it went in")?;
        }
        secrets.push(*S::group_key(around).expose());
        // The owner of two shares, and what lacks them.
        let mut lacking = S::base();
        let mut owned = None;
        for (i, x) in all.iter().cycle().skip(skip).take(all.len()).enumerate() {
            if i < 2 {
                owned = Some(S::fold(owned.as_ref(), x));
            } else {
                lacking = S::apply(x, &lacking).map_err(failed)?;
            }
        }
        if let Some(owned) = owned {
            let secret = S::apply_all(&owned, &lacking).map_err(failed)?;
            secrets.push(*S::group_key(secret).expose());
        }
    }
    let same = secrets.windows(2).all(|pair| pair.first() == pair.last());
    promise::<S>(same, "shares commute, alone and condensed")?;
    let base = *S::group_key(S::base()).expose();
    promise::<S>(secrets.first() != Some(&base), "shares change the secret")
}

fn elements<S: GroupDiffieHellman>() -> Result<(), Violation> {
    let base = S::export(&S::base());
    promise::<S>(S::import(&base) == Ok(S::base()), "the base point is accepted")?;
    for bytes in [[0; 32], [0xff; 32]] {
        promise::<S>(S::import(&bytes).is_err(), "zeros and ones are no elements")?;
    }
    Ok(())
}

pub(super) fn promise<S: Suite>(kept: bool, promise: &'static str) -> Result<(), Violation> {
    if kept { Ok(()) } else { Err(Violation { suite: S::NAME, promise }) }
}

/// Whether printing tells no run of four of the secret's bytes, in hex or as a list.
pub(super) fn hides(value: &impl fmt::Debug, secret: &[u8; 32]) -> bool {
    let printed = format!("{value:?} {value:#?}");
    secret.chunks_exact(4).all(|run| {
        let hex: String = run.iter().map(|byte| format!("{byte:02x}")).collect();
        let list = format!("{run:?}");
        !printed.contains(&hex) && !printed.contains(list.trim_matches(['[', ']']))
    })
}

fn flip(signature: &Signature, bit: usize) -> Signature {
    let mut bytes = *signature.as_bytes();
    if let Some(byte) = bytes.get_mut(bit / 8) {
        *byte ^= 1 << (bit % 8);
    }
    Signature::new(bytes)
}

/// Counts what is drawn; each byte differs from its neighbours.
#[derive(Default)]
struct Counter {
    drawn: usize,
    state: u64,
}

impl Counter {
    fn next_bytes(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for byte in &mut bytes {
            *byte = self.next_byte();
        }
        bytes
    }

    fn next_byte(&mut self) -> u8 {
        self.drawn = self.drawn.saturating_add(1);
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_041);
        let [.., byte] = self.state.to_le_bytes();
        byte
    }
}

impl TryRng for Counter {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(core::array::from_fn(|_| self.next_byte())))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(core::array::from_fn(|_| self.next_byte())))
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        dst.fill_with(|| self.next_byte());
        Ok(())
    }
}

impl TryCryptoRng for Counter {}

/// Around the blocks of hashes and ciphers.
const LENGTHS: [usize; 10] = [0, 1, 7, 8, 15, 16, 17, 64, 127, 300];

#[cfg(test)]
mod tests {
    use super::super::Transparent;
    use super::*;
    use crate::{DhError, V1, VerifyError};

    #[test]
    fn v1_keeps_its_promises() {
        assert_eq!(check_suite::<V1>(), Ok(()));
        assert_eq!(check_group::<V1>(), Ok(()));
        assert_eq!(check_stream_cipher::<V1>(), Ok(()));
    }

    #[test]
    fn transparent_keeps_its_promises() {
        assert_eq!(check_suite::<Transparent>(), Ok(()));
        assert_eq!(check_group::<Transparent>(), Ok(()));
        assert_eq!(check_stream_cipher::<Transparent>(), Ok(()));
    }

    /// A suite that takes any signature, and whose shares do nothing.
    #[derive(Clone, Copy, Debug)]
    struct Careless;

    #[derive(Clone, Debug, PartialEq, Eq)]
    struct Credulous(<Transparent as Suite>::VerifyingKey);

    impl VerifyingKey for Credulous {
        fn import(key: &PublicKey) -> Result<Self, crate::KeyError> {
            <Transparent as Suite>::VerifyingKey::import(key).map(Self)
        }

        fn export(&self) -> PublicKey {
            self.0.export()
        }

        fn verify(&self, _: &[&[u8]], _: &Signature) -> Result<(), VerifyError> {
            Ok(())
        }
    }

    impl Suite for Careless {
        const NAME: &'static str = "careless";

        type SigningKey = <Transparent as Suite>::SigningKey;
        type VerifyingKey = Credulous;

        fn hash(parts: &[&[u8]]) -> [u8; 32] {
            Transparent::hash(parts)
        }
    }

    impl GroupDiffieHellman for Careless {
        type Element = [u8; 32];
        type Contribution = ();
        type Accumulated = ();

        fn base() -> [u8; 32] {
            [1; 32]
        }

        fn import(bytes: &[u8; 32]) -> Result<[u8; 32], DhError> {
            Ok(*bytes)
        }

        fn export(element: &[u8; 32]) -> [u8; 32] {
            *element
        }

        fn contribute(rng: &mut dyn rand_core::CryptoRng) {
            rng.fill_bytes(&mut [0; 32]);
        }

        fn apply((): &(), element: &[u8; 32]) -> Result<[u8; 32], DhError> {
            Ok(*element)
        }

        fn fold(_: Option<&()>, (): &()) {}

        fn apply_all((): &(), element: &[u8; 32]) -> Result<[u8; 32], DhError> {
            Ok(*element)
        }

        fn group_key(secret: [u8; 32]) -> SecretBytes<32> {
            SecretBytes::new(secret)
        }
    }

    #[test]
    fn a_careless_suite_is_found_out() {
        let broken = |promise| Err(Violation { suite: "careless", promise });
        assert_eq!(check_suite::<Careless>(), broken("under no other key"));
        assert_eq!(check_group::<Careless>(), broken("shares change the secret"));
    }
}
