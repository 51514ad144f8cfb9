//! Own requests: change, refresh, join, part; each ends, one way or another (section 11.5).

use alloc::collections::VecDeque;

use mpenc_greeting::{Metadata, ProposeError};
use mpenc_liveness::TimerKind;
use mpenc_types::{MemberId, MemberSet};

use super::subsession::Subsession;
use super::{Change, ChangeError, Env, Notice, OperationError, OperationId, Session};
use crate::channel::ChannelRequest;

/// An own request on its way.
#[derive(Debug)]
pub(super) struct OwnOperation {
    id: OperationId,
    request: Request,
    step: Step,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Request {
    Join,
    Part,
    Change(Change),
    Refresh,
}

#[derive(Debug)]
enum Step {
    /// Waits to be in the channel.
    Entering,
    /// In the channel, waits to be included.
    AwaitInclusion,
    /// Kicked while joining; waits to enter again (SES-031).
    Reentering,
    /// Waits to have left the channel.
    Leaving,
    /// Works through these changes, one operation each; the first is under way.
    Changing {
        phases: VecDeque<Change>,
        /// Members that were asked in and are waited for.
        asked: MemberSet,
        /// Former members that were asked to leave before they are included again.
        kicked: MemberSet,
        proposed: bool,
    },
}

/// Where a proposal came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The user asked for it: never repeated by itself (ORD-019).
    Request,
    /// A task: repeated while its reason persists (ORD-031).
    Task,
}

/// A proposal that the channel has not echoed yet (GRT-023).
#[derive(Debug)]
pub(super) struct OwnProposal {
    pub(super) change: Change,
    pub(super) origin: Origin,
}

/// How a request ended, where it was not by an error of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Well,
    TimedOut,
    LeftChannel,
}

impl Session {
    /// Enters the channel and waits to be included; ends when we are in a session with others,
    /// or alone in the channel and entitled to start one (SES-028, SES-029).
    ///
    /// # Errors
    ///
    /// [`ChangeError::Busy`] while parting, [`ChangeError::OperationInProgress`] while another
    /// request is under way.
    pub fn join(&mut self, env: &mut Env<'_>) -> Result<OperationId, ChangeError> {
        self.clamp(env.now);
        if let Some(id) = self.same_or_busy(&Request::Join)? {
            return Ok(id);
        }
        if self.parting || self.leaving() {
            return Err(ChangeError::Busy);
        }
        let step = if self.channel.is_some() { Step::AwaitInclusion } else { Step::Entering };
        let entering = matches!(step, Step::Entering);
        let id = self.begin_own(Request::Join, step);
        if entering {
            self.transmit(ChannelRequest::Enter);
            self.deadlines.set(TimerKind::Enter, self.now + self.timing().enter_timeout());
        } else if self.current.is_some() || self.order.is_synced() {
            self.end_own(Ended::Well);
        } else {
            self.expect_inclusion();
        }
        self.settle(env);
        Ok(id)
    }

    /// Says farewell, waits until everybody knows, and leaves the channel. Always possible; any
    /// other request under way ends with [`OperationError::LeftChannel`] (SES-032, SES-033).
    ///
    /// # Errors
    ///
    /// None at present.
    pub fn part(&mut self, env: &mut Env<'_>) -> Result<OperationId, ChangeError> {
        self.clamp(env.now);
        if let Some(own) = &self.own {
            if own.request == Request::Part {
                return Ok(own.id);
            }
            self.end_own(Ended::LeftChannel);
        }
        self.deadlines.cancel(&TimerKind::Enter);
        self.deadlines.cancel(&TimerKind::Join);
        self.deadlines.cancel(&TimerKind::Reenter);
        let id = self.begin_own(Request::Part, Step::Leaving);
        if self.channel.is_none() {
            // Also takes back an entering that is on its way.
            self.transmit(ChannelRequest::Leave);
            self.end_own(Ended::Well);
        } else if self.current.is_none() && !self.previous.is_empty() && !self.broken {
            // The last one of a former session: leaves when that has shut down.
            self.parting = true;
        } else if self.broken || !self.current.as_ref().is_some_and(Subsession::is_open) {
            self.request_leave(env);
        } else if !self.parting {
            self.send_leave_intent(env);
            if !self.parting {
                self.request_leave(env);
            }
        }
        self.settle(env);
        Ok(id)
    }

    /// Includes and excludes members: as one operation if the profile can, else the exclusion
    /// first (SES-024 to SES-026). Members already in the wanted condition are dropped.
    ///
    /// # Errors
    ///
    /// Each [`ChangeError`] says what to do; nothing has happened then.
    pub fn change(
        &mut self,
        env: &mut Env<'_>,
        include: &MemberSet,
        exclude: &MemberSet,
    ) -> Result<OperationId, ChangeError> {
        self.clamp(env.now);
        self.check_change(include, exclude)?;
        let members = self.session_members();
        let change = Change {
            include: include.difference(&members),
            exclude: exclude.intersection(&members),
        };
        if let Some(id) = self.same_or_busy(&Request::Change(change.clone()))? {
            return Ok(id);
        }
        let mut phases = VecDeque::new();
        if !change.exclude.is_empty() && !change.include.is_empty() && !self.greeter.combines() {
            //= docs/spec/protocol.md#SES-026
            phases.push_back(Change { include: MemberSet::new(), ..change.clone() });
            phases.push_back(Change { exclude: MemberSet::new(), ..change.clone() });
        } else if !change.is_refresh() {
            phases.push_back(change.clone());
        }
        Ok(self.begin_change(env, Request::Change(change), phases))
    }

    /// Renews the keys without changing the membership (SES-027).
    ///
    /// # Errors
    ///
    /// [`ChangeError::NoSubsession`] without others; otherwise as [`change`](Self::change).
    ///
    /// # Security
    ///
    /// In a v1 session it heals only a leak from the member that asks for it (SEC-019).
    pub fn refresh(&mut self, env: &mut Env<'_>) -> Result<OperationId, ChangeError> {
        self.clamp(env.now);
        self.check_change(&MemberSet::new(), &MemberSet::new())?;
        if self.current.is_none() {
            return Err(ChangeError::NoSubsession);
        }
        if let Some(id) = self.same_or_busy(&Request::Refresh)? {
            return Ok(id);
        }
        Ok(self.begin_change(env, Request::Refresh, VecDeque::from([Change::default()])))
    }

    //= docs/spec/protocol.md#SES-024
    //= docs/spec/protocol.md#SES-045
    fn check_change(&self, include: &MemberSet, exclude: &MemberSet) -> Result<(), ChangeError> {
        if let Some(member) = include.intersection(exclude).iter().next() {
            return Err(ChangeError::Overlap(member.clone()));
        }
        if exclude.contains(self.owner()) {
            return Err(ChangeError::CannotExcludeSelf);
        }
        if let Some(member) = include.iter().find(|member| member.check().is_err()) {
            return Err(ChangeError::BadName(member.clone()));
        }
        if self.broken {
            return Err(ChangeError::Broken);
        }
        if self.channel.is_none() {
            return Err(ChangeError::NotInChannel);
        }
        if self.parting || self.leaving() || !self.order.is_synced() {
            return Err(ChangeError::Busy);
        }
        if let Some(member) = include.intersection(&self.task_exclude).iter().next() {
            return Err(ChangeError::MemberLeaving(member.clone()));
        }
        Ok(())
    }

    /// The request under way, if it is the same; nothing if there is none (SES-022).
    fn same_or_busy(&self, request: &Request) -> Result<Option<OperationId>, ChangeError> {
        match &self.own {
            Some(own) if own.request == *request => Ok(Some(own.id)),
            Some(own) if matches!(own.request, Request::Join | Request::Part) => {
                Err(ChangeError::Busy)
            }
            Some(_) => Err(ChangeError::OperationInProgress),
            None => Ok(None),
        }
    }

    fn begin_own(&mut self, request: Request, step: Step) -> OperationId {
        self.join_gave_up = false;
        let id = OperationId(self.next_operation);
        self.next_operation = self.next_operation.saturating_add(1);
        self.own = Some(OwnOperation { id, request, step });
        id
    }

    fn begin_change(
        &mut self,
        env: &mut Env<'_>,
        request: Request,
        phases: VecDeque<Change>,
    ) -> OperationId {
        let step = Step::Changing {
            phases,
            asked: MemberSet::new(),
            kicked: MemberSet::new(),
            proposed: false,
        };
        let id = self.begin_own(request, step);
        self.settle(env);
        id
    }

    /// Brings everything that waits for something up to date with what has happened. Ends every
    /// call that takes input.
    pub(super) fn settle(&mut self, env: &mut Env<'_>) {
        self.expect_nothing_from_the_gone();
        self.reconsider_tasks(env);
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
    fn expect_inclusion(&mut self) {
        if !self.config.patient_join && self.deadlines.get(&TimerKind::Join).is_none() {
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
