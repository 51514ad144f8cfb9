//! A transcript that drops what is old answers as one that keeps everything.

use std::collections::BTreeSet;

use mpenc_transcript::{Entry, NoContext, NoRecord, Transcript, TranscriptReject};
use mpenc_types::{BodyKind, MemberId, MessageId};
use proptest::prelude::*;

use crate::support::*;

#[derive(Clone, Debug)]
struct Written {
    id: MessageId,
    author: usize,
    parents: Vec<MessageId>,
    kind: BodyKind,
}

/// SplitMix64: where the proptest seed goes.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn one_in(&mut self, number: usize) -> bool {
        self.below(number) == 0
    }
}

/// A conversation of members that hear of each other late, watched by one who keeps everything and
/// one who does not.
struct Watched {
    names: Vec<MemberId>,
    dice: Dice,
    /// What is accepted, in its order.
    said: Vec<Written>,
    /// What each member has: so many of `said`, and what it wrote itself.
    views: Vec<(usize, Transcript)>,
    full: Transcript,
    pruned: Transcript,
    keep: usize,
    refused: usize,
}

impl Watched {
    fn new(n: usize, seed: u64, keep: usize) -> Self {
        let group =
            members(&"abcdefgh".chars().take(n).map(|c| format!("{c} ")).collect::<String>());
        Self {
            names: group.iter().cloned().collect(),
            dice: Dice(seed),
            said: vec![],
            views: vec![(0, Transcript::new(&group)); n],
            full: Transcript::new(&group),
            pruned: Transcript::new(&group),
            keep,
            refused: 0,
        }
    }

    fn kind(&mut self, chatty: bool) -> BodyKind {
        match self.dice.below(if chatty { 4 } else { 60 }) {
            0 => PAYLOAD,
            1 | 2 => CONSISTENCY,
            _ => ACK,
        }
    }

    fn id(&mut self) -> MessageId {
        let mut bytes = [0; 20];
        bytes[..8].copy_from_slice(&self.dice.next().to_be_bytes());
        MessageId::from(bytes)
    }

    /// The member hears some of what it has not heard yet.
    fn hear(&mut self, who: usize, at_most: usize) {
        let (heard, view) = &mut self.views[who];
        for message in self.said.iter().skip(*heard).take(at_most) {
            if message.author != who {
                let _ = view.accept(entry(message, &self.names)).unwrap();
            }
            *heard += 1;
        }
    }

    fn honest(&mut self, who: usize, chatty: bool) {
        let lag = self.dice.below(12);
        self.hear(who, lag * lag);
        let parents = self.views[who].1.heads().to_vec();
        let message = Written { id: self.id(), author: who, parents, kind: self.kind(chatty) };
        let _ = self.views[who].1.accept(entry(&message, &self.names)).unwrap();
        assert!(self.offer(&message), "an honest message is accepted by both");
    }

    fn any(&mut self) -> MessageId {
        let at = self.dice.below(self.said.len());
        self.said[at].id
    }

    /// Something that no honest member sends, or sent before: old, new or unknown parents, and
    /// copies.
    fn odd(&mut self) {
        if self.said.is_empty() {
            return;
        }
        let at = self.dice.below(self.said.len());
        let old = self.said[at].clone();
        let who = self.dice.below(self.names.len());
        let mut parents = match self.dice.below(5) {
            // A fork of something old, or of something that nobody wrote before.
            0 => old.parents.clone(),
            1 => vec![],
            // A copy.
            2 => {
                assert!(!self.offer(&old));
                return;
            }
            3 => vec![self.any(), self.any()],
            // Right, but for one old parent.
            _ => {
                let mut parents = self.views[who].1.heads().to_vec();
                let at = self.dice.below(parents.len() + 1);
                parents.insert(at, self.any());
                parents
            }
        };
        if self.dice.one_in(4) {
            parents.push(id("unknown"));
        }
        let message = Written { id: self.id(), author: who, parents, kind: PAYLOAD };
        if !self.would_accept(&message) {
            assert!(!self.offer(&message));
        }
    }

    fn would_accept(&self, message: &Written) -> bool {
        self.full.check(&entry(message, &self.names)).is_ok()
    }

    /// Both judge it, and alike.
    fn offer(&mut self, message: &Written) -> bool {
        let entry = entry(message, &self.names);
        let before = self.pruned.clone();
        let (full, pruned) = (self.full.accept(entry), self.pruned.accept(entry));
        assert_eq!(full, pruned, "{message:?}");
        assert_eq!(
            self.full.missing_parents(&message.parents),
            self.pruned.missing_parents(&message.parents)
        );
        if pruned.is_err() {
            assert_eq!(before, self.pruned, "a refused message changes nothing");
            self.refused += 1;
            return false;
        }
        let parents = self.pruned.effective_parents(&message.id).unwrap();
        assert_eq!(self.full.effective_parents(&message.id).unwrap(), parents);
        self.said.push(message.clone());
        if self.dice.one_in(5) {
            let number = self.pruned.prune(self.keep, |_| false);
            assert!(number == 0 || number >= 64, "many at a time");
        }
        self.same_now();
        true
    }

    /// What can be asked without naming a message.
    fn same_now(&self) {
        assert_eq!(self.full.heads(), self.pruned.heads());
        assert_eq!(self.full.len(), self.pruned.len());
        assert_eq!(self.full.minimal(), self.pruned.minimal());
        assert!(self.full.unacked().eq(self.pruned.unacked()));
        assert_eq!(self.full.is_consistent(), self.pruned.is_consistent());
        assert_eq!(self.full.would_be_parents(), self.pruned.would_be_parents());
        for of in &self.names {
            assert_eq!(self.full.last(of), self.pruned.last(of));
            for by in &self.names {
                assert_eq!(self.full.seen(of, by), self.pruned.seen(of, by));
            }
        }
    }

    /// Everything that can be asked about a message: the same answer, or that it is pruned.
    fn same_about(&self, id: &MessageId) {
        let (full, pruned) = (&self.full, &self.pruned);
        let gone = pruned.is_pruned(id);
        assert!(full.contains(id) && pruned.contains(id));
        // Exact whether or not it is pruned.
        assert_eq!(full.author(id), pruned.author(id));
        assert_eq!(full.seq(id), pruned.seq(id));
        assert_eq!(full.unacked_by(id), pruned.unacked_by(id));
        assert_eq!(full.is_fully_acked(id), pruned.is_fully_acked(id));
        assert_eq!(full.is_closed(id), pruned.is_closed(id));
        let may = |of: bool| if of { Err(NoRecord::Pruned) } else { Ok(()) };
        let map = |result: Result<_, NoRecord>| result.map(|_: Vec<MessageId>| ());
        assert_eq!(pruned.get(id).map(|_| ()), may(gone));
        assert_eq!(pruned.kind(id).map(|_| ()), may(gone));
        assert_eq!(map(pruned.parents(id)), may(gone));
        if !gone {
            assert_eq!(full.kind(id), pruned.kind(id));
            assert_eq!(full.has_content(id), pruned.has_content(id));
            assert_eq!(full.parents(id), pruned.parents(id));
            assert_eq!(full.children(id), pruned.children(id));
            assert_eq!(full.effective_parents(id), pruned.effective_parents(id));
            assert_eq!(full.maximal_payloads(&[*id]), pruned.maximal_payloads(&[*id]));
        } else {
            assert_eq!(pruned.maximal_payloads(&[*id]), Err(NoContext::Pruned(vec![*id])));
        }
        for member in &self.names {
            assert_eq!(full.acked_by(member, id), pruned.acked_by(member, id));
            let seq = full.seq(id).unwrap();
            for (expect, found) in [
                (full.first_after(member, id), pruned.first_after(member, id)),
                (full.last_before(member, id), pruned.last_before(member, id)),
                (full.nth_by(member, seq).map(Some), pruned.nth_by(member, seq).map(Some)),
            ] {
                if found == Err(NoRecord::Pruned) {
                    let answer = expect.unwrap();
                    assert!(gone || answer.is_some_and(|answer| pruned.is_pruned(&answer)));
                } else {
                    assert_eq!(expect, found);
                }
            }
        }
    }

    fn same_about_all(&self) {
        let (full, pruned) = (&self.full, &self.pruned);
        for message in &self.said {
            self.same_about(&message.id);
        }
        let pick = |from: &[Written]| from.iter().step_by(7).map(|m| m.id).collect::<Vec<_>>();
        let all = pick(&self.said);
        for a in &all {
            for b in &all {
                match pruned.is_ancestor_or_equal(a, b) {
                    Err(NoRecord::Pruned) => assert!(pruned.is_pruned(a) && pruned.is_pruned(b)),
                    exact => assert_eq!(exact, full.is_ancestor_or_equal(a, b)),
                }
            }
        }
        let kept: BTreeSet<_> = pruned.iter().map(|message| message.id()).collect();
        assert_eq!(kept.len() + pruned.pruned(), full.len());
        for member in &self.names {
            let own: Vec<_> = full.by(member).filter(|id| kept.contains(id)).collect();
            assert!(pruned.by(member).eq(own));
        }
    }
}

fn entry<'a>(message: &'a Written, names: &'a [MemberId]) -> Entry<'a> {
    let Written { id, author, parents, kind } = message;
    Entry { id: *id, author: &names[*author], parents, kind: *kind }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    //= docs/spec/protocol.md#TRN-042
    //= type=test
    //= docs/spec/protocol.md#TRN-043
    //= type=test
    #[test]
    fn pruning_changes_no_verdict_and_no_answer(
        n in 1_usize..7,
        seed in any::<u64>(),
        keep in 0_usize..40,
        chatty in any::<bool>(),
    ) {
        let mut watched = Watched::new(n, seed, keep);
        for _ in 0..700 {
            let who = watched.dice.below(n);
            watched.honest(who, chatty);
            if watched.dice.one_in(4) {
                watched.odd();
            }
        }
        // Everybody hears of everything and says so, so that it is time to forget.
        for who in (0..n).chain(0..n) {
            watched.hear(who, usize::MAX);
            watched.honest(who, chatty);
        }
        watched.same_about_all();
        prop_assert!(watched.refused > 50);
        watched.pruned.prune(keep, |_| false);
        prop_assert!(watched.pruned.pruned() > 300, "{}", watched.pruned.pruned());
        watched.same_about_all();
    }
}

/// A line of two in which everything but the end is pruned.
fn long_line() -> Story {
    let mut story = Story::of("a b");
    story.say("a0", "", PAYLOAD);
    story.say("b0", "a0", ACK);
    for n in 1..200 {
        story.say(&format!("a{n}"), &format!("b{}", n - 1), ACK);
        story.say(&format!("b{n}"), &format!("a{n}"), ACK);
    }
    assert!(story.0.prune(0, |_| false) >= 390);
    story
}

//= docs/spec/protocol.md#TRN-042
//= type=test
//= docs/spec/protocol.md#TRN-025
//= type=test
#[test]
fn late_packets_are_judged_as_if_nothing_had_been_pruned() {
    let mut story = long_line();
    assert_eq!(story.refuse("a1", "b0"), TranscriptReject::Duplicate, "a copy, not a fork");
    assert_eq!(story.refuse("a0", ""), TranscriptReject::Duplicate);
    let fork = |first: &str| TranscriptReject::AuthorFork { first: id(first) };
    assert_eq!(story.refuse("a-other", "b0"), fork("a199"), "its sibling is a fork");
    assert_eq!(story.refuse("a-other", ""), fork("a199"));
    let closed = TranscriptReject::ClosedParent(id("b0"));
    assert_eq!(story.refuse("a200", "b0 b199"), closed);
    assert_eq!(story.refuse("a200", "b0 unknown"), closed, "no waiting helps");
    assert_eq!(
        story.refuse("a200", "unknown b199"),
        TranscriptReject::MissingParents(ids("unknown"))
    );
    // It still answers the one payload there was, which is pruned.
    assert!(story.0.is_pruned(&id("a0")));
    story.say("a200", "b199", PAYLOAD);
    assert_eq!(story.0.effective_parents(&id("a200")), Ok(ids("a0")));
    assert_eq!(story.0.parents(&id("a1")), Err(NoRecord::Pruned), "not unknown");
    assert_eq!(story.0.is_ancestor_or_equal(&id("a1"), &id("a200")), Ok(true));
}

//= docs/spec/protocol.md#TRN-042
//= type=test
#[test]
fn what_is_needed_or_not_closed_is_kept_with_all_after_it() {
    let mut story = Story::of("a b c");
    story.say("a0", "", PAYLOAD);
    story.say("b0", "a0", ACK);
    story.say("c0", "b0", ACK);
    for n in 1..200 {
        story.say(&format!("a{n}"), &format!("b{}", n - 1), ACK);
        story.say(&format!("b{n}"), &format!("a{n}"), ACK);
    }
    let first = |of: &MessageId| *of == id("a0");
    assert_eq!(story.0.prune(0, first), 0, "c has acknowledged the first two only");
    story.say("c1", "c0 b199", ACK);
    assert_eq!(story.0.prune(0, first), 0, "nobody has acknowledged c0");
    story.say("a200", "c1", ACK);
    story.say("b200", "a200", ACK);
    assert_eq!(story.0.prune(0, first), 0, "it is still needed");
    let needed = id("b50");
    assert_eq!(story.0.prune(10, |of| *of == needed), 92);
    assert!(story.0.get(&needed).is_ok() && story.0.is_pruned(&id("a45")));
    assert_eq!(story.0.prune(1_000, |_| false), 0, "so many are kept");
    assert!(story.0.prune(0, |_| false) > 300);
    assert_eq!(story.0.last(&member("a")), Some(id("a200")));
    story.say("c2", "b200", PAYLOAD);
}
