//! Membership operations of mpENC.
//!
//! [`Greeter`] is what a session knows of them; [`CliquesGreeter`] performs them as the original
//! does: CLIQUES group key agreement with an authenticated exchange of signature keys.
#![no_std]

extern crate alloc;

mod greeter;
mod v1;

pub use greeter::*;
pub use v1::CliquesGreeter;
