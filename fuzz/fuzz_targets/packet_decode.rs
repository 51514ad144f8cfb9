//! Any bytes as the records of a packet, as what comes out of decryption, and as the text form.
//!
//! Whatever decodes must be exactly what its own fields encode to, and nothing may panic or
//! allocate beyond the bound (ATK-001 to ATK-008, ATK-014).
#![no_main]

use std::alloc::System;

use libfuzzer_sys::fuzz_target;
use mpenc_packet::{armor, v1};
use mpenc_types::limits::MAX_MEMBERS;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[path = "../../crates/mpenc-packet/tests/it/invariants.rs"]
mod invariants;

use invariants::{check_armor, check_plaintext, check_wire};

#[global_allocator]
static GLOBAL: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fuzz_target!(|bytes: &[u8]| {
    let wire = armor::encode(bytes);
    let region = Region::new(GLOBAL);
    let packet = v1::decode(&wire);
    let allocated = region.change().bytes_allocated;
    assert!(allocated <= 4 * wire.len() + 4096 + 40 * MAX_MEMBERS, "{allocated} bytes (ATK-002)");
    drop(packet);
    check_wire(&wire);
    check_wire(bytes);
    check_armor(bytes);
    check_plaintext(bytes);
});
