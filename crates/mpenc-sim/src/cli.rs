//! The command line of `mpenc-sim`.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};

use crate::options::{ACTS, Adversary, NAMES, Options};
use crate::plan::{Act, InWords, plan};
use crate::report::Figures;
use crate::run::run;
use crate::shrink::{parse_ranges, ranges, shrink};

/// Runs sessions with real members, a lying server, faults and dishonest members, each determined
/// by a number, and checks after every event what must hold.
#[derive(Parser, Debug)]
#[command(name = "mpenc-sim")]
struct Arguments {
    /// How many seeds to run
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    start: u64,
    /// v1, v2, or both in turn
    #[arg(long, default_value = "both")]
    profile: String,
    /// An adversary by name (see --list), or all in turn
    #[arg(long, default_value = "all")]
    adversary: String,
    /// How many members, 2 to 8; otherwise it depends on the seed
    #[arg(long)]
    members: Option<usize>,
    /// Use the suite that costs and protects nothing
    #[arg(long)]
    mock_crypto: bool,
    /// Events in the plan of a run
    #[arg(long, default_value_t = ACTS)]
    acts: usize,
    /// Only these events of the plan, as a failure prints them: 0-3,7
    #[arg(long, alias = "acts-kept")]
    keep: Option<String>,
    /// Threads; otherwise one for each core
    #[arg(long)]
    jobs: Option<usize>,
    /// Stop at the first failure
    #[arg(long)]
    first: bool,
    /// Failures that are shrunk and printed
    #[arg(long, default_value_t = 3)]
    show: usize,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
    /// Print everything that happens (with one seed)
    #[arg(long)]
    trace: bool,
    /// List the adversaries
    #[arg(long)]
    list: bool,
}

/// What one seed runs.
fn options(arguments: &Arguments, seed: u64) -> Option<Options> {
    let v2 = match arguments.profile.as_str() {
        "v1" => false,
        "v2" => true,
        "both" => seed.is_multiple_of(2),
        _ => return None,
    };
    let adversary = match arguments.adversary.as_str() {
        "all" => {
            let count = Adversary::EVERY.len() as u64;
            let at = usize::try_from((seed / 2).checked_rem(count)?).ok()?;
            *Adversary::EVERY.get(at)?
        }
        name => Adversary::named(name)?,
    };
    let members = arguments.members.unwrap_or_else(|| Options::members_of(seed));
    let mock = arguments.mock_crypto;
    (2..=NAMES.len()).contains(&members).then_some(Options {
        seed,
        v2,
        mock,
        adversary,
        members,
        acts: arguments.acts,
    })
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.list {
        for adversary in Adversary::EVERY {
            println!("{:<14} {}", adversary.name(), adversary.about());
        }
        return ExitCode::SUCCESS;
    }
    let kept = match arguments.keep.as_deref().map(parse_ranges) {
        Some(None) => return bad("--keep takes places such as 0-3,7"),
        Some(kept) => kept,
        None => None,
    };
    if options(&arguments, arguments.start).is_none() {
        return bad("unknown profile or adversary, or a number of members outside of 2 to 8");
    }
    std::panic::set_hook(Box::new(|_| {}));
    simulate(&arguments, kept.as_deref())
}

fn bad(what: &str) -> ExitCode {
    eprintln!("mpenc-sim: {what}");
    ExitCode::from(2)
}

fn acts_of(options: &Options, kept: Option<&[usize]>) -> Vec<Act> {
    let all = plan(options);
    match kept {
        None => all,
        Some(kept) => kept.iter().filter_map(|at| all.get(*at)).copied().collect(),
    }
}

/// What was found so far, over all threads.
#[derive(Default)]
struct Found {
    figures: BTreeMap<(&'static str, &'static str), (u64, Figures)>,
    failures: Vec<(Options, String)>,
    /// Of everything that happened: equal for equal seeds and builds (ATK-203).
    digest: u64,
}

#[expect(clippy::disallowed_methods, reason = "people want to know how long it takes")]
fn simulate(arguments: &Arguments, kept: Option<&[usize]>) -> ExitCode {
    let begin = Instant::now();
    let next = AtomicU64::new(0);
    let found = Mutex::new(Found::default());
    let cores = std::thread::available_parallelism().map_or(1, core::num::NonZero::get);
    let jobs = arguments.jobs.unwrap_or(cores).max(1);
    let bar = ProgressBar::new(arguments.seeds);
    if let Ok(style) =
        ProgressStyle::with_template("{bar:30} {pos}/{len} {per_sec} sessions {msg}, {eta} left")
    {
        bar.set_style(style);
    }
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= arguments.seeds {
                break;
            }
            let Some(options) = options(arguments, arguments.start.saturating_add(at)) else {
                break;
            };
            let outcome = run(options, &acts_of(&options, kept), arguments.trace);
            let Ok(mut found) = found.lock() else { break };
            let key = (if options.v2 { "v2" } else { "v1" }, options.adversary.name());
            let entry = found.figures.entry(key).or_default();
            entry.0 += 1;
            entry.1.add(&outcome.figures);
            found.digest ^= crate::dice::mix(outcome.digest ^ options.seed);
            if let Some(why) = outcome.failure {
                found.failures.push((options, why));
                if arguments.first {
                    next.store(arguments.seeds, Ordering::Relaxed);
                }
                bar.set_message(format!("{} failed", found.failures.len()));
            }
            bar.inc(1);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..jobs {
            scope.spawn(work);
        }
        work();
    });
    bar.finish_and_clear();
    let took = begin.elapsed();
    let Ok(found) = found.into_inner() else { return bad("a thread broke down") };
    report(arguments, kept, found, took)
}

fn report(
    arguments: &Arguments,
    kept: Option<&[usize]>,
    mut found: Found,
    took: Duration,
) -> ExitCode {
    found.failures.sort_by_key(|(options, _)| options.seed);
    for (n, (options, why)) in found.failures.iter().enumerate() {
        println!(
            "seed {} ({}, {}): {why}",
            options.seed,
            profile(options),
            options.adversary.name()
        );
        if n < arguments.show && kept.is_none() && !arguments.trace {
            explain(options);
        }
    }
    let sessions: u64 = found.figures.values().map(|(count, _)| count).sum();
    let mut total = Figures::default();
    for (_, figures) in found.figures.values() {
        total.add(figures);
    }
    let rate = f64::from(u32::try_from(sessions).unwrap_or(u32::MAX)) / took.as_secs_f64();
    let failed = found.failures.len() as u64;
    if arguments.json {
        let each: Vec<_> = found
            .figures
            .iter()
            .map(|((profile, adversary), (count, figures))| {
                serde_json::json!({"profile": profile, "adversary": adversary,
                    "sessions": count, "figures": figures.to_json()})
            })
            .collect();
        let json = serde_json::json!({"sessions": sessions, "failed": failed,
            "seconds": took.as_secs_f64(), "digest": format!("{:016x}", found.digest), "total": total.to_json(), "each": each});
        println!("{json}");
    } else {
        println!("{total}");
        println!("digest of all that happened {:016x}", found.digest);
        println!("{sessions} sessions in {:.1} s, {rate:.0} a second", took.as_secs_f64());
    }
    println!("{} passed, {failed} failed", sessions.saturating_sub(failed));
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

const fn profile(options: &Options) -> &'static str {
    if options.v2 { "v2" } else { "v1" }
}

/// Prints the smallest part of the plan that fails, in words.
fn explain(options: &Options) {
    let all = plan(options);
    let kept = shrink(*options, &all);
    let acts: Vec<Act> = kept.iter().filter_map(|at| all.get(*at)).copied().collect();
    let outcome = run(*options, &acts, false);
    println!("  shrunk to {} of {} events:", kept.len(), all.len());
    for (at, act) in kept.iter().zip(&acts) {
        println!("    {at:>4}  {}", InWords(*act, options.members));
    }
    println!("  which fails with: {}", outcome.failure.unwrap_or_else(|| "nothing".to_owned()));
    println!("  cargo xtask sim {options} --keep {}", ranges(&kept));
}
