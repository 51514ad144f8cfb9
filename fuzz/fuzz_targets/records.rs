//! Any bytes as records, whatever their kinds: what is read is what was written (ATK-001, ATK-008).
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/mpenc-packet/tests/it/invariants.rs"]
#[expect(dead_code, reason = "other targets use the rest")]
mod invariants;

fuzz_target!(|bytes: &[u8]| invariants::check_records(bytes));
