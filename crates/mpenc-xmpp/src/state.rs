//! What a channel knows and does, without input or output: stanzas and requests go in, stanzas
//! and events come out. Time is an argument.

mod messages;
mod outbox;
mod presences;
#[cfg(test)]
mod tests;
mod timeouts;

use alloc::collections::{BTreeMap, VecDeque};

use mpenc::channel::{ChannelError, ChannelEvent, ChannelRequest};
use mpenc::limits::MAX_PACKET_LEN;
use mpenc::{MemberId, MemberSet, PublicKey};
use tokio::time::Instant;
use tokio_xmpp::Stanza;
use tokio_xmpp::jid::{BareJid, Jid};

use crate::account::Password;
use crate::element;
use crate::fragment::Reassembly;
use crate::limits::ANSWER_TIMEOUT;
use crate::roster::{Occupant, Roster};
use outbox::{Next, Outbox, Outgoing};

#[derive(Debug)]
pub(crate) struct State {
    owner: MemberId,
    key: PublicKey,
    room: BareJid,
    room_password: Option<Password>,
    events: VecDeque<ChannelEvent>,
    event_bytes: usize,
    ended: Option<ChannelError>,
    /// The connection can be used.
    online: bool,
    phase: Phase,
    roster: Roster,
    reassembly: Reassembly,
    outbox: Outbox,
    /// Written before anything else.
    urgent: VecDeque<Stanza>,
    /// Answers to what others ask, written in turn with our packets.
    answers: VecDeque<Stanza>,
    /// What was written last is an answer.
    answered_last: bool,
    /// The nickname of the attempt to enter, or the stay, before this one.
    former_nick: Option<String>,
    /// Makes identifiers of questions different.
    questions: u64,
}

#[derive(Debug)]
enum Phase {
    Outside,
    Entering(Entering),
    Inside(Stay),
}

/// The owner asked to enter and has not entered yet.
#[derive(Debug)]
struct Entering {
    nick: String,
    /// When to ask (again) or to give up waiting for an answer.
    at: Option<Instant>,
    asked: bool,
    tries: u32,
    /// The owner has changed its mind since.
    cancelled: bool,
    /// The question by which a room of our own is made to show addresses.
    configuring: Option<String>,
}

/// From entering the room to leaving it.
#[derive(Debug)]
struct Stay {
    nick: String,
    leaving: bool,
    enter_again: bool,
    /// The room may still be telling what was said before we came.
    past: bool,
    /// When anything came from the room last.
    heard: Instant,
    /// When the stream was resumed last.
    resumed: Option<Instant>,
    /// The number of the last packet of everybody who has sent one since then, by nickname.
    numbers: BTreeMap<String, u64>,
    /// Asked whether we are still in the room.
    ping: Option<Ping>,
}

#[derive(Debug)]
struct Ping {
    id: String,
    until: Instant,
    tries: u32,
}

impl State {
    pub(crate) fn new(
        owner: MemberId,
        key: PublicKey,
        room: BareJid,
        room_password: Option<Password>,
        max_fragment: usize,
    ) -> Self {
        Self {
            owner,
            key,
            room,
            room_password,
            events: VecDeque::new(),
            event_bytes: 0,
            ended: None,
            online: true,
            phase: Phase::Outside,
            roster: Roster::default(),
            reassembly: Reassembly::default(),
            outbox: Outbox::new(max_fragment),
            urgent: VecDeque::new(),
            answers: VecDeque::new(),
            answered_last: false,
            former_nick: None,
            questions: 0,
        }
    }

    pub(crate) fn owner(&self) -> &MemberId {
        &self.owner
    }

    /// The next event for the owner, or why there will be none.
    pub(crate) fn next_event(&mut self) -> Option<Result<ChannelEvent, ChannelError>> {
        if let Some(event) = self.events.pop_front() {
            self.event_bytes = self.event_bytes.saturating_sub(cost(&event));
            return Some(Ok(event));
        }
        self.ended.clone().map(Err)
    }

    /// Bytes of events that the owner has not taken yet.
    pub(crate) fn event_bytes(&self) -> usize {
        self.event_bytes
    }

    /// Bytes of packets that have not been echoed.
    pub(crate) fn outgoing_bytes(&self) -> usize {
        self.outbox.bytes()
    }

    pub(crate) fn ended(&self) -> Option<&ChannelError> {
        self.ended.as_ref()
    }

    /// Ends the channel; a stay ends before it.
    pub(crate) fn end(&mut self, reason: impl Into<String>) {
        self.lose_stay();
        self.phase = Phase::Outside;
        if self.ended.is_none() {
            self.ended = Some(ChannelError::new(reason));
        }
    }

    /// Takes a request of the owner. The nickname, drawn anew, is used if it is one to enter.
    pub(crate) fn request(&mut self, request: ChannelRequest, nick: &str) {
        match request {
            ChannelRequest::Enter => match &mut self.phase {
                Phase::Outside => {
                    self.former_nick.take_if(|former| former == nick);
                    self.phase = Phase::Entering(Entering::new(nick));
                }
                Phase::Entering(entering) => entering.cancelled = false,
                Phase::Inside(stay) => stay.enter_again |= stay.leaving,
            },
            ChannelRequest::Leave => match &mut self.phase {
                Phase::Outside => {}
                Phase::Entering(entering) if !entering.asked => self.phase = Phase::Outside,
                Phase::Entering(entering) => entering.cancelled = true,
                Phase::Inside(stay) => {
                    stay.enter_again = false;
                    if !stay.leaving {
                        stay.leaving = true;
                        self.outbox.push(Outgoing::Leave);
                    }
                }
            },
            // Who is to react to it is advisory; everybody receives it (CHN-007).
            ChannelRequest::Send { bytes, .. } if self.is_staying() => {
                //= docs/spec/protocol.md#CHN-014
                if bytes.len() > MAX_PACKET_LEN {
                    tracing::warn!(bytes = bytes.len(), "dropping a packet that is too large");
                } else {
                    self.outbox.packet(bytes);
                }
            }
            ChannelRequest::Change { enter, leave } if self.is_staying() => {
                leave
                    .without(&self.owner)
                    .into_iter()
                    .for_each(|member| self.outbox.push(Outgoing::Kick(member)));
                enter.into_iter().for_each(|member| self.outbox.push(Outgoing::Invite(member)));
            }
            ChannelRequest::Send { .. } | ChannelRequest::Change { .. } => {}
            other => tracing::warn!(request = ?core::mem::discriminant(&other), "not supported"),
        }
    }

    fn is_staying(&self) -> bool {
        matches!(&self.phase, Phase::Inside(stay) if !stay.leaving)
    }

    /// The next stanza to be written.
    pub(crate) fn next_stanza(&mut self, now: Instant) -> Option<Stanza> {
        if !self.online {
            return None;
        }
        if let Some(stanza) = self.urgent.pop_front() {
            return Some(stanza);
        }
        // Whoever asks a lot may not keep our packets back.
        if !self.answered_last
            && let Some(answer) = self.answers.pop_front()
        {
            self.answered_last = true;
            return Some(answer);
        }
        self.answered_last = false;
        self.next_of_phase(now).or_else(|| self.answers.pop_front())
    }

    fn next_of_phase(&mut self, now: Instant) -> Option<Stanza> {
        match &mut self.phase {
            Phase::Outside => None,
            Phase::Entering(entering) => {
                if entering.asked || entering.at.is_some_and(|at| now < at) {
                    return None;
                }
                entering.asked = true;
                entering.at = now.checked_add(ANSWER_TIMEOUT);
                entering.tries = entering.tries.saturating_add(1);
                let nick = entering.nick.clone();
                // The room tells anew who is there.
                self.roster.clear();
                let password = self.room_password.as_ref().map(Password::reveal);
                Some(element::enter(self.occupant(&nick)?, &self.key, password))
            }
            Phase::Inside(stay) => {
                let nick = stay.nick.clone();
                self.next_outgoing(&nick, now)
            }
        }
    }

    fn next_outgoing(&mut self, own_nick: &str, now: Instant) -> Option<Stanza> {
        let room: Jid = self.room.clone().into();
        loop {
            return Some(match self.outbox.next(now)? {
                Next::Piece(piece) => element::packet(room, &piece),
                Next::Kick(member) => {
                    let Some(nick) = self.roster.nick_of(&member).map(str::to_owned) else {
                        continue;
                    };
                    let id = self.question("kick");
                    element::kick(room, &nick, &id)
                }
                Next::Invite(member) => {
                    let Ok(whom) = core::str::from_utf8(member.as_bytes()) else { continue };
                    // The room asks people, not their devices.
                    let whom = whom.split('/').next().unwrap_or(whom);
                    element::invite(room, whom)
                }
                Next::Leave => element::leave(self.occupant(own_nick)?),
            });
        }
    }

    /// The connection broke; what the room sends meanwhile may yet come.
    pub(crate) fn suspended(&mut self) {
        self.online = false;
    }

    /// The connection goes on as if nothing had happened.
    pub(crate) fn resumed(&mut self, now: Instant) {
        self.online = true;
        self.heard(now);
        if let Phase::Inside(stay) = &mut self.phase {
            stay.resumed = Some(now);
            stay.numbers.clear();
        }
        self.outbox.postpone(ANSWER_TIMEOUT);
    }

    /// There is a new connection, which knows nothing of an old one.
    pub(crate) fn reset(&mut self) {
        self.online = true;
        self.urgent.clear();
        self.answers.clear();
        //= docs/spec/protocol.md#CHN-011
        self.lose_stay();
        if let Phase::Entering(entering) = &mut self.phase {
            entering.asked = false;
            entering.at = None;
            entering.configuring = None;
        }
        self.roster.clear();
    }

    /// The stay is over, whatever the room believes.
    pub(crate) fn lose_stay(&mut self) {
        let Phase::Inside(stay) = &self.phase else { return };
        self.former_nick = Some(stay.nick.clone());
        self.phase = if stay.enter_again {
            Phase::Entering(Entering::new(&fresh(&stay.nick)))
        } else {
            Phase::Outside
        };
        self.outbox.clear();
        self.reassembly.clear();
        self.roster.clear();
        self.emit(ChannelEvent::Left);
    }

    /// As [`lose_stay`](Self::lose_stay), and tells the room, should it believe us inside.
    fn give_up_stay(&mut self, why: &str) {
        tracing::warn!(why, "leaving the room");
        if let Phase::Inside(stay) = &self.phase
            && let Some(occupant) = self.occupant(&stay.nick)
        {
            self.urgent.push_back(element::leave(occupant));
        }
        self.lose_stay();
    }

    fn question(&mut self, what: &str) -> String {
        self.questions = self.questions.saturating_add(1);
        format!("{what}-{}", self.questions)
    }

    fn occupant(&self, nick: &str) -> Option<Jid> {
        self.room.with_resource_str(nick).ok().map(Jid::from)
    }

    fn entered(&mut self, now: Instant) {
        let Phase::Entering(entering) = &self.phase else { return };
        let (nick, cancelled) = (entering.nick.clone(), entering.cancelled);
        let owner = Occupant { member: self.owner.clone(), key: Some(self.key) };
        self.roster.here(&nick, owner);
        let keys: Vec<_> = self.roster.occupants().cloned().collect();
        for Occupant { member, key } in keys {
            if let Some(key) = key.filter(|_| member != self.owner) {
                self.emit(ChannelEvent::Identity { member, key });
            }
        }
        self.reassembly.clear();
        self.outbox.clear();
        //= docs/spec/protocol.md#CHN-001
        self.emit(ChannelEvent::Entered { members: self.roster.members() });
        self.phase = Phase::Inside(Stay {
            nick,
            leaving: false,
            enter_again: false,
            past: true,
            heard: now,
            resumed: None,
            numbers: BTreeMap::new(),
            ping: None,
        });
        if cancelled {
            self.request(ChannelRequest::Leave, "");
        }
    }

    //= docs/spec/protocol.md#CHN-010
    fn emit_entered(&mut self, member: MemberId, key: Option<PublicKey>) {
        if let Some(key) = key {
            self.emit(ChannelEvent::Identity { member: member.clone(), key });
        }
        let enter = MemberSet::of(&member);
        self.emit(ChannelEvent::Changed { enter, leave: MemberSet::new() });
    }

    fn emit_left(&mut self, member: &MemberId) {
        let leave = MemberSet::of(member);
        self.emit(ChannelEvent::Changed { enter: MemberSet::new(), leave });
    }

    fn emit(&mut self, event: ChannelEvent) {
        self.event_bytes = self.event_bytes.saturating_add(cost(&event));
        self.events.push_back(event);
    }
}

impl Entering {
    fn new(nick: &str) -> Self {
        Self {
            nick: nick.to_owned(),
            at: None,
            asked: false,
            tries: 0,
            cancelled: false,
            configuring: None,
        }
    }
}

/// Another nickname, so that what is left of the last attempt is not taken for this one.
fn fresh(nick: &str) -> String {
    let (stem, count) = nick.rsplit_once('.').unwrap_or((nick, "0"));
    match count.parse::<u32>() {
        Ok(count) => format!("{stem}.{}", count.saturating_add(1)),
        Err(_) => format!("{nick}.1"),
    }
}

fn cost(event: &ChannelEvent) -> usize {
    /// Bytes counted for whatever surrounds a packet.
    const OVERHEAD: usize = 64;
    let size = if let ChannelEvent::Packet { bytes, .. } = event { bytes.len() } else { 0 };
    size.saturating_add(OVERHEAD)
}
