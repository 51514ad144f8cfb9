//! Section 3 as one who knows every secret computes it; lists are in the order of places.

use mpenc_crypto::{FramedHash as _, KeyDerivation as _, Label, PrimeOrderGroup, SecretBytes, V2};
use mpenc_packet::v2::{Contribution, InitialFields, OpId};
use mpenc_types::MemberId;

pub(super) type Element = <V2 as PrimeOrderGroup>::Element;
pub(super) type Scalar = <V2 as PrimeOrderGroup>::Scalar;

/// All contributions of an operation.
pub(super) struct Ring {
    pub(super) members: Vec<MemberId>,
    pub(super) keys: Vec<[u8; 32]>,
    pub(super) ctx: [u8; 32],
    points: Vec<Element>,
    /// `D`.
    pub(super) bases: Vec<Element>,
}

impl Ring {
    /// None if something is no element, or missing.
    pub(super) fn new(
        op: &OpId,
        initial: &InitialFields,
        contributions: &[Contribution],
    ) -> Option<Self> {
        let mut parts: Vec<Vec<u8>> = vec![op.as_bytes().to_vec()];
        let (mut members, mut keys, mut points) = (Vec::new(), Vec::new(), Vec::new());
        for ((entry, key), one) in initial.targets().zip(contributions) {
            parts.push(entry.name.as_bytes().to_vec());
            parts.push(key.as_bytes().to_vec());
            parts.push(one.nonce.to_vec());
            parts.push(one.ephemeral.as_bytes().to_vec());
            parts.push(one.point.to_vec());
            members.push(entry.name.clone());
            keys.push(*key.as_bytes());
            points.push(V2::import(&one.point).ok()?);
        }
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let ctx = V2::framed(Label::CONTRIBUTIONS, &parts);
        let n = points.len();
        let at = |i: usize| points.get(i % n.max(1));
        let bases = (0..n)
            .map(|i| Some(V2::sub(at(i + 1)?, at(i + n - 1)?)))
            .collect::<Option<Vec<_>>>()?;
        Some(Self { members, keys, ctx, points, bases })
    }

    /// `T`.
    pub(super) fn transcript(&self, shares: &[[u8; 32]]) -> [u8; 32] {
        let mut parts: Vec<&[u8]> = vec![&self.ctx];
        parts.extend(shares.iter().map(|share| &share[..]));
        V2::framed(Label::TRANSCRIPT, &parts)
    }

    /// `K` as the member at `place` computes it.
    pub(super) fn group_secret(
        &self,
        place: usize,
        secret: &Scalar,
        shares: &[[u8; 32]],
    ) -> Option<[u8; 32]> {
        let n = self.points.len();
        let mut sum = V2::identity();
        let own = V2::mul(secret, self.points.get((place + n - 1) % n)?);
        for _ in 0..n {
            sum = V2::add(&sum, &own);
        }
        for j in 0..n - 1 {
            let share = V2::import_or_identity(shares.get((place + j) % n)?).ok()?;
            for _ in 0..n - 1 - j {
                sum = V2::add(&sum, &share);
            }
        }
        Some(V2::export(&sum))
    }
}

/// What follows from `K`.
pub(super) struct Keys {
    pub(super) sid: [u8; 32],
    pub(super) kc: [u8; 32],
    pub(super) exporter: [u8; 32],
    pub(super) root: [u8; 32],
}

pub(super) fn keys(secret: &[u8; 32], transcript: &[u8; 32], salt: &[u8; 32]) -> Keys {
    let prk = V2::extract(salt, &[secret]);
    let derived = |label| {
        let mut out = [0; 32];
        V2::expand(&prk, label, &[transcript], &mut out);
        out
    };
    Keys {
        sid: V2::framed(Label::SID, &[transcript]),
        kc: derived(Label::KEY_CHECK),
        exporter: derived(Label::EXPORTER),
        root: derived(Label::MESSAGES),
    }
}

/// A scalar of 64 bytes.
pub(super) fn reduced(wide: &[u8; 64]) -> Option<Scalar> {
    V2::reduce(&SecretBytes::new(*wide))
}

pub(super) fn scalar_bytes(scalar: &Scalar) -> [u8; 32] {
    *V2::scalar_bytes(scalar).expose()
}
