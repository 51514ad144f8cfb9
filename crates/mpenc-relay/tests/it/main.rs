//! The relay and its client over real sockets on the loopback interface.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "helpers of tests fail loudly"
)]

mod broken;
mod limits;
mod membership;
mod names;
mod order;
mod raw;
mod resume;
mod session;
mod support;
