//! Requests for copies: their keys, their plaintexts, and the packets of one subsession.

use mpenc::security::{MessageSecurity as _, Request};
use mpenc_crypto::{Aead as _, FramedHash as _, Label, V2};
use mpenc_packet::v2::RequestPacket;
use serde_json::{Value, json};

use super::hx;
use super::keyed::{Keys, RequestKeys};
use super::messages::Subsession;
use crate::json::{Checked, Node};

pub(super) fn keys(case: &Node<'_>) -> Checked<Value> {
    let keys = Keys::new(&case.get("sid")?.array()?, &case.get("root")?.array()?);
    let RequestKeys { key, nonce_key } = keys.requests();
    Ok(json!({"key": hx(key.expose()), "nonce_key": hx(nonce_key)}))
}

pub(super) fn plaintext(case: &Node<'_>) -> Checked<Value> {
    let node = case.get("plaintext")?;
    let Ok(found) = Request::decode(&node.hex()?) else { return Ok(json!({"expect": "refuse"})) };
    node.expect_hex(&found.encode())?;
    let held = found.held.iter();
    let held = held.map(|(place, position)| json!([place, hx(position.to_be_bytes())]));
    Ok(json!({
        "expect": "accept",
        "attempt": found.attempt,
        "accepted": found.accepted.iter().map(|n| hx(n.to_be_bytes())).collect::<Vec<_>>(),
        "held": held.collect::<Vec<_>>(),
        "wanted": found.wanted.iter().map(|id| hx(id.as_bytes())).collect::<Vec<_>>(),
    }))
}

/// Encrypts whatever it is, with another nonce than the right one if there is one.
pub(super) fn sealed(keys: &RequestKeys, plaintext: &[u8], nonce: Option<[u8; 12]>) -> Vec<u8> {
    let hash = V2::framed(Label::NONCE, &[&keys.nonce_key, plaintext]);
    let right = core::array::from_fn(|i| hash.get(i).copied().unwrap_or_default());
    let nonce = nonce.unwrap_or(right);
    let mut packet = RequestPacket { nonce, ciphertext: Vec::new() };
    let mut data = plaintext.to_vec();
    V2::seal_in_place(&keys.key, &nonce, &packet.aad(), &mut data);
    packet.ciphertext = data;
    packet.to_wire()
}

/// What a member makes of a packet.
pub(super) fn packet(case: &Node<'_>) -> Checked<Value> {
    let subsession = Subsession::bare(case.get("sid")?.array()?, case.get("root")?.array()?);
    let node = case.get("packet")?;
    let (reader, members) = (subsession.reader()?, case.get("members")?.size()?);
    let opened = reader.open_request(&node.hex()?);
    let Some(request) = opened.filter(|request| request.accepted.len() == members) else {
        return Ok(json!({"expect": "refuse"}));
    };
    let plaintext = request.encode();
    node.expect_hex(&sealed(&subsession.keys.requests(), &plaintext, None))?;
    node.expect_hex(&reader.seal_request(&request).unwrap_or_default())?;
    Ok(json!({"expect": "accept", "plaintext": hx(plaintext)}))
}
