//! Conversations over real servers, which are not ours and have to be installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What has to be there, and the package of Debian that brings it.
const PROGRAMS: [(&str, &str); 3] =
    [("prosody", "prosody"), ("ejabberdctl", "ejabberd"), ("openssl", "openssl")];

/// Crates with tests for real servers, in `tests/servers`.
const CRATES: [&str; 2] = ["mpenc-xmpp", "mpenc-chat"];

/// Commands of the program that take place on a server.
pub(crate) const COMMANDS: [&str; 2] = [
    "cargo run --release -p mpenc-chat -- demo --xmpp",
    "cargo run --release -p mpenc-chat -- replay crates/mpenc-chat/scenes/hamlet-1-1.txt --xmpp",
];

/// Fails if a server is missing; else runs the tests.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    let missing = missing(&folders());
    if !missing.is_empty() {
        return Err(format!("install what is missing: apt-get install {}", missing.join(" ")));
    }
    for package in CRATES {
        let package = ["test", "--locked", "-p", package, "--features", "servers"];
        // Servers need the processor too.
        let line = [&package[..], &["--test", "servers", "--", "--test-threads", "2"]].concat();
        println!("$ cargo {}", line.join(" "));
        let status = Command::new(crate::cargo())
            .args(&line)
            .current_dir(root)
            .status()
            .map_err(|error| format!("cannot run cargo: {error}"))?;
        if !status.success() {
            return Err(format!("cargo: {status}"));
        }
    }
    Ok(())
}

/// One line that says what is not done without `--servers`.
pub(crate) fn skipped(root: &Path) -> Result<String, String> {
    let mut tests = 0;
    for package in CRATES {
        tests += count(&root.join("crates").join(package).join("tests/servers"))?;
    }
    let commands = COMMANDS.len();
    Ok(format!(
        "skipped: no --servers ({tests} tests and {commands} commands over real servers skipped)"
    ))
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

fn missing(folders: &[PathBuf]) -> Vec<&'static str> {
    let absent = |program: &str| !folders.iter().any(|folder| folder.join(program).is_file());
    let packages = PROGRAMS.iter().filter(|(program, _)| absent(program));
    packages.map(|(_, package)| *package).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(missing(&[]), ["prosody", "ejabberd", "openssl"]);
    }

    #[test]
    fn what_is_skipped_is_counted() {
        assert!(is_test("#[tokio::test(flavor = \"multi_thread\")]"));
        assert!(!is_test("async fn test() {"));
        let said = skipped(&crate::root()).unwrap();
        assert!(said.contains(" tests and 2 commands "), "{said}");
        assert!(!said.contains("(0 tests"), "{said}");
    }
}
