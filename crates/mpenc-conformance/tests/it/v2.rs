//! The vectors of the second profile are what is made, pass, and fail if anything in them changes.

use std::fs;
use std::path::{Path, PathBuf};

use mpenc_conformance::{check_folder, check_text, generate_v2};
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../xtask/vectors/v2")
}

/// With `xtask/verify-v2`, which computes the same without our code: what is cited changes bytes
/// or verdicts in at least one of the files if it is broken.
//= docs/spec/v2.md#V2-002
//= type=test
//= docs/spec/v2.md#V2-003
//= type=test
//= docs/spec/v2.md#V2-006
//= type=test
//= docs/spec/v2.md#V2-008
//= type=test
//= docs/spec/v2.md#V2-012
//= type=test
//= docs/spec/v2.md#V2-020
//= type=test
//= docs/spec/v2.md#V2-023
//= type=test
//= docs/spec/v2.md#V2-026
//= type=test
//= docs/spec/v2.md#V2-034
//= type=test
#[test]
fn vectors_pass() {
    for line in check_folder(&folder()) {
        assert!(line.passed(), "{line}");
    }
}

#[test]
fn vectors_are_made_the_same_again() {
    let files = generate_v2().unwrap();
    for (name, text) in &files {
        let there = fs::read_to_string(folder().join(name)).unwrap();
        assert_eq!(&there, text, "{name}: run `cargo xtask vectors`");
    }
    let json = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "json");
    let listed = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    assert_eq!(listed.filter(json).count(), files.len());
}

/// Good and bad cases together: the issue asks for 300.
#[test]
fn there_are_enough_cases() {
    let mut cases = 0;
    for (_, text) in generate_v2().unwrap() {
        let file: Value = serde_json::from_str(&text).unwrap();
        let lists = file.as_object().unwrap().values().filter_map(Value::as_array);
        cases += lists.map(Vec::len).sum::<usize>();
    }
    assert!(cases >= 300, "{cases}");
}

/// One bit, or one verdict, of one case of each file.
#[test]
fn whatever_is_altered_is_noticed() {
    for (file, pointer) in [
        ("frame.json", "/cases/3/frame"),
        ("frame.json", "/cases/3/parts/0"),
        ("kdf.json", "/cases/0/out"),
        ("aead.json", "/cases/2/sealed"),
        ("aead.json", "/cases/9/expect"),
        ("group.json", "/import/3/input"),
        ("group.json", "/import/9/expect"),
        ("group.json", "/products/2/sum"),
        ("proof.json", "/cases/0/s"),
        ("proof.json", "/cases/9/expect"),
        ("signatures.json", "/cases/0/signature"),
        ("signatures.json", "/cases/12/expect"),
        ("padding.json", "/cases/4/plaintext_len"),
        ("order.json", "/packet_ids/1/pid"),
        ("order.json", "/chains/1/steps/2/role"),
        ("fingerprint.json", "/cases/0/digits"),
        ("hedged.json", "/cases/5/value"),
        ("chain-keys.json", "/cases/0/positions/4/tag"),
        ("packets.json", "/cases/1/packet"),
        ("packets.json", "/cases/1/fields/place"),
        ("packets.json", "/cases/60/expect"),
        ("content.json", "/contents/10/says/away"),
        ("content.json", "/plaintexts/1/plaintext"),
        ("parts.json", "/cases/0/digest"),
        ("parts.json", "/cases/5/expect"),
        ("greeting-establish.json", "/cases/1/operations/0/packets/4/packet"),
        ("greeting-establish.json", "/cases/1/operations/0/result/exporter"),
        ("greeting-establish.json", "/cases/1/operations/0/draws/1/fresh/3"),
        ("greeting-changes.json", "/cases/0/operations/2/salt"),
        ("greeting-aborts.json", "/cases/0/operations/1/result/cause"),
        ("greeting-negative.json", "/cases/3/expect"),
        ("greeting-negative.json", "/cases/0/packet"),
        ("messages.json", "/cases/0/messages/1/packet"),
        ("messages.json", "/cases/0/messages/2/mid"),
        ("messages-negative.json", "/cases/8/expect"),
        ("session-change.json", "/log/18/packet"),
        ("session-change.json", "/messages/9/chain"),
        ("session-change.json", "/steps/bob/40/t"),
        ("session-two.json", "/operations/2/result/sid"),
    ] {
        let text = fs::read_to_string(folder().join(file)).unwrap();
        let mut value: Value = serde_json::from_str(&text).unwrap();
        alter(value.pointer_mut(pointer).unwrap());
        let lines = check_text(file, &value.to_string());
        assert!(lines.iter().any(|line| !line.passed()), "{file} {pointer}");
    }
}

fn alter(value: &mut Value) {
    *value = match value.take() {
        Value::String(text) => match text.chars().last() {
            Some('0') => format!("{}1", &text[..text.len() - 1]),
            Some(digit) if digit.is_ascii_hexdigit() && text.len() > 12 => {
                format!("{}0", &text[..text.len() - 1])
            }
            _ => format!("{text}61"),
        }
        .into(),
        Value::Number(number) => (number.as_u64().unwrap() + 1).into(),
        Value::Bool(truth) => (!truth).into(),
        Value::Null | Value::Array(_) | Value::Object(_) => "something else".into(),
    };
}
