//! Which requirements are implemented and tested where: the specification against the citations.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::tests_that_run::{self, Listed};
use crate::tidy::{TextFile, read_files};

/// The numbered requirements.
const SPECIFICATION: &str = "docs/spec/protocol.md";

/// What is missing on purpose, or cannot have a test.
const EXCEPTIONS: &str = "docs/spec/exceptions.md";

/// Origin marks of the base profile (MOD-017).
const BASE: [&str; 3] = ["v1", "doc", "decision"];

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    id: String,
    /// `v1`, `doc`, `future`, `ext` or `decision`.
    mark: String,
    gated: bool,
}

impl Requirement {
    /// What a v1 session has to meet.
    fn is_base(&self) -> bool {
        BASE.contains(&self.mark.as_str()) && !self.gated
    }
}

/// Places that cite one requirement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Cited {
    code: Vec<String>,
    /// Tests that exist and run.
    tests: Vec<String>,
}

/// A row of the table of exceptions.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Exception {
    kind: String,
    reason: String,
}

/// Kinds of exceptions: what later work brings, what we do otherwise, what no test can show.
const KINDS: [&str; 3] = ["later", "departure", "no test"];

pub(super) fn run(root: &Path) -> Result<bool, String> {
    let files = read_files(root)?;
    let text = |path: &str| {
        let file = files.iter().find(|file| file.path == path);
        file.map(|file| file.text.as_str()).ok_or_else(|| format!("{path} is missing"))
    };
    let requirements = parse(text(SPECIFICATION)?);
    let exceptions = parse_exceptions(text(EXCEPTIONS)?)?;
    let listed = tests_that_run::list(root)?;
    let (cited, mut wrong) = citations(&files, &listed);
    let (table, more) = judge(&requirements, &cited, &exceptions);
    print!("{table}");
    wrong.extend(more);
    for what in &wrong {
        println!("FAILED  {what}");
    }
    println!("{}", summary(&requirements, &cited, &exceptions, wrong.len()));
    Ok(wrong.is_empty())
}

/// Requirements in their order: `**TRN-007** [v1] (gated) Text`.
fn parse(text: &str) -> Vec<Requirement> {
    text.lines()
        .filter_map(|line| {
            let (id, rest) = line.strip_prefix("**")?.split_once("**")?;
            let (mark, rest) = rest.trim_start().strip_prefix('[')?.split_once(']')?;
            let gated = rest.trim_start().starts_with("(gated)");
            let mark = mark.split([':', ' ', ',']).next().unwrap_or(mark);
            crate::tidy::is_requirement(id).then(|| Requirement {
                id: id.to_owned(),
                mark: mark.to_owned(),
                gated,
            })
        })
        .collect()
}

/// `| TRN-007 | kind | reason |`.
fn parse_exceptions(text: &str) -> Result<BTreeMap<String, Exception>, String> {
    let mut exceptions = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [id, kind, reason] = cells.as_slice() else {
            return Err(format!("{EXCEPTIONS}: `{line}` has not three cells"));
        };
        if !crate::tidy::is_requirement(id) {
            continue;
        }
        let known = KINDS.iter().any(|known| kind.strip_prefix(known).is_some());
        let numbered = !kind.starts_with("later") || kind.starts_with("later, issue ");
        if !known || !numbered || reason.is_empty() {
            return Err(format!("{EXCEPTIONS}: `{id}` needs a kind and a reason"));
        }
        let row = Exception { kind: (*kind).to_owned(), reason: (*reason).to_owned() };
        if exceptions.insert((*id).to_owned(), row).is_some() {
            return Err(format!("{EXCEPTIONS}: `{id}` is there twice"));
        }
    }
    Ok(exceptions)
}

/// Who cites what. A citation by a test counts if the test exists and runs; if not, it is wrong.
fn citations(files: &[TextFile], listed: &Listed) -> (BTreeMap<String, Cited>, Vec<String>) {
    let mut cited: BTreeMap<String, Cited> = BTreeMap::new();
    let mut wrong = Vec::new();
    let prefix = format!("//= {SPECIFICATION}#");
    for file in files.iter().filter(|file| file.path.ends_with(".rs")) {
        let whole: Vec<&str> = file.text.lines().collect();
        let lines: Vec<&str> = whole.iter().map(|line| line.trim()).collect();
        for (at, line) in lines.iter().enumerate() {
            let Some(id) = line.strip_prefix(&prefix) else { continue };
            let place = format!("{}:{}", file.path, at + 1);
            let entry = cited.entry(id.trim().to_owned()).or_default();
            if lines.get(at + 1) != Some(&"//= type=test") {
                entry.code.push(place);
                continue;
            }
            let function = function_after(lines.iter().skip(at + 1).copied())
                .or_else(|| function_around(&whole, at));
            match function {
                Some(name) if tests_that_run::contains(listed, &file.path, name) => {
                    entry.tests.push(format!("{} {name}", file.path));
                }
                Some(name) => wrong.push(format!("{place}: `{name}` is no test that runs")),
                None => wrong.push(format!("{place}: no test follows the citation")),
            }
        }
    }
    (cited, wrong)
}

/// The name of the function that follows, with nothing but comments and attributes between.
fn function_after<'a>(lines: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut depth = 0_usize;
    for line in lines {
        if depth > 0 || line.starts_with('#') {
            depth += line.matches('[').count();
            depth = depth.saturating_sub(line.matches(']').count());
            continue;
        }
        if line.is_empty() || line.starts_with("//") {
            continue;
        }
        let (before, after) = line.split_once("fn ")?;
        let modifiers = before.split_whitespace();
        let plain = modifiers.into_iter().all(|word| word == "async" || word.starts_with("pub"));
        let name = after.split(['(', '<']).next()?;
        return plain.then_some(name);
    }
    None
}

/// The name of the function in whose body this line stands.
fn function_around<'a>(lines: &[&'a str], at: usize) -> Option<&'a str> {
    let indentation = |line: &str| line.len() - line.trim_start().len();
    let own = indentation(lines.get(at)?);
    let before = lines.iter().take(at).rev();
    let outer = before.filter(|line| !line.trim().is_empty() && indentation(line) < own);
    outer.filter_map(|line| function_after(core::iter::once(line.trim()))).next()
}

/// The table, and what is wrong.
fn judge(
    requirements: &[Requirement],
    cited: &BTreeMap<String, Cited>,
    exceptions: &BTreeMap<String, Exception>,
) -> (String, Vec<String>) {
    let none = Cited::default();
    let mut table = String::new();
    let mut wrong = Vec::new();
    for requirement in requirements {
        let Requirement { id, mark, gated } = requirement;
        let places = cited.get(id).unwrap_or(&none);
        let exception = exceptions.get(id);
        let tested = !places.tests.is_empty();
        let verdict = match (tested, exception, requirement.is_base()) {
            (true, None, _) => "tested",
            (_, Some(exception), _) => exception.kind.as_str(),
            (false, None, true) => "MISSING",
            (false, None, false) if places.code.is_empty() => "not in the base profile",
            (false, None, false) => "implemented, not in the base profile",
        };
        let gated = if *gated { " (gated)" } else { "" };
        table.push_str(&format!("{id}  [{mark}]{gated}  {verdict}\n"));
        for code in &places.code {
            table.push_str(&format!("    implemented  {code}\n"));
        }
        for test in places.tests.iter().collect::<BTreeSet<_>>() {
            table.push_str(&format!("    tested       {test}\n"));
        }
        if let Some(exception) = exception {
            table.push_str(&format!("    because      {}\n", exception.reason));
        }
        if tested && exception.is_some_and(|exception| !exception.kind.starts_with("departure")) {
            wrong.push(format!("{id} has a test and an exception from having one"));
        }
        if verdict == "MISSING" {
            let code = places.code.first().map_or("cited nowhere", |_| "implemented");
            wrong.push(format!("{id} [{mark}] has no test ({code})"));
        }
    }
    let known: BTreeSet<&str> = requirements.iter().map(|r| r.id.as_str()).collect();
    for id in exceptions.keys().filter(|id| !known.contains(id.as_str())) {
        wrong.push(format!("{EXCEPTIONS}: `{id}` is no requirement"));
    }
    (table, wrong)
}

fn summary(
    requirements: &[Requirement],
    cited: &BTreeMap<String, Cited>,
    exceptions: &BTreeMap<String, Exception>,
    wrong: usize,
) -> String {
    let base: Vec<&Requirement> = requirements.iter().filter(|r| r.is_base()).collect();
    let tested = |r: &&&Requirement| cited.get(&r.id).is_some_and(|c| !c.tests.is_empty());
    let of = |kind: &str| {
        let is =
            |r: &&&Requirement| exceptions.get(&r.id).is_some_and(|e| e.kind.starts_with(kind));
        base.iter().filter(|r| !tested(r)).filter(is).count()
    };
    format!(
        "{} requirements, {} of the base profile: {} tested, {} left to later issues, {} that no \
         test can show, {} departures; {wrong} failures",
        requirements.len(),
        base.len(),
        base.iter().filter(tested).count(),
        of("later"),
        of("no test"),
        of("departure"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "**TRN-001** [v1] One.\n*Why:* x\n**TRN-002** [doc] (gated) Two.\n\
        **TRN-003** [decision] Three.\n**TRN-004** [ext] Four.\n**TRN-005** [v1] Five.\n";

    #[test]
    fn requirements_have_marks() {
        let found = parse(PAGE);
        let base: Vec<&str> = found.iter().filter(|r| r.is_base()).map(|r| r.id.as_str()).collect();
        assert_eq!(base, ["TRN-001", "TRN-003", "TRN-005"]);
        assert_eq!(found.len(), 5);
    }

    #[test]
    fn a_citation_counts_only_above_a_test_that_runs() {
        let cite = |id: &str| format!("//= docs/spec/protocol.md#{id}\n//= type=test\n");
        let text = format!(
            "//= docs/spec/protocol.md#TRN-001\nfn f() {{}}\n{}#[test]\nfn works() {{}}\n\
             {}#[test]\nfn lost() {{}}\n{}struct S;\n",
            cite("TRN-003"),
            cite("TRN-005"),
            cite("TRN-004")
        );
        let files = [TextFile { path: "crates/x/tests/it/a.rs".to_owned(), text }];
        let listed = [("crates/x".to_owned(), vec!["a::works".to_owned()])].into();
        let (cited, wrong) = citations(&files, &listed);
        assert_eq!(wrong.len(), 2, "{wrong:?}");
        assert_eq!(cited["TRN-001"].code, ["crates/x/tests/it/a.rs:1"]);
        assert_eq!(cited["TRN-003"].tests, ["crates/x/tests/it/a.rs works"]);
        assert!(cited["TRN-005"].tests.is_empty());

        let exceptions =
            parse_exceptions("| ID | Kind | Reason |\n| TRN-005 | later, issue 9 | x |\n").unwrap();
        let (table, wrong) = judge(&parse(PAGE), &cited, &exceptions);
        assert_eq!(wrong, ["TRN-001 [v1] has no test (implemented)"]);
        assert!(table.contains("TRN-005  [v1]  later, issue 9"));
        assert!(table.contains("TRN-003  [decision]  tested"));
    }

    #[test]
    fn exceptions_need_a_kind_a_number_and_a_reason() {
        for row in ["| TRN-005 | later | x |", "| TRN-005 | no test | |", "| TRN-005 | lazy | x |"]
        {
            assert!(parse_exceptions(row).is_err(), "{row}");
        }
        let twice = "| TRN-005 | no test | x |\n| TRN-005 | no test | x |";
        assert!(parse_exceptions(twice).is_err());
        assert!(parse_exceptions("| TRN-005 | no test | x |").is_ok());
    }

    #[test]
    fn the_function_after_a_citation_is_found() {
        let after = |text: &'static str| function_after(text.lines().map(str::trim));
        assert_eq!(after("//= type=test\n#[test]\nfn a() {"), Some("a"));
        assert_eq!(after("#[tokio::test(\n  flavor = \"x\"\n)]\n// y\nasync fn b() {"), Some("b"));
        assert_eq!(after("let f = 1;\nfn c() {}"), None);
        let lines = ["fn a() {", "    let x = 1;", "    // cited", "    x", "}", "// cited"];
        assert_eq!(function_around(&lines, 2), Some("a"));
        assert_eq!(function_around(&lines, 5), None);
    }
}
