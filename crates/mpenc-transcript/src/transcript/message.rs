use core::fmt;

use mpenc_types::{BodyKind, MemberId, MemberSet, MessageId};

use super::{Record, Transcript};

/// An accepted message that is not pruned, as its transcript knows it now.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    pub(super) transcript: &'a Transcript,
    pub(super) record: &'a Record,
    pub(super) author: &'a MemberId,
}

impl<'a> Message<'a> {
    /// Its identifier.
    #[must_use]
    pub fn id(&self) -> MessageId {
        self.record.id
    }

    /// Who wrote it.
    #[must_use]
    pub fn author(&self) -> &'a MemberId {
        self.author
    }

    /// Who it was written for: all members but the author (MOD-008).
    #[must_use]
    pub fn readers(&self) -> MemberSet {
        self.transcript.members.without(self.author)
    }

    /// What it is for.
    #[must_use]
    pub fn kind(&self) -> BodyKind {
        self.record.kind
    }

    /// Whether it has content that is shown: a payload, unless its author's FIN precedes it
    /// (TRN-010).
    #[must_use]
    pub fn has_content(&self) -> bool {
        self.record.content
    }

    /// Position among its author's messages, from 1.
    #[must_use]
    pub fn seq(&self) -> u64 {
        u64::from(self.record.seq)
    }

    /// Its parents, in the order in which it names them.
    pub fn parents(&self) -> impl Iterator<Item = MessageId> + use<'a> {
        let transcript = self.transcript;
        transcript.parent_slots(self.record).filter_map(|slot| transcript.id_at(slot))
    }

    /// The maximal payloads among its strict ancestors, in the order of their acceptance.
    pub fn effective_parents(&self) -> impl Iterator<Item = MessageId> + use<'a> {
        let transcript = self.transcript;
        transcript.effective_slots(self.record).filter_map(|slot| transcript.id_at(slot))
    }

    /// Readers that have not acknowledged it.
    #[must_use]
    pub fn unacked_by(&self) -> MemberSet {
        self.transcript.unacked_by_record(self.record)
    }

    /// Whether every reader has acknowledged it.
    #[must_use]
    pub fn is_fully_acked(&self) -> bool {
        self.record.pending == 0
    }

    /// Whether it is fully acked and not its author's last, so that no valid message will name it
    /// as parent (TRN-031).
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.transcript.is_closed_record(self.record)
    }
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id())
            .field("author", self.author)
            .field("seq", &self.seq())
            .field("kind", &self.kind())
            .finish_non_exhaustive()
    }
}
