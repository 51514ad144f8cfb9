//! Authorship (I1), acknowledgements (I4), identifiers (I7).

use mpenc::{ChainHash, MemberSet, MessageId, PacketId, SessionState, SubsessionId};

use super::Oracle;
use crate::world::Person;

/// A message of an honest member, as it was sent.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    author: usize,
    sid: SubsessionId,
    pub(super) members: MemberSet,
    pub(super) parents: Vec<MessageId>,
    pub(super) text: String,
    /// The author's order of operations then.
    pub(super) order: Option<(PacketId, ChainHash)>,
}

/// Messages of a log that are looked at again.
const RECENT: usize = 40;

impl Oracle {
    pub(crate) fn about_to_speak(&mut self, who: usize, text: &str) {
        self.speaking = Some((who, text.to_owned()));
    }

    /// Somebody has said something.
    pub(crate) fn spoke(
        &mut self,
        people: &[Person],
        who: usize,
        id: MessageId,
        text: &str,
        heads: Option<&[MessageId]>,
    ) -> Result<(), String> {
        self.speaking = None;
        let Some(person) = people.get(who).filter(|person| !person.insider) else { return Ok(()) };
        let Some(session) = &person.session else { return Ok(()) };
        let order = session.order();
        let Some(message) = session.message(&id) else {
            // Not shown before what it answers (TRN-037); others may show it earlier than we.
            let Some(sid) = session.sid() else { return Ok(()) };
            let members = session.members();
            // The last part of a long text answers the part before.
            let parents = session.parents(&id).unwrap_or_default();
            let text = text.to_owned();
            let sent = Sent { author: who, sid, members, parents, text, order };
            return self.record(person, who, id, sent);
        };
        let short = text.len() < 1_000;
        if let Some(heads) = heads.filter(|_| short) {
            // SEC-007: the parents shown are the heads at sending time.
            let mut shown = message.parents.to_vec();
            let mut heads = heads.to_vec();
            shown.sort();
            heads.sort();
            if shown != heads {
                return Err(format!("I1: {} shows other parents of its own message", person.name));
            }
        }
        let sent = Sent {
            author: who,
            sid: message.sid,
            members: message.members.clone(),
            parents: message.parents.to_vec(),
            text: text.to_owned(),
            order,
        };
        if message.text != text {
            return Err(format!("I1: {} shows another text of its own", person.name));
        }
        self.record(person, who, id, sent)
    }

    fn record(
        &mut self,
        person: &Person,
        who: usize,
        id: MessageId,
        mut sent: Sent,
    ) -> Result<(), String> {
        sent.parents.sort();
        if self.sent.insert(id, sent).is_some() {
            return Err(format!("I7: {} made an identifier again", person.name));
        }
        if let Some(accepted) = self.accepted.get_mut(who) {
            accepted.insert(id);
        }
        Ok(())
    }

    /// From now on nobody honest may accept this message.
    pub(crate) fn forbid(&mut self, id: MessageId, why: &'static str) {
        self.forbidden.insert(id, why);
    }

    /// From now on nobody honest who has this message may wait for it to become a parent.
    pub(crate) fn misplace(&mut self, packet: Vec<u8>, parent: MessageId) {
        self.misplaced.insert(packet, parent);
    }

    /// From now on nobody honest may accept both messages.
    pub(crate) fn contradict(&mut self, one: MessageId, other: MessageId) {
        self.twins.push((one, other));
    }

    /// Whoever waits too long for acknowledgements of a text is warned, as long as they are
    /// missing.
    //= docs/spec/protocol.md#LIV-007
    //= docs/spec/protocol.md#SEC-022
    pub(super) fn acks_are_watched(&self, people: &[Person], now: u64) -> Result<(), String> {
        for person in people.iter().filter(|person| !person.insider) {
            let Some(session) = &person.session else { continue };
            let sid = session.sid();
            if session.state() != SessionState::Joined {
                continue;
            }
            let now = person.local(now);
            let late = |id: &MessageId| {
                session.message(id).is_some_and(|message| {
                    Some(message.sid) == sid
                        && message.fully_acked_at.is_none()
                        && message.accepted_at + self.expect.ack_bound < now
                })
            };
            let late: Vec<_> = session.log().rev().take(RECENT).filter(late).collect();
            if late.is_empty() {
                continue;
            }
            let overdue = session.overdue();
            if let Some(id) = late.iter().find(|id| !overdue.contains(id)) {
                let by = session.unacked_by(id);
                let name = &person.name;
                return Err(format!(
                    "SEC-022: {name} has waited for {by:?} to acknowledge {id:?}, and is not warned"
                ));
            }
        }
        Ok(())
    }

    /// Whether somebody has accepted what breaks the rules, whoever wrote it.
    //= docs/spec/protocol.md#SEC-021
    pub(super) fn rules_are_kept(&self, people: &[Person], who: usize) -> Result<(), String> {
        let session = people.get(who).and_then(|person| person.session.as_ref());
        let Some(session) = session else { return Ok(()) };
        let has = |id: &MessageId| session.kind(id).is_some();
        if let Some((id, why)) = self.forbidden.iter().find(|(id, _)| has(id)) {
            return Err(format!("SEC-021: accepts {id:?}, which {why}"));
        }
        match self.twins.iter().find(|(one, other)| has(one) && has(other)) {
            Some((one, other)) => {
                Err(format!("SEC-021: accepts {one:?} and {other:?}, of which one is a lie"))
            }
            None => Ok(()),
        }
    }

    /// A message was shown to somebody.
    pub(super) fn accepts(
        &mut self,
        people: &[Person],
        who: usize,
        id: &MessageId,
        now: u64,
    ) -> Result<(), String> {
        if let Some(life) = self.lives.get_mut(who)
            && !life.ready.insert(*id)
        {
            return Err(format!("I7: {id:?} is shown twice"));
        }
        if let Some(accepted) = self.accepted.get_mut(who) {
            accepted.insert(*id);
        }
        let session = people.get(who).and_then(|person| person.session.as_ref());
        let Some(message) = session.and_then(|session| session.message(id)) else {
            return Err(format!("I1: {id:?} is ready and not there"));
        };
        let author = people.iter().position(|person| person.name == *message.author);
        let Some(author) = author else { return Err("I1: an author nobody knows".to_owned()) };
        if people.get(author).is_some_and(|person| person.insider) {
            return Ok(());
        }
        if author == who {
            // Recorded when `send` returns, with the same text.
            let expected =
                self.speaking.as_ref().is_some_and(|(me, text)| *me == who && text == message.text);
            return if expected || self.sent.contains_key(id) {
                Ok(())
            } else {
                Err("I1: a message of our own that we did not write".to_owned())
            };
        }
        let name = message.author;
        let Some(sent) = self.sent.get(id) else {
            return Err(format!("I1: {name} never sent {id:?}: {:?}", message.text));
        };
        if sent.author != author {
            return Err(format!("I1: {name} is not the author"));
        }
        if sent.text != message.text {
            return Err(format!("I1: {name} wrote another text"));
        }
        if sent.sid != message.sid || sent.members != *message.members {
            return Err(format!("I1, I3: {name} wrote to others"));
        }
        let mut parents = message.parents.to_vec();
        parents.sort();
        if sent.parents != parents {
            return Err(format!("I1: {name} answered other messages (SEC-007)"));
        }
        let order = sent.order;
        self.claims(who, author, order, now);
        Ok(())
    }

    /// Somebody is told that everybody has a message.
    pub(super) fn is_fully_acked(
        &self,
        people: &[Person],
        who: usize,
        id: &MessageId,
    ) -> Result<(), String> {
        let session = people.get(who).and_then(|person| person.session.as_ref());
        let Some(message) = session.and_then(|session| session.message(id)) else { return Ok(()) };
        for reader in &message.readers() {
            let at = people.iter().position(|person| person.name == *reader);
            let Some((at, person)) = at.and_then(|at| Some((at, people.get(at)?))) else {
                return Err(format!("I4: nobody is called {reader}"));
            };
            if person.insider || at == who {
                continue;
            }
            // Whoever crashed may have had it without being shown it, and only messages of honest
            // authors are looked for at a crash.
            if !self.sent.contains_key(id) && self.crashed.contains(&at) {
                continue;
            }
            let now = person.session.as_ref().is_some_and(|session| session.kind(id).is_some());
            let before = self.accepted.get(at).is_some_and(|accepted| accepted.contains(id));
            if !now && !before {
                return Err(format!("I4: {reader} never accepted what everybody is said to have"));
            }
        }
        Ok(())
    }
}
