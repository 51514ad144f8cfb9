//! Members of v2 sessions on a channel that delivers everything to everybody in one order.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;

use mpenc_crypto::{BroadcastSuite, Label, PublicKey, SecretBytes, SigningKey};
use mpenc_greeting::{
    BroadcastGreeter, Failure, Greeter, GreetingReject, Initial, Inspection, Metadata, Outcome,
    Progress, StuckReason,
};
use mpenc_types::{ChainHash, MemberId, MemberSet, PacketId, SubsessionId};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{CryptoRng, SeedableRng};

pub(crate) const LABEL: &str = "test";

/// A packet on the channel.
pub(crate) type Sent = (MemberId, Vec<u8>);

/// What a member has of its current subsession.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Keys {
    pub(crate) sid: SubsessionId,
    pub(crate) root: [u8; 32],
    pub(crate) authors: Vec<(MemberId, PublicKey)>,
    pub(crate) fingerprint: [u8; 32],
}

/// How an operation ended for somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Complete,
    Ignored,
    Failed(Failure),
    Stuck(StuckReason),
}

pub(crate) struct Member<S: BroadcastSuite> {
    pub(crate) greeter: BroadcastGreeter<S>,
    pub(crate) rng: Box<dyn CryptoRng>,
    pub(crate) keys: Option<Keys>,
    pub(crate) signer: Option<Arc<dyn SigningKey>>,
    /// The last final packet, if the member follows the order of operations.
    pub(crate) at: Option<PacketId>,
    /// What somebody who does not must not take for its beginning (rule EIO).
    pub(crate) blacklist: Vec<PacketId>,
    /// How operations ended, with the position of the packet in the log.
    pub(crate) ends: Vec<(usize, End)>,
}

pub(crate) struct Room<S: BroadcastSuite> {
    pub(crate) members: BTreeMap<MemberId, Member<S>>,
    pub(crate) queue: VecDeque<Sent>,
    /// Everything delivered to everybody.
    pub(crate) log: Vec<Sent>,
}

pub(crate) fn identity_of<S: BroadcastSuite>(who: &MemberId) -> S::SigningKey {
    let seed = S::framed(Label::SID, &[b"identity", who.as_bytes()]);
    S::SigningKey::from_seed(&SecretBytes::new(seed))
}

pub(crate) fn randomness_of<S: BroadcastSuite>(who: &MemberId) -> ChaCha20Rng {
    ChaCha20Rng::from_seed(S::framed(Label::SID, &[b"randomness", who.as_bytes()]))
}

/// Identifies a packet for the order of operations.
pub(crate) fn id_of<S: BroadcastSuite>(packet: &[u8]) -> PacketId {
    PacketId::new(S::framed(Label::PACKET, &[packet]))
}

/// Where everybody who is alone begins; in earnest each would begin somewhere else.
pub(crate) fn start() -> PacketId {
    PacketId::new([1; 32])
}

pub(crate) fn chain() -> ChainHash {
    ChainHash::new([2; 32])
}

impl<S: BroadcastSuite> Room<S> {
    /// Everybody knows everybody's identity key.
    pub(crate) fn new(who: &MemberSet) -> Self {
        let mut room = Self { members: BTreeMap::new(), queue: VecDeque::new(), log: Vec::new() };
        for member in who {
            room.add(member);
        }
        for member in who {
            room.introduce(member);
        }
        room
    }

    /// The members share a subsession, established by the first.
    pub(crate) fn established(who: &MemberSet) -> Self {
        let mut room = Self::new(who);
        room.change(who.iter().next().unwrap(), who);
        room.assert_together(who);
        room
    }

    pub(crate) fn add(&mut self, who: &MemberId) {
        let member = Member {
            greeter: BroadcastGreeter::new(who.clone(), Arc::new(identity_of::<S>(who)), LABEL),
            rng: Box::new(randomness_of::<S>(who)),
            keys: None,
            signer: None,
            at: None,
            blacklist: Vec::new(),
            ends: Vec::new(),
        };
        self.members.insert(who.clone(), member);
    }

    /// Tells everybody the identity key of `who`, who need not be in the room.
    pub(crate) fn introduce(&mut self, who: &MemberId) {
        let key = identity_of::<S>(who).public();
        for member in self.members.values_mut() {
            member.greeter.set_identity(who, Some(key));
        }
    }

    pub(crate) fn get(&mut self, who: &MemberId) -> &mut Member<S> {
        self.members.get_mut(who).unwrap()
    }

    pub(crate) fn everybody(&self) -> Vec<MemberId> {
        self.members.keys().cloned().collect()
    }

    pub(crate) fn metadata(&self, by: &MemberId) -> Metadata {
        let prev_final = self.members[by].at.unwrap_or_else(start);
        Metadata { prev_final, prev_chain: chain(), heads: Vec::new() }
    }

    /// Lets `by` propose; returns the packet without sending it.
    pub(crate) fn propose(&mut self, by: &MemberId, next: &MemberSet) -> Vec<u8> {
        let metadata = self.metadata(by);
        let member = self.get(by);
        member.at.get_or_insert(start());
        member.greeter.propose(&mut *member.rng, next, metadata).unwrap()
    }

    pub(crate) fn send(&mut self, by: &MemberId, packet: Vec<u8>) {
        self.queue.push_back((by.clone(), packet));
    }

    /// Delivers the next packet to everybody; false if there is none.
    pub(crate) fn step(&mut self) -> bool {
        let Some((from, packet)) = self.queue.pop_front() else { return false };
        self.broadcast(&from, &packet);
        true
    }

    pub(crate) fn broadcast(&mut self, from: &MemberId, packet: &[u8]) {
        self.log.push((from.clone(), packet.to_vec()));
        for who in self.everybody() {
            let _ = self.deliver_to(&who, from, packet);
        }
    }

    pub(crate) fn run(&mut self) {
        while self.step() {}
    }

    /// A whole operation; returns the number of its packets.
    pub(crate) fn change(&mut self, by: &MemberId, next: &MemberSet) -> usize {
        let before = self.log.len();
        let packet = self.propose(by, next);
        self.send(by, packet);
        self.run();
        self.log.len() - before
    }

    /// Begins an operation and delivers its first `count` packets.
    pub(crate) fn change_until(&mut self, by: &MemberId, next: &MemberSet, count: usize) {
        let packet = self.propose(by, next);
        self.send(by, packet);
        for _ in 0..count {
            assert!(self.step());
        }
    }

    /// Whether the order of operations would accept it, with the rules that matter here.
    fn accepts(member: &Member<S>, initial: &Initial) -> bool {
        assert!(initial.binds_chain);
        let fits = initial.metadata.prev_chain == chain();
        let free = member.greeter.running().is_none();
        free && match member.at {
            None => initial.verified && !member.blacklist.contains(&initial.metadata.prev_final),
            Some(at) => {
                let known = member.greeter.members().contains(&initial.initiator);
                fits && known && initial.metadata.prev_final == at
            }
        }
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
                if !Self::accepts(member, initial) {
                    if member.at.is_none() {
                        member.blacklist.push(initial.metadata.prev_final);
                    }
                    return Ok(inspection);
                }
                member.blacklist.clear();
                member.at = Some(initial.metadata.prev_final);
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
        let position = self.log.len().saturating_sub(1);
        let member = self.members.get_mut(who).unwrap();
        for out in progress.outgoing {
            assert!(member.greeter.running().is_some());
            self.queue.push_back((who.clone(), out.packet));
        }
        let is_final = match inspection {
            Inspection::Final => true,
            Inspection::Initial(initial) => initial.is_final,
            Inspection::Middle => false,
        };
        let end = match progress.outcome {
            Outcome::Continues => {
                assert!(!is_final, "{who}: reported final, but went on");
                return;
            }
            Outcome::Complete(staged) => {
                assert!(staged.metadata_authenticated());
                let sid = staged.sid();
                let next = staged.operation().next_members.clone();
                let keys = member.greeter.merge(staged);
                assert_eq!(member.greeter.members(), next);
                assert_eq!(keys.is_none(), next == MemberSet::of(who));
                assert!(keys.as_ref().is_none_or(|keys| keys.sid == sid));
                member.signer = keys.as_ref().map(|keys| keys.signer.clone());
                member.keys = keys.map(|keys| Keys {
                    sid: keys.sid,
                    root: *keys.secret.expose(),
                    authors: keys.authors,
                    fingerprint: keys.fingerprint.unwrap(),
                });
                End::Complete
            }
            Outcome::Ignored => {
                // It has no subsession any more, and follows nothing until it is included again.
                member.greeter.reset();
                (member.keys, member.signer, member.at) = (None, None, None);
                member.ends.push((position, End::Ignored));
                return;
            }
            Outcome::Failed(failure) => End::Failed(failure),
            Outcome::Stuck(reason) => {
                member.ends.push((position, End::Stuck(reason)));
                return;
            }
        };
        assert!(is_final, "{who}: ended without having reported it");
        assert_eq!(member.greeter.running(), None);
        let newcomer = end != End::Complete && member.greeter.members().len() == 1;
        member.ends.push((position, end));
        // Who has no subsession after a failure does not know what others do next.
        let alone = member.at == Some(start());
        member.blacklist.extend(member.at);
        member.at = (!newcomer || alone).then(|| id_of::<S>(packet));
    }

    /// All of them share a subsession, and nobody else has its keys. Returns the keys.
    pub(crate) fn assert_together(&self, who: &MemberSet) -> Keys {
        let first = who.iter().find(|member| self.members.contains_key(member)).unwrap();
        let keys = self.members[first].keys.clone().expect("a subsession");
        for (member, state) in &self.members {
            if who.contains(member) {
                assert_eq!(state.keys.as_ref(), Some(&keys), "{member}");
                assert_eq!(&state.greeter.members(), who, "{member}");
                let own = state.signer.as_ref().unwrap().public();
                assert!(keys.authors.contains(&(member.clone(), own)));
            } else {
                assert!(state.keys.as_ref().is_none_or(|other| other.root != keys.root));
            }
        }
        keys
    }

    /// How the last operation ended for a member.
    pub(crate) fn end_of(&self, who: &MemberId) -> Option<&(usize, End)> {
        self.members[who].ends.last()
    }

    /// Everybody's last operation failed with the same packet; returns what `who` says about it.
    pub(crate) fn failure(&self, who: &MemberId) -> Failure {
        let (position, end) = self.end_of(who).expect("an end");
        for (other, member) in &self.members {
            let (at, other_end) = member.ends.last().expect("an end");
            assert_eq!(at, position, "{other}");
            assert!(matches!(other_end, End::Failed(_)), "{other}: {other_end:?}");
        }
        match end {
            End::Failed(failure) => failure.clone(),
            End::Complete | End::Ignored | End::Stuck(_) => panic!("{end:?}"),
        }
    }
}
