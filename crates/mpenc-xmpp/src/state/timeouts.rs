//! What time brings: entering once more, asking whether we are still inside, and giving up.

use tokio::time::Instant;

use super::{Entering, Phase, Ping, State, fresh};
use crate::element;
use crate::limits::{ANSWER_TIMEOUT, ENTER_PAUSE, MAX_ENTER_TRIES, SELF_PING};

impl State {
    /// The time when [`handle_timeout`](Self::handle_timeout) has something to do.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        if !self.online {
            return None;
        }
        match &self.phase {
            Phase::Outside => None,
            Phase::Entering(entering) => entering.at,
            Phase::Inside(stay) => {
                let ping = match &stay.ping {
                    Some(ping) => Some(ping.until),
                    None => stay.heard.checked_add(SELF_PING),
                };
                let waits = [ping, self.outbox.deadline(), self.outbox.echo_deadline()];
                waits.into_iter().flatten().min()
            }
        }
    }

    /// Does what is due.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if !self.online {
            return;
        }
        let echo_is_late = self.outbox.echo_deadline().is_some_and(|at| at <= now);
        match &mut self.phase {
            Phase::Outside => {}
            Phase::Entering(entering) => {
                if entering.asked && entering.at.is_some_and(|at| at <= now) {
                    self.enter_later(now, "the room does not answer");
                }
            }
            Phase::Inside(_) if echo_is_late => {
                //= docs/spec/protocol.md#CHN-005
                self.give_up_stay("what we send does not come back");
            }
            Phase::Inside(stay) => {
                let tries = match &stay.ping {
                    Some(ping) if ping.until > now => return,
                    Some(ping) => ping.tries,
                    None if stay.heard.checked_add(SELF_PING).is_some_and(|at| at <= now) => 0,
                    None => return,
                };
                if tries >= MAX_PINGS {
                    return self.give_up_stay("the room does not answer");
                }
                let nick = stay.nick.clone();
                let id = self.question("ping");
                let until = now.checked_add(ANSWER_TIMEOUT).unwrap_or(now);
                if let Some(occupant) = self.occupant(&nick) {
                    self.urgent.push_back(element::ping(occupant, &id));
                }
                if let Phase::Inside(stay) = &mut self.phase {
                    stay.ping = Some(Ping { id, until, tries: tries.saturating_add(1) });
                }
            }
        }
    }

    /// Tries to enter once more, or ends the channel.
    pub(super) fn enter_later(&mut self, now: Instant, why: &str) {
        let room = self.room.to_string();
        let Phase::Entering(entering) = &mut self.phase else { return };
        if entering.cancelled {
            self.phase = Phase::Outside;
            return;
        }
        if entering.tries >= MAX_ENTER_TRIES {
            return self.end(format!("cannot enter {room}: {why}"));
        }
        let old = entering.nick.clone();
        self.former_nick = Some(old.clone());
        let tries = entering.tries;
        *entering =
            Entering { tries, at: now.checked_add(ENTER_PAUSE), ..Entering::new(&fresh(&old)) };
        self.roster.clear();
        // Should it have let us in all the same.
        if let Some(occupant) = self.occupant(&old) {
            self.urgent.push_back(element::leave(occupant));
        }
    }

    pub(super) fn heard(&mut self, now: Instant) {
        if let Phase::Inside(stay) = &mut self.phase {
            stay.heard = now;
            stay.ping = None;
        }
    }
}

/// Questions about our being in the room that may remain without an answer.
const MAX_PINGS: u32 = 2;
