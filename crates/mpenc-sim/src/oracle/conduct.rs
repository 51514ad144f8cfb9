//! How honest members deal with operations, looked at after every event: what they take part in,
//! what they count, and what follows from entering and leaving (I2, I7; SEC-010).
//!
//! It says what sections 6.2 to 6.4 of the protocol say, without the tables of the engine: from
//! the packets as they travel, and from what sessions can be asked.

use std::collections::{BTreeMap, BTreeSet};

use mpenc::channel::{ChannelEvent, ChannelRequest};
use mpenc::{Disposition, FailReason, MemberId, MemberSet, Notice, PacketId, RejectReason};
use mpenc_packet::v2;
use mpenc_transcript::order::OrderReject;

use super::packets::{Confirmed, confirmation, is_signed, passes_by, proposal};
use super::{Digest, Oracle};
use crate::server::is_greeting;
use crate::world::Person;

/// What is known of one member since it entered the channel last.
#[derive(Debug, Default)]
pub(super) struct Conduct {
    /// Operation packets that counted.
    counted: BTreeSet<(MemberId, Vec<u8>)>,
    /// Those of the operation in progress.
    round: Vec<(MemberId, Vec<u8>)>,
    /// Operation packets that it sent.
    sent: BTreeSet<Vec<u8>>,
    /// What proposals followed that did not name it, although it waited, and when it saw them.
    superseded: BTreeMap<PacketId, u64>,
    /// How often it sent somebody away.
    sent_away: usize,
    /// It is being excluded, or was.
    bystander: bool,
    /// Whom it ever wanted to include.
    pub(super) asked: MemberSet,
}

/// What came of one call of a session.
#[derive(Debug, Default)]
pub(super) struct Turn {
    succeeded: bool,
    requests: MemberSet,
    sent_away: MemberSet,
}

/// After so many a session stops to ask for a while (ATK-080).
const MAX_SENT_AWAY: usize = 32;

/// For how long a proposal that was superseded is surely remembered, in milliseconds. After
/// OP_TIMEOUT sessions forget it (V2-030).
const SUPERSEDED: u64 = 60_000;

/// So many are surely remembered.
const MANY: usize = 8;

impl Oracle {
    /// What somebody sends, before it is delivered to anybody.
    pub(crate) fn sends(&mut self, who: usize, request: &ChannelRequest) {
        match request {
            ChannelRequest::Send { bytes, .. } if is_greeting(self.v2, bytes) => {
                if let Some(conduct) = self.conduct.get_mut(who) {
                    conduct.sent.insert(bytes.clone());
                }
                if let Some(made) = self.made.get_mut(who) {
                    made.insert(bytes.clone());
                }
            }
            ChannelRequest::Change { leave, .. } => {
                self.turn.sent_away = self.turn.sent_away.union(leave);
            }
            _ => {}
        }
    }

    /// From now on this operation packet must not count for anything.
    pub(crate) fn void(&mut self, packet: Vec<u8>, why: &'static str) {
        self.void.insert(packet, why);
    }

    /// Somebody asks for others to be included.
    pub(crate) fn wants(&mut self, who: usize, include: &MemberSet) {
        if let Some(conduct) = self.conduct.get_mut(who) {
            conduct.asked = conduct.asked.union(include);
        }
    }

    pub(super) fn begin_turn(
        &mut self,
        me: &MemberId,
        who: usize,
        notices: &[Notice],
    ) -> Result<(), String> {
        self.turn = Turn::default();
        let Some(conduct) = self.conduct.get_mut(who) else { return Ok(()) };
        for notice in notices {
            match notice {
                Notice::OpSucceeded { .. } => self.turn.succeeded = true,
                Notice::OpFailed { reason, change, .. } => {
                    conduct.bystander = false;
                    //= docs/spec/protocol.md#ORD-025
                    if let FailReason::MembersLeft(gone) = reason
                        && !gone.is_disjoint(&change.exclude)
                    {
                        return Err(format!(
                            "ORD-025: an exclusion of {} fails because {gone} left",
                            change.exclude
                        ));
                    }
                }
                Notice::OpStarted { change, .. } => {
                    conduct.bystander = change.exclude.contains(me);
                }
                Notice::EnterRequest { member } => {
                    self.turn.requests.insert(member.clone());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// An event was delivered to an honest member, and this came of it.
    pub(crate) fn judge(
        &mut self,
        people: &[Person],
        who: usize,
        event: &ChannelEvent,
        (before, after): (&Digest, &Digest),
        disposition: &Disposition,
        now: u64,
    ) -> Result<(), String> {
        let Some(person) = people.get(who) else { return Ok(()) };
        let me = &person.name;
        match event {
            ChannelEvent::Entered { .. } | ChannelEvent::Left => {
                if let Some(conduct) = self.conduct.get_mut(who) {
                    let Conduct { sent, sent_away, .. } = core::mem::take(conduct);
                    *conduct = Conduct { sent, sent_away, ..Conduct::default() };
                }
            }
            ChannelEvent::Changed { enter, leave } if *disposition == Disposition::Accepted => {
                self.others_entered(who, enter, leave, before)?;
            }
            ChannelEvent::Packet { sender, bytes } if is_greeting(self.v2, bytes) => {
                let counts = *disposition == Disposition::Accepted;
                self.operation_packet(people, who, (sender, bytes), before, disposition, now)?;
                if counts && self.turn.succeeded {
                    self.completes(people, who, (before, after))?;
                }
            }
            ChannelEvent::Packet { bytes, .. } if after.deferred > before.deferred => {
                //= docs/spec/protocol.md#TRN-006
                let session = person.session.as_ref();
                let parent = self.misplaced.get(bytes);
                if parent.is_some_and(|id| session.is_some_and(|s| s.message(id).is_some())) {
                    return Err("TRN-006: waits for a message of another subsession".to_owned());
                }
            }
            _ => {}
        }
        self.rules_are_kept(people, who)?;
        targets_are_there(me, after)?;
        self.order_is_verified(people, who)
    }

    /// A good state is claimed only on evidence: everybody else had this order of operations.
    //= docs/spec/protocol.md#SEC-001
    //= docs/spec/protocol.md#ORD-036
    pub(super) fn order_is_verified(&self, people: &[Person], who: usize) -> Result<(), String> {
        let session = people.get(who).and_then(|person| person.session.as_ref());
        let Some(session) = session.filter(|session| self.v2 && session.order_verified()) else {
            return Ok(());
        };
        let life = self.lives.get(who).filter(|life| !life.is_excluded(session.sid()));
        let Some(life) = life else { return Ok(()) };
        let Some((last, _)) = session.order() else { return Ok(()) };
        let Some(ended) = life.orders.iter().find(|(id, _)| *id == last) else { return Ok(()) };
        let members = session.members().difference(session.leaving_members());
        for (other, theirs) in people.iter().zip(&self.ever).take(self.honest) {
            if members.contains(&other.name) && !theirs.contains(ended) {
                return Err(format!(
                    "SEC-001: the order of operations is said to be verified, and {} never had it",
                    other.name
                ));
            }
        }
        Ok(())
    }

    //= docs/spec/protocol.md#ORD-022
    //= docs/spec/protocol.md#ORD-023
    //= docs/spec/protocol.md#ORD-027
    fn others_entered(
        &mut self,
        who: usize,
        enter: &MemberSet,
        leave: &MemberSet,
        before: &Digest,
    ) -> Result<(), String> {
        let Self { turn, conduct, .. } = self;
        let Some(conduct) = conduct.get_mut(who) else { return Ok(()) };
        conduct.sent_away += turn.sent_away.len();
        if before.waiting || conduct.bystander || !leave.is_empty() {
            return Ok(());
        }
        for member in enter {
            if before.leaving.contains(member) {
                if !turn.sent_away.contains(member) && conduct.sent_away < MAX_SENT_AWAY {
                    return Err(format!(
                        "ORD-027: {member} comes back before its exclusion and is not sent away"
                    ));
                }
                continue;
            }
            //= docs/spec/protocol.md#ORD-023
            let busy = before.running.as_ref().is_some_and(|(_, next, _)| {
                before.sid.is_some() && !next.contains(member) && !before.members.contains(member)
            });
            let expected = conduct.asked.contains(member);
            let sent_away = turn.sent_away.contains(member);
            if busy && !expected && !sent_away && conduct.sent_away < MAX_SENT_AWAY {
                return Err(format!(
                    "ORD-023: {member} enters during an operation of others and is not sent away"
                ));
            }
            if !turn.requests.contains(member) && !expected {
                return Err(format!("ORD-022: {member} enters and nobody is told"));
            }
        }
        Ok(())
    }

    /// An operation packet arrived.
    fn operation_packet(
        &mut self,
        people: &[Person],
        who: usize,
        (sender, bytes): (&MemberId, &Vec<u8>),
        before: &Digest,
        disposition: &Disposition,
        now: u64,
    ) -> Result<(), String> {
        let v2_session = self.v2;
        let Some(me) = people.get(who).map(|person| &person.name) else { return Ok(()) };
        let Some(conduct) = self.conduct.get_mut(who) else { return Ok(()) };
        let proposed = proposal(v2_session, bytes);
        if *disposition == Disposition::Rejected(RejectReason::Order(OrderReject::NotForOwner))
            && let Some(proposed) = &proposed
        {
            conduct.superseded.insert(proposed.prev_final, now);
        }
        if *disposition != Disposition::Accepted {
            return Ok(());
        }
        //= docs/spec/protocol.md#GRT-018
        if sender == me && !conduct.sent.contains(bytes) {
            return Err("GRT-018: a packet in our name counts that we did not send".to_owned());
        }
        //= docs/spec/protocol.md#ORD-015
        let again = !conduct.counted.insert((sender.clone(), bytes.clone()));
        // In v1 copies do nothing as long as their operation is in progress, and nothing does
        // anything to whoever is being excluded, who cannot tell one from the other (GRT-012).
        let idle = conduct.bystander
            || passes_by(bytes, me)
            || conduct.round.iter().any(|(_, old)| old == bytes);
        let copy = !v2_session && idle;
        if again && !copy {
            return Err(format!("I7: a packet of {sender} counts for the second time"));
        }
        let Some(proposed) = proposed else {
            if before.running.is_none() {
                return Err(format!("ORD-016: a packet of {sender} counts, in no operation"));
            }
            conduct.round.push((sender.clone(), bytes.clone()));
            return Ok(());
        };
        conduct.round = vec![(sender.clone(), bytes.clone())];
        let superseded = core::mem::take(&mut conduct.superseded);
        let recent: Vec<_> =
            superseded.values().filter(|since| **since + SUPERSEDED > now).collect();
        //= docs/spec/protocol.md#ORD-009
        let there = before.channel.as_ref();
        if !there.is_some_and(|channel| proposed.targets.is_subset(channel)) {
            return Err(format!("ORD-009: an operation into {} begins", proposed.targets));
        }
        if before.running.as_ref().is_some_and(|(_, next, _)| next.contains(me)) {
            return Err("ORD-015: an operation begins while another is in progress".to_owned());
        }
        if before.waiting {
            //= docs/spec/protocol.md#ORD-011
            if !proposed.targets.contains(me) {
                return Err("ORD-011: a newcomer takes part in an operation of others".to_owned());
            }
            return match superseded.get(&proposed.prev_final) {
                Some(since)
                    if recent.len() <= MANY
                        && *since + op_timeout(v2_session, &proposed.targets) > now =>
                {
                    Err("ORD-011: a newcomer follows a proposal that has lost".to_owned())
                }
                _ => Ok(()),
            };
        }
        //= docs/spec/protocol.md#ORD-013
        if !before.members.contains(sender) {
            return Err(format!("ORD-013: {sender}, who is not a member, begins an operation"));
        }
        let Some((last, chain)) = before.order else { return Ok(()) };
        if last != proposed.prev_final {
            return Err("ORD-015: an operation follows another one than the last".to_owned());
        }
        //= docs/spec/v2.md#V2-030
        if v2_session && chain != proposed.prev_chain {
            return Err("V2-030: an operation of another history begins".to_owned());
        }
        Ok(())
    }

    /// Whoever completes an operation knows from everybody in it that it is the same (SEC-010).
    //= docs/spec/protocol.md#SEC-010
    fn completes(
        &mut self,
        people: &[Person],
        who: usize,
        (before, after): (&Digest, &Digest),
    ) -> Result<(), String> {
        let members = &after.members;
        let Some(conduct) = self.conduct.get_mut(who) else { return Ok(()) };
        let round = core::mem::take(&mut conduct.round);
        if members.len() < 2 {
            return Ok(());
        }
        // Whoever refreshes in v1 keeps the identifier, and nobody else takes part (SKE-005).
        if !self.v2 && before.sid == after.sid {
            return Ok(());
        }
        if let Some(why) = round.iter().find_map(|(_, bytes)| self.void.get(bytes)) {
            return Err(format!("SEC-010: completes with a packet that {why}"));
        }
        let mut agreed: Option<Confirmed> = None;
        for member in members {
            let mut by = round.iter().filter(|(sender, _)| sender == member);
            let signed = if self.v2 {
                by.find_map(|(_, bytes)| Some((bytes, confirmation(bytes)?)))
            } else {
                by.find(|(_, bytes)| is_signed(bytes)).map(|(_, bytes)| {
                    (bytes, (v2::operation_id::<mpenc_crypto::V2>(&[]), [0; 32], [0; 32]))
                })
            };
            let Some((bytes, confirmed)) = signed else {
                return Err(format!("SEC-010: completes without the confirmation of {member}"));
            };
            if *agreed.get_or_insert(confirmed) != confirmed {
                return Err(format!("SEC-010: {member} confirmed something else"));
            }
            let at = people.iter().position(|person| person.name == *member);
            if let Some(at) = at.filter(|at| *at < self.honest)
                && self.made.get(at).is_some_and(|made| !made.contains(bytes))
            {
                return Err(format!("SEC-010: {member} never confirmed this"));
            }
        }
        Ok(())
    }
}

/// Everybody whom an operation is for is in the channel, and who left is to be excluded. For
/// whoever is being excluded it is over when nobody says so.
fn targets_are_there(me: &MemberId, after: &Digest) -> Result<(), String> {
    let Some(channel) = &after.channel else { return Ok(()) };
    //= docs/spec/protocol.md#SES-014
    if let Some((_, next, _)) = &after.running
        && next.contains(me)
        && !next.is_subset(channel)
    {
        return Err(format!("ORD-025: an operation into {next} goes on, {channel} are there"));
    }
    //= docs/spec/protocol.md#ORD-024
    let forgotten = after.members.without(me).difference(channel).difference(&after.leaving);
    if !forgotten.is_empty() {
        return Err(format!("ORD-024: {forgotten} left and nobody is to exclude them"));
    }
    Ok(())
}

/// OP_TIMEOUT of an operation, in milliseconds, by the slowest clock.
fn op_timeout(v2_session: bool, targets: &MemberSet) -> u64 {
    if !v2_session {
        return SUPERSEDED;
    }
    let hops = super::expect::HOPS;
    let timeout = mpenc::Timing::default().op_timeout(if targets.is_empty() { 0 } else { hops });
    u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX) * 9 / 10
}
