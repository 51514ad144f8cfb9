//! Bad packets in operations: made from good ones, changed, and signed again where that matters.

use mpenc_crypto::{
    FramedHash as _, Label, PublicKey, SecretBytes, SignLabel, SigningKey as _, V2,
};
use mpenc_packet::v2::{
    AbortFields, AbortReason, Greeting, InitialFields, OpId, PacketKind, ShareFields,
    decode_greeting,
};
use serde_json::{Value, json};

use super::super::room::Key;
use super::super::{agree, hx, negative};
use super::greeting::{history, plan};
use super::packets::unable;
use super::primitive::{ORDER, plus_order};
use super::{Dice, head};
use crate::json::{Checked, Fault, Node};

/// One case in the making.
struct Case<'a> {
    label: String,
    victims: &'a [&'a str],
    after: usize,
    from: &'a str,
    packet: Vec<u8>,
    deliveries: Vec<(&'a str, Vec<u8>)>,
    expect: &'a str,
    reason: Option<&'a str>,
    bad: &'a [&'a str],
    disagree: &'a [&'a str],
    directory: Option<Value>,
}

/// What is known of the operation under attack.
struct Scene {
    run: Value,
    number: usize,
    at: usize,
    cases: Vec<Value>,
}

const SMALL: [u8; 32] = {
    let mut one = [0; 32];
    one[0] = 1;
    one
};

impl Scene {
    fn node(&self) -> Node<'_> {
        Node::root(&self.run)
    }

    fn operation(&self) -> Checked<Node<'_>> {
        let operations = self.node().get("operations")?.items()?;
        operations.into_iter().nth(self.at).ok_or_else(|| Fault::new("operation", "missing"))
    }

    fn identity(&self, who: &str) -> Checked<Key> {
        let identities = self.node().get("identities")?.items()?;
        for identity in identities {
            if identity.get("name")?.text()? == who {
                return Ok(Key::from_seed(&SecretBytes::new(identity.get("seed")?.array()?)));
            }
        }
        Err(Fault::new("identities", who))
    }

    /// The ephemeral key of a member.
    fn ephemeral(&self, who: &str) -> Checked<Key> {
        for secrets in self.operation()?.get("secrets")?.items()? {
            if secrets.get("name")?.text()? == who {
                return Ok(Key::from_seed(&SecretBytes::new(secrets.get("e")?.array()?)));
            }
        }
        Err(Fault::new("secrets", who))
    }

    /// Position and bytes of a member's packet of a kind.
    fn packet(&self, who: &str, kind: &str) -> Checked<(usize, Vec<u8>)> {
        for (i, step) in self.operation()?.get("packets")?.items()?.into_iter().enumerate() {
            if step.get("from")?.text()? == who && step.get("kind")?.text()? == kind {
                return Ok((i, step.get("packet")?.hex()?));
            }
        }
        Err(Fault::new("packets", format!("{who} {kind}")))
    }

    fn ctx(&self) -> Checked<[u8; 32]> {
        self.operation()?.get("result")?.get("ctx")?.array()
    }

    fn op(&self) -> Checked<OpId> {
        Ok(OpId::new(self.operation()?.get("result")?.get("op")?.array()?))
    }

    fn put(&mut self, case: Case<'_>) -> Checked {
        for victim in case.victims {
            // Who proves what depends on who looks: only members know the key.
            let mut listed = json!({
                "label": case.label, "run": self.number, "operation": self.at,
                "after": case.after, "as": victim, "from": case.from, "packet": hx(&case.packet),
                "expect": case.expect, "reason": case.reason,
            });
            let bystander = !self
                .operation()?
                .get("members")?
                .items()?
                .iter()
                .any(|member| member.text().is_ok_and(|name| name == *victim));
            let blind = case.reason == Some("key-check") && bystander;
            if let Some(listed) = listed.as_object_mut() {
                if !case.deliveries.is_empty() {
                    let steps = case.deliveries.iter();
                    let steps =
                        steps.map(|(from, packet)| json!({"from": from, "packet": hx(packet)}));
                    listed.insert("deliveries".to_owned(), steps.collect());
                }
                if case.expect == "failing" {
                    listed
                        .insert("bad".to_owned(), if blind { json!([]) } else { json!(case.bad) });
                    listed.insert("disagree".to_owned(), json!(case.disagree));
                }
                if let Some(directory) = &case.directory {
                    listed.insert("directory".to_owned(), directory.clone());
                }
            }
            let node = Node::root(&listed);
            let within = |fault: Fault| {
                Fault::new(format!("{} as {victim}: {}", case.label, fault.place), fault.what)
            };
            let found = negative::judged(&self.node(), &node).map_err(within)?;
            agree(&node, &found).map_err(within)?;
            self.cases.push(listed);
        }
        Ok(())
    }
}

fn case<'a>(
    label: &str,
    victims: &'a [&'a str],
    after: usize,
    from: &'a str,
    packet: Vec<u8>,
) -> Case<'a> {
    Case {
        label: label.to_owned(),
        victims,
        after,
        from,
        packet,
        deliveries: Vec::new(),
        expect: "accepted",
        reason: None,
        bad: &[],
        disagree: &[],
        directory: None,
    }
}

impl<'a> Case<'a> {
    fn ignored(self, reason: &'a str) -> Self {
        Self { expect: "ignored", reason: Some(reason), ..self }
    }

    fn failing(self, reason: &'a str, bad: &'a [&'a str]) -> Self {
        Self { expect: "failing", reason: Some(reason), bad, ..self }
    }
}

/// Header and content of a packet, without its signature.
fn split(packet: &[u8]) -> Checked<(PacketKind, Vec<u8>)> {
    let kind = mpenc_packet::v2::kind(packet).map_err(|e| Fault::new("packet", e.to_string()))?;
    Ok((kind, packet.get(68..).unwrap_or_default().to_vec()))
}

/// The packet with other content, signed again.
fn altered(
    packet: &[u8],
    key: &Key,
    ctx: &[u8],
    alter: impl FnOnce(&mut Vec<u8>),
) -> Checked<Vec<u8>> {
    let (kind, mut content) = split(packet)?;
    alter(&mut content);
    let label = match kind {
        PacketKind::Initial => SignLabel::INITIAL,
        PacketKind::Contribution => SignLabel::CONTRIBUTION,
        PacketKind::Share => SignLabel::SHARE,
        PacketKind::Confirmation => SignLabel::CONFIRMATION,
        _ => SignLabel::ABORT,
    };
    let header = kind.header();
    let signature = key.sign(&[label.as_bytes(), ctx, &header, &content]);
    Ok([&header[..], signature.as_bytes(), &content].concat())
}

fn write(content: &mut [u8], at: usize, bytes: &[u8]) {
    content.iter_mut().skip(at).zip(bytes).for_each(|(to, from)| *to = *from);
}

fn flip(packet: &[u8], at: usize) -> Vec<u8> {
    let mut bad = packet.to_vec();
    if let Some(byte) = bad.get_mut(at) {
        *byte ^= 1;
    }
    bad
}

/// Places of fields in contents.
const PLACE: usize = 32;
const NONCE: usize = 34;
const EPHEMERAL: usize = 66;
const POINT: usize = 98;

pub(super) fn negative(dice: &mut Dice) -> Checked<Value> {
    let all = ["ann", "bob", "cat", "dan"];
    let plans = vec![
        plan("establish", "ann", &["ann", "bob", "cat"]),
        plan("exclude cat, include dan", "ann", &["ann", "bob", "dan"]),
    ];
    let (run, _) = history(dice, "of three, somebody leaves, somebody comes", &all, &[], plans)?;
    let mut three = Scene { run, number: 0, at: 1, cases: Vec::new() };
    initials(dice, &mut three)?;
    contributions(dice, &mut three)?;
    shares(&mut three)?;
    confirmations(&mut three)?;
    aborts(&mut three)?;
    let plans = vec![plan("establish", "ann", &["ann", "bob"])];
    let (run, _) = history(dice, "of two", &["ann", "bob"], &[], plans)?;
    let mut two = Scene { run, number: 1, at: 0, cases: Vec::new() };
    of_two(&mut two)?;
    let mut file = head("mpenc-v2-greeting-negative/1");
    file.insert("runs".to_owned(), json!([three.run, two.run]));
    file.insert("cases".to_owned(), Value::Array([three.cases, two.cases].concat()));
    Ok(Value::Object(file))
}

fn initials(dice: &mut Dice, scene: &mut Scene) -> Checked {
    let everybody = &["bob", "cat", "dan"][..];
    let old = &["bob", "cat"][..];
    let (_, good) = scene.packet("ann", "initial")?;
    let (ann, bob) = (scene.identity("ann")?, scene.identity("bob")?);
    let fields = match decode_greeting(&good) {
        Ok(Greeting::Initial(found)) => found.peek().fields().clone(),
        _ => return Err(Fault::new("initial", "is none")),
    };
    let again = |key: &Key, alter: &dyn Fn(&mut InitialFields)| -> Checked<Vec<u8>> {
        let mut fields = fields.clone();
        alter(&mut fields);
        Ok(fields.sign(key).map_err(unable)?.to_wire())
    };
    scene.put(case("initial: good", everybody, 0, "ann", good.clone()))?;
    let put = |scene: &mut Scene, what: &str, victims: &[&str], reason, packet| {
        scene.put(case(&format!("initial: {what}"), victims, 0, "ann", packet).ignored(reason))
    };
    put(scene, "another signature", everybody, "signature", flip(&good, 4))?;
    put(scene, "a bit of the content", everybody, "signature", flip(&good, good.len() - 1))?;
    put(scene, "no signature", everybody, "signature", {
        let mut bad = good.clone();
        write(&mut bad, 4, &[0; 64]);
        bad
    })?;
    put(scene, "signed by somebody else", everybody, "signature", again(&bob, &|_| {})?)?;
    put(scene, "signed under another label", everybody, "signature", {
        let (kind, content) = split(&good)?;
        let header = kind.header();
        let signature = ann.sign(&[SignLabel::ABORT.as_bytes(), &header, &content]);
        [&header[..], signature.as_bytes(), &content].concat()
    })?;
    scene.put(
        case(
            "initial: sent by another",
            everybody.get(1..).unwrap_or_default(),
            0,
            "bob",
            good.clone(),
        )
        .ignored("sender"),
    )?;
    put(scene, "of another session", everybody, "label", again(&ann, &|f| f.label = [7; 32])?)?;
    put(
        scene,
        "behind another final packet",
        old,
        "order",
        again(&ann, &|f| f.prev_final = mpenc_types::PacketId::new([7; 32]))?,
    )?;
    put(
        scene,
        "with another chain",
        old,
        "order",
        again(&ann, &|f| f.prev_chain = mpenc_types::ChainHash::new([7; 32]))?,
    )?;
    let key = PublicKey::new(dice.array::<32>());
    let listed = |who: &'static str, key: PublicKey| {
        move |f: &mut InitialFields| {
            for entry in &mut f.entries {
                if entry.name.as_bytes() == who.as_bytes() {
                    entry.key = Some(key);
                }
            }
        }
    };
    put(scene, "another key of an old member", old, "pinned", again(&ann, &listed("bob", key))?)?;
    let (_, other) = dice.key();
    let impostor = again(&other, &listed("ann", other.public()))?;
    put(scene, "another key of the initiator", old, "pinned", impostor.clone())?;
    put(scene, "another key of the initiator", &["dan"], "directory", impostor)?;
    let mut unknown =
        case("initial: of one who is not in the directory", &["dan"], 0, "ann", good.clone())
            .ignored("directory");
    unknown.directory = Some(json!([{"name": "bob", "key": hx(bob.public().as_bytes())}]));
    scene.put(unknown)?;
    put(
        scene,
        "two members with one key",
        everybody,
        "equal",
        again(&ann, &listed("dan", bob.public()))?,
    )?;
    put(
        scene,
        "a key of small order",
        everybody,
        "key",
        again(&ann, &listed("dan", PublicKey::new(SMALL)))?,
    )?;
    let without = |who: &'static str| {
        move |f: &mut InitialFields| {
            f.entries.retain(|entry| entry.name.as_bytes() != who.as_bytes());
            f.place = 0;
        }
    };
    put(
        scene,
        "without one of the members before",
        &["bob"],
        "members",
        again(&ann, &without("cat"))?,
    )?;
    put(
        scene,
        "without us among those before",
        &["cat"],
        "members",
        again(&ann, &without("cat"))?,
    )?;
    put(scene, "without us", &["dan"], "members", again(&ann, &without("dan"))?)?;
    let claims = again(&ann, &|f| {
        for entry in &mut f.entries {
            entry.was = true;
        }
    })?;
    put(scene, "claims that dan was a member", &["bob", "cat", "dan"], "members", claims)?;
    put(scene, "the one before it again", old, "members", {
        let operations = scene.node().get("operations")?.items()?;
        let first = operations.first().ok_or_else(|| Fault::new("operations", "empty"))?;
        let packets = first.get("packets")?.items()?;
        packets.first().ok_or_else(|| Fault::new("packets", "empty"))?.get("packet")?.hex()?
    })?;
    let contribution = |alter: &dyn Fn(&mut mpenc_packet::v2::Contribution)| {
        again(&ann, &|f| {
            if let Some(contribution) = &mut f.contribution {
                alter(contribution);
            }
        })
    };
    put(
        scene,
        "the identity as contribution",
        everybody,
        "element",
        contribution(&|c| c.point = [0; 32])?,
    )?;
    put(
        scene,
        "a contribution that is no element",
        everybody,
        "element",
        contribution(&|c| c.point = [0xff; 32])?,
    )?;
    put(
        scene,
        "an ephemeral key of small order",
        everybody,
        "key",
        contribution(&|c| c.ephemeral = PublicKey::new(SMALL))?,
    )?;
    put(
        scene,
        "an identity key as ephemeral key",
        everybody,
        "equal",
        contribution(&|c| c.ephemeral = bob.public())?,
    )?;
    put(scene, "a byte more", everybody, "long", altered(&good, &ann, &[], |c| c.push(0))?)?;
    put(scene, "of another suite", everybody, "header", flip(&good, 2))?;
    let (_, early) = scene.packet("bob", "contribution")?;
    scene.put(
        case("contribution: of no operation", &["cat", "dan"], 0, "bob", early)
            .ignored("operation"),
    )
}

fn contributions(dice: &mut Dice, scene: &mut Scene) -> Checked {
    let others = &["ann", "cat", "dan"][..];
    let (at, good) = scene.packet("bob", "contribution")?;
    let (_, first) = scene.packet("ann", "initial")?;
    let first = first.get(first.len() - 96..).unwrap_or_default().to_vec();
    let (key, e) = (scene.identity("bob")?, scene.ephemeral("bob")?);
    let cat = scene.identity("cat")?;
    let put = |scene: &mut Scene, what: &str, victims: &[&str], from: &str, reason, packet| {
        let what = format!("contribution: {what}");
        scene.put(case(&what, victims, 1, from, packet).ignored(reason))
    };
    scene.put(case("contribution: good", others, 1, "bob", good.clone()))?;
    put(scene, "another signature", others, "bob", "signature", flip(&good, 67))?;
    put(
        scene,
        "signed with the ephemeral key",
        others,
        "bob",
        "signature",
        altered(&good, &e, &[], |_| {})?,
    )?;
    put(
        scene,
        "of another operation",
        others,
        "bob",
        "operation",
        altered(&good, &key, &[], |c| write(c, 0, &[7; 32]))?,
    )?;
    put(
        scene,
        "another place",
        others,
        "bob",
        "sender",
        altered(&good, &key, &[], |c| write(c, PLACE, &[0, 2]))?,
    )?;
    put(
        scene,
        "a place that nobody has",
        others,
        "bob",
        "sender",
        altered(&good, &key, &[], |c| write(c, PLACE, &[0, 3]))?,
    )?;
    put(scene, "sent by another", &["cat", "dan"], "ann", "sender", good.clone())?;
    put(
        scene,
        "of one who is excluded",
        &["ann", "dan"],
        "cat",
        "sender",
        altered(&good, &cat, &[], |_| {})?,
    )?;
    put(
        scene,
        "a second of the initiator",
        &["cat", "dan"],
        "ann",
        "repeated",
        altered(&good, &scene.identity("ann")?, &[], |c| write(c, PLACE, &[0, 0]))?,
    )?;
    for (what, at, len) in
        [("nonce", NONCE, 0), ("ephemeral key", EPHEMERAL, 32), ("contribution", POINT, 64)]
    {
        let copied = first.get(len..len + 32).unwrap_or_default();
        put(
            scene,
            &format!("the {what} of the initiator"),
            others,
            "bob",
            "equal",
            altered(&good, &key, &[], |c| write(c, at, copied))?,
        )?;
    }
    put(
        scene,
        "its identity key as ephemeral key",
        others,
        "bob",
        "equal",
        altered(&good, &key, &[], |c| write(c, EPHEMERAL, key.public().as_bytes()))?,
    )?;
    put(
        scene,
        "an ephemeral key of small order",
        others,
        "bob",
        "key",
        altered(&good, &key, &[], |c| write(c, EPHEMERAL, &SMALL))?,
    )?;
    put(
        scene,
        "an ephemeral key that is no point",
        others,
        "bob",
        "key",
        altered(&good, &key, &[], |c| write(c, EPHEMERAL, &[0xff; 32]))?,
    )?;
    put(
        scene,
        "the identity",
        others,
        "bob",
        "element",
        altered(&good, &key, &[], |c| write(c, POINT, &[0; 32]))?,
    )?;
    put(
        scene,
        "no element",
        others,
        "bob",
        "element",
        altered(&good, &key, &[], |c| write(c, POINT, &[0xff; 32]))?,
    )?;
    put(
        scene,
        "a negative encoding",
        others,
        "bob",
        "element",
        altered(&good, &key, &[], |c| write(c, POINT, &SMALL))?,
    )?;
    put(scene, "a byte more", others, "bob", "long", altered(&good, &key, &[], |c| c.push(0))?)?;
    put(
        scene,
        "a byte less",
        others,
        "bob",
        "short",
        altered(&good, &key, &[], |c| c.truncate(129))?,
    )?;
    let again = altered(&good, &key, &[], |c| write(c, NONCE, &dice.array::<32>()))?;
    scene.put(
        case("contribution: the same again", others, at + 1, "bob", good).ignored("repeated"),
    )?;
    scene.put(
        case("contribution: a second one", others, at + 1, "bob", again).ignored("repeated"),
    )?;
    let share = scene.packet("bob", "share")?.1;
    scene.put(case("share: before all contributions", others, 1, "bob", share).ignored("round"))?;
    let confirmation = scene.packet("bob", "confirmation")?.1;
    scene.put(
        case("confirmation: before all contributions", others, 1, "bob", confirmation)
            .ignored("round"),
    )?;
    let initial = scene.packet("ann", "initial")?.1;
    scene.put(
        case("initial: the same again", &["bob", "dan", "cat"], 1, "ann", initial)
            .ignored("running"),
    )
}

/// Contributions and the initial packet of the operation of three.
const CONTRIBUTED: usize = 3;

fn shares(scene: &mut Scene) -> Checked {
    let others = &["ann", "cat", "dan"][..];
    let (at, good) = scene.packet("bob", "share")?;
    let (_, foreign) = scene.packet("dan", "share")?;
    let (key, e, ctx) = (scene.identity("bob")?, scene.ephemeral("bob")?, scene.ctx()?);
    scene.put(case("share: good", others, CONTRIBUTED, "bob", good.clone()))?;
    let put = |scene: &mut Scene, what: &str, reason, packet| {
        let what = format!("share: {what}");
        scene.put(case(&what, others, CONTRIBUTED, "bob", packet).ignored(reason))
    };
    put(scene, "another signature", "signature", flip(&good, 5))?;
    put(scene, "another share, not signed again", "signature", flip(&good, 68 + 34))?;
    put(scene, "signed with the identity key", "signature", altered(&good, &key, &ctx, |_| {})?)?;
    put(scene, "signed without the contributions", "signature", altered(&good, &e, &[], |_| {})?)?;
    put(
        scene,
        "signed with other contributions",
        "signature",
        altered(&good, &e, &[7; 32], |_| {})?,
    )?;
    put(
        scene,
        "of another operation",
        "operation",
        altered(&good, &e, &ctx, |c| write(c, 0, &[7; 32]))?,
    )?;
    put(scene, "another place", "sender", altered(&good, &e, &ctx, |c| write(c, PLACE, &[0, 0]))?)?;
    put(scene, "a byte more", "long", altered(&good, &e, &ctx, |c| c.push(0))?)?;
    scene.put(
        case("share: sent by another", &["cat", "dan"], CONTRIBUTED, "ann", good.clone())
            .ignored("sender"),
    )?;
    let content = split(&good)?.1;
    let part = |from: &[u8], at: usize| -> [u8; 32] {
        core::array::from_fn(|i| from.get(at + i).copied().unwrap_or_default())
    };
    let (c, s) = (part(&content, 66), part(&content, 98));
    let stranger = part(&split(&foreign)?.1, 34);
    for (what, at, bytes) in [
        ("another challenge", 66, part(&flip(&content, 66), 66)),
        ("another response", 98, part(&flip(&content, 98), 98)),
        ("the share of another", 34, stranger),
        ("the identity", 34, [0; 32]),
        ("no element", 34, [0xff; 32]),
        ("the challenge plus the order", 66, plus_order(c)),
        ("the response plus the order", 98, plus_order(s)),
        ("the order as response", 98, ORDER),
        ("zero as challenge", 66, [0; 32]),
    ] {
        let bad = altered(&good, &e, &ctx, |c| write(c, at, &bytes))?;
        scene.put(
            case(&format!("share: {what}"), others, CONTRIBUTED, "bob", bad)
                .failing("proof", &["bob"]),
        )?;
    }
    let bad =
        altered(&good, &e, &ctx, |c| write(c, 34, &foreign.get(102..198).unwrap_or_default()))?;
    scene.put(
        case("share: share and proof of another", others, CONTRIBUTED, "bob", bad)
            .failing("proof", &["bob"]),
    )?;
    scene.put(case("share: the same again", others, at + 1, "bob", good).ignored("repeated"))?;
    let early = scene.packet("bob", "confirmation")?.1;
    scene.put(
        case("confirmation: before all shares", others, CONTRIBUTED, "bob", early).ignored("round"),
    )?;
    let late = scene.packet("bob", "contribution")?.1;
    scene.put(
        case("contribution: after all of them", others, CONTRIBUTED, "bob", late)
            .ignored("repeated"),
    )
}

/// All packets of the operation of three before its confirmations.
const SHARED: usize = 6;

fn confirmations(scene: &mut Scene) -> Checked {
    let others = &["ann", "cat", "dan"][..];
    let (at, good) = scene.packet("bob", "confirmation")?;
    let (key, e) = (scene.identity("bob")?, scene.ephemeral("bob")?);
    scene.put(case("confirmation: good", others, SHARED, "bob", good.clone()))?;
    let put = |scene: &mut Scene, what: &str, reason, packet| {
        let what = format!("confirmation: {what}");
        scene.put(case(&what, others, SHARED, "bob", packet).ignored(reason))
    };
    put(scene, "another signature", "signature", flip(&good, 40))?;
    put(scene, "signed with the ephemeral key", "signature", altered(&good, &e, &[], |_| {})?)?;
    put(scene, "another key-check value, not signed again", "signature", flip(&good, 140))?;
    put(
        scene,
        "of another operation",
        "operation",
        altered(&good, &key, &[], |c| write(c, 0, &[7; 32]))?,
    )?;
    put(
        scene,
        "another place",
        "sender",
        altered(&good, &key, &[], |c| write(c, PLACE, &[0, 2]))?,
    )?;
    put(scene, "a byte less", "short", altered(&good, &key, &[], |c| c.truncate(97))?)?;
    let cat = scene.identity("cat")?;
    let excluded = altered(&good, &cat, &[], |_| {})?;
    scene.put(
        case("confirmation: of one who is excluded", &["ann", "dan"], SHARED, "cat", excluded)
            .ignored("sender"),
    )?;
    let other = altered(&good, &key, &[], |c| write(c, 34, &[7; 32]))?;
    let mut disagreement = case("confirmation: another transcript", others, SHARED, "bob", other)
        .failing("disagreement", &[]);
    disagreement.disagree = &["bob"];
    scene.put(disagreement)?;
    let lie = altered(&good, &key, &[], |c| write(c, 66, &[7; 32]))?;
    // Whoever is first cannot be held against anybody.
    scene.put(case("confirmation: another key, first", others, SHARED, "bob", lie.clone()))?;
    let ann = scene.packet("ann", "confirmation")?.1;
    let mut after =
        case("confirmation: a good one after a lie", &["cat", "dan"], SHARED, "ann", ann.clone())
            .failing("key-check", &["bob"]);
    after.deliveries = vec![("bob", lie.clone())];
    scene.put(after)?;
    let ann_lies = altered(&ann, &scene.identity("ann")?, &[], |c| write(c, 66, &[7; 32]))?;
    let mut after =
        case("confirmation: another key, second", &["cat", "dan"], SHARED, "ann", ann_lies.clone())
            .failing("key-check", &["ann"]);
    after.deliveries = vec![("bob", good.clone())];
    scene.put(after)?;
    let dan = scene.packet("dan", "confirmation")?.1;
    let mut after =
        case("confirmation: the only good one", &["ann", "cat", "bob"], SHARED, "dan", dan)
            .failing("key-check", &["ann", "bob"]);
    after.deliveries = vec![("bob", lie), ("ann", ann_lies)];
    after.victims = &["cat"];
    scene.put(after)?;
    scene.put(
        case("confirmation: the same again", others, at + 1, "bob", good).ignored("repeated"),
    )?;
    let share = scene.packet("bob", "share")?.1;
    scene.put(case("share: after all of them", others, SHARED, "bob", share).ignored("repeated"))
}

fn aborts(scene: &mut Scene) -> Checked {
    let others = &["ann", "cat", "dan"][..];
    let (bob, cat, op) = (scene.identity("bob")?, scene.identity("cat")?, scene.op()?);
    let abort = |key: &Key, place, reason| {
        Ok::<_, Fault>(AbortFields { op, place, reason }.sign(key).map_err(unable)?.to_wire())
    };
    for (what, after, reason) in [
        ("asked for", 1, AbortReason::Asked),
        ("timeout", CONTRIBUTED, AbortReason::TimedOut),
        ("identity key", 2, AbortReason::IdentityKey(2)),
        ("no key", SHARED, AbortReason::NoKey),
        ("internal error", 4, AbortReason::Internal),
    ] {
        let packet = abort(&bob, 1, reason)?;
        scene.put(
            case(&format!("abort: {what}"), others, after, "bob", packet).failing("abort", &[]),
        )?;
    }
    let good = abort(&bob, 1, AbortReason::Asked)?;
    let put = |scene: &mut Scene, what: &str, from: &str, victims: &[&str], reason, packet| {
        let what = format!("abort: {what}");
        scene.put(case(&what, victims, 2, from, packet).ignored(reason))
    };
    put(scene, "another signature", "bob", others, "signature", flip(&good, 4))?;
    put(
        scene,
        "by one who is excluded",
        "cat",
        &["ann", "bob", "dan"],
        "sender",
        abort(&cat, 1, AbortReason::Asked)?,
    )?;
    put(
        scene,
        "signed by one who is excluded",
        "bob",
        others,
        "signature",
        abort(&cat, 1, AbortReason::Asked)?,
    )?;
    put(
        scene,
        "of another operation",
        "bob",
        others,
        "operation",
        altered(&good, &bob, &[], |c| write(c, 0, &[7; 32]))?,
    )?;
    put(scene, "another place", "bob", others, "sender", abort(&bob, 2, AbortReason::Asked)?)?;
    put(scene, "sent by another", "ann", &["cat", "dan"], "sender", good)?;
    put(
        scene,
        "subject outside the membership",
        "bob",
        others,
        "place",
        abort(&bob, 1, AbortReason::IdentityKey(3))?,
    )?;
    put(scene, "an unknown reason", "bob", others, "value", {
        let packet = abort(&bob, 1, AbortReason::Asked)?;
        altered(&packet, &bob, &[], |c| write(c, 34, &[9]))?
    })
}

fn of_two(scene: &mut Scene) -> Checked {
    let (_, good) = scene.packet("bob", "share")?;
    let (e, ctx) = (scene.ephemeral("bob")?, scene.ctx()?);
    scene.put(case("share of two: good", &["ann"], 2, "bob", good.clone()))?;
    let base = V2::framed(Label::SID, &[]);
    let some = hex::decode("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76");
    let some = some.unwrap_or_else(|_| base.to_vec());
    let bad = altered(&good, &e, &ctx, |c| write(c, 34, &some))?;
    scene.put(
        case("share of two: not the identity", &["ann"], 2, "bob", bad).failing("proof", &["bob"]),
    )?;
    let fields = ShareFields {
        op: scene.op()?,
        place: 1,
        share: [0; 32],
        challenge: [0; 32],
        response: [0; 32],
    };
    let bad = fields.sign(&e, &ctx).map_err(unable)?.to_wire();
    scene.put(case("share of two: no proof", &["ann"], 2, "bob", bad).failing("proof", &["bob"]))
}
