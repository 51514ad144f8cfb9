//! Length, names and attributes of source files.

use super::code::code_only;
use super::{Finding, TextFile};

/// Lines from which a file should perhaps be two.
const LONG: usize = 700;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 6] = ["util", "utils", "common", "helper", "helpers", "misc"];

/// Attributes that silence a check for good, with what to write instead.
const SILENCERS: [(&str, &str); 4] = [
    ("#[allow(", "use `#[expect(lint, reason = \"…\")]`"),
    ("#![allow(", "use `#![expect(lint, reason = \"…\")]`"),
    (",allow(", "use `expect(lint, reason = \"…\")`"),
    ("#[ignore", "make the test quick and reliable, or take it out"),
];

pub(super) fn check(files: &[TextFile]) -> Vec<Finding> {
    files.iter().filter(|file| file.is_rust()).flat_map(check_file).collect()
}

fn check_file(file: &TextFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    let lines = file.text.lines().count();
    if lines > LONG {
        let what = format!("{lines} lines are more than {LONG}; could it be two rooms?");
        findings.push(Finding::warning(&file.path, what));
    }
    for part in file.path.split('/') {
        let name = part.strip_suffix(".rs").unwrap_or(part);
        if EMPTY_NAMES.contains(&name) {
            let what = format!("`{name}` says nothing; name it after what is inside");
            findings.push(Finding::error(&file.path, what));
        }
    }
    for (at, line) in code_only(&file.text).lines().enumerate() {
        let squeezed: String = line.chars().filter(|c| !c.is_whitespace()).collect();
        let place = || format!("{}:{}", file.path, at + 1);
        if let Some((what, instead)) = SILENCERS.iter().find(|rule| squeezed.contains(rule.0)) {
            let what = format!("`{what}` is forbidden: {instead}");
            findings.push(Finding::error(place(), what));
        }
        if let Some(name) = inline_module(&squeezed)
            && EMPTY_NAMES.contains(&name)
        {
            let what = format!("`mod {name}` says nothing; name it after what is inside");
            findings.push(Finding::error(place(), what));
        }
    }
    findings
}

/// The name in `mod name {` or `pub(crate) mod name {`, blanks taken out.
fn inline_module(squeezed: &str) -> Option<&str> {
    let (before, name) = squeezed.split_once("mod")?;
    let visibility = before.is_empty() || before.starts_with("pub");
    name.strip_suffix('{').filter(|_| visibility)
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::super::tests::{file, said};
    use super::*;

    fn what(path: &str, text: &str) -> Vec<String> {
        said(&check(&[file(path, text)]))
    }

    #[test]
    fn a_long_file_is_mentioned() {
        assert!(what("a.rs", &"//\n".repeat(700)).is_empty());
        let findings = check(&[file("a.rs", &"//\n".repeat(701))]);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].severity, Severity::Warning);
        assert!(what("a.md", &"\n".repeat(2000)).is_empty(), "only Rust");
    }

    #[test]
    fn empty_names_fail() {
        for path in ["crates/x/src/util.rs", "crates/common/src/lib.rs", "x/helpers/y.rs"] {
            assert_eq!(what(path, "").len(), 1, "{path}");
        }
        assert!(what("crates/x/src/utility_function.rs", "").is_empty());
        assert_eq!(what("a.rs", "pub(crate) mod helpers {\n}").len(), 1);
        assert!(what("a.rs", "mod tests {\n}").is_empty());
    }

    #[test]
    fn silencers_fail() {
        for text in [
            "#[allow(dead_code)]",
            "#![allow(dead_code)]",
            "# [ allow ( dead_code ) ]",
            "#[cfg_attr(test, allow(clippy::panic))]",
            "#[ignore]",
            "#[ignore = \"slow\"]",
        ] {
            assert_eq!(what("a.rs", text).len(), 1, "{text}");
        }
        for text in [
            "// #[allow(dead_code)]",
            "const TEXT: &str = \"#[ignore]\";",
            "#[expect(dead_code, reason = \"x\")]",
            "fn allow(x: u8) { list[ignored]; ignore(x); [allow(x)] }",
        ] {
            assert!(what("a.rs", text).is_empty(), "{text}");
        }
    }
}
