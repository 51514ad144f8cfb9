//! Which group elements are taken, and X25519 itself.

use curve25519_dalek::montgomery::MontgomeryPoint;
use mpenc_crypto::{DhError, GroupDiffieHellman, V1};
use proptest::prelude::*;

use crate::{Element, array, contribution};

fn x25519(scalar: [u8; 32], element: &Element) -> [u8; 32] {
    V1::export(&V1::apply(&contribution(scalar), element).unwrap())
}

/// RFC 7748 section 5.2.
#[test]
fn known_answers() {
    let scalar = array("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4");
    let u = array("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
    let result: [u8; 32] =
        array("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
    assert_eq!(x25519(scalar, &V1::import(&u).unwrap()), result);

    // The second has the top bit set, which X25519 ignores and this suite refuses.
    let u = array("e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493");
    assert_eq!(V1::import(&u), Err(DhError));
}

/// RFC 7748 section 5.2, iterated.
#[test]
fn known_answers_iterated() {
    let base = V1::export(&V1::base());
    let (mut k, mut u) = (base, base);
    for round in 1..=1000 {
        let result = x25519(k, &V1::import(&u).unwrap());
        (k, u) = (result, k);
        if round == 1 {
            let once = "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079";
            assert_eq!(k, array::<32>(once));
        }
    }
    let thousand = "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51";
    assert_eq!(k, array::<32>(thousand));
}

/// RFC 7748 section 6.1.
#[test]
fn known_agreement() {
    let a = array("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
    let b = array("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
    let public_a = array("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
    let public_b = array("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
    let secret = array("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
    assert_eq!(x25519(a, &V1::base()), public_a);
    assert_eq!(x25519(b, &V1::base()), public_b);
    assert_eq!(x25519(a, &V1::import(&public_b).unwrap()), secret);
    assert_eq!(x25519(b, &V1::import(&public_a).unwrap()), secret);
}

//= docs/spec/protocol.md#GKA-017
//= type=test
//= docs/spec/protocol.md#GKA-025
//= type=test
#[test]
fn small_order_is_refused() {
    // Every 32-byte string that decodes to a point of small order on the curve or its twist.
    let points = [
        // Canonical: order 1 or 2 (u = 0), order 4 (u = 1), order 8 twice, order 4 of the twist.
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        // The same with p added.
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "cdeb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b880",
        "4c9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f11d7",
        "d9ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        // With 2p added.
        "daffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "dbffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        // With the top bit set, which X25519 ignores.
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b880",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f11d7",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ];
    for point in points {
        assert_eq!(V1::import(&array(point)), Err(DhError), "{point}");
    }
}

//= docs/spec/protocol.md#GKA-017
//= type=test
#[test]
fn only_canonical_encodings_are_taken() {
    // 2²⁵⁵ − 19 + n for all n that fit below the top bit: the other encodings of n.
    for n in 0..19 {
        let mut encoding = [0xff; 32];
        encoding[0] = 0xed + n;
        encoding[31] = 0x7f;
        assert_eq!(V1::import(&encoding), Err(DhError), "p + {n}");
    }
    // The base point, u = 9, is on the curve: only its encoding decides.
    let base = V1::export(&V1::base());
    assert_eq!(V1::import(&base), Ok(V1::base()));
    let mut top = base;
    top[31] |= 0x80;
    assert_eq!(V1::import(&top), Err(DhError));
    // Close below p all are canonical, and judged by the curve alone. (p − 1 is of small order.)
    let mut taken = 0;
    for n in 2..=20 {
        let mut encoding = [0xff; 32];
        encoding[0] = 0xed - n;
        encoding[31] = 0x7f;
        assert_eq!(V1::import(&encoding).is_ok(), is_on_curve(encoding), "p - {n}");
        taken += usize::from(is_on_curve(encoding));
    }
    assert!(taken > 0);
    // So are these, below p by one bit in any other byte.
    for at in 1..31 {
        let mut encoding = [0xff; 32];
        encoding[31] = 0x7f;
        encoding[at] = 0xfe;
        assert_eq!(V1::import(&encoding).is_ok(), is_on_curve(encoding), "byte {at}");
    }
}

/// Whether `u` is on the curve rather than its twist, by its order: 8ℓ · P is the identity, which
/// the ladder, working on both curves alike, computes as 0. Meaningless for points of small order.
fn is_on_curve(u: [u8; 32]) -> bool {
    let order: [u8; 32] = array("80000000000000000000000000000000a6f7cef517bce6b2c09318d2e7ae9f68");
    let bits = order.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1));
    MontgomeryPoint(u).mul_bits_be(bits).to_bytes() == [0; 32]
}

#[test]
fn the_test_for_the_curve_tells_them_apart() {
    let small = |n| {
        let mut u = [0; 32];
        u[0] = n;
        is_on_curve(u)
    };
    // u³ + 486662u² + u is a square modulo p for these and only these.
    let on_curve: Vec<u8> = (1..20).filter(|n| small(*n)).collect();
    assert_eq!(on_curve, [1, 4, 6, 7, 8, 9, 10, 11, 13, 15, 16, 17, 18, 19]);
}

proptest! {
    //= docs/spec/protocol.md#GKA-017
    //= type=test
    //= docs/spec/protocol.md#GKA-025
    //= type=test
    #[test]
    fn the_twist_is_refused(mut u in any::<[u8; 32]>()) {
        u[31] &= 0x7f;
        prop_assert_eq!(V1::import(&u).is_ok(), is_on_curve(u));
        if let Ok(element) = V1::import(&u) {
            prop_assert_eq!(V1::export(&element), u);
        }
    }
}
