//! Any bytes as what comes out of decryption in the second profile: signature, padding, content.
//!
//! Whatever decodes must be exactly what its own fields encode to, and nothing may panic or
//! allocate beyond the bound (ATK-001 to ATK-006).
#![no_main]

use libfuzzer_sys::fuzz_target;
use mpenc_packet::v2::{Content, Plaintext};

mod allocation;
#[path = "../../crates/mpenc-packet/tests/it/invariants_v2.rs"]
#[expect(dead_code, reason = "the other target uses the rest")]
mod invariants;

fuzz_target!(|bytes: &[u8]| {
    allocation::check(bytes.len(), || (Plaintext::decode(bytes), Content::decode(bytes)));
    invariants::check_plaintext(bytes);
});
