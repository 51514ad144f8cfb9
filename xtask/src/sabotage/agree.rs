//! Whether the table, the guards in the code, the tests and the catalogue of attacks agree.

use std::collections::{BTreeMap, BTreeSet};

use super::table::{Guard, TABLE, Table};

/// The catalogue of attacks.
const CATALOGUE: &str = "docs/spec/attacks.md";

/// Bytes of a number such as `ATK-001`.
const LEN: usize = 7;

/// How a guard stands in the code.
const GUARD: &str = "guard!(\"";

/// What does not agree, each with the place where it shows. `files` are paths and texts.
pub(crate) fn check(files: &[(&str, &str)]) -> Vec<(String, String)> {
    let table = files.iter().find(|(path, _)| *path == TABLE).map_or("", |(_, text)| text);
    let table = match Table::parse(table) {
        Ok(table) => table,
        Err(what) => return vec![(TABLE.to_owned(), what)],
    };
    let mut findings = Vec::new();
    let mut say = |place: &str, what: String| findings.push((place.to_owned(), what));

    let guards = guards(files);
    let mut listed = BTreeSet::new();
    let mut covered = BTreeSet::new();
    let known = catalogue(files);
    for row in &table.rows {
        if let Guard::Named(name) = &row.guard {
            if !listed.insert(name.as_str()) {
                say(TABLE, format!("`{name}` has two rows"));
            }
            if !guards.contains_key(name.as_str()) {
                say(TABLE, format!("no code has the guard `{name}`"));
            }
        }
        for attack in &row.attacks {
            covered.insert(attack.as_str());
            if !known.contains(attack.as_str()) {
                say(TABLE, format!("{CATALOGUE} has no `{attack}`"));
            }
        }
        for test in &row.tests {
            let function = test.name.rsplit("::").next().unwrap_or(&test.name);
            let within = format!("crates/{}/", test.package);
            let signature = format!("fn {function}(");
            let exists = files
                .iter()
                .any(|(path, text)| path.starts_with(&within) && text.contains(&signature));
            if !exists {
                say(TABLE, format!("there is no test `{test}`"));
            }
        }
    }
    for (name, place) in &guards {
        if !listed.contains(name) {
            say(place, format!("the guard `{name}` is not in {TABLE}"));
        }
    }
    for (attack, place) in tested(files) {
        if known.contains(attack) && !covered.contains(attack) {
            say(&place, format!("tests {attack}, for which {TABLE} has no guard"));
        }
    }
    findings
}

/// Guards in the code of our crates, each with one place.
fn guards<'a>(files: &[(&'a str, &'a str)]) -> BTreeMap<&'a str, String> {
    let mut guards = BTreeMap::new();
    for (path, text) in files.iter().filter(|(path, _)| in_sources(path)) {
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !is_comment(line)) {
            let rest = line.split(GUARD).skip(1);
            for name in rest.filter_map(|rest| rest.split('"').next()) {
                guards.entry(name).or_insert_with(|| format!("{path}:{}", at + 1));
            }
        }
    }
    guards
}

/// Attacks that tests mention, each with one place: test folders, and citations with `type=test`.
fn tested<'a>(files: &[(&'a str, &'a str)]) -> BTreeMap<&'a str, String> {
    let mut tested = BTreeMap::new();
    for (path, text) in files.iter().filter(|(path, _)| path.starts_with("crates/")) {
        let all = path.contains("/tests/");
        let mut lines = text.lines().enumerate().peekable();
        while let Some((at, line)) = lines.next() {
            let cites = line.contains("attacks.md#")
                && lines.peek().is_some_and(|(_, next)| next.contains("type=test"));
            if !(cites || all && line.contains("//")) {
                continue;
            }
            for (from, _) in line.match_indices("ATK-") {
                if let Some(attack) = line.get(from..from + LEN) {
                    tested.entry(attack).or_insert_with(|| format!("{path}:{}", at + 1));
                }
            }
        }
    }
    tested
}

/// Numbers of the catalogue.
fn catalogue<'a>(files: &[(&'a str, &'a str)]) -> BTreeSet<&'a str> {
    let text = files.iter().find(|(path, _)| *path == CATALOGUE).map_or("", |(_, text)| text);
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ATK-")?.get(..3));
    let numbers = rows.filter_map(|number| {
        let from = text.find(&format!("| ATK-{number} "))? + 2;
        text.get(from..from + LEN)
    });
    numbers.collect()
}

fn in_sources(path: &str) -> bool {
    path.starts_with("crates/") && path.contains("/src/") && path.ends_with(".rs")
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [(&str, &str); 4] = [
        (
            TABLE,
            "| `one` | ATK-001 | `a it m::bites` |\n| (structural) | ATK-002 | `a it shape` |\n",
        ),
        (CATALOGUE, "| ATK-001 | 0 | x |\n| ATK-002 | 0 | y |\n| ATK-003 | 0 | z |\n"),
        ("crates/a/src/lib.rs", "/// guard!(\"comment\")\nif guard!(\"one\") && bad() {}\n"),
        ("crates/a/tests/it/m.rs", "// ATK-001\nfn bites() {}\n//! ATK-002\nfn shape() {}\n"),
    ];

    fn said(changes: &[(&str, &str)]) -> Vec<String> {
        let mut files = GOOD.to_vec();
        for change in changes {
            match files.iter_mut().find(|file| file.0 == change.0) {
                Some(file) => *file = *change,
                None => files.push(*change),
            }
        }
        check(&files).into_iter().map(|(place, what)| format!("{place}: {what}")).collect()
    }

    #[test]
    fn what_agrees_passes() {
        assert_eq!(said(&[]), Vec::<String>::new());
    }

    #[test]
    fn guards_and_rows_belong_together() {
        let two = ("crates/a/src/lib.rs", "if guard!(\"one\") || guard!(\"two\") {}");
        assert_eq!(
            said(&[two]),
            [format!("crates/a/src/lib.rs:1: the guard `two` is not in {TABLE}")]
        );
        let none = ("crates/a/src/lib.rs", "");
        assert_eq!(said(&[none]), [format!("{TABLE}: no code has the guard `one`")]);
        let twice = GOOD[0].1.replace("(structural)", "`one`");
        assert_eq!(said(&[(TABLE, &twice)]), [format!("{TABLE}: `one` has two rows")]);
        assert_eq!(said(&[(TABLE, "")]), [format!("{TABLE}: {TABLE} has no table")]);
    }

    #[test]
    fn rows_name_what_exists() {
        let attack = GOOD[0].1.replace("ATK-002", "ATK-009");
        let found = said(&[(TABLE, &attack)]);
        assert!(found.contains(&format!("{TABLE}: {CATALOGUE} has no `ATK-009`")), "{found:?}");
        let test = GOOD[0].1.replace("bites", "barks");
        assert_eq!(said(&[(TABLE, &test)]), [format!("{TABLE}: there is no test `a it m::barks`")]);
    }

    #[test]
    fn attacks_that_are_tested_need_a_row() {
        let file = ("crates/b/tests/it.rs", "fn f() {\n    // ATK-003: also so.\n}");
        let expected =
            format!("crates/b/tests/it.rs:2: tests ATK-003, for which {TABLE} has no guard");
        assert_eq!(said(&[file]), [expected.as_str()]);
        let cited = "//= docs/spec/attacks.md#ATK-003\n//= type=test\nfn f() {}";
        let found = said(&[("crates/b/src/m.rs", cited)]);
        assert_eq!(found, [expected.replace("tests/it.rs:2", "src/m.rs:1")]);
        // In code a mention is no test.
        let plain = "//= docs/spec/attacks.md#ATK-003\n// ATK-003";
        assert!(said(&[("crates/b/src/m.rs", plain)]).is_empty());
    }
}
