//! Membership operations of the v2 profile, from outside.

mod operations;
mod room;
