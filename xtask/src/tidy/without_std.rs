//! The layers, and the facade without its async half, are `no_std`.
//!
//! Here: the attribute, the features with which dependencies are built, and that none of them
//! reaches for the system by itself. The proof that the
//! standard library really is absent is the step `without-std` of `cargo xtask ci`.

use std::path::Path;
use std::process::Command;

use super::code::code_only;
use super::{Finding, TextFile};

/// The crates that need no standard library, lowest first; the facade without default features.
pub(crate) const LAYERS: [&str; 7] = [
    "mpenc-types",
    "mpenc-crypto",
    "mpenc-packet",
    "mpenc-greeting",
    "mpenc-transcript",
    "mpenc-liveness",
    "mpenc",
];

/// What would let a layer draw randomness, read a clock or wait by itself.
const AMBIENT: [&str; 4] = ["getrandom", "rand", "tokio", "web-time"];

pub(super) fn check_sources(files: &[TextFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for layer in LAYERS {
        let path = format!("crates/{layer}/src/lib.rs");
        let attribute = files
            .iter()
            .find(|file| file.path == path)
            .is_some_and(|file| code_only(&file.text).lines().any(|line| line == "#![no_std]"));
        if !attribute {
            findings.push(Finding::error(path, "a layer begins with `#![no_std]`"));
        }
    }
    findings
}

/// The crates a layer is built from, as `name version features`, one a line.
pub(super) fn tree(root: &Path, layer: &str) -> Result<String, String> {
    // Procedural macros run in the compiler and may use what they like.
    let output = Command::new(crate::cargo())
        .args(["tree", "--locked", "--no-default-features", "--edges", "normal,no-proc-macro"])
        .args(["--prefix", "none", "--format", "{p}\t{f}", "--package", layer])
        .current_dir(root)
        .output()
        .map_err(|error| format!("cannot run cargo tree: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("cargo tree of {layer} failed: {}", said.trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

pub(super) fn check_tree(layer: &str, tree: &str) -> Vec<Finding> {
    let mut findings: Vec<Finding> = tree
        .lines()
        .filter_map(|line| {
            let (package, features) = line.split_once('\t')?;
            // A repeated crate is marked so.
            let features = features.trim_end_matches("(*)").trim();
            let on =
                features.split(',').find(|feature| matches!(*feature, "std" | "default-std"))?;
            let name = package.split(' ').next()?;
            Some(Finding::error(layer, format!("`{name}` is built with the feature `{on}`")))
        })
        .collect();
    let names = || tree.lines().filter_map(|line| line.split(' ').next());
    for ambient in AMBIENT.iter().filter(|ambient| names().any(|name| name == **ambient)) {
        let what = format!("depends on `{ambient}`, but time and entropy are arguments");
        findings.push(Finding::error(layer, what));
    }
    if names().all(|name| name != layer) {
        findings.push(Finding::error(layer, "cargo tree does not show it"));
    }
    findings.sort();
    findings.dedup();
    findings
}

#[cfg(test)]
mod tests {
    use super::super::tests::{file, said};
    use super::*;

    #[test]
    fn a_layer_without_the_attribute_fails() {
        let mut files: Vec<_> = LAYERS
            .iter()
            .map(|layer| file(&format!("crates/{layer}/src/lib.rs"), "//! Doc.\n#![no_std]\n"))
            .collect();
        assert_eq!(check_sources(&files), []);
        files[0].text = "//! #![no_std]\n#![cfg_attr(not(test), no_std)]\n".to_owned();
        assert_eq!(
            said(&check_sources(&files)),
            ["crates/mpenc-types/src/lib.rs: a layer begins with `#![no_std]`"]
        );
    }

    #[test]
    fn a_dependency_with_std_or_ambient_input_fails() {
        let good = "mpenc-crypto v0.1.0 (/r/crates/mpenc-crypto)\t\nsha2 v0.11.0\talloc\n";
        assert_eq!(check_tree("mpenc-crypto", good), []);
        let bad = format!("{good}hkdf v0.13.0\talloc,std (*)\nhkdf v0.13.0\talloc,std\n");
        assert_eq!(
            said(&check_tree("mpenc-crypto", &bad)),
            ["mpenc-crypto: `hkdf` is built with the feature `std`"]
        );
        let bad = format!("{good}getrandom v0.4.1\t\n");
        assert_eq!(
            said(&check_tree("mpenc-crypto", &bad)),
            ["mpenc-crypto: depends on `getrandom`, but time and entropy are arguments"]
        );
        assert_eq!(
            said(&check_tree("mpenc-types", good)),
            ["mpenc-types: cargo tree does not show it"]
        );
    }
}
