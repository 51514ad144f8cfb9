//! The proof that the layers need no standard library, on a host that has one.
//!
//! A crate that is `no_std` and brings its own panic handler is made from nothing but the layers.
//! If any of them, or anything below them, draws in the standard library, there are two panic
//! handlers, which the compiler refuses.

use std::fs;
use std::path::Path;

use super::{Outcome, cargo};
use crate::tidy::LAYERS;

/// Where the proof is built, below the root.
const FOLDER: &str = "target/without-std";

pub(super) fn run(root: &Path) -> Result<Outcome, String> {
    let folder = root.join(FOLDER);
    let write = |path: &str, text: &str| {
        fs::write(folder.join(path), text)
            .map_err(|error| format!("cannot write {FOLDER}/{path}: {error}"))
    };
    fs::create_dir_all(folder.join("src"))
        .map_err(|error| format!("cannot make {FOLDER}: {error}"))?;
    write("Cargo.toml", &manifest(&LAYERS))?;
    write("src/lib.rs", &source(&LAYERS))?;
    // The versions of the workspace; cargo takes out what the proof does not need.
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock"))
        .map_err(|error| format!("cannot copy Cargo.lock: {error}"))?;
    let manifest = format!("{FOLDER}/Cargo.toml");
    cargo(root, &["check", "--manifest-path", &manifest, "--target-dir", FOLDER], &[])?;
    // The facade without its async half has no code that nobody calls.
    let facade = ["clippy", "--locked", "-p", "mpenc", "--no-default-features"];
    cargo(root, &[facade.as_slice(), &["--", "-D", "warnings"]].concat(), &[])
}

fn manifest(layers: &[&str]) -> String {
    let dependencies: String = layers
        .iter()
        .map(|layer| {
            format!("{layer} = {{ path = \"../../crates/{layer}\", default-features = false }}\n")
        })
        .collect();
    format!(
        "# Written by `cargo xtask ci --only without-std`.\n\
         [package]\nname = \"without-std\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
         publish = false\n\n[workspace]\n\n[dependencies]\n{dependencies}"
    )
}

fn source(layers: &[&str]) -> String {
    let uses: String =
        layers.iter().map(|layer| format!("use {} as _;\n", layer.replace('-', "_"))).collect();
    format!(
        "#![no_std]\n{uses}\n#[panic_handler]\n\
         fn panic(_: &core::panic::PanicInfo<'_>) -> ! {{\n    loop {{}}\n}}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proof_loads_every_layer_without_default_features() {
        let manifest = manifest(&LAYERS);
        let source = source(&LAYERS);
        for layer in LAYERS {
            let path = format!("path = \"../../crates/{layer}\", default-features = false");
            assert!(manifest.contains(&path), "{layer}");
            assert!(source.contains(&format!("use {} as _;", layer.replace('-', "_"))));
        }
        assert!(source.starts_with("#![no_std]"));
    }
}
