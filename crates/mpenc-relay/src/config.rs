use core::time::Duration;

use mpenc::limits::MAX_PACKET_LEN;

use crate::loss::Loss;

/// Limits and times of a relay. The defaults are for a relay that others can reach, and are meant
/// never to be met by a conversation.
///
/// # Size of the backlog
///
/// A room keeps one copy of each recent event, whatever the number of receivers. Changing the
/// membership of `n` members puts about `112 n²` bytes on the channel, and growing from one to
/// `n` by inclusions about `37 n³`: with 64 members half a megabyte for one change and ten
/// megabytes for all, with 121 members 1.6 and 66. So with the default of 64 MiB a client of a
/// group of 121 may read nothing at all for 30 changes of membership, and is still not closed.
///
/// The most memory that a relay takes is about `backlog_total`, and for each connection up to four
/// times `max_packet` for a frame that is only partly there, and a quarter of a megabyte besides.
///
/// # Examples
///
/// ```
/// use core::time::Duration;
/// use mpenc_relay::RelayConfig;
///
/// let config = RelayConfig { grace: Duration::from_millis(500), ..RelayConfig::default() };
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayConfig {
    /// Bytes of one packet, inclusive. A larger one closes the connection that sent it. Default:
    /// 256 KiB, the limit of the protocol (CHN-014).
    pub max_packet: usize,
    /// Bytes of recent events that a room keeps for those who have not received them yet, whether
    /// their connection is slow or broken for the moment. A connected client that needs an older
    /// event has lagged and is closed. Default: 64 MiB.
    pub backlog: usize,
    /// Bytes of recent events that all rooms together keep. Beyond it each room keeps its equal
    /// share only. Default: 1 GiB.
    pub backlog_total: usize,
    /// How long a member whose connection broke stays in the room, so that it can come back as if
    /// nothing had happened. Afterwards the others see it leave. Default: 5 seconds.
    pub grace: Duration,
    /// Time between two pings. Default: 10 seconds.
    pub ping_interval: Duration,
    /// A connection from which nothing has come for this long is taken for broken; at least two
    /// ping intervals make sense. Default: 30 seconds.
    pub ping_timeout: Duration,
    /// Time for a new connection to say who it is. Default: 10 seconds.
    pub hello_timeout: Duration,
    /// Time to tell a client why it is closed, before it is closed anyway. Default: 5 seconds.
    pub close_timeout: Duration,
    /// Connections at one time. Default: 4096.
    pub max_connections: usize,
    /// Rooms at one time. Default: 1024.
    pub max_rooms: usize,
    /// Names in one room at one time. Default: 512, the most that one operation can name
    /// (GKA-031).
    pub max_room_members: usize,
    /// Loses packets on purpose, for tests. Default: none.
    pub lose: Option<Loss>,
}

impl Default for RelayConfig {
    fn default() -> Self {
        Self {
            max_packet: MAX_PACKET_LEN,
            backlog: 64 << 20,
            backlog_total: 1 << 30,
            grace: Duration::from_secs(5),
            ping_interval: Duration::from_secs(10),
            ping_timeout: Duration::from_secs(30),
            hello_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(5),
            max_connections: 4096,
            max_rooms: 1024,
            max_room_members: mpenc::limits::MAX_MEMBERS,
            lose: None,
        }
    }
}
