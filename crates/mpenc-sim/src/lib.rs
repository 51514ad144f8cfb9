//! One deterministic process in which real sessions meet lying servers, faults and dishonest
//! members, and an oracle that knows every honest state. See `docs/simulation.md`.
#![expect(
    clippy::std_instead_of_core,
    clippy::std_instead_of_alloc,
    clippy::wildcard_enum_match_arm,
    reason = "a program, not a layer; most notices and states do not concern it"
)]

#[cfg(feature = "testing")]
pub mod cli;
#[cfg(feature = "testing")]
mod dice;
#[cfg(feature = "testing")]
mod links;
#[cfg(feature = "testing")]
pub mod loss;
pub mod model;
#[cfg(feature = "testing")]
pub mod month;
#[cfg(feature = "testing")]
mod options;
#[cfg(feature = "testing")]
mod oracle;
#[cfg(feature = "testing")]
mod plan;
#[cfg(feature = "testing")]
mod report;
#[cfg(feature = "testing")]
mod run;
#[cfg(feature = "testing")]
mod server;
#[cfg(feature = "testing")]
mod shrink;
#[cfg(all(test, feature = "testing"))]
mod tests;
#[cfg(feature = "testing")]
mod users;
#[cfg(feature = "testing")]
mod world;
