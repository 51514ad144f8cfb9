//! Tests against real servers: `cargo xtask ci --servers`.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail loudly"
)]

mod channel;
mod fork;
mod ghost;
mod kit;
mod restart;
mod session;
mod talk;
