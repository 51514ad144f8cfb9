//! Tables in `docs/state-tables.md` that tests draw from the code, and hold the document against.
//!
//! `MPENC_WRITE_TABLES=1` writes what they draw instead of comparing. Other crates use this file by
//! its path.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/state-tables.md");

/// The document shows exactly this under this name.
pub(crate) fn assert_drawn(name: &str, table: &str) {
    let write = std::env::var_os("MPENC_WRITE_TABLES").is_some();
    let mut file = File::options().read(true).write(write).open(DOCUMENT).unwrap();
    if write {
        // Tests of several crates may write at the same time.
        file.lock().unwrap();
    }
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    let begin = format!("<!-- drawn: {name} -->\n");
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| {
        panic!("docs/state-tables.md has no place for {name}: a line {begin:?}");
    });
    let (shown, after) = rest.split_once("<!-- end -->\n").unwrap();
    if write {
        let new = format!("{before}{begin}{table}<!-- end -->\n{after}");
        file.rewind().unwrap();
        file.set_len(0).unwrap();
        file.write_all(new.as_bytes()).unwrap();
        return;
    }
    for (number, (shown, drawn)) in shown.lines().zip(table.lines()).enumerate() {
        assert_eq!(shown, drawn, "row {number} of {name} in docs/state-tables.md; {HINT}");
    }
    assert_eq!(shown.lines().count(), table.lines().count(), "rows of {name}; {HINT}");
}

const HINT: &str = "MPENC_WRITE_TABLES=1 cargo test writes the document anew";
