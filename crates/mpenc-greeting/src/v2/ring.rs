//! The calculations of an operation: what members derive from each other's values.
//!
//! Source: wire-v2.md section 3, after Burmester and Desmedt (1994).

use alloc::vec::Vec;

use mpenc_crypto::proof::Statement;
use mpenc_crypto::{BroadcastSuite, Label, PublicKey, SecretBytes};
use mpenc_types::{MemberId, SubsessionId, guard};

use super::plan::Plan;

/// What a member puts into an operation in the first round.
#[derive(Clone, Debug)]
pub(crate) struct Contribution<S: BroadcastSuite> {
    /// `k_i`
    pub(crate) nonce: [u8; 32],
    /// `E_i`
    pub(crate) key: PublicKey,
    /// `E_i`, imported.
    pub(crate) verifying: S::VerifyingKey,
    /// `Z_i`
    pub(crate) point: S::Element,
}

/// All contributions, by place, and what they fix.
pub(crate) struct Ring<S: BroadcastSuite> {
    pub(crate) contributions: Vec<Contribution<S>>,
    /// `D_i`, what member `i` applies its secret to.
    bases: Vec<S::Element>,
    pub(crate) context: [u8; 32],
}

/// What the shares fix, for everybody to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Transcript {
    /// `T`
    pub(crate) hash: [u8; 32],
    pub(crate) sid: SubsessionId,
}

/// What members derive from the group secret. Wiped on drop.
pub(crate) struct Keys {
    /// The key-check value `kc`, which is published.
    pub(crate) check: [u8; 32],
    /// Goes into the next operation, if that includes nobody.
    pub(crate) exporter: SecretBytes<32>,
    /// All message keys come from it.
    pub(crate) root: SecretBytes<32>,
}

impl<S: BroadcastSuite> Ring<S> {
    /// Closes the ring of one contribution for each member of `plan`.
    pub(crate) fn close(plan: &Plan, op: &[u8; 32], contributions: Vec<Contribution<S>>) -> Self {
        let points: Vec<&S::Element> = contributions.iter().map(|one| &one.point).collect();
        let after = points.iter().cycle().skip(1);
        let before = points.iter().cycle().skip(points.len().saturating_sub(1));
        let bases =
            points.iter().zip(after.zip(before)).map(|(_, (next, prev))| S::sub(next, prev));
        let bases = bases.collect();
        let context = context::<S>(plan, op, &contributions);
        Self { contributions, bases, context }
    }

    /// What the member at `place` proves about its share.
    pub(crate) fn statement<'a>(
        &'a self,
        place: usize,
        share: &'a S::Element,
    ) -> Option<Statement<'a, S::Element>> {
        Some(Statement {
            ctx: &self.context,
            place: u16::try_from(place).ok()?,
            public: &self.contributions.get(place)?.point,
            base: self.bases.get(place)?,
            share,
        })
    }

    /// The share `X_i` of the member at `place` with the secret `r_i`.
    pub(crate) fn share(&self, place: usize, secret: &S::Scalar) -> Option<S::Element> {
        Some(S::mul(secret, self.bases.get(place)?))
    }

    /// The group secret `K` as the member at `place` computes it; `None` for the identity.
    pub(crate) fn secret(
        &self,
        place: usize,
        secret: &S::Scalar,
        shares: &[S::Element],
    ) -> Option<SecretBytes<32>> {
        //= docs/spec/v2.md#V2-032
        let n = u32::try_from(shares.len()).ok()?;
        let prev = place.checked_sub(1).unwrap_or(shares.len().saturating_sub(1));
        let before = &self.contributions.get(prev)?.point;
        let own = S::mul(secret, &S::weighted_sum(&[(n, before)]));
        let weights = (1..n).rev();
        let terms: Vec<(u32, &S::Element)> =
            weights.zip(shares.iter().cycle().skip(place)).collect();
        let sum = S::add(&own, &S::weighted_sum(&terms));
        //= docs/spec/v2.md#V2-006
        if S::is_identity(&sum) { None } else { Some(S::export_secret(&sum)) }
    }
}

/// `ctx`: members, their keys and contributions, and the operation.
fn context<S: BroadcastSuite>(
    plan: &Plan,
    op: &[u8; 32],
    contributions: &[Contribution<S>],
) -> [u8; 32] {
    let points: Vec<[u8; 32]> = contributions.iter().map(|one| S::export(&one.point)).collect();
    let mut parts: Vec<&[u8]> =
        Vec::with_capacity(points.len().saturating_mul(5).saturating_add(1));
    parts.push(op);
    let members = plan.members.iter().zip(&plan.identities);
    for ((name, identity), (one, point)) in members.zip(contributions.iter().zip(&points)) {
        parts.extend([name.as_bytes(), identity.as_bytes(), &one.nonce, one.key.as_bytes(), point]);
    }
    S::framed(Label::CONTRIBUTIONS, &parts)
}

impl Transcript {
    /// Of the shares, in their order.
    pub(crate) fn of<S: BroadcastSuite>(context: &[u8; 32], shares: &[S::Element]) -> Self {
        let shares: Vec<[u8; 32]> = shares.iter().map(S::export).collect();
        let mut parts: Vec<&[u8]> = Vec::with_capacity(shares.len().saturating_add(1));
        parts.push(context);
        parts.extend(shares.iter().map(<[u8; 32]>::as_slice));
        let hash = S::framed(Label::TRANSCRIPT, &parts);
        let sid = SubsessionId::new(S::framed(Label::SID, &[&hash]));
        Self { hash, sid }
    }

    /// The keys of a group secret.
    pub(crate) fn keys<S: BroadcastSuite>(
        &self,
        salt: &SecretBytes<32>,
        secret: &SecretBytes<32>,
    ) -> Keys {
        let prk = S::extract(salt.expose(), &[secret.expose()]);
        let bound: &[u8] = if guard!("transcript-bound-key") { &self.hash } else { &[] };
        let mut check = [0; 32];
        S::expand(&prk, Label::KEY_CHECK, &[bound], &mut check);
        Keys {
            check,
            exporter: SecretBytes::fill(|out| S::expand(&prk, Label::EXPORTER, &[bound], out)),
            root: SecretBytes::fill(|out| S::expand(&prk, Label::MESSAGES, &[bound], out)),
        }
    }

    /// What people compare (V2-034).
    pub(crate) fn fingerprint<S: BroadcastSuite>(
        &self,
        members: &[MemberId],
        identities: &[PublicKey],
    ) -> [u8; 32] {
        //= docs/spec/v2.md#V2-034
        let mut parts: Vec<&[u8]> =
            Vec::with_capacity(members.len().saturating_mul(2).saturating_add(1));
        parts.push(&self.hash);
        for (name, identity) in members.iter().zip(identities) {
            parts.extend([name.as_bytes(), identity.as_bytes().as_slice()]);
        }
        S::framed(Label::FINGERPRINT, &parts)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use mpenc_crypto::testing::Transparent;
    use mpenc_crypto::{SecretBytes, V2};

    use super::*;

    fn of<S: BroadcastSuite>(context: u8) -> Transcript {
        Transcript::of::<S>(&[context; 32], &[S::base(), S::identity()])
    }

    /// Contributions that repeat, and with them the group secret, bring no key back.
    //= docs/spec/v2.md#V2-014
    //= type=test
    #[test]
    fn the_same_secret_in_another_operation_gives_other_keys() {
        // ATK-030, ATK-031, ATK-067
        fn check<S: BroadcastSuite>() {
            let (salt, secret) = (SecretBytes::new([1; 32]), SecretBytes::new([2; 32]));
            let all: Vec<Keys> =
                [3, 4].map(|context| of::<S>(context).keys::<S>(&salt, &secret)).into();
            let [one, other] = all.as_slice() else { panic!("two") };
            assert_ne!(one.root.expose(), other.root.expose());
            assert_ne!(one.exporter.expose(), other.exporter.expose());
            assert_ne!(one.check, other.check);
            // And each is a key of its own.
            assert_ne!(one.root.expose(), one.exporter.expose());
            assert_ne!(one.root.expose(), &one.check);
            assert_ne!(one.exporter.expose(), &one.check);
        }
        check::<Transparent>();
        check::<V2>();
    }

    //= docs/spec/v2.md#V2-034
    //= type=test
    //= docs/spec/attacks.md#ATK-194
    //= type=test
    #[test]
    fn fingerprints_show_who_is_there_with_which_key() {
        // ATK-059
        let [ann, bob] = ["ann", "bob"].map(|name| MemberId::from_wire(name.as_bytes()));
        let [one, two] = [1, 2].map(|byte| PublicKey::new([byte; 32]));
        let transcript = of::<V2>(3);
        let print =
            |members: &[MemberId], keys: &[PublicKey]| transcript.fingerprint::<V2>(members, keys);
        let base = print(&[ann.clone(), bob.clone()], &[one, two]);
        assert_eq!(base, print(&[ann.clone(), bob.clone()], &[one, two]));
        assert_ne!(base, print(&[ann.clone(), bob.clone()], &[two, one]));
        assert_ne!(base, print(&[bob, ann.clone()], &[one, two]));
        assert_ne!(base, print(core::slice::from_ref(&ann), &[one]));
        assert_ne!(base, of::<V2>(4).fingerprint::<V2>(&[ann], &[one]));
    }
}
