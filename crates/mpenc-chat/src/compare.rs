//! Whether everybody heard the same, and what was said.

use alloc::collections::{BTreeMap, BTreeSet};

use mpenc::{MemberId, MemberSet, MessageId};

use crate::term;

/// What one person heard, in all its stays.
pub(crate) type Transcript = BTreeMap<MessageId, Heard>;

/// A message as one person heard it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    /// Place in this person's log, from 0.
    pub(crate) place: usize,
    /// During which of this person's stays, from 0. Each has a session of its own, which knows
    /// nothing of the ones before.
    pub(crate) stay: usize,
    /// Who wrote it.
    pub(crate) author: MemberId,
    /// What it says.
    pub(crate) text: String,
    /// Those who can read it, the author among them.
    pub(crate) members: MemberSet,
    /// The packets that its author had seen last.
    pub(crate) parents: Vec<MessageId>,
    /// The messages of the log that it answers.
    pub(crate) answers: BTreeSet<MessageId>,
    /// Whether this person knows that every reader has it.
    pub(crate) acked: bool,
}

/// A message that somebody sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    /// The message.
    pub(crate) id: MessageId,
    /// Who said it.
    pub(crate) author: MemberId,
    /// What was to be said.
    pub(crate) text: String,
}

/// The first difference between transcripts as graphs, over the messages that both could see.
///
/// Everybody that a message was written for must have it, with the same author, text, readers and
/// parents; nobody else has it. The messages of the log that it answers may lie in a membership
/// that only one of two people belonged to: of these, those count that both could see, and that
/// both heard in the stay in which they heard the message.
pub(crate) fn difference(transcripts: &BTreeMap<MemberId, Transcript>) -> Option<String> {
    let all: BTreeSet<&MessageId> = transcripts.values().flat_map(BTreeMap::keys).collect();
    all.into_iter().find_map(|id| {
        let holders: Vec<(&MemberId, &Heard)> = transcripts
            .iter()
            .filter_map(|(name, transcript)| Some((name, transcript.get(id)?)))
            .collect();
        let (first, reference) = holders.first()?;
        let whose = format!("a message of {}", term::name(&reference.author));
        for name in &reference.members {
            if !holders.iter().any(|(holder, _)| *holder == name) {
                return Some(format!("{} lacks {whose}", term::name(name)));
            }
        }
        for (name, heard) in &holders {
            let differs = |what: &str| {
                Some(format!(
                    "{} and {} disagree about the {what} of {whose}",
                    term::name(first),
                    term::name(name)
                ))
            };
            if !reference.members.contains(name) {
                return Some(format!("{} has {whose} for others", term::name(name)));
            }
            if heard.author != reference.author {
                return differs("author");
            }
            if heard.text != reference.text {
                return differs("text");
            }
            if heard.members != reference.members {
                return differs("readers");
            }
            if heard.parents != reference.parents {
                return differs("parents");
            }
        }
        other_answers(transcripts, &holders)
            .map(|(one, two)| format!("{one} and {two} disagree about what {whose} answers"))
    })
}

/// Two people for whom a message does not answer the same of what both could see.
fn other_answers(
    transcripts: &BTreeMap<MemberId, Transcript>,
    holders: &[(&MemberId, &Heard)],
) -> Option<(String, String)> {
    holders.iter().enumerate().find_map(|(index, (one, heard))| {
        let others = holders.iter().skip(index.saturating_add(1));
        others.filter(|(_, other)| other.answers != heard.answers).find_map(|(two, other)| {
            let both = |id: &&MessageId| {
                [(one, heard), (two, other)].iter().all(|(name, message)| {
                    let answered = transcripts.get(**name).and_then(|heard| heard.get(*id));
                    answered.is_some_and(|answered| answered.stay == message.stay)
                })
            };
            let differ = !heard.answers.iter().filter(both).eq(other.answers.iter().filter(both));
            differ.then(|| (term::name(one), term::name(two)))
        })
    })
}

/// The first difference between what was sent, in this order, and what was heard.
///
/// Nothing else may have been heard, everybody must have heard the words as they were, and each
/// author's words in the order in which it said them.
pub(crate) fn misheard(
    sent: &[Sent],
    transcripts: &BTreeMap<MemberId, Transcript>,
) -> Option<String> {
    let known: BTreeSet<&MessageId> = sent.iter().map(|sent| &sent.id).collect();
    if known.len() != sent.len() {
        return Some("two messages have one identifier".to_owned());
    }
    for (name, transcript) in transcripts {
        if transcript.keys().any(|id| !known.contains(id)) {
            return Some(format!("{} heard something that nobody said", term::name(name)));
        }
        let mut latest: BTreeMap<&MemberId, usize> = BTreeMap::new();
        for line in sent {
            let Some(heard) = transcript.get(&line.id) else {
                if *name == line.author {
                    return Some(format!("{} did not hear itself", term::name(name)));
                }
                continue;
            };
            let author = term::name(&line.author);
            if heard.text != line.text || heard.author != line.author {
                return Some(format!("{} misheard {author}", term::name(name)));
            }
            if latest.insert(&line.author, heard.place).is_some_and(|last| last >= heard.place) {
                return Some(format!("{} heard {author} out of order", term::name(name)));
            }
        }
    }
    None
}

/// Number of messages that everybody who has them knows to have reached every reader.
pub(crate) fn fully_acked(sent: &[Sent], transcripts: &BTreeMap<MemberId, Transcript>) -> usize {
    let acked = |line: &&Sent| {
        let mut holders = transcripts.values().filter_map(|transcript| transcript.get(&line.id));
        holders.clone().next().is_some() && holders.all(|heard| heard.acked)
    };
    sent.iter().filter(acked).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> MemberId {
        MemberId::new(text).unwrap()
    }

    fn id(byte: u8) -> MessageId {
        MessageId::new(&[byte; 20]).unwrap()
    }

    /// Message 1 to ann and bob; then cid comes, and messages 2 and 3 are to all three.
    fn company() -> (Vec<Sent>, BTreeMap<MemberId, Transcript>) {
        let heard = |place, byte: u8, members: &[&str], answers: &[u8]| Heard {
            place,
            stay: 0,
            author: name("ann"),
            text: format!("text {byte}"),
            members: members.iter().map(|text| name(text)).collect(),
            parents: vec![id(byte + 100)],
            answers: answers.iter().map(|byte| id(*byte)).collect(),
            acked: true,
        };
        let (two, three) = (["ann", "bob"], ["ann", "bob", "cid"]);
        let old: Transcript = BTreeMap::from([
            (id(1), heard(0, 1, &two, &[])),
            (id(2), heard(1, 2, &three, &[1])),
            (id(3), heard(2, 3, &three, &[2])),
        ]);
        let new: Transcript =
            BTreeMap::from([(id(2), heard(0, 2, &three, &[])), (id(3), heard(1, 3, &three, &[2]))]);
        let sent = (1..=3).map(|byte| Sent {
            id: id(byte),
            author: name("ann"),
            text: format!("text {byte}"),
        });
        let all =
            BTreeMap::from([(name("ann"), old.clone()), (name("bob"), old), (name("cid"), new)]);
        (sent.collect(), all)
    }

    /// Changes how `who` heard message `byte`, or takes it away, and looks what is found.
    fn found(who: &str, byte: u8, change: impl FnOnce(&mut Heard) -> bool) -> [Option<String>; 2] {
        let (sent, mut all) = company();
        let transcript = all.get_mut(&name(who)).unwrap();
        let mut heard = transcript.remove(&id(byte)).unwrap();
        if change(&mut heard) {
            transcript.insert(id(byte), heard);
        }
        [difference(&all), misheard(&sent, &all)]
    }

    #[test]
    fn equal_transcripts_are_equal() {
        let (sent, all) = company();
        assert_eq!(difference(&all), None);
        assert_eq!(misheard(&sent, &all), None);
        assert_eq!(fully_acked(&sent, &all), 3);
    }

    #[test]
    fn every_difference_is_found() {
        let check = |change: fn(&mut Heard), expect: &str| {
            let [found, _] = found("bob", 3, |heard| {
                change(heard);
                true
            });
            assert!(found.as_ref().is_some_and(|text| text.contains(expect)), "{found:?}");
        };
        check(|heard| heard.author = name("bob"), "the author of");
        check(|heard| heard.text.push('x'), "the text of");
        check(|heard| heard.members = MemberSet::of(&name("bob")), "the readers of");
        check(|heard| heard.parents.clear(), "the parents of");
        check(|heard| heard.answers = BTreeSet::from([id(1)]), "answers");
        let [lacking, _] = found("cid", 3, |_| false);
        assert_eq!(lacking.as_deref(), Some("cid lacks a message of ann"));
        let (_, mut all) = company();
        let secret = all[&name("ann")][&id(1)].clone();
        all.get_mut(&name("cid")).unwrap().insert(id(1), secret);
        assert_eq!(difference(&all).as_deref(), Some("cid has a message of ann for others"));
    }

    #[test]
    fn a_new_stay_knows_nothing_of_the_one_before() {
        let [same, _] = found("bob", 3, |heard| {
            heard.answers.clear();
            true
        });
        assert!(same.is_some(), "message 3 answers one that bob heard");
        let (_, mut all) = company();
        let bob = all.get_mut(&name("bob")).unwrap();
        let last = bob.get_mut(&id(3)).unwrap();
        last.answers.clear();
        last.stay = 1;
        assert_eq!(difference(&all), None, "but in a stay before");
    }

    #[test]
    fn content_is_held_against_what_was_said() {
        let changed = |heard: &mut Heard| {
            heard.text.push('x');
            true
        };
        assert_eq!(found("bob", 2, changed)[1].as_deref(), Some("bob misheard ann"));
        let swapped = |heard: &mut Heard| {
            heard.place = 9;
            true
        };
        assert_eq!(found("bob", 2, swapped)[1].as_deref(), Some("bob heard ann out of order"));
        assert_eq!(found("ann", 1, |_| false)[1].as_deref(), Some("ann did not hear itself"));
        let (mut sent, all) = company();
        sent.pop();
        let more = misheard(&sent, &all);
        assert_eq!(more.as_deref(), Some("ann heard something that nobody said"));
    }

    #[test]
    fn acknowledged_means_known_by_everybody() {
        let (sent, mut all) = company();
        all.get_mut(&name("cid")).unwrap().get_mut(&id(3)).unwrap().acked = false;
        assert_eq!(fully_acked(&sent, &all), 2);
        assert_eq!(fully_acked(&sent, &BTreeMap::new()), 0);
    }
}
