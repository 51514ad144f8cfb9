use core::fmt;

use mpenc::channel::{ChannelError, ChannelEvent, ChannelRequest, GroupChannel};
use mpenc::{Identity, MemberId};

/// A connection to a room of a relay, as a group channel.
#[derive(Debug)]
pub struct RelayChannel {}

/// Why a relay could not be joined: one sentence for people, lower case and without a final stop.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectError {
    /// The address is not one of a relay.
    InvalidUrl {
        /// The address as given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidUrl { url, reason } => write!(f, "{url} is not a relay address: {reason}"),
        }
    }
}

impl core::error::Error for ConnectError {}

/// Breaks a channel's connection from outside, as a failing network would.
#[derive(Clone, Debug)]
pub struct ConnectionHandle {}

impl ConnectionHandle {
    /// Cuts the connection for good, without a word to the relay: the others see the owner leave
    /// after the grace, and the channel ends.
    pub fn cut(&self) {}

    /// Breaks the connection once; the channel comes back by itself.
    pub fn interrupt(&self) {}
}

impl RelayChannel {
    /// Connects to `room` of the relay at `url` (`ws://HOST:PORT`) under `name`, and proves that
    /// `identity` is ours. The channel is entered later, with [`ChannelRequest::Enter`].
    ///
    /// # Errors
    ///
    /// One [`ConnectError`] for each thing that can go wrong.
    pub async fn connect(
        url: &str,
        room: &str,
        name: MemberId,
        identity: Identity,
    ) -> Result<Self, ConnectError> {
        let _ = (room, name, identity);
        Err(ConnectError::InvalidUrl { url: url.to_owned(), reason: "not yet".to_owned() })
    }

    /// A handle with which the connection can be broken from outside.
    #[must_use]
    pub fn connection(&self) -> ConnectionHandle {
        ConnectionHandle {}
    }
}

impl GroupChannel for RelayChannel {
    async fn request(&mut self, _request: ChannelRequest) -> Result<(), ChannelError> {
        Err(ChannelError::new("not connected"))
    }

    async fn next_event(&mut self) -> Result<ChannelEvent, ChannelError> {
        Err(ChannelError::new("not connected"))
    }
}
