//! What a text would be sent into, and whether that is what it was written for.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;

use mpenc_types::{MemberSet, MessageId, guard};

use super::{QueuedId, QueuedState, QueuedText, Reason, SendQueue};
use crate::{Session, SessionState};

/// What a text would be sent into.
pub(super) struct Circumstances {
    joined: bool,
    /// Sending what was written outside is wanted, and this is the moment.
    offline_now: bool,
    context: Option<BTreeSet<MessageId>>,
    people: Option<MemberSet>,
}

impl Circumstances {
    pub(super) fn of(queue: &SendQueue, session: &Session, joining: bool) -> Self {
        Self {
            joined: session.state() == SessionState::Joined,
            offline_now: joining && queue.auto_send_offline,
            context: logical_context(session, &queue.texts),
            people: Some(queue.people_of(&session.members())),
        }
    }

    /// What keeps a pending text from being sent by itself, as far as it alone is concerned.
    pub(super) fn hindrance(&self, text: &QueuedText) -> Option<Reason> {
        if !self.joined {
            return Some(Reason::NotJoined);
        }
        if text.overtaken {
            return Some(Reason::Overtaken);
        }
        if self.context.is_none() {
            return Some(Reason::ContextAwaited);
        }
        if text.context != self.context && guard!("resend-context") {
            return Some(Reason::ContextChanged);
        }
        if text.people.is_some() && text.people != self.people && guard!("resend-context") {
            return Some(Reason::MembersChanged);
        }
        if text.state == QueuedState::Unsent && !self.offline_now {
            return Some(Reason::Unsent);
        }
        None
    }
}

/// The messages of others that a text written now would answer; none if that is not known yet.
//= docs/spec/protocol.md#SES-048
pub(super) fn logical_context(
    session: &Session,
    texts: &VecDeque<QueuedText>,
) -> Option<BTreeSet<MessageId>> {
    if !session.context_is_known() {
        return None;
    }
    // In a monologue the last text has the context already.
    let last = texts.back().and_then(|last| Some((last.id, last.context.as_ref()?)));
    let mut todo = session.next_parents();
    let mut seen = BTreeSet::new();
    let mut context = BTreeSet::new();
    let mut skipped = false;
    while let Some(id) = todo.pop() {
        if !seen.insert(id) {
            continue;
        }
        if let Some((last, known)) = last
            && last == QueuedId::Message(id)
        {
            skipped = true;
            context.extend(known);
            continue;
        }
        let own = session.message(&id).is_some_and(|message| message.author == session.me());
        match session.log_parents(&id) {
            Some(parents) if own && seen.len() <= MAX_SKIPPED => {
                skipped = true;
                todo.extend(parents);
            }
            _ => {
                context.insert(id);
            }
        }
    }
    if skipped && context.len() > 1 {
        let all: Vec<MessageId> = context.iter().copied().collect();
        context.retain(|id| !all.iter().any(|other| session.is_before(id, other) == Some(true)));
    }
    Some(context)
}

/// Own messages over which the search for a text's context goes. A longer monologue has its middle
/// as context.
const MAX_SKIPPED: usize = 4096;
