use crate::program::{last_line, run, stderr, stdout};

#[test]
fn the_demo_shows_everything_and_ends_well() {
    let output = run(&["demo"]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}\n{}", stderr(&output));
    assert_eq!(
        last_line(&output),
        "demo: OK: 5 members, 13 messages, all fully acknowledged, 8 membership operations"
    );
    for told in [
        "Ada includes both in one operation",
        "[3] Cleo: Me too, but after eight.",
        "wrote at the same time",
        "[4] answers [2] and [3]",
        "are acknowledged by everybody",
        "Ada excludes Emil",
        "could read none",
        "renews the keys",
        "drops out without a word",
        "Dora says farewell",
    ] {
        assert!(text.contains(told), "{told:?} is not in:\n{text}");
    }
    assert!(!text.contains('\u{1b}'), "no colours in a pipe");
    assert_eq!(stderr(&output), "");
}

#[test]
fn the_demo_speaks_json_to_scripts() {
    let output = run(&["demo", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let object: serde_json::Value = serde_json::from_str(&last_line(&output)).unwrap();
    assert_eq!(object["members"], 5);
    assert_eq!(object["messages"], object["fully_acked"]);
    assert_eq!(object["transcripts_equal"], true);
    assert!(object["packets"].as_u64() > Some(50));
}
