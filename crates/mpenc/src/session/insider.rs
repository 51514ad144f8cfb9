//! What a dishonest member can send that a session never would (feature `testing`).

use alloc::vec::Vec;

use mpenc_transcript::Transcript;
use mpenc_types::{MessageId, SubsessionId};

use super::Session;
use crate::security::Draft;

/// A message of an insider, as it could have written it.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct Rewritten {
    /// The subsession of both.
    pub sid: SubsessionId,
    /// The message that the session has written.
    pub genuine: MessageId,
    /// The one instead of it.
    pub id: MessageId,
    /// The packet of that.
    pub packet: Vec<u8>,
}

/// For the simulation of dishonest members.
impl Session {
    /// Another message at the place of one that this session has just written, sealed and signed
    /// with its own keys as if it were genuine; `change` is shown what the message answers, the
    /// transcript, and which message it is. None if the packet is none of ours, its keys are gone, or what came out has
    /// no form. The session does not know of it.
    ///
    /// # Security
    ///
    /// Contradicts what a session promises about its author. For tests only.
    #[doc(hidden)]
    pub fn rewrite(
        &self,
        packet: &[u8],
        change: impl FnOnce(&mut Draft, &Transcript, &MessageId),
    ) -> Option<Rewritten> {
        let (sub, genuine) = self.written(packet)?;
        if sub.transcript.author(&genuine) != Some(self.owner()) {
            return None;
        }
        let mut change = Some(change);
        let (id, packet) = sub.security.rewrite(packet, &mut |draft| {
            if let Some(change) = change.take() {
                change(draft, &sub.transcript, &genuine);
            }
        })?;
        Some(Rewritten { sid: sub.sid, genuine, id, packet })
    }

    /// Another text in place of a message that somebody else wrote, under the keys that all members
    /// have, but signed with the key of this session. None if there is no such message here.
    ///
    /// # Security
    ///
    /// As [`rewrite`](Self::rewrite).
    #[doc(hidden)]
    #[must_use]
    pub fn impersonate(&self, packet: &[u8], text: &str) -> Option<Vec<u8>> {
        let (sub, _) = self.written(packet)?;
        let (_, packet) =
            sub.security.rewrite(packet, &mut |draft| draft.text = Some(text.into()))?;
        Some(packet)
    }

    fn written(&self, packet: &[u8]) -> Option<(&super::Subsession, MessageId)> {
        self.subsessions().find_map(|sub| {
            let id = sub.security.peek_id(packet)?;
            sub.transcript.contains(&id).then_some((sub, id))
        })
    }
}
