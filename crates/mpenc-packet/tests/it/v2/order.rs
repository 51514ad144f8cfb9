//! Identifiers of packets and operations, and the chain (wire-v2.md section 2), against frames put
//! together by hand.

use alloc::collections::BTreeSet;

use mpenc_crypto::{Suite, V2};
use mpenc_packet::v2::{
    OpId, chain_extend, chain_start, leave_packet_id, operation_id, packet_id, session_label,
};
use mpenc_types::{ChainHash, MemberSet, PacketId, PacketRole};

use crate::v2::support::name;

/// `H` of the specification.
fn h(label: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut frame = vec![2, 2, 1, u8::try_from(label.len()).unwrap()];
    frame.extend_from_slice(label.as_bytes());
    frame.extend(u32::try_from(parts.len()).unwrap().to_be_bytes());
    for part in parts {
        frame.extend(u32::try_from(part.len()).unwrap().to_be_bytes());
        frame.extend_from_slice(part);
    }
    V2::hash(&[&frame])
}

fn set(names: &[&str]) -> MemberSet {
    names.iter().map(|of| name(of)).collect()
}

//= docs/spec/protocol.md#ORD-003
//= type=test
#[test]
fn packets() {
    let others = b"\x05alice\x05carol";
    let expected = h("packet", &[b"bob", others, b"packet"]);
    for channel in [set(&["alice", "bob", "carol"]), set(&["carol", "alice"])] {
        let found = packet_id::<V2>(&name("bob"), &channel, b"packet");
        assert_eq!(found.as_bytes(), &expected);
    }
}

//= docs/spec/protocol.md#ORD-005
//= type=test
#[test]
fn leaving() {
    let prev = PacketId::new([9; 32]);
    let expected = h("leave", &[b"\x03bob\x01z", &[9; 32], b"\x05alice\x05carol"]);
    let found = leave_packet_id::<V2>(&set(&["z", "bob"]), &prev, &set(&["carol", "alice"]));
    assert_eq!(found.as_bytes(), &expected);
    let found = leave_packet_id::<V2>(&set(&[]), &prev, &set(&[]));
    assert_eq!(found.as_bytes(), &h("leave", &[b"", &[9; 32], b""]));
}

//= docs/spec/protocol.md#ORD-004
//= type=test
#[test]
fn the_chain() {
    let first = chain_start::<V2>(&PacketId::new([1; 32]));
    assert_eq!(first.as_bytes(), &h("chain-start", &[&[1; 32]]));
    let roles = [PacketRole::Final, PacketRole::Initial, PacketRole::Both, PacketRole::Leave];
    for (number, role) in (1_u8..).zip(roles) {
        let found = chain_extend::<V2>(&ChainHash::new([2; 32]), &PacketId::new([3; 32]), role);
        assert_eq!(found.as_bytes(), &h("chain", &[&[2; 32], &[3; 32], &[number]]));
    }
}

//= docs/spec/v2.md#V2-009
//= type=test
#[test]
fn labels_and_operations() {
    assert_eq!(session_label::<V2>("room ü"), h("session-label", &["room ü".as_bytes()]));
    let op = operation_id::<V2>(b"a whole packet");
    assert_eq!(op, OpId::new(h("operation", &[b"a whole packet"])));
    assert_eq!(format!("{op:?}"), format!("OpId({op})"));
    assert_eq!(op.to_string().len(), 64);
}

/// Lists of names that would be equal without lengths, or with separators.
//= docs/spec/attacks.md#ATK-009
//= type=test
//= docs/spec/attacks.md#ATK-011
//= type=test
#[test]
fn names_are_delimited() {
    let prev = PacketId::new([9; 32]);
    let mut seen = BTreeSet::new();
    let situations: [(&[&str], &[&str]); 10] = [
        (&["ab", "c"], &["d"]),
        (&["a", "bc"], &["d"]),
        (&["abc"], &["d"]),
        (&["a", "b", "c"], &["d"]),
        (&["a"], &["b", "c", "d"]),
        (&["a,b", "c"], &["d"]),
        (&["a", "b,c"], &["d"]),
        (&["a\u{1}b"], &["d"]),
        (&[], &["a", "b"]),
        (&["a", "b"], &[]),
    ];
    for (remaining, leavers) in situations {
        let id = leave_packet_id::<V2>(&set(remaining), &prev, &set(leavers));
        assert!(seen.insert(id), "{remaining:?} {leavers:?}");
        let id = packet_id::<V2>(&name("s"), &set(remaining), &leavers.concat().into_bytes());
        assert!(seen.insert(id), "{remaining:?} {leavers:?}");
    }
}
