//! What is left of a subsession that has ended: enough to know its late packets, and to answer
//! those who miss some or have not heard that we have them, as with TIME_WAIT in TCP (FIN-013).

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use mpenc_liveness::{Budget, PacketCache, Repair};
use mpenc_types::{MemberId, MemberSet, MessageId, SubsessionId, Timestamp, guard};

use super::input::{Disposition, RejectReason};
use super::repair::{MAX_COPIES, is_chosen, lacks};
use super::resend::explicit_answer;
use super::subsession::Subsession;
use super::{Env, Session};
use crate::security::{MessageSecurity, OpenReject};

/// Bytes of packets of one ended subsession that are kept for those who ask for them, the oldest:
/// what is missed first.
const MAX_KEPT_BYTES: usize = 1 << 20;

/// A subsession that has ended. All of it is gone after FIN_TIMEOUT.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) security: Box<dyn MessageSecurity>,
    pub(super) sid: SubsessionId,
    pub(super) until: Timestamp,
    pub(super) published: MemberSet,
    members: Arc<MemberSet>,
    /// Of messages that not everybody is known to have, and of the acks in `acked_by`.
    packets: PacketCache,
    /// Where the kept messages stand, in the order of acceptance.
    kept: Vec<Kept>,
    /// For each message of others that an explicit ack of ours was the first to acknowledge, that
    /// one.
    acked_by: BTreeMap<MessageId, MessageId>,
    repair: Repair,
    /// When a copy of a message was sent or seen last.
    copied_at: BTreeMap<MessageId, Timestamp>,
    budget: Budget,
    /// What went out last was an ack of ours, so that it is the turn of those who have asked.
    acked_last: bool,
}

#[derive(Debug)]
struct Kept {
    id: MessageId,
    author: MemberId,
    /// The place of the author among the members.
    place: u16,
    /// Among the messages of the author, from 0.
    position: u64,
}

impl Ended {
    pub(super) fn new(sub: Subsession, owner: &MemberId, until: Timestamp) -> Self {
        let mut packets = PacketCache::new();
        let acked_by = acked_by(&sub, owner);
        let has_room = |packets: &PacketCache, packet: &[u8]| {
            let bytes = packets.bytes().saturating_add(packet.len());
            bytes <= MAX_KEPT_BYTES || !guard!("resend-cache-bound")
        };
        for ack in acked_by.values() {
            if let Some(packet) = sub.packets.get(ack)
                && has_room(&packets, packet)
            {
                packets.insert(*ack, owner, true, packet.to_vec());
            }
        }
        let mut kept = Vec::new();
        for id in sub.transcript.unacked() {
            let (Ok(message), Some(packet)) = (sub.transcript.get(&id), sub.packets.get(&id))
            else {
                continue;
            };
            let author = message.author();
            let mut places = sub.members().iter().zip(0..);
            let Some((_, place)) = places.find(|(member, _)| *member == author) else { continue };
            if !has_room(&packets, packet) {
                break;
            }
            packets.insert(id, author, author == owner, packet.to_vec());
            let position = message.seq().saturating_sub(1);
            kept.push(Kept { id, author: author.clone(), place, position });
        }
        let members = Arc::clone(sub.members());
        let Subsession { sid, mut security, published, .. } = sub;
        //= docs/spec/protocol.md#SEC-025
        security.erase();
        Self {
            security,
            sid,
            until,
            published,
            members,
            packets,
            kept,
            acked_by,
            repair: Repair::new(),
            copied_at: BTreeMap::new(),
            budget: Budget::new(),
            acked_last: false,
        }
    }

    /// When the next message is to be sent again.
    pub(super) fn next_answer(&self) -> Option<Timestamp> {
        self.repair.next_answer().map(|due| due.max(self.budget.free_at()))
    }

    /// A copy of one of its messages came or went.
    fn copied(&mut self, now: Timestamp, id: MessageId) {
        self.repair.on_copy(&id);
        if self.packets.get(&id).is_some() {
            self.copied_at.insert(id, now);
        }
    }

    /// Whether an ack may be repeated now. Copies need no key, so whoever repeats old ones must not
    /// get more than anybody who asks, nor keep those from getting anything.
    //= docs/spec/protocol.md#LIV-024
    fn may_repeat_ack(&self, now: Timestamp) -> bool {
        let asked = self.repair.next_answer().is_some_and(|due| due <= now);
        self.budget.is_free(now) && !(asked && self.acked_last)
    }

    /// Whether a copy is on its way to others still.
    fn is_recent(&self, now: Timestamp, throttle: Duration, id: &MessageId) -> bool {
        let at = self.copied_at.get(id);
        at.is_some_and(|at| now < *at + throttle) && guard!("resend-throttle")
    }
}

/// For each message of others that an explicit ack of ours was the first to acknowledge, that one.
fn acked_by(sub: &Subsession, owner: &MemberId) -> BTreeMap<MessageId, MessageId> {
    let others = sub.members().iter().filter(|member| *member != owner);
    // Whatever is forgotten already was known to everybody for long.
    let recent = others
        .flat_map(|member| sub.transcript.by(member))
        .filter(|id| sub.acks.times(id).is_some());
    recent
        .filter_map(|id| {
            let ack = explicit_answer(&sub.transcript, owner, &id)?;
            sub.packets.get(&ack).is_some().then_some((id, ack))
        })
        .collect()
}

impl Session {
    /// Takes what is left of ended subsessions away when it is time to.
    pub(super) fn forget_ended(&mut self) {
        let now = self.now;
        self.ended.retain(|ended| now < ended.until);
    }

    /// A late packet of a subsession that has ended: nothing new is accepted from it, and nothing
    /// is wrong with it (FIN-013).
    pub(super) fn is_of_ended_subsession(&mut self, sender: &MemberId, packet: &[u8]) -> bool {
        self.forget_ended();
        self.ended
            .iter_mut()
            .any(|ended| matches!(ended.security.open(sender, packet), Err(OpenReject::Over)))
    }

    /// Somebody repeats a message of a subsession that has ended here: our last ack may have been
    /// lost.
    //= docs/spec/protocol.md#FIN-013
    pub(super) fn answer_for_ended(&mut self, sender: &MemberId, packet: &[u8]) {
        let now = self.now;
        let Some(resend) = self.timing().resend().filter(|_| *sender != *self.owner()) else {
            return;
        };
        let found = self.ended.iter_mut().enumerate().find_map(|(at, ended)| {
            let id = ended.security.peek_id(packet)?;
            ended.copied(now, id);
            let ack = *ended.acked_by.get(&id)?;
            let may = ended.may_repeat_ack(now) || !guard!("ended-budget");
            (may && !ended.is_recent(now, resend.throttle, &ack)).then_some((at, ack))
        });
        if let Some((at, ack)) = found {
            self.send_ended_again(at, &ack);
            if let Some(ended) = self.ended.get_mut(at) {
                ended.acked_last = true;
            }
        }
    }

    /// Somebody asks for copies of messages of a subsession that has ended here. It gets whatever
    /// it lacks: nobody else may be left to send that.
    //= docs/spec/v2.md#V2-035
    pub(super) fn request_for_ended(&mut self, env: &mut Env<'_>, packet: &[u8]) -> Disposition {
        let (now, bc_lat) = (self.now, self.pace().bc_lat());
        let throttle = self.timing().resend().map(|resend| resend.throttle).unwrap_or_default();
        let owner = self.owner().clone();
        self.forget_ended();
        for ended in &mut self.ended {
            let Some(request) = ended.security.open_request(packet) else { continue };
            if request.accepted.len() != ended.members.len() {
                return Disposition::Rejected(RejectReason::Malformed);
            }
            if !guard!("repair-ended") {
                return Disposition::Ignored;
            }
            let lacking =
                ended.kept.iter().filter(|kept| lacks(&request, kept.place, kept.position));
            let due: Vec<_> = lacking
                .take(MAX_COPIES)
                .filter(|kept| !ended.is_recent(now, throttle, &kept.id))
                .map(|Kept { id, author, .. }| {
                    let answers = is_chosen(&ended.members, author, &owner, id, request.attempt);
                    (*id, *author == owner, answers)
                })
                .collect();
            for (id, own, chosen) in due {
                if own || chosen {
                    ended.repair.owe(now, bc_lat, id, own, &mut || env.rng.next_u32());
                }
            }
            return Disposition::Accepted;
        }
        // Of none of ours.
        Disposition::Ignored
    }

    /// Sends what somebody asked for, as far as it is time to.
    pub(super) fn repair_ended(&mut self) {
        let now = self.now;
        self.forget_ended();
        for at in 0..self.ended.len() {
            while let Some(ended) = self.ended.get_mut(at)
                && (ended.budget.is_free(now) || !guard!("resend-budget"))
                && let Some(id) = ended.repair.answer(now)
            {
                ended.acked_last = false;
                self.send_ended_again(at, &id);
            }
        }
    }

    fn send_ended_again(&mut self, at: usize, id: &MessageId) {
        let (now, bc_lat) = (self.now, self.pace().bc_lat());
        let Some(ended) = self.ended.get_mut(at).filter(|_| !self.broken) else { return };
        let Some(packet) = ended.packets.get(id).map(<[u8]>::to_vec) else { return };
        ended.budget.spend(now, bc_lat);
        ended.copied(now, *id);
        if let Some(channel) = self.channel.clone() {
            self.broadcast(channel.without(self.owner()), packet);
        }
    }
}
