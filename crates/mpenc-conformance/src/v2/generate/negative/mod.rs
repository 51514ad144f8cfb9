//! Bad packets in operations: made from good ones, changed, and signed again where that matters.

mod initials;
mod last_rounds;
mod rounds;

use mpenc_crypto::{SecretBytes, SignLabel, SigningKey as _};
use mpenc_packet::v2::{OpId, PacketKind};
use serde_json::{Value, json};

use super::super::room::Key;
use super::super::{agree, hx, negative};
use super::greeting::{history, plan};
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
        PacketKind::Abort | PacketKind::Message | PacketKind::Publication | PacketKind::Request => {
            SignLabel::ABORT
        }
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
    initials::initials(dice, &mut three)?;
    rounds::contributions(dice, &mut three)?;
    rounds::shares(&mut three)?;
    last_rounds::confirmations(&mut three)?;
    last_rounds::aborts(&mut three)?;
    let plans = vec![plan("establish", "ann", &["ann", "bob"])];
    let (run, _) = history(dice, "of two", &["ann", "bob"], &[], plans)?;
    let mut two = Scene { run, number: 1, at: 0, cases: Vec::new() };
    last_rounds::of_two(&mut two)?;
    let mut file = head("mpenc-v2-greeting-negative/1");
    file.insert("runs".to_owned(), json!([three.run, two.run]));
    file.insert("cases".to_owned(), Value::Array([three.cases, two.cases].concat()));
    Ok(Value::Object(file))
}
