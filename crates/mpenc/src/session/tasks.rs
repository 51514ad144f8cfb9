//! What the session does of its own accord: excluding those who left, including those who enter
//! if it may (sections 6.4 and 11.4).

use mpenc_liveness::TimerKind;
use mpenc_types::MemberSet;

use super::own::Origin;
use super::{Change, Env, Session};

impl Session {
    //= docs/spec/protocol.md#ORD-030
    pub(super) fn reconsider_tasks(&mut self, env: &mut Env<'_>) {
        //= docs/spec/protocol.md#SES-018
        self.task_exclude = self.task_exclude.intersection(&self.session_members());
        //= docs/spec/protocol.md#SES-019
        self.task_leave = match &self.channel {
            Some(channel) => self.task_leave.intersection(channel).difference(&self.task_exclude),
            None => MemberSet::new(),
        };
        if self.tasks_held {
            return;
        }
        let idle = self.may_propose();
        if idle && self.exclusion_wanted() {
            self.stagger(env, TimerKind::Exclusion);
        } else {
            self.deadlines.cancel(&TimerKind::Exclusion);
        }
        if self.may_propose() && !self.inclusion_wanted().is_empty() {
            self.stagger(env, TimerKind::Inclusion);
        } else {
            self.deadlines.cancel(&TimerKind::Inclusion);
        }
    }

    /// Proposes at once if the owner comes first among those who could, else after a delay that
    /// leaves the others time (ORD-031).
    fn stagger(&mut self, env: &mut Env<'_>, cause: TimerKind) {
        if self.deadlines.get(&cause).is_some() {
            return;
        }
        let remaining = self.session_members().difference(&self.task_exclude);
        let position = remaining.iter().take_while(|member| *member != self.owner()).count();
        let delay = self.timing().exclusion_stagger(u32::try_from(position).unwrap_or(u32::MAX));
        if delay.is_zero() {
            self.task_due(env, cause);
        } else {
            self.deadlines.set(cause, self.now + delay);
        }
    }

    /// The time has come to propose an exclusion or an automatic inclusion, if it is still
    /// wanted.
    pub(super) fn task_due(&mut self, env: &mut Env<'_>, cause: TimerKind) {
        if !self.may_propose() {
            return;
        }
        if cause == TimerKind::Exclusion {
            if self.exclusion_wanted() {
                let exclude = self.task_exclude.clone();
                let change = Change { include: MemberSet::new(), exclude };
                if self.propose(env, change, Origin::Task).is_err() {
                    // Not our turn after all; somebody else, or a later event, will do it.
                    let later = self.now + self.timing().proposal_timeout();
                    self.deadlines.set(cause, later);
                }
            }
        } else {
            let include = self.inclusion_wanted();
            if !include.is_empty() {
                let change = Change { include: include.clone(), exclude: MemberSet::new() };
                if self.propose(env, change, Origin::Task).is_err() {
                    self.auto_include_failed.extend(include);
                }
            }
        }
    }

    pub(super) fn may_propose(&self) -> bool {
        self.channel.is_some()
            && self.order.is_synced()
            && self.operation.is_none()
            && self.proposal.is_none()
            && !self.parting
            && !self.leave_requested
            && !self.broken
    }

    //= docs/spec/protocol.md#SES-020
    pub(super) fn exclusion_wanted(&self) -> bool {
        self.current.is_some() && !self.task_exclude.is_empty()
    }

    //= docs/spec/protocol.md#SES-036
    pub(super) fn inclusion_wanted(&self) -> MemberSet {
        let closing = self.current.is_none() && !self.previous.is_empty();
        if !self.config.auto_include || closing || !self.task_exclude.is_empty() {
            return MemberSet::new();
        }
        self.candidates().difference(&self.auto_include_failed)
    }
}
