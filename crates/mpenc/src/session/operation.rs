//! Operations as the session sees them: accepted packets go to the greeter, and what it says is
//! carried out (sections 5 and 6.3).

use mpenc_greeting::{Failure, Initial, Outcome, Progress, Staged};
use mpenc_liveness::TimerKind;
use mpenc_transcript::order::{InitialPacket, MAX_BLACKLIST, OrderReject};
use mpenc_types::{MemberId, MemberSet, PacketId, Timestamp, guard};

use super::input::{Disposition, RejectReason};
use super::message::Which;
use super::own::Origin;
use super::subsession::SubsessionState;
use super::{Change, Env, FailReason, Notice, OperationError, Session};
use crate::security::Body;

/// From so many proposals lost in a row to the same member on, it is said (ATK-072). Races between
/// honest members do happen, but three in a row against the same one are rare.
const MANY_LOSSES: u32 = 3;

/// The operation in progress.
#[derive(Clone, Debug)]
pub(super) struct Running {
    pub(super) initiator: MemberId,
    pub(super) change: Change,
    pub(super) next_members: MemberSet,
    pub(super) since: Timestamp,
    /// Whether a subsession existed, or the owner was entitled to establish one, before it.
    pub(super) first: bool,
    /// Whether the owner is being excluded (GRT-012).
    pub(super) bystander: bool,
    /// How often its end was asked for by itself (ORD-045).
    pub(super) aborts: u32,
}

impl Session {
    pub(super) fn initial_packet(
        &mut self,
        env: &mut Env<'_>,
        sender: &MemberId,
        bytes: &[u8],
        initial: &Initial,
    ) -> Disposition {
        let Some(channel) = self.channel.clone() else {
            return Disposition::Rejected(RejectReason::NotInChannel);
        };
        let owner = self.owner().clone();
        let id = self.packet_id(sender, bytes);
        let was_synced = self.order.is_synced();
        let prev_members = self.greeter.members();
        let packet = InitialPacket {
            prev_final: initial.metadata.prev_final,
            prev_chain: initial.metadata.prev_chain,
            binds_chain: initial.binds_chain,
            names_owner: initial.verified && initial.next_members.contains(&owner),
            initiator_is_member: initial.verified && prev_members.contains(&initial.initiator),
            is_final: initial.is_final,
            targets: &initial.next_members,
            channel: &channel,
        };
        self.forgive_blacklisted(packet.targets.len());
        if let Err(reason) = self.order.accept_initial(id, packet, self.rules.order_hash()) {
            if reason == OrderReject::Inconsistent {
                //= docs/spec/protocol.md#ORD-014
                self.notify(Notice::OrderInconsistent { member: sender.clone() });
            }
            if reason == OrderReject::NotForOwner {
                // Also if it could not be verified: who is in the channel can keep us waiting
                // in it anyway, as a senior.
                let there = initial.next_members.without(&owner).intersection(&channel);
                self.passed_over_for.extend(there);
                self.blacklisted.push_back((packet.prev_final, self.now));
                if self.blacklisted.len() > MAX_BLACKLIST {
                    self.blacklisted.pop_front();
                }
            }
            if *sender == owner {
                self.own_proposal_refused(&initial.next_members.difference(&channel));
            }
            return Disposition::Rejected(RejectReason::Order(reason));
        }

        self.trail_order();
        let own = self.settle_proposal(id, &initial.initiator);
        if self.current.is_none() {
            //= docs/spec/protocol.md#MSG-016
            // What was said before we were invited was not said to us.
            self.forget_undecrypted();
        }
        //= docs/spec/protocol.md#FIN-001
        if self.current.as_ref().is_some_and(|c| c.state == SubsessionState::Joined) {
            // Its failure is an internal error, which is reported where it happens.
            let _ = self.emit(env, Which::Current, Body::Consistency { close: false });
        }
        let progress = match self.greeter.start(env.rng, sender, bytes) {
            Ok(progress) => progress,
            Err(_) => {
                self.internal_error("an accepted initial packet could not be started");
                return Disposition::Rejected(RejectReason::Broken);
            }
        };
        if !own {
            //= docs/spec/protocol.md#GRT-023
            self.greeter.withdraw();
        }
        let running = self.running_from(&progress, initial, &prev_members, was_synced);
        self.begin(running);
        self.carry_out(env, progress);
        Disposition::Accepted
    }

    /// Entries of the blacklist expire when what they were for has ended (V2-030).
    //= docs/spec/v2.md#V2-030
    fn forgive_blacklisted(&mut self, members: usize) {
        if !self.rules.has_gated() || self.order.is_synced() || !guard!("eio-expiry") {
            return;
        }
        let lifetime = self.timing().op_timeout(self.greeter.hops(members));
        while let Some((prev_final, since)) = self.blacklisted.front().copied()
            && since + lifetime <= self.now
        {
            self.blacklisted.pop_front();
            let again = self.blacklisted.iter().any(|(other, _)| *other == prev_final);
            if !again {
                self.order.forgive(&prev_final);
            }
        }
    }

    fn running_from(
        &self,
        progress: &Progress,
        initial: &Initial,
        prev_members: &MemberSet,
        was_synced: bool,
    ) -> Running {
        let operation = match &progress.outcome {
            Outcome::Complete(staged) => Some(staged.operation().clone()),
            Outcome::Continues | Outcome::Ignored | Outcome::Failed(_) | Outcome::Stuck(_) => {
                self.greeter.running()
            }
        };
        let (prev, bystander) = match operation {
            Some(operation) => (operation.prev_members, operation.bystander),
            None => (prev_members.clone(), !initial.next_members.contains(self.owner())),
        };
        Running {
            initiator: initial.initiator.clone(),
            change: Change {
                include: initial.next_members.difference(&prev),
                exclude: prev.difference(&initial.next_members),
            },
            next_members: initial.next_members.clone(),
            since: self.now,
            first: !was_synced,
            bystander,
            aborts: 0,
        }
    }

    fn begin(&mut self, running: Running) {
        let hops = self.greeter.hops(running.next_members.len());
        let timing = *self.timing();
        if guard!("op-timeout") {
            self.deadlines.set(TimerKind::Operation, self.now + timing.op_timeout(hops));
        }
        if running.bystander
            && guard!("op-timeout")
            && let Some(wait) = timing.bystander_timeout(hops)
        {
            //= docs/spec/protocol.md#ORD-034
            self.deadlines.set(TimerKind::Bystander, self.now + wait);
        }
        if running.initiator == *self.owner() {
            self.expect_outcome(hops);
        }
        self.deadlines.cancel(&TimerKind::Exclusion);
        self.deadlines.cancel(&TimerKind::Inclusion);
        if guard!("announce-initiator") {
            self.notify(Notice::OpStarted {
                change: running.change.clone(),
                initiator: running.initiator.clone(),
            });
        }
        //= docs/spec/protocol.md#ORD-028
        let lingering = running.next_members.intersection(&self.task_leave);
        self.operation = Some(running);
        self.kick(lingering);
    }

    pub(super) fn final_packet(
        &mut self,
        env: &mut Env<'_>,
        sender: &MemberId,
        bytes: &[u8],
    ) -> Disposition {
        let id = self.packet_id(sender, bytes);
        let Some(prev_initial) = self.order.prev_initial() else {
            return self.middle_packet(env, sender, bytes);
        };
        if let Err(reason) = self.order.accept_final(id, prev_initial, self.rules.order_hash()) {
            return Disposition::Rejected(RejectReason::Order(reason));
        }
        self.trail_order();
        let waiting_for = self.greeter.running().map(|view| view.waiting_for).unwrap_or_default();
        //= docs/spec/protocol.md#ORD-017
        match self.greeter.handle(env.rng, sender, bytes) {
            Ok(Progress { outcome: Outcome::Failed(failure), .. }) => {
                self.failed(env, failure, waiting_for);
                Disposition::Accepted
            }
            Ok(progress) if !matches!(progress.outcome, Outcome::Continues) => {
                self.carry_out(env, progress);
                Disposition::Accepted
            }
            Ok(_) | Err(_) => {
                self.internal_error("an accepted final packet did not complete its operation");
                Disposition::Rejected(RejectReason::Broken)
            }
        }
    }

    pub(super) fn middle_packet(
        &mut self,
        env: &mut Env<'_>,
        sender: &MemberId,
        bytes: &[u8],
    ) -> Disposition {
        match self.greeter.handle(env.rng, sender, bytes) {
            Ok(progress) => {
                self.carry_out(env, progress);
                Disposition::Accepted
            }
            //= docs/spec/protocol.md#SKE-025
            Err(reason) => Disposition::Rejected(RejectReason::Greeting(reason)),
        }
    }

    fn carry_out(&mut self, env: &mut Env<'_>, progress: Progress) {
        for outgoing in progress.outgoing {
            self.broadcast(outgoing.recipients, outgoing.packet);
        }
        match progress.outcome {
            Outcome::Continues | Outcome::Ignored => {}
            Outcome::Complete(staged) => self.complete(env, staged),
            Outcome::Failed(failure) => self.failed(env, failure, MemberSet::new()),
            Outcome::Stuck(reason) => {
                //= docs/spec/protocol.md#GRT-022
                self.fail_operation(env, FailReason::WeAreStuck(reason));
                self.request_leave(env);
            }
        }
    }

    fn complete(&mut self, env: &mut Env<'_>, staged: Staged) {
        self.stop_operation_timers();
        let Some(running) = self.operation.take() else {
            self.internal_error("an operation completed that was not running");
            return;
        };
        //= docs/spec/protocol.md#SES-014
        if !self.channel.as_ref().is_some_and(|channel| running.next_members.is_subset(channel)) {
            self.internal_error("an operation completed with members outside the channel");
            return;
        }
        self.rotate(env, staged, &running);
        self.notify(Notice::OpSucceeded {
            change: running.change.clone(),
            initiator: running.initiator.clone(),
        });
        // Resolved when the call ends, after tasks have been reconsidered (SES-013).
        self.succeeded = Some(running.change);
    }

    //= docs/spec/v2.md#V2-012
    fn failed(&mut self, env: &mut Env<'_>, failure: Failure, waiting_for: MemberSet) {
        let Failure { by, cause, bad, disagree } = failure;
        for member in bad {
            self.notify(Notice::BadContribution { member });
        }
        for member in disagree {
            self.notify(Notice::OperationDisagreement { member });
        }
        self.fail_operation(env, FailReason::Ended { by, cause, waiting_for });
    }

    /// Ends the running operation without success; the current subsession stays as it was
    /// (SES-016).
    pub(super) fn fail_operation(&mut self, env: &mut Env<'_>, reason: FailReason) {
        self.stop_operation_timers();
        self.greeter.fail();
        let Some(running) = self.operation.take() else { return };
        self.notify(Notice::OpFailed {
            change: running.change.clone(),
            initiator: running.initiator.clone(),
            reason: reason.clone(),
        });
        if running.change.is_refresh()
            && let FailReason::Ended { waiting_for, .. } = &reason
        {
            self.refresh_failed(waiting_for.clone());
        }
        if running.initiator == *self.owner() {
            self.end_proposed(&running.change, OperationError::OperationFailed(reason));
        }
        // Whoever was to be excluded stays, and has accepted the same as the others.
        self.confirm_order(env);
        //= docs/spec/protocol.md#ORD-014
        if running.first && self.current.is_none() {
            self.order.unsync_after_failed_first_op();
            self.sync_if_nobody_is_senior(env);
        }
    }

    fn stop_operation_timers(&mut self) {
        self.deadlines.cancel(&TimerKind::Operation);
        self.deadlines.cancel(&TimerKind::Abort);
        self.deadlines.cancel(&TimerKind::Bystander);
    }

    /// An initial packet was accepted: is it the outstanding own proposal? If another one took
    /// its place, the own is over (ORD-018).
    fn settle_proposal(&mut self, accepted: PacketId, initiator: &MemberId) -> bool {
        let own = initiator == self.owner();
        let Some(proposal) = self.proposal.take() else { return own };
        self.deadlines.cancel(&TimerKind::Proposal);
        if own {
            self.lost_to = None;
        } else {
            //= docs/spec/protocol.md#ORD-018
            self.notify(Notice::OpRejected {
                change: proposal.change.clone(),
                by: accepted,
                winner: initiator.clone(),
            });
            self.count_loss(initiator);
            if proposal.origin == Origin::Request {
                let error = OperationError::ProposalRejected { winner: initiator.clone() };
                self.end_proposed(&proposal.change, error);
            }
        }
        own
    }

    /// Our proposals lose to the same member again and again: a channel and a member that work
    /// together can keep anything from being decided (ATK-072).
    fn count_loss(&mut self, winner: &MemberId) {
        let before = self.lost_to.take().filter(|(member, _)| member == winner);
        let times = before.map_or(1, |(_, times)| times.saturating_add(1));
        self.lost_to = Some((winner.clone(), times));
        if guard!("reject-counter") && times >= MANY_LOSSES {
            self.notify(Notice::RejectedRepeatedly { winner: winner.clone(), times });
        }
    }

    /// The channel echoed our proposal, but the order of operations refused it: targets have
    /// left the channel meanwhile.
    fn own_proposal_refused(&mut self, gone: &MemberSet) {
        let Some(proposal) = self.proposal.take() else { return };
        self.deadlines.cancel(&TimerKind::Proposal);
        self.greeter.withdraw();
        if proposal.origin == Origin::Request {
            let reason = FailReason::MembersLeft(gone.clone());
            self.end_proposed(&proposal.change, OperationError::OperationFailed(reason));
        }
    }
}
