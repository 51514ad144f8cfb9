use core::fmt;
use core::time::Duration;
use std::io;

use futures_util::{SinkExt, StreamExt};
use mpenc::{Identity, MemberId, MemberIdError};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::tungstenite::error::{ProtocolError, UrlError};
use tokio_tungstenite::tungstenite::http::Uri;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use crate::wire::{self, Closing, Resume, ToClient, ToRelay, Welcome};

pub(super) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Where to connect to and as whom, once and again.
pub(super) struct Endpoint {
    url: String,
    uri: Uri,
    room: String,
    name: MemberId,
    identity: Identity,
}

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
    /// The address asks for TLS, which this client leaves to others.
    NoTls {
        /// The address as given.
        url: String,
    },
    /// The room's name is not one that rooms have.
    InvalidRoom {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The member's name is not one that members have.
    InvalidName(MemberIdError),
    /// No connection came about.
    Unreachable {
        /// The address as given.
        url: String,
        /// What the operating system says.
        reason: String,
    },
    /// Something answered, but not a relay of this protocol.
    NotARelay {
        /// The address as given.
        url: String,
        /// How it answered.
        reason: String,
    },
    /// Somebody with another identity key has the name in this room.
    NameTaken {
        /// The name.
        name: MemberId,
        /// The room.
        room: String,
    },
    /// The relay refused the connection.
    Refused {
        /// The WebSocket close code, as the page on the relay's protocol lists it.
        code: u16,
        /// The relay's words, with control characters escaped.
        reason: String,
    },
    /// The relay did not answer in time.
    Timeout {
        /// The address as given.
        url: String,
        /// How long was waited.
        after: Duration,
    },
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidUrl { url, reason } => {
                write!(f, "{url:?} is not a relay address: {reason} (expected ws://HOST:PORT)")
            }
            Self::NoTls { url } => write!(
                f,
                "cannot connect to {url:?}: this client has no TLS of its own; \
                 connect with ws:// to a local proxy that adds it"
            ),
            Self::InvalidRoom { reason } => f.write_str(reason),
            Self::InvalidName(error) => error.fmt(f),
            Self::Unreachable { url, reason } => {
                write!(f, "cannot reach the relay at {url}: {reason}")
            }
            Self::NotARelay { url, reason } => {
                write!(f, "what answers at {url} is not a relay of this version: {reason}")
            }
            Self::NameTaken { name, room } => write!(
                f,
                "the name {name} is taken in room {room:?} by somebody with another identity key"
            ),
            Self::Refused { reason, .. } => write!(f, "the relay refused the connection: {reason}"),
            Self::Timeout { url, after } => {
                write!(f, "the relay at {url} did not answer within {after:?}")
            }
        }
    }
}

impl core::error::Error for ConnectError {}

impl ConnectError {
    /// Whether trying again cannot help.
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::InvalidUrl { .. }
            | Self::NoTls { .. }
            | Self::InvalidRoom { .. }
            | Self::InvalidName(_)
            | Self::NameTaken { .. } => true,
            Self::Refused { code, .. } => is_final(*code),
            Self::Unreachable { .. } | Self::NotARelay { .. } | Self::Timeout { .. } => false,
        }
    }
}

/// Whether connecting again after this close code cannot help, or would do harm: two clients
/// with one key must not take the name from each other for ever.
pub(super) fn is_final(code: u16) -> bool {
    matches!(
        code,
        Closing::MALFORMED
            | Closing::TOO_LARGE
            | Closing::REPLACED
            | Closing::NOT_PROVED
            | Closing::NAME_TAKEN
    )
}

/// A relay's words, fit to be shown.
pub(super) fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] })
        .collect()
}

impl Endpoint {
    pub(super) fn new(
        url: &str,
        room: &str,
        name: MemberId,
        identity: Identity,
    ) -> Result<Self, ConnectError> {
        let uri = parse(url)?;
        wire::check_room(room).map_err(|reason| ConnectError::InvalidRoom { reason })?;
        name.check().map_err(ConnectError::InvalidName)?;
        Ok(Self { url: url.to_owned(), uri, room: room.to_owned(), name, identity })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Connects and says hello, within a time.
    pub(super) async fn connect(
        &self,
        resume: Option<Resume>,
        within: Duration,
    ) -> Result<(Socket, Welcome), ConnectError> {
        timeout(within, self.greet(resume))
            .await
            .unwrap_or_else(|_| Err(ConnectError::Timeout { url: self.url.clone(), after: within }))
    }

    async fn greet(&self, resume: Option<Resume>) -> Result<(Socket, Welcome), ConnectError> {
        let request = ClientRequestBuilder::new(self.uri.clone()).with_sub_protocol(wire::PROTOCOL);
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER)
            .write_buffer_size(BUFFER)
            .max_message_size(Some(MAX_FRAME))
            .max_frame_size(Some(MAX_FRAME));
        let connected = connect_async_with_config(request, Some(config), true).await;
        let (mut socket, _) = connected.map_err(|error| self.explain(error))?;

        let ToClient::Challenge { challenge } = self.receive(&mut socket).await? else {
            return Err(self.not_a_relay("it did not begin with a challenge"));
        };
        let hello = wire::prove(&self.identity, &challenge.0, &self.room, &self.name, resume);
        let hello = Message::text(wire::encode(&ToRelay::Hello(hello)));
        socket.send(hello).await.map_err(|error| self.explain(error))?;
        let ToClient::Welcome(welcome) = self.receive(&mut socket).await? else {
            return Err(self.not_a_relay("it did not answer the hello"));
        };
        Ok((socket, welcome))
    }

    async fn receive(&self, socket: &mut Socket) -> Result<ToClient, ConnectError> {
        loop {
            match socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    return wire::decode(text.as_str())
                        .map_err(|_| self.not_a_relay("it sent a malformed frame"));
                }
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Err(match u16::from(frame.code) {
                        Closing::NAME_TAKEN => ConnectError::NameTaken {
                            name: self.name.clone(),
                            room: self.room.clone(),
                        },
                        code => {
                            ConnectError::Refused { code, reason: printable(frame.reason.as_str()) }
                        }
                    });
                }
                Some(Ok(Message::Close(None))) | None => {
                    return Err(self.unreachable("it closed the connection"));
                }
                Some(Ok(Message::Binary(_))) => {
                    return Err(self.not_a_relay("it began with a binary frame"));
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Err(error)) => return Err(self.explain(error)),
            }
        }
    }

    fn explain(&self, error: Error) -> ConnectError {
        match error {
            Error::Io(error) => self.unreachable(describe(&error)),
            Error::Http(response) => {
                self.not_a_relay(format!("it answered with HTTP status {}", response.status()))
            }
            Error::Protocol(ProtocolError::SecWebSocketSubProtocolError(_)) => {
                self.not_a_relay(format!("it does not speak {}", wire::PROTOCOL))
            }
            Error::Url(UrlError::UnableToConnect(reason)) => self.unreachable(reason),
            Error::ConnectionClosed
            | Error::AlreadyClosed
            | Error::Protocol(ProtocolError::HandshakeIncomplete) => {
                self.unreachable("it closed the connection")
            }
            error @ (Error::Tls(_)
            | Error::Capacity(_)
            | Error::Protocol(_)
            | Error::WriteBufferFull(_)
            | Error::Utf8(_)
            | Error::AttackAttempt
            | Error::Url(_)
            | Error::HttpFormat(_)) => self.not_a_relay(printable(&error.to_string())),
        }
    }

    fn unreachable(&self, reason: impl Into<String>) -> ConnectError {
        ConnectError::Unreachable { url: self.url.clone(), reason: reason.into() }
    }

    fn not_a_relay(&self, reason: impl Into<String>) -> ConnectError {
        ConnectError::NotARelay { url: self.url.clone(), reason: reason.into() }
    }
}

/// Takes an address apart: `ws://HOST[:PORT][/PATH]`.
fn parse(url: &str) -> Result<Uri, ConnectError> {
    let invalid =
        |reason: &str| ConnectError::InvalidUrl { url: url.to_owned(), reason: reason.to_owned() };
    let uri: Uri = url.parse().map_err(|_| invalid("it is malformed"))?;
    match uri.scheme_str() {
        Some("ws") => {}
        Some("wss") => return Err(ConnectError::NoTls { url: url.to_owned() }),
        Some(_) | None => return Err(invalid("it does not begin with ws://")),
    }
    if uri.host().is_none_or(str::is_empty) {
        return Err(invalid("it names no host"));
    }
    // `http` accepts a port that is no number, and would take the default one for it.
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let after_host = authority.rsplit(']').next().unwrap_or(authority);
    if uri.port().is_none() && after_host.contains(':') {
        return Err(invalid("the port is not a number from 1 to 65535"));
    }
    Ok(uri)
}

fn describe(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::ConnectionRefused {
        "connection refused; is it running?".to_owned()
    } else {
        error.to_string()
    }
}

/// Bytes of a frame from the relay, inclusive. The largest is the list of everybody in a full
/// room.
const MAX_FRAME: usize = 4 << 20;

/// Bytes of the read buffer and of the write buffer.
const BUFFER: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked() {
        fn check(url: &str, expect: &str) {
            let found = parse(url).map_or_else(|error| error.to_string(), |uri| uri.to_string());
            assert_eq!(found, expect);
        }
        check("ws://127.0.0.1:7000", "ws://127.0.0.1:7000/");
        check("ws://[::1]:7000/relay", "ws://[::1]:7000/relay");
        check("ws://relay.example", "ws://relay.example/");
        check(
            "wss://relay.example",
            "cannot connect to \"wss://relay.example\": this client has no TLS of its own; \
             connect with ws:// to a local proxy that adds it",
        );
        let invalid = |url: &str, reason: &str| {
            check(
                url,
                &format!("{url:?} is not a relay address: {reason} (expected ws://HOST:PORT)"),
            );
        };
        invalid("http://relay.example", "it does not begin with ws://");
        invalid("relay.example:7000", "it does not begin with ws://");
        invalid("relay.example", "it does not begin with ws://");
        invalid("ws://", "it is malformed");
        invalid("", "it is malformed");
        invalid("ws://relay example", "it is malformed");
        invalid("ws://relay:port", "the port is not a number from 1 to 65535");
        invalid("ws://relay:99999", "the port is not a number from 1 to 65535");
    }

    #[test]
    fn words_of_a_relay_are_harmless() {
        assert_eq!(printable("a\u{1b}[2Jb\n"), "a\\u{1b}[2Jb\\n");
    }
}
