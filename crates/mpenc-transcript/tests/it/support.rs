//! Short names for what the tests are about.

use mpenc_transcript::{Accepted, Entry, Transcript, TranscriptReject};
use mpenc_types::{BodyKind, MemberId, MemberSet, MessageId};

pub(crate) const PAYLOAD: BodyKind = BodyKind::Payload;
pub(crate) const ACK: BodyKind = BodyKind::ExplicitAck { manual: false };
pub(crate) const FIN: BodyKind = BodyKind::Consistency { close: true };
pub(crate) const CONSISTENCY: BodyKind = BodyKind::Consistency { close: false };

pub(crate) fn member(name: &str) -> MemberId {
    MemberId::from_wire(name.as_bytes())
}

/// One member for each word.
pub(crate) fn members(names: &str) -> MemberSet {
    names.split_whitespace().map(member).collect()
}

pub(crate) fn id(name: &str) -> MessageId {
    MessageId::new(name.as_bytes()).unwrap()
}

/// One identifier for each word.
pub(crate) fn ids(names: &str) -> Vec<MessageId> {
    names.split_whitespace().map(id).collect()
}

/// A transcript that is written to by name.
pub(crate) struct Story(pub(crate) Transcript);

impl Story {
    pub(crate) fn of(names: &str) -> Self {
        Self(Transcript::new(&members(names)))
    }

    /// The author is the first letter of the identifier.
    pub(crate) fn try_say(
        &mut self,
        name: &str,
        parents: &str,
        kind: BodyKind,
    ) -> Result<Accepted, TranscriptReject> {
        let author = member(&name[..1]);
        let parents = ids(parents);
        let entry = Entry { id: id(name), author: &author, parents: &parents, kind };
        let checked = self.0.check(&entry);
        let before = self.0.clone();
        let result = self.0.accept(entry);
        assert_eq!(checked, result.as_ref().map(|_| ()).map_err(Clone::clone));
        if result.is_err() {
            assert_eq!(self.0, before, "a refused message changes nothing");
        }
        result
    }

    pub(crate) fn say(&mut self, name: &str, parents: &str, kind: BodyKind) {
        let _ = self.tell(name, parents, kind);
    }

    /// As `say`, if what follows matters.
    pub(crate) fn tell(&mut self, name: &str, parents: &str, kind: BodyKind) -> Accepted {
        self.try_say(name, parents, kind).unwrap_or_else(|reject| panic!("{name}: {reject}"))
    }

    /// A payload that must be refused.
    pub(crate) fn refuse(&mut self, name: &str, parents: &str) -> TranscriptReject {
        self.try_say(name, parents, PAYLOAD).expect_err(name)
    }
}
