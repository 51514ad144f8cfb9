//! Any bytes as a history of messages, honest and dishonest, written into a transcript and into a
//! model that searches its graph for every answer.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/mpenc-transcript/tests/it/model.rs"]
#[expect(dead_code, reason = "the properties use the rest")]
mod model;
#[path = "../../crates/mpenc-transcript/tests/it/script.rs"]
mod script;

fuzz_target!(|bytes: &[u8]| {
    let _ = script::run(bytes);
});
