//! Whole operations and bad packets recorded from the original.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use core::convert::Infallible;
use std::sync::Mutex;

use mpenc_crypto::{PublicKey, SecretBytes, SigningKey};
use mpenc_greeting::{Greeter, Operation};
use mpenc_greeting::{GreetingReject, Inspection, Metadata};
use mpenc_types::{ChainHash, MemberId, MemberSet, MessageId, PacketId, SubsessionId};
use rand_chacha::rand_core::{TryCryptoRng, TryRng};
use serde_json::Value;

use crate::group::{Group, V1Key, name};

/// Hands out recorded draws, 32 bytes each.
#[derive(Clone, Default)]
struct Recorded(Arc<Mutex<VecDeque<[u8; 32]>>>);

impl TryRng for Recorded {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        panic!("only whole values are drawn")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        panic!("only whole values are drawn")
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        dst.copy_from_slice(&self.0.lock().unwrap().pop_front().expect("a recorded draw is left"));
        Ok(())
    }
}

impl TryCryptoRng for Recorded {}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn bytes(value: &Value) -> [u8; 32] {
    hex::decode(text(value)).unwrap().try_into().unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn member_set(value: &Value) -> MemberSet {
    list(value).iter().map(|member| name(text(member))).collect()
}

fn draws(value: &Value) -> impl Iterator<Item = [u8; 32]> {
    list(value).iter().map(|draw| bytes(&draw["value"]))
}

fn metadata(operation: &Value) -> Metadata {
    let heads = operation["latest_pm"].as_array().cloned().unwrap_or_default();
    Metadata {
        prev_final: PacketId::new(bytes(&operation["prev_pf"])),
        prev_chain: ChainHash::new(bytes(&operation["prev_ch"])),
        heads: heads
            .iter()
            .map(|id| MessageId::new(&hex::decode(text(id)).unwrap()).unwrap())
            .collect(),
    }
}

/// Every packet, secret and result of complete operations.
//= docs/spec/protocol.md#MOD-012
//= type=test
//= docs/spec/protocol.md#GRT-007
//= type=test
//= docs/spec/protocol.md#SKE-009
//= type=test
//= docs/spec/protocol.md#SKE-010
//= type=test
//= docs/spec/protocol.md#SKE-011
//= type=test
//= docs/spec/protocol.md#GKA-005
//= type=test
//= docs/spec/protocol.md#GKA-012
//= type=test
#[test]
fn operations_are_byte_for_byte_those_of_the_original() {
    let file: Value = serde_json::from_str(include_str!("../../vectors/greet-ops.json")).unwrap();
    for case in list(&file["cases"]) {
        let mut group = Group::new(&MemberSet::new());
        let mut random = BTreeMap::new();
        for (who, identity) in case["identities"].as_object().unwrap() {
            let who = name(who);
            let seed = SecretBytes::new(bytes(&identity["identity_seed"]));
            let key = Arc::new(V1Key::from_seed(&seed));
            assert_eq!(key.public(), PublicKey::new(bytes(&identity["identity_pub"])));
            let rng = Recorded::default();
            group.add_with(&who, key, Box::new(rng.clone()));
            random.insert(who, rng);
        }
        for operation in list(&case["ops"]) {
            replay(&mut group, &random, operation);
        }
    }
}

fn replay(group: &mut Group, random: &BTreeMap<MemberId, Recorded>, operation: &Value) {
    let next = member_set(&operation["next_members"]);
    let by = name(text(&operation["by"]));
    for (who, values) in operation["random"].as_object().unwrap() {
        random[&name(who)].0.lock().unwrap().extend(draws(values));
    }
    let member = group.members.get_mut(&by).unwrap();
    let packet = member.greeter.propose(&mut *member.rng, &next, metadata(operation)).unwrap();
    group.send(&by, packet);
    // The recorded order of sending is the order on the channel.
    let packets = list(&operation["packets"]);
    for packet in packets {
        let from = name(text(&packet["from"]));
        let wire = text(&packet["wire"]).as_bytes();
        let index = group.queue.iter().position(|(sender, _)| *sender == from);
        let (_, ours) = group.queue.remove(index.expect("the member has sent something")).unwrap();
        assert_eq!(ours, wire, "{}", packet["greet_type_name"]);
        let everybody: Vec<MemberId> = group.members.keys().cloned().collect();
        for who in everybody {
            let _ = group.deliver_to(&who, &from, wire);
        }
    }
    assert!(group.queue.is_empty(), "more packets than recorded");
    for rng in random.values() {
        assert!(rng.0.lock().unwrap().is_empty(), "fewer draws than recorded");
    }
    if next.len() > 1 {
        let (sid, key) = group.assert_together(&next);
        assert_eq!(sid, SubsessionId::new(bytes(&operation["sid"])));
        assert_eq!(key, bytes(&operation["group_key"]));
        let authors = &group.members[&by].keys.as_ref().unwrap().authors;
        let expected = list(&operation["members"]).iter().zip(list(&operation["eph_pubs"]));
        for ((author, key), (member, public)) in authors.iter().zip(expected) {
            assert_eq!((author, key), (&name(text(member)), &PublicKey::new(bytes(public))));
        }
    } else {
        assert_eq!(group.members[&by].greeter.members(), next);
        assert!(group.members[&by].keys.is_none());
    }
    for (who, member) in &mut group.members {
        if !next.contains(who) {
            member.greeter.reset();
        }
    }
}

/// What the specification expects of bad packets, not what the original does with them.
#[test]
fn bad_packets_meet_the_expectation() {
    let file: Value =
        serde_json::from_str(include_str!("../../vectors/greet-negative.json")).unwrap();
    for case in list(&file["cases"]) {
        let label = text(&case["label"]);
        let found = last_delivery(case);
        match text(&case["expect"]) {
            "accept" => assert!(found.is_ok(), "{label}: {found:?}"),
            "reject" => assert_eq!(found.map(|_| ()), Err(reason(label)), "{label}"),
            // A strict decoder refuses what follows the last record.
            "either" => assert_eq!(found.map(|_| ()), Err(GreetingReject::Malformed), "{label}"),
            other => panic!("{other}"),
        }
    }
}

fn reason(label: &str) -> GreetingReject {
    match label {
        "signature of another key" | "body changed, old signature" => GreetingReject::BadSignature,
        "duplicate member" => GreetingReject::BadMembers,
        "too many nonces" | "two nonces although one member has contributed" => {
            GreetingReject::BadLength
        }
        "all-zero INT_KEY in first downflow" => GreetingReject::BadIntermediateKey,
        "one INT_KEY missing in first downflow" => GreetingReject::BadLength,
        "member order changed in first downflow" => GreetingReject::BadMembers,
        "session signature flipped" | "confirm with wrong session signature" => {
            GreetingReject::BadSessionSignature
        }
        "another member's nonce changed" => GreetingReject::BadSessionSignature,
        "insider changes the victim's own nonce and signs the changed session"
        | "insider changes the victim's own PUB_KEY"
        | "confirm for another session (nonce changed, signed by its sender)" => {
            GreetingReject::ChangedValues
        }
        "confirm claiming another source" => GreetingReject::SourceIsNotSender,
        "first downflow with another greet type (INCLUDE instead of START)" => {
            GreetingReject::OutOfPlace
        }
        _ => GreetingReject::Malformed,
    }
}

/// Plays a case to its victim; what it thinks of the last packet.
fn last_delivery(case: &Value) -> Result<Inspection, GreetingReject> {
    let victim = name(text(&case["victim"]));
    let seed = SecretBytes::new(bytes(&case["victim_identity_seed"]));
    let rng = Recorded::default();
    rng.0.lock().unwrap().extend(draws(&case["victim_random"]));
    let mut group = Group::new(&MemberSet::new());
    group.add_with(&victim, Arc::new(V1Key::from_seed(&seed)), Box::new(rng));
    let member = group.members.get_mut(&victim).unwrap();
    for (who, key) in case["identity_pubs"].as_object().unwrap() {
        member.greeter.set_identity(&name(who), Some(PublicKey::new(bytes(key))));
    }
    if text(&case["victim"]) == "ann" {
        let next = ["ann", "bob", "cat"].into_iter().map(name).collect();
        let packet = member.greeter.propose(&mut *member.rng, &next, metadata(case)).unwrap();
        group.send(&victim, packet);
    }
    let (last, before) = list(&case["deliveries"]).split_last().unwrap();
    for delivery in before {
        let (from, wire) = (name(text(&delivery["from"])), text(&delivery["wire"]).as_bytes());
        if from == victim {
            assert_eq!(group.queue.pop_front().unwrap().1, wire);
        }
        group.deliver_to(&victim, &from, wire).unwrap();
    }
    let (from, wire) = (name(text(&last["from"])), text(&last["wire"]).as_bytes());
    let state = |group: &Group| -> Option<Operation> { group.members[&victim].greeter.running() };
    let earlier = state(&group);
    let found = group.deliver_to(&victim, &from, wire);
    if found.is_err() {
        assert_eq!(state(&group), earlier);
    }
    found
}
