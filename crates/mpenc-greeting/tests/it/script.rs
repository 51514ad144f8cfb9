//! Operations played from any bytes: honest packets, late ones, copies, and what somebody on the
//! channel, or a dishonest member, makes of them. The fuzz target and the replay of its corpus run
//! the same, over a suite that costs nothing.
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
//! * Whoever completes an operation that began with the same packet from the same state, with the
//!   same session identifier, has the same members, author keys and group key. (Without a
//!   dishonest member: v1 does not confirm the key, so one can give different keys to different
//!   people.)
//! * Nobody takes a key for an honest member's that this member did not draw (SKE-019).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use mpenc_crypto::testing::Transparent;
use mpenc_crypto::{PublicKey, SecretBytes, SigningKey, Suite};
use mpenc_greeting::{
    CliquesGreeter, Greeter, Inspection, Metadata, Outcome, Progress, Staged, SubsessionKeys,
};
use mpenc_packet::v1::{self, GreetType, GreetingFields, Packet};
use mpenc_packet::{armor, tlv};
use mpenc_types::{ChainHash, MemberId, MemberSet, PacketId, SubsessionId};

use crate::tape::{Entropy, Script, seed};

type Key = <Transparent as Suite>::SigningKey;

/// What came of a script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Played {
    /// Packets that somebody refused.
    pub(crate) refused: usize,
    /// Packets that somebody applied.
    pub(crate) applied: usize,
    /// Operations that somebody completed.
    pub(crate) completed: usize,
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

/// Which state an operation begins with, its first packet, and what it ends with.
type Ending = ([u8; 32], Vec<u8>, SubsessionId);

/// What members of a subsession have in common.
#[derive(Debug, PartialEq, Eq)]
struct Shared {
    members: MemberSet,
    authors: Vec<(MemberId, PublicKey)>,
    secret: [u8; 32],
}

struct Player {
    id: MemberId,
    greeter: CliquesGreeter<Transparent>,
    /// Gets only what `greeter` accepted.
    twin: CliquesGreeter<Transparent>,
    /// How often it drew randomness: each time from a source of its own.
    draws: u64,
    /// Public keys for everything that it ever drew.
    drawn: Drawn,
    /// Stands for the order of operations; none without a subsession.
    chain: Option<[u8; 32]>,
    /// State before the running operation, and its first packet.
    begun: Option<([u8; 32], Vec<u8>)>,
}

#[derive(Default)]
struct Drawn {
    keys: Vec<Arc<Key>>,
    public: BTreeSet<PublicKey>,
}

struct Stage {
    players: Vec<Player>,
    insider: bool,
    /// A key of somebody who belongs to nobody.
    outsider: Key,
    /// Sent, and not yet delivered to everybody.
    queue: VecDeque<(usize, Vec<u8>)>,
    /// Ever sent.
    pool: Vec<(usize, Vec<u8>)>,
    endings: BTreeMap<Ending, Shared>,
    played: Played,
}

impl Stage {
    fn new(count: usize, insider: bool) -> Self {
        let ids: Vec<MemberId> =
            (b'a'..).take(count).map(|name| MemberId::from_wire(&[name])).collect();
        let identities: Vec<_> = (0..count as u64)
            .map(|i| Arc::new(Key::from_seed(&seed(b'i', i, 0))))
            .map(|identity| (identity.public(), identity))
            .collect();
        let greeter = |i: usize| {
            let mut greeter = CliquesGreeter::new(ids[i].clone(), identities[i].1.clone());
            for (id, (public, _)) in ids.iter().zip(&identities) {
                greeter.set_identity(id, Some(*public));
            }
            greeter
        };
        let player = |(i, id): (usize, &MemberId)| Player {
            id: id.clone(),
            greeter: greeter(i),
            twin: greeter(i),
            draws: 0,
            drawn: Drawn::default(),
            chain: None,
            begun: None,
        };
        Self {
            players: ids.iter().enumerate().map(player).collect(),
            insider,
            outsider: Key::from_seed(&seed(b'o', 0, 0)),
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
                let to = script.below(count);
                let (from, packet) = match act {
                    3 => (from, packet),
                    4 => (from, spoil_armoured(script, &packet)),
                    5 => (from, self.spoil_records(script, &packet)),
                    _ => self.rewrite(script, from, &packet),
                };
                self.deliver(to, from, &packet);
            }
            _ => {
                let who = script.below(count);
                let act = script.byte();
                self.control(who, act);
            }
        }
    }

    fn send(&mut self, from: usize, packet: Vec<u8>) {
        if self.pool.len() < MAX_PACKETS {
            self.pool.push((from, packet.clone()));
            self.queue.push_back((from, packet));
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
        player.accepted(ours);
        self.send(by, packet);
    }

    fn control(&mut self, who: usize, act: u8) {
        let player = &mut self.players[who];
        match act % 4 {
            0 => {
                player.both(Greeter::fail);
                player.begun = None;
            }
            1 => player.both(Greeter::withdraw),
            2 => player.leave(),
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
        player.accepted(ours);
        self.settle(to, packet, progress, twin);
    }

    fn settle(&mut self, who: usize, packet: &[u8], progress: Progress, twin: Progress) {
        assert_eq!(progress.outgoing, twin.outgoing);
        for out in progress.outgoing {
            self.send(who, out.packet);
        }
        let player = &mut self.players[who];
        match (progress.outcome, twin.outcome) {
            (Outcome::Continues, Outcome::Continues) => {}
            (Outcome::Ignored, Outcome::Ignored) => player.leave(),
            (Outcome::Stuck(reason), Outcome::Stuck(twins)) => {
                assert_eq!(reason, twins);
                player.leave();
            }
            (Outcome::Complete(staged), Outcome::Complete(twins)) => {
                self.played.completed += 1;
                self.complete(who, packet, staged, twins);
            }
            (ours, twins) => panic!("{ours:?}, but the twin {twins:?}"),
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
        player.chain = Some(Transparent::hash(&[&before, &initial, packet]));
        let (Some(keys), Some(twins)) = (keys, twins) else {
            assert_eq!(members, MemberSet::of(&player.id));
            return;
        };
        assert_eq!(keys.sid, sid);
        let (keys, twins) = (shared(members.clone(), keys), shared(members, twins));
        assert_eq!(keys, twins);
        self.authentic(&keys);
        let insider = self.insider;
        let ending = (before, initial, sid);
        match self.endings.get(&ending) {
            None => drop(self.endings.insert(ending, keys)),
            Some(first) if insider => {
                assert_eq!((&first.members, &first.authors), (&keys.members, &keys.authors));
            }
            Some(first) => assert_eq!(*first, keys),
        }
    }

    /// The keys of honest members are theirs.
    fn authentic(&self, keys: &Shared) {
        let named: MemberSet = keys.authors.iter().map(|(author, _)| author).collect();
        assert_eq!(named, keys.members);
        for (i, player) in self.players.iter().enumerate() {
            let honest = !self.insider || i + 1 < self.players.len();
            let author = keys.authors.iter().find(|(author, _)| *author == player.id);
            if let Some((_, key)) = author.filter(|_| honest) {
                assert!(player.drawn.public.contains(key), "not a key of {}", player.id);
            }
        }
    }

    /// Moves, drops, doubles and replaces whole records, also by those of other packets.
    fn spoil_records(&self, script: &mut Script<'_>, packet: &[u8]) -> Vec<u8> {
        let mut own = records(packet);
        for _ in 0..script.below(4) + 1 {
            let at = script.below(own.len().max(1));
            if at >= own.len() {
                break;
            }
            match script.byte() % 5 {
                0 => drop(own.remove(at)),
                1 => own.insert(at, own[at].clone()),
                2 => {
                    let other = script.below(own.len());
                    own.swap(at, other);
                }
                3 => {
                    let other = records(&self.pool[script.below(self.pool.len())].1);
                    let alike: Vec<_> = other.iter().filter(|r| r.0 == own[at].0).collect();
                    if !alike.is_empty() {
                        own[at] = alike[script.below(alike.len())].clone();
                    }
                }
                _ => {
                    let bits = script.byte();
                    if let Some(byte) = own[at].1.last_mut() {
                        *byte ^= bits;
                    }
                }
            }
        }
        let mut out = tlv::Writer::new();
        for (kind, value) in own {
            let _ = out.push(kind, &value);
        }
        armor::encode(&out.into_bytes())
    }

    /// Says something else, properly signed: by a key of the dishonest member, else of nobody.
    fn rewrite(&self, script: &mut Script<'_>, from: usize, packet: &[u8]) -> (usize, Vec<u8>) {
        let Ok(Packet::Greeting(greeting)) = v1::decode(packet) else {
            return (from, packet.to_vec());
        };
        let mut fields = greeting.peek().fields().clone();
        for _ in 0..script.below(4) + 1 {
            self.edit(script, &mut fields);
        }
        let last = self.players.len() - 1;
        let keys = &self.players[last].drawn.keys;
        let signer: &Key = match script.below(keys.len() + 1) {
            0 => &self.outsider,
            _ if !self.insider => &self.outsider,
            back => &keys[keys.len() - back],
        };
        // Usually the signer puts its key in place of somebody's.
        let place = script.below(8);
        if let Some(key) = fields.pub_keys.get_mut(place) {
            *key = signer.public();
        }
        let from =
            self.players.iter().position(|player| player.id == fields.source).unwrap_or(from);
        match fields.sign(signer) {
            Ok(packet) => (from, packet.to_wire()),
            Err(_) => (from, packet.to_vec()),
        }
    }

    fn edit(&self, script: &mut Script<'_>, fields: &mut GreetingFields) {
        let name = self.players[script.below(self.players.len())].id.clone();
        let at = script.below(8);
        let other = self.pool[script.below(self.pool.len())].1.clone();
        let other = match v1::decode(&other) {
            Ok(Packet::Greeting(greeting)) => greeting.peek().fields().clone(),
            _ => fields.clone(),
        };
        match script.byte() % 14 {
            0 => fields.source = name,
            1 => fields.dest = fields.dest.as_ref().map(|_| name),
            2 => fields.greet_type = GreetType::ALL[at % GreetType::ALL.len()],
            3 => replace(&mut fields.members, at, name),
            4 => fields.members.push(name),
            5 => drop(fields.members.pop()),
            6 => replace_from(&mut fields.int_keys, at, other.int_keys),
            7 => replace_from(&mut fields.nonces, at, other.nonces),
            8 => replace_from(&mut fields.pub_keys, at, other.pub_keys),
            9 => fields.session_signature = other.session_signature.or(fields.session_signature),
            10 => drop(fields.int_keys.pop()),
            11 => drop((fields.nonces.pop(), fields.pub_keys.pop())),
            12 => *fields = other,
            _ => {
                let mut number = [0; 32];
                number[0] = script.byte();
                replace(&mut fields.int_keys, at, Some(number));
            }
        }
    }
}

impl Player {
    /// The same randomness for both, different at every accepted call.
    fn entropy(&self, who: usize) -> [Entropy; 2] {
        [Entropy::new(who, self.draws), Entropy::new(who, self.draws)]
    }

    fn accepted(&mut self, entropy: Entropy) {
        self.draws += 1;
        for draw in entropy.drawn {
            let key = Key::from_seed(&SecretBytes::new(draw));
            self.drawn.public.insert(key.public());
            self.drawn.keys.push(Arc::new(key));
        }
    }

    fn both(&mut self, act: impl Fn(&mut CliquesGreeter<Transparent>)) {
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

fn shared(members: MemberSet, keys: SubsessionKeys) -> Shared {
    Shared { members, authors: keys.authors, secret: *keys.secret.expose() }
}

fn spoil_armoured(script: &mut Script<'_>, packet: &[u8]) -> Vec<u8> {
    armor::encode(&script.spoil(&armor::decode(packet).unwrap_or_default()))
}

fn records(packet: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let bytes = armor::decode(packet).unwrap_or_default();
    let mut reader = tlv::Reader::new(&bytes);
    let mut records = Vec::new();
    while let Ok(Some(record)) = reader.peek() {
        records.push((record.kind, record.value.to_vec()));
        if reader.take(record.kind).is_err() {
            break;
        }
    }
    records
}

fn replace<T>(list: &mut [T], at: usize, value: T) {
    if let Some(place) = list.get_mut(at) {
        *place = value;
    }
}

fn replace_from<T: Clone>(list: &mut [T], at: usize, other: Vec<T>) {
    if let Some(value) = other.get(at).or_else(|| other.first()) {
        replace(list, at, value.clone());
    }
}

/// Bounds that keep one script short.
const MAX_STEPS: usize = 40;
const MAX_PACKETS: usize = 60;
