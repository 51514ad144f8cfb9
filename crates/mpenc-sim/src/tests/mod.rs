//! Of the simulator itself: that it repeats itself, that parts of plans are plans, and that its
//! oracle notices what is wrong.

mod attacks;
mod plans;

use crate::options::{ACTS, Adversary, Options};

/// A run with the suite for tests.
fn options(seed: u64, v2: bool, adversary: Adversary) -> Options {
    Options { seed, v2, mock: true, adversary, members: Options::members_of(seed), acts: ACTS }
}
