//! What the queue knows of one text, and what it says about it.

use core::fmt;

use alloc::collections::BTreeSet;
use alloc::string::String;

use mpenc_types::{MemberSet, MessageId, SubsessionId};
use zeroize::Zeroizing;

use crate::SendError;
use crate::content::MAX_CONTENT;

/// Names a text in a [`SendQueue`](super::SendQueue).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QueuedId {
    /// It was never sent: a number that the queue gave it, from 1.
    Virtual(u64),
    /// It was sent as this message.
    Message(MessageId),
}

impl fmt::Display for QueuedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Virtual(number) => write!(f, "#{number}"),
            Self::Message(id) => id.fmt(f),
        }
    }
}

/// How far a queued text has come.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueuedState {
    /// Handed to the channel; not everybody is known to have it yet.
    Sent,
    /// Its subsession has ended, and it is not known that these have it.
    NotFullyAcked {
        /// Those of whom it is not known.
        unacked_by: MemberSet,
    },
    /// Never sent: it was written outside a session with others.
    Unsent,
    /// Never sent: the keys were too old when it was written (V2-033).
    KeysTooOld,
}

/// Why a text is not sent by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// We are not in a session with others. It is looked at again when we are.
    NotJoined,
    /// A text that was written after it has been sent before it.
    Overtaken,
    /// What it would answer is not known yet (TRN-037). It is looked at again when it is.
    ContextAwaited,
    /// It would answer something else than when it was written.
    ContextChanged,
    /// It would go to other people than when it was written.
    MembersChanged,
    /// It was written outside a session with others, and is sent by itself at the moment of
    /// joining only, if that is wanted at all
    /// ([`auto_send_offline`](super::SendQueue::auto_send_offline)).
    Unsent,
    /// A text that was written after it cannot be sent by itself, so that it would come after that.
    Later,
    /// Nothing speaks against it: it is sent with the next call, if the session takes it.
    Due,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotJoined => "not in a session with others",
            Self::Overtaken => "a later text was sent before it",
            Self::ContextAwaited => "it is not known yet what it would answer",
            Self::ContextChanged => "it would answer something else than when it was written",
            Self::MembersChanged => "it would go to other people than when it was written",
            Self::Unsent => "it was written outside a session with others",
            Self::Later => "it belongs before a text that cannot be sent by itself",
            Self::Due => "it is about to be sent",
        })
    }
}

/// A text that is or may have to be sent.
pub struct QueuedText {
    pub(super) id: QueuedId,
    pub(super) sid: Option<SubsessionId>,
    pub(super) text: Zeroizing<String>,
    /// None if it could not be known.
    pub(super) context: Option<BTreeSet<MessageId>>,
    /// None before the owner first was in a session with others.
    pub(super) people: Option<MemberSet>,
    pub(super) state: QueuedState,
    /// A later text was sent in a later subsession.
    pub(super) overtaken: bool,
}

impl QueuedText {
    /// Its name in the queue.
    #[must_use]
    pub fn id(&self) -> QueuedId {
        self.id
    }

    /// The subsession in which it was sent; none if it never was.
    #[must_use]
    pub fn sid(&self) -> Option<SubsessionId> {
        self.sid
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its logical context: the messages of others that it answers (SES-048). None if that was not
    /// known when it was written.
    #[must_use]
    pub fn context(&self) -> Option<&BTreeSet<MessageId>> {
        self.context.as_ref()
    }

    /// For whom it was written, the owner included, as
    /// [`people`](super::SendQueue::people) names them. None if it was written before the owner
    /// first was in a session with others.
    #[must_use]
    pub fn people(&self) -> Option<&MemberSet> {
        self.people.as_ref()
    }

    /// How far it has come.
    #[must_use]
    pub fn state(&self) -> &QueuedState {
        &self.state
    }

    /// Whether it is not on its way: sent by itself once nothing speaks against that any more, or
    /// else when somebody decides so.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.state != QueuedState::Sent
    }
}

impl fmt::Debug for QueuedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueuedText")
            .field("id", &self.id)
            .field("bytes", &self.text.len())
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// A text of the queue was sent, under a new name: its former entry is gone (SES-051).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resent {
    /// Where it was sent before; none if it never was.
    pub old_sid: Option<SubsessionId>,
    /// Its former name.
    pub old_id: QueuedId,
    /// Where it was sent now.
    pub new_sid: SubsessionId,
    /// The message that it is now.
    pub new_id: MessageId,
    /// By itself, and not because somebody decided so.
    pub automatic: bool,
}

/// Why a text was neither sent nor kept; nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueueError {
    /// The queue holds as much as it may. Send or discard something that waits in it.
    Full {
        /// Texts in it, of [`MAX_QUEUED_TEXTS`](super::MAX_QUEUED_TEXTS).
        texts: usize,
        /// Their bytes, of [`MAX_QUEUED_BYTES`](super::MAX_QUEUED_BYTES).
        bytes: usize,
    },
    /// The session refuses it for another reason than that we are not in one.
    Send(SendError),
}

impl QueueError {
    pub(super) fn too_large(found: usize) -> Self {
        Self::Send(SendError::TooLarge { found, limit: MAX_CONTENT })
    }
}

impl fmt::Display for QueueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { texts, bytes } => write!(
                f,
                "{texts} texts with {bytes} bytes wait already; send or discard some of them; \
                 this one was not sent"
            ),
            Self::Send(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for QueueError {}

/// Why a queued text was not sent again; it is still in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResendError {
    /// There is no such text in the queue: it is done with, or has another name by now.
    Unknown,
    /// It was sent in the current subsession, and is on its way.
    OnItsWay,
    /// The session refuses it.
    Send(SendError),
}

impl fmt::Display for ResendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("no such text is waiting"),
            Self::OnItsWay => f.write_str("it has been sent to those who are there now"),
            Self::Send(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ResendError {}
