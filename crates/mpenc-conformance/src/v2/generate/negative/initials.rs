//! Bad initial packets.

use mpenc_crypto::{PublicKey, SignLabel, SigningKey as _};
use mpenc_packet::v2::{Greeting, InitialFields, decode_greeting};
use serde_json::json;

use super::super::super::hx;
use super::super::super::room::Key;
use super::super::Dice;
use super::super::packets::unable;
use super::{SMALL, Scene, altered, case, flip, split, write};
use crate::json::{Checked, Fault};

pub(super) fn initials(dice: &mut Dice, scene: &mut Scene) -> Checked {
    let everybody = &["bob", "cat", "dan"][..];
    let old = &["bob", "cat"][..];
    let (_, good) = scene.packet("ann", "initial")?;
    let (ann, bob) = (scene.identity("ann")?, scene.identity("bob")?);
    let fields = match decode_greeting(&good) {
        Ok(Greeting::Initial(found)) => found.peek().fields().clone(),
        Ok(_) | Err(_) => return Err(Fault::new("initial", "is none")),
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
