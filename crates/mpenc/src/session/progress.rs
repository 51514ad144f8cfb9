//! How own requests come about: step by step with what happens, until each has ended (section
//! 11.5).

use mpenc_greeting::{Metadata, ProposeError};
use mpenc_liveness::TimerKind;
use mpenc_types::{MemberId, MemberSet, guard};

use super::own::{Ended, Origin, OwnOperation, OwnProposal, Request, Step};
use super::{Change, Env, Notice, OperationError, Session};
use crate::channel::ChannelRequest;

/// Attempts to join again after nobody had included us in time (SES-030).
const MAX_UNHEEDED: u32 = 3;

/// Attempts to join again after having been removed from the channel (SES-031). Whoever returns
/// while its own exclusion is under way is removed until that has ended, which takes OP_TIMEOUT at
/// most unless operations fail; each attempt takes half of GKA_EST at least.
const MAX_REMOVED: u32 = 10;

impl Session {
    /// Brings everything that waits for something up to date with what has happened. Ends every
    /// call that takes input.
    pub(super) fn settle(&mut self, env: &mut Env<'_>) {
        self.expect_nothing_from_the_gone();
        self.publish(env);
        self.reconsider_tasks(env);
        //= docs/spec/protocol.md#SES-013
        if let Some(change) = self.succeeded.take() {
            self.operation_succeeded(&change);
        }
        self.advance_own(env);
        self.repeat_proposal();
        self.schedule_repair(env);
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
        if *proposed {
            return;
        }
        if !(idle || phases.is_empty()) {
            self.expect_turn(channel.len());
            return;
        }
        self.deadlines.cancel(&TimerKind::Turn);
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

    /// Others may keep us from proposing for as long as one operation can take and a proposal can
    /// be on its way, not for ever (SES-023).
    fn expect_turn(&mut self, members: usize) {
        if self.deadlines.get(&TimerKind::Turn).is_none() {
            let operation = self.timing().op_timeout(self.greeter.hops(members));
            let patience = operation.saturating_add(self.timing().enter_timeout());
            self.deadlines.set(TimerKind::Turn, self.now + patience);
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
        let patience = self.timing().proposal_timeout();
        self.deadlines.set(TimerKind::Proposal, self.now + patience);
        self.broadcast(recipients.clone(), packet.clone());
        self.notify(Notice::OpProposed { change: change.clone() });
        self.proposal = Some(OwnProposal { change, origin, packet, recipients, patience });
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
        let Some(own) = &mut self.own else {
            //= docs/spec/protocol.md#ORD-034
            // Somebody asked us in, or the channel did it by itself (CHN-011): nobody may know.
            if !self.order.is_synced() {
                self.expect_inclusion();
            }
            return;
        };
        if matches!(own.step, Step::Entering | Step::Reentering) {
            own.step = Step::AwaitInclusion;
            self.deadlines.cancel(&TimerKind::Enter);
            self.deadlines.cancel(&TimerKind::Reenter);
            //= docs/spec/protocol.md#SES-031
            // The wait begins anew.
            self.deadlines.cancel(&TimerKind::Join);
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
            // To try once more.
            Request::Join if matches!(own.step, Step::Reentering) => {
                self.reenter_later(env, members);
            }
            Request::Join if was_parting => self.end_own(Ended::LeftChannel),
            //= docs/spec/protocol.md#SES-031
            Request::Join => {
                own.step = Step::Reentering;
                own.returns.removed = own.returns.removed.saturating_add(1);
                if own.returns.removed > MAX_REMOVED && !self.config.patient_join {
                    self.join_gave_up = true;
                    self.end_own(Ended::TimedOut);
                } else {
                    self.reenter_later(env, members);
                }
            }
        }
    }

    /// Enters again after a random delay, which depends on how many `members` were in the
    /// channel (SES-031).
    fn reenter_later(&mut self, env: &mut Env<'_>, members: usize) {
        let hops = self.greeter.hops(members);
        let timing = *self.timing();
        let delay = timing.reenter_delay(hops, env.rng.next_u32());
        self.deadlines.set(TimerKind::Reenter, self.now + delay);
        if !self.config.patient_join {
            let deadline = self.now + timing.reenter_deadline(hops);
            self.deadlines.set(TimerKind::Join, deadline);
        }
    }

    /// Nobody has included us: leaves, to enter again after a while, unless that has been tried
    /// often enough.
    //= docs/spec/protocol.md#SES-030
    pub(super) fn try_to_join_again(&mut self, env: &mut Env<'_>) -> bool {
        let Some(own) = &mut self.own else { return false };
        if !self.config.auto_reenter || own.returns.unheeded >= MAX_UNHEEDED {
            return false;
        }
        own.returns.unheeded = own.returns.unheeded.saturating_add(1);
        own.step = Step::Reentering;
        let members = self.channel.as_ref().map_or(1, MemberSet::len);
        if self.channel.is_some() {
            // The delay begins when we have left; but the channel may not let us.
            let deadline = self.timing().reenter_deadline(self.greeter.hops(members));
            self.deadlines.set(TimerKind::Join, self.now + deadline);
            self.request_leave(env);
        } else {
            self.reenter_later(env, members);
        }
        true
    }

    /// We lost the channel without having asked for it, when there were `members` in it.
    //= docs/spec/protocol.md#SES-052
    pub(super) fn return_by_itself(&mut self, env: &mut Env<'_>, members: usize) {
        if self.config.auto_reenter && self.own.is_none() && !self.join_gave_up {
            self.begin_own(Request::Join, Step::Reentering);
            self.reenter_later(env, members);
        }
    }

    /// Enters again, and asks for it once more each ENTER_TIMEOUT until the join has ended.
    //= docs/spec/protocol.md#SES-054
    pub(super) fn reenter(&mut self) {
        let outside = self.channel.is_none();
        if matches!(&self.own, Some(OwnOperation { step: Step::Reentering, .. }) if outside) {
            self.transmit(ChannelRequest::Enter);
            if guard!("enter-repeated") {
                let later = self.now + self.timing().enter_timeout();
                self.deadlines.set(TimerKind::Reenter, later);
            }
        }
    }

    pub(super) fn join_timed_out(&mut self, env: &mut Env<'_>) {
        // Also for somebody who is in the channel without having asked for it (ORD-034).
        let first = self.operation.as_ref().is_some_and(|running| running.first);
        let waits = self.own.is_none()
            && self.channel.is_some()
            && self.current.is_none()
            && (first || !self.order.is_synced());
        if !self.is_joining() && !waits {
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
            let change = proposal.change.clone();
            self.end_proposed(&change, OperationError::Timeout);
        }
    }

    /// Sends a proposal that was not echoed once more, byte for byte, if it keeps something else
    /// from being proposed: it was lost on the way or comes late, and in either case the channel's
    /// answer to the copy settles it.
    //= docs/spec/protocol.md#SES-053
    fn repeat_proposal(&mut self) {
        let sent_lately = self.deadlines.get(&TimerKind::Proposal).is_some();
        if sent_lately || self.leave_requested || self.tasks_held {
            return;
        }
        let request_waits = matches!(
            &self.own,
            Some(OwnOperation { step: Step::Changing { proposed: false, .. }, .. })
        );
        let task_waits = self.exclusion_wanted() || !self.inclusion_wanted().is_empty();
        let longest = self.timing().op_timeout(self.greeter.hops(self.session_members().len()));
        let now = self.now;
        let Some(proposal) = &mut self.proposal else { return };
        let waits = request_waits || task_waits || proposal.origin == Origin::Task;
        if !waits || !guard!("proposal-repeated") {
            return;
        }
        proposal.patience = proposal.patience.saturating_mul(2).min(longest);
        let (recipients, packet) = (proposal.recipients.clone(), proposal.packet.clone());
        self.deadlines.set(TimerKind::Proposal, now + proposal.patience);
        self.broadcast(recipients, packet);
    }

    /// Our turn to propose did not come.
    pub(super) fn turn_timed_out(&mut self) {
        let waits = matches!(
            &self.own,
            Some(OwnOperation { step: Step::Changing { proposed: false, .. }, .. })
        );
        if waits {
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
            self.deadlines.cancel(&TimerKind::Outcome);
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
        for cause in [TimerKind::Turn, TimerKind::Enter, TimerKind::Join, TimerKind::Outcome] {
            self.deadlines.cancel(&cause);
        }
        self.notify(Notice::OperationEnded { id: own.id, result });
    }
}
