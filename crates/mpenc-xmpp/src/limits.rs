//! Every bound of this channel, by name.

use core::time::Duration;

/// Bytes of a packet, inclusive (CHN-014).
pub const MAX_PACKET_LEN: usize = mpenc::limits::MAX_PACKET_LEN;

/// Bytes of a packet that go into one message if the account does not say otherwise. With
/// base64 and the elements around, a message stays under 64 KiB, which common servers take.
pub const DEFAULT_FRAGMENT: usize = 44 * 1024;

/// The least number of bytes of a packet that one message may be limited to.
pub const MIN_FRAGMENT: usize = 512;

/// Pieces of one packet, inclusive: the largest packet in the smallest pieces.
pub const MAX_FRAGMENTS: usize = MAX_PACKET_LEN.div_ceil(MIN_FRAGMENT);

/// Bytes of unfinished packets of all senders together. Beyond it, the account that holds most
/// loses what it has not finished.
pub const MAX_UNFINISHED: usize = 16 << 20;

/// Occupants of a room that are followed; who enters when there are as many is not seen.
pub const MAX_OCCUPANTS: usize = 1024;

/// Bytes of events waiting for the owner, beyond which no more are read from the server.
pub const INCOMING_LIMIT: usize = 16 << 20;

/// Bytes of packets waiting to be sent, beyond which the owner has to wait.
pub const OUTGOING_LIMIT: usize = 8 << 20;

/// Bytes of packets sent and not yet echoed, beyond which the next waits: a slow server is not
/// sent more than it passes on.
pub const WINDOW: usize = 512 * 1024;

/// Answers to questions of others waiting to be sent; more questions are not answered.
pub const MAX_ANSWERS: usize = 64;

/// How often a packet is sent anew after the room refused it for now, or somebody entered between
/// its pieces.
pub const MAX_TRIES: u32 = 8;

/// Pause before a packet that was refused for now is sent anew.
pub const REFUSED_PAUSE: Duration = Duration::from_secs(1);

/// Silence in the room after which it is asked whether we are still in it (XEP-0410).
pub const SELF_PING: Duration = Duration::from_secs(30);

/// Time for the answer, and for the room to let us in.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// Time without any echo while packets are under way, after which the stay is given up.
pub const ECHO_TIMEOUT: Duration = Duration::from_secs(60);

/// Pause before entering is tried again, and how often it is.
pub const ENTER_PAUSE: Duration = Duration::from_millis(400);
/// See [`ENTER_PAUSE`].
pub const MAX_ENTER_TRIES: u32 = 20;

/// How long a stream that was resumed is watched for packets that come out of order, upon which
/// the stay is given up.
pub const RESUMED_WATCH: Duration = Duration::from_secs(30);

/// How long logging in may take.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// How long a broken connection is tried to be restored.
pub const GIVE_UP: Duration = Duration::from_secs(120);

/// New streams in place of broken ones within [`GIVE_UP`], beyond which the channel ends: two
/// clients with one address would take it from each other for ever.
pub const MAX_RESETS: usize = 8;

/// Elements of what a server sends that lie in one another, the stream's own among them; more
/// break the connection. XMPP as it is spoken needs about ten.
pub const MAX_XML_DEPTH: usize = 64;

/// Bytes of a stanza that a server sends; more break the connection. The largest packet in one
/// message takes 350 KiB, and servers as they are delivered pass on half of this at most.
pub const MAX_STANZA_LEN: usize = 1 << 20;

/// Bytes of stanzas that a server with stream management (XEP-0198) has not acknowledged, beyond
/// which the channel ends: they are kept until it does, and it was asked after each.
pub const MAX_UNACKED: usize = 8 << 20;

/// Resumptions of a broken stream within [`GIVE_UP`], beyond which the channel ends: what broke it
/// may be sent again each time.
pub const MAX_RESUMPTIONS: usize = 32;

/// Attempts to resume a broken stream that break themselves, after which a new one is begun and
/// the stay ends.
pub const MAX_FAILED_RESUMPTIONS: u32 = 2;
