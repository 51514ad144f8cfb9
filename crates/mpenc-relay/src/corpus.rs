//! What fuzzing starts from, and what it once found, stays checked.

use std::fs;
use std::path::Path;

use crate::client::script::{Played, run};
use crate::wire::invariants::check_frame;
use crate::wire::{self, ToClient, ToRelay};

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    files.into_iter().map(|file| fs::read(file).unwrap()).collect()
}

#[test]
fn relay_frames() {
    let (mut requests, mut events, mut packets) = (0, 0, 0);
    for bytes in corpus("relay_frames") {
        check_frame(&bytes);
        let text = String::from_utf8_lossy(&bytes);
        requests += usize::from(wire::decode::<ToRelay>(&text).is_ok());
        events += usize::from(wire::decode::<ToClient>(&text).is_ok());
        packets += usize::from(wire::decode_packet(&bytes).is_some());
    }
    assert!(requests >= 4 && events >= 5 && packets >= 1, "{requests}, {events}, {packets}");
}

#[test]
fn relay_client() {
    let mut all = Played::default();
    for script in corpus("relay_client") {
        let played = run(&script);
        all.taken += played.taken;
        all.refused += played.refused;
        all.written += played.written;
        all.resumed += played.resumed;
    }
    assert!(all.taken >= 50 && all.refused >= 10, "{all:?}");
    assert!(all.written >= 50 && all.resumed >= 10, "{all:?}");
}
