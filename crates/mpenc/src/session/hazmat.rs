//! What a recording needs where the original did what we do not do (feature `hazmat`).

use mpenc_greeting::ProposeError;
use mpenc_types::{MemberSet, MessageId, SubsessionId};

use super::message::Which;
use super::own::Origin;
use super::{Change, Env, SendError, Session};
use crate::security::Body;

/// For holding sessions against recordings.
///
/// # Security
///
/// Whoever calls these acts against the rules of the protocol. No program turns the feature on.
impl Session {
    /// Sends a message in an open subsession, whatever the rules say about it.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send); [`SendError::NoSubsession`] if there is no such subsession.
    pub fn force_message(
        &mut self,
        env: &mut Env<'_>,
        sid: &SubsessionId,
        body: Body,
    ) -> Result<MessageId, SendError> {
        self.clamp(env.now);
        let found = self
            .all_subsessions()
            .into_iter()
            .find(|which| self.subsession(*which).is_some_and(|sub| sub.sid == *sid));
        self.emit(env, found.ok_or(SendError::NoSubsession)?, body)
    }

    /// Proposes a change now, whatever the rules say about it.
    ///
    /// # Errors
    ///
    /// [`ProposeError`] if no packet can be made.
    pub fn force_proposal(
        &mut self,
        env: &mut Env<'_>,
        change: Change,
    ) -> Result<(), ProposeError> {
        self.clamp(env.now);
        self.propose(env, change, Origin::Task)
    }

    /// From now on nothing is proposed of the session's own accord.
    pub fn hold_tasks(&mut self) {
        self.tasks_held = true;
    }

    /// Does now what [`task`](Self::task) says, and holds back again.
    pub fn run_task(&mut self, env: &mut Env<'_>) {
        self.clamp(env.now);
        self.tasks_held = false;
        self.settle(env);
        self.tasks_held = true;
    }

    /// Whether an own proposal is on its way.
    #[must_use]
    pub fn is_proposing(&self) -> bool {
        self.proposal.is_some()
    }

    /// What the session would propose now of its own accord, were it not held back.
    #[must_use]
    pub fn task(&self) -> Option<Change> {
        let nobody = MemberSet::new();
        if !self.may_propose() {
            return None;
        }
        if self.exclusion_wanted() {
            return Some(Change { include: nobody, exclude: self.task_exclude.clone() });
        }
        let include = self.inclusion_wanted();
        (!include.is_empty()).then_some(Change { include, exclude: nobody })
    }

    /// Stops the oldest previous subsessions beyond this number; how many were still open.
    pub fn keep_previous(&mut self, most: usize) -> usize {
        let mut open = 0;
        while self.previous.len() > most {
            let Some(oldest) = self.previous.len().checked_sub(1) else { break };
            open += usize::from(self.previous.get(oldest).is_some_and(|sub| sub.is_open()));
            let before = self.previous.len();
            self.close(Which::Previous(oldest));
            if self.previous.len() == before {
                break;
            }
        }
        open
    }
}
