//! Any bytes as what comes out of decryption: padding, records, and the JSON text inside.
//!
//! What is read, written and read again is the same, and nothing may panic or allocate beyond the
//! bound (ATK-001 to ATK-008).
#![no_main]

use libfuzzer_sys::fuzz_target;
use mpenc_packet::v1::{Body, Content};

mod allocation;
#[path = "../../crates/mpenc-packet/tests/it/invariants.rs"]
#[expect(dead_code, reason = "other targets use the rest")]
mod invariants;

fuzz_target!(|bytes: &[u8]| {
    allocation::check(bytes.len(), || (Content::decode(bytes), Body::decode(bytes)));
    invariants::check_plaintext(bytes);
});
