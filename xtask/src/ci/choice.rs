//! Which steps somebody asks for.

use super::{Outcome, SERVER_LOGS, SERVERS, STEPS, Step};

/// What `cargo xtask ci` is asked to do.
#[derive(Debug)]
pub(crate) enum Chosen {
    List,
    Run(Choice),
}

/// Which steps to run; an empty `only` means all. What `require` lists must not be skipped.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Choice {
    only: Vec<&'static str>,
    skip: Vec<&'static str>,
    require: Vec<&'static str>,
    servers: bool,
}

impl Choice {
    pub(crate) fn parse(options: &[&str]) -> Result<Chosen, String> {
        let mut choice = Self::default();
        let mut options = options.iter();
        while let Some(option) = options.next() {
            let list = match *option {
                "--list" => return Ok(Chosen::List),
                "--servers" => {
                    choice.servers = true;
                    continue;
                }
                "--only" => &mut choice.only,
                "--skip" => &mut choice.skip,
                "--require" => &mut choice.require,
                other => return Err(format!("unknown option `{other}` of ci")),
            };
            let name =
                options.next().ok_or_else(|| format!("{option} needs the name of a step"))?;
            let step = STEPS.iter().find(|step| step.name == *name);
            let step = step.ok_or_else(|| format!("no step is called `{name}`, see --list"))?;
            list.push(step.name);
        }
        choice.check()?;
        Ok(Chosen::Run(choice))
    }

    /// Refuses what cannot all be done: who asks for a check must not think that it took place.
    fn check(&self) -> Result<(), String> {
        let runs = |name: &str| STEPS.iter().any(|step| step.name == name && self.takes(step));
        for (option, names) in [("--only", &self.only), ("--require", &self.require)] {
            if let Some(name) = names.iter().find(|name| self.skip.contains(name)) {
                return Err(format!(
                    "{option} {name} and --skip {name} contradict each other: leave out one"
                ));
            }
        }
        if let Some(name) = self.require.iter().find(|name| !runs(name)) {
            return Err(format!(
                "--require {name}, and --only has other steps: add --only {name}, or leave out \
                 --require {name}"
            ));
        }
        if self.servers && self.skip.contains(&SERVERS) {
            return Err(format!(
                "--servers and --skip {SERVERS} contradict each other: leave out one; only the \
                 logs over a server are --only {SERVER_LOGS}"
            ));
        }
        if self.servers && !runs(SERVERS) && !runs(SERVER_LOGS) {
            return Err(format!(
                "--servers, and --only has no step with servers: add --only {SERVERS}, or leave \
                 out --servers"
            ));
        }
        if STEPS.iter().any(|step| self.takes(step)) {
            Ok(())
        } else {
            Err("no step is left to run".to_owned())
        }
    }

    /// What is required must not have been skipped.
    pub(super) fn judged(
        &self,
        step: &Step,
        result: Result<Outcome, String>,
    ) -> Result<Outcome, String> {
        match result {
            Ok(Outcome::Skipped(skipped)) if self.require.contains(&step.name) => {
                Err(format!("{}; {}", skipped.what, skipped.instead))
            }
            other => other,
        }
    }

    /// Whether this step is to say only that it was left out.
    pub(super) fn leaves_out(&self, step: &Step) -> bool {
        [SERVERS, SERVER_LOGS].contains(&step.name)
            && !self.servers
            && !self.only.contains(&step.name)
    }

    pub(super) fn takes(&self, step: &Step) -> bool {
        (self.only.is_empty() || self.only.contains(&step.name)) && !self.skip.contains(&step.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ci::Skipped;

    fn parse(options: &[&str]) -> Result<Choice, String> {
        Choice::parse(options).map(|chosen| match chosen {
            Chosen::List => panic!("not a list"),
            Chosen::Run(choice) => choice,
        })
    }

    fn step(name: &str) -> &'static Step {
        STEPS.iter().find(|step| step.name == name).unwrap()
    }

    #[test]
    fn steps_are_chosen_by_name() {
        assert_eq!(parse(&[]).unwrap(), Choice::default());
        let only = parse(&["--only", "fmt", "--only", "tidy"]).unwrap();
        assert_eq!(only, Choice { only: vec!["fmt", "tidy"], ..Choice::default() });
        let taken = |choice: &Choice| STEPS.iter().filter(|step| choice.takes(step)).count();
        assert_eq!(taken(&only), 2);
        assert_eq!(taken(&parse(&["--skip", "fmt"]).unwrap()), STEPS.len() - 1);
        assert!(matches!(Choice::parse(&["--list"]), Ok(Chosen::List)));
    }

    #[test]
    fn what_is_required_must_be_there() {
        let absent = || Ok(Skipped::outcome("no python3", "install it"));
        let verify = step("verify");
        assert!(Choice::default().judged(verify, absent()).is_ok());
        let strict = parse(&["--require", "verify"]).unwrap();
        assert_eq!(
            strict.judged(verify, absent()).err().as_deref(),
            Some("no python3; install it")
        );
        assert!(strict.judged(verify, Ok(Outcome::Passed)).is_ok());
        assert!(strict.judged(step("fmt"), absent()).is_ok());
        let strict = parse(&["--require", "servers"]).unwrap();
        assert!(strict.judged(step(SERVERS), absent()).is_err());
    }

    #[test]
    fn servers_are_for_those_who_ask() {
        for name in [SERVERS, SERVER_LOGS] {
            assert!(parse(&[]).unwrap().leaves_out(step(name)));
            assert!(!parse(&["--servers"]).unwrap().leaves_out(step(name)));
            assert!(!parse(&["--only", name]).unwrap().leaves_out(step(name)));
        }
        assert!(!parse(&[]).unwrap().leaves_out(step("fmt")));
        assert!(parse(&["--servers", "--skip", SERVER_LOGS]).is_ok());
        assert!(parse(&["--servers", "--only", "fmt", "--only", SERVER_LOGS]).is_ok());
    }

    #[test]
    fn bad_choices_are_refused() {
        fn check(options: &[&str], expect: &str) {
            let what = parse(options).unwrap_err();
            assert!(what.starts_with(expect), "{options:?}: {what}");
        }
        check(&["--only"], "--only needs the name of a step");
        check(&["--only", "x"], "no step is called `x`, see --list");
        check(&["--quick"], "unknown option `--quick` of ci");
        let all: Vec<&str> = STEPS.iter().flat_map(|step| ["--skip", step.name]).collect();
        check(&all, "no step is left to run");
    }

    #[test]
    fn what_contradicts_itself_is_refused_with_advice() {
        fn check(options: &str, expect: &str, advice: &str) {
            let what = parse(&options.split(' ').collect::<Vec<_>>()).unwrap_err();
            assert!(what.starts_with(expect) && what.contains(advice), "{options}: {what}");
        }
        let skipped = "--only fmt and --skip fmt contradict each other";
        check("--only fmt --skip fmt", skipped, "leave out one");
        check("--only fmt --only tidy --skip fmt", skipped, "leave out one");
        check(
            "--require verify --skip verify",
            "--require verify and --skip verify contradict each other",
            "leave out one",
        );
        check("--require verify --only fmt", "--require verify, and", "add --only verify");
        check("--servers --only fmt", "--servers, and", "add --only servers, or leave out");
        check(
            "--servers --skip servers",
            "--servers and --skip servers contradict each other",
            "leave out one",
        );
    }
}
