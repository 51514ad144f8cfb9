//! Authenticated exchange of signature keys: session identifier, session signature, the lists
//! that they cover, and the memory of identifiers used before.
//!
//! Source: protocol.md section 4, wire-v1.md sections 6.2 and 6.3.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;

use mpenc_crypto::{PublicKey, Signature, SigningKey, Suite, VerifyError, VerifyingKey};
use mpenc_types::{MemberId, SubsessionId, guard};

/// A member's nonce `k_i`.
pub(crate) type Nonce = [u8; 32];

/// Label of the session signature; it stands inside the digest that is signed (SKE-007).
const LABEL: &[u8] = b"acksig";

/// How many values a [`Recent`] remembers: 128 KiB of them.
const REMEMBERED: usize = 4096;

/// Nonces and ephemeral keys, in the order of the member list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lists {
    pub(crate) nonces: Vec<Nonce>,
    pub(crate) keys: Vec<PublicKey>,
}

impl Lists {
    /// Whether both lists have exactly this length.
    pub(crate) fn have_len(&self, len: usize) -> bool {
        self.nonces.len() == len && self.keys.len() == len
    }

    /// Whether both lists begin with those of `start`.
    pub(crate) fn begin_with(&self, start: &Self) -> bool {
        self.nonces.starts_with(&start.nonces) && self.keys.starts_with(&start.keys)
    }

    /// Whether no nonce and no key occurs twice (ATK-038, ATK-066).
    pub(crate) fn are_distinct(&self) -> bool {
        let nonces: BTreeSet<_> = self.nonces.iter().collect();
        let keys: BTreeSet<_> = self.keys.iter().collect();
        !guard!("distinct-keys")
            || nonces.len() == self.nonces.len() && keys.len() == self.keys.len()
    }

    /// Appends one member's values.
    pub(crate) fn push(&mut self, nonce: Nonce, key: PublicKey) {
        self.nonces.push(nonce);
        self.keys.push(key);
    }
}

/// `sid`: hash over the sorted member identifiers and the nonces in the same order.
pub(crate) fn session_id<S: Suite>(members: &[MemberId], nonces: &[Nonce]) -> SubsessionId {
    //= docs/spec/protocol.md#SKE-001
    let mut pairs: Vec<(&MemberId, &Nonce)> = members.iter().zip(nonces).collect();
    pairs.sort_unstable();
    let names = pairs.iter().map(|(member, _)| member.as_bytes());
    let parts: Vec<&[u8]> = names.chain(pairs.iter().map(|(_, nonce)| nonce.as_slice())).collect();
    SubsessionId::new(S::hash(&parts))
}

/// What a session signature of one member states.
#[derive(Clone, Copy)]
pub(crate) struct Claim<'a> {
    pub(crate) member: &'a MemberId,
    pub(crate) key: &'a PublicKey,
    pub(crate) nonce: &'a Nonce,
    pub(crate) sid: &'a SubsessionId,
}

impl Claim<'_> {
    /// The digest that is signed: the label is inside it.
    fn digest<S: Suite>(&self) -> [u8; 32] {
        //= docs/spec/protocol.md#SKE-002
        S::hash(&[
            LABEL,
            self.member.as_bytes(),
            self.key.as_bytes(),
            self.nonce,
            self.sid.as_bytes(),
        ])
    }

    /// Signs the claim with an identity key.
    pub(crate) fn sign<S: Suite>(&self, identity: &dyn SigningKey) -> Signature {
        identity.sign(&[&self.digest::<S>()])
    }

    /// Verifies the claim under an identity key.
    pub(crate) fn verify<S: Suite>(
        &self,
        identity: &S::VerifyingKey,
        signature: &Signature,
    ) -> Result<(), VerifyError> {
        //= docs/spec/protocol.md#SKE-019
        identity.verify(&[&self.digest::<S>()], signature)
    }
}

/// Values that must not come again: the latest few thousand of them.
///
/// Used for the session identifiers computed since the owner last renewed its nonce, and for the
/// owner's intermediate keys since it last renewed its contribution. Older ones need no memory:
/// nonce and contribution are part of what is derived, and the owner takes part only with its
/// current ones (SKE-014). The number is bounded all the same, for an owner that never initiates;
/// the oldest are forgotten first.
#[derive(Debug)]
pub(crate) struct Recent<T> {
    set: BTreeSet<T>,
    order: VecDeque<T>,
}

impl<T: Ord + Copy> Recent<T> {
    /// Nothing to remember yet.
    pub(crate) const fn new() -> Self {
        Self { set: BTreeSet::new(), order: VecDeque::new() }
    }

    /// Whether `value` came before.
    pub(crate) fn contains(&self, value: &T) -> bool {
        self.set.contains(value)
    }

    /// Remembers `value`.
    pub(crate) fn insert(&mut self, value: T) {
        if !self.set.insert(value) {
            return;
        }
        self.order.push_back(value);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.set.remove(&oldest);
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.set.clear();
        self.order.clear();
    }
}

#[cfg(test)]
mod tests {
    use mpenc_crypto::{SecretBytes, V1};
    use serde_json::Value;

    use super::*;

    type Key = <V1 as Suite>::SigningKey;
    type Verifying = <V1 as Suite>::VerifyingKey;

    fn array<const N: usize>(value: &Value) -> [u8; N] {
        hex::decode(value.as_str().unwrap()).unwrap().try_into().unwrap()
    }

    fn members(case: &Value) -> Vec<MemberId> {
        let decode = |value: &Value| hex::decode(value.as_str().unwrap()).unwrap();
        let all = case["members"].as_array().unwrap();
        all.iter().map(|member| MemberId::from_wire(&decode(member))).collect()
    }

    fn nonces(case: &Value) -> Vec<Nonce> {
        case["nonces"].as_array().unwrap().iter().map(array).collect()
    }

    //= docs/spec/protocol.md#SKE-001
    //= type=test
    #[test]
    fn recorded_session_ids() {
        let file: Value =
            serde_json::from_str(include_str!("../../vectors/session-id.json")).unwrap();
        for case in file["cases"].as_array().unwrap() {
            let (mut members, mut nonces) = (members(case), nonces(case));
            let expected = SubsessionId::new(array(&case["sid"]));
            assert_eq!(session_id::<V1>(&members, &nonces), expected);
            members.reverse();
            nonces.reverse();
            assert_eq!(session_id::<V1>(&members, &nonces), expected);
        }
    }

    //= docs/spec/protocol.md#SKE-002
    //= type=test
    //= docs/spec/protocol.md#SKE-019
    //= type=test
    #[test]
    fn recorded_session_signatures() {
        let file: Value = serde_json::from_str(include_str!("../../vectors/ske.json")).unwrap();
        for case in file["cases"].as_array().unwrap() {
            let (members, nonces) = (members(case), nonces(case));
            let keys: Vec<PublicKey> = case["eph_pubs"]
                .as_array()
                .unwrap()
                .iter()
                .map(|key| PublicKey::new(array(key)))
                .collect();
            let sid = session_id::<V1>(&members, &nonces);
            assert_eq!(sid, SubsessionId::new(array(&case["sid"])));
            for signer in case["signers"].as_array().unwrap() {
                let who =
                    MemberId::from_wire(&hex::decode(signer["member"].as_str().unwrap()).unwrap());
                let index = members.iter().position(|member| *member == who).unwrap();
                let claim =
                    Claim { member: &who, key: &keys[index], nonce: &nonces[index], sid: &sid };
                let identity = Key::from_seed(&SecretBytes::new(array(&signer["identity_seed"])));
                let signature = claim.sign::<V1>(&identity);
                assert_eq!(signature.as_bytes(), &array(&signer["session_signature"]));
                let public = PublicKey::new(array(&signer["identity_pub"]));
                let public = Verifying::import(&public).unwrap();
                assert!(claim.verify::<V1>(&public, &signature).is_ok());
                let other = SubsessionId::new([0; 32]);
                assert!(Claim { sid: &other, ..claim }.verify::<V1>(&public, &signature).is_err());
            }
        }
    }

    //= docs/spec/protocol.md#SKE-017
    //= type=test
    #[test]
    fn recent_values_are_bounded() {
        let mut recent = Recent::new();
        for value in 0..=REMEMBERED {
            recent.insert(value);
            recent.insert(value);
        }
        assert_eq!(recent.set.len(), REMEMBERED);
        assert_eq!(recent.order.len(), REMEMBERED);
        assert!(!recent.contains(&0));
        assert!(recent.contains(&1));
        assert!(recent.contains(&REMEMBERED));
        recent.clear();
        assert!(!recent.contains(&1));
    }
}
