//! `cargo xtask conformance` runs this.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

const HELP: &str = "\
Holds this implementation against recordings of the original one.

Usage: mpenc-conformance [--departures] FOLDER…

  --departures   Print where we differ from the original on purpose, and why
";

fn main() -> ExitCode {
    let mut folders = Vec::new();
    for argument in std::env::args_os().skip(1) {
        match argument.to_str() {
            Some("--help" | "-h") => {
                print!("{HELP}");
                return ExitCode::SUCCESS;
            }
            Some("--departures") => {
                print!("{}", mpenc_conformance::table());
                return ExitCode::SUCCESS;
            }
            Some(option) if option.starts_with('-') => {
                eprintln!("unknown option `{option}`\n\n{HELP}");
                return ExitCode::from(2);
            }
            _ => folders.push(PathBuf::from(argument)),
        }
    }
    if folders.is_empty() {
        eprintln!("a folder is missing\n\n{HELP}");
        return ExitCode::from(2);
    }
    match check(&folders) {
        Ok(0) => ExitCode::SUCCESS,
        // Whoever reads no further does not want to know.
        Ok(_) | Err(_) => ExitCode::from(1),
    }
}

/// Prints a line for each file and role; how many failed.
fn check(folders: &[PathBuf]) -> io::Result<usize> {
    let mut out = io::stdout().lock();
    let (mut passed, mut failed) = (0_usize, 0_usize);
    for folder in folders {
        writeln!(out, "{}", folder.display())?;
        for line in mpenc_conformance::check_folder(folder) {
            writeln!(out, "{line}")?;
            if line.passed() {
                passed += 1;
            } else {
                failed += 1;
            }
        }
    }
    writeln!(out, "{passed} passed, {failed} failed")?;
    Ok(failed)
}
