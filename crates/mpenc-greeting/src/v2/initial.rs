//! How an initial packet is recognised, by members of the session and by everybody else.
//!
//! All members that share the state of the last operation come to the same result, because
//! everything they look at is in that state or in the packet (V2-013). The directory decides only
//! whether the owner goes along, and for those without a state which initiator they believe.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use mpenc_crypto::{BroadcastSuite, PublicKey, SignLabel, Unverified, VerifyingKey};
use mpenc_packet::v2::{InitialPacket, OpId};
use mpenc_types::{MemberId, guard};

use super::View;
use super::checks;
use super::commit::Committed;
use super::plan::Plan;
use super::ring::Contribution;
use crate::GreetingReject as Reject;

/// A recognised initial packet.
pub(crate) struct JudgedInitial<S: BroadcastSuite> {
    pub(crate) plan: Plan,
    pub(crate) part: Part<S>,
}

/// The owner's part in an operation.
pub(crate) enum Part<S: BroadcastSuite> {
    /// It is the owner's own proposal.
    Own,
    /// None: it takes place without the owner.
    Foreign,
    /// The owner stays, is included, or is excluded.
    Concerned {
        terms: Terms<S>,
        /// Whether the owner goes along.
        consent: Consent,
    },
}

/// What everybody derives from an initial packet.
pub(crate) struct Terms<S: BroadcastSuite> {
    pub(crate) op: OpId,
    /// Identity keys of `M` by place.
    pub(crate) identities: Vec<S::VerifyingKey>,
    /// The initiator's contribution; none if it remains alone.
    pub(crate) contribution: Option<Contribution<S>>,
}

/// Whether the owner takes part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Consent {
    /// It does.
    Given,
    /// It is being excluded, and looks on.
    NotAsked,
    /// It ends the operation: for this member another identity key is listed than it knows.
    Refused(MemberId),
    /// It is listed with a key that is not its own, so that it cannot even refuse.
    Impossible,
}

/// Judges an initial packet by somebody else.
pub(crate) fn judge<S: BroadcastSuite>(
    view: &View<'_, S>,
    sender: &MemberId,
    wire: &[u8],
    packet: &Unverified<InitialPacket>,
) -> Result<JudgedInitial<S>, Reject> {
    let fields = packet.peek().fields();
    //= docs/spec/v2.md#V2-009
    if guard!("label-bound") && fields.label != *view.label {
        return Err(Reject::OtherSession);
    }
    let op = mpenc_packet::v2::operation_id::<S>(wire);
    //= docs/spec/v2.md#V2-031
    // Members know that it has lost its place in the order, also where the channel has other
    // members than the first time, which gives the packet another identifier (ORD-003).
    if view.committed.is_none() && view.contributed.contains(&op) && guard!("contribute-once") {
        return Err(Reject::PlaceTaken);
    }
    let plan = Plan::of(fields).ok_or(Reject::BadMembers)?;
    if guard!("source-is-signer") && plan.initiator != *sender {
        return Err(Reject::SourceIsNotSender);
    }
    //= docs/spec/protocol.md#GRT-003
    if !plan.prev_members.contains(&plan.initiator) {
        return Err(Reject::NotEntitled);
    }
    let key = match view.committed {
        Some(committed) => key_for_member(committed, &plan)?,
        None => key_for_outsider(view, &plan)?,
    };
    //= docs/spec/v2.md#V2-010
    packet.verify::<S>(key, &[SignLabel::INITIAL.as_bytes()]).map_err(|_| Reject::BadSignature)?;
    let terms = terms(view, &plan, op, fields.contribution.as_ref())?;
    let part = match consent(view, &plan) {
        Some(consent) => Part::Concerned { terms, consent },
        None => Part::Foreign,
    };
    Ok(JudgedInitial { plan, part })
}

/// The initiator's key as members of the session know it.
fn key_for_member<'a, S: BroadcastSuite>(
    committed: &'a Committed<S>,
    plan: &Plan,
) -> Result<&'a S::VerifyingKey, Reject> {
    //= docs/spec/v2.md#V2-030
    if !plan.prev_members.iter().eq(&committed.members) {
        return Err(Reject::BadMembers);
    }
    for (member, listed) in plan.members.iter().zip(&plan.identities) {
        let is_other = |known: &S::VerifyingKey| known.export() != *listed;
        if guard!("identity-pinned") && committed.identity(member).is_some_and(is_other) {
            return Err(Reject::WrongIdentityKey);
        }
    }
    committed.identity(&plan.initiator).ok_or(Reject::NotEntitled)
}

/// The initiator's key as the directory has it.
fn key_for_outsider<'a, S: BroadcastSuite>(
    view: &View<'a, S>,
    plan: &Plan,
) -> Result<&'a S::VerifyingKey, Reject> {
    //= docs/spec/v2.md#V2-030
    let known = view.directory.get(&plan.initiator).ok_or(Reject::WrongIdentityKey)?;
    if plan.identities.get(plan.by) == Some(&known.export()) {
        Ok(known)
    } else {
        Err(Reject::WrongIdentityKey)
    }
}

/// Checks what the packet lists and contains.
fn terms<S: BroadcastSuite>(
    view: &View<'_, S>,
    plan: &Plan,
    op: OpId,
    contribution: Option<&mpenc_packet::v2::Contribution>,
) -> Result<Terms<S>, Reject> {
    //= docs/spec/v2.md#V2-006
    let distinct: BTreeSet<_> = plan.identities.iter().map(|key| key.as_bytes()).collect();
    if guard!("identity-bound") && distinct.len() != plan.len() {
        return Err(Reject::RepeatedValues);
    }
    let mut identities = Vec::with_capacity(plan.len());
    for (member, listed) in plan.members.iter().zip(&plan.identities) {
        // What was validated before is not validated again.
        let pinned = view.committed.and_then(|committed| committed.identity(member));
        let known = pinned.or_else(|| view.directory.get(member));
        identities.push(match known.filter(|known| known.export() == *listed) {
            Some(known) => known.clone(),
            None => S::VerifyingKey::import(listed).map_err(|_| Reject::WrongIdentityKey)?,
        });
    }
    let contribution = match contribution {
        Some(one) => {
            Some(checks::contribution::<S>(plan, &one.nonce, &one.ephemeral, &one.point, &[])?)
        }
        None => None,
    };
    Ok(Terms { op, identities, contribution })
}

/// Whether the owner goes along; `None` if the operation is none of its business.
fn consent<S: BroadcastSuite>(view: &View<'_, S>, plan: &Plan) -> Option<Consent> {
    let is_old = |member: &MemberId| plan.prev_members.contains(member);
    let Some(own) = plan.place_of(view.owner) else {
        return view.committed.map(|_| Consent::NotAsked);
    };
    if view.committed.is_none() && is_old(view.owner) {
        // It takes the owner for a member that it is no longer.
        return None;
    }
    //= docs/spec/v2.md#V2-030
    if plan.identities.get(own) != Some(view.own_key) {
        return Some(Consent::Impossible);
    }
    let is_known = |member: &MemberId, listed: &PublicKey| match view.committed {
        Some(_) if is_old(member) => true,
        _ => view.directory.get(member).is_some_and(|known| known.export() == *listed),
    };
    let doubtful = plan
        .members
        .iter()
        .zip(&plan.identities)
        .find(|(member, listed)| *member != view.owner && !is_known(member, listed));
    Some(match doubtful {
        Some((member, _)) if guard!("directory-checked") => Consent::Refused(member.clone()),
        Some(_) | None => Consent::Given,
    })
}
