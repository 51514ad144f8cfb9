//! Who may know whom: the table of `docs/architecture.md` against the real dependencies.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use crate::metadata::{Kind, Metadata};

/// The page that has the table.
pub(super) const TABLE: &str = "docs/architecture.md";

/// Rows of the table in their order, each with the crates it may depend on.
type Rows = Vec<(String, BTreeSet<String>)>;

pub(super) fn check(metadata: &Metadata, page: &str) -> Vec<Finding> {
    let rows = match parse(page) {
        Ok(rows) => rows,
        Err(what) => return vec![Finding::error(TABLE, what)],
    };
    let mut findings = upwards_only(&rows);
    let place: BTreeMap<_, _> =
        rows.iter().enumerate().map(|(i, row)| (row.0.as_str(), i)).collect();
    let ours: BTreeSet<_> = metadata.ours().map(|package| package.name.as_str()).collect();
    for (name, _) in &rows {
        if !ours.contains(name.as_str()) {
            findings
                .push(Finding::error(TABLE, format!("the table has `{name}`, which is no crate")));
        }
    }
    for package in metadata.ours() {
        let row = rows.iter().find(|row| row.0 == package.name);
        let allowed = row.map(|row| row.1.clone()).unwrap_or_default();
        let mut used = BTreeSet::new();
        for dependency in &package.dependencies {
            let name = dependency.name.as_str();
            if !ours.contains(name) || name == package.name {
                continue;
            }
            let fits = match dependency.kind {
                Kind::Normal | Kind::Build => {
                    used.insert(dependency.name.clone());
                    allowed.contains(name)
                }
                // Tests may reach for any higher row.
                Kind::Dev => place.get(name) < place.get(package.name.as_str()),
            };
            if !fits {
                let what =
                    format!("must not depend on `{name}`: the table of {TABLE} has no such arrow");
                findings.push(Finding::error(&package.name, what));
            }
        }
        for name in allowed.difference(&used) {
            let what =
                format!("allows `{}` to depend on `{name}`, which it does not", package.name);
            findings.push(Finding::error(TABLE, what));
        }
    }
    findings
}

fn upwards_only(rows: &Rows) -> Vec<Finding> {
    let mut above = BTreeSet::new();
    let mut findings = Vec::new();
    for (name, allowed) in rows {
        for other in allowed.difference(&above) {
            let what = format!("the arrow from `{name}` to `{other}` does not lead upwards");
            findings.push(Finding::error(TABLE, what));
        }
        above.insert(name.clone());
    }
    findings
}

/// Reads the one table whose first column is a crate and whose cells are `●` or empty.
fn parse(page: &str) -> Result<Rows, String> {
    let cells = |line: &str| -> Vec<String> {
        let inner = line.trim().trim_start_matches('|').trim_end_matches('|');
        inner.split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
    };
    let mut lines = page.lines().skip_while(|line| !line.starts_with("| | "));
    let columns = cells(lines.next().ok_or("the table of dependencies is missing")?);
    let mut rows = Rows::new();
    for line in lines.skip(1).take_while(|line| line.starts_with('|')) {
        let mut row = cells(line).into_iter();
        let name = row.next().unwrap_or_default();
        let mut allowed = BTreeSet::new();
        for (column, cell) in columns.iter().skip(1).zip(row) {
            match cell.as_str() {
                "" => {}
                "●" => {
                    allowed.insert(full_name(column));
                }
                other => return Err(format!("the row of `{name}` has a cell `{other}`")),
            }
        }
        rows.push((full_name(&name), allowed));
    }
    if rows.is_empty() { Err("the table of dependencies has no rows".to_owned()) } else { Ok(rows) }
}

/// Columns leave out the prefix.
fn full_name(column: &str) -> String {
    if column.starts_with("mpenc") { column.to_owned() } else { format!("mpenc-{column}") }
}

#[cfg(test)]
mod tests {
    use super::super::tests::said;
    use super::*;
    use crate::metadata::{Dependency, Package};

    const PAGE: &str = "Text.\n\n\
        | | types | crypto | mpenc |\n\
        | --- | --- | --- | --- |\n\
        | `mpenc-types` | | | |\n\
        | `mpenc-crypto` | ● | | |\n\
        | `mpenc` | | ● | |\n\
        \nMore.";

    fn metadata(arrows: &[(&str, &str, Kind)]) -> Metadata {
        let package = |name: &str| Package {
            name: name.to_owned(),
            dependencies: arrows
                .iter()
                .filter(|arrow| arrow.0 == name)
                .map(|arrow| Dependency {
                    name: arrow.1.to_owned(),
                    kind: arrow.2,
                    features: Vec::new(),
                })
                .collect(),
            ..Package::default()
        };
        let names = ["mpenc-types", "mpenc-crypto", "mpenc", "xtask"];
        Metadata { packages: names.iter().map(|name| package(name)).collect() }
    }

    const GOOD: [(&str, &str, Kind); 3] = [
        ("mpenc-crypto", "mpenc-types", Kind::Normal),
        ("mpenc", "mpenc-crypto", Kind::Normal),
        ("mpenc", "serde", Kind::Normal),
    ];

    fn with(arrow: (&str, &str, Kind)) -> Vec<String> {
        let owned: Vec<_> = GOOD.into_iter().chain([arrow]).collect();
        said(&check(&metadata(&owned), PAGE))
    }

    #[test]
    fn the_table_itself_passes() {
        assert_eq!(said(&check(&metadata(&GOOD), PAGE)), Vec::<String>::new());
    }

    #[test]
    fn a_forbidden_dependency_fails() {
        let no_arrow = "the table of docs/architecture.md has no such arrow";
        assert_eq!(
            with(("mpenc", "mpenc-types", Kind::Normal)),
            [format!("mpenc: must not depend on `mpenc-types`: {no_arrow}")],
            "further than needed"
        );
        assert_eq!(
            with(("mpenc-types", "mpenc", Kind::Build)),
            [format!("mpenc-types: must not depend on `mpenc`: {no_arrow}")],
            "downwards"
        );
        assert_eq!(
            with(("xtask", "mpenc", Kind::Normal)),
            [format!("xtask: must not depend on `mpenc`: {no_arrow}")],
            "not in the table"
        );
    }

    #[test]
    fn tests_may_reach_any_higher_row_but_no_lower_one() {
        assert!(with(("mpenc", "mpenc-types", Kind::Dev)).is_empty());
        assert_eq!(with(("mpenc-types", "mpenc", Kind::Dev)).len(), 1);
    }

    #[test]
    fn an_arrow_nobody_uses_fails() {
        let unused = metadata(&GOOD[..1]);
        assert_eq!(
            said(&check(&unused, PAGE)),
            ["docs/architecture.md: allows `mpenc` to depend on `mpenc-crypto`, which it does not"]
        );
    }

    #[test]
    fn the_table_must_be_there_and_lead_upwards() {
        let what = |page: &str| said(&check(&metadata(&GOOD), page)).join("\n");
        assert!(what("nothing").contains("is missing"));
        assert!(what("| | types |\n| --- | --- |\n").contains("has no rows"));
        assert!(what(&PAGE.replace('●', "x")).contains("a cell `x`"));
        assert!(what(&PAGE.replace("| `mpenc` |", "| `mpenc-lost` |")).contains("is no crate"));
        let downwards = PAGE.replace("| `mpenc-types` | | |", "| `mpenc-types` | | ● |");
        assert!(what(&downwards).contains("from `mpenc-types` to `mpenc-crypto` does not lead"));
    }
}
