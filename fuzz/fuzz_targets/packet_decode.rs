//! Any bytes as the records of a packet, and as the text form.
//!
//! Whatever decodes must be exactly what its own fields encode to, and nothing may panic or
//! allocate beyond the bound (ATK-001 to ATK-008, ATK-014).
#![no_main]

use libfuzzer_sys::fuzz_target;
use mpenc_packet::{armor, v1};

mod allocation;
#[path = "../../crates/mpenc-packet/tests/it/invariants.rs"]
#[expect(dead_code, reason = "other targets use the rest")]
mod invariants;

fuzz_target!(|bytes: &[u8]| {
    let wire = armor::encode(bytes);
    allocation::check(wire.len(), || v1::decode(&wire));
    invariants::check_wire(&wire);
    invariants::check_wire(bytes);
});
