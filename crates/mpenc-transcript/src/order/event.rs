//! What happens to the server order and what is said about it.

use core::fmt;

use mpenc_types::{ChainHash, MemberSet, PacketId, PacketRole};

/// How the chain hash is computed; the hash function belongs to the suite and the encoding to the
/// profile.
pub trait OrderHash {
    /// The chain hash of a session that begins with this random value (ORD-006).
    fn start(&self, prev_final: &PacketId) -> ChainHash;

    /// The chain hash after one more accepted packet (ORD-004).
    fn extend(&self, prev: &ChainHash, id: &PacketId, role: PacketRole) -> ChainHash;
}

/// An initial packet and the circumstances of its arrival.
#[derive(Clone, Copy, Debug)]
pub struct InitialPacket<'a> {
    /// The final packet it follows, by its own claim.
    pub prev_final: PacketId,
    /// The chain hash up to that packet, by its own claim.
    pub prev_chain: ChainHash,
    /// Whether a synced owner must have that chain hash itself. v1 members never compare it.
    pub binds_chain: bool,
    /// Whether the owner is among its targets.
    pub names_owner: bool,
    /// Whether its author is in `M′`: the current subsession's members, or only the owner if it
    /// has no subsession.
    pub initiator_is_member: bool,
    /// Whether it is also the final packet.
    pub is_final: bool,
    /// The membership it proposes (`M`).
    pub targets: &'a MemberSet,
    /// The members of the channel when it was received (`mem`).
    pub channel: &'a MemberSet,
}

/// Something that concerns the order of operations.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The owner is unsynced and nobody is left that might include it (ORD-007); the value is
    /// random.
    SyncNew {
        /// 32 random bytes, standing for a final packet.
        prev_final: PacketId,
    },
    /// A verified initial packet.
    Initial {
        /// Its identifier.
        id: PacketId,
        /// The packet.
        packet: InitialPacket<'a>,
    },
    /// A verified packet that would complete the operation.
    Final {
        /// Its identifier.
        id: PacketId,
        /// The initial packet it refers to.
        prev_initial: PacketId,
    },
    /// A target of the operation left the channel (rule LOI).
    Leave {
        /// Identifier of the pseudo-packet (ORD-005).
        id: PacketId,
    },
    /// The operation that ended last would have given the owner its first subsession, failed, and
    /// the owner is not alone (ORD-014).
    FirstFailed,
    /// The owner left the channel (rule LI).
    Reset,
}

/// What the session is told about an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The packet counts: hand it to the greeting before the next event (ORD-017).
    Accepted(Accepted),
    /// The packet does not count.
    Rejected(OrderReject),
    /// An event that is no packet took effect.
    Done,
    /// An event that is no packet has no place here; nothing changes.
    Void,
}

/// A packet that counts.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Its identifier.
    pub id: PacketId,
    /// What it does to the operation.
    pub role: PacketRole,
    /// The packet before it: the last final one for an initial packet, else the initial one. An
    /// own proposal with the same predecessor and another identifier has lost (ORD-018).
    //= docs/spec/protocol.md#ORD-018
    pub prev: PacketId,
    /// The chain hash up to and including it.
    pub chain: ChainHash,
    /// The owner was unsynced and believed the packet's claims (rule EII).
    pub adopted: bool,
}

/// Why a packet does not count. Each variant names the requirement that demands it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderReject {
    /// A target is not in the channel (ORD-009, rule XP).
    TargetNotInChannel,
    /// The owner is unsynced, and the packet ends an operation it knows nothing of (ORD-010).
    Unsynced,
    /// The owner is unsynced and the packet does not name it; its predecessor is remembered
    /// (ORD-011, rule EIO).
    NotForOwner,
    /// The owner is unsynced and has seen another packet with this predecessor, which the others
    /// will have accepted (ORD-011, rule EIO).
    Superseded,
    /// Its predecessor is the final packet the owner itself saw, but the chain hash differs: the
    /// channel, or the proposer, told different stories. To be reported (ORD-014, V2-030).
    Inconsistent,
    /// Its author is not in the session (ORD-013).
    NotAMember,
    /// It has been accepted before (ORD-015, ORD-016).
    Repeated,
    /// An operation is in progress (ORD-015).
    InOperation,
    /// Its predecessor is not the last accepted final packet (ORD-015).
    WrongPrevFinal,
    /// No operation is in progress (ORD-016).
    NoOperation,
    /// It belongs to another operation (ORD-016).
    WrongPrevInitial,
}

impl fmt::Display for OrderReject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TargetNotInChannel => "a target is not in the channel (ORD-009)",
            Self::Unsynced => "we do not know the operation it ends (ORD-010)",
            Self::NotForOwner => "we are not synchronised and not among its targets (ORD-011)",
            Self::Superseded => "another proposal came before it (ORD-011)",
            Self::Inconsistent => "its chain hash differs from ours (ORD-014)",
            Self::NotAMember => "its author is not a member of the session (ORD-013)",
            Self::Repeated => "accepted before (ORD-015)",
            Self::InOperation => "an operation is in progress (ORD-015)",
            Self::WrongPrevFinal => "does not follow the last operation (ORD-015)",
            Self::NoOperation => "no operation is in progress (ORD-016)",
            Self::WrongPrevInitial => "belongs to another operation (ORD-016)",
        })
    }
}

impl core::error::Error for OrderReject {}
