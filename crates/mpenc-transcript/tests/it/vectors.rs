//! The original implementation's results; see `vectors/PROVENANCE.md`.

use mpenc_transcript::order::{
    InitialPacket, OrderHash, OrderReject, PacketRole, Phase, ServerOrder,
};
use mpenc_transcript::{Entry, Transcript};
use mpenc_types::{ChainHash, MemberSet, MessageId, PacketId};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::support::*;

fn read(text: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(text).unwrap();
    file["cases"].as_array().unwrap().clone()
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|s| s.as_str().unwrap()).collect()
}

fn message_ids(value: &Value) -> Vec<MessageId> {
    strings(value).into_iter().map(id).collect()
}

fn member_set(value: &Value) -> MemberSet {
    strings(value).into_iter().map(member).collect()
}

#[test]
fn transcript() {
    let cases = read(include_str!("../../vectors/transcript.json"));
    assert_eq!(cases.len(), 10);
    let (mut accepted_count, mut refused_count) = (0, 0);
    for case in &cases {
        let members = member_set(&case["users"]);
        let mut transcript = Transcript::new(&members);
        for add in case["adds"].as_array().unwrap() {
            let name = add["mid"].as_str().unwrap();
            let author = member(add["author"].as_str().unwrap());
            let parents = message_ids(&add["parents"]);
            let entry = Entry { id: id(name), author: &author, parents: &parents, kind: PAYLOAD };
            match transcript.accept(entry) {
                Ok(accepted) => {
                    assert!(add.get("error").is_none(), "{name}");
                    assert_eq!(accepted.fully_acked, message_ids(&add["fully_acked"]), "{name}");
                    let readers = transcript.get(&id(name)).unwrap().readers();
                    assert_eq!(readers, member_set(&add["readers"]));
                    accepted_count += 1;
                }
                Err(reject) => {
                    assert!(add.get("error").is_some(), "{name}: {reject}");
                    refused_count += 1;
                    continue;
                }
            }
            assert_eq!(transcript.heads(), message_ids(&add["max"]), "{name}");
            let unacked: Vec<_> = transcript.unacked().collect();
            assert_eq!(unacked, message_ids(&add["unacked"]), "{name}");
            for (of, by) in add["unackby"].as_object().unwrap() {
                assert_eq!(transcript.unacked_by(&id(of)), member_set(by), "{name}: {of}");
            }
        }
        for le in case["le"].as_array().unwrap() {
            let (x, y) = (le[0].as_str().unwrap(), le[1].as_str().unwrap());
            let expect = le[2].as_bool().unwrap();
            assert_eq!(transcript.is_ancestor_or_equal(&id(x), &id(y)), Ok(expect), "{x} ≤ {y}");
        }
    }
    assert_eq!((accepted_count, refused_count), (120, 32));
}

/// The encoding of the v1 profile (wire-v1.md section 9).
pub(crate) struct V1;

impl OrderHash for V1 {
    fn start(&self, prev_final: &PacketId) -> ChainHash {
        let mut hash = Sha256::new();
        hash.update(prev_final.as_bytes());
        hash.update([0xff]);
        ChainHash::new(hash.finalize().into())
    }

    fn extend(&self, prev: &ChainHash, id: &PacketId, role: PacketRole) -> ChainHash {
        let mut hash = Sha256::new();
        hash.update(prev.as_bytes());
        hash.update(id.as_bytes());
        hash.update(match role {
            PacketRole::Initial => &b"2"[..],
            PacketRole::Final => b"1",
            PacketRole::Both => b"3",
            PacketRole::Leave => b"\xffleave",
        });
        ChainHash::new(hash.finalize().into())
    }
}

fn bytes32(value: &Value) -> [u8; 32] {
    hex::decode(value.as_str().unwrap()).unwrap().try_into().unwrap()
}

fn packet_id(value: &Value) -> PacketId {
    PacketId::new(bytes32(value))
}

//= docs/spec/protocol.md#ORD-004
//= type=test
#[test]
fn server_order() {
    let cases = read(include_str!("../../vectors/server-order.json"));
    assert_eq!(cases.len(), 12);
    let mut steps_done = 0;
    for case in &cases {
        let owner = member(case["owner"].as_str().unwrap());
        let mut order = ServerOrder::new();
        for step in case["steps"].as_array().unwrap() {
            match step["op"].as_str().unwrap() {
                "sync_new" => assert!(order.sync_new(packet_id(&step["random"]), &V1)),
                "leave" => {
                    let leave = order.accept_leave(packet_id(&step["packet_id"]), &V1).unwrap();
                    assert_eq!(leave.role, PacketRole::Leave);
                }
                "packet" => packet(&mut order, step, &owner),
                other => panic!("unknown step {other}"),
            }
            if let Some(chain) = step.get("chain_hash") {
                assert_eq!(order.chain_hash(), Some(ChainHash::new(bytes32(chain))));
            }
            steps_done += 1;
        }
    }
    assert_eq!(steps_done, 192);
}

fn packet(order: &mut ServerOrder, step: &Value, owner: &mpenc_types::MemberId) {
    let id = packet_id(&step["packet_id"]);
    let flag = |name: &str| step[name].as_bool().unwrap();
    let (targets, channel) = (member_set(&step["members"]), member_set(&step["recipients"]));
    let before = order.clone();
    let found = if flag("initial") {
        let packet = InitialPacket {
            prev_final: packet_id(&step["prev_pf"]),
            prev_chain: ChainHash::new(bytes32(&step["prev_ch"])),
            binds_chain: false,
            names_owner: targets.contains(owner),
            // The traces do not tell who proposes.
            initiator_is_member: true,
            is_final: flag("final"),
            targets: &targets,
            channel: &channel,
        };
        assert_eq!(
            order.judge_initial(id, packet),
            before.clone().accept_initial(id, packet, &V1).map(|_| ())
        );
        order.accept_initial(id, packet, &V1)
    } else {
        order.accept_final(id, packet_id(&step["prev_pi"]), &V1)
    };
    assert_eq!(found.is_ok(), flag("accepted"), "{id}: {found:?}");
    match found {
        Ok(accepted) => {
            let callbacks = step["callbacks"].as_array().unwrap();
            let first = callbacks[0].as_object().unwrap().iter().next().unwrap();
            assert_eq!(packet_id(&first.1[0]), id);
            assert_eq!(packet_id(&first.1[1]), accepted.prev);
            assert_eq!(callbacks.len() == 2, accepted.role == PacketRole::Both);
            assert_eq!(accepted.adopted, !before.is_synced());
        }
        Err(OrderReject::NotForOwner | OrderReject::Superseded) => {}
        Err(_) => assert_eq!(*order, before),
    }
    assert_eq!(order.is_synced(), flag("synced"));
    if let Some(ongoing) = step.get("ongoing") {
        assert_eq!(order.in_operation(), ongoing.as_bool().unwrap());
        let last = match order.phase() {
            Phase::Idle { prev_final, .. } | Phase::InOperation { prev_final, .. } => prev_final,
            Phase::Unsynced { .. } => panic!("synced"),
        };
        assert_eq!(last, packet_id(&step["cur_prev_pf"]));
    }
}
