mod endpoint;
mod link;
#[cfg(test)]
pub(crate) mod script;
mod state;

use alloc::sync::Arc;
use core::fmt;

use mpenc::channel::{ChannelError, ChannelEvent, ChannelRequest, GroupChannel};
use mpenc::{Identity, MemberId};

pub use endpoint::ConnectError;

use endpoint::Endpoint;
use link::{Command, Link};

/// A place in a room of a relay, as a group channel.
///
/// A broken connection is restored by itself. Within the relay's grace nothing is lost, neither
/// events nor requests. If it takes longer, or something may have been lost, the channel reports
/// [`ChannelEvent::Left`] (CHN-011); the next [`ChannelRequest::Enter`] enters again. If the
/// relay cannot be reached for a minute, or refuses us, the channel ends.
///
/// Dropping it without [`ChannelRequest::Leave`] drops the connection without a word, as a
/// crashed program would: the others see the owner leave after the relay's grace.
pub struct RelayChannel {
    link: Arc<Link>,
    description: String,
}

/// Breaks a channel's connection from outside, as a failing network would. For tests and
/// demonstrations.
#[derive(Clone)]
pub struct ConnectionHandle {
    link: Arc<Link>,
}

impl ConnectionHandle {
    /// Cuts the connection for good, without a word to the relay: the others see the owner leave
    /// after the relay's grace, and the channel ends.
    pub fn cut(&self) {
        self.link.command(Command::Cut);
    }

    /// Breaks the connection once; the channel restores it.
    pub fn interrupt(&self) {
        self.link.command(Command::Interrupt);
    }
}

impl fmt::Debug for ConnectionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionHandle").finish_non_exhaustive()
    }
}

impl RelayChannel {
    /// Connects to `room` of the relay at `url` (`ws://HOST:PORT`) under `name`, and proves that
    /// `identity` is ours. The room is entered later, with [`ChannelRequest::Enter`].
    ///
    /// Must be called within a tokio runtime with network and time, on which a task then looks
    /// after the connection.
    ///
    /// # Errors
    ///
    /// One [`ConnectError`] for each thing that can go wrong; after ten seconds without an answer
    /// [`ConnectError::Timeout`].
    pub async fn connect(
        url: &str,
        room: &str,
        name: MemberId,
        identity: Identity,
    ) -> Result<Self, ConnectError> {
        let description = format!("{name} in room {room:?} at {url}");
        let endpoint = Endpoint::new(url, room, name.clone(), identity)?;
        let (socket, welcome) = endpoint.connect(None, link::CONNECT_TIMEOUT).await?;
        let link = Arc::new(Link::new(name));
        tokio::spawn(link::drive(Arc::clone(&link), endpoint, socket, welcome));
        Ok(Self { link, description })
    }

    /// A handle with which the connection can be broken from outside.
    #[must_use]
    pub fn connection(&self) -> ConnectionHandle {
        ConnectionHandle { link: Arc::clone(&self.link) }
    }
}

impl GroupChannel for RelayChannel {
    async fn request(&mut self, request: ChannelRequest) -> Result<(), ChannelError> {
        self.link.request(request).await
    }

    async fn next_event(&mut self) -> Result<ChannelEvent, ChannelError> {
        self.link.next_event().await
    }
}

impl Drop for RelayChannel {
    fn drop(&mut self) {
        self.link.command(Command::Drop);
    }
}

impl fmt::Debug for RelayChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RelayChannel({})", self.description)
    }
}
