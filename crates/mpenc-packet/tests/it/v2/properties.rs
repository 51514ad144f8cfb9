//! Decoding and encoding are inverse, for values and for bytes.

use mpenc_crypto::{PublicKey, Signature, Signed};
use mpenc_packet::v2::{
    AbortFields, AbortReason, Body, ConfirmationFields, Content, Contribution, ContributionFields,
    DataPacket, Entry, ErrorCode, Greeting, InitialFields, OpId, Part, PartStart, Plaintext,
    PublicationPacket, Request, RequestPacket, ShareFields, decode_greeting, padded_len,
};
use mpenc_types::{ChainHash, MemberId, MessageId, PacketId, SubsessionId};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::invariants_v2::{check_packet, check_plaintext};
use crate::v2::contents::bodies;
use crate::v2::support::{CTX, key, packets, rewrite};

fn bytes32() -> impl Strategy<Value = [u8; 32]> {
    any::<[u8; 32]>()
}

fn contribution() -> impl Strategy<Value = Contribution> {
    (bytes32(), bytes32(), bytes32()).prop_map(|(nonce, ephemeral, point)| Contribution {
        nonce,
        ephemeral: PublicKey::new(ephemeral),
        point,
    })
}

fn ids(most: usize) -> impl Strategy<Value = Vec<MessageId>> {
    btree_set(bytes32(), 0..most).prop_map(|ids| ids.into_iter().map(MessageId::from).collect())
}

prop_compose! {
    fn initial_fields()(
        others in btree_map("[a-zé]{1,8}", (0..3_u8, bytes32()), 1..8),
        me in ("[A-Z]{1,8}", bytes32()),
        head in (bytes32(), any::<[u8; 16]>(), bytes32(), bytes32()),
        heads in ids(5),
        contribution in contribution(),
    ) -> InitialFields {
        let (label, instance, prev_final, prev_chain) = head;
        let mut entries = vec![(me.0.as_str(), (2, me.1))];
        entries.extend(others.iter().map(|(name, what)| (name.as_str(), *what)));
        let entries: Vec<Entry> = entries
            .into_iter()
            .map(|(name, (what, key))| Entry {
                name: MemberId::new(name).unwrap(),
                was: what != 1,
                key: (what != 0).then(|| PublicKey::new(key)),
            })
            .collect();
        let shared = entries.iter().filter(|entry| entry.key.is_some()).count() > 1;
        InitialFields {
            label,
            instance,
            place: 0,
            entries,
            prev_final: PacketId::new(prev_final),
            prev_chain: ChainHash::new(prev_chain),
            heads,
            contribution: shared.then_some(contribution),
        }
    }
}

fn part() -> impl Strategy<Value = Part> {
    (2..=1024_u16, any::<prop::sample::Index>(), 1..=16_384_usize, bytes32()).prop_map(
        |(count, index, last, digest)| {
            let index = u16::try_from(index.index(usize::from(count))).unwrap();
            let size = u32::from(count - 1) * 16_384 + u32::try_from(last).unwrap();
            let len = if index + 1 == count { last } else { 16_384 };
            let start = (index == 0).then_some(PartStart { size, digest });
            Part { index, count, start, bytes: vec![b'x'; len] }
        },
    )
}

fn body() -> impl Strategy<Value = Body> {
    let codes = [ErrorCode::InconsistentHistory, ErrorCode::Fork, ErrorCode::BadMessage];
    prop_oneof![
        vec(any::<char>(), 1..100).prop_map(|text| Body::Payload(text.into_iter().collect())),
        select(bodies()).prop_map(|(body, _)| body),
        bytes32().prop_map(|id| Body::OrderConfirmation(PacketId::new(id))),
        (select(codes.to_vec()), option::of(bytes32()))
            .prop_map(|(code, id)| Body::Error { code, subject: id.map(MessageId::from) }),
        part().prop_map(Body::Part),
        (9..=u8::MAX, vec(any::<u8>(), 0..50))
            .prop_map(|(kind, bytes)| Body::Opaque { kind, bytes }),
        (3..=u8::MAX, vec(any::<u8>(), 0..50)).prop_map(|(code, rest)| Body::Opaque {
            kind: 6,
            bytes: [&[code][..], &rest].concat(),
        }),
    ]
}

fn content() -> impl Strategy<Value = Content> {
    (ids(5), any::<u32>(), bytes32(), body()).prop_map(|(parents, number, chain, body)| Content {
        parents,
        number,
        chain: ChainHash::new(chain),
        body,
    })
}

/// Places of those who are held are below the number of members.
fn request() -> impl Strategy<Value = Request> {
    (1..=512_u16).prop_flat_map(|members| {
        (
            any::<u8>(),
            vec(any::<u64>(), usize::from(members)),
            btree_set((0..members, any::<u64>()), 0..=128),
            btree_set(bytes32(), 1..=32),
        )
            .prop_map(|(attempt, accepted, held, wanted)| Request {
                attempt,
                accepted,
                held: held.into_iter().collect(),
                wanted: wanted.into_iter().map(MessageId::from).collect(),
            })
    })
}

/// Any greeting packet.
fn greeting() -> impl Strategy<Value = Vec<u8>> {
    let reasons = prop_oneof![
        Just(AbortReason::Asked),
        Just(AbortReason::TimedOut),
        (0..512_u16).prop_map(AbortReason::IdentityKey),
        Just(AbortReason::NoKey),
        Just(AbortReason::Internal),
    ];
    let op = || (bytes32().prop_map(OpId::new), 0..512_u16);
    prop_oneof![
        initial_fields().prop_map(|fields| fields.sign(&key()).unwrap().to_wire()),
        (op(), contribution()).prop_map(|((op, place), contribution)| {
            ContributionFields { op, place, contribution }.sign(&key()).unwrap().to_wire()
        }),
        (op(), any::<[[u8; 32]; 3]>()).prop_map(|((op, place), [share, challenge, response])| {
            let fields = ShareFields { op, place, share, challenge, response };
            fields.sign(&key(), &CTX).unwrap().to_wire()
        }),
        (op(), any::<[[u8; 32]; 2]>()).prop_map(|((op, place), [transcript, check])| {
            ConfirmationFields { op, place, transcript, check }.sign(&key()).unwrap().to_wire()
        }),
        (op(), reasons).prop_map(|((op, place), reason)| {
            AbortFields { op, place, reason }.sign(&key()).unwrap().to_wire()
        }),
    ]
}

/// Bytes as whatever they may be.
fn check_v2(bytes: &[u8]) {
    check_packet(bytes);
    check_plaintext(bytes);
}

proptest! {
    #[test]
    fn initial_packets_are_inverse(fields in initial_fields()) {
        let packet = fields.clone().sign(&key()).unwrap();
        prop_assert_eq!(packet.fields(), &fields);
        let Ok(Greeting::Initial(found)) = decode_greeting(&packet.to_wire()) else {
            return Err(TestCaseError::fail("not an initial packet"));
        };
        prop_assert_eq!(found.peek(), &packet);
        prop_assert_eq!(found.peek().signed_bytes(), packet.signed_bytes());
    }

    #[test]
    fn places_and_names_are_inverse(fields in initial_fields()) {
        let next = fields.next_members();
        for (place, member) in (0..).zip(next.iter()) {
            prop_assert_eq!(fields.member_at(place), Some(member));
            prop_assert_eq!(fields.place_of(member), Some(place));
            prop_assert!(fields.key_of(member).is_some());
        }
        prop_assert_eq!(fields.targets().count(), next.len());
        for entry in &fields.entries {
            prop_assert_eq!(entry.key.is_some(), next.contains(&entry.name));
            prop_assert_eq!(entry.was, fields.prev_members().contains(&entry.name));
        }
    }

    #[test]
    fn greeting_packets_are_inverse(packet in greeting()) {
        prop_assert_eq!(rewrite(&packet), Ok(packet.clone()));
        check_v2(&packet);
    }

    #[test]
    fn messages_are_inverse(
        tag in any::<[u8; 16]>(),
        nonce in any::<[u8; 12]>(),
        len in 0..32_000_usize,
    ) {
        let packet = DataPacket { tag, nonce, ciphertext: vec![7; padded_len(len) + 16] };
        let wire = packet.to_wire();
        prop_assert_eq!(&wire[..32], packet.aad());
        prop_assert_eq!(DataPacket::decode(&wire), Ok(packet));
    }

    #[test]
    fn publications_are_inverse(sid in bytes32(), place in 0..512_u16, seed in bytes32()) {
        let packet = PublicationPacket { sid: SubsessionId::new(sid), place, seed };
        prop_assert_eq!(PublicationPacket::decode(&packet.to_wire()), Ok(packet));
    }

    #[test]
    fn request_packets_are_inverse(nonce in any::<[u8; 12]>(), len in 0..6_411_usize) {
        let packet = RequestPacket { nonce, ciphertext: vec![7; padded_len(len) + 16] };
        let wire = packet.to_wire();
        prop_assert_eq!(&wire[..16], packet.aad());
        prop_assert_eq!(RequestPacket::decode(&wire), Ok(packet));
        check_v2(&wire);
    }

    #[test]
    fn requests_are_inverse(request in request()) {
        let bytes = request.encode();
        prop_assert_eq!(bytes.len(), padded_len(bytes.len()));
        prop_assert_eq!(Request::decode(&bytes), Ok(request));
        check_v2(&bytes);
    }

    #[test]
    fn altered_requests_are_refused_or_canonical(
        request in request(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = request.encode();
        // Its counts and what is before them more often than the rest.
        let at = at.index(2 * bytes.len());
        let at = if at < bytes.len() { at } else { at % 12 };
        bytes[at] = byte;
        check_v2(&bytes);
    }

    #[test]
    fn contents_are_inverse(content in content()) {
        let bytes = content.encode().unwrap();
        prop_assert_eq!(Content::decode(&bytes), Ok(content));
        check_v2(&bytes);
    }

    #[test]
    fn plaintexts_are_inverse(
        content in vec(any::<u8>(), 0..6000),
        signature in vec(any::<u8>(), 64),
    ) {
        let signature = Signature::new(signature.try_into().unwrap());
        let plaintext = Plaintext { signature, content };
        let bytes = plaintext.encode();
        prop_assert_eq!(bytes.len(), padded_len(bytes.len()));
        prop_assert_eq!(Plaintext::decode(&bytes), Ok(plaintext));
    }

    #[test]
    fn altered_packets_are_refused_or_canonical(
        packet in select(packets()),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<bool>(),
    ) {
        let (_, mut packet) = packet;
        let at = at.index(packet.len());
        if cut {
            packet.remove(at);
        } else {
            packet[at] = byte;
        }
        check_v2(&packet);
        if let Ok(again) = rewrite(&packet) {
            prop_assert_eq!(again, packet);
        }
    }

    #[test]
    fn spliced_packets_are_refused_or_canonical(
        packet in select(packets()),
        other in select(packets()),
        at in any::<prop::sample::Index>(),
        from in any::<prop::sample::Index>(),
    ) {
        let (at, from) = (at.index(packet.1.len()), from.index(other.1.len()));
        check_v2(&[&packet.1[..at], &other.1[from..]].concat());
    }

    #[test]
    fn altered_contents_are_refused_or_canonical(
        content in content(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<bool>(),
    ) {
        let mut bytes = content.encode().unwrap();
        let at = at.index(bytes.len());
        if cut {
            bytes.remove(at);
        } else {
            bytes[at] = byte;
        }
        check_v2(&bytes);
    }

    #[test]
    fn any_bytes_are_refused_or_canonical(
        bytes in vec(any::<u8>(), 0..300),
        kind in select(&[1_u8, 2, 3, 4, 5, 0x10, 0x11, 0x12][..]),
    ) {
        check_v2(&bytes);
        check_v2(&[&[2, 2, 1, kind][..], &bytes].concat());
        check_v2(&[&[2, 2, 1, kind][..], &[7; 64], &bytes].concat());
    }
}
