//! The kit judges channels that keep the contract, and others that break it.
#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "helpers of tests fail loudly"
)]

extern crate alloc;

mod broken;
mod good;
mod guide;
mod memory;
mod partial;
