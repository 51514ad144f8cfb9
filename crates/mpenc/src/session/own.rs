//! Own requests: change, refresh, join, part; each ends, one way or another (section 11.5).

use core::time::Duration;

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use mpenc_liveness::TimerKind;
use mpenc_types::MemberSet;

use super::subsession::Subsession;
use super::{Change, ChangeError, Env, OperationId, Session};
use crate::channel::ChannelRequest;

/// An own request on its way.
#[derive(Debug)]
pub(super) struct OwnOperation {
    pub(super) id: OperationId,
    pub(super) request: Request,
    pub(super) step: Step,
    /// How often a join left, or was sent away, and came back.
    pub(super) returns: Returns,
}

/// What a join has gone through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Returns {
    /// Nobody had included us in time (SES-030).
    pub(super) unheeded: u32,
    /// We had been removed from the channel (SES-031).
    pub(super) removed: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Request {
    Join,
    Part,
    Change(Change),
    Refresh,
}

#[derive(Debug)]
pub(super) enum Step {
    /// Waits to be in the channel.
    Entering,
    /// In the channel, waits to be included.
    AwaitInclusion,
    /// Kicked while joining, or about to leave for another attempt; waits to enter again
    /// (SES-030, SES-031).
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
    /// As it was handed to the channel.
    pub(super) packet: Vec<u8>,
    pub(super) recipients: MemberSet,
    /// How long to wait for its echo before it is sent once more; doubles.
    pub(super) patience: Duration,
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
    /// other request under way ends with [`LeftChannel`] (SES-032, SES-033).
    ///
    /// [`LeftChannel`]: super::OperationError::LeftChannel
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
        self.expect_to_be_out();
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

    pub(super) fn begin_own(&mut self, request: Request, step: Step) -> OperationId {
        self.join_gave_up = false;
        let id = OperationId(self.next_operation);
        self.next_operation = self.next_operation.saturating_add(1);
        let returns = Returns::default();
        self.own = Some(OwnOperation { id, request, step, returns });
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
}
