//! What each receiver checks on a packet of the running operation.
//!
//! Source: protocol.md section 4.3.

use mpenc_crypto::{GroupDiffieHellman, Unverified};
use mpenc_packet::v1::GreetingPacket;
use mpenc_types::guard;

use super::View;
use super::packets::{self, Role};
use super::state::{AwaitConfirmations, AwaitDownflow, Context, Share, Step, needed};
use super::verified::{
    Announced, VerifiedDownflow, VerifiedUpflow, import_keys, lists, verify, verify_session,
    verify_under_listed,
};
use crate::GreetingReject as Reject;

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
        Some((kind, role)) if kind == plan.kind || !guard!("op-bound") => role,
        Some(_) => return Err(Reject::OutOfPlace),
    };
    //= docs/spec/protocol.md#GKA-016
    if guard!("members-fixed") && fields.members != plan.members {
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
    if guard!("own-echo-exact") && !context.sent.iter().any(|sent| sent == wire) {
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
        //= docs/spec/protocol.md#GKA-019
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
    if guard!("last-newcomer") && index.saturating_add(1) != plan.len() {
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
    if guard!("own-values-checked") && !lists.begin_with(&step.expected) {
        return Err(Reject::ChangedValues);
    }
    let key = lists.keys.get(index).ok_or(Reject::BadLength)?;
    let packet = verify_under_listed::<S>(packet, key)?;
    let identity = context.identities.get(index);
    let announced = Announced::check(&packet, plan, index, identity)?;
    //= docs/spec/protocol.md#SKE-017
    if !announced.is_new(view.used_ids) {
        return Err(Reject::RepeatedSid);
    }
    let verifying = import_keys::<S>(view.committed, &lists.keys)?;
    let all = match (&step.share, view.committed) {
        (Share::Renewed(all), _) => all,
        (Share::Kept, Some(committed)) => {
            if !view.is_unused(announced.int_key(context.own)) {
                return Err(Reject::ChangedValues);
            }
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
    let completes = step.confirmed.len().saturating_add(1) >= needed(context.plan.len());
    Ok(VerifiedConfirmation { index, completes })
}
