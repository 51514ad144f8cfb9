//! The program `mpenc` as people run it: it has to end well and say so.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Outcome, Skipped, cargo};

/// The README's commands.
pub(super) const DEMO: &str = "cargo run --release -p mpenc-chat -- demo";
pub(super) const SCENE: &str =
    "cargo run --release -p mpenc-chat -- replay crates/mpenc-chat/scenes/hamlet-1-1.txt";

/// Name of a log, and how many of its lines and people take part.
pub(super) type Cut = (&'static str, u32, u32);

/// Real conversations beside the repository, with the cut of each. Each takes seconds; the whole
/// logs take minutes.
const LOGS_FOLDER: &str = "../shared/data/irc";
const LOGS: [Cut; 3] = [
    ("ubuntu-meeting.0.ascii.txt", 400, 16),
    ("rust.0.ascii.txt", 400, 16),
    ("2004-11-15_03.raw.txt", 500, 16),
];

/// How long one run of the program may take, in seconds; each takes a small part of it.
const LIMIT: Duration = Duration::from_secs(300);

pub(super) fn build(root: &Path) -> Result<Outcome, String> {
    cargo(root, &["build", "--locked", "--release", "-p", "mpenc-chat"], &[])
}

pub(super) fn demo(root: &Path) -> Result<Outcome, String> {
    check_demo(&run(root, DEMO, &[])?)
}

pub(super) fn scene(root: &Path) -> Result<Outcome, String> {
    let last = run(root, SCENE, &[])?;
    if last.starts_with("replay: OK: ") {
        Ok(Outcome::Passed)
    } else {
        Err(format!("the last line should begin with `replay: OK: `, it is `{last}`"))
    }
}

/// A demo or a replay of a whole scene, wherever it takes place.
pub(super) fn plays(root: &Path, command: &str) -> Result<(), String> {
    let last = run(root, command, &[])?;
    if last.starts_with("demo: OK: ") || last.starts_with("replay: OK: ") {
        Ok(())
    } else {
        Err(format!("the last line should begin with `… OK: `, it is `{last}`"))
    }
}

pub(super) fn logs(root: &Path) -> Result<Outcome, String> {
    replay_cuts(root, &LOGS, &[])
}

/// Replays cuts of the logs, with more arguments that say where.
pub(super) fn replay_cuts(
    root: &Path,
    cuts: &[Cut],
    place: &[&'static str],
) -> Result<Outcome, String> {
    let folder = root.join(LOGS_FOLDER);
    if !folder.is_dir() {
        return Ok(Skipped::outcome(
            format!("{LOGS_FOLDER} is absent: {} real conversations are not replayed", cuts.len()),
            format!("put {} into {LOGS_FOLDER}", names(cuts)),
        ));
    }
    let mut failures = Vec::new();
    for (name, lines, members) in cuts {
        let file = folder.join(name);
        let (lines, members) = (lines.to_string(), members.to_string());
        let command = "cargo run --release --quiet -p mpenc-chat -- replay";
        let limits: [&OsStr; 4] =
            ["--limit".as_ref(), lines.as_ref(), "--max-members".as_ref(), members.as_ref()];
        let mut rest = vec![file.as_os_str()];
        rest.extend(limits);
        rest.extend(place.iter().map(OsStr::new));
        rest.push("--json".as_ref());
        if let Err(what) = run(root, command, &rest).and_then(|last| check_report(&last)) {
            println!("!!!! {name}: {what}");
            failures.push(format!("{name}: {what}"));
        }
    }
    if failures.is_empty() { Ok(Outcome::Passed) } else { Err(failures.join("; ")) }
}

fn names(cuts: &[Cut]) -> String {
    cuts.iter().map(|(name, _, _)| *name).collect::<Vec<_>>().join(", ")
}

/// `demo: OK: <n> members, <m> messages, all fully acknowledged, <k> membership operations`.
fn check_demo(last: &str) -> Result<Outcome, String> {
    let pattern = ["demo: OK: ", " members, ", " messages, all fully acknowledged, "];
    let end = " membership operations";
    let counts = || -> Option<Vec<u32>> {
        let mut rest = last.strip_suffix(end)?;
        let mut counts = Vec::new();
        for (i, part) in pattern.iter().enumerate() {
            let (before, after) = rest.split_once(part)?;
            if i == 0 && !before.is_empty() {
                return None;
            }
            if i > 0 {
                counts.push(before.parse().ok()?);
            }
            rest = after;
        }
        counts.push(rest.parse().ok()?);
        Some(counts)
    };
    match counts() {
        Some(counts) if counts.iter().all(|count| *count > 0) => Ok(Outcome::Passed),
        Some(_) => Err(format!("nothing happened: `{last}`")),
        None => Err(format!("the last line should be the demo's summary, it is `{last}`")),
    }
}

/// The object that `replay --json` prints last.
fn check_report(last: &str) -> Result<Outcome, String> {
    let report: Value = serde_json::from_str(last)
        .map_err(|_| format!("the last line should be a JSON object, it is `{last}`"))?;
    let number = |key: &str| report.get(key).and_then(Value::as_u64);
    let holds = |key: &str| report.get(key).and_then(Value::as_bool) == Some(true);
    if let Some(error) = report.get("error").filter(|error| !error.is_null()) {
        return Err(format!("the replay failed: {error}"));
    }
    for key in ["transcripts_equal", "content_equal"] {
        if !holds(key) {
            return Err(format!("`{key}` does not hold"));
        }
    }
    for key in ["members", "operations", "messages", "packets", "bytes"] {
        if number(key).is_none_or(|count| count == 0) {
            return Err(format!("`{key}` should be more than 0"));
        }
    }
    if number("fully_acked") != number("messages") {
        return Err("not every message is fully acknowledged".to_owned());
    }
    Ok(Outcome::Passed)
}

/// Runs a command in the open and returns the last line of its standard output.
fn run(root: &Path, command: &str, rest: &[&OsStr]) -> Result<String, String> {
    let shown: Vec<_> = rest.iter().map(|word| word.to_string_lossy()).collect();
    println!("$ {command} {}", shown.join(" "));
    let mut child = Command::new(crate::cargo())
        .args(command.split(' ').skip(1))
        .args(rest)
        .current_dir(root)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    let output = child.stdout.take().ok_or("the program has no standard output")?;
    let last = last_line(&lines_of(output), LIMIT);
    let last = last.inspect_err(|_| stop(&mut child))?;
    let status = child.wait().map_err(|error| format!("cannot wait for the program: {error}"))?;
    if status.success() { Ok(last) } else { Err(format!("{status}, the last line is `{last}`")) }
}

fn stop(child: &mut Child) {
    // It may have ended by itself meanwhile.
    let _ = child.kill();
    let _ = child.wait();
}

#[expect(clippy::disallowed_methods, reason = "a pipe can only be read with a time limit aside")]
fn lines_of(output: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Prints lines as they come and returns the last that is not empty.
#[expect(clippy::disallowed_methods, reason = "a program that hangs must not hang the check")]
fn last_line(lines: &Receiver<String>, limit: Duration) -> Result<String, String> {
    let end = Instant::now() + limit;
    let mut last = String::new();
    loop {
        match lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                println!("{line}");
                if !line.trim().is_empty() {
                    last = line;
                }
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(last),
            Err(RecvTimeoutError::Timeout) => {
                return Err(format!(
                    "no end after {} s, the last line is `{last}`",
                    limit.as_secs()
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_the_logs_nothing_has_passed() {
        let empty = std::env::temp_dir().join("no-such-folder/of-mpenc");
        let Ok(Outcome::Skipped(skipped)) = replay_cuts(&empty, &LOGS, &[]) else {
            panic!("there is nothing to replay")
        };
        assert!(skipped.what.ends_with("3 real conversations are not replayed"), "{skipped:?}");
        assert!(skipped.instead.contains("rust.0.ascii.txt, "), "{skipped:?}");
    }

    #[test]
    fn the_demo_must_say_that_something_happened() {
        let good = "demo: OK: 5 members, 12 messages, all fully acknowledged, \
            7 membership operations";
        assert!(check_demo(good).is_ok());
        for bad in [
            "",
            "demo: OK:",
            "demo: FAILED: 5 members",
            &good.replace("12", "0"),
            &good.replace("12", "many"),
            &good.replace("all ", ""),
            &format!("so: {good}"),
            &format!("{good}."),
        ] {
            assert!(check_demo(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_report_must_hold_in_full() {
        let good = r#"{"members":3,"operations":2,"messages":9,"skipped":0,"ignored":0,
            "fully_acked":9,"transcripts_equal":true,"content_equal":true,"packets":40,
            "bytes":9000,"wall_seconds":1.5}"#;
        assert!(check_report(good).is_ok());
        for (part, instead) in [
            ("\"fully_acked\":9", "\"fully_acked\":8"),
            ("\"transcripts_equal\":true", "\"transcripts_equal\":false"),
            ("\"content_equal\":true", "\"content_equal\":\"yes\""),
            ("\"messages\":9", "\"messages\":0"),
            ("\"packets\":40,", ""),
            ("\"members\":3", "\"members\":3,\"error\":\"x\""),
            ("{", ""),
        ] {
            assert!(check_report(&good.replacen(part, instead, 1)).is_err(), "{instead}");
        }
    }

    #[test]
    fn a_program_that_hangs_is_given_up() {
        let (sender, lines) = mpsc::channel();
        sender.send("begun".to_owned()).unwrap();
        let error = last_line(&lines, Duration::ZERO).unwrap_err();
        assert!(error.contains("no end after 0 s"), "{error}");
        sender.send("done".to_owned()).unwrap();
        sender.send(String::new()).unwrap();
        drop(sender);
        assert_eq!(last_line(&lines, Duration::from_secs(60)).unwrap(), "done");
    }
}
