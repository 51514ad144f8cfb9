//! Identifiers of packets and the chain over them (wire-v1.md section 9).
//!
//! # Security
//!
//! These hashes separate names by line feeds and commas, so names with either could make two
//! situations look alike (ATK-011). Sessions refuse such names.

use alloc::vec::Vec;

use mpenc_crypto::Suite;
use mpenc_types::{ChainHash, MemberId, MemberSet, PacketId, PacketRole};

/// `H(sender ‖ "\n" ‖ others joined by "\n" ‖ "\n\n" ‖ wire)`.
///
/// `channel` is the channel's membership when the packet arrived; the sender in it does not count
/// among the others. `wire` is the packet as the channel carried it.
#[must_use]
pub fn packet_id<S: Suite>(sender: &MemberId, channel: &MemberSet, wire: &[u8]) -> PacketId {
    //= docs/spec/protocol.md#ORD-003
    let mut parts: Vec<&[u8]> =
        Vec::with_capacity(channel.len().saturating_mul(2).saturating_add(4));
    parts.push(sender.as_bytes());
    parts.push(b"\n");
    push_joined(&mut parts, channel.iter().filter(|&member| member != sender), b"\n");
    parts.push(b"\n\n");
    parts.push(wire);
    PacketId::new(S::hash(&parts))
}

/// The identifier of the pseudo packet by which members leaving the channel end the operation
/// that `prev_initial` began. `remaining` is the channel's membership afterwards.
#[must_use]
pub fn leave_packet_id<S: Suite>(
    remaining: &MemberSet,
    prev_initial: &PacketId,
    leavers: &MemberSet,
) -> PacketId {
    //= docs/spec/protocol.md#ORD-005
    let names = remaining.len().saturating_add(leavers.len());
    let mut parts: Vec<&[u8]> = Vec::with_capacity(names.saturating_mul(2).saturating_add(5));
    parts.push(b"__server__\n");
    push_joined(&mut parts, remaining.iter(), b"\n");
    parts.push(b"\n\n\xffleave ");
    parts.push(prev_initial.as_bytes());
    parts.push(b"\n");
    push_joined(&mut parts, leavers.iter(), b",");
    PacketId::new(S::hash(&parts))
}

/// The chain hash with which the creator of a session begins: `H(prev_final ‖ 0xff)`.
#[must_use]
pub fn chain_start<S: Suite>(prev_final: &PacketId) -> ChainHash {
    ChainHash::new(S::hash(&[prev_final.as_bytes(), b"\xff"]))
}

/// The chain hash after one more accepted packet: `H(prev ‖ id ‖ role)`.
#[must_use]
pub fn chain_extend<S: Suite>(prev: &ChainHash, id: &PacketId, role: PacketRole) -> ChainHash {
    //= docs/spec/protocol.md#ORD-004
    let role: &[u8] = match role {
        PacketRole::Final => b"1",
        PacketRole::Initial => b"2",
        PacketRole::Both => b"3",
        PacketRole::Leave => b"\xffleave",
    };
    ChainHash::new(S::hash(&[prev.as_bytes(), id.as_bytes(), role]))
}

fn push_joined<'a>(
    parts: &mut Vec<&'a [u8]>,
    names: impl Iterator<Item = &'a MemberId>,
    separator: &'static [u8],
) {
    for (i, name) in names.enumerate() {
        if i > 0 {
            parts.push(separator);
        }
        parts.push(name.as_bytes());
    }
}
