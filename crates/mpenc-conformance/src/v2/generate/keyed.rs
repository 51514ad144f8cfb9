//! Cases of identifiers, fingerprints, hedged draws, keys of messages.

use serde_json::{Value, json};

use super::{Dice, plain};
use crate::json::Checked;

pub(super) fn order(dice: &mut Dice) -> Checked<Value> {
    let labels = ["room", "", "Zimmer Nº 7 🙂", "a longer name of a session, with spaces"];
    let labels = labels.map(|text| json!({"text": text})).to_vec();
    let mut packets = Vec::new();
    for (label, sender, channel) in [
        ("alone", "ann", vec!["ann"]),
        ("three, the sender in the middle", "bob", vec!["ann", "bob", "cat"]),
        ("order of the channel does not matter", "bob", vec!["cat", "bob", "ann"]),
        ("names that would run together", "a", vec!["a", "bc", "d"]),
        ("names that would run together, otherwise", "a", vec!["a", "b", "cd"]),
        ("a prefix first", "x", vec!["x", "an", "ann", "a"]),
        ("not ASCII", "żółw", vec!["żółw", "ann", "Ωμέγα", "龍"]),
        ("a sender that has left", "dan", vec!["ann", "bob"]),
    ] {
        packets.push(json!({"label": label, "sender": sender, "channel": channel,
            "packet": dice.hex(50)}));
    }
    packets.push(json!({"label": "no packet", "sender": "ann", "channel": ["ann", "bob"],
        "packet": ""}));
    let mut leaves = Vec::new();
    for (label, remaining, leavers) in [
        ("one leaves", vec!["ann", "bob"], vec!["cat"]),
        ("two leave", vec!["cat"], vec!["bob", "ann"]),
        ("all leave", vec![], vec!["ann", "bob"]),
        ("other way round", vec!["cat"], vec!["ann", "bob"]),
    ] {
        leaves.push(json!({"label": label, "remaining": remaining, "leavers": leavers,
            "prev_initial": dice.hex(32)}));
    }
    let mut chains = Vec::new();
    for roles in [vec!["initial", "final"], vec!["both", "initial", "leave", "initial", "final"]] {
        let steps: Vec<Value> =
            roles.into_iter().map(|role| json!({"pid": dice.hex(32), "role": role})).collect();
        chains.push(json!({"prev_final": dice.hex(32), "steps": steps}));
    }
    let lists = vec![
        ("session_labels", labels),
        ("packet_ids", packets),
        ("leave_ids", leaves),
        ("chains", chains),
    ];
    plain("mpenc-v2-order/1", lists)
}

pub(super) fn fingerprint(dice: &mut Dice) -> Checked<Value> {
    let mut cases = Vec::new();
    for names in [vec!["ann", "bob"], vec!["a", "ab", "b"], vec!["ann", "bob", "cat", "龍"]] {
        let members: Vec<Value> =
            names.into_iter().map(|name| json!({"name": name, "key": dice.hex(32)})).collect();
        cases.push(json!({"t": dice.hex(32), "members": members}));
    }
    plain("mpenc-v2-fingerprint/1", vec![("cases", cases)])
}

pub(super) fn hedged(dice: &mut Dice) -> Checked<Value> {
    let mut cases = Vec::new();
    let (seed, instance, fresh) = (dice.hex(32), dice.hex(16), dice.hex(32));
    let of = dice.hex(32);
    for (label, purpose, number) in [
        ("contribution", "contribution", 0_u64),
        ("same randomness, another purpose", "nonce", 0),
        ("same randomness, another purpose", "ephemeral", 0),
        ("same randomness, another number", "contribution", 1),
        ("a large number", "contribution", 0x0102_0304_0506),
    ] {
        cases.push(json!({"label": label, "seed": seed, "instance": instance, "number": number,
            "fresh": fresh, "purpose": purpose, "of": [of], "extra": ""}));
    }
    let of: Vec<Value> = [32, 2, 32, 32, 32].into_iter().map(|len| dice.hex(len)).collect();
    for label in ["proof", "proof of another secret, all else the same"] {
        cases.push(json!({"label": label, "seed": seed, "instance": instance, "number": 3,
            "fresh": fresh, "purpose": "proof", "of": of, "extra": dice.hex(32)}));
    }
    cases.push(json!({"label": "another process", "seed": seed, "instance": dice.hex(16),
        "number": 0, "fresh": fresh, "purpose": "contribution", "of": [dice.hex(32)],
        "extra": ""}));
    cases.push(json!({"label": "a source of zeros", "seed": seed, "instance": instance,
        "number": 0, "fresh": "00".repeat(32), "purpose": "contribution", "of": [dice.hex(32)],
        "extra": ""}));
    plain("mpenc-v2-hedged/1", vec![("cases", cases)])
}

pub(super) fn chain_keys(dice: &mut Dice) -> Checked<Value> {
    let (sid, root) = (dice.hex(32), dice.hex(32));
    let mut cases = Vec::new();
    for (author, positions) in
        [("ann", vec![0, 1, 2, 63, 64, 319]), ("bob", vec![0, 1]), ("żółw", vec![0])]
    {
        let positions: Vec<Value> = positions.into_iter().map(|seq| json!({"seq": seq})).collect();
        cases.push(json!({"label": author, "sid": sid, "root": root, "author": author,
            "positions": positions}));
    }
    cases.push(json!({"label": "same root, another sid", "sid": dice.hex(32), "root": root,
        "author": "ann", "positions": [{"seq": 0}]}));
    plain("mpenc-v2-chain-keys/1", vec![("cases", cases)])
}
