//! Members on a channel that delivers everything to everybody in one order, with their greeters.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use core::convert::Infallible;

use mpenc_crypto::{SecretBytes, SigningKey as _, Suite, V2};
use mpenc_greeting::{
    AbortReason, BroadcastGreeter, Failure, Greeter as _, GreetingReject, Inspection, Metadata,
    Outcome, SubsessionKeys,
};
use mpenc_packet::v2::{chain_extend, chain_start, leave_packet_id, packet_id};
use mpenc_types::{ChainHash, MemberId, MemberSet, MessageId, PacketId, PacketRole};
use rand_chacha::ChaCha20Rng;
use rand_core::{TryCryptoRng, TryRng};

use crate::json::{Checked, Fault};

pub(super) type Key = <V2 as Suite>::SigningKey;

/// Where a member's randomness comes from; what was drawn is remembered.
pub(super) struct Source {
    /// Recorded values, in order.
    pub(super) recorded: VecDeque<Vec<u8>>,
    /// Makes more of them, if it may.
    pub(super) dice: Option<ChaCha20Rng>,
    pub(super) drawn: Vec<Vec<u8>>,
    misfit: Option<String>,
}

impl Source {
    fn finish(&mut self, who: &MemberId) -> Checked {
        if let Some(what) = self.misfit.take() {
            return Err(Fault::new("draws", format!("{who}: {what}")));
        }
        if self.recorded.is_empty() {
            return Ok(());
        }
        Err(Fault::new("draws", format!("{who}: {} are not drawn", self.recorded.len())))
    }
}

impl TryRng for Source {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.misfit = Some("a number was drawn".to_owned());
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.try_next_u32().map(u64::from)
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        use rand_core::Rng as _;
        dst.fill(0);
        match (self.recorded.pop_front(), &mut self.dice) {
            (Some(bytes), _) if bytes.len() == dst.len() => dst.copy_from_slice(&bytes),
            (None, Some(dice)) => dice.fill_bytes(dst),
            (Some(_), _) => self.misfit = Some("a draw has another length".to_owned()),
            (None, None) => self.misfit = Some("a draw is not recorded".to_owned()),
        }
        self.drawn.push(dst.to_vec());
        Ok(())
    }
}

impl TryCryptoRng for Source {}

/// A member with what it has made and not yet sent.
pub(super) struct Player {
    pub(super) seed: [u8; 32],
    pub(super) public: [u8; 32],
    pub(super) greeter: BroadcastGreeter<V2>,
    pub(super) source: Source,
    pub(super) outbox: VecDeque<Vec<u8>>,
    pub(super) keys: Option<SubsessionKeys>,
    /// The last final packet and chain hash, if it follows the order of operations.
    pub(super) order: Option<(PacketId, ChainHash)>,
    /// Whether it began the session, alone.
    pub(super) creator: bool,
    pub(super) instance: Option<Vec<u8>>,
    /// Draws of earlier operations.
    pub(super) count: usize,
}

/// What a delivered packet was to those who follow.
#[derive(Clone, Debug)]
pub(super) struct Delivered {
    pub(super) pid: PacketId,
    pub(super) role: Option<PacketRole>,
    pub(super) chain: Option<ChainHash>,
    /// How the operation ended, if it did.
    pub(super) end: Option<End>,
}

#[derive(Clone, Debug)]
pub(super) enum End {
    Complete,
    Failed(Failure),
}

/// What one member made of one packet.
#[derive(Debug)]
pub(super) enum Judged {
    Ignored(Option<GreetingReject>),
    Accepted(Option<PacketRole>),
    Ended(PacketRole, End),
}

pub(super) struct Room {
    pub(super) players: BTreeMap<MemberId, Player>,
    /// The last accepted initial packet.
    initial: Option<PacketId>,
}

/// What an operation ended with when somebody left the channel.
pub(super) struct Left {
    pub(super) pid: PacketId,
    pub(super) chain: ChainHash,
}

impl Room {
    pub(super) fn new(session: &str, identities: Vec<(MemberId, [u8; 32])>) -> Self {
        let mut players = BTreeMap::new();
        let mut public = Vec::new();
        for (name, seed) in identities {
            let identity = Key::from_seed(&SecretBytes::new(seed));
            public.push((name.clone(), identity.public()));
            let source =
                Source { recorded: VecDeque::new(), dice: None, drawn: Vec::new(), misfit: None };
            let player = Player {
                seed,
                public: *identity.public().as_bytes(),
                greeter: BroadcastGreeter::new(name.clone(), Arc::new(identity), session),
                source,
                outbox: VecDeque::new(),
                keys: None,
                order: None,
                creator: false,
                instance: None,
                count: 0,
            };
            players.insert(name, player);
        }
        for player in players.values_mut() {
            for (name, key) in &public {
                player.greeter.set_identity(name, Some(*key));
            }
        }
        Self { players, initial: None }
    }

    pub(super) fn player(&mut self, who: &MemberId) -> Checked<&mut Player> {
        let missing = || Fault::new("identities", format!("{who} has no identity"));
        self.players.get_mut(who).ok_or_else(missing)
    }

    /// The creator begins, alone.
    pub(super) fn create(&mut self, who: &MemberId, prev_final: PacketId) -> Checked {
        let player = self.player(who)?;
        player.order = Some((prev_final, chain_start::<V2>(&prev_final)));
        player.creator = true;
        Ok(())
    }

    pub(super) fn propose(
        &mut self,
        by: &MemberId,
        next: &MemberSet,
        heads: Vec<MessageId>,
    ) -> Checked {
        let player = self.player(by)?;
        let (prev_final, prev_chain) =
            player.order.ok_or_else(|| Fault::new("by", "is in no session"))?;
        let metadata = Metadata { prev_final, prev_chain, heads };
        let packet = player.greeter.propose(&mut player.source, next, metadata);
        let packet =
            packet.map_err(|error| Fault::new("by", format!("cannot propose: {error}")))?;
        player.outbox.push_back(packet);
        Ok(())
    }

    /// Lets a member end the running operation.
    pub(super) fn abort(&mut self, by: &MemberId, reason: AbortReason) -> Checked {
        let player = self.player(by)?;
        let outgoing =
            player.greeter.abort(reason).ok_or_else(|| Fault::new("abort", "is not made"))?;
        player.outbox.push_back(outgoing.packet);
        Ok(())
    }

    /// Takes a packet out of the sender's outbox: everything that it made may be on its way.
    pub(super) fn take(&mut self, from: &MemberId, packet: &[u8]) -> Checked {
        let outbox = &mut self.player(from)?.outbox;
        let at = outbox.iter().position(|made| made == packet);
        let at = at.ok_or_else(|| Fault::new("packet", format!("{from} has not made it")))?;
        outbox.remove(at);
        Ok(())
    }

    /// Delivers a packet to the whole channel.
    pub(super) fn deliver(
        &mut self,
        from: &MemberId,
        channel: &MemberSet,
        packet: &[u8],
    ) -> Checked<Delivered> {
        let pid = packet_id::<V2>(from, channel, packet);
        let mut delivered = Delivered { pid, role: None, chain: None, end: None };
        for who in channel {
            let judged = self.judge(who, from, channel, packet)?;
            let (role, end) = match judged {
                Judged::Ignored(_) => continue,
                Judged::Accepted(role) => (role, None),
                Judged::Ended(role, end) => (Some(role), Some(end)),
            };
            if role.is_some() {
                delivered.role = role;
                if role == Some(PacketRole::Initial) {
                    self.initial = Some(pid);
                }
                delivered.chain =
                    self.player(who)?.order.map(|(_, chain)| chain).or(delivered.chain);
            }
            delivered.end = end.or(delivered.end);
        }
        Ok(delivered)
    }

    /// Members of the running operation leave the channel, which ends it for everybody.
    pub(super) fn leave(&mut self, remaining: &MemberSet, leavers: &MemberSet) -> Checked<Left> {
        let initial = self.initial.ok_or_else(|| Fault::new("leave", "no operation runs"))?;
        let pid = leave_packet_id::<V2>(remaining, &initial, leavers);
        let mut left = None;
        for (who, player) in &mut self.players {
            let follows = player.greeter.running().is_some() && remaining.contains(who);
            if let Some((_, chain)) = player.order.filter(|_| follows) {
                let chain = chain_extend::<V2>(&chain, &pid, PacketRole::Leave);
                player.greeter.fail();
                let stays = player.keys.is_some() || player.creator;
                player.order = Some((pid, chain)).filter(|_| stays);
                left = Some(Left { pid, chain });
            }
            if leavers.contains(who) {
                player.greeter.reset();
                (player.keys, player.order) = (None, None);
                player.outbox.clear();
            }
        }
        left.ok_or_else(|| Fault::new("leave", "nobody remains"))
    }

    /// What one member makes of a packet; it reacts.
    pub(super) fn judge(
        &mut self,
        who: &MemberId,
        from: &MemberId,
        channel: &MemberSet,
        packet: &[u8],
    ) -> Checked<Judged> {
        let pid = packet_id::<V2>(from, channel, packet);
        let player = self.player(who)?;
        let inspection = match player.greeter.inspect(from, packet) {
            Ok(inspection) => inspection,
            Err(reject) => return Ok(Judged::Ignored(Some(reject))),
        };
        let mut role = None;
        let progress = match inspection {
            Inspection::Initial(initial) => {
                let metadata = &initial.metadata;
                let before = (metadata.prev_final, metadata.prev_chain);
                let recognised = player.order.map_or(initial.verified, |order| {
                    order == before && player.greeter.members().contains(&initial.initiator)
                });
                if !recognised || player.greeter.running().is_some() {
                    return Ok(Judged::Ignored(None));
                }
                role = Some(if initial.is_final { PacketRole::Both } else { PacketRole::Initial });
                player.order = Some(before);
                player.greeter.start(&mut player.source, from, packet)
            }
            Inspection::Final => {
                role = Some(PacketRole::Final);
                player.greeter.handle(&mut player.source, from, packet)
            }
            Inspection::Middle => player.greeter.handle(&mut player.source, from, packet),
        };
        let progress = match progress {
            Ok(progress) => progress,
            Err(reject) => return Ok(Judged::Ignored(Some(reject))),
        };
        if let (Some(role), Some((last, chain))) = (role, player.order) {
            let chain = chain_extend::<V2>(&chain, &pid, role);
            let last = if role == PacketRole::Initial { last } else { pid };
            player.order = Some((last, chain));
        }
        player.outbox.extend(progress.outgoing.into_iter().map(|outgoing| outgoing.packet));
        let end = match progress.outcome {
            Outcome::Continues => return Ok(Judged::Accepted(role)),
            Outcome::Complete(staged) => {
                player.keys = player.greeter.merge(staged);
                End::Complete
            }
            Outcome::Ignored => {
                player.greeter.reset();
                (player.keys, player.order) = (None, None);
                player.outbox.clear();
                End::Complete
            }
            Outcome::Failed(failure) => {
                player.outbox.clear();
                if player.keys.is_none() && player.greeter.members().len() == 1 && from != who {
                    // Somebody new follows nobody any more, unless it is the creator.
                    player.order = player.order.filter(|_| player.creator);
                }
                End::Failed(failure)
            }
            Outcome::Stuck(reason) => {
                return Err(Fault::new("packet", format!("{who} is stuck: {reason}")));
            }
        };
        let role =
            role.ok_or_else(|| Fault::new("packet", format!("ends without a role for {who}")))?;
        Ok(Judged::Ended(role, end))
    }

    /// That everything recorded was drawn.
    pub(super) fn finish(&mut self) -> Checked {
        self.players.iter_mut().try_for_each(|(who, player)| player.source.finish(who))
    }
}
