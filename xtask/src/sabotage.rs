//! `cargo xtask sabotage`: switches defences off one by one, to see that a test notices each.
//!
//! Source: docs/spec/attacks.md, "Proof that a test bites". The table of guards, attacks and
//! tests is in docs/sabotage.md.

mod agree;
mod build;
mod prove;
mod table;

use std::fs;
use std::path::Path;

pub(crate) use agree::check;
pub(crate) use table::TABLE;

use build::{Build, Tests};
use prove::Proofs;
use table::{Guard, Row, Table};

/// What the command is asked to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Options {
    List,
    /// Only these guards; all if there are none.
    Run(Vec<String>),
}

impl Options {
    pub(crate) fn parse(arguments: &[&str]) -> Result<Self, String> {
        match arguments {
            ["--list"] => Ok(Self::List),
            guards => match guards.iter().find(|guard| guard.starts_with('-')) {
                Some(option) => Err(format!("unknown option `{option}` of sabotage")),
                None => Ok(Self::Run(guards.iter().map(|guard| (*guard).to_owned()).collect())),
            },
        }
    }
}

/// Runs the command. True if every guard asked for was shown to be noticed.
pub(crate) fn run(root: &Path, options: &Options) -> Result<bool, String> {
    let text = fs::read_to_string(root.join(TABLE))
        .map_err(|error| format!("cannot read {TABLE}: {error}"))?;
    let table = Table::parse(&text)?;
    let asked = match options {
        Options::List => {
            print!("{}", table.list());
            return Ok(true);
        }
        Options::Run(guards) => guards,
    };
    let rows = table.choose(asked)?;
    let mut passed = 0_usize;
    let mut failed = 0_usize;
    let mut report = |name: &str, result: Result<String, String>| match result {
        Ok(what) => {
            passed += 1;
            println!("passed  {name}: {what}");
        }
        Err(what) => {
            failed += 1;
            println!("FAILED  {name}: {what}");
        }
    };
    if asked.is_empty() {
        // The table, the code and the catalogue; also a step of `cargo xtask tidy`.
        let findings = crate::tidy::sabotage(root)?;
        findings.iter().for_each(|finding| println!("{finding}"));
        let agreed = if findings.is_empty() { Ok("agree".to_owned()) } else { Err(findings.len()) };
        report("table and code", agreed.map_err(|n| format!("{n} disagreements")));
        report("release build with guards", build::release_is_refused(root));
    }
    let packages = table::packages(&rows);
    let normal = Tests::build(root, Build::Normal, &packages)?;
    let sabotaged = Tests::build(root, Build::Sabotaged, &packages)?;
    if asked.is_empty() {
        report("normal build", normal.are_without_switch());
    }
    let mut proofs = Proofs::new(&normal, &sabotaged);
    for row in rows {
        report(&row.name(), proofs.prove(row));
    }
    println!("{passed} passed, {failed} failed");
    Ok(failed == 0)
}

impl Row {
    /// What the row is called in a report.
    fn name(&self) -> String {
        match &self.guard {
            Guard::Named(name) => name.clone(),
            Guard::Structural => format!("(structural) {}", self.attacks.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_guards_or_the_list() {
        assert_eq!(Options::parse(&[]), Ok(Options::Run(vec![])));
        assert_eq!(Options::parse(&["--list"]), Ok(Options::List));
        assert_eq!(Options::parse(&["a", "b"]), Ok(Options::Run(vec!["a".into(), "b".into()])));
        assert_eq!(Options::parse(&["a", "--x"]).unwrap_err(), "unknown option `--x` of sabotage");
    }
}
