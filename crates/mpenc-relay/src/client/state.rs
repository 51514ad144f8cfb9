use alloc::collections::VecDeque;

use mpenc::channel::{ChannelError, ChannelEvent, ChannelRequest};
use mpenc::limits::MAX_PACKET_LEN;
use mpenc::{MemberId, MemberSet, PublicKey};
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::wire::{self, Hex, Presence, Resume, ToClient, ToRelay, Welcome};

/// What a client knows of its room, and what it still has to tell: no sockets, no waiting.
#[derive(Debug)]
pub(super) struct State {
    owner: MemberId,
    /// Events the owner has not taken yet.
    events: VecDeque<ChannelEvent>,
    event_bytes: usize,
    /// After this there are no more events.
    ended: Option<ChannelError>,
    stay: Option<Stay>,
    entering: Option<Entering>,
    /// Requests of this stay that are not known to have arrived, oldest first.
    outbox: VecDeque<Outgoing>,
    /// How many of them are written to this connection.
    written: usize,
    unwritten_bytes: usize,
    retained_bytes: usize,
}

/// The owner asked to enter and has not entered yet.
#[derive(Debug)]
struct Entering {
    ticket: Hex<16>,
    /// The relay was asked, and may have let us in.
    sent: bool,
    /// The owner has changed its mind since.
    cancelled: bool,
}

/// From entering the room to leaving it.
#[derive(Debug)]
struct Stay {
    ticket: Hex<16>,
    /// The last event received.
    seq: u64,
    members: MemberSet,
    /// Requests of this stay that have arrived for certain.
    arrived: u64,
    /// The outbox ends with a request to leave.
    leaving: bool,
    /// The owner wants to come back after that, with this ticket.
    enter_again: Option<Hex<16>>,
    /// Nothing was forgotten that another connection would have to repeat.
    resumable: bool,
}

#[derive(Debug)]
enum Outgoing {
    Packet(Bytes),
    Kick(MemberId),
    Leave,
}

/// What is wrong with a frame from the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Events are missing before it: nothing that follows can be used (CHN-011).
    Gap,
    /// It is against the protocol.
    Violation(&'static str),
}

impl State {
    pub(super) fn new(owner: MemberId) -> Self {
        Self {
            owner,
            events: VecDeque::new(),
            event_bytes: 0,
            ended: None,
            stay: None,
            entering: None,
            outbox: VecDeque::new(),
            written: 0,
            unwritten_bytes: 0,
            retained_bytes: 0,
        }
    }

    /// The next event for the owner, or why there will be none.
    pub(super) fn next_event(&mut self) -> Option<Result<ChannelEvent, ChannelError>> {
        if let Some(event) = self.events.pop_front() {
            self.event_bytes = self.event_bytes.saturating_sub(event_cost(&event));
            return Some(Ok(event));
        }
        self.ended.clone().map(Err)
    }

    /// Bytes of events that the owner has not taken yet.
    pub(super) fn event_bytes(&self) -> usize {
        self.event_bytes
    }

    /// Bytes of requests that wait to be written.
    pub(super) fn unwritten_bytes(&self) -> usize {
        self.unwritten_bytes
    }

    /// Why the channel has ended, if it has.
    pub(super) fn ended(&self) -> Option<&ChannelError> {
        self.ended.as_ref()
    }

    /// Whether the relay believes us in the room and has not been told otherwise.
    pub(super) fn is_staying(&self) -> bool {
        self.stay.as_ref().is_some_and(|stay| !stay.leaving)
    }

    /// Ends the channel; a stay ends before it.
    pub(super) fn end(&mut self, error: ChannelError) {
        self.lose_stay();
        if self.ended.is_none() {
            self.ended = Some(error);
        }
    }

    /// Takes a request of the owner. The ticket, a random number, is used if it is one to enter.
    pub(super) fn request(&mut self, request: ChannelRequest, ticket: Hex<16>) {
        match request {
            ChannelRequest::Enter => self.enter(ticket),
            ChannelRequest::Leave => self.leave(),
            // Who is to react to it is advisory; everybody receives it (CHN-007).
            //= docs/spec/protocol.md#CHN-007
            ChannelRequest::Send { bytes, .. } => {
                //= docs/spec/protocol.md#CHN-014
                if bytes.len() > MAX_PACKET_LEN {
                    tracing::warn!(bytes = bytes.len(), "dropping a packet that is too large");
                } else {
                    self.push(Outgoing::Packet(bytes.into()));
                }
            }
            // A relay has no way to reach somebody who is not connected to the room, so nobody
            // can be asked to enter.
            ChannelRequest::Change { leave, .. } => {
                for member in leave.without(&self.owner) {
                    self.push(Outgoing::Kick(member));
                }
            }
            other => tracing::warn!(request = ?core::mem::discriminant(&other), "not supported"),
        }
    }

    /// The next frame to be written to this connection.
    pub(super) fn next_frame(&mut self) -> Option<Message> {
        if self.stay.is_none() {
            let entering = self.entering.as_mut().filter(|entering| !entering.sent)?;
            entering.sent = true;
            return Some(text(&ToRelay::Enter { ticket: entering.ticket }));
        }
        let next = self.outbox.get(self.written)?;
        self.written = self.written.saturating_add(1);
        self.unwritten_bytes = self.unwritten_bytes.saturating_sub(next.cost());
        Some(match next {
            Outgoing::Packet(bytes) => Message::Binary(bytes.clone()),
            Outgoing::Kick(member) => {
                let name = String::from_utf8_lossy(member.as_bytes()).into_owned();
                text(&ToRelay::Kick { name })
            }
            Outgoing::Leave => text(&ToRelay::Leave),
        })
    }

    /// The stay that the next connection should go on with.
    pub(super) fn resume(&self) -> Option<Resume> {
        match (&self.stay, &self.entering) {
            (Some(stay), _) if stay.resumable => {
                Some(Resume { ticket: stay.ticket, seq: stay.seq })
            }
            (None, Some(entering)) if entering.sent => {
                Some(Resume { ticket: entering.ticket, seq: 0 })
            }
            (Some(_), _) | (None, _) => None,
        }
    }

    /// A new connection is open, and goes on with the stay or does not.
    pub(super) fn connected(&mut self, welcome: &Welcome) -> Result<(), Fault> {
        if !welcome.resumed {
            self.entering = self.entering.take().filter(|entering| !entering.cancelled);
            if let Some(entering) = &mut self.entering {
                entering.sent = false;
            }
            self.lose_stay();
            return Ok(());
        }
        let Some(stay) = &mut self.stay else {
            return match &self.entering {
                Some(entering) if entering.sent => Ok(()),
                Some(_) | None => Err(Fault::Violation("it goes on with a stay that there is not")),
            };
        };
        let more = welcome.received.checked_sub(stay.arrived);
        let more = more.and_then(|more| usize::try_from(more).ok());
        let Some(more) = more.filter(|more| *more <= self.written) else {
            return Err(Fault::Violation("it counts more or fewer requests than were sent"));
        };
        self.has_arrived(more);
        self.written = 0;
        self.unwritten_bytes = self.retained_bytes;
        Ok(())
    }

    /// The stay is over, whatever the relay believes.
    pub(super) fn lose_stay(&mut self) {
        if let Some(stay) = self.stay.take() {
            self.entering = stay.enter_again.map(Entering::new);
            self.outbox.clear();
            self.written = 0;
            self.unwritten_bytes = 0;
            self.retained_bytes = 0;
            self.emit(ChannelEvent::Left);
        }
    }

    /// A control frame came.
    pub(super) fn receive_control(&mut self, text: &str) -> Result<(), Fault> {
        let control =
            wire::decode(text).map_err(|_| Fault::Violation("a control frame is malformed"))?;
        match control {
            ToClient::Challenge { .. } | ToClient::Welcome(_) => {
                Err(Fault::Violation("a frame of the greeting came later"))
            }
            ToClient::Entered { seq, members } => self.entered(seq, members),
            ToClient::MemberEntered { seq, member } => self.member_entered(seq, &member),
            ToClient::MemberLeft { seq, name, .. } => self.member_left(seq, &name),
        }
    }

    /// A packet frame came.
    pub(super) fn receive_packet(&mut self, frame: &[u8]) -> Result<(), Fault> {
        let (seq, sender, packet) =
            wire::decode_packet(frame).ok_or(Fault::Violation("a packet frame is too short"))?;
        let stay = self.advance(seq)?;
        let sender = MemberId::from_wire(sender);
        //= docs/spec/protocol.md#CHN-004
        if !stay.members.contains(&sender) {
            tracing::warn!(%sender, "dropping a packet from somebody who is not in the room");
            return Ok(());
        }
        if packet.len() > MAX_PACKET_LEN {
            tracing::warn!(bytes = packet.len(), "dropping a packet that is too large");
            return Ok(());
        }
        if sender == self.owner {
            // An echo proves the arrival of everything up to it.
            let is_packet = |it: &Outgoing| matches!(it, Outgoing::Packet(_));
            let echoed = self.outbox.iter().take(self.written).position(is_packet);
            self.has_arrived(echoed.map_or(0, |at| at.saturating_add(1)));
        }
        // An empty place in the order: a packet that was lost on the way to us.
        if !packet.is_empty() {
            self.emit(ChannelEvent::Packet { sender, bytes: packet.to_vec() });
        }
        Ok(())
    }

    fn entered(&mut self, seq: u64, presences: Vec<Presence>) -> Result<(), Fault> {
        let Some(entering) = self.entering.take().filter(|entering| entering.sent) else {
            return Err(Fault::Violation("we entered without asking for it"));
        };
        let mut members = MemberSet::new();
        for presence in presences {
            let (member, key) = identify(&presence)?;
            if !members.insert(member.clone()) {
                return Err(Fault::Violation("somebody is in the room twice"));
            }
            if member != self.owner {
                self.emit(ChannelEvent::Identity { member, key });
            }
        }
        //= docs/spec/protocol.md#CHN-002
        if !members.contains(&self.owner) {
            return Err(Fault::Violation("we are not among those in the room"));
        }
        self.emit(ChannelEvent::Entered { members: members.clone() });
        self.stay = Some(Stay {
            ticket: entering.ticket,
            seq,
            members,
            arrived: 0,
            leaving: false,
            enter_again: None,
            resumable: true,
        });
        if entering.cancelled {
            self.leave();
        }
        Ok(())
    }

    fn member_entered(&mut self, seq: u64, presence: &Presence) -> Result<(), Fault> {
        let (member, key) = identify(presence)?;
        let stay = self.advance(seq)?;
        //= docs/spec/protocol.md#CHN-003
        if !stay.members.insert(member.clone()) {
            return Err(Fault::Violation("somebody entered who was in the room"));
        }
        self.emit(ChannelEvent::Identity { member: member.clone(), key });
        self.emit(ChannelEvent::Changed { enter: MemberSet::of(&member), leave: MemberSet::new() });
        Ok(())
    }

    fn member_left(&mut self, seq: u64, name: &str) -> Result<(), Fault> {
        let member = MemberId::from_wire(name.as_bytes());
        let is_owner = member == self.owner;
        let stay = self.advance(seq)?;
        //= docs/spec/protocol.md#CHN-003
        if !stay.members.remove(&member) {
            return Err(Fault::Violation("somebody left who was not in the room"));
        }
        if is_owner {
            self.lose_stay();
        } else {
            let leave = MemberSet::of(&member);
            self.emit(ChannelEvent::Changed { enter: MemberSet::new(), leave });
        }
        Ok(())
    }

    /// Takes note of the event `seq`, which must be the next one.
    fn advance(&mut self, seq: u64) -> Result<&mut Stay, Fault> {
        let stay =
            self.stay.as_mut().ok_or(Fault::Violation("an event of a room that we are not in"))?;
        //= docs/spec/protocol.md#CHN-011
        if Some(seq) != stay.seq.checked_add(1) {
            return Err(Fault::Gap);
        }
        stay.seq = seq;
        Ok(stay)
    }

    fn enter(&mut self, ticket: Hex<16>) {
        match (&mut self.stay, &mut self.entering) {
            (None, None) => self.entering = Some(Entering::new(ticket)),
            (None, Some(entering)) => entering.cancelled = false,
            (Some(stay), _) if stay.leaving => stay.enter_again = Some(ticket),
            (Some(_), _) => {}
        }
    }

    fn leave(&mut self) {
        self.push(Outgoing::Leave);
        if let Some(stay) = &mut self.stay {
            stay.leaving = true;
            stay.enter_again = None;
        }
        self.entering = self.entering.take().filter(|entering| entering.sent);
        if let Some(entering) = &mut self.entering {
            entering.cancelled = true;
        }
    }

    /// Queues a request; without effect out of the room, or on the way out.
    fn push(&mut self, outgoing: Outgoing) {
        let Some(stay) = self.stay.as_mut().filter(|stay| !stay.leaving) else { return };
        let cost = outgoing.cost();
        self.unwritten_bytes = self.unwritten_bytes.saturating_add(cost);
        self.retained_bytes = self.retained_bytes.saturating_add(cost);
        self.outbox.push_back(outgoing);
        if self.retained_bytes > RETAIN_LIMIT && self.written > 0 {
            stay.resumable = false;
            self.has_arrived(self.written);
        }
    }

    /// The oldest `count` requests need not be repeated.
    fn has_arrived(&mut self, count: usize) {
        for _ in 0..count {
            if let Some(outgoing) = self.outbox.pop_front() {
                self.retained_bytes = self.retained_bytes.saturating_sub(outgoing.cost());
            }
        }
        self.written = self.written.saturating_sub(count);
        if let Some(stay) = &mut self.stay {
            stay.arrived = stay.arrived.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        }
    }

    fn emit(&mut self, event: ChannelEvent) {
        self.event_bytes = self.event_bytes.saturating_add(event_cost(&event));
        self.events.push_back(event);
    }
}

impl Entering {
    fn new(ticket: Hex<16>) -> Self {
        Self { ticket, sent: false, cancelled: false }
    }
}

impl Outgoing {
    fn cost(&self) -> usize {
        OVERHEAD.saturating_add(match self {
            Self::Packet(bytes) => bytes.len(),
            Self::Kick(_) | Self::Leave => 0,
        })
    }
}

fn event_cost(event: &ChannelEvent) -> usize {
    let size = if let ChannelEvent::Packet { bytes, .. } = event { bytes.len() } else { 0 };
    size.saturating_add(OVERHEAD)
}

fn identify(presence: &Presence) -> Result<(MemberId, PublicKey), Fault> {
    let member = MemberId::new(&presence.name)
        .map_err(|_| Fault::Violation("a name is not one that members have"))?;
    Ok((member, PublicKey::new(presence.key.0)))
}

fn text(control: &ToRelay) -> Message {
    Message::text(wire::encode(control))
}

/// Bytes of requests that are kept in order to repeat them, should the connection break. With
/// more than that under way a broken connection ends the stay.
const RETAIN_LIMIT: usize = 64 << 20;

/// Bytes counted for whatever surrounds a packet.
const OVERHEAD: usize = 64;

#[cfg(test)]
mod tests;
