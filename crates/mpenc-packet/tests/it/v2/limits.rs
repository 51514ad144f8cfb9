//! What a packet may cost (ATK-002).

use mpenc_packet::v2::{
    ContentError, DataPacket, DecodeError, EncodeError, FieldError, MAX_COUNTS, MAX_HELD,
    MAX_WANTED, PublicationPacket, Request, RequestPacket, decode_greeting, kind, padded_len,
};
use mpenc_types::MessageId;
use mpenc_types::limits::{MAX_MEMBERS, MAX_PACKET_LEN};

use crate::v2::support::{Broken, entry, initial, key, packets};

fn heads(count: usize) -> Vec<[u8; 32]> {
    (0..count)
        .map(|i| {
            let mut head = [0; 32];
            head[..8].copy_from_slice(&i.to_be_bytes());
            head
        })
        .collect()
}

fn members(count: usize, len: usize) -> Vec<(Vec<u8>, u8)> {
    (0..count).map(|i| (format!("{i:0>len$}").into_bytes(), 3)).collect()
}

//= docs/spec/protocol.md#GKA-031
//= type=test
#[test]
fn lists_are_limited() {
    let n = MAX_MEMBERS;
    let largest = Broken { entries: members(n, 255), heads: heads(n), ..Broken::new() };
    assert!(largest.packet().len() <= MAX_PACKET_LEN, "the largest session there can be fits");
    assert!(largest.decode().is_ok());
    let expected = Err(FieldError::TooMany { found: n + 1, limit: n }.into());
    for len in [3, 255] {
        let broken = Broken { entries: members(n + 1, len), ..Broken::new() };
        assert_eq!(broken.decode(), expected);
    }
    assert_eq!(Broken { heads: heads(n + 1), ..Broken::new() }.decode(), expected);
}

//= docs/spec/protocol.md#GKA-031
//= type=test
#[test]
fn own_lists_are_limited_alike() {
    let all = |count: usize| (0..count).map(|i| entry(&format!("{i:0>255}"), true, Some(1)));
    let heads = |count: usize| heads(count).into_iter().map(MessageId::from);
    let mut fields = initial();
    fields.entries = all(512).collect();
    fields.heads = heads(512).collect();
    let packet = fields.clone().sign(&key()).unwrap().to_wire();
    assert!(packet.len() <= MAX_PACKET_LEN);
    assert!(decode_greeting(&packet).is_ok());
    let expected = Some(EncodeError::TooMany { found: 513, limit: 512 });
    let mut more = fields.clone();
    more.entries = all(513).collect();
    assert_eq!(more.sign(&key()).err(), expected);
    fields.heads = heads(513).collect();
    assert_eq!(fields.sign(&key()).err(), expected);
    let mut more = initial();
    more.entries = all(70_000).collect();
    let found = EncodeError::TooMany { found: 70_000, limit: 512 };
    assert_eq!(more.sign(&key()).err(), Some(found));
}

//= docs/spec/attacks.md#ATK-002
//= type=test
#[test]
fn a_packet_beyond_the_channel_is_not_read() {
    for (of, packet) in packets() {
        let mut packet = packet;
        packet.resize(MAX_PACKET_LEN + 1, 0);
        let expected = DecodeError::TooLong { found: packet.len() };
        assert_eq!(kind(&packet), Err(expected), "{of:?}");
        assert_eq!(decode_greeting(&packet).err(), Some(expected));
        assert_eq!(DataPacket::decode(&packet).err(), Some(expected));
        assert_eq!(PublicationPacket::decode(&packet).err(), Some(expected));
        assert_eq!(RequestPacket::decode(&packet).err(), Some(expected));
        packet.truncate(MAX_PACKET_LEN);
        assert_eq!(kind(&packet), Ok(of));
    }
}

//= docs/spec/attacks.md#ATK-002
//= type=test
#[test]
fn counts_that_lie_are_refused() {
    let packet = Broken::new().packet();
    // Behind header, signature, label, instance and place.
    let at = 4 + 64 + 32 + 16 + 2;
    assert_eq!(packet[at..at + 2], [0, 3]);
    for count in [4, 5, 200, 512_u16] {
        let mut packet = packet.clone();
        packet[at..at + 2].copy_from_slice(&count.to_be_bytes());
        assert!(decode_greeting(&packet).is_err());
    }
    let found = |packet: &[u8]| decode_greeting(packet).err();
    let mut lie = packet.clone();
    lie[at] = 0xff;
    let expected = FieldError::TooMany { found: 0xff03, limit: 512 };
    assert_eq!(found(&lie), Some(expected.into()));
}

/// As many members, deferred messages and missing messages as there can be.
fn largest_request() -> Request {
    Request {
        attempt: u8::MAX,
        accepted: vec![u64::MAX; MAX_COUNTS],
        held: (0..).zip([u64::MAX; MAX_HELD]).collect(),
        wanted: heads(MAX_WANTED).into_iter().map(MessageId::from).collect(),
    }
}

//= docs/spec/v2.md#V2-035
//= type=test
#[test]
fn requests_are_limited() {
    let too_many = |found, limit| Err(FieldError::TooMany { found, limit }.into());
    let largest = largest_request();
    let bytes = largest.encode();
    assert_eq!(Request::decode(&bytes), Ok(largest.clone()));
    let mut more = largest.clone();
    more.accepted.push(0);
    more.held.clear();
    assert_eq!(Request::decode(&more.encode()), too_many(MAX_COUNTS + 1, MAX_COUNTS));
    let mut more = Request { accepted: vec![0; 2], ..largest.clone() };
    more.held = (0..=MAX_HELD as u64).map(|position| (0, position)).collect();
    assert_eq!(Request::decode(&more.encode()), too_many(MAX_HELD + 1, MAX_HELD));
    more.held = vec![(1, 1), (2, 0)];
    assert_eq!(Request::decode(&more.encode()), Err(ContentError::Place));
    more.held.clear();
    more.wanted = heads(MAX_WANTED + 1).into_iter().map(MessageId::from).collect();
    assert_eq!(Request::decode(&more.encode()), too_many(MAX_WANTED + 1, MAX_WANTED));
    more.wanted.clear();
    assert_eq!(Request::decode(&more.encode()), Ok(more), "asks for anything");
    // The packet of the largest is the longest.
    let packet = |len: usize| RequestPacket { nonce: [0; 12], ciphertext: vec![0; len + 16] };
    assert!(RequestPacket::decode(&packet(bytes.len()).to_wire()).is_ok());
    let longer = padded_len(bytes.len() + 1);
    let found = longer + 16;
    let expected = Err(DecodeError::Length { found });
    assert_eq!(RequestPacket::decode(&packet(longer).to_wire()), expected);
}

//= docs/spec/attacks.md#ATK-002
//= type=test
#[test]
fn counts_of_requests_that_lie_are_refused() {
    let request = Request {
        attempt: 0,
        accepted: vec![1, 2, 3],
        held: vec![(0, 1), (2, 5)],
        wanted: vec![[1; 32].into()],
    };
    let good = request.encode();
    // Behind length and attempt; behind three numbers; behind two that are held.
    for (at, count) in [(5, 3), (31, 2), (53, 1_u16)] {
        assert_eq!(good[at..at + 2], count.to_be_bytes());
        for lie in (0..=600).chain([0x7fff, u16::MAX]).filter(|lie| *lie != count) {
            let mut bad = good.clone();
            bad[at..at + 2].copy_from_slice(&lie.to_be_bytes());
            assert!(Request::decode(&bad).is_err(), "{lie} at {at}");
        }
    }
}
