use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use mpenc_greeting::{AbortReason, FailureCause, ProposeError, StuckReason};
use mpenc_types::{MemberId, MemberSet, MessageId, PacketId, SubsessionId, Timestamp};

use super::SessionState;
use crate::security::ErrorCode;

/// Something the application should know, in the order of its cause (SES-041).
///
/// Marked **S** are security notices: each says what is known and what is not, and stays in force
/// until the notice named in it withdraws it (UIX-014). None contains the content of a message.
///
/// Source: protocol.md section 11.6.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// The public state changed (SES-003).
    StateChanged {
        /// Before.
        old: SessionState,
        /// From now on.
        new: SessionState,
    },
    /// The membership changed: a new subsession with new keys. From now on messages go to
    /// `remain` and `include`, and `exclude` cannot read them.
    MembersChanged {
        /// Members before and after; contains the owner.
        remain: MemberSet,
        /// New members. They cannot read anything from before.
        include: MemberSet,
        /// Former members.
        exclude: MemberSet,
        /// The initiator's latest messages in the former subsession, of any kind: what the first
        /// messages from now on answer (ORD-041).
        context: Vec<MessageId>,
        /// Length of the message log at this moment, for showing the change among the messages
        /// (UIX-006).
        log_position: usize,
    },
    /// New keys for the same members.
    KeyRefreshed {
        /// Who proposed it. In v1 only its initiator's leaked secrets are healed (SEC-019).
        initiator: MemberId,
        /// Length of the message log at this moment.
        log_position: usize,
    },
    /// A request of ours has been handed to the channel. Nothing has changed yet.
    OpProposed {
        /// What is proposed.
        change: Change,
    },
    /// Our proposal came second.
    OpRejected {
        /// What we proposed.
        change: Change,
        /// The packet that was accepted instead, and who proposed that.
        by: PacketId,
        /// Its initiator.
        winner: MemberId,
    },
    /// **S** Our proposals have lost to the same member several times in a row (ATK-072). It may
    /// be chance; or this member and the channel keep us from changing anything. Who decides the
    /// order is the channel, so the member alone need not be to blame. Nothing withdraws this.
    RejectedRepeatedly {
        /// The member whose proposals were accepted instead.
        winner: MemberId,
        /// How many in a row, three at least.
        times: u32,
    },
    /// An operation began, and is visible before it succeeds (ATK-054).
    OpStarted {
        /// What it does.
        change: Change,
        /// Who proposed it.
        initiator: MemberId,
    },
    /// An operation ended without success; membership and keys are as before.
    OpFailed {
        /// What it would have done.
        change: Change,
        /// Who proposed it.
        initiator: MemberId,
        /// Why.
        reason: FailReason,
    },
    /// **S** This member is proven to have deviated from the protocol in an operation, which
    /// failed for it. Nothing withdraws this (V2-012).
    BadContribution {
        /// The member.
        member: MemberId,
    },
    /// **S** This member's view of an operation differs from ours, and the operation failed for
    /// it. The member may be as honest as we: the channel can show different packets to
    /// different members. Nothing withdraws this (V2-012).
    OperationDisagreement {
        /// The member.
        member: MemberId,
    },
    /// **S** These members have not confirmed that they accepted the same operations as we, up
    /// to this final packet. They may not have it, or the channel keeps their word from us.
    /// [`OrderConfirmed`](Self::OrderConfirmed) withdraws it, also if those who were missing have
    /// gone meanwhile. It may come again with others named besides, and then takes the place of the
    /// one before. When we leave the channel it ends with the session, as
    /// [`MembersChanged`](Self::MembersChanged) says by which nobody but us remains.
    OrderNotConfirmed {
        /// The final packet of the last operation.
        last: PacketId,
        /// Those who have not confirmed it, or an earlier one, in time.
        members: MemberSet,
    },
    /// Everybody who is still in the session has accepted the same operations as we. Withdraws
    /// [`OrderNotConfirmed`](Self::OrderNotConfirmed).
    OrderConfirmed {
        /// The final packet of the last operation.
        last: PacketId,
    },
    /// **S** The keys have been in use for long, and could not be renewed. Withdrawn by
    /// [`KeyRefreshed`](Self::KeyRefreshed) or [`MembersChanged`](Self::MembersChanged)
    /// (V2-033).
    KeyAge {
        /// Those whom the failed attempts waited for. Silence is no proof of guilt: the server
        /// may have dropped their packets.
        waiting_for: MemberSet,
        /// Whether the keys are so old that no text is sent with them any more.
        stopped: bool,
    },
    /// A long text arrives in parts, and so much of it is here; it is shown when it is complete
    /// (V2-028).
    ContentProgress {
        /// Who writes it.
        author: MemberId,
        /// Bytes received.
        received: usize,
        /// Bytes of the whole.
        total: usize,
    },
    /// **S** A long text will never be complete: its author stopped, the subsession ended, or
    /// its parts do not make what was announced.
    ContentIncomplete {
        /// Who wrote it.
        author: MemberId,
        /// Bytes received.
        received: usize,
        /// Bytes announced.
        total: usize,
    },
    /// An operation succeeded; [`MembersChanged`](Self::MembersChanged) or
    /// [`KeyRefreshed`](Self::KeyRefreshed) came before it.
    OpSucceeded {
        /// What it did.
        change: Change,
        /// Who proposed it.
        initiator: MemberId,
    },
    /// An operation takes longer than OP_TIMEOUT (GRT-027). In a v2 session it is ended (ORD-045);
    /// in a v1 session removing those waited for from the channel ends it. Whether they or the
    /// server are to blame cannot be told.
    OperationSlow {
        /// Those whose packets are awaited.
        waiting_for: MemberSet,
    },
    /// An own request ended (SES-023).
    OperationEnded {
        /// The request, as returned when it was made.
        id: OperationId,
        /// What became of it.
        result: Result<(), OperationError>,
    },
    /// Somebody is in the channel, but not in the session (ORD-022).
    EnterRequest {
        /// Who, as the channel claims.
        member: MemberId,
    },
    /// A message was added to the log.
    MessageReady {
        /// The message; see [`Session::message`](super::Session::message).
        id: MessageId,
        /// Distance from the end of the log at which it was inserted; always 0.
        r_idx: usize,
        /// Distances back to the messages it answers; anything but `{1}` deserves a highlight
        /// (TRN-039).
        par_idx: Vec<usize>,
    },
    /// Every reader has the message. Withdraws [`NotFullyAcked`](Self::NotFullyAcked).
    MessageFullyAcked {
        /// The message.
        id: MessageId,
    },
    /// **S** It is not known that the message has reached everybody. Whether the transport, the
    /// author or a reader is the cause cannot be told (UIX-004).
    NotFullyAcked {
        /// The message.
        id: MessageId,
        /// Those of whom it is not known.
        unacked_by: MemberSet,
        /// True if nothing will withdraw this: the subsession has ended.
        last_word: bool,
        /// All of them said that they are away: less cause for alarm (LIV-032).
        away: bool,
    },
    /// **S** A message arrived whose ancestors have not. It is not shown until they do, when
    /// [`NotAcceptedResolved`](Self::NotAcceptedResolved) withdraws this; else
    /// [`MessageDiscarded`](Self::MessageDiscarded) takes its place.
    NotAccepted {
        /// The message.
        id: MessageId,
        /// Who wrote it.
        author: MemberId,
        /// The ancestors that are missing.
        missing: Vec<MessageId>,
    },
    /// The message waits no longer: its ancestors arrived, and it was judged like any other; or
    /// it turned out that it cannot count as its author's, who had written the last one before
    /// it or has made its key public (FIN-022). Withdraws [`NotAccepted`](Self::NotAccepted), and
    /// [`MessageDiscarded`](Self::MessageDiscarded) if a copy came in time.
    NotAcceptedResolved {
        /// The message.
        id: MessageId,
        /// Its author.
        author: MemberId,
    },
    /// **S** A message that is its author's for sure was discarded unseen, with or without
    /// [`NotAccepted`](Self::NotAccepted) before: its ancestors did not arrive before the
    /// subsession ended, or too many waited at once (TRN-044).
    /// Whether it was a text is not told, nor can be told who is to blame. Of those that made room
    /// for others a copy may still be accepted, when
    /// [`NotAcceptedResolved`](Self::NotAcceptedResolved) withdraws this; nothing else does.
    MessageDiscarded {
        /// The message.
        id: MessageId,
        /// Who wrote it.
        author: MemberId,
        /// The ancestors that were missing.
        missing: Vec<MessageId>,
    },
    /// **S** Nothing has proven for PRESENCE_EXPIRY that this member takes part: it may be gone, or
    /// cut off, or the channel withholds what it or we say (LIV-030).
    /// [`UserPresent`](Self::UserPresent) or [`UserAbsent`](Self::UserAbsent) withdraws it, or
    /// [`MembersChanged`](Self::MembersChanged) if the member is among those excluded.
    UserNotPresent {
        /// The member.
        member: MemberId,
        /// The last moment, on our clock, at which it is known to have been there.
        since: Option<Timestamp>,
    },
    /// The member has proven that it takes part. Withdraws
    /// [`UserNotPresent`](Self::UserNotPresent) and [`UserAbsent`](Self::UserAbsent).
    UserPresent {
        /// The member.
        member: MemberId,
    },
    /// The member said that it goes away, and everybody has heard it (LIV-031).
    UserAbsent {
        /// The member.
        member: MemberId,
    },
    /// **S** A packet that no key fits. Withdrawn by
    /// [`NotDecryptedResolved`](Self::NotDecryptedResolved) if one fits later; else
    /// [`PacketDiscarded`](Self::PacketDiscarded) takes its place.
    NotDecrypted {
        /// Numbers the packet among the undecrypted ones of this session.
        packet: u64,
        /// Who sent it, as the channel claims.
        sender: MemberId,
        /// Its size in bytes.
        size: usize,
    },
    /// The packet could be read after all. Withdraws [`NotDecrypted`](Self::NotDecrypted).
    NotDecryptedResolved {
        /// The number given before.
        packet: u64,
        /// Who sent it, as the channel claimed.
        sender: MemberId,
    },
    /// **S** A packet of which [`NotDecrypted`](Self::NotDecrypted) told was given up: no key
    /// fitted it for long, newer ones needed its place, or we left (MSG-021). What was in it, if
    /// it was a message at all, is not known, and who sent it only as the channel claims. Nothing
    /// withdraws this; a copy that comes later is a packet of its own.
    PacketDiscarded {
        /// The number given before.
        packet: u64,
        /// Who sent it, as the channel claimed.
        sender: MemberId,
        /// Its size in bytes.
        size: usize,
    },
    /// **S** A message is its author's, but breaks a rule. It is not shown. Nothing withdraws
    /// this.
    BadMessage {
        /// Who wrote it.
        author: MemberId,
        /// The rule.
        reason: BadMessage,
    },
    /// **S** An author wrote two messages that contradict each other: proof of misbehaviour, or
    /// of a restored old state. Nothing withdraws this (TRN-022).
    AuthorFork {
        /// Who wrote both.
        author: MemberId,
        /// The one that was accepted.
        first: MessageId,
        /// The one that was refused.
        second: MessageId,
    },
    /// **S** A member's account of the operations so far differs from ours: the channel, or that
    /// member, told different stories. Nothing withdraws this.
    OrderInconsistent {
        /// Whose account it is.
        member: MemberId,
    },
    /// **S** A subsession ended before messages arrived that its successor refers to
    /// (TRN-037).
    ContextIncomplete {
        /// The messages that never arrived.
        missing: Vec<MessageId>,
    },
    /// A previous subsession ended.
    SubsessionClosed {
        /// Which.
        sid: SubsessionId,
        /// Whether everybody is known to have seen all its messages, and we have seen every one
        /// of which we heard.
        consistent: bool,
    },
    /// The key with which this member signed its messages in a subsession is public: from now on
    /// anybody could have written them, and nothing new is accepted in its name there (V2-029). Of
    /// ourselves if we have published it ([`SessionConfig::publish_keys`]), or somebody who has
    /// stolen it did.
    ///
    /// [`SessionConfig::publish_keys`]: crate::SessionConfig::publish_keys
    KeyPublished {
        /// Whose key it is.
        member: MemberId,
        /// The subsession that it was for.
        sid: SubsessionId,
    },
    /// **S** A member says that it met something that must not be (ORD-046). What it says may be
    /// wrong, and it may be lying: nothing follows from it. Nothing withdraws this.
    ErrorReported {
        /// Who says so.
        member: MemberId,
        /// What it met.
        code: ErrorCode,
        /// The message concerned, if there is one; we may not have it.
        subject: Option<MessageId>,
    },
    /// A packet that is not of this protocol; reported once for each sender.
    Unrecognised {
        /// Who sent it, as the channel claims.
        sender: MemberId,
    },
    /// **S** A fault of ours. The session takes no more part, but can still be left. Please
    /// report it.
    InternalError {
        /// What went wrong, without secrets.
        description: String,
    },
}

/// What an operation changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Members that come in.
    pub include: MemberSet,
    /// Members that go.
    pub exclude: MemberSet,
}

impl Change {
    /// Whether only the keys change.
    #[must_use]
    pub fn is_refresh(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty()
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.include.is_empty(), self.exclude.is_empty()) {
            (true, true) => f.write_str("refresh keys"),
            (false, true) => write!(f, "include {}", self.include),
            (true, false) => write!(f, "exclude {}", self.exclude),
            (false, false) => write!(f, "include {}, exclude {}", self.include, self.exclude),
        }
    }
}

/// Names an own request, until it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationId(pub(super) u64);

/// Why an operation ended without success.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailReason {
    /// These left the channel while it ran (ORD-025).
    MembersLeft(MemberSet),
    /// A packet that everybody judges alike ended it (V2-012, V2-017).
    Ended {
        /// Who sent it. By itself no reason for blame.
        by: MemberId,
        /// What it was.
        cause: FailureCause,
        /// Those whose packets were awaited then. Whether they or the server are to blame
        /// cannot be told.
        waiting_for: MemberSet,
    },
    /// We left the channel, or were removed from it.
    WeLeft,
    /// We, and only we, could not go on, and leave the channel for it (GRT-022).
    WeAreStuck(StuckReason),
}

impl fmt::Display for FailReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MembersLeft(members) => write!(f, "{members} left the channel"),
            Self::Ended { by, cause: FailureCause::Aborted(reason), waiting_for } => {
                write!(f, "{by} ended it: {reason}")?;
                if *reason == AbortReason::TimedOut && !waiting_for.is_empty() {
                    write!(f, ", waiting for {waiting_for}")?;
                }
                Ok(())
            }
            Self::Ended { by, cause: FailureCause::BadProof, .. } => {
                write!(f, "{by} sent a contribution that it could not prove")
            }
            Self::Ended { by, cause: _, .. } => {
                write!(f, "{by} has another view of it than others")
            }
            Self::WeLeft => f.write_str("we left the channel"),
            Self::WeAreStuck(reason) => write!(f, "we could not go on: {reason}"),
        }
    }
}

/// What became of an own request that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OperationError {
    /// Another proposal was accepted first; repeating it is for the user to decide (ORD-019).
    ProposalRejected {
        /// The initiator of the one accepted.
        winner: MemberId,
    },
    /// The operation began and failed.
    OperationFailed(FailReason),
    /// It took too long: nobody included us, somebody asked in did not come, the channel did not
    /// echo the proposal or let us leave, or somebody does not do its part of the operation. What
    /// was under way may still come about, and is then told like anything that others ask for.
    Timeout,
    /// We left the channel, or were removed from it, or parted instead.
    LeftChannel,
    /// The greeter could make no proposal.
    NotProposed(ProposeError),
}

impl fmt::Display for OperationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ProposalRejected { winner } => {
                write!(
                    f,
                    "a proposal by {winner} was accepted first; try again if it still makes sense"
                )
            }
            Self::OperationFailed(reason) => write!(f, "the operation failed: {reason}"),
            Self::Timeout => f.write_str("it took too long"),
            Self::LeftChannel => f.write_str("we left the channel"),
            Self::NotProposed(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for OperationError {}

/// Why an own request was refused at once; nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChangeError {
    /// Join first.
    NotInChannel,
    /// Joining or parting is under way.
    Busy,
    /// Another own request is under way (SES-022).
    OperationInProgress,
    /// The same member is to be included and excluded.
    Overlap(MemberId),
    /// Part instead.
    CannotExcludeSelf,
    /// This member cannot be named in a session (MOD-013).
    BadName(MemberId),
    /// This member is leaving, and can be included again when it is gone.
    MemberLeaving(MemberId),
    /// There is no subsession whose keys could be refreshed.
    NoSubsession,
    /// The session met a fault of ours and can only be left.
    Broken,
}

impl fmt::Display for ChangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInChannel => f.write_str("not in the channel; join first"),
            Self::Busy => f.write_str("joining or parting is under way; wait for it to end"),
            Self::OperationInProgress => {
                f.write_str("another request of ours is under way; wait for it to end")
            }
            Self::Overlap(member) => {
                write!(f, "{member} cannot be included and excluded at the same time")
            }
            Self::CannotExcludeSelf => f.write_str("nobody can exclude itself; part instead"),
            Self::BadName(member) => write!(f, "{member} is not an acceptable member name"),
            Self::MemberLeaving(member) => {
                write!(f, "{member} is leaving; include it again when it is gone")
            }
            Self::NoSubsession => f.write_str("there is no session with others yet"),
            Self::Broken => f.write_str("the session met an internal error; part and join again"),
        }
    }
}

impl core::error::Error for ChangeError {}

/// Why an operation cannot be aborted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AbortError {
    /// No operation is in progress.
    NoOperation,
    /// This profile has no such packet, or we are being excluded. Removing a member that is
    /// waited for from the channel ends the operation too.
    NotPossible,
}

impl fmt::Display for AbortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoOperation => "no operation is in progress",
            Self::NotPossible => {
                "this session cannot end operations; removing a member that is waited for from \
                 the channel does"
            }
        })
    }
}

impl core::error::Error for AbortError {}

/// Why a text was not sent; nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// Not in a session with others, or already parting (SES-037).
    NotJoined,
    /// Longer than a text may be: what one packet carries in a v1 session (MSG-007), 16 MiB in a
    /// v2 session (V2-028).
    TooLarge {
        /// Bytes needed, with what the format adds.
        found: usize,
        /// Bytes available.
        limit: usize,
    },
    /// There is nothing to acknowledge to anybody.
    NoSubsession,
    /// The keys are too old to send a text with them (V2-033). [`Notice::KeyAge`] says who
    /// keeps them from being renewed.
    KeysTooOld,
    /// The session's profile has no such message (MOD-016).
    Unsupported,
    /// A fault of ours.
    Internal,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJoined => f.write_str("not in a session with others; the text was not sent"),
            Self::TooLarge { found, limit } => write!(
                f,
                "the text needs {found} bytes and {limit} can be sent at once; send it in pieces"
            ),
            Self::NoSubsession => f.write_str("there is no session with others yet"),
            Self::KeysTooOld => f.write_str(
                "the keys are too old and could not be renewed; exclude those who do not answer, \
                 then send again; the text was not sent",
            ),
            Self::Unsupported => f.write_str("sessions of profile v1 cannot say this"),
            Self::Internal => f.write_str("internal error, please report; the text was not sent"),
        }
    }
}

impl core::error::Error for SendError {}

/// The rule that a verified message broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadMessage {
    /// Its content is not what the format allows (MSG-008, TRN-012).
    Content,
    /// It is its own parent (TRN-005).
    SelfParent,
    /// Its author is not a member (TRN-009).
    NotAMember,
    /// Its parents are not independent of each other (TRN-007).
    NotAntichain,
    /// It names a message as parent that everybody had acknowledged (TRN-011).
    ClosedParent,
    /// It names a message of another subsession as parent (TRN-006).
    ForeignParent,
    /// Content after its author promised to write no more; kept, but not shown (TRN-010).
    AfterFin,
    /// Its author has written more or fewer messages before it than it says (V2-025).
    Position,
    /// Signed with our own key, but we did not write it: stolen key or restored state
    /// (MSG-011).
    OwnUnknown,
}

impl fmt::Display for BadMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Content => "its content is malformed (TRN-012)",
            Self::Position => "it is not at the position that its author signed (V2-025)",
            Self::SelfParent => "it names itself as parent (TRN-005)",
            Self::NotAMember => "its author is not a member (TRN-009)",
            Self::NotAntichain => "its parents depend on each other (TRN-007)",
            Self::ClosedParent => "it answers a message long settled (TRN-011)",
            Self::ForeignParent => "it answers a message of another subsession (TRN-006)",
            Self::AfterFin => "it was written after its author's farewell (TRN-010)",
            Self::OwnUnknown => "it is signed as ours, but we did not write it (MSG-011)",
        })
    }
}
