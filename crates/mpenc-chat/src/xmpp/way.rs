//! How to reach a server, and whom to believe that it is the right one.

use core::net::SocketAddr;
use std::fs;
use std::path::Path;

use mpenc_xmpp::{Account, AccountError, Password};

use crate::cli::XmppArgs;
use crate::failure::Failure;
use crate::keys::plain;
use crate::term;

/// How to reach the server.
#[derive(Clone, Debug)]
pub(super) struct Way {
    route: Route,
    /// Certificates of authorities that are trusted too, in PEM.
    authorities: Option<Vec<u8>>,
}

#[derive(Clone, Debug)]
enum Route {
    Dns,
    Tls(String, u16),
    Plain(SocketAddr),
}

impl Way {
    /// Without TLS, on this machine.
    pub(super) fn plain(address: SocketAddr) -> Self {
        Self { route: Route::Plain(address), authorities: None }
    }

    /// What the arguments say.
    ///
    /// # Errors
    ///
    /// If they make no sense, or a file that they name cannot be used.
    pub(super) fn of(args: &XmppArgs) -> Result<Self, Failure> {
        let authorities = args.xmpp_ca.as_deref().map(authorities).transpose()?;
        Ok(Self { route: route(args)?, authorities })
    }

    /// The account, to be reached this way.
    ///
    /// # Errors
    ///
    /// If it cannot be.
    pub(super) fn apply(&self, account: Account) -> Result<Account, Failure> {
        let account = match &self.authorities {
            Some(pem) => account.trust_authorities(pem).map_err(wrong)?,
            None => account,
        };
        match &self.route {
            Route::Dns => Ok(account),
            Route::Tls(host, port) => Ok(account.server(host, *port)),
            Route::Plain(address) => account.plaintext_on_loopback(*address).map_err(wrong),
        }
    }
}

/// What is wrong with an account.
pub(super) fn wrong(error: AccountError) -> Failure {
    Failure::input(error.to_string())
}

fn route(args: &XmppArgs) -> Result<Route, Failure> {
    let Some(server) = &args.server else {
        if args.plaintext {
            return Err(Failure::input("--plaintext needs --server, an address of this machine"));
        }
        return Ok(Route::Dns);
    };
    if args.plaintext {
        let address = server.parse().map_err(|_| {
            Failure::input(format!("{server:?} is not an address and port, such as 127.0.0.1:5222"))
        })?;
        return Ok(Route::Plain(address));
    }
    let (host, port) = server.rsplit_once(':').unwrap_or((server, DEFAULT_PORT));
    let port = port
        .parse()
        .map_err(|_| Failure::input(format!("{server:?} is not a host and port (HOST:PORT)")))?;
    Ok(Route::Tls(host.trim_matches(['[', ']']).to_owned(), port))
}

/// The certificates in a file.
fn authorities(file: &Path) -> Result<Vec<u8>, Failure> {
    let shown = term::escape(&file.display().to_string());
    let pem = fs::read(file).map_err(|error| {
        Failure::input(format!(
            "cannot read {shown}: {}; --xmpp-ca takes the file with the certificate of your \
             server's authority",
            plain(&error)
        ))
    })?;
    // Any account will do to see whether they are any good.
    let some = Account::new("somebody@localhost", Password::new(String::new())).map_err(wrong)?;
    match some.trust_authorities(&pem) {
        Ok(_) => Ok(pem),
        Err(error) => Err(Failure::input(format!(
            "cannot use {shown} as --xmpp-ca: {error}; openssl x509 -in FILE -inform DER makes \
             PEM of other certificates"
        ))),
    }
}

const DEFAULT_PORT: &str = "5222";
