//! Every `//= docs/spec/FILE#ID` names a requirement that exists, and so does every `TRN-007` in
//! comments, messages and documents.

use std::collections::{BTreeMap, BTreeSet};

use super::{Finding, TextFile};

const FOLDER: &str = "docs/spec/";

pub(super) fn check(files: &[TextFile]) -> Vec<Finding> {
    let specifications: BTreeMap<&str, BTreeSet<&str>> = files
        .iter()
        .filter(|file| file.path.starts_with(FOLDER))
        .map(|file| (file.path.as_str(), requirements(&file.text)))
        .collect();
    let known: BTreeSet<&str> = specifications.values().flatten().copied().collect();
    let rust = files.iter().filter(|file| file.is_rust());
    let citations = rust.flat_map(|file| check_file(file, &specifications));
    let mentions = files.iter().flat_map(|file| check_mentions(file, &known));
    citations.chain(mentions).collect()
}

/// Identifiers defined by a specification: `**TRN-007**` at the beginning of a line, or
/// `| ATK-001 |` in a table.
fn requirements(text: &str) -> BTreeSet<&str> {
    text.lines()
        .filter_map(|line| {
            let id = line
                .strip_prefix("**")
                .and_then(|rest| rest.split("**").next())
                .or_else(|| line.strip_prefix("| ").and_then(|rest| rest.split(' ').next()))?;
            is_requirement(id).then_some(id)
        })
        .collect()
}

pub(crate) fn is_requirement(id: &str) -> bool {
    id.split_once('-').is_some_and(|(prefix, number)| {
        prefix.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
            && number.len() == 3
            && number.chars().all(|c| c.is_ascii_digit())
    })
}

fn check_file(file: &TextFile, specifications: &BTreeMap<&str, BTreeSet<&str>>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut after_citation = false;
    for (at, line) in file.text.lines().enumerate() {
        let citation = line.trim_start().strip_prefix("//=").map(str::trim);
        let wrong = match citation {
            None => None,
            Some("type=test") if after_citation => None,
            Some("type=test") => Some("`type=test` must follow a citation".to_owned()),
            Some(cited) => check_citation(cited, specifications),
        };
        if let Some(what) = wrong {
            findings.push(Finding::error(format!("{}:{}", file.path, at + 1), what));
        }
        after_citation = citation.is_some_and(|cited| cited != "type=test");
    }
    findings
}

/// Requirements mentioned anywhere, by a prefix that exists.
fn check_mentions(file: &TextFile, known: &BTreeSet<&str>) -> Vec<Finding> {
    let prefix = |id: &str| id.split_once('-').map(|(prefix, _)| prefix.to_owned());
    let prefixes: BTreeSet<_> = known.iter().filter_map(|id| prefix(id)).collect();
    let mut findings = Vec::new();
    for (at, line) in file.text.lines().enumerate() {
        // Citations are checked more strictly.
        if line.trim_start().starts_with("//=") {
            continue;
        }
        for word in line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')) {
            let is_known_kind = is_requirement(word)
                && prefix(word).is_some_and(|prefix| prefixes.contains(&prefix));
            if is_known_kind && !known.contains(word) {
                let what = format!("mentions `{word}`, which no specification has");
                findings.push(Finding::error(format!("{}:{}", file.path, at + 1), what));
            }
        }
    }
    findings
}

fn check_citation(cited: &str, specifications: &BTreeMap<&str, BTreeSet<&str>>) -> Option<String> {
    let Some((path, id)) = cited.split_once('#') else {
        return Some(format!("`{cited}` is no citation; write `{FOLDER}protocol.md#TRN-007`"));
    };
    match specifications.get(path) {
        None => Some(format!("cites `{path}`, which is no specification")),
        Some(known) if known.contains(id) => None,
        Some(_) => Some(format!("cites `{id}`, which {path} does not have")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{file, said};
    use super::*;

    const SPECIFICATION: &str = "**XYZ-007** [v1] Text. See **XYZ-008**.\n\n| ATK-001 | 0 | x |\n";

    fn what(code: &str) -> Vec<String> {
        let files = [file("docs/spec/protocol.md", SPECIFICATION), file("a.rs", code)];
        said(&check(&files)).into_iter().filter(|what| what.starts_with("a.rs")).collect()
    }

    #[test]
    fn citations_of_what_exists_pass() {
        let lines = [
            "//= docs/spec/protocol.md#XYZ-007",
            "    //= docs/spec/protocol.md#ATK-001",
            "    //= type=test",
            "fn f() {}",
            "// = not a citation",
        ];
        let code = lines.join("\n");
        assert_eq!(what(&code), Vec::<String>::new());
    }

    #[test]
    fn mentions_of_nothing_fail() {
        assert!(what("// As XYZ-007 to XYZ-007, with SHA-256 and xXYZ-999.").is_empty());
        assert_eq!(
            what("\n/// See (XYZ-999)."),
            ["a.rs:2: mentions `XYZ-999`, which no specification has"]
        );
    }

    #[test]
    fn citations_of_nothing_fail() {
        assert_eq!(
            what("\n//= docs/spec/protocol.md#XYZ-999"),
            ["a.rs:2: cites `XYZ-999`, which docs/spec/protocol.md does not have"]
        );
        assert_eq!(what("//= docs/spec/protocol.md#XYZ-008").len(), 1, "mentioned, not defined");
        assert_eq!(
            what("//= docs/spec/lost.md#XYZ-007"),
            ["a.rs:1: cites `docs/spec/lost.md`, which is no specification"]
        );
        assert_eq!(what("//= protocol XYZ-007").len(), 1);
        assert_eq!(what("//= type=test").len(), 1);
        assert_eq!(what("//= type=tset").len(), 1);
        assert_eq!(what("//= docs/spec/protocol.md#XYZ-007\nfn f() {}\n//= type=test").len(), 1);
    }
}
