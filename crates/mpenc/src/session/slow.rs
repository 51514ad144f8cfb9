//! Operations that take too long: who is waited for is said, their end is asked for, and the request
//! that began one does not wait for ever (sections 6.7 and 11.5).

use mpenc_greeting::{AbortReason, Outgoing};
use mpenc_liveness::TimerKind;
use mpenc_types::guard;

use super::own::{Ended, OwnOperation, Step};
use super::{AbortError, Env, Notice, Session};

/// Repetitions of an abort after which the time to the next no longer doubles. It is never more
/// than REFRESH_TIME either.
const MAX_DOUBLINGS: u32 = 16;

impl Session {
    /// OP_TIMEOUT has passed: says who is waited for, and ends the operation if the profile can.
    //= docs/spec/protocol.md#GRT-027
    //= docs/spec/protocol.md#ORD-045
    pub(super) fn operation_is_slow(&mut self) {
        let Some(view) = self.greeter.running().filter(|view| !view.bystander) else { return };
        let initiator = view.initiator == *self.owner();
        self.notify(Notice::OperationSlow { waiting_for: view.waiting_for });
        if initiator {
            self.abort_in_time();
        } else {
            let later = self.now + self.timing().bc_lat();
            self.deadlines.set(TimerKind::Abort, later);
        }
    }

    /// Asks for the end of the operation in progress without success; it ends if the channel
    /// orders that before what completes it (ORD-044). Everybody learns who asked.
    ///
    /// # Errors
    ///
    /// [`AbortError::NoOperation`] if none is in progress, [`AbortError::NotPossible`] in a v1
    /// session and for those being excluded.
    //= docs/spec/protocol.md#SES-038
    pub fn abort(&mut self, env: &mut Env<'_>) -> Result<(), AbortError> {
        self.clamp(env.now);
        if self.operation.is_none() {
            return Err(AbortError::NoOperation);
        }
        let sent = self.abort_because(AbortReason::Asked);
        self.settle(env);
        if sent { Ok(()) } else { Err(AbortError::NotPossible) }
    }

    /// The operation has taken too long. What asks for its end may be lost like any other packet,
    /// and then nothing else would end it: it is sent again, byte for byte, for as long as the
    /// operation goes on. Whoever has had it ignores a copy.
    //= docs/spec/protocol.md#ORD-045
    pub(super) fn abort_in_time(&mut self) {
        if !self.abort_because(AbortReason::TimedOut) {
            return;
        }
        let (now, timing) = (self.now, *self.timing());
        let Some(running) = self.operation.as_mut().filter(|_| guard!("abort-repeated")) else {
            return;
        };
        let doublings = running.aborts.min(MAX_DOUBLINGS);
        running.aborts = running.aborts.saturating_add(1);
        let wait = timing.fa_intv().saturating_mul(1 << doublings).min(timing.refresh_time());
        self.deadlines.set(TimerKind::Abort, now + wait);
    }

    //= docs/spec/protocol.md#ORD-044
    //= docs/spec/v2.md#V2-017
    fn abort_because(&mut self, reason: AbortReason) -> bool {
        match self.greeter.abort(reason) {
            Some(Outgoing { recipients, packet }) => {
                self.broadcast(recipients, packet);
                true
            }
            None => false,
        }
    }

    /// An operation that we proposed began. If a request waits for it, it does so for OP_TIMEOUT
    /// and, where operations can be ended, for as long as the end takes to come back to us.
    //= docs/spec/protocol.md#SES-023
    pub(super) fn expect_outcome(&mut self, hops: u32) {
        if self.waits_for_outcome() && guard!("own-outcome") {
            let timing = *self.timing();
            let ends = if self.rules.has_gated() {
                timing.proposal_timeout()
            } else {
                core::time::Duration::ZERO
            };
            let wait = timing.op_timeout(hops).saturating_add(ends);
            self.deadlines.set(TimerKind::Outcome, self.now + wait);
        }
    }

    /// The request ends; the operation stays as it is, since it can still be completed, and only
    /// what everybody accepts can end it (ORD-042).
    //= docs/spec/protocol.md#SES-023
    pub(super) fn outcome_overdue(&mut self) {
        if self.waits_for_outcome() {
            self.end_own(Ended::TimedOut);
        }
    }

    fn waits_for_outcome(&self) -> bool {
        matches!(&self.own, Some(OwnOperation { step: Step::Changing { proposed: true, .. }, .. }))
    }
}
