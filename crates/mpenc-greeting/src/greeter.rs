use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use mpenc_crypto::{PublicKey, SecretBytes, SigningKey};
use mpenc_types::{ChainHash, MemberId, MemberSet, MessageId, PacketId, SubsessionId};
use rand_core::CryptoRng;

/// Performs membership operations: one for each session.
///
/// A greeter is the only place that knows how a group key comes about; the session above it
/// knows only this interface (V2-018). It holds the state of the last completed operation, at
/// most one own proposal, and at most one running operation, the *greeting*.
///
/// Every packet is judged first and applied afterwards: [`inspect`](Self::inspect) changes
/// nothing, and what it reports has been verified (GRT-019, GRT-020).
///
/// ```text
///  propose ─┐                        ┌─ fail ──────────> as before
///           v                        │
///  inspect: Initial ── start ── handle … ── Complete ── merge ──> next state
/// ```
///
/// Source: protocol.md section 5.3.
pub trait Greeter: fmt::Debug + Send {
    /// Whether one operation may include and exclude at the same time (SES-026).
    fn combines(&self) -> bool;

    /// How many packets of an operation with `n` members follow each other (protocol.md 8.1).
    fn hops(&self, n: usize) -> u32;

    /// Tells the identity key of a member, or that there is none any more (SKE-008). A key that
    /// must not be used counts as none. An operation keeps the keys it started with (SKE-026), and
    /// those who are members after it keep theirs until they are excluded: what members decide
    /// must not depend on what each of them has been told meanwhile (ORD-001).
    fn set_identity(&mut self, member: &MemberId, key: Option<PublicKey>);

    /// Makes the initial packet of an operation and remembers its secrets until it is started,
    /// withdrawn, or everything is [`reset`](Self::reset). Changes nothing else (GRT-024).
    ///
    /// # Errors
    ///
    /// See [`ProposeError`]; the state is unchanged.
    fn propose(
        &mut self,
        rng: &mut dyn CryptoRng,
        next_members: &MemberSet,
        metadata: Metadata,
    ) -> Result<Vec<u8>, ProposeError>;

    /// Forgets and wipes the own proposal, if there is one (GRT-023).
    fn withdraw(&mut self);

    /// Judges a packet in the light of the current state, without changing anything.
    ///
    /// # Errors
    ///
    /// The reason for which the packet has no effect.
    fn inspect(&self, sender: &MemberId, packet: &[u8]) -> Result<Inspection, GreetingReject>;

    /// Starts the operation whose initial packet has been accepted by the server order.
    ///
    /// # Errors
    ///
    /// As [`inspect`](Self::inspect), [`GreetingReject::OutOfPlace`] while another operation is
    /// running or completed without being [merged](Self::merge) or [failed](Self::fail), and
    /// [`GreetingReject::NotEntitled`] if the owner has no part in it; the state is unchanged.
    fn start(
        &mut self,
        rng: &mut dyn CryptoRng,
        sender: &MemberId,
        packet: &[u8],
    ) -> Result<Progress, GreetingReject>;

    /// Applies a middle or accepted final packet to the running operation.
    ///
    /// # Errors
    ///
    /// The reason for which the packet has no effect; the state is unchanged (SKE-025).
    fn handle(
        &mut self,
        rng: &mut dyn CryptoRng,
        sender: &MemberId,
        packet: &[u8],
    ) -> Result<Progress, GreetingReject>;

    /// The running operation.
    fn running(&self) -> Option<Operation>;

    /// Makes the packet with which the owner ends the running operation for everybody (ORD-044).
    /// Changes nothing else: like any packet it takes effect when it comes back from the channel.
    ///
    /// `None` if no operation is running, the owner may not end it because it is being excluded
    /// (V2-017), `reason` names nobody who takes part, or the profile has no such packet.
    fn abort(&mut self, _reason: AbortReason) -> Option<Outgoing> {
        None
    }

    /// Ends the running operation without success and wipes what it made (GKA-013). Sends
    /// nothing (GRT-017).
    fn fail(&mut self);

    /// Makes a completed operation the current state and hands out the keys of its subsession;
    /// nothing if the owner is now the only member.
    fn merge(&mut self, staged: Staged) -> Option<SubsessionKeys>;

    /// Members of the last completed operation, in the order of its lists; only the owner if
    /// there is none.
    fn members(&self) -> MemberSet;

    /// Forgets and wipes everything but the owner's identity and the directory (ORD-008).
    fn reset(&mut self);

    /// Values of the current state, the owner's secrets among them, for comparing implementations;
    /// nothing without others.
    #[cfg(feature = "inspect")]
    fn lay_open(&self) -> Option<LaidOpen> {
        None
    }

    /// Tells every secret that is in memory now, with what it is: what somebody gets who steals
    /// the state. For attacks in tests.
    #[cfg(feature = "inspect")]
    fn reveal(&self, found: &mut dyn FnMut(&'static str, &[u8]));
}

/// What a greeter's state consists of, in the order of its lists.
///
/// # Security
///
/// Holds the owner's ephemeral secret. Only for comparing implementations with each other.
#[cfg(feature = "inspect")]
#[derive(Debug)]
#[non_exhaustive]
pub struct LaidOpen {
    /// The members.
    pub members: Vec<MemberId>,
    /// Their nonces.
    pub nonces: Vec<[u8; 32]>,
    /// Their ephemeral public keys.
    pub keys: Vec<PublicKey>,
    /// Their intermediate keys.
    pub int_keys: Vec<[u8; 32]>,
    /// The owner's nonce.
    pub nonce: [u8; 32],
    /// Seed of the owner's ephemeral key, if the suite tells.
    pub seed: Option<SecretBytes<32>>,
}

/// What the initial packet says about where it belongs (GRT-009).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// The final packet that this operation follows.
    pub prev_final: PacketId,
    /// The chain hash up to that packet.
    pub prev_chain: ChainHash,
    /// The initiator's heads in the current subsession when it proposed, sorted; none if it had
    /// no subsession.
    pub heads: Vec<MessageId>,
}

/// A verified packet's place in the order of operations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inspection {
    /// Begins an operation, and ends it too if [`Initial::is_final`].
    Initial(Initial),
    /// Would end the running operation, with success or without.
    Final,
    /// Neither; give it to [`Greeter::handle`] if an operation is running.
    Middle,
}

/// A recognised initial packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Initial {
    /// Who proposes.
    pub initiator: MemberId,
    /// The membership after the operation (`M`).
    pub next_members: MemberSet,
    /// Where it belongs.
    pub metadata: Metadata,
    /// Whether this one packet is the whole operation.
    pub is_final: bool,
    /// False for a packet that serves rule EIO only (GRT-019): it carries no key to verify it
    /// with, or it takes the owner for a member that it is no longer.
    pub verified: bool,
    /// Whether members must also hold [`Metadata::prev_chain`] against their own before they
    /// accept it (V2-030); else only [`Metadata::prev_final`].
    pub binds_chain: bool,
}

/// The running operation as others may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Who proposed it.
    pub initiator: MemberId,
    /// Membership before (`M′`); for somebody being included, the remaining ones as far as the
    /// packets tell.
    pub prev_members: MemberSet,
    /// Membership after success (`M`).
    pub next_members: MemberSet,
    /// Members whose packet is awaited now; in the upflow as far as the channel tells, since
    /// packets for others cannot be verified (GKA-019).
    pub waiting_for: MemberSet,
    /// Metadata of the initial packet.
    pub metadata: Metadata,
    /// Whether the owner is being excluded and only looks on (GRT-012).
    pub bystander: bool,
}

/// What followed from a packet.
#[must_use]
#[derive(Debug)]
pub struct Progress {
    /// Packets to broadcast now, in this order, with their advisory recipients.
    pub outgoing: Vec<Outgoing>,
    /// What became of the operation.
    pub outcome: Outcome,
}

/// A packet to broadcast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Who should react; everybody receives it.
    pub recipients: MemberSet,
    /// The packet as the channel carries it.
    pub packet: Vec<u8>,
}

/// What became of an operation.
#[derive(Debug)]
pub enum Outcome {
    /// It goes on.
    Continues,
    /// It succeeded; [`Greeter::merge`] makes it count.
    Complete(Staged),
    /// It ended for a bystander, neither complete nor failed (GRT-013): the owner is excluded.
    Ignored,
    /// A failing final packet ended it for everybody alike (V2-012, V2-017). The greeter has
    /// forgotten the operation already.
    Failed(Failure),
    /// The owner, and only the owner, cannot go on: it leaves the channel so that the operation
    /// fails for everybody alike (GRT-022).
    Stuck(StuckReason),
}

/// Who ended an operation without success, and what that proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Who sent the failing packet. By itself no reason for blame.
    pub by: MemberId,
    /// What the packet is.
    pub cause: FailureCause,
    /// Members that are proven to have deviated from the protocol (V2-012), sorted.
    pub bad: Vec<MemberId>,
    /// Members whose view of the operation differs from the owner's, sorted. They may be as
    /// honest as the owner: the channel can show different packets to different members.
    pub disagree: Vec<MemberId>,
}

/// What kind of packet ended an operation without success.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureCause {
    /// A member asked for it (ORD-044).
    Aborted(AbortReason),
    /// A share came with a proof that does not hold (V2-012).
    BadProof,
    /// A confirmation names another transcript or another key (V2-012).
    Disagreement,
}

/// Why a member ends an operation (ORD-044).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AbortReason {
    /// A person asked for it.
    Asked,
    /// OP_TIMEOUT has passed (ORD-045).
    TimedOut,
    /// The one who ends it knows no identity key of this member, or another one than listed
    /// (V2-030).
    IdentityKey(MemberId),
    /// The group secret came out as the identity of the group (V2-006).
    NoKey,
    /// A fault of the one who ends it.
    Internal,
}

impl fmt::Display for AbortReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked => f.write_str("somebody asked for it"),
            Self::TimedOut => f.write_str("it took too long"),
            Self::IdentityKey(member) => {
                write!(f, "the identity key of {member} is unknown or another one")
            }
            Self::NoKey => f.write_str("no usable group key came out"),
            Self::Internal => f.write_str("internal error"),
        }
    }
}

/// Why only the owner cannot go on (GRT-022).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StuckReason {
    /// The directory has no usable identity key for this member (SKE-008).
    NoIdentityKey(MemberId),
    /// A packet that mattered was not signed under the key now known for its source (SKE-024).
    UnauthenticatedPacket(MemberId),
    /// The initial packet turned out not to be its initiator's (GRT-026).
    UnauthenticatedMetadata(MemberId),
    /// This member's proposal would bring back, for the owner alone, a session identifier or a
    /// group key of an earlier operation (SKE-017, ATK-030).
    Replay(MemberId),
    /// A fault of ours.
    Internal,
}

impl fmt::Display for StuckReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoIdentityKey(member) => write!(f, "no identity key known for {member}"),
            Self::UnauthenticatedPacket(member) => {
                write!(f, "a packet in the name of {member} was not signed with its key")
            }
            Self::UnauthenticatedMetadata(member) => {
                write!(f, "the proposal in the name of {member} was not signed with its key")
            }
            Self::Replay(member) => {
                write!(f, "the proposal of {member} brings back keys of an earlier operation")
            }
            Self::Internal => f.write_str("internal error, please report"),
        }
    }
}

/// A completed operation that has not taken effect yet. Only the greeter makes one, only
/// [`Greeter::merge`] uses it.
#[must_use]
pub struct Staged {
    pub(crate) sid: SubsessionId,
    pub(crate) operation: Operation,
    pub(crate) metadata_authenticated: bool,
}

impl Staged {
    /// The new subsession's identifier.
    #[must_use]
    pub fn sid(&self) -> SubsessionId {
        self.sid
    }

    /// The operation that completed.
    #[must_use]
    pub fn operation(&self) -> &Operation {
        &self.operation
    }

    /// Whether the initial packet's metadata are known to be the initiator's (GRT-026).
    #[must_use]
    pub fn metadata_authenticated(&self) -> bool {
        self.metadata_authenticated
    }
}

impl fmt::Debug for Staged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Staged").field("sid", &self.sid).finish_non_exhaustive()
    }
}

/// What message security needs for one subsession.
#[derive(Debug)]
pub struct SubsessionKeys {
    /// Identifier of the subsession.
    pub sid: SubsessionId,
    /// The secret from which all message keys come: in v1 the group key.
    pub secret: SecretBytes<32>,
    /// The owner's signing key for this subsession.
    pub signer: Arc<dyn SigningKey>,
    /// Every member's public key for that signing key, the owner's included.
    pub authors: Vec<(MemberId, PublicKey)>,
    /// What people compare to know that they share this subsession and its identity keys
    /// (V2-034), if the profile has it. Public.
    pub fingerprint: Option<[u8; 32]>,
    /// For each of `authors` the packet in which it signed that key with its identity key, so that
    /// others can be shown what it signs with it (V2-025); empty if the profile has no such
    /// packets. Public.
    pub statements: Vec<Vec<u8>>,
}

/// Why no proposal was made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProposeError {
    /// An own proposal is outstanding (GRT-023).
    Outstanding,
    /// The next membership lacks the owner (GRT-003).
    WithoutOwner,
    /// One operation cannot both include and exclude (GRT-004).
    Combined,
    /// Nobody to establish a session with.
    Nobody,
    /// More than `MAX_MEMBERS` members.
    TooMany {
        /// Members asked for.
        found: usize,
    },
    /// No usable identity key is known for this member (SKE-008).
    NoIdentityKey(MemberId),
    /// A fault of ours.
    Internal,
}

impl fmt::Display for ProposeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outstanding => f.write_str("an own proposal is still outstanding"),
            Self::WithoutOwner => f.write_str("nobody can exclude itself; part instead"),
            Self::Combined => f.write_str("one operation cannot both include and exclude"),
            Self::Nobody => f.write_str("there is nobody to establish a session with"),
            Self::TooMany { found } => write!(
                f,
                "a session has at most {} members, {found} asked for",
                mpenc_types::limits::MAX_MEMBERS
            ),
            Self::NoIdentityKey(member) => write!(f, "no identity key known for {member}"),
            Self::Internal => f.write_str("internal error, please report"),
        }
    }
}

impl core::error::Error for ProposeError {}

/// Why a greeting packet has no effect. Each variant names the requirement that demands it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GreetingReject {
    /// The bytes are not a greeting packet of this profile.
    Malformed,
    /// No operation is running, and the packet does not begin one (GRT-021).
    NoOperation,
    /// The packet does not fit the running operation's state (GRT-011).
    OutOfPlace,
    /// The departure packet is obsolete (GRT-028).
    Departure,
    /// In the owner's name, but not what the owner sent (GRT-018, SKE-022).
    NotOurs,
    /// The packet's source is not its sender (GRT-019).
    SourceIsNotSender,
    /// The signature does not verify (SKE-006).
    BadSignature,
    /// The member list has duplicates, lacks the source or the owner, or has changed
    /// (GKA-014, GKA-016).
    BadMembers,
    /// A list has the wrong length (GKA-015, SKE-013).
    BadLength,
    /// An intermediate key that must not be used (GKA-017).
    BadIntermediateKey,
    /// A nonce or key differs from what the owner knows (SKE-014 to SKE-016, SKE-020).
    ChangedValues,
    /// Two members with the same nonce or key (ATK-038, ATK-066).
    RepeatedValues,
    /// The session identifier was used before (SKE-017).
    RepeatedSid,
    /// The sender is not entitled to this packet (SKE-018, SKE-021).
    NotEntitled,
    /// The session signature does not verify (SKE-019).
    BadSessionSignature,
    /// More than `MAX_MEMBERS` members (GKA-031).
    TooMany,
    /// Of another session (V2-009).
    OtherSession,
    /// Of another operation than the running one (V2-010).
    OtherOperation,
    /// The member named in the packet is not its sender, or has no place (V2-010).
    WrongPlace,
    /// This member's packet of this round was accepted before (V2-031).
    PlaceTaken,
    /// An identity key is not the one of the last completed operation, or, for somebody new, not
    /// the directory's (V2-030).
    WrongIdentityKey,
    /// No canonical encoding of a group element, or the identity where it must not be (V2-006).
    BadElement,
}

impl fmt::Display for GreetingReject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "not a greeting packet of this profile",
            Self::NoOperation => "no operation is running (GRT-021)",
            Self::OutOfPlace => "does not fit the state of the operation (GRT-011)",
            Self::Departure => "departure packets are obsolete (GRT-028)",
            Self::NotOurs => "in our name, but not what we sent (GRT-018)",
            Self::SourceIsNotSender => "source is not the channel sender (GRT-019)",
            Self::BadSignature => "packet signature does not verify (SKE-006)",
            Self::BadMembers => "member list is not acceptable (GKA-014)",
            Self::BadLength => "a list has the wrong length (GKA-015)",
            Self::BadIntermediateKey => "unusable intermediate key (GKA-017)",
            Self::ChangedValues => "a nonce or key was changed (SKE-014)",
            Self::RepeatedValues => "two members with the same nonce or key (ATK-038)",
            Self::RepeatedSid => "session identifier was used before (SKE-017)",
            Self::NotEntitled => "sender is not entitled to this packet (SKE-018)",
            Self::BadSessionSignature => "session signature does not verify (SKE-019)",
            Self::TooMany => "more members than a session may have (GKA-031)",
            Self::OtherSession => "of another session (V2-009)",
            Self::OtherOperation => "of another operation (V2-010)",
            Self::WrongPlace => "named member is not the sender (V2-010)",
            Self::PlaceTaken => "this member has sent its packet of this round (V2-031)",
            Self::WrongIdentityKey => "identity key is not the known one (V2-030)",
            Self::BadElement => "unusable group element (V2-006)",
        })
    }
}

impl core::error::Error for GreetingReject {}
