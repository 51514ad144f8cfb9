//! Data packets: every vector, from text to wire and back (wire-v1.md section 7).

use mpenc_crypto::{SecretBytes, SigningKey, StreamCipher, Suite, V1, VerifyingKey};
use mpenc_packet::padding::{pad, unpad};
use mpenc_packet::v1::{
    self, Body, Content, DATA_CONTEXT, DataFields, EncodeError, Packet, record,
};
use serde_json::Value;

use crate::support::{
    Broken, DATA_PACKETS, array, data, hex, hex_array, key, message_id, number, text, vectors,
};

fn sid_key_hash(case: &Value) -> [u8; 32] {
    let hash = V1::hash(&[&hex(&case["sid"]), &hex(&case["group_key"])]);
    assert_eq!(hash[..], hex(&case["sidkey_hash"]));
    hash
}

//= docs/spec/protocol.md#MSG-002
//= type=test
//= docs/spec/protocol.md#MSG-003
//= type=test
//= docs/spec/protocol.md#MSG-020
//= type=test
#[test]
fn text_to_wire_and_back() {
    for case in array(&vectors(DATA_PACKETS)["cases"]) {
        let body = Body::decode(&hex(&case["body_utf8"])).unwrap();
        let parents = array(&case["parents"]).iter().map(message_id);
        let content = Content { parents: parents.collect(), body };
        let raw = content.encode().unwrap();
        assert_eq!(raw, hex(&case["raw_payload"]));

        let group_key = SecretBytes::new(hex_array(&case["group_key"]));
        let iv = hex_array(&case["iv"]);
        let mut ciphertext = pad(&raw, number(&case["padding"])).unwrap();
        assert_eq!(ciphertext.len(), number(&case["padded_len"]));
        V1::apply_keystream(&group_key, &iv, &mut ciphertext);

        let hash = sid_key_hash(case);
        let key = key(hex_array(&case["eph_seed"]));
        let packet = DataFields { iv, ciphertext }.sign(&key, &hash).unwrap();
        let wire = text(&case["wire"]).as_bytes();
        assert_eq!(packet.to_wire(), wire);
        assert_eq!(packet.message_id::<V1>(), message_id(&case["mid"]));

        let Ok(Packet::Data(found)) = v1::decode(wire) else { panic!("not a data packet") };
        assert_eq!(found.peek(), &packet);
        assert_eq!(usize::from(found.peek().hint()), number(&case["sidkey_hint"]));
        let verifying = VerifyingKey::import(&key.public()).unwrap();
        let verified = found.verify::<V1>(&verifying, &[DATA_CONTEXT, &hash]).unwrap();
        let mut plain = verified.ciphertext().to_vec();
        V1::apply_keystream(&group_key, verified.iv(), &mut plain);
        assert_eq!(Content::decode(unpad(&plain).unwrap()), Ok(content));
    }
}

#[test]
fn negative_vectors() {
    let file = vectors(DATA_PACKETS);
    let negative = &file["negative"];
    let base = &file["cases"][number(&negative["base"])];
    let hash = sid_key_hash(base);
    let author_key = |author: &Value| {
        array(&file["cases"])
            .iter()
            .find(|case| case["sid"] == base["sid"] && case["author"] == *author)
            .map(|case| key(hex_array(&case["eph_seed"])).public())
    };
    for case in array(&negative["cases"]) {
        let accepted =
            match (v1::decode(text(&case["wire"]).as_bytes()), author_key(&case["author"])) {
                (Ok(Packet::Data(packet)), Some(key)) => {
                    let key = VerifyingKey::import(&key).unwrap();
                    packet.verify::<V1>(&key, &[DATA_CONTEXT, &hash]).is_ok()
                }
                _ => false,
            };
        assert_eq!(accepted, case["accepted"] == true, "{}", case["label"]);
    }
}

//= docs/spec/protocol.md#MSG-009
//= type=test
//= docs/spec/protocol.md#MOD-007
//= type=test
#[test]
fn the_hint_is_no_part_of_the_identity() {
    let file = vectors(DATA_PACKETS);
    let wire = text(&file["cases"][0]["wire"]).as_bytes();
    let mut other = Broken::of(wire);
    let at = other.position(record::SIDKEY_HINT);
    other.0[at].1[0] ^= 1;
    let Ok(Packet::Data(other)) = other.decode() else { panic!("not a data packet") };
    assert_ne!(other.peek().hint(), data(wire).hint());
    assert_eq!(other.peek().message_id::<V1>(), data(wire).message_id::<V1>());
}

#[test]
fn signature_and_content_are_part_of_the_identity() {
    let file = vectors(DATA_PACKETS);
    let wire = text(&file["cases"][0]["wire"]).as_bytes();
    let mut seen = vec![data(wire).message_id::<V1>()];
    for kind in [record::MESSAGE_SIGNATURE, record::MESSAGE_IV, record::MESSAGE_PAYLOAD] {
        let mut other = Broken::of(wire);
        let at = other.position(kind);
        other.0[at].1[0] ^= 1;
        let Ok(Packet::Data(other)) = other.decode() else { panic!("not a data packet") };
        let id = other.peek().message_id::<V1>();
        assert!(!seen.contains(&id));
        seen.push(id);
    }
}

#[test]
fn ciphertext_beyond_a_record_is_refused() {
    let fields = DataFields { iv: [0; 12], ciphertext: vec![0; 65_536] };
    assert!(matches!(fields.sign(&key([1; 32]), &[0; 32]), Err(EncodeError::ValueTooLong(_))));
}
