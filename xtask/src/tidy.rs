//! Checks of the repository that no compiler makes, each a function from text to findings.

mod arrows;
mod citations;
mod code;
mod manifests;
mod sources;
mod testing;
mod without_std;

use core::fmt;
use std::fs;
use std::path::Path;

pub(crate) use citations::is_requirement;
pub(crate) use without_std::LAYERS;

use crate::metadata::Metadata;

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    /// File, file and line, or package.
    pub(crate) place: String,
    pub(crate) what: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    Error,
    /// Worth a look; fails nothing.
    Warning,
}

impl Finding {
    fn error(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { severity: Severity::Error, place: place.into(), what: what.into() }
    }

    fn warning(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, place: place.into(), what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}: {}: {}", self.place, self.what)
    }
}

/// A text file of the repository.
#[derive(Clone, Debug)]
pub(crate) struct TextFile {
    /// Relative to the root, with `/` between the parts.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl TextFile {
    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    fn is_manifest(&self) -> bool {
        self.path == "Cargo.toml" || self.path.ends_with("/Cargo.toml")
    }
}

/// Runs every check on the repository and prints what it finds. True if nothing is wrong.
pub(crate) fn run(root: &Path) -> Result<bool, String> {
    let files = read_files(root)?;
    let metadata = Metadata::load(root)?;
    let mut findings = Vec::new();
    findings.extend(arrows::check(&metadata, find(&files, arrows::TABLE)));
    findings.extend(without_std::check_sources(&files));
    for layer in LAYERS {
        findings.extend(without_std::check_tree(layer, &without_std::tree(root, layer)?));
    }
    findings.extend(manifests::check(&files, &metadata, root));
    findings.extend(testing::check(&metadata));
    findings.extend(sources::check(&files));
    findings.extend(citations::check(&files));
    findings.extend(guards(&files));
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let warnings = findings.len() - errors;
    println!("tidy: {} files, {errors} errors, {warnings} warnings", files.len());
    Ok(errors == 0)
}

/// Whether guards, their table and the catalogue of attacks agree.
pub(crate) fn sabotage(root: &Path) -> Result<Vec<Finding>, String> {
    Ok(guards(&read_files(root)?))
}

fn guards(files: &[TextFile]) -> Vec<Finding> {
    let files: Vec<_> = files.iter().map(|f| (f.path.as_str(), f.text.as_str())).collect();
    let found = crate::sabotage::check(&files);
    found.into_iter().map(|(place, what)| Finding::error(place, what)).collect()
}

fn find<'a>(files: &'a [TextFile], path: &str) -> &'a str {
    files.iter().find(|file| file.path == path).map_or("", |file| &file.text)
}

/// The Rust files, manifests and documents of the repository.
pub(crate) fn read_files(root: &Path) -> Result<Vec<TextFile>, String> {
    let mut files = Vec::new();
    for folder in ["crates", "docs", "fuzz", "xtask"] {
        read_folder(root, folder, &mut files)?;
    }
    read_file(root, "Cargo.toml", &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn read_folder(root: &Path, folder: &str, files: &mut Vec<TextFile>) -> Result<(), String> {
    let entries = match fs::read_dir(root.join(folder)) {
        Ok(entries) => entries,
        // `fuzz` is not in every excerpt of the repository.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(format!("cannot list {folder}: {error}")),
    };
    for entry in entries {
        let entry = entry.map_err(|error| format!("cannot list {folder}: {error}"))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{folder}/{name}");
        let kind = entry.file_type().map_err(|error| format!("cannot look at {path}: {error}"))?;
        if kind.is_dir() && name != "target" && !name.starts_with('.') {
            read_folder(root, &path, files)?;
        } else if kind.is_file() {
            read_file(root, &path, files)?;
        }
    }
    Ok(())
}

fn read_file(root: &Path, path: &str, files: &mut Vec<TextFile>) -> Result<(), String> {
    if [".rs", ".toml", ".md"].iter().any(|ending| path.ends_with(ending)) {
        let text = fs::read_to_string(root.join(path))
            .map_err(|error| format!("cannot read {path}: {error}"))?;
        files.push(TextFile { path: path.to_owned(), text });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn file(path: &str, text: &str) -> TextFile {
        TextFile { path: path.to_owned(), text: text.to_owned() }
    }

    /// The findings as `place: what`.
    pub(crate) fn said(findings: &[Finding]) -> Vec<String> {
        findings.iter().map(|finding| format!("{}: {}", finding.place, finding.what)).collect()
    }

    #[test]
    fn this_repository_is_found() {
        let files = read_files(&crate::root()).unwrap();
        assert!(files.iter().any(|file| file.path == "xtask/src/tidy.rs"));
        assert!(files.iter().all(|file| !file.path.contains("/target/")));
    }

    #[test]
    fn findings_print_their_severity() {
        assert_eq!(Finding::error("a.rs:1", "bad").to_string(), "error: a.rs:1: bad");
        assert_eq!(Finding::warning("a.rs", "long").to_string(), "warning: a.rs: long");
    }
}
