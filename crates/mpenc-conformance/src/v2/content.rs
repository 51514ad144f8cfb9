//! Contents and plaintexts of messages, and content in parts.

use mpenc::Timestamp;
use mpenc::content::{ContentAssembler, MAX_CONTENT, Progress};
use mpenc_crypto::V2;
use mpenc_packet::v2::{Body, Content, ErrorCode, Part, Plaintext, content_digest};
use serde_json::{Value, json};

use super::hx;
use crate::json::{Checked, Node};

pub(super) fn content(case: &Node<'_>) -> Checked<Value> {
    let node = case.get("content")?;
    let bytes = node.hex()?;
    let Ok(found) = Content::decode(&bytes) else { return Ok(json!({"expect": "refuse"})) };
    let again = found.encode().map_err(|error| node.fault(format!("is not encoded: {error}")))?;
    node.expect_hex(&again)?;
    let body = found.body.encode().map_err(|error| node.fault(error.to_string()))?;
    let (kind, body) = body.split_first().ok_or_else(|| node.fault("has no kind"))?;
    Ok(json!({
        "expect": "accept",
        "parents": found.parents.iter().map(|id| hx(id.as_bytes())).collect::<Vec<_>>(),
        "number": found.number,
        "chain": hx(found.chain.as_bytes()),
        "kind": kind,
        "body": hx(body),
        "says": says(&found.body),
    }))
}

fn says(body: &Body) -> Value {
    match body {
        Body::Payload(text) => json!({"text": text}),
        Body::ExplicitAck { manual } => json!({"manual": manual}),
        Body::Heartbeat | Body::Close | Body::Opaque { .. } => json!({}),
        Body::Consistency { close } => json!({"close": close}),
        Body::OrderConfirmation(id) => json!({"packet": hx(id.as_bytes())}),
        Body::Absence { away } => json!({"away": away}),
        Body::Error { code, subject } => {
            let code = match code {
                ErrorCode::InconsistentHistory => 0,
                ErrorCode::Fork => 1,
                ErrorCode::BadMessage => 2,
            };
            json!({"code": code, "subject": subject.as_ref().map(|id| hx(id.as_bytes()))})
        }
        Body::Part(part) => {
            let mut fields = json!({
                "index": part.index, "count": part.count, "bytes": hx(&part.bytes),
            });
            if let (Some(start), Some(fields)) = (part.start, fields.as_object_mut()) {
                fields.insert("size".to_owned(), json!(start.size));
                fields.insert("digest".to_owned(), hx(start.digest));
            }
            fields
        }
    }
}

pub(super) fn plaintext(case: &Node<'_>) -> Checked<Value> {
    let node = case.get("plaintext")?;
    let bytes = node.hex()?;
    let Ok(found) = Plaintext::decode(&bytes) else { return Ok(json!({"expect": "refuse"})) };
    node.expect_hex(&found.encode())?;
    Ok(json!({
        "expect": "accept",
        "signature": hx(found.signature.as_bytes()),
        "content": hx(&found.content),
    }))
}

/// Long bytes are written as pieces [hex, how often].
fn repeated(node: &Node<'_>) -> Checked<Vec<u8>> {
    let mut bytes = Vec::new();
    for piece in node.items()? {
        let [text, times] = piece.items()?.try_into().map_err(|_| piece.fault("is no piece"))?;
        bytes.extend(text.hex()?.repeat(times.size()?));
    }
    Ok(bytes)
}

pub(super) fn parts(case: &Node<'_>) -> Checked<Value> {
    let mut bodies = Vec::new();
    for body in case.get("bodies")?.items()? {
        let bytes = [vec![PART], repeated(&body)?].concat();
        match Body::decode(&bytes) {
            Ok(Body::Part(part)) => {
                let again = Body::Part(part.clone());
                let again = again.encode().map_err(|error| body.fault(error.to_string()))?;
                body.expect(&hex::encode(bytes), &hex::encode(again))?;
                bodies.push(part);
            }
            _ => return Ok(json!({"expect": "incomplete"})),
        }
    }
    let Some(whole) = joined(&bodies) else { return Ok(json!({"expect": "incomplete"})) };
    let recorded = case.get("whole")?;
    recorded.expect(&hex::encode(repeated(&recorded)?), &hex::encode(&whole))?;
    Ok(json!({"expect": "complete", "digest": hx(content_digest::<V2>(&whole))}))
}

/// The text that a session makes of parts in their order; none if they do not fit together.
fn joined(parts: &[Part]) -> Option<Vec<u8>> {
    let mut assembler = ContentAssembler::new(content_digest::<V2>, MAX_CONTENT);
    let (last, before) = parts.split_last()?;
    for part in before {
        let (former, progress) = assembler.accept(&(), part.clone(), Timestamp::default());
        if former.is_some() || !matches!(progress, Progress::Receiving(_)) {
            return None;
        }
    }
    match assembler.accept(&(), last.clone(), Timestamp::default()) {
        (None, Progress::Complete(text)) => Some(text.into_bytes()),
        _ => None,
    }
}

/// The kind of a part.
const PART: u8 = 7;
