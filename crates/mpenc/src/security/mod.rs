//! Message security of one subsession: how a message becomes a packet that only members can
//! read and only its author can have made.
//!
//! The interface is what a profile replaces; the session above it knows nothing else (V2-018).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use mpenc_types::{BodyKind, MemberId, MessageId};
use rand_core::CryptoRng;

mod v1;

pub use v1::V1Security;

/// Content of a message.
#[derive(Clone, PartialEq, Eq)]
pub enum Body {
    /// Text by a person, never empty.
    Payload(String),
    /// Acknowledges its ancestors, nothing else.
    ExplicitAck {
        /// Asked for by the user.
        manual: bool,
    },
    /// Asks for prompt acknowledgement; with `close`, promises no more payloads.
    Consistency {
        /// Whether it is a FIN.
        close: bool,
    },
}

impl Body {
    /// What the message is for.
    #[must_use]
    pub fn kind(&self) -> BodyKind {
        match *self {
            Self::Payload(_) => BodyKind::Payload,
            Self::ExplicitAck { manual } => BodyKind::ExplicitAck { manual },
            Self::Consistency { close } => BodyKind::Consistency { close },
        }
    }
}

/// Shows the size of a text, never the text.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Payload(text) => write!(f, "Payload({} bytes)", text.len()),
            Self::ExplicitAck { .. } | Self::Consistency { .. } => self.kind().fmt(f),
        }
    }
}

/// A message ready to be sent.
#[derive(Debug)]
pub struct Sealed {
    /// The identifier that every member computes for it.
    pub id: MessageId,
    /// The packet as the channel carries it.
    pub packet: Vec<u8>,
}

/// A message that is its author's, but not yet accepted.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The identifier that every member computes for it.
    pub id: MessageId,
    /// Who wrote it; verified, whoever sent it.
    pub author: MemberId,
    /// The latest messages its author had accepted.
    pub parents: Vec<MessageId>,
    /// Its content.
    pub body: Body,
}

/// Why a text cannot become a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealError {
    /// More bytes than the format carries (MSG-007).
    TooLarge {
        /// Bytes the content has, its parents counted.
        found: usize,
        /// Bytes it may have.
        limit: usize,
    },
    /// A fault of ours.
    Internal,
}

/// Why a packet was not opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenReject {
    /// Not of this subsession, as far as its keys can tell.
    NotOurs,
    /// Of this subsession, but it has ended: its keys are erased ([`MessageSecurity::erase`]).
    Over,
    /// Not a data packet of this profile at all.
    Malformed,
    /// Verified as this author's, but its content breaks the rules of the format; consumed.
    BadContent {
        /// Its author.
        author: MemberId,
        /// Its identifier.
        id: MessageId,
    },
}

/// Message security of one subsession.
pub trait MessageSecurity: fmt::Debug + Send {
    /// Seals a message with the next key of the owner.
    ///
    /// # Errors
    ///
    /// [`SealError::TooLarge`] for more than a packet carries, [`SealError::Internal`] for a fault
    /// of ours.
    fn seal(
        &mut self,
        rng: &mut dyn CryptoRng,
        parents: &[MessageId],
        body: &Body,
    ) -> Result<Sealed, SealError>;

    /// The identifier a packet would have if it is of this subsession: a look-up that costs no
    /// signature and no decryption, for recognising copies (TRN-024). `None` if it cannot be of
    /// this subsession.
    fn peek_id(&self, packet: &[u8]) -> Option<MessageId>;

    /// Verifies and decrypts. What it returns has pending secrets until [`commit`](Self::commit)
    /// or [`destroy`](Self::destroy) (MSG-012).
    ///
    /// # Errors
    ///
    /// See [`OpenReject`]; nothing has changed.
    fn open(&mut self, sender: &MemberId, packet: &[u8]) -> Result<Opened, OpenReject>;

    /// The subsession has ended: wipes everything that can read. Afterwards its packets can only
    /// be recognised, with [`OpenReject::Over`].
    fn erase(&mut self);

    /// The message was accepted: its keys are used up.
    fn commit(&mut self, id: &MessageId);

    /// The message was rejected or evicted: its keys are wiped or released.
    fn destroy(&mut self, id: &MessageId);

    /// A value that is equal exactly if identifier and keys of the subsession are equal, for
    /// comparing implementations.
    #[cfg(feature = "inspect")]
    fn key_check(&self) -> Option<[u8; 32]> {
        None
    }

    /// The secret from which all message keys come, for comparing implementations.
    #[cfg(feature = "inspect")]
    fn secret(&self) -> Option<&[u8; 32]> {
        None
    }
}
