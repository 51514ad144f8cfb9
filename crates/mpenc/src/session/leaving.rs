//! Leaving the channel, which takes the channel's help: a request may have no effect (CHN-006), so it
//! is made again until we are out.

use mpenc_liveness::TimerKind;
use mpenc_types::guard;

use super::own::{OwnOperation, Request};
use super::{Env, Session};
use crate::channel::ChannelRequest;

impl Session {
    /// Asks the channel to let us go, after telling everybody what we have.
    pub(super) fn request_leave(&mut self, env: &mut Env<'_>) {
        if self.channel.is_some() && !self.leave_requested {
            for which in self.all_subsessions() {
                self.acknowledge_last(env, which);
            }
            self.leave_requested = true;
            self.ask_to_leave();
            self.expect_to_be_out();
        }
    }

    /// A parting ends with `Timeout` if the channel does not let us go in time; we go on asking.
    //= docs/spec/protocol.md#SES-023
    pub(super) fn expect_to_be_out(&mut self) {
        let parts = matches!(&self.own, Some(OwnOperation { request: Request::Part, .. }));
        if parts && self.leave_requested && guard!("leave-repeated") {
            self.deadlines.set(TimerKind::Enter, self.now + self.timing().enter_timeout());
        }
    }

    fn ask_to_leave(&mut self) {
        self.leave_patience = self.timing().proposal_timeout();
        self.transmit_leave();
    }

    fn transmit_leave(&mut self) {
        self.transmit(ChannelRequest::Leave);
        if guard!("leave-repeated") {
            self.deadlines.set(TimerKind::Leave, self.now + self.leave_patience);
        }
    }

    /// We are still in the channel.
    //= docs/spec/protocol.md#SES-054
    pub(super) fn ask_to_leave_again(&mut self) {
        // Whoever was included meanwhile need not go round any more.
        self.going_round &= !self.order.is_synced();
        if self.channel.is_some() && (self.leave_requested || self.going_round) {
            let longest = self.timing().enter_timeout();
            self.leave_patience = self.leave_patience.saturating_mul(2).min(longest);
            self.transmit_leave();
        }
    }

    /// Whether a session goes on here that we are not in, although all who were here before us
    /// have left it.
    pub(super) fn was_passed_over(&self) -> bool {
        let Some(channel) = &self.channel else { return false };
        guard!("passed-over")
            && !self.timing().is_original()
            && !self.passed_over_for.is_disjoint(channel)
    }

    /// Leaves the channel and enters it again, so that those in the session are there before us.
    //= docs/spec/protocol.md#ORD-047
    pub(super) fn go_round_to_the_end(&mut self, env: &mut Env<'_>) {
        if !self.is_joining() {
            self.stranded = true;
            self.request_leave(env);
        } else if !self.going_round || self.deadlines.get(&TimerKind::Leave).is_none() {
            self.going_round = true;
            self.ask_to_leave();
        }
    }
}
