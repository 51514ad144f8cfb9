//! Keys that grow old: rolling refresh, and what happens when it does not come about (V2-015,
//! V2-033).

use mpenc_liveness::TimerKind;
use mpenc_types::{MemberSet, Timestamp, guard};

use super::own::Origin;
use super::{Change, Env, Notice, Session};

/// Accepted messages after which the keys are renewed (V2-015).
const REFRESH_MESSAGES: u64 = 1_000;

/// Failed attempts after which the delay before the next no longer doubles. It is never more than
/// REFRESH_TIME either.
const MAX_DOUBLINGS: u32 = 16;

/// How the keys of the current subsession are doing.
#[derive(Debug, Default)]
pub(super) struct KeyAge {
    since: Timestamp,
    /// Accepted messages, of any kind and by anybody.
    messages: u64,
    /// Attempts to renew them that failed.
    failures: u32,
    /// Those whom these attempts waited for.
    waited_for: MemberSet,
    /// Whether [`Notice::KeyAge`] is out.
    warned: bool,
}

impl Session {
    /// A subsession began: the keys are new.
    pub(super) fn keys_renewed(&mut self) {
        self.key_age = KeyAge { since: self.now, ..KeyAge::default() };
        self.deadlines.cancel(&TimerKind::Refresh);
        self.deadlines.cancel(&TimerKind::KeyAge);
        if self.current.is_some() && self.rules.has_gated() {
            let refresh = self.now + self.timing().refresh_time() + self.refresh_stagger();
            self.deadlines.set(TimerKind::Refresh, refresh);
            self.deadlines.set(TimerKind::KeyAge, self.now + self.timing().key_lifetime() / 2);
        }
    }

    /// A message of the current subsession was accepted.
    pub(super) fn count_towards_refresh(&mut self) {
        self.key_age.messages = self.key_age.messages.saturating_add(1);
        let due = [REFRESH_MESSAGES, REFRESH_MESSAGES.saturating_mul(2)];
        if due.contains(&self.key_age.messages) && self.rules.has_gated() {
            let at = self.now + self.refresh_stagger();
            self.deadlines.set_earliest(TimerKind::Refresh, at);
        }
    }

    /// So that not everybody proposes at once (ORD-031).
    fn refresh_stagger(&self) -> core::time::Duration {
        let members = self.session_members();
        let position = members.iter().take_while(|member| *member != self.owner()).count();
        self.timing().exclusion_stagger(u32::try_from(position).unwrap_or(u32::MAX))
    }

    //= docs/spec/v2.md#V2-015
    pub(super) fn refresh_due(&mut self, env: &mut Env<'_>) {
        if self.current.is_none() || !self.rules.has_gated() {
            return;
        }
        // With new keys the old subsession ends, and soon nobody could be given what it missed.
        if self.somebody_is_behind() && !self.refresh_cannot_wait() && guard!("refresh-waits") {
            self.deadlines.set(TimerKind::Refresh, self.now + self.timing().fa_intv());
            return;
        }
        // If this attempt comes to nothing, or is not possible now: later, and then later still.
        let doublings = self.key_age.failures.min(MAX_DOUBLINGS);
        let wait = self.timing().proposal_timeout().saturating_mul(1 << doublings);
        let wait = wait.min(self.timing().refresh_time());
        self.deadlines.set(TimerKind::Refresh, self.now + wait + self.refresh_stagger());
        let busy = self.own.is_some() || self.exclusion_wanted();
        if self.may_propose() && !busy && guard!("rolling-refresh") {
            // Whoever cannot propose now may later; others will meanwhile.
            let _ = self.propose(env, Change::default(), Origin::Task);
        }
    }

    /// Whether something is overdue.
    fn somebody_is_behind(&self) -> bool {
        self.current.as_ref().is_some_and(|current| current.acks.warned().next().is_some())
    }

    /// Whether the keys are twice as old as they should become.
    fn refresh_cannot_wait(&self) -> bool {
        self.key_age.messages >= REFRESH_MESSAGES.saturating_mul(2)
            || self.key_age.since + self.timing().refresh_time().saturating_mul(2) <= self.now
    }

    /// A refresh failed.
    pub(super) fn refresh_failed(&mut self, waiting_for: MemberSet) {
        self.key_age.failures = self.key_age.failures.saturating_add(1);
        self.key_age.waited_for.extend(waiting_for);
    }

    //= docs/spec/v2.md#V2-033
    pub(super) fn keys_are_old(&mut self) {
        if self.current.is_none() {
            return;
        }
        let stopped = self.keys_too_old();
        let end = self.key_age.since + self.timing().key_lifetime();
        if !stopped && end > self.now {
            self.deadlines.set(TimerKind::KeyAge, end);
        }
        let waiting_for = self.key_age.waited_for.intersection(&self.session_members());
        if self.config.exclude_unresponsive {
            self.task_exclude.extend(waiting_for.without(self.owner()));
        }
        self.key_age.warned = true;
        self.notify(Notice::KeyAge { waiting_for, stopped });
    }

    /// The warning about it that is in force.
    pub(super) fn key_age(&self) -> Option<Notice> {
        let waiting_for = self.key_age.waited_for.intersection(&self.session_members());
        let stopped = self.keys_too_old();
        let warned = self.key_age.warned && self.current.is_some();
        warned.then_some(Notice::KeyAge { waiting_for, stopped })
    }

    /// Whether no text is sent any more with the current keys.
    //= docs/spec/v2.md#V2-033
    pub(super) fn keys_too_old(&self) -> bool {
        guard!("key-ttl")
            && self.rules.has_gated()
            && self.key_age.since + self.timing().key_lifetime() <= self.now
    }
}
