//! Tests against real servers: `cargo xtask ci --servers`.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail loudly"
)]

mod channel;
mod kit;
