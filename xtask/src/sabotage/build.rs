//! The two builds, and their test binaries run without cargo.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::prove::{Outcome, Run};
use super::table::Test;

/// The variable that names the guard which is off.
const SWITCH: &str = "MPENC_SABOTAGE";

/// A test that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// Folder of the sabotaged build, and of what tests print.
const FOLDER: &str = "target/sabotage";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Build {
    Normal,
    /// With a switch for each guard.
    Sabotaged,
}

/// Test binaries of one build.
pub(super) struct Tests {
    root: PathBuf,
    /// By package and name.
    binaries: BTreeMap<(String, String), Binary>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Binary {
    path: PathBuf,
    /// Folder of the package, in which cargo would run it.
    folder: PathBuf,
}

impl Tests {
    /// Builds the tests of these packages.
    pub(super) fn build(root: &Path, build: Build, packages: &[&str]) -> Result<Self, String> {
        let mut command = Command::new(crate::cargo());
        command.args(["test", "--no-run", "--locked", "--lib", "--tests"]);
        command.arg("--message-format=json-render-diagnostics");
        for package in packages {
            command.args(["-p", package]);
        }
        if build == Build::Sabotaged {
            command.args(["--profile", "sabotage", "--target-dir", FOLDER]);
            command.env("RUSTFLAGS", flags());
        }
        println!("building the tests: {build:?}");
        let output = command
            .current_dir(root)
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| format!("cannot run cargo test: {error}"))?;
        if !output.status.success() {
            return Err(format!("the tests do not build: {build:?}"));
        }
        let printed = String::from_utf8_lossy(&output.stdout);
        Ok(Self { root: root.to_owned(), binaries: printed.lines().filter_map(binary).collect() })
    }

    /// Fails if the switch is in a binary of what should be a normal build.
    pub(super) fn are_without_switch(&self) -> Result<String, String> {
        for binary in self.binaries.values() {
            let bytes = fs::read(&binary.path)
                .map_err(|error| format!("cannot read {}: {error}", binary.path.display()))?;
            if bytes.windows(SWITCH.len()).any(|window| window == SWITCH.as_bytes()) {
                return Err(format!("{SWITCH} is in {}", binary.path.display()));
            }
        }
        Ok(format!("no switch in {} test binaries", self.binaries.len()))
    }
}

impl Run for Tests {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test that hangs is ended, which takes a clock and waiting"
    )]
    fn run(&self, test: &Test, off: Option<&str>) -> Outcome {
        let key = (test.package.clone(), test.binary.clone());
        let Some(binary) = self.binaries.get(&key) else {
            return Outcome::Broken("is in a binary that does not exist".to_owned());
        };
        let printed = self.root.join(FOLDER).join("printed.txt");
        let run = || -> std::io::Result<Outcome> {
            fs::create_dir_all(self.root.join(FOLDER))?;
            let file = File::create(&printed)?;
            let mut command = Command::new(&binary.path);
            command.args(["--exact", &test.name, "--test-threads=1"]);
            command.current_dir(&binary.folder).env_remove(SWITCH);
            // As cargo would: compile-fail tests look at these.
            command.env("CARGO", crate::cargo()).env("CARGO_PKG_NAME", &test.package);
            command.env("CARGO_MANIFEST_DIR", &binary.folder);
            // What fails on purpose must not write down new expectations.
            command.env("INSTA_UPDATE", "no").env("INSTA_WORKSPACE_ROOT", &self.root);
            command.env("RUST_BACKTRACE", "0");
            if let Some(guard) = off {
                command.env(SWITCH, guard);
            }
            let child = command.stdin(Stdio::null()).stdout(file).stderr(Stdio::null());
            let mut child = child.spawn()?;
            let begin = Instant::now();
            let status = loop {
                if let Some(status) = child.try_wait()? {
                    break status;
                }
                if begin.elapsed() > PATIENCE {
                    child.kill()?;
                    child.wait()?;
                    return Ok(Outcome::Hung);
                }
                std::thread::sleep(Duration::from_millis(5));
            };
            Ok(Outcome::judge(status.code(), &fs::read_to_string(&printed)?))
        };
        run().unwrap_or_else(|error| Outcome::Broken(format!("cannot run: {error}")))
    }
}

/// Package, name and place of a test binary, if cargo's message is about one.
fn binary(message: &str) -> Option<((String, String), Binary)> {
    let message: Value = serde_json::from_str(message).ok()?;
    let text = |pointer: &str| message.pointer(pointer).and_then(Value::as_str);
    if message.pointer("/profile/test")?.as_bool() != Some(true) {
        return None;
    }
    let path = PathBuf::from(text("/executable")?);
    let folder = Path::new(text("/manifest_path")?).parent()?.to_owned();
    // A folder has the name of its package.
    let package = folder.file_name()?.to_string_lossy().into_owned();
    let name = match text("/target/kind/0")? {
        "test" | "bin" => text("/target/name")?,
        _ => "lib",
    };
    Some(((package, name.to_owned()), Binary { path, folder }))
}

/// A build with guards that is meant for release must not compile (ATK-202).
pub(super) fn release_is_refused(root: &Path) -> Result<String, String> {
    let output = Command::new(crate::cargo())
        .args(["check", "--quiet", "--locked", "--release", "-p", "mpenc-types"])
        .args(["--target-dir", FOLDER])
        .env("RUSTFLAGS", flags())
        .current_dir(root)
        .output()
        .map_err(|error| format!("cannot run cargo check: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        Err("compiles".to_owned())
    } else if said.contains("must not be a release build") {
        Ok("refused".to_owned())
    } else {
        Err(format!("fails for another reason: {}", said.trim()))
    }
}

/// Compiler flags of the sabotaged build: those given, and the switch.
fn flags() -> String {
    let given = std::env::var("RUSTFLAGS").unwrap_or_default();
    format!("{given} --cfg sabotage").trim_start().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_binaries_are_found_in_what_cargo_says() {
        let message = |kind: &str, test: bool| {
            format!(
                r#"{{"reason":"compiler-artifact","manifest_path":"/r/crates/a/Cargo.toml",
                "target":{{"kind":["{kind}"],"name":"it"}},"profile":{{"test":{test}}},
                "executable":"/r/target/it-1"}}"#
            )
        };
        let found = binary(&message("test", true)).unwrap();
        assert_eq!(found.0, ("a".to_owned(), "it".to_owned()));
        assert_eq!(found.1.folder, Path::new("/r/crates/a"));
        assert_eq!(binary(&message("lib", true)).unwrap().0.1, "lib");
        assert_eq!(binary(&message("test", false)), None);
        assert_eq!(binary(r#"{"reason":"build-finished"}"#), None);
        assert_eq!(binary("words"), None);
    }

    #[test]
    fn the_switch_is_added_to_the_flags() {
        assert!(flags().ends_with("--cfg sabotage"));
    }
}
