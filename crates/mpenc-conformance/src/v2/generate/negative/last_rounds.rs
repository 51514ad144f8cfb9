//! Bad confirmations and aborts, and shares of two.

use mpenc_crypto::{PrimeOrderGroup as _, V2};
use mpenc_packet::v2::{AbortFields, AbortReason, ShareFields};

use super::super::super::room::Key;
use super::super::packets::unable;
use super::rounds::CONTRIBUTED;
use super::{PLACE, Scene, altered, case, flip, write};
use crate::json::{Checked, Fault};

/// All packets of the operation of three before its confirmations.
const SHARED: usize = 6;

pub(super) fn confirmations(scene: &mut Scene) -> Checked {
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

pub(super) fn aborts(scene: &mut Scene) -> Checked {
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

pub(super) fn of_two(scene: &mut Scene) -> Checked {
    let (_, good) = scene.packet("bob", "share")?;
    let (e, ctx) = (scene.ephemeral("bob")?, scene.ctx()?);
    scene.put(case("share of two: good", &["ann"], 2, "bob", good.clone()))?;
    let some = V2::export(&V2::base());
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
