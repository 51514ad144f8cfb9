use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;

use mpenc_types::{BodyKind, MessageId, Timestamp, guard};

use crate::resend::{Budget, Schedule};
use crate::{Deadline, Deadlines, TimerKind, Timing};

/// What a subsession has to do because time passed; see [`AckMonitor::handle_timeout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AckAction {
    /// Send one `ExplicitAck(manual = false)` (LIV-009). If it is not sent, it comes due again
    /// after AUTO_ACK. It says that a program holds the messages, never that a person read them
    /// (LIV-013).
    SendAck,
    /// The message should have been fully acknowledged by now (LIV-007). Readers whose ack is
    /// missing may have read it all the same.
    NotFullyAcked(MessageId),
    /// Send the packet of this message again, with the explicit acks that it needs before it
    /// (LIV-015, LIV-019), and tell [`AckMonitor::on_resent`] of each packet that goes out: that
    /// is what counts towards LIV-024. At most one in a call.
    Resend(MessageId),
}

/// Watches the messages of one subsession until every reader has acknowledged them.
///
/// ```text
///            accepted            FA_INTV: NotFullyAcked        ┌──┐ interval: Resend,
/// (nothing) ──────────▶ Waiting ────────────────────────▶ Overdue │ unless a copy was seen
///                          │ fully acked                     │ ▲─┘
///                          ▼                                 ▼ fully acked: warning cancelled
///                         Done ◀─────────────────────────────┘
///
///        Waiting, Overdue ──── stopped: final warning ────▶ Stopped
/// ```
///
/// Done and Stopped are terminal (LIV-025). Besides, one deadline for the whole subsession says
/// when the owner has to acknowledge what others wrote (LIV-011).
///
/// A message that is done is remembered for another FA_INTV, in which copies of it may still be
/// asked for, until [`forget`](Self::forget).
///
/// Moments passed in may repeat or go backwards: the latest counts.
#[derive(Clone, Debug)]
pub struct AckMonitor {
    timing: Timing,
    now: Timestamp,
    stopped: bool,
    parting: bool,
    accepted: u64,
    rows: BTreeMap<MessageId, Row>,
    /// Monitored messages that are not fully acknowledged, in order of acceptance.
    open: BTreeMap<u64, MessageId>,
    /// Messages that are done, with the moment they were.
    done: VecDeque<(Timestamp, MessageId)>,
    deadlines: Deadlines<Cause>,
    schedule: Schedule,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    /// Position in the order of acceptance.
    place: u64,
    kind: BodyKind,
    own: bool,
    accepted_at: Timestamp,
    fully_acked_at: Option<Timestamp>,
    warned: bool,
    /// When a copy of the packet was sent or seen last.
    copied_at: Timestamp,
    repeated: bool,
}

/// What a monitor knows of a message; see [`AckMonitor::times`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageTimes {
    /// When the owner accepted it; of an own message, when it was sent.
    pub accepted_at: Timestamp,
    /// When the owner learnt that every reader had acknowledged it.
    pub fully_acked_at: Option<Timestamp>,
    /// How long readers may take before they acknowledge it of their own accord.
    pub ack_delay: Duration,
    /// Whether copies were sent, or it is overdue: what an answer took says nothing about the
    /// channel then.
    pub repeated: bool,
}

/// Why a monitor wants to be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cause {
    OwnAck,
    FullAck(u64),
    Resend(u64),
}

impl AckMonitor {
    /// A monitor for a new subsession.
    #[must_use]
    pub fn new(timing: Timing) -> Self {
        Self {
            timing,
            now: Timestamp::ZERO,
            stopped: false,
            parting: false,
            accepted: 0,
            rows: BTreeMap::new(),
            open: BTreeMap::new(),
            done: VecDeque::new(),
            deadlines: Deadlines::new(),
            schedule: Schedule::default(),
        }
    }

    /// From now on these intervals count, also for what is monitored already; see
    /// [`LatencyEstimator`](crate::LatencyEstimator).
    pub fn set_timing(&mut self, timing: Timing) {
        self.timing = timing;
    }

    /// Notes that a message was accepted into the transcript; `own` if the owner wrote it.
    ///
    /// Does nothing for a message that was noted before, or after [`stop`](Self::stop).
    pub fn on_accepted(&mut self, now: Timestamp, id: MessageId, kind: BodyKind, own: bool) {
        let now = self.clamp(now);
        if self.stopped || self.rows.contains_key(&id) {
            return;
        }
        let place = self.accepted;
        self.accepted = place.saturating_add(1);
        let row = Row {
            place,
            kind,
            own,
            accepted_at: now,
            fully_acked_at: None,
            warned: false,
            copied_at: now,
            repeated: false,
        };
        self.rows.insert(id, row);
        //= docs/spec/protocol.md#LIV-003
        //= docs/spec/protocol.md#LIV-004
        let monitored = kind.is_monitored() || !guard!("no-ack-of-ack");
        if monitored {
            self.open.insert(place, id);
            if guard!("ack-monitor") {
                self.deadlines.set(Cause::FullAck(place), now + self.timing.fa_intv());
            }
        }
        // One deadline, cleared by any own message. An own FIN is no exception: what others write
        // after it is acknowledged like everything else.
        //= docs/spec/protocol.md#LIV-006
        //= docs/spec/protocol.md#LIV-011
        //= docs/spec/protocol.md#LIV-012
        if own {
            self.deadlines.cancel(&Cause::OwnAck);
        } else if monitored {
            let delay = self.ack_delay(kind);
            let delay = if guard!("ack-rate") { delay } else { Duration::ZERO };
            self.deadlines.set_earliest(Cause::OwnAck, now + delay);
        }
    }

    /// Notes that the subsession is shutting down: from now on all that is owed is acknowledged as
    /// promptly as a FIN, since nobody stays for long.
    pub fn on_parting(&mut self, now: Timestamp) {
        let now = self.clamp(now);
        self.parting = true;
        //= docs/spec/protocol.md#LIV-012
        self.hasten(now);
    }

    /// Whether something of others is accepted that no own message acknowledges yet.
    #[must_use]
    pub fn owes_ack(&self) -> bool {
        self.deadlines.get(&Cause::OwnAck).is_some()
    }

    /// Notes that every reader has acknowledged a message.
    ///
    /// True if [`AckAction::NotFullyAcked`] was out for it and is hereby cancelled (LIV-007). Does
    /// nothing for a message that is unknown or done, or after [`stop`](Self::stop).
    pub fn on_fully_acked(&mut self, now: Timestamp, id: MessageId) -> bool {
        let now = self.clamp(now);
        let Some(row) = self.rows.get_mut(&id) else { return false };
        if self.stopped || row.fully_acked_at.is_some() {
            return false;
        }
        row.fully_acked_at = Some(now);
        self.open.remove(&row.place);
        self.done.push_back((now, id));
        self.deadlines.cancel(&Cause::FullAck(row.place));
        self.deadlines.cancel(&Cause::Resend(row.place));
        self.schedule.end(row.place);
        row.warned
    }

    /// Notes that a copy of a message's packet was seen on the channel (LIV-017); not for the echo
    /// of the first one that the owner sent.
    pub fn on_copy(&mut self, now: Timestamp, id: MessageId) {
        let now = self.clamp(now);
        if let Some(row) = self.rows.get_mut(&id) {
            row.copied_at = now;
            row.repeated = true;
        }
    }

    /// Notes that the owner sends a packet again; it counts towards what may be sent again in a
    /// while (LIV-024).
    pub fn on_resent(&mut self, now: Timestamp, id: MessageId) {
        let now = self.clamp(now);
        if let Some(row) = self.rows.get_mut(&id) {
            row.copied_at = now;
            row.repeated = true;
            self.schedule.budget.spend(now, self.timing.bc_lat());
        }
    }

    /// Somebody waits for an acknowledgement that the owner has not given yet: a copy came of what
    /// it is for, or it came late. It is due as promptly as after a request (LIV-018).
    pub fn hasten(&mut self, now: Timestamp) {
        let now = self.clamp(now);
        if let (true, Some(prompt)) = (self.owes_ack(), self.timing.prompt_ack()) {
            self.deadlines.set_earliest(Cause::OwnAck, now + prompt);
        }
    }

    /// Whether a packet may be sent again now, because somebody seems to miss it (LIV-018): it is
    /// remembered, no copy was sent or seen for a while, and not too much has been sent.
    #[must_use]
    pub fn may_answer(&self, now: Timestamp, id: &MessageId) -> bool {
        let now = self.now.max(now);
        let Some(resend) = self.timing.resend() else { return false };
        let Some(row) = self.rows.get(id) else { return false };
        !self.stopped && now >= row.copied_at + resend.throttle && self.schedule.budget.is_free(now)
    }

    /// Whether the budget for sending again allows a packet now (LIV-024).
    #[must_use]
    pub fn may_send(&self, now: Timestamp) -> bool {
        !self.stopped && self.schedule.budget.is_free(self.now.max(now))
    }

    /// When [`may_send`](Self::may_send) will be true.
    #[must_use]
    pub fn free_at(&self) -> Timestamp {
        self.schedule.budget.free_at()
    }

    /// When a copy of a message's packet was sent or seen last, or the message accepted.
    #[must_use]
    pub fn copied_at(&self, id: &MessageId) -> Option<Timestamp> {
        self.rows.get(id).map(|row| row.copied_at)
    }

    /// Who misses this message is away on purpose: it is resent at the longest interval from now
    /// on (LIV-023).
    pub fn slow_down(&mut self, now: Timestamp, id: &MessageId) {
        let now = self.clamp(now);
        if let (Some(row), Some(resend)) = (self.rows.get(id), self.timing.resend())
            && row.fully_acked_at.is_none()
            && !self.stopped
        {
            self.schedule.slow_down(row.place);
            self.deadlines.set(Cause::Resend(row.place), now + resend.max);
        }
    }

    /// Nobody who misses this message is there, and others are sent again to see who is: it is not
    /// resent until [`hurry`](Self::hurry) (LIV-023).
    pub fn park(&mut self, id: &MessageId) {
        if let Some(row) = self.rows.get(id) {
            self.schedule.slow_down(row.place);
            self.deadlines.cancel(&Cause::Resend(row.place));
        }
    }

    /// Somebody who was away is back: what was slowed down or put aside comes at the first interval again
    /// (LIV-023).
    pub fn hurry(&mut self, now: Timestamp) {
        let now = self.clamp(now);
        let Some(resend) = self.timing.resend() else { return };
        for place in self.schedule.hurry() {
            self.deadlines.set(Cause::Resend(place), now + resend.base);
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) should be called next.
    ///
    /// Changes with `on_accepted`, `on_fully_acked`, `handle_timeout` and `stop`.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.next_timer().map(|deadline| deadline.at)
    }

    /// As [`next_deadline`](Self::next_deadline), with the cause.
    #[must_use]
    pub fn next_timer(&self) -> Option<Deadline> {
        let (at, cause) = self.deadlines.next()?;
        let cause = match cause {
            Cause::OwnAck => TimerKind::OwnAck,
            Cause::FullAck(_) => TimerKind::FullAck,
            Cause::Resend(_) => TimerKind::Resend,
        };
        Some(Deadline { at, cause })
    }

    /// What is due at `now`, in the order in which it became due. `random` is drawn from for each
    /// resend that is scheduled, so that members do not resend at the same moment (LIV-016).
    #[must_use]
    pub fn handle_timeout(
        &mut self,
        now: Timestamp,
        random: &mut dyn FnMut() -> u32,
    ) -> Vec<AckAction> {
        self.handle_timeout_where(now, random, &|_| true)
    }

    /// As [`handle_timeout`](Self::handle_timeout), but resends only what it is useful to send
    /// again now, and can be; the rest comes up again as if it had been sent, and costs nothing.
    #[must_use]
    pub fn handle_timeout_where(
        &mut self,
        now: Timestamp,
        random: &mut dyn FnMut() -> u32,
        useful: &dyn Fn(&MessageId) -> bool,
    ) -> Vec<AckAction> {
        let now = self.clamp(now);
        let mut actions = Vec::new();
        let mut ack_due = false;
        let mut granted = false;
        while let Some((_, cause)) = self.deadlines.pop_due(now) {
            match cause {
                //= docs/spec/protocol.md#LIV-009
                Cause::OwnAck => {
                    ack_due = true;
                    actions.push(AckAction::SendAck);
                }
                Cause::FullAck(place) => actions.extend(self.overdue(now, place, random)),
                Cause::Resend(place) => {
                    let resend = self.resend(now, place, granted, random, useful);
                    granted |= resend.is_some();
                    actions.extend(resend);
                }
            }
        }
        if ack_due {
            // Owed until an own message is accepted, in case the owner could not send now.
            self.deadlines.set(Cause::OwnAck, now + self.timing.auto_ack());
        }
        actions
    }

    /// FA_INTV after its acceptance a message is not fully acknowledged.
    //= docs/spec/protocol.md#LIV-007
    fn overdue(
        &mut self,
        now: Timestamp,
        place: u64,
        random: &mut dyn FnMut() -> u32,
    ) -> Option<AckAction> {
        let id = *self.open.get(&place)?;
        let row = self.rows.get_mut(&id)?;
        // The interval may have grown meanwhile.
        let due = row.accepted_at + self.timing.fa_intv();
        if now < due {
            self.deadlines.set(Cause::FullAck(place), due);
            return None;
        }
        row.warned = true;
        //= docs/spec/protocol.md#LIV-015
        //= docs/spec/protocol.md#LIV-016
        if let Some(resend) = self.timing.resend()
            && guard!("resend")
        {
            let first = if row.own {
                now
            } else {
                now + self.timing.bc_lat() + Schedule::jitter(resend.base, random)
            };
            self.deadlines.set(Cause::Resend(place), first);
        }
        Some(AckAction::NotFullyAcked(id))
    }

    /// `granted` if one goes out now: what it costs is known when it has gone, so that others wait
    /// for the next turn.
    fn resend(
        &mut self,
        now: Timestamp,
        place: u64,
        granted: bool,
        random: &mut dyn FnMut() -> u32,
        useful: &dyn Fn(&MessageId) -> bool,
    ) -> Option<AckAction> {
        let id = *self.open.get(&place)?;
        let row = self.rows.get(&id)?;
        let resend = self.timing.resend()?;
        //= docs/spec/protocol.md#LIV-017
        let throttled = now < row.copied_at + resend.throttle && guard!("resend-throttle");
        let throttled = throttled || !useful(&id);
        //= docs/spec/protocol.md#LIV-024
        let taken = if granted { now + Budget::share(self.timing.bc_lat()) } else { now };
        let turn = taken.max(self.schedule.budget.free_at());
        if !throttled && turn > now && guard!("resend-budget") {
            self.deadlines.set(Cause::Resend(place), turn);
            return None;
        }
        let interval = self.schedule.next_interval(place, &resend, random);
        self.again_in(now, place, interval);
        (!throttled).then_some(AckAction::Resend(id))
    }

    fn again_in(&mut self, now: Timestamp, place: u64, interval: Duration) {
        let next = now + interval;
        // At the end of time nothing comes later.
        if next > now {
            self.deadlines.set(Cause::Resend(place), next);
        }
    }

    /// Ends monitoring for good, and returns the messages that are still not fully acknowledged,
    /// in order of acceptance: the final warnings (LIV-008). Empty when called again.
    #[must_use]
    pub fn stop(&mut self) -> Vec<MessageId> {
        //= docs/spec/protocol.md#LIV-008
        //= docs/spec/protocol.md#LIV-025
        self.deadlines.clear();
        if self.stopped {
            return Vec::new();
        }
        self.stopped = true;
        self.open.values().copied().collect()
    }

    /// Whether monitoring has ended.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// What is known of a message (LIV-005). None for one that was never accepted, or is
    /// forgotten.
    //= docs/spec/protocol.md#LIV-005
    #[must_use]
    pub fn times(&self, id: &MessageId) -> Option<MessageTimes> {
        let row = self.rows.get(id)?;
        Some(MessageTimes {
            accepted_at: row.accepted_at,
            fully_acked_at: row.fully_acked_at,
            ack_delay: self.ack_delay(row.kind),
            repeated: row.repeated || row.warned,
        })
    }

    /// Messages with a warning out that is not cancelled, in order of acceptance.
    pub fn warned(&self) -> impl Iterator<Item = MessageId> + '_ {
        self.open.values().filter(|id| self.rows.get(id).is_some_and(|row| row.warned)).copied()
    }

    /// Forgets the messages that are done for longer than anybody may ask for them, and returns
    /// them: their packets need not be kept any longer (LIV-021). To be called now and then.
    #[must_use]
    pub fn forget(&mut self, now: Timestamp) -> Vec<MessageId> {
        let now = self.clamp(now);
        let mut forgotten = Vec::new();
        while let Some((since, id)) = self.done.front().copied()
            && now >= since + self.timing.fa_intv()
        {
            self.done.pop_front();
            self.rows.remove(&id);
            forgotten.push(id);
        }
        forgotten
    }

    //= docs/spec/protocol.md#LIV-010
    fn ack_delay(&self, kind: BodyKind) -> Duration {
        let prompt = self.parting || kind.is_urgent();
        match self.timing.prompt_ack() {
            Some(delay) if prompt => delay,
            Some(_) | None => self.timing.auto_ack(),
        }
    }

    // Neither an early call nor a clock that jumps back makes anything due.
    //= docs/spec/protocol.md#LIV-002
    fn clamp(&mut self, now: Timestamp) -> Timestamp {
        self.now = if guard!("monotonic") { self.now.max(now) } else { now };
        self.now
    }
}
