//! The running operation from the owner's point of view.

use alloc::boxed::Box;
use alloc::vec::Vec;

use mpenc_crypto::GroupDiffieHellman;
use mpenc_types::{MemberSet, SubsessionId};
use rand_core::CryptoRng;

use super::checks::{Middle, VerifiedConfirmation};
use super::fresh::Fresh;
use super::plan::Plan;
use super::state::{Agreed, Context, Counted, Step};
use super::verified::VerifiedDownflow;
use crate::{GreetingReject, Operation, Outgoing, StuckReason};

/// What is going on.
pub(crate) enum Running<S: GroupDiffieHellman> {
    /// Nothing.
    Idle,
    /// The owner takes part.
    Taking(Box<Participant<S>>),
    /// The owner is being excluded and looks on.
    Looking(Plan),
    /// The owner cannot go on and will leave.
    Stuck(Plan),
    /// Completed, not yet merged.
    Complete(Box<Completed<S>>),
}

/// The owner's part in a running operation.
pub(crate) struct Participant<S: GroupDiffieHellman> {
    pub(crate) context: Context<S>,
    pub(crate) step: Step<S>,
}

/// A completed operation.
pub(crate) struct Completed<S: GroupDiffieHellman> {
    pub(crate) plan: Plan,
    pub(crate) own: usize,
    /// Identity keys that signed for it; none if nobody had to, and those before still count.
    pub(crate) identities: Option<Vec<S::VerifyingKey>>,
    pub(crate) agreed: Agreed<S>,
}

/// A checked packet together with everything drawn for it: applying it cannot fail any more.
pub(crate) enum Move<S: GroupDiffieHellman> {
    Nothing,
    Passing(usize),
    Turn(Box<Fresh<S>>),
    Downflow(VerifiedDownflow<S>),
    Echo,
    Confirmation(VerifiedConfirmation),
}

/// What became of a packet: the next state, and what there is to send.
pub(crate) enum Next<S: GroupDiffieHellman> {
    /// Goes on.
    Step(Step<S>, Option<Outgoing>),
    /// The last signature.
    Complete(Agreed<S>),
}

impl<S: GroupDiffieHellman> Running<S> {
    /// The running operation as others may see it.
    pub(crate) fn operation(&self) -> Option<Operation> {
        match self {
            Self::Idle | Self::Complete(_) => None,
            Self::Taking(participant) => {
                let waiting_for = participant.step.waiting_for(&participant.context);
                Some(participant.context.plan.operation(waiting_for, false))
            }
            //= docs/spec/protocol.md#GRT-012
            Self::Looking(plan) => Some(plan.operation(MemberSet::new(), true)),
            Self::Stuck(plan) => Some(plan.operation(MemberSet::new(), false)),
        }
    }
}

impl<S: GroupDiffieHellman> Move<S> {
    /// Draws what the packet makes us draw.
    pub(crate) fn prepare(
        rng: &mut dyn CryptoRng,
        middle: Middle<S>,
    ) -> Result<Self, GreetingReject> {
        Ok(match middle {
            Middle::Nothing => Self::Nothing,
            Middle::Passing(index) => Self::Passing(index),
            Middle::Upflow(upflow) => Self::Turn(Box::new(Fresh::draw(rng, upflow)?)),
            Middle::Downflow(downflow) => Self::Downflow(downflow),
            Middle::Echo => Self::Echo,
            Middle::Confirmation(confirmation) => Self::Confirmation(confirmation),
        })
    }
}

impl<S: GroupDiffieHellman> Step<S> {
    /// Applies a packet that was judged in this very step.
    pub(crate) fn apply(
        self,
        context: &mut Context<S>,
        packet: Move<S>,
    ) -> Result<Next<S>, StuckReason> {
        //= docs/spec/protocol.md#GRT-011
        let (next, outgoing) = match (self, packet) {
            (Self::Upflow(step), Move::Turn(fresh)) => {
                let (next, outgoing) = step.on_upflow(context, *fresh)?;
                (next, Some(outgoing))
            }
            (Self::Downflow(step), Move::Downflow(downflow)) => {
                let (next, outgoing) = step.on_downflow(context, downflow)?;
                (next, Some(outgoing))
            }
            (Self::Echo(step), Move::Echo) => {
                (Self::Confirmations(step.on_echo(context.own)), None)
            }
            (Self::Confirmations(step), Move::Confirmation(confirmation)) => {
                match step.on_confirmation(&confirmation, context.plan.len()) {
                    Counted::Waiting(step) => (Self::Confirmations(step), None),
                    Counted::All(agreed) => return Ok(Next::Complete(agreed)),
                }
            }
            (mut step, Move::Passing(index)) => {
                step.on_passing(index);
                (step, None)
            }
            // Judged as meaningless in this step.
            (step, _) => (step, None),
        };
        Ok(Next::Step(next, outgoing))
    }

    /// The session identifier, once it is known.
    pub(crate) fn sid(&self) -> Option<SubsessionId> {
        match self {
            Self::Upflow(_) | Self::Downflow(_) => None,
            Self::Echo(step) => Some(step.agreed.sid),
            Self::Confirmations(step) => Some(step.agreed.sid),
        }
    }
}
