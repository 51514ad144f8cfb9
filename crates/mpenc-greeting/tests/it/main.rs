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
mod corpus;
mod craft;
#[path = "../../../mpenc-transcript/tests/it/drawn.rs"]
mod drawn;
mod erasure;
mod final_packet;
mod group;
mod operations;
mod participants;
mod properties;
mod proposals;
mod rejects;
#[expect(
    clippy::std_instead_of_alloc,
    reason = "it is also part of a fuzz target, which has `std` only"
)]
mod script;
mod secrecy;
mod tables;
mod tape;
mod v2;
mod vectors;
