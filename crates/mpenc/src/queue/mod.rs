//! Texts that have to wait, or that did not reach everybody: when they may be sent again, and when
//! somebody has to decide.
//!
//! A [`SendQueue`] stands between a user interface and a [`Session`]: texts are
//! [sent](SendQueue::send) through it, and it is [told](SendQueue::on_notice) every notice. It has
//! no clock, no input and no output of its own.
//!
//! What somebody writes answers what it has read, and is meant for those who were there then. A
//! text that is sent later, or again, may find other people there, or follow something that gives it
//! another meaning. So the queue notes for each text its *context*, the last messages of others
//! before it, and its *people*, and sends nothing by itself unless both are what they were. The
//! rest is [pending](SendQueue::pending), each with its [`Reason`], until somebody
//! [sends](SendQueue::resend) or [discards](SendQueue::discard) it.
//!
//! ```
//! use mpenc::queue::{QueuedId, Reason, SendQueue};
//! use mpenc::{Env, Identity, MemberId, Session, SessionConfig, Timestamp};
//! # use rand_chacha::rand_core::SeedableRng;
//! # let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(0);
//! # fn say(_: &mpenc::queue::Resent) {}
//!
//! let config = SessionConfig::new(MemberId::new("alice")?, Identity::generate(&mut rng))?;
//! let mut session = Session::new(config);
//! let mut queue = SendQueue::new();
//! let mut env = Env { now: Timestamp::ZERO, rng: &mut rng };
//!
//! // Nobody is there yet: the text is kept.
//! let id = queue.send(&mut session, &mut env, "is anybody here?")?;
//! assert_eq!(id, QueuedId::Virtual(1));
//!
//! // After everything that was done with the session:
//! while let Some(notice) = session.poll_notice() {
//!     queue.on_notice(&mut session, &mut env, &notice);
//! }
//! while let Some(resent) = queue.poll_resent() {
//!     say(&resent); // its name has changed
//! }
//!
//! // What waits for a decision, and the decision.
//! for (text, reason) in queue.pending(&session) {
//!     assert_eq!((text.text(), reason), ("is anybody here?", Reason::NotJoined));
//! }
//! assert!(queue.discard(&id));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! Source: protocol.md section 11.8.

mod circumstances;
mod resend;
mod text;

use core::fmt;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use mpenc_types::{MemberId, MemberSet};
use zeroize::Zeroizing;

pub use text::{QueueError, QueuedId, QueuedState, QueuedText, Reason, ResendError, Resent};

use crate::content::MAX_CONTENT;
use crate::{Env, Notice, SendError, Session, SessionState};

use circumstances::{Circumstances, logical_context};

/// Texts that a queue holds, those on their way included.
pub const MAX_QUEUED_TEXTS: usize = 1024;

/// Bytes that they may have together: two of the longest texts.
pub const MAX_QUEUED_BYTES: usize = 2 * MAX_CONTENT;

/// Automatic re-sends that wait to be polled; nothing more is sent by itself until they are.
pub const MAX_UNREAD_RESENT: usize = MAX_QUEUED_TEXTS;

/// Which human a member belongs to.
type People = Box<dyn Fn(&MemberId) -> MemberId + Send + Sync>;

/// Texts on their way to everybody, and texts that wait, in the order in which they were written.
///
/// Make one together with the [`Session`] and give it every notice. Texts sent with
/// [`Session::send`] directly are none of its business. It holds at most [`MAX_QUEUED_TEXTS`]
/// with [`MAX_QUEUED_BYTES`].
///
/// # Security
///
/// Context and people are what this member knows of them. Whoever comes back to a session cannot
/// know what was said meanwhile: like any newcomer it begins without a context (TRN-036), so that
/// texts that answer something from before wait for a decision, and only those that answered
/// nothing may be sent by themselves. Texts are wiped when they leave the queue, and are
/// not printed by `Debug`.
pub struct SendQueue {
    auto_send_offline: bool,
    people: People,
    texts: VecDeque<QueuedText>,
    resent: VecDeque<Resent>,
    /// The people of the last session with others; none before the first.
    last_people: Option<MemberSet>,
    was_joined: bool,
    last_virtual: u64,
}

impl Default for SendQueue {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for SendQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendQueue")
            .field("auto_send_offline", &self.auto_send_offline)
            .field("texts", &self.texts)
            .finish_non_exhaustive()
    }
}

impl SendQueue {
    /// An empty queue that sends nothing by itself which was written outside a session, and takes
    /// each member for a human of its own.
    #[must_use]
    pub fn new() -> Self {
        Self {
            auto_send_offline: false,
            people: Box::new(MemberId::clone),
            texts: VecDeque::new(),
            resent: VecDeque::new(),
            last_people: None,
            was_joined: false,
            last_virtual: 0,
        }
    }

    /// Whether texts written outside a session are sent at the moment of joining if context and
    /// people are as they were (SES-049). If the owner was never in the session before, whoever is
    /// there will do. Default: no.
    #[must_use]
    pub fn auto_send_offline(mut self, on: bool) -> Self {
        self.auto_send_offline = on;
        self
    }

    /// How to tell people from their devices: gives the same name to all members that are one
    /// human. A human who comes with another device is no change of people (SES-048). Default: a
    /// member is a human.
    #[must_use]
    pub fn people(
        mut self,
        person_of: impl Fn(&MemberId) -> MemberId + Send + Sync + 'static,
    ) -> Self {
        self.people = Box::new(person_of);
        self
    }

    /// Sends a text, or keeps it if we are not in a session with others, or if the keys are too
    /// old (V2-033). Either way it is in the queue until everybody has it. An empty text
    /// acknowledges what has been shown so far, and never waits (LIV-013). A long text is one
    /// entry, named by the last of its messages (V2-028).
    ///
    /// What may be sent by itself before it is.
    ///
    /// # Errors
    ///
    /// * [`QueueError::Full`] if there is no room for it; it was not sent either.
    /// * [`QueueError::Send`] with the errors of [`Session::send`], but for
    ///   [`SendError::NotJoined`] and [`SendError::KeysTooOld`].
    //= docs/spec/protocol.md#SES-049
    pub fn send(
        &mut self,
        session: &mut Session,
        env: &mut Env<'_>,
        text: &str,
    ) -> Result<QueuedId, QueueError> {
        self.catch_up(session, env, None);
        if text.is_empty() {
            let sent = session.send(env, text);
            return sent.map(QueuedId::Message).map_err(QueueError::Send);
        }
        self.make_room(session, text)?;
        let context = logical_context(session, &self.texts);
        let people = self.last_people.clone();
        let sid = session.sid();
        let sent = match session.state() {
            SessionState::Joined => session.send(env, text),
            SessionState::Joining
            | SessionState::JoinFailed
            | SessionState::Parting
            | SessionState::Parted
            | SessionState::PartFailed
            | SessionState::Error => Err(SendError::NotJoined),
        };
        let (id, sid, state) = match sent {
            Ok(id) => (QueuedId::Message(id), sid, QueuedState::Sent),
            Err(SendError::NotJoined) if text.len() > MAX_CONTENT => {
                return Err(QueueError::too_large(text.len()));
            }
            Err(SendError::NotJoined) => (self.next_virtual(), None, QueuedState::Unsent),
            //= docs/spec/v2.md#V2-033
            Err(SendError::KeysTooOld) => (self.next_virtual(), None, QueuedState::KeysTooOld),
            Err(error) => return Err(QueueError::Send(error)),
        };
        if state == QueuedState::Sent {
            self.overtake(session, self.texts.len());
        }
        self.texts.push_back(QueuedText {
            id,
            sid,
            text: Zeroizing::new(String::from(text)),
            context,
            people,
            state,
            overtaken: false,
        });
        Ok(id)
    }

    /// Takes note of what happened, and sends what may be sent by itself. Every notice of the
    /// session, in order; notices about messages that are not in the queue are ignored.
    //= docs/spec/protocol.md#SES-051
    #[expect(clippy::wildcard_enum_match_arm, reason = "other notices are no news of texts")]
    pub fn on_notice(&mut self, session: &mut Session, env: &mut Env<'_>, notice: &Notice) {
        match notice {
            Notice::MessageFullyAcked { id } => {
                self.texts.retain(|text| text.id != QueuedId::Message(*id));
            }
            Notice::NotFullyAcked { id, unacked_by, last_word: true, .. } => {
                if let Some(text) = self.find_mut(&QueuedId::Message(*id)) {
                    text.state = QueuedState::NotFullyAcked { unacked_by: unacked_by.clone() };
                }
            }
            _ => {}
        }
        self.catch_up(session, env, Some(notice));
    }

    /// What was sent by itself since the last call, one at a time, in order. To be told to the
    /// user: the texts have new names, and those who had them already read them twice.
    pub fn poll_resent(&mut self) -> Option<Resent> {
        self.resent.pop_front()
    }

    /// All texts in the queue, in the order in which they were written.
    pub fn texts(&self) -> impl ExactSizeIterator<Item = &QueuedText> + DoubleEndedIterator {
        self.texts.iter()
    }

    /// A text in the queue.
    #[must_use]
    pub fn get(&self, id: &QueuedId) -> Option<&QueuedText> {
        self.texts.iter().find(|text| text.id == *id)
    }

    /// The texts that are not on their way, in the order in which they were written, and what
    /// keeps each from being sent by itself.
    #[must_use]
    pub fn pending(&self, session: &Session) -> Vec<(&QueuedText, Reason)> {
        let now = Circumstances::of(self, session, false);
        let mut in_order = true;
        let mut pending = Vec::new();
        for text in self.texts.iter().rev() {
            let hindrance = if text.is_pending() { now.hindrance(text) } else { None };
            if text.is_pending() {
                let due = if in_order { Reason::Due } else { Reason::Later };
                pending.push((text, hindrance.unwrap_or(due)));
            }
            in_order &= text.is_pending() && hindrance.is_none();
        }
        pending.reverse();
        pending
    }

    /// Sends a text again, whatever has changed: somebody has decided so. It keeps its place in
    /// the queue, under a new name.
    ///
    /// # Errors
    ///
    /// * [`ResendError::Unknown`] if there is no such text.
    /// * [`ResendError::OnItsWay`] if it was sent in the current subsession: everybody there will get
    ///   it, or its [state](QueuedText::state) will say otherwise.
    /// * [`ResendError::Send`] with the errors of [`Session::send`]; the text is still there.
    //= docs/spec/protocol.md#SES-050
    pub fn resend(
        &mut self,
        session: &mut Session,
        env: &mut Env<'_>,
        id: &QueuedId,
    ) -> Result<Resent, ResendError> {
        self.catch_up(session, env, None);
        let text = self.get(id).ok_or(ResendError::Unknown)?;
        if let QueuedId::Message(message) = id
            && !text.is_pending()
            && session.is_current(message)
        {
            return Err(ResendError::OnItsWay);
        }
        self.send_again(session, env, id, false).map_err(ResendError::Send)
    }

    /// Takes a text out of the queue; false if it is not there. One that has been sent stays sent.
    pub fn discard(&mut self, id: &QueuedId) -> bool {
        let before = self.texts.len();
        self.texts.retain(|text| text.id != *id);
        self.texts.len() < before
    }

    fn find_mut(&mut self, id: &QueuedId) -> Option<&mut QueuedText> {
        self.texts.iter_mut().find(|text| text.id == *id)
    }

    fn next_virtual(&mut self) -> QueuedId {
        self.last_virtual = self.last_virtual.saturating_add(1);
        QueuedId::Virtual(self.last_virtual)
    }

    fn make_room(&mut self, session: &Session, text: &str) -> Result<(), QueueError> {
        let bytes = |queue: &Self| queue.texts.iter().map(|text| text.text.len()).sum::<usize>();
        let fits = |queue: &Self| {
            queue.texts.len() < MAX_QUEUED_TEXTS
                && bytes(queue).saturating_add(text.len()) <= MAX_QUEUED_BYTES
        };
        if !fits(self) {
            // Whoever was not told every notice gets rid of what is done with here.
            self.texts.retain(|text| match &text.id {
                QueuedId::Message(id) => {
                    session.message(id).is_none_or(|message| message.fully_acked_at.is_none())
                }
                QueuedId::Virtual(_) => true,
            });
        }
        if fits(self) {
            return Ok(());
        }
        if text.len() > MAX_CONTENT {
            return Err(QueueError::too_large(text.len()));
        }
        Err(QueueError::Full { texts: self.texts.len(), bytes: bytes(self) })
    }

    fn people_of(&self, members: &MemberSet) -> MemberSet {
        members.iter().map(&self.people).collect()
    }
}
