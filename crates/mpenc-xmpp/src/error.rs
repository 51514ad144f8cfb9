use core::fmt;
use core::time::Duration;

/// Why logging in did not work: one sentence for people, lower case and without a final stop.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectError {
    /// The room's address is not one.
    InvalidRoom {
        /// The address as given.
        room: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No connection came about, or it broke.
    Unreachable {
        /// The account.
        account: String,
        /// What happened.
        reason: String,
    },
    /// The server offers no TLS, or its certificate is not good.
    Tls {
        /// The account.
        account: String,
        /// What is wrong.
        reason: String,
    },
    /// No authority that is trusted here vouches for the server's certificate. If the server is
    /// one's own, see [`Account::trust_authorities`](crate::Account::trust_authorities).
    UnknownAuthority {
        /// The account.
        account: String,
    },
    /// The server does not take the name or the password.
    NotAuthorized {
        /// The account.
        account: String,
    },
    /// The server does not let the account in, for another reason than its name and password.
    Refused {
        /// The account.
        account: String,
        /// The reason.
        reason: String,
    },
    /// The server cannot tell just now whether name and password are right.
    TryLater {
        /// The account.
        account: String,
    },
    /// The server offers no way to prove the password that is used here.
    NoMechanism {
        /// The account.
        account: String,
    },
    /// The server does something that is not XMPP as we know it.
    Protocol {
        /// The account.
        account: String,
        /// What.
        reason: String,
    },
    /// The server did not answer in time.
    Timeout {
        /// The account.
        account: String,
        /// How long was waited.
        after: Duration,
    },
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidRoom { room, reason } => {
                write!(f, "{room:?} is not the address of a room: {reason} (expected ROOM@SERVICE)")
            }
            Self::Unreachable { account, reason } => {
                write!(f, "cannot reach the server of {account}: {reason}")
            }
            Self::Tls { account, reason } => {
                write!(f, "no secure connection to the server of {account}: {reason}")
            }
            Self::UnknownAuthority { account } => write!(
                f,
                "no secure connection to the server of {account}: no authority that is trusted \
                 here vouches for its certificate"
            ),
            Self::NotAuthorized { account } => write!(
                f,
                "the server does not accept {account} with this password; check both, and that \
                 the account exists"
            ),
            Self::Refused { account, reason } => {
                write!(f, "the server does not let {account} in: {reason}")
            }
            Self::TryLater { account } => write!(
                f,
                "the server of {account} cannot check the password just now; try again in a while"
            ),
            Self::NoMechanism { account } => {
                write!(f, "the server of {account} offers no way of logging in that is known here")
            }
            Self::Protocol { account, reason } => {
                write!(f, "the server of {account} does not behave as expected: {reason}")
            }
            Self::Timeout { account, after } => {
                write!(f, "the server of {account} did not answer within {after:?}")
            }
        }
    }
}

impl core::error::Error for ConnectError {}

impl ConnectError {
    /// Whether trying again cannot help.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::InvalidRoom { .. }
            | Self::NotAuthorized { .. }
            | Self::Refused { .. }
            | Self::NoMechanism { .. }
            | Self::Tls { .. }
            | Self::UnknownAuthority { .. } => true,
            Self::Unreachable { .. }
            | Self::TryLater { .. }
            | Self::Protocol { .. }
            | Self::Timeout { .. } => false,
        }
    }
}

/// A server's words, fit to be shown: without control characters, and not too many.
pub(crate) fn printable(text: &str) -> String {
    const MAX: usize = 300;
    let safe = text.chars().take(MAX);
    safe.flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_server_are_harmless() {
        assert_eq!(printable("a\u{1b}[2Jb\n"), "a\\u{1b}[2Jb\\n");
        assert_eq!(printable(&"x".repeat(1000)).len(), 300);
    }
}
