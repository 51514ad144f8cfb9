//! A history read from any bytes: what must hold for it. The fuzz target and the replay of its
//! corpus run the same, so this file depends only on the model.
//!
//! ```text
//! members: 1 byte, then steps of
//!   act: 1 byte   what it is (top two bits), kind (next three), author (last three)
//!   picks: 1 byte how many messages it refers to, followed by as many bytes, counted from the end
//! ```

use std::collections::BTreeSet;

use mpenc_transcript::{Deferral, Entry, Transcript, TranscriptReject};
use mpenc_types::{BodyKind, MemberId, MemberSet, MessageId};

use crate::model::{Naive, NaiveMessage};

/// What came of a script.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) accepted: usize,
    pub(crate) refused: usize,
}

/// Writes the script into a transcript and into the model and compares the two.
pub(crate) fn run(script: &[u8]) -> Outcome {
    let mut script = Script(script);
    let members: Vec<MemberId> =
        (0..script.byte() % MAX_MEMBERS + 1).map(|i| MemberId::from_wire(&[b'a' + i])).collect();
    let set: MemberSet = members.iter().collect();
    let mut model = Naive::new(set.clone());
    let mut transcript = Transcript::new(&set);
    let mut acked = BTreeSet::new();
    let mut views = vec![BTreeSet::new(); members.len()];
    let mut outcome = Outcome::default();
    for step in 0..MAX_STEPS {
        if script.0.is_empty() {
            break;
        }
        let message = script.message(step, &members, &model, &views);
        if judge(&mut transcript, &mut model, &mut acked, &message) {
            outcome.accepted += 1;
            let at = members.iter().position(|member| *member == message.author);
            let accepted = model.reachable(&[model.place(&message.id)]);
            views[at.expect("only members are accepted")].extend(accepted);
        } else {
            outcome.refused += 1;
        }
    }
    compare(&transcript, &model);
    deliver_otherwise(&transcript, &model);
    outcome
}

struct Script<'a>(&'a [u8]);

impl Script<'_> {
    /// The next byte; 0 at the end.
    fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    fn message(
        &mut self,
        step: u8,
        members: &[MemberId],
        model: &Naive,
        views: &[BTreeSet<usize>],
    ) -> NaiveMessage {
        let act = self.byte();
        let author = usize::from(act & 7) % members.len();
        let kind = match act >> 3 & 7 {
            0 | 1 => BodyKind::Payload,
            2 => BodyKind::ExplicitAck { manual: false },
            3 => BodyKind::ExplicitAck { manual: true },
            4 => BodyKind::Consistency { close: false },
            5 => BodyKind::Consistency { close: true },
            6 => BodyKind::Heartbeat,
            _ => BodyKind::Opaque(step),
        };
        let picks = self.byte() % 8;
        let picks: Vec<MessageId> = (0..picks).filter_map(|_| self.pick(model)).collect();
        let mut message =
            NaiveMessage { id: id(step), author: members[author].clone(), parents: picks, kind };
        match act >> 6 {
            // An honest author: accepts what it picked, then names its heads.
            0 | 1 => {
                let mut view = views[author].clone();
                let picks: Vec<_> = message.parents.iter().map(|id| model.place(id)).collect();
                view.extend(model.reachable(&picks));
                message.parents = model.maximal_places(&view);
            }
            // A liar: names what it picked.
            2 => {}
            _ => match act & 7 {
                0 => message.author = MemberId::from_wire(b"stranger"),
                1 => message.parents.push(message.id),
                2 => message.parents.push(id(u8::MAX)),
                3 => message.parents.extend((100..110).map(id)),
                _ => message.id = message.parents.first().copied().unwrap_or(message.id),
            },
        }
        message
    }

    /// A message accepted so far, counted from the latest.
    fn pick(&mut self, model: &Naive) -> Option<MessageId> {
        let back = usize::from(self.byte()) % model.messages.len().max(1);
        model.messages.iter().rev().nth(back).map(|message| message.id)
    }
}

/// Gives the message to both; whether they accepted it.
fn judge(
    transcript: &mut Transcript,
    model: &mut Naive,
    acked: &mut BTreeSet<usize>,
    message: &NaiveMessage,
) -> bool {
    let expected = model.accept(&entry(message));
    // Copied only where it must come out unchanged.
    let before = expected.is_err().then(|| transcript.clone());
    let checked = transcript.check(&entry(message));
    let missing = transcript.missing_parents(&message.parents);
    let found = transcript.accept(entry(message));
    assert_eq!(checked, found.as_ref().map(|_| ()).map_err(Clone::clone));
    match (found, expected) {
        (Ok(accepted), Ok(())) => {
            assert!(missing.is_empty());
            let open = (0..model.messages.len()).filter(|at| !acked.contains(at));
            let now: Vec<_> = open.filter(|at| model.is_fully_acked(*at)).collect();
            assert!(accepted.fully_acked.iter().eq(now.iter().map(|at| &model.messages[*at].id)));
            acked.extend(now);
            assert_eq!(accepted.seq, u64::try_from(model.by(&message.author).len()).expect("few"));
            let content = model.has_content(&message.id);
            let hidden = message.kind.is_payload() && !content;
            assert_eq!(accepted.after_fin, hidden);
            assert_eq!(transcript.heads(), model.heads());
            true
        }
        (Err(found), Err(expected)) => {
            // Which of several redundant parents is named is not laid down.
            match (&found, &expected) {
                (TranscriptReject::NotAntichain { .. }, TranscriptReject::NotAntichain { .. }) => {}
                _ => assert_eq!(found, expected),
            }
            assert_eq!(
                Some(&*transcript),
                before.as_ref(),
                "a refused message changes nothing (MOD-014)"
            );
            false
        }
        (found, expected) => panic!("{found:?}, but the model says {expected:?}"),
    }
}

fn compare(transcript: &Transcript, model: &Naive) {
    assert_eq!(transcript.len(), model.messages.len());
    assert_eq!(transcript.is_consistent(), model.is_consistent());
    let set = |ids: Vec<MessageId>| ids.into_iter().collect::<BTreeSet<_>>();
    let parents = set(transcript.would_be_parents());
    assert_eq!(parents, model.maximal_payloads(&model.heads()));
    for (at, message) in model.messages.iter().enumerate() {
        let id = &message.id;
        let unacked_by = model.unacked_by(id);
        assert_eq!(transcript.is_fully_acked(id), unacked_by.is_empty());
        assert_eq!(transcript.unacked_by(id), unacked_by);
        let last = model.messages[at + 1..].iter().all(|later| later.author != message.author);
        assert_eq!(transcript.is_closed(id), unacked_by.is_empty() && !last);
        let parents = set(transcript.effective_parents(id).unwrap_or_default());
        assert_eq!(parents, model.effective_parents(id));
        for (before, other) in model.messages.iter().enumerate() {
            let ancestor = transcript.is_ancestor_or_equal(&other.id, id);
            assert_eq!(ancestor, Ok(model.before_or_at(before, at)));
        }
    }
}

/// The same messages in the opposite order, through the buffer for those that come too early.
fn deliver_otherwise(transcript: &Transcript, model: &Naive) {
    let mut other = Transcript::new(&model.members);
    let mut deferral = Deferral::new(model.members.len());
    for message in model.messages.iter().rev() {
        let mut ready = vec![message.clone()];
        while let Some(message) = ready.pop() {
            match other.accept(entry(&message)) {
                Ok(_) => {
                    let released = deferral.release(&message.id);
                    ready.extend(released.into_iter().map(|deferred| deferred.value));
                }
                Err(TranscriptReject::MissingParents(missing)) => {
                    let NaiveMessage { id, author, .. } = message.clone();
                    let dropped = deferral.insert(author, id, &missing, message).expect("new");
                    assert!(dropped.is_empty(), "there is room for {MAX_STEPS}");
                    assert!(deferral.len() <= deferral.capacity());
                }
                Err(reject) => panic!("{reject}"),
            }
        }
    }
    assert!(deferral.is_empty());
    assert_eq!(other.len(), transcript.len());
    let heads = |of: &Transcript| of.heads().iter().copied().collect::<BTreeSet<_>>();
    assert_eq!(heads(&other), heads(transcript));
    for message in transcript.iter() {
        let again = other.get(&message.id()).expect("accepted");
        assert!(again.parents().eq(message.parents()));
        assert_eq!(again.seq(), message.seq());
        assert_eq!(again.unacked_by(), message.unacked_by());
        assert_eq!(again.has_content(), message.has_content());
        let effective =
            |m: &mpenc_transcript::Message<'_>| -> BTreeSet<_> { m.effective_parents().collect() };
        assert_eq!(effective(&again), effective(&message));
    }
}

fn entry(message: &NaiveMessage) -> Entry<'_> {
    let NaiveMessage { id, author, parents, kind } = message;
    Entry { id: *id, author, parents, kind: *kind }
}

fn id(number: u8) -> MessageId {
    MessageId::from([number; 20])
}

const MAX_MEMBERS: u8 = 6;
const MAX_STEPS: u8 = 24;
