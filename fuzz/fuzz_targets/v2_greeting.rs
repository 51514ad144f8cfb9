//! Any bytes as operations of several members in the second profile, whose packets somebody delays,
//! copies, changes and forges, and in which one of them lies; over a suite that costs nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/mpenc-greeting/tests/it/v2/script.rs"]
mod script;
#[path = "../../crates/mpenc-greeting/tests/it/tape.rs"]
mod tape;

fuzz_target!(|bytes: &[u8]| {
    let _ = script::run(bytes);
});
