//! The program from outside: what it prints, and how it ends.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking"
)]

extern crate alloc;

mod bad_input;
mod chat;
mod demo;
mod help;
#[cfg(all(unix, feature = "xmpp"))]
mod password;
mod peer;
mod program;
mod relay;
mod replay;
