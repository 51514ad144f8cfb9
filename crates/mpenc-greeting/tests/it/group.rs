//! Members on a channel that delivers everything to everybody in one order.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;

use mpenc_crypto::{PublicKey, SecretBytes, SigningKey, Suite, V1};
use mpenc_greeting::{
    CliquesGreeter, Greeter, GreetingReject, Inspection, Metadata, Outcome, Progress, StuckReason,
    SubsessionKeys,
};
use mpenc_types::{ChainHash, MemberId, MemberSet, PacketId, SubsessionId};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{CryptoRng, Rng, SeedableRng};

pub(crate) type V1Key = <V1 as Suite>::SigningKey;

pub(crate) fn name(name: &str) -> MemberId {
    MemberId::new(name).unwrap()
}

pub(crate) fn names(list: &[&str]) -> MemberSet {
    list.iter().map(|member| name(member)).collect()
}

/// `m000`, `m001`, …
pub(crate) fn numbered(range: core::ops::Range<usize>) -> MemberSet {
    range.map(|i| name(&format!("m{i:03}"))).collect()
}

/// Metadata that differ from operation to operation.
pub(crate) fn metadata(number: u64) -> Metadata {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    Metadata {
        prev_final: PacketId::new(bytes),
        prev_chain: ChainHash::new([7; 32]),
        heads: Vec::new(),
    }
}

/// The identity key that [`Group::add`] gives to a member.
pub(crate) fn identity_of(who: &MemberId) -> V1Key {
    V1Key::from_seed(&SecretBytes::new(V1::hash(&[b"id", who.as_bytes()])))
}

/// The randomness that [`Group::add`] gives to a member.
pub(crate) fn randomness_of(who: &MemberId) -> ChaCha20Rng {
    ChaCha20Rng::from_seed(V1::hash(&[b"rng", who.as_bytes()]))
}

/// The ephemeral key that a member draws the first time it takes part.
pub(crate) fn first_ephemeral(who: &MemberId) -> V1Key {
    let mut rng = randomness_of(who);
    let mut contribution_and_nonce = [0; 64];
    rng.fill_bytes(&mut contribution_and_nonce);
    V1Key::generate(&mut rng)
}

/// What a member has of its current subsession.
pub(crate) struct Keys {
    pub(crate) sid: SubsessionId,
    pub(crate) secret: [u8; 32],
    pub(crate) authors: Vec<(MemberId, PublicKey)>,
    pub(crate) signer: Arc<dyn SigningKey>,
}

impl From<SubsessionKeys> for Keys {
    fn from(keys: SubsessionKeys) -> Self {
        Self {
            sid: keys.sid,
            secret: *keys.secret.expose(),
            authors: keys.authors,
            signer: keys.signer,
        }
    }
}

pub(crate) struct Member {
    pub(crate) greeter: CliquesGreeter<V1>,
    pub(crate) identity: Arc<V1Key>,
    pub(crate) rng: Box<dyn CryptoRng>,
    pub(crate) keys: Option<Keys>,
    /// The packet that was final for this member in the last operation.
    pub(crate) last_final: Option<Vec<u8>>,
    pub(crate) stuck: Option<StuckReason>,
    pub(crate) ignored: bool,
}

/// A packet on the channel.
pub(crate) type Sent = (MemberId, Vec<u8>);

/// Picks the next packet from those that wait.
pub(crate) type Pick = Box<dyn FnMut(&VecDeque<Sent>) -> usize>;

pub(crate) struct Group {
    pub(crate) members: BTreeMap<MemberId, Member>,
    pub(crate) queue: VecDeque<Sent>,
    /// Everything delivered since the last operation began.
    pub(crate) log: Vec<Sent>,
    pub(crate) operations: u64,
    /// Which of the queued packets comes next; the first unless a test says otherwise.
    pub(crate) pick: Pick,
}

impl Group {
    pub(crate) fn new(who: &MemberSet) -> Self {
        let mut group = Self {
            members: BTreeMap::new(),
            queue: VecDeque::new(),
            log: Vec::new(),
            operations: 0,
            pick: Box::new(|_| 0),
        };
        for member in who {
            group.add(member);
        }
        group
    }

    /// Creates a member; everybody knows everybody's identity key.
    pub(crate) fn add(&mut self, who: &MemberId) {
        self.add_with(who, Arc::new(identity_of(who)), Box::new(randomness_of(who)));
    }

    pub(crate) fn add_with(
        &mut self,
        who: &MemberId,
        identity: Arc<V1Key>,
        rng: Box<dyn CryptoRng>,
    ) {
        let mut greeter = CliquesGreeter::new(who.clone(), identity.clone());
        for (other, member) in &mut self.members {
            greeter.set_identity(other, Some(member.identity.public()));
            member.greeter.set_identity(who, Some(identity.public()));
        }
        let member = Member {
            greeter,
            identity,
            rng,
            keys: None,
            last_final: None,
            stuck: None,
            ignored: false,
        };
        self.members.insert(who.clone(), member);
    }

    pub(crate) fn everybody(&self) -> Vec<MemberId> {
        self.members.keys().cloned().collect()
    }

    pub(crate) fn get_mut(&mut self, who: &str) -> &mut Member {
        self.members.get_mut(&name(who)).unwrap()
    }

    /// The packet that is next in the queue.
    pub(crate) fn next(&mut self) -> Sent {
        self.queue.pop_front().expect("a packet is on its way")
    }

    /// Delivers a packet to everybody.
    pub(crate) fn broadcast(&mut self, (from, packet): &Sent) {
        for who in self.everybody() {
            let _ = self.deliver_to(&who, from, packet);
        }
        self.log.push((from.clone(), packet.clone()));
    }

    /// Starts an operation and delivers packets until `count` have been delivered.
    pub(crate) fn change_until(&mut self, by: &MemberId, next: &MemberSet, count: usize) {
        self.log.clear();
        let packet = self.propose(by, next);
        self.send(by, packet);
        for _ in 0..count {
            assert!(self.step());
        }
    }

    /// A group in which `who` share a subsession, established by the first of them.
    pub(crate) fn established(who: &MemberSet) -> Self {
        let mut group = Self::new(who);
        group.change(who.iter().next().unwrap(), who);
        group.assert_together(who);
        group
    }

    /// The ephemeral key of a member of a subsession.
    pub(crate) fn signer(&self, who: &MemberId) -> Arc<dyn SigningKey> {
        self.members[who].keys.as_ref().unwrap().signer.clone()
    }

    /// Lets `by` propose; returns the packet without sending it.
    pub(crate) fn propose(&mut self, by: &MemberId, next: &MemberSet) -> Vec<u8> {
        self.operations += 1;
        let metadata = metadata(self.operations);
        let member = self.members.get_mut(by).unwrap();
        member.greeter.propose(&mut *member.rng, next, metadata).unwrap()
    }

    pub(crate) fn send(&mut self, by: &MemberId, packet: Vec<u8>) {
        self.queue.push_back((by.clone(), packet));
    }

    /// Delivers one packet to one member the way a session does: inspect first, then apply.
    pub(crate) fn deliver_to(
        &mut self,
        who: &MemberId,
        from: &MemberId,
        packet: &[u8],
    ) -> Result<Inspection, GreetingReject> {
        let member = self.members.get_mut(who).unwrap();
        let inspection = member.greeter.inspect(from, packet)?;
        let progress = match &inspection {
            Inspection::Initial(initial) => {
                let ours = initial.next_members.contains(who)
                    || member.greeter.members().contains(&initial.initiator);
                if !initial.verified || !ours {
                    return Ok(inspection);
                }
                member.greeter.start(&mut *member.rng, from, packet)?
            }
            Inspection::Middle | Inspection::Final => {
                member.greeter.handle(&mut *member.rng, from, packet)?
            }
        };
        self.settle(who, packet, &inspection, progress);
        Ok(inspection)
    }

    fn settle(
        &mut self,
        who: &MemberId,
        packet: &[u8],
        inspection: &Inspection,
        progress: Progress,
    ) {
        let member = self.members.get_mut(who).unwrap();
        for out in progress.outgoing {
            self.queue.push_back((who.clone(), out.packet));
        }
        let is_final = match inspection {
            Inspection::Final => true,
            Inspection::Initial(initial) => initial.is_final,
            Inspection::Middle => false,
        };
        match progress.outcome {
            Outcome::Continues => assert!(!is_final, "{who}: reported final, but went on"),
            Outcome::Complete(staged) => {
                assert!(is_final, "{who}: completed without having reported it");
                assert!(staged.metadata_authenticated());
                let sid = staged.sid();
                member.keys = member.greeter.merge(staged).map(Keys::from);
                assert!(member.keys.as_ref().is_none_or(|keys| keys.sid == sid));
                assert_eq!(member.greeter.running(), None);
                member.last_final = Some(packet.to_vec());
            }
            Outcome::Ignored => {
                member.ignored = true;
                assert_eq!(member.greeter.running(), None);
            }
            Outcome::Stuck(reason) => member.stuck = Some(reason),
            Outcome::Failed(failure) => panic!("v1 has no failing packets: {failure:?}"),
        }
    }

    /// Delivers one queued packet to everybody; false if there is none.
    pub(crate) fn step(&mut self) -> bool {
        if self.queue.is_empty() {
            return false;
        }
        let index = (self.pick)(&self.queue);
        // One member's packets stay in order.
        let from = self.queue[index].0.clone();
        let index = self.queue.iter().position(|(sender, _)| *sender == from).unwrap();
        let (from, packet) = self.queue.remove(index).unwrap();
        self.broadcast(&(from, packet));
        true
    }

    pub(crate) fn run(&mut self) {
        while self.step() {}
    }

    /// A whole operation; those who are no longer members leave the channel and forget.
    pub(crate) fn change(&mut self, by: &MemberId, next: &MemberSet) {
        self.log.clear();
        let packet = self.propose(by, next);
        self.send(by, packet);
        self.run();
        let gone: Vec<MemberId> = self
            .members
            .iter()
            .filter(|(who, member)| {
                !next.contains(who)
                    && (member.greeter.running().is_some_and(|op| op.bystander) || member.ignored)
            })
            .map(|(who, _)| who.clone())
            .collect();
        for who in gone {
            let member = self.members.get_mut(&who).unwrap();
            member.greeter.fail();
            member.greeter.reset();
            member.keys = None;
            member.ignored = false;
        }
    }

    /// Asserts that exactly `who` share a subsession; returns its identifier and key.
    #[track_caller]
    pub(crate) fn assert_together(&self, who: &MemberSet) -> (SubsessionId, [u8; 32]) {
        let mut shared: Option<(&Keys, &Vec<u8>)> = None;
        for member in who {
            let state = &self.members[member];
            assert_eq!(state.stuck, None, "{member}");
            assert_eq!(state.greeter.running(), None, "{member}");
            assert_eq!(state.greeter.members(), *who, "{member}");
            let keys = state.keys.as_ref().unwrap_or_else(|| panic!("{member} has no keys"));
            let last = state.last_final.as_ref().unwrap();
            let own = keys.authors.iter().find(|(author, _)| author == member).unwrap();
            assert_eq!(own.1, keys.signer.public());
            if let Some((first, first_final)) = shared {
                assert_eq!(keys.sid, first.sid, "{member}");
                assert_eq!(keys.secret, first.secret, "{member}");
                assert_eq!(keys.authors, first.authors, "{member}");
                assert_eq!(last, first_final, "{member}");
            }
            shared = Some((keys, last));
        }
        let (keys, _) = shared.expect("at least one member");
        assert_eq!(keys.authors.iter().map(|(member, _)| member).collect::<MemberSet>(), *who);
        (keys.sid, keys.secret)
    }
}
