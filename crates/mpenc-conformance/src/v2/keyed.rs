//! Identifiers, chains of operations, fingerprints, hedged draws, keys of messages.

use mpenc_crypto::{
    FramedHash as _, KeyDerivation as _, Label, SecretBytes, SignLabel, SigningKey as _, Suite, V2,
};
use mpenc_packet::v2;
use mpenc_types::{MemberId, PacketId, PacketRole};
use serde_json::{Value, json};

use super::hx;
use crate::json::{Checked, Node};

pub(super) fn session_label(case: &Node<'_>) -> Checked<Value> {
    Ok(json!({"hash": hx(v2::session_label::<V2>(case.get("text")?.text()?))}))
}

/// A member as v2 files write it: its name as text.
pub(super) fn name(node: &Node<'_>) -> Checked<MemberId> {
    Ok(MemberId::from_wire(node.text()?.as_bytes()))
}

pub(super) fn names<C: FromIterator<MemberId>>(node: &Node<'_>) -> Checked<C> {
    node.items()?.iter().map(name).collect()
}

pub(super) fn packet_id(case: &Node<'_>) -> Checked<Value> {
    let (sender, channel) = (name(&case.get("sender")?)?, names(&case.get("channel")?)?);
    let id = v2::packet_id::<V2>(&sender, &channel, &case.get("packet")?.hex()?);
    Ok(json!({"pid": hx(id.as_bytes())}))
}

pub(super) fn leave_id(case: &Node<'_>) -> Checked<Value> {
    let (remaining, leavers) = (names(&case.get("remaining")?)?, names(&case.get("leavers")?)?);
    let prev_initial = PacketId::new(case.get("prev_initial")?.array()?);
    let id = v2::leave_packet_id::<V2>(&remaining, &prev_initial, &leavers);
    Ok(json!({"pid": hx(id.as_bytes())}))
}

pub(super) fn role(node: &Node<'_>) -> Checked<PacketRole> {
    Ok(match node.text()? {
        "final" => PacketRole::Final,
        "initial" => PacketRole::Initial,
        "both" => PacketRole::Both,
        "leave" => PacketRole::Leave,
        _ => return Err(node.fault("is no role")),
    })
}

pub(super) fn chain(case: &Node<'_>) -> Checked<Value> {
    let start = v2::chain_start::<V2>(&PacketId::new(case.get("prev_final")?.array()?));
    let mut value = start;
    let mut steps = Vec::new();
    for step in case.get("steps")?.items()? {
        let (pid, role_of) = (step.get("pid")?, step.get("role")?);
        value = v2::chain_extend::<V2>(&value, &PacketId::new(pid.array()?), role(&role_of)?);
        steps.push(json!({
            "pid": pid.text()?, "role": role_of.text()?, "chain": hx(value.as_bytes()),
        }));
    }
    Ok(json!({"start": hx(start.as_bytes()), "steps": steps}))
}

/// `F` of section 3.4.
pub(super) fn fingerprint_of<'a>(
    transcript: &[u8; 32],
    members: impl Iterator<Item = (&'a MemberId, &'a [u8; 32])>,
) -> [u8; 32] {
    let mut parts: Vec<&[u8]> = vec![transcript];
    for (name, key) in members {
        parts.push(name.as_bytes());
        parts.push(key);
    }
    V2::framed(Label::FINGERPRINT, &parts)
}

/// Eight groups of five digits.
pub(super) fn digits(fingerprint: &[u8; 32]) -> String {
    let groups = fingerprint.chunks(4).map(|group| {
        let number = group.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        format!("{:05}", number % 100_000)
    });
    groups.collect::<Vec<_>>().join(" ")
}

pub(super) fn fingerprint(case: &Node<'_>) -> Checked<Value> {
    let members: Vec<(MemberId, [u8; 32])> = case
        .get("members")?
        .items()?
        .iter()
        .map(|member| Ok((name(&member.get("name")?)?, member.get("key")?.array()?)))
        .collect::<Checked<_>>()?;
    let found =
        fingerprint_of(&case.get("t")?.array()?, members.iter().map(|(name, key)| (name, key)));
    Ok(json!({"fingerprint": hx(found), "digits": digits(&found)}))
}

/// `hk` of section 7.
pub(super) fn hedging_key(seed: &[u8; 32]) -> [u8; 32] {
    let key = <V2 as Suite>::SigningKey::from_seed(&SecretBytes::new(*seed));
    let signature = key.sign(&[SignLabel::HEDGING.as_bytes()]);
    V2::framed(Label::HEDGING_KEY, &[signature.as_bytes()])
}

/// `draw` of section 7.
pub(super) fn draw(
    key: &[u8; 32],
    fresh: &[u8],
    instance: &[u8],
    number: u64,
    purpose: &str,
    of: &[&[u8]],
    extra: &[u8],
) -> [u8; 64] {
    let number = number.to_be_bytes();
    let mut parts = vec![purpose.as_bytes(), instance, &number];
    parts.extend_from_slice(of);
    let mut value = [0; 64];
    V2::expand(&V2::extract(key, &[fresh, extra]), Label::HEDGED, &parts, &mut value);
    value
}

pub(super) fn hedged(case: &Node<'_>) -> Checked<Value> {
    let key = hedging_key(&case.get("seed")?.array()?);
    let (fresh, extra) = (case.get("fresh")?.hex()?, case.get("extra")?.hex()?);
    let (instance, number) = (case.get("instance")?.hex()?, case.get("number")?.number()?);
    let of = case.get("of")?.items()?.iter().map(Node::hex).collect::<Checked<Vec<_>>>()?;
    let of: Vec<&[u8]> = of.iter().map(Vec::as_slice).collect();
    let value = draw(&key, &fresh, &instance, number, case.get("purpose")?.text()?, &of, &extra);
    Ok(json!({"hedging_key": hx(key), "value": hx(value)}))
}

/// Keys of one position of an author.
pub(super) struct Position {
    pub(super) tag: [u8; 16],
    pub(super) key: SecretBytes<32>,
    pub(super) nonce_key: [u8; 32],
}

/// Keys of all requests of a subsession.
pub(super) struct RequestKeys {
    pub(super) key: SecretBytes<32>,
    pub(super) nonce_key: [u8; 32],
}

/// All keys of one subsession's messages (section 5.1).
pub(super) struct Keys {
    rk: SecretBytes<64>,
}

impl Keys {
    pub(super) fn new(sid: &[u8; 32], root: &[u8; 32]) -> Self {
        Self { rk: V2::extract(sid, &[root]) }
    }

    pub(super) fn message_id_key(&self) -> [u8; 32] {
        let mut key = [0; 32];
        V2::expand(&self.rk, Label::MESSAGE_ID_KEY, &[], &mut key);
        key
    }

    pub(super) fn first(&self, author: &MemberId) -> SecretBytes<64> {
        let parts: [&[u8]; 1] = [author.as_bytes()];
        SecretBytes::fill(|key| V2::expand(&self.rk, Label::AUTHOR_CHAIN, &parts, key))
    }

    /// Section 5.6.
    pub(super) fn requests(&self) -> RequestKeys {
        let mut out = [0; 64];
        V2::expand(&self.rk, Label::REQUEST_KEYS, &[], &mut out);
        let mut from = out.iter().copied();
        let mut next = || from.next().unwrap_or_default();
        RequestKeys {
            key: SecretBytes::new(core::array::from_fn(|_| next())),
            nonce_key: core::array::from_fn(|_| next()),
        }
    }

    /// Takes time linear in `seq`.
    pub(super) fn position(&self, author: &MemberId, seq: u64) -> Position {
        let mut chain = self.first(author);
        let mut message = step(&mut chain);
        for _ in 0..seq {
            message = step(&mut chain);
        }
        let mut out = [0; 80];
        V2::expand(&message, Label::MESSAGE_KEYS, &[], &mut out);
        let mut from = out.iter().copied();
        let mut next = || from.next().unwrap_or_default();
        Position {
            tag: core::array::from_fn(|_| next()),
            key: SecretBytes::new(core::array::from_fn(|_| next())),
            nonce_key: core::array::from_fn(|_| next()),
        }
    }
}

/// The message key of this position; `chain` goes on to the next.
fn step(chain: &mut SecretBytes<64>) -> SecretBytes<64> {
    let mut out = [0; 128];
    V2::expand(chain, Label::CHAIN_STEP, &[], &mut out);
    let (next, message) = out.split_at(64);
    *chain = SecretBytes::fill(|to| to.copy_from_slice(next));
    SecretBytes::fill(|to| to.copy_from_slice(message))
}

pub(super) fn chain_keys(case: &Node<'_>) -> Checked<Value> {
    let keys = Keys::new(&case.get("sid")?.array()?, &case.get("root")?.array()?);
    let author = name(&case.get("author")?)?;
    let mut positions = Vec::new();
    for position in case.get("positions")?.items()? {
        let seq = position.get("seq")?.number()?;
        let found = keys.position(&author, seq);
        positions.push(json!({
            "seq": seq,
            "tag": hx(found.tag),
            "key": hx(found.key.expose()),
            "nonce_key": hx(found.nonce_key),
        }));
    }
    Ok(json!({
        "message_id_key": hx(keys.message_id_key()),
        "chain_key": hx(keys.first(&author).expose()),
        "positions": positions,
    }))
}
