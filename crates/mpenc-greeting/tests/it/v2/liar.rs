//! What somebody on the channel, or a dishonest member, makes of packets.

use mpenc_crypto::proof::{self, Statement};
use mpenc_crypto::{
    FramedHash, KeyDerivation, Label, PrimeOrderGroup, PublicKey, SecretBytes, SigningKey,
};
use mpenc_packet::v2::{
    AbortFields, AbortReason as WireReason, ConfirmationFields, Contribution, ContributionFields,
    Greeting, InitialFields, OpId, ShareFields, decode_greeting, operation_id,
};
use mpenc_types::{ChainHash, MemberId, PacketId};

use super::{Element, Key, Scalar, Script, Stage, Toy};

/// A contribution that no greeter knows of.
pub(super) struct Puppet {
    pub(super) scalar: Scalar,
    pub(super) signer: Key,
    pub(super) nonce: [u8; 32],
}

impl Puppet {
    fn contribution(&self) -> Contribution {
        let point = Toy::export(&Toy::mul_base(&self.scalar));
        Contribution { nonce: self.nonce, ephemeral: self.signer.public(), point }
    }
}

impl Stage {
    /// Puts something of another packet, or of this one, in another place.
    pub(super) fn spoil_fields(&self, script: &mut Script<'_>, packet: &[u8]) -> Vec<u8> {
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
    pub(super) fn say(
        &self,
        script: &mut Script<'_>,
        from: usize,
        packet: &[u8],
    ) -> (usize, Vec<u8>) {
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
                    keep(&mut contributions, fields.place, fields.contribution.clone(), first);
                }
                Ok(Greeting::Share(packet)) if packet.peek().fields().op == op => {
                    let fields = packet.peek().fields();
                    keep(&mut shares, fields.place, fields.share, first);
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

/// Notes what was sent in a place: the first, or the last.
fn keep<T>(places: &mut [Option<T>], place: u16, value: T, first: bool) {
    let place = places.get_mut(usize::from(place));
    if let Some(place) = place.filter(|place| place.is_none() || !first) {
        *place = Some(value);
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

pub(super) fn scalar(text: &[u8]) -> Scalar {
    let wide = Toy::framed_wide(Label::PROOF, &[text]);
    Toy::reduce(&SecretBytes::new(wide)).expect("not zero")
}
