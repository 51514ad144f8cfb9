//! Everything that a change has to pass, one step after the other.

mod program;
mod without_std;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::{conformance, licences, servers, sim, tidy};

/// One check. Its name is what `--only` and `--skip` take.
struct Step {
    name: &'static str,
    about: &'static str,
    run: fn(&Path) -> Result<Outcome, String>,
}

/// How a step that did not fail ended.
enum Outcome {
    Passed,
    /// What it needs is not there, and need not be.
    Absent(String),
}

/// All steps: what is quick and often wrong comes first.
const STEPS: [Step; 22] = [
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
        run: over_servers,
    },
];

/// The step that is left out unless asked for.
const SERVERS: &str = "servers";

/// What `cargo xtask ci` is asked to do.
pub(crate) enum Chosen {
    List,
    Run(Choice),
}

/// Which steps to run; an empty `only` means all. What `require` lists must not be absent.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Choice {
    only: Vec<&'static str>,
    skip: Vec<&'static str>,
    require: Vec<&'static str>,
    servers: bool,
}

impl Choice {
    pub(crate) fn parse(options: &[&str]) -> Result<Chosen, String> {
        let mut choice = Self::default();
        let mut options = options.iter();
        while let Some(option) = options.next() {
            let list = match *option {
                "--list" => return Ok(Chosen::List),
                "--servers" => {
                    choice.servers = true;
                    continue;
                }
                "--only" => &mut choice.only,
                "--skip" => &mut choice.skip,
                "--require" => &mut choice.require,
                other => return Err(format!("unknown option `{other}` of ci")),
            };
            let name =
                options.next().ok_or_else(|| format!("{option} needs the name of a step"))?;
            let step = STEPS.iter().find(|step| step.name == *name);
            let step = step.ok_or_else(|| format!("no step is called `{name}`, see --list"))?;
            list.push(step.name);
        }
        if STEPS.iter().any(|step| choice.takes(step)) {
            Ok(Chosen::Run(choice))
        } else {
            Err("no step is left to run".to_owned())
        }
    }

    /// What is required must have been there.
    fn judged(&self, step: &Step, result: Result<Outcome, String>) -> Result<Outcome, String> {
        match result {
            Ok(Outcome::Absent(what)) if self.require.contains(&step.name) => Err(what),
            other => other,
        }
    }

    /// Whether this step is to say only that it was left out.
    fn leaves_out(&self, step: &Step) -> bool {
        step.name == SERVERS && !self.servers && !self.only.contains(&SERVERS)
    }

    fn takes(&self, step: &Step) -> bool {
        (self.only.is_empty() || self.only.contains(&step.name)) && !self.skip.contains(&step.name)
    }
}

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
    let mut lines = Vec::new();
    let mut failed = 0;
    for (i, step) in steps.iter().enumerate() {
        println!("\n==== [{}/{}] {}: {}", i + 1, steps.len(), step.name, step.about);
        let start = Instant::now();
        let result = if choice.leaves_out(step) { without_servers(root) } else { (step.run)(root) };
        let took = start.elapsed();
        let line = match choice.judged(step, result) {
            Ok(Outcome::Passed) => format!("passed  {:>8}  {}", seconds(took), step.name),
            Ok(Outcome::Absent(what)) => {
                format!("passed  {:>8}  {}: NOT RUN, {what}", seconds(took), step.name)
            }
            Err(what) => {
                failed += 1;
                format!("FAILED  {:>8}  {}: {what}", seconds(took), step.name)
            }
        };
        println!("---- {line}");
        lines.push(line);
    }
    println!("\n==== summary, after {}", seconds(begin.elapsed()));
    for line in &lines {
        println!("{line}");
    }
    let skipped = STEPS.len() - steps.len();
    if skipped > 0 {
        println!("{skipped} steps were not asked for");
    }
    println!("{} passed, {failed} failed", steps.len() - failed);
    failed == 0
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
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
        println!("!!!! THERE IS NO C++ COMPILER: the fuzz targets are not compiled");
        return Ok(Outcome::Absent("there is no C++ compiler".to_owned()));
    }
    let manifest = ["check", "--locked", "--manifest-path", "fuzz/Cargo.toml"];
    cargo(root, &[manifest, ["--target-dir", "target/fuzz", "--quiet", "--bins"]].concat(), &[])
}

fn verify(root: &Path) -> Result<Outcome, String> {
    match conformance::verify(root)? {
        Some(good) => passed(Ok(good)),
        None => {
            let what = "skipped: python3 not found (1 check skipped)";
            println!("!!!! {what}");
            Ok(Outcome::Absent(what.to_owned()))
        }
    }
}

fn over_servers(root: &Path) -> Result<Outcome, String> {
    servers::run(root)?;
    for command in servers::COMMANDS {
        program::plays(root, command)?;
    }
    Ok(Outcome::Passed)
}

fn without_servers(root: &Path) -> Result<Outcome, String> {
    let what = servers::skipped(root)?;
    println!("!!!! {what}");
    Ok(Outcome::Absent(what))
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

    fn parse(options: &[&str]) -> Result<Choice, String> {
        Choice::parse(options).map(|chosen| match chosen {
            Chosen::List => panic!("not a list"),
            Chosen::Run(choice) => choice,
        })
    }

    #[test]
    fn steps_are_chosen_by_name() {
        assert_eq!(parse(&[]).unwrap(), Choice::default());
        let only = parse(&["--only", "fmt", "--only", "tidy"]).unwrap();
        assert_eq!(only, Choice { only: vec!["fmt", "tidy"], ..Choice::default() });
        let taken = |choice: &Choice| STEPS.iter().filter(|step| choice.takes(step)).count();
        assert_eq!(taken(&only), 2);
        assert_eq!(taken(&parse(&["--skip", "fmt"]).unwrap()), STEPS.len() - 1);
        assert!(matches!(Choice::parse(&["--list"]), Ok(Chosen::List)));
    }

    #[test]
    fn what_is_required_must_be_there() {
        let step = STEPS.iter().find(|step| step.name == "verify").unwrap();
        let absent = || Ok(Outcome::Absent("no python3".to_owned()));
        assert!(Choice::default().judged(step, absent()).is_ok());
        let strict = parse(&["--require", "verify"]).unwrap();
        assert_eq!(strict.judged(step, absent()).err().as_deref(), Some("no python3"));
        assert!(strict.judged(step, Ok(Outcome::Passed)).is_ok());
        assert!(strict.judged(&STEPS[0], absent()).is_ok());
    }

    #[test]
    fn servers_are_for_those_who_ask() {
        let step = STEPS.iter().find(|step| step.name == SERVERS).unwrap();
        assert!(parse(&[]).unwrap().leaves_out(step));
        assert!(!parse(&["--servers"]).unwrap().leaves_out(step));
        assert!(!parse(&["--only", "servers"]).unwrap().leaves_out(step));
        assert!(!parse(&[]).unwrap().leaves_out(&STEPS[0]));
        assert!(
            parse(&["--require", "servers"])
                .unwrap()
                .judged(step, Ok(Outcome::Absent(String::new())))
                .is_err()
        );
    }

    #[test]
    fn bad_choices_are_refused() {
        assert_eq!(parse(&["--only"]).unwrap_err(), "--only needs the name of a step");
        assert_eq!(parse(&["--only", "x"]).unwrap_err(), "no step is called `x`, see --list");
        assert_eq!(parse(&["--quick"]).unwrap_err(), "unknown option `--quick` of ci");
        let both = ["--only", "fmt", "--skip", "fmt"];
        assert_eq!(parse(&both).unwrap_err(), "no step is left to run");
    }

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
