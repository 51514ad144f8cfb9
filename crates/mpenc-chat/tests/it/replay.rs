use std::fs;

use serde_json::Value;

use crate::program::{arg, last_line, relay, run, stderr};

const SCENE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scenes/hamlet-1-1.txt");

/// Replays a file with `--json`, which must succeed; the last line.
fn replay(args: &[&str]) -> Value {
    let output = run(&[&["replay", "--json"], args].concat());
    assert_eq!(output.status.code(), Some(0), "{}\n{}", last_line(&output), stderr(&output));
    assert_eq!(stderr(&output), "", "no progress bar in a pipe");
    let object: Value = serde_json::from_str(&last_line(&output)).unwrap();
    assert_eq!(object["transcripts_equal"], true, "{object}");
    assert_eq!(object["content_equal"], true, "{object}");
    assert_eq!(object["fully_acked"], object["messages"], "{object}");
    assert!(object.get("error").is_none(), "{object}");
    object
}

/// Members, operations, messages, skipped and ignored lines.
fn counts(object: &Value) -> [u64; 5] {
    ["members", "operations", "messages", "skipped", "ignored"]
        .map(|key| object[key].as_u64().unwrap_or_else(|| panic!("{key}: {object}")))
}

#[test]
fn the_scene() {
    // Bernardo joins Francisco, two more, twice the ghost; and all but the last go again.
    assert_eq!(counts(&replay(&[SCENE])), [5, 10, 60, 0, 0]);
}

#[test]
fn the_scene_with_people_who_lose_their_connection() {
    for (profile, seed) in [("v1", "1"), ("v2", "2")] {
        let object = replay(&[SCENE, "--profile", profile, "--chaos", seed]);
        let [members, operations, messages, skipped, ignored] = counts(&object);
        assert_eq!([members, messages, skipped, ignored], [5, 60, 0, 0], "{object}");
        // Each who was lost was excluded and included again.
        assert!(operations > 10, "{object}");
        let broken = object["disconnections"].as_u64().unwrap();
        assert!((5..=30).contains(&broken), "{object}");
    }
}

#[test]
fn the_last_line_for_people() {
    let output = run(&["replay", SCENE, "--limit", "20"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let line = last_line(&output);
    assert!(
        line.starts_with("replay: OK: 4 members, 16 messages, all fully acknowledged"),
        "{line}"
    );
}

#[test]
fn a_relay_of_somebody_else() {
    let (_relay, url) = relay();
    let object = replay(&[SCENE, "--limit", "9", "--relay", &url]);
    assert_eq!(counts(&object), [2, 1, 7, 0, 0]);
}

#[test]
fn chat_logs_with_everything_in_them() {
    let directory = tempfile::tempdir().unwrap();
    let replay = |text: &[u8], args: &[&str]| {
        let path = directory.path().join("log");
        fs::write(&path, text).unwrap();
        counts(&replay(&[&[arg(&path)], args].concat()))
    };
    // Concurrent lines, an arrival without words, an action, a notice, a change of name, a part,
    // a drop, a return, bytes that are not text, and a line in no known form.
    let log = b"[10:00] <ann> hello\n[10:00] <bob> h\xe9llo\n=== cid [x@y]  has joined #room\n\
        [10:00] <ann> again\n=== bob waves\n=== bob is now known as rob\n-- garbage --\n\
        [10:01] <rob> still me\n[10:01] -bot- notice\n=== rob [x@y]  has left #room []\n\
        [10:02] <ann> alone?\n=== cid [x@y]  has left #room [\"bye]\n[10:03] <rob> back\n\
        [10:03] <ann> fine\n";
    // ann, bob and cid meet; the bot comes; bob parts; cid drops; bob comes back.
    assert_eq!(replay(log, &[]), [4, 5, 9, 0, 1]);
    // The same without those who say least.
    assert_eq!(replay(log, &["--max-members", "2"]), [2, 3, 8, 1, 1]);

    let dated = b"room 2010-11-08 [13:21] <ann> hi \nroom 2010-11-08 [13:21]  * bob nods \n\
        room 2010-11-08 === bob is now known as rob \nroom 2010-11-08 [13:22] <rob> yes: no \n";
    assert_eq!(replay(dated, &[]), [2, 1, 3, 0, 0]);
}
