//! Suites with one flaw each: the checks must find it.

use alloc::vec::Vec;

use super::{Transparent, Violation, check_broadcast_suite};
use crate::{
    Aead, AeadError, DhError, FramedHash, KeyDerivation, Label, PrimeOrderGroup, SecretBytes, Suite,
};

/// [`Transparent`] but for one flaw.
#[derive(Clone, Copy, Debug)]
struct Flawed<const FLAW: u8>;

const NONE: u8 = 0;
const HASH_IGNORES_LABEL: u8 = 1;
const HASH_JOINS_PARTS: u8 = 2;
const WIDE_HASH_EXTENDS_NARROW: u8 = 3;
const EXTRACT_IGNORES_SALT: u8 = 4;
const EXPAND_IGNORES_LABEL: u8 = 5;
const EXPAND_REPEATS: u8 = 6;
const SEAL_IGNORES_DATA: u8 = 7;
const OPEN_SPOILS: u8 = 8;
const IMPORT_TAKES_IDENTITY: u8 = 9;
const IMPORT_REFUSES_IDENTITY: u8 = 10;
const IMPORT_IGNORES_TOP_BIT: u8 = 11;
const REDUCE_TAKES_ZERO: u8 = 12;
const SUBTRACTION_ADDS: u8 = 13;
const SUM_IGNORES_WEIGHTS: u8 = 14;
const RESPONSE_IGNORES_SECRET: u8 = 15;
const RECOMPUTE_IGNORES_IMAGE: u8 = 16;
const RECOMPUTE_IGNORES_BASE: u8 = 17;

type Scalar = <Transparent as PrimeOrderGroup>::Scalar;
type Element = <Transparent as PrimeOrderGroup>::Element;

impl<const FLAW: u8> Suite for Flawed<FLAW> {
    const NAME: &'static str = "flawed";

    type SigningKey = <Transparent as Suite>::SigningKey;
    type VerifyingKey = <Transparent as Suite>::VerifyingKey;

    fn hash(parts: &[&[u8]]) -> [u8; 32] {
        Transparent::hash(parts)
    }
}

impl<const FLAW: u8> FramedHash for Flawed<FLAW> {
    const SUITE_ID: u16 = Transparent::SUITE_ID;

    fn framed(label: Label, parts: &[&[u8]]) -> [u8; 32] {
        match FLAW {
            HASH_IGNORES_LABEL => Transparent::framed(Label::SID, parts),
            HASH_JOINS_PARTS => Transparent::framed(label, &[&parts.concat()]),
            _ => Transparent::framed(label, parts),
        }
    }

    fn framed_wide(label: Label, parts: &[&[u8]]) -> [u8; 64] {
        let mut wide = Transparent::framed_wide(label, parts);
        if FLAW == WIDE_HASH_EXTENDS_NARROW {
            wide[..32].copy_from_slice(&Transparent::framed(label, parts));
        }
        wide
    }
}

impl<const FLAW: u8> KeyDerivation for Flawed<FLAW> {
    fn extract(salt: &[u8], ikm: &[&[u8]]) -> SecretBytes<64> {
        Transparent::extract(if FLAW == EXTRACT_IGNORES_SALT { b"" } else { salt }, ikm)
    }

    fn expand(prk: &SecretBytes<64>, label: Label, parts: &[&[u8]], out: &mut [u8]) {
        match FLAW {
            EXPAND_IGNORES_LABEL => Transparent::expand(prk, Label::HEDGED, parts, out),
            EXPAND_REPEATS => {
                for block in out.chunks_mut(64) {
                    Transparent::expand(prk, label, parts, block);
                }
            }
            _ => Transparent::expand(prk, label, parts, out),
        }
    }
}

impl<const FLAW: u8> Aead for Flawed<FLAW> {
    fn seal_in_place(key: &SecretBytes<32>, nonce: &[u8; 12], aad: &[u8], data: &mut Vec<u8>) {
        let aad = if FLAW == SEAL_IGNORES_DATA { b"" } else { aad };
        Transparent::seal_in_place(key, nonce, aad, data);
    }

    fn open_in_place(
        key: &SecretBytes<32>,
        nonce: &[u8; 12],
        aad: &[u8],
        data: &mut Vec<u8>,
    ) -> Result<(), AeadError> {
        let aad = if FLAW == SEAL_IGNORES_DATA { b"" } else { aad };
        let result = Transparent::open_in_place(key, nonce, aad, data);
        if FLAW == OPEN_SPOILS && result.is_err() {
            data.clear();
        }
        result
    }
}

impl<const FLAW: u8> PrimeOrderGroup for Flawed<FLAW> {
    type Scalar = Scalar;
    type Element = Element;

    fn identity() -> Element {
        Transparent::identity()
    }

    fn is_identity(element: &Element) -> bool {
        Transparent::is_identity(element)
    }

    fn base() -> Element {
        <Transparent as PrimeOrderGroup>::base()
    }

    fn import(bytes: &[u8; 32]) -> Result<Element, DhError> {
        let mut bytes = *bytes;
        if FLAW == IMPORT_IGNORES_TOP_BIT {
            bytes[31] &= 0x7f;
        }
        if FLAW == IMPORT_TAKES_IDENTITY {
            Transparent::import_or_identity(&bytes)
        } else {
            <Transparent as PrimeOrderGroup>::import(&bytes)
        }
    }

    fn import_or_identity(bytes: &[u8; 32]) -> Result<Element, DhError> {
        if FLAW == IMPORT_REFUSES_IDENTITY {
            <Transparent as PrimeOrderGroup>::import(bytes)
        } else {
            Transparent::import_or_identity(bytes)
        }
    }

    fn export(element: &Element) -> [u8; 32] {
        <Transparent as PrimeOrderGroup>::export(element)
    }

    fn export_secret(element: &Element) -> SecretBytes<32> {
        Transparent::export_secret(element)
    }

    fn reduce(wide: &SecretBytes<64>) -> Option<Scalar> {
        let reduced = Transparent::reduce(wide);
        if FLAW == REDUCE_TAKES_ZERO { reduced.or(Some(Self::identity())) } else { reduced }
    }

    fn scalar_bytes(scalar: &Scalar) -> SecretBytes<32> {
        Transparent::scalar_bytes(scalar)
    }

    fn mul_base(scalar: &Scalar) -> Element {
        Transparent::mul_base(scalar)
    }

    fn mul(scalar: &Scalar, element: &Element) -> Element {
        Transparent::mul(scalar, element)
    }

    fn add(a: &Element, b: &Element) -> Element {
        Transparent::add(a, b)
    }

    fn sub(a: &Element, b: &Element) -> Element {
        if FLAW == SUBTRACTION_ADDS { Transparent::add(a, b) } else { Transparent::sub(a, b) }
    }

    fn weighted_sum(terms: &[(u32, &Element)]) -> Element {
        if FLAW == SUM_IGNORES_WEIGHTS {
            let sum = |sum, (_, element): &(u32, &Element)| Transparent::add(&sum, element);
            return terms.iter().fold(Self::identity(), sum);
        }
        Transparent::weighted_sum(terms)
    }

    fn challenge(wide: &[u8; 64]) -> [u8; 32] {
        Transparent::challenge(wide)
    }

    fn respond(nonce: Scalar, challenge: &[u8; 32], secret: &Scalar) -> [u8; 32] {
        if FLAW == RESPONSE_IGNORES_SECRET {
            return *Transparent::scalar_bytes(&nonce).expose();
        }
        Transparent::respond(nonce, challenge, secret)
    }

    fn recompute(
        response: &[u8; 32],
        base: Option<&Element>,
        challenge: &[u8; 32],
        image: &Element,
    ) -> Option<Element> {
        match FLAW {
            // Then the challenge is not used up, and anybody can prove anything.
            RECOMPUTE_IGNORES_IMAGE => {
                Transparent::recompute(response, base, challenge, &Self::identity())
            }
            RECOMPUTE_IGNORES_BASE => Transparent::recompute(response, None, challenge, image),
            _ => Transparent::recompute(response, base, challenge, image),
        }
    }
}

fn check<const FLAW: u8>(promise: &'static str) {
    let expected = Err(Violation { suite: "flawed", promise });
    assert_eq!(check_broadcast_suite::<Flawed<FLAW>>(), expected);
}

#[test]
fn every_flaw_is_found() {
    assert_eq!(check_broadcast_suite::<Flawed<NONE>>(), Ok(()));
    check::<HASH_IGNORES_LABEL>("another label or other parts, another hash");
    check::<HASH_JOINS_PARTS>("another label or other parts, another hash");
    check::<WIDE_HASH_EXTENDS_NARROW>("the two widths are two functions");
    check::<EXTRACT_IGNORES_SALT>("extraction depends on the salt");
    check::<EXPAND_IGNORES_LABEL>("another label or other parts, another key");
    check::<EXPAND_REPEATS>("the output does not repeat itself");
    check::<SEAL_IGNORES_DATA>("with no other data");
    check::<OPEN_SPOILS>("under no other key");
    check::<IMPORT_TAKES_IDENTITY>("the identity is refused");
    check::<IMPORT_REFUSES_IDENTITY>("the identity is taken where it may be");
    check::<IMPORT_IGNORES_TOP_BIT>("the top bit is not ignored");
    check::<REDUCE_TAKES_ZERO>("zero is no secret");
    check::<SUBTRACTION_ADDS>("subtraction undoes addition");
    check::<SUM_IGNORES_WEIGHTS>("a weighted sum is repeated addition");
    check::<RESPONSE_IGNORES_SECRET>("an honest proof holds");
    check::<RECOMPUTE_IGNORES_IMAGE>("an honest proof holds");
    check::<RECOMPUTE_IGNORES_BASE>("an honest proof holds");
}
