//! The program `mpenc-model`: searches all states of small sessions. See `docs/model-check.md`.
#![expect(clippy::std_instead_of_core, reason = "a program, not a layer")]

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use mpenc_sim::model::{KNOWN, LARGE, Run, SMALL};

/// Looks at all states of small sessions and reports what must never happen.
#[derive(Debug, Parser)]
#[command(name = "mpenc-model")]
struct Options {
    /// Searches by name; without any, all that the tests do
    names: Vec<String>,
    /// Also the larger searches, of minutes each
    #[arg(long)]
    large: bool,
    /// States after which a search stops
    #[arg(long, default_value_t = LIMIT)]
    limit: usize,
    /// Print the names
    #[arg(long)]
    list: bool,
}

/// States that take about a gigabyte.
const LIMIT: usize = 5_000_000;

fn main() -> ExitCode {
    let options = Options::parse();
    let mut runs: Vec<Run> = SMALL.to_vec();
    if options.large || options.list || !options.names.is_empty() {
        runs.extend(LARGE);
    }
    if options.list || !options.names.is_empty() {
        runs.push(KNOWN);
    }
    if options.list {
        runs.iter().for_each(|run| println!("{:<24} {:?}", run.name, run.channel));
        return ExitCode::SUCCESS;
    }
    if !options.names.is_empty() {
        if let Some(unknown) =
            options.names.iter().find(|name| runs.iter().all(|run| run.name != **name))
        {
            eprintln!("mpenc-model: no search is called `{unknown}`; see --list");
            return ExitCode::from(2);
        }
        runs.retain(|run| options.names.iter().any(|name| name == run.name));
    }
    println!("search                      states      steps  depth  complete  seconds  verdict");
    let mut failed = 0_usize;
    for run in &runs {
        let (found, took) = timed(run, options.limit);
        let verdict = if found.wrong.is_none() { "holds" } else { "FAILS" };
        println!(
            "{:<24} {:>9} {:>10} {:>6}  {:<8} {:>8.1}  {verdict}",
            run.name,
            found.states,
            found.steps,
            found.depth,
            if found.complete { "yes" } else { "no" },
            took.as_secs_f64(),
        );
        if let Some(way) = found.wrong {
            failed += 1;
            println!("  {}", way.what);
            way.steps.iter().for_each(|step| println!("  {step}"));
        }
    }
    println!("{} passed, {failed} failed", runs.len() - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

#[expect(clippy::disallowed_methods, reason = "says how long a search takes")]
fn timed(run: &Run, limit: usize) -> (mpenc_sim::model::Found, Duration) {
    let shown = std::io::stderr().is_terminal();
    let begin = Instant::now();
    let found = run.search(limit, &mut |progress| {
        if shown {
            let (states, waiting, depth) = (progress.states, progress.waiting, progress.depth);
            eprint!("\r{} {states} states, {waiting} wait, depth {depth}   ", run.name);
        }
    });
    if shown {
        eprint!("\r{:60}\r", "");
    }
    (found, begin.elapsed())
}
