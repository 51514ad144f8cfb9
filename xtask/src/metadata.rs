//! What `cargo metadata` says, as far as the checks need it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The packages of the workspace and everything they are built from.
#[derive(Debug, Default)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// Where it comes from; none if it is ours.
    pub(crate) source: Option<String>,
    pub(crate) licence: Option<String>,
    pub(crate) manifest: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
    /// What each feature turns on.
    pub(crate) features: BTreeMap<String, Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Features that are asked for by name.
    pub(crate) features: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Dev,
    Build,
}

impl Metadata {
    /// Asks cargo.
    pub(crate) fn load(root: &Path) -> Result<Self, String> {
        let output = Command::new(crate::cargo())
            .args(["metadata", "--format-version", "1", "--locked"])
            .current_dir(root)
            .output()
            .map_err(|error| format!("cannot run cargo metadata: {error}"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("cargo metadata failed: {}", said.trim()));
        }
        let value: Value = serde_json::from_slice(&output.stdout)
            .map_err(|error| format!("cargo metadata printed no JSON: {error}"))?;
        Self::parse(&value).ok_or_else(|| "cargo metadata has an unknown form".to_owned())
    }

    pub(crate) fn parse(value: &Value) -> Option<Self> {
        let packages = value.get("packages")?.as_array()?;
        Some(Self { packages: packages.iter().map(Package::parse).collect::<Option<_>>()? })
    }

    /// The packages of this repository.
    pub(crate) fn ours(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.source.is_none())
    }
}

impl Package {
    fn parse(value: &Value) -> Option<Self> {
        let text = |key: &str| value.get(key)?.as_str().map(str::to_owned);
        let dependencies = value.get("dependencies")?.as_array()?;
        Some(Self {
            name: text("name")?,
            version: text("version")?,
            source: text("source"),
            licence: text("license"),
            manifest: PathBuf::from(text("manifest_path")?),
            dependencies: dependencies.iter().map(Dependency::parse).collect::<Option<_>>()?,
            features: match value.get("features") {
                Some(map) => map
                    .as_object()?
                    .iter()
                    .map(|(name, list)| Some((name.clone(), texts(list)?)))
                    .collect::<Option<_>>()?,
                None => BTreeMap::new(),
            },
        })
    }
}

impl Dependency {
    fn parse(value: &Value) -> Option<Self> {
        let kind = match value.get("kind")?.as_str() {
            None => Kind::Normal,
            Some("dev") => Kind::Dev,
            Some("build") => Kind::Build,
            Some(_) => return None,
        };
        let features = value.get("features").map_or_else(|| Some(Vec::new()), texts)?;
        Some(Self { name: value.get("name")?.as_str()?.to_owned(), kind, features })
    }
}

fn texts(list: &Value) -> Option<Vec<String>> {
    list.as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_parts_that_matter_are_read() {
        let metadata = Metadata::parse(&json!({ "packages": [
            { "name": "ours", "version": "1.2.3", "source": null, "license": "MIT",
              "manifest_path": "/r/ours/Cargo.toml", "dependencies": [
                { "name": "theirs", "kind": null, "features": ["a"] }, { "name": "proptest", "kind": "dev" } ],
              "features": { "b": ["theirs/c"] } },
            { "name": "theirs", "version": "2.0.0", "source": "registry+x", "license": null,
              "manifest_path": "/c/theirs/Cargo.toml", "dependencies": [] },
        ]}))
        .unwrap();
        let ours: Vec<_> = metadata.ours().collect();
        assert_eq!(ours.len(), 1);
        assert_eq!(ours[0].name, "ours");
        assert_eq!(ours[0].dependencies[0].kind, Kind::Normal);
        assert_eq!(ours[0].dependencies[0].features, ["a"]);
        assert_eq!(ours[0].dependencies[1].kind, Kind::Dev);
        assert_eq!(ours[0].features["b"], ["theirs/c"]);
        assert!(Metadata::parse(&json!({ "packages": [{}] })).is_none());
    }
}
