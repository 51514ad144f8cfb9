//! Rooms of XMPP servers: our own for a demonstration, or somebody's.

mod password;
mod renamed;

use core::net::SocketAddr;

use mpenc::{Identity, MemberId};
use mpenc_xmpp::prosody::{Options, Prosody, ROOMS};
use mpenc_xmpp::{Account, Password, XmppChannel};

use crate::cli::XmppArgs;
use crate::failure::Failure;
use crate::term;

pub(crate) use renamed::Renamed;

/// An XMPP server on which people are devices of one account.
#[derive(Debug)]
pub(crate) struct Xmpp {
    login: Login,
    /// Where the rooms are, or the room if there is only one.
    rooms: Rooms,
    /// Ended with us, if it is our own.
    _own: Option<Prosody>,
}

#[derive(Debug)]
enum Rooms {
    Service(&'static str),
    One(String),
}

#[derive(Debug)]
struct Login {
    /// Without a device.
    account: String,
    password: Password,
    way: Way,
}

/// How to reach the server.
#[derive(Clone, Debug)]
enum Way {
    Dns,
    Tls(String, u16),
    Plain(SocketAddr),
}

impl Xmpp {
    /// A server of our own.
    ///
    /// # Errors
    ///
    /// If none is installed, or it does not start.
    pub(crate) async fn own() -> Result<Self, Failure> {
        let mut random = [0; 16];
        getrandom::fill(&mut random)
            .map_err(|error| Failure::check(format!("the system gives no randomness: {error}")))?;
        let password = hex::encode(random);
        let server = Prosody::start(&Options::default(), &[(STAGE, &password)])
            .await
            .map_err(|error| Failure::check(error.to_string()))?;
        let login = Login {
            account: format!("{STAGE}@{}", mpenc_xmpp::prosody::DOMAIN),
            password: Password::new(password),
            way: Way::Plain(server.address()),
        };
        Ok(Self { login, rooms: Rooms::Service(ROOMS), _own: Some(server) })
    }

    /// One room of somebody's server, with all people on one account.
    ///
    /// # Errors
    ///
    /// If there is no account or password.
    pub(crate) fn room(room: &str, args: &XmppArgs) -> Result<Self, Failure> {
        let jid = args.jid.as_deref().ok_or_else(|| Failure::input("--jid is missing"))?;
        let account = jid.split('/').next().unwrap_or(jid).to_owned();
        let password = password::find(args, &account)?;
        let login = Login { account, password, way: way(args)? };
        Ok(Self { login, rooms: Rooms::One(room.to_owned()), _own: None })
    }

    pub(crate) fn describe(&self) -> String {
        let account = term::escape(&self.login.account);
        match &self.rooms {
            Rooms::Service(_) => format!("an XMPP server of our own, each a device of {account}"),
            Rooms::One(room) => {
                format!("the XMPP room {}, each a device of {account}", term::escape(room))
            }
        }
    }

    /// Connects somebody, whose device is called as he is.
    pub(crate) async fn connect(
        &self,
        room: &str,
        name: &MemberId,
        identity: &Identity,
    ) -> Result<Renamed<XmppChannel>, Failure> {
        let prefix = format!("{}/", self.login.account);
        let address = format!("{prefix}{}", String::from_utf8_lossy(name.as_bytes()));
        let room = match &self.rooms {
            Rooms::Service(service) => format!("{room}@{service}"),
            Rooms::One(room) => room.clone(),
        };
        let account = self.login.account(&address)?;
        let channel = XmppChannel::connect(account, &room, identity.public())
            .await
            .map_err(|error| Failure::input(error.to_string()))?;
        if channel.member().as_bytes() != address.as_bytes() {
            return Err(Failure::input(format!(
                "the XMPP server does not let a device be called {}",
                term::name(name)
            )));
        }
        Ok(Renamed::new(channel, Some(prefix)))
    }
}

impl Login {
    fn account(&self, address: &str) -> Result<Account, Failure> {
        let account = Account::new(address, self.password.clone());
        let account = account.map_err(|error| Failure::input(error.to_string()))?;
        reach(account, &self.way)
    }
}

fn reach(account: Account, way: &Way) -> Result<Account, Failure> {
    match way {
        Way::Dns => Ok(account),
        Way::Tls(host, port) => Ok(account.server(host, *port)),
        Way::Plain(address) => account
            .plaintext_on_loopback(*address)
            .map_err(|error| Failure::input(error.to_string())),
    }
}

fn way(args: &XmppArgs) -> Result<Way, Failure> {
    let Some(server) = &args.server else {
        if args.plaintext {
            return Err(Failure::input("--plaintext needs --server, an address of this machine"));
        }
        return Ok(Way::Dns);
    };
    if args.plaintext {
        let address = server.parse().map_err(|_| {
            Failure::input(format!("{server:?} is not an address and port, such as 127.0.0.1:5222"))
        })?;
        return Ok(Way::Plain(address));
    }
    let (host, port) = server.rsplit_once(':').unwrap_or((server, DEFAULT_PORT));
    let port = port
        .parse()
        .map_err(|_| Failure::input(format!("{server:?} is not a host and port (HOST:PORT)")))?;
    Ok(Way::Tls(host.trim_matches(['[', ']']).to_owned(), port))
}

/// The account that `mpenc chat` logs in with.
///
/// # Errors
///
/// If the address or the way to the server makes no sense, or no password is to be had.
pub(crate) fn account(args: &XmppArgs) -> Result<Account, Failure> {
    let jid = args.jid.as_deref().ok_or_else(|| Failure::input("--jid is missing"))?;
    let way = way(args)?;
    // What is wrong with the address is said before anybody types a password.
    let wrong = |error: mpenc_xmpp::AccountError| Failure::input(error.to_string());
    Account::new(jid, Password::new(String::new())).map_err(wrong)?;
    let account = Account::new(jid, password::find(args, jid)?).map_err(wrong)?;
    reach(account, &way)
}

/// The account of people on a server of our own.
const STAGE: &str = "stage";

const DEFAULT_PORT: &str = "5222";
