//! What each receiver checks on a packet of the running operation, and the values that passing
//! these checks yields. Nothing else makes such a value, and only such values are applied.
//!
//! Source: protocol.md section 4.3.

use alloc::sync::Arc;
use alloc::vec::Vec;

use mpenc_crypto::{
    GroupDiffieHellman, PublicKey, SecretBytes, Signature, Unverified, Verified, VerifyingKey,
};
use mpenc_packet::v1::{GREETING_CONTEXT, GreetingFields, GreetingPacket};
use mpenc_types::SubsessionId;

use super::View;
use super::cliques;
use super::packets::{self, Role};
use super::plan::Plan;
use super::ske::{Lists, Recent, session_id};
use super::state::{
    Agreed, AwaitConfirmations, AwaitDownflow, Committed, Context, Share, Step, claim,
};
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

/// A session signature that counts.
pub(crate) struct VerifiedConfirmation {
    index: usize,
    completes: bool,
}

/// What a packet that is not initial means for a participant.
pub(crate) enum Middle<S: GroupDiffieHellman> {
    /// Nothing: an echo that was expected, or a bystander's channel noise.
    Nothing,
    /// An upflow packet for somebody else; its contents are ignored (GRT-008).
    Passing(usize),
    Upflow(VerifiedUpflow<S>),
    Downflow(VerifiedDownflow<S>),
    /// The owner's own first downflow came back.
    Echo,
    Confirmation(VerifiedConfirmation),
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
        used: &Recent<SubsessionId>,
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
        //= docs/spec/protocol.md#SKE-017
        if used.contains(&sid) {
            return Err(Reject::RepeatedSid);
        }
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

    /// The owner's own intermediate key.
    pub(crate) fn int_key(&self, own: usize) -> Option<[u8; 32]> {
        self.int_keys.get(own).map(S::export)
    }
}

impl VerifiedConfirmation {
    /// Whose signature it is.
    pub(crate) const fn index(&self) -> usize {
        self.index
    }

    /// Whether it is the last one (GRT-010).
    pub(crate) const fn completes(&self) -> bool {
        self.completes
    }
}

/// Judges a packet by somebody else.
pub(crate) fn middle<S: GroupDiffieHellman>(
    view: &View<'_, S>,
    context: &Context<S>,
    step: &Step<S>,
    packet: &Unverified<GreetingPacket>,
) -> Result<Middle<S>, Reject> {
    let fields = packet.peek().fields();
    let plan = &context.plan;
    //= docs/spec/protocol.md#GRT-011
    let role = match packets::place(fields.greet_type) {
        None => return Err(Reject::Departure),
        Some((kind, role)) if kind == plan.kind => role,
        Some(_) => return Err(Reject::OutOfPlace),
    };
    //= docs/spec/protocol.md#GKA-016
    if fields.members != plan.members {
        return Err(Reject::BadMembers);
    }
    let index = plan.index_of(&fields.source).ok_or(Reject::NotEntitled)?;
    match (role, step) {
        (Role::Initial, _) => Err(Reject::OutOfPlace),
        (Role::Upflow, Step::Upflow(_) | Step::Downflow(_)) => upflow(context, step, packet, index),
        (Role::FirstDownflow, Step::Downflow(step)) => {
            first_downflow(view, context, step, packet, index).map(Middle::Downflow)
        }
        (Role::Confirmation, Step::Confirmations(step)) => {
            confirmation(context, step, packet, index).map(Middle::Confirmation)
        }
        //= docs/spec/protocol.md#SKE-018
        (Role::FirstDownflow, Step::Confirmations(_) | Step::Echo(_)) => Err(Reject::NotEntitled),
        //= docs/spec/protocol.md#SKE-021
        (Role::Confirmation, Step::Upflow(_) | Step::Downflow(_) | Step::Echo(_))
        | (Role::FirstDownflow, Step::Upflow(_))
        | (Role::Upflow, Step::Echo(_) | Step::Confirmations(_)) => Err(Reject::OutOfPlace),
    }
}

/// Judges a packet that came in the owner's name.
pub(crate) fn own<S: GroupDiffieHellman>(
    context: &Context<S>,
    step: &Step<S>,
    wire: &[u8],
) -> Result<Middle<S>, Reject> {
    //= docs/spec/protocol.md#SKE-022
    if !context.sent.iter().any(|sent| sent == wire) {
        return Err(Reject::NotOurs);
    }
    match step {
        Step::Upflow(_) => Ok(Middle::Nothing),
        Step::Downflow(_) => Ok(Middle::Passing(context.own)),
        Step::Echo(step) if step.packet == wire => Ok(Middle::Echo),
        Step::Echo(_) => Ok(Middle::Nothing),
        Step::Confirmations(step) => {
            if step.packet.as_deref() != Some(wire) {
                return Ok(Middle::Nothing);
            }
            confirmed_by(context, step, context.own).map(Middle::Confirmation)
        }
    }
}

fn upflow<S: GroupDiffieHellman>(
    context: &Context<S>,
    step: &Step<S>,
    packet: &Unverified<GreetingPacket>,
    index: usize,
) -> Result<Middle<S>, Reject> {
    let fields = packet.peek().fields();
    let plan = &context.plan;
    let next = index.saturating_add(1);
    if index < plan.old || plan.members.get(next) != fields.dest.as_ref() {
        return Err(Reject::NotEntitled);
    }
    if next != context.own {
        //= docs/spec/protocol.md#GRT-008
        return Ok(Middle::Passing(index));
    }
    if !matches!(step, Step::Upflow(_)) {
        return Err(Reject::OutOfPlace);
    }
    //= docs/spec/protocol.md#SKE-013
    let key = fields.pub_keys.get(index).ok_or(Reject::BadLength)?;
    let packet = verify_under_listed::<S>(packet, key)?;
    VerifiedUpflow::check(&packet, context.own, plan.len(), false).map(Middle::Upflow)
}

fn first_downflow<S: GroupDiffieHellman>(
    view: &View<'_, S>,
    context: &Context<S>,
    step: &AwaitDownflow<S>,
    packet: &Unverified<GreetingPacket>,
    index: usize,
) -> Result<VerifiedDownflow<S>, Reject> {
    let fields = packet.peek().fields();
    let plan = &context.plan;
    //= docs/spec/protocol.md#SKE-018
    if index.saturating_add(1) != plan.len() {
        return Err(Reject::NotEntitled);
    }
    let lists = lists(fields);
    //= docs/spec/protocol.md#GKA-015
    if !lists.have_len(plan.len()) || fields.int_keys.len() != plan.len() {
        return Err(Reject::BadLength);
    }
    // One comparison for the owner's own values, those of old members, and those passed on.
    //= docs/spec/protocol.md#SKE-014
    //= docs/spec/protocol.md#SKE-015
    //= docs/spec/protocol.md#SKE-016
    if !lists.begin_with(&step.expected) {
        return Err(Reject::ChangedValues);
    }
    let key = lists.keys.get(index).ok_or(Reject::BadLength)?;
    let packet = verify_under_listed::<S>(packet, key)?;
    let identity = context.identities.get(index);
    let announced = Announced::check(view.used_ids, &packet, plan, index, identity)?;
    let verifying = import_keys::<S>(view.committed, &lists.keys)?;
    let all = match (&step.share, view.committed) {
        (Share::Renewed(all), _) => all,
        (Share::Kept, Some(committed)) => {
            view.unused(announced.int_key(context.own))?;
            &committed.all
        }
        (Share::Kept, None) => return Err(Reject::OutOfPlace),
    };
    announced.adopt(context.own, all, verifying)
}

fn confirmation<S: GroupDiffieHellman>(
    context: &Context<S>,
    step: &AwaitConfirmations<S>,
    packet: &Unverified<GreetingPacket>,
    index: usize,
) -> Result<VerifiedConfirmation, Reject> {
    //= docs/spec/protocol.md#GRT-020
    let confirmation = confirmed_by(context, step, index)?;
    let fields = packet.peek().fields();
    let agreed = &step.agreed;
    //= docs/spec/protocol.md#SKE-020
    if fields.nonces != agreed.lists.nonces || fields.pub_keys != agreed.lists.keys {
        return Err(Reject::ChangedValues);
    }
    let key = agreed.verifying.get(index).ok_or(Reject::BadSignature)?;
    let packet = verify::<S>(packet, key)?;
    let identity = context.identities.get(index).ok_or(Reject::BadSessionSignature)?;
    verify_session::<S>(
        packet.fields(),
        &context.plan,
        &agreed.lists,
        index,
        &agreed.sid,
        identity,
    )?;
    Ok(confirmation)
}

/// Whether the member at `index` may still confirm.
fn confirmed_by<S: GroupDiffieHellman>(
    context: &Context<S>,
    step: &AwaitConfirmations<S>,
    index: usize,
) -> Result<VerifiedConfirmation, Reject> {
    //= docs/spec/protocol.md#SKE-021
    if step.confirmed.contains(&index) {
        return Err(Reject::NotEntitled);
    }
    let completes = step.confirmed.len().saturating_add(1) == context.plan.len();
    Ok(VerifiedConfirmation { index, completes })
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

fn verify_session<S: GroupDiffieHellman>(
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
    claim(plan, lists, by, sid)
        .ok_or(Reject::BadLength)?
        .verify::<S>(identity, signature)
        .map_err(|_| Reject::BadSessionSignature)
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
fn import_from_base<S: GroupDiffieHellman>(
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
