//! Any bytes as a frame of the relay's protocol, in both directions.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/mpenc-relay/src/wire/invariants.rs"]
mod invariants;
#[path = "../../crates/mpenc-relay/src/wire.rs"]
#[expect(dead_code, reason = "the relay and its client use the rest")]
#[rustfmt::skip] // Looks for its tests in the wrong folder.
mod wire;

fuzz_target!(|bytes: &[u8]| invariants::check_frame(bytes));
