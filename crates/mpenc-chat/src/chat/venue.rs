//! The room that somebody wants to talk in.

use mpenc::{Identity, MemberId};
use mpenc_relay::RelayChannel;

use crate::cli::ChatArgs;
use crate::failure::Failure;
use crate::hall::AnyChannel;
use crate::term;
#[cfg(feature = "xmpp")]
use crate::xmpp::Renamed;

/// A room, and as whom to go there.
#[derive(Debug)]
pub(super) enum Venue {
    Relay {
        url: String,
        room: String,
        name: MemberId,
    },
    #[cfg(feature = "xmpp")]
    Xmpp {
        account: mpenc_xmpp::Account,
        room: String,
    },
}

impl Venue {
    /// May ask for a password. Cancel safe.
    pub(super) async fn of(args: &ChatArgs) -> Result<Self, Failure> {
        #[cfg(feature = "xmpp")]
        if let Some(room) = &args.xmpp {
            let account = crate::xmpp::account(&args.account).await?;
            return Ok(Self::Xmpp { account, room: room.clone() });
        }
        match (&args.relay, &args.room, &args.name) {
            (Some(url), Some(room), Some(name)) => {
                Ok(Self::Relay { url: url.clone(), room: room.clone(), name: name.clone() })
            }
            _ => {
                Err(Failure::input("a relay, a room and a name are needed; see mpenc chat --help"))
            }
        }
    }

    /// What we are called there.
    pub(super) fn name(&self) -> Result<MemberId, Failure> {
        match self {
            Self::Relay { name, .. } => Ok(name.clone()),
            #[cfg(feature = "xmpp")]
            Self::Xmpp { account, .. } => MemberId::new(account.address())
                .map_err(|error| Failure::input(format!("this address is no name: {error}"))),
        }
    }

    /// The room's name.
    pub(super) fn room(&self) -> &str {
        match self {
            Self::Relay { room, .. } => room,
            #[cfg(feature = "xmpp")]
            Self::Xmpp { room, .. } => room,
        }
    }

    /// For people.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Relay { url, room, .. } => {
                format!("{} on {}", term::escape(room), term::escape(url))
            }
            #[cfg(feature = "xmpp")]
            Self::Xmpp { account, room } => {
                format!("{} as {}", term::escape(room), term::escape(&account.address()))
            }
        }
    }

    pub(super) async fn connect(self, identity: &Identity) -> Result<AnyChannel, Failure> {
        match self {
            Self::Relay { url, room, name } => {
                let channel = RelayChannel::connect(&url, &room, name, identity.clone()).await;
                channel.map(AnyChannel::Relay).map_err(|error| Failure::input(error.to_string()))
            }
            #[cfg(feature = "xmpp")]
            Self::Xmpp { account, room } => {
                let address = account.address();
                let key = identity.public();
                let channel = mpenc_xmpp::XmppChannel::connect(account, &room, key).await;
                let channel = channel.map_err(crate::xmpp::refused)?;
                if channel.member().as_bytes() != address.as_bytes() {
                    let given = term::name(channel.member());
                    return Err(Failure::input(format!(
                        "the server calls us {given} instead of {address}; use --jid {given}"
                    )));
                }
                Ok(AnyChannel::Xmpp(Renamed::new(channel, None)))
            }
        }
    }
}
