//! Any bytes as the text form of a packet: one form for each content (ATK-007).
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/mpenc-packet/tests/it/invariants.rs"]
#[expect(dead_code, reason = "other targets use the rest")]
mod invariants;

fuzz_target!(|wire: &[u8]| invariants::check_armor(wire));
