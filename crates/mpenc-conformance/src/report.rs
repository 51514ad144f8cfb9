//! What was checked, and what came of it.

use std::collections::BTreeMap;
use std::fmt;

use crate::departures::Departure;
use crate::json::{Checked, Fault};

/// One file in one role.
#[derive(Clone, Debug)]
pub struct Line {
    /// The file.
    pub file: String,
    /// How it was used: `primitive`, `observer`, or `participant NAME`.
    pub role: String,
    /// What was counted.
    pub tally: Tally,
}

/// What was counted while a file was checked.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Cases, or things, that are as recorded, by kind.
    counts: BTreeMap<&'static str, usize>,
    /// Where we differ on purpose, and how often.
    departures: BTreeMap<Departure, usize>,
    /// What is not as recorded.
    faults: Vec<Fault>,
}

impl Tally {
    /// Counts something that is as recorded.
    pub(crate) fn count(&mut self, what: &'static str) {
        self.add(what, 1);
    }

    pub(crate) fn add(&mut self, what: &'static str, number: usize) {
        *self.counts.entry(what).or_default() += number;
    }

    pub(crate) fn depart(&mut self, departure: Departure) {
        *self.departures.entry(departure).or_default() += 1;
    }

    pub(crate) fn fault(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// Runs one case.
    pub(crate) fn case(&mut self, what: &'static str, check: impl FnOnce(&mut Self) -> Checked) {
        match check(self) {
            Ok(()) => self.count(what),
            Err(fault) => self.fault(fault),
        }
    }

    /// What is not as recorded; never empty if nothing was checked.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        if self.faults.is_empty() && self.counts.values().sum::<usize>() == 0 {
            return vec![Fault::new("file", "there is nothing in it to check")];
        }
        self.faults.clone()
    }

    /// Where we differ on purpose, and how often.
    #[must_use]
    pub fn departures(&self) -> &BTreeMap<Departure, usize> {
        &self.departures
    }
}

impl Line {
    /// Whether everything is as recorded.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.tally.faults().is_empty()
    }
}

/// Faults of one file and role that are printed; the first says most.
const SHOWN: usize = 5;

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults = self.tally.faults();
        let verdict = if faults.is_empty() { "ok    " } else { "FAILED" };
        write!(f, "{verdict}  {}  {}:", self.file, self.role)?;
        let counts = self.tally.counts.iter().map(|(what, number)| format!("{number} {what}"));
        let counts: Vec<String> = counts.collect();
        write!(f, " {}", if counts.is_empty() { "nothing".to_owned() } else { counts.join(", ") })?;
        for (departure, number) in &self.tally.departures {
            write!(f, "; {number} × departure {}", departure.id())?;
        }
        for fault in faults.iter().take(SHOWN) {
            write!(f, "\n        {fault}")?;
        }
        if let Some(more) = faults.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            write!(f, "\n        and {more} more")?;
        }
        Ok(())
    }
}
