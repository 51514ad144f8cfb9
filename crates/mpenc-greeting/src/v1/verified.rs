//! Contents of packets that passed their checks. Nothing outside this module makes these values,
//! and only they are applied.
//!
//! Source: protocol.md sections 3.3 and 4.3.

use alloc::sync::Arc;
use alloc::vec::Vec;

use mpenc_crypto::{
    GroupDiffieHellman, PublicKey, SecretBytes, Signature, Unverified, Verified, VerifyingKey,
};
use mpenc_packet::v1::{GREETING_CONTEXT, GreetingFields, GreetingPacket};
use mpenc_types::{SubsessionId, guard};

use super::cliques;
use super::plan::Plan;
use super::ske::{Lists, Recent, session_id};
use super::state::{Agreed, Committed, Share, claim};
use crate::GreetingReject as Reject;

/// An upflow packet for the owner, checked.
pub(crate) struct VerifiedUpflow<S: GroupDiffieHellman> {
    lists: Lists,
    keys: Vec<S::Element>,
    cardinal: S::Element,
    /// The imported keys of the lists, if the owner is the last newcomer.
    verifying: Option<Vec<S::VerifyingKey>>,
}

/// A first downflow, checked up to its session signature, and what it makes of the owner's keys.
pub(crate) struct VerifiedDownflow<S: GroupDiffieHellman> {
    by: usize,
    sid: SubsessionId,
    lists: Lists,
    verifying: Vec<S::VerifyingKey>,
    int_keys: Vec<S::Element>,
    group_key: SecretBytes<32>,
}

impl<S: GroupDiffieHellman> VerifiedUpflow<S> {
    /// Lists, intermediate keys, cardinal key, imported keys.
    #[expect(clippy::type_complexity, reason = "taken apart at once by the one caller")]
    pub(crate) fn into_parts(
        self,
    ) -> (Lists, Vec<S::Element>, S::Element, Option<Vec<S::VerifyingKey>>) {
        (self.lists, self.keys, self.cardinal, self.verifying)
    }

    /// Checks the contents of an upflow packet for the owner at index `own`.
    pub(crate) fn check(
        packet: &Verified<&GreetingPacket>,
        own: usize,
        members: usize,
        base_first: bool,
    ) -> Result<Self, Reject> {
        let fields = packet.fields();
        let lists = lists(fields);
        //= docs/spec/protocol.md#SKE-013
        //= docs/spec/protocol.md#GKA-015
        if !lists.have_len(own) || fields.int_keys.len() != own.saturating_add(1) {
            return Err(Reject::BadLength);
        }
        if !lists.are_distinct() {
            return Err(Reject::RepeatedValues);
        }
        let verifying = if own.saturating_add(1) == members {
            Some(import_keys::<S>(None, &lists.keys)?)
        } else {
            None
        };
        let mut keys = if base_first {
            import_from_base::<S>(&fields.int_keys)?
        } else {
            import::<S>(&fields.int_keys)?
        };
        let cardinal = keys.pop().ok_or(Reject::BadLength)?;
        Ok(Self { lists, keys, cardinal, verifying })
    }
}

impl<S: GroupDiffieHellman> VerifiedDownflow<S> {
    /// The lists that everybody signs.
    pub(crate) fn lists(&self) -> &Lists {
        &self.lists
    }

    /// Who sent it, and what is now agreed.
    pub(crate) fn into_agreed(
        self,
        signer: Arc<S::SigningKey>,
        share: Share<S>,
    ) -> (usize, Agreed<S>) {
        let Self { by, sid, lists, verifying, int_keys, group_key } = self;
        (by, Agreed { sid, lists, verifying, int_keys, signer, share, group_key })
    }
}

/// A first downflow whose lists and session signature are in order.
pub(crate) struct Announced<S: GroupDiffieHellman> {
    by: usize,
    sid: SubsessionId,
    lists: Lists,
    int_keys: Vec<S::Element>,
}

impl<S: GroupDiffieHellman> Announced<S> {
    /// Checks what everybody can check, once the lists are known to be those expected.
    ///
    /// Without an identity key the session signature remains unchecked; whoever takes part then
    /// gets stuck at once (SKE-008).
    pub(crate) fn check(
        packet: &Verified<&GreetingPacket>,
        plan: &Plan,
        by: usize,
        identity: Option<&S::VerifyingKey>,
    ) -> Result<Self, Reject> {
        let fields = packet.fields();
        let lists = lists(fields);
        if !lists.are_distinct() {
            return Err(Reject::RepeatedValues);
        }
        let sid = session_id::<S>(&plan.members, &lists.nonces);
        if let Some(identity) = identity {
            verify_session::<S>(fields, plan, &lists, by, &sid, identity)?;
        }
        let int_keys = import::<S>(&fields.int_keys)?;
        Ok(Self { by, sid, lists, int_keys })
    }

    /// Derives the group key for the owner at index `own`.
    pub(crate) fn adopt(
        self,
        own: usize,
        all: &S::Accumulated,
        verifying: Vec<S::VerifyingKey>,
    ) -> Result<VerifiedDownflow<S>, Reject> {
        let Self { by, sid, lists, int_keys } = self;
        let group_key = group_key::<S>(all, &int_keys, own)?;
        Ok(VerifiedDownflow { by, sid, lists, verifying, int_keys, group_key })
    }

    /// Whether its session identifier is none of those used before.
    pub(crate) fn is_new(&self, used: &Recent<SubsessionId>) -> bool {
        !guard!("fresh-sid") || !used.contains(&self.sid)
    }

    /// The owner's own intermediate key.
    pub(crate) fn int_key(&self, own: usize) -> Option<[u8; 32]> {
        self.int_keys.get(own).map(S::export)
    }
}

/// Verifies a packet under the ephemeral key `key`.
pub(crate) fn verify<'a, S: GroupDiffieHellman>(
    packet: &'a Unverified<GreetingPacket>,
    key: &S::VerifyingKey,
) -> Result<Verified<&'a GreetingPacket>, Reject> {
    //= docs/spec/protocol.md#SKE-006
    packet.verify::<S>(key, &[GREETING_CONTEXT]).map_err(|_| Reject::BadSignature)
}

/// Verifies a packet under a key that stands in it.
pub(crate) fn verify_under_listed<'a, S: GroupDiffieHellman>(
    packet: &'a Unverified<GreetingPacket>,
    key: &PublicKey,
) -> Result<Verified<&'a GreetingPacket>, Reject> {
    let key = S::VerifyingKey::import(key).map_err(|_| Reject::BadSignature)?;
    verify::<S>(packet, &key)
}

pub(crate) fn verify_session<S: GroupDiffieHellman>(
    fields: &GreetingFields,
    plan: &Plan,
    lists: &Lists,
    by: usize,
    sid: &SubsessionId,
    identity: &S::VerifyingKey,
) -> Result<(), Reject> {
    let signature: &Signature =
        fields.session_signature.as_ref().ok_or(Reject::BadSessionSignature)?;
    //= docs/spec/protocol.md#SKE-019
    let verified = claim(plan, lists, by, sid)
        .ok_or(Reject::BadLength)?
        .verify::<S>(identity, signature)
        .map_err(|_| Reject::BadSessionSignature);
    if guard!("confirm-verified") { verified } else { Ok(()) }
}

/// Nonces and ephemeral keys of a packet.
pub(crate) fn lists(fields: &GreetingFields) -> Lists {
    Lists { nonces: fields.nonces.clone(), keys: fields.pub_keys.clone() }
}

/// Validates intermediate keys.
pub(crate) fn import<S: GroupDiffieHellman>(
    keys: &[Option<[u8; 32]>],
) -> Result<Vec<S::Element>, Reject> {
    cliques::import::<S>(keys).map_err(|_| Reject::BadIntermediateKey)
}

/// Validates the list that begins an initial agreement: the base point, short or in full, and
/// the initiator's share of it.
pub(crate) fn import_from_base<S: GroupDiffieHellman>(
    keys: &[Option<[u8; 32]>],
) -> Result<Vec<S::Element>, Reject> {
    let base = S::base();
    //= docs/spec/protocol.md#GKA-001
    match keys {
        [None, rest @ ..] => {
            let mut list = Vec::from([base]);
            list.extend(import::<S>(rest)?);
            Ok(list)
        }
        [Some(first), ..] if *first == S::export(&base) => import::<S>(keys),
        _ => Err(Reject::BadIntermediateKey),
    }
}

/// Validates ephemeral keys; those known from the last operation are not validated again.
pub(crate) fn import_keys<S: GroupDiffieHellman>(
    known: Option<&Committed<S>>,
    keys: &[PublicKey],
) -> Result<Vec<S::VerifyingKey>, Reject> {
    keys.iter()
        .enumerate()
        .map(|(index, key)| {
            let old = known.filter(|known| known.lists.keys.get(index) == Some(key));
            match old.and_then(|known| known.verifying.get(index)) {
                Some(known) => Ok(known.clone()),
                None => S::VerifyingKey::import(key).map_err(|_| Reject::BadSignature),
            }
        })
        .collect()
}

/// Derives the group key from the owner's entry of a complete list.
pub(crate) fn group_key<S: GroupDiffieHellman>(
    all: &S::Accumulated,
    int_keys: &[S::Element],
    own: usize,
) -> Result<SecretBytes<32>, Reject> {
    let own_key = int_keys.get(own).ok_or(Reject::BadLength)?;
    //= docs/spec/protocol.md#GKA-018
    cliques::group_key::<S>(all, own_key).map_err(|_| Reject::BadIntermediateKey)
}
