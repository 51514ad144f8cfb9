//! Any bytes as what an XMPP server sends, in pieces of any size.
#![no_main]

extern crate rxml;

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/mpenc-xmpp/src/scanner/invariants.rs"]
mod invariants;
#[path = "../../crates/mpenc-xmpp/src/scanner.rs"]
#[rustfmt::skip] // Looks for its tests in the wrong folder.
mod scanner;

fuzz_target!(|script: &[u8]| {
    let _ = invariants::check_script(script);
});
