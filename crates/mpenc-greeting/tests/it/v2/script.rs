//! Operations of the second profile played from any bytes: honest packets, late ones, copies, and
//! what somebody on the channel, or a dishonest member, makes of them. The fuzz target and the
//! replay of its corpus run the same, over a suite that costs nothing.
//!
//! ```text
//! cast: 1 byte      number of members (low three bits), whether the last is dishonest (next bit)
//! steps of 1 byte   what happens, see `Stage::step`, followed by the bytes it takes
//! ```
//!
//! What is checked, besides that nothing panics:
//!
//! * A packet that was refused, or only looked at, leaves no trace: every greeter has a twin that
//!   gets only what was accepted, and the two do the same for ever.
//! * Whoever ends with the same subsession has the same members, author keys, root and fingerprint:
//!   also with a dishonest member, since everybody confirms the key.
//! * Nobody takes a key for an honest member's that this member did not send.
//! * Nobody honest is ever blamed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use mpenc_crypto::testing::Transparent;
use mpenc_crypto::{PrimeOrderGroup, PublicKey, SigningKey, Suite};
use mpenc_greeting::{
    AbortReason, BroadcastGreeter, Failure, Greeter, Inspection, Metadata, Outcome, Progress,
    Staged, SubsessionKeys,
};
use mpenc_packet::v2::{Contribution, Greeting, decode_greeting};
use mpenc_types::{ChainHash, MemberId, MemberSet, PacketId, SubsessionId};

use crate::tape::{Entropy, Script, seed};

// By its place, since the fuzz target takes this file by its own.
#[path = "liar.rs"]
mod liar;

use liar::{Puppet, scalar};

type Toy = Transparent;
type Key = <Toy as Suite>::SigningKey;
type Scalar = <Toy as PrimeOrderGroup>::Scalar;
type Element = <Toy as PrimeOrderGroup>::Element;

/// What came of a script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Played {
    /// Packets that somebody refused.
    pub(crate) refused: usize,
    /// Packets that somebody applied.
    pub(crate) applied: usize,
    /// Operations that somebody completed.
    pub(crate) completed: usize,
    /// Operations that a packet ended for somebody without success.
    pub(crate) failed: usize,
    /// Members blamed.
    pub(crate) blamed: usize,
    /// Of the packets applied, those that no honest member sent so.
    pub(crate) deceived: usize,
}

/// Plays the script and checks what must hold.
pub(crate) fn run(script: &[u8]) -> Played {
    let mut script = Script(script);
    let cast = script.byte();
    let mut stage = Stage::new(usize::from(cast % 8).clamp(2, 6), cast & 8 != 0);
    for _ in 0..MAX_STEPS {
        if script.0.is_empty() {
            break;
        }
        stage.step(&mut script);
    }
    for player in &stage.players {
        player.compare();
    }
    stage.played
}

/// What members of a subsession have in common.
#[derive(Debug, PartialEq, Eq)]
struct Shared {
    members: MemberSet,
    authors: Vec<(MemberId, PublicKey)>,
    secret: [u8; 32],
    fingerprint: Option<[u8; 32]>,
}

struct Player {
    id: MemberId,
    greeter: BroadcastGreeter<Toy>,
    /// Gets only what `greeter` accepted.
    twin: BroadcastGreeter<Toy>,
    /// How often it drew randomness: each time from a source of its own.
    draws: u64,
    /// Ephemeral keys in packets that it sent.
    sent: BTreeSet<PublicKey>,
    /// Stands for the order of operations; none without a subsession.
    chain: Option<[u8; 32]>,
    /// State before the running operation, and its first packet.
    begun: Option<([u8; 32], Vec<u8>)>,
}

struct Stage {
    players: Vec<Player>,
    identities: Vec<Arc<Key>>,
    insider: bool,
    /// What a dishonest member contributes, which its greeter knows nothing of.
    puppet: Puppet,
    /// Sent, and not yet delivered to everybody.
    queue: VecDeque<(usize, Vec<u8>)>,
    /// Ever sent.
    pool: Vec<(usize, Vec<u8>)>,
    endings: BTreeMap<SubsessionId, Shared>,
    played: Played,
}

impl Stage {
    fn new(count: usize, insider: bool) -> Self {
        let ids: Vec<MemberId> =
            (b'a'..).take(count).map(|name| MemberId::from_wire(&[name])).collect();
        let identities: Vec<Arc<Key>> =
            (0..count as u64).map(|i| Arc::new(Key::from_seed(&seed(b'i', i, 0)))).collect();
        let greeter = |i: usize| {
            let mut greeter = BroadcastGreeter::new(ids[i].clone(), identities[i].clone(), "fuzz");
            for (id, identity) in ids.iter().zip(&identities) {
                greeter.set_identity(id, Some(identity.public()));
            }
            greeter
        };
        let player = |(i, id): (usize, &MemberId)| Player {
            id: id.clone(),
            greeter: greeter(i),
            twin: greeter(i),
            draws: 0,
            sent: BTreeSet::new(),
            chain: None,
            begun: None,
        };
        Self {
            players: ids.iter().enumerate().map(player).collect(),
            identities,
            insider,
            puppet: Puppet {
                scalar: scalar(b"puppet"),
                signer: Key::from_seed(&seed(b'p', 0, 0)),
                nonce: [7; 32],
            },
            queue: VecDeque::new(),
            pool: Vec::new(),
            endings: BTreeMap::new(),
            played: Played::default(),
        }
    }

    fn step(&mut self, script: &mut Script<'_>) {
        let count = self.players.len();
        match script.byte() % 8 {
            0 => {
                self.deliver_next();
            }
            1 => {
                while self.deliver_next() {}
                self.bystanders_leave();
            }
            2 => {
                let by = script.below(count);
                let wanted = script.byte();
                self.propose(by, wanted);
            }
            act @ 3..=6 => {
                if self.pool.is_empty() {
                    return;
                }
                // Counted from the end: what is new matters most.
                let back = script.below(self.pool.len());
                let (from, packet) = self.pool[self.pool.len() - 1 - back].clone();
                let to = script.below(count + 1);
                let (from, packet) = match act {
                    3 => (from, packet),
                    4 => (from, script.spoil(&packet)),
                    5 => (from, self.spoil_fields(script, &packet)),
                    _ => self.say(script, from, &packet),
                };
                if to < count {
                    self.deliver(to, from, &packet);
                } else {
                    (0..count).for_each(|to| self.deliver(to, from, &packet));
                    if self.is_dishonest(from) {
                        // It is on record as what this member has said.
                        self.remember(from, packet);
                    }
                }
            }
            _ => {
                let who = script.below(count);
                let act = script.byte();
                self.control(who, act);
            }
        }
    }

    fn is_dishonest(&self, who: usize) -> bool {
        self.insider && who + 1 == self.players.len()
    }

    fn remember(&mut self, from: usize, packet: Vec<u8>) {
        if self.pool.len() < MAX_PACKETS {
            self.pool.push((from, packet));
        }
    }

    fn send(&mut self, from: usize, packet: Vec<u8>) {
        if let Some(contribution) = contribution_in(&packet) {
            self.players[from].sent.insert(contribution.ephemeral);
        }
        if self.pool.len() < MAX_PACKETS {
            self.queue.push_back((from, packet.clone()));
            self.remember(from, packet);
        }
    }

    /// Delivers the oldest packet to everybody, as an honest channel does.
    fn deliver_next(&mut self) -> bool {
        let Some((from, packet)) = self.queue.pop_front() else { return false };
        for to in 0..self.players.len() {
            self.deliver(to, from, &packet);
        }
        true
    }

    fn propose(&mut self, by: usize, wanted: u8) {
        let next: MemberSet = self
            .players
            .iter()
            .enumerate()
            .filter(|(i, _)| wanted >> i & 1 != 0)
            .map(|(_, player)| &player.id)
            .collect();
        let player = &mut self.players[by];
        let chain = player.chain.unwrap_or_default();
        let metadata = Metadata {
            prev_final: PacketId::new(chain),
            prev_chain: ChainHash::new(chain),
            heads: Vec::new(),
        };
        let [mut ours, mut twins] = player.entropy(by);
        let Ok(packet) = player.greeter.propose(&mut ours, &next, metadata.clone()) else { return };
        assert_eq!(player.twin.propose(&mut twins, &next, metadata).as_ref(), Ok(&packet));
        player.draws += 1;
        self.send(by, packet);
    }

    fn control(&mut self, who: usize, act: u8) {
        let player = &mut self.players[who];
        match act % 5 {
            0 => {
                player.both(Greeter::fail);
                player.begun = None;
            }
            1 => player.both(Greeter::withdraw),
            2 => player.leave(),
            3 => {
                let ours = player.greeter.abort(AbortReason::TimedOut);
                assert_eq!(ours, player.twin.abort(AbortReason::TimedOut));
                if let Some(out) = ours {
                    self.send(who, out.packet);
                }
            }
            // The channel loses what waits.
            _ => self.queue.clear(),
        }
    }

    fn bystanders_leave(&mut self) {
        for player in &mut self.players {
            if player.greeter.running().is_some_and(|running| running.bystander) {
                player.leave();
            }
        }
    }

    /// Delivers a packet to one, who does what a session does.
    fn deliver(&mut self, to: usize, from: usize, packet: &[u8]) {
        let sender = self.players[from].id.clone();
        let player = &mut self.players[to];
        let Ok(inspection) = player.greeter.inspect(&sender, packet) else {
            self.played.refused += 1;
            return;
        };
        let [mut ours, mut twins] = player.entropy(to);
        let (progress, twin) = match &inspection {
            Inspection::Initial(initial) => {
                assert!(initial.binds_chain);
                let before = *initial.metadata.prev_chain.as_bytes();
                let takes_part = initial.next_members.contains(&player.id);
                let fits = player.chain.is_none_or(|chain| chain == before);
                if !initial.verified || !(takes_part || player.chain.is_some()) || !fits {
                    return;
                }
                let Ok(progress) = player.greeter.start(&mut ours, &sender, packet) else {
                    self.played.refused += 1;
                    return;
                };
                player.begun = Some((before, packet.to_vec()));
                (progress, player.twin.start(&mut twins, &sender, packet))
            }
            Inspection::Middle | Inspection::Final => {
                let Ok(progress) = player.greeter.handle(&mut ours, &sender, packet) else {
                    self.played.refused += 1;
                    return;
                };
                (progress, player.twin.handle(&mut twins, &sender, packet))
            }
        };
        self.played.applied += 1;
        let honest = self.pool.iter().any(|(by, sent)| *by == from && sent == packet);
        self.played.deceived += usize::from(!honest);
        let twin = twin.expect("the twin accepts what was accepted");
        player.draws += 1;
        let announced = match &inspection {
            Inspection::Initial(initial) => initial.is_final,
            Inspection::Final => true,
            Inspection::Middle => false,
        };
        self.settle(to, packet, announced, progress, twin);
    }

    fn settle(
        &mut self,
        who: usize,
        packet: &[u8],
        announced: bool,
        progress: Progress,
        twin: Progress,
    ) {
        assert_eq!(progress.outgoing, twin.outgoing);
        for out in progress.outgoing {
            self.send(who, out.packet);
        }
        let player = &mut self.players[who];
        match (progress.outcome, twin.outcome) {
            (Outcome::Continues, Outcome::Continues) => {
                assert!(!announced, "said to be final, and goes on");
                return;
            }
            (Outcome::Ignored, Outcome::Ignored) => player.leave(),
            (Outcome::Stuck(reason), Outcome::Stuck(twins)) => {
                assert_eq!(reason, twins);
                player.leave();
                return;
            }
            (Outcome::Failed(failure), Outcome::Failed(twins)) => {
                assert_eq!(failure, twins);
                self.fail(who, packet, &failure);
            }
            (Outcome::Complete(staged), Outcome::Complete(twins)) => {
                self.played.completed += 1;
                self.complete(who, packet, staged, twins);
            }
            (ours, twins) => panic!("{ours:?}, but the twin {twins:?}"),
        }
        assert!(announced, "ended without having been said to");
    }

    fn fail(&mut self, who: usize, packet: &[u8], failure: &Failure) {
        self.played.failed += 1;
        self.played.blamed += failure.bad.len();
        let last = self.players.last().map(|player| &player.id).filter(|_| self.insider);
        for member in &failure.bad {
            assert_eq!(Some(member), last, "blamed for what it did not do");
        }
        let player = &mut self.players[who];
        assert_eq!(player.greeter.running(), None);
        let (before, initial) = player.begun.take().expect("an operation has begun");
        if player.chain.is_some() {
            player.chain = Some(Toy::hash(&[&before, &initial, packet]));
        }
    }

    fn complete(&mut self, who: usize, packet: &[u8], staged: Staged, twins: Staged) {
        let player = &mut self.players[who];
        let sid = staged.sid();
        let members = staged.operation().next_members.clone();
        let (before, initial) = player.begun.take().expect("an operation has begun");
        let keys = player.greeter.merge(staged);
        let twins = player.twin.merge(twins);
        assert_eq!(player.greeter.members(), members);
        assert!(members.contains(&player.id), "nobody completes its own exclusion");
        player.chain = Some(Toy::hash(&[&before, &initial, packet]));
        let (Some(keys), Some(twins)) = (keys, twins) else {
            assert_eq!(members, MemberSet::of(&player.id));
            return;
        };
        assert_eq!(keys.sid, sid);
        let (keys, twins) = (shared(members.clone(), keys), shared(members, twins));
        assert_eq!(keys, twins);
        self.authentic(&keys);
        match self.endings.get(&sid) {
            None => drop(self.endings.insert(sid, keys)),
            Some(first) => assert_eq!(*first, keys),
        }
    }

    /// The keys of honest members are theirs.
    fn authentic(&self, keys: &Shared) {
        let named: MemberSet = keys.authors.iter().map(|(author, _)| author).collect();
        assert_eq!(named, keys.members);
        for (i, player) in self.players.iter().enumerate() {
            let author = keys.authors.iter().find(|(author, _)| *author == player.id);
            if let Some((_, key)) = author.filter(|_| !self.is_dishonest(i)) {
                assert!(player.sent.contains(key), "not a key of {}", player.id);
            }
        }
    }
}

impl Player {
    /// The same randomness for both, different at every accepted call.
    fn entropy(&self, who: usize) -> [Entropy; 2] {
        [Entropy::new(who, self.draws), Entropy::new(who, self.draws)]
    }

    fn both(&mut self, act: impl Fn(&mut BroadcastGreeter<Toy>)) {
        act(&mut self.greeter);
        act(&mut self.twin);
    }

    fn leave(&mut self) {
        self.both(Greeter::fail);
        self.both(Greeter::reset);
        (self.chain, self.begun) = (None, None);
    }

    fn compare(&self) {
        assert_eq!(self.greeter.running(), self.twin.running());
        assert_eq!(self.greeter.members(), self.twin.members());
    }
}

fn contribution_in(packet: &[u8]) -> Option<Contribution> {
    match decode_greeting(packet).ok()? {
        Greeting::Initial(packet) => packet.peek().fields().contribution.clone(),
        Greeting::Contribution(packet) => Some(packet.peek().fields().contribution.clone()),
        Greeting::Share(_) | Greeting::Confirmation(_) | Greeting::Abort(_) => None,
    }
}

fn shared(members: MemberSet, keys: SubsessionKeys) -> Shared {
    let SubsessionKeys { authors, secret, fingerprint, .. } = keys;
    Shared { members, authors, secret: *secret.expose(), fingerprint }
}

/// Bounds that keep one script short.
const MAX_STEPS: usize = 40;
const MAX_PACKETS: usize = 80;
