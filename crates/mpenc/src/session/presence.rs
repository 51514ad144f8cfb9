//! Who is known to be there, how long packets take, and what that says about the state of the
//! conversation (sections 8.6, 13).

use alloc::vec::Vec;
use core::time::Duration;

use mpenc_liveness::{Presence, PresenceChange, PresenceState, TimerKind};
use mpenc_types::{MemberId, MemberSet, Timestamp};

use super::message::Which;
use super::operation::Running;
use super::subsession::SubsessionState;
use super::{Env, Notice, SendError, Session};
use crate::security::Body;

/// What a person wants to know at a glance (UIX-009). Each is true only on evidence (SEC-001):
/// where nothing is known, it is false.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// Nothing older is missing: no message waits for its ancestors, for the end of what was said
    /// before the last change, or for a key. Packets that are not for us do not count: those of
    /// strangers, and those by which the others end what was before we came. Nor do packets that
    /// no key fitted for so long that they were given up
    /// ([`Notice::PacketDiscarded`]): what answers a message that is really missing
    /// waits for it.
    pub nothing_missing_before: bool,
    /// Nothing newer is missing: everybody has proven not long ago, within PRESENCE_EXPIRY, to be
    /// there, and what they had written by then is here. Who has said that it is away counts like
    /// the others: what it may have written since, it has to show. Without heartbeats
    /// ([`SessionConfig::presence`](crate::SessionConfig::presence)) it is true only while people
    /// write, and never outside a session with others or where nothing more is accepted.
    pub nothing_missing_after: bool,
    /// Everybody has everything that we have.
    pub everybody_has_all: bool,
    /// Everybody has accepted the same operations on the membership. Never true in v1.
    pub order_verified: bool,
}

impl Health {
    /// Whether nothing is left to be wished for.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.nothing_missing_before
            && self.nothing_missing_after
            && self.everybody_has_all
            && self.order_verified
    }
}

impl Session {
    /// What is known about the conversation as a whole.
    //= docs/spec/protocol.md#UIX-009
    //= docs/spec/protocol.md#SEC-001
    #[must_use]
    pub fn health(&self) -> Health {
        let others = self.session_members().without(self.owner());
        let now = self.now;
        let open = self.current.as_ref().filter(|current| current.is_open());
        let present = open.is_some_and(|current| {
            others.iter().all(|member| current.presence.is_fresh(now, member))
        });
        Health {
            nothing_missing_before: self.deferred() == 0
                && self.context_is_known()
                && !self.has_unreadable(),
            nothing_missing_after: present,
            everybody_has_all: self.is_consistent(),
            order_verified: self.order_verified(),
        }
    }

    /// What is known of another member's presence, as of the latest call with a time.
    #[must_use]
    pub fn presence(&self, member: &MemberId) -> PresenceState {
        let (now, current) = (self.now, self.current.as_ref());
        current.map_or(PresenceState::Unknown, |current| current.presence.state_at(now, member))
    }

    /// The last moment, on our clock, at which a member is known to have been there: it acted
    /// later than that (LIV-027).
    #[must_use]
    pub fn last_seen(&self, member: &MemberId) -> Option<Timestamp> {
        self.current.as_ref()?.presence.freshness(member)
    }

    /// How long ago that was, as of the latest call with a time.
    #[must_use]
    pub fn unseen_for(&self, member: &MemberId) -> Option<Duration> {
        Some(self.now.since(self.last_seen(member)?))
    }

    /// Tells the others that we are away, or back; v2 sessions only.
    ///
    /// # Errors
    ///
    /// [`SendError::NotJoined`] outside a session with others or after parting began;
    /// [`SendError::Unsupported`] in a v1 session; [`SendError::Internal`] for a fault of ours.
    pub fn set_away(&mut self, env: &mut Env<'_>, away: bool) -> Result<(), SendError> {
        self.clamp(env.now);
        if !self.rules.has_gated() {
            return Err(SendError::Unsupported);
        }
        let joined = self.current.as_ref().is_some_and(|s| s.state == SubsessionState::Joined);
        if self.broken || !joined {
            return Err(SendError::NotJoined);
        }
        self.emit(env, Which::Current, Body::Absence { away })?;
        self.settle(env);
        Ok(())
    }

    /// Presence at the beginning of a subsession.
    //= docs/spec/protocol.md#LIV-028
    //= docs/spec/protocol.md#LIV-036
    pub(super) fn presence_after(&mut self, running: &Running) -> Presence {
        let renewed = self.rules.has_gated() || !running.change.include.is_empty();
        if renewed {
            self.nonce_since = running.since;
        }
        let others = running.next_members.without(self.owner());
        let mut presence = Presence::new(self.now, &others, self.pace());
        let before = self.previous.front().map(|previous| &previous.presence);
        let mut changes = Vec::new();
        for member in &others {
            if let Some(before) = before {
                presence.carry_over(before, member);
            }
            // Who is in it has seen what we contributed to its keys.
            let known = presence.freshness(member);
            let fresh = known.max(renewed.then_some(self.nonce_since));
            if let Some(fresh) = fresh {
                changes.extend(presence.on_fresh(self.now, member, fresh));
            }
        }
        for change in changes {
            self.presence_changed(change);
        }
        presence
    }

    /// A message of somebody else was accepted: which of ours had it seen?
    pub(super) fn heard_from(
        &mut self,
        which: Which,
        author: &MemberId,
        seen_before: u64,
        direct: bool,
    ) {
        let now = self.now;
        let owner = self.owner().clone();
        let Some(sub) = self.subsession(which) else { return };
        let seen = sub.transcript.seen(&owner, author);
        if seen <= seen_before {
            return;
        }
        let last = sub.transcript.nth_by(&owner, seen).ok();
        let Some(times) = last.and_then(|id| sub.acks.times(&id)) else { return };
        if direct && !times.repeated && self.config.adaptive {
            self.latency.on_ack(now, now.since(times.accepted_at), times.ack_delay);
            self.spread_pace();
        }
        //= docs/spec/protocol.md#LIV-027
        let Some(sub) = self.subsession_mut(which).filter(|_| which == Which::Current) else {
            return;
        };
        if let Some(change) = sub.presence.on_fresh(now, author, times.accepted_at) {
            sub.acks.hurry(now);
            self.presence_changed(change);
        }
    }

    /// The member has said to everybody that it goes.
    //= docs/spec/protocol.md#LIV-031
    pub(super) fn went_away(&mut self, member: &MemberId) {
        let Some(current) = &mut self.current else { return };
        if let Some(change) = current.presence.on_absent(member) {
            self.presence_changed(change);
        }
    }

    /// Who writes a text is back, whether or not it has said so.
    //= docs/spec/protocol.md#LIV-031
    pub(super) fn writes(&mut self, member: &MemberId) {
        let Some(current) = &mut self.current else { return };
        if let Some(change) = current.presence.on_return(member) {
            self.presence_changed(change);
        }
    }

    /// The member says that it goes, or that it is back.
    pub(super) fn says_away(&mut self, member: &MemberId, away: bool) {
        let now = self.now;
        if away {
            self.went_away(member);
        } else if let Some(current) = &mut self.current {
            current.acks.hurry(now);
            if let Some(change) = current.presence.on_return(member) {
                self.presence_changed(change);
            }
        }
    }

    /// Whether all of these are away on purpose, and there are any.
    //= docs/spec/protocol.md#LIV-032
    pub(super) fn all_away(&self, members: &MemberSet) -> bool {
        let away = |current: &super::Subsession| {
            members.is_subset(&current.presence.all(PresenceState::Absent))
        };
        !members.is_empty() && self.current.as_ref().is_some_and(away)
    }

    /// Whether nothing shows that any of these is there.
    pub(super) fn nobody_there(&self, members: &MemberSet) -> bool {
        // Only who was missed: without heartbeats silence means nothing.
        let state =
            |member: &MemberId| self.current.as_ref().map(|current| current.presence.state(member));
        let gone = |member: &MemberId| {
            matches!(state(member), Some(PresenceState::Absent | PresenceState::NotPresent))
        };
        members.iter().all(gone)
    }

    pub(super) fn watch_presence(&mut self) {
        let now = self.now;
        if !self.config.presence {
            return;
        }
        let changes = match &mut self.current {
            Some(current) if current.is_open() => current.presence.handle_timeout(now),
            Some(_) | None => return,
        };
        for change in changes {
            self.presence_changed(change);
        }
    }

    pub(super) fn presence_deadline(&self) -> Option<Timestamp> {
        let current = self.current.as_ref().filter(|current| current.is_open())?;
        current.presence.next_deadline().filter(|_| self.config.presence)
    }

    fn presence_changed(&mut self, change: PresenceChange) {
        self.notify(match change {
            PresenceChange::NotPresent { member, since } => {
                Notice::UserNotPresent { member, since }
            }
            PresenceChange::Present { member } => Notice::UserPresent { member },
            PresenceChange::Absent { member } => Notice::UserAbsent { member },
        });
    }

    /// From now on it counts how long we say nothing that others would have to acknowledge.
    //= docs/spec/protocol.md#LIV-026
    pub(super) fn expect_heartbeat(&mut self) {
        let interval = self.pace().heartbeat_intv().filter(|_| self.config.presence);
        match interval {
            Some(interval) if self.current.is_some() => {
                self.deadlines.set(TimerKind::Heartbeat, self.now + interval);
            }
            Some(_) | None => {
                self.deadlines.cancel(&TimerKind::Heartbeat);
            }
        }
    }

    //= docs/spec/protocol.md#LIV-026
    pub(super) fn heartbeat(&mut self, env: &mut Env<'_>) {
        let joined = self.current.as_ref().is_some_and(|s| s.state == SubsessionState::Joined);
        if !joined || self.broken || !mpenc_types::guard!("heartbeat") {
            return;
        }
        let body = if self.rules.has_gated() {
            Body::Heartbeat
        } else {
            Body::Consistency { close: false }
        };
        // Its failure is an internal error, which is reported where it happens.
        let _ = self.emit(env, Which::Current, body);
        self.expect_heartbeat();
    }

    /// An own packet came back after this time.
    pub(super) fn latency_echo(&mut self, after: Duration) {
        if self.config.adaptive {
            self.latency.on_echo(self.now, after);
            self.spread_pace();
        }
    }

    /// A message that was sent then is overdue.
    pub(super) fn latency_overdue(&mut self, sent: Timestamp) {
        if self.config.adaptive {
            self.latency.on_overdue(self.now, sent);
            self.spread_pace();
        }
    }

    /// Tells all who watch that the intervals may have changed.
    fn spread_pace(&mut self) {
        let pace = self.pace();
        for sub in self.current.iter_mut().chain(&mut self.previous) {
            sub.acks.set_timing(pace);
            sub.presence.set_timing(pace);
        }
    }
}
