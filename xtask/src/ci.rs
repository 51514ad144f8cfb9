//! Everything that a change has to pass, one step after the other.

mod choice;
mod program;
mod servers;
mod summary;
mod without_std;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::{conformance, licences, sim, tidy};

pub(crate) use choice::{Choice, Chosen};
use summary::Summary;

/// One check. Its name is what `--only` and `--skip` take.
struct Step {
    name: &'static str,
    about: &'static str,
    run: fn(&Path) -> Result<Outcome, String>,
}

/// How a step that did not fail ended.
#[derive(Debug)]
enum Outcome {
    Passed,
    Skipped(Skipped),
}

/// Nothing was checked: what a step needs is not there, and need not be.
#[derive(Debug)]
struct Skipped {
    /// What is not there, and what is not checked therefore.
    what: String,
    /// How to have it checked.
    instead: String,
}

impl Skipped {
    fn outcome(what: impl Into<String>, instead: impl Into<String>) -> Outcome {
        Outcome::Skipped(Self { what: what.into(), instead: instead.into() })
    }
}

/// All steps: what is quick and often wrong comes first.
const STEPS: [Step; 23] = [
    Step { name: "fmt", about: "every file is formatted", run: fmt },
    Step { name: "tidy", about: "cargo xtask tidy", run: |root| passed(tidy::run(root)) },
    Step {
        name: "licences",
        about: "licence and source of everything we build from",
        run: |root| passed(licences::run(root)),
    },
    Step { name: "readme", about: "the commands of the README are those that work", run: readme },
    Step { name: "clippy", about: "no warning in any target of any crate", run: clippy },
    Step { name: "tests", about: "unit, property and integration tests", run: all_tests },
    Step { name: "v1", about: "the tests of whole sessions once more, in v1 sessions", run: v1 },
    Step { name: "doctests", about: "examples in the documentation", run: doctests },
    Step { name: "docs", about: "the documentation builds without a warning", run: docs },
    Step {
        name: "without-std",
        about: "the layers build where no standard library is",
        run: without_std::run,
    },
    Step { name: "benches", about: "every benchmark runs once", run: benches },
    Step { name: "fuzz", about: "the fuzz targets compile", run: fuzz },
    Step {
        name: "conformance",
        about: "what the original implementation recorded, and the vectors of v2",
        run: |root| passed(conformance::run(root, &conformance::Options::default())),
    },
    Step {
        name: "vectors",
        about: "the vectors of v2 are made again, and are the same",
        run: |root| passed(conformance::vectors(root, conformance::Making::Compare)),
    },
    Step {
        name: "verify",
        about: "a program that shares no code with us verifies the vectors of v2",
        run: verify,
    },
    Step {
        name: "requirements",
        about: "every requirement of the base profile has a test",
        run: |root| passed(conformance::run(root, &conformance::Options::requirements())),
    },
    Step {
        name: "sim",
        about: "sessions with lying servers, faults and dishonest members, from thousands of seeds",
        run: simulate,
    },
    Step { name: "program", about: "the program mpenc, as people build it", run: program::build },
    Step { name: "demo", about: "mpenc demo", run: program::demo },
    Step {
        name: "scene",
        about: "mpenc replay of the scene in the repository",
        run: program::scene,
    },
    Step {
        name: "logs",
        about: "mpenc replay of short cuts of real conversations, where they are present",
        run: program::logs,
    },
    Step {
        name: SERVERS,
        about: "conversations over real servers, with --servers",
        run: servers::conversations,
    },
    Step {
        name: SERVER_LOGS,
        about: "shorter cuts of the real conversations over a Prosody, with --servers",
        run: servers::logs,
    },
];

/// The steps that are left out unless asked for.
const SERVERS: &str = "servers";
const SERVER_LOGS: &str = "server-logs";

/// The steps and what each of them does.
pub(crate) fn list() -> String {
    STEPS.iter().fold(String::new(), |mut text, step| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:<12} {}", step.name, step.about);
        text
    })
}

/// Runs the chosen steps, all of them even if one fails. True if none failed.
#[expect(clippy::disallowed_methods, reason = "people want to know how long a step takes")]
pub(crate) fn run(root: &Path, choice: &Choice) -> bool {
    let steps: Vec<&Step> = STEPS.iter().filter(|step| choice.takes(step)).collect();
    let begin = Instant::now();
    let mut summary = Summary::new(STEPS.len() - steps.len());
    for (i, step) in steps.iter().enumerate() {
        println!("\n==== [{}/{}] {}: {}", i + 1, steps.len(), step.name, step.about);
        let start = Instant::now();
        let result = if choice.leaves_out(step) {
            servers::left_out(step.name, root)
        } else {
            (step.run)(root)
        };
        let result = choice.judged(step, result);
        println!("---- {}", summary.add(step.name, start.elapsed(), result));
    }
    println!("\n==== summary, after {}\n{summary}", summary::seconds(begin.elapsed()));
    summary.is_good()
}

fn passed(result: Result<bool, String>) -> Result<Outcome, String> {
    if result? { Ok(Outcome::Passed) } else { Err("see above".to_owned()) }
}

fn fmt(root: &Path) -> Result<Outcome, String> {
    cargo(root, &["fmt", "--all", "--check"], &[])
}

fn clippy(root: &Path) -> Result<Outcome, String> {
    let line = ["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"];
    cargo(root, &line, &[])
}

fn all_tests(root: &Path) -> Result<Outcome, String> {
    let kinds = ["--lib", "--bins", "--tests", "--examples"];
    let line = [["test", "--locked", "--workspace", "--no-fail-fast"], kinds].concat();
    cargo(root, &line, &[])
}

/// Tests that do not say which profile they are about take the default, or this one.
fn v1(root: &Path) -> Result<Outcome, String> {
    let line = ["test", "--locked", "--package", "mpenc", "--test", "it", "--no-fail-fast"];
    cargo(root, &line, &[("MPENC_TEST_PROFILE", "v1")])
}

fn doctests(root: &Path) -> Result<Outcome, String> {
    cargo(root, &["test", "--locked", "--workspace", "--no-fail-fast", "--doc"], &[])
}

fn docs(root: &Path) -> Result<Outcome, String> {
    // Without programs: `mpenc` is the name of a library and of a program.
    let line = ["doc", "--locked", "--workspace", "--no-deps", "--lib"];
    cargo(root, &line, &[("RUSTDOCFLAGS", "-D warnings")])
}

fn benches(root: &Path) -> Result<Outcome, String> {
    // As tests: each benchmark once, on what the tests have built already.
    cargo(root, &["test", "--locked", "--workspace", "--bench", "*"], &[])
}

/// The tests replay the corpora; here, that the targets still compile.
fn fuzz(root: &Path) -> Result<Outcome, String> {
    // The fuzzing engine is C++.
    let compiler = std::env::var_os("CXX").unwrap_or_else(|| "c++".into());
    if Command::new(&compiler).arg("--version").output().is_err() {
        return Ok(Skipped::outcome(
            format!("there is no C++ compiler {}: no fuzz target is compiled", compiler.display()),
            "install one, such as g++, or name yours in the variable CXX",
        ));
    }
    let manifest = ["check", "--locked", "--manifest-path", "fuzz/Cargo.toml"];
    cargo(root, &[manifest, ["--target-dir", "target/fuzz", "--quiet", "--bins"]].concat(), &[])
}

fn verify(root: &Path) -> Result<Outcome, String> {
    match conformance::verify(root)? {
        Some(good) => passed(Ok(good)),
        None => Ok(Skipped::outcome(
            "python3 not found: no other program verifies the vectors of v2",
            "install Python 3, or name yours in the variable PYTHON",
        )),
    }
}

fn simulate(root: &Path) -> Result<Outcome, String> {
    for arguments in sim::CI {
        println!("$ cargo xtask sim {}", arguments.join(" "));
        passed(sim::run(root, arguments))?;
    }
    Ok(Outcome::Passed)
}

/// The commands that the README promises.
const PROMISES: [&str; 3] = [program::DEMO, "cargo xtask ci", program::SCENE];

fn readme(root: &Path) -> Result<Outcome, String> {
    let text = fs::read_to_string(root.join("README.md"))
        .map_err(|error| format!("cannot read README.md: {error}"))?;
    let missing = missing_promises(&text);
    if missing.is_empty() {
        println!("README.md shows: {}", PROMISES.join("; "));
        Ok(Outcome::Passed)
    } else {
        Err(format!("README.md does not show: {}", missing.join("; ")))
    }
}

fn missing_promises(readme: &str) -> Vec<&'static str> {
    PROMISES.into_iter().filter(|promise| !readme.lines().any(|line| line == *promise)).collect()
}

/// Runs cargo in the open: what it prints is seen at once.
fn cargo(root: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Result<Outcome, String> {
    let shown: Vec<String> = variables
        .iter()
        .map(|(name, value)| format!("{name}='{value}' "))
        .chain([format!("cargo {}", arguments.join(" "))])
        .collect();
    println!("$ {}", shown.concat());
    let status = Command::new(crate::cargo())
        .args(arguments)
        .envs(variables.iter().copied())
        .current_dir(root)
        .status()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if status.success() { Ok(Outcome::Passed) } else { Err(format!("cargo: {status}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_have_different_names_and_all_are_listed() {
        let names: std::collections::BTreeSet<_> = STEPS.iter().map(|step| step.name).collect();
        assert_eq!(names.len(), STEPS.len());
        assert_eq!(list().lines().count(), STEPS.len());
    }

    #[test]
    fn a_command_that_the_readme_lost_is_noticed() {
        let good = PROMISES.join("\n");
        assert!(missing_promises(&good).is_empty());
        assert_eq!(missing_promises(&good.replace("ci", "tidy")), ["cargo xtask ci"]);
    }
}
