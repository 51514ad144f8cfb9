//! `cargo xtask sim`: runs the simulator, and with `--planted` shows that it finds what is wrong.
//! `cargo xtask model`: searches all states of small sessions.

use std::path::Path;
use std::process::Command;

/// Folder of the build in which defences can be switched off.
const FOLDER: &str = "target/sabotage";

/// Seeds within which a planted bug has to be found.
const SEEDS: u64 = 10_000;

/// The variable that names the guard which is off.
const SWITCH: &str = "MPENC_SABOTAGE";

/// Defences without which the simulator has to find something, with the profile and the adversary
/// to look with. Those that concern what only insiders do are looked for with insiders. What cannot
/// be noticed in whole sessions is not here; `docs/simulation.md` says why.
const PLANTED: [(&str, &str, &str); 36] = [
    ("accept-first", "both", "all"),
    ("ack-monitor", "both", "all"),
    ("antichain", "both", "insider"),
    ("author-chain", "both", "insider"),
    ("blame", "v2", "insider"),
    ("chain-ack", "v2", "all"),
    ("chain-checked", "both", "all"),
    ("confirm-all", "both", "all"),
    ("confirm-names-op", "v2", "insider"),
    ("confirm-verified", "v1", "insider"),
    ("context-checked", "both", "all"),
    ("initiator-is-member", "v2", "insider"),
    ("key-confirm", "v2", "insider"),
    ("old-window", "both", "all"),
    ("one-share", "v2", "all"),
    ("op-bound", "both", "all"),
    ("op-timeout", "both", "all"),
    ("order-compared", "v2", "equivocating"),
    ("own-echo-exact", "both", "all"),
    ("own-values-checked", "v1", "mutating"),
    ("parent-visible", "both", "insider"),
    ("position-checked", "v2", "insider"),
    ("rule-eal", "both", "all"),
    ("rule-eio", "both", "all"),
    ("rule-eo", "both", "all"),
    ("rule-es", "both", "all"),
    ("rule-ial", "both", "all"),
    ("rule-li", "both", "all"),
    ("rule-loi", "both", "all"),
    ("rule-lox", "both", "all"),
    ("rule-ls", "both", "all"),
    ("rule-xp", "both", "all"),
    ("sig-inner", "both", "all"),
    ("source-is-signer", "both", "all"),
    ("subsession-bound", "both", "all"),
    ("verify-before-accept", "both", "all"),
];

/// Seeds that every change has to pass: some two and a half minutes on two idle cores.
pub(crate) const CI: [&[&str]; 2] =
    [&["--seeds", "60000", "--mock-crypto"], &["--seeds", "2000", "--start", "1000000"]];

/// Runs the simulator with these arguments, or looks for planted bugs.
pub(crate) fn run(root: &Path, arguments: &[&str]) -> Result<bool, String> {
    match arguments {
        ["--planted", guards @ ..] => planted(root, guards),
        _ => program(root, &["mpenc-sim", "--features", "testing"], arguments),
    }
}

/// Searches all states of small sessions, with these arguments.
pub(crate) fn model(root: &Path, arguments: &[&str]) -> Result<bool, String> {
    program(root, &["mpenc-model"], arguments)
}

fn program(root: &Path, program: &[&str], arguments: &[&str]) -> Result<bool, String> {
    let status = Command::new(crate::cargo())
        .args(["run", "--quiet", "--locked", "--release", "-p", "mpenc-sim", "--bin"])
        .args(program)
        .arg("--")
        .args(arguments)
        .current_dir(root)
        .status()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    Ok(status.success())
}

fn planted(root: &Path, guards: &[&str]) -> Result<bool, String> {
    let given = std::env::var("RUSTFLAGS").unwrap_or_default();
    let status = Command::new(crate::cargo())
        .args(["build", "--locked", "--profile", "sabotage", "--target-dir", FOLDER])
        .args(["-p", "mpenc-sim", "--bin", "mpenc-sim", "--features", "testing"])
        .env("RUSTFLAGS", format!("{given} --cfg sabotage").trim_start())
        .current_dir(root)
        .status()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if !status.success() {
        return Err("the build with switches failed".to_owned());
    }
    let chosen: Vec<_> = if guards.is_empty() {
        PLANTED.to_vec()
    } else {
        guards
            .iter()
            .map(|name| PLANTED.into_iter().find(|p| p.0 == *name).unwrap_or((name, "both", "all")))
            .collect()
    };
    let (mut found, mut missed) = (0, 0);
    println!("| Guard | Seeds until found | Where | What was noticed |");
    println!("| --- | --- | --- | --- |");
    for (guard, profile, adversary) in chosen {
        match first_found(root, guard, (profile, adversary))? {
            Some(line) => {
                found += 1;
                println!("{}", row(guard, &line));
            }
            None => {
                missed += 1;
                println!("| `{guard}` | not within {SEEDS} | {profile}, {adversary} | |");
            }
        }
    }
    println!("{found} found, {missed} not found");
    Ok(missed == 0)
}

/// What the simulator prints about the first seed that fails without a defence and not with it.
fn first_found(root: &Path, guard: &str, place: (&str, &str)) -> Result<Option<String>, String> {
    let mut start = 0;
    while start < SEEDS {
        let Some(line) = simulated(root, Some(guard), place, start, SEEDS - start)? else {
            return Ok(None);
        };
        let seed = line.split(' ').next().and_then(|seed| seed.parse().ok()).unwrap_or(SEEDS);
        if simulated(root, None, place, seed, 1)?.is_none() {
            return Ok(Some(line));
        }
        start = seed + 1;
    }
    Ok(None)
}

/// The first line about a failure, if one of these seeds fails.
fn simulated(
    root: &Path,
    guard: Option<&str>,
    (profile, adversary): (&str, &str),
    start: u64,
    seeds: u64,
) -> Result<Option<String>, String> {
    let mut command = Command::new(root.join(FOLDER).join("sabotage/mpenc-sim"));
    command.args(["--first", "--show", "0", "--mock-crypto", "--profile", profile]);
    command.args(["--adversary", adversary]);
    command.args(["--start", &start.to_string(), "--seeds", &seeds.to_string()]);
    command.env_remove(SWITCH).current_dir(root);
    if let Some(guard) = guard {
        command.env(SWITCH, guard);
    }
    let output = command.output().map_err(|error| format!("cannot run the simulator: {error}"))?;
    let printed = String::from_utf8_lossy(&output.stdout);
    Ok(printed.lines().find_map(|line| line.strip_prefix("seed ")).map(str::to_owned))
}

/// `4 (v2, lying): why` as a row of the table.
fn row(guard: &str, line: &str) -> String {
    let (seed, rest) = line.split_once(" (").unwrap_or((line, ""));
    let (place, why) = rest.split_once("): ").unwrap_or((rest, ""));
    let seeds = seed.parse::<u64>().unwrap_or(0).saturating_add(1);
    let why: String = why.replace('|', "/").chars().take(90).collect();
    format!("| `{guard}` | {seeds} | {place} | {why} |")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_becomes_a_row() {
        assert_eq!(
            row("rule-xp", "41 (v2, lying): I9: nothing | happens"),
            "| `rule-xp` | 42 | v2, lying | I9: nothing / happens |"
        );
    }

    #[test]
    fn guards_are_named_once_and_in_order() {
        assert!(PLANTED.is_sorted_by(|a, b| a.0 < b.0));
    }
}
