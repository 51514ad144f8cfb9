//! Cases of framing, derivation, encryption, group, proofs, signatures, padding.

use mpenc_crypto::{Aead as _, PrimeOrderGroup as _, SecretBytes, SigningKey as _, V2, label};
use serde_json::{Value, json};

use super::super::{hx, primitive};
use super::{Dice, plain};
use crate::json::{Checked, Node};

pub(super) fn frame(dice: &mut Dice) -> Checked<Value> {
    let mut cases = vec![
        json!({"label": "no parts", "name": "sid", "parts": []}),
        json!({"label": "one empty part", "name": "sid", "parts": [""]}),
        json!({"label": "two empty parts", "name": "sid", "parts": ["", ""]}),
        json!({"label": "parts a, bc", "name": "chain", "parts": ["61", "6263"]}),
        json!({"label": "parts ab, c", "name": "chain", "parts": ["6162", "63"]}),
        json!({"label": "a part that looks like a frame", "name": "chain",
            "parts": ["020201057061636b657400000001000000016162"]}),
        json!({"label": "300 bytes", "name": "content", "parts": [dice.hex(300)]}),
        json!({"label": "70 parts", "name": "contributions",
            "parts": (0..70).map(|_| dice.hex(3)).collect::<Vec<_>>()}),
    ];
    for label in label::ALL {
        cases.push(json!({"label": format!("label {}", label.as_str()), "name": label.as_str(),
            "parts": [dice.hex(32), dice.hex(5)]}));
    }
    plain("mpenc-v2-frame/1", vec![("cases", cases)])
}

pub(super) fn kdf(dice: &mut Dice) -> Checked<Value> {
    let mut cases = Vec::new();
    for (label, salt, ikm, name, parts, size) in [
        ("key check", 32, 32, "key-check", vec![32], 32),
        ("exporter", 32, 32, "exporter", vec![32], 32),
        ("a step of a chain", 64, 64, "chain-step", vec![], 128),
        ("keys of a message", 64, 64, "message-keys", vec![], 80),
        ("author", 32, 32, "author-chain", vec![3], 64),
        ("one byte", 32, 32, "hedged", vec![1, 16, 8], 1),
        ("64 bytes", 32, 64, "hedged", vec![5, 16, 8, 32, 2], 64),
        ("65 bytes", 32, 64, "hedged", vec![5, 16, 8, 32, 2], 65),
        ("no salt", 0, 32, "messages", vec![32], 32),
        ("a salt of 128 bytes", 128, 32, "messages", vec![32], 32),
        ("a salt of 129 bytes", 129, 32, "messages", vec![32], 32),
        ("no key material", 32, 0, "messages", vec![32], 32),
    ] {
        let parts: Vec<Value> = parts.into_iter().map(|len| dice.hex(len)).collect();
        cases.push(json!({"label": label, "salt": dice.hex(salt), "ikm": dice.hex(ikm),
            "name": name, "parts": parts, "size": size}));
    }
    plain("mpenc-v2-kdf/1", vec![("cases", cases)])
}

pub(super) fn aead(dice: &mut Dice) -> Checked<Value> {
    let mut cases = Vec::new();
    let mut last = Value::Null;
    for (aad, len) in [(32, 0), (32, 1), (0, 63), (12, 64), (32, 65), (16, 128), (32, 256)] {
        let (key, nonce, aad): ([u8; 32], [u8; 12], _) =
            (dice.array(), dice.array(), dice.bytes(aad));
        let mut data = dice.bytes(len);
        V2::seal_in_place(&SecretBytes::new(key), &nonce, &aad, &mut data);
        last = json!({"label": format!("{len} bytes"), "key": hx(key), "nonce": hx(nonce),
            "aad": hx(aad), "sealed": hx(data), "expect": "accept"});
        cases.push(last.clone());
    }
    for (label, key, at) in [
        ("another key", "key", 0),
        ("another nonce", "nonce", 11),
        ("other associated data", "aad", 31),
        ("first byte of the ciphertext", "sealed", 0),
        ("first byte of the authenticator", "sealed", 256),
        ("last byte of the authenticator", "sealed", 271),
    ] {
        cases.push(flipped(&last, label, key, at)?);
    }
    let mut short = last.clone();
    replace(
        &mut short,
        &[
            ("label", json!("authenticator only, of something else")),
            ("expect", json!("refuse")),
            ("sealed", dice.hex(16)),
        ],
    );
    cases.push(short.clone());
    replace(
        &mut short,
        &[("label", json!("shorter than an authenticator")), ("sealed", dice.hex(15))],
    );
    cases.push(short);
    plain("mpenc-v2-aead/1", vec![("cases", cases)])
}

/// Sets fields of a case.
pub(super) fn replace(case: &mut Value, fields: &[(&str, Value)]) {
    for (key, value) in fields {
        if let Some(case) = case.as_object_mut() {
            case.insert((*key).to_owned(), value.clone());
        }
    }
}

/// The case with one bit of a field changed, to be refused.
pub(super) fn flipped(case: &Value, label: &str, key: &str, at: usize) -> Checked<Value> {
    let node = Node::root(case).get(key)?;
    let mut bytes = node.hex()?;
    *bytes.get_mut(at).ok_or_else(|| node.fault("is too short"))? ^= 1;
    let mut bad = case.clone();
    replace(&mut bad, &[("label", json!(label)), ("expect", json!("refuse")), (key, hx(bytes))]);
    for secret in ["secret", "w", "seed", "plaintext"] {
        if let Some(bad) = bad.as_object_mut() {
            bad.remove(secret);
        }
    }
    Ok(bad)
}

/// Encodings of RFC 9496, appendix A.2, that are no elements, with the reason.
const NO_ELEMENTS: [(&str, &str); 17] = [
    ("all bits", "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
    ("not below p", "00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
    ("not below p", "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ("not below p", "f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ("p, which is zero", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ("negative: one", "0100000000000000000000000000000000000000000000000000000000000000"),
    ("negative", "ed57ffd8c914fb201471d1c3d245ce3c746fcbe63a3679d51b6a516ebebe0e20"),
    ("negative", "c34c4e1826e5d403b78e246e88aa051c36ccf0aafebffe137d148a2bf9104562"),
    ("negative", "87260f7a2f12495118360f02c26a470f450dadf34a413d21042b43b9d93e1309"),
    ("no square", "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371"),
    ("no square", "4eac077a713c57b4f4397629a4145982c661f48044dd3f96427d40b147d9742f"),
    ("no square", "2810e5cbc2cc4d4eece54f61c6f69758e289aa7ab440b3cbeaa21995c2f4232b"),
    ("negative xy", "3eb858e78f5a7254d8c9731174a94f76755fd3941c0ac93735c07ba14579630e"),
    ("negative xy", "a45fdc55c76448c049a1ab33f17023edfb2be3581e9c7aade8a6125215e04220"),
    ("negative xy", "445425117cb8c90edcbc7c1cc0e74f747f2c1efa5630a967c64f287792a48a4b"),
    ("s = -1, so that y = 0", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    (
        "base point with a high bit",
        "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2df6",
    ),
];

pub(super) fn group(dice: &mut Dice) -> Checked<Value> {
    let base = hx(V2::export(&V2::base()));
    let mut import = vec![
        json!({"label": "identity", "input": hx([0; 32]), "expect": "identity"}),
        json!({"label": "base point", "input": base, "expect": "element"}),
    ];
    let mut points = vec![base];
    for _ in 0..4 {
        let point =
            hx(V2::export(&V2::mul_base(&primitive::scalar(&Node::root(&hx(dice.scalar())))?)));
        import.push(json!({"label": "any element", "input": point, "expect": "element"}));
        points.push(point);
    }
    for (label, input) in NO_ELEMENTS {
        import.push(json!({"label": label, "input": input, "expect": "refuse"}));
    }
    let mut wide = [0; 64];
    let mut reduce = vec![json!({"label": "zero", "wide": hx(wide)})];
    let mut put = |number: [u8; 32], label: &str| {
        wide.iter_mut().zip(number).for_each(|(to, from)| *to = from);
        reduce.push(json!({"label": label, "wide": hx(wide)}));
    };
    put(ORDER, "the order, which is zero");
    put(less_one(ORDER), "the order less one");
    put(core::array::from_fn(|i| u8::from(i == 0)), "one");
    reduce.push(json!({"label": "all bits", "wide": hx([0xff; 64])}));
    for _ in 0..3 {
        reduce.push(json!({"label": "any", "wide": dice.hex(64)}));
    }
    let mut products = Vec::new();
    let one: [u8; 32] = core::array::from_fn(|i| u8::from(i == 0));
    for scalar in [one, less_one(ORDER), dice.scalar(), dice.scalar()] {
        for point in points.iter().take(2).chain([&hx([0; 32])]) {
            products.push(json!({"scalar": hx(scalar), "point": point}));
        }
    }
    let lists = vec![("import", import), ("reduce", reduce), ("products", products)];
    plain("mpenc-v2-group/1", lists)
}

/// The order of the group, little endian.
pub(super) const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

fn less_one(mut number: [u8; 32]) -> [u8; 32] {
    let [first, ..] = &mut number;
    *first = first.wrapping_sub(1);
    number
}

/// `number` and the order: the same scalar, not canonical.
pub(super) fn plus_order(number: [u8; 32]) -> [u8; 32] {
    let mut carry = 0;
    let mut sum = number;
    for (digit, other) in sum.iter_mut().zip(ORDER) {
        let all = u16::from(*digit) + u16::from(other) + carry;
        let [low, high] = all.to_le_bytes();
        *digit = low;
        carry = u16::from(high);
    }
    sum
}

pub(super) fn proof(dice: &mut Dice) -> Checked<Value> {
    let mut cases = Vec::new();
    for place in [0, 1, 7, 255, 511] {
        let d = V2::export(&V2::mul_base(&primitive::scalar(&Node::root(&hx(dice.scalar())))?));
        cases.push(json!({"label": format!("place {place}"), "ctx": dice.hex(32), "place": place,
            "secret": hx(dice.scalar()), "w": hx(dice.scalar()), "d": hx(d), "expect": "accept"}));
    }
    cases.push(json!({"label": "two members: D and X are the identity", "ctx": dice.hex(32),
        "place": 1, "secret": hx(dice.scalar()), "w": hx(dice.scalar()), "d": hx([0; 32]),
        "expect": "accept"}));
    let whole = plain("mpenc-v2-proof/1", vec![("cases", cases.clone())])?;
    let whole = Node::root(&whole).get("cases")?.items()?;
    let [first, second, ..] = whole.as_slice() else { return Ok(Value::Null) };
    let (good, other) = (first.value(), second.value());
    for (label, key) in
        [("another context", "ctx"), ("another challenge", "c"), ("another response", "s")]
    {
        cases.push(flipped(good, label, key, 0)?);
    }
    for (label, key) in [
        ("another contribution", "z"),
        ("another base", "d"),
        ("another share", "x"),
        ("the challenge of another proof", "c"),
        ("the response of another proof", "s"),
    ] {
        let mut bad = flipped(good, label, "ctx", 0)?;
        replace(
            &mut bad,
            &[("ctx", hx(first.get("ctx")?.hex()?)), (key, hx(Node::root(other).get(key)?.hex()?))],
        );
        cases.push(bad);
    }
    let mut bad = flipped(good, "another place", "ctx", 0)?;
    replace(&mut bad, &[("ctx", hx(first.get("ctx")?.hex()?)), ("place", json!(1))]);
    cases.push(bad.clone());
    replace(&mut bad, &[("place", json!(0))]);
    let element = hx([0; 32]);
    for (label, key, value) in [
        ("the identity as share", "x", element.clone()),
        ("the identity as base", "d", element.clone()),
        ("a share that is no element", "x", hx([0xff; 32])),
        ("challenge not canonical", "c", hx(plus_order(first.get("c")?.array()?))),
        ("response not canonical", "s", hx(plus_order(first.get("s")?.array()?))),
    ] {
        let mut bad = bad.clone();
        replace(&mut bad, &[("label", json!(label)), (key, value)]);
        cases.push(bad);
    }
    replace(&mut bad, &[("label", json!("zeros")), ("c", element.clone()), ("s", element)]);
    cases.push(bad);
    plain("mpenc-v2-proof/1", vec![("cases", cases)])
}

/// Points of small order in their encodings, two of them not canonical.
const SMALL_ORDER: [(&str, &str); 7] = [
    ("the identity", "0100000000000000000000000000000000000000000000000000000000000000"),
    ("order 2", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ("order 4", "0000000000000000000000000000000000000000000000000000000000000000"),
    ("order 8", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    ("order 8", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    ("order 4, not canonical", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    (
        "the identity, not canonical",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ),
];

pub(super) fn signatures(dice: &mut Dice) -> Checked<Value> {
    let mut cases = Vec::new();
    for label in label::ALL_SIGN {
        let text = String::from_utf8_lossy(label.as_bytes()).trim_end_matches('\0').to_owned();
        let data = if text.ends_with("hedging") { hx([]) } else { dice.hex(40) };
        cases.push(json!({"label": text, "name": text, "seed": dice.hex(32), "data": data,
            "expect": "accept"}));
    }
    cases.push(json!({"label": "no data", "name": "mpENC-2 message", "seed": dice.hex(32),
        "data": "", "expect": "accept"}));
    let whole = plain("mpenc-v2-signatures/1", vec![("cases", cases.clone())])?;
    let whole = Node::root(&whole).get("cases")?.items()?;
    let good = whole.first().map(|node| node.value().clone()).unwrap_or_default();
    cases.push(flipped(&good, "other data", "data", 3)?);
    cases.push(flipped(&good, "another R", "signature", 0)?);
    cases.push(flipped(&good, "another S", "signature", 40)?);
    cases.push(flipped(&good, "another key", "key", 0)?);
    let mut bad = flipped(&good, "", "signature", 0)?;
    let signature = Node::root(&good).get("signature")?;
    let (r, s) = {
        let bytes: [u8; 64] = signature.array()?;
        let (r, s) = bytes.split_at(32);
        let s: [u8; 32] = core::array::from_fn(|i| s.get(i).copied().unwrap_or_default());
        (r.to_vec(), s)
    };
    for (label, fields) in [
        (
            "another label",
            vec![("name", json!("mpENC-2 contribution")), ("signature", signature.value().clone())],
        ),
        (
            "S plus the order",
            vec![
                ("name", json!("mpENC-2 initial")),
                ("signature", hx([r, plus_order(s).to_vec()].concat())),
            ],
        ),
        ("zeros", vec![("signature", hx([0; 64]))]),
        ("R the identity, S zero", vec![("signature", hx([&[1][..], &[0; 63]].concat()))]),
    ] {
        replace(&mut bad, &[("label", json!(label))]);
        replace(&mut bad, &fields);
        cases.push(bad.clone());
    }
    // Under such keys anybody could sign, as far as the equation goes.
    for (label, key) in SMALL_ORDER {
        replace(
            &mut bad,
            &[
                ("label", json!(format!("key: {label}"))),
                ("key", json!(key)),
                ("signature", hx([&[1][..], &[0; 63]].concat())),
            ],
        );
        cases.push(bad.clone());
    }
    // The data begin where the label should end.
    let (_, key) = dice.key();
    let glued = key.sign(&[b"mpENC-2 initial", b"data"]);
    cases.push(json!({"label": "a label without its zero byte", "name": "mpENC-2 initial",
        "key": hx(key.public().as_bytes()), "data": hx("data"),
        "signature": hx(glued.as_bytes()), "expect": "refuse"}));
    cases.push(json!({"label": "no label at all", "name": "mpENC-2 initial",
        "key": hx(key.public().as_bytes()), "data": hx("data"),
        "signature": hx(key.sign(&[b"data"]).as_bytes()), "expect": "refuse"}));
    plain("mpenc-v2-signatures/1", vec![("cases", cases)])
}

pub(super) fn padding(_: &mut Dice) -> Checked<Value> {
    let lengths = [
        0, 39, 59, 60, 61, 188, 189, 444, 445, 956, 957, 1980, 1981, 4028, 4029, 4030, 4284, 4285,
        5000, 8124, 8125, 16_316, 16_317, 16_487, 20_000, 32_700, 32_701, 32_875,
    ];
    let cases = lengths.map(|len| json!({"content_len": len})).to_vec();
    plain("mpenc-v2-padding/1", vec![("cases", cases)])
}
