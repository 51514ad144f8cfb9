//! The running operation from the owner's point of view.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem;

use mpenc_crypto::proof;
use mpenc_crypto::{BroadcastSuite, SecretBytes};
use mpenc_packet::v2::{self as wire, AbortFields, ConfirmationFields, ShareFields};
use mpenc_types::{MemberSet, guard};
use rand_core::CryptoRng;

use super::BroadcastGreeter;
use super::checks::Middle;
use super::commit::{Agreement, Completed};
use super::hedge::{Hedge, Purpose};
use super::plan::Plan;
use super::state::{Agreed, Confirming, Context, Counted, Sharing, Step};
use crate::{AbortReason, Operation, Outcome, Outgoing, Progress, Staged};

/// What is going on.
pub(crate) enum Running<S: BroadcastSuite> {
    /// Nothing.
    Idle,
    /// The owner follows an operation, as a member or as one who is being excluded.
    Following(Box<Following<S>>),
    /// The owner can neither take part nor refuse.
    Stuck(Plan),
    /// Completed, not yet merged.
    Complete(Box<Completed<S>>),
}

/// The running operation.
pub(crate) struct Following<S: BroadcastSuite> {
    pub(crate) context: Context<S>,
    pub(crate) step: Step<S>,
    /// What goes into the key besides the contributions. Wiped on drop.
    pub(crate) salt: SecretBytes<32>,
}

/// A checked packet together with everything drawn for it: applying it cannot fail any more.
enum Next<S: BroadcastSuite> {
    Step(Step<S>, Option<Outgoing>),
    Complete(Agreed<S>),
}

impl<S: BroadcastSuite> Running<S> {
    /// The running operation as others may see it.
    pub(crate) fn operation(&self) -> Option<Operation> {
        match self {
            Self::Idle | Self::Complete(_) => None,
            Self::Following(following) => {
                let Following { context, step, .. } = &**following;
                let waiting_for = step.waiting_for(context);
                Some(context.plan.operation(waiting_for, context.own.is_none()))
            }
            Self::Stuck(plan) => Some(plan.operation(MemberSet::new(), false)),
        }
    }
}

impl<S: BroadcastSuite> Context<S> {
    /// The packet that ends the operation; the same again if there is one already.
    pub(crate) fn abort(&mut self, reason: &AbortReason) -> Option<Outgoing> {
        //= docs/spec/v2.md#V2-017
        let place = u16::try_from(self.own?).ok()?;
        if let Some(packet) = &self.abort {
            return Some(Outgoing { recipients: self.plan.recipients(), packet: packet.clone() });
        }
        let reason = match reason {
            AbortReason::Asked => wire::AbortReason::Asked,
            AbortReason::TimedOut => wire::AbortReason::TimedOut,
            AbortReason::IdentityKey(member) => {
                let subject = u16::try_from(self.plan.place_of(member)?).ok()?;
                wire::AbortReason::IdentityKey(subject)
            }
            AbortReason::NoKey => wire::AbortReason::NoKey,
            AbortReason::Internal => wire::AbortReason::Internal,
        };
        let fields = AbortFields { op: self.op, place, reason };
        let packet = fields.sign(&*self.identity).ok()?.to_wire();
        self.abort = Some(packet.clone());
        Some(self.send(packet))
    }

    /// The owner's share, once the ring is closed.
    fn share(&self, draws: &mut Draws<'_>, step: &Sharing<S>) -> Option<Vec<u8>> {
        let (own, secrets) = self.own.zip(step.secrets.as_ref())?;
        let share = step.ring.share(own, &secrets.scalar)?;
        let statement = step.ring.statement(own, &share)?;
        //= docs/spec/v2.md#V2-008
        let exported = [statement.public, statement.base, statement.share].map(S::export);
        let [public, base, value] = &exported;
        let place = statement.place.to_be_bytes();
        let of: [&[u8]; 5] = [statement.ctx, &place, public, base, value];
        let secret = S::scalar_bytes(&secrets.scalar);
        let w = draws.hedge.scalar::<S>(draws.rng, Purpose::Proof, &of, secret.expose());
        let proof = proof::prove::<S>(&statement, &secrets.scalar, w);
        let fields = ShareFields {
            op: self.op,
            place: statement.place,
            share: *value,
            challenge: proof.challenge,
            response: proof.response,
        };
        Some(fields.sign(&*secrets.signer, &step.ring.context).ok()?.to_wire())
    }

    /// The owner's confirmation, once it has the keys.
    fn confirmation(&self, step: &Confirming<S>) -> Option<Vec<u8>> {
        let (own, keys) = self.own.zip(step.agreed.own.as_ref().map(|own| &own.keys))?;
        let fields = ConfirmationFields {
            op: self.op,
            place: u16::try_from(own).ok()?,
            transcript: step.agreed.transcript.hash,
            check: keys.check,
        };
        Some(fields.sign(&*self.identity).ok()?.to_wire())
    }

    /// Sends a packet of the owner's, or ends the operation if there should be one and is none.
    fn send_or(&mut self, packet: Option<Vec<u8>>, reason: &AbortReason) -> Option<Outgoing> {
        match packet {
            Some(packet) => Some(self.send(packet)),
            None => self.abort(reason),
        }
    }
}

/// Where random values come from.
struct Draws<'a> {
    hedge: &'a mut Hedge,
    rng: &'a mut dyn CryptoRng,
}

impl<S: BroadcastSuite> BroadcastGreeter<S> {
    /// Applies a packet that was judged in the very state it is applied to.
    pub(super) fn apply(
        &mut self,
        rng: &mut dyn CryptoRng,
        following: Following<S>,
        packet: Middle<S>,
        bytes: &[u8],
    ) -> Progress {
        let Following { mut context, step, salt } = following;
        let mut draws = Draws { hedge: &mut self.hedge, rng };
        let next = match (step, packet) {
            (_, Middle::Failing(failure)) => {
                //= docs/spec/v2.md#V2-012
                //= docs/spec/v2.md#V2-017
                return Progress { outgoing: Vec::new(), outcome: Outcome::Failed(failure) };
            }
            (Step::Contributing(step), Middle::Contribution(checked)) => {
                let (place, contribution) = checked.into_parts();
                //= docs/spec/v2.md#V2-025
                context.statements.insert(place, bytes.to_vec());
                match step.on_contribution(&context, place, contribution) {
                    Counted::Waiting(step) => Next::Step(Step::Contributing(step), None),
                    Counted::All(step) => {
                        //= docs/spec/v2.md#V2-031
                        let share = context.share(&mut draws, &step);
                        let sent = context.send_or(share, &AbortReason::Internal);
                        Next::Step(Step::Sharing(step), sent)
                    }
                }
            }
            (Step::Sharing(step), Middle::Share(checked)) => {
                let (place, share) = checked.into_parts();
                match step.on_share(&context, &salt, place, share) {
                    Counted::Waiting(step) => Next::Step(Step::Sharing(step), None),
                    Counted::All(step) => {
                        //= docs/spec/v2.md#V2-006
                        let reason = match &step.agreed.own {
                            Some(_) => AbortReason::Internal,
                            None => AbortReason::NoKey,
                        };
                        let confirmation = context.confirmation(&step);
                        let sent = context.send_or(confirmation, &reason);
                        Next::Step(Step::Confirming(step), sent)
                    }
                }
            }
            (Step::Confirming(step), Middle::Confirmation { checked, .. }) => {
                let (place, check) = checked.into_parts();
                match step.on_confirmation(&context, place, check) {
                    Counted::Waiting(step) => Next::Step(Step::Confirming(step), None),
                    Counted::All(agreed) => Next::Complete(agreed),
                }
            }
            // Judged as something else in this step.
            (step, Middle::Contribution(_) | Middle::Share(_) | Middle::Confirmation { .. }) => {
                Next::Step(step, None)
            }
        };
        match next {
            Next::Step(step, sent) => {
                let following = Following { context, step, salt };
                self.running = Running::Following(Box::new(following));
                let outgoing = sent.into_iter().collect();
                Progress { outgoing, outcome: Outcome::Continues }
            }
            Next::Complete(agreed) => self.succeed(context, agreed),
        }
    }

    /// The last confirmation is there.
    fn succeed(&mut self, context: Context<S>, agreed: Agreed<S>) -> Progress {
        let Agreed { transcript, authors, own } = agreed;
        let Context { plan, identities, statements, .. } = context;
        let Some(own) = own else {
            //= docs/spec/protocol.md#GRT-013
            return Progress { outgoing: Vec::new(), outcome: Outcome::Ignored };
        };
        let statements = statements.into_values().collect();
        let result = Agreement { transcript, authors, statements, own };
        self.complete(Completed { plan, identities, sid: transcript.sid, result: Some(result) })
    }

    pub(super) fn complete(&mut self, completed: Completed<S>) -> Progress {
        //= docs/spec/protocol.md#GRT-014
        let staged = Staged {
            sid: completed.sid,
            operation: completed.plan.operation(MemberSet::new(), false),
            // Everything in the initial packet is signed with its initiator's identity key.
            //= docs/spec/protocol.md#GRT-026
            metadata_authenticated: true,
        };
        self.running = Running::Complete(Box::new(completed));
        Progress { outgoing: Vec::new(), outcome: Outcome::Complete(staged) }
    }

    /// Takes the running operation out, if there is one.
    pub(super) fn take_following(&mut self) -> Option<Following<S>> {
        match mem::replace(&mut self.running, Running::Idle) {
            Running::Following(following) => Some(*following),
            other @ (Running::Idle | Running::Stuck(_) | Running::Complete(_)) => {
                self.running = other;
                None
            }
        }
    }

    /// Takes the completed operation that `staged` stands for, if there is one.
    pub(super) fn take_completed(&mut self, staged: &Staged) -> Option<Completed<S>> {
        match mem::replace(&mut self.running, Running::Idle) {
            Running::Complete(completed) if completed.is(staged) => Some(*completed),
            other @ (Running::Idle
            | Running::Stuck(_)
            | Running::Following(_)
            | Running::Complete(_)) => {
                self.running = other;
                None
            }
        }
    }

    /// What goes into the key of an operation besides its contributions.
    pub(super) fn salt(&self, plan: &Plan) -> SecretBytes<32> {
        let former = self.committed.as_ref().filter(|_| plan.includes_nobody() && guard!("salted"));
        former.map_or_else(
            || SecretBytes::new([0; 32]),
            |committed| SecretBytes::new(*committed.exporter.expose()),
        )
    }
}
