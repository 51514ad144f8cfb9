//! The loop an application runs around the engine that does no input or output of its own.
//!
//! Two members in one program, a queue for each as the channel, and a clock advanced by hand:
//! `cargo run -p mpenc --example drive_loop`
#![expect(clippy::wildcard_enum_match_arm, reason = "an example shows one thing")]
#![expect(clippy::std_instead_of_alloc, clippy::std_instead_of_core, reason = "a program has std")]

use std::collections::{BTreeMap, VecDeque};
use std::error::Error;

use mpenc::channel::{ChannelEvent, ChannelRequest};
use mpenc::{Env, Identity, MemberId, MemberSet, Notice, Session, SessionConfig, Timestamp};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

fn main() -> Result<(), Box<dyn Error>> {
    let (alice, bob) = (MemberId::new("alice")?, MemberId::new("bob")?);
    let mut program = Program::new([&alice, &bob])?;
    program.act(&alice, |session, env| session.join(env));
    program.act(&bob, |session, env| session.join(env));
    let (include, exclude) = (MemberSet::of(&bob), MemberSet::new());
    program.act(&alice, |session, env| session.change(env, &include, &exclude));
    program.act(&bob, |session, env| session.send(env, "hello from the loop"));
    // Time passes: automatic acknowledgements fall due, and everybody learns of them.
    program.wait();
    program.wait();
    Ok(())
}

struct Program {
    members: BTreeMap<MemberId, Member>,
    channel: MemberSet,
    now: Timestamp,
}

struct Member {
    session: Session,
    rng: ChaCha20Rng,
    events: VecDeque<ChannelEvent>,
}

impl Program {
    fn new(names: [&MemberId; 2]) -> Result<Self, Box<dyn Error>> {
        let mut members = BTreeMap::new();
        let mut keys = Vec::new();
        for (seed, name) in (0..).zip(names) {
            let mut rng = ChaCha20Rng::seed_from_u64(seed); // a real program takes the system's
            let identity = Identity::generate(&mut rng);
            keys.push((name.clone(), identity.public()));
            let session = Session::new(SessionConfig::new(name.clone(), identity)?);
            members.insert(name.clone(), Member { session, rng, events: VecDeque::new() });
        }
        for member in members.values_mut() {
            keys.iter().for_each(|(name, key)| member.session.set_identity(name, Some(*key)));
        }
        Ok(Self { members, channel: MemberSet::new(), now: Timestamp::ZERO })
    }

    /// Somebody does something, and everything that follows from it happens.
    fn act<R>(
        &mut self,
        name: &MemberId,
        action: impl FnOnce(&mut Session, &mut Env<'_>) -> R,
    ) -> Option<R> {
        let result = self.members.get_mut(name).map(|member| {
            action(&mut member.session, &mut Env { now: self.now, rng: &mut member.rng })
        });
        self.run_until_quiet();
        result
    }

    /// Lets time pass until the next deadline of anybody.
    fn wait(&mut self) {
        let deadlines = self.members.values().filter_map(|member| member.session.poll_timeout());
        self.now = deadlines.map(|deadline| deadline.at).min().unwrap_or(self.now);
        for member in self.members.values_mut() {
            member.session.handle_timeout(&mut Env { now: self.now, rng: &mut member.rng });
        }
        self.run_until_quiet();
    }

    /// The loop: requests and notices out, events in, until nothing is left to do.
    fn run_until_quiet(&mut self) {
        let names: Vec<MemberId> = self.members.keys().cloned().collect();
        let mut busy = true;
        while busy {
            busy = false;
            for name in &names {
                let Some(member) = self.members.get_mut(name) else { continue };
                if let Some(event) = member.events.pop_front() {
                    let mut env = Env { now: self.now, rng: &mut member.rng };
                    // What became of it is for statistics; what people should know is a notice.
                    let _ = member.session.handle_input(&mut env, event);
                    busy = true;
                }
                while let Some(notice) = member.session.poll_notice() {
                    show(name, &member.session, &notice);
                }
                let mut requests = Vec::new();
                while let Some(request) = member.session.poll_transmit() {
                    requests.push(request);
                }
                for request in requests {
                    self.carry_out(name, request);
                    busy = true;
                }
            }
        }
    }

    /// The channel: everybody in it gets the same events in the same order.
    fn carry_out(&mut self, from: &MemberId, request: ChannelRequest) {
        match request {
            ChannelRequest::Enter => {
                let (enter, leave) = (MemberSet::of(from), MemberSet::new());
                self.tell(&self.channel.clone(), &ChannelEvent::Changed { enter, leave });
                self.channel.insert(from.clone());
                let members = self.channel.clone();
                self.tell(&MemberSet::of(from), &ChannelEvent::Entered { members });
            }
            ChannelRequest::Send { bytes, .. } => {
                let sender = from.clone();
                self.tell(&self.channel.clone(), &ChannelEvent::Packet { sender, bytes });
            }
            // Nobody leaves in this example.
            _ => {}
        }
    }

    fn tell(&mut self, to: &MemberSet, event: &ChannelEvent) {
        for (_, member) in self.members.iter_mut().filter(|(name, _)| to.contains(name)) {
            member.events.push_back(event.clone());
        }
    }
}

fn show(name: &MemberId, session: &Session, notice: &Notice) {
    match notice {
        Notice::MembersChanged { remain, include, .. } => {
            println!("{name}: in a session with {}", remain.union(include).without(name));
        }
        Notice::MessageReady { id, .. } => {
            if let Some(message) = session.message(id) {
                println!("{name}: {} says {:?}", message.author, message.text);
            }
        }
        Notice::MessageFullyAcked { .. } => println!("{name}: everybody has it"),
        _ => {}
    }
}
