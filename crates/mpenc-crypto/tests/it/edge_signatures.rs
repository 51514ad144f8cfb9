//! Signatures that some verifiers take and others refuse (ATK-022, ATK-024, ATK-025), built from
//! their equations. Each is shown to be a danger: a lenient verifier takes it.

use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity;
use mpenc_crypto::{
    KeyError, PublicKey, SecretBytes, Signature, SigningKey as _, VerifyError, VerifyingKey as _,
};
use sha2::{Digest, Sha512};

use crate::key_import::LOW_ORDER;
use crate::{SigningKey, VerifyingKey, array};

/// ℓ, little endian.
const ORDER: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";

struct Case {
    key: [u8; 32],
    message: [u8; 1],
    r: [u8; 32],
    s: [u8; 32],
}

impl Case {
    fn signature(&self) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&self.r);
        bytes[32..].copy_from_slice(&self.s);
        bytes
    }

    /// Verdict of this suite; a key that cannot be imported verifies nothing.
    fn ours(&self) -> Result<Result<(), VerifyError>, KeyError> {
        let key = VerifyingKey::import(&PublicKey::new(self.key))?;
        Ok(key.verify(&[&self.message], &Signature::new(self.signature())))
    }

    fn dalek(&self) -> (bool, bool) {
        let Ok(key) = ed25519_dalek::VerifyingKey::from_bytes(&self.key) else {
            return (false, false);
        };
        let signature = ed25519_dalek::Signature::from_bytes(&self.signature());
        let lenient = ed25519_dalek::Verifier::verify(&key, &self.message, &signature).is_ok();
        (lenient, key.verify_strict(&self.message, &signature).is_ok())
    }

    /// Whether `8·S·B = 8·R + 8·k·A`: what the most lenient verifiers ask.
    fn satisfies_cofactored_equation(&self) -> bool {
        let decode = |bytes| curve25519_dalek::edwards::CompressedEdwardsY(bytes).decompress();
        let (Some(a), Some(r)) = (decode(self.key), decode(self.r)) else { return false };
        let s = Scalar::from_bytes_mod_order(self.s);
        let k = challenge(&self.r, &self.key, &self.message);
        let difference = EdwardsPoint::mul_base(&s) - r - a * k;
        difference.mul_by_cofactor().is_identity()
    }
}

fn challenge(r: &[u8; 32], key: &[u8; 32], message: &[u8]) -> Scalar {
    Scalar::from_hash(Sha512::new().chain_update(r).chain_update(key).chain_update(message))
}

/// A signature by `a` with nonce `r`, with torsion added to key and nonce point, over the first
/// message for which `wanted` holds.
fn crafted(
    a: Scalar,
    r: Scalar,
    key_torsion: usize,
    nonce_torsion: usize,
    wanted: impl Fn(&Case) -> bool,
) -> Case {
    let key = (EdwardsPoint::mul_base(&a) + EIGHT_TORSION[key_torsion]).compress().to_bytes();
    let nonce = (EdwardsPoint::mul_base(&r) + EIGHT_TORSION[nonce_torsion]).compress().to_bytes();
    (0..=255)
        .map(|n| {
            let message = [n];
            let s = (r + challenge(&nonce, &key, &message) * a).to_bytes();
            Case { key, message, r: nonce, s }
        })
        .find(wanted)
        .expect("one message in eight at least will do")
}

fn scalar(n: u8) -> Scalar {
    Scalar::from_bytes_mod_order([n; 32])
}

fn honest() -> Case {
    crafted(scalar(7), scalar(9), 0, 0, |_| true)
}

//= docs/spec/protocol.md#SEC-026
//= type=test
#[test]
fn keys_with_torsion_never_verify() {
    let zero = Scalar::ZERO;
    for t in 1..8 {
        // Small key with small or mixed nonce point, mixed key likewise; all satisfy the equation
        // without cofactor, which most verifiers use.
        for (a, r) in [(zero, zero), (zero, scalar(9)), (scalar(7), zero), (scalar(7), scalar(9))] {
            // For a key of full torsion every nonce torsion has its messages.
            let case = crafted(a, r, t, 8 - t, |case| case.dalek().0);
            assert_eq!(case.ours(), Err(KeyError), "key torsion {t}");
            // These satisfy the equation with cofactor only: verifiers disagree.
            let case = crafted(a, r, t, 0, |case| !case.dalek().0);
            assert!(case.satisfies_cofactored_equation());
            assert_eq!(case.ours(), Err(KeyError), "key torsion {t}, other messages");
        }
    }
}

//= docs/spec/protocol.md#SEC-026
//= type=test
#[test]
fn nonce_points_with_torsion_are_refused() {
    for t in 1..8 {
        for r in [Scalar::ZERO, scalar(9)] {
            let case = crafted(scalar(7), r, 0, t, |_| true);
            assert!(case.satisfies_cofactored_equation());
            assert_eq!(case.ours(), Ok(Err(VerifyError)), "nonce torsion {t}");
        }
    }
}

//= docs/spec/protocol.md#SEC-026
//= type=test
#[test]
fn the_identity_as_nonce_point_is_refused() {
    // The one case in which the strict and the plain equation differ for a key we import.
    let mut case = crafted(scalar(7), Scalar::ZERO, 0, 0, |_| true);
    assert_eq!(case.dalek(), (true, false));
    assert_eq!(case.ours(), Ok(Err(VerifyError)));
    // Nor in any other encoding, with S computed for it.
    for encoding in LOW_ORDER.map(array) {
        case.r = encoding;
        case.s = (challenge(&case.r, &case.key, &case.message) * scalar(7)).to_bytes();
        assert!(case.satisfies_cofactored_equation());
        assert_eq!(case.ours(), Ok(Err(VerifyError)));
    }
}

//= docs/spec/protocol.md#SEC-026
//= type=test
#[test]
fn s_at_or_above_the_order_is_refused() {
    let honest = honest();
    assert_eq!(honest.ours(), Ok(Ok(())));
    // S + ℓ … S + 15ℓ: as far as it fits into 32 bytes.
    let mut case = honest;
    for multiple in 1..16 {
        case.s = plus_order(&case.s);
        assert!(case.satisfies_cofactored_equation(), "S + {multiple}ℓ");
        assert_eq!(case.ours(), Ok(Err(VerifyError)), "S + {multiple}ℓ");
    }
    // ℓ itself instead of 0, in a signature with S = 0: r = −k·a cannot be arranged, so any will do.
    case.s = array(ORDER);
    assert_eq!(case.ours(), Ok(Err(VerifyError)));
}

fn plus_order(s: &[u8; 32]) -> [u8; 32] {
    let order: [u8; 32] = array(ORDER);
    let mut carry = 0_u16;
    core::array::from_fn(|i| {
        carry += u16::from(s[i]) + u16::from(order[i]);
        let [low, high] = carry.to_le_bytes();
        carry = high.into();
        low
    })
}

//= docs/spec/protocol.md#SEC-026
//= type=test
#[test]
fn verdicts_equal_verify_strict() {
    // Over all combinations of torsion, a few messages and changed parts: for every key that is
    // imported the verdict is that of ed25519-dalek's strict verification.
    let (mut taken, mut refused) = (0, 0);
    let mut compare = |case: &Case| {
        if let Ok(verdict) = case.ours() {
            assert_eq!(verdict.is_ok(), case.dalek().1);
            taken += usize::from(verdict.is_ok());
            refused += usize::from(verdict.is_err());
        }
    };
    for a in [scalar(7), scalar(200)] {
        for r in [Scalar::ZERO, Scalar::ONE, scalar(9)] {
            for key_torsion in 0..8 {
                for nonce_torsion in 0..8 {
                    for n in 0..4 {
                        let mut case =
                            crafted(a, r, key_torsion, nonce_torsion, |case| case.message == [n]);
                        compare(&case);
                        case.s = plus_order(&case.s);
                        compare(&case);
                        case.s = [0; 32];
                        compare(&case);
                        case.r = [0; 32];
                        compare(&case);
                    }
                }
            }
        }
    }
    assert!(taken > 0 && refused > taken, "{taken} taken, {refused} refused");
}

#[test]
fn crafted_signatures_are_those_of_an_honest_signer_but_for_the_nonce() {
    let key = SigningKey::from_seed(&SecretBytes::new([1; 32]));
    let verifying = VerifyingKey::import(&key.public()).unwrap();
    let signature = key.sign(&[b"m"]);
    assert_eq!(verifying.verify(&[b"m"], &signature), Ok(()));
    assert_eq!(honest().dalek(), (true, true));
}
