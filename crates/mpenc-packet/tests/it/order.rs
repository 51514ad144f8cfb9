//! Packet identifiers and chain hashes: every vector (wire-v1.md section 9).

use mpenc_crypto::{Suite, V1};
use mpenc_packet::v1::{self, PacketRole};
use mpenc_types::{ChainHash, PacketId};

use crate::support::{PACKET_ID, array, hex, hex_array, member, members, text, vectors};

//= docs/spec/protocol.md#ORD-003
//= type=test
#[test]
fn packet_ids() {
    for case in array(&vectors(PACKET_ID)["packet_ids"]) {
        let (sender, channel) = (member(&case["sender"]), members(&case["channel_members"]));
        let wire = text(&case["packet"]).as_bytes();
        let expected = PacketId::new(hex_array(&case["packet_id"]));
        assert_eq!(V1::hash(&[&hex(&case["hash_input"])]), *expected.as_bytes());
        assert_eq!(v1::packet_id::<V1>(&sender, &channel, wire), expected);
        let others = channel.without(&sender);
        assert_eq!(
            v1::packet_id::<V1>(&sender, &others, wire),
            expected,
            "the sender is not among the others, named or not"
        );
    }
}

//= docs/spec/protocol.md#ORD-004
//= type=test
#[test]
fn chain_hashes() {
    for case in array(&vectors(PACKET_ID)["chain_hashes"]) {
        let id = PacketId::new(hex_array(&case["packet_id"]));
        let role = match text(&case["ptype"]) {
            "ff" => None,
            "31" => Some(PacketRole::Final),
            "32" => Some(PacketRole::Initial),
            "33" => Some(PacketRole::Both),
            "ff6c65617665" => Some(PacketRole::Leave),
            other => panic!("unknown role {other}"),
        };
        let found = match role {
            None => v1::chain_start::<V1>(&id),
            Some(role) => {
                v1::chain_extend::<V1>(&ChainHash::new(hex_array(&case["prev"])), &id, role)
            }
        };
        assert_eq!(found.as_bytes()[..], hex(&case["chain_hash"]), "{case}");
    }
}

//= docs/spec/protocol.md#ORD-005
//= type=test
#[test]
fn leave_pseudo_packets() {
    for case in array(&vectors(PACKET_ID)["leave_pseudo_packets"]) {
        let prev_initial = PacketId::new(hex_array(&case["prev_pi"]));
        let remaining = members(&case["remaining_channel_members"]);
        let id = v1::leave_packet_id::<V1>(&remaining, &prev_initial, &members(&case["leavers"]));
        assert_eq!(id.as_bytes()[..], hex(&case["packet_id"]), "{case}");
        let prev = ChainHash::new(hex_array(&case["prev_chain_hash"]));
        let chain = v1::chain_extend::<V1>(&prev, &id, PacketRole::Leave);
        assert_eq!(chain.as_bytes()[..], hex(&case["chain_hash"]));
    }
}
