//! Whether a test passes with a defence and fails without it.

use std::collections::BTreeMap;

use super::build::Build;
use super::table::{Guard, Row, Test};

/// How a test ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Passed,
    /// By an assertion.
    Failed,
    /// Not within its time.
    Hung,
    /// Otherwise: it does not exist, or the process broke down.
    Broken(String),
}

/// Runs tests of one build, with at most one guard off.
pub(super) trait Run {
    fn run(&self, test: &Test, off: Option<&str>) -> Outcome;
}

/// What is known about the tests so far.
pub(super) struct Proofs<'a> {
    normal: &'a dyn Run,
    sabotaged: &'a dyn Run,
    /// Tests that have run with everything on.
    sound: BTreeMap<(Test, Build), Result<(), String>>,
}

impl Outcome {
    /// Judges a test process that was asked to run one test: its exit status, if it has one, and
    /// what it printed.
    pub(super) fn judge(status: Option<i32>, printed: &str) -> Self {
        let says = |line: &str| printed.lines().any(|printed| printed.starts_with(line));
        match status {
            Some(0) if says("test result: ok. 1 passed; 0 failed;") => Self::Passed,
            Some(0) => Self::Broken("did not run; is it there?".to_owned()),
            Some(101) if says("test result: FAILED. 0 passed; 1 failed;") => Self::Failed,
            Some(code) => Self::Broken(format!("ended with status {code}")),
            None => Self::Broken("was ended by a signal".to_owned()),
        }
    }
}

impl<'a> Proofs<'a> {
    pub(super) fn new(normal: &'a dyn Run, sabotaged: &'a dyn Run) -> Self {
        Self { normal, sabotaged, sound: BTreeMap::new() }
    }

    /// What the tests of a row show, or what is wrong with them.
    pub(super) fn prove(&mut self, row: &Row) -> Result<String, String> {
        for test in &row.tests {
            self.sound(test, Build::Normal)?;
            if let Guard::Named(name) = &row.guard {
                self.sound(test, Build::Sabotaged)?;
                match self.sabotaged.run(test, Some(name)) {
                    Outcome::Failed => {}
                    Outcome::Passed => return Err(format!("{test} passes without it")),
                    Outcome::Hung => return Err(format!("{test} hangs without it")),
                    Outcome::Broken(how) => return Err(format!("without it, {test} {how}")),
                }
            }
        }
        let count = row.tests.len();
        Ok(match (&row.guard, count) {
            (Guard::Named(_), 1) => "1 test fails without it".to_owned(),
            (Guard::Named(_), _) => format!("{count} tests fail without it"),
            (Guard::Structural, 1) => "1 test passes".to_owned(),
            (Guard::Structural, _) => format!("{count} tests pass"),
        })
    }

    /// Whether a test passes in a build while everything is on.
    fn sound(&mut self, test: &Test, build: Build) -> Result<(), String> {
        let key = (test.clone(), build);
        if let Some(known) = self.sound.get(&key) {
            return known.clone();
        }
        let (name, run) = match build {
            Build::Normal => ("normal", self.normal),
            Build::Sabotaged => ("sabotage", self.sabotaged),
        };
        let result = match run.run(test, None) {
            Outcome::Passed => Ok(()),
            Outcome::Failed => Err(format!("{test} fails in the {name} build")),
            Outcome::Hung => Err(format!("{test} hangs in the {name} build")),
            Outcome::Broken(how) => Err(format!("in the {name} build, {test} {how}")),
        };
        self.sound.insert(key, result.clone());
        result
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::super::table::Table;
    use super::*;

    /// Ends as told, and remembers what it ran.
    struct Fake {
        on: Outcome,
        off: Outcome,
        ran: RefCell<Vec<String>>,
    }

    impl Run for Fake {
        fn run(&self, test: &Test, off: Option<&str>) -> Outcome {
            self.ran.borrow_mut().push(format!("{} {}", test.name, off.unwrap_or("-")));
            if off.is_some() { self.off.clone() } else { self.on.clone() }
        }
    }

    fn fake(on: Outcome, off: Outcome) -> Fake {
        Fake { on, off, ran: RefCell::new(Vec::new()) }
    }

    fn table() -> Table {
        Table::parse("| `one` | ATK-001 | `a it t` |\n| (structural) | ATK-002 | `a it t` |")
            .unwrap()
    }

    fn prove(normal: Outcome, on: Outcome, off: Outcome) -> Result<String, String> {
        let (normal, sabotaged) = (fake(normal, Outcome::Failed), fake(on, off));
        Proofs::new(&normal, &sabotaged).prove(&table().rows[0])
    }

    #[test]
    fn a_test_must_pass_with_the_guard_and_fail_without() {
        use Outcome::{Broken, Failed, Hung, Passed};
        assert_eq!(prove(Passed, Passed, Failed), Ok("1 test fails without it".into()));
        assert_eq!(prove(Passed, Passed, Passed), Err("a it t passes without it".into()));
        assert_eq!(prove(Passed, Passed, Hung), Err("a it t hangs without it".into()));
        let broken = || Broken("ended with status 3".into());
        assert!(prove(Passed, Passed, broken()).is_err());
        assert_eq!(prove(Failed, Passed, Failed), Err("a it t fails in the normal build".into()));
        assert_eq!(prove(Passed, Failed, Failed), Err("a it t fails in the sabotage build".into()));
        assert!(prove(Hung, Passed, Failed).is_err());
        assert!(prove(Passed, broken(), Failed).is_err());
    }

    #[test]
    fn a_structural_defence_has_nothing_to_switch_off() {
        let (normal, sabotaged) =
            (fake(Outcome::Passed, Outcome::Failed), fake(Outcome::Passed, Outcome::Failed));
        let table = table();
        // In the other build there is nothing to compare it with.
        assert!(Proofs::new(&normal, &sabotaged).prove(&table.rows[1]).is_ok());
        assert!(sabotaged.ran.borrow().is_empty());
        normal.ran.borrow_mut().clear();
        let mut proofs = Proofs::new(&normal, &sabotaged);
        assert!(proofs.prove(&table.rows[0]).is_ok());
        assert_eq!(proofs.prove(&table.rows[1]), Ok("1 test passes".into()));
        // Once with everything on is enough.
        assert_eq!(*normal.ran.borrow(), ["t -"]);
        assert_eq!(*sabotaged.ran.borrow(), ["t -", "t one"]);
    }

    #[test]
    fn only_an_assertion_is_a_failure() {
        let ok = "running 1 test\ntest result: ok. 1 passed; 0 failed; 0 ignored;";
        let bad = "running 1 test\ntest result: FAILED. 0 passed; 1 failed; 0 ignored;";
        assert_eq!(Outcome::judge(Some(0), ok), Outcome::Passed);
        assert_eq!(Outcome::judge(Some(101), bad), Outcome::Failed);
        let none = "test result: ok. 0 passed; 0 failed; 0 ignored;";
        for (status, printed) in [(Some(0), none), (Some(101), ok), (Some(2), bad), (None, bad)] {
            assert!(matches!(Outcome::judge(status, printed), Outcome::Broken(_)));
        }
    }
}
