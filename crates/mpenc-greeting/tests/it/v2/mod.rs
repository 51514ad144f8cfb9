//! Membership operations of the v2 profile, from outside.

mod aborts;
mod atomic;
mod bystanders;
mod erasure;
mod hedging;
mod insiders;
mod network;
mod operations;
mod proofs;
mod proposals;
mod puppet;
mod room;
#[expect(
    clippy::std_instead_of_alloc,
    reason = "it is also part of a fuzz target, which has `std` only"
)]
pub(crate) mod script;
mod secrecy;
mod tables;
