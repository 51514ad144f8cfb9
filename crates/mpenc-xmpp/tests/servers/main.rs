//! Tests against real servers: `cargo xtask ci --servers`.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail loudly"
)]
#![expect(clippy::disallowed_methods, reason = "real servers take real time")]

extern crate alloc;

mod channel;
mod ejabberd;
mod fork;
mod ghost;
mod kit;
mod line;
mod restart;
mod resume;
mod session;
mod talk;
mod tls;
