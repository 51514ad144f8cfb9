use alloc::vec;
use alloc::vec::Vec;

use super::Violation;
use super::check::{hides, promise};
use crate::proof::{self, Proof, Statement};
use crate::{
    Aead, BroadcastSuite, FramedHash, KeyDerivation, Label, PrimeOrderGroup, SecretBytes, label,
};

/// Checks all that [`BroadcastSuite`] promises: the five checks beside this one.
///
/// They find faults in the wiring of a suite, not weak cryptography: for that, hold the suite
/// against published vectors.
///
/// # Errors
///
/// The first promise found broken.
pub fn check_broadcast_suite<S: BroadcastSuite>() -> Result<(), Violation> {
    check_framed_hash::<S>()?;
    check_key_derivation::<S>()?;
    check_aead::<S>()?;
    check_prime_order_group::<S>()?;
    check_proof::<S>()
}

/// Checks what [`FramedHash`] promises.
///
/// # Errors
///
/// The first promise found broken.
pub fn check_framed_hash<S: FramedHash>() -> Result<(), Violation> {
    let both = |label, parts: &[&[u8]]| (S::framed(label, parts), S::framed_wide(label, parts));
    let (narrow, wide) = both(Label::SID, &[b"part"]);
    promise::<S>((narrow, wide) == both(Label::SID, &[b"part"]), "equal input, equal hash")?;
    promise::<S>(!wide.starts_with(&narrow), "the two widths are two functions")?;
    let (mut narrow, mut wide) = (Vec::new(), Vec::new());
    for label in label::ALL {
        for parts in LISTS {
            let (a, b) = both(*label, parts);
            narrow.push(a);
            wide.push(b);
        }
    }
    let all = narrow.len();
    narrow.sort_unstable();
    narrow.dedup();
    wide.sort_unstable();
    wide.dedup();
    promise::<S>(narrow.len() == all, "another label or other parts, another hash")?;
    promise::<S>(wide.len() == all, "another label or other parts, another wide hash")
}

/// Checks what [`KeyDerivation`] promises.
///
/// # Errors
///
/// The first promise found broken.
pub fn check_key_derivation<S: KeyDerivation>() -> Result<(), Violation> {
    let extract = |salt: &[u8], ikm: &[&[u8]]| *S::extract(salt, ikm).expose();
    let prk = extract(b"salt", &[b"secret", b"key"]);
    let joined = extract(b"salt", &[b"secretkey"]);
    promise::<S>(prk == joined, "what is extracted from is concatenated")?;
    promise::<S>(prk != extract(b"salz", &[b"secretkey"]), "extraction depends on the salt")?;
    promise::<S>(prk != extract(b"salt", &[b"secretkex"]), "extraction depends on the secret")?;
    let shifted = extract(b"salts", &[b"ecretkey"]);
    promise::<S>(prk != shifted, "salt and secret are kept apart")?;

    let (prk, other) = (SecretBytes::new(prk), SecretBytes::new(shifted));
    let expand = |prk, label, parts: &[&[u8]], len| {
        let mut out = vec![0; len];
        S::expand(prk, label, parts, &mut out);
        out
    };
    let long = expand(&prk, Label::HEDGED, &[b"part"], 255 * 64);
    for len in [0, 1, 16, 32, 63, 64, 65, 80, 128, 300] {
        let short = expand(&prk, Label::HEDGED, &[b"part"], len);
        promise::<S>(long.starts_with(&short), "a shorter output begins the longer one")?;
    }
    let mut blocks: Vec<&[u8]> = long.chunks(64).collect();
    blocks.sort_unstable();
    blocks.dedup();
    promise::<S>(blocks.len() == 255, "the output does not repeat itself")?;
    let by_other = expand(&other, Label::HEDGED, &[b"part"], 64);
    promise::<S>(!long.starts_with(&by_other), "expansion depends on the key")?;

    let mut outputs = Vec::new();
    for label in label::ALL {
        outputs.extend(LISTS.iter().map(|parts| expand(&prk, *label, parts, 32)));
    }
    let all = outputs.len();
    outputs.sort_unstable();
    outputs.dedup();
    promise::<S>(outputs.len() == all, "another label or other parts, another key")
}

/// Checks what [`Aead`] promises of its form. Nothing here asks whether it hides the text.
///
/// # Errors
///
/// The first promise found broken.
pub fn check_aead<S: Aead>() -> Result<(), Violation> {
    let (key, nonce, aad) = (SecretBytes::new([7; 32]), [9; 12], b"associated".as_slice());
    for len in [0, 1, 15, 16, 17, 64, 255, 300] {
        let text: Vec<u8> = (0_usize..len).map(|i| i.to_le_bytes()[0]).collect();
        let mut sealed = text.clone();
        S::seal_in_place(&key, &nonce, aad, &mut sealed);
        let grown = text.len().saturating_add(S::TAG_LEN);
        promise::<S>(sealed.len() == grown, "sealing adds exactly the authenticator")?;
        let mut opened = sealed.clone();
        let verdict = S::open_in_place(&key, &nonce, aad, &mut opened);
        promise::<S>(verdict.is_ok() && opened == text, "what was sealed opens")?;

        let refused = |key: &SecretBytes<32>, nonce, aad: &[u8], data: &[u8]| {
            let mut opened = data.to_vec();
            S::open_in_place(key, nonce, aad, &mut opened).is_err() && opened == data
        };
        let other_key = SecretBytes::new([8; 32]);
        promise::<S>(refused(&other_key, &nonce, aad, &sealed), "under no other key")?;
        promise::<S>(refused(&key, &[8; 12], aad, &sealed), "under no other nonce")?;
        promise::<S>(refused(&key, &nonce, b"associates", &sealed), "with no other data")?;
        for bit in (0..sealed.len().saturating_mul(8)).step_by(13) {
            let mut spoilt = sealed.clone();
            flip(&mut spoilt, bit);
            promise::<S>(refused(&key, &nonce, aad, &spoilt), "with no bit flipped")?;
        }
        for shorter in [0, 1, S::TAG_LEN.saturating_sub(1), sealed.len().saturating_sub(1)] {
            let cut = sealed.get(..shorter).unwrap_or_default();
            promise::<S>(refused(&key, &nonce, aad, cut), "cut off nowhere")?;
        }
        if let Some((first, rest)) = sealed.split_first().filter(|_| len > 0) {
            let moved = [aad, &[*first]].concat();
            promise::<S>(refused(&key, &nonce, &moved, rest), "data and text are kept apart")?;
        }
    }
    Ok(())
}

/// Checks what [`PrimeOrderGroup`] promises.
///
/// # Errors
///
/// The first promise found broken.
pub fn check_prime_order_group<S: PrimeOrderGroup>() -> Result<(), Violation> {
    encodings::<S>()?;
    arithmetic::<S>()?;
    weights::<S>()?;
    for n in 2..=5 {
        ring::<S>(n)?;
    }
    Ok(())
}

/// Checks that [`proof`](crate::proof)s over the suite hold, and nothing else does.
///
/// # Errors
///
/// The first promise found broken.
pub fn check_proof<S: PrimeOrderGroup + FramedHash>() -> Result<(), Violation> {
    let (r, other) = (scalar::<S>(1)?, scalar::<S>(2)?);
    let public = S::mul_base(&r);
    let base = S::mul_base(&other);
    // Between two members, base and share are the identity.
    for base in [base, S::identity()] {
        let share = S::mul(&r, &base);
        let ctx = [5; 32];
        let statement =
            Statement { ctx: &ctx, place: 1, public: &public, base: &base, share: &share };
        let honest = proof::prove::<S>(&statement, &r, scalar::<S>(3)?);
        let holds = |statement: &Statement<'_, S::Element>, proof: &Proof| {
            proof::verify::<S>(statement, proof).is_ok()
        };
        promise::<S>(holds(&statement, &honest), "an honest proof holds")?;
        let again = proof::prove::<S>(&statement, &r, scalar::<S>(4)?);
        promise::<S>(again != honest && holds(&statement, &again), "with another nonce too")?;

        let wrong = S::mul_base(&scalar::<S>(9)?);
        let changed = [
            Statement { ctx: &[6; 32], ..statement },
            Statement { place: 0, ..statement },
            Statement { public: &wrong, ..statement },
            Statement { base: &wrong, ..statement },
            Statement { share: &wrong, ..statement },
        ];
        for statement in &changed {
            promise::<S>(!holds(statement, &honest), "a proof holds for one statement only")?;
            let lie = proof::prove::<S>(statement, &r, scalar::<S>(3)?);
            let true_elsewhere =
                *statement.public == public && *statement.share == S::mul(&r, statement.base);
            promise::<S>(holds(statement, &lie) == true_elsewhere, "no proof of what is false")?;
        }
        let by_other = proof::prove::<S>(&statement, &other, scalar::<S>(3)?);
        promise::<S>(!holds(&statement, &by_other), "no proof without the secret")?;
        for bit in 0..512 {
            let mut spoilt = honest;
            flip(&mut spoilt.challenge, bit);
            flip(&mut spoilt.response, bit.wrapping_sub(256));
            promise::<S>(!holds(&statement, &spoilt), "no proof with a bit flipped")?;
        }
        for bytes in [[0; 32], [0xff; 32]] {
            let spoilt = [
                Proof { challenge: bytes, response: bytes },
                Proof { challenge: bytes, ..honest },
                Proof { response: bytes, ..honest },
            ];
            let any = spoilt.iter().any(|proof| holds(&statement, proof));
            promise::<S>(!any, "zeros and ones prove nothing")?;
        }
    }
    Ok(())
}

fn encodings<S: PrimeOrderGroup>() -> Result<(), Violation> {
    let zeros = [0; 32];
    promise::<S>(S::is_identity(&S::identity()), "the identity is the identity")?;
    promise::<S>(S::export(&S::identity()) == zeros, "the identity is zeros")?;
    promise::<S>(S::import(&zeros).is_err(), "the identity is refused")?;
    let taken = S::import_or_identity(&zeros);
    promise::<S>(taken == Ok(S::identity()), "the identity is taken where it may be")?;
    for import in [S::import, S::import_or_identity] {
        promise::<S>(import(&[0xff; 32]).is_err(), "ones are no element")?;
        let base = S::base();
        for element in [S::add(&base, &base), S::mul_base(&scalar::<S>(1)?), base] {
            let bytes = S::export(&element);
            promise::<S>(!S::is_identity(&element), "an element is not the identity")?;
            let decoded = import(&bytes);
            promise::<S>(decoded.as_ref() == Ok(&element), "an element is accepted")?;
            let exported = decoded.as_ref().map(S::export);
            promise::<S>(exported == Ok(bytes), "an element comes out as it went in")?;
            let secret = S::export_secret(&element);
            promise::<S>(*secret.expose() == bytes, "a secret element has the same encoding")?;
            promise::<S>(hides(&element, &bytes), "an element is redacted")?;
            let mut top = bytes;
            flip(&mut top, 255);
            promise::<S>(import(&top).is_err(), "the top bit is not ignored")?;
        }
    }
    Ok(())
}

fn arithmetic<S: PrimeOrderGroup>() -> Result<(), Violation> {
    promise::<S>(S::reduce(&SecretBytes::new([0; 64])).is_none(), "zero is no secret")?;
    let (a, b) = (scalar::<S>(1)?, scalar::<S>(2)?);
    promise::<S>(hides(&a, S::scalar_bytes(&a).expose()), "a scalar is redacted")?;
    let mut wide = [0; 64];
    for (to, from) in wide.iter_mut().zip(S::scalar_bytes(&a).expose()) {
        *to = *from;
    }
    promise::<S>(
        S::reduce(&SecretBytes::new(wide)).map(|a| *S::scalar_bytes(&a).expose())
            == Some(*S::scalar_bytes(&a).expose()),
        "a scalar's encoding is canonical",
    )?;
    promise::<S>(S::challenge(&wide) == *S::scalar_bytes(&a).expose(), "numbers reduce alike")?;
    promise::<S>(S::challenge(&[0; 64]) == [0; 32], "a public number may be zero")?;

    let (p, q) = (S::mul_base(&a), S::mul_base(&b));
    promise::<S>(p != q && p != S::base(), "another scalar, another element")?;
    promise::<S>(p == S::mul(&a, &S::base()), "both multiplications agree")?;
    promise::<S>(S::mul(&a, &q) == S::mul(&b, &p), "scalars commute")?;
    let sum = S::add(&p, &q);
    promise::<S>(sum == S::add(&q, &p), "addition commutes")?;
    promise::<S>(S::sub(&sum, &q) == p, "subtraction undoes addition")?;
    promise::<S>(S::is_identity(&S::sub(&p, &p)), "nothing is left of an element less itself")?;
    promise::<S>(S::add(&p, &S::identity()) == p, "the identity adds nothing")?;
    promise::<S>(S::is_identity(&S::mul(&a, &S::identity())), "multiples of nothing are nothing")?;
    let apart = S::add(&S::mul(&a, &p), &S::mul(&a, &q));
    promise::<S>(S::mul(&a, &sum) == apart, "multiplication distributes")
}

fn weights<S: PrimeOrderGroup>() -> Result<(), Violation> {
    let elements: Vec<S::Element> = (1..=6)
        .map(|i| scalar::<S>(i).map(|a| S::mul_base(&a)))
        .collect::<Result<_, Violation>>()?;
    for weights in [
        [6, 5, 4, 3, 2, 1],
        [1, 2, 3, 4, 5, 6],
        [0, 0, 0, 0, 0, 0],
        [3, 3, 0, 3, 1, 1],
        [97, 1, 40, 8, 7, 513],
    ] {
        let terms: Vec<(u32, &S::Element)> = weights.into_iter().zip(&elements).collect();
        let mut slowly = S::identity();
        for (weight, element) in &terms {
            for _ in 0..*weight {
                slowly = S::add(&slowly, element);
            }
        }
        promise::<S>(S::weighted_sum(&terms) == slowly, "a weighted sum is repeated addition")?;
    }
    promise::<S>(S::is_identity(&S::weighted_sum(&[])), "the empty sum is the identity")?;
    let most = S::weighted_sum(&[(u32::MAX, &S::base())]);
    let doubled = (0..32).fold(S::base(), |sum, _| S::add(&sum, &sum));
    promise::<S>(S::add(&most, &S::base()) == doubled, "weights may be large")
}

/// The key agreement of the second profile among `n` members (wire-v2.md section 3.3).
fn ring<S: PrimeOrderGroup>(n: u8) -> Result<(), Violation> {
    let secrets: Vec<S::Scalar> = (0..n).map(|i| scalar::<S>(i)).collect::<Result<_, _>>()?;
    let public: Vec<S::Element> = secrets.iter().map(S::mul_base).collect();
    let len = secrets.len();
    let around = |start: usize| public.iter().cycle().skip(start);
    let (after, before) = (
        |i: usize| around(i.wrapping_add(1)),
        |i: usize| around(i.wrapping_add(len).wrapping_sub(1)),
    );
    let shares: Vec<S::Element> = (0..len)
        .zip(&secrets)
        .filter_map(|(i, r)| Some(S::mul(r, &S::sub(after(i).next()?, before(i).next()?))))
        .collect();
    let mut keys = Vec::new();
    for (i, r) in (0..len).zip(&secrets) {
        let own = before(i).next().map(|z| S::mul(r, z)).unwrap_or_else(S::identity);
        let weights = (1..=u32::from(n)).rev();
        let elements = core::iter::once(&own).chain(shares.iter().cycle().skip(i));
        let terms: Vec<(u32, &S::Element)> = weights.zip(elements).collect();
        keys.push(S::weighted_sum(&terms));
    }
    let mut expected = S::identity();
    for (i, r) in (0..len).zip(&secrets) {
        if let Some(z) = after(i).next() {
            expected = S::add(&expected, &S::mul(r, z));
        }
    }
    promise::<S>(keys.iter().all(|key| *key == expected), "everybody in a ring finds one key")
}

fn scalar<S: PrimeOrderGroup>(number: u8) -> Result<S::Scalar, Violation> {
    let wide = SecretBytes::fill(|bytes: &mut [u8; 64]| {
        for (place, byte) in (0_u8..).zip(bytes) {
            *byte = number.wrapping_add(2).wrapping_mul(place.wrapping_add(73));
        }
    });
    S::reduce(&wide).ok_or(Violation { suite: S::NAME, promise: "bytes reduce to a scalar" })
}

/// Flips a bit, if there is one with this number.
fn flip(bytes: &mut [u8], bit: usize) {
    if let Some(byte) = bytes.get_mut(bit / 8) {
        *byte ^= 1 << (bit % 8);
    }
}

/// Lists that differ, if only in where their parts end or begin.
const LISTS: [&[&[u8]]; 12] = [
    &[],
    &[b""],
    &[b"", b""],
    &[b"ab"],
    &[b"a", b"b"],
    &[b"ab", b""],
    &[b"", b"ab"],
    &[b"ab", b"c"],
    &[b"a", b"bc"],
    &[b"abc"],
    &[b"\0\0\0\x01a"],
    &[b"a\0\0\0\x01b"],
];

#[cfg(test)]
mod tests {
    use super::super::Transparent;
    use super::*;
    use crate::V2;

    #[test]
    fn v2_keeps_its_promises() {
        assert_eq!(check_broadcast_suite::<V2>(), Ok(()));
    }

    #[test]
    fn transparent_keeps_its_promises() {
        assert_eq!(check_broadcast_suite::<Transparent>(), Ok(()));
    }
}
