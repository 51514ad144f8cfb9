//! A suite from outside the crate, to see that the traits suffice to make one and that the checks
//! take any. **Insecure**: its group is far too small.

use core::fmt;

use hkdf::{SimpleHkdf, SimpleHkdfExtract};
use mpenc_crypto::testing::{check_broadcast_suite, check_suite};
use mpenc_crypto::{
    Aead, AeadError, DhError, FramedHash, KeyDerivation, Label, PrimeOrderGroup, SecretBytes,
    Suite, V1, framing,
};
use sha2::{Digest, Sha256, Sha512};

/// Squares modulo a small safe prime, SHA-2, and a cipher made from SHA-512.
#[derive(Clone, Copy, Debug)]
struct Small;

/// A number from 1 to q − 1.
struct Exponent(u64);

/// A square modulo p.
#[derive(Clone, PartialEq, Eq)]
struct Square(u64);

impl Suite for Small {
    const NAME: &'static str = "small";

    type SigningKey = <V1 as Suite>::SigningKey;
    type VerifyingKey = <V1 as Suite>::VerifyingKey;

    fn hash(parts: &[&[u8]]) -> [u8; 32] {
        Sha256::digest(parts.concat()).into()
    }
}

impl FramedHash for Small {
    const SUITE_ID: u16 = 0xff02;

    fn framed(label: Label, parts: &[&[u8]]) -> [u8; 32] {
        let mut hash = Sha256::new();
        framing::hashed::<Self>(label, parts, |piece| hash.update(piece));
        hash.finalize().into()
    }

    fn framed_wide(label: Label, parts: &[&[u8]]) -> [u8; 64] {
        let mut hash = Sha512::new();
        framing::hashed::<Self>(label, parts, |piece| hash.update(piece));
        hash.finalize().into()
    }
}

impl KeyDerivation for Small {
    fn extract(salt: &[u8], ikm: &[&[u8]]) -> SecretBytes<64> {
        let mut extract = SimpleHkdfExtract::<Sha512>::new(Some(salt));
        extract.input_ikm(&ikm.concat());
        SecretBytes::new(extract.finalize().0.into())
    }

    fn expand(prk: &SecretBytes<64>, label: Label, parts: &[&[u8]], out: &mut [u8]) {
        let hkdf = SimpleHkdf::<Sha512>::from_prk(prk.expose()).unwrap();
        hkdf.expand(&framing::derived::<Self>(label, parts), out).unwrap();
    }
}

impl Aead for Small {
    fn seal_in_place(key: &SecretBytes<32>, nonce: &[u8; 12], aad: &[u8], data: &mut Vec<u8>) {
        keystream(key, nonce, data);
        let tag = tag(key, nonce, aad, data);
        data.extend(tag);
    }

    fn open_in_place(
        key: &SecretBytes<32>,
        nonce: &[u8; 12],
        aad: &[u8],
        data: &mut Vec<u8>,
    ) -> Result<(), AeadError> {
        let (text, found) = data.split_last_chunk::<16>().ok_or(AeadError)?;
        if tag(key, nonce, aad, text) != *found {
            return Err(AeadError);
        }
        data.truncate(text.len());
        keystream(key, nonce, data);
        Ok(())
    }
}

fn keystream(key: &SecretBytes<32>, nonce: &[u8; 12], data: &mut [u8]) {
    for (count, block) in (0_u64..).zip(data.chunks_mut(64)) {
        let parts: [&[u8]; 4] = [b"stream", key.expose(), nonce, &count.to_be_bytes()];
        for (byte, other) in block.iter_mut().zip(Sha512::digest(parts.concat())) {
            *byte ^= other;
        }
    }
}

fn tag(key: &SecretBytes<32>, nonce: &[u8; 12], aad: &[u8], text: &[u8]) -> [u8; 16] {
    let aad = Sha256::digest(aad);
    let parts: [&[u8]; 5] = [b"tag", key.expose(), nonce, &aad, text];
    Sha512::digest(parts.concat())[..16].try_into().unwrap()
}

/// Written multiplicatively: an element `e` travels as `e − 1`, so that the identity is zeros.
impl PrimeOrderGroup for Small {
    type Scalar = Exponent;
    type Element = Square;

    fn identity() -> Square {
        Square(1)
    }

    fn is_identity(element: &Square) -> bool {
        element.0 == 1
    }

    fn base() -> Square {
        Square(4)
    }

    fn import(bytes: &[u8; 32]) -> Result<Square, DhError> {
        Self::import_or_identity(bytes).and_then(|e| if e.0 == 1 { Err(DhError) } else { Ok(e) })
    }

    fn import_or_identity(bytes: &[u8; 32]) -> Result<Square, DhError> {
        let number = decode(bytes, P - 1).ok_or(DhError)? + 1;
        if power(number, Q) == 1 { Ok(Square(number)) } else { Err(DhError) }
    }

    fn export(element: &Square) -> [u8; 32] {
        encode(element.0 - 1)
    }

    fn export_secret(element: &Square) -> SecretBytes<32> {
        SecretBytes::new(encode(element.0 - 1))
    }

    fn reduce(wide: &SecretBytes<64>) -> Option<Exponent> {
        Some(reduced(wide.expose())).filter(|number| *number != 0).map(Exponent)
    }

    fn scalar_bytes(scalar: &Exponent) -> SecretBytes<32> {
        SecretBytes::new(encode(scalar.0))
    }

    fn mul_base(scalar: &Exponent) -> Square {
        Square(power(4, scalar.0))
    }

    fn mul(scalar: &Exponent, element: &Square) -> Square {
        Square(power(element.0, scalar.0))
    }

    fn add(a: &Square, b: &Square) -> Square {
        Square(times(a.0, b.0, P))
    }

    fn sub(a: &Square, b: &Square) -> Square {
        Square(times(a.0, power(b.0, Q - 1), P))
    }

    fn weighted_sum(terms: &[(u32, &Square)]) -> Square {
        let add = |sum, (weight, e): &(u32, &Square)| times(sum, power(e.0, (*weight).into()), P);
        Square(terms.iter().fold(1, add))
    }

    fn challenge(wide: &[u8; 64]) -> [u8; 32] {
        encode(reduced(wide))
    }

    fn respond(nonce: Exponent, challenge: &[u8; 32], secret: &Exponent) -> [u8; 32] {
        encode((nonce.0 + times(reduced(challenge), secret.0, Q)) % Q)
    }

    fn recompute(
        response: &[u8; 32],
        base: Option<&Square>,
        challenge: &[u8; 32],
        image: &Square,
    ) -> Option<Square> {
        let minuend = power(base.map_or(4, |base| base.0), decode(response, Q)?);
        let subtrahend = power(image.0, Q - decode(challenge, Q)?);
        Some(Square(times(minuend, subtrahend, P)))
    }
}

impl fmt::Debug for Exponent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exponent([redacted])")
    }
}

impl fmt::Debug for Square {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Square([redacted])")
    }
}

fn encode(number: u64) -> [u8; 32] {
    let mut out = [0; 32];
    out[..8].copy_from_slice(&number.to_le_bytes());
    out
}

fn decode(bytes: &[u8; 32], below: u64) -> Option<u64> {
    let number = u64::from_le_bytes(bytes[..8].try_into().unwrap());
    (number < below && bytes[8..] == [0; 24]).then_some(number)
}

fn reduced(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| (times(number, 256, Q) + u64::from(*byte)) % Q)
}

fn times(a: u64, b: u64, modulus: u64) -> u64 {
    (u128::from(a) * u128::from(b) % u128::from(modulus)).try_into().unwrap()
}

fn power(mut base: u64, mut exponent: u64) -> u64 {
    let mut result = 1;
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = times(result, base, P);
        }
        base = times(base, base, P);
        exponent >>= 1;
    }
    result
}

/// A prime, and half of it less one half: a prime too.
const P: u64 = 2 * Q + 1;
const Q: u64 = 2_305_843_009_213_688_669;

//= docs/spec/v2.md#V2-003
//= type=test
#[test]
fn another_suite_is_another_value() {
    assert_eq!(check_suite::<Small>(), Ok(()));
    assert_eq!(check_broadcast_suite::<Small>(), Ok(()));
}
