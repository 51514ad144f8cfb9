//! What fuzzing starts from, and what it once found, stays checked.

use std::fs;
use std::path::Path;

use crate::script::run;

#[test]
fn transcript() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/transcript");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    let mut accepted = 0;
    let mut refused = 0;
    for file in files {
        let outcome = run(&fs::read(file).unwrap());
        accepted += outcome.accepted;
        refused += outcome.refused;
    }
    assert!(accepted >= 100 && refused >= 20, "{accepted} accepted, {refused} refused");
}
