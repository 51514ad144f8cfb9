//! Every allocation of the process, counted.

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static GLOBAL: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What a call makes, and the bytes that it has allocated and not given back.
pub(crate) fn kept<T>(call: impl FnOnce() -> T) -> (T, usize) {
    let region = Region::new(GLOBAL);
    let result = call();
    let change = region.change();
    (result, change.bytes_allocated.saturating_sub(change.bytes_deallocated))
}

/// The bytes that a call gives back, without those that it allocates.
pub(crate) fn freed(call: impl FnOnce()) -> usize {
    let region = Region::new(GLOBAL);
    call();
    let change = region.change();
    change.bytes_deallocated.saturating_sub(change.bytes_allocated)
}
