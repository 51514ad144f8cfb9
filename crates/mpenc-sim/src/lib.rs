//! One deterministic process in which real sessions meet lying servers, faults and dishonest
//! members, and an oracle that knows every honest state. See `docs/simulation.md`.
#![expect(
    clippy::std_instead_of_core,
    clippy::std_instead_of_alloc,
    reason = "a program, not a layer"
)]

pub mod model;
