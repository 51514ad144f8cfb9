//! Limits that are part of the protocol, not of a member's configuration: acceptance must not
//! depend on local settings.

/// Members an operation may name (GKA-031).
pub const MAX_MEMBERS: usize = 512;

/// Bytes of a member identifier, inclusive (MOD-013).
pub const MAX_MEMBER_ID_LEN: usize = 255;

/// Bytes of one packet as the channel carries it, inclusive (CHN-014).
pub const MAX_PACKET_LEN: usize = 256 * 1024;

/// Previous subsessions that shut down in the background at the same time (MOD-004).
pub const MAX_PREVIOUS: usize = 4;
