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

/// A transcript that searches its graph for every answer.
#[derive(Clone)]
pub(crate) struct Naive {
    pub(crate) members: MemberSet,
    pub(crate) messages: Vec<NaiveMessage>,
    index: BTreeMap<MessageId, usize>,
}

impl Naive {
    pub(crate) fn new(members: MemberSet) -> Self {
        Self { members, messages: vec![], index: BTreeMap::new() }
    }

    fn find(&self, id: &MessageId) -> &NaiveMessage {
        &self.messages[self.index[id]]
    }

    pub(crate) fn contains(&self, id: &MessageId) -> bool {
        self.index.contains_key(id)
    }

    /// `of` and everything reachable from it.
    pub(crate) fn closure(&self, of: &[MessageId]) -> BTreeSet<MessageId> {
        let mut met = BTreeSet::new();
        let mut queue = of.to_vec();
        while let Some(id) = queue.pop() {
            if met.insert(id) {
                queue.extend(&self.find(&id).parents);
            }
        }
        met
    }

    /// Those of the messages that none of the others has as parent.
    pub(crate) fn maximal(&self, of: &BTreeSet<MessageId>) -> Vec<MessageId> {
        let named: BTreeSet<_> = of.iter().flat_map(|id| &self.find(id).parents).collect();
        of.iter().filter(|id| !named.contains(id)).copied().collect()
    }

    pub(crate) fn le(&self, a: &MessageId, b: &MessageId) -> bool {
        self.closure(&[*b]).contains(a)
    }

    fn lt(&self, a: &MessageId, b: &MessageId) -> bool {
        a != b && self.le(a, b)
    }

    pub(crate) fn by(&self, member: &MemberId) -> Vec<MessageId> {
        self.messages.iter().filter(|m| m.author == *member).map(|m| m.id).collect()
    }

    pub(crate) fn unacked_by(&self, id: &MessageId) -> MemberSet {
        let author = &self.find(id).author;
        let acked = |r: &MemberId| self.by(r).iter().any(|m| self.lt(id, m));
        self.members.iter().filter(|r| *r != author && !acked(r)).collect()
    }

    pub(crate) fn is_closed(&self, id: &MessageId) -> bool {
        self.unacked_by(id).is_empty() && self.by(&self.find(id).author).last() != Some(id)
    }

    pub(crate) fn heads(&self) -> Vec<MessageId> {
        let named: BTreeSet<_> = self.messages.iter().flat_map(|m| &m.parents).collect();
        let heads = self.messages.iter().rev().map(|m| m.id);
        heads.filter(|id| !named.contains(id)).collect()
    }

    pub(crate) fn has_content(&self, id: &MessageId) -> bool {
        let message = self.find(id);
        let same_author = |x: &&MessageId| self.find(x).author == message.author;
        message.kind.is_payload()
            && !self.closure(&[*id]).iter().filter(same_author).any(|x| self.find(x).kind.is_fin())
    }

    pub(crate) fn is_consistent(&self) -> bool {
        let mut payloads = self.messages.iter().filter(|m| self.has_content(&m.id));
        payloads.all(|m| self.unacked_by(&m.id).is_empty())
    }

    /// The maximal payloads among these messages and their ancestors.
    pub(crate) fn maximal_payloads(&self, of: &[MessageId]) -> BTreeSet<MessageId> {
        let closure = self.closure(of);
        let payloads: BTreeSet<_> = closure.into_iter().filter(|id| self.has_content(id)).collect();
        let maximal = |x: &&MessageId| !payloads.iter().any(|y| self.lt(x, y));
        payloads.iter().filter(maximal).copied().collect()
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
            && !self.closure(parents).contains(&first)
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
        self.index.insert(entry.id, self.messages.len());
        self.messages.push(NaiveMessage {
            id: entry.id,
            author: entry.author.clone(),
            parents: entry.parents.to_vec(),
            kind: entry.kind,
        });
        Ok(())
    }
}
