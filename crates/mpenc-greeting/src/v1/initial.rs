//! How an initial packet is recognised, by members of the session and by everybody else.
//!
//! All members that share the state of the last operation come to the same result, because
//! everything they look at is in that state or in the packet (GRT-019).

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use mpenc_crypto::{GroupDiffieHellman, PublicKey, SecretBytes, Unverified, Verified};
use mpenc_packet::v1::{GreetingFields, GreetingPacket};
use mpenc_types::limits::MAX_MEMBERS;
use mpenc_types::{MemberId, MemberSet, guard};

use super::View;
use super::packets;
use super::plan::{Kind, Plan, appends_sorted};
use super::ske::Lists;
use super::state::Committed;
use super::verified::{
    Announced, VerifiedDownflow, VerifiedUpflow, group_key, import, import_from_base, lists,
    verify, verify_under_listed,
};
use crate::{GreetingReject as Reject, StuckReason};

/// A recognised initial packet.
pub(crate) struct JudgedInitial<S: GroupDiffieHellman> {
    pub(crate) plan: Plan,
    pub(crate) part: Part<S>,
}

/// The owner's part in an operation.
pub(crate) enum Part<S: GroupDiffieHellman> {
    /// It is the owner's own proposal.
    Own,
    /// None: it takes place without the owner, as far as the owner can tell.
    Foreign {
        /// Whether the packet could be verified.
        verified: bool,
    },
    /// The owner is excluded.
    Excluded,
    /// The owner stays while others are included.
    Staying { evidence: PublicKey, expected: Lists },
    /// The owner stays while others are excluded.
    Remaining(VerifiedDownflow<S>),
    /// Only the group key changes.
    Refreshed { int_keys: Vec<S::Element>, group_key: SecretBytes<32> },
    /// The owner should stay, but cannot go on; to the others the packet is as good as any.
    Unusable(StuckReason),
    /// The owner is included; with the contents if it is the first newcomer.
    Newcomer { evidence: PublicKey, upflow: Option<VerifiedUpflow<S>> },
}

/// Judges an initial packet by somebody else.
pub(crate) fn judge<S: GroupDiffieHellman>(
    view: &View<'_, S>,
    kind: Kind,
    packet: &Unverified<GreetingPacket>,
) -> Result<JudgedInitial<S>, Reject> {
    let fields = packet.peek().fields();
    if guard!("max-members") && fields.members.len() > MAX_MEMBERS {
        return Err(Reject::TooMany);
    }
    //= docs/spec/protocol.md#MOD-013
    if guard!("name-validate") && fields.members.iter().any(|member| member.check().is_err()) {
        return Err(Reject::BadMembers);
    }
    //= docs/spec/protocol.md#GKA-014
    if fields.members.iter().collect::<BTreeSet<_>>().len() != fields.members.len() {
        return Err(Reject::BadMembers);
    }
    //= docs/spec/protocol.md#GRT-003
    let by = fields.members.iter().position(|member| *member == fields.source);
    let by = by.ok_or(Reject::BadMembers)?;
    match view.committed {
        Some(committed) => as_member(view, committed, kind, packet, by),
        None => as_outsider(view, kind, packet, by),
    }
}

fn plan(
    fields: &GreetingFields,
    kind: Kind,
    initiator_at: usize,
    old: usize,
    prev_members: MemberSet,
) -> Result<Plan, Reject> {
    Ok(Plan {
        kind,
        initiator: fields.source.clone(),
        initiator_at,
        members: fields.members.clone(),
        old,
        prev_members,
        metadata: packets::metadata(fields)?,
    })
}

/// Judges it as a member of the session.
fn as_member<S: GroupDiffieHellman>(
    view: &View<'_, S>,
    committed: &Committed<S>,
    kind: Kind,
    packet: &Unverified<GreetingPacket>,
    by: usize,
) -> Result<JudgedInitial<S>, Reject> {
    let fields = packet.peek().fields();
    let known_at = committed.members.iter().position(|member| *member == fields.source);
    let known_at = known_at.ok_or(Reject::NotEntitled)?;
    let known = committed.verifying.get(known_at).ok_or(Reject::NotEntitled)?;
    //= docs/spec/protocol.md#GRT-019
    //= docs/spec/protocol.md#SKE-027
    let packet = verify::<S>(packet, known)?;
    let prev_members = committed.members.iter().collect();
    let old = fields.members.len().min(committed.members.len());
    let plan = plan(fields, kind, by, old, prev_members)?;
    match kind {
        // A member of this session has no reason to establish another.
        //= docs/spec/protocol.md#GRT-004
        Kind::Establish => Err(Reject::NotEntitled),
        Kind::Include => include(committed, &packet, plan),
        Kind::Exclude => exclude(view, committed, &packet, plan, known_at),
        Kind::Refresh => refresh(view, committed, &packet, plan),
    }
}

fn include<S: GroupDiffieHellman>(
    committed: &Committed<S>,
    packet: &Verified<&GreetingPacket>,
    plan: Plan,
) -> Result<JudgedInitial<S>, Reject> {
    let fields = packet.fields();
    //= docs/spec/protocol.md#GRT-006
    let same_size = guard!("kind-derived") && plan.len() == committed.members.len();
    if same_size || !appends_sorted(&plan.members, &committed.members) {
        return Err(Reject::BadMembers);
    }
    let expected = lists(fields);
    check_addressee(fields, plan.old)?;
    check_lengths(fields, &expected, plan.old, plan.old.saturating_add(1))?;
    check_old_values(committed, &plan, &expected)?;
    import::<S>(&fields.int_keys)?;
    let evidence = key_of(&expected, plan.initiator_at)?;
    Ok(JudgedInitial { plan, part: Part::Staying { evidence, expected } })
}

fn exclude<S: GroupDiffieHellman>(
    view: &View<'_, S>,
    committed: &Committed<S>,
    packet: &Verified<&GreetingPacket>,
    plan: Plan,
    known_at: usize,
) -> Result<JudgedInitial<S>, Reject> {
    let fields = packet.fields();
    let next = plan.next_members();
    //= docs/spec/protocol.md#GRT-006
    let stays = |member: &&MemberId| next.contains(member);
    let same_size = guard!("kind-derived") && plan.len() == committed.members.len();
    if same_size || !committed.members.iter().filter(stays).eq(&plan.members) {
        return Err(Reject::BadMembers);
    }
    let announced_lists = lists(fields);
    check_lengths(fields, &announced_lists, plan.len(), plan.len())?;
    check_old_values(committed, &plan, &announced_lists)?;
    // As pinned when the operation before completed: the directories of members may differ.
    //= docs/spec/protocol.md#ORD-001
    let mut identity = committed.identities.get(known_at);
    if !guard!("identity-pinned") {
        identity = view.directory.get(&plan.initiator);
    }
    let announced = Announced::check(packet, &plan, plan.initiator_at, identity)?;
    let Some(own) = plan.index_of(view.owner) else {
        return Ok(JudgedInitial { plan, part: Part::Excluded });
    };
    //= docs/spec/protocol.md#SKE-017
    if !announced.is_new(view.used_ids) || !view.is_unused(announced.int_key(own)) {
        return Ok(replay(plan));
    }
    let verifying = committed
        .members
        .iter()
        .zip(&committed.verifying)
        .filter(|(member, _)| next.contains(member))
        .map(|(_, key)| key.clone())
        .collect();
    let downflow = announced.adopt(own, &committed.all, verifying)?;
    Ok(JudgedInitial { plan, part: Part::Remaining(downflow) })
}

fn refresh<S: GroupDiffieHellman>(
    view: &View<'_, S>,
    committed: &Committed<S>,
    packet: &Verified<&GreetingPacket>,
    plan: Plan,
) -> Result<JudgedInitial<S>, Reject> {
    let fields = packet.fields();
    if plan.members != committed.members {
        return Err(Reject::BadMembers);
    }
    //= docs/spec/protocol.md#GKA-015
    if fields.int_keys.len() != plan.len() {
        return Err(Reject::BadLength);
    }
    let int_keys = import::<S>(&fields.int_keys)?;
    if !view.is_unused(int_keys.get(committed.own).map(S::export)) {
        return Ok(replay(plan));
    }
    let group_key = group_key::<S>(&committed.all, &int_keys, committed.own)?;
    Ok(JudgedInitial { plan, part: Part::Refreshed { int_keys, group_key } })
}

/// What was used before differs between members, so it must not decide about the packet
/// (ORD-001): the owner recognises it, and then cannot go on.
fn replay<S: GroupDiffieHellman>(plan: Plan) -> JudgedInitial<S> {
    //= docs/spec/protocol.md#GRT-022
    let part = Part::Unusable(StuckReason::Replay(plan.initiator.clone()));
    JudgedInitial { plan, part }
}

/// Judges it without a session of our own.
fn as_outsider<S: GroupDiffieHellman>(
    view: &View<'_, S>,
    kind: Kind,
    packet: &Unverified<GreetingPacket>,
    by: usize,
) -> Result<JudgedInitial<S>, Reject> {
    let fields = packet.peek().fields();
    let lists = lists(fields);
    let n = fields.members.len();
    let (old, taking_part, int_keys) = match kind {
        Kind::Establish => (1, 1, 2),
        Kind::Include => {
            let old = lists.nonces.len();
            (old, old, old.saturating_add(1))
        }
        Kind::Exclude => (n, n, n),
        Kind::Refresh => {
            //= docs/spec/protocol.md#GRT-019
            // Neither a key nor, for us, a place in it.
            if fields.int_keys.len() != n {
                return Err(Reject::BadLength);
            }
            import::<S>(&fields.int_keys)?;
            let prev_members = fields.members.iter().collect();
            let plan = plan(fields, kind, by, n, prev_members)?;
            return Ok(JudgedInitial { plan, part: Part::Foreign { verified: false } });
        }
    };
    check_lengths(fields, &lists, taking_part, int_keys)?;
    let (head, _) = fields.members.split_at_checked(old).ok_or(Reject::BadLength)?;
    let grows = match kind {
        //= docs/spec/protocol.md#GRT-004
        Kind::Establish => n > 1,
        Kind::Include => old > 1 && n > old,
        Kind::Exclude | Kind::Refresh => true,
    };
    //= docs/spec/protocol.md#GRT-006
    if !grows || by >= old || !appends_sorted(&fields.members, head) {
        return Err(Reject::BadMembers);
    }
    if old < n {
        check_addressee(fields, old)?;
    }
    let evidence = key_of(&lists, by)?;
    //= docs/spec/protocol.md#GRT-019
    let packet = verify_under_listed::<S>(packet, &evidence)?;
    // As the members do, so that all come to the same result.
    //= docs/spec/protocol.md#GKA-017
    if kind == Kind::Establish {
        import_from_base::<S>(&fields.int_keys)?;
    } else {
        import::<S>(&fields.int_keys)?;
    }
    if !lists.are_distinct() {
        return Err(Reject::RepeatedValues);
    }
    let prev_members = head.iter().collect();
    let plan = plan(fields, kind, by, old, prev_members)?;
    let part = match plan.index_of(view.owner) {
        None => Part::Foreign { verified: true },
        // Somebody takes us for a member that we are no longer: nothing to take part with.
        Some(own) if own < old => Part::Foreign { verified: false },
        Some(own) if own == old => {
            let base_first = kind == Kind::Establish;
            let upflow = VerifiedUpflow::check(&packet, own, n, base_first)?;
            Part::Newcomer { evidence, upflow: Some(upflow) }
        }
        Some(_) => Part::Newcomer { evidence, upflow: None },
    };
    Ok(JudgedInitial { plan, part })
}

fn check_lengths(
    fields: &GreetingFields,
    lists: &Lists,
    taking_part: usize,
    int_keys: usize,
) -> Result<(), Reject> {
    //= docs/spec/protocol.md#GKA-015
    //= docs/spec/protocol.md#SKE-013
    if !guard!("list-lengths") || lists.have_len(taking_part) && fields.int_keys.len() == int_keys {
        Ok(())
    } else {
        Err(Reject::BadLength)
    }
}

/// Whether the packet is addressed to the first newcomer, who is at `old`.
fn check_addressee(fields: &GreetingFields, old: usize) -> Result<(), Reject> {
    if fields.dest.is_some() && fields.dest.as_ref() == fields.members.get(old) {
        Ok(())
    } else {
        Err(Reject::OutOfPlace)
    }
}

/// Whether old members' keys and nonces are as before, but for the initiator's nonce, which must
/// differ.
fn check_old_values<S: GroupDiffieHellman>(
    committed: &Committed<S>,
    plan: &Plan,
    found: &Lists,
) -> Result<(), Reject> {
    //= docs/spec/protocol.md#SKE-015
    //= docs/spec/protocol.md#SKE-004
    let before = committed.members.iter().zip(&committed.lists.nonces).zip(&committed.lists.keys);
    let next = plan.next_members();
    let staying = before.filter(|((member, _), _)| next.contains(member));
    let as_expected = staying.zip(found.nonces.iter().zip(&found.keys)).all(
        |(((member, old_nonce), old_key), (nonce, key))| {
            let renewed = nonce != old_nonce;
            key == old_key && renewed == (*member == plan.initiator)
        },
    );
    if guard!("fresh-nonce-all") && !as_expected {
        return Err(Reject::ChangedValues);
    }
    if !found.are_distinct() {
        return Err(Reject::RepeatedValues);
    }
    Ok(())
}

fn key_of(lists: &Lists, index: usize) -> Result<PublicKey, Reject> {
    lists.keys.get(index).copied().ok_or(Reject::BadLength)
}
