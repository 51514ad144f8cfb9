//! What insiders write that a session never would: messages that break the rules of the
//! transcript, and proposals by somebody who is no member.

use mpenc::{MemberId, MessageId};
use mpenc_packet::v2::{Entry, Greeting, InitialFields, decode_greeting};
use mpenc_transcript::Transcript;

use super::World;
use super::altered::key;
use crate::dice::Dice;

/// How a message breaks the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Breach {
    /// It answers what another of its parents answers already (TRN-007).
    Redundant,
    /// It does not know of its author's last message (TRN-008).
    Forgetful,
    /// It answers a message of another subsession (TRN-006).
    Foreign,
    /// Another text at the same place (TRN-022).
    Other,
}

impl Breach {
    fn drawn(dice: &mut Dice) -> Self {
        match dice.below(5) {
            0 | 1 => Self::Redundant,
            2 => Self::Forgetful,
            3 => Self::Foreign,
            _ => Self::Other,
        }
    }
}

/// Adds what lies before one of the parents.
fn redundant(parents: &mut Vec<MessageId>, transcript: &Transcript, dice: &mut Dice) -> bool {
    let mut steps = 1 + dice.below(3);
    let mut at = pick(parents, dice);
    let mut found = None;
    while let Some(id) = at.filter(|_| steps > 0) {
        let before = transcript.parents(&id).unwrap_or_default();
        at = pick(&before, dice);
        found = at.or(found);
        steps -= 1;
    }
    match found.filter(|found| !parents.contains(found)) {
        Some(found) => {
            parents.push(found);
            true
        }
        None => false,
    }
}

/// Leaves out the author's last message, and what answers it.
fn forgetful(parents: &mut Vec<MessageId>, transcript: &Transcript, last: &MessageId) -> bool {
    let old = core::mem::take(parents);
    for id in old {
        if transcript.is_ancestor_or_equal(last, &id) != Ok(true) {
            parents.push(id);
        }
    }
    for id in transcript.parents(last).unwrap_or_default() {
        let known = |parent: &MessageId| transcript.is_ancestor_or_equal(&id, parent) == Ok(true);
        if !parents.iter().any(known) {
            parents.push(id);
        }
    }
    true
}

fn pick(ids: &[MessageId], dice: &mut Dice) -> Option<MessageId> {
    ids.get(dice.place(ids.len())).copied()
}

impl World {
    /// Another message instead of that in the packet, or none if there is nothing to break.
    pub(super) fn broken_message(
        &mut self,
        who: usize,
        packet: &[u8],
        breach: Option<Breach>,
        dice: &mut Dice,
    ) -> Option<Vec<u8>> {
        let person = self.people.get(who)?;
        let session = person.session.as_ref()?;
        let breach = breach.unwrap_or_else(|| Breach::drawn(dice));
        let me = person.name.clone();
        let shown: Vec<_> = session.log().rev().take(40).collect();
        let (mut done, mut last, mut parent) = (false, None, None);
        let rewritten = session.rewrite(packet, |draft, transcript, genuine| match breach {
            Breach::Redundant => done = redundant(&mut draft.parents, transcript, dice),
            Breach::Forgetful => {
                last = transcript.last_before(&me, genuine).unwrap_or_default();
                if let Some(last) = &last {
                    done = forgetful(&mut draft.parents, transcript, last);
                }
            }
            Breach::Foreign => {
                let foreign = shown.iter().find(|id| !transcript.contains(id));
                draft.parents.extend(foreign);
                parent = foreign.copied();
                done = foreign.is_some();
            }
            Breach::Other => {
                draft.text = Some(format!("something else, {}", dice.word()));
                done = true;
            }
        })?;
        if !done || rewritten.id == rewritten.genuine {
            return None;
        }
        match breach {
            Breach::Redundant => self.oracle.forbid(rewritten.id, "has a parent that is implied"),
            Breach::Foreign => {
                self.oracle.forbid(rewritten.id, "answers another subsession");
                self.oracle.misplace(rewritten.packet.clone(), parent?);
            }
            Breach::Forgetful => {
                // v1 tells no positions: whoever never got the last message cannot miss it.
                if self.options.v2 {
                    self.oracle.forbid(rewritten.id, "leaves out its author's last message");
                }
                self.oracle.contradict(rewritten.id, last?);
            }
            Breach::Other => {}
        }
        self.oracle.contradict(rewritten.id, rewritten.genuine);
        self.say_trace(|| {
            format!(
                "{me} breaks a rule: {breach:?}, {:?} instead of {:?}",
                rewritten.id, rewritten.genuine
            )
        });
        Some(rewritten.packet)
    }

    /// Somebody who may be no member proposes an operation that fits the history of the members.
    /// Everything it needs is public but the identity key, which is its own.
    pub(super) fn intrude(&mut self, who: usize, dice: &mut Dice) {
        let made = self.intrusion(who, dice);
        let Some((name, bytes)) = made else { return };
        self.say_trace(|| format!("{name} proposes what it may not"));
        self.server.broadcast(&name, bytes);
    }

    fn intrusion(&self, who: usize, dice: &mut Dice) -> Option<(MemberId, Vec<u8>)> {
        let person = self.people.get(who)?;
        if !self.options.v2 || !self.server.inside.contains(&person.name) {
            return None;
        }
        let victims: Vec<_> = self
            .people
            .iter()
            .filter(|other| !other.insider)
            .filter_map(|other| other.session.as_ref())
            .filter(|session| session.order().is_some())
            .collect();
        // Whoever is alone knows no members whose names it could compare.
        let alone = victims.iter().find(|session| session.is_alone());
        let at = dice.place(victims.len());
        let alone = alone.filter(|_| dice.chance(500));
        let session = alone.or_else(|| victims.get(at))?;
        let (prev_final, prev_chain) = session.order()?;
        let label =
            self.server.packets().find_map(|packet| match decode_greeting(packet).ok()? {
                Greeting::Initial(initial) => Some(initial.peek().fields().label),
                _ => None,
            })?;
        // A contribution that can be used: an old one of anybody.
        let contribution =
            self.server.packets().find_map(|packet| match decode_greeting(packet).ok()? {
                Greeting::Initial(initial) => initial.peek().fields().contribution.clone(),
                Greeting::Contribution(packet) => Some(packet.peek().fields().contribution.clone()),
                _ => None,
            })?;
        let members = session.members().with(&person.name);
        let entries: Vec<_> = members
            .iter()
            .filter_map(|name| {
                let key = self.people.iter().find(|p| p.name == *name)?.identity.public();
                Some(Entry {
                    name: name.clone(),
                    was: alone.is_none() || *name == person.name,
                    key: Some(key),
                })
            })
            .collect();
        let place = entries.iter().position(|entry| entry.name == person.name)?;
        let fields = InitialFields {
            label,
            instance: core::array::from_fn(|_| dice.byte()),
            place: u16::try_from(place).ok()?,
            entries,
            prev_final,
            prev_chain,
            heads: Vec::new(),
            contribution: Some(contribution),
        };
        let key = key(self.options.mock, &person.seed);
        let packet = fields.sign(&*key).ok()?;
        Some((person.name.clone(), packet.to_wire()))
    }
}
