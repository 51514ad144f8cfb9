//! Tasks of this repository: `cargo xtask ci` checks everything, `cargo xtask tidy` what no
//! compiler checks. Standard library and a JSON parser only, so that it builds in seconds.
#![expect(
    clippy::std_instead_of_core,
    clippy::std_instead_of_alloc,
    reason = "a program, not a layer: it runs commands and reads files"
)]

mod ci;
mod conformance;
mod licences;
mod metadata;
mod sabotage;
mod sim;
mod tidy;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ci::{Choice, Chosen};

const HELP: &str = "\
Tasks of this repository.

Usage: cargo xtask TASK [OPTIONS]

Tasks:
  ci        Run every check that a change has to pass, one after the other
  tidy      Check what no compiler checks: who depends on whom, which layers need no standard
            library, lints, licences of ours, names, length, attributes and citations
  conformance  Hold the implementation against recordings of the original and the vectors of
            the second profile, and the requirements against the tests
  vectors   Make the vectors of the second profile again, in xtask/vectors/v2
  licences  Check the licence and the source of everything we build from
  sabotage  Switch defences off one by one, and see that a test notices each; guards are chosen
            by name: cargo xtask sabotage strict-verify
  sim       Simulate whole sessions with lying servers, faults and dishonest members, each from
            a seed; cargo xtask sim --help lists its options
  model     Search all states of small sessions; searches are chosen by name, and
            cargo xtask model --help lists the options
  help      Print this text

Options of ci:
  --list          Print the steps and what each of them does
  --only STEP     Run only this step (may be repeated)
  --skip STEP     Leave this step out (may be repeated)
  --require STEP  Fail if this step is skipped, since what it needs is absent (may be repeated)
  --servers       Talk over real servers too, and fail if one is not installed
  The last line is `N passed, M skipped, K failed`; above it is what was skipped, and how to have
  it checked.

Options of conformance:
  --vectors DIR   Use this folder of vectors instead of our own (may be repeated)
  --departures    Print where we differ from the original on purpose, and why
  --requirements  Print where each requirement is implemented and tested; fail if one of the
                  base profile is not

Options of vectors:
  --check         Write nothing; fail if the folder has others than are made

Options of sim, beside those of the simulator:
  --planted [GUARD...]  Switch defences off one by one, and count the seeds until it is noticed

Options of sabotage:
  --list          Print the guards with the attacks they stop and the tests that notice

Exit status: 0 if everything passed, 1 if a check failed, 2 for bad usage.
";

fn main() -> ExitCode {
    let arguments: Result<Vec<String>, OsString> =
        std::env::args_os().skip(1).map(OsString::into_string).collect();
    let Ok(arguments) = arguments else { return bad_usage("arguments must be UTF-8") };
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => bad_usage("a task is missing"),
        ["sim", arguments @ ..] => finish(sim::run(&root(), arguments)),
        ["model", arguments @ ..] => finish(sim::model(&root(), arguments)),
        ["help" | "--help" | "-h", ..] | [_, "--help" | "-h"] => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        ["tidy"] => finish(tidy::run(&root())),
        ["licences"] => finish(licences::run(&root())),
        ["ci", options @ ..] => match Choice::parse(options) {
            Ok(Chosen::List) => {
                print!("{}", ci::list());
                ExitCode::SUCCESS
            }
            Ok(Chosen::Run(choice)) => finish(Ok(ci::run(&root(), &choice))),
            Err(what) => bad_usage(&what),
        },
        ["conformance", options @ ..] => match conformance::Options::parse(options) {
            Ok(options) => finish(conformance::run(&root(), &options)),
            Err(what) => bad_usage(&what),
        },
        ["vectors", options @ ..] => match conformance::Making::parse(options) {
            Ok(making) => finish(conformance::vectors(&root(), making)),
            Err(what) => bad_usage(&what),
        },
        ["sabotage", options @ ..] => match sabotage::Options::parse(options) {
            Ok(options) => finish(sabotage::run(&root(), &options)),
            Err(what) => bad_usage(&what),
        },
        ["tidy" | "licences", option, ..] => bad_usage(&format!("unknown option `{option}`")),
        [task, ..] => bad_usage(&format!("unknown task `{task}`")),
    }
}

fn finish(result: Result<bool, String>) -> ExitCode {
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(what) => {
            eprintln!("xtask: {what}");
            ExitCode::from(1)
        }
    }
}

fn bad_usage(what: &str) -> ExitCode {
    eprintln!("xtask: {what}; see `cargo xtask help`");
    ExitCode::from(2)
}

/// The folder that has the workspace's manifest.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// The cargo that runs us, or the one on the path.
fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}
