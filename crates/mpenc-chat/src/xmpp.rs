//! Rooms of XMPP servers: our own for a demonstration, or somebody's.

mod hidden;
mod password;
mod renamed;
mod way;

use core::time::Duration;

use mpenc::{Identity, MemberId};
use mpenc_xmpp::prosody::{Options, Prosody, ROOMS};
use mpenc_xmpp::{Account, ConnectError, Password, XmppChannel};

use crate::cli::XmppArgs;
use crate::failure::Failure;
use crate::term;

pub(crate) use renamed::Renamed;
use way::{Way, wrong};

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

impl Xmpp {
    /// A server of our own, which waits for so long for clients whose connection broke.
    ///
    /// # Errors
    ///
    /// If none is installed, or it does not start.
    pub(crate) async fn own(hibernation: Option<Duration>) -> Result<Self, Failure> {
        let mut random = [0; 16];
        getrandom::fill(&mut random)
            .map_err(|error| Failure::check(format!("the system gives no randomness: {error}")))?;
        let password = hex::encode(random);
        let mut options = Options::default();
        options.hibernation = hibernation;
        let server = Prosody::start(&options, &[(STAGE, &password)])
            .await
            .map_err(|error| Failure::check(error.to_string()))?;
        let login = Login {
            account: format!("{STAGE}@{}", mpenc_xmpp::prosody::DOMAIN),
            password: Password::new(password),
            way: Way::plain(server.address()),
        };
        Ok(Self { login, rooms: Rooms::Service(ROOMS), _own: Some(server) })
    }

    /// One room of somebody's server, with all people on one account.
    ///
    /// # Errors
    ///
    /// If there is no account or password.
    pub(crate) async fn room(room: &str, args: &XmppArgs) -> Result<Self, Failure> {
        let jid = args.jid.as_deref().ok_or_else(|| Failure::input("--jid is missing"))?;
        let account = jid.split('/').next().unwrap_or(jid).to_owned();
        // What is wrong otherwise is said before anybody types a password.
        let way = Way::of(args)?;
        let password = password::find(args, &account).await?;
        let login = Login { account, password, way };
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
        let channel =
            XmppChannel::connect(account, &room, identity.public()).await.map_err(refused)?;
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
        self.way.apply(Account::new(address, self.password.clone()).map_err(wrong)?)
    }
}

/// Why nobody could log in, with what to do about it where we know.
pub(crate) fn refused(error: ConnectError) -> Failure {
    if matches!(error, ConnectError::UnknownAuthority { .. }) {
        Failure::input(format!(
            "{error}; if the server is your own, name the certificate of its authority with \
             --xmpp-ca FILE"
        ))
    } else {
        Failure::input(error.to_string())
    }
}

/// The account that `mpenc chat` logs in with.
///
/// # Errors
///
/// If the address or the way to the server makes no sense, or no password is to be had.
pub(crate) async fn account(args: &XmppArgs) -> Result<Account, Failure> {
    let jid = args.jid.as_deref().ok_or_else(|| Failure::input("--jid is missing"))?;
    let way = Way::of(args)?;
    // What is wrong with the address is said before anybody types a password.
    Account::new(jid, Password::new(String::new())).map_err(wrong)?;
    way.apply(Account::new(jid, password::find(args, jid).await?).map_err(wrong)?)
}

/// The account of people on a server of our own.
const STAGE: &str = "stage";
