use core::fmt;

use curve25519_dalek::constants::X25519_BASEPOINT;
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::montgomery::MontgomeryPoint;
use curve25519_dalek::scalar::{Scalar, clamp_integer};
use curve25519_dalek::traits::IsIdentity;
use hkdf::Hkdf;
use mpenc_types::guard;
use rand_core::CryptoRng;
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{DhError, GroupDiffieHellman, SecretBytes, V1};

/// The u-coordinate of a point on Curve25519 that is canonical, not on the twist and not of small
/// order (GKA-017).
///
/// # Security
///
/// An element is public while somebody's share is missing from it, and the group secret once none
/// is. Therefore every element is treated as secret: wiped, redacted, compared in constant time.
//= docs/spec/protocol.md#SEC-025
#[derive(Clone, ZeroizeOnDrop)]
pub struct Element([u8; 32]);

/// A share `x`: 32 bytes as drawn, clamped at each use.
//= docs/spec/protocol.md#SEC-025
#[derive(ZeroizeOnDrop)]
pub struct Contribution(SecretBytes<32>);

/// The product of all own shares, divided by 8: `s = x_1 · … · x_k · 8⁻¹ mod ℓ`, never zero.
///
/// # Security
///
/// Holds no factor: a leak after an operation tells nothing of the shares and products before it
/// (SEC-018). The former value and the share that was folded in live until their owners drop them,
/// when the operation commits.
//= docs/spec/protocol.md#GKA-026
//= docs/spec/protocol.md#SEC-025
#[derive(ZeroizeOnDrop)]
pub struct Accumulated(Scalar);

impl GroupDiffieHellman for V1 {
    type Element = Element;
    type Contribution = Contribution;
    type Accumulated = Accumulated;

    fn base() -> Element {
        Element(X25519_BASEPOINT.to_bytes())
    }

    /// Variable time: `bytes` came over the wire.
    //= docs/spec/protocol.md#GKA-017
    fn import(bytes: &[u8; 32]) -> Result<Element, DhError> {
        let element = Element(*bytes);
        if guard!("dh-contributory") {
            if !is_canonical(bytes) {
                return Err(DhError);
            }
            element.times_cofactor()?;
        }
        Ok(element)
    }

    fn export(element: &Element) -> [u8; 32] {
        element.0
    }

    fn contribute(rng: &mut dyn CryptoRng) -> Contribution {
        Contribution(SecretBytes::fill(|bytes| rng.fill_bytes(bytes)))
    }

    /// `X25519(x, element)` of RFC 7748, constant time.
    //= docs/spec/protocol.md#GKA-024
    fn apply(x: &Contribution, element: &Element) -> Result<Element, DhError> {
        Element::computed(MontgomeryPoint(element.0).mul_clamped(*x.0.expose()))
    }

    /// `s · x`, or `x · 8⁻¹` for the first share, modulo ℓ; constant time.
    //= docs/spec/protocol.md#GKA-022
    fn fold(former: Option<&Accumulated>, x: &Contribution) -> Accumulated {
        let clamped = Zeroizing::new(clamp_integer(*x.0.expose()));
        let x = Zeroizing::new(Scalar::from_bytes_mod_order(*clamped));
        // By reference, here and below: a dereferenced operand would be one more copy on the stack.
        let x: &Scalar = &x;
        match former {
            Some(Accumulated(s)) => Accumulated(s * x),
            None => {
                let half = Zeroizing::new(x.div_by_2());
                let quarter = Zeroizing::new(half.div_by_2());
                Accumulated(quarter.div_by_2())
            }
        }
    }

    /// `s · (8 · element)`, without clamping, constant time.
    //= docs/spec/protocol.md#GKA-022
    //= docs/spec/protocol.md#GKA-023
    fn apply_all(all: &Accumulated, element: &Element) -> Result<Element, DhError> {
        let Accumulated(s) = all;
        let q = element.times_cofactor()?;
        let q: &EdwardsPoint = &q;
        let result = Zeroizing::new(s * q);
        Element::computed(result.to_montgomery())
    }

    /// `HKDF-SHA256(secret, no salt, "mpenc group key", 32 bytes)` (wire-v1.md section 6.5).
    //= docs/spec/protocol.md#GKA-005
    fn group_key(secret: Element) -> SecretBytes<32> {
        derive(&secret.0, GROUP_KEY_INFO)
    }

    #[cfg(feature = "inspect")]
    fn reveal(all: &Accumulated) -> Option<SecretBytes<32>> {
        Some(SecretBytes::fill(|bytes| *bytes = all.0.to_bytes()))
    }

    #[cfg(feature = "inspect")]
    fn revealed(bytes: &SecretBytes<32>) -> Option<Accumulated> {
        Option::from(Scalar::from_canonical_bytes(*bytes.expose())).map(Accumulated)
    }
}

impl Element {
    //= docs/spec/protocol.md#GKA-018
    fn computed(mut result: MontgomeryPoint) -> Result<Self, DhError> {
        let element = Self(result.to_bytes());
        result.zeroize();
        let is_zero: bool = element.0.ct_eq(&[0; 32]).into();
        if guard!("dh-contributory") && is_zero { Err(DhError) } else { Ok(element) }
    }

    /// `8 · P`, in the prime-order group.
    ///
    /// Lifting the u-coordinate leaves the sign open. Either will do: `u(R) = u(−R)`.
    fn times_cofactor(&self) -> Result<Zeroizing<EdwardsPoint>, DhError> {
        let point = Zeroizing::new(MontgomeryPoint(self.0).to_edwards(0).ok_or(DhError)?);
        let q = Zeroizing::new(point.mul_by_cofactor());
        if guard!("dh-contributory") && q.is_identity() { Err(DhError) } else { Ok(q) }
    }
}

/// `HKDF-SHA256(secret, no salt, info, 32 bytes)`.
pub(crate) fn derive(secret: &[u8; 32], info: &[u8]) -> SecretBytes<32> {
    let (mut prk, hkdf) = Hkdf::<Sha256>::extract(None, secret);
    prk.as_mut_slice().zeroize();
    SecretBytes::fill(|key| {
        #[expect(
            clippy::expect_used,
            reason = "constant lengths; going on with a key of zeros would be worse than to stop"
        )]
        hkdf.expand(info, key).expect("HKDF-SHA256 gives up to 8160 bytes");
    })
}

/// Whether the value is below 2²⁵⁵ − 19 with the top bit clear.
fn is_canonical(bytes: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = bytes;
    let at_least_p = *high == 0x7f && middle.iter().all(|byte| *byte == 0xff) && *low >= 0xed;
    *high < 0x80 && !at_least_p
}

impl ConstantTimeEq for Element {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl PartialEq for Element {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl Eq for Element {}

impl fmt::Debug for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Element([redacted])")
    }
}

impl fmt::Debug for Contribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Contribution([redacted])")
    }
}

impl fmt::Debug for Accumulated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Accumulated([redacted])")
    }
}

const GROUP_KEY_INFO: &[u8] = b"mpenc group key";

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(value: &serde_json::Value) -> [u8; 32] {
        hex::decode(value.as_str().unwrap()).unwrap().try_into().unwrap()
    }

    fn share(first: u8) -> Contribution {
        Contribution(SecretBytes::fill(|bytes| *bytes = core::array::from_fn(|i| first ^ i as u8)))
    }

    //= docs/spec/protocol.md#GKA-005
    //= type=test
    #[test]
    fn group_keys_of_the_original() {
        // Most of these secrets are random bytes, which the original derives from unchecked.
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../vectors/group-key.json")).unwrap();
        let cases = vectors["cases"].as_array().unwrap();
        for case in cases {
            let key =
                derive(&bytes(&case["cardinal_key"]), case["info"].as_str().unwrap().as_bytes());
            assert_eq!(key.expose(), &bytes(&case["group_key"]));
        }
        assert!(
            cases.iter().any(|case| case["info"].as_str().unwrap().as_bytes() == GROUP_KEY_INFO)
        );
    }

    //= docs/spec/protocol.md#GKA-017
    //= type=test
    #[test]
    fn canonical_is_below_p() {
        fn check(low: u8, middle: u8, high: u8, expected: bool) {
            let mut bytes = [middle; 32];
            (bytes[0], bytes[31]) = (low, high);
            assert_eq!(is_canonical(&bytes), expected, "{low:#x} {middle:#x} {high:#x}");
        }
        check(0xec, 0xff, 0x7f, true);
        check(0xed, 0xff, 0x7f, false);
        check(0xff, 0xff, 0x7f, false);
        check(0xff, 0xfe, 0x7f, true);
        check(0xff, 0xff, 0x7e, true);
        check(0x00, 0x00, 0x00, true);
        check(0x00, 0x00, 0x80, false);
        check(0xec, 0xff, 0xff, false);
    }

    //= docs/spec/protocol.md#GKA-018
    //= type=test
    #[test]
    fn small_order_is_refused_again_where_it_is_used() {
        // Points of order 1 or 2, 4, 8 and 8. Import refuses them; these did not pass it.
        let order_8 = [
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        ];
        let mut points = alloc::vec![[0; 32], {
            let mut one = [0; 32];
            one[0] = 1;
            one
        }];
        points.extend(order_8.map(|u| -> [u8; 32] { hex::decode(u).unwrap().try_into().unwrap() }));
        let x = share(1);
        for point in points {
            assert_eq!(V1::apply(&x, &Element(point)), Err(DhError));
            assert_eq!(V1::apply_all(&V1::fold(None, &x), &Element(point)), Err(DhError));
        }
    }

    //= docs/spec/protocol.md#GKA-023
    //= type=test
    #[test]
    fn a_clamped_accumulated_scalar_would_give_another_secret() {
        let (x, y) = (share(1), share(2));
        let all = V1::fold(Some(&V1::fold(None, &x)), &y);
        let secret = V1::apply(&y, &V1::apply(&x, &V1::base()).unwrap()).unwrap();
        assert_eq!(V1::apply_all(&all, &V1::base()), Ok(secret.clone()));

        let q = V1::base().times_cofactor().unwrap().to_montgomery();
        assert_eq!((q * all.0).to_bytes(), secret.0);
        assert_ne!(q.mul_clamped(all.0.to_bytes()).to_bytes(), secret.0);
    }

    //= docs/spec/protocol.md#GKA-026
    //= type=test
    #[test]
    fn only_the_product_is_kept() {
        // What is left after folding x and y is as large as after one share, and equals what other
        // shares with the same product leave: nothing in it tells the factors.
        let (x, y) = (share(1), share(2));
        let xy = V1::fold(Some(&V1::fold(None, &x)), &y);
        let yx = V1::fold(Some(&V1::fold(None, &y)), &x);
        assert_eq!(xy.0, yx.0);
        assert_eq!(size_of::<Accumulated>(), 32);
    }
}
