use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use mpenc_types::{BodyKind, MessageId, Timestamp, guard};

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
}

/// Watches the messages of one subsession until every reader has acknowledged them.
///
/// ```text
///            accepted            FA_INTV: NotFullyAcked
/// (nothing) ──────────▶ Waiting ────────────────────────▶ Overdue
///                          │ fully acked                     │ fully acked: warning cancelled
///                          ▼                                 ▼
///                         Done ◀─────────────────────────────┘
///
///        Waiting, Overdue ──── stopped: final warning ────▶ Stopped
/// ```
///
/// Done and Stopped are terminal (LIV-025). Besides, one deadline for the whole subsession says
/// when the owner has to acknowledge what others wrote (LIV-011).
///
/// Moments passed in may repeat or go backwards: the latest counts.
#[derive(Clone, Debug)]
pub struct AckMonitor {
    timing: Timing,
    now: Timestamp,
    stopped: bool,
    parting: bool,
    rows: BTreeMap<MessageId, Row>,
    /// Monitored messages that are not fully acknowledged, in order of acceptance.
    open: BTreeMap<u64, MessageId>,
    deadlines: Deadlines<Cause>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    /// Position in the order of acceptance.
    place: u64,
    accepted_at: Timestamp,
    fully_acked_at: Option<Timestamp>,
    warned: bool,
}

/// Why a monitor wants to be called. Resends will be one more cause of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cause {
    OwnAck,
    FullAck(u64),
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
            rows: BTreeMap::new(),
            open: BTreeMap::new(),
            deadlines: Deadlines::new(),
        }
    }

    /// Notes that a message was accepted into the transcript; `own` if the owner wrote it.
    ///
    /// Does nothing for a message that was noted before, or after [`stop`](Self::stop).
    pub fn on_accepted(&mut self, now: Timestamp, id: MessageId, kind: BodyKind, own: bool) {
        let now = self.clamp(now);
        if self.stopped || self.rows.contains_key(&id) {
            return;
        }
        let place = u64::try_from(self.rows.len()).unwrap_or(u64::MAX);
        let row = Row { place, accepted_at: now, fully_acked_at: None, warned: false };
        self.rows.insert(id, row);
        //= docs/spec/protocol.md#LIV-003
        //= docs/spec/protocol.md#LIV-004
        if kind.is_monitored() {
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
        } else if kind.is_monitored() {
            self.deadlines.set_earliest(Cause::OwnAck, now + self.ack_delay(kind));
        }
    }

    /// Notes that the subsession is shutting down: from now on all that is owed is acknowledged as
    /// promptly as a FIN, since nobody stays for long.
    pub fn on_parting(&mut self, now: Timestamp) {
        let now = self.clamp(now);
        self.parting = true;
        //= docs/spec/protocol.md#LIV-012
        if let (true, Some(prompt)) = (self.owes_ack(), self.timing.prompt_ack()) {
            self.deadlines.set_earliest(Cause::OwnAck, now + prompt);
        }
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
        self.deadlines.cancel(&Cause::FullAck(row.place));
        row.warned
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
        };
        Some(Deadline { at, cause })
    }

    /// What is due at `now`, in the order in which it became due.
    #[must_use]
    pub fn handle_timeout(&mut self, now: Timestamp) -> Vec<AckAction> {
        let now = self.clamp(now);
        let mut actions = Vec::new();
        let mut ack_due = false;
        while let Some((_, cause)) = self.deadlines.pop_due(now) {
            match cause {
                //= docs/spec/protocol.md#LIV-009
                Cause::OwnAck => {
                    ack_due = true;
                    actions.push(AckAction::SendAck);
                }
                //= docs/spec/protocol.md#LIV-007
                Cause::FullAck(place) => {
                    let Some(id) = self.open.get(&place) else { continue };
                    let Some(row) = self.rows.get_mut(id) else { continue };
                    row.warned = true;
                    actions.push(AckAction::NotFullyAcked(*id));
                }
            }
        }
        if ack_due {
            // Owed until an own message is accepted, in case the owner could not send now.
            self.deadlines.set(Cause::OwnAck, now + self.timing.auto_ack());
        }
        actions
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

    /// When the owner accepted a message (LIV-005).
    //= docs/spec/protocol.md#LIV-005
    #[must_use]
    pub fn accepted_at(&self, id: &MessageId) -> Option<Timestamp> {
        self.rows.get(id).map(|row| row.accepted_at)
    }

    /// When the owner learnt that every reader had acknowledged a message (LIV-005).
    #[must_use]
    pub fn fully_acked_at(&self, id: &MessageId) -> Option<Timestamp> {
        self.rows.get(id).and_then(|row| row.fully_acked_at)
    }

    /// Messages with a warning out that is not cancelled, in order of acceptance.
    pub fn warned(&self) -> impl Iterator<Item = MessageId> + '_ {
        self.open.values().filter(|id| self.rows.get(id).is_some_and(|row| row.warned)).copied()
    }

    //= docs/spec/protocol.md#LIV-010
    fn ack_delay(&self, kind: BodyKind) -> core::time::Duration {
        let prompt = self.parting || kind.is_urgent();
        match self.timing.prompt_ack() {
            Some(delay) if prompt => delay,
            Some(_) | None => self.timing.auto_ack(),
        }
    }

    // Neither an early call nor a clock that jumps back makes anything due.
    //= docs/spec/protocol.md#LIV-002
    fn clamp(&mut self, now: Timestamp) -> Timestamp {
        self.now = self.now.max(now);
        self.now
    }
}
