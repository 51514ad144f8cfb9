//! Presence: who comes and goes, and whether we are let in.

use mpenc::MemberId;
use tokio::time::Instant;
use tokio_xmpp::parsers::presence::Presence;

use super::{Phase, State};
use crate::element::{self, Occupancy, Refusal, Seen};
use crate::roster::{Change, Occupant};

/// Status codes of XEP-0045 that this channel acts upon.
mod code {
    /// Everybody sees addresses.
    pub(super) const SHOWS_ADDRESSES: u16 = 100;
    /// This presence is our own.
    pub(super) const OURS: u16 = 110;
    /// The room is new and ours.
    pub(super) const CREATED: u16 = 201;
    /// Somebody changes the nickname.
    pub(super) const NEW_NICK: u16 = 303;
}

/// Why the room removed us, by status code.
const REMOVED: [(u16, &str); 6] = [
    (301, "we were banned from the room"),
    (307, "we were removed from the room"),
    (321, "our standing in the room has changed"),
    (322, "the room is for its members only now"),
    (332, "the room's service is shutting down"),
    (333, "the room's service removed us for a technical reason"),
];

impl State {
    pub(crate) fn receive_presence(&mut self, presence: &Presence, now: Instant) {
        let Some(from) = &presence.from else { return };
        if from.to_bare() != self.room {
            return;
        }
        self.heard(now);
        let nick = from.resource().map(|nick| nick.as_str().to_owned());
        match (element::read_presence(presence), nick) {
            (Seen::Here(seen), Some(nick)) => self.here(&nick, seen, now),
            (Seen::Gone(seen), Some(nick)) => self.gone(&nick, seen, now),
            (Seen::Refused(refusal), nick) => {
                self.refused_entry(nick.as_deref(), &refusal, now);
            }
            (Seen::Here(_) | Seen::Gone(_) | Seen::Other, _) => {}
        }
    }

    fn here(&mut self, nick: &str, seen: Occupancy, now: Instant) {
        let ours = seen.codes.contains(&code::OURS);
        if ours && self.former_nick.as_deref() == Some(nick) {
            // The answer to an earlier attempt, which has been taken back: what it told of others
            // may be out of date by now.
            return self.forget_earlier_attempt();
        }
        match &mut self.phase {
            Phase::Outside => {}
            Phase::Entering(entering) if !entering.asked => {}
            Phase::Entering(entering) if ours => {
                // The service may have changed the nickname.
                nick.clone_into(&mut entering.nick);
                self.let_in(&seen, now);
            }
            Phase::Inside(stay) if ours => nick.clone_into(&mut stay.nick),
            Phase::Entering(_) | Phase::Inside(_) => match seen.address.as_deref() {
                Some(address) => match MemberId::new(address) {
                    Ok(member) => self.meet(nick, member, &seen),
                    // Too long for a member, so for nobody here it is one.
                    Err(_) => self.overlook(nick),
                },
                None if matches!(self.phase, Phase::Inside(_)) => self.end_because_it_hides(),
                None => {}
            },
        }
    }

    /// Somebody is there whom we do not follow, perhaps in the place of somebody whom we did.
    fn overlook(&mut self, nick: &str) {
        tracing::warn!("not following an occupant: the address is too long, or the room too full");
        self.departed(nick);
    }

    fn forget_earlier_attempt(&mut self) {
        if matches!(self.phase, Phase::Entering(_)) {
            self.roster.clear();
        }
    }

    /// Our own presence came back: those who came before are in the room.
    fn let_in(&mut self, seen: &Occupancy, now: Instant) {
        if seen.codes.contains(&code::CREATED) {
            let id = self.question("configure");
            self.urgent.push_back(element::configure(self.room.clone().into(), &id));
            if let Phase::Entering(entering) = &mut self.phase {
                entering.configuring = Some(id);
            }
        } else if seen.codes.contains(&code::SHOWS_ADDRESSES) {
            self.entered(now);
        } else {
            // Who created it may be about to make it show addresses.
            let Phase::Entering(entering) = &self.phase else { return };
            if entering.tries < MAX_HIDDEN_TRIES {
                self.enter_later(now, "it hides addresses");
            } else {
                if let Some(occupant) = self.occupant(&entering.nick) {
                    self.urgent.push_back(element::leave(occupant));
                }
                self.end_because_it_hides();
            }
        }
    }

    fn end_because_it_hides(&mut self) {
        let room = &self.room;
        self.end(format!(
            "the room {room} hides the addresses of its occupants, so nobody could tell who is \
             who; its owner can let everybody see them (the option muc#roomconfig_whois, set to \
             anyone), or choose the name of a room that does not exist yet"
        ));
    }

    /// An occupant who is not us.
    fn meet(&mut self, nick: &str, member: MemberId, seen: &Occupancy) {
        if member == self.owner {
            // Not we, although it has our address: no room says such a thing in good faith.
            tracing::warn!("ignoring an occupant with our own address");
            return;
        }
        let occupant = Occupant { member: member.clone(), key: seen.key };
        let change = self.roster.here(nick, occupant);
        let inside = matches!(self.phase, Phase::Inside(_));
        match change {
            // To end the channel instead would let whoever fills the room end everybody's.
            Change::Full => self.overlook(nick),
            Change::None => {}
            Change::Entered | Change::Replaced { .. } if !inside => {}
            //= docs/spec/protocol.md#CHN-003
            Change::Entered => self.has_entered(member, seen),
            Change::Replaced { gone, entered } => {
                self.emit_left(&gone);
                if entered {
                    self.has_entered(member, seen);
                }
            }
        }
    }

    fn has_entered(&mut self, member: MemberId, seen: &Occupancy) {
        // Who enters between two pieces could not put them together. Nobody does, and the sender
        // begins again.
        if let Some(number) = self.own_unfinished() {
            self.outbox.again(number, None);
        }
        self.reassembly.give_up();
        self.emit_entered(member, seen.key);
    }

    fn gone(&mut self, nick: &str, seen: Occupancy, now: Instant) {
        let own_nick = match &self.phase {
            Phase::Outside => return,
            Phase::Entering(entering) => &entering.nick,
            Phase::Inside(stay) => &stay.nick,
        };
        let ours = nick == own_nick;
        if self.former_nick.as_deref() == Some(nick) {
            self.forget_earlier_attempt();
        }
        if seen.codes.contains(&code::NEW_NICK)
            && let Some(new) = &seen.nick
        {
            self.roster.rename(nick, new);
            self.reassembly.rename(nick, new);
            self.forget_numbers(nick);
            if ours {
                match &mut self.phase {
                    Phase::Outside => {}
                    Phase::Entering(entering) => new.clone_into(&mut entering.nick),
                    Phase::Inside(stay) => new.clone_into(&mut stay.nick),
                }
            }
            return;
        }
        let inside = matches!(self.phase, Phase::Inside(_));
        if ours {
            let removed = REMOVED.iter().find(|(code, _)| seen.codes.contains(code));
            let why = match (&seen.destroyed, removed) {
                (Some(_), _) => "the room was destroyed",
                (None, Some((_, why))) => why,
                (None, None) => "we left the room",
            };
            tracing::info!(why, codes = ?seen.codes, "out of the room");
            if inside {
                self.lose_stay();
            } else {
                self.enter_later(now, why);
            }
            return;
        }
        self.departed(nick);
    }

    /// Nobody whom we follow is behind this nickname any more.
    fn departed(&mut self, nick: &str) {
        let gone = self.roster.gone(nick);
        self.reassembly.forget(nick);
        self.forget_numbers(nick);
        if let Some(member) = gone
            && matches!(self.phase, Phase::Inside(_))
        {
            self.emit_left(&member);
        }
    }

    /// Whoever has this nickname next counts anew.
    fn forget_numbers(&mut self, nick: &str) {
        if let Phase::Inside(stay) = &mut self.phase {
            stay.numbers.remove(nick);
        }
    }

    fn refused_entry(&mut self, nick: Option<&str>, refusal: &Refusal, now: Instant) {
        let Phase::Entering(entering) = &self.phase else { return };
        // Only the room answers for the room and for the nickname that we asked for.
        if !entering.asked || nick.is_some_and(|nick| nick != entering.nick) {
            return;
        }
        let why = match refusal.condition.as_str() {
            "not-authorized" => "it asks for a password, or for another one",
            "forbidden" => "we are banned from it",
            "registration-required" => "it is for its members only",
            "not-allowed" => "it does not exist, and we may not create it",
            "jid-malformed" | "not-acceptable" => "it does not take our nickname",
            "remote-server-not-found" => "its service does not exist or cannot be reached",
            // These pass: somebody creates it, somebody leaves, the service starts.
            "conflict" => return self.enter_later(now, "our nickname is taken"),
            "item-not-found" => return self.enter_later(now, "it is locked"),
            "service-unavailable" => {
                return self.enter_later(now, "it is full, or there is no such service");
            }
            other => {
                let why = format!("{other} {}", refusal.text);
                return self.enter_later(now, why.trim());
            }
        };
        let room = &self.room;
        self.end(format!("cannot enter {room}: {why}"));
    }
}

/// Attempts to enter a room that hides addresses: its creator may be about to change that.
const MAX_HIDDEN_TRIES: u32 = 6;
