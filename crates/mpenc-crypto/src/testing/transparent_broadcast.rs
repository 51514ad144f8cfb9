use alloc::vec::Vec;
use core::fmt;

use zeroize::ZeroizeOnDrop;

use super::Transparent;
use crate::{
    Aead, AeadError, DhError, FramedHash, KeyDerivation, Label, PrimeOrderGroup, SecretBytes,
    Suite, framing,
};

/// A number below 2⁶¹ − 1: scalar or element.
#[derive(Clone, PartialEq, Eq, ZeroizeOnDrop)]
pub struct Residue(u64);

/// The checksum, over the same frames as in earnest.
impl FramedHash for Transparent {
    const SUITE_ID: u16 = 0xff01;

    fn framed(label: Label, parts: &[&[u8]]) -> [u8; 32] {
        Self::hash(&[&frame(label, parts)])
    }

    fn framed_wide(label: Label, parts: &[&[u8]]) -> [u8; 64] {
        wide(&[&frame(label, parts)])
    }
}

/// Checksums.
impl KeyDerivation for Transparent {
    fn extract(salt: &[u8], ikm: &[&[u8]]) -> SecretBytes<64> {
        let ikm: Vec<u8> = ikm.concat();
        SecretBytes::new(wide(&[&Self::hash(&[b"salt", salt]), &ikm]))
    }

    fn expand(prk: &SecretBytes<64>, label: Label, parts: &[&[u8]], out: &mut [u8]) {
        let info = Self::hash(&[&framing::derived::<Self>(label, parts)]);
        for (count, block) in (0_u64..).zip(out.chunks_mut(32)) {
            let bytes = Self::hash(&[prk.expose(), &info, &count.to_be_bytes()]);
            for (to, from) in block.iter_mut().zip(bytes) {
                *to = from;
            }
        }
    }
}

/// Leaves the text as it is and appends a checksum over everything, the key included.
impl Aead for Transparent {
    fn seal_in_place(key: &SecretBytes<32>, nonce: &[u8; 12], aad: &[u8], data: &mut Vec<u8>) {
        let tag = authenticator(key, nonce, aad, data);
        data.extend_from_slice(&tag);
    }

    fn open_in_place(
        key: &SecretBytes<32>,
        nonce: &[u8; 12],
        aad: &[u8],
        data: &mut Vec<u8>,
    ) -> Result<(), AeadError> {
        let (text, tag) = data.split_last_chunk::<16>().ok_or(AeadError)?;
        if authenticator(key, nonce, aad, text) != *tag {
            return Err(AeadError);
        }
        data.truncate(text.len());
        Ok(())
    }
}

/// Addition modulo 2⁶¹ − 1, with 9 as the base point: a discrete logarithm is one division.
impl PrimeOrderGroup for Transparent {
    type Scalar = Residue;
    type Element = Residue;

    fn identity() -> Residue {
        Residue(0)
    }

    fn is_identity(element: &Residue) -> bool {
        element.0 == 0
    }

    fn base() -> Residue {
        Residue(9)
    }

    fn import(bytes: &[u8; 32]) -> Result<Residue, DhError> {
        match decode(bytes) {
            Some(number) if number != 0 => Ok(Residue(number)),
            _ => Err(DhError),
        }
    }

    fn import_or_identity(bytes: &[u8; 32]) -> Result<Residue, DhError> {
        decode(bytes).map(Residue).ok_or(DhError)
    }

    fn export(element: &Residue) -> [u8; 32] {
        encode(element.0)
    }

    fn export_secret(element: &Residue) -> SecretBytes<32> {
        SecretBytes::new(encode(element.0))
    }

    fn reduce(wide: &SecretBytes<64>) -> Option<Residue> {
        let number = reduced(wide.expose());
        (number != 0).then_some(Residue(number))
    }

    fn scalar_bytes(scalar: &Residue) -> SecretBytes<32> {
        SecretBytes::new(encode(scalar.0))
    }

    fn mul_base(scalar: &Residue) -> Residue {
        Self::mul(scalar, &Self::base())
    }

    fn mul(scalar: &Residue, element: &Residue) -> Residue {
        Residue(product(scalar.0, element.0))
    }

    fn add(a: &Residue, b: &Residue) -> Residue {
        Residue(sum(a.0, b.0))
    }

    fn sub(a: &Residue, b: &Residue) -> Residue {
        Residue(difference(a.0, b.0))
    }

    fn weighted_sum(terms: &[(u32, &Residue)]) -> Residue {
        let add = |so_far, (weight, element): &(u32, &Residue)| {
            sum(so_far, product(u64::from(*weight), element.0))
        };
        Residue(terms.iter().fold(0, add))
    }

    fn challenge(wide: &[u8; 64]) -> [u8; 32] {
        encode(reduced(wide))
    }

    fn respond(nonce: Residue, challenge: &[u8; 32], secret: &Residue) -> [u8; 32] {
        let challenge = reduced(challenge);
        encode(sum(nonce.0, product(challenge, secret.0)))
    }

    fn recompute(
        response: &[u8; 32],
        base: Option<&Residue>,
        challenge: &[u8; 32],
        image: &Residue,
    ) -> Option<Residue> {
        let base = base.map_or(Self::base().0, |base| base.0);
        let minuend = product(decode(response)?, base);
        let subtrahend = product(decode(challenge)?, image.0);
        Some(Residue(difference(minuend, subtrahend)))
    }
}

impl fmt::Debug for Residue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Residue([redacted])")
    }
}

fn frame(label: Label, parts: &[&[u8]]) -> Vec<u8> {
    let mut frame = Vec::new();
    framing::hashed::<Transparent>(label, parts, |piece| frame.extend_from_slice(piece));
    frame
}

fn wide(parts: &[&[u8]]) -> [u8; 64] {
    let content = Transparent::hash(parts);
    let mut out = [0; 64];
    for (to, half) in out.chunks_exact_mut(32).zip([b"left ", b"right"]) {
        to.copy_from_slice(&Transparent::hash(&[half, &content]));
    }
    out
}

fn authenticator(key: &SecretBytes<32>, nonce: &[u8; 12], aad: &[u8], text: &[u8]) -> [u8; 16] {
    let aad = Transparent::hash(&[aad]);
    let [tag @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] =
        Transparent::hash(&[key.expose(), nonce, &aad, text]);
    tag
}

/// Eight bytes, little endian, and 24 zeros.
fn encode(number: u64) -> [u8; 32] {
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().zip(number.to_le_bytes()) {
        *to = from;
    }
    out
}

fn decode(bytes: &[u8; 32]) -> Option<u64> {
    let (number, rest) = bytes.split_first_chunk::<8>()?;
    let number = u64::from_le_bytes(*number);
    (number < P && rest.iter().all(|byte| *byte == 0)).then_some(number)
}

/// Little endian.
fn reduced(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| sum(product(number, 256), u64::from(*byte)))
}

fn sum(a: u64, b: u64) -> u64 {
    modulo(u128::from(a).wrapping_add(u128::from(b)))
}

/// Of two numbers below P.
fn difference(a: u64, b: u64) -> u64 {
    sum(a, P.wrapping_sub(b))
}

fn product(a: u64, b: u64) -> u64 {
    modulo(u128::from(a).wrapping_mul(u128::from(b)))
}

fn modulo(number: u128) -> u64 {
    u64::try_from(number % u128::from(P)).unwrap_or(0)
}

/// The prime 2⁶¹ − 1.
const P: u64 = (1 << 61) - 1;
