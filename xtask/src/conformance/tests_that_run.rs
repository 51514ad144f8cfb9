//! The tests that `cargo test` would run, as the test binaries list them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Paths of tests such as `part::everybody_hears_it`, by the folder of their package.
pub(super) type Listed = BTreeMap<String, Vec<String>>;

/// Builds every test and asks each binary what is in it.
pub(super) fn list(root: &Path) -> Result<Listed, String> {
    let line = ["test", "--locked", "--workspace", "--no-run", "--quiet", "--message-format=json"];
    let output = Command::new(crate::cargo())
        .args(line)
        .args(["--lib", "--bins", "--tests"])
        .current_dir(root)
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot run cargo test: {error}"))?;
    if !output.status.success() {
        return Err("the tests do not build".to_owned());
    }
    let mut listed = Listed::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let Ok(message) = serde_json::from_str::<Value>(line) else { continue };
        let text = |pointer: &str| message.pointer(pointer).and_then(Value::as_str);
        let is_test = message.pointer("/profile/test").and_then(Value::as_bool) == Some(true);
        let (Some(binary), Some(manifest), true) =
            (text("/executable"), text("/manifest_path"), is_test)
        else {
            continue;
        };
        let folder = Path::new(manifest).parent().unwrap_or(root);
        let folder = folder.strip_prefix(root).unwrap_or(folder).to_string_lossy().into_owned();
        let output = Command::new(binary)
            .args(["--list", "--format", "terse"])
            .current_dir(root.join(&folder))
            .output()
            .map_err(|error| format!("cannot list the tests of {binary}: {error}"))?;
        listed.entry(folder).or_default().extend(parse(&String::from_utf8_lossy(&output.stdout)));
    }
    if listed.values().all(Vec::is_empty) {
        return Err("cargo test lists no test at all".to_owned());
    }
    Ok(listed)
}

fn parse(list: &str) -> Vec<String> {
    list.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect()
}

/// Whether a function of this file is among the listed tests of its package.
pub(super) fn contains(listed: &Listed, file: &str, function: &str) -> bool {
    let package = listed.iter().find(|(folder, _)| {
        file.strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/'))
    });
    let Some((folder, tests)) = package else { return false };
    let within = file.get(folder.len() + 1..).unwrap_or("");
    let parts: Vec<&str> = within.trim_end_matches(".rs").split('/').collect();
    // `src/a/b.rs` and `src/a/b/mod.rs` are `a::b`; `tests/it/a.rs` is `a` of the binary `it`.
    let module: Vec<&str> = match parts.as_slice() {
        ["src", inner @ ..] => inner.to_vec(),
        ["tests", _] => Vec::new(),
        ["tests", _, inner @ ..] => inner.to_vec(),
        _ => return false,
    };
    let module: Vec<&str> =
        module.into_iter().filter(|part| !["lib", "main", "mod"].contains(part)).collect();
    let mut begin = module.join("::");
    if !begin.is_empty() {
        begin.push_str("::");
    }
    let end = format!("::{function}");
    tests.iter().any(|test| {
        test.strip_prefix(begin.as_str())
            .is_some_and(|rest| rest == function || rest.ends_with(&end))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_found_where_they_are() {
        let listed: Listed = [
            (
                "crates/x".to_owned(),
                parse("a::tests::works: test\nb::c::fails: test\nbench: benchmark\n"),
            ),
            ("crates/x-y".to_owned(), parse("top: test\n")),
        ]
        .into();
        assert!(contains(&listed, "crates/x/src/a.rs", "works"));
        assert!(contains(&listed, "crates/x/src/a/mod.rs", "works"));
        assert!(contains(&listed, "crates/x/tests/it/b/c.rs", "fails"));
        assert!(contains(&listed, "crates/x-y/tests/all.rs", "top"));
        assert!(!contains(&listed, "crates/x/src/a.rs", "orks"));
        assert!(!contains(&listed, "crates/x/src/b.rs", "works"));
        assert!(!contains(&listed, "crates/x-y/src/a.rs", "works"));
        assert!(!contains(&listed, "crates/x/src/lib.rs", "bench"));
    }
}
