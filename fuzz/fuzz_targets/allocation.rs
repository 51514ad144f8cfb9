//! What decoding may allocate (ATK-002).

use std::alloc::System;

use mpenc_types::limits::MAX_MEMBERS;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static GLOBAL: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Decodes `len` bytes: four bytes for each of them, 4 KiB, and 40 bytes for each of the members
/// that a session can have.
pub(crate) fn check<T>(len: usize, decode: impl FnOnce() -> T) {
    let region = Region::new(GLOBAL);
    let decoded = decode();
    let allocated = region.change().bytes_allocated;
    drop(decoded);
    let bound = 4 * len + 4096 + 40 * MAX_MEMBERS;
    assert!(allocated <= bound, "{allocated} bytes for {len} (ATK-002)");
}
