//! Connecting and logging in, once.

use alloc::borrow::Cow;
use alloc::collections::BTreeSet;
use core::time::Duration;
use std::io::ErrorKind;

use sasl::common::{ChannelBinding, Credentials};
use tokio::io::{AsyncRead, AsyncWrite, BufWriter};
use tokio::time::timeout;
use tokio_xmpp::Error;
use tokio_xmpp::connect::DnsConfig;
use tokio_xmpp::error::{AuthError, ProtocolError};
use tokio_xmpp::parsers::ns;
use tokio_xmpp::parsers::sasl::DefinedCondition as Condition;
use tokio_xmpp::parsers::sasl_cb::Type as Binding;
use tokio_xmpp::parsers::stream_features::StreamFeatures;
use tokio_xmpp::stanzastream::Connection;
use tokio_xmpp::xmlstream::{StreamHeader, Timeouts, initiate_stream};

use crate::account::{Account, Transport};
use crate::bounded::Bounded;
use crate::error::{ConnectError, printable};
use crate::limits::CONNECT_TIMEOUT;
use crate::tls::{self, Objection};
use crate::wire::Cutter;

/// Ways of logging in that prove the password.
const MECHANISMS: [&str; 3] = ["SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"];

/// Those of them that are tied to the TLS connection, so that nobody between can pass them on.
const BOUND_MECHANISMS: [&str; 2] = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS"];

/// Silence after which the server is asked for a sign of life, and time for its answer.
const TIMEOUTS: Timeouts =
    Timeouts { read_timeout: Duration::from_secs(60), response_timeout: Duration::from_secs(20) };

/// Port of clients, where the DNS names no other.
const PORT: u16 = 5222;

/// Logs in, within a time. The resource is not bound yet. `cutter` breaks the connection.
pub(crate) async fn login(account: &Account, cutter: &Cutter) -> Result<Connection, ConnectError> {
    let connected = timeout(CONNECT_TIMEOUT, connect(account, cutter)).await;
    connected.unwrap_or_else(|_| {
        Err(ConnectError::Timeout { account: account.address(), after: CONNECT_TIMEOUT })
    })
}

async fn connect(account: &Account, cutter: &Cutter) -> Result<Connection, ConnectError> {
    let connection = match &account.transport {
        Transport::Tls => {
            let dns = DnsConfig::srv(account.domain(), "_xmpp-client._tcp", PORT);
            over_tls(account, &dns, cutter).await?
        }
        Transport::TlsTo { host, port } => {
            over_tls(account, &DnsConfig::no_srv(host, *port), cutter).await?
        }
        Transport::Loopback(address) => {
            in_the_clear(account, &DnsConfig::addr(&address.to_string()), cutter).await?
        }
    };
    if connection.features.can_bind() {
        Ok(connection)
    } else {
        let reason = "it lets us log in but gives us no address".to_owned();
        Err(ConnectError::Protocol { account: account.address(), reason })
    }
}

async fn over_tls(
    account: &Account,
    dns: &DnsConfig,
    cutter: &Cutter,
) -> Result<Connection, ConnectError> {
    let trusted = tls::trusted(&account.authorities)
        .map_err(|reason| ConnectError::Tls { account: account.address(), reason })?;
    let connected = async {
        let wire = cutter.guard(dns.resolve().await?);
        let (domain, header) = (account.domain(), header(account));
        let (stream, binding) = tls::start(wire, domain, header, TIMEOUTS, trusted).await?;
        authenticate(account, stream, binding).await
    };
    connected.await.map_err(|error| explain(account, error))
}

async fn in_the_clear(
    account: &Account,
    dns: &DnsConfig,
    cutter: &Cutter,
) -> Result<Connection, ConnectError> {
    let connected = async {
        let wire = cutter.guard(dns.resolve().await?);
        authenticate(account, wire, ChannelBinding::None).await
    };
    connected.await.map_err(|error| explain(account, error))
}

/// `binding` is what could tie the password's proof to the connection.
async fn authenticate(
    account: &Account,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    binding: ChannelBinding,
) -> Result<Connection, Error> {
    let stream = Bounded::new(BufWriter::new(stream));
    let restart = stream.restart();
    let pending = initiate_stream(stream, ns::JABBER_CLIENT, header(account), TIMEOUTS).await?;
    let (features, stream) = pending.recv_features().await?;
    let (mechanisms, binding) = ways(&features, binding);
    let credentials = Credentials::default()
        .with_username(account.user())
        .with_password(account.password.reveal())
        .with_channel_binding(binding);
    let stream = tokio_xmpp::client_login(stream, mechanisms, credentials).await?;
    // So has the parser: what it has not read yet is a new stream.
    restart.now();
    let (features, stream) = stream.send_header(header(account)).await?.recv_features().await?;
    Ok(Connection { stream: stream.box_stream(), features, identity: account.jid.clone() })
}

/// The ways of logging in that the server offers and we use, with what they are bound to.
///
/// The library calls SCRAM by its bound name whenever it is given something to bind to, so it is
/// given that only where the server says that it can do the same (XEP-0440).
fn ways(features: &StreamFeatures, binding: ChannelBinding) -> (BTreeSet<String>, ChannelBinding) {
    let offered = |known: &[&str]| -> BTreeSet<String> {
        let offered = features.sasl_mechanisms.iter();
        offered.filter(|name| known.contains(&name.as_str())).cloned().collect()
    };
    let bound = offered(&BOUND_MECHANISMS);
    let types = features.sasl_cb.as_ref().map(|offer| offer.types.as_slice()).unwrap_or_default();
    let can_bind =
        matches!(binding, ChannelBinding::TlsExporter(_)) && types.contains(&Binding::TlsExporter);
    if can_bind && !bound.is_empty() {
        (bound, binding)
    } else {
        (offered(&MECHANISMS), ChannelBinding::None)
    }
}

fn header(account: &Account) -> StreamHeader<'_> {
    StreamHeader { to: Some(Cow::Borrowed(account.domain())), from: None, id: None }
}

fn explain(account: &Account, error: Error) -> ConnectError {
    let account = account.address();
    match error {
        Error::Auth(AuthError::NoMechanism) => ConnectError::NoMechanism { account },
        Error::Auth(AuthError::Fail(condition)) => refused(account, &condition),
        Error::Auth(error @ (AuthError::Sasl(_) | AuthError::ComponentFail)) => {
            ConnectError::Protocol { account, reason: printable(&error.to_string()) }
        }
        Error::Protocol(ProtocolError::NoTls) => {
            ConnectError::Tls { account, reason: "it offers no TLS".to_owned() }
        }
        Error::Connection(error) => {
            ConnectError::Tls { account, reason: printable(&error.to_string()) }
        }
        Error::Io(error) => {
            match tls::objection(&error) {
                Some(Objection::UnknownIssuer) => {
                    return ConnectError::UnknownAuthority { account };
                }
                Some(Objection::Other(reason)) => {
                    return ConnectError::Tls { account, reason: printable(&reason) };
                }
                None => {}
            }
            if error.kind() == ErrorKind::InvalidData {
                // It was reached, and what came from it cannot be read.
                return ConnectError::Protocol { account, reason: printable(&error.to_string()) };
            }
            let reason = if error.kind() == ErrorKind::ConnectionRefused {
                "connection refused; is it running?".to_owned()
            } else {
                printable(&error.to_string())
            };
            ConnectError::Unreachable { account, reason }
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

/// What it means that the server does not let us in (RFC 6120, 6.5).
fn refused(account: String, condition: &Condition) -> ConnectError {
    let reason = match condition {
        Condition::NotAuthorized | Condition::InvalidAuthzid => {
            return ConnectError::NotAuthorized { account };
        }
        Condition::TemporaryAuthFailure | Condition::Aborted => {
            return ConnectError::TryLater { account };
        }
        Condition::AccountDisabled => "the account is disabled; ask who runs the server",
        Condition::CredentialsExpired => "the password has expired; choose a new one there",
        Condition::EncryptionRequired => "it wants TLS",
        Condition::MechanismTooWeak | Condition::InvalidMechanism => {
            "the ways of proving the password that are known here are too weak for it, or it does \
             not know them after all; ask who runs the server"
        }
        Condition::MalformedRequest | Condition::IncorrectEncoding => {
            "it does not understand our proof of the password; check the name for characters \
             that are rare in one"
        }
    };
    ConnectError::Refused { account, reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::io;

    use sasl::client::MechanismError;
    use tokio_rustls::rustls;
    use tokio_xmpp::parsers::sasl_cb::SaslChannelBinding;

    use super::*;
    use crate::Password;

    /// What is used of these mechanisms, if there is or is not something to bind to, and the
    /// server says that it can bind to that.
    fn used(offered: &[&str], binding: bool, types: &[Binding]) -> (Vec<String>, bool) {
        let features = StreamFeatures {
            sasl_mechanisms: offered.iter().map(|name| (*name).to_owned()).collect(),
            sasl_cb: (!types.is_empty()).then(|| SaslChannelBinding { types: types.to_vec() }),
            ..StreamFeatures::default()
        };
        let material = || ChannelBinding::TlsExporter(vec![7; 32]);
        let binding = if binding { material() } else { ChannelBinding::None };
        let (names, binding) = ways(&features, binding);
        (names.into_iter().collect(), matches!(binding, ChannelBinding::TlsExporter(_)))
    }

    #[test]
    fn proofs_are_bound_to_the_connection_where_both_can() {
        let all = [
            "ANONYMOUS",
            "PLAIN",
            "SCRAM-SHA-1",
            "SCRAM-SHA-256",
            "SCRAM-SHA-256-PLUS",
            "X-OAUTH2",
        ];
        let plain =
            || ["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256"].map(str::to_owned).into_iter().collect();
        let bound = vec!["SCRAM-SHA-256-PLUS".to_owned()];
        assert_eq!(used(&all, true, &[Binding::TlsUnique, Binding::TlsExporter]), (bound, true));
        // The server cannot, or does not say, or we cannot.
        assert_eq!(used(&all, true, &[Binding::TlsServerEndPoint]), (plain(), false));
        assert_eq!(used(&all, true, &[]), (plain(), false));
        assert_eq!(used(&all, false, &[Binding::TlsExporter]), (plain(), false));
        let few = ["SCRAM-SHA-1", "ANONYMOUS"];
        let one = vec!["SCRAM-SHA-1".to_owned()];
        assert_eq!(used(&few, true, &[Binding::TlsExporter]), (one, false));
    }

    #[test]
    fn each_failure_has_its_sentence() {
        /// `end` is how the sentence ends; `is_final`, whether another attempt is in vain.
        fn check(error: impl Into<Error>, end: &str, is_final: bool) {
            let account =
                Account::new("alice@example.org", Password::new("secret".to_owned())).unwrap();
            let error = error.into();
            let what = format!("{error:?}");
            let explained = explain(&account, error);
            let sentence = explained.to_string();
            assert!(sentence.contains("alice@example.org"), "{what}: {sentence}");
            assert!(sentence.ends_with(end), "{what}: {sentence}");
            assert_eq!(explained.is_final(), is_final, "{what}: {sentence}");
        }
        let fail = |condition| Error::Auth(AuthError::Fail(condition));
        let odd = |why| Error::Auth(AuthError::Sasl(why));
        let io = |kind, text| Error::Io(io::Error::new(kind, text));

        check(fail(Condition::NotAuthorized), "check both, and that the account exists", true);
        check(fail(Condition::InvalidAuthzid), "check both, and that the account exists", true);
        check(fail(Condition::TemporaryAuthFailure), "try again in a while", false);
        check(fail(Condition::Aborted), "try again in a while", false);
        check(fail(Condition::AccountDisabled), "is disabled; ask who runs the server", true);
        check(fail(Condition::CredentialsExpired), "has expired; choose a new one there", true);
        check(fail(Condition::EncryptionRequired), "it wants TLS", true);
        check(fail(Condition::MechanismTooWeak), "after all; ask who runs the server", true);
        check(fail(Condition::InvalidMechanism), "after all; ask who runs the server", true);
        check(fail(Condition::MalformedRequest), "characters that are rare in one", true);
        check(fail(Condition::IncorrectEncoding), "characters that are rare in one", true);

        check(odd(MechanismError::NoServerSalt), "no server salt", false);
        check(odd(MechanismError::CannotDecodeChallenge), "can't decode challenge", false);
        check(AuthError::NoMechanism, "offers no way of logging in that is known here", true);

        check(ProtocolError::NoTls, "it offers no TLS", true);
        check(io(ErrorKind::ConnectionRefused, "no"), "is it running?", false);
        check(io(ErrorKind::ConnectionReset, "it was cut"), "it was cut", false);
        check(io(ErrorKind::InvalidData, "not XML"), "as expected: not XML", false);
        let expired = rustls::Error::InvalidCertificate(rustls::CertificateError::Expired);
        let expired = io::Error::new(ErrorKind::InvalidData, expired);
        check(expired, ": Expired", true);
        check(Error::Disconnected, "it closed the connection, or none came about", false);
    }
}
