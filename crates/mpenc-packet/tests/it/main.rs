//! What the codec promises, one behaviour for each module.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop"
)]

extern crate alloc;

mod armor;
mod body;
mod canonical;
mod contexts;
mod corpus;
mod data;
mod error_packets;
mod greeting;
mod invariants;
mod invariants_v2;
mod limits;
mod order;
mod padding;
mod properties;
mod support;
mod tlv;
mod truncation;
mod v2;
mod widths;
