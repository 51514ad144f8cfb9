//! Texts too long for one message, in parts (V2-028).

pub use mpenc_packet::v2::{Part, PartStart};
