//! What every manifest of ours says: the workspace's lints and the licence.

use std::path::Path;

use super::{Finding, TextFile};
use crate::metadata::Metadata;

/// The licence of everything we write.
const OURS: &str = "MIT OR Apache-2.0";

pub(super) fn check(files: &[TextFile], metadata: &Metadata, root: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.is_manifest()) {
        findings.extend(check_lints(file));
    }
    for package in metadata.ours() {
        let path = package.manifest.strip_prefix(root).unwrap_or(&package.manifest);
        let place = path.to_string_lossy().into_owned();
        findings.extend(check_licence(&place, package.licence.as_deref()));
    }
    findings
}

fn check_lints(file: &TextFile) -> Option<Finding> {
    let text = &file.text;
    // The workspace itself and `fuzz`, which stands outside of it, say it themselves.
    let (table, line) = if file.path == "Cargo.toml" {
        ("[workspace.lints.rust]", "unsafe_code = \"forbid\"")
    } else if text.lines().any(|line| line.trim() == "[workspace]") {
        ("[lints.rust]", "unsafe_code = \"forbid\"")
    } else {
        ("[lints]", "workspace = true")
    };
    let missing = !has_line(text, table, line);
    missing.then(|| Finding::error(&file.path, format!("needs `{line}` under `{table}`")))
}

fn has_line(manifest: &str, table: &str, line: &str) -> bool {
    manifest
        .lines()
        .map(str::trim)
        .skip_while(|row| *row != table)
        .skip(1)
        .take_while(|row| !row.starts_with('['))
        .any(|row| row == line)
}

fn check_licence(place: &str, licence: Option<&str>) -> Option<Finding> {
    let found = match licence {
        Some(OURS) => return None,
        Some(other) => format!("`{other}`"),
        None => "none".to_owned(),
    };
    Some(Finding::error(place, format!("its licence should be `{OURS}`, found {found}")))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{file, said};
    use super::*;
    use crate::metadata::Package;

    fn lints(path: &str, text: &str) -> Vec<String> {
        said(&check(&[file(path, text)], &Metadata::default(), Path::new("/r")))
    }

    #[test]
    fn a_crate_that_leaves_the_lints_fails() {
        let good = "[package]\nname = \"x\"\n\n[lints]\nworkspace = true\n";
        assert!(lints("crates/x/Cargo.toml", good).is_empty());
        let expect = ["crates/x/Cargo.toml: needs `workspace = true` under `[lints]`"];
        assert_eq!(lints("crates/x/Cargo.toml", "[package]\nname = \"x\"\n"), expect);
        let elsewhere = "[lints]\n[dependencies.y]\nworkspace = true\n";
        assert_eq!(lints("crates/x/Cargo.toml", elsewhere), expect);
    }

    #[test]
    fn a_workspace_that_permits_unsafe_code_fails() {
        let good = "[workspace.lints.rust]\nunsafe_code = \"forbid\"\n";
        assert!(lints("Cargo.toml", good).is_empty());
        assert_eq!(lints("Cargo.toml", &good.replace("forbid", "deny")).len(), 1);
        let fuzz = "[package]\nname = \"fuzz\"\n[workspace]\n";
        assert_eq!(lints("fuzz/Cargo.toml", fuzz).len(), 1);
        let fuzz = format!("{fuzz}[lints.rust]\nunsafe_code = \"forbid\"\n");
        assert!(lints("fuzz/Cargo.toml", &fuzz).is_empty());
    }

    #[test]
    fn a_crate_of_ours_with_another_licence_fails() {
        let licensed = |licence: Option<&str>| {
            let package = Package {
                manifest: "/r/crates/x/Cargo.toml".into(),
                licence: licence.map(str::to_owned),
                ..Package::default()
            };
            said(&check(&[], &Metadata { packages: vec![package] }, Path::new("/r")))
        };
        assert!(licensed(Some(OURS)).is_empty());
        let should = "crates/x/Cargo.toml: its licence should be `MIT OR Apache-2.0`, found";
        assert_eq!(licensed(None), [format!("{should} none")]);
        assert_eq!(licensed(Some("MIT")), [format!("{should} `MIT`")]);
    }
}
