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

/// Alters the first value of a session file, in whoever's steps, for which `find` has a place.
fn altered_step(
    file: &str,
    find: impl Fn(&Value) -> Option<String>,
    other: impl Into<Value>,
) -> String {
    let mut value: Value = serde_json::from_str(&read(file)).unwrap();
    let members = value.get_mut("steps").unwrap().as_object_mut().unwrap();
    let mut steps = members.values_mut().flat_map(|steps| steps.as_array_mut().unwrap());
    let (step, place) = steps.find_map(|step| find(step).map(|place| (step, place))).unwrap();
    *step.pointer_mut(&place).unwrap() = other.into();
    fails(file, &value.to_string())
}

#[test]
fn what_is_told_and_what_a_session_says_of_itself_is_compared() {
    let nobody: Value = serde_json::json!([]);
    let somebody = serde_json::json!(["ann"]);
    for (file, kind, field, other) in [
        ("session-basic-n3.json", "MsgReady", "ridx", 1.into()),
        ("session-basic-n3.json", "MsgReady", "paridx", serde_json::json!([9])),
        ("session-basic-n3.json", "MsgReady", "log_parents", serde_json::json!(["00".repeat(20)])),
        ("session-basic-n3.json", "SNMembers", "include", somebody.clone()),
        ("session-basic-n3.json", "SNMembers", "remain", nobody.clone()),
        ("session-basic-n3.json", "SNMembers", "exclude", somebody.clone()),
        ("session-basic-n3.json", "MsgFullyAcked", "type", "other".into()),
        ("session-slow-n3.json", "NotFullyAcked", "type", "other".into()),
    ] {
        let notice = |step: &Value| {
            let mut notices = step.get("notices")?.as_array()?.iter();
            let at = notices.position(|notice| notice["type"] == kind)?;
            Some(format!("/notices/{at}/{field}"))
        };
        let said = altered_step(file, notice, other);
        assert!(said.contains("notices"), "{kind} {field}: {said}");
    }
    for (field, other) in [
        ("state", "COsj".into()),
        ("greeting", serde_json::json!({"next": ["ann"]})),
        ("own_proposal", "maybe".into()),
        ("consistent", "maybe".into()),
        ("task_exclude", somebody.clone()),
        ("task_leave", somebody),
        ("sub", 0.into()),
        ("prev_sub", 1.into()),
    ] {
        let find = |step: &Value| {
            let value = step.get("state")?.get(field)?;
            (*value != other).then(|| format!("/state/{field}"))
        };
        let said = altered_step("session-auto-n3.json", find, other.clone());
        assert!(said.contains(&format!("state.{field}")), "{field}: {said}");
    }
    let sub_state = |step: &Value| step.get("sub_state").map(|_| "/sub_state/0/new".to_owned());
    let said = altered_step("session-auto-n3.json", sub_state, 1);
    assert!(said.contains("sub_state"), "{said}");
}

#[test]
fn recipients_are_compared() {
    let mut value: Value = serde_json::from_str(&read("session-basic-n3.json")).unwrap();
    let packets = value["packets"].as_array_mut().unwrap();
    let data = packets.iter_mut().find(|packet| packet["kind"] == "data").unwrap();
    data["recipients"].as_array_mut().unwrap().pop();
    assert!(fails("x", &value.to_string()).contains("recipients"));
}

#[test]
fn what_a_file_does_not_say_is_not_compared() {
    let mut value: Value = serde_json::from_str(&read("session-basic-n3.json")).unwrap();
    for packet in value["packets"].as_array_mut().unwrap() {
        packet.as_object_mut().unwrap().remove("recipients");
    }
    for steps in value.get_mut("steps").unwrap().as_object_mut().unwrap().values_mut() {
        for step in steps.as_array_mut().unwrap() {
            let step = step.as_object_mut().unwrap();
            step.remove("notices");
            step.remove("sub_state");
            step.remove("state");
        }
    }
    let lines = check_text("x", &value.to_string());
    assert!(lines.iter().all(mpenc_conformance::Line::passed), "{}", lines[0]);
}
