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
use std::convert::Infallible;
use std::sync::Arc;

use mpenc_crypto::proof::{self, Statement};
use mpenc_crypto::testing::Transparent;
use mpenc_crypto::{
    FramedHash, KeyDerivation, Label, PrimeOrderGroup, PublicKey, SecretBytes, SigningKey, Suite,
};
use mpenc_greeting::{
    AbortReason, BroadcastGreeter, Failure, Greeter, Inspection, Metadata, Outcome, Progress,
    Staged, SubsessionKeys,
};
use mpenc_packet::v2::{
    AbortFields, AbortReason as WireReason, ConfirmationFields, Contribution, ContributionFields,
    Greeting, InitialFields, OpId, ShareFields, decode_greeting, operation_id,
};
use mpenc_types::{ChainHash, MemberId, MemberSet, PacketId, SubsessionId};
use rand_core::{TryCryptoRng, TryRng};

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

struct Script<'a>(&'a [u8]);

impl Script<'_> {
    /// The next byte; 0 at the end.
    fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    /// A number below `count`, which is not 0.
    fn below(&mut self, count: usize) -> usize {
        usize::from(self.byte()) % count
    }

    /// A place in something long.
    fn far_below(&mut self, count: usize) -> usize {
        usize::from(u16::from_be_bytes([self.byte(), self.byte()])) % count.max(1)
    }
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

struct Puppet {
    scalar: Scalar,
    signer: Key,
    nonce: [u8; 32],
}

impl Puppet {
    fn contribution(&self) -> Contribution {
        let point = Toy::export(&Toy::mul_base(&self.scalar));
        Contribution { nonce: self.nonce, ephemeral: self.signer.public(), point }
    }
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
                    4 => (from, spoil_bytes(script, &packet)),
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

    /// Puts something of another packet, or of this one, in another place.
    fn spoil_fields(&self, script: &mut Script<'_>, packet: &[u8]) -> Vec<u8> {
        let mut bytes = packet.to_vec();
        for _ in 0..script.below(4) + 1 {
            let other = &self.pool[script.below(self.pool.len())].1;
            // In all but initial packets the fields stand behind 4, 68, 100, 102, 134, 166 bytes.
            let places = [4, 68, 100, 102, 134, 166];
            let from = places[script.below(places.len())];
            let to = places[script.below(places.len())];
            let width = [32, 64, 2, 96][script.below(4)];
            if let (Some(value), Some(place)) =
                (other.get(from..from + width), bytes.get_mut(to..to + width))
            {
                place.copy_from_slice(value);
            }
        }
        bytes
    }

    /// What the dishonest member, or somebody without any key, says instead, properly signed.
    fn say(&self, script: &mut Script<'_>, from: usize, packet: &[u8]) -> (usize, Vec<u8>) {
        let last = self.players.len() - 1;
        let who = if self.insider { last } else { from };
        let identity: &Key =
            if self.insider { &self.identities[last] } else { &self.puppet.signer };
        let act = script.byte();
        let Some(seen) = self.seen(script) else { return (from, packet.to_vec()) };
        let own = seen.members.iter().position(|(id, _)| *id == self.players[who].id);
        let place = u16::try_from(own.unwrap_or(0)).unwrap_or(0);
        let twist = script.byte();
        let said = match act % 6 {
            0 => {
                let mut contribution = self.puppet.contribution();
                match twist % 8 {
                    1 => contribution.nonce = seen.contributions[0].nonce,
                    2 => contribution.ephemeral = seen.contributions[0].ephemeral,
                    3 => contribution.point = seen.contributions[0].point,
                    4 => contribution.point = [0; 32],
                    5 => contribution.ephemeral = identity.public(),
                    _ => {}
                }
                let fields = ContributionFields { op: seen.op, place, contribution };
                fields.sign(identity).ok().map(|packet| packet.to_wire())
            }
            1 => {
                let mut fields = seen.share(usize::from(place), &self.puppet.scalar);
                match twist % 8 {
                    1 => fields.share = [0; 32],
                    2 => fields.share = seen.contributions[0].point,
                    3 => fields.challenge[31] ^= 1,
                    4 => fields.response[31] ^= 1,
                    5 => fields.share[31] ^= 1,
                    _ => {}
                }
                let context = seen.context();
                fields.sign(&self.puppet.signer, &context).ok().map(|packet| packet.to_wire())
            }
            2 => {
                let mut fields = seen.confirmation(usize::from(place), &self.puppet.scalar);
                match twist % 4 {
                    1 => fields.check[0] ^= 1,
                    2 => fields.transcript[0] ^= 1,
                    _ => {}
                }
                fields.sign(identity).ok().map(|packet| packet.to_wire())
            }
            3 => {
                let reason = match twist % 4 {
                    0 => WireReason::Asked,
                    1 => WireReason::IdentityKey(u16::from(twist >> 2)),
                    2 => WireReason::NoKey,
                    _ => WireReason::TimedOut,
                };
                let fields = AbortFields { op: seen.op, place, reason };
                fields.sign(identity).ok().map(|packet| packet.to_wire())
            }
            _ => self.other_initial(script, who, &seen.initial, identity),
        };
        (who, said.unwrap_or_else(|| packet.to_vec()))
    }

    /// A proposal of the dishonest member's, made of an earlier one.
    fn other_initial(
        &self,
        script: &mut Script<'_>,
        who: usize,
        initial: &InitialFields,
        identity: &Key,
    ) -> Option<Vec<u8>> {
        let mut fields = initial.clone();
        let id = &self.players[who].id;
        for _ in 0..script.below(3) + 1 {
            let at = script.below(fields.entries.len().max(1));
            let chain = self.players[script.below(self.players.len())].chain.unwrap_or_default();
            let twist = script.byte();
            let entry = fields.entries.get_mut(at)?;
            match twist % 6 {
                0 => entry.was = !entry.was,
                1 => entry.key = None,
                2 => {
                    entry.key = Some(self.identities[script.below(self.identities.len())].public())
                }
                3 => {
                    fields.prev_final = PacketId::new(chain);
                    fields.prev_chain = ChainHash::new(chain);
                }
                4 => fields.label[0] ^= 1,
                _ => {}
            }
        }
        // Usually it names itself as what it is.
        if script.byte() != 0 {
            let own = fields.entries.iter_mut().find(|entry| entry.name == *id)?;
            (own.was, own.key) = (true, Some(identity.public()));
        }
        let place = fields.targets().position(|(entry, _)| entry.name == *id)?;
        fields.place = u16::try_from(place).ok()?;
        let many = fields.targets().count() > 1;
        fields.contribution = many.then(|| self.puppet.contribution());
        Some(fields.sign(identity).ok()?.to_wire())
    }

    /// What the pool says about one of the operations in it: for each place the first packet, or
    /// the last.
    fn seen(&self, script: &mut Script<'_>) -> Option<Seen> {
        let mut initials = self.pool.iter().rev().filter_map(|(_, packet)| {
            let Ok(Greeting::Initial(initial)) = decode_greeting(packet) else { return None };
            Some((operation_id::<Toy>(packet), initial.peek().fields().clone()))
        });
        let choice = script.byte();
        let (op, initial) = initials.nth(usize::from(choice >> 6))?;
        let members: Vec<_> =
            initial.targets().map(|(entry, key)| (entry.name.clone(), *key)).collect();
        let mut contributions: Vec<Option<Contribution>> = vec![None; members.len()];
        let mut shares: Vec<Option<[u8; 32]>> = vec![None; members.len()];
        let first = choice & 1 == 0;
        if let Some(place) = contributions.get_mut(usize::from(initial.place)) {
            *place = initial.contribution.clone();
        }
        for (_, packet) in &self.pool {
            match decode_greeting(packet) {
                Ok(Greeting::Contribution(packet)) if packet.peek().fields().op == op => {
                    let fields = packet.peek().fields();
                    let place = contributions.get_mut(usize::from(fields.place));
                    if let Some(place) = place.filter(|place| place.is_none() || !first) {
                        *place = Some(fields.contribution.clone());
                    }
                }
                Ok(Greeting::Share(packet)) if packet.peek().fields().op == op => {
                    let fields = packet.peek().fields();
                    let place = shares.get_mut(usize::from(fields.place));
                    if let Some(place) = place.filter(|place| place.is_none() || !first) {
                        *place = Some(fields.share);
                    }
                }
                _ => {}
            }
        }
        // What nobody has sent yet is the puppet's, which is what its own is.
        let own = self.puppet.contribution();
        let contributions: Vec<_> =
            contributions.into_iter().map(|one| one.unwrap_or_else(|| own.clone())).collect();
        let shares = shares.into_iter().map(Option::unwrap_or_default).collect();
        (!members.is_empty()).then_some(Seen { op, members, initial, contributions, shares })
    }
}

/// The calculations of an operation, from what was sent.
struct Seen {
    op: OpId,
    members: Vec<(MemberId, PublicKey)>,
    initial: InitialFields,
    contributions: Vec<Contribution>,
    shares: Vec<[u8; 32]>,
}

impl Seen {
    fn n(&self) -> usize {
        self.members.len()
    }

    fn point(&self, place: usize) -> Element {
        Toy::import(&self.contributions[place % self.n()].point).unwrap_or_else(|_| Toy::base())
    }

    fn context(&self) -> [u8; 32] {
        let mut parts: Vec<&[u8]> = vec![self.op.as_bytes()];
        for ((name, identity), one) in self.members.iter().zip(&self.contributions) {
            parts.extend([name.as_bytes(), identity.as_bytes().as_slice()]);
            parts.extend([&one.nonce[..], one.ephemeral.as_bytes(), &one.point]);
        }
        Toy::framed(Label::CONTRIBUTIONS, &parts)
    }

    fn share(&self, place: usize, r: &Scalar) -> ShareFields {
        let (public, ctx) = (self.point(place), self.context());
        let base = Toy::sub(&self.point(place + 1), &self.point(place + self.n() - 1));
        let share = Toy::mul(r, &base);
        let at = u16::try_from(place).unwrap_or_default();
        let statement =
            Statement { ctx: &ctx, place: at, public: &public, base: &base, share: &share };
        let proof = proof::prove::<Toy>(&statement, r, scalar(b"w"));
        ShareFields {
            op: self.op,
            place: at,
            share: Toy::export(&share),
            challenge: proof.challenge,
            response: proof.response,
        }
    }

    /// Of an operation that includes somebody: the key stands on the contributions alone.
    fn confirmation(&self, place: usize, r: &Scalar) -> ConfirmationFields {
        let n = self.n();
        let context = self.context();
        let parts: Vec<&[u8]> =
            [&context].into_iter().chain(&self.shares).map(<[u8; 32]>::as_slice).collect();
        let transcript = Toy::framed(Label::TRANSCRIPT, &parts);
        let times = |count: usize, element: &Element| {
            (0..count).fold(Toy::identity(), |sum, _| Toy::add(&sum, element))
        };
        let mut sum = times(n, &Toy::mul(r, &self.point(place + n - 1)));
        for j in 0..n - 1 {
            let share = Toy::import_or_identity(&self.shares[(place + j) % n]);
            sum = Toy::add(&sum, &times(n - 1 - j, &share.unwrap_or_else(|_| Toy::base())));
        }
        let prk = Toy::extract(&[0; 32], &[&Toy::export(&sum)]);
        let mut check = [0; 32];
        Toy::expand(&prk, Label::KEY_CHECK, &[&transcript], &mut check);
        let place = u16::try_from(place).unwrap_or_default();
        ConfirmationFields { op: self.op, place, transcript, check }
    }
}

impl Player {
    /// The same randomness for both, different at every accepted call.
    fn entropy(&self, who: usize) -> [Entropy; 2] {
        let make = || Entropy { who: who as u64, call: self.draws, block: 0 };
        [make(), make()]
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

fn spoil_bytes(script: &mut Script<'_>, packet: &[u8]) -> Vec<u8> {
    let mut bytes = packet.to_vec();
    for _ in 0..script.below(4) + 1 {
        let at = script.far_below(bytes.len());
        match script.byte() {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, script.byte()),
            bits => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= bits;
                }
            }
        }
    }
    bytes
}

fn scalar(text: &[u8]) -> Scalar {
    let wide = Toy::framed_wide(Label::PROOF, &[text]);
    Toy::reduce(&SecretBytes::new(wide)).expect("not zero")
}

fn seed(label: u8, number: u64, call: u64) -> SecretBytes<32> {
    SecretBytes::new(Toy::hash(&[&[label], &number.to_be_bytes(), &call.to_be_bytes()]))
}

/// Randomness of one call.
struct Entropy {
    who: u64,
    call: u64,
    block: u8,
}

impl TryRng for Entropy {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        for chunk in dst.chunks_mut(32) {
            let draw = *seed(self.block, self.who, self.call).expose();
            self.block = self.block.wrapping_add(1);
            chunk.copy_from_slice(&draw[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Entropy {}

/// Bounds that keep one script short.
const MAX_STEPS: usize = 40;
const MAX_PACKETS: usize = 80;
