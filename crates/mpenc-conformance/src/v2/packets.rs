//! Packets of each kind, good and bad.

use mpenc_crypto::{
    SecretBytes, SignLabel, Signed, SigningKey as _, Suite, Unverified, V2, VerifyingKey as _,
};
use mpenc_packet::v2::{
    self, AbortFields, AbortReason, Contribution, DataPacket, Greeting, InitialFields, PacketKind,
    PublicationPacket, RequestPacket,
};
use serde_json::{Value, json};

use super::hx;
use crate::json::{Checked, Node};

type Key = <V2 as Suite>::SigningKey;

pub(super) fn packet(case: &Node<'_>) -> Checked<Value> {
    let node = case.get("packet")?;
    let bytes = node.hex()?;
    let refuse = Ok(json!({"expect": "refuse"}));
    let fields = match v2::kind(&bytes) {
        Err(_) => return refuse,
        Ok(PacketKind::Message) => match DataPacket::decode(&bytes) {
            Err(_) => return refuse,
            Ok(packet) => {
                node.expect_hex(&packet.to_wire())?;
                json!({
                    "tag": hx(packet.tag),
                    "nonce": hx(packet.nonce),
                    "ciphertext": hx(&packet.ciphertext),
                })
            }
        },
        Ok(PacketKind::Publication) => match PublicationPacket::decode(&bytes) {
            Err(_) => return refuse,
            Ok(packet) => {
                node.expect_hex(&packet.to_wire())?;
                json!({
                    "sid": hx(packet.sid.as_bytes()),
                    "place": packet.place,
                    "seed": hx(packet.seed),
                })
            }
        },
        Ok(PacketKind::Request) => match RequestPacket::decode(&bytes) {
            Err(_) => return refuse,
            Ok(packet) => {
                node.expect_hex(&packet.to_wire())?;
                json!({"nonce": hx(packet.nonce), "ciphertext": hx(&packet.ciphertext)})
            }
        },
        Ok(_) => match v2::decode_greeting(&bytes) {
            Err(_) => return refuse,
            Ok(greeting) => signed(case, &greeting, &bytes)?,
        },
    };
    let kind = v2::kind(&bytes).map(kind_name).map_err(|error| node.fault(error.to_string()))?;
    let op = (kind == "initial").then(|| hx(v2::operation_id::<V2>(&bytes).as_bytes()));
    Ok(json!({"expect": "accept", "kind": kind, "fields": fields, "op": op}))
}

pub(super) fn kind_name(kind: PacketKind) -> &'static str {
    match kind {
        PacketKind::Initial => "initial",
        PacketKind::Contribution => "contribution",
        PacketKind::Share => "share",
        PacketKind::Confirmation => "confirmation",
        PacketKind::Abort => "abort",
        PacketKind::Message => "message",
        PacketKind::Publication => "publication",
        PacketKind::Request => "request",
    }
}

/// Verifies a greeting packet, makes it again, and lists its fields.
fn signed(case: &Node<'_>, greeting: &Greeting, wire: &[u8]) -> Checked<Value> {
    let signer = Key::from_seed(&SecretBytes::new(case.get("signer")?.array()?));
    let node = case.get("packet")?;
    let ctx = match case.opt("ctx") {
        Some(ctx) => ctx.array()?,
        None => [0; 32],
    };
    let unable = |error: v2::EncodeError| node.fault(format!("is not made again: {error}"));
    let again = match greeting {
        Greeting::Initial(found) => {
            verify(&node, &signer, found, &[SignLabel::INITIAL.as_bytes()])?;
            found.peek().fields().clone().sign(&signer).map_err(unable)?.to_wire()
        }
        Greeting::Contribution(found) => {
            verify(&node, &signer, found, &[SignLabel::CONTRIBUTION.as_bytes()])?;
            found.peek().fields().clone().sign(&signer).map_err(unable)?.to_wire()
        }
        Greeting::Share(found) => {
            verify(&node, &signer, found, &[SignLabel::SHARE.as_bytes(), &ctx])?;
            found.peek().fields().clone().sign(&signer, &ctx).map_err(unable)?.to_wire()
        }
        Greeting::Confirmation(found) => {
            verify(&node, &signer, found, &[SignLabel::CONFIRMATION.as_bytes()])?;
            found.peek().fields().clone().sign(&signer).map_err(unable)?.to_wire()
        }
        Greeting::Abort(found) => {
            verify(&node, &signer, found, &[SignLabel::ABORT.as_bytes()])?;
            found.peek().fields().clone().sign(&signer).map_err(unable)?.to_wire()
        }
    };
    node.expect_hex(&again)?;
    node.expect(&hex::encode(wire), &hex::encode(&again))?;
    Ok(fields(greeting))
}

fn verify<T: Signed>(
    node: &Node<'_>,
    signer: &Key,
    packet: &Unverified<T>,
    context: &[&[u8]],
) -> Checked {
    let key = <V2 as Suite>::VerifyingKey::import(&signer.public())
        .map_err(|_| node.fault("has an unusable signer"))?;
    let verified = packet.verify::<V2>(&key, context);
    verified.map(|_| ()).map_err(|_| node.fault("does not verify under the signer's key"))
}

/// The fields of a packet as the files list them.
pub(super) fn fields(greeting: &Greeting) -> Value {
    match greeting {
        Greeting::Initial(found) => initial(found.peek().fields()),
        Greeting::Contribution(found) => {
            let found = found.peek().fields();
            let mut fields = contribution(&found.contribution);
            extend(&mut fields, &json!({"op": hx(found.op.as_bytes()), "place": found.place}));
            fields
        }
        Greeting::Share(found) => {
            let found = found.peek().fields();
            json!({
                "op": hx(found.op.as_bytes()), "place": found.place, "x": hx(found.share),
                "c": hx(found.challenge), "s": hx(found.response),
            })
        }
        Greeting::Confirmation(found) => {
            let found = found.peek().fields();
            json!({
                "op": hx(found.op.as_bytes()), "place": found.place, "t": hx(found.transcript),
                "kc": hx(found.check),
            })
        }
        Greeting::Abort(found) => abort(found.peek().fields()),
    }
}

fn extend(fields: &mut Value, more: &Value) {
    if let (Some(fields), Some(more)) = (fields.as_object_mut(), more.as_object()) {
        fields.extend(more.clone());
    }
}

fn contribution(found: &Contribution) -> Value {
    json!({
        "nonce": hx(found.nonce), "ephemeral": hx(found.ephemeral.as_bytes()),
        "point": hx(found.point),
    })
}

fn initial(found: &InitialFields) -> Value {
    let entries: Vec<Value> = found
        .entries
        .iter()
        .map(|entry| {
            json!({
                "name": String::from_utf8_lossy(entry.name.as_bytes()),
                "previous": entry.was,
                "key": entry.key.map(|key| hx(key.as_bytes())),
            })
        })
        .collect();
    json!({
        "label": hx(found.label),
        "instance": hx(found.instance),
        "place": found.place,
        "entries": entries,
        "prev_final": hx(found.prev_final.as_bytes()),
        "prev_chain": hx(found.prev_chain.as_bytes()),
        "heads": found.heads.iter().map(|id| hx(id.as_bytes())).collect::<Vec<_>>(),
        "contribution": found.contribution.as_ref().map(contribution),
    })
}

fn abort(found: &AbortFields) -> Value {
    let (reason, subject) = match found.reason {
        AbortReason::Asked => (0, None),
        AbortReason::TimedOut => (1, None),
        AbortReason::IdentityKey(place) => (2, Some(place)),
        AbortReason::NoKey => (3, None),
        AbortReason::Internal => (4, None),
    };
    json!({
        "op": hx(found.op.as_bytes()), "place": found.place, "reason": reason, "subject": subject,
    })
}
