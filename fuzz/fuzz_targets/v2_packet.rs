//! Any bytes as a packet of the second profile.
//!
//! Whatever decodes must be exactly what its own fields encode to, and nothing may panic or
//! allocate beyond the bound (ATK-001 to ATK-006, ATK-014).
#![no_main]

use libfuzzer_sys::fuzz_target;
use mpenc_packet::v2;

mod allocation;
#[path = "../../crates/mpenc-packet/tests/it/invariants_v2.rs"]
#[expect(dead_code, reason = "the other target uses the rest")]
mod invariants;

fuzz_target!(|wire: &[u8]| {
    allocation::check(wire.len(), || v2::decode_greeting(wire));
    allocation::check(wire.len(), || v2::DataPacket::decode(wire));
    invariants::check_packet(wire);
});
