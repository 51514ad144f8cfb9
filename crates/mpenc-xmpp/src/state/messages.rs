//! Messages of the room, and answers to questions.

use mpenc::MemberId;
use mpenc::channel::ChannelEvent;
use tokio::time::Instant;
use tokio_xmpp::Stanza;
use tokio_xmpp::jid::Jid;
use tokio_xmpp::parsers::iq::Iq;
use tokio_xmpp::parsers::message::Message;

use super::{Phase, State};
use crate::element::{self, Answer, Refusal, Said};
use crate::fragment::{Fragment, Joined};
use crate::limits::{MAX_ANSWERS, RESUMED_WATCH};

/// Status code: the room hides addresses from now on.
const HIDES_ADDRESSES: u16 = 173;

/// The part of a full address that all devices of an account share.
fn account(member: &MemberId) -> String {
    let address = String::from_utf8_lossy(member.as_bytes());
    address.split('/').next().unwrap_or_default().to_owned()
}

impl State {
    /// Takes what came from the server.
    pub(crate) fn receive(&mut self, stanza: Stanza, now: Instant) {
        match stanza {
            Stanza::Presence(presence) => self.receive_presence(&presence, now),
            Stanza::Message(message) => self.receive_message(&message, now),
            Stanza::Iq(iq) => self.receive_iq(iq, now),
        }
    }

    fn receive_message(&mut self, message: &Message, now: Instant) {
        let Some(from) = message.from.as_ref().filter(|from| from.to_bare() == self.room) else {
            return;
        };
        self.heard(now);
        let is_old = element::is_old(message, &self.owner);
        let Phase::Inside(stay) = &mut self.phase else { return };
        let past = stay.past;
        stay.past &= !element::ends_the_past(message, is_old);
        if past && is_old {
            return;
        }
        match element::read_message(message) {
            Said::Packet(fragment) => {
                let nick = from.resource().map(|nick| nick.as_str().to_owned());
                self.receive_fragment(nick.as_deref().unwrap_or_default(), fragment, now);
            }
            // Other occupants can send messages of this type, too; what refuses is the room.
            Said::Refused(refusal) if from.resource().is_none() => {
                if let Some(number) = element::packet_of(message)
                    && self.outbox.is_under_way(number)
                {
                    self.refused_packet(number, &refusal, now);
                }
            }
            Said::Changed(codes)
                if codes.contains(&HIDES_ADDRESSES) && from.resource().is_none() =>
            {
                self.give_up_stay("the room hides addresses from now on");
            }
            Said::Refused(_) | Said::Changed(_) | Said::Other => {}
            Said::Malformed(why) => tracing::warn!(why, "dropping a piece of a packet"),
        }
    }

    fn receive_fragment(&mut self, nick: &str, fragment: Fragment, now: Instant) {
        //= docs/spec/protocol.md#CHN-004
        let Some(sender) = self.roster.member(nick).cloned() else {
            tracing::warn!("dropping a packet from somebody who is not in the room");
            return;
        };
        let number = fragment.packet;
        let is_late = self.is_late(nick, number, now);
        let account = account(&sender);
        let joined = self.reassembly.accept(nick, &account, fragment);
        let is_doubtful = is_late.is_some_and(|late| late || matches!(joined, Joined::Dropped(_)));
        //= docs/spec/protocol.md#CHN-011
        if is_doubtful {
            return self.give_up_stay("what a resumed stream brings is out of order");
        }
        if sender == self.owner {
            self.outbox.echoed(number, matches!(joined, Joined::Whole(_)), now);
            if matches!(joined, Joined::Dropped(_)) {
                // Nobody can put it together; so it is as if the room had not taken it.
                self.outbox.again(number, Some(now));
            }
        }
        match joined {
            Joined::Whole(bytes) => self.emit(ChannelEvent::Packet { sender, bytes }),
            Joined::Unfinished | Joined::GivenUp => {}
            Joined::Dropped(why) => tracing::warn!(%sender, why, "dropping a piece of a packet"),
        }
    }

    /// Whether a packet comes after a later one of its sender, while a resumed stream is watched
    /// for that. Everybody counts upwards.
    fn is_late(&mut self, nick: &str, number: u64, now: Instant) -> Option<bool> {
        let Phase::Inside(stay) = &mut self.phase else { return None };
        stay.resumed.filter(|at| now.saturating_duration_since(*at) < RESUMED_WATCH)?;
        let last = stay.numbers.insert(nick.to_owned(), number);
        Some(last.is_some_and(|last| last > number))
    }

    /// The packet of ours of which some pieces have come back.
    pub(super) fn own_unfinished(&self) -> Option<u64> {
        let Phase::Inside(stay) = &self.phase else { return None };
        self.reassembly.unfinished(&stay.nick)
    }

    fn refused_packet(&mut self, number: u64, refusal: &Refusal, now: Instant) {
        tracing::warn!(condition = refusal.condition, "the room refused a packet");
        match refusal.condition.as_str() {
            "not-acceptable" => self.give_up_stay("the room does not believe us inside"),
            "forbidden" => {
                let room = &self.room;
                self.end(format!("the room {room} does not let us speak (it is moderated)"));
            }
            "resource-constraint" | "policy-violation" => self.outbox.again(number, Some(now)),
            _ if refusal.wait => self.outbox.again(number, Some(now)),
            // Nobody has received it: for the session it is a packet that was lost.
            _ => self.outbox.drop_packet(number),
        }
    }

    fn receive_iq(&mut self, iq: Iq, now: Instant) {
        if let Some((id, answer)) = element::read_answer(&iq) {
            // Any occupant can send an answer, even one to what only the room was asked.
            if iq.from().is_some_and(|from| self.was_asked(from)) {
                self.receive_answer(id, &answer, now);
            }
            return;
        }
        if let Iq::Get { from, id, payload, .. } | Iq::Set { from, id, payload, .. } = iq
            && self.answers.len() < MAX_ANSWERS
        {
            self.answers.push_back(element::answer(from, id, &payload));
        }
    }

    /// Whether this address is one that we ask: the room, and ourselves through it.
    fn was_asked(&self, from: &Jid) -> bool {
        let nick = match &self.phase {
            Phase::Outside => None,
            Phase::Entering(entering) => Some(&entering.nick),
            Phase::Inside(stay) => Some(&stay.nick),
        };
        from.to_bare() == self.room
            && from
                .resource()
                .is_none_or(|resource| nick.is_some_and(|nick| nick == resource.as_str()))
    }

    fn receive_answer(&mut self, id: &str, answer: &Answer, now: Instant) {
        match &self.phase {
            Phase::Entering(entering) if entering.configuring.as_deref() == Some(id) => {
                match answer {
                    Answer::Yes => self.entered(now),
                    Answer::No(refusal) => {
                        let room = &self.room;
                        self.end(format!(
                            "cannot make the new room {room} show addresses: {} {}",
                            refusal.condition, refusal.text
                        ));
                    }
                }
            }
            Phase::Inside(stay) if stay.ping.as_ref().is_some_and(|ping| ping.id == id) => {
                match answer {
                    Answer::Yes => self.heard(now),
                    Answer::No(refusal) => match refusal.condition.as_str() {
                        // Whoever answers so was asked: we are inside.
                        "service-unavailable" | "feature-not-implemented" | "item-not-found" => {
                            self.heard(now);
                        }
                        // Nobody knows; asked again after a while.
                        "remote-server-not-found" | "remote-server-timeout" => {}
                        _ => self.give_up_stay("the room says that we are not in it"),
                    },
                }
            }
            Phase::Outside | Phase::Entering(_) | Phase::Inside(_) => {
                if let Answer::No(refusal) = answer {
                    tracing::warn!(id, condition = refusal.condition, "the room refused");
                }
            }
        }
    }
}
