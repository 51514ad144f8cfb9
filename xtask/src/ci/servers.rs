//! Conversations over real servers, which are not ours and have to be installed.

use std::fs;
use std::path::{Path, PathBuf};

use super::program::{self, Cut};
use super::{Outcome, Skipped};

/// What has to be there, and the package of Debian that brings it.
const PROSODY: (&str, &str) = ("prosody", "prosody");
const PROGRAMS: [(&str, &str); 3] = [PROSODY, ("ejabberdctl", "ejabberd"), ("openssl", "openssl")];

/// Crates with tests for real servers, in `tests/servers`.
const CRATES: [&str; 2] = ["mpenc-xmpp", "mpenc-chat"];

/// Commands of the program that take place on a server.
const COMMANDS: [&str; 2] = [
    "cargo run --release -p mpenc-chat -- demo --xmpp",
    "cargo run --release -p mpenc-chat -- replay crates/mpenc-chat/scenes/hamlet-1-1.txt --xmpp",
];

/// What of the real conversations takes place on a server, which has less time to spare than a
/// relay of our own.
const LOGS: [Cut; 3] = [
    ("ubuntu-meeting.0.ascii.txt", 200, 8),
    ("rust.0.ascii.txt", 200, 8),
    ("2004-11-15_03.raw.txt", 200, 8),
];

/// The tests, and the commands. Fails if a server is missing.
pub(super) fn conversations(root: &Path) -> Result<Outcome, String> {
    installed(&PROGRAMS)?;
    for package in CRATES {
        let package = ["test", "--locked", "-p", package, "--features", "servers"];
        // Servers need the processor too.
        let line = [&package[..], &["--test", "servers", "--", "--test-threads", "2"]].concat();
        super::cargo(root, &line, &[])?;
    }
    for command in COMMANDS {
        program::plays(root, command)?;
    }
    Ok(Outcome::Passed)
}

/// Cuts of real conversations. Fails if Prosody is missing, but not if the conversations are.
pub(super) fn logs(root: &Path) -> Result<Outcome, String> {
    installed(&[PROSODY])?;
    program::replay_cuts(root, &LOGS, &["--xmpp"])
}

fn installed(programs: &[(&str, &'static str)]) -> Result<(), String> {
    let missing = missing(programs, &folders());
    if missing.is_empty() {
        Ok(())
    } else {
        Err(format!("install what is missing: apt-get install {}", missing.join(" ")))
    }
}

/// What is not done without `--servers`.
pub(super) fn left_out(step: &str, root: &Path) -> Result<Outcome, String> {
    let what = if step == super::SERVER_LOGS {
        format!("no --servers: {} real conversations over a Prosody are not replayed", LOGS.len())
    } else {
        let mut tests = 0;
        for package in CRATES {
            tests += count(&root.join("crates").join(package).join("tests/servers"))?;
        }
        let commands = COMMANDS.len();
        format!("no --servers: {tests} tests and {commands} commands over real servers are not run")
    };
    Ok(Skipped::outcome(what, format!("cargo xtask ci --servers, or --only {step}")))
}

/// Number of tests in the files of a folder.
fn count(folder: &Path) -> Result<usize, String> {
    let wrong = |error| format!("cannot read {}: {error}", folder.display());
    let mut tests = 0;
    for entry in fs::read_dir(folder).map_err(wrong)? {
        let path = entry.map_err(wrong)?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).map_err(wrong)?;
            tests += text.lines().filter(|line| is_test(line)).count();
        }
    }
    Ok(tests)
}

fn is_test(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("#[tokio::test") || line == "#[test]"
}

/// Where programs are looked for. Those of administrators are not on everybody's path.
fn folders() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).chain(["/usr/sbin".into()]).collect()
}

fn missing(programs: &[(&str, &'static str)], folders: &[PathBuf]) -> Vec<&'static str> {
    let absent = |program: &str| !folders.iter().any(|folder| folder.join(program).is_file());
    let packages = programs.iter().filter(|(program, _)| absent(program));
    packages.map(|(_, package)| *package).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(missing(&PROGRAMS, &[]), ["prosody", "ejabberd", "openssl"]);
        assert_eq!(missing(&[PROSODY], &[]), ["prosody"]);
    }

    #[test]
    fn what_is_left_out_is_counted() {
        assert!(is_test("#[tokio::test(flavor = \"multi_thread\")]"));
        assert!(!is_test("async fn test() {"));
        fn check(step: &str, expect: &str) {
            let Ok(Outcome::Skipped(Skipped { what, instead })) = left_out(step, &crate::root())
            else {
                panic!("nothing was done")
            };
            assert!(what.contains(expect) && !what.contains(" 0 tests"), "{what}");
            assert!(instead.ends_with(&format!("--only {step}")), "{instead}");
        }
        check(super::super::SERVERS, " tests and 2 commands over real servers are not run");
        check(super::super::SERVER_LOGS, "3 real conversations over a Prosody");
    }
}
