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
mod secrecy;
mod tables;
