//! Message bodies: written as the original writes, read as the original reads (wire-v1.md
//! section 8).

use mpenc_packet::v1::{Body, BodyError, Content, ContentError, EncodeError};
use mpenc_types::{BodyKind, MessageId};
use serde_json::Value;

use crate::support::{MESSAGE_BODY, array, hex, text, vectors};

fn body(case: &Value) -> Body {
    let flag = |name: &str| case[name].as_bool().unwrap();
    match text(&case["type"]) {
        "payload" => Body::Payload(text(&case["content"]).into()),
        "ack" => Body::ExplicitAck { manual: flag("manual") },
        "consistency" => Body::Consistency { close: flag("close") },
        other => panic!("unknown type {other}"),
    }
}

fn payload(json: &str) -> Result<Body, BodyError> {
    Body::decode(&[b"\0", json.as_bytes()].concat())
}

//= docs/spec/protocol.md#MOD-009
//= type=test
#[test]
fn encode_vectors() {
    for case in array(&vectors(MESSAGE_BODY)["encode"]) {
        let encoded = hex(&case["encoded_utf8"]);
        assert_eq!(body(case).encode(), Ok(encoded.clone()), "{case}");
        assert_eq!(Body::decode(&encoded), Ok(body(case)), "{case}");
    }
}

#[test]
fn decode_vectors() {
    for case in array(&vectors(MESSAGE_BODY)["decode"]) {
        let found = Body::decode(&hex(&case["encoded"]));
        if case["error"].is_string() {
            assert!(found.is_err(), "{case}");
        } else {
            assert_eq!(found, Ok(body(&case["decoded"])), "{case}");
        }
    }
}

#[test]
fn kinds_are_told() {
    assert_eq!(Body::Payload("a".into()).kind(), BodyKind::Payload);
    assert_eq!(Body::ExplicitAck { manual: true }.kind(), BodyKind::ExplicitAck { manual: true });
    assert_eq!(Body::Consistency { close: true }.kind(), BodyKind::Consistency { close: true });
    assert_eq!(Body::decode(b"\x02[]"), Err(BodyError::UnknownKind(2)), "heartbeat is reserved");
    assert_eq!(Body::decode(b"\x04[true]"), Err(BodyError::UnknownKind(4)));
    assert_eq!(Body::decode(b"\xc3\xbf[true]"), Err(BodyError::UnknownKind(0xc3)));
    assert_eq!(Body::decode(b""), Err(BodyError::Empty));
}

#[test]
fn empty_text_is_no_message() {
    assert_eq!(Body::Payload(String::new()).encode(), Err(EncodeError::EmptyText));
    assert_eq!(payload(r#"[""]"#), Err(BodyError::Element));
}

#[test]
fn only_what_must_be_escaped_is() {
    for code in 0..=0x2030 {
        let Some(c) = char::from_u32(code) else { continue };
        let encoded = Body::Payload(c.into()).encode().unwrap();
        let inner = core::str::from_utf8(&encoded[3..encoded.len() - 2]).unwrap();
        match c {
            '\u{8}' => assert_eq!(inner, r"\b"),
            '\t' => assert_eq!(inner, r"\t"),
            '\n' => assert_eq!(inner, r"\n"),
            '\u{c}' => assert_eq!(inner, r"\f"),
            '\r' => assert_eq!(inner, r"\r"),
            '"' => assert_eq!(inner, r#"\""#),
            '\\' => assert_eq!(inner, r"\\"),
            '\0'..='\u{1f}' => assert_eq!(inner, format!("\\u{code:04x}")),
            _ => assert_eq!(inner, c.to_string()),
        }
    }
}

//= docs/spec/protocol.md#MSG-008
//= type=test
#[test]
fn text_that_is_not_text_is_refused() {
    // ATK-020
    assert_eq!(Body::decode(b"\0[\"\xff\"]"), Err(BodyError::NotUtf8));
    assert_eq!(Body::decode(b"\0[\"\xed\xa0\x80\"]"), Err(BodyError::NotUtf8));
    assert_eq!(Body::decode(b"\0[\"\xc0\x80\"]"), Err(BodyError::NotUtf8));
    assert_eq!(Body::decode(b"\0[\"a\"]\xff"), Err(BodyError::NotUtf8));
    for half in [
        r#"["\ud800"]"#,
        r#"["\udc00"]"#,
        r#"["\ud800\ud800"]"#,
        r#"["\udc00\ud800"]"#,
        r#"["\ud800x\udc00"]"#,
        r#"["x\udbff"]"#,
        r#"["\ud83d\n"]"#,
    ] {
        assert_eq!(payload(half), Err(BodyError::Element), "{half}");
    }
}

#[test]
fn escapes_are_read() {
    fn check(json: &str, expected: &str) {
        assert_eq!(payload(json), Ok(Body::Payload(expected.into())), "{json}");
    }
    check(r#"["\ud83d\ude00"]"#, "\u{1f600}");
    check(r#"["\uD83D\uDE00\uFFFF"]"#, "\u{1f600}\u{ffff}");
    check(r#"["\ud800\udc00\udbff\udfff"]"#, "\u{10000}\u{10ffff}");
    check(r#"["\/\b\f\n\r\t\"\\"]"#, "/\u{8}\u{c}\n\r\t\"\\");
    check(r#"["\u0000\u001F\u007f"]"#, "\0\u{1f}\u{7f}");
    check("[\"\u{7f}\u{2028}\"]", "\u{7f}\u{2028}");
    check(" \t\r\n[ \n\"a\" ]\r\n", "a");
}

#[test]
fn further_elements_may_be_anything_json() {
    for rest in [
        "1",
        "-0",
        "0.5",
        "1e9",
        "-1.5E+10",
        "2E-3",
        "null",
        "true",
        "false",
        r#""\ud800""#,
        "[]",
        "{}",
        "[[[]]]",
        r#"{"a":1,"b":[{}]}"#,
        r#"{"\udfff" : "" , "a" : null }"#,
        " 1 , 2 ",
    ] {
        assert_eq!(payload(&format!("[\"a\",{rest}]")), Ok(Body::Payload("a".into())), "{rest}");
    }
}

#[test]
fn what_is_not_json_is_refused() {
    for bad in [
        "",
        " ",
        "[",
        "]",
        "[]]",
        "[\"a\"",
        "[\"a\",]",
        "[,\"a\"]",
        "[\"a\" \"b\"]",
        "[\"a]",
        "[\"\\\"]",
        "[\"\\x\"]",
        "[\"\\u12\"]",
        "[\"\\u+123\"]",
        "[\"\n\"]",
        "[\"\0\"]",
        "['a']",
        "\"a\"",
        "1",
        "{}",
        "{\"0\":\"a\"}",
        "null",
        "[\"a\"]x",
        "[\"a\"] []",
        "\u{feff}[\"a\"]",
        "[\"a\"]\u{a0}",
        "[\"a\"}",
        "[\"a\",{]",
        "[\"a\",{\"b\"}]",
        "[\"a\",{\"b\":}]",
        "[\"a\",{\"b\":1,}]",
        "[\"a\",{1:1}]",
        "[\"a\",01]",
        "[\"a\",-]",
        "[\"a\",1.]",
        "[\"a\",.5]",
        "[\"a\",+1]",
        "[\"a\",1e]",
        "[\"a\",1e+]",
        "[\"a\",0x1]",
        "[\"a\",NaN]",
        "[\"a\",tru]",
        "[\"a\",truex]",
        "[\"a\",[}]",
        "[\"a\",nul]",
        "[\"a\",\u{663}]",
    ] {
        assert_eq!(payload(bad), Err(BodyError::NotArray), "{bad}");
    }
    for wrong in [
        "[]",
        "[1]",
        "[true]",
        "[null]",
        "[[]]",
        "[{}]",
        "[[\"a\"]]",
        "[1,\"a\"]",
        "[[],\"a\"]",
        "[{},\"a\"]",
    ] {
        assert_eq!(payload(wrong), Err(BodyError::Element), "{wrong}");
    }
    for kind in [1, 3] {
        for wrong in ["[]", "[1]", "[\"true\"]", "[null]", "[[true]]"] {
            let value = [&[kind], wrong.as_bytes()].concat();
            assert_eq!(Body::decode(&value), Err(BodyError::Element), "{wrong}");
        }
    }
}

// ATK-019
#[test]
fn depth_costs_no_stack() {
    let run = |json: String| {
        std::thread::Builder::new()
            .stack_size(64 * 1024)
            .spawn(move || payload(&json))
            .unwrap()
            .join()
            .unwrap()
    };
    let deep = 200_000;
    let json = format!("[\"a\",{}{}]", "[".repeat(deep), "]".repeat(deep));
    assert_eq!(run(json), Ok(Body::Payload("a".into())));
    let json = format!("[\"a\",{}", "{\"\":[".repeat(deep));
    assert_eq!(run(json), Err(BodyError::NotArray));
}

fn content(parents: usize, text_len: usize) -> Content {
    Content {
        parents: (0..parents).map(|i| MessageId::from([i.to_le_bytes()[0]; 20])).collect(),
        body: Body::Payload("x".repeat(text_len)),
    }
}

//= docs/spec/protocol.md#MSG-007
//= type=test
#[test]
fn content_is_limited() {
    // wire-v1.md section 7: 32757 characters without parents, 24 bytes less for each parent.
    for parents in 0..4 {
        let most = 32_757 - 24 * parents;
        let raw = content(parents, most).encode().unwrap();
        assert_eq!(raw.len(), mpenc_packet::padding::MAX_RAW_LEN);
        assert_eq!(Content::decode(&raw), Ok(content(parents, most)));
        assert!(matches!(
            content(parents, most + 1).encode(),
            Err(EncodeError::TooLarge(error)) if error.found == 32_767
        ));
    }
}

// ATK-004, ATK-005, ATK-006, ATK-008 at the level of the plaintext
#[test]
fn content_is_canonical() {
    let good = content(2, 1).encode().unwrap();
    let parent = &good[..24];
    let body = &good[48..];
    let short = [b"\0\x13\0\x13", &parent[4..23]].concat();
    let long = [b"\0\x13\0\x15", &parent[4..], b"x"].concat();
    for bad in [
        [&good, &b"\0"[..]].concat(),
        [&good, &b"\0\0\0\0"[..]].concat(),
        [&good, body].concat(),
        [body, parent].concat(),
        [parent, b"\0\x99\0\0", body].concat(),
        [b"\0\x99\0\0", parent, body].concat(),
        [&short, body].concat(),
        [&long, body].concat(),
        [b"\0\x13\0\0", body].concat(),
        parent.to_vec(),
        Vec::new(),
    ] {
        assert!(matches!(Content::decode(&bad), Err(ContentError::Record(_))), "{bad:02x?}");
    }
    for cut in 0..good.len() {
        assert!(Content::decode(&good[..cut]).is_err(), "cut at {cut}");
    }
}

#[test]
fn parents_of_another_profile_have_no_encoding() {
    let mut content = content(0, 1);
    content.parents.push(MessageId::from([0; 32]));
    assert!(matches!(content.encode(), Err(EncodeError::Misfit { .. })));
}
