//! `cargo xtask conformance`: recordings of the original, vectors of the second profile,
//! departures, requirements. `cargo xtask vectors` makes the vectors of the second profile.

mod requirements;
mod tests_that_run;

use std::path::{Path, PathBuf};
use std::process::Command;

/// The project's own vectors: copies of what the original recorded, and those of the second
/// profile.
const VECTORS: [&str; 2] = ["xtask/vectors/mpenc-js", V2_VECTORS];

/// Where `cargo xtask vectors` writes.
const V2_VECTORS: &str = "xtask/vectors/v2";

/// The program that verifies the vectors of the second profile; it shares no code with us.
const VERIFIER: &str = "xtask/verify-v2/verify.py";

/// What `cargo xtask conformance` is asked to do.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    vectors: Vec<PathBuf>,
    departures: bool,
    requirements: bool,
}

impl Options {
    /// Only the table of requirements.
    pub(crate) fn requirements() -> Self {
        Self { requirements: true, ..Self::default() }
    }

    pub(crate) fn parse(options: &[&str]) -> Result<Self, String> {
        let mut parsed = Self::default();
        let mut options = options.iter();
        while let Some(option) = options.next() {
            match *option {
                "--vectors" => {
                    let folder = options.next().ok_or("--vectors needs a folder")?;
                    parsed.vectors.push(PathBuf::from(folder));
                }
                "--departures" => parsed.departures = true,
                "--requirements" => parsed.requirements = true,
                other => return Err(format!("unknown option `{other}` of conformance")),
            }
        }
        Ok(parsed)
    }

    /// Recordings are held against unless only a table is wanted.
    fn replays(&self) -> bool {
        !self.vectors.is_empty() || !(self.departures || self.requirements)
    }
}

/// Does what is asked for. True if everything passed.
pub(crate) fn run(root: &Path, options: &Options) -> Result<bool, String> {
    let mut good = true;
    if options.departures {
        good &= program(root, &["--departures".into()])?;
    }
    if options.requirements {
        good &= requirements::run(root)?;
    }
    if options.replays() {
        let folders: Vec<PathBuf> = match options.vectors.as_slice() {
            [] => VECTORS.iter().map(|folder| root.join(folder)).collect(),
            folders => folders.iter().map(|folder| absolute(folder)).collect(),
        };
        good &= program(root, &folders)?;
    }
    Ok(good)
}

/// What `cargo xtask vectors` is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Making {
    /// Writes the vectors.
    Write,
    /// Makes them again, and compares.
    Compare,
}

impl Making {
    pub(crate) fn parse(options: &[&str]) -> Result<Self, String> {
        match options {
            [] => Ok(Self::Write),
            ["--check"] => Ok(Self::Compare),
            [option, ..] => Err(format!("unknown option `{option}` of vectors")),
        }
    }
}

/// Makes the vectors of the second profile. True if they are as they should be.
pub(crate) fn vectors(root: &Path, making: Making) -> Result<bool, String> {
    let option = match making {
        Making::Write => "--write",
        Making::Compare => "--compare",
    };
    program(root, &[option.into(), root.join(V2_VECTORS)])
}

/// Lets the other program verify the vectors of the second profile; `None` if there is no Python.
pub(crate) fn verify(root: &Path) -> Result<Option<bool>, String> {
    let python = std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
    if Command::new(&python).arg("--version").output().is_err() {
        return Ok(None);
    }
    println!("$ {} {VERIFIER} {V2_VECTORS}", python.to_string_lossy());
    let status = Command::new(&python)
        .args([VERIFIER, V2_VECTORS])
        .current_dir(root)
        .status()
        .map_err(|error| format!("cannot run {VERIFIER}: {error}"))?;
    Ok(Some(status.success()))
}

/// A path as the caller's shell means it: the program runs elsewhere.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// The crate that does the work is built on demand, so that other tasks need not wait for it.
fn program(root: &Path, arguments: &[PathBuf]) -> Result<bool, String> {
    let line = ["run", "--locked", "--release", "--quiet", "-p", "mpenc-conformance", "--"];
    let status = Command::new(crate::cargo())
        .args(line)
        .args(arguments)
        .current_dir(root)
        .status()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    Ok(status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_understood() {
        assert!(Options::parse(&[]).unwrap().replays());
        let tables = Options::parse(&["--departures", "--requirements"]).unwrap();
        assert!(tables.departures && tables.requirements && !tables.replays());
        let both = Options::parse(&["--vectors", "a", "--vectors", "b", "--departures"]).unwrap();
        assert!(both.replays());
        assert_eq!(both.vectors, [PathBuf::from("a"), PathBuf::from("b")]);
        assert!(Options::parse(&["--vectors"]).is_err());
        assert!(Options::parse(&["--fast"]).is_err());
        assert_eq!(Making::parse(&[]), Ok(Making::Write));
        assert_eq!(Making::parse(&["--check"]), Ok(Making::Compare));
        assert!(Making::parse(&["--fast"]).is_err());
    }
}
