//! Somebody who sees the whole channel and knows every key: verifies every packet, opens every
//! data packet and makes it again, and recomputes every identifier, key and hash.

use std::collections::BTreeMap;

use mpenc_crypto::{
    GroupDiffieHellman, PublicKey, SecretBytes, Signed as _, SigningKey, StreamCipher, Suite, V1,
    VerifyingKey,
};
use mpenc_greeting::hazmat::{self, Claim};
use mpenc_packet::padding::{pad, unpad};
use mpenc_packet::v1::{
    self, Content, DATA_CONTEXT, DataFields, GREETING_CONTEXT, GreetingFields, Packet as Wire,
};
use mpenc_types::{ChainHash, MemberId, PacketId, PacketRole};

use super::recording::{Packet, Recording, What};
use crate::json::{Checked, Node, member};
use crate::primitives::operations::folded;
use crate::primitives::packets::{greeting_descriptions, greeting_fields, role, verifying};
use crate::report::Tally;

type Key = <V1 as Suite>::SigningKey;

struct Subsession {
    sid: [u8; 32],
    group_key: SecretBytes<32>,
    keys: BTreeMap<MemberId, PublicKey>,
    seeds: BTreeMap<MemberId, [u8; 32]>,
}

pub(super) fn observe(recording: &Recording<'_>) -> Tally {
    let mut tally = Tally::default();
    if let Err(fault) = observe_all(recording, &mut tally) {
        tally.fault(fault);
    }
    tally
}

fn observe_all(recording: &Recording<'_>, tally: &mut Tally) -> Checked {
    let mut subsessions = Vec::new();
    for node in recording.file.list("subsessions")? {
        if let Some(index) = node.opt("index") {
            index.expect_number(subsessions.len())?;
        }
        subsessions.push(subsession(&node, tally)?);
    }
    for packet in &recording.packets {
        if packet.injected {
            tally.case("injected packets", |_| injected(packet));
            continue;
        }
        let kind = packet.node.get("kind")?;
        match kind.text()? {
            "greet" => {
                tally.case("greeting packets", |_| greeting(recording, packet, &subsessions))
            }
            "data" => tally.case("data packets", |_| data(recording, packet, &subsessions)),
            _ => tally.fault(kind.fault("is nothing that a member sends")),
        }
    }
    channel(recording, tally)?;
    for (name, member) in &recording.members {
        for step in &member.steps {
            for id in step.list("accepted")? {
                let known = recording.packets.iter().any(|packet| {
                    let mid = packet.node.opt("data").and_then(|data| data.opt("mid"));
                    mid.is_some_and(|mid| mid.text() == id.text())
                });
                if !known {
                    tally.fault(id.fault("is no message of any packet"));
                }
            }
        }
        chain(recording, name, &member.steps, tally)?;
    }
    Ok(())
}

fn subsession(node: &Node<'_>, tally: &mut Tally) -> Checked<Subsession> {
    let members = node.get("members")?.members()?;
    let nonces: Vec<[u8; 32]> =
        node.get("nonces")?.items()?.iter().map(Node::array).collect::<Checked<_>>()?;
    let publics = node.get("eph_pubs")?.items()?;
    for (what, len) in [("nonces", nonces.len()), ("eph_pubs", publics.len())] {
        if len != members.len() {
            return Err(node.fault_at(what, "has another length than the members"));
        }
    }
    let sid = hazmat::session_id::<V1>(&members, &nonces);
    node.get("sid")?.expect_hex(sid.as_bytes())?;
    tally.count("session ids");
    let mut keys = BTreeMap::new();
    for (member, key) in members.iter().zip(&publics) {
        keys.insert(member.clone(), PublicKey::new(key.array()?));
    }
    let mut seeds = BTreeMap::new();
    let secrets = match node.opt("secrets") {
        Some(secrets) => secrets.fields()?,
        None => Vec::new(),
    };
    for (name, secret) in secrets {
        let name = member(name);
        let at = members.iter().position(|member| *member == name);
        let at = at.ok_or_else(|| secret.fault("are the secrets of no member"))?;
        let seed = secret.get("eph_seed")?;
        let public = Key::from_seed(&SecretBytes::new(seed.array()?)).public();
        secret.get("eph_pub")?.expect_hex(public.as_bytes())?;
        let listed = publics.get(at).ok_or_else(|| secret.fault("has no key"))?;
        listed.expect_hex(public.as_bytes())?;
        let nonce = nonces.get(at).ok_or_else(|| secret.fault("has no nonce"))?;
        secret.get("nonce")?.expect_hex(nonce)?;
        group_key(node, &secret, at)?;
        tally.count("group keys");
        seeds.insert(name, seed.array()?);
    }
    let group_key = SecretBytes::new(node.get("group_key")?.array()?);
    Ok(Subsession { sid: *sid.as_bytes(), group_key, keys, seeds })
}

/// The group key as the member at this place computes it.
fn group_key(node: &Node<'_>, secret: &Node<'_>, at: usize) -> Checked {
    let int_keys = node.get("int_keys")?;
    let own = int_keys.items()?;
    let own = own.get(at).ok_or_else(|| int_keys.fault("is too short"))?;
    let own = <V1 as GroupDiffieHellman>::import(&own.array()?)
        .map_err(|_| own.fault("is no group element"))?;
    let shares = folded(&secret.get("dh_privs")?)?;
    let key = hazmat::group_key::<V1>(&shares, &own)
        .map_err(|_| secret.fault_at("dh_privs", "gives no group key"))?;
    node.get("group_key")?.expect_hex(key.expose())
}

fn greeting(recording: &Recording<'_>, packet: &Packet<'_>, subsessions: &[Subsession]) -> Checked {
    let wire = packet.node.get("pubtxt")?;
    let found = match v1::decode(packet.wire.as_bytes()) {
        Ok(Wire::Greeting(found)) => found,
        other => return Err(wire.fault(format!("is no greeting packet: {other:?}"))),
    };
    let node = packet.node.get("greet")?;
    let fields = greeting_fields(&node, |member| member.member())?;
    expect_fields(&node, &fields, found.peek().fields())?;
    if let Some(signature) = node.opt("signature") {
        signature.expect_hex(found.peek().signature().as_bytes())?;
    }
    greeting_descriptions(&node, fields.greet_type, packet.wire.as_bytes())?;
    node.get("source")?.expect(&packet.sender, &fields.source)?;
    let at = fields.members.iter().position(|member| *member == fields.source);
    let listed = at.and_then(|at| fields.pub_keys.get(at)).copied();
    let known = subsessions.iter().filter_map(|sub| sub.keys.get(&fields.source)).copied();
    let keys: Vec<PublicKey> = listed.map_or_else(|| known.collect(), |key| vec![key]);
    let verifies = |key: &PublicKey| {
        verifying(key, &node)
            .is_ok_and(|key| found.clone().verify::<V1>(&key, &[GREETING_CONTEXT]).is_ok())
    };
    if !keys.iter().any(verifies) {
        return Err(wire.fault("does not verify"));
    }
    let Some(signature) = &fields.session_signature else { return Ok(()) };
    let (Some(at), Some(identity)) = (at, recording.members.get(&fields.source)) else {
        return Err(node.fault_at("source", "is no member"));
    };
    let sid = hazmat::session_id::<V1>(&fields.members, &fields.nonces);
    let (Some(nonce), Some(key)) = (fields.nonces.get(at), fields.pub_keys.get(at)) else {
        return Err(node.fault_at("nonces", "is too short"));
    };
    Claim { member: &fields.source, key, nonce, sid: &sid }
        .verify::<V1>(&verifying(&identity.public, &node)?, signature)
        .map_err(|_| node.fault_at("session_signature", "does not verify"))
}

/// Field by field, so that the first that differs is named.
fn expect_fields(node: &Node<'_>, expected: &GreetingFields, found: &GreetingFields) -> Checked {
    fn same<T: PartialEq + core::fmt::Debug>(
        node: &Node<'_>,
        key: &str,
        expected: &T,
        found: &T,
    ) -> Checked {
        node.opt(key).unwrap_or_else(|| node.clone()).expect(expected, found)
    }
    same(node, "greet_type", &expected.greet_type, &found.greet_type)?;
    same(node, "source", &expected.source, &found.source)?;
    same(node, "dest", &expected.dest, &found.dest)?;
    same(node, "members", &expected.members, &found.members)?;
    same(node, "int_keys", &expected.int_keys, &found.int_keys)?;
    same(node, "nonces", &expected.nonces, &found.nonces)?;
    same(node, "pub_keys", &expected.pub_keys, &found.pub_keys)?;
    same(node, "prev_pf", &expected.metadata, &found.metadata)?;
    same(node, "session_signature", &expected.session_signature, &found.session_signature)
}

fn data(recording: &Recording<'_>, packet: &Packet<'_>, subsessions: &[Subsession]) -> Checked {
    let wire = packet.node.get("pubtxt")?;
    let found = match v1::decode(packet.wire.as_bytes()) {
        Ok(Wire::Data(found)) => found,
        other => return Err(wire.fault(format!("is no data packet: {other:?}"))),
    };
    let node = packet.node.get("data")?;
    let index = node.get("sub")?;
    let sub = subsessions.get(index.size()?).ok_or_else(|| index.fault("is no subsession"))?;
    let hash = V1::hash(&[&sub.sid, sub.group_key.expose()]);
    let hint = node.get("sidkey_hint")?;
    hint.expect_number(usize::from(found.peek().hint()))?;
    let [first, ..] = hash;
    hint.expect_number(usize::from(first))?;
    node.get("signature")?.expect_hex(found.peek().signature().as_bytes())?;
    node.get("iv")?.expect_hex(found.peek().iv())?;
    node.get("mid")?.expect_hex(found.peek().message_id::<V1>().as_bytes())?;
    let key = sub.keys.get(&packet.sender);
    let key = key.ok_or_else(|| index.fault("does not have the sender as a member"))?;
    let key = <V1 as Suite>::VerifyingKey::import(key)
        .map_err(|_| index.fault("has a key that is refused"))?;
    let verified = found
        .verify::<V1>(&key, &[DATA_CONTEXT, &hash])
        .map_err(|_| wire.fault("does not verify"))?;
    let mut plain = verified.ciphertext().to_vec();
    V1::apply_keystream(&sub.group_key, verified.iv(), &mut plain);
    let raw = unpad(&plain).map_err(|_| wire.fault("has bad padding"))?;
    let content =
        Content::decode(raw).map_err(|error| wire.fault(format!("has bad content: {error:?}")))?;
    let parents = node.get("parents")?;
    parents.expect(&parents.message_ids()?, &content.parents)?;
    let kind = u8::try_from(node.get("body_type")?.number()?)
        .map_err(|_| node.fault_at("body_type", "is no byte"))?;
    let mut body = vec![kind];
    body.extend(node.get("body_utf8")?.text()?.as_bytes());
    let ours = content.body.encode().map_err(|error| node.fault(format!("{error:?}")))?;
    node.get("body_utf8")?.expect(&hex::encode(&body), &hex::encode(&ours))?;

    if let Some(body) = node.opt("body") {
        body.expect(&message_body(&body)?, &content.body)?;
    }

    // And the way back.
    let again = content.encode().map_err(|error| node.fault(format!("{error:?}")))?;
    let mut ciphertext = pad(&again, recording.padding)
        .map_err(|error| node.fault(format!("cannot be padded: {error:?}")))?;
    let iv = *verified.iv();
    V1::apply_keystream(&sub.group_key, &iv, &mut ciphertext);
    let fields = DataFields { iv, ciphertext };
    match sub.seeds.get(&packet.sender) {
        Some(seed) => {
            let key = Key::from_seed(&SecretBytes::new(*seed));
            let again = fields.sign(&key, &hash).map_err(|e| node.fault(format!("{e:?}")))?;
            wire.expect_text(&again.to_wire())
        }
        // Without the key, everything but the signature.
        None => wire.expect(&verified.ciphertext().to_vec(), &fields.ciphertext),
    }
}

/// A body as the files describe it.
pub(super) fn message_body(body: &Node<'_>) -> Checked<v1::Body> {
    let kind = body.get("type")?;
    Ok(match kind.text()? {
        "payload" => v1::Body::Payload(body.get("content")?.text()?.into()),
        "ack" => v1::Body::ExplicitAck { manual: body.get("manual")?.flag()? },
        "consistency" => v1::Body::Consistency { close: body.get("close")?.flag()? },
        other => return Err(kind.fault(format!("is the unknown type `{other}`"))),
    })
}

/// Something that no member made: whatever of it can be read is as recorded.
fn injected(packet: &Packet<'_>) -> Checked {
    match v1::decode(packet.wire.as_bytes()) {
        Ok(Wire::Greeting(found)) => {
            let Some(node) = packet.node.opt("greet") else { return Ok(()) };
            let fields = greeting_fields(&node, |member| member.member())?;
            expect_fields(&node, &fields, found.peek().fields())
        }
        Ok(Wire::Data(found)) => {
            let Some(node) = packet.node.opt("data") else { return Ok(()) };
            match node.opt("mid") {
                Some(mid) => mid.expect_hex(found.peek().message_id::<V1>().as_bytes()),
                None => Ok(()),
            }
        }
        Ok(Wire::Error(_)) | Err(_) => Ok(()),
    }
}

/// The order of the channel: memberships fit, and every packet identifier.
fn channel(recording: &Recording<'_>, tally: &mut Tally) -> Checked {
    let mut channel = None;
    for (seq, event) in recording.channel.iter().enumerate() {
        match &event.what {
            What::Packet { sender, packet, members } => {
                if let Some(channel) = &channel {
                    event.node.get("members")?.expect(channel, members)?;
                }
                let Some(packet) = recording.packets.get(*packet) else { continue };
                packet.node.get("seq")?.expect_number(seq)?;
                packet.node.get("sender")?.expect(&packet.sender, sender)?;
                if let Some(id) = event.node.opt("packet_id") {
                    tally.case("packet ids", |_| {
                        let found = v1::packet_id::<V1>(sender, members, packet.wire.as_bytes());
                        id.expect_hex(found.as_bytes())
                    });
                }
            }
            What::Members { before, after, .. } => {
                if let Some(channel) = &channel {
                    event.node.get("before")?.expect(channel, before)?;
                }
                channel = Some(after.clone());
            }
        }
    }
    Ok(())
}

/// The chain hashes of one member.
fn chain(
    recording: &Recording<'_>,
    name: &MemberId,
    steps: &[Node<'_>],
    tally: &mut Tally,
) -> Checked {
    let mut chain: Option<ChainHash> = None;
    let mut initial: Option<PacketId> = None;
    for step in steps {
        let event = match step.get("in")?.opt("seq") {
            Some(seq) => Some(recording.event(&seq)?),
            None => None,
        };
        for sync in step.list("order_sync")? {
            let prev = PacketId::new(sync.get("prev_pf")?.array()?);
            let start = v1::chain_start::<V1>(&prev);
            let recorded = sync.get("prev_ch")?;
            let drawn = step.list("rand")?.iter().any(|draw| {
                draw.opt("value").is_some_and(|value| {
                    value.array::<32>().is_ok_and(|value| value == *prev.as_bytes())
                })
            });
            if drawn {
                recorded.expect_hex(start.as_bytes())?;
                tally.count("chain hashes");
            } else {
                // Whoever is new believes what its first initial packet says.
                let packet = match event.map(|event| &event.what) {
                    Some(What::Packet { packet, .. }) => recording.packets.get(*packet),
                    Some(What::Members { .. }) | None => None,
                };
                let greet = packet.and_then(|packet| packet.node.opt("greet"));
                let greet = greet.ok_or_else(|| sync.fault("comes from no initial packet"))?;
                sync.get("prev_pf")?.expect_hex(&greet.get("prev_pf")?.hex()?)?;
                recorded.expect_hex(&greet.get("chain_hash")?.hex()?)?;
            }
            chain = Some(ChainHash::new(recorded.array()?));
            initial = None;
        }
        for accept in step.list("order_accept")? {
            let recorded = accept.get("packet_id")?;
            let id = PacketId::new(recorded.array()?);
            let kind = accept.get("ptype")?;
            let role = role(&kind)?.ok_or_else(|| kind.fault("does not occur here"))?;
            match event.map(|event| &event.what) {
                Some(What::Packet { sender, packet, members }) => {
                    let wire = recording.packets.get(*packet).map_or("", |packet| packet.wire);
                    let found = v1::packet_id::<V1>(sender, members, wire.as_bytes());
                    recorded.expect_hex(found.as_bytes())?;
                }
                Some(What::Members { leave, after, .. }) => {
                    let prev = initial.ok_or_else(|| accept.fault("ends no operation"))?;
                    let found = v1::leave_packet_id::<V1>(after, &prev, leave);
                    recorded.expect_hex(found.as_bytes())?;
                }
                None => return Err(accept.fault(format!("comes from no event, at {name}"))),
            }
            match role {
                PacketRole::Initial => initial = Some(id),
                PacketRole::Both | PacketRole::Final | PacketRole::Leave => initial = None,
            }
            let prev = chain.ok_or_else(|| accept.fault("comes before synchronisation"))?;
            let next = v1::chain_extend::<V1>(&prev, &id, role);
            accept.get("chain_hash")?.expect_hex(next.as_bytes())?;
            tally.count("chain hashes");
            chain = Some(next);
        }
    }
    Ok(())
}
