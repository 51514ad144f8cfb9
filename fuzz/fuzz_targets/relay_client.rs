//! Any bytes as what a relay says to a client, and what the client's owner asks for meanwhile.
#![no_main]

extern crate alloc;

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/mpenc-relay/src/wire.rs"]
#[expect(dead_code, reason = "the relay and its client use the rest")]
#[rustfmt::skip] // Looks for its tests in the wrong folder.
mod wire;

#[path = "../../crates/mpenc-relay/src/client"]
mod client {
    pub(crate) mod script;
    #[rustfmt::skip] // As above.
    mod state;
}

fuzz_target!(|bytes: &[u8]| {
    let _ = client::script::run(bytes);
});
