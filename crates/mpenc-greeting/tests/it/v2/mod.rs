//! Membership operations of the v2 profile, from outside.

mod aborts;
mod insiders;
mod operations;
mod proofs;
mod puppet;
mod room;
