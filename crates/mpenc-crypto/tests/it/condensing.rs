//! One scalar instead of a list of shares: the same results (GKA-022, GKA-025).

use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::montgomery::MontgomeryPoint;
use curve25519_dalek::scalar::Scalar;
use mpenc_crypto::{GroupDiffieHellman, V1};
use proptest::prelude::*;

use crate::{Contribution, Element, contribution, folded};

/// As the original does it: X25519 with every share, oldest first.
fn sequential(shares: &[[u8; 32]], element: &Element) -> [u8; 32] {
    let start = MontgomeryPoint(V1::export(element));
    shares.iter().fold(start, |point, share| point.mul_clamped(*share)).to_bytes()
}

fn condensed(shares: &[[u8; 32]], element: &Element) -> [u8; 32] {
    let shares: Vec<Contribution> = shares.iter().map(|bytes| contribution(*bytes)).collect();
    V1::export(&V1::apply_all(&folded(&shares), element).unwrap())
}

fn element(prime_order: &Scalar, torsion: usize) -> Element {
    let point = EdwardsPoint::mul_base(prime_order) + EIGHT_TORSION[torsion];
    V1::import(point.to_montgomery().as_bytes()).unwrap()
}

fn scalars() -> impl Strategy<Value = Scalar> {
    any::<[u8; 32]>()
        .prop_map(Scalar::from_bytes_mod_order)
        .prop_filter("not zero", |scalar| *scalar != Scalar::ZERO)
}

proptest! {
    //= docs/spec/protocol.md#GKA-022
    //= type=test
    //= docs/spec/protocol.md#GKA-025
    //= type=test
    #[test]
    fn equals_sequential_application(
        point in scalars(),
        torsion in 0..8_usize,
        shares in prop::collection::vec(any::<[u8; 32]>(), 1..=20),
    ) {
        let element = element(&point, torsion);
        prop_assert_eq!(condensed(&shares, &element), sequential(&shares, &element));
    }

    //= docs/spec/protocol.md#GKA-021
    //= type=test
    #[test]
    fn every_share_and_no_order_counts(
        point in scalars(),
        shares in prop::collection::vec(any::<[u8; 32]>(), 2..=5),
    ) {
        let element = element(&point, 0);
        let all = condensed(&shares, &element);
        let reversed: Vec<[u8; 32]> = shares.iter().rev().copied().collect();
        prop_assert_eq!(condensed(&reversed, &element), all);
        prop_assert_ne!(condensed(&shares[1..], &element), all);
    }
}

/// Shares at the ends of what clamping allows, where a reduction could go wrong.
#[test]
fn extreme_shares() {
    let smallest = [0; 32];
    let largest = [0xff; 32];
    // The multiples of 8 next to 4ℓ … 7ℓ, which reduce to the smallest and largest scalars.
    let order = Scalar::ZERO - Scalar::ONE;
    let mut shares = vec![smallest, largest];
    for multiple in 4..8_u16 {
        let mut carry = 0_u16;
        let mut bytes = order.to_bytes().map(|byte| {
            carry += u16::from(byte) * multiple;
            let low = carry.to_le_bytes()[0];
            carry >>= 8;
            low
        });
        shares.push(bytes);
        bytes[0] ^= 8;
        shares.push(bytes);
    }
    for torsion in 0..8 {
        let element = element(&Scalar::from(7_u8), torsion);
        for x in &shares {
            assert_eq!(condensed(&[*x], &element), sequential(&[*x], &element));
            for y in &shares {
                assert_eq!(condensed(&[*x, *y], &element), sequential(&[*x, *y], &element));
            }
        }
    }
}
