//! The text form: every vector, and nothing looser (wire-v1.md section 2).

use mpenc_packet::armor::{self, ArmorError};
use mpenc_packet::v1::{self, DecodeError, PacketKind};
use mpenc_types::limits::MAX_PACKET_LEN;

use crate::support::{ARMOR, array, hex, number, text, vectors};

#[test]
fn encode_vectors() {
    for case in array(&vectors(ARMOR)["encode"]) {
        let (binary, wire) = (hex(&case["binary"]), text(&case["wire"]).as_bytes());
        assert_eq!(armor::encode(&binary), wire);
        assert_eq!(armor::decode(wire), Ok(binary.clone()));
        assert_eq!(armor::armored_len(binary.len()), wire.len());
    }
}

#[test]
fn classify_vectors() {
    for case in array(&vectors(ARMOR)["classify"]) {
        let wire = text(&case["wire"]).as_bytes();
        let found = v1::kind(wire);
        if case["lenient"] == true {
            assert_eq!(found, Err(DecodeError::Base64), "{case}");
        } else if case["error"].is_string() {
            assert!(found.is_err() && found != Err(DecodeError::Text), "{case}");
        } else if number(&case["type"]) != 0 {
            let expected = u8::try_from(number(&case["type"])).unwrap();
            assert_eq!(found.map(PacketKind::to_u8), Ok(expected), "{case}");
            assert_eq!(armor::decode(wire), Ok(hex(&case["content"])));
        } else if wire.starts_with(armor::PROTOCOL) {
            // The original takes an armoured packet of type 0 for text; nobody sends one, and a
            // second way to send text would only serve to deceive (ATK-014).
            assert_eq!(found, Err(DecodeError::UnknownType { found: 0 }));
        } else {
            assert_eq!(found, Err(DecodeError::Text), "{case}");
            assert_eq!(wire, hex(&case["content"]), "text is passed on as it is");
        }
    }
}

// ATK-007
#[test]
fn base64_has_one_form() {
    fn check(body: &str, expected: Result<&[u8], ArmorError>) {
        let wire = format!("?mpENC:{body}.");
        assert_eq!(armor::decode(wire.as_bytes()), expected.map(<[u8]>::to_vec), "{wire}");
    }
    check("", Ok(b""));
    check("YQ==", Ok(b"a"));
    check("YWI=", Ok(b"ab"));
    check("+/+/", Ok(b"\xfb\xff\xbf"));
    for loose in [
        "YQ", "YQ=", "YWI", "YQ===", "YQ==YQ==", "=", "====", "Y", "YR==", "YWJ=", " YQ==",
        "YQ== ", "YQ\n==", "Y Q==", "-_-_", "YQ==\0", "YQ.=",
    ] {
        check(loose, Err(ArmorError::Base64));
    }
}

#[test]
fn other_forms_are_told_apart() {
    fn check(wire: &[u8], expected: ArmorError) {
        assert_eq!(armor::decode(wire), Err(expected));
    }
    check(b"", ArmorError::Text);
    check(b"hello", ArmorError::Text);
    check(b"?mpEN", ArmorError::Text);
    check(b"?mpENC", ArmorError::UnknownForm);
    check(b"?mpENC:", ArmorError::UnknownForm);
    check(b"?mpENC:YQ==", ArmorError::UnknownForm);
    check(b"?mpENC:YQ==.\n", ArmorError::UnknownForm);
    check(b"?mpENCv2:YQ==.", ArmorError::UnknownForm);
    check(b"?mpENC Error:oops", ArmorError::UnknownForm);
    check(b"?mpENC:\xff\xfe.", ArmorError::Base64);
    assert_eq!(armor::decode(b"?mpENC:."), Ok(Vec::new()));
}

// ATK-002
#[test]
fn length_is_limited() {
    let most = (MAX_PACKET_LEN - 8) / 4 * 3;
    let wire = armor::encode(&vec![7; most]);
    assert_eq!(wire.len(), MAX_PACKET_LEN);
    assert!(armor::decode(&wire).is_ok());
    let wire = armor::encode(&vec![7; most + 1]);
    assert_eq!(armor::decode(&wire), Err(ArmorError::TooLong { found: wire.len() }));
    assert_eq!(armor::decode(&vec![b'x'; MAX_PACKET_LEN + 1]), Err(ArmorError::Text));
}
