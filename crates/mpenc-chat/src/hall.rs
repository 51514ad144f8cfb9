//! Where a conversation takes place: a room of a relay, or one of an XMPP server.

use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;

use mpenc::channel::{ChannelError, ChannelEvent, ChannelRequest, GroupChannel};
use mpenc::{Identity, MemberId};
use mpenc_relay::{ConnectionHandle, Loss, Relay, RelayChannel, RelayConfig};
use tokio::sync::oneshot;

use crate::failure::Failure;
use crate::keys::plain;
#[cfg(feature = "xmpp")]
use crate::xmpp::{Renamed, Xmpp};

/// A place with a room in it.
#[derive(Debug)]
pub(crate) enum Hall {
    /// A relay.
    Relay(RelayHall),
    /// An XMPP server.
    #[cfg(feature = "xmpp")]
    Xmpp(Xmpp),
}

/// A relay, perhaps our own.
#[derive(Debug)]
pub(crate) struct RelayHall {
    url: String,
    /// Stops our own relay when it is dropped.
    _own: Option<oneshot::Sender<()>>,
}

/// A place in a room of any hall.
#[derive(Debug)]
pub(crate) enum AnyChannel {
    Relay(RelayChannel),
    #[cfg(feature = "xmpp")]
    Xmpp(Renamed<mpenc_xmpp::XmppChannel>),
}

/// Breaks the connection of a channel.
#[derive(Clone, Debug)]
pub(crate) enum Wire {
    Relay(ConnectionHandle),
    #[cfg(feature = "xmpp")]
    Xmpp(mpenc_xmpp::ConnectionHandle),
}

impl Hall {
    /// The relay at `url`, or one of our own that waits for `grace` before it takes a broken
    /// connection for a departure, and loses what `lose` says.
    ///
    /// # Errors
    ///
    /// If our own relay cannot be started.
    pub(crate) async fn relay(
        url: Option<&str>,
        grace: Duration,
        lose: Option<Loss>,
    ) -> Result<Self, Failure> {
        let (url, own) = match url {
            Some(url) => (url.to_owned(), None),
            None => {
                let (url, stop) = own_relay(grace, lose).await?;
                (url, Some(stop))
            }
        };
        Ok(Self::Relay(RelayHall { url, _own: own }))
    }

    /// What it is, for people: `a relay at …`.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Relay(relay) => format!("a relay at {}", relay.url),
            #[cfg(feature = "xmpp")]
            Self::Xmpp(server) => server.describe(),
        }
    }

    /// Connects somebody to `room`.
    ///
    /// # Errors
    ///
    /// If that does not work; the relay's client has a limit of its own for the time.
    pub(crate) async fn connect(
        &self,
        room: &str,
        name: &MemberId,
        identity: &Identity,
    ) -> Result<(AnyChannel, Wire), Failure> {
        match self {
            Self::Relay(relay) => {
                let channel =
                    RelayChannel::connect(&relay.url, room, name.clone(), identity.clone());
                let channel = channel.await.map_err(|error| Failure::input(error.to_string()))?;
                let wire = Wire::Relay(channel.connection());
                Ok((AnyChannel::Relay(channel), wire))
            }
            #[cfg(feature = "xmpp")]
            Self::Xmpp(server) => {
                let channel = server.connect(room, name, identity).await?;
                let wire = Wire::Xmpp(channel.inner().connection());
                Ok((AnyChannel::Xmpp(channel), wire))
            }
        }
    }
}

impl Wire {
    /// Cuts the connection for good.
    pub(crate) fn cut(&self) {
        match self {
            Self::Relay(connection) => connection.cut(),
            #[cfg(feature = "xmpp")]
            Self::Xmpp(connection) => connection.cut(),
        }
    }

    /// Breaks the connection once; the channel restores it.
    pub(crate) fn interrupt(&self) {
        match self {
            Self::Relay(connection) => connection.interrupt(),
            #[cfg(feature = "xmpp")]
            Self::Xmpp(connection) => connection.interrupt(),
        }
    }
}

impl GroupChannel for AnyChannel {
    async fn request(&mut self, request: ChannelRequest) -> Result<(), ChannelError> {
        match self {
            Self::Relay(channel) => channel.request(request).await,
            #[cfg(feature = "xmpp")]
            Self::Xmpp(channel) => channel.request(request).await,
        }
    }

    async fn next_event(&mut self) -> Result<ChannelEvent, ChannelError> {
        match self {
            Self::Relay(channel) => channel.next_event().await,
            #[cfg(feature = "xmpp")]
            Self::Xmpp(channel) => channel.next_event().await,
        }
    }
}

async fn own_relay(
    grace: Duration,
    lose: Option<Loss>,
) -> Result<(String, oneshot::Sender<()>), Failure> {
    let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let config = RelayConfig { grace, lose, ..RelayConfig::default() };
    let relay = Relay::bind(free, config)
        .await
        .map_err(|error| Failure::check(format!("cannot start a relay: {}", plain(&error))))?;
    let url = relay.url();
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(relay.run(async {
        // Dropping the sender is what stops the relay.
        let _ = stopped.await;
    }));
    Ok((url, stop))
}
