//! A session that goes on for weeks: heartbeats, a renewal of the keys every hour, and a few texts.
//! What it is about is what the program around it measures: that nothing grows, and that nobody is
//! warned of anything (ATK-168).
//!
//! Nothing is lost. Every packet takes a time of its own to each member, and packets to one member
//! keep the order of the channel.

use std::collections::BTreeMap;
use std::time::Duration;

use mpenc::channel::{ChannelEvent, ChannelRequest};
use mpenc::{
    Env, Identity, MemberId, MemberSet, Notice, Profile, Session, SessionConfig, Timestamp, Timing,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;

use crate::dice::Dice;

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

struct Member {
    name: MemberId,
    session: Session,
    rng: ChaCha20Rng,
    /// Nothing overtakes anything on the way to it.
    arrives: Timestamp,
}

struct Channel {
    what: Stay,
    dice: Dice,
    now: Timestamp,
    members: Vec<Member>,
    channel: MemberSet,
    on_the_way: BTreeMap<(Timestamp, u64), (usize, ChannelEvent)>,
    sent: u64,
    figures: Figures,
}

/// Runs it, and calls `each_hour` with the number of hours that have passed.
pub fn run(what: Stay, each_hour: &mut dyn FnMut(u64)) -> Figures {
    let mut channel = Channel::new(what);
    channel.establish();
    for hour in 1..=what.hours {
        let begin = channel.now;
        let mut moments: Vec<u64> =
            (0..what.texts_per_hour).map(|_| channel.dice.below(3_500_000)).collect();
        moments.sort_unstable();
        for moment in moments {
            channel.pass(begin + Duration::from_millis(moment));
            let who = usize::try_from(channel.dice.below(what.members as u64)).unwrap_or(0);
            channel.figures.texts += 1;
            channel.call(who, |session, env| {
                // Who cannot is seen at the end: a text less.
                let _ = session.send(env, "something that is said now and then");
            });
        }
        channel.pass(begin + Duration::from_secs(3600));
        each_hour(hour);
    }
    channel.finish()
}

impl Channel {
    fn new(what: Stay) -> Self {
        let mut members = Vec::new();
        for n in 0..what.members {
            let seed = what.seed.wrapping_mul(1009).wrapping_add(n as u64);
            let mut rng = ChaCha20Rng::seed_from_u64(seed);
            let secret = mpenc::SecretBytes::fill(|seed| {
                rand_chacha::rand_core::Rng::fill_bytes(&mut rng, seed);
            });
            let identity = Identity::transparent(&secret);
            let Ok(name) = MemberId::new(format!("m{n}")) else { continue };
            let Ok(config) = SessionConfig::new(name.clone(), identity.clone()) else { continue };
            let config = config.profile(Profile::TransparentV2).timing(Timing::default());
            let session = Session::new(config.patient_join(true).log_kept(what.log_kept));
            members
                .push((identity.public(), Member { name, session, rng, arrives: Timestamp::ZERO }));
        }
        let keys: Vec<_> =
            members.iter().map(|(key, member)| (member.name.clone(), *key)).collect();
        let mut members: Vec<Member> = members.into_iter().map(|(_, member)| member).collect();
        for member in &mut members {
            keys.iter().for_each(|(name, key)| member.session.set_identity(name, Some(*key)));
        }
        Self {
            what,
            dice: Dice::new(what.seed, "month"),
            now: Timestamp::from_millis(1),
            members,
            channel: MemberSet::new(),
            on_the_way: BTreeMap::new(),
            sent: 0,
            figures: Figures::default(),
        }
    }

    fn establish(&mut self) {
        for who in 0..self.members.len() {
            self.call(who, |session, env| drop(session.join(env)));
            self.pass(self.now + Duration::from_secs(10));
        }
        let others: MemberSet = self.members.iter().skip(1).map(|member| &member.name).collect();
        self.call(0, |session, env| drop(session.change(env, &others, &MemberSet::new())));
        self.pass(self.now + Duration::from_secs(120));
        self.figures = Figures::default();
    }

    fn call(&mut self, who: usize, action: impl FnOnce(&mut Session, &mut Env<'_>)) {
        let Some(member) = self.members.get_mut(who) else { return };
        action(&mut member.session, &mut Env { now: self.now, rng: &mut member.rng });
        while let Some(notice) = self.members.get_mut(who).and_then(|m| m.session.poll_notice()) {
            self.note(who, &notice);
        }
        while let Some(request) = self.members.get_mut(who).and_then(|m| m.session.poll_transmit())
        {
            self.carry_out(who, request);
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "whatever is new would be a warning")]
    fn note(&mut self, who: usize, notice: &Notice) {
        match notice {
            Notice::KeyRefreshed { .. } if who == 0 => self.figures.refreshes += 1,
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
                *self.figures.warnings.entry(kind).or_default() += 1;
            }
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "nobody leaves or is asked to")]
    fn carry_out(&mut self, from: usize, request: ChannelRequest) {
        let Some(name) = self.members.get(from).map(|member| member.name.clone()) else { return };
        let present: Vec<usize> = self
            .members
            .iter()
            .enumerate()
            .filter(|(_, member)| self.channel.contains(&member.name))
            .map(|(who, _)| who)
            .collect();
        match request {
            ChannelRequest::Enter => {
                let enter = MemberSet::of(&name);
                for to in present {
                    let (enter, leave) = (enter.clone(), MemberSet::new());
                    self.send(to, ChannelEvent::Changed { enter, leave });
                }
                self.channel.insert(name);
                let members = self.channel.clone();
                self.send(from, ChannelEvent::Entered { members });
            }
            ChannelRequest::Send { bytes, .. } => {
                self.figures.packets += 1;
                for to in present {
                    let (sender, bytes) = (name.clone(), bytes.clone());
                    self.send(to, ChannelEvent::Packet { sender, bytes });
                }
            }
            _ => {}
        }
    }

    fn send(&mut self, to: usize, event: ChannelEvent) {
        let least = self.what.latency / 20;
        let takes = least + self.dice.below(self.what.latency - least + 1);
        let Some(member) = self.members.get_mut(to) else { return };
        let at = (self.now + Duration::from_millis(takes)).max(member.arrives);
        member.arrives = at;
        self.sent += 1;
        self.on_the_way.insert((at, self.sent), (to, event));
    }

    /// Everything that happens until this moment, in its order.
    fn pass(&mut self, until: Timestamp) {
        let due = |member: &Member| member.session.poll_timeout().map(|due| due.at);
        loop {
            let arrival = self.on_the_way.keys().next().map(|key| key.0);
            let timer = self.members.iter().filter_map(due).min();
            let next = arrival.into_iter().chain(timer).min();
            let Some(at) = next.filter(|at| *at <= until) else { break };
            self.now = self.now.max(at);
            if arrival.is_some_and(|arrival| timer.is_none_or(|timer| arrival <= timer)) {
                if let Some((_, (to, event))) = self.on_the_way.pop_first() {
                    self.figures.deliveries += 1;
                    self.call(to, |session, env| drop(session.handle_input(env, event)));
                }
            } else {
                for who in 0..self.members.len() {
                    if self.members.get(who).and_then(due).is_some_and(|at| at <= self.now) {
                        self.call(who, |session, env| session.handle_timeout(env));
                    }
                }
            }
        }
        self.now = self.now.max(until);
    }

    fn finish(mut self) -> Figures {
        let texts = usize::try_from(self.figures.texts).unwrap_or(usize::MAX);
        for member in &self.members {
            let session = &member.session;
            let complete = session.log_len() == texts
                && session.is_consistent()
                && session.overdue().is_empty()
                && session.deferred() == 0;
            if !complete {
                self.figures.incomplete.push(member.name.to_string());
            }
        }
        self.figures
    }
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
