//! How an accepted initial packet starts an operation.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::mem;

use mpenc_crypto::{GroupDiffieHellman, VerifyingKey};
use mpenc_types::guard;
use rand_core::CryptoRng;

use super::CliquesGreeter;
use super::fresh::Fresh;
use super::initial::{JudgedInitial, Part};
use super::plan::Plan;
use super::propose::{Prepared, Proposal};
use super::running::{Completed, Move, Next, Participant, Running};
use super::state::{
    Agreed, AwaitConfirmations, AwaitDownflow, AwaitUpflow, Context, Evidence, Share, Step,
};
use crate::{GreetingReject, Outcome, Progress, Staged, StuckReason};

impl<S: GroupDiffieHellman> CliquesGreeter<S> {
    /// Starts the operation of a judged initial packet.
    pub(super) fn begin(
        &mut self,
        rng: &mut dyn CryptoRng,
        judged: JudgedInitial<S>,
    ) -> Result<Progress, GreetingReject> {
        //= docs/spec/protocol.md#GRT-002
        let JudgedInitial { plan, part } = judged;
        // What can fail or be drawn comes first; from `supersede` on, things change.
        let part = match part {
            Part::Foreign { .. } => return Err(GreetingReject::NotEntitled),
            Part::Own => {
                let proposal = self.proposal.take().ok_or(GreetingReject::NotOurs)?;
                return Ok(self.begin_own(proposal));
            }
            Part::Excluded => {
                self.supersede(&plan);
                return Ok(self.look_on(plan));
            }
            Part::Refreshed { int_keys, group_key } => {
                let committed = self.committed.as_ref().ok_or(GreetingReject::OutOfPlace)?;
                //= docs/spec/protocol.md#SKE-005
                let agreed = Agreed {
                    sid: committed.sid,
                    lists: committed.lists.clone(),
                    verifying: committed.verifying.clone(),
                    int_keys,
                    signer: committed.signer.clone(),
                    share: Share::Kept,
                    group_key,
                };
                let own = committed.own;
                self.supersede(&plan);
                return Ok(self.complete(plan, own, None, agreed));
            }
            Part::Unusable(reason) => {
                self.supersede(&plan);
                return Ok(self.stuck(plan, reason));
            }
            Part::Staying { .. } | Part::Remaining(_) | Part::Newcomer { .. } => part,
        };
        let mut context = match self.context(plan) {
            Ok(context) => context,
            Err((plan, reason)) => {
                self.supersede(&plan);
                return Ok(self.stuck(plan, reason));
            }
        };
        let signer = self.committed.as_ref().map(|committed| committed.signer.clone());
        let old = context.plan.old;
        let moved = match (part, signer) {
            (Part::Staying { evidence, expected }, Some(signer)) => {
                //= docs/spec/protocol.md#GKA-020
                let evidence = Evidence { initial: evidence };
                let share = Share::Kept;
                let step = AwaitDownflow { evidence, due: old, signer, share, expected };
                Ok(Next::Step(Step::Downflow(step), None))
            }
            (Part::Remaining(downflow), Some(signer)) => {
                let (by, agreed) = downflow.into_agreed(signer, Share::Kept);
                context.confirm(agreed, by).map(|(step, sent)| Next::Step(step, Some(sent)))
            }
            (Part::Newcomer { evidence, upflow }, None) => {
                let evidence = Evidence { initial: evidence };
                let step = Step::Upflow(AwaitUpflow { evidence, due: old });
                match upflow {
                    Some(upflow) => {
                        let fresh = Fresh::draw(rng, upflow)?;
                        step.apply(&mut context, Move::Turn(Box::new(fresh)))
                    }
                    None => Ok(Next::Step(step, None)),
                }
            }
            _ => return Err(GreetingReject::OutOfPlace),
        };
        self.supersede(&context.plan);
        Ok(self.settle(context, moved))
    }

    fn begin_own(&mut self, proposal: Proposal<S>) -> Progress {
        let Proposal { packet, plan, own, prepared } = proposal;
        let (plan, prepared) = match prepared {
            //= docs/spec/protocol.md#GRT-025
            Prepared::Agreed(agreed) if plan.is_one_packet() => {
                return self.complete(plan, own, None, agreed);
            }
            Prepared::Agreed(_) | Prepared::Upflow { .. } => (plan, prepared),
        };
        let mut context = match self.context(plan) {
            Ok(context) => context,
            Err((plan, reason)) => return self.stuck(plan, reason),
        };
        context.sent.push(packet);
        let step = match prepared {
            Prepared::Upflow { evidence, signer, share, lists } => Step::Downflow(AwaitDownflow {
                evidence: Evidence { initial: evidence },
                due: context.plan.old,
                signer,
                share,
                expected: lists,
            }),
            Prepared::Agreed(agreed) => Step::Confirmations(AwaitConfirmations {
                agreed,
                confirmed: BTreeSet::from([own]),
                packet: None,
            }),
        };
        self.settle(context, Ok(Next::Step(step, None)))
    }

    /// Becomes a bystander, or is done with it at once.
    fn look_on(&mut self, plan: Plan) -> Progress {
        let outcome = if plan.is_one_packet() {
            //= docs/spec/protocol.md#GRT-013
            Outcome::Ignored
        } else {
            //= docs/spec/protocol.md#GRT-012
            self.running = Running::Looking(plan);
            Outcome::Continues
        };
        Progress { outgoing: Vec::new(), outcome }
    }

    /// What stays the same while the owner takes part.
    #[expect(clippy::result_large_err, reason = "the plan comes back for the stuck operation")]
    fn context(&self, plan: Plan) -> Result<Context<S>, (Plan, StuckReason)> {
        let Some(own) = plan.index_of(&self.owner) else {
            return Err((plan, StuckReason::Internal));
        };
        //= docs/spec/protocol.md#SKE-026
        let mut identities = Vec::with_capacity(plan.len());
        for member in &plan.members {
            //= docs/spec/protocol.md#SKE-008
            //= docs/spec/protocol.md#GRT-022
            let key = if *member == self.owner {
                S::VerifyingKey::import(&self.identity.public()).ok()
            } else {
                //= docs/spec/protocol.md#ORD-001
                let known = self.committed.as_ref().filter(|_| guard!("identity-pinned"));
                let pinned = known.and_then(|known| known.identity(member));
                pinned.or_else(|| self.directory.get(member)).cloned()
            };
            let Some(key) = key else {
                let reason = StuckReason::NoIdentityKey(member.clone());
                return Err((plan, reason));
            };
            identities.push(key);
        }
        let owner = self.owner.clone();
        let identity = self.identity.clone();
        Ok(Context { owner, plan, own, identities, identity, sent: Vec::new() })
    }

    /// Forgets the own proposal if the accepted packet takes its place.
    fn supersede(&mut self, accepted: &Plan) {
        //= docs/spec/protocol.md#GRT-023
        let same =
            |own: &mut Proposal<S>| own.plan.metadata.prev_final == accepted.metadata.prev_final;
        drop(self.proposal.take_if(same));
    }

    /// Takes on the state that a packet led to.
    pub(super) fn settle(
        &mut self,
        context: Context<S>,
        moved: Result<Next<S>, StuckReason>,
    ) -> Progress {
        let (step, outgoing) = match moved {
            Ok(Next::Step(step, outgoing)) => (step, outgoing),
            Ok(Next::Complete(agreed)) => {
                let Context { plan, own, identities, .. } = context;
                return self.complete(plan, own, Some(identities), agreed);
            }
            Err(reason) => return self.stuck(context.plan, reason),
        };
        if let Some(sid) = step.sid() {
            //= docs/spec/protocol.md#SKE-017
            self.used_ids.insert(sid);
        }
        self.running = Running::Taking(Box::new(Participant { context, step }));
        Progress { outgoing: outgoing.into_iter().collect(), outcome: Outcome::Continues }
    }

    fn complete(
        &mut self,
        plan: Plan,
        own: usize,
        identities: Option<Vec<S::VerifyingKey>>,
        agreed: Agreed<S>,
    ) -> Progress {
        // Every list so far was compared with the initial packet's, which is the one in the plan.
        //= docs/spec/protocol.md#GRT-014
        let staged = Staged {
            sid: agreed.sid,
            operation: plan.operation(mpenc_types::MemberSet::new(), false),
            //= docs/spec/protocol.md#GRT-026
            metadata_authenticated: true,
        };
        self.running = Running::Complete(Box::new(Completed { plan, own, identities, agreed }));
        Progress { outgoing: Vec::new(), outcome: Outcome::Complete(staged) }
    }

    fn stuck(&mut self, plan: Plan, reason: StuckReason) -> Progress {
        //= docs/spec/protocol.md#GRT-022
        self.running = Running::Stuck(plan);
        Progress { outgoing: Vec::new(), outcome: Outcome::Stuck(reason) }
    }

    /// Takes the participant out, if there is one.
    pub(super) fn take_participant(&mut self) -> Option<Participant<S>> {
        if !matches!(self.running, Running::Taking(_)) {
            return None;
        }
        match mem::replace(&mut self.running, Running::Idle) {
            Running::Taking(participant) => Some(*participant),
            Running::Idle | Running::Looking(_) | Running::Stuck(_) | Running::Complete(_) => None,
        }
    }

    /// Takes the completed operation that `staged` stands for, if there is one.
    pub(super) fn take_completed(&mut self, staged: &Staged) -> Option<Completed<S>> {
        if !matches!(&self.running, Running::Complete(completed) if completed.is(staged)) {
            return None;
        }
        match mem::replace(&mut self.running, Running::Idle) {
            Running::Complete(completed) => Some(*completed),
            Running::Idle | Running::Looking(_) | Running::Stuck(_) | Running::Taking(_) => None,
        }
    }
}
