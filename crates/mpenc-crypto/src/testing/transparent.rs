use core::fmt;

use rand_core::CryptoRng;
use zeroize::ZeroizeOnDrop;

use crate::{
    DhError, GroupDiffieHellman, KeyError, PublicKey, SecretBytes, Signature, SigningKey,
    StreamCipher, Suite, VerifyError, VerifyingKey,
};

/// **Insecure.** A suite that costs next to nothing and hides nothing.
///
/// It behaves as a suite must: signatures verify only under the key that made them and only over
/// the same bytes, everybody who applies the same shares gets the same secret, values that a suite
/// refuses exist and are refused. So protocol logic runs as it does in earnest, a thousand times
/// faster.
///
/// # Security
///
/// None. The hash is a checksum; anybody who knows a public key can sign with it; a secret share
/// follows from two public elements by one division; encryption leaves the text as it is.
#[derive(Clone, Copy, Debug)]
pub struct Transparent;

/// A key pair whose signatures are checksums over the public half.
#[derive(ZeroizeOnDrop)]
pub struct TransparentSigningKey([u8; 32]);

/// A public key: any bytes but zeros.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransparentVerifyingKey(PublicKey);

/// A number from 1 to 2⁶¹ − 2.
#[derive(Clone, PartialEq, Eq, ZeroizeOnDrop)]
pub struct Number(u64);

impl Suite for Transparent {
    const NAME: &'static str = "transparent";

    type SigningKey = TransparentSigningKey;
    type VerifyingKey = TransparentVerifyingKey;

    /// A checksum of 256 bits, without any resistance.
    fn hash(parts: &[&[u8]]) -> [u8; 32] {
        let mut lanes = LANES;
        // What does not fill a word yet, and how many bits it has.
        let (mut word, mut filled): (u64, u32) = (0, 0);
        let mut len: u64 = 0;
        for part in parts {
            len = len.wrapping_add(u64::try_from(part.len()).unwrap_or(u64::MAX));
            let (chunks, rest) = part.as_chunks::<8>();
            for chunk in chunks {
                let next = u64::from_le_bytes(*chunk);
                absorb(&mut lanes, word | next << filled);
                // The upper bits wait; a shift by all 64 leaves none.
                word = next.checked_shr(u64::BITS.wrapping_sub(filled)).unwrap_or(0);
            }
            for byte in rest {
                word |= u64::from(*byte) << filled;
                filled = filled.wrapping_add(8);
                if filled == u64::BITS {
                    absorb(&mut lanes, word);
                    (word, filled) = (0, 0);
                }
            }
        }
        absorb(&mut lanes, word);
        absorb(&mut lanes, len);
        let mut out = [0; 32];
        for (to, lane) in out.chunks_exact_mut(8).zip(lanes) {
            to.copy_from_slice(&mix(lane).to_le_bytes());
        }
        out
    }
}

fn absorb(lanes: &mut [u64; 4], word: u64) {
    for (lane, odd) in lanes.iter_mut().zip(ODDS) {
        *lane = (*lane ^ word).wrapping_mul(odd).rotate_left(29);
    }
}

/// The finalizer of SplitMix64.
const fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

fn checksum(key: &PublicKey, parts: &[&[u8]]) -> Signature {
    let content = Transparent::hash(parts);
    let mut out = [0; 64];
    for (to, label) in out.chunks_exact_mut(32).zip([b"left ", b"right"]) {
        to.copy_from_slice(&Transparent::hash(&[label, key.as_bytes(), &content]));
    }
    Signature::new(out)
}

impl SigningKey for TransparentSigningKey {
    fn generate(rng: &mut dyn CryptoRng) -> Self {
        Self::from_seed(&SecretBytes::fill(|seed| rng.fill_bytes(seed)))
    }

    fn from_seed(seed: &SecretBytes<32>) -> Self {
        Self(*seed.expose())
    }

    fn public(&self) -> PublicKey {
        PublicKey::new(Transparent::hash(&[b"public key", &self.0]))
    }

    fn sign(&self, parts: &[&[u8]]) -> Signature {
        checksum(&self.public(), parts)
    }

    #[cfg(feature = "inspect")]
    fn seed(&self) -> Option<SecretBytes<32>> {
        Some(SecretBytes::fill(|seed| *seed = self.0))
    }
}

impl fmt::Debug for TransparentSigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransparentSigningKey({}, [redacted])", self.public())
    }
}

impl VerifyingKey for TransparentVerifyingKey {
    fn import(key: &PublicKey) -> Result<Self, KeyError> {
        if key.as_bytes() == &[0; 32] { Err(KeyError) } else { Ok(Self(*key)) }
    }

    fn export(&self) -> PublicKey {
        self.0
    }

    fn verify(&self, parts: &[&[u8]], signature: &Signature) -> Result<(), VerifyError> {
        if *signature == checksum(&self.0, parts) { Ok(()) } else { Err(VerifyError) }
    }
}

/// Addition modulo 2⁶¹ − 1: elements are the numbers but 0, and applying a share multiplies by it.
/// No element is of small order, and products of shares commute.
impl GroupDiffieHellman for Transparent {
    type Element = Number;
    type Contribution = Number;
    type Accumulated = Number;

    fn base() -> Number {
        Number(9)
    }

    fn import(bytes: &[u8; 32]) -> Result<Number, DhError> {
        let (number, rest) = bytes.split_first_chunk::<8>().ok_or(DhError)?;
        let number = u64::from_le_bytes(*number);
        let canonical = rest.iter().all(|byte| *byte == 0);
        if canonical && (1..P).contains(&number) { Ok(Number(number)) } else { Err(DhError) }
    }

    fn export(element: &Number) -> [u8; 32] {
        let mut out = [0; 32];
        for (to, from) in out.iter_mut().zip(element.0.to_le_bytes()) {
            *to = from;
        }
        out
    }

    fn contribute(rng: &mut dyn CryptoRng) -> Number {
        let mut drawn = [0; 32];
        rng.fill_bytes(&mut drawn);
        let [a, b, c, d, e, f, g, h, ..] = Self::hash(&[&drawn]);
        let number = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        Number(number % (P - 1) + 1)
    }

    fn apply(x: &Number, element: &Number) -> Result<Number, DhError> {
        Ok(x.times(element))
    }

    fn fold(former: Option<&Number>, x: &Number) -> Number {
        former.map_or_else(|| x.clone(), |former| former.times(x))
    }

    fn apply_all(all: &Number, element: &Number) -> Result<Number, DhError> {
        Ok(all.times(element))
    }

    fn group_key(secret: Number) -> SecretBytes<32> {
        SecretBytes::new(Self::hash(&[b"group key", &Self::export(&secret)]))
    }
}

impl Number {
    fn times(&self, other: &Self) -> Self {
        let product = u128::from(self.0).wrapping_mul(u128::from(other.0)) % u128::from(P);
        // P is prime and both are below it, so this is neither 0 nor too large.
        Self(u64::try_from(product).unwrap_or(1))
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Number([redacted])")
    }
}

impl StreamCipher for Transparent {
    /// Leaves the text as it is.
    fn apply_keystream(_: &SecretBytes<32>, _: &[u8; 12], _: &mut [u8]) {}
}

/// The prime 2⁶¹ − 1.
const P: u64 = (1 << 61) - 1;

/// Where the four lanes of the checksum begin: digits of π.
const LANES: [u64; 4] =
    [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344, 0xa409_3822_299f_31d0, 0x082e_fa98_ec4e_6c89];

/// What the lanes multiply by: more digits, made odd.
const ODDS: [u64; 4] =
    [0x4528_21e6_38d0_1377, 0xbe54_66cf_34e9_0c6d, 0xc0ac_29b7_c97c_50dd, 0x3f84_d5b5_b547_0917];
