//! Membership operations of mpENC.
#![no_std]

extern crate alloc;

mod greeter;

pub use greeter::*;
