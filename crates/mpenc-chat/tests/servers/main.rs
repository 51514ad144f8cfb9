//! The program on XMPP servers: `cargo xtask ci --servers`.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking"
)]

#[expect(dead_code, reason = "these tests use less of it")]
#[path = "../it/program.rs"]
mod program;

mod own;
mod stranger;
