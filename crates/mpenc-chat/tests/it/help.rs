use crate::program::{run, stderr, stdout};

#[test]
fn every_command_explains_itself() {
    let top = stdout(&run(&["--help"]));
    for command in ["demo", "replay", "relay", "chat", "peer"] {
        assert!(top.contains(command), "{top}");
        let output = run(&[command, "--help"]);
        assert_eq!(output.status.code(), Some(0));
        assert!(stdout(&output).contains(&format!("Usage: mpenc {command}")));
    }
    assert!(top.contains("Exit status: 0"), "{top}");
}

#[test]
fn options_are_those_promised() {
    for (command, options) in [
        ("demo", &["--timing", "--json", "--profile"][..]),
        (
            "replay",
            &["<FILE>", "--max-members", "--limit", "--relay", "--json", "--timing", "--profile"],
        ),
        ("relay", &["--listen"]),
        (
            "chat",
            &[
                "--relay",
                "--room",
                "--name",
                "--identity",
                "--data-dir",
                "--auto-include",
                "--timing",
                "--profile",
            ],
        ),
    ] {
        let help = stdout(&run(&[command, "--help"]));
        for option in options {
            assert!(help.contains(option), "{command} {option}: {help}");
        }
    }
}

#[test]
fn without_a_command_it_shows_the_help() {
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("Usage: mpenc"));
}

#[test]
fn it_knows_its_version() {
    let output = run(&["--version"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(stdout(&output).trim(), format!("mpenc {}", env!("CARGO_PKG_VERSION")));
}
