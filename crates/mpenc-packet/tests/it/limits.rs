//! What a packet may cost (ATK-002).

use mpenc_packet::armor;
use mpenc_packet::v1::{self, DecodeError, EncodeError, GreetType, record};
use mpenc_types::limits::{MAX_MEMBERS, MAX_PACKET_LEN};
use mpenc_types::{MemberId, MessageId};

use crate::support::{Broken, GREET_PACKETS, array, greeting, key, number, text, vectors};

fn example(greet_type: GreetType) -> Broken {
    let file = vectors(GREET_PACKETS);
    let case = array(&file["cases"])
        .iter()
        .find(|case| number(&case["greet_type"]) == usize::from(greet_type.to_u16()));
    Broken::of(text(&case.unwrap()["wire"]).as_bytes())
}

//= docs/spec/protocol.md#GKA-031
//= type=test
#[test]
fn lists_are_limited() {
    for (greet_type, kind, most) in [
        (GreetType::StartUpflow, record::MEMBER, MAX_MEMBERS),
        (GreetType::StartUpflow, record::INT_KEY, MAX_MEMBERS + 1),
        (GreetType::StartUpflow, record::NONCE, MAX_MEMBERS),
        (GreetType::StartUpflow, record::PUB_KEY, MAX_MEMBERS),
        (GreetType::StartInitial, record::MEMBER, MAX_MEMBERS),
        (GreetType::RefreshInitial, record::LATEST_PM, MAX_MEMBERS),
    ] {
        let mut packet = example(greet_type);
        packet.0.retain(|(found, _)| *found != kind || kind != record::LATEST_PM);
        let at = match kind {
            record::LATEST_PM => packet.position(record::CHAIN_HASH) + 1,
            _ => packet.position(kind),
        };
        let len = if kind == record::LATEST_PM { 20 } else { 32 };
        let entry = |i: usize| {
            let mut value = i.to_be_bytes().to_vec();
            value.resize(len, 0);
            (kind, value)
        };
        packet.0.retain(|(found, _)| *found != kind);
        packet.0.splice(at..at, (0..most).map(entry));
        assert!(packet.decode().is_ok(), "{most} records {kind:#06x}");
        packet.0.insert(at + most, entry(most));
        assert_eq!(packet.decode(), Err(DecodeError::TooMany { kind }));
    }
}

//= docs/spec/protocol.md#GKA-031
//= type=test
#[test]
fn own_lists_are_limited_alike() {
    let wire = armor::encode(&example(GreetType::RefreshInitial).bytes());
    let good = greeting(&wire).fields().clone();
    let mut fields = good.clone();
    fields.members = (0..=MAX_MEMBERS).map(|i| MemberId::from_wire(&i.to_be_bytes())).collect();
    let found = fields.sign(&key([1; 32])).err();
    let expected = EncodeError::TooMany { kind: record::MEMBER, found: MAX_MEMBERS + 1 };
    assert_eq!(found, Some(expected));
    let mut fields = good;
    fields.metadata.as_mut().unwrap().heads = (0..=MAX_MEMBERS)
        .map(|i| {
            let mut id = [0; 20];
            id[..8].copy_from_slice(&i.to_be_bytes());
            MessageId::from(id)
        })
        .collect();
    assert!(matches!(fields.sign(&key([1; 32])), Err(EncodeError::TooMany { .. })));
}

#[test]
fn a_packet_beyond_the_channel_is_not_made() {
    let wire = armor::encode(&example(GreetType::ExcludeInitial).bytes());
    let mut fields = greeting(&wire).fields().clone();
    let name = |i: usize| MemberId::from_wire(format!("{i:0>255}").as_bytes());
    fields.members = (0..MAX_MEMBERS).map(name).collect();
    let n = MAX_MEMBERS;
    fields.int_keys = vec![Some([1; 32]); n];
    fields.nonces = vec![[1; 32]; n];
    fields.pub_keys = vec![mpenc_crypto::PublicKey::new([1; 32]); n];
    assert!(fields.clone().sign(&key([1; 32])).is_ok(), "the largest session there can be fits");
    let name = |i: usize| MemberId::from_wire(format!("{i:0>300}").as_bytes());
    fields.members = (0..MAX_MEMBERS).map(name).collect();
    let found = fields.sign(&key([1; 32]));
    assert!(matches!(found, Err(EncodeError::PacketTooLong { found }) if found > MAX_PACKET_LEN));
}

#[test]
fn a_packet_beyond_the_channel_is_not_read() {
    let wire = vec![b'?'; MAX_PACKET_LEN + 1];
    assert_eq!(v1::decode(&wire), Err(DecodeError::Text));
    let wire = [b"?mpENC:", &vec![b'A'; MAX_PACKET_LEN][..], b"."].concat();
    assert_eq!(v1::decode(&wire), Err(DecodeError::TooLong { found: wire.len() }));
    assert_eq!(v1::kind(&wire), Err(DecodeError::TooLong { found: wire.len() }));
}

// ATK-002
#[test]
fn a_name_beyond_a_record_is_not_made() {
    let wire = armor::encode(&example(GreetType::StartInitial).bytes());
    let mut fields = greeting(&wire).fields().clone();
    fields.source = MemberId::from_wire(&vec![b'x'; 65_536]);
    assert!(matches!(fields.sign(&key([1; 32])), Err(EncodeError::ValueTooLong(_))));
}
