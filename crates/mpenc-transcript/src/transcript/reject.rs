use alloc::vec::Vec;
use core::fmt;

use mpenc_types::MessageId;

/// Why a verified message does not enter the transcript.
///
/// All but [`MissingParents`](Self::MissingParents) are final: no later event makes the message
/// acceptable, and the session reports it (TRN-012). Each variant names the requirement that
/// demands it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TranscriptReject {
    /// It has been accepted already (TRN-024). Not misbehaviour: anybody may send a copy.
    Duplicate,
    /// Its author is not a member of the subsession (TRN-009).
    NotAMember,
    /// Its identifier is among its own parents (TRN-005).
    SelfParent,
    /// More parents than members, so two of them are by one author (TRN-007).
    TooManyParents {
        /// Number of parents it names.
        found: usize,
        /// Number of members.
        max: usize,
    },
    /// These parents have not been accepted (TRN-001): defer the message (TRN-014).
    ///
    /// Everything that can be judged without them has been judged. In the order in which the
    /// message names them.
    MissingParents(Vec<MessageId>),
    /// The author did not build on its own last message: proof that it says different things to
    /// different members (TRN-008, TRN-022).
    AuthorFork {
        /// The author's last accepted message. Neither it nor the refused one is an ancestor of
        /// the other.
        first: MessageId,
    },
    /// It names a closed message as parent, which no honest member can (TRN-011).
    ClosedParent(MessageId),
    /// One of its parents equals, or is an ancestor of, another of its parents (TRN-007).
    NotAntichain {
        /// The parent that should not have been named.
        redundant: MessageId,
    },
    /// The transcript has as many messages as it can number.
    Full,
}

impl fmt::Display for TranscriptReject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duplicate => f.write_str("accepted before (TRN-024)"),
            Self::NotAMember => f.write_str("author is not a member of the subsession (TRN-009)"),
            Self::SelfParent => f.write_str("names itself as parent (TRN-005)"),
            Self::TooManyParents { found, max } => {
                write!(f, "at most {max} parents expected, found {found} (TRN-007)")
            }
            Self::MissingParents(missing) => {
                write!(f, "{} parents have not arrived (TRN-001)", missing.len())
            }
            Self::AuthorFork { first } => {
                write!(f, "does not follow its author's last message {first} (TRN-022)")
            }
            Self::ClosedParent(parent) => {
                write!(f, "names the closed message {parent} as parent (TRN-011)")
            }
            Self::NotAntichain { redundant } => {
                write!(f, "parent {redundant} is implied by another parent (TRN-007)")
            }
            Self::Full => f.write_str("the transcript is full"),
        }
    }
}

impl core::error::Error for TranscriptReject {}
