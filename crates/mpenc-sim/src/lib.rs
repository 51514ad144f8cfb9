//! One deterministic process in which real sessions meet lying servers, faults and dishonest
//! members, and an oracle that knows every honest state. See `docs/simulation.md`.
