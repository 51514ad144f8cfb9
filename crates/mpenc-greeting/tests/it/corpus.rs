//! What fuzzing starts from, and what it once found, stays checked.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

use crate::script::{Played, run};
use crate::v2::script as v2;

#[test]
fn greeting() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/greeting");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut all = Played::default();
    for file in files {
        let played = run(&fs::read(file).unwrap());
        all.refused += played.refused;
        all.applied += played.applied;
        all.completed += played.completed;
        all.deceived += played.deceived;
    }
    assert!(all.applied >= 200 && all.completed >= 40, "{all:?}");
    assert!(all.refused >= 500 && all.deceived >= 5, "{all:?}");
}

#[test]
fn v2_greeting() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/v2_greeting");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut all = v2::Played::default();
    for file in files {
        let played = v2::run(&fs::read(file).unwrap());
        all.refused += played.refused;
        all.applied += played.applied;
        all.completed += played.completed;
        all.failed += played.failed;
        all.blamed += played.blamed;
        all.deceived += played.deceived;
    }
    assert!(all.applied >= 2000 && all.completed >= 100 && all.failed >= 20, "{all:?}");
    assert!(all.refused >= 500 && all.deceived >= 20 && all.blamed >= 10, "{all:?}");
}

#[test]
fn honest_members_of_a_v2_script_complete_everything() {
    // Five: a with b and c; b includes d and e; c excludes b; d refreshes; a remains alone.
    let script =
        [5, 2, 0, 0b111, 1, 2, 1, 0b11111, 1, 2, 2, 0b11101, 1, 2, 3, 0b11101, 1, 2, 0, 1, 1];
    let played = v2::run(&script);
    assert_eq!(played.completed, 3 + 5 + 4 + 4 + 1);
    assert_eq!((played.deceived, played.failed), (0, 0));
}

/// What the dishonest member of a script says is good enough to be counted.
#[test]
fn a_dishonest_member_of_a_v2_script_gets_far() {
    // a with the dishonest c: c answers with its own values, shares, confirms; then it lies.
    for (twist, good) in [(0, true), (1, false)] {
        let script = [
            [11, 2, 0, 0b101, 0].as_slice(),
            // c's own answer is lost; it says something else to all.
            &[7, 0, 4, 6, 0, 3, 0, 0, 0],
            &[0, 6, 0, 3, 1, 1, 0],
            &[0, 6, 0, 3, 2, 1, twist],
        ];
        let played = v2::run(&script.concat());
        assert_eq!(played.completed > 0, good, "{played:?}");
        assert_eq!(played.blamed > 0, !good, "{played:?}");
    }
}

#[test]
fn honest_members_of_a_script_complete_everything() {
    // Five: a with b and c; b includes d and e; c excludes b; d refreshes.
    let script = [5, 2, 0, 0b111, 1, 2, 1, 0b11111, 1, 2, 2, 0b11101, 1, 2, 3, 0b11101, 1];
    let played = run(&script);
    assert_eq!(played.completed, 3 + 5 + 4 + 4);
    assert_eq!(played.deceived, 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_script_holds(begin in 0..16u8, script in prop::collection::vec(any::<u8>(), 0..160)) {
        // A group to begin with, since random bytes rarely make one.
        let mut whole = vec![begin, 2, 0, 0b111, 0];
        whole.extend(script);
        let _ = run(&whole);
        let _ = v2::run(&whole);
    }
}
