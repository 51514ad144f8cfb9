//! What fuzzing starts from, and what it once found, stays checked.

use std::fs;
use std::path::Path;

use mpenc_packet::{armor, v1};

use crate::invariants::{check_armor, check_plaintext, check_wire};

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    files.into_iter().map(|file| fs::read(file).unwrap()).collect()
}

#[test]
fn packet_decode() {
    let mut accepted = 0;
    for bytes in corpus("packet_decode") {
        let wire = armor::encode(&bytes);
        check_wire(&wire);
        check_wire(&bytes);
        check_plaintext(&bytes);
        accepted += usize::from(v1::decode(&wire).is_ok());
    }
    assert!(accepted >= 12, "the corpus has a packet of each type, found {accepted}");
}

#[test]
fn armor_text() {
    for bytes in corpus("armor") {
        check_armor(&bytes);
    }
}
