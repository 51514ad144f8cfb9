//! `cargo xtask conformance` runs this.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const HELP: &str = "\
Holds this implementation against recordings of the original one, and against the vectors of the
second profile.

Usage: mpenc-conformance [--departures] FOLDER…
       mpenc-conformance --write FOLDER
       mpenc-conformance --compare FOLDER

  --departures   Print where we differ from the original on purpose, and why
  --write        Make the vectors of the second profile, and nothing else
  --compare      Make them again, and see that the folder has the same
";

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    if let [option, folder] = arguments.as_slice()
        && (option == "--write" || option == "--compare")
    {
        return match make(Path::new(folder), option == "--write") {
            Ok(line) => {
                println!("{line}");
                ExitCode::SUCCESS
            }
            Err(what) => {
                eprintln!("{what}");
                ExitCode::from(1)
            }
        };
    }
    let mut folders = Vec::new();
    for argument in arguments {
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

/// Writes the vectors of the second profile, or holds a folder against them.
fn make(folder: &Path, write: bool) -> Result<String, String> {
    let files = mpenc_conformance::generate_v2().map_err(|fault| fault.to_string())?;
    let unable = |path: &Path, error: io::Error| format!("{}: {error}", path.display());
    for (name, text) in &files {
        let path = folder.join(name);
        if write {
            fs::write(&path, text).map_err(|error| unable(&path, error))?;
        } else if fs::read(&path).map_err(|error| unable(&path, error))? != text.as_bytes() {
            let path = path.display();
            return Err(format!(
                "{path} is not what is made today: if that is meant, `cargo xtask vectors` makes \
                 it, and xtask/verify-v2 has to agree"
            ));
        }
    }
    for entry in fs::read_dir(folder).map_err(|error| unable(folder, error))? {
        let path = entry.map_err(|error| unable(folder, error))?.path();
        let known = files.iter().any(|(name, _)| path.ends_with(name));
        if path.extension().is_some_and(|extension| extension == "json") && !known {
            return Err(format!("{} is made by nothing", path.display()));
        }
    }
    let done = if write { "written" } else { "as they are made" };
    Ok(format!("{} files of vectors {done}", files.len()))
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
