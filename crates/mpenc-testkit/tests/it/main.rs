//! The kit judges channels that keep the contract, and six that break it.
#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "helpers of tests fail loudly"
)]

extern crate alloc;

mod broken;
mod good;
mod memory;
