//! Members on a channel that keeps one order, where every packet takes a time of its own to each
//! of them; and the clock that they share.

use std::collections::BTreeMap;
use std::time::Duration;

use mpenc::channel::{ChannelEvent, ChannelRequest};
use mpenc::{
    Env, Identity, MemberId, MemberSet, Notice, Profile, Session, SessionConfig, Timestamp, Timing,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use crate::dice::Dice;

/// Somebody on the channel.
pub(crate) struct Member {
    pub(crate) name: MemberId,
    pub(crate) session: Session,
    rng: ChaCha20Rng,
    /// Nothing overtakes anything on the way to it.
    arrives: Timestamp,
}

/// Everything but what a run counts, and what it loses.
pub(crate) struct Links<C> {
    pub(crate) dice: Dice,
    pub(crate) now: Timestamp,
    pub(crate) members: Vec<Member>,
    pub(crate) counts: C,
    /// The longest time that a packet takes, in milliseconds; the shortest is a twentieth.
    latency: u64,
    channel: MemberSet,
    on_the_way: BTreeMap<(Timestamp, u64), (usize, ChannelEvent)>,
    sent: u64,
}

/// What a run counts. Members are named by their places.
pub(crate) trait Counts {
    /// Somebody is told something.
    fn told(&mut self, members: &[Member], now: Timestamp, who: usize, notice: &Notice);

    /// Somebody sends a packet.
    fn sent(&mut self, packet: &[u8]);

    /// Whether a packet is lost on its way to somebody.
    fn loses(
        &mut self,
        dice: &mut Dice,
        now: Timestamp,
        link: (usize, usize),
        packet: &[u8],
    ) -> bool;

    /// Something arrives.
    fn arrived(&mut self);
}

impl<C: Counts> Links<C> {
    /// So many members, nobody of them on the channel yet. The seed decides everything else,
    /// together with the purpose.
    pub(crate) fn new(
        (seed, purpose): (u64, &str),
        members: usize,
        latency: u64,
        configured: impl Fn(SessionConfig) -> SessionConfig,
        counts: C,
    ) -> Self {
        let mut keys = Vec::new();
        let mut all = Vec::new();
        for n in 0..members {
            let mut rng =
                ChaCha20Rng::seed_from_u64(seed.wrapping_mul(1009).wrapping_add(n as u64));
            let secret = mpenc::SecretBytes::fill(|seed| rng.fill_bytes(seed));
            let identity = Identity::transparent(&secret);
            let Ok(name) = MemberId::new(format!("m{n}")) else { continue };
            keys.push((name.clone(), identity.public()));
            let Ok(config) = SessionConfig::new(name.clone(), identity) else { continue };
            let config = config.profile(Profile::TransparentV2).timing(Timing::default());
            let session = Session::new(configured(config.patient_join(true)));
            all.push(Member { name, session, rng, arrives: Timestamp::ZERO });
        }
        for member in &mut all {
            keys.iter().for_each(|(name, key)| member.session.set_identity(name, Some(*key)));
        }
        Self {
            dice: Dice::new(seed, purpose),
            now: Timestamp::from_millis(1),
            members: all,
            counts,
            latency,
            channel: MemberSet::new(),
            on_the_way: BTreeMap::new(),
            sent: 0,
        }
    }

    /// Everybody enters, and the first includes all others.
    pub(crate) fn establish(&mut self) {
        for who in 0..self.members.len() {
            self.call(who, |session, env| drop(session.join(env)));
            self.pass(self.now + Duration::from_secs(10));
        }
        let others: MemberSet = self.members.iter().skip(1).map(|member| &member.name).collect();
        self.call(0, |session, env| drop(session.change(env, &others, &MemberSet::new())));
        self.pass(self.now + Duration::from_secs(120));
    }

    /// Does something with somebody's session, and what the session asks for.
    pub(crate) fn call(&mut self, who: usize, action: impl FnOnce(&mut Session, &mut Env<'_>)) {
        let Some(member) = self.members.get_mut(who) else { return };
        action(&mut member.session, &mut Env { now: self.now, rng: &mut member.rng });
        while let Some(notice) = self.members.get_mut(who).and_then(|m| m.session.poll_notice()) {
            self.counts.told(&self.members, self.now, who, &notice);
        }
        while let Some(request) = self.members.get_mut(who).and_then(|m| m.session.poll_transmit())
        {
            self.carry_out(who, request);
        }
    }

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
                self.counts.sent(&bytes);
                for to in present {
                    if !self.counts.loses(&mut self.dice, self.now, (from, to), &bytes) {
                        let (sender, bytes) = (name.clone(), bytes.clone());
                        self.send(to, ChannelEvent::Packet { sender, bytes });
                    }
                }
            }
            // Nobody leaves or is asked to.
            _ => {}
        }
    }

    fn send(&mut self, to: usize, event: ChannelEvent) {
        let least = self.latency / 20;
        let takes = least + self.dice.below(self.latency - least + 1);
        let Some(member) = self.members.get_mut(to) else { return };
        let at = (self.now + Duration::from_millis(takes)).max(member.arrives);
        member.arrives = at;
        self.sent += 1;
        self.on_the_way.insert((at, self.sent), (to, event));
    }

    /// Everything that happens until this moment, in its order.
    pub(crate) fn pass(&mut self, until: Timestamp) {
        let due = |member: &Member| member.session.poll_timeout().map(|due| due.at);
        loop {
            let arrival = self.on_the_way.keys().next().map(|key| key.0);
            let timer = self.members.iter().filter_map(due).min();
            let next = arrival.into_iter().chain(timer).min();
            let Some(at) = next.filter(|at| *at <= until) else { break };
            self.now = self.now.max(at);
            if arrival.is_some_and(|arrival| timer.is_none_or(|timer| arrival <= timer)) {
                if let Some((_, (to, event))) = self.on_the_way.pop_first() {
                    self.counts.arrived();
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
}
