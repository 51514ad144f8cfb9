//! From one subsession to the next: what a completed operation changes, in order (SES-013), and
//! how subsessions end (section 9.2).

use alloc::vec::Vec;

use mpenc_greeting::Staged;
use mpenc_liveness::AckMonitor;
use mpenc_types::limits::MAX_PREVIOUS;
use mpenc_types::{ChainHash, MemberSet, MessageId, Timestamp, guard};

use super::ended::Ended;
use super::fingerprint::Fingerprint;
use super::message::Which;
use super::operation::Running;
use super::subsession::{Shutdown, Subsession, SubsessionState};
use super::trail::OrderTrail;
use super::{Env, MAX_ENDED, Notice, SendError, Session};
use crate::security::Body;

impl Session {
    //= docs/spec/protocol.md#SES-013
    pub(super) fn rotate(&mut self, env: &mut Env<'_>, staged: Staged, running: &Running) {
        self.metadata_authenticated = Some(staged.metadata_authenticated());
        let sid = staged.sid();
        let heads = staged.operation().metadata.heads.clone();
        let keys = self.greeter.merge(staged);

        for member in &running.change.exclude {
            self.task_exclude.remove(member);
            //= docs/spec/protocol.md#SES-019
            let lingers = self.channel.as_ref().is_some_and(|channel| channel.contains(member));
            if guard!("rule-ial") && lingers {
                self.task_leave.insert(member.clone());
            }
        }
        let was_member = self.current.is_some();
        let was_parting = self.parting;
        let closed = self.retire_current(env);

        if let Some(keys) = keys {
            let context = self.context_after(self.previous.front().filter(|_| was_member), &heads);
            let fingerprint = keys.fingerprint.map(Fingerprint::new);
            let Some(security) = self.rules.security(&self.config, keys) else {
                self.internal_error("a greeter handed out keys that cannot be used");
                return;
            };
            let acks = AckMonitor::new(self.pace());
            let members = running.next_members.clone();
            let presence = self.presence_after(running);
            let chain = self.order.chain_hash().unwrap_or(ChainHash::new([0; 32]));
            let trail = OrderTrail::new(chain);
            let mut sub = Subsession::new(sid, members, security, acks, presence, trail, context);
            sub.fingerprint = fingerprint;
            self.current = Some(sub);
        }
        self.confirmations_begin_anew();
        self.expect_heartbeat();
        self.keys_renewed();
        if !was_member {
            self.expect_winding_up();
        }
        self.announce(running, was_member, heads);
        self.retry_undecrypted();
        self.confirm_order(env);
        self.own_rotated();
        //= docs/spec/protocol.md#FIN-027
        if was_parting && self.current.is_some() {
            self.parting = false;
            self.send_leave_intent(env);
        }
        if closed {
            self.newest_previous_closed(env);
        }
    }

    fn announce(&mut self, running: &Running, was_member: bool, context: Vec<MessageId>) {
        let log_position = self.log.len();
        if running.change.is_refresh() {
            let initiator = running.initiator.clone();
            self.notify(Notice::KeyRefreshed { initiator, log_position });
            return;
        }
        let joining = !was_member && running.next_members.len() > 1;
        let notice = if joining {
            let me = MemberSet::of(self.owner());
            Notice::MembersChanged {
                include: running.next_members.difference(&me),
                exclude: MemberSet::new(),
                remain: me,
                context,
                log_position,
            }
        } else {
            Notice::MembersChanged {
                remain: running.next_members.difference(&running.change.include),
                include: running.change.include.clone(),
                exclude: running.change.exclude.clone(),
                context,
                log_position,
            }
        };
        self.notify(notice);
    }

    /// Makes the current subsession a previous one and begins its shutdown (FIN-009); true if
    /// there was nothing to shut down, so that it has ended already.
    fn retire_current(&mut self, env: &mut Env<'_>) -> bool {
        let Some(old) = self.current.take() else { return false };
        let state = old.state;
        self.previous.push_front(old);
        if state == SubsessionState::Error {
            self.close(Which::Previous(0));
        } else if state == SubsessionState::Joined {
            // Its failure is an internal error, which is reported where it happens.
            let _ = self.begin_shutdown(env, Which::Previous(0));
        }
        //= docs/spec/protocol.md#MOD-004
        while self.previous.len() > MAX_PREVIOUS {
            let Some(oldest) = self.previous.len().checked_sub(1) else { break };
            self.acknowledge_last(env, Which::Previous(oldest));
            self.close(Which::Previous(oldest));
        }
        state == SubsessionState::Error
    }

    /// Sends a FIN and expects everybody's acknowledgement (FIN-005).
    fn begin_shutdown(&mut self, env: &mut Env<'_>, which: Which) -> Result<(), SendError> {
        let fin = self.emit(env, which, Body::Consistency { close: true })?;
        let give_up = self.now + self.timing().fin_timeout();
        let now = self.now;
        if let Some(sub) = self.subsession_mut(which) {
            sub.state = SubsessionState::Parting;
            sub.acks.on_parting(now);
            sub.shutdown = Some(Shutdown::new(fin, give_up));
        }
        self.recheck_shutdown = true;
        Ok(())
    }

    //= docs/spec/protocol.md#FIN-016
    pub(super) fn send_leave_intent(&mut self, env: &mut Env<'_>) {
        let first = self.emit(env, Which::Current, Body::Consistency { close: true });
        if first.is_ok() && self.begin_shutdown(env, Which::Current).is_ok() {
            self.parting = true;
        }
    }

    /// Ends a shutdown early if all who have not acknowledged its FIN have left the channel: with
    /// that they lost their keys, and nothing more can come from them.
    pub(super) fn expect_nothing_from_the_gone(&mut self) {
        //= docs/spec/protocol.md#FIN-005
        if !core::mem::take(&mut self.recheck_shutdown) || !self.timing().ends_shutdown_early() {
            return;
        }
        let Some(channel) = self.channel.clone() else { return };
        let stop = self.now + self.timing().fin_grace();
        for sub in self.current.iter_mut().chain(&mut self.previous) {
            let open_end = |s: &&mut Shutdown| s.stop.is_none() && s.close.is_none();
            if let Some(shutdown) = sub.shutdown.as_mut().filter(open_end)
                && sub.transcript.unacked_by(&shutdown.fin).is_disjoint(&channel)
            {
                shutdown.stop = Some(stop);
            }
        }
    }

    /// Says to the others in a subsession about to end that we have everything, if they do not
    /// know yet.
    pub(super) fn acknowledge_last(&mut self, env: &mut Env<'_>, which: Which) {
        let owes = self.subsession(which).is_some_and(|sub| sub.is_open() && sub.acks.owes_ack());
        if owes && self.timing().ends_shutdown_early() && !self.broken {
            // Its failure is an internal error, which is reported where it happens.
            let _ = self.emit(env, which, Body::ExplicitAck { manual: false });
        }
    }

    /// A subsession whose FIN is fully acknowledged stays for another FIN_GRACE as long as a text
    /// in it is not, and those who have not acknowledged it are in the channel, or as long as the
    /// rest of a text, or what a deferred message waits for, is to come from somebody in the
    /// channel: it was written before its author knew of the end, and what is missing is on its
    /// way.
    //= docs/spec/protocol.md#FIN-005
    fn wait_for_last_words(&mut self) {
        if !self.timing().ends_shutdown_early() {
            return;
        }
        let Some(channel) = self.channel.clone() else { return };
        let (now, grace) = (self.now, self.timing().fin_grace());
        let subs = self.current.iter_mut().chain(&mut self.previous);
        for sub in subs.filter(|sub| sub.is_open()) {
            let Some(shutdown) = &mut sub.shutdown else { continue };
            if shutdown.stop.is_none_or(|stop| stop > now) {
                continue;
            }
            let sid = sub.sid;
            let unfinished =
                self.contents.authors().any(|(of, author)| *of == sid && channel.contains(author));
            let waits = sub.deferral.iter().any(|waiting| channel.contains(&waiting.author));
            let waits = waits && guard!("last-words-deferred");
            let transcript = &sub.transcript;
            let texts = transcript
                .unacked()
                .filter(|id| transcript.kind(id).is_ok_and(mpenc_types::BodyKind::is_payload));
            let mut missing = texts.map(|id| transcript.unacked_by(&id));
            if unfinished || waits || missing.any(|members| !members.is_disjoint(&channel)) {
                shutdown.stop = Some((now + grace).min(shutdown.give_up));
            }
        }
    }

    /// Stops the subsessions whose shutdown is over.
    pub(super) fn close_finished(&mut self, env: &mut Env<'_>) {
        self.wait_for_last_words();
        self.publish(env);
        let now = self.now;
        let due = |sub: &&Subsession| sub.stops_at().is_some_and(|at| at <= now);
        // Oldest first, so that contexts are released in order.
        while let Some(n) = self.previous.iter().rposition(|sub| due(&sub)) {
            self.acknowledge_last(env, Which::Previous(n));
            self.close(Which::Previous(n));
            if n == 0 {
                self.newest_previous_closed(env);
            }
        }
        if self.current.as_ref().is_some_and(|sub| due(&sub)) {
            self.acknowledge_last(env, Which::Current);
            self.close(Which::Current);
            self.request_leave(env);
        }
    }

    //= docs/spec/protocol.md#FIN-012
    fn newest_previous_closed(&mut self, env: &mut Env<'_>) {
        let Some(channel) = &self.channel else { return };
        let lingering = self.task_leave.intersection(channel);
        self.kick(lingering);
        let included = self
            .operation
            .as_ref()
            .is_some_and(|running| running.next_members.contains(&self.config.owner));
        //= docs/spec/protocol.md#SES-033
        // Whoever parts does not wait for an operation that includes it.
        if self.current.is_none() && self.parting {
            self.request_leave(env);
        } else if self.current.is_none() && self.order.is_synced() && !included {
            //= docs/spec/protocol.md#SES-034
            //= docs/spec/protocol.md#SES-035
            if !self.config.stay_if_last {
                self.request_leave(env);
            }
        }
    }

    /// Stops one subsession: final warnings, final state, and out of `previous` (FIN-006).
    ///
    /// A `sid` would not tell which: a refresh keeps it (wire-v1 section 6.1).
    pub(super) fn close(&mut self, which: Which) {
        let until = self.now + self.timing().fin_timeout();
        let Some(sub) = self.subsession_mut(which) else { return };
        if matches!(sub.state, SubsessionState::Parted | SubsessionState::PartFailed) {
            // The current one, if we are waiting to be let out of the channel; nothing is left to
            // be said about it.
            self.bury(which, until);
            return;
        }
        let sid = sub.sid;
        let failed = sub.state == SubsessionState::Error;
        // What waited in vain was seen by somebody, and not by us.
        let unseen = guard!("discard-told") && sub.misses_something();
        let consistent = sub.transcript.is_consistent() && !failed && !unseen;
        sub.state = if consistent { SubsessionState::Parted } else { SubsessionState::PartFailed };
        let overdue = sub.acks.stop();
        let unacked: Vec<_> =
            sub.transcript.unacked().map(|id| (id, sub.transcript.unacked_by(&id))).collect();
        let deferred = sub.deferral.drain();
        for old in deferred {
            if let Some(sub) = self.subsession_mut(which) {
                sub.security.destroy(&old.id);
            }
            self.discarded(which, old);
        }
        self.release_withheld(which);
        for (id, unacked_by) in unacked {
            let Some(stored) = self.messages.get_mut(&id) else { continue };
            stored.unacked_at_end = Some(unacked_by.clone());
            //= docs/spec/protocol.md#LIV-008
            if stored.logged && overdue.contains(&id) {
                let away = self.all_away(&unacked_by);
                self.notify(Notice::NotFullyAcked { id, unacked_by, last_word: true, away });
            }
        }
        //= docs/spec/protocol.md#FIN-014
        self.dropped_inconsistent |= !consistent;
        self.cut_off_contents(sid);
        self.notify(Notice::SubsessionClosed { sid, consistent });
        self.bury(which, until);
    }

    /// Takes a subsession that was stopped out of `previous`.
    fn bury(&mut self, which: Which, until: Timestamp) {
        let Which::Previous(n) = which else { return };
        if let Some(sub) = self.previous.remove(n) {
            let ended = Ended::new(sub, self.owner(), until);
            self.ended.push_back(ended);
            while self.ended.len() > MAX_ENDED {
                self.ended.pop_front();
            }
        }
        self.resolve_contexts();
    }

    /// Stops all subsessions at once; whether all were consistent.
    pub(super) fn stop_everything(&mut self) -> bool {
        for n in (0..self.previous.len()).rev() {
            self.close(Which::Previous(n));
        }
        self.close(Which::Current);
        let consistent = self.subsessions().all(|sub| sub.transcript.is_consistent());
        self.previous.clear();
        self.ended.clear();
        self.current = None;
        consistent && !self.dropped_inconsistent
    }
}
