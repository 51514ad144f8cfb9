//! What goes over the channel, as far as the order of operations and the rules look at it.

use mpenc_types::{ChainHash, PacketId};

use super::group::Group;

/// A packet of an operation. An operation is known by its number, in place of a hash of its
/// initial packet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Packet {
    /// Proposes an operation.
    Initial(Proposal),
    /// A member's packet in one of the rounds; the last one of the last round completes the
    /// operation.
    Part {
        /// The operation.
        operation: u16,
        /// The round, from 0.
        round: u8,
    },
    /// Ends the operation without success (ORD-044).
    Abort {
        /// The operation.
        operation: u16,
    },
}

/// Content of an initial packet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Proposal {
    /// The operation.
    pub operation: u16,
    /// Members of the session before, as the initiator says (`M′`).
    pub members: Group,
    /// Members afterwards (`M`).
    pub targets: Group,
    /// The final packet it follows.
    pub prev_final: PacketId,
    /// The chain hash up to that packet.
    pub prev_chain: ChainHash,
}

impl Packet {
    /// The operation it belongs to.
    #[must_use]
    pub fn operation(&self) -> u16 {
        match self {
            Self::Initial(proposal) => proposal.operation,
            Self::Part { operation, .. } | Self::Abort { operation } => *operation,
        }
    }
}

impl Proposal {
    /// Whether one packet is all of it: only for remaining alone (V2-032).
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.targets.len() == 1
    }
}

/// What a member hears from its channel.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Event {
    /// A member, perhaps the one that hears it, has entered; with the members then.
    Entered(u8, Group),
    /// A member, perhaps the one that hears it, has left.
    Left(u8),
    /// A packet by this sender.
    Packet(u8, Packet),
}

/// What a member asks of its channel.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Request {
    /// To broadcast this.
    Send(Packet),
    /// To remove these.
    Kick(Group),
    /// To let it go.
    Leave,
}
