//! Limits that are part of the protocol, not of a member's configuration: acceptance must not
//! depend on local settings.

/// Members an operation may name (GKA-031).
pub const MAX_MEMBERS: usize = 512;

/// Members of the channel that a session follows, itself included (CHN-018). It has no part in what
/// others in a channel do, of whom there may be more than can be in one session. All members of a
/// session count alike, since the identifiers of operations depend on who is in the channel
/// (ORD-003).
pub const MAX_CHANNEL_MEMBERS: usize = 4096;

/// Bytes of a member identifier, inclusive (MOD-013).
pub const MAX_MEMBER_ID_LEN: usize = 255;

/// Bytes of one packet as the channel carries it, inclusive (CHN-014).
pub const MAX_PACKET_LEN: usize = 256 * 1024;

/// Previous subsessions that shut down in the background at the same time (MOD-004).
pub const MAX_PREVIOUS: usize = 4;
