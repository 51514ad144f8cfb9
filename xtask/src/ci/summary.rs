//! How it went: what was not checked must not read as if it had been.

use std::fmt;
use std::time::Duration;

use super::{Outcome, Skipped};

/// Displayed at the end. The last line is `N passed, M skipped, K failed`.
#[derive(Debug)]
pub(super) struct Summary {
    /// How many steps nobody asked for.
    unasked: usize,
    lines: Vec<String>,
    skipped: Vec<(&'static str, Skipped)>,
    failed: usize,
}

impl Summary {
    pub(super) fn new(unasked: usize) -> Self {
        Self { unasked, lines: Vec::new(), skipped: Vec::new(), failed: 0 }
    }

    /// What there is to say about a step that has ended.
    pub(super) fn add(
        &mut self,
        step: &'static str,
        took: Duration,
        result: Result<Outcome, String>,
    ) -> &str {
        let (word, why) = match result {
            Ok(Outcome::Passed) => ("passed", String::new()),
            Ok(Outcome::Skipped(skipped)) => {
                let why = format!(": {}", skipped.what);
                self.skipped.push((step, skipped));
                ("SKIPPED", why)
            }
            Err(what) => {
                self.failed += 1;
                ("FAILED", format!(": {what}"))
            }
        };
        self.lines.push(format!("{word:<7}  {:>8}  {step}{why}", seconds(took)));
        self.lines.last().map_or("", String::as_str)
    }

    pub(super) fn is_good(&self) -> bool {
        self.failed == 0
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            writeln!(f, "{line}")?;
        }
        match self.unasked {
            0 => {}
            1 => writeln!(f, "1 step was not asked for")?,
            many => writeln!(f, "{many} steps were not asked for")?,
        }
        // Once more, where everybody looks.
        for (step, Skipped { what, instead }) in &self.skipped {
            writeln!(f, "!!!! SKIPPED {step}: {what}; to have it checked: {instead}")?;
        }
        let (skipped, failed) = (self.skipped.len(), self.failed);
        let passed = self.lines.len() - skipped - failed;
        write!(f, "{passed} passed, {skipped} skipped, {failed} failed")
    }
}

pub(super) fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOOK: Duration = Duration::from_millis(1500);

    #[test]
    fn what_was_skipped_has_not_passed() {
        let mut summary = Summary::new(2);
        assert_eq!(summary.add("fmt", TOOK, Ok(Outcome::Passed)), "passed      1.5 s  fmt");
        let absent = Ok(Skipped::outcome("no compiler: nothing is compiled", "install one"));
        assert_eq!(
            summary.add("fuzz", TOOK, absent),
            "SKIPPED     1.5 s  fuzz: no compiler: nothing is compiled"
        );
        assert!(summary.is_good());
        assert_eq!(
            summary.to_string().lines().skip(2).collect::<Vec<_>>(),
            [
                "2 steps were not asked for",
                "!!!! SKIPPED fuzz: no compiler: nothing is compiled; to have it checked: install \
                 one",
                "1 passed, 1 skipped, 0 failed",
            ]
        );
    }

    #[test]
    fn one_failure_is_enough() {
        let mut summary = Summary::new(0);
        let line = summary.add("tidy", TOOK, Err("see above".to_owned()));
        assert_eq!(line, "FAILED      1.5 s  tidy: see above");
        assert!(!summary.is_good());
        assert_eq!(
            summary.to_string(),
            "FAILED      1.5 s  tidy: see above\n0 passed, 0 skipped, 1 failed"
        );
    }
}
