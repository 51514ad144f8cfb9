use alloc::vec::Vec;
use core::fmt;

use curve25519_dalek::constants::{RISTRETTO_BASEPOINT_POINT, RISTRETTO_BASEPOINT_TABLE};
use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::scalar;
use curve25519_dalek::traits::{Identity, IsIdentity, VartimeMultiscalarMul};
use mpenc_types::guard;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{DhError, PrimeOrderGroup, SecretBytes, V2};

/// An element of ristretto255 (RFC 9496).
///
/// # Security
///
/// The sum of all shares is the group secret. Therefore every element is treated as secret: wiped,
/// redacted, compared in constant time.
#[derive(Clone, ZeroizeOnDrop)]
pub struct Element {
    point: RistrettoPoint,
    /// The encoding, if the element was made from it: to compute it again costs a square root.
    encoding: Option<[u8; 32]>,
}

/// A number from 1 to q − 1.
#[derive(ZeroizeOnDrop)]
pub struct Scalar(scalar::Scalar);

/// ristretto255 (RFC 9496): the cofactor is gone, no element has small order, and each has exactly
/// one encoding.
//= docs/spec/v2.md#V2-006
impl PrimeOrderGroup for V2 {
    type Scalar = Scalar;
    type Element = Element;

    fn identity() -> Element {
        Element { point: RistrettoPoint::identity(), encoding: Some([0; 32]) }
    }

    fn is_identity(element: &Element) -> bool {
        element.point.is_identity()
    }

    fn base() -> Element {
        Element::computed(RISTRETTO_BASEPOINT_POINT)
    }

    fn import(bytes: &[u8; 32]) -> Result<Element, DhError> {
        let element = Self::import_or_identity(bytes)?;
        if guard!("canonical-element") && Self::is_identity(&element) {
            return Err(DhError);
        }
        Ok(element)
    }

    //= docs/spec/v2.md#V2-032
    fn import_or_identity(bytes: &[u8; 32]) -> Result<Element, DhError> {
        let mut bytes = *bytes;
        if !guard!("canonical-element") {
            // As X25519 does.
            if let Some(last) = bytes.last_mut() {
                *last &= 0x7f;
            }
        }
        let point = CompressedRistretto(bytes).decompress().ok_or(DhError)?;
        Ok(Element { point, encoding: Some(bytes) })
    }

    fn export(element: &Element) -> [u8; 32] {
        element.encoding.unwrap_or_else(|| element.point.compress().to_bytes())
    }

    fn export_secret(element: &Element) -> SecretBytes<32> {
        let encoding = Zeroizing::new(Self::export(element));
        SecretBytes::fill(|to| to.copy_from_slice(&*encoding))
    }

    fn reduce(wide: &SecretBytes<64>) -> Option<Scalar> {
        let scalar = Scalar(scalar::Scalar::from_bytes_mod_order_wide(wide.expose()));
        (scalar.0 != scalar::Scalar::ZERO).then_some(scalar)
    }

    fn scalar_bytes(scalar: &Scalar) -> SecretBytes<32> {
        SecretBytes::fill(|to| to.copy_from_slice(scalar.0.as_bytes()))
    }

    fn mul_base(scalar: &Scalar) -> Element {
        Element::computed(&scalar.0 * RISTRETTO_BASEPOINT_TABLE)
    }

    fn mul(scalar: &Scalar, element: &Element) -> Element {
        Element::computed(scalar.0 * element.point)
    }

    fn add(a: &Element, b: &Element) -> Element {
        Element::computed(a.point + b.point)
    }

    fn sub(a: &Element, b: &Element) -> Element {
        Element::computed(a.point - b.point)
    }

    fn weighted_sum(terms: &[(u32, &Element)]) -> Element {
        // Heaviest first; `running` is the sum of those seen, and counts once for every step that
        // the weight goes down, at last to 0.
        let mut terms: Vec<(u32, &Element)> = terms.to_vec();
        terms.sort_unstable_by_key(|(weight, _)| core::cmp::Reverse(*weight));
        let mut sum = Zeroizing::new(RistrettoPoint::identity());
        let mut running = Zeroizing::new(RistrettoPoint::identity());
        let mut terms = terms.into_iter().peekable();
        while let Some((weight, element)) = terms.next() {
            *running += element.point;
            let next = terms.peek().map_or(0, |(next, _)| *next);
            add_times(&mut sum, weight.saturating_sub(next), &running);
        }
        Element::computed(*sum)
    }

    fn challenge(wide: &[u8; 64]) -> [u8; 32] {
        scalar::Scalar::from_bytes_mod_order_wide(wide).to_bytes()
    }

    fn respond(nonce: Scalar, challenge: &[u8; 32], secret: &Scalar) -> [u8; 32] {
        let product = Zeroizing::new(scalar::Scalar::from_bytes_mod_order(*challenge) * secret.0);
        (nonce.0 + *product).to_bytes()
    }

    fn recompute(
        response: &[u8; 32],
        base: Option<&Element>,
        challenge: &[u8; 32],
        image: &Element,
    ) -> Option<Element> {
        let canonical =
            |bytes: &[u8; 32]| Option::from(scalar::Scalar::from_canonical_bytes(*bytes));
        let s: scalar::Scalar = canonical(response)?;
        let c: scalar::Scalar = canonical(challenge)?;
        Some(Element::computed(match base {
            None => RistrettoPoint::vartime_double_scalar_mul_basepoint(&-c, &image.point, &s),
            Some(base) => {
                RistrettoPoint::vartime_multiscalar_mul([s, -c], [base.point, image.point])
            }
        }))
    }
}

/// `sum += times·point`, by doubling and adding.
fn add_times(sum: &mut RistrettoPoint, mut times: u32, point: &RistrettoPoint) {
    if times == 1 {
        *sum += point;
        return;
    }
    let mut power = Zeroizing::new(*point);
    while times > 0 {
        if times & 1 == 1 {
            *sum += *power;
        }
        times >>= 1;
        *power = *power + *power;
    }
}

impl Element {
    fn computed(mut point: RistrettoPoint) -> Self {
        let element = Self { point, encoding: None };
        point.zeroize();
        element
    }
}

impl PartialEq for Element {
    fn eq(&self, other: &Self) -> bool {
        self.point == other.point
    }
}

impl Eq for Element {}

impl fmt::Debug for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Element([redacted])")
    }
}

impl fmt::Debug for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scalar([redacted])")
    }
}
