//! What is for tests reaches no program: the feature `testing` of our crates is asked for by tests
//! and by features of the same name only.

use std::collections::BTreeSet;

use super::Finding;
use crate::metadata::{Kind, Metadata};

/// The feature that lets a crate protect nothing.
const FEATURE: &str = "testing";

pub(super) fn check(metadata: &Metadata) -> Vec<Finding> {
    let ours: BTreeSet<_> = metadata.ours().map(|package| package.name.as_str()).collect();
    let mut findings = Vec::new();
    for package in metadata.ours() {
        for dependency in &package.dependencies {
            let asked = dependency.features.iter().any(|feature| feature == FEATURE);
            if asked && dependency.kind != Kind::Dev && ours.contains(dependency.name.as_str()) {
                let what =
                    format!("turns on `{FEATURE}` of `{}` outside of tests", dependency.name);
                findings.push(Finding::error(&package.name, what));
            }
        }
        for (feature, list) in package.features.iter().filter(|entry| entry.0 != FEATURE) {
            for on in list.iter().filter(|on| leads_to_testing(on, &ours)) {
                let what = format!("its feature `{feature}` turns on `{on}`");
                findings.push(Finding::error(&package.name, what));
            }
        }
    }
    findings
}

/// Whether an entry of a feature is `testing` or `crate/testing`, with or without `?`.
fn leads_to_testing(on: &str, ours: &BTreeSet<&str>) -> bool {
    match on.split_once('/') {
        None => on == FEATURE,
        Some((name, feature)) => feature == FEATURE && ours.contains(name.trim_end_matches('?')),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::said;
    use super::*;
    use crate::metadata::{Dependency, Package};

    fn metadata(kind: Kind, depends: &[&str], features: &[(&str, &[&str])]) -> Metadata {
        let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        let program = Package {
            name: "program".to_owned(),
            dependencies: vec![Dependency {
                name: "layer".to_owned(),
                kind,
                features: owned(depends),
            }],
            features: features
                .iter()
                .map(|(name, list)| ((*name).to_owned(), owned(list)))
                .collect(),
            ..Package::default()
        };
        let layer = Package { name: "layer".to_owned(), ..Package::default() };
        Metadata { packages: vec![program, layer] }
    }

    #[test]
    fn tests_and_features_of_that_name_may_turn_it_on() {
        assert_eq!(check(&metadata(Kind::Dev, &["testing"], &[])), []);
        assert_eq!(
            check(&metadata(Kind::Normal, &["std"], &[("testing", &["layer/testing"])])),
            []
        );
        assert_eq!(check(&metadata(Kind::Normal, &[], &[("x", &["theirs/testing"])])), []);
    }

    #[test]
    fn nothing_else_may() {
        for kind in [Kind::Normal, Kind::Build] {
            assert_eq!(
                said(&check(&metadata(kind, &["testing"], &[]))),
                ["program: turns on `testing` of `layer` outside of tests"]
            );
        }
        for on in ["testing", "layer/testing", "layer?/testing"] {
            assert_eq!(
                said(&check(&metadata(Kind::Normal, &[], &[("default", &[on])]))),
                [format!("program: its feature `default` turns on `{on}`")]
            );
        }
    }
}
