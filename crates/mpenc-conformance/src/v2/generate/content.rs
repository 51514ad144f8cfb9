//! Contents and plaintexts of messages, and content in parts, good and bad.

use mpenc_crypto::{Signature, V2};
use mpenc_packet::v2::{
    Body, Content, ErrorCode, MAX_TEXT, Part, PartStart, Plaintext, content_digest, split,
};
use mpenc_types::{ChainHash, MessageId, PacketId};
use serde_json::{Value, json};

use super::super::hx;
use super::packets::unable;
use super::{Dice, plain};
use crate::json::Checked;

pub(super) fn content(dice: &mut Dice) -> Checked<Value> {
    let mut contents = Vec::new();
    good_contents(dice, &mut contents)?;
    bad_contents(dice, &mut contents);
    let mut plaintexts = Vec::new();
    for len in [39, 60, 61, 188, 189, 1000, 4029] {
        let signature = Signature::new(dice.array());
        let plaintext = Plaintext { signature, content: dice.bytes(len) }.encode();
        plaintexts.push(json!({"label": format!("content of {len} bytes"),
            "plaintext": hx(plaintext), "expect": "accept"}));
    }
    bad_plaintexts(dice, &mut plaintexts);
    let lists = vec![("contents", contents), ("plaintexts", plaintexts)];
    plain("mpenc-v2-content/1", lists)
}

fn good_contents(dice: &mut Dice, cases: &mut Vec<Value>) -> Checked {
    let bodies = vec![
        ("payload", 1, Body::Payload("Hello".to_owned())),
        ("payload, not ASCII", 2, Body::Payload("żółw 龍 🙂".to_owned())),
        ("payload with a zero byte", 0, Body::Payload("a\0b\n".to_owned())),
        ("payload of 3,000 bytes", 1, Body::Payload("x".repeat(3000))),
        ("automatic ack", 3, Body::ExplicitAck { manual: false }),
        ("ack by the user", 1, Body::ExplicitAck { manual: true }),
        ("heartbeat", 1, Body::Heartbeat),
        ("request for acks", 1, Body::Consistency { close: false }),
        ("FIN", 1, Body::Consistency { close: true }),
        ("order confirmation", 0, Body::OrderConfirmation(PacketId::new(dice.array()))),
        ("away", 1, Body::Absence { away: true }),
        ("back", 1, Body::Absence { away: false }),
        (
            "error: inconsistent history",
            1,
            Body::Error { code: ErrorCode::InconsistentHistory, subject: None },
        ),
        (
            "error: fork, with its message",
            1,
            Body::Error {
                code: ErrorCode::Fork,
                subject: Some(MessageId::from(dice.array::<32>())),
            },
        ),
        ("error: bad message", 1, Body::Error { code: ErrorCode::BadMessage, subject: None }),
        (
            "second and last part",
            1,
            Body::Part(Part { index: 1, count: 2, start: None, bytes: b"the rest".to_vec() }),
        ),
        ("close", 1, Body::Close),
        ("error with an unknown code", 1, Body::Opaque { kind: 6, bytes: vec![3, 1, 2, 3] }),
        ("unknown kind", 1, Body::Opaque { kind: 9, bytes: dice.bytes(7) }),
        ("unknown kind without body", 0, Body::Opaque { kind: 255, bytes: Vec::new() }),
        ("100 parents", 100, Body::Heartbeat),
    ];
    for (label, parents, body) in bodies {
        let mut parents: Vec<MessageId> =
            (0..parents).map(|_| MessageId::from(dice.array::<32>())).collect();
        parents.sort_unstable();
        let chain = ChainHash::new(dice.array());
        let content = Content { parents, number: 3, chain, body };
        cases.push(json!({"label": label, "content": hx(content.encode().map_err(unable)?),
            "expect": "accept"}));
    }
    Ok(())
}

fn bad_contents(dice: &mut Dice, cases: &mut Vec<Value>) {
    let middle = [&[0, 0, 0, 1][..], &dice.bytes(32)].concat();
    let mut put = |label: &str, reason: &str, bytes: Vec<u8>| {
        cases.push(json!({"label": label, "content": hx(bytes), "expect": "refuse",
            "reason": reason}));
    };
    let with = |body: &[u8]| [&[0, 0][..], &middle, body].concat();
    put("nothing", "short", Vec::new());
    put("no kind", "short", with(&[]));
    put("half a chain hash", "short", with(&[]).get(..20).unwrap_or_default().to_vec());
    let ids = |a: u8, b: u8| [&[0, 2][..], &[a; 32], &[b; 32], &middle, &[2]].concat();
    put("parents in another order", "order", ids(2, 1));
    put("a parent twice", "order", ids(1, 1));
    put("513 parents", "limit", [&[2, 1][..], &[0; 100]].concat());
    put("more parents than there are", "short", [&[0, 9][..], &[7; 40]].concat());
    for (label, reason, body) in [
        ("payload without text", "body", vec![0]),
        ("payload that is no UTF-8", "text", vec![0, 0xff]),
        ("payload cut inside a character", "text", vec![0, b'a', 0xc5]),
        ("payload with a surrogate", "text", vec![0, 0xed, 0xa0, 0x80]),
        ("ack without its byte", "body", vec![1]),
        ("ack 02", "body", vec![1, 2]),
        ("ack with a byte more", "body", vec![1, 0, 0]),
        ("heartbeat with a byte", "body", vec![2, 0]),
        ("consistency 02", "body", vec![3, 2]),
        ("consistency without its byte", "body", vec![3]),
        ("order confirmation of 31 bytes", "body", [vec![4], vec![1; 31]].concat()),
        ("order confirmation of 33 bytes", "body", [vec![4], vec![1; 33]].concat()),
        ("absence 02", "body", vec![5, 2]),
        ("error without code", "body", vec![6]),
        ("error with half a message", "body", [vec![6, 1], vec![1; 16]].concat()),
        ("error with a byte more", "body", [vec![6, 1], vec![1; 33]].concat()),
        ("close with a byte", "body", vec![8, 0]),
        ("part without anything", "body", vec![7]),
        ("part: one part only", "body", vec![7, 0, 0, 0, 1, 1]),
        ("part: index not below count", "body", vec![7, 0, 2, 0, 2, 1]),
        ("part: 1,025 parts", "body", vec![7, 4, 0, 4, 1, 1]),
        ("part: last part empty", "body", vec![7, 0, 1, 0, 2]),
        ("part: too short, and not the last", "body", vec![7, 0, 1, 0, 3, 1, 2]),
    ] {
        put(label, reason, with(&body));
    }
}

fn bad_plaintexts(dice: &mut Dice, cases: &mut Vec<Value>) {
    let mut put = |label: &str, reason: &str, bytes: Vec<u8>| {
        cases.push(json!({"label": label, "plaintext": hx(bytes), "expect": "refuse",
            "reason": reason}));
    };
    let front = |len: u32, dice: &mut Dice| {
        [&dice.bytes(64)[..], &len.to_be_bytes(), &dice.bytes(50)].concat()
    };
    let padded = |mut bytes: Vec<u8>, len| {
        bytes.resize(len, 0);
        bytes
    };
    put("nothing", "short", Vec::new());
    put("half a signature", "short", vec![1; 32]);
    put("a content longer than everything", "short", padded(front(100, dice), 128));
    put("the largest length", "short", padded(front(u32::MAX, dice), 128));
    let mut bad = padded(front(50, dice), 128);
    if let Some(last) = bad.last_mut() {
        *last = 1;
    }
    put("padding that ends in one", "padding", bad);
    let mut bad = padded(front(50, dice), 128);
    if let Some(first) = bad.get_mut(118) {
        *first = 0x80;
    }
    put("padding that begins with 80", "padding", bad);
    put("no padding", "padding", front(50, dice));
    put("a byte less", "padding", padded(front(50, dice), 127));
    put("a byte more", "padding", padded(front(50, dice), 129));
    put("padded to the next length but one", "padding", padded(front(50, dice), 256));
    put("a content shorter than the bytes", "padding", padded(front(49, dice), 128));
}

pub(super) fn parts(_: &mut Dice) -> Checked<Value> {
    let mut cases = Vec::new();
    for (label, len) in [
        ("one byte more than a message holds", MAX_TEXT + 1),
        ("two whole parts", 2 * MAX_TEXT),
        ("three parts", 2 * MAX_TEXT + 5),
    ] {
        let text = "a".repeat(len);
        let bodies: Vec<Value> =
            split::<V2>(&text).map_err(unable)?.map(|part| runs(&part)).collect();
        cases.push(json!({"label": label, "bodies": bodies, "whole": [["61", len]],
            "expect": "complete"}));
    }
    let good: Vec<Part> = split::<V2>(&"a".repeat(2 * MAX_TEXT + 5)).map_err(unable)?.collect();
    let [first, second, third] = good.as_slice() else { return Ok(Value::Null) };
    let mut put = |label: &str, parts: &[&Part]| {
        let bodies: Vec<Value> = parts.iter().map(|part| runs(part)).collect();
        cases.push(json!({"label": label, "bodies": bodies, "expect": "incomplete"}));
    };
    put("the last missing", &[first, second]);
    put("the first missing", &[second, third]);
    put("one in the middle missing", &[first, third]);
    put("one twice", &[first, second, second, third]);
    put("in another order", &[first, third, second]);
    let altered = |part: &Part, alter: &dyn Fn(&mut Part)| {
        let mut part = part.clone();
        alter(&mut part);
        part
    };
    let digest = altered(first, &|part| {
        if let Some(start) = &mut part.start {
            start.digest = [0; 32];
        }
    });
    put("another digest", &[&digest, second, third]);
    let size = altered(first, &|part| {
        if let Some(start) = &mut part.start {
            start.size = start.size.saturating_add(1);
        }
    });
    put("another size", &[&size, second, third]);
    let last = altered(third, &|part| part.bytes.push(b'a'));
    put("a longer last part", &[first, second, &last]);
    let other = altered(second, &|part| part.count = 4);
    put("another count", &[first, &other, third]);
    let short = altered(second, &|part| part.bytes.truncate(5));
    put("a short part in the middle", &[first, &short, third]);
    let more = altered(first, &|part| {
        if let Some(start) = &mut part.start {
            start.size = 16_384;
        }
    });
    put("more parts than the size needs", &[&more, second, third]);
    // Right in everything, but no text.
    let whole = [vec![b'a'; MAX_TEXT], vec![0xff]].concat();
    let size = u32::try_from(whole.len()).unwrap_or(u32::MAX);
    let start = Some(PartStart { size, digest: content_digest::<V2>(&whole) });
    let one = Part { index: 0, count: 2, start, bytes: vec![b'a'; MAX_TEXT] };
    let two = Part { index: 1, count: 2, start: None, bytes: vec![0xff] };
    put("no UTF-8", &[&one, &two]);
    plain("mpenc-v2-parts/1", vec![("cases", cases)])
}

/// The body of a part, written as pieces [hex, how often].
fn runs(part: &Part) -> Value {
    let mut front = [part.index.to_be_bytes(), part.count.to_be_bytes()].concat();
    if let Some(start) = &part.start {
        front.extend(start.size.to_be_bytes());
        front.extend(start.digest);
    }
    let byte = part.bytes.first().map_or(&[][..], core::slice::from_ref);
    json!([[hx(front), 1], [hx(byte), part.bytes.len()]])
}
