//! Which packet says what: the table of greet types, and the packets a participant sends.
//!
//! Source: protocol.md GRT-007, wire-v1.md section 5.2.

use alloc::vec::Vec;

use mpenc_crypto::{GroupDiffieHellman, Signature, SigningKey};
use mpenc_packet::v1::{self, GreetType, GreetingFields, GreetingMetadata, GreetingPacket, Packet};
use mpenc_types::MemberId;

use super::cliques;
use super::plan::{Kind, Plan};
use super::ske::Lists;
use super::state::{Agreed, Context};
use crate::{GreetingReject, Metadata, StuckReason};

/// Place of a packet in its operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Initial,
    Upflow,
    FirstDownflow,
    Confirmation,
}

/// Operation and place of each type; none for the departure packet, which is obsolete.
//= docs/spec/protocol.md#GRT-007
pub(crate) const fn place(greet_type: GreetType) -> Option<(Kind, Role)> {
    Some(match greet_type {
        GreetType::StartInitial => (Kind::Establish, Role::Initial),
        GreetType::StartUpflow => (Kind::Establish, Role::Upflow),
        GreetType::StartDownflow => (Kind::Establish, Role::FirstDownflow),
        GreetType::StartConfirm => (Kind::Establish, Role::Confirmation),
        GreetType::IncludeInitial => (Kind::Include, Role::Initial),
        GreetType::IncludeUpflow => (Kind::Include, Role::Upflow),
        GreetType::IncludeDownflow => (Kind::Include, Role::FirstDownflow),
        GreetType::IncludeConfirm => (Kind::Include, Role::Confirmation),
        GreetType::ExcludeInitial => (Kind::Exclude, Role::Initial),
        GreetType::ExcludeConfirm => (Kind::Exclude, Role::Confirmation),
        GreetType::RefreshInitial => (Kind::Refresh, Role::Initial),
        GreetType::Quit => return None,
    })
}

/// The type for a place, if the operation has such a packet.
fn greet_type(kind: Kind, role: Role) -> Option<GreetType> {
    GreetType::ALL.into_iter().find(|greet_type| place(*greet_type) == Some((kind, role)))
}

/// Decodes a greeting packet.
pub(crate) fn decode(
    wire: &[u8],
) -> Result<mpenc_crypto::Unverified<GreetingPacket>, GreetingReject> {
    match v1::decode(wire) {
        Ok(Packet::Greeting(packet)) => Ok(packet),
        Ok(Packet::Data(_) | Packet::Error(_)) => Err(GreetingReject::Malformed),
        //= docs/spec/protocol.md#GKA-031
        Err(v1::DecodeError::TooMany { .. }) => Err(GreetingReject::TooMany),
        Err(_) => Err(GreetingReject::Malformed),
    }
}

/// What a packet carries besides its header.
#[derive(Default)]
pub(crate) struct Parts<'a> {
    pub(crate) dest: Option<&'a MemberId>,
    pub(crate) int_keys: Vec<Option<[u8; 32]>>,
    pub(crate) lists: Option<&'a Lists>,
    pub(crate) session_signature: Option<Signature>,
}

/// Builds and signs a packet by `source`.
pub(crate) fn build(
    plan: &Plan,
    role: Role,
    source: &MemberId,
    parts: Parts<'_>,
    signer: &dyn SigningKey,
) -> Option<Vec<u8>> {
    let lists = parts.lists.cloned().unwrap_or_default();
    let fields = GreetingFields {
        greet_type: greet_type(plan.kind, role)?,
        source: source.clone(),
        dest: parts.dest.cloned(),
        members: plan.members.clone(),
        int_keys: parts.int_keys,
        nonces: lists.nonces,
        pub_keys: lists.keys,
        metadata: (role == Role::Initial).then(|| to_wire(&plan.metadata)),
        session_signature: parts.session_signature,
    };
    //= docs/spec/protocol.md#SKE-006
    Some(fields.sign(signer).ok()?.to_wire())
}

/// A newcomer's packet to the next one.
pub(crate) fn upflow<S: GroupDiffieHellman>(
    context: &Context<S>,
    keys: &[S::Element],
    cardinal: &S::Element,
    lists: &Lists,
    signer: &S::SigningKey,
) -> Result<Vec<u8>, StuckReason> {
    let dest = context.plan.members.get(context.own.saturating_add(1));
    let mut int_keys = cliques::export::<S>(keys);
    int_keys.push(Some(S::export(cardinal)));
    let parts = Parts { dest, int_keys, lists: Some(lists), session_signature: None };
    build(&context.plan, Role::Upflow, &context.owner, parts, signer).ok_or(StuckReason::Internal)
}

/// The last newcomer's packet to everybody.
pub(crate) fn first_downflow<S: GroupDiffieHellman>(
    context: &Context<S>,
    agreed: &Agreed<S>,
    session_signature: Signature,
) -> Result<Vec<u8>, StuckReason> {
    let parts = Parts {
        dest: None,
        int_keys: cliques::export::<S>(&agreed.int_keys),
        lists: Some(&agreed.lists),
        session_signature: Some(session_signature),
    };
    build(&context.plan, Role::FirstDownflow, &context.owner, parts, &*agreed.signer)
        .ok_or(StuckReason::Internal)
}

/// Everybody else's session signature.
pub(crate) fn confirmation<S: GroupDiffieHellman>(
    context: &Context<S>,
    agreed: &Agreed<S>,
    session_signature: Signature,
) -> Result<Vec<u8>, StuckReason> {
    let parts = Parts {
        dest: None,
        int_keys: Vec::new(),
        lists: Some(&agreed.lists),
        session_signature: Some(session_signature),
    };
    build(&context.plan, Role::Confirmation, &context.owner, parts, &*agreed.signer)
        .ok_or(StuckReason::Internal)
}

fn to_wire(metadata: &Metadata) -> GreetingMetadata {
    GreetingMetadata {
        prev_final: metadata.prev_final,
        prev_chain: metadata.prev_chain,
        heads: metadata.heads.clone(),
    }
}

/// Where the packet says that it belongs.
pub(crate) fn metadata(fields: &GreetingFields) -> Result<Metadata, GreetingReject> {
    //= docs/spec/protocol.md#GRT-009
    let found = fields.metadata.as_ref().ok_or(GreetingReject::Malformed)?;
    Ok(Metadata {
        prev_final: found.prev_final,
        prev_chain: found.prev_chain,
        heads: found.heads.clone(),
    })
}
