//! Any bytes as operations of several members, whose packets somebody delays, copies, changes and
//! forges; over a suite that costs nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/mpenc-greeting/tests/it/script.rs"]
mod script;
#[path = "../../crates/mpenc-greeting/tests/it/tape.rs"]
mod tape;

fuzz_target!(|bytes: &[u8]| {
    let _ = script::run(bytes);
});
