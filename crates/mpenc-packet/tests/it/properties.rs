//! Decoding and encoding are inverse, and canonical (ATK-004 to ATK-008).

use mpenc_crypto::{PublicKey, Signature, Signed};
use mpenc_packet::armor;
use mpenc_packet::padding::{BASE, pad, padded_len, unpad};
use mpenc_packet::tlv::{Records, Writer};
use mpenc_packet::v1::{
    self, Body, Content, DataFields, ErrorFields, GreetType, GreetingFields, GreetingMetadata,
    Packet, Severity,
};
use mpenc_types::{ChainHash, MemberId, MessageId, PacketId};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::sample::select;

use crate::invariants::{check_armor, check_plaintext, check_wire};
use crate::support::{golden, key};

fn name() -> impl Strategy<Value = MemberId> {
    vec(any::<u8>(), 1..20).prop_map(|bytes| MemberId::from_wire(&bytes))
}

fn bytes32() -> impl Strategy<Value = [u8; 32]> {
    any::<[u8; 32]>()
}

prop_compose! {
    fn greeting_fields()(
        greet_type in select(&GreetType::ALL[..]),
        source in name(),
        dest in name(),
        members in vec(name(), 1..6),
        mut int_keys in vec(bytes32().prop_map(Some), 1..7),
        base in any::<bool>(),
        nonces in vec(bytes32(), 1..6),
        pub_keys in vec(bytes32().prop_map(PublicKey::new), 1..6),
        prev in (bytes32(), bytes32()),
        heads in btree_set(any::<[u8; 20]>(), 0..4),
        session_signature in vec(any::<u8>(), 64),
    ) -> GreetingFields {
        if base && greet_type == GreetType::StartInitial {
            int_keys[0] = None;
        }
        let t = greet_type;
        let metadata = GreetingMetadata {
            prev_final: PacketId::new(prev.0),
            prev_chain: ChainHash::new(prev.1),
            heads: heads.into_iter().map(MessageId::from).collect(),
        };
        let session_signature = Signature::new(session_signature.try_into().unwrap());
        GreetingFields {
            greet_type,
            source,
            dest: t.is_upflow().then_some(dest),
            members: if t.has_members() { members } else { Vec::new() },
            int_keys: if t.has_int_keys() { int_keys } else { Vec::new() },
            nonces: if t.has_ske() { nonces } else { Vec::new() },
            pub_keys: if t.has_ske() { pub_keys } else { Vec::new() },
            metadata: t.has_metadata().then_some(metadata),
            session_signature: t.has_session_signature().then_some(session_signature),
        }
    }
}

fn body() -> impl Strategy<Value = Body> {
    prop_oneof![
        vec(any::<char>(), 1..50).prop_map(|text| Body::Payload(text.into_iter().collect())),
        any::<bool>().prop_map(|manual| Body::ExplicitAck { manual }),
        any::<bool>().prop_map(|close| Body::Consistency { close }),
    ]
}

proptest! {
    #[test]
    fn armor_is_inverse(bytes in vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(armor::decode(&armor::encode(&bytes)), Ok(bytes));
    }

    #[test]
    fn armor_is_canonical(wire in "[?]mpENC:[A-D/+= ]{0,12}[.]") {
        if let Ok(bytes) = armor::decode(wire.as_bytes()) {
            prop_assert_eq!(armor::encode(&bytes), wire.as_bytes());
        }
    }

    #[test]
    fn records_are_inverse(records in vec((any::<u16>(), vec(any::<u8>(), 0..40)), 0..10)) {
        let mut out = Writer::new();
        for (kind, value) in &records {
            out.push(*kind, value).unwrap();
        }
        let bytes = out.into_bytes();
        let found: Result<Vec<_>, _> = Records::new(&bytes).collect();
        let found: Vec<_> = found.unwrap().iter().map(|r| (r.kind, r.value.to_vec())).collect();
        prop_assert_eq!(found, records);
    }

    #[test]
    fn padding_is_inverse(raw in vec(any::<u8>(), 0..2000), base in select(&[0, 32, BASE][..])) {
        let padded = pad(&raw, base).unwrap();
        prop_assert_eq!(Ok(padded.len()), padded_len(raw.len(), base));
        prop_assert_eq!(unpad(&padded), Ok(&raw[..]));
    }

    #[test]
    fn bodies_are_inverse(body in body()) {
        prop_assert_eq!(Body::decode(&body.encode().unwrap()), Ok(body));
    }

    #[test]
    fn text_is_written_as_another_json_writer_does(text in vec(any::<char>(), 1..50)) {
        let text: String = text.into_iter().collect();
        let json = serde_json::to_string(&[&text]).unwrap();
        prop_assert_eq!(&Body::Payload(text).encode().unwrap()[1..], json.as_bytes());
    }

    #[test]
    fn json_is_read_as_another_reader_does(
        json in r#"[\[]("[a\\u0-9d/]{0,8}"|[0-9.eE+-]{1,4}|true|null|[ \[\]{}:,"a]{0,6})([,\]}:{ ]{1,3}){0,3}"#,
    ) {
        // A number beyond range is fine for the original and for us.
        let other: Result<serde_json::Value, _> = serde_json::from_str(&json);
        let beyond = other.as_ref().is_err_and(|error| error.to_string().contains("out of range"));
        // That reader refuses halves of surrogate pairs even where nobody reads them.
        let half = other.as_ref().is_err_and(|error| error.to_string().contains("surrogate")
            || error.to_string().contains("hex escape"));
        prop_assume!(!beyond && !half);
        let ours = Body::decode(&[b"\x01", json.as_bytes()].concat());
        let is_array = other.as_ref().is_ok_and(serde_json::Value::is_array);
        prop_assert_eq!(ours != Err(v1::BodyError::NotArray), is_array, "{}", json);
    }

    #[test]
    fn contents_are_inverse(parents in vec(any::<[u8; 20]>(), 0..5), body in body()) {
        let content = Content { parents: parents.into_iter().map(MessageId::from).collect(), body };
        prop_assert_eq!(Content::decode(&content.encode().unwrap()), Ok(content));
    }

    #[test]
    fn greetings_are_inverse(fields in greeting_fields()) {
        let packet = fields.clone().sign(&key([1; 32])).unwrap();
        let Ok(Packet::Greeting(found)) = v1::decode(&packet.to_wire()) else {
            return Err(TestCaseError::fail("not a greeting packet"));
        };
        prop_assert_eq!(found.peek(), &packet);
        prop_assert_eq!(found.peek().fields(), &fields);
        prop_assert_eq!(found.peek().signed_bytes(), packet.signed_bytes());
    }

    #[test]
    fn data_packets_are_inverse(
        iv in any::<[u8; 12]>(),
        ciphertext in vec(any::<u8>(), 0..300),
        hash in bytes32(),
    ) {
        let packet = DataFields { iv, ciphertext: ciphertext.clone() }.sign(&key([1; 32]), &hash);
        let packet = packet.unwrap();
        prop_assert_eq!(packet.ciphertext(), &ciphertext[..]);
        let Ok(Packet::Data(found)) = v1::decode(&packet.to_wire()) else {
            return Err(TestCaseError::fail("not a data packet"));
        };
        prop_assert_eq!(found.peek(), &packet);
        prop_assert_eq!((found.peek().hint(), *found.peek().iv()), (hash[0], iv));
    }

    #[test]
    fn error_packets_are_inverse(
        source in name(),
        severity in select(&[Severity::Info, Severity::Warning, Severity::Terminal][..]),
        text in vec(any::<u8>(), 0..50),
        signed in any::<bool>(),
    ) {
        let key = key([1; 32]);
        let fields = ErrorFields { source, severity, text };
        let packet = fields.sign(signed.then_some(&key)).unwrap();
        let Ok(Packet::Error(found)) = v1::decode(&packet.to_wire()) else {
            return Err(TestCaseError::fail("not an error packet"));
        };
        prop_assert_eq!(found.peek(), &packet);
    }

    #[test]
    fn altered_packets_are_refused_or_canonical(
        wire in select(golden()),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<bool>(),
    ) {
        let mut bytes = armor::decode(&wire).unwrap();
        let at = at.index(bytes.len());
        if cut {
            bytes.remove(at);
        } else {
            bytes[at] = byte;
        }
        check_wire(&armor::encode(&bytes));
        let mut wire = wire;
        let at = at % wire.len();
        wire[at] = byte;
        check_wire(&wire);
    }

    #[test]
    fn any_bytes_are_refused_or_canonical(bytes in vec(any::<u8>(), 0..200)) {
        check_wire(&bytes);
        check_wire(&armor::encode(&bytes));
        let header = b"\0\x12\0\x01\x07\0\x03\0\x40";
        let tail = b"\0\x01\0\x01\x01\0\x02\0\x01\x03\0\x11\0\x0c";
        let start = [header, &[7; 64][..], tail, &bytes].concat();
        check_wire(&armor::encode(&start));
        check_plaintext(&bytes);
        check_armor(&bytes);
    }
}
