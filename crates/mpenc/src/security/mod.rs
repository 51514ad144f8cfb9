//! Message security of one subsession: how a message becomes a packet that only members can
//! read and only its author can have made.
//!
//! The interface is what a profile replaces; the session above it knows nothing else (V2-018).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use mpenc_types::{BodyKind, ChainHash, MemberId, MessageId, PacketId};
use rand_core::CryptoRng;

mod evidence;
mod v1;
mod v2;

pub use evidence::{BadEvidence, ForkEvidence, SignedPosition};
pub use mpenc_packet::v2::{ErrorCode, Request};
pub use v1::V1Security;
pub use v2::{MAX_SKIP, MessageSuite, TAG_WINDOW, V2Security};

use crate::content::Part;

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
    /// Proof of activity. Not in v1.
    Heartbeat,
    /// The author has accepted this final packet last. Not in v1.
    OrderConfirmation(PacketId),
    /// The author says that it is away, or back. Not in v1.
    Absence {
        /// Away, not back.
        away: bool,
    },
    /// The author met something that must not be. Not in v1.
    Error {
        /// What it met.
        code: ErrorCode,
        /// The message concerned.
        subject: Option<MessageId>,
    },
    /// A piece of a text too long for one message (V2-028). Not in v1.
    Part(Part),
    /// The author writes nothing more in this subsession, acks included (FIN-021). Not in v1.
    Close,
    /// A kind that this version does not know (MOD-010). Never sent.
    Opaque {
        /// Its number in the format.
        kind: u8,
        /// What it holds.
        bytes: Vec<u8>,
    },
}

/// Where the author of a message stood in the order of operations when it wrote (V2-026).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderPoint {
    /// Operation packets it had accepted since the final packet of the subsession.
    pub number: u32,
    /// Its chain hash then.
    pub chain: ChainHash,
}

/// What an insider may change of a message of its own.
#[cfg(feature = "testing")]
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct Draft {
    /// What the message answers.
    pub parents: Vec<MessageId>,
    /// Replaces the text, if it has one.
    pub text: Option<String>,
}

/// What a message says besides its body.
#[derive(Clone, Copy, Debug)]
pub struct MessageHeader<'a> {
    /// The latest messages its author has accepted, ascending.
    pub parents: &'a [MessageId],
    /// Where its author stands in the order of operations. v1 has no place for it.
    pub order: OrderPoint,
}

impl Body {
    /// What the message is for.
    #[must_use]
    pub fn kind(&self) -> BodyKind {
        match *self {
            Self::Payload(_) => BodyKind::Payload,
            Self::ExplicitAck { manual } => BodyKind::ExplicitAck { manual },
            Self::Consistency { close } => BodyKind::Consistency { close },
            Self::Heartbeat => BodyKind::Heartbeat,
            Self::OrderConfirmation(_) => BodyKind::OrderConfirmation,
            Self::Absence { away } => BodyKind::Absence { away },
            Self::Error { .. } => BodyKind::Error,
            Self::Part(ref part) if part.is_last() => BodyKind::Payload,
            Self::Part(_) => BodyKind::Part,
            Self::Close => BodyKind::Close,
            Self::Opaque { kind, .. } => BodyKind::Opaque(kind),
        }
    }
}

/// Shows the size of a text, never the text.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Payload(text) => write!(f, "Payload({} bytes)", text.len()),
            Self::Part(part) => part.fmt(f),
            Self::ExplicitAck { .. }
            | Self::Consistency { .. }
            | Self::Heartbeat
            | Self::OrderConfirmation(_)
            | Self::Absence { .. }
            | Self::Error { .. }
            | Self::Close
            | Self::Opaque { .. } => self.kind().fmt(f),
        }
    }
}

/// A message ready to be sent.
#[derive(Clone, Debug)]
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
    /// Where its author stood in the order of operations, if the profile tells.
    pub order: Option<OrderPoint>,
    /// Its number among the messages of its author, from 0, if the profile tells.
    pub position: Option<u64>,
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
    /// At a place of this subsession whose keys are erased, since everybody has the message there:
    /// a copy of it or a late relative. To be ignored.
    Spent,
    /// At a place of this subsession, but not by the author it belongs to: to be dropped. Any
    /// member can make such packets, and the genuine one may still come.
    Forged,
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
        header: &MessageHeader<'_>,
        body: &Body,
    ) -> Result<Sealed, SealError>;

    /// Seals a request for copies, for the other members to read; `None` if the profile has none,
    /// or the subsession has ended.
    fn seal_request(&self, _: &Request) -> Option<Vec<u8>> {
        None
    }

    /// Opens a request for copies, also when the subsession has ended ([`erase`](Self::erase));
    /// `None` if it is not by a member of this subsession. Which one
    /// made it is not known, nor whether it is new: nothing may follow from it but copies.
    fn open_request(&self, _: &[u8]) -> Option<Request> {
        None
    }

    /// The identifier a packet has if it is of this subsession: a look-up that costs no signature
    /// and no decryption, for recognising copies (TRN-024). `None` if it cannot be of this
    /// subsession, or if only opening it tells.
    fn peek_id(&self, packet: &[u8]) -> Option<MessageId>;

    /// Whether opening the packet can tell anything, by as little work as shows that it cannot.
    fn recognises(&self, _: &[u8]) -> bool {
        true
    }

    /// Verifies and decrypts. What it returns has pending secrets until [`commit`](Self::commit)
    /// [`destroy`](Self::destroy) or [`release`](Self::release) (MSG-012).
    ///
    /// # Errors
    ///
    /// See [`OpenReject`]; nothing has changed, except after [`OpenReject::BadContent`], for which
    /// [`destroy`](Self::destroy) is due.
    fn open(&mut self, sender: &MemberId, packet: &[u8]) -> Result<Opened, OpenReject>;

    /// The subsession has ended: wipes everything that can read messages. Afterwards its packets can only
    /// be recognised, with [`OpenReject::Over`].
    fn erase(&mut self);

    /// The message was accepted: its keys are used up.
    fn commit(&mut self, id: &MessageId);

    /// The message was rejected: nothing more will be read from it.
    fn destroy(&mut self, id: &MessageId);

    /// The message was evicted while it waited for its ancestors: it may come again.
    fn release(&mut self, id: &MessageId);

    /// Everybody has the message: keys that only it needed are erased.
    fn fully_acked(&mut self, id: &MessageId);

    /// Nobody will ask for the message again: of what it was recognised by, only as much need stay
    /// as tells that a copy is old.
    fn forget(&mut self, _: &MessageId) {}

    /// Whether packets that nothing could open deserve another look, because more of this
    /// subsession's can be recognised since this was asked last.
    fn moved(&mut self) -> bool;

    /// What proves to others that the author of both messages has signed them for one place; none if
    /// they are not for one place, or if their keys are erased.
    fn evidence(&self, _: &MessageId, _: &MessageId) -> Option<ForkEvidence> {
        None
    }

    /// The packet that publishes the key with which the owner signed; `None` if the profile has
    /// none, or the subsession has ended. Only for when everybody refuses anything new under it
    /// (FIN-023).
    fn publication(&self) -> Option<Vec<u8>> {
        None
    }

    /// Whose key of this subsession a packet publishes; `None` if it is nobody's.
    fn published_by(&self, _: &[u8]) -> Option<MemberId> {
        None
    }

    /// A value that is equal exactly if identifier and keys of the subsession are equal, for
    /// comparing implementations.
    #[cfg(feature = "inspect")]
    fn key_check(&self) -> Option<[u8; 32]> {
        None
    }

    /// The message of a packet with something changed, sealed at its place and signed with the
    /// owner's key, whoever wrote it: what an insider can do. For the simulation of dishonest members.
    #[cfg(feature = "testing")]
    fn rewrite(
        &self,
        packet: &[u8],
        change: &mut dyn FnMut(&mut Draft),
    ) -> Option<(MessageId, Vec<u8>)>;

    /// Tells every secret that is in memory now, with what it is: what somebody gets who steals
    /// the state. For attacks in tests.
    #[cfg(feature = "inspect")]
    fn reveal(&self, found: &mut dyn FnMut(&'static str, &[u8]));

    /// The secret from which all message keys come, for comparing implementations.
    #[cfg(feature = "inspect")]
    fn secret(&self) -> Option<&[u8; 32]> {
        None
    }
}
