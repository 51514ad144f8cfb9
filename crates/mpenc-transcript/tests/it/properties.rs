//! Random histories: the vectors agree with the definitions, and delivery order does not matter.

use std::collections::BTreeSet;

use mpenc_transcript::{Deferral, Entry, Transcript, TranscriptReject};
use mpenc_types::{BodyKind, MemberId, MemberSet, MessageId};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::model::{Naive, NaiveMessage};
use crate::support::*;

/// One attempt to write a message.
#[derive(Clone, Debug)]
enum Step {
    /// The author accepts some messages with their ancestors, then writes.
    Honest { author: Index, sees: Vec<Index>, kind: BodyKind },
    /// The author claims any parents.
    Lie { author: Index, parents: Vec<Index>, kind: BodyKind },
    /// A stranger, a replay, itself as parent, unknown parents.
    Odd { author: Index, parents: Vec<Index>, what: u8 },
}

fn kind() -> impl Strategy<Value = BodyKind> {
    prop_oneof![
        4 => Just(PAYLOAD),
        4 => Just(ACK),
        2 => Just(CONSISTENCY),
        1 => Just(FIN),
        1 => Just(BodyKind::Part),
        1 => Just(BodyKind::Opaque(0x7f)),
    ]
}

fn honest() -> impl Strategy<Value = Step> {
    (any::<Index>(), vec(any::<Index>(), 0..4), kind())
        .prop_map(|(author, sees, kind)| Step::Honest { author, sees, kind })
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => honest(),
        3 => (any::<Index>(), vec(any::<Index>(), 0..4), kind())
            .prop_map(|(author, parents, kind)| Step::Lie { author, parents, kind }),
        1 => (any::<Index>(), vec(any::<Index>(), 0..3), any::<u8>())
            .prop_map(|(author, parents, what)| Step::Odd { author, parents, what }),
    ]
}

fn group(n: usize) -> MemberSet {
    ('a'..).take(n).map(|c| member(&c.to_string())).collect()
}

/// Turns steps into messages, of which the model accepts or refuses each.
struct Author {
    model: Naive,
    /// What each member has accepted.
    views: Vec<BTreeSet<MessageId>>,
    made: u32,
}

impl Author {
    fn new(n: usize) -> Self {
        Self { model: Naive::new(group(n)), views: vec![BTreeSet::new(); n], made: 0 }
    }

    fn write(&mut self, step: &Step) -> NaiveMessage {
        self.made += 1;
        let mut id = MessageId::new(&self.made.to_be_bytes()).unwrap();
        let members: Vec<MemberId> = self.model.members.iter().cloned().collect();
        let accepted: Vec<MessageId> = self.model.messages.iter().map(|m| m.id).collect();
        let pick = |of: &[Index]| -> Vec<MessageId> {
            if accepted.is_empty() {
                vec![]
            } else {
                of.iter().map(|i| *i.get(&accepted)).collect()
            }
        };
        match step {
            Step::Honest { author, sees, kind } => {
                let at = author.index(members.len());
                self.views[at].extend(self.model.closure(&pick(sees)));
                let parents = self.model.maximal(&self.views[at]);
                NaiveMessage { id, author: members[at].clone(), parents, kind: *kind }
            }
            Step::Lie { author, parents, kind } => {
                let author = author.get(&members).clone();
                NaiveMessage { id, author, parents: pick(parents), kind: *kind }
            }
            Step::Odd { author, parents, what } => {
                let mut author = author.get(&members).clone();
                let mut parents = pick(parents);
                match what % 5 {
                    0 => author = member("stranger"),
                    1 => parents.push(id),
                    2 => parents.push(self.unknown()),
                    3 => parents.extend((0..members.len()).map(|_| self.unknown())),
                    _ => id = accepted.first().copied().unwrap_or(id),
                }
                NaiveMessage { id, author, parents, kind: PAYLOAD }
            }
        }
    }

    fn unknown(&self) -> MessageId {
        id("unknown")
    }

    /// Gives the message to the model.
    fn accept(&mut self, message: &NaiveMessage) -> Result<(), TranscriptReject> {
        self.model.accept(&entry(message))?;
        let at = self.model.members.iter().position(|m| *m == message.author).unwrap();
        self.views[at].extend(self.model.closure(&[message.id]));
        Ok(())
    }

    /// Only honest members: every message is accepted.
    fn history(n: usize, steps: &[Step]) -> Naive {
        let mut author = Self::new(n);
        for step in steps {
            let message = author.write(step);
            author.accept(&message).unwrap();
        }
        author.model
    }
}

fn entry(message: &NaiveMessage) -> Entry<'_> {
    let NaiveMessage { id, author, parents, kind } = message;
    Entry { id: *id, author, parents, kind: *kind }
}

fn set(ids: impl IntoIterator<Item = MessageId>) -> BTreeSet<MessageId> {
    ids.into_iter().collect()
}

/// Everything that must not depend on the order of delivery.
type Graph = Vec<(MessageId, MemberId, u64, Vec<MessageId>, MemberSet, BTreeSet<MessageId>, bool)>;

fn graph(transcript: &Transcript) -> Graph {
    let mut graph: Graph = transcript
        .iter()
        .map(|m| {
            let effective = set(m.effective_parents());
            let parents = m.parents().collect();
            let (author, seq) = (m.author().clone(), m.seq());
            (m.id(), author, seq, parents, m.unacked_by(), effective, m.is_closed())
        })
        .collect();
    graph.sort();
    graph
}

/// Checks every answer about every message.
fn compare(transcript: &Transcript, model: &Naive) {
    assert_eq!(transcript.heads(), model.heads());
    assert_eq!(transcript.is_consistent(), model.is_consistent());
    let open = model.messages.iter().map(|m| m.id).filter(|id| !model.unacked_by(id).is_empty());
    assert!(transcript.unacked().eq(open));
    assert_eq!(set(transcript.would_be_parents()), model.maximal_payloads(&model.heads()));
    for message in &model.messages {
        let id = &message.id;
        let view = transcript.get(id).unwrap();
        assert_eq!(view.author(), &message.author);
        assert_eq!(view.kind(), message.kind);
        assert!(view.parents().eq(message.parents.iter().copied()));
        assert_eq!(view.unacked_by(), model.unacked_by(id));
        assert_eq!(view.is_fully_acked(), model.unacked_by(id).is_empty());
        assert_eq!(view.is_closed(), model.is_closed(id));
        assert_eq!(view.has_content(), model.has_content(id));
        assert_eq!(set(view.effective_parents()), model.effective_parents(id));
        assert_eq!(transcript.children(id).unwrap(), model.children(id));
        for member in &model.members {
            assert_eq!(transcript.first_after(member, id), Ok(model.first_after(member, id)));
            assert_eq!(transcript.last_before(member, id), Ok(model.last_before(member, id)));
        }
        let past = model.closure(&[*id]);
        for other in &model.messages {
            let expect = past.contains(&other.id);
            assert_eq!(transcript.is_ancestor_or_equal(&other.id, id), Ok(expect));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    //= docs/spec/protocol.md#TRN-032
    //= type=test
    //= docs/spec/protocol.md#TRN-026
    //= type=test
    //= docs/spec/protocol.md#TRN-027
    //= type=test
    //= docs/spec/protocol.md#TRN-035
    //= type=test
    #[test]
    fn vectors_agree_with_graph_search(n in 1_usize..7, steps in vec(any_step(), 1..48)) {
        let mut author = Author::new(n);
        let mut transcript = Transcript::new(&group(n));
        let mut reported = BTreeSet::new();
        for step in &steps {
            let message = author.write(step);
            let before = transcript.clone();
            let expect = author.accept(&message);
            let found = transcript.accept(entry(&message));
            match (expect, found) {
                (Ok(()), Ok(accepted)) => {
                    let model = &author.model;
                    let all = model.messages.iter().map(|m| m.id);
                    let now: Vec<_> = all
                        .filter(|id| !reported.contains(id) && model.unacked_by(id).is_empty())
                        .collect();
                    prop_assert_eq!(&accepted.fully_acked, &now);
                    reported.extend(now);
                    prop_assert_eq!(accepted.seq as usize, model.by(&message.author).len());
                    let hidden = message.kind.is_payload() && !model.has_content(&message.id);
                    prop_assert_eq!(accepted.after_fin, hidden);
                    prop_assert_eq!(transcript.heads(), model.heads());
                    let parents = transcript.effective_parents(&message.id).unwrap();
                    prop_assert_eq!(set(parents), model.effective_parents(&message.id));
                }
                (Err(expect), Err(found)) => {
                    // Which of several redundant parents is named is not laid down.
                    if !matches!(found, TranscriptReject::NotAntichain { .. }) {
                        prop_assert_eq!(&found, &expect);
                    }
                    prop_assert_eq!(
                        std::mem::discriminant(&found), std::mem::discriminant(&expect));
                    prop_assert_eq!(&transcript, &before);
                }
                (expect, found) => prop_assert!(false, "{:?}, expected {:?}", found, expect),
            }
        }
        compare(&transcript, &author.model);
    }

    //= docs/spec/protocol.md#TRN-007
    //= type=test
    #[test]
    fn accepted_parents_form_an_antichain(n in 2_usize..6, steps in vec(any_step(), 1..40)) {
        let mut author = Author::new(n);
        let mut transcript = Transcript::new(&group(n));
        for step in &steps {
            let message = author.write(step);
            if transcript.accept(entry(&message)).is_ok() {
                author.accept(&message).unwrap();
            }
        }
        for message in transcript.iter() {
            let parents: Vec<_> = message.parents().collect();
            for (i, p) in parents.iter().enumerate() {
                for (j, q) in parents.iter().enumerate() {
                    prop_assert!(i == j || !author.model.le(p, q));
                }
            }
        }
        // The author line, of which forks would be two.
        for member in transcript.members() {
            let by: Vec<_> = transcript.by(member).collect();
            prop_assert!(by.windows(2).all(|pair| author.model.le(&pair[0], &pair[1])));
        }
    }

    //= docs/spec/protocol.md#TRN-028
    //= type=test
    //= docs/spec/protocol.md#TRN-034
    //= type=test
    //= docs/spec/protocol.md#SEC-008
    //= type=test
    //= docs/spec/attacks.md#ATK-122
    //= type=test
    #[test]
    fn any_topological_order_gives_the_same_transcript(
        n in 1_usize..6,
        steps in vec(honest(), 1..40),
        choices in vec(any::<Index>(), 40),
    ) {
        let history = Author::history(n, &steps);
        let mut transcript = Transcript::new(&group(n));
        for message in &history.messages {
            let _ = transcript.accept(entry(message)).unwrap();
        }
        let mut other = Transcript::new(&group(n));
        let mut left: Vec<&NaiveMessage> = history.messages.iter().collect();
        for choice in choices.iter().take(history.messages.len()) {
            let ready: Vec<usize> = (0..left.len())
                .filter(|i| other.missing_parents(&left[*i].parents).is_empty())
                .collect();
            let _ = other.accept(entry(left.remove(*choice.get(&ready)))).unwrap();
        }
        prop_assert_eq!(graph(&transcript), graph(&other));
        prop_assert_eq!(set(transcript.heads().to_vec()), set(other.heads().to_vec()));
        prop_assert_eq!(transcript.is_consistent(), other.is_consistent());
        // Full acknowledgement is closed under ancestors.
        for message in transcript.iter().filter(|m| m.is_fully_acked()) {
            prop_assert!(message.parents().all(|p| transcript.is_fully_acked(&p)));
        }
    }

    //= docs/spec/protocol.md#TRN-015
    //= type=test
    //= docs/spec/protocol.md#TRN-018
    //= type=test
    #[test]
    fn any_permutation_gives_the_same_transcript(
        n in 1_usize..6,
        steps in vec(honest(), 1..64),
        order in Just((0..64_usize).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let history = Author::history(n, &steps);
        let mut expect = Transcript::new(&group(n));
        for message in &history.messages {
            let _ = expect.accept(entry(message)).unwrap();
        }
        let mut transcript = Transcript::new(&group(n));
        let mut deferral = Deferral::new(n);
        for message in order.iter().filter_map(|i| history.messages.get(*i)) {
            let mut ready = vec![message.clone()];
            while !ready.is_empty() {
                let message = ready.remove(0);
                match transcript.accept(entry(&message)) {
                    Ok(_) => {
                        let released = deferral.release(&message.id);
                        ready.extend(released.into_iter().map(|deferred| deferred.value));
                    }
                    Err(TranscriptReject::MissingParents(missing)) => {
                        let NaiveMessage { id, author, .. } = message.clone();
                        let dropped = deferral.insert(author, id, &missing, message).unwrap();
                        prop_assert!(dropped.is_empty());
                    }
                    Err(reject) => prop_assert!(false, "{}", reject),
                }
            }
        }
        prop_assert!(deferral.is_empty());
        prop_assert_eq!(graph(&transcript), graph(&expect));
    }
}
