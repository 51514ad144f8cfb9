//! The table in docs/sabotage.md: which defence stops which attacks, and which tests notice when
//! it is missing.

use core::fmt;
use core::fmt::Write as _;

/// The document that has the table.
pub(crate) const TABLE: &str = "docs/sabotage.md";

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) rows: Vec<Row>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) guard: Guard,
    /// `ATK-001` and so on.
    pub(super) attacks: Vec<String>,
    pub(super) tests: Vec<Test>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Guard {
    Named(String),
    /// There is nothing to switch off: the shape of types or protocol prevents the attack.
    Structural,
}

/// A test function.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Test {
    pub(super) package: String,
    /// `lib` for unit tests, else the name of the integration test.
    pub(super) binary: String,
    pub(super) name: String,
}

impl Table {
    /// Reads every line of the form ``| `guard` | ATK-001 | `package binary test` |``.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut rows = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let ["", guard, attacks, tests, ""] = cells.as_slice() else { continue };
            let guard = match guard.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')) {
                Some(name) => Guard::Named(name.to_owned()),
                None if *guard == "(structural)" => Guard::Structural,
                // The head of a table.
                None => continue,
            };
            let attacks = attacks.split(", ").map(str::to_owned).collect();
            let tests: Option<Vec<Test>> = tests.split(", ").map(Test::parse).collect();
            let tests = tests.ok_or_else(|| {
                format!("{TABLE}:{}: a test is written `package binary module::name`", at + 1)
            })?;
            rows.push(Row { guard, attacks, tests });
        }
        if rows.is_empty() { Err(format!("{TABLE} has no table")) } else { Ok(Self { rows }) }
    }

    /// The rows of these guards, or all rows.
    pub(super) fn choose(&self, guards: &[String]) -> Result<Vec<&Row>, String> {
        if guards.is_empty() {
            return Ok(self.rows.iter().collect());
        }
        guards
            .iter()
            .map(|name| {
                let row = self.rows.iter().find(|row| row.guard == Guard::Named(name.clone()));
                row.ok_or_else(|| format!("no guard is called `{name}`, see --list"))
            })
            .collect()
    }

    pub(super) fn list(&self) -> String {
        self.rows.iter().fold(String::new(), |mut text, row| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{:<22} {}", row.guard.to_string(), row.attacks.join(" "));
            for test in &row.tests {
                let _ = writeln!(text, "{:<22}   {test}", "");
            }
            text
        })
    }
}

/// Packages with tests in these rows.
pub(super) fn packages<'a>(rows: &[&'a Row]) -> Vec<&'a str> {
    let tests = rows.iter().flat_map(|row| &row.tests);
    let mut packages: Vec<&str> = tests.map(|test| test.package.as_str()).collect();
    packages.sort_unstable();
    packages.dedup();
    packages
}

impl Test {
    fn parse(cell: &str) -> Option<Self> {
        let inner = cell.strip_prefix('`')?.strip_suffix('`')?;
        let parts: Vec<&str> = inner.split(' ').collect();
        let [package, binary, name] = parts.as_slice() else { return None };
        let [package, binary, name] = [package, binary, name].map(|part| (*part).to_owned());
        Some(Self { package, binary, name })
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Named(name) => name,
            Self::Structural => "(structural)",
        })
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.package, self.binary, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) const TEXT: &str = "\
Words.

| Guard | Attacks | Tests |
| --- | --- | --- |
| `one` | ATK-001, ATK-002 | `a it m::t`, `b lib u` |
| (structural) | ATK-003 | `a it m::s` |
";

    #[test]
    fn rows_are_read() {
        let table = Table::parse(TEXT).unwrap();
        assert_eq!(table.rows.len(), 2);
        assert_eq!(table.rows[0].attacks, ["ATK-001", "ATK-002"]);
        assert_eq!(table.rows[0].tests[1].to_string(), "b lib u");
        assert_eq!(table.rows[1].guard, Guard::Structural);
        assert_eq!(packages(&table.choose(&[]).unwrap()), ["a", "b"]);
        let list = table.list();
        assert!(list.starts_with("one                    ATK-001 ATK-002\n"), "{list}");
        assert_eq!(list.lines().count(), 5);
    }

    #[test]
    fn what_is_no_table_is_refused() {
        assert!(Table::parse("| Guard | Attacks | Tests |").is_err());
        assert!(Table::parse("| `one` | ATK-001 | a it t |").is_err());
        assert!(Table::parse("| `one` | ATK-001 | `it t` |").is_err());
    }

    #[test]
    fn guards_are_chosen_by_name() {
        let table = Table::parse(TEXT).unwrap();
        assert_eq!(table.choose(&[]).unwrap().len(), 2);
        assert_eq!(table.choose(&["one".into()]).unwrap()[0].attacks.len(), 2);
        let error = table.choose(&["two".into()]).unwrap_err();
        assert_eq!(error, "no guard is called `two`, see --list");
    }
}
