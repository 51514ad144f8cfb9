//! Membership operations of the v1 profile, from outside.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed expectation is a failed test"
)]

extern crate alloc;

mod atomic;
mod craft;
mod erasure;
mod final_packet;
mod group;
mod operations;
mod participants;
mod properties;
mod proposals;
mod rejects;
mod secrecy;
mod tables;
mod vectors;
