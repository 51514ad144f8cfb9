//! Bad contributions and shares.

use mpenc_crypto::SigningKey as _;

use super::super::Dice;
use super::super::primitive::{ORDER, plus_order};
use super::{EPHEMERAL, NONCE, PLACE, POINT, SMALL, Scene, altered, case, flip, split, write};
use crate::json::Checked;

pub(super) fn contributions(dice: &mut Dice, scene: &mut Scene) -> Checked {
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
pub(super) const CONTRIBUTED: usize = 3;

pub(super) fn shares(scene: &mut Scene) -> Checked {
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
        altered(&good, &e, &ctx, |c| write(c, 34, foreign.get(102..198).unwrap_or_default()))?;
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
