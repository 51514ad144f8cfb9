//! Messages of one subsession: sealed again by their authors, opened by somebody who only reads.

use std::collections::BTreeMap;
use std::sync::Arc;

use mpenc::security::{
    Body, MessageHeader, MessageSecurity as _, OpenReject, OrderPoint, V2Security,
};
use mpenc_crypto::{
    Aead as _, FramedHash as _, Label, SecretBytes, SignLabel, Signature, SigningKey as _, V2,
};
use mpenc_greeting::SubsessionKeys;
use mpenc_packet::v2::{self as wire, DataPacket, Plaintext, PublicationPacket};
use mpenc_types::{ChainHash, MemberId, MessageId, SubsessionId};
use serde_json::{Value, json};

use super::generate::NoDice;
use super::keyed::{Keys, name};
use super::room::Key;
use super::{agree, hx};
use crate::json::{Checked, Fault, Node};
use crate::report::Tally;

/// Who only reads: an author that writes nothing.
const READER: &str = "zz reader";

/// A subsession with the secrets of all its members.
pub(super) struct Subsession {
    pub(super) sid: [u8; 32],
    root: [u8; 32],
    authors: Vec<(MemberId, [u8; 32])>,
    pub(super) keys: Keys,
}

/// What is encrypted, in every detail.
pub(super) struct Raw {
    pub(super) author: MemberId,
    pub(super) seq: u64,
    pub(super) plaintext: Vec<u8>,
    /// Another nonce than the right one.
    pub(super) nonce: Option<[u8; 12]>,
}

impl Subsession {
    pub(super) fn of(node: &Node<'_>) -> Checked<Self> {
        let (sid, root) = (node.get("sid")?.array()?, node.get("root")?.array()?);
        let mut authors = Vec::new();
        for author in node.get("authors")?.items()? {
            let seed = author.get("seed")?.array()?;
            let key = Key::from_seed(&SecretBytes::new(seed));
            author.get("public")?.expect_hex(key.public().as_bytes())?;
            authors.push((name(&author.get("name")?)?, seed));
        }
        Ok(Self { sid, root, authors, keys: Keys::new(&sid, &root) })
    }

    /// Of which only the secret is known.
    pub(super) fn bare(sid: [u8; 32], root: [u8; 32]) -> Self {
        Self { sid, root, authors: Vec::new(), keys: Keys::new(&sid, &root) }
    }

    pub(super) fn key(&self, who: &MemberId) -> Checked<Key> {
        let found = self.authors.iter().find(|(name, _)| name == who);
        let (_, seed) = found.ok_or_else(|| Fault::new("author", format!("{who} is none")))?;
        Ok(Key::from_seed(&SecretBytes::new(*seed)))
    }

    fn security(&self, owner: &MemberId, signer: Key) -> Checked<V2Security<V2>> {
        let mut authors: Vec<_> = self
            .authors
            .iter()
            .map(|(name, seed)| (name.clone(), Key::from_seed(&SecretBytes::new(*seed)).public()))
            .collect();
        if authors.iter().all(|(name, _)| name != owner) {
            authors.push((owner.clone(), signer.public()));
        }
        let keys = SubsessionKeys {
            sid: SubsessionId::new(self.sid),
            secret: SecretBytes::new(self.root),
            signer: Arc::new(signer),
            authors,
            fingerprint: None,
            statements: Vec::new(),
        };
        V2Security::new(owner, keys).ok_or_else(|| Fault::new("subsession", "cannot be used"))
    }

    pub(super) fn reader(&self) -> Checked<V2Security<V2>> {
        let key = Key::from_seed(&SecretBytes::new([7; 32]));
        self.security(&MemberId::from_wire(READER.as_bytes()), key)
    }

    pub(super) fn message_id(&self, author: &MemberId, seq: u64, content: &[u8]) -> [u8; 32] {
        message_id(&self.keys, &self.sid, author, seq, content)
    }

    /// What an author signs.
    pub(super) fn signed(
        &self,
        author: &MemberId,
        seq: u64,
        mid: &[u8; 32],
        tag: &[u8; 16],
    ) -> [u8; 32] {
        let parts: [&[u8]; 5] = [&self.sid, author.as_bytes(), &seq.to_be_bytes(), mid, tag];
        V2::framed(Label::MESSAGE, &parts)
    }

    pub(super) fn signature(
        &self,
        author: &MemberId,
        seq: u64,
        content: &[u8],
    ) -> Checked<Signature> {
        let tag = self.keys.position(author, seq).tag;
        let signed = self.signed(author, seq, &self.message_id(author, seq, content), &tag);
        Ok(self.key(author)?.sign(&[SignLabel::MESSAGE.as_bytes(), &signed]))
    }

    /// Encrypts whatever it is.
    pub(super) fn encrypt(&self, raw: &Raw) -> Vec<u8> {
        let position = self.keys.position(&raw.author, raw.seq);
        let hash = V2::framed(Label::NONCE, &[&position.nonce_key, &raw.plaintext]);
        let right = core::array::from_fn(|i| hash.get(i).copied().unwrap_or_default());
        let nonce = raw.nonce.unwrap_or(right);
        let mut packet = DataPacket { tag: position.tag, nonce, ciphertext: Vec::new() };
        let mut data = raw.plaintext.clone();
        V2::seal_in_place(&position.key, &nonce, &packet.aad(), &mut data);
        packet.ciphertext = data;
        packet.to_wire()
    }

    pub(super) fn seal(&self, author: &MemberId, seq: u64, content: Vec<u8>) -> Checked<Vec<u8>> {
        let signature = self.signature(author, seq, &content)?;
        let plaintext = Plaintext { signature, content }.encode();
        Ok(self.encrypt(&Raw { author: author.clone(), seq, plaintext, nonce: None }))
    }
}

/// `mId` of section 5.3.
pub(super) fn message_id(
    keys: &Keys,
    sid: &[u8; 32],
    author: &MemberId,
    seq: u64,
    content: &[u8],
) -> [u8; 32] {
    let key = keys.message_id_key();
    let parts: [&[u8]; 5] = [&key, sid, author.as_bytes(), &seq.to_be_bytes(), content];
    V2::framed(Label::MESSAGE_ID, &parts)
}

/// The parts of a message that is listed.
struct Listed {
    author: MemberId,
    seq: u64,
    parents: Vec<MessageId>,
    order: OrderPoint,
    kind: u8,
    body: Vec<u8>,
}

impl Listed {
    fn of(node: &Node<'_>) -> Checked<Self> {
        let parents = node.get("parents")?.items()?;
        let parents = parents.iter().map(|id| Ok(MessageId::from(id.array::<32>()?)));
        let small = |key: &str| -> Checked<u32> {
            u32::try_from(node.get(key)?.number()?).map_err(|_| node.fault_at(key, "is too large"))
        };
        let kind =
            u8::try_from(small("kind")?).map_err(|_| node.fault_at("kind", "is too large"))?;
        Ok(Self {
            author: name(&node.get("author")?)?,
            seq: node.get("seq")?.number()?,
            parents: parents.collect::<Checked<_>>()?,
            order: OrderPoint {
                number: small("number")?,
                chain: ChainHash::new(node.get("chain")?.array()?),
            },
            kind,
            body: node.get("body")?.hex()?,
        })
    }

    fn wire_body(&self) -> Checked<wire::Body> {
        let bytes = [&[self.kind], &self.body[..]].concat();
        wire::Body::decode(&bytes).map_err(|error| Fault::new("body", error.to_string()))
    }

    fn content(&self) -> Checked<Vec<u8>> {
        let content = wire::Content {
            parents: self.parents.clone(),
            number: self.order.number,
            chain: self.order.chain,
            body: self.wire_body()?,
        };
        content.encode().map_err(|error| Fault::new("content", error.to_string()))
    }

    /// As a session sends it; nothing if it never does.
    fn sent(&self) -> Checked<Option<Body>> {
        Ok(Some(match self.wire_body()? {
            wire::Body::Payload(text) => Body::Payload(text),
            wire::Body::ExplicitAck { manual } => Body::ExplicitAck { manual },
            wire::Body::Heartbeat => Body::Heartbeat,
            wire::Body::Consistency { close } => Body::Consistency { close },
            wire::Body::OrderConfirmation(id) => Body::OrderConfirmation(id),
            wire::Body::Absence { away } => Body::Absence { away },
            wire::Body::Error { code, subject } => Body::Error { code, subject },
            wire::Body::Close => Body::Close,
            wire::Body::Part(_) | wire::Body::Opaque { .. } => return Ok(None),
        }))
    }
}

/// Everything that follows of the messages of a case.
pub(super) fn computed(case: &Node<'_>) -> Checked<Value> {
    let subsession = Subsession::of(&case.get("subsession")?)?;
    let mut authors: BTreeMap<MemberId, Option<V2Security<V2>>> = BTreeMap::new();
    // The position of each author's next message.
    let mut next: BTreeMap<MemberId, u64> = BTreeMap::new();
    let mut messages = Vec::new();
    for node in case.get("messages")?.items()? {
        let listed = Listed::of(&node)?;
        let content = listed.content()?;
        let packet = subsession.seal(&listed.author, listed.seq, content.clone())?;
        let mid = subsession.message_id(&listed.author, listed.seq, &content);
        let security = match authors.entry(listed.author.clone()) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                let key = subsession.key(&listed.author)?;
                entry.insert(Some(subsession.security(&listed.author, key)?))
            }
        };
        match (security.as_mut(), listed.sent()?) {
            (Some(security), Some(body)) => {
                let header = MessageHeader { parents: &listed.parents, order: listed.order };
                // What it wrote before and is not in the list.
                let written = next.get(&listed.author).copied().unwrap_or_default();
                for _ in written..listed.seq {
                    security
                        .seal(&mut NoDice, &header, &Body::Heartbeat)
                        .map_err(|error| node.fault(format!("is not sealed: {error:?}")))?;
                }
                next.insert(listed.author.clone(), listed.seq.saturating_add(1));
                let sealed = security
                    .seal(&mut NoDice, &header, &body)
                    .map_err(|error| node.fault(format!("is not sealed: {error:?}")))?;
                node.expect(&hex::encode(&packet), &hex::encode(&sealed.packet))?;
                node.expect(&hex::encode(mid), &hex::encode(sealed.id.as_bytes()))?;
            }
            // What nobody sends today is only read; its author's later messages too.
            _ => *security = None,
        }
        let position = subsession.keys.position(&listed.author, listed.seq);
        let nonce = DataPacket::decode(&packet).map(|packet| hx(packet.nonce));
        messages.push(json!({
            "author": node.get("author")?.text()?, "seq": listed.seq,
            "parents": listed.parents.iter().map(|id| hx(id.as_bytes())).collect::<Vec<_>>(),
            "number": listed.order.number, "chain": hx(listed.order.chain.as_bytes()),
            "kind": listed.kind, "body": hx(&listed.body), "content": hx(&content),
            "tag": hx(position.tag), "key": hx(position.key.expose()),
            "nonce_key": hx(position.nonce_key), "mid": hx(mid),
            "nonce": nonce.map_err(|error| node.fault(error.to_string()))?, "packet": hx(&packet),
        }));
    }
    let publications = publications(&subsession, case)?;
    Ok(json!({"messages": messages, "publications": publications}))
}

fn publications(subsession: &Subsession, case: &Node<'_>) -> Checked<Value> {
    let mut found = Vec::new();
    for node in case.list("publications")? {
        let packet = node.get("packet")?.hex()?;
        let proves = PublicationPacket::decode(&packet).is_ok_and(|packet| {
            let author = subsession.authors.get(usize::from(packet.place));
            let public = |seed| Key::from_seed(&SecretBytes::new(seed)).public();
            packet.sid.as_bytes() == &subsession.sid
                && author.is_some_and(|(_, seed)| public(*seed) == public(packet.seed))
        });
        found.push(json!({
            "label": node.get("label")?.text()?, "packet": hx(packet),
            "expect": if proves { "accept" } else { "refuse" },
        }));
    }
    Ok(if found.is_empty() { Value::Null } else { found.into() })
}

/// A reader gets every message, in the order of arrival.
pub(super) fn arrive(case: &Node<'_>) -> Checked {
    let subsession = Subsession::of(&case.get("subsession")?)?;
    let mut reader = subsession.reader()?;
    let messages = case.get("messages")?.items()?;
    for at in case.get("arrival")?.items()? {
        let node = messages.get(at.size()?).ok_or_else(|| at.fault("is no message"))?;
        let listed = Listed::of(node)?;
        let opened = reader
            .open(&listed.author, &node.get("packet")?.hex()?)
            .map_err(|reject| node.fault(format!("is not opened: {reject:?}")))?;
        node.get("mid")?.expect_hex(opened.id.as_bytes())?;
        node.expect(&listed.author, &opened.author)?;
        node.expect(&Some(listed.seq), &opened.position)?;
        node.expect(&listed.parents, &opened.parents)?;
        node.expect(&Some(listed.order), &opened.order)?;
        if let Some(body) = listed.sent()? {
            node.expect(&true, &(body == opened.body))?;
        }
        reader.commit(&opened.id);
    }
    Ok(())
}

pub(super) fn runs(file: &Node<'_>, tally: &mut Tally) -> Checked {
    for case in file.get("cases")?.items()? {
        tally.case("cases", |tally| {
            agree(&case, &computed(&case)?)?;
            arrive(&case)?;
            tally.add("messages", case.list("messages")?.len());
            Ok(())
        });
    }
    Ok(())
}

/// What a reader makes of one packet after others.
pub(super) fn judged(room: &Node<'_>, case: &Node<'_>) -> Checked<Value> {
    let subsession = Subsession::of(&room.get("subsession")?)?;
    let mut reader = subsession.reader()?;
    let messages = room.get("messages")?.items()?;
    let mut known = BTreeMap::new();
    let sender = MemberId::from_wire(b"sender");
    for at in case.get("delivered")?.items()? {
        let node = messages.get(at.size()?).ok_or_else(|| at.fault("is no message"))?;
        let opened = reader.open(&sender, &node.get("packet")?.hex()?);
        let opened = opened.map_err(|reject| node.fault(format!("is not opened: {reject:?}")))?;
        reader.commit(&opened.id);
        known.insert((opened.author, opened.position), opened.id);
    }
    let reject = match reader.open(&sender, &case.get("packet")?.hex()?) {
        Ok(opened) => {
            let before = known.get(&(opened.author, opened.position));
            let forked = before.is_some_and(|id| *id != opened.id);
            let expect = if forked { "fork" } else { "accept" };
            return Ok(json!({"expect": expect, "reason": null}));
        }
        Err(reject) => reject,
    };
    let reason = case.get("reason")?;
    let fits = match reason.text()? {
        "header" | "length" => reject == OpenReject::Malformed,
        "tag" => reject == OpenReject::NotOurs,
        "authenticator" | "nonce" | "padding" | "signature" => reject == OpenReject::Forged,
        "short" => matches!(reject, OpenReject::Malformed | OpenReject::Forged),
        _ => matches!(reject, OpenReject::BadContent { .. }),
    };
    if !fits {
        return Err(reason.fault(format!("does not fit {reject:?}")));
    }
    Ok(json!({"expect": "refuse"}))
}

pub(super) fn negative(file: &Node<'_>, tally: &mut Tally) -> Checked {
    let rooms = file.get("rooms")?.items()?;
    for room in &rooms {
        tally.case("rooms", |_| agree(room, &computed(room)?));
    }
    for case in file.get("cases")?.items()? {
        tally.case("cases", |_| {
            let at = case.get("room")?;
            let room = rooms.get(at.size()?).ok_or_else(|| at.fault("is no room"))?;
            agree(&case, &judged(room, &case)?)
        });
    }
    Ok(())
}
