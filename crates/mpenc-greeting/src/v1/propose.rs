//! The owner's own proposals.

use alloc::sync::Arc;
use alloc::vec::Vec;

use mpenc_crypto::{DhError, GroupDiffieHellman, PublicKey, SecretBytes, SigningKey};
use mpenc_types::limits::MAX_MEMBERS;
use mpenc_types::{MemberId, MemberSet, guard};
use rand_core::CryptoRng;

use super::cliques::{self, Shared};
use super::fresh;
use super::packets::{self, Parts, Role};
use super::plan::{Kind, Plan, list_order};
use super::ske::{Lists, session_id};
use super::state::{Agreed, Committed, Share, claim};
use crate::{Metadata, ProposeError};

/// An outstanding proposal with its secrets.
pub(crate) struct Proposal<S: GroupDiffieHellman> {
    pub(crate) packet: Vec<u8>,
    pub(crate) plan: Plan,
    /// Index of the owner.
    pub(crate) own: usize,
    pub(crate) prepared: Prepared<S>,
}

/// What the owner has once its proposal is accepted.
pub(crate) enum Prepared<S: GroupDiffieHellman> {
    /// Establish, include: the first downflow is awaited.
    Upflow { evidence: PublicKey, signer: Arc<S::SigningKey>, share: Share<S>, lists: Lists },
    /// Exclude, refresh: everything.
    Agreed(Agreed<S>),
}

/// Kind and member list of the operation that leads to `next`.
pub(crate) fn plan<S: GroupDiffieHellman>(
    owner: &MemberId,
    committed: Option<&Committed<S>>,
    next: &MemberSet,
    metadata: Metadata,
) -> Result<(Plan, usize), ProposeError> {
    //= docs/spec/protocol.md#GRT-003
    if !next.contains(owner) {
        return Err(ProposeError::WithoutOwner);
    }
    if next.len() > MAX_MEMBERS {
        return Err(ProposeError::TooMany { found: next.len() });
    }
    let alone = [owner.clone()];
    let prev = committed.map_or(&alone[..], |committed| &committed.members);
    let prev_members: MemberSet = prev.iter().collect();
    //= docs/spec/protocol.md#GKA-011
    let comes = !next.is_subset(&prev_members);
    let goes = !prev_members.is_subset(next);
    //= docs/spec/protocol.md#GRT-004
    let kind = match (committed, comes, goes) {
        (None, false, _) => return Err(ProposeError::Nobody),
        (None, true, _) => Kind::Establish,
        (Some(_), true, true) => return Err(ProposeError::Combined),
        (Some(_), true, false) => Kind::Include,
        (Some(_), false, true) => Kind::Exclude,
        //= docs/spec/protocol.md#GRT-005
        (Some(_), false, false) => Kind::Refresh,
    };
    let members = list_order(prev, next);
    let own = members.iter().position(|member| member == owner).ok_or(ProposeError::Internal)?;
    let old = members.len().min(prev.len());
    let initiator = owner.clone();
    Ok((Plan { kind, initiator, initiator_at: own, members, old, prev_members, metadata }, own))
}

impl<S: GroupDiffieHellman> Proposal<S> {
    /// Draws the secrets and makes the packet.
    pub(crate) fn make(
        rng: &mut dyn CryptoRng,
        plan: Plan,
        own: usize,
        committed: Option<&Committed<S>>,
        identity: &dyn SigningKey,
    ) -> Result<Self, ProposeError> {
        let made = match (plan.kind, committed) {
            (Kind::Establish, _) => establish(rng, &plan),
            (Kind::Include, Some(committed)) => include(rng, &plan, committed),
            (Kind::Exclude, Some(committed)) => exclude(rng, &plan, own, committed, identity),
            (Kind::Refresh, Some(committed)) => refresh(rng, &plan, own, committed),
            (Kind::Include | Kind::Exclude | Kind::Refresh, None) => None,
        };
        let (packet, prepared) = made.ok_or(ProposeError::Internal)?;
        Ok(Self { packet, plan, own, prepared })
    }
}

/// A packet and what it leads to; none for a fault of ours.
type Made<S> = Option<(Vec<u8>, Prepared<S>)>;

fn establish<S: GroupDiffieHellman>(rng: &mut dyn CryptoRng, plan: &Plan) -> Made<S> {
    let shared = cliques::begin::<S>(rng).ok()?;
    //= docs/spec/protocol.md#SKE-003
    let nonce = fresh::nonce(rng);
    let signer = Arc::new(S::SigningKey::generate(rng));
    let evidence = signer.public();
    let mut lists = Lists::default();
    lists.push(nonce, evidence);
    // The base point travels in its short form, as the original sends it.
    let int_keys = Vec::from([None, Some(S::export(&shared.cardinal))]);
    let packet = first_upflow(plan, int_keys, &lists, &*signer)?;
    let share = Share::Renewed(shared.all);
    Some((packet, Prepared::Upflow { evidence, signer, share, lists }))
}

fn include<S: GroupDiffieHellman>(
    rng: &mut dyn CryptoRng,
    plan: &Plan,
    committed: &Committed<S>,
) -> Made<S> {
    let own = committed.own;
    //= docs/spec/protocol.md#GKA-007
    let keys = committed.int_keys.clone();
    let (keys, cardinal, share) = if guard!("fresh-contrib") {
        let shared = cliques::renew::<S>(rng, keys, own, &committed.all).ok()?;
        (shared.keys, shared.cardinal, Share::Renewed(shared.all))
    } else {
        let cardinal = S::apply_all(&committed.all, keys.get(own)?).ok()?;
        (keys, cardinal, Share::Kept)
    };
    //= docs/spec/protocol.md#SKE-004
    let mut lists = committed.lists.clone();
    *lists.nonces.get_mut(own)? = fresh::nonce(rng);
    let evidence = *lists.keys.get(own)?;
    let signer = committed.signer.clone();
    let mut int_keys = cliques::export::<S>(&keys);
    int_keys.push(Some(S::export(&cardinal)));
    let packet = first_upflow(plan, int_keys, &lists, &*signer)?;
    Some((packet, Prepared::Upflow { evidence, signer, share, lists }))
}

fn first_upflow(
    plan: &Plan,
    int_keys: Vec<Option<[u8; 32]>>,
    lists: &Lists,
    signer: &dyn SigningKey,
) -> Option<Vec<u8>> {
    let dest = plan.members.get(plan.old);
    let parts = Parts { dest, int_keys, lists: Some(lists), session_signature: None };
    packets::build(plan, Role::Initial, &plan.initiator, parts, signer)
}

fn exclude<S: GroupDiffieHellman>(
    rng: &mut dyn CryptoRng,
    plan: &Plan,
    own: usize,
    committed: &Committed<S>,
    identity: &dyn SigningKey,
) -> Made<S> {
    //= docs/spec/protocol.md#GKA-008
    let stays: Vec<bool> =
        committed.members.iter().map(|member| plan.members.contains(member)).collect();
    let kept = keep(&committed.int_keys, &stays);
    let (keys, share, group_key) = if guard!("fresh-contrib") {
        let (keys, all, group_key) = renewed(rng, kept, own, committed)?;
        (keys, Share::Renewed(all), group_key)
    } else {
        let group_key = cliques::group_key::<S>(&committed.all, kept.get(own)?).ok()?;
        (kept, Share::Kept, group_key)
    };
    //= docs/spec/protocol.md#SKE-004
    let mut lists = Lists {
        nonces: keep(&committed.lists.nonces, &stays),
        keys: keep(&committed.lists.keys, &stays),
    };
    *lists.nonces.get_mut(own)? = fresh::nonce(rng);
    let sid = session_id::<S>(&plan.members, &lists.nonces);
    let signature = claim(plan, &lists, own, &sid)?.sign::<S>(identity);
    //= docs/spec/protocol.md#SKE-010
    let parts = Parts {
        dest: None,
        int_keys: cliques::export::<S>(&keys),
        lists: Some(&lists),
        session_signature: Some(signature),
    };
    let packet = packets::build(plan, Role::Initial, &plan.initiator, parts, &*committed.signer)?;
    let agreed = Agreed {
        sid,
        lists,
        verifying: keep(&committed.verifying, &stays),
        int_keys: keys,
        signer: committed.signer.clone(),
        share,
        group_key,
    };
    Some((packet, Prepared::Agreed(agreed)))
}

fn refresh<S: GroupDiffieHellman>(
    rng: &mut dyn CryptoRng,
    plan: &Plan,
    own: usize,
    committed: &Committed<S>,
) -> Made<S> {
    //= docs/spec/protocol.md#GKA-009
    let (keys, all, group_key) = renewed(rng, committed.int_keys.clone(), own, committed)?;
    let parts = Parts { int_keys: cliques::export::<S>(&keys), ..Parts::default() };
    let packet = packets::build(plan, Role::Initial, &plan.initiator, parts, &*committed.signer)?;
    //= docs/spec/protocol.md#SKE-005
    let agreed = Agreed {
        sid: committed.sid,
        lists: committed.lists.clone(),
        verifying: committed.verifying.clone(),
        int_keys: keys,
        signer: committed.signer.clone(),
        share: Share::Renewed(all),
        group_key,
    };
    Some((packet, Prepared::Agreed(agreed)))
}

/// A list that is complete after the owner renewed its share, and the group key it gives.
fn renewed<S: GroupDiffieHellman>(
    rng: &mut dyn CryptoRng,
    keys: Vec<S::Element>,
    own: usize,
    committed: &Committed<S>,
) -> Option<(Vec<S::Element>, S::Accumulated, SecretBytes<32>)> {
    let shared: Result<Shared<S>, DhError> = cliques::renew(rng, keys, own, &committed.all);
    let Shared { keys, cardinal, all } = shared.ok()?;
    Some((keys, all, S::group_key(cardinal)))
}

/// The entries of those who stay.
fn keep<T: Clone>(entries: &[T], stays: &[bool]) -> Vec<T> {
    entries.iter().zip(stays).filter(|(_, stays)| **stays).map(|(entry, _)| entry.clone()).collect()
}
