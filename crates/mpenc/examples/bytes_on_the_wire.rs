//! What operations and messages cost on the wire, in both profiles, for docs/performance.md:
//! `cargo run --release -p mpenc --example bytes_on_the_wire`
//!
//! Whole sessions over a queue for each member; what the channel is given is counted, once for
//! each packet, however many receive it. Names have four bytes, texts 100.
#![expect(clippy::expect_used, reason = "a measurement that cannot go on stops")]
#![expect(clippy::std_instead_of_alloc, clippy::std_instead_of_core, reason = "a program has std")]

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use mpenc::channel::{ChannelEvent, ChannelRequest};
use mpenc::{Env, Identity, MemberId, MemberSet, Profile, Session, SessionConfig, Timestamp};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

struct Member {
    session: Session,
    rng: ChaCha20Rng,
    events: VecDeque<ChannelEvent>,
}

struct Group {
    names: Vec<MemberId>,
    members: BTreeMap<MemberId, Member>,
    channel: MemberSet,
    now: Timestamp,
    packets: u64,
    bytes: usize,
}

/// Packets and bytes.
type Cost = (u64, usize);

impl Group {
    fn new(profile: Profile, size: u64) -> Self {
        let names: Vec<_> =
            (0..size).map(|n| MemberId::new(format!("m{n:03}")).expect("a name")).collect();
        let mut keys = Vec::new();
        let mut members = BTreeMap::new();
        for (seed, name) in (0..).zip(&names) {
            let mut rng = ChaCha20Rng::seed_from_u64(seed);
            let identity = Identity::generate(&mut rng);
            keys.push(identity.public());
            let config = SessionConfig::new(name.clone(), identity).expect("a configuration");
            // Nothing but what is asked for, and what has to follow from it.
            let config = config.profile(profile).presence(false).adaptive(false);
            let session = Session::new(config.patient_join(true).stay_if_last(true));
            members.insert(name.clone(), Member { session, rng, events: VecDeque::new() });
        }
        for member in members.values_mut() {
            for (name, key) in names.iter().zip(&keys) {
                member.session.set_identity(name, Some(*key));
            }
        }
        let (channel, now) = (MemberSet::new(), Timestamp::ZERO);
        Self { names, members, channel, now, packets: 0, bytes: 0 }
    }

    fn name(&self, index: usize) -> MemberId {
        self.names.get(index).expect("a member").clone()
    }

    /// What an action costs, with everything that follows from it for a while.
    fn cost(
        &mut self,
        who: usize,
        wait: Duration,
        action: impl FnOnce(&mut Session, &mut Env<'_>),
    ) -> Cost {
        let before = (self.packets, self.bytes);
        let name = self.name(who);
        let member = self.members.get_mut(&name).expect("a member");
        action(&mut member.session, &mut Env { now: self.now, rng: &mut member.rng });
        self.run_until_quiet();
        let end = self.now + wait;
        loop {
            let due = self.members.values().filter_map(|m| m.session.poll_timeout()).map(|d| d.at);
            let Some(at) = due.min().filter(|at| *at <= end) else { break };
            self.now = self.now.max(at);
            for member in self.members.values_mut() {
                member.session.handle_timeout(&mut Env { now: self.now, rng: &mut member.rng });
            }
            self.run_until_quiet();
        }
        self.now = end;
        (self.packets - before.0, self.bytes - before.1)
    }

    fn run_until_quiet(&mut self) {
        let mut busy = true;
        while core::mem::take(&mut busy) {
            for name in &self.names.clone() {
                let mut requests = Vec::new();
                if let Some(member) = self.members.get_mut(name) {
                    if let Some(event) = member.events.pop_front() {
                        let mut env = Env { now: self.now, rng: &mut member.rng };
                        let _ = member.session.handle_input(&mut env, event);
                        busy = true;
                    }
                    while member.session.poll_notice().is_some() {}
                    requests.extend(core::iter::from_fn(|| member.session.poll_transmit()));
                }
                busy |= !requests.is_empty();
                requests.into_iter().for_each(|request| self.carry_out(name, request));
            }
        }
    }

    fn carry_out(&mut self, from: &MemberId, request: ChannelRequest) {
        let one = MemberSet::of(from);
        match request {
            ChannelRequest::Enter => {
                self.tell(&ChannelEvent::Changed { enter: one, leave: MemberSet::new() });
                self.channel.insert(from.clone());
                let members = self.channel.clone();
                let entered = ChannelEvent::Entered { members };
                self.members.get_mut(from).expect("a member").events.push_back(entered);
            }
            ChannelRequest::Leave => self.leave(from),
            ChannelRequest::Change { leave, .. } => {
                leave.iter().for_each(|member| self.leave(member));
            }
            ChannelRequest::Send { bytes, .. } => {
                self.packets += 1;
                self.bytes += bytes.len();
                self.tell(&ChannelEvent::Packet { sender: from.clone(), bytes });
            }
            _ => {}
        }
    }

    fn leave(&mut self, who: &MemberId) {
        if self.channel.remove(who) {
            let member = self.members.get_mut(who).expect("a member");
            member.events.push_back(ChannelEvent::Left);
            let leave = MemberSet::of(who);
            self.tell(&ChannelEvent::Changed { enter: MemberSet::new(), leave });
        }
    }

    fn tell(&mut self, event: &ChannelEvent) {
        for (_, member) in self.members.iter_mut().filter(|(name, _)| self.channel.contains(name)) {
            member.events.push_back(event.clone());
        }
    }
}

/// Everything that follows from an operation, FINs and acknowledgements included.
const SETTLED: Duration = Duration::from_secs(120);

fn main() {
    let nobody = MemberSet::new();
    let columns =
        ["establish", "include one", "exclude one", "refresh", "first text", "next one", "an ack"];
    println!("| Members | Profile | {} |", columns.join(" | "));
    println!("|{}", " --- |".repeat(columns.len() + 2));
    for size in [2_u64, 8, 32] {
        for profile in Profile::ALL {
            let mut group = Group::new(profile, size + 1);
            for who in 0..group.names.len() {
                group.cost(who, Duration::ZERO, |s, env| drop(s.join(env)));
            }
            let all: MemberSet = group.names.iter().collect();
            let last = MemberSet::of(group.names.last().expect("a member"));
            let others = all.difference(&last).without(&group.name(0));
            let change = |include: &MemberSet, exclude: &MemberSet| {
                let (include, exclude) = (include.clone(), exclude.clone());
                move |s: &mut Session, env: &mut Env<'_>| drop(s.change(env, &include, &exclude))
            };
            let establish = group.cost(0, SETTLED, change(&others, &nobody));
            let include = group.cost(0, SETTLED, change(&last, &nobody));
            let exclude = group.cost(0, SETTLED, change(&nobody, &last));
            let refresh = group.cost(0, SETTLED, |s, env| drop(s.refresh(env)));
            let text = "x".repeat(100);
            let mut say = |who: usize, text: &str| {
                group.cost(who, Duration::ZERO, |s, env| {
                    s.send(env, text).expect("a session");
                })
            };
            // The first one answers everybody's latest message.
            let first = say(0, &text);
            let next = say(0, &text);
            let ack = say(1, "");
            let show = |(packets, bytes): Cost| match packets {
                1 => format!("{bytes} B"),
                _ => format!("{packets} packets, {bytes} B"),
            };
            let costs = [establish, include, exclude, refresh, first, next, ack].map(show);
            println!("| {size} | {profile} | {} |", costs.join(" | "));
        }
    }
}
