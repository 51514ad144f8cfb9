//! What happens because time passed.

use alloc::vec::Vec;

use mpenc_liveness::{AckAction, Deadline, TimerKind};
use mpenc_types::{MessageId, Timestamp, guard};

use super::message::Which;
use super::repair::is_last;
use super::resend::is_sendable;
use super::subsession::Subsession;
use super::{Env, Notice, Session};
use crate::security::Body;

impl Session {
    /// Does what is due at `env.now`. Calling it early, late or twice does no harm (LIV-002).
    pub fn handle_timeout(&mut self, env: &mut Env<'_>) {
        let now = self.clamp(env.now);
        while let Some((_, cause)) = self.deadlines.pop_due(now) {
            self.fire(env, cause);
        }
        self.watch_presence();
        for which in self.all_subsessions() {
            self.monitor_acks(env, which);
            self.repair(env, which);
            self.warn_deferred(which);
        }
        self.repair_ended();
        self.expire_contents();
        self.close_finished(env);
        self.warn_undecrypted();
        self.expire_undecrypted();
        self.settle(env);
    }

    pub(super) fn next_deadline(&self) -> Option<Deadline> {
        let mut next: Option<Deadline> = None;
        let mut consider = |at: Option<Timestamp>, cause: TimerKind| {
            if let Some(at) = at
                && next.is_none_or(|best| at < best.at)
            {
                next = Some(Deadline { at, cause });
            }
        };
        if let Some((at, cause)) = self.deadlines.next() {
            consider(Some(at), *cause);
        }
        for sub in self.subsessions() {
            let cause = match sub.shutdown.as_ref().and_then(|shutdown| shutdown.stop) {
                Some(_) => TimerKind::FinGrace,
                None => TimerKind::FinTimeout,
            };
            consider(sub.stops_at(), cause);
        }
        for sub in self.subsessions().filter(|sub| sub.is_open()) {
            if let Some(deadline) = sub.acks.next_timer() {
                consider(Some(deadline.at), deadline.cause);
            }
            let grace = self.pace().not_accepted();
            let deferred = sub
                .deferral
                .iter()
                .filter(|deferred| !sub.not_accepted.contains(&deferred.id))
                .map(|deferred| deferred.value.since + grace)
                .min();
            consider(deferred, TimerKind::NotAccepted);
        }
        for which in self.all_subsessions() {
            consider(self.repair_deadline(which), TimerKind::Repair);
        }
        for ended in &self.ended {
            consider(ended.next_answer(), TimerKind::Repair);
            consider(Some(ended.until), TimerKind::FinTimeout);
        }
        consider(self.presence_deadline(), TimerKind::Presence);
        consider(self.undecrypted_deadline(), TimerKind::NotDecrypted);
        consider(self.contents_deadline(), TimerKind::Content);
        next
    }

    fn fire(&mut self, env: &mut Env<'_>, cause: TimerKind) {
        match cause {
            TimerKind::Operation => self.operation_is_slow(),
            TimerKind::Abort => self.abort_in_time(),
            TimerKind::Refresh => self.refresh_due(env),
            TimerKind::KeyAge => self.keys_are_old(),
            TimerKind::Confirmations => self.confirmations_due(),
            TimerKind::OrderAhead => self.order_still_ahead(),
            //= docs/spec/protocol.md#ORD-034
            TimerKind::Bystander => {
                self.stranded = guard!("self-leave-timeout");
                if self.stranded {
                    self.request_leave(env);
                }
            }
            TimerKind::Exclusion | TimerKind::Inclusion => self.task_due(env, cause),
            TimerKind::Proposal => self.proposal_timed_out(),
            TimerKind::Turn => self.turn_timed_out(),
            TimerKind::Outcome => self.outcome_overdue(),
            TimerKind::Leave => self.ask_to_leave_again(),
            TimerKind::Enter => self.enter_timed_out(env),
            TimerKind::Join => self.join_timed_out(env),
            TimerKind::Reenter => self.reenter(),
            TimerKind::Heartbeat => self.heartbeat(env),
            TimerKind::Complaint => self.complain(env),
            // Kept by the subsessions themselves.
            TimerKind::OwnAck
            | TimerKind::FullAck
            | TimerKind::Resend
            | TimerKind::Repair
            | TimerKind::Presence
            | TimerKind::FinTimeout
            | TimerKind::FinGrace
            | TimerKind::NotAccepted
            | TimerKind::NotDecrypted
            | TimerKind::Content => {}
        }
    }

    fn monitor_acks(&mut self, env: &mut Env<'_>, which: Which) {
        let now = self.now;
        let broken = self.broken;
        let asks = self.asks_for_copies();
        let author = (!self.rules.opens_what_others_send()).then(|| self.owner().clone());
        let Some(sub) = self.subsession_mut(which).filter(|sub| sub.is_open()) else { return };
        let mut random = || env.rng.next_u32();
        let Subsession { acks, transcript, last_watched, packets, .. } = sub;
        let useful = |id: &MessageId| {
            (!asks || is_last(transcript, last_watched, id))
                && is_sendable(transcript, packets, author.as_ref(), id)
        };
        let actions = acks.handle_timeout_where(now, &mut random, &useful);
        for id in sub.acks.forget(now) {
            sub.packets.remove(&id);
        }
        for action in actions {
            match action {
                //= docs/spec/protocol.md#SES-046
                AckAction::SendAck if broken => {}
                //= docs/spec/protocol.md#LIV-009
                //= docs/spec/protocol.md#LIV-012
                AckAction::SendAck => {
                    // Its failure is an internal error, which is reported where it happens.
                    let _ = self.emit(env, which, Body::ExplicitAck { manual: false });
                }
                AckAction::NotFullyAcked(id) => {
                    let Some(sub) = self.subsession(which) else { continue };
                    let sent = sub.acks.times(&id).map(|times| times.accepted_at);
                    sent.into_iter().for_each(|sent| self.latency_overdue(sent));
                    self.tell_overdue(which, id);
                }
                AckAction::Resend(_) if broken => {}
                AckAction::Resend(id) => self.resend(which, &id),
            }
        }
    }

    /// A message is overdue. If it is not in the log yet, this is told when it is.
    pub(super) fn tell_overdue(&mut self, which: Which, id: MessageId) {
        let Some(sub) = self.subsession(which) else { return };
        let unacked_by = sub.transcript.unacked_by(&id);
        //= docs/spec/protocol.md#SES-039
        let logged = self.messages.get(&id).is_some_and(|stored| stored.logged);
        if logged && !unacked_by.is_empty() {
            let away = self.all_away(&unacked_by);
            self.notify(Notice::NotFullyAcked { id, unacked_by, last_word: false, away });
        }
    }

    //= docs/spec/protocol.md#TRN-020
    fn warn_deferred(&mut self, which: Which) {
        let now = self.now;
        let grace = self.pace().not_accepted();
        let Some(sub) = self.subsession_mut(which) else { return };
        let due: Vec<_> = sub
            .deferral
            .iter()
            .filter(|deferred| deferred.value.since + grace <= now)
            .filter(|deferred| !sub.not_accepted.contains(&deferred.id))
            .map(|deferred| {
                let missing = deferred.missing.iter().copied().collect();
                (deferred.id, deferred.author.clone(), missing)
            })
            .collect();
        sub.not_accepted.extend(due.iter().map(|(id, ..)| *id));
        for (id, author, missing) in due.into_iter().filter(|_| guard!("buffer-timeout")) {
            self.notify(Notice::NotAccepted { id, author, missing });
        }
    }
}
