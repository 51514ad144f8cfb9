//! The definitions of protocol.md section 7, computed by graph search without any cleverness.

use std::collections::{BTreeMap, BTreeSet};

use mpenc_transcript::{Entry, TranscriptReject};
use mpenc_types::{BodyKind, MemberId, MemberSet, MessageId};

#[derive(Clone, Debug)]
pub(crate) struct NaiveMessage {
    pub(crate) id: MessageId,
    pub(crate) author: MemberId,
    pub(crate) parents: Vec<MessageId>,
    pub(crate) kind: BodyKind,
}

/// A transcript that looks through all its messages for every answer. What comes before a message
/// never changes, so that is searched for once. Messages also go by their places in the list.
#[derive(Clone)]
pub(crate) struct Naive {
    pub(crate) members: MemberSet,
    pub(crate) messages: Vec<NaiveMessage>,
    index: BTreeMap<MessageId, usize>,
    /// Places of each message's parents.
    parents: Vec<Vec<usize>>,
    /// For each message, which messages up to it are at or before it.
    pasts: Vec<Vec<bool>>,
}

impl Naive {
    pub(crate) fn new(members: MemberSet) -> Self {
        let (parents, pasts) = (vec![], vec![]);
        Self { members, messages: vec![], index: BTreeMap::new(), parents, pasts }
    }

    fn find(&self, id: &MessageId) -> &NaiveMessage {
        &self.messages[self.index[id]]
    }

    pub(crate) fn contains(&self, id: &MessageId) -> bool {
        self.index.contains_key(id)
    }

    pub(crate) fn place(&self, id: &MessageId) -> usize {
        self.index[id]
    }

    fn ids(&self, places: impl IntoIterator<Item = usize>) -> impl Iterator<Item = MessageId> {
        places.into_iter().map(|at| self.messages[at].id)
    }

    /// Whether the message at place `a` is the one at `b` or reachable from it.
    pub(crate) fn before_or_at(&self, a: usize, b: usize) -> bool {
        self.pasts[b].get(a) == Some(&true)
    }

    /// These places and everything reachable from them.
    pub(crate) fn reachable(&self, from: &[usize]) -> BTreeSet<usize> {
        let mut met = BTreeSet::new();
        let mut queue = from.to_vec();
        while let Some(at) = queue.pop() {
            if met.insert(at) {
                queue.extend(&self.parents[at]);
            }
        }
        met
    }

    /// `of` and everything reachable from it.
    pub(crate) fn closure(&self, of: &[MessageId]) -> BTreeSet<MessageId> {
        let places: Vec<_> = of.iter().map(|id| self.place(id)).collect();
        self.ids(self.reachable(&places)).collect()
    }

    /// Those of the places that none of the others has as parent.
    pub(crate) fn maximal_places(&self, of: &BTreeSet<usize>) -> Vec<MessageId> {
        let named: BTreeSet<_> = of.iter().flat_map(|at| &self.parents[*at]).collect();
        self.ids(of.iter().filter(|at| !named.contains(at)).copied()).collect()
    }

    /// Those of the messages that none of the others has as parent.
    pub(crate) fn maximal(&self, of: &BTreeSet<MessageId>) -> Vec<MessageId> {
        self.maximal_places(&of.iter().map(|id| self.place(id)).collect())
    }

    pub(crate) fn le(&self, a: &MessageId, b: &MessageId) -> bool {
        self.before_or_at(self.place(a), self.place(b))
    }

    fn lt(&self, a: &MessageId, b: &MessageId) -> bool {
        a != b && self.le(a, b)
    }

    pub(crate) fn by(&self, member: &MemberId) -> Vec<MessageId> {
        self.messages.iter().filter(|m| m.author == *member).map(|m| m.id).collect()
    }

    /// Who has written nothing after the message at this place, its author aside.
    fn unacked_at(&self, at: usize) -> impl Iterator<Item = &MemberId> {
        let author = &self.messages[at].author;
        let later =
            (at + 1..self.messages.len()).filter(move |later| self.before_or_at(at, *later));
        let acked: Vec<_> = later.map(|later| &self.messages[later].author).collect();
        self.members.iter().filter(move |r| *r != author && !acked.contains(r))
    }

    pub(crate) fn is_fully_acked(&self, at: usize) -> bool {
        self.unacked_at(at).next().is_none()
    }

    pub(crate) fn unacked_by(&self, id: &MessageId) -> MemberSet {
        self.unacked_at(self.place(id)).collect()
    }

    pub(crate) fn is_closed(&self, id: &MessageId) -> bool {
        let author = &self.find(id).author;
        let last = self.messages.iter().rfind(|m| m.author == *author);
        last.is_some_and(|last| last.id != *id) && self.is_fully_acked(self.place(id))
    }

    pub(crate) fn heads(&self) -> Vec<MessageId> {
        let named: BTreeSet<_> = self.parents.iter().flatten().collect();
        self.ids((0..self.messages.len()).rev().filter(|at| !named.contains(at))).collect()
    }

    fn has_content_at(&self, at: usize) -> bool {
        let message = &self.messages[at];
        let own = self.messages.iter().enumerate().filter(|(_, m)| m.author == message.author);
        let mut own = own.filter(|(other, _)| self.before_or_at(*other, at));
        message.kind.is_payload() && !own.any(|(_, m)| m.kind.is_fin())
    }

    pub(crate) fn has_content(&self, id: &MessageId) -> bool {
        self.has_content_at(self.place(id))
    }

    pub(crate) fn is_consistent(&self) -> bool {
        let mut payloads = (0..self.messages.len()).filter(|at| self.has_content_at(*at));
        payloads.all(|at| self.is_fully_acked(at))
    }

    /// The maximal payloads among these messages and their ancestors.
    pub(crate) fn maximal_payloads(&self, of: &[MessageId]) -> BTreeSet<MessageId> {
        let places: Vec<_> = of.iter().map(|id| self.place(id)).collect();
        let payloads: Vec<usize> =
            self.reachable(&places).into_iter().filter(|at| self.has_content_at(*at)).collect();
        let later = |x: usize| payloads.iter().any(|y| x != *y && self.before_or_at(x, *y));
        self.ids(payloads.iter().copied().filter(|x| !later(*x))).collect()
    }

    pub(crate) fn effective_parents(&self, id: &MessageId) -> BTreeSet<MessageId> {
        self.maximal_payloads(&self.find(id).parents)
    }

    pub(crate) fn children(&self, id: &MessageId) -> Vec<MessageId> {
        self.messages.iter().filter(|m| m.parents.contains(id)).map(|m| m.id).collect()
    }

    pub(crate) fn first_after(&self, member: &MemberId, id: &MessageId) -> Option<MessageId> {
        self.by(member).into_iter().find(|m| self.lt(id, m))
    }

    pub(crate) fn last_before(&self, member: &MemberId, id: &MessageId) -> Option<MessageId> {
        self.by(member).into_iter().rfind(|m| self.lt(m, id))
    }

    /// The requirements, gravest first.
    pub(crate) fn judge(&self, entry: &Entry<'_>) -> Result<(), TranscriptReject> {
        let parents = entry.parents;
        if self.contains(&entry.id) {
            return Err(TranscriptReject::Duplicate);
        }
        if !self.members.contains(entry.author) {
            return Err(TranscriptReject::NotAMember);
        }
        if parents.contains(&entry.id) {
            return Err(TranscriptReject::SelfParent);
        }
        if parents.len() > self.members.len() {
            let (found, max) = (parents.len(), self.members.len());
            return Err(TranscriptReject::TooManyParents { found, max });
        }
        let closed = parents.iter().find(|p| self.contains(p) && self.is_closed(p)).copied();
        let missing: Vec<_> = parents.iter().filter(|p| !self.contains(p)).copied().collect();
        if !missing.is_empty() {
            return Err(match closed {
                Some(closed) => TranscriptReject::ClosedParent(closed),
                None => TranscriptReject::MissingParents(missing),
            });
        }
        if let Some(first) = self.by(entry.author).last().copied()
            && !parents.iter().any(|p| self.le(&first, p))
        {
            return Err(TranscriptReject::AuthorFork { first });
        }
        let antichain = self.antichain(parents);
        if let Some(closed) = closed {
            // Lemma 5: the other rules would have refused it as well.
            assert!(!antichain, "a closed parent alone would have been the only fault");
            return Err(TranscriptReject::ClosedParent(closed));
        }
        if !antichain {
            let implied = |p: &&MessageId| parents.iter().any(|q| self.lt(p, q));
            let twice = |p: &&MessageId| parents.iter().filter(|q| q == p).count() > 1;
            let redundant = parents.iter().find(implied).or(parents.iter().find(twice)).unwrap();
            return Err(TranscriptReject::NotAntichain { redundant: *redundant });
        }
        Ok(())
    }

    fn antichain(&self, parents: &[MessageId]) -> bool {
        let distinct: BTreeSet<_> = parents.iter().collect();
        distinct.len() == parents.len()
            && !parents.iter().any(|p| parents.iter().any(|q| self.lt(p, q)))
    }

    pub(crate) fn accept(&mut self, entry: &Entry<'_>) -> Result<(), TranscriptReject> {
        self.judge(entry)?;
        let place = self.messages.len();
        self.index.insert(entry.id, place);
        self.parents.push(entry.parents.iter().map(|id| self.index[id]).collect());
        let past = self.reachable(&[place]);
        self.pasts.push((0..=place).map(|at| past.contains(&at)).collect());
        self.messages.push(NaiveMessage {
            id: entry.id,
            author: entry.author.clone(),
            parents: entry.parents.to_vec(),
            kind: entry.kind,
        });
        Ok(())
    }
}
