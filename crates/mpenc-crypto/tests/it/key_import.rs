//! Which public signature keys are taken (ATK-024).

use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use mpenc_crypto::{KeyError, PublicKey, VerifyingKey as _};
use proptest::prelude::*;

use crate::{VerifyingKey, array};

fn import(bytes: [u8; 32]) -> Result<VerifyingKey, KeyError> {
    VerifyingKey::import(&PublicKey::new(bytes))
}

/// All encodings of small order that lenient decoders take.
pub(crate) const LOW_ORDER: [&str; 14] = [
    // Canonical: orders 1, 2, 4, 4, 8, 8, 8, 8.
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    // A sign for x = 0, or y at or above p.
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
];

//= docs/spec/protocol.md#SEC-026
//= type=test
#[test]
fn small_order_is_refused() {
    for key in LOW_ORDER {
        assert_eq!(import(array(key)), Err(KeyError), "{key}");
        // Not because they could not be decoded: all of them are a danger to lenient code.
        let lenient = ed25519_dalek::VerifyingKey::from_bytes(&array(key)).unwrap();
        assert!(lenient.is_weak(), "{key}");
    }
}

#[test]
fn only_canonical_encodings_are_taken() {
    for sign in [0x00, 0x80] {
        for n in 0..19 {
            let mut encoding = [0xff; 32];
            encoding[0] = 0xed + n;
            encoding[31] = 0x7f | sign;
            assert_eq!(import(encoding), Err(KeyError), "y = p + {n}, sign {sign}");
        }
    }
}

proptest! {
    #[test]
    fn mixed_order_is_refused(secret in any::<[u8; 32]>(), torsion in 1..8_usize) {
        let point = EdwardsPoint::mul_base(&Scalar::from_bytes_mod_order(secret));
        let mixed = point + EIGHT_TORSION[torsion];
        prop_assert!(import(point.compress().to_bytes()).is_ok());
        prop_assert_eq!(import(mixed.compress().to_bytes()), Err(KeyError));
    }

    #[test]
    fn any_32_bytes_are_judged_by_the_group(bytes in any::<[u8; 32]>()) {
        let decoded = curve25519_dalek::edwards::CompressedEdwardsY(bytes).decompress();
        let order = Scalar::ZERO - Scalar::ONE;
        let good = decoded.is_some_and(|point| {
            point * order == -point
                && point != EdwardsPoint::default()
                && point.compress().to_bytes() == bytes
        });
        prop_assert_eq!(import(bytes).is_ok(), good);
        if let Ok(key) = import(bytes) {
            prop_assert_eq!(key.export(), PublicKey::new(bytes));
        }
    }
}
