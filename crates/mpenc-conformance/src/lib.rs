//! Holds this implementation against recordings of the original one, and against the vectors of
//! the second profile, which it makes and a program in another language verifies.
//!
//! A vector file says by its field `format` what it is. Primitive files are recomputed; of a
//! session file every packet is verified and opened as an observer who knows all keys would, and
//! every member is played again from its recorded inputs and randomness, packet by packet.
//! `docs/conformance.md` has the details.
#![expect(
    clippy::std_instead_of_core,
    clippy::std_instead_of_alloc,
    reason = "a program, not a layer: it reads files and prints"
)]

mod departures;
mod draws;
mod json;
mod primitives;
mod report;
mod session;
mod v2;

use std::fs;
use std::path::Path;

pub use departures::{Departure, table};
pub use json::Fault;
pub use report::{Line, Tally};
pub use v2::generate::files as generate_v2;

use json::Node;

/// Checks every vector file of a folder: one line for each file and role.
///
/// A file that cannot be read, is not JSON or has an unknown format fails, and so does a folder
/// without vectors.
#[must_use]
pub fn check_folder(folder: &Path) -> Vec<Line> {
    let name = folder.display().to_string();
    let mut files = match fs::read_dir(folder) {
        Ok(entries) => {
            let paths = entries.map(|entry| entry.map(|entry| entry.path()));
            match paths.collect::<Result<Vec<_>, _>>() {
                Ok(paths) => paths,
                Err(error) => return vec![broken(&name, format!("cannot be listed: {error}"))],
            }
        }
        Err(error) => return vec![broken(&name, format!("cannot be listed: {error}"))],
    };
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    if files.is_empty() {
        return vec![broken(&name, "has no vectors".to_owned())];
    }
    files.iter().flat_map(|path| check_file(path)).collect()
}

fn check_file(path: &Path) -> Vec<Line> {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    match fs::read_to_string(path) {
        Ok(text) => check_text(&name, &text),
        Err(error) => vec![broken(&name, format!("cannot be read: {error}"))],
    }
}

/// Checks one vector file, given as text: one line for each role.
#[must_use]
pub fn check_text(name: &str, text: &str) -> Vec<Line> {
    let value = match json::parse(text) {
        Ok(value) => value,
        Err(what) => return vec![broken(name, what)],
    };
    let root = Node::root(&value);
    let format = match root.get("format").and_then(|format| format.text()) {
        Ok(format) => format,
        Err(fault) => return vec![broken(name, fault.to_string())],
    };
    if format == session::FORMAT {
        return session::check(name, &root);
    }
    if let Some(lines) = v2::check(name, format, &root) {
        return lines;
    }
    match primitives::check(format, &root) {
        Some(tally) => vec![Line { file: name.to_owned(), role: "primitive".to_owned(), tally }],
        None => vec![broken(name, format!("has the unknown format `{format}`"))],
    }
}

fn broken(file: &str, what: String) -> Line {
    let mut tally = Tally::default();
    tally.fault(Fault::new("file", what));
    Line { file: file.to_owned(), role: "file".to_owned(), tally }
}
