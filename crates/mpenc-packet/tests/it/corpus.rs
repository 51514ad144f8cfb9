//! What fuzzing starts from, and what it once found, stays checked.

use alloc::collections::BTreeSet;
use std::fs;
use std::path::Path;

use mpenc_packet::{armor, padding, v1, v2};

use crate::invariants::{check_armor, check_plaintext, check_records, check_wire};
use crate::invariants_v2;

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

#[test]
fn records() {
    for bytes in corpus("records") {
        check_records(&bytes);
    }
}

#[test]
fn content() {
    let mut accepted = 0;
    for bytes in corpus("content") {
        check_plaintext(&bytes);
        let raw = padding::unpad(&bytes).unwrap_or(&bytes);
        accepted += usize::from(v1::Content::decode(raw).is_ok());
    }
    assert!(accepted >= 3, "the corpus has messages, found {accepted}");
}

#[test]
fn v2_packet() {
    let mut accepted = BTreeSet::new();
    for bytes in corpus("v2_packet") {
        invariants_v2::check_packet(&bytes);
        if v2::decode_greeting(&bytes).is_ok()
            || v2::DataPacket::decode(&bytes).is_ok()
            || v2::PublicationPacket::decode(&bytes).is_ok()
            || v2::RequestPacket::decode(&bytes).is_ok()
        {
            accepted.extend(v2::kind(&bytes));
        }
    }
    assert!(accepted.iter().eq(&v2::PacketKind::ALL), "only {accepted:?}");
}

#[test]
fn v2_content() {
    let (mut messages, mut requests) = (0, 0);
    for bytes in corpus("v2_content") {
        invariants_v2::check_plaintext(&bytes);
        messages += usize::from(v2::Plaintext::decode(&bytes).is_ok());
        requests += usize::from(v2::Request::decode(&bytes).is_ok());
    }
    assert!(messages >= 3, "the corpus has messages, found {messages}");
    assert!(requests >= 3, "the corpus has requests, found {requests}");
}
