//! What is inside a message.

use mpenc_packet::v2::{
    Body, BodyError, Content, ContentError, EncodeError, ErrorCode, FieldError, MAX_BODY_LEN,
    MAX_CONTENT_LEN, MAX_PARENTS, MAX_TEXT, Part, PartStart,
};
use mpenc_types::{BodyKind, ChainHash, MessageId, PacketId};

pub(crate) fn content(body: Body) -> Content {
    let parents = vec![MessageId::from([0x71; 32]), MessageId::from([0x72; 32])];
    Content { parents, number: 0x0102_0304, chain: ChainHash::new([0x73; 32]), body }
}

/// Every kind of body, with its bytes.
pub(crate) fn bodies() -> Vec<(Body, Vec<u8>)> {
    let id = MessageId::from([0x74; 32]);
    let first = Part {
        index: 0,
        count: 2,
        start: Some(PartStart { size: 16_385, digest: [0x75; 32] }),
        bytes: vec![b'x'; MAX_TEXT],
    };
    let first_bytes =
        [&[7, 0, 0, 0, 2, 0, 0, 0x40, 1][..], &[0x75; 32], &[b'x'; MAX_TEXT]].concat();
    let last = Part { index: 1, count: 2, start: None, bytes: vec![b'x'] };
    let error = |code, subject| Body::Error { code, subject };
    vec![
        (Body::Payload("hé".into()), b"\0h\xc3\xa9".to_vec()),
        (Body::ExplicitAck { manual: false }, vec![1, 0]),
        (Body::ExplicitAck { manual: true }, vec![1, 1]),
        (Body::Heartbeat, vec![2]),
        (Body::Consistency { close: false }, vec![3, 0]),
        (Body::Consistency { close: true }, vec![3, 1]),
        (Body::OrderConfirmation(PacketId::new([0x76; 32])), [&[4][..], &[0x76; 32]].concat()),
        (Body::Absence { away: true }, vec![5, 1]),
        (Body::Absence { away: false }, vec![5, 0]),
        (error(ErrorCode::InconsistentHistory, None), vec![6, 0]),
        (error(ErrorCode::Fork, Some(id)), [&[6, 1][..], &[0x74; 32]].concat()),
        (error(ErrorCode::BadMessage, None), vec![6, 2]),
        (Body::Part(first), first_bytes),
        (Body::Part(last), vec![7, 0, 1, 0, 2, b'x']),
        (Body::Close, vec![8]),
        (Body::Opaque { kind: 9, bytes: vec![] }, vec![9]),
        (Body::Opaque { kind: 0xff, bytes: vec![1, 2] }, vec![0xff, 1, 2]),
        (Body::Opaque { kind: 6, bytes: vec![3, 9] }, vec![6, 3, 9]),
    ]
}

pub(crate) fn contents() -> Vec<Content> {
    let with_parents = bodies().into_iter().map(|(body, _)| content(body));
    let bare = Content { parents: Vec::new(), ..content(Body::Heartbeat) };
    with_parents.chain([bare]).collect()
}

//= docs/spec/v2.md#V2-022
//= type=test
//= docs/spec/v2.md#V2-026
//= type=test
#[test]
fn every_kind_and_back() {
    for (body, bytes) in bodies() {
        assert_eq!(body.encode().as_ref(), Ok(&bytes), "{body:?}");
        assert_eq!(Body::decode(&bytes).as_ref(), Ok(&body));
        let content = content(body);
        let expected =
            [&[0, 2][..], &[0x71; 32], &[0x72; 32], &[1, 2, 3, 4], &[0x73; 32], &bytes].concat();
        assert_eq!(content.encode().as_ref(), Ok(&expected));
        assert_eq!(Content::decode(&expected), Ok(content));
    }
}

#[test]
fn kinds_say_what_bodies_are_for() {
    let kinds: Vec<_> = bodies().iter().map(|(body, _)| body.kind()).collect();
    let expected = [
        BodyKind::Payload,
        BodyKind::ExplicitAck { manual: false },
        BodyKind::ExplicitAck { manual: true },
        BodyKind::Heartbeat,
        BodyKind::Consistency { close: false },
        BodyKind::Consistency { close: true },
        BodyKind::OrderConfirmation,
        BodyKind::Absence { away: true },
        BodyKind::Absence { away: false },
        BodyKind::Error,
        BodyKind::Error,
        BodyKind::Error,
        BodyKind::Part,
        BodyKind::Payload, // the last part
        BodyKind::Close,
        BodyKind::Opaque(9),
        BodyKind::Opaque(0xff),
        BodyKind::Opaque(6),
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn what_has_no_form_is_refused() {
    let reserved = |found| ContentError::Body(BodyError::Reserved { found });
    let truncated = ContentError::Field(FieldError::Truncated);
    let trailing = ContentError::Field(FieldError::Trailing);
    for (bytes, expected) in [
        (&b""[..], truncated),
        (&[0], BodyError::TextLen { found: 0 }.into()),
        (b"\0\xff", BodyError::NotUtf8.into()),
        (b"\0a\xc3", BodyError::NotUtf8.into()),
        (b"\0\xed\xa0\x80", BodyError::NotUtf8.into()),
        (&[1], truncated),
        (&[1, 2], reserved(2)),
        (&[1, 0, 0], trailing),
        (&[2, 0], trailing),
        (&[3, 0xff], reserved(0xff)),
        (&[3], truncated),
        (&[4; 32], truncated),
        (&[4; 34], trailing),
        (&[5], truncated),
        (&[5, 2], reserved(2)),
        (&[6], truncated),
        (&[6, 0, 1], truncated),
        (&[6; 1], truncated),
        (&[[6, 1].as_slice(), &[0; 31]].concat(), truncated),
        (&[[6, 1].as_slice(), &[0; 33]].concat(), trailing),
        (&[7], truncated),
        (&[8, 0], trailing),
    ] {
        assert_eq!(Body::decode(bytes), Err(expected), "{bytes:?}");
    }
}

#[test]
fn truths_have_two_values() {
    for kind in [1, 3, 5] {
        for value in 2..=u8::MAX {
            let expected = ContentError::Body(BodyError::Reserved { found: value });
            assert_eq!(Body::decode(&[kind, value]), Err(expected));
        }
    }
}

//= docs/spec/protocol.md#MOD-010
//= type=test
#[test]
fn what_is_unknown_is_kept_as_it_is() {
    for kind in 9..=u8::MAX {
        let bytes = vec![kind, 1, 2, 3];
        let body = Body::decode(&bytes).unwrap();
        assert_eq!(body.kind(), BodyKind::Opaque(kind));
        assert_eq!(body.encode(), Ok(bytes));
    }
    for code in 3..=u8::MAX {
        for len in [0, 1, 32, 40] {
            let bytes = [&[6, code][..], &vec![1; len]].concat();
            assert_eq!(Body::decode(&bytes).unwrap().encode(), Ok(bytes));
        }
    }
    // Known kinds have one form only.
    for (kind, bytes) in [(0, b"a".to_vec()), (2, vec![]), (8, vec![]), (6, vec![]), (6, vec![2])] {
        assert_eq!(Body::Opaque { kind, bytes }.encode(), Err(EncodeError::Opaque));
    }
}

//= docs/spec/attacks.md#ATK-005
//= type=test
//= docs/spec/attacks.md#ATK-006
//= type=test
#[test]
fn parents_ascend_and_stand_once() {
    let bytes = |parents: &[[u8; 32]]| {
        let count = u16::try_from(parents.len()).unwrap().to_be_bytes();
        [&count[..], &parents.concat(), &[0; 4], &[0; 32], &[2]].concat()
    };
    for (parents, right) in [
        (&[[1; 32], [2; 32], [3; 32]][..], true),
        (&[[2; 32], [1; 32]], false),
        (&[[1; 32], [3; 32], [2; 32]], false),
        (&[[1; 32], [1; 32]], false),
    ] {
        let found = Content::decode(&bytes(parents));
        assert_eq!(found.is_ok(), right);
        if !right {
            assert_eq!(found, Err(FieldError::Order.into()));
        }
    }
    let mut content = content(Body::Heartbeat);
    let expected = content.encode();
    content.parents.reverse();
    assert_eq!(content.encode(), expected, "the writer sorts");
    content.parents.push(MessageId::from([0x71; 32]));
    assert_eq!(content.encode(), Err(EncodeError::Duplicate));
    content.parents = vec![MessageId::from([1; 20])];
    assert_eq!(content.encode(), Err(EncodeError::Identifier { found: 20 }));
    let id = MessageId::from([1; 20]);
    let body = Body::Error { code: ErrorCode::Fork, subject: Some(id) };
    assert_eq!(body.encode(), Err(EncodeError::Identifier { found: 20 }));
}

#[test]
fn sizes_are_limited() {
    let text = |len: usize| Body::Payload("x".repeat(len));
    assert!(text(MAX_TEXT).encode().is_ok());
    let found = EncodeError::Text { found: MAX_TEXT + 1 };
    assert_eq!(text(MAX_TEXT + 1).encode(), Err(found));
    assert_eq!(text(0).encode(), Err(EncodeError::Text { found: 0 }));
    let raw = |kind: u8, len: usize| [&[kind][..], &vec![b'x'; len]].concat();
    assert!(Body::decode(&raw(0, MAX_TEXT)).is_ok());
    let found = BodyError::TextLen { found: MAX_TEXT + 1 };
    assert_eq!(Body::decode(&raw(0, MAX_TEXT + 1)), Err(found.into()));
    let opaque = |len: usize| Body::Opaque { kind: 9, bytes: vec![0; len] };
    assert!(opaque(MAX_BODY_LEN).encode().is_ok());
    assert_eq!(opaque(MAX_BODY_LEN + 1).encode(), Err(EncodeError::Opaque));
    assert!(Body::decode(&raw(9, MAX_BODY_LEN)).is_ok());
    let found = BodyError::TooLong { found: MAX_BODY_LEN + 1 };
    for kind in [0, 6, 7, 9] {
        assert_eq!(Body::decode(&raw(kind, MAX_BODY_LEN + 1)), Err(found.into()));
    }
    assert_eq!((MAX_TEXT, MAX_BODY_LEN, MAX_PARENTS), (16_384, 16_448, 512));
    let parents = (0..512).map(id).collect();
    let largest = Content { parents, ..content(opaque(MAX_BODY_LEN)) };
    let bytes = largest.encode().unwrap();
    assert_eq!(bytes.len(), MAX_CONTENT_LEN);
    assert_eq!(Content::decode(&bytes), Ok(largest.clone()));
    let parents = (0..513).map(id).collect();
    let found = Content { parents, ..largest }.encode();
    assert_eq!(found, Err(EncodeError::TooMany { found: 513, limit: 512 }));
}

//= docs/spec/protocol.md#GKA-031
//= type=test
#[test]
fn parents_are_limited() {
    let bytes = |count: u16| {
        let parents: Vec<u8> =
            (0..u64::from(count)).flat_map(|i| id(i).as_bytes().to_vec()).collect();
        [&count.to_be_bytes()[..], &parents, &[0; 4], &[0; 32], &[2]].concat()
    };
    assert!(Content::decode(&bytes(512)).is_ok());
    let found = FieldError::TooMany { found: 513, limit: 512 };
    assert_eq!(Content::decode(&bytes(513)), Err(found.into()));
}

fn id(number: u64) -> MessageId {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&number.to_be_bytes());
    MessageId::from(id)
}

/// ATK-020: what people write appears in no log.
#[test]
fn printing_shows_no_text() {
    for body in [
        Body::Payload("secret".into()),
        Body::Part(Part { index: 1, count: 2, start: None, bytes: b"secret".to_vec() }),
        Body::Opaque { kind: 9, bytes: b"secret".to_vec() },
    ] {
        let bytes = format!("{:?}", b"secret".to_vec());
        for shown in [format!("{body:?}"), format!("{:#?}", content(body))] {
            assert!(!shown.contains("secret") && !shown.contains(&bytes), "{shown}");
            assert!(shown.contains('6'), "its size is shown: {shown}");
        }
    }
    for (body, _) in bodies() {
        assert!(!format!("{body:?}").is_empty());
    }
}
