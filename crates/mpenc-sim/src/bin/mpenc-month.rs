//! The program `mpenc-month`: what a session that goes on for weeks keeps in memory. See
//! `docs/performance.md`.
#![expect(clippy::cast_precision_loss, reason = "its figures need no more digits")]

use std::alloc::System;
use std::process::ExitCode;

use clap::Parser;
use mpenc_sim::month::{Stay, run};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static GLOBAL: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Runs a session for a month of simulated time, and measures the memory that all of its members
/// take together.
#[derive(Debug, Parser)]
#[command(name = "mpenc-month")]
struct Options {
    /// How many take part
    #[arg(long, default_value_t = 10)]
    members: usize,
    /// How many days
    #[arg(long, default_value_t = 30)]
    days: u64,
    /// How many texts are written in an hour
    #[arg(long, default_value_t = 20)]
    texts_per_hour: u64,
    /// The longest time a packet takes, in milliseconds
    #[arg(long, default_value_t = 1000)]
    latency: u64,
    /// How many texts each keeps that everybody has
    #[arg(long, default_value_t = 256)]
    log_kept: usize,
    /// Decides everything else
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// Growth in a hundred that is allowed, from the second day to the last.
const MAX_GROWTH: f64 = 5.0;

fn main() -> ExitCode {
    let options = Options::parse();
    if !(2..=32).contains(&options.members) || !(2..=366).contains(&options.days) {
        eprintln!("mpenc-month: 2 to 32 members, 2 to 366 days; see --help");
        return ExitCode::from(2);
    }
    let stay = Stay {
        seed: options.seed,
        members: options.members,
        hours: options.days.saturating_mul(24),
        texts_per_hour: options.texts_per_hour,
        latency: options.latency.max(1),
        log_kept: options.log_kept,
    };
    // Sum and number of what was seen on each day.
    let mut days: Vec<(usize, usize)> = Vec::with_capacity(400);
    let figures = run(stay, &mut |hour| {
        let stats = GLOBAL.stats();
        let held = stats.bytes_allocated.saturating_sub(stats.bytes_deallocated);
        let day = usize::try_from(hour.saturating_sub(1) / 24).unwrap_or(usize::MAX);
        if days.len() <= day {
            if let Some(last) = days.last() {
                println!("day {:>3}: {:>9} bytes on average", days.len(), average(*last));
            }
            days.push((0, 0));
        }
        if let Some((sum, count)) = days.last_mut() {
            *sum = sum.saturating_add(held);
            *count = count.saturating_add(1);
        }
    });
    let begin = days.get(1).copied().map_or(1, average) as f64;
    let end = days.last().copied().map_or(0, average) as f64;
    let growth = (end / begin - 1.0) * 100.0;
    println!(
        "{} packets, {} deliveries, {} renewals of the keys, {} texts",
        figures.packets, figures.deliveries, figures.refreshes, figures.texts
    );
    println!("day {:>3}: {end:>9} bytes on average", days.len());
    println!("growth from day 2 to day {}: {growth:.2} %", options.days);
    println!("warnings: {:?}, incomplete: {:?}", figures.warnings, figures.incomplete);
    let fine = growth < MAX_GROWTH && figures.warnings.is_empty() && figures.incomplete.is_empty();
    if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn average((sum, count): (usize, usize)) -> usize {
    sum / count.max(1)
}
