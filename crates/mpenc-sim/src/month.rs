//! A session that goes on for weeks: heartbeats, a renewal of the keys every hour, and a few texts.
//! What it is about is what the program around it measures: that nothing grows, and that nobody is
//! warned of anything (ATK-168).
//!
//! Nothing is lost. Every packet takes a time of its own to each member, and packets to one member
//! keep the order of the channel.

use std::collections::BTreeMap;
use std::time::Duration;

use mpenc::{Notice, SessionConfig, Timestamp};

use crate::dice::Dice;
use crate::links::{Counts, Links, Member};

/// What is to be run.
#[derive(Clone, Copy, Debug)]
pub struct Stay {
    /// Decides everything else.
    pub seed: u64,
    /// How many take part.
    pub members: usize,
    /// How long it lasts.
    pub hours: u64,
    /// How many texts are written in an hour, by members chosen at random.
    pub texts_per_hour: u64,
    /// The longest time a packet takes, in milliseconds; the shortest is a twentieth.
    pub latency: u64,
    /// How many texts each keeps that everybody has.
    pub log_kept: usize,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Packets that the channel carried.
    pub packets: u64,
    /// Packets times recipients.
    pub deliveries: u64,
    /// Renewals of the keys, as the first member counts them.
    pub refreshes: u64,
    /// Texts that were written.
    pub texts: u64,
    /// Notices that something may be wrong, by kind.
    pub warnings: BTreeMap<String, u64>,
    /// Members whose view at the end is not complete and consistent.
    pub incomplete: Vec<String>,
}

/// Runs it, and calls `look` with the number of the hour, from 1, whenever something has been
/// written and at the end of each hour.
pub fn run(what: Stay, look: &mut dyn FnMut(u64)) -> Figures {
    let configured = |config: SessionConfig| config.log_kept(what.log_kept);
    let mut links = Links::new(
        (what.seed, "month"),
        what.members,
        what.latency,
        configured,
        Figures::default(),
    );
    links.establish();
    links.counts = Figures::default();
    for hour in 1..=what.hours {
        let begin = links.now;
        let mut moments: Vec<u64> =
            (0..what.texts_per_hour).map(|_| links.dice.below(3_500_000)).collect();
        moments.sort_unstable();
        for moment in moments {
            links.pass(begin + Duration::from_millis(moment));
            let who = links.dice.place(what.members);
            links.counts.texts += 1;
            links.call(who, |session, env| {
                // Who cannot is seen at the end: a text less.
                let _ = session.send(env, "something that is said now and then");
            });
            look(hour);
        }
        links.pass(begin + Duration::from_secs(3600));
        look(hour);
    }
    finish(links)
}

impl Counts for Figures {
    #[expect(clippy::wildcard_enum_match_arm, reason = "whatever is new would be a warning")]
    fn told(&mut self, _: &[Member], _: Timestamp, who: usize, notice: &Notice) {
        match notice {
            Notice::KeyRefreshed { .. } if who == 0 => self.refreshes += 1,
            Notice::KeyRefreshed { .. }
            | Notice::MessageReady { .. }
            | Notice::MessageFullyAcked { .. }
            | Notice::OpProposed { .. }
            | Notice::OpStarted { .. }
            | Notice::OpSucceeded { .. }
            | Notice::OrderConfirmed { .. }
            | Notice::SubsessionClosed { consistent: true, .. } => {}
            other => {
                let name = format!("{other:?}");
                let kind = name.split([' ', '{', '(']).next().unwrap_or_default().to_owned();
                *self.warnings.entry(kind).or_default() += 1;
            }
        }
    }

    fn sent(&mut self, _: &[u8]) {
        self.packets += 1;
    }

    fn loses(&mut self, _: &mut Dice, _: Timestamp, _: (usize, usize), _: &[u8]) -> bool {
        false
    }

    fn arrived(&mut self) {
        self.deliveries += 1;
    }
}

fn finish(links: Links<Figures>) -> Figures {
    let mut figures = links.counts;
    let texts = usize::try_from(figures.texts).unwrap_or(usize::MAX);
    for Member { name, session, .. } in &links.members {
        let complete = session.log_len() == texts
            && session.is_consistent()
            && session.overdue().is_empty()
            && session.deferred() == 0;
        if !complete {
            figures.incomplete.push(name.to_string());
        }
    }
    figures
}

#[cfg(test)]
mod tests {
    use super::*;

    //= docs/spec/attacks.md#ATK-168
    //= type=test
    #[test]
    fn hours_of_heartbeats_and_renewed_keys_warn_nobody() {
        let stay = Stay {
            seed: 1,
            members: 4,
            hours: 6,
            texts_per_hour: 10,
            latency: 1_000,
            log_kept: 20,
        };
        let figures = run(stay, &mut |_| {});
        assert!(figures.warnings.is_empty() && figures.incomplete.is_empty(), "{figures:?}");
        assert!(figures.refreshes >= 5, "{figures:?}");
    }
}
