//! The program `mpenc-loss`: conversations over lossy channels. See `docs/simulation.md`.
#![expect(
    clippy::std_instead_of_core,
    clippy::std_instead_of_alloc,
    clippy::cast_precision_loss,
    reason = "a program, not a layer; its figures need no more digits"
)]

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use mpenc_sim::loss::{Conversation, run};

/// Runs conversations over channels that lose messages, and counts what repairing them takes.
#[derive(Debug, Parser)]
#[command(name = "mpenc-loss")]
struct Options {
    /// How many take part
    #[arg(long, default_value_t = 8)]
    members: usize,
    /// How many texts are written
    #[arg(long, default_value_t = 1000)]
    texts: usize,
    /// Data packets lost on each link, in a thousand; several to compare
    #[arg(long, value_delimiter = ',', default_values_t = [0, 20, 100, 300])]
    loss: Vec<u64>,
    /// The longest time a packet takes, in milliseconds
    #[arg(long, default_value_t = 2000)]
    latency: u64,
    /// The mean time between two texts, in milliseconds
    #[arg(long, default_value_t = 2000)]
    pause: u64,
    /// How many days the session goes on at least
    #[arg(long, default_value_t = 0)]
    days: u64,
    /// How many seconds one member is cut off in the middle
    #[arg(long, default_value_t = 0)]
    cut_off: u64,
    /// Let intervals follow what is observed
    #[arg(long)]
    adaptive: bool,
    /// How many seeds for each loss
    #[arg(long, default_value_t = 3)]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    start: u64,
}

fn main() -> ExitCode {
    let options = Options::parse();
    if options.members < 2 || options.members > 64 || options.texts > 100_000 || options.days > 60 {
        eprintln!("mpenc-loss: 2 to 64 members, at most 100000 texts and 60 days; see --help");
        return ExitCode::from(2);
    }
    println!(
        "loss   seed  packets  per text  overhead  copies  asked  lost     deliveries  repaired after  false  warnings"
    );
    let mut failed = 0_u32;
    for seed in options.start..options.start.saturating_add(options.seeds) {
        let mut bare = None;
        for loss in &options.loss {
            let figures = run(Conversation {
                seed,
                members: options.members,
                texts: options.texts,
                loss: (*loss).min(900),
                latency: Duration::from_millis(options.latency),
                pause: Duration::from_millis(options.pause),
                cut_off: Duration::from_secs(options.cut_off),
                adaptive: options.adaptive,
                lasts: Duration::from_secs(options.days.saturating_mul(86_400)),
            });
            let bare = *bare.get_or_insert(figures.packets);
            let ratio = |a: u64, b: u64| a as f64 / b.max(1) as f64;
            println!(
                "{:>4.1}%  {seed:>4}  {:>7}  {:>8.2}  {:>7.2}x  {:>6}  {:>5}  {:>7}  {:>10}  {:>12.0} s  {:>5}  {}",
                *loss as f64 / 10.0,
                figures.packets,
                ratio(figures.packets, options.texts as u64),
                ratio(figures.packets, bare),
                figures.copies,
                figures.requests,
                figures.lost,
                figures.deliveries,
                figures.until_repaired as f64 / 1000.0,
                figures.false_warnings,
                warnings(&figures.warnings),
            );
            if !figures.left_behind.is_empty() || figures.in_force > 0 {
                failed = failed.saturating_add(1);
                println!(
                    "FAIL   left behind: {:?}, warnings in force: {}",
                    figures.left_behind, figures.in_force
                );
            }
        }
    }
    println!("{failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn warnings(warnings: &std::collections::BTreeMap<&'static str, u64>) -> String {
    if warnings.is_empty() {
        return "none".to_owned();
    }
    let each = warnings.iter().map(|(kind, number)| format!("{kind} {number}"));
    each.collect::<Vec<_>>().join(", ")
}
