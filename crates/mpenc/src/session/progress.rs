//! How own requests come about: step by step with what happens, until each has ended (section
//! 11.5).

use mpenc_greeting::{Metadata, ProposeError};
use mpenc_liveness::TimerKind;
use mpenc_types::{MemberId, MemberSet, guard};

use super::own::{Ended, Origin, OwnOperation, OwnProposal, Request, Step};
use super::{Change, Env, Notice, OperationError, Session};
use crate::channel::ChannelRequest;

impl Session {
    /// Brings everything that waits for something up to date with what has happened. Ends every
    /// call that takes input.
    pub(super) fn settle(&mut self, env: &mut Env<'_>) {
        self.expect_nothing_from_the_gone();
        self.reconsider_tasks(env);
        //= docs/spec/protocol.md#SES-013
        if let Some(change) = self.succeeded.take() {
            self.operation_succeeded(&change);
        }
        self.advance_own(env);
        //= docs/spec/protocol.md#SES-003
        let new = self.state();
        if new != self.state_reported {
            let old = core::mem::replace(&mut self.state_reported, new);
            self.notify(Notice::StateChanged { old, new });
        }
    }

    //= docs/spec/protocol.md#SES-025
    fn advance_own(&mut self, env: &mut Env<'_>) {
        // Exclusions that are due come first (SES-020): nobody who has left can be named.
        let idle = self.operation.is_none()
            && self.proposal.is_none()
            && self.task_exclude.is_empty()
            && self.order.is_synced();
        let members = self.session_members();
        let Some(channel) = self.channel.clone() else { return };
        let lingering = self.task_leave.clone();
        let Some(OwnOperation {
            request,
            step: Step::Changing { phases, asked, kicked, proposed },
            ..
        }) = &mut self.own
        else {
            return;
        };
        if *proposed || !(idle || phases.is_empty()) {
            return;
        }
        if *request != Request::Refresh {
            // Others may have done part of it meanwhile.
            for phase in phases.iter_mut() {
                phase.include = phase.include.difference(&members);
                phase.exclude = phase.exclude.intersection(&members);
            }
            phases.retain(|phase| !phase.is_refresh());
        }
        let Some(phase) = phases.front().cloned() else {
            self.end_own(Ended::Well);
            return;
        };
        let must_go = phase.include.intersection(&lingering);
        if !must_go.is_empty() {
            let new = must_go.difference(kicked);
            kicked.extend(new.clone());
            self.kick(new);
            self.expect_entering();
            return;
        }
        let missing = phase.include.difference(&channel);
        if !missing.is_empty() {
            let new = missing.difference(asked);
            if !new.is_empty() {
                asked.extend(new.clone());
                let leave = MemberSet::new();
                self.transmit(ChannelRequest::Change { enter: new, leave });
            }
            self.expect_entering();
            return;
        }
        *proposed = true;
        self.deadlines.cancel(&TimerKind::Enter);
        if let Err(error) = self.propose(env, phase, Origin::Request) {
            self.finish_own(Err(OperationError::NotProposed(error)));
        }
    }

    fn expect_entering(&mut self) {
        if self.deadlines.get(&TimerKind::Enter).is_none() {
            self.deadlines.set(TimerKind::Enter, self.now + self.timing().enter_timeout());
        }
    }

    //= docs/spec/protocol.md#ORD-020
    pub(super) fn propose(
        &mut self,
        env: &mut Env<'_>,
        change: Change,
        origin: Origin,
    ) -> Result<(), ProposeError> {
        let (Some(prev_final), Some(prev_chain)) =
            (self.order.prev_final(), self.order.chain_hash())
        else {
            return Err(ProposeError::Internal);
        };
        let members = self.session_members();
        let next = members.union(&change.include).difference(&change.exclude);
        //= docs/spec/protocol.md#GRT-009
        let mut heads = self.heads().to_vec();
        heads.sort_unstable();
        let metadata = Metadata { prev_final, prev_chain, heads };
        let packet = self.greeter.propose(env.rng, &next, metadata)?;
        //= docs/spec/protocol.md#ORD-021
        let recipients = members.union(&next).without(self.owner());
        self.proposal = Some(OwnProposal { change: change.clone(), origin });
        self.deadlines.set(TimerKind::Proposal, self.now + self.timing().proposal_timeout());
        self.broadcast(recipients, packet);
        self.notify(Notice::OpProposed { change });
        Ok(())
    }

    /// Whether an own request waits for this member to enter.
    pub(super) fn own_expects(&self, member: &MemberId) -> bool {
        matches!(&self.own, Some(OwnOperation { step: Step::Changing { asked, .. }, .. })
            if asked.contains(member))
    }

    pub(super) fn is_joining(&self) -> bool {
        matches!(&self.own, Some(OwnOperation { request: Request::Join, .. }))
    }

    /// We are in the channel now.
    pub(super) fn own_entered(&mut self) {
        let Some(own) = &mut self.own else { return };
        if matches!(own.step, Step::Entering | Step::Reentering) {
            own.step = Step::AwaitInclusion;
            self.deadlines.cancel(&TimerKind::Enter);
            //= docs/spec/protocol.md#SES-029
            if self.order.is_synced() {
                self.end_own(Ended::Well);
            } else {
                self.expect_inclusion();
            }
        }
    }

    //= docs/spec/protocol.md#SES-030
    pub(super) fn expect_inclusion(&mut self) {
        let waits = !self.config.patient_join && guard!("op-timeout");
        if waits && self.deadlines.get(&TimerKind::Join).is_none() {
            let hops = self.greeter.hops(self.channel.as_ref().map_or(0, MemberSet::len));
            self.deadlines.set(TimerKind::Join, self.now + self.timing().gka_est(hops));
        }
    }

    /// Everybody senior has left: we may start a session of our own.
    pub(super) fn own_alone(&mut self) {
        let waiting = matches!(&self.own, Some(OwnOperation { step: Step::AwaitInclusion, .. }));
        if waiting {
            self.end_own(Ended::Well);
        }
    }

    /// A subsession with others exists now.
    pub(super) fn own_rotated(&mut self) {
        if self.is_joining() && self.current.is_some() {
            self.end_own(Ended::Well);
        }
    }

    /// We are out of the channel, after there were `members` in it.
    pub(super) fn own_left(&mut self, env: &mut Env<'_>, members: usize, was_parting: bool) {
        let Some(own) = &mut self.own else { return };
        match own.request {
            Request::Part => self.end_own(Ended::Well),
            Request::Change(_) | Request::Refresh => self.end_own(Ended::LeftChannel),
            Request::Join if was_parting => self.end_own(Ended::LeftChannel),
            //= docs/spec/protocol.md#SES-031
            Request::Join => {
                own.step = Step::Reentering;
                let hops = self.greeter.hops(members);
                let timing = *self.timing();
                let delay = timing.reenter_delay(hops, env.rng.next_u32());
                self.deadlines.set(TimerKind::Reenter, self.now + delay);
                if !self.config.patient_join {
                    let deadline = self.now + timing.reenter_deadline(hops);
                    self.deadlines.set(TimerKind::Join, deadline);
                }
            }
        }
    }

    pub(super) fn reenter(&mut self) {
        if matches!(&self.own, Some(OwnOperation { step: Step::Reentering, .. })) {
            self.transmit(ChannelRequest::Enter);
        }
    }

    pub(super) fn join_timed_out(&mut self, env: &mut Env<'_>) {
        if !self.is_joining() {
            return;
        }
        // An inclusion in progress gets the time that an operation gets.
        if let Some(running) = &self.operation
            && running.next_members.contains(&self.config.owner)
        {
            let hops = self.greeter.hops(running.next_members.len());
            let until = running.since + self.timing().op_timeout(hops);
            if until > self.now {
                self.deadlines.set(TimerKind::Join, until);
                return;
            }
        }
        self.join_failed(env);
    }

    pub(super) fn enter_timed_out(&mut self, env: &mut Env<'_>) {
        if self.is_joining() {
            self.join_failed(env);
        } else {
            self.end_own(Ended::TimedOut);
        }
    }

    /// Our proposal was not echoed in time: the request ends, but its secrets stay, since a late
    /// echo is still valid (SES-025).
    pub(super) fn proposal_timed_out(&mut self) {
        let Some(proposal) = &self.proposal else { return };
        if proposal.origin == Origin::Request {
            self.end_own(Ended::TimedOut);
        }
    }

    /// The operation with this change succeeded: the next phase begins, or the request is
    /// fulfilled.
    pub(super) fn operation_succeeded(&mut self, change: &Change) {
        let Some(OwnOperation { step: Step::Changing { phases, proposed, .. }, .. }) =
            &mut self.own
        else {
            return;
        };
        if *proposed && phases.front() == Some(change) {
            phases.pop_front();
            *proposed = false;
            if phases.is_empty() {
                self.end_own(Ended::Well);
            }
        }
    }

    /// The request whose current phase is this change ends with an error.
    pub(super) fn end_proposed(&mut self, change: &Change, error: OperationError) {
        if let Some(OwnOperation { step: Step::Changing { phases, proposed: true, .. }, .. }) =
            &self.own
            && phases.front() == Some(change)
        {
            self.finish_own(Err(error));
        }
    }

    pub(super) fn end_own(&mut self, how: Ended) {
        self.finish_own(match how {
            Ended::Well => Ok(()),
            Ended::TimedOut => Err(OperationError::Timeout),
            Ended::LeftChannel => Err(OperationError::LeftChannel),
        });
    }

    //= docs/spec/protocol.md#SES-023
    fn finish_own(&mut self, result: Result<(), OperationError>) {
        let Some(own) = self.own.take() else { return };
        self.deadlines.cancel(&TimerKind::Enter);
        self.deadlines.cancel(&TimerKind::Join);
        self.notify(Notice::OperationEnded { id: own.id, result });
    }
}
