//! Greeting packets: every vector, from fields to wire and back (wire-v1.md section 5).

use mpenc_crypto::{PublicKey, Signature, Signed, SigningKey, V1, VerifyingKey};
use mpenc_packet::v1::{
    self, EncodeError, GREETING_CONTEXT, GreetType, GreetingFields, GreetingMetadata,
    GreetingOperation, Packet, record,
};
use mpenc_types::{ChainHash, MemberId, MessageId, PacketId};
use serde_json::Value;

use crate::support::{
    GREET_PACKETS, array, greeting, hex, hex_array, key, member, message_id, number, text, vectors,
};

fn fields(case: &Value) -> GreetingFields {
    let number = u16::try_from(number(&case["greet_type"])).unwrap();
    let metadata = case["prev_pf"].is_string().then(|| GreetingMetadata {
        prev_final: PacketId::new(hex_array(&case["prev_pf"])),
        prev_chain: ChainHash::new(hex_array(&case["chain_hash"])),
        heads: array(&case["latest_pm"]).iter().map(message_id).collect(),
    });
    GreetingFields {
        greet_type: GreetType::from_u16(number).unwrap(),
        source: member(&case["source"]),
        dest: Some(member(&case["dest"])).filter(|dest| !dest.as_bytes().is_empty()),
        members: array(&case["members"]).iter().map(member).collect(),
        int_keys: array(&case["int_keys"])
            .iter()
            .map(|key| (!text(key).is_empty()).then(|| hex_array(key)))
            .collect(),
        nonces: array(&case["nonces"]).iter().map(hex_array).collect(),
        pub_keys: array(&case["pub_keys"]).iter().map(|k| PublicKey::new(hex_array(k))).collect(),
        metadata,
        session_signature: case["session_signature"]
            .as_str()
            .map(|_| Signature::new(hex_array(&case["session_signature"]))),
    }
}

//= docs/spec/protocol.md#SKE-006
//= type=test
#[test]
fn fields_to_wire_and_back() {
    for case in array(&vectors(GREET_PACKETS)["cases"]) {
        let fields = fields(case);
        let key = key(hex_array(&case["eph_seed"]));
        let packet = fields.clone().sign(&key).unwrap();
        let wire = text(&case["wire"]).as_bytes();
        assert_eq!(packet.to_wire(), wire, "{}", case["greet_type_name"]);
        assert_eq!(packet.signature().as_bytes()[..], hex(&case["signature"]));

        let Ok(Packet::Greeting(found)) = v1::decode(wire) else { panic!("not a greeting") };
        assert_eq!(found.peek(), &packet);
        assert_eq!(found.peek().fields(), &fields);
        let verifying = VerifyingKey::import(&key.public()).unwrap();
        assert!(found.verify::<V1>(&verifying, &[GREETING_CONTEXT]).is_ok());
        assert!(found.verify::<V1>(&verifying, &[]).is_err());
    }
}

#[test]
fn types_say_what_their_bits_say() {
    let mut seen = Vec::new();
    for case in array(&vectors(GREET_PACKETS)["cases"]) {
        let t = greeting(text(&case["wire"]).as_bytes()).fields().greet_type;
        let bits = &case["bits"];
        assert_eq!(t.is_downflow(), bits["down"] == true);
        assert_eq!(t.is_upflow(), bits["down"] == false);
        assert_eq!(t.has_int_keys(), bits["gka"] == true);
        assert_eq!(t.has_ske(), bits["ske"] == true);
        assert_eq!(t.is_initial(), bits["init"] == true);
        let operation = match number(&case["operation"]) {
            1 => GreetingOperation::Start,
            2 => GreetingOperation::Include,
            3 => GreetingOperation::Exclude,
            4 => GreetingOperation::Refresh,
            5 => GreetingOperation::Quit,
            other => panic!("unknown operation {other}"),
        };
        assert_eq!(t.operation(), operation);
        assert_eq!(t.is_confirm(), text(&case["greet_type_name"]).contains("CONFIRM"));
        seen.push(t);
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, GreetType::ALL);
}

#[test]
fn numbers_without_type() {
    let known = (0..=u16::MAX).filter_map(|n| Some((n, GreetType::from_u16(n)?)));
    let known: Vec<_> = known.collect();
    assert_eq!(known.len(), GreetType::ALL.len());
    assert!(known.iter().all(|(n, t)| t.to_u16() == *n));
}

/// A well-formed example of each type.
fn examples() -> Vec<GreetingFields> {
    let mut examples: Vec<_> = array(&vectors(GREET_PACKETS)["cases"]).iter().map(fields).collect();
    examples.sort_by_key(|fields| fields.greet_type);
    examples.dedup_by_key(|fields| fields.greet_type);
    examples
}

#[test]
fn fields_that_do_not_fit_the_type_have_no_encoding() {
    fn check(fields: &GreetingFields, kind: u16, alter: impl FnOnce(&mut GreetingFields)) {
        let mut fields = fields.clone();
        alter(&mut fields);
        let found = fields.clone().sign(&key([1; 32])).err();
        assert_eq!(found, Some(EncodeError::Misfit { kind }), "{fields:?}");
    }
    let metadata = GreetingMetadata {
        prev_final: PacketId::new([1; 32]),
        prev_chain: ChainHash::new([2; 32]),
        heads: Vec::new(),
    };
    for good in examples() {
        assert!(good.clone().sign(&key([1; 32])).is_ok());
        check(&good, record::DEST, |f| match f.dest.take() {
            Some(_) => {}
            None => f.dest = Some(f.source.clone()),
        });
        check(&good, record::DEST, |f| f.dest = Some(MemberId::from_wire(b"")));
        let member = good.source.clone();
        check(&good, record::MEMBER, |f| swap(&mut f.members, member));
        check(&good, record::INT_KEY, |f| swap(&mut f.int_keys, Some([1; 32])));
        check(&good, record::NONCE, |f| swap(&mut f.nonces, [1; 32]));
        check(&good, record::PUB_KEY, |f| swap(&mut f.pub_keys, PublicKey::new([1; 32])));
        check(&good, record::PREV_PF, |f| match f.metadata.take() {
            Some(_) => {}
            None => f.metadata = Some(metadata.clone()),
        });
        check(&good, record::SESSION_SIGNATURE, |f| match f.session_signature.take() {
            Some(_) => {}
            None => f.session_signature = Some(Signature::new([1; 64])),
        });
        if let Some(metadata) = &good.metadata {
            for heads in [
                vec![MessageId::from([2; 20]), MessageId::from([1; 20])],
                vec![MessageId::from([1; 20]), MessageId::from([1; 20])],
                vec![MessageId::from([1; 32])],
            ] {
                let metadata = GreetingMetadata { heads, ..metadata.clone() };
                check(&good, record::LATEST_PM, |f| f.metadata = Some(metadata));
            }
        }
        if good.int_keys.len() > 1 {
            check(&good, record::INT_KEY, |f| f.int_keys[1] = None);
        }
        if good.greet_type.has_int_keys() && good.greet_type != GreetType::StartInitial {
            check(&good, record::INT_KEY, |f| f.int_keys[0] = None);
        }
    }
}

/// Empties a list, or fills an empty one.
fn swap<T>(list: &mut Vec<T>, entry: T) {
    if list.is_empty() {
        list.push(entry);
    } else {
        list.clear();
    }
}
