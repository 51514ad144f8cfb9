//! What the suites promise, one behaviour a module.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails the test")]
#![expect(clippy::expect_used, reason = "a helper that fails fails the test")]
#![expect(clippy::indexing_slicing, reason = "a helper that fails fails the test")]

extern crate alloc;

mod aead;
mod compile_fail;
mod condensing;
mod derivation;
mod edge_signatures;
mod elements;
mod framing;
mod hash_and_cipher;
mod key_import;
mod ladder;
mod original;
mod proofs;
mod randomness;
mod ristretto;
mod secrets;
mod signatures;
#[cfg(feature = "testing")]
mod third_suite;

use mpenc_crypto::{GroupDiffieHellman, PrimeOrderGroup, SecretBytes, Suite, V1, V2};

type SigningKey = <V1 as Suite>::SigningKey;
type VerifyingKey = <V1 as Suite>::VerifyingKey;
type Element = <V1 as GroupDiffieHellman>::Element;
type Contribution = <V1 as GroupDiffieHellman>::Contribution;
type Accumulated = <V1 as GroupDiffieHellman>::Accumulated;

fn unhex(digits: &str) -> Vec<u8> {
    hex::decode(digits).expect("hex digits")
}

fn array<const N: usize>(digits: &str) -> [u8; N] {
    unhex(digits).try_into().expect("as many bytes as expected")
}

/// The share that has exactly these bytes.
fn contribution(bytes: [u8; 32]) -> Contribution {
    V1::contribute(&mut randomness::Recorded::new(bytes.to_vec()))
}

/// All shares, folded in order.
fn folded<'a>(shares: impl IntoIterator<Item = &'a Contribution>) -> Accumulated {
    shares
        .into_iter()
        .fold(None, |all, x| Some(V1::fold(all.as_ref(), x)))
        .expect("at least one share")
}

/// A scalar of the v2 suite, different for each number.
fn scalar(number: u8) -> <V2 as PrimeOrderGroup>::Scalar {
    let place = |place: u8| number.wrapping_mul(37).wrapping_add(place.wrapping_mul(11));
    let wide = core::array::from_fn(|i| place(i.to_le_bytes()[0]).wrapping_add(5));
    V2::reduce(&SecretBytes::new(wide)).expect("not zero")
}
