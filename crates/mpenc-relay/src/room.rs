use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::mem;

use axum::extract::ws::Message;
use mpenc::{MemberId, PublicKey};
use tokio::sync::oneshot;

use crate::log::{Budget, ConnectionId, Event, EventKind, Log};
use crate::loss::{Loss, is_repairable};
use crate::stats::{RoomCounts, Totals, add};
use crate::wire::{self, Closing, Hex, LeaveReason, Presence, Resume, ToClient};

/// A room: who is there, and what happened, in one order for all. Knows nothing of sockets.
///
/// Whoever said hello has a *place* under its name; whoever entered has a *stay* in it. A stay
/// outlives its connection for the grace, a place without a stay does not.
#[derive(Debug)]
pub(crate) struct Room {
    log: Log,
    places: BTreeMap<MemberId, Place>,
    counts: RoomCounts,
    totals: Arc<Totals>,
    max_members: usize,
    lose: Option<Loss>,
}

#[derive(Debug)]
struct Place {
    key: PublicKey,
    link: Link,
    stay: Option<Stay>,
    /// The event to be sent next.
    cursor: u64,
    /// Whether the member is in the room at the cursor, which follows behind `stay`.
    in_at_cursor: bool,
}

#[derive(Debug)]
enum Link {
    Live { connection: ConnectionId, closer: oneshot::Sender<Closing> },
    Away { last: ConnectionId },
}

#[derive(Debug)]
struct Stay {
    ticket: Hex<16>,
    entered: u64,
    /// Requests that arrived in this stay.
    received: u64,
    /// The last event the client is known to have.
    confirmed: u64,
}

/// What a hello led to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Admission {
    /// The stay goes on, and so many of its requests had arrived.
    pub(crate) resumed: Option<u64>,
}

/// What a connection has to send now.
#[derive(Debug)]
pub(crate) enum Feed {
    /// Frames in order, and the last event they bring the client to.
    Frames { frames: Vec<Message>, last: u64 },
    /// Nothing until the next event.
    UpToDate,
    /// The connection no longer has the place.
    Over,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It broke, and may come back.
    Broken,
    /// It ended on purpose.
    Left(LeaveReason),
}

impl Room {
    pub(crate) fn new(
        budget: Arc<Budget>,
        totals: Arc<Totals>,
        max_members: usize,
        lose: Option<Loss>,
    ) -> Self {
        Self {
            log: Log::new(budget),
            places: BTreeMap::new(),
            counts: RoomCounts::default(),
            totals,
            max_members,
            lose,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub(crate) fn counts(&self) -> RoomCounts {
        let members = self.places.values().filter(|place| place.stay.is_some()).count();
        RoomCounts { members, ..self.counts }
    }

    /// Sequence number of the last event.
    pub(crate) fn head(&self) -> u64 {
        self.log.next().saturating_sub(1)
    }

    /// Gives a connection that proved `key` the place under `name`, taking it from a former
    /// connection of the same key.
    pub(crate) fn admit(
        &mut self,
        connection: ConnectionId,
        closer: oneshot::Sender<Closing>,
        name: &MemberId,
        key: PublicKey,
        resume: Option<&Resume>,
    ) -> Result<Admission, Closing> {
        let link = Link::Live { connection, closer };
        let Some(place) = self.places.get_mut(name) else {
            if self.places.len() >= self.max_members {
                return Err(Closing::new(Closing::FULL, "the room is full"));
            }
            let cursor = self.log.next();
            let place = Place { key, link, stay: None, cursor, in_at_cursor: false };
            self.places.insert(name.clone(), place);
            return Ok(Admission { resumed: None });
        };
        if place.key != key {
            return Err(Closing::new(
                Closing::NAME_TAKEN,
                "the name is taken by somebody with another identity key",
            ));
        }
        mem::replace(&mut place.link, link)
            .close(Closing::new(Closing::REPLACED, "a newer connection took the name over"));

        if let (Some(stay), Some(resume)) = (&mut place.stay, resume)
            && let Some(cursor) = stay.resumed_at(resume, &self.log)
        {
            stay.confirmed = stay.confirmed.max(resume.seq);
            place.cursor = cursor;
            place.in_at_cursor = cursor != stay.entered;
            add(&self.totals.resumed, 1);
            return Ok(Admission { resumed: Some(stay.received) });
        }
        self.end_stay(name, LeaveReason::Replaced);
        let cursor = self.log.next();
        if let Some(place) = self.places.get_mut(name) {
            place.cursor = cursor;
            place.in_at_cursor = false;
        }
        Ok(Admission { resumed: None })
    }

    /// Begins a stay. No effect if there is one already.
    pub(crate) fn enter(&mut self, connection: ConnectionId, name: &MemberId, ticket: Hex<16>) {
        let seq = self.log.next();
        let Some(place) = self.place_of(connection, name) else { return };
        if place.stay.is_some() {
            return;
        }
        place.stay =
            Some(Stay { ticket, entered: seq, received: 0, confirmed: seq.saturating_sub(1) });
        let member = presence(name, &place.key);
        let members = self
            .places
            .iter()
            .filter(|(_, place)| place.stay.is_some())
            .map(|(name, place)| presence(name, &place.key))
            .collect();
        let snapshot = text(&ToClient::Entered { seq, members });
        self.append(Event {
            frame: text(&ToClient::MemberEntered { seq, member }),
            kind: EventKind::Enter { member: name.clone(), snapshot },
        });
    }

    /// Ends the connection's own stay.
    pub(crate) fn leave(&mut self, connection: ConnectionId, name: &MemberId) {
        if self.count_request(connection, name) {
            self.end_stay(name, LeaveReason::Left);
        }
    }

    /// Ends somebody's stay at the request of another member.
    pub(crate) fn kick(&mut self, connection: ConnectionId, name: &MemberId, target: &MemberId) {
        if self.count_request(connection, name) {
            self.end_stay(target, LeaveReason::Kicked);
        }
    }

    /// Broadcasts a packet to everybody in the room, its sender included. False if the sender is
    /// not in the room.
    pub(crate) fn packet(
        &mut self,
        connection: ConnectionId,
        name: &MemberId,
        packet: &[u8],
    ) -> bool {
        // Faults that the whole room sees alike, such as a lost packet, belong here, before the
        // packet gets its place in the order.
        let counted = self.count_request(connection, name);
        if counted {
            let frame = wire::encode_packet(self.log.next(), name, packet);
            let bytes = u64::try_from(packet.len()).unwrap_or(u64::MAX);
            self.counts.packets = self.counts.packets.saturating_add(1);
            self.counts.bytes = self.counts.bytes.saturating_add(bytes);
            add(&self.totals.packets, 1);
            add(&self.totals.bytes, bytes);
            let without = self.lose.filter(|_| is_repairable(packet)).map(|_| {
                let empty = wire::encode_packet(self.log.next(), name, &[]);
                Message::Binary(empty.into())
            });
            self.append(Event {
                frame: Message::Binary(frame.into()),
                kind: EventKind::Packet { without },
            });
        }
        counted
    }

    /// What a connection has to send next: frames of about `budget` bytes, and at least one.
    pub(crate) fn feed(
        &mut self,
        connection: ConnectionId,
        name: &MemberId,
        budget: usize,
    ) -> Feed {
        let lose = self.lose;
        let Some(place) = self.places.get_mut(name) else { return Feed::Over };
        if place.link.live() != Some(connection) {
            return Feed::Over;
        }
        let mut frames = Vec::new();
        let mut bytes = 0_usize;
        for event in self.log.from(place.cursor) {
            let seq = place.cursor;
            place.cursor = place.cursor.saturating_add(1);
            let frame = match &event.kind {
                EventKind::Enter { member, snapshot } if member == name => {
                    place.in_at_cursor = true;
                    snapshot
                }
                EventKind::Leave { member } if member == name => {
                    if !mem::replace(&mut place.in_at_cursor, false) {
                        continue;
                    }
                    &event.frame
                }
                EventKind::Packet { .. } | EventKind::Enter { .. } | EventKind::Leave { .. }
                    if !place.in_at_cursor =>
                {
                    continue;
                }
                EventKind::Packet { without: Some(empty) }
                    if lose.is_some_and(|lose| lose.takes(seq, name)) =>
                {
                    empty
                }
                EventKind::Packet { .. } | EventKind::Enter { .. } | EventKind::Leave { .. } => {
                    &event.frame
                }
            };
            frames.push(frame.clone());
            bytes = bytes.saturating_add(frame_len(frame));
            if bytes >= budget {
                break;
            }
        }
        if frames.is_empty() {
            Feed::UpToDate
        } else {
            Feed::Frames { frames, last: place.cursor.saturating_sub(1) }
        }
    }

    /// Notes that a client has everything up to `seq`, which need not be kept for it any longer.
    pub(crate) fn confirm(&mut self, connection: ConnectionId, name: &MemberId, seq: u64) {
        let Some(place) = self.place_of(connection, name) else { return };
        let sent = place.cursor.saturating_sub(1);
        if let Some(stay) = &mut place.stay {
            stay.confirmed = stay.confirmed.max(seq.min(sent));
        }
        self.trim();
    }

    /// Notes the end of a connection. True if its member stays for the grace, after which
    /// [`expire`](Self::expire) is to be called.
    pub(crate) fn disconnected(
        &mut self,
        connection: ConnectionId,
        name: &MemberId,
        ending: Ending,
    ) -> bool {
        let Some(place) = self.place_of(connection, name) else { return false };
        match ending {
            Ending::Broken if place.stay.is_some() => {
                place.link = Link::Away { last: connection };
                return true;
            }
            Ending::Broken => {}
            Ending::Left(reason) => self.end_stay(name, reason),
        }
        self.vacate(name);
        false
    }

    /// The grace after the end of `connection` is over. True if the member left by that.
    pub(crate) fn expire(&mut self, connection: ConnectionId, name: &MemberId) -> bool {
        let away = self
            .places
            .get(name)
            .is_some_and(|place| matches!(place.link, Link::Away { last } if last == connection));
        if away {
            add(&self.totals.dropped, 1);
            self.end_stay(name, LeaveReason::Dropped);
            self.vacate(name);
        }
        away
    }

    fn place_of(&mut self, connection: ConnectionId, name: &MemberId) -> Option<&mut Place> {
        self.places.get_mut(name).filter(|place| place.link.live() == Some(connection))
    }

    /// Counts a request within a stay; false if there is none, and nothing is to be done.
    fn count_request(&mut self, connection: ConnectionId, name: &MemberId) -> bool {
        let stay = self.place_of(connection, name).and_then(|place| place.stay.as_mut());
        stay.is_some_and(|stay| {
            stay.received = stay.received.saturating_add(1);
            true
        })
    }

    /// Ends a stay, if there is one. A place that is away goes with it.
    fn end_stay(&mut self, name: &MemberId, reason: LeaveReason) {
        let Some(place) = self.places.get_mut(name) else { return };
        if place.stay.take().is_none() {
            return;
        }
        if place.link.live().is_none() {
            self.places.remove(name);
        }
        let frame = ToClient::MemberLeft { seq: self.log.next(), name: display(name), reason };
        self.append(Event { frame: text(&frame), kind: EventKind::Leave { member: name.clone() } });
    }

    fn vacate(&mut self, name: &MemberId) {
        self.places.remove(name);
        self.trim();
    }

    /// Appends one event; all changes of the order come through here. Clients that have not been
    /// sent an event which the log forgets for it have lagged: they leave.
    fn append(&mut self, event: Event) {
        if !self.log.append(event) {
            return;
        }
        while let Some(name) = self.first_lagging() {
            if let Some(place) = self.places.get_mut(&name) {
                // Its connection is closed, so it has no place to keep.
                let away = Link::Away { last: ConnectionId(u64::MAX) };
                mem::replace(&mut place.link, away).close(Closing::new(
                    Closing::LAGGING,
                    "too far behind: more than the room keeps is waiting to be read",
                ));
            }
            add(&self.totals.lagging, 1);
            // Appends in turn, which may make others lag; hence one at a time.
            self.end_stay(&name, LeaveReason::Lagging);
            self.places.remove(&name);
        }
    }

    fn first_lagging(&self) -> Option<MemberId> {
        let lagging =
            |place: &Place| place.link.live().is_some() && place.cursor < self.log.first();
        self.places.iter().find(|(_, place)| lagging(place)).map(|(name, _)| name.clone())
    }

    /// Forgets what everybody has.
    fn trim(&mut self) {
        let needed = self.places.values().map(|place| match &place.stay {
            Some(stay) => stay.confirmed.saturating_add(1).min(place.cursor),
            None => place.cursor,
        });
        self.log.trim(needed.min().unwrap_or(u64::MAX));
    }
}

impl Stay {
    /// The event with which the stay goes on, unless something is missing before it.
    fn resumed_at(&self, resume: &Resume, log: &Log) -> Option<u64> {
        let next = match resume.seq {
            0 => self.entered,
            seq if seq >= self.entered => seq.saturating_add(1),
            _ => return None,
        };
        let kept = log.first() <= next && next <= log.next();
        (self.ticket == resume.ticket && kept).then_some(next)
    }
}

impl Link {
    fn live(&self) -> Option<ConnectionId> {
        match self {
            Self::Live { connection, .. } => Some(*connection),
            Self::Away { .. } => None,
        }
    }

    fn close(self, closing: Closing) {
        if let Self::Live { closer, .. } = self {
            // A connection that is gone already needs no telling.
            let _ = closer.send(closing);
        }
    }
}

fn presence(name: &MemberId, key: &PublicKey) -> Presence {
    Presence { name: display(name), key: Hex(*key.as_bytes()) }
}

/// A name as JSON has it: names are UTF-8 without control characters, so nothing is lost.
fn display(name: &MemberId) -> String {
    String::from_utf8_lossy(name.as_bytes()).into_owned()
}

fn text(control: &ToClient) -> Message {
    Message::Text(wire::encode(control).into())
}

fn frame_len(message: &Message) -> usize {
    match message {
        Message::Text(text) => text.len(),
        Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes) => bytes.len(),
        Message::Close(_) => 0,
    }
}

#[cfg(test)]
mod tests;
