//! Connecting and logging in, once.

use alloc::borrow::Cow;
use alloc::collections::BTreeSet;
use core::time::Duration;

use sasl::common::Credentials;
use tokio::time::timeout;
use tokio_xmpp::Error;
use tokio_xmpp::connect::{
    DnsConfig, ServerConnector, StartTlsServerConnector, TcpServerConnector,
};
use tokio_xmpp::error::{AuthError, ProtocolError};
use tokio_xmpp::parsers::ns;
use tokio_xmpp::stanzastream::Connection;
use tokio_xmpp::xmlstream::{StreamHeader, Timeouts};

use crate::account::{Account, Transport};
use crate::error::{ConnectError, printable};
use crate::limits::CONNECT_TIMEOUT;

/// Ways of logging in that prove the password.
const MECHANISMS: [&str; 3] = ["SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"];

/// Silence after which the server is asked for a sign of life, and time for its answer.
const TIMEOUTS: Timeouts =
    Timeouts { read_timeout: Duration::from_secs(60), response_timeout: Duration::from_secs(20) };

/// Port of clients, where the DNS names no other.
const PORT: u16 = 5222;

/// Logs in, within a time. The resource is not bound yet.
pub(crate) async fn login(account: &Account) -> Result<Connection, ConnectError> {
    let connected = timeout(CONNECT_TIMEOUT, connect(account)).await;
    connected.unwrap_or_else(|_| {
        Err(ConnectError::Timeout { account: account.address(), after: CONNECT_TIMEOUT })
    })
}

async fn connect(account: &Account) -> Result<Connection, ConnectError> {
    let result = match &account.transport {
        Transport::Tls => {
            let dns = DnsConfig::srv(account.jid.domain().as_str(), "_xmpp-client._tcp", PORT);
            authenticate(account, StartTlsServerConnector::from(dns)).await
        }
        Transport::TlsTo { host, port } => {
            let dns = DnsConfig::no_srv(host, *port);
            authenticate(account, StartTlsServerConnector::from(dns)).await
        }
        Transport::Loopback(address) => {
            let dns = DnsConfig::addr(&address.to_string());
            authenticate(account, TcpServerConnector::from(dns)).await
        }
    };
    let connection = result.map_err(|error| explain(account, error))?;
    if connection.features.can_bind() {
        Ok(connection)
    } else {
        let reason = "it lets us log in but gives us no address".to_owned();
        Err(ConnectError::Protocol { account: account.address(), reason })
    }
}

async fn authenticate<C: ServerConnector>(
    account: &Account,
    connector: C,
) -> Result<Connection, Error>
where
    C::Stream: 'static,
{
    let (pending, channel_binding) =
        connector.connect(&account.jid, ns::JABBER_CLIENT, TIMEOUTS).await?;
    let (features, stream) = pending.recv_features().await?;
    let known = |name: &String| MECHANISMS.contains(&name.as_str());
    let mechanisms: BTreeSet<String> = features.sasl_mechanisms.into_iter().filter(known).collect();
    let credentials = Credentials::default()
        .with_username(account.user())
        .with_password(account.password.reveal())
        .with_channel_binding(channel_binding);
    let stream = tokio_xmpp::client_login(stream, mechanisms, credentials).await?;
    let header = StreamHeader {
        to: Some(Cow::Borrowed(account.jid.domain().as_str())),
        from: None,
        id: None,
    };
    let (features, stream) = stream.send_header(header).await?.recv_features().await?;
    Ok(Connection { stream: stream.box_stream(), features, identity: account.jid.clone() })
}

fn explain(account: &Account, error: Error) -> ConnectError {
    let account = account.address();
    match error {
        Error::Auth(AuthError::NoMechanism) => ConnectError::NoMechanism { account },
        Error::Auth(AuthError::Fail(_) | AuthError::Sasl(_) | AuthError::ComponentFail) => {
            ConnectError::NotAuthorized { account }
        }
        Error::Protocol(ProtocolError::NoTls) => {
            ConnectError::Tls { account, reason: "it offers no TLS".to_owned() }
        }
        Error::Connection(error) => {
            ConnectError::Tls { account, reason: printable(&error.to_string()) }
        }
        Error::Io(error) => {
            let reason = printable(&error.to_string());
            // What TLS has against a certificate comes as an error of input and output.
            if error.kind() == std::io::ErrorKind::InvalidData && reason.contains("certificate") {
                ConnectError::Tls { account, reason }
            } else if error.kind() == std::io::ErrorKind::ConnectionRefused {
                let reason = "connection refused; is it running?".to_owned();
                ConnectError::Unreachable { account, reason }
            } else {
                ConnectError::Unreachable { account, reason }
            }
        }
        Error::Disconnected => {
            let reason = "it closed the connection, or none came about".to_owned();
            ConnectError::Unreachable { account, reason }
        }
        error @ (Error::DnsProto(_) | Error::DnsNet(_) | Error::Idna | Error::Addr(_)) => {
            let reason = printable(&format!("its address cannot be found: {error}"));
            ConnectError::Unreachable { account, reason }
        }
        error @ (Error::Protocol(_)
        | Error::JidParse(_)
        | Error::InvalidState
        | Error::Fmt(_)
        | Error::Utf8(_)
        | Error::StreamError(_)) => {
            ConnectError::Protocol { account, reason: printable(&error.to_string()) }
        }
    }
}
