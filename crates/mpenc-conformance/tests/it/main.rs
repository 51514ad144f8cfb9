//! Our own copies of the vectors pass, and what is not as recorded is noticed.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails the test")]

mod faults;
mod recordings;
mod v2;

use std::fs;
use std::path::{Path, PathBuf};

/// The project's own copies.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../xtask/vectors/mpenc-js")
}

fn read(file: &str) -> String {
    fs::read_to_string(folder().join(file)).unwrap()
}
