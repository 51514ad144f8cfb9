//! What is not as recorded fails, and so does what cannot be checked.

use std::fs;

use mpenc_conformance::{check_folder, check_text};
use serde_json::Value;

use crate::read;

fn fails(name: &str, text: &str) -> String {
    let lines = check_text(name, text);
    let failed: Vec<String> =
        lines.iter().filter(|line| !line.passed()).map(ToString::to_string).collect();
    assert!(!failed.is_empty(), "{name} passes");
    failed.join("\n")
}

#[test]
fn files_that_say_nothing_fail() {
    assert!(fails("x", "{").contains("not JSON"));
    assert!(fails("x", "{}").contains("format: is missing"));
    assert!(fails("x", r#"{"format": "mpenc-tlv/2"}"#).contains("unknown format"));
    assert!(fails("x", r#"{"format": "mpenc-tlv/1"}"#).contains("nothing in it"));
    assert!(fails("x", r#"{"format": "mpenc-session-log/1"}"#).contains("flow: is missing"));
}

#[test]
fn folders_without_vectors_fail() {
    let folder = std::env::temp_dir().join(format!("mpenc-conformance-{}", std::process::id()));
    assert!(!check_folder(&folder)[0].passed(), "it does not exist");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("README.md"), "text").unwrap();
    assert!(!check_folder(&folder)[0].passed(), "it has no vectors");
    fs::write(folder.join("a.json"), read("session-id.json")).unwrap();
    assert!(check_folder(&folder).iter().all(mpenc_conformance::Line::passed), "any name will do");
    fs::remove_dir_all(&folder).unwrap();
}

/// Alters one value and names the place.
fn altered(file: &str, pointer: &str, alter: impl FnOnce(&mut Value)) -> String {
    let mut value: Value = serde_json::from_str(&read(file)).unwrap();
    alter(value.pointer_mut(pointer).unwrap());
    fails(file, &value.to_string())
}

fn other_digit(value: &mut Value) {
    let text = value.as_str().unwrap();
    let (rest, last) = text.split_at(text.len() - 1);
    *value = format!("{rest}{}", if last == "0" { "1" } else { "0" }).into();
}

#[test]
fn an_altered_result_is_named() {
    for (file, pointer) in [
        ("session-id.json", "/cases/0/sid"),
        ("group-key.json", "/cases/0/group_key"),
        ("cliques.json", "/cases/1/log/0/state/p2/group_key"),
        ("ske.json", "/cases/1/signers/0/session_signature"),
        ("padding.json", "/cases/3/ciphertext"),
        ("data-packets.json", "/cases/0/mid"),
        ("packet-id.json", "/chain_hashes/1/chain_hash"),
        ("server-order.json", "/cases/0/steps/0/chain_hash"),
        ("greet-ops.json", "/cases/0/ops/0/group_key"),
        ("session-basic-n3.json", "/subsessions/0/sid"),
        ("session-basic-n3.json", "/subsessions/0/group_key"),
        ("session-basic-n3.json", "/packets/5/data/iv"),
        ("session-basic-n3.json", "/channel_log/2/packet_id"),
    ] {
        let place = pointer.trim_start_matches('/').split('/').next().unwrap();
        let said = altered(file, pointer, other_digit);
        assert!(said.contains(place), "{file} {pointer}: {said}");
    }
}

#[test]
fn a_member_that_should_send_something_else_fails() {
    let step = "/steps/alice/7";
    let other = altered("session-basic-n2.json", &format!("{step}/in/action/content"), |content| {
        *content = "something else".into();
    });
    assert!(other.contains("participant alice"), "{other}");
    let more = altered("session-basic-n2.json", &format!("{step}/out"), |out| *out = Value::Null);
    assert!(more.contains("we send a packet more"), "{more}");
    let draw = altered("session-basic-n2.json", &format!("{step}/rand"), |out| *out = Value::Null);
    assert!(draw.contains("not recorded"), "{draw}");
}
