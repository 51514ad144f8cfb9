//! A suite that counts what it is asked to do, and that can be made worse in single points.

use core::cell::Cell;

use mpenc_crypto::{
    AeadError, KeyError, Label, PublicKey, Signature, VerifyError, framing::PROFILE,
};

use super::*;

extern crate std;

/// How often something was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) hashes: u32,
    pub(super) derivations: u32,
    pub(super) decryptions: u32,
    pub(super) verifications: u32,
}

std::thread_local! {
    static COUNT: Cell<Count> = const {
        Cell::new(Count { hashes: 0, derivations: 0, decryptions: 0, verifications: 0 })
    };
}

/// What a call costs.
pub(super) fn cost<T>(call: impl FnOnce() -> T) -> (T, Count) {
    COUNT.set(Count::default());
    let result = call();
    (result, COUNT.get())
}

fn count(add: impl FnOnce(&mut Count)) {
    let mut count = COUNT.get();
    add(&mut count);
    COUNT.set(count);
}

/// The transparent suite, counted.
///
/// With `COLLIDING` the keys of a message depend on author and position only, as if somebody had
/// found a ciphertext that opens under the keys of every subsession. With `LOOSE` the last byte of
/// a signature does not matter, so that an author can sign the same twice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Toy<const COLLIDING: bool, const LOOSE: bool>;

pub(super) type Counted = Toy<false, false>;
pub(super) type Colliding = Toy<true, false>;
pub(super) type Loose = Toy<false, true>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key<const LOOSE: bool>(<Transparent as Suite>::VerifyingKey);

impl<const COLLIDING: bool, const LOOSE: bool> Suite for Toy<COLLIDING, LOOSE> {
    const NAME: &'static str = "toy";

    type SigningKey = <Transparent as Suite>::SigningKey;
    type VerifyingKey = Key<LOOSE>;

    fn hash(parts: &[&[u8]]) -> [u8; 32] {
        count(|count| count.hashes += 1);
        Transparent::hash(parts)
    }
}

impl<const LOOSE: bool> VerifyingKey for Key<LOOSE> {
    fn import(key: &PublicKey) -> Result<Self, KeyError> {
        VerifyingKey::import(key).map(Self)
    }

    fn export(&self) -> PublicKey {
        self.0.export()
    }

    fn verify(&self, parts: &[&[u8]], signature: &Signature) -> Result<(), VerifyError> {
        count(|count| count.verifications += 1);
        if !LOOSE {
            return self.0.verify(parts, signature);
        }
        let (last, rest) = signature.as_bytes().split_last().unwrap();
        let forms = (0..=u8::MAX).map(|other| {
            let mut bytes = *signature.as_bytes();
            bytes[rest.len()] = last.wrapping_add(other);
            Signature::new(bytes)
        });
        let mut verdicts = forms.map(|form| self.0.verify(parts, &form));
        verdicts.find(Result::is_ok).unwrap_or(Err(VerifyError))
    }
}

impl<const COLLIDING: bool, const LOOSE: bool> FramedHash for Toy<COLLIDING, LOOSE> {
    const SUITE_ID: u16 = Transparent::SUITE_ID;

    fn framed(label: Label, parts: &[&[u8]]) -> [u8; 32] {
        count(|count| count.hashes += 1);
        Transparent::framed(label, parts)
    }

    fn framed_wide(label: Label, parts: &[&[u8]]) -> [u8; 64] {
        count(|count| count.hashes += 1);
        Transparent::framed_wide(label, parts)
    }
}

impl<const COLLIDING: bool, const LOOSE: bool> KeyDerivation for Toy<COLLIDING, LOOSE> {
    fn extract(salt: &[u8], ikm: &[&[u8]]) -> SecretBytes<64> {
        if COLLIDING {
            return SecretBytes::new([PROFILE; 64]);
        }
        Transparent::extract(salt, ikm)
    }

    fn expand(prk: &SecretBytes<64>, label: Label, parts: &[&[u8]], out: &mut [u8]) {
        count(|count| count.derivations += 1);
        Transparent::expand(prk, label, parts, out);
    }
}

impl<const COLLIDING: bool, const LOOSE: bool> Aead for Toy<COLLIDING, LOOSE> {
    fn seal_in_place(key: &SecretBytes<32>, nonce: &[u8; 12], aad: &[u8], data: &mut Vec<u8>) {
        Transparent::seal_in_place(key, nonce, aad, data);
    }

    fn open_in_place(
        key: &SecretBytes<32>,
        nonce: &[u8; 12],
        aad: &[u8],
        data: &mut Vec<u8>,
    ) -> Result<(), AeadError> {
        count(|count| count.decryptions += 1);
        Transparent::open_in_place(key, nonce, aad, data)
    }
}
