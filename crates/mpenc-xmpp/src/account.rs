use alloc::sync::Arc;
use core::fmt;
use core::net::SocketAddr;

use tokio_rustls::rustls::RootCertStore;
use tokio_xmpp::jid::{BareJid, Jid};
use zeroize::Zeroizing;

use crate::limits::{DEFAULT_FRAGMENT, MAX_PACKET_LEN, MIN_FRAGMENT};
use crate::tls;

/// A password; wiped on drop, never printed.
///
/// # Security
///
/// Logging in hands copies to the library that does it, which does not wipe them.
#[derive(Clone)]
pub struct Password(Arc<Zeroizing<String>>);

impl Password {
    /// Takes a password.
    #[must_use]
    pub fn new(password: String) -> Self {
        Self(Arc::new(Zeroizing::new(password)))
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password([redacted])")
    }
}

/// As whom and how to log in.
#[derive(Clone, Debug)]
pub struct Account {
    pub(crate) jid: Jid,
    pub(crate) password: Password,
    pub(crate) transport: Transport,
    /// Trusted beside those of the operating system.
    pub(crate) authorities: RootCertStore,
    pub(crate) room_password: Option<Password>,
    pub(crate) max_fragment: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// TLS, to where the domain's DNS records say.
    Tls,
    /// TLS, to a host and port.
    TlsTo { host: String, port: u16 },
    /// No TLS, on this machine.
    Loopback(SocketAddr),
}

/// Why an account cannot be used: one sentence for people, lower case, without a final stop.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccountError {
    /// The address is not one.
    InvalidAddress {
        /// The address as given.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The address names a server, not somebody on it.
    NoUser {
        /// The address as given.
        address: String,
    },
    /// Plaintext to another machine.
    NotLoopback {
        /// Where to.
        address: SocketAddr,
    },
    /// What should be certificates of authorities is not.
    InvalidAuthority {
        /// What is wrong with it.
        reason: String,
    },
}

impl fmt::Display for AccountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidAddress { address, reason } => {
                write!(f, "{address:?} is not an XMPP address: {reason} (expected NAME@SERVER)")
            }
            Self::NoUser { address } => {
                write!(f, "{address:?} names a server; an account is NAME@SERVER")
            }
            Self::NotLoopback { address } => write!(
                f,
                "refusing to talk to {address} without TLS: plaintext is for addresses of this \
                 machine only (127.0.0.1 or [::1])"
            ),
            Self::InvalidAuthority { reason } => {
                write!(f, "not certificates of authorities in PEM: {reason}")
            }
        }
    }
}

impl core::error::Error for AccountError {}

/// The resource that is asked for if the address has none: an account keeps one member name, and
/// a client that comes back ends what the server believes is left of it.
const RESOURCE: &str = "mpenc";

impl Account {
    /// An account by its address, `NAME@SERVER` or `NAME@SERVER/DEVICE`. Without a device it is
    /// called `mpenc`. Two clients with one account need different devices.
    ///
    /// # Errors
    ///
    /// [`AccountError::InvalidAddress`] and [`AccountError::NoUser`].
    pub fn new(address: &str, password: Password) -> Result<Self, AccountError> {
        let jid: Jid = address.parse().map_err(|error| AccountError::InvalidAddress {
            address: address.to_owned(),
            reason: format!("{error}"),
        })?;
        if jid.node().is_none() {
            return Err(AccountError::NoUser { address: address.to_owned() });
        }
        let jid = match jid.resource() {
            Some(_) => jid,
            None => match jid.to_bare().with_resource_str(RESOURCE) {
                Ok(full) => full.into(),
                Err(_) => jid,
            },
        };
        Ok(Self {
            jid,
            password,
            transport: Transport::Tls,
            authorities: RootCertStore::empty(),
            room_password: None,
            max_fragment: DEFAULT_FRAGMENT,
        })
    }

    /// Connects to this host and port instead of asking the DNS, with TLS; the certificate still
    /// has to be the domain's of the account.
    #[must_use]
    pub fn server(mut self, host: &str, port: u16) -> Self {
        self.transport = Transport::TlsTo { host: host.to_owned(), port };
        self
    }

    /// Trusts these certificate authorities too, beside those that the operating system trusts
    /// and those given before: for a server of one's own, whose certificate no public authority
    /// has signed. `pem` is a text with one or more certificates, as `openssl` writes them; other
    /// things in it are passed over.
    ///
    /// # Errors
    ///
    /// [`AccountError::InvalidAuthority`] if there is none, or one cannot be read.
    ///
    /// # Security
    ///
    /// Whoever has the key of such an authority can pass for the account's server, and for no
    /// other: the certificates are used for this account only. The name in the server's
    /// certificate is checked all the same.
    pub fn trust_authorities(mut self, pem: &[u8]) -> Result<Self, AccountError> {
        let more =
            tls::authorities(pem).map_err(|reason| AccountError::InvalidAuthority { reason })?;
        self.authorities.extend(more.roots);
        Ok(self)
    }

    /// Connects without TLS to an address of this machine.
    ///
    /// # Errors
    ///
    /// [`AccountError::NotLoopback`] for any other address.
    ///
    /// # Security
    ///
    /// For servers of one's own, demonstrations and tests. The password goes out as it is if the
    /// server knows no better way.
    pub fn plaintext_on_loopback(mut self, address: SocketAddr) -> Result<Self, AccountError> {
        if !address.ip().is_loopback() {
            return Err(AccountError::NotLoopback { address });
        }
        self.transport = Transport::Loopback(address);
        Ok(self)
    }

    /// The password of the room, if it has one.
    #[must_use]
    pub fn room_password(mut self, password: Password) -> Self {
        self.room_password = Some(password);
        self
    }

    /// Bytes of a packet in one message, from [`MIN_FRAGMENT`] to [`MAX_PACKET_LEN`]; others are
    /// taken for the nearest of these. A message has a third more, and about 500 bytes.
    #[must_use]
    pub fn max_fragment(mut self, bytes: usize) -> Self {
        self.max_fragment = bytes.clamp(MIN_FRAGMENT, MAX_PACKET_LEN);
        self
    }

    /// The address, with the device asked for.
    #[must_use]
    pub fn address(&self) -> String {
        self.jid.to_string()
    }

    pub(crate) fn user(&self) -> &str {
        self.jid.node().map_or("", |node| node.as_str())
    }

    pub(crate) fn domain(&self) -> &str {
        self.jid.domain().as_str()
    }
}

/// The address of a room, `NAME@SERVICE`.
pub(crate) fn parse_room(room: &str) -> Result<BareJid, String> {
    let jid: BareJid = room.parse().map_err(|error| format!("{error}"))?;
    if jid.node().is_none() {
        return Err("it has no name before the @".to_owned());
    }
    Ok(jid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(address: &str) -> Result<Account, AccountError> {
        Account::new(address, Password::new("secret".to_owned()))
    }

    #[test]
    fn an_account_has_a_device() {
        assert_eq!(account("alice@example.org").unwrap().address(), "alice@example.org/mpenc");
        assert_eq!(account("Alice@example.org/Desk").unwrap().address(), "alice@example.org/Desk");
    }

    #[test]
    fn what_is_no_account_is_refused() {
        assert!(matches!(account("example.org"), Err(AccountError::NoUser { .. })));
        assert!(matches!(account("@"), Err(AccountError::InvalidAddress { .. })));
        assert!(parse_room("tea@rooms.example.org").is_ok());
        assert!(parse_room("rooms.example.org").is_err());
        assert!(parse_room("tea@rooms.example.org/nick").is_err());
    }

    #[test]
    fn plaintext_stays_on_this_machine() {
        let alice = || account("alice@example.org").unwrap();
        assert!(alice().plaintext_on_loopback("127.0.0.1:5222".parse().unwrap()).is_ok());
        assert!(alice().plaintext_on_loopback("[::1]:5222".parse().unwrap()).is_ok());
        for address in ["192.0.2.1:5222", "[2001:db8::1]:5222", "0.0.0.0:5222"] {
            let refused = alice().plaintext_on_loopback(address.parse().unwrap()).unwrap_err();
            assert!(refused.to_string().contains("without TLS"), "{refused}");
        }
    }

    #[test]
    fn passwords_are_not_printed() {
        let printed = format!("{:?}", account("alice@example.org").unwrap());
        assert!(printed.contains("[redacted]") && !printed.contains("secret"), "{printed}");
    }

    #[test]
    fn the_size_of_pieces_is_bounded() {
        let alice = account("alice@example.org").unwrap();
        assert_eq!(alice.clone().max_fragment(0).max_fragment, MIN_FRAGMENT);
        assert_eq!(alice.max_fragment(usize::MAX).max_fragment, MAX_PACKET_LEN);
    }
}
