//! Messages of one subsession, good and bad.

use mpenc_crypto::{SignLabel, Signature, SigningKey as _};
use mpenc_packet::v2::{Body, Content, ErrorCode, Plaintext, PublicationPacket};
use mpenc_types::{ChainHash, MemberId, MessageId, PacketId, SubsessionId};
use serde_json::{Value, json};

use super::super::hx;
use super::super::messages::{self, Raw, Subsession};
use super::greeting::id;
use super::packets::unable;
use super::{Dice, head, merged};
use crate::json::{Checked, Fault, Node};

fn subsession(dice: &mut Dice, names: &[&str]) -> Value {
    let authors: Vec<Value> = names
        .iter()
        .map(|name| {
            let (seed, key) = dice.key();
            json!({"name": name, "seed": hx(seed), "public": hx(key.public().as_bytes())})
        })
        .collect();
    json!({"sid": dice.hex(32), "root": dice.hex(32), "authors": authors})
}

/// Kind and bytes of a body.
fn body(body: &Body) -> Checked<(u8, Vec<u8>)> {
    let bytes = body.encode().map_err(unable)?;
    let (kind, bytes) = bytes.split_first().ok_or_else(|| Fault::new("body", "is empty"))?;
    Ok((*kind, bytes.to_vec()))
}

/// A room whose members write these messages, one after the other; each knows all before it.
fn room(dice: &mut Dice, label: &str, names: &[&str], written: &[(&str, Body)]) -> Checked<Value> {
    let mut case = json!({"label": label, "subsession": subsession(dice, names)});
    let chain = dice.hex(32);
    let mut listed: Vec<Value> = Vec::new();
    for (author, said) in written {
        let seq = listed.iter().filter(|one| one.get("author") == Some(&json!(author))).count();
        let (kind, bytes) = body(said)?;
        let parents: Vec<Value> =
            listed.last().and_then(|last| last.get("mid")).cloned().into_iter().collect();
        listed.push(json!({"author": author, "seq": seq, "parents": parents, "number": 0,
            "chain": chain, "kind": kind, "body": hx(bytes)}));
        super::primitive::replace(&mut case, &[("messages", json!(listed))]);
        let computed = messages::computed(&Node::root(&case))?;
        let all = computed.get("messages").and_then(Value::as_array).cloned();
        listed = all.unwrap_or_default();
    }
    super::primitive::replace(&mut case, &[("messages", json!(listed))]);
    Ok(case)
}

fn say(text: &str) -> Body {
    Body::Payload(text.to_owned())
}

pub(super) fn runs(dice: &mut Dice) -> Checked<Value> {
    let mut cases = Vec::new();
    let mut add = |mut case: Value, arrival: Vec<usize>| -> Checked {
        super::primitive::replace(&mut case, &[("arrival", json!(arrival))]);
        let computed = messages::computed(&Node::root(&case))?;
        let case = merged(case, computed).map_err(|what| Fault::new("messages", what))?;
        messages::arrive(&Node::root(&case))?;
        cases.push(case);
        Ok(())
    };
    let three = ["ann", "bob", "cat"];
    let talk = [
        ("ann", say("Hello")),
        ("bob", say("Good morning! 🙂")),
        ("cat", Body::ExplicitAck { manual: false }),
        ("ann", say(&"x".repeat(300))),
        ("bob", Body::ExplicitAck { manual: true }),
        ("ann", Body::Consistency { close: false }),
        ("cat", Body::Heartbeat),
        ("bob", say(&"y".repeat(5000))),
    ];
    add(room(dice, "in order", &three, &talk)?, (0..8).collect())?;
    add(room(dice, "in the other order", &three, &talk)?, (0..8).rev().collect())?;
    let kinds = [
        ("ann", Body::OrderConfirmation(PacketId::new(dice.array()))),
        ("ann", Body::Absence { away: true }),
        ("ann", Body::Absence { away: false }),
        ("bob", Body::Error { code: ErrorCode::InconsistentHistory, subject: None }),
        (
            "bob",
            Body::Error {
                code: ErrorCode::BadMessage,
                subject: Some(MessageId::from(dice.array::<32>())),
            },
        ),
        ("ann", Body::Consistency { close: true }),
        ("ann", Body::Close),
        ("bob", Body::Opaque { kind: 77, bytes: vec![1, 2, 3] }),
    ];
    let mut case = room(dice, "every kind, and publications", &["ann", "bob"], &kinds)?;
    let published = publications(dice, &case)?;
    super::primitive::replace(&mut case, &[("publications", published)]);
    add(case, vec![0, 3, 1, 4, 2, 5, 7, 6])?;
    let many: Vec<(&str, Body)> = (0..12).map(|i| ("żółw", say(&format!("{i}")))).collect();
    let case = room(dice, "far apart, from a name that is not ASCII", &["żółw", "龍"], &many)?;
    add(case, vec![11, 0, 10, 1, 9, 2, 8, 3, 7, 4, 6, 5])?;
    let mut file = head("mpenc-v2-messages/1");
    file.insert("cases".to_owned(), Value::Array(cases));
    Ok(Value::Object(file))
}

fn publications(dice: &mut Dice, case: &Value) -> Checked<Value> {
    let node = Node::root(case).get("subsession")?;
    let sid = SubsessionId::new(node.get("sid")?.array()?);
    let authors = node.get("authors")?.items()?;
    let seed = |at: usize| -> Checked<[u8; 32]> {
        authors.get(at).ok_or_else(|| Fault::new("authors", "too few"))?.get("seed")?.array()
    };
    let listed = [
        ("the seed of ann", sid, 0, seed(0)?, "accept"),
        ("the seed of bob", sid, 1, seed(1)?, "accept"),
        ("the seed of another", sid, 0, seed(1)?, "refuse"),
        ("any seed", sid, 0, dice.array(), "refuse"),
        ("of another subsession", SubsessionId::new(dice.array()), 0, seed(0)?, "refuse"),
        ("a place that nobody has", sid, 2, seed(0)?, "refuse"),
    ];
    Ok(listed
        .into_iter()
        .map(|(label, sid, place, seed, expect)| {
            let packet = PublicationPacket { sid, place, seed };
            json!({"label": label, "packet": hx(packet.to_wire()), "expect": expect})
        })
        .collect())
}

/// Bad packets for one room.
struct Scene {
    /// Its number in the file.
    number: usize,
    room: Value,
    subsession: Subsession,
    cases: Vec<Value>,
}

impl Scene {
    fn put(
        &mut self,
        label: &str,
        delivered: &[usize],
        expect: &str,
        reason: Option<&str>,
        packet: &[u8],
    ) -> Checked {
        let case = json!({"label": label, "room": self.number, "delivered": delivered,
            "packet": hx(packet), "expect": expect, "reason": reason});
        let node = Node::root(&case);
        let within = |fault: Fault| Fault::new(format!("{label}: {}", fault.place), fault.what);
        let found = messages::judged(&Node::root(&self.room), &node).map_err(within)?;
        super::super::agree(&node, &found).map_err(within)?;
        self.cases.push(case);
        Ok(())
    }

    fn refuse(&mut self, label: &str, reason: &str, packet: &[u8]) -> Checked {
        self.put(label, &[], "refuse", Some(reason), packet)
    }

    /// The first message of ann with another plaintext.
    fn with(&self, plaintext: Vec<u8>, nonce: Option<[u8; 12]>) -> Vec<u8> {
        self.subsession.encrypt(&Raw { author: id("ann"), seq: 0, plaintext, nonce })
    }

    /// Validly signed, whatever it says.
    fn signed(&self, content: &[u8]) -> Checked<Vec<u8>> {
        self.subsession.seal(&id("ann"), 0, content.to_vec())
    }
}

fn content(said: &Body) -> Checked<Vec<u8>> {
    let content = Content {
        parents: Vec::new(),
        number: 0,
        chain: ChainHash::new([3; 32]),
        body: said.clone(),
    };
    content.encode().map_err(unable)
}

pub(super) fn flip(packet: &[u8], at: usize) -> Vec<u8> {
    let mut bad = packet.to_vec();
    if let Some(byte) = bad.get_mut(at) {
        *byte ^= 1;
    }
    bad
}

pub(super) fn negative(dice: &mut Dice) -> Checked<Value> {
    let written = [
        ("ann", say("first")),
        ("bob", say("second")),
        ("ann", say("third")),
        ("ann", Body::Heartbeat),
    ];
    let room = room(dice, "base", &["ann", "bob"], &written)?;
    let subsession = Subsession::of(&Node::root(&room).get("subsession")?)?;
    let mut scene = Scene { number: 0, room, subsession, cases: Vec::new() };
    packets(dice, &mut scene)?;
    insiders(&mut scene)?;
    contents(&mut scene)?;
    positions(&mut scene)?;
    let mut file = head("mpenc-v2-messages-negative/1");
    let far = skipped(dice)?;
    file.insert("rooms".to_owned(), json!([scene.room, far.room]));
    file.insert("cases".to_owned(), Value::Array([scene.cases, far.cases].concat()));
    Ok(Value::Object(file))
}

/// What outsiders can do.
fn packets(dice: &mut Dice, scene: &mut Scene) -> Checked {
    let first = Node::root(&scene.room).get("messages")?.items()?.remove(0);
    let good = first.get("packet")?.hex()?;
    let end = good.len();
    scene.put("good", &[], "accept", None, &good)?;
    scene.put("the same again", &[0], "accept", None, &good)?;
    scene.refuse("another profile", "header", &flip(&good, 0))?;
    scene.refuse("another suite", "header", &flip(&good, 2))?;
    scene.refuse("an unknown kind", "header", &{
        let mut bad = good.clone();
        if let Some(kind) = bad.get_mut(3) {
            *kind = 0x13;
        }
        bad
    })?;
    scene.refuse("nothing", "header", &[])?;
    scene.refuse("first bit of the tag", "tag", &flip(&good, 4))?;
    scene.refuse("last bit of the tag", "tag", &flip(&good, 19))?;
    scene.refuse("any tag", "tag", &[&[2, 2, 1, 0x10][..], &dice.bytes(end - 4)].concat())?;
    for (label, at) in [
        ("first byte of the nonce", 20),
        ("last byte of the nonce", 31),
        ("first byte of the ciphertext", 32),
        ("byte of the padding", 150),
        ("first byte of the authenticator", end - 16),
        ("last byte of the authenticator", end - 1),
    ] {
        scene.refuse(label, "authenticator", &flip(&good, at))?;
    }
    scene.refuse("a byte less", "length", good.get(..end - 1).unwrap_or_default())?;
    scene.refuse("a byte more", "length", &[&good[..], &[0]].concat())?;
    scene.refuse("no ciphertext", "length", good.get(..32).unwrap_or_default())?;
    scene.refuse("twice the length", "authenticator", &[&good[..], &[0; 128]].concat())?;
    let second = Node::root(&scene.room).get("messages")?.items()?.remove(1);
    let other = second.get("packet")?.hex()?;
    let mixed = [good.get(..20).unwrap_or_default(), other.get(20..).unwrap_or_default()].concat();
    scene.refuse("the tag of one, the rest of another", "authenticator", &mixed)
}

/// What other members can do: they have all keys but one.
fn insiders(scene: &mut Scene) -> Checked {
    let (ann, bob) = (id("ann"), id("bob"));
    let text = content(&say("not ann's"))?;
    let (tag, mid) =
        (scene.subsession.keys.position(&ann, 0).tag, scene.subsession.message_id(&ann, 0, &text));
    let by_bob = scene.subsession.key(&bob)?;
    let by_ann = scene.subsession.key(&ann)?;
    let sign = |key: &super::super::room::Key, parts: &[&[u8]]| key.sign(parts);
    let label = SignLabel::MESSAGE.as_bytes();
    let right = scene.subsession.signed(&ann, 0, &mid, &tag);
    let other_mid = scene.subsession.message_id(&ann, 0, b"something else");
    let bobs_tag = scene.subsession.keys.position(&bob, 0).tag;
    let whom = |author: &MemberId, seq, mid: &[u8; 32], tag: &[u8; 16]| {
        sign(&by_ann, &[label, &scene.subsession.signed(author, seq, mid, tag)])
    };
    let signatures: Vec<(&str, Signature)> = vec![
        ("signed by another member", sign(&by_bob, &[label, &right])),
        ("no signature", Signature::new([0; 64])),
        ("signed without the label", sign(&by_ann, &[&right])),
        ("signed under another label", sign(&by_ann, &[SignLabel::SHARE.as_bytes(), &right])),
        ("signed for another position", whom(&ann, 1, &mid, &tag)),
        ("signed for another author", whom(&bob, 0, &mid, &tag)),
        ("signed for another message", whom(&ann, 0, &other_mid, &tag)),
        ("signed for another tag", whom(&ann, 0, &mid, &bobs_tag)),
    ];
    let made: Vec<(&str, Vec<u8>)> = signatures
        .into_iter()
        .map(|(what, signature)| {
            let plaintext = Plaintext { signature, content: text.clone() }.encode();
            (what, scene.with(plaintext, None))
        })
        .collect();
    for (what, packet) in made {
        scene.refuse(what, "signature", &packet)?;
    }
    // A genuine plaintext, moved.
    let signature = scene.subsession.signature(&ann, 0, &text)?;
    let plaintext = Plaintext { signature, content: text.clone() }.encode();
    for (what, author, seq) in
        [("moved to another position", &ann, 1), ("moved to another author", &bob, 0)]
    {
        let raw = Raw { author: author.clone(), seq, plaintext: plaintext.clone(), nonce: None };
        let packet = scene.subsession.encrypt(&raw);
        scene.refuse(what, "signature", &packet)?;
    }
    let packet = scene.with(plaintext.clone(), Some([9; 12]));
    scene.refuse("another nonce", "nonce", &packet)?;
    let alter = |at: usize, byte: u8| {
        let mut bad = plaintext.clone();
        if let Some(to) = bad.get_mut(at) {
            *to = byte;
        }
        bad
    };
    let last = plaintext.len() - 1;
    let longer = {
        let mut bad = plaintext.clone();
        bad.resize(256, 0);
        bad
    };
    for (what, reason, plaintext) in [
        ("padding that is not zero", "padding", alter(last, 1)),
        ("padded too far", "padding", longer),
        ("a length of less than the content", "padding", alter(67, 47)),
        ("a length of more than the plaintext", "short", alter(66, 200)),
        ("another bit of the content", "signature", alter(72, 0x55)),
        ("another bit of the signature", "signature", alter(0, 0x55)),
    ] {
        let packet = scene.with(plaintext, None);
        scene.refuse(what, reason, &packet)?;
    }
    Ok(())
}

/// What authors can sign: their position is used up.
fn contents(scene: &mut Scene) -> Checked {
    let good = content(&Body::Heartbeat)?;
    let front = good.get(..38).unwrap_or_default().to_vec();
    let with = |body: &[u8]| [&front, body].concat();
    let parents = |a: u8, b: u8| {
        [&[0, 2][..], &[a; 32], &[b; 32], good.get(2..).unwrap_or_default()].concat()
    };
    for (what, reason, content) in [
        ("content: a payload without text", "body", with(&[0])),
        ("content: no UTF-8", "text", with(&[0, 0xff])),
        ("content: a heartbeat with a byte", "body", with(&[2, 1])),
        ("content: consistency 02", "body", with(&[3, 2])),
        ("content: part 0 of 1", "body", with(&[7, 0, 0, 0, 1])),
        ("content: close with a byte", "body", with(&[8, 0])),
        ("content: parents in another order", "order", parents(2, 1)),
        ("content: a parent twice", "order", parents(2, 2)),
        ("content: 513 parents", "limit", [&[2, 1][..], &[0; 64]].concat()),
    ] {
        let packet = scene.signed(&content)?;
        scene.refuse(what, reason, &packet)?;
    }
    let packet = scene.signed(&with(&[99, 1, 2]))?;
    scene.put("content: an unknown kind", &[], "accept", None, &packet)
}

/// Where a packet may stand.
fn positions(scene: &mut Scene) -> Checked {
    let ann = id("ann");
    let text = content(&say("another"))?;
    let at = |scene: &Scene, seq| scene.subsession.seal(&ann, seq, text.clone());
    let packet = at(scene, 63)?;
    scene.put("the last position of the first window", &[], "accept", None, &packet)?;
    let packet = at(scene, 64)?;
    scene.refuse("the first position behind the window", "tag", &packet)?;
    scene.put("the window has moved", &[0], "accept", None, &packet)?;
    let packet = at(scene, 65)?;
    scene.put("behind the moved window", &[0], "refuse", Some("tag"), &packet)?;
    let packet = at(scene, 66)?;
    scene.put("the window moves over what is missing", &[2], "refuse", Some("tag"), &packet)?;
    let packet = at(scene, 65)?;
    scene.put("the window moves over what is missing", &[2], "accept", None, &packet)?;
    let packet = at(scene, 0)?;
    scene.put("a second message at one position", &[0], "fork", None, &packet)?;
    scene.put("a second message, later ones known", &[0, 2], "fork", None, &packet)?;
    scene.put("the first of two that arrives", &[2], "accept", None, &packet)?;
    let stranger = Raw {
        author: id("eve"),
        seq: 0,
        plaintext: Plaintext { signature: Signature::new([1; 64]), content: text.clone() }.encode(),
        nonce: None,
    };
    let packet = scene.subsession.encrypt(&stranger);
    scene.refuse("the chain of one who is no member", "tag", &packet)
}

/// So many positions skipped that the window stays: MAX_SKIP is 256.
fn skipped(dice: &mut Dice) -> Checked<Scene> {
    let mut room = json!({"label": "far apart", "subsession": subsession(dice, &["ann", "bob"])});
    let chain = dice.hex(32);
    // After these 249 are missing, and with the last one 256.
    let seqs = [63, 126, 189, 252, 260];
    let (kind, bytes) = body(&Body::Heartbeat)?;
    let message = |seq: &u64| {
        json!({"author": "ann", "seq": seq, "parents": [], "number": 0, "chain": chain,
            "kind": kind, "body": hx(&bytes)})
    };
    let listed: Vec<Value> = seqs.iter().map(message).collect();
    super::primitive::replace(&mut room, &[("messages", json!(listed))]);
    let computed = messages::computed(&Node::root(&room))?;
    let room = merged(room, computed).map_err(|what| Fault::new("messages", what))?;
    let subsession = Subsession::of(&Node::root(&room).get("subsession")?)?;
    let mut scene = Scene { number: 1, room, subsession, cases: Vec::new() };
    let text = content(&say("another"))?;
    let at = |scene: &Scene, seq| scene.subsession.seal(&id("ann"), seq, text.clone());
    let most = [0, 1, 2, 3];
    let all = [0, 1, 2, 3, 4];
    for (label, delivered, seq, expect) in [
        ("249 are missing: the end of the window", &most[..], 316, "accept"),
        ("249 are missing: behind the window", &most, 317, "refuse"),
        ("256 are missing: the window stays, its end", &all, 323, "accept"),
        ("256 are missing: the window stays, behind it", &all, 324, "refuse"),
        ("256 are missing: one of them comes", &all, 0, "accept"),
        ("256 are missing: another message where it stays", &all, 260, "fork"),
    ] {
        let packet = at(&scene, seq)?;
        let reason = (expect == "refuse").then_some("tag");
        scene.put(label, delivered, expect, reason, &packet)?;
    }
    Ok(scene)
}
