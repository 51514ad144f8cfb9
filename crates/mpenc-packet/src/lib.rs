#![no_std]
#![doc = "Under construction."]
extern crate alloc;
