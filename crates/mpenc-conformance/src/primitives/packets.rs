//! Whole packets and the hashes that identify them.

use mpenc_crypto::{
    PublicKey, SecretBytes, Signature, SigningKey, StreamCipher, Suite, V1, VerifyingKey,
};
use mpenc_packet::armor;
use mpenc_packet::padding::{pad, unpad};
use mpenc_packet::tlv::Records;
use mpenc_packet::v1::{
    self, Body, Content, DATA_CONTEXT, DataFields, ERROR_CONTEXT, ErrorFields, GREETING_CONTEXT,
    GreetType, GreetingFields, GreetingMetadata, Packet, PacketRole, Severity, record,
};
use mpenc_types::{ChainHash, MemberId, PacketId};

use crate::json::{Checked, Node};
use crate::report::Tally;

type Key = <V1 as Suite>::SigningKey;
type Verifying = <V1 as Suite>::VerifyingKey;

fn key(node: &Node<'_>) -> Checked<Key> {
    Ok(Key::from_seed(&SecretBytes::new(node.array()?)))
}

pub(crate) fn verifying(key: &PublicKey, at: &Node<'_>) -> Checked<Verifying> {
    Verifying::import(key).map_err(|_| at.fault("has a key that is refused"))
}

pub(super) fn greeting(file: &Node<'_>, tally: &mut Tally) -> Checked {
    for case in file.list("cases")? {
        tally.case("packets", |_| greeting_packet(&case));
    }
    Ok(())
}

/// The fields of a greeting packet; `read` reads a member.
pub(crate) fn greeting_fields(
    case: &Node<'_>,
    read: impl Fn(&Node<'_>) -> Checked<MemberId>,
) -> Checked<GreetingFields> {
    let number = case.get("greet_type")?;
    let greet_type = u16::try_from(number.number()?).ok().and_then(GreetType::from_u16);
    let metadata = match case.opt("prev_pf") {
        None => None,
        Some(prev) => Some(GreetingMetadata {
            prev_final: PacketId::new(prev.array()?),
            prev_chain: ChainHash::new(case.get("chain_hash")?.array()?),
            heads: case.list("latest_pm")?.iter().map(Node::message_id).collect::<Checked<_>>()?,
        }),
    };
    let int_key = |key: Node<'_>| -> Checked<Option<[u8; 32]>> {
        if key.text()?.is_empty() { Ok(None) } else { key.array().map(Some) }
    };
    Ok(GreetingFields {
        greet_type: greet_type.ok_or_else(|| number.fault("is an unknown type"))?,
        source: read(&case.get("source")?)?,
        dest: match case.opt("dest") {
            Some(dest) if !dest.text()?.is_empty() => Some(read(&dest)?),
            Some(_) | None => None,
        },
        members: case.list("members")?.iter().map(&read).collect::<Checked<_>>()?,
        int_keys: case.list("int_keys")?.into_iter().map(int_key).collect::<Checked<_>>()?,
        nonces: case.list("nonces")?.iter().map(Node::array).collect::<Checked<_>>()?,
        pub_keys: case
            .list("pub_keys")?
            .iter()
            .map(|key| key.array().map(PublicKey::new))
            .collect::<Checked<_>>()?,
        metadata,
        session_signature: case
            .opt("session_signature")
            .map(|signature| signature.array().map(Signature::new))
            .transpose()?,
    })
}

/// What the files call each kind of greeting packet (wire-v1.md section 5.2).
const GREET_NAMES: [(u16, &str); 12] = [
    (0x009c, "INIT_INITIATOR_UP"),
    (0x001c, "INIT_PARTICIPANT_UP"),
    (0x001e, "INIT_PARTICIPANT_DOWN"),
    (0x001a, "INIT_PARTICIPANT_CONFIRM_DOWN"),
    (0x00ad, "INCLUDE_AUX_INITIATOR_UP"),
    (0x002d, "INCLUDE_AUX_PARTICIPANT_UP"),
    (0x002f, "INCLUDE_AUX_PARTICIPANT_DOWN"),
    (0x002b, "INCLUDE_AUX_PARTICIPANT_CONFIRM_DOWN"),
    (0x00bf, "EXCLUDE_AUX_INITIATOR_DOWN"),
    (0x003b, "EXCLUDE_AUX_PARTICIPANT_CONFIRM_DOWN"),
    (0x00c7, "REFRESH_AUX_INITIATOR_DOWN"),
    (0x00d3, "QUIT_DOWN"),
];

/// What the files call each record of a greeting packet (wire-v1.md section 3).
const RECORD_NAMES: [(u16, &str); 14] = [
    (record::MESSAGE_SIGNATURE, "MESSAGE_SIGNATURE"),
    (record::PROTOCOL_VERSION, "PROTOCOL_VERSION"),
    (record::MESSAGE_TYPE, "MESSAGE_TYPE"),
    (record::GREET_TYPE, "GREET_TYPE"),
    (record::SOURCE, "SOURCE"),
    (record::DEST, "DEST"),
    (record::MEMBER, "MEMBER"),
    (record::INT_KEY, "INT_KEY"),
    (record::NONCE, "NONCE"),
    (record::PUB_KEY, "PUB_KEY"),
    (record::PREV_PF, "PREV_PF"),
    (record::CHAIN_HASH, "CHAIN_HASH"),
    (record::LATEST_PM, "LATEST_PM"),
    (record::SESSION_SIGNATURE, "SESSION_SIGNATURE"),
];

/// The descriptions of a greeting packet that repeat what is in it, where they are given.
pub(crate) fn greeting_descriptions(
    node: &Node<'_>,
    greet_type: GreetType,
    wire: &[u8],
) -> Checked {
    if let Some(name) = node.opt("greet_type_name") {
        let number = greet_type.to_u16();
        let found = GREET_NAMES.iter().find(|(known, _)| *known == number);
        name.expect(&Some(name.text()?), &found.map(|(_, name)| *name))?;
    }
    if let Some(order) = node.opt("record_order") {
        let bytes = armor::decode(wire).map_err(|_| node.fault("is not armoured"))?;
        let mut found = Vec::new();
        for record in Records::new(&bytes) {
            let record = record.map_err(|_| node.fault("has a broken record"))?;
            let name = RECORD_NAMES.iter().find(|(kind, _)| *kind == record.kind);
            found.push(name.map_or("unknown", |(_, name)| *name));
        }
        let names: Vec<&str> = order.items()?.iter().map(Node::text).collect::<Checked<_>>()?;
        order.expect(&names, &found)?;
    }
    Ok(())
}

fn greeting_packet(case: &Node<'_>) -> Checked {
    let fields = greeting_fields(case, |node| node.hex_member())?;
    let key = key(&case.get("eph_seed")?)?;
    if let Some(public) = case.opt("eph_pub") {
        public.expect_hex(key.public().as_bytes())?;
    }
    if let Some(bits) = case.opt("bits") {
        let kind = fields.greet_type;
        let aux = kind.operation() != v1::GreetingOperation::Start;
        bits.get("aux")?.expect_flag(aux)?;
        bits.get("down")?.expect_flag(kind.is_downflow())?;
        bits.get("gka")?.expect_flag(kind.has_int_keys())?;
        bits.get("ske")?.expect_flag(kind.has_ske())?;
        bits.get("init")?.expect_flag(kind.is_initial())?;
    }
    let packet = fields.clone().sign(&key).map_err(|e| case.fault(format!("is refused: {e:?}")))?;
    let wire = case.get("wire")?;
    wire.expect_text(&packet.to_wire())?;
    greeting_descriptions(case, fields.greet_type, &packet.to_wire())?;
    let bytes = armor::decode(&packet.to_wire()).map_err(|_| wire.fault("is not armoured"))?;
    if let Some(binary) = case.opt("packet_tlv") {
        binary.expect_hex(&bytes)?;
    }
    if let Some(hash) = case.opt("packet_hash") {
        hash.expect_hex(&V1::hash(&[&bytes]))?;
    }
    if let Some(operation) = case.opt("operation") {
        operation.expect_number(match fields.greet_type.operation() {
            v1::GreetingOperation::Start => 1,
            v1::GreetingOperation::Include => 2,
            v1::GreetingOperation::Exclude => 3,
            v1::GreetingOperation::Refresh => 4,
            v1::GreetingOperation::Quit => 5,
        })?;
    }
    let found = match v1::decode(wire.text()?.as_bytes()) {
        Ok(Packet::Greeting(found)) => found,
        other => return Err(wire.fault(format!("is no greeting packet: {other:?}"))),
    };
    if let Some(signature) = case.opt("signature") {
        use mpenc_crypto::Signed as _;
        signature.expect_hex(found.peek().signature().as_bytes())?;
    }
    wire.expect(&fields, found.peek().fields())?;
    found
        .verify::<V1>(&verifying(&key.public(), case)?, &[GREETING_CONTEXT])
        .map(|_| ())
        .map_err(|_| wire.fault("does not verify"))
}

pub(super) fn data(file: &Node<'_>, tally: &mut Tally) -> Checked {
    let cases = file.list("cases")?;
    for case in &cases {
        tally.case("packets", |_| data_packet(case));
    }
    let Some(negative) = file.opt("negative") else { return Ok(()) };
    let base = negative.get("base")?;
    let base = cases.get(base.size()?).ok_or_else(|| base.fault("is no case"))?;
    for case in negative.list("cases")? {
        tally.case("variants", |_| data_variant(&case, base, &cases));
    }
    Ok(())
}

fn sid_key_hash(case: &Node<'_>) -> Checked<[u8; 32]> {
    let hash = V1::hash(&[&case.get("sid")?.hex()?, &case.get("group_key")?.hex()?]);
    case.get("sidkey_hash")?.expect_hex(&hash)?;
    Ok(hash)
}

fn data_packet(case: &Node<'_>) -> Checked {
    let encoded = case.get("body_utf8")?;
    let body = Body::decode(&encoded.hex()?)
        .map_err(|error| encoded.fault(format!("is refused: {error:?}")))?;
    if let Some(text) = case.opt("body") {
        text.expect_text(&encoded.hex()?)?;
    }
    let members = case.get("members")?.hex_members()?;
    let author = case.get("author")?;
    author.expect(&true, &members.contains(&author.hex_member()?))?;
    let content = Content { parents: case.get("parents")?.message_ids()?, body };
    let refused = |error| case.fault(format!("is refused: {error:?}"));
    let raw = content.encode().map_err(refused)?;
    case.get("raw_payload")?.expect_hex(&raw)?;

    let group_key = SecretBytes::new(case.get("group_key")?.array()?);
    let iv = case.get("iv")?.array()?;
    let mut ciphertext = pad(&raw, case.get("padding")?.size()?)
        .map_err(|error| case.fault(format!("is refused: {error:?}")))?;
    case.get("padded_len")?.expect_number(ciphertext.len())?;
    V1::apply_keystream(&group_key, &iv, &mut ciphertext);

    let hash = sid_key_hash(case)?;
    let key = key(&case.get("eph_seed")?)?;
    case.get("eph_pub")?.expect_hex(key.public().as_bytes())?;
    let packet = DataFields { iv, ciphertext }.sign(&key, &hash).map_err(refused)?;
    let wire = case.get("wire")?;
    wire.expect_text(&packet.to_wire())?;
    case.get("mid")?.expect_hex(packet.message_id::<V1>().as_bytes())?;

    let found = match v1::decode(wire.text()?.as_bytes()) {
        Ok(Packet::Data(found)) => found,
        other => return Err(wire.fault(format!("is no data packet: {other:?}"))),
    };
    wire.expect(&packet, found.peek())?;
    case.get("sidkey_hint")?.expect_number(usize::from(found.peek().hint()))?;
    if let Some(signature) = case.opt("signature") {
        use mpenc_crypto::Signed as _;
        signature.expect_hex(found.peek().signature().as_bytes())?;
    }
    let verified = found
        .verify::<V1>(&verifying(&key.public(), case)?, &[DATA_CONTEXT, &hash])
        .map_err(|_| wire.fault("does not verify"))?;
    let mut plain = verified.ciphertext().to_vec();
    V1::apply_keystream(&group_key, verified.iv(), &mut plain);
    let raw = unpad(&plain).map_err(|_| wire.fault("has bad padding"))?;
    wire.expect(&Ok(content), &Content::decode(raw))
}

/// A variant of a good packet, with the author that is claimed for it.
fn data_variant(case: &Node<'_>, base: &Node<'_>, cases: &[Node<'_>]) -> Checked {
    let hash = sid_key_hash(base)?;
    let (sid, author) = (base.get("sid")?.text()?, case.get("author")?.text()?);
    let mut author_key = None;
    for other in cases {
        if other.get("sid")?.text()? == sid && other.get("author")?.text()? == author {
            author_key = Some(PublicKey::new(other.get("eph_pub")?.array()?));
        }
    }
    let wire = case.get("wire")?;
    let found = match (v1::decode(wire.text()?.as_bytes()), author_key) {
        (Ok(Packet::Data(packet)), Some(key)) => {
            packet.verify::<V1>(&verifying(&key, case)?, &[DATA_CONTEXT, &hash]).is_ok()
        }
        (Ok(_) | Err(_), _) => false,
    };
    case.get("accepted")?.expect_flag(found)
}

pub(super) fn error(file: &Node<'_>, tally: &mut Tally) -> Checked {
    for case in file.list("cases")? {
        tally.case("packets", |_| error_packet(&case));
    }
    Ok(())
}

fn error_packet(case: &Node<'_>) -> Checked {
    let severity = case.get("severity")?;
    let severity = match severity.number()? {
        0 => Severity::Info,
        1 => Severity::Warning,
        2 => Severity::Terminal,
        _ => return Err(severity.fault("is unknown")),
    };
    let source = case.get("from")?.hex_member()?;
    let fields = ErrorFields { source, severity, text: case.get("message")?.text()?.into() };
    let key = case.opt("eph_seed").map(|seed| key(&seed)).transpose()?;
    let packet = fields
        .clone()
        .sign(key.as_ref().map(|key| key as &dyn SigningKey))
        .map_err(|error| case.fault(format!("is refused: {error:?}")))?;
    let wire = case.get("wire")?;
    wire.expect_text(&packet.to_wire())?;
    if let Some(binary) = case.opt("packet_tlv") {
        let found = armor::decode(&packet.to_wire());
        binary.expect_hex(&found.map_err(|_| wire.fault("is not armoured"))?)?;
    }
    let found = match v1::decode(wire.text()?.as_bytes()) {
        Ok(Packet::Error(found)) => found,
        other => return Err(wire.fault(format!("is no error packet: {other:?}"))),
    };
    wire.expect(&fields, found.peek().fields())?;
    match (found.peek().signed(), key) {
        (None, None) => Ok(()),
        (Some(signed), Some(key)) => signed
            .clone()
            .verify::<V1>(&verifying(&key.public(), case)?, &[ERROR_CONTEXT])
            .map(|_| ())
            .map_err(|_| wire.fault("does not verify")),
        (signed, _) => Err(wire.fault(format!("should not be signed so: {}", signed.is_some()))),
    }
}

pub(super) fn packet_id(file: &Node<'_>, tally: &mut Tally) -> Checked {
    for case in file.list("packet_ids")? {
        tally.case("packet ids", |_| {
            let sender = case.get("sender")?.hex_member()?;
            let channel = case.get("channel_members")?.hex_members()?.into_iter().collect();
            let wire = case.get("packet")?.text()?.as_bytes();
            let id = case.get("packet_id")?;
            if let Some(input) = case.opt("hash_input") {
                id.expect_hex(&V1::hash(&[&input.hex()?]))?;
            }
            id.expect_hex(v1::packet_id::<V1>(&sender, &channel, wire).as_bytes())
        });
    }
    for case in file.list("chain_hashes")? {
        tally.case("chain hashes", |_| {
            let id = PacketId::new(case.get("packet_id")?.array()?);
            let kind = case.get("ptype")?;
            let found = match role(&kind)? {
                None => {
                    case.get("prev")?.expect_text(b"")?;
                    v1::chain_start::<V1>(&id)
                }
                Some(role) => {
                    let prev = ChainHash::new(case.get("prev")?.array()?);
                    v1::chain_extend::<V1>(&prev, &id, role)
                }
            };
            case.get("chain_hash")?.expect_hex(found.as_bytes())
        });
    }
    for case in file.list("leave_pseudo_packets")? {
        tally.case("leave packets", |_| {
            let initial = PacketId::new(case.get("prev_pi")?.array()?);
            let remaining = case.get("remaining_channel_members")?.hex_members()?;
            let leavers = case.get("leavers")?.hex_members()?;
            let id = case.get("packet_id")?;
            if let Some(input) = case.opt("hash_input") {
                id.expect_hex(&V1::hash(&[&input.hex()?]))?;
            }
            let found = v1::leave_packet_id::<V1>(
                &remaining.into_iter().collect(),
                &initial,
                &leavers.into_iter().collect(),
            );
            id.expect_hex(found.as_bytes())?;
            let prev = ChainHash::new(case.get("prev_chain_hash")?.array()?);
            let chain = v1::chain_extend::<V1>(&prev, &found, PacketRole::Leave);
            case.get("chain_hash")?.expect_hex(chain.as_bytes())
        });
    }
    Ok(())
}

/// The role that a chain hash names; `None` for the beginning of a chain.
pub(crate) fn role(kind: &Node<'_>) -> Checked<Option<PacketRole>> {
    Ok(Some(match kind.text()? {
        "ff" => return Ok(None),
        "31" => PacketRole::Final,
        "32" => PacketRole::Initial,
        "33" => PacketRole::Both,
        "ff6c65617665" => PacketRole::Leave,
        _ => return Err(kind.fault("is an unknown role")),
    }))
}
