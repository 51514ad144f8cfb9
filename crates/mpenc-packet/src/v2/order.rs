//! Identifiers of packets and operations, and the chain over them (wire-v2.md sections 2 and 4.1).

use alloc::vec::Vec;
use core::fmt;

use mpenc_crypto::{FramedHash, Label};
use mpenc_types::{ChainHash, MemberId, MemberSet, PacketId, PacketRole};

/// Identifies an operation: the hash of its initial packet, signature included.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId([u8; 32]);

impl OpId {
    /// Takes 32 bytes as they are.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpId({self})")
    }
}

/// `H("operation"; packet)` for a whole initial packet as the channel carried it.
#[must_use]
pub fn operation_id<S: FramedHash>(packet: &[u8]) -> OpId {
    OpId(S::framed(Label::OPERATION, &[packet]))
}

/// `H("session-label"; label)`: what stands for the name of a session in its packets (SES-044).
#[must_use]
pub fn session_label<S: FramedHash>(label: &str) -> [u8; 32] {
    //= docs/spec/v2.md#V2-009
    S::framed(Label::SESSION_LABEL, &[label.as_bytes()])
}

/// `H("packet"; sender, list(others), packet)`.
///
/// `channel` is the channel's membership when the packet arrived; the sender in it does not count
/// among the others.
#[must_use]
pub fn packet_id<S: FramedHash>(sender: &MemberId, channel: &MemberSet, packet: &[u8]) -> PacketId {
    //= docs/spec/protocol.md#ORD-003
    let others = names(channel.iter().filter(|&member| member != sender));
    PacketId::new(S::framed(Label::PACKET, &[sender.as_bytes(), &others, packet]))
}

/// The identifier of the pseudo packet by which members leaving the channel end the operation
/// that `prev_initial` began: `H("leave"; list(remaining), prev_initial, list(leavers))`.
/// `remaining` is the channel's membership afterwards.
#[must_use]
pub fn leave_packet_id<S: FramedHash>(
    remaining: &MemberSet,
    prev_initial: &PacketId,
    leavers: &MemberSet,
) -> PacketId {
    //= docs/spec/protocol.md#ORD-005
    let remaining = names(remaining.iter());
    let leavers = names(leavers.iter());
    PacketId::new(S::framed(Label::LEAVE, &[&remaining, prev_initial.as_bytes(), &leavers]))
}

/// The chain hash with which the creator of a session begins: `H("chain-start"; prev_final)`.
#[must_use]
pub fn chain_start<S: FramedHash>(prev_final: &PacketId) -> ChainHash {
    ChainHash::new(S::framed(Label::CHAIN_START, &[prev_final.as_bytes()]))
}

/// The chain hash after one more accepted packet: `H("chain"; prev, id, role)`.
#[must_use]
pub fn chain_extend<S: FramedHash>(prev: &ChainHash, id: &PacketId, role: PacketRole) -> ChainHash {
    //= docs/spec/protocol.md#ORD-004
    let role = match role {
        PacketRole::Final => 1,
        PacketRole::Initial => 2,
        PacketRole::Both => 3,
        PacketRole::Leave => 4,
    };
    ChainHash::new(S::framed(Label::CHAIN, &[prev.as_bytes(), id.as_bytes(), &[role]]))
}

/// Names one after the other, each with its length. Sessions refuse names of more than 255 bytes
/// before they come here.
fn names<'a>(members: impl Iterator<Item = &'a MemberId>) -> Vec<u8> {
    //= docs/spec/attacks.md#ATK-009
    let mut list = Vec::new();
    for member in members {
        let name = member.as_bytes();
        list.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        list.extend_from_slice(name);
    }
    list
}
