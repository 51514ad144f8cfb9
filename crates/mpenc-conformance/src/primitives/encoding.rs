//! Records, armour, message bodies, padding.

use mpenc_crypto::{SecretBytes, StreamCipher, Suite, V1};
use mpenc_packet::tlv::{Records, TlvError, Writer};
use mpenc_packet::v1::{self, Body, DecodeError, PacketKind};
use mpenc_packet::{armor as text_form, padding as padded};

use crate::departures::Departure;
use crate::json::{Checked, LONE_SURROGATE, Node};
use crate::report::Tally;

pub(super) fn tlv(file: &Node<'_>, tally: &mut Tally) -> Checked {
    for case in file.list("encode")? {
        tally.case("encodings", |_| encode_record(&case));
    }
    for case in file.list("decode")? {
        tally.case("decodings", |tally| decode_records(&case, tally));
    }
    Ok(())
}

fn write(at: &Node<'_>, kind: u64, value: &[u8]) -> Checked<Vec<u8>> {
    let mut out = Writer::new();
    let kind = u16::try_from(kind).map_err(|_| at.fault("has a type beyond 16 bits"))?;
    out.push(kind, value).map_err(|error| at.fault(format!("does not encode: {error:?}")))?;
    Ok(out.into_bytes())
}

fn encode_record(case: &Node<'_>) -> Checked {
    let kind = case.get("type")?.number()?;
    let value = match case.opt("value") {
        Some(value) => value.hex()?,
        None => {
            let byte = case.get("value_byte")?;
            let byte = match byte.is_text() {
                true => byte.hex()?,
                false => vec![u8::try_from(byte.number()?).map_err(|_| byte.fault("is no byte"))?],
            };
            byte.repeat(case.get("value_len")?.size()?)
        }
    };
    if case.has("error") {
        return match write(case, kind, &value) {
            Ok(_) => Err(case.fault("is accepted, the original refuses it")),
            Err(_) => Ok(()),
        };
    }
    let found = write(case, kind, &value)?;
    match case.opt("encoded") {
        Some(encoded) => encoded.expect_hex(&found),
        None => case.get("encoded_sha256")?.expect_hex(&V1::hash(&[&found])),
    }
}

fn decode_records(case: &Node<'_>, tally: &mut Tally) -> Checked {
    let input = case.get("input")?;
    let bytes = input.hex()?;
    let found: Result<Vec<_>, TlvError> = Records::new(&bytes).collect();
    let lenient = case.opt("lenient").is_some_and(|lenient| lenient.is_true());
    if lenient || case.has("error") {
        if lenient {
            tally.depart(Departure::Lenient);
        }
        return match found {
            Ok(_) => Err(input.fault("is accepted and should be refused")),
            Err(_) => Ok(()),
        };
    }
    let found = found.map_err(|error| input.fault(format!("is refused: {error:?}")))?;
    let expected = case.get("records")?;
    let records = expected.items()?;
    expected.expect(&records.len(), &found.len())?;
    let mut again = Vec::new();
    for (record, found) in records.iter().zip(&found) {
        record.get("type")?.expect_number(usize::from(found.kind))?;
        record.get("value")?.expect_hex(found.value)?;
        again.extend(write(record, u64::from(found.kind), found.value)?);
    }
    input.expect_hex(&again)
}

pub(super) fn armor(file: &Node<'_>, tally: &mut Tally) -> Checked {
    for case in file.list("encode")? {
        tally.case("encodings", |_| {
            let (binary, wire) = (case.get("binary")?, case.get("wire")?);
            wire.expect_text(&text_form::encode(&binary.hex()?))?;
            let decoded = text_form::decode(wire.text()?.as_bytes())
                .map_err(|error| wire.fault(format!("is refused: {error:?}")))?;
            binary.expect_hex(&decoded)
        });
    }
    for case in file.list("classify")? {
        tally.case("classifications", |tally| classify(&case, tally));
    }
    if let Some(query) = file.opt("query_message_tlv") {
        tally.case("queries", |_| {
            let found = v1::kind(&text_form::encode(&query.hex()?));
            query.expect(&Ok(PacketKind::Query), &found)
        });
    }
    Ok(())
}

fn classify(case: &Node<'_>, tally: &mut Tally) -> Checked {
    let wire = case.get("wire")?;
    let bytes = wire.text()?.as_bytes();
    let found = v1::kind(bytes);
    let refused = |found: Result<PacketKind, DecodeError>| match found {
        Err(reason) if reason != DecodeError::Text => Ok(()),
        Ok(_) | Err(_) => Err(wire.fault(format!("should be refused, found {found:?}"))),
    };
    if case.opt("lenient").is_some_and(|lenient| lenient.is_true()) {
        tally.depart(Departure::Lenient);
        return refused(found);
    }
    if case.has("error") {
        return refused(found);
    }
    let kind = case.get("type")?;
    let content = case.get("content")?;
    if kind.number()? != 0 {
        let number = found.map(|kind| usize::from(kind.to_u8()));
        kind.expect(&Ok(kind.size()?), &number)?;
        let decoded = text_form::decode(bytes)
            .map_err(|error| wire.fault(format!("is refused: {error:?}")))?;
        return content.expect_hex(&decoded);
    }
    if bytes.starts_with(b"?mpENC") {
        tally.depart(Departure::ArmouredText);
        return refused(found);
    }
    wire.expect(&Err(DecodeError::Text), &found)?;
    content.expect_hex(bytes)
}

pub(super) fn message_body(file: &Node<'_>, tally: &mut Tally) -> Checked {
    for case in file.list("encode")? {
        tally.case("encodings", |tally| {
            let encoded = case.get("encoded_utf8")?;
            let bytes = encoded.hex()?;
            let Some(body) = body(&case)? else {
                tally.depart(Departure::HalfSurrogate);
                return refused(&encoded, Body::decode(&bytes).is_err());
            };
            if case.has("error") {
                return refused(&case, body.encode().is_err());
            }
            let found = body.encode().map_err(|e| case.fault(format!("is refused: {e:?}")))?;
            encoded.expect_hex(&found)?;
            encoded.expect(&Ok(body), &Body::decode(&bytes))
        });
    }
    for case in file.list("decode")? {
        tally.case("decodings", |tally| {
            let encoded = case.get("encoded")?;
            let found = Body::decode(&encoded.hex()?);
            if case.has("error") {
                return refused(&encoded, found.is_err());
            }
            let decoded = case.get("decoded")?;
            let Some(expected) = body(&decoded)? else {
                tally.depart(Departure::HalfSurrogate);
                return refused(&encoded, found.is_err());
            };
            decoded.expect(&Ok(expected), &found)
        });
    }
    Ok(())
}

fn refused(at: &Node<'_>, refused: bool) -> Checked {
    if refused { Ok(()) } else { Err(at.fault("is accepted and should be refused")) }
}

/// The body a vector describes; `None` if its text cannot exist.
fn body(case: &Node<'_>) -> Checked<Option<Body>> {
    let kind = case.get("type")?;
    Ok(Some(match kind.text()? {
        "payload" => {
            let text = case.get("content")?.text()?;
            if text.contains(LONE_SURROGATE) {
                return Ok(None);
            }
            Body::Payload(text.into())
        }
        "ack" => Body::ExplicitAck { manual: case.get("manual")?.flag()? },
        "consistency" => Body::Consistency { close: case.get("close")?.flag()? },
        other => return Err(kind.fault(format!("is the unknown type `{other}`"))),
    }))
}

pub(super) fn padding(file: &Node<'_>, tally: &mut Tally) -> Checked {
    let key = SecretBytes::new(file.get("group_key")?.array()?);
    for case in file.list("cases")? {
        tally.case("paddings", |_| pad(&case, &key));
    }
    Ok(())
}

/// The one rule that files use for long plaintexts.
const RAW_RULE: &str = "raw[i] = (7*i + raw_len) mod 256";

fn pad(case: &Node<'_>, key: &SecretBytes<32>) -> Checked {
    let len = case.get("raw_len")?;
    let raw: Vec<u8> = match case.opt("raw") {
        Some(raw) => raw.hex()?,
        None => {
            let rule = case.get("raw_rule")?;
            rule.expect(&rule.text()?, &RAW_RULE)?;
            let len = len.size()?;
            let [low, ..] = len.to_le_bytes();
            let byte = |i: usize| i.to_le_bytes()[0].wrapping_mul(7).wrapping_add(low);
            (0..len).map(byte).collect()
        }
    };
    len.expect_number(raw.len())?;
    let base = case.get("padding")?.size()?;
    if case.has("error") {
        return refused(case, padded::pad(&raw, base).is_err());
    }
    let mut data =
        padded::pad(&raw, base).map_err(|error| case.fault(format!("is refused: {error:?}")))?;
    case.get("padded_len")?.expect_number(data.len())?;
    case.expect(&Ok(&raw[..]), &padded::unpad(&data))?;
    V1::apply_keystream(key, &case.get("iv")?.array()?, &mut data);
    match case.opt("ciphertext") {
        Some(ciphertext) => ciphertext.expect_hex(&data),
        None => case.get("ciphertext_sha256")?.expect_hex(&V1::hash(&[&data])),
    }
}
