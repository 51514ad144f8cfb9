//! Sending what waits: by itself, or because somebody decided so.

use alloc::vec::Vec;

use mpenc_types::MemberSet;

use super::circumstances::{Circumstances, logical_context};
use super::{MAX_UNREAD_RESENT, QueuedId, QueuedState, QueuedText, Resent, SendQueue};
use crate::{Env, Notice, SendError, Session, SessionState};

impl SendQueue {
    /// Notes who is there, and whether we have just joined; then sends what may be sent by itself.
    pub(super) fn catch_up(
        &mut self,
        session: &mut Session,
        env: &mut Env<'_>,
        notice: Option<&Notice>,
    ) {
        if let Some(Notice::MembersChanged { remain, include, exclude, .. }) = notice {
            let members = remain.union(include);
            // An operation that leaves us alone says for whom we do not write any more; falling
            // out of the channel does not.
            let left_alone = !exclude.is_empty() && session.channel_members().is_some();
            if members.len() > 1 || left_alone {
                self.last_people = Some(self.people_of(&members));
            }
        }
        // Only these notices come with other members.
        let news = matches!(
            notice,
            None | Some(Notice::MembersChanged { .. } | Notice::StateChanged { .. })
        );
        let members = if news { session.members() } else { MemberSet::new() };
        if members.len() > 1 {
            self.last_people = Some(self.people_of(&members));
        }
        let joined = session.state() == SessionState::Joined;
        let told = matches!(notice, Some(Notice::StateChanged { new: SessionState::Joined, .. }));
        let joining = joined && (told || !self.was_joined);
        self.was_joined = joined;
        if joined && self.texts.iter().any(QueuedText::is_pending) {
            self.send_by_itself(session, env, joining);
        }
    }

    /// Sends the last texts of the queue, in order: as many as may be.
    //= docs/spec/protocol.md#SES-049
    //= docs/spec/protocol.md#SES-050
    fn send_by_itself(&mut self, session: &mut Session, env: &mut Env<'_>, joining: bool) {
        let now = Circumstances::of(self, session, joining);
        let free = |text: &&QueuedText| text.is_pending() && now.hindrance(text).is_none();
        let mut ids: Vec<QueuedId> =
            self.texts.iter().rev().take_while(free).map(QueuedText::id).collect();
        ids.reverse();
        for id in ids {
            if self.resent.len() >= MAX_UNREAD_RESENT {
                return;
            }
            // What the session refuses stays, and so does what comes after it.
            let Ok(resent) = self.send_again(session, env, &id, true) else { return };
            self.resent.push_back(resent);
        }
    }

    //= docs/spec/protocol.md#SES-051
    pub(super) fn send_again(
        &mut self,
        session: &mut Session,
        env: &mut Env<'_>,
        id: &QueuedId,
        automatic: bool,
    ) -> Result<Resent, SendError> {
        let context = logical_context(session, &self.texts);
        let people = self.last_people.clone();
        let new_sid = session.sid().ok_or(SendError::NotJoined)?;
        let at = self.texts.iter().position(|text| text.id == *id).unwrap_or(self.texts.len());
        let Some(text) = self.texts.get_mut(at) else { return Err(SendError::Internal) };
        let new_id = session.send(env, &text.text)?;
        let (old_sid, old_id) = (text.sid, text.id);
        text.id = QueuedId::Message(new_id);
        text.sid = Some(new_sid);
        text.context = context;
        text.people = people;
        text.state = QueuedState::Sent;
        text.overtaken = false;
        self.overtake(session, at);
        Ok(Resent { old_sid, old_id, new_sid, new_id, automatic })
    }

    /// The texts before this place have something behind them now, in the current subsession, that
    /// was written after them.
    pub(super) fn overtake(&mut self, session: &Session, place: usize) {
        for text in self.texts.iter_mut().take(place) {
            text.overtaken |= match &text.id {
                QueuedId::Message(id) => !session.is_current(id),
                QueuedId::Virtual(_) => true,
            };
        }
    }
}
