//! A member whose strings the test pulls, and the calculations of an operation once more, after
//! wire-v2.md section 3 and not after our code.

use mpenc_crypto::proof::{self, Statement};
use mpenc_crypto::{BroadcastSuite, Label, PublicKey, SecretBytes, SigningKey};
use mpenc_greeting::Greeter;
use mpenc_packet::v2::{
    ConfirmationFields, Contribution, ContributionFields, Entry, Greeting, InitialFields, OpId,
    ShareFields, decode_greeting, operation_id, session_label,
};
use mpenc_types::{MemberId, MemberSet};

use super::room::{LABEL, Room, Sent, chain, identity_of};

/// What a log says about its last operation.
pub(crate) struct Seen {
    pub(crate) op: OpId,
    pub(crate) members: Vec<MemberId>,
    pub(crate) identities: Vec<PublicKey>,
    pub(crate) initial: InitialFields,
    /// By place.
    pub(crate) contributions: Vec<Option<Contribution>>,
    pub(crate) shares: Vec<Option<[u8; 32]>>,
}

impl Seen {
    /// `None` without an operation.
    pub(crate) fn of<S: BroadcastSuite>(log: &[Sent]) -> Option<Self> {
        let mut seen: Option<Self> = None;
        for (_, packet) in log {
            match (decode_greeting(packet), &mut seen) {
                (Ok(Greeting::Initial(initial)), _) => {
                    let initial = initial.peek().fields().clone();
                    let (members, identities): (Vec<_>, Vec<_>) =
                        initial.targets().map(|(entry, key)| (entry.name.clone(), *key)).unzip();
                    let mut contributions = vec![None; members.len()];
                    contributions[usize::from(initial.place)] = initial.contribution.clone();
                    let shares = vec![None; members.len()];
                    let op = operation_id::<S>(packet);
                    seen = Some(Self { op, members, identities, initial, contributions, shares });
                }
                (Ok(Greeting::Contribution(packet)), Some(seen)) => {
                    let fields = packet.peek().fields();
                    let place = usize::from(fields.place);
                    if let Some(open @ None) = seen.contributions.get_mut(place) {
                        *open = Some(fields.contribution.clone());
                    }
                }
                (Ok(Greeting::Share(packet)), Some(seen)) => {
                    let fields = packet.peek().fields();
                    if let Some(open @ None) = seen.shares.get_mut(usize::from(fields.place)) {
                        *open = Some(fields.share);
                    }
                }
                _ => {}
            }
        }
        seen
    }

    pub(crate) fn n(&self) -> usize {
        self.members.len()
    }

    pub(crate) fn place_of(&self, who: &MemberId) -> usize {
        self.members.iter().position(|member| member == who).unwrap()
    }

    pub(crate) fn point<S: BroadcastSuite>(&self, place: usize) -> S::Element {
        S::import(&self.contributions[place % self.n()].as_ref().unwrap().point).unwrap()
    }

    pub(crate) fn share<S: BroadcastSuite>(&self, place: usize) -> S::Element {
        S::import_or_identity(&self.shares[place % self.n()].unwrap()).unwrap()
    }

    /// `D_i`
    pub(crate) fn base<S: BroadcastSuite>(&self, place: usize) -> S::Element {
        S::sub(&self.point::<S>(place + 1), &self.point::<S>(place + self.n() - 1))
    }

    /// `ctx`
    pub(crate) fn context<S: BroadcastSuite>(&self) -> [u8; 32] {
        let mut parts: Vec<Vec<u8>> = vec![self.op.as_bytes().to_vec()];
        for (i, one) in self.contributions.iter().enumerate() {
            let one = one.as_ref().unwrap();
            parts.push(self.members[i].as_bytes().to_vec());
            parts.push(self.identities[i].as_bytes().to_vec());
            parts.push(one.nonce.to_vec());
            parts.push(one.ephemeral.as_bytes().to_vec());
            parts.push(one.point.to_vec());
        }
        S::framed(Label::CONTRIBUTIONS, &parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    /// `T`
    pub(crate) fn transcript<S: BroadcastSuite>(&self) -> [u8; 32] {
        let context = self.context::<S>();
        let mut parts: Vec<&[u8]> = vec![&context];
        parts.extend(self.shares.iter().map(|share| share.as_ref().unwrap().as_slice()));
        S::framed(Label::TRANSCRIPT, &parts)
    }

    /// `K` for the member at `place`, by repeated addition.
    pub(crate) fn secret<S: BroadcastSuite>(&self, place: usize, r: &S::Scalar) -> S::Element {
        let n = self.n();
        let times = |count: usize, element: &S::Element| {
            (0..count).fold(S::identity(), |sum, _| S::add(&sum, element))
        };
        let mut sum = times(n, &S::mul(r, &self.point::<S>(place + n - 1)));
        for j in 0..n - 1 {
            sum = S::add(&sum, &times(n - 1 - j, &self.share::<S>(place + j)));
        }
        sum
    }
}

/// What comes out of `K`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Derived {
    pub(crate) check: [u8; 32],
    pub(crate) exporter: [u8; 32],
    pub(crate) root: [u8; 32],
}

pub(crate) fn derive<S: BroadcastSuite>(
    salt: &[u8; 32],
    secret: &S::Element,
    transcript: &[u8; 32],
) -> Derived {
    let prk = S::extract(salt, &[&S::export(secret)]);
    let expand = |label| {
        let mut out = [0; 32];
        S::expand(&prk, label, &[transcript], &mut out);
        out
    };
    Derived {
        check: expand(Label::KEY_CHECK),
        exporter: expand(Label::EXPORTER),
        root: expand(Label::MESSAGES),
    }
}

/// A packet that the puppet is about to sign.
#[derive(Clone, Debug)]
pub(crate) enum Draft {
    Contribution(ContributionFields),
    Share(ShareFields),
    Confirmation(ConfirmationFields),
}

/// A member outside our code.
pub(crate) struct Puppet<S: BroadcastSuite> {
    pub(crate) name: MemberId,
    pub(crate) identity: S::SigningKey,
    /// Of the current operation.
    pub(crate) scalar: S::Scalar,
    pub(crate) signer: S::SigningKey,
    pub(crate) contribution: Contribution,
    /// `exporter` of the subsession it is in.
    pub(crate) salt: [u8; 32],
    /// Whether it speaks as soon as it can, before those who wait already; else it speaks last.
    pub(crate) hasty: bool,
    said: usize,
    number: u8,
}

/// A scalar that a test chooses.
pub(crate) fn scalar<S: BroadcastSuite>(text: &[u8]) -> S::Scalar {
    S::reduce(&SecretBytes::new(S::framed_wide(Label::PROOF, &[text]))).unwrap()
}

impl<S: BroadcastSuite> Puppet<S> {
    pub(crate) fn new(name: &MemberId) -> Self {
        let contribution =
            Contribution { nonce: [0; 32], ephemeral: PublicKey::new([0; 32]), point: [0; 32] };
        let mut puppet = Self {
            name: name.clone(),
            identity: identity_of::<S>(name),
            scalar: scalar::<S>(b""),
            signer: identity_of::<S>(name),
            contribution,
            salt: [0; 32],
            hasty: false,
            said: 0,
            number: 0,
        };
        puppet.draw();
        puppet
    }

    /// New secrets, for the next operation.
    pub(crate) fn draw(&mut self) {
        self.number += 1;
        self.said = 0;
        let tag = [self.name.as_bytes(), &[self.number]].concat();
        self.scalar = scalar::<S>(&tag);
        let seed = S::framed(Label::SID, &[b"ephemeral", &tag]);
        self.signer = S::SigningKey::from_seed(&SecretBytes::new(seed));
        self.contribution = Contribution {
            nonce: S::framed(Label::SID, &[b"nonce", &tag]),
            ephemeral: self.signer.public(),
            point: S::export(&S::mul_base(&self.scalar)),
        };
    }

    /// What an initial packet of the puppet's says.
    pub(crate) fn initial(
        &self,
        room: &Room<S>,
        prev: &MemberSet,
        next: &MemberSet,
    ) -> InitialFields {
        let metadata = room.metadata(&room.everybody()[0]);
        let entry = |name: &MemberId| Entry {
            name: name.clone(),
            was: prev.contains(name),
            key: next.contains(name).then(|| identity_of::<S>(name).public()),
        };
        let place = next.iter().position(|name| *name == self.name).unwrap();
        InitialFields {
            label: session_label::<S>(LABEL),
            instance: [3; 16],
            place: u16::try_from(place).unwrap(),
            entries: prev.union(next).iter().map(entry).collect(),
            prev_final: metadata.prev_final,
            prev_chain: chain(),
            heads: Vec::new(),
            contribution: (next.len() > 1).then(|| self.contribution.clone()),
        }
    }

    /// What an honest member would say next, if it is its turn.
    pub(crate) fn turn(&self, log: &[Sent]) -> Option<(Seen, Draft)> {
        let seen = Seen::of::<S>(log)?;
        let own = seen.members.iter().position(|member| *member == self.name)?;
        let (op, place) = (seen.op, u16::try_from(own).unwrap());
        let open = |missing: usize| missing == 0;
        let no_contribution = seen.contributions.iter().filter(|one| one.is_none()).count();
        let no_share = seen.shares.iter().filter(|one| one.is_none()).count();
        let draft = match self.said {
            0 if usize::from(seen.initial.place) != own => {
                let contribution = self.contribution.clone();
                Draft::Contribution(ContributionFields { op, place, contribution })
            }
            0 | 1 if open(no_contribution) => Draft::Share(self.honest_share(&seen)),
            2 if open(no_share) => {
                let transcript = seen.transcript::<S>();
                let secret = seen.secret::<S>(own, &self.scalar);
                let check = derive::<S>(&self.salt_for(&seen), &secret, &transcript).check;
                Draft::Confirmation(ConfirmationFields { op, place, transcript, check })
            }
            _ => return None,
        };
        Some((seen, draft))
    }

    /// What goes into the key besides the contributions.
    fn salt_for(&self, seen: &Seen) -> [u8; 32] {
        let prev = seen.initial.prev_members();
        if seen.members.iter().all(|member| prev.contains(member)) { self.salt } else { [0; 32] }
    }

    pub(crate) fn honest_share(&self, seen: &Seen) -> ShareFields {
        let own = seen.place_of(&self.name);
        let share = S::mul(&self.scalar, &seen.base::<S>(own));
        self.share(seen, &share)
    }

    /// A share with a proof of it, which holds only if it is the right one.
    pub(crate) fn share(&self, seen: &Seen, share: &S::Element) -> ShareFields {
        let own = seen.place_of(&self.name);
        let place = u16::try_from(own).unwrap();
        let (public, base) = (seen.point::<S>(own), seen.base::<S>(own));
        let context = seen.context::<S>();
        let statement = Statement { ctx: &context, place, public: &public, base: &base, share };
        let proof = proof::prove::<S>(&statement, &self.scalar, scalar::<S>(b"w"));
        ShareFields {
            op: seen.op,
            place,
            share: S::export(share),
            challenge: proof.challenge,
            response: proof.response,
        }
    }

    pub(crate) fn sign(&self, seen: &Seen, draft: Draft) -> Vec<u8> {
        match draft {
            Draft::Contribution(fields) => fields.sign(&self.identity).unwrap().to_wire(),
            Draft::Share(fields) => {
                fields.sign(&self.signer, &seen.context::<S>()).unwrap().to_wire()
            }
            Draft::Confirmation(fields) => fields.sign(&self.identity).unwrap().to_wire(),
        }
    }

    /// Whether an operation is running.
    fn is_on(&self, room: &Room<S>) -> bool {
        room.members.values().any(|member| member.greeter.running().is_some())
    }

    /// Lets the others go on, and when it is the puppet's turn, it says what `twist` makes of its
    /// next packet; nothing more, if that is nothing.
    pub(crate) fn play(
        &mut self,
        room: &mut Room<S>,
        mut twist: impl FnMut(&Self, &Seen, Draft) -> Option<Draft>,
    ) {
        loop {
            if !self.hasty || !self.is_on(room) {
                room.run();
            }
            let turn = if self.is_on(room) { self.turn(&room.log) } else { None };
            let Some((seen, draft)) = turn else {
                if room.step() {
                    continue;
                }
                return;
            };
            self.said = match draft {
                Draft::Contribution(_) => 1,
                Draft::Share(_) => 2,
                Draft::Confirmation(_) => 3,
            };
            let Some(draft) = twist(self, &seen, draft) else { return };
            let packet = self.sign(&seen, draft);
            room.queue.push_front((self.name.clone(), packet));
        }
    }

    /// Says its next packet as an honest member would, now.
    pub(crate) fn speak(&mut self, room: &mut Room<S>) {
        let (seen, draft) = self.turn(&room.log).expect("it is its turn");
        self.said = self
            .said
            .max(usize::from(usize::from(seen.initial.place) == seen.place_of(&self.name)))
            + 1;
        let packet = self.sign(&seen, draft);
        room.broadcast(&self.name.clone(), &packet);
    }

    /// Takes part honestly; remembers what the next operation needs. Returns the keys.
    pub(crate) fn behave(&mut self, room: &mut Room<S>) -> Derived {
        self.play(room, |_, _, draft| Some(draft));
        let seen = Seen::of::<S>(&room.log).unwrap();
        let secret = seen.secret::<S>(seen.place_of(&self.name), &self.scalar);
        let derived = derive::<S>(&self.salt_for(&seen), &secret, &seen.transcript::<S>());
        self.salt = derived.exporter;
        derived
    }
}

/// A room with `honest` members and one puppet, who share a subsession; and what the puppet has.
pub(crate) fn infiltrated<S: BroadcastSuite>(
    honest: &MemberSet,
    puppet: &MemberId,
) -> (Room<S>, Puppet<S>, Derived) {
    let mut room = Room::<S>::new(honest);
    room.introduce(puppet);
    let mut puppet = Puppet::<S>::new(puppet);
    let by = honest.iter().next().unwrap();
    let packet = room.propose(by, &honest.with(&puppet.name));
    room.send(by, packet);
    let derived = puppet.behave(&mut room);
    puppet.draw();
    (room, puppet, derived)
}
