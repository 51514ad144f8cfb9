//! Tests of the two orders, one behaviour in each module.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, and tests have a standard library"
)]

mod accept;
mod acks;
mod corpus;
mod deferral;
mod depth;
mod drawn;
mod fin;
mod log;
mod model;
mod order;
mod order_table;
mod properties;
mod prune;
mod queries;
mod script;
mod support;
mod vectors;
