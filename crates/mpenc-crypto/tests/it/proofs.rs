//! Equality of discrete logarithms: wire-v2.md section 3.2.

use mpenc_crypto::proof::{self, Proof, Statement};
use mpenc_crypto::{PrimeOrderGroup, V2, VerifyError};
use proptest::prelude::*;

use crate::{array, scalar};

type Element = <V2 as PrimeOrderGroup>::Element;

const CTX: [u8; 32] = {
    let mut bytes = [0; 32];
    let mut i = 0;
    while i < 32 {
        bytes[i as usize] = i;
        i += 1;
    }
    bytes
};

/// The order of the group.
const ORDER: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";

/// What the member in place 1 of a ring of four states.
struct Case {
    public: Element,
    base: Element,
    share: Element,
}

impl Case {
    fn of_four() -> Self {
        let base = V2::sub(&V2::mul_base(&scalar(2)), &V2::mul_base(&scalar(0)));
        Self { public: V2::mul_base(&scalar(1)), share: V2::mul(&scalar(1), &base), base }
    }

    fn of_two() -> Self {
        let base = V2::identity();
        Self { public: V2::mul_base(&scalar(1)), share: V2::mul(&scalar(1), &base), base }
    }

    fn statement(&self) -> Statement<'_, Element> {
        let Self { public, base, share } = self;
        Statement { ctx: &CTX, place: 1, public, base, share }
    }

    fn prove(&self) -> Proof {
        proof::prove::<V2>(&self.statement(), &scalar(1), scalar(9))
    }
}

fn refused(statement: &Statement<'_, Element>, proof: &Proof) -> bool {
    proof::verify::<V2>(statement, proof) == Err(VerifyError)
}

/// Computed apart, by an implementation of RFC 9496 in Python.
#[test]
fn known_answers() {
    fn check(case: &Case, challenge: &str, response: &str) {
        let proof = Proof { challenge: array(challenge), response: array(response) };
        assert_eq!(case.prove(), proof);
        assert_eq!(proof::verify::<V2>(&case.statement(), &proof), Ok(()));
    }
    check(
        &Case::of_four(),
        "08309883cdc8b41c79e525b0198e4a176cd5b8f0be933d26e35c14d4d9ddd80a",
        "6fe13f202786d44a64f9c7a67787a195fa1780f2139f1f3490d43cd3e0f0be01",
    );
    check(
        &Case::of_two(),
        "7c4464cc428410dbe4e1a261a89c3decad663614e3c16c7942f8fb4278f6c80e",
        "81936ca28d16a00f1e3199be5fd801864fca9c9be5f1c099eb70ae3dc789a904",
    );
}

//= docs/spec/attacks.md#ATK-031
//= type=test
#[test]
fn a_proof_holds_for_one_statement() {
    for case in [Case::of_four(), Case::of_two()] {
        let (statement, proof) = (case.statement(), case.prove());
        let other = V2::mul_base(&scalar(3));
        let mut ctx = CTX;
        ctx[31] ^= 1;
        assert!(refused(&Statement { ctx: &ctx, ..statement }, &proof));
        for place in [0, 2, 257] {
            assert!(refused(&Statement { place, ..statement }, &proof));
        }
        assert!(refused(&Statement { public: &other, ..statement }, &proof));
        assert!(refused(&Statement { base: &other, ..statement }, &proof));
        assert!(refused(&Statement { share: &other, ..statement }, &proof));
        assert!(!refused(&statement, &proof));
    }
}

/// The attack that proofs are for (v2.md section 2): of four members the last chooses its
/// contribution and its share so that they add up to a key it knows.
//= docs/spec/attacks.md#ATK-031
//= type=test
#[test]
fn a_share_that_steers_the_key_has_no_proof() {
    // Place 3 of four speaks last: Z_3 = c·B − Z_1, X_3 = X_1 + c·(Z_0 − Z_2).
    let r: Vec<_> = (0..3).map(scalar).collect();
    let mut z: Vec<_> = r.iter().map(V2::mul_base).collect();
    let c = scalar(7);
    z.push(V2::sub(&V2::mul_base(&c), &z[1]));
    let d: Vec<_> = (0..4).map(|i| V2::sub(&z[(i + 1) % 4], &z[(i + 3) % 4])).collect();
    let mut x: Vec<_> = (0..3).map(|i| V2::mul(&r[i], &d[i])).collect();
    x.push(V2::add(&x[1], &V2::mul(&c, &V2::sub(&z[0], &z[2]))));
    // It works: everybody finds the key that the attacker knows beforehand.
    let known = V2::mul(&c, &V2::add(&z[0], &z[2]));
    for i in 0..3 {
        let own = V2::mul(&r[i], &z[(i + 3) % 4]);
        let terms = [(4, &own), (3, &x[i]), (2, &x[(i + 1) % 4]), (1, &x[(i + 2) % 4])];
        assert_eq!(V2::weighted_sum(&terms), known);
    }
    // But it knows no logarithm of Z_3. With c, which it knows, the proof is one of c.
    let statement = Statement { ctx: &CTX, place: 3, public: &z[3], base: &d[3], share: &x[3] };
    assert!(refused(&statement, &proof::prove::<V2>(&statement, &c, scalar(9))));
}

//= docs/spec/attacks.md#ATK-031
//= type=test
#[test]
fn a_shifted_share_has_no_proof() {
    let case = Case::of_four();
    let shifted = V2::add(&case.share, &V2::base());
    let statement = Statement { share: &shifted, ..case.statement() };
    assert!(refused(&statement, &case.prove()));
    assert!(refused(&statement, &proof::prove::<V2>(&statement, &scalar(1), scalar(9))));
    // Nor has a public value that is not the one of the secret.
    let statement = Statement { public: &shifted, ..case.statement() };
    assert!(refused(&statement, &proof::prove::<V2>(&statement, &scalar(1), scalar(9))));
}

/// Between two the share is no secret, but the proof shows that the contribution's logarithm is
/// known: copying somebody's contribution does not do.
//= docs/spec/v2.md#V2-032
//= type=test
#[test]
fn between_two_the_proof_shows_knowledge() {
    let case = Case::of_two();
    assert!(V2::is_identity(&case.share));
    assert!(!refused(&case.statement(), &case.prove()));
    let wrong = proof::prove::<V2>(&case.statement(), &scalar(2), scalar(9));
    assert!(refused(&case.statement(), &wrong));
}

//= docs/spec/v2.md#V2-006
//= type=test
#[test]
fn numbers_are_canonical() {
    let order: [u8; 32] = array(ORDER);
    for case in [Case::of_four(), Case::of_two()] {
        let (statement, proof) = (case.statement(), case.prove());
        // The same number, once and more often the order larger: below 2²⁵⁶ there are fifteen.
        let (mut response, mut challenge) = (proof.response, proof.challenge);
        for _ in 0..14 {
            response = sum(response, order);
            challenge = sum(challenge, order);
            assert!(refused(&statement, &Proof { response, ..proof }));
            assert!(refused(&statement, &Proof { challenge, ..proof }));
            assert!(refused(&statement, &Proof { challenge, response }));
        }
        for bytes in [order, [0xff; 32], [0; 32]] {
            assert!(refused(&statement, &Proof { response: bytes, ..proof }));
            assert!(refused(&statement, &Proof { challenge: bytes, ..proof }));
        }
        assert!(!refused(&statement, &proof));
    }
}

/// Of little-endian numbers, modulo 2²⁵⁶.
fn sum(a: [u8; 32], b: [u8; 32]) -> [u8; 32] {
    let mut carry = 0;
    core::array::from_fn(|i| {
        let sum = u16::from(a[i]) + u16::from(b[i]) + carry;
        carry = sum >> 8;
        sum.to_le_bytes()[0]
    })
}

#[test]
fn another_nonce_gives_another_proof() {
    let case = Case::of_four();
    let again = proof::prove::<V2>(&case.statement(), &scalar(1), scalar(10));
    assert_ne!(again, case.prove());
    assert!(!refused(&case.statement(), &again));
    // Halves of different proofs are none.
    let mixed = Proof { challenge: case.prove().challenge, ..again };
    assert!(refused(&case.statement(), &mixed));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    //= docs/spec/v2.md#V2-006
    //= type=test
    #[test]
    fn one_changed_bit_is_refused(secret in 1_u8.., nonce in 1_u8.., bit in 0_usize..512) {
        let (r, base) = (scalar(secret), V2::mul_base(&scalar(0)));
        let (public, share) = (V2::mul_base(&r), V2::mul(&r, &base));
        let statement =
            Statement { ctx: &CTX, place: 7, public: &public, base: &base, share: &share };
        let mut proof = proof::prove::<V2>(&statement, &r, scalar(nonce));
        prop_assert!(!refused(&statement, &proof));
        let half = if bit < 256 { &mut proof.challenge } else { &mut proof.response };
        half[bit % 256 / 8] ^= 1 << (bit % 8);
        prop_assert!(refused(&statement, &proof));
    }
}
