//! Behaviour of the liveness layer, one module for each.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "test support may panic: that is a failed test"
)]

extern crate alloc;

mod acks;
mod group;
mod resends;
mod spurious;
mod states;
mod warnings;

use core::time::Duration;

use mpenc_types::{MessageId, Timestamp};

fn id(number: u64) -> MessageId {
    MessageId::new(&number.to_be_bytes()).unwrap()
}

fn at(after: Duration) -> Timestamp {
    Timestamp::ZERO + after
}

const TICK: Duration = Duration::from_millis(1);
