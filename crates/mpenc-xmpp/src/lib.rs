//! A room of XMPP multi-user chat (XEP-0045) as a group channel: private conversations on any
//! server that has rooms, without changing it.
//!
//! [`XmppChannel::connect`] logs in; the room is entered later, when the session asks for it:
//!
//! ```no_run
//! use mpenc::client::Client;
//! use mpenc::Identity;
//! use mpenc_xmpp::{Account, Password, XmppChannel};
//!
//! # async fn talk() -> Result<(), Box<dyn std::error::Error>> {
//! let identity = Identity::random()?;
//! let account = Account::new("alice@example.org", Password::new(std::env::var("PASSWORD")?))?;
//! let room = "tea@conference.example.org";
//! let channel = XmppChannel::connect(account, room, identity.public()).await?;
//! let alice = Client::new(channel.member().clone(), identity)?.session_id(room).open(channel);
//! alice.join().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Who is who
//!
//! A member is named by the *full address* of a client, such as `alice@example.org/mpenc`: a
//! device is a member like any other (MUL-001). The room has to show addresses to everybody
//! (a *non-anonymous* room); one that hides them is refused. A room that we create is configured
//! so. The nickname, which anybody can choose, means nothing here.
//!
//! Identity keys travel in the presence that a client sends to the room. They are the channel's
//! word, to be believed or not by a [`Directory`](mpenc::client::Directory).
//!
//! # On the wire
//!
//! A packet is sent as one or more messages to the room with an element `packet` in the namespace
//! [`NAMESPACE`]; the first of them has a line for people whose program does not know mpENC. A
//! packet larger than [`Account::max_fragment`] is cut up and put together below the protocol:
//! see [`limits`] for the bounds. When somebody enters between the pieces, everybody drops what
//! has come, and the sender begins again: a packet reaches exactly those who were in the room
//! from its first piece to its last.
//!
//! # What a room guarantees, and what not
//!
//! One room on one node of a server gives one order to everybody and echoes what we send. A
//! cluster may divide a room in two. A server with stream management keeps a client that
//! vanished in the room for minutes. Only moderators can remove others. Nothing of this is
//! trusted; the session notices (CHN-009).
//!
//! # When the connection breaks
//!
//! It is made again. A server with stream management (XEP-0198) then goes on where it was: for the
//! room we were never away, and packets of both directions arrive once each, in order. What such
//! a server has kept for us carries a mark of having been late (XEP-0203), as a room's history
//! does; the two are told apart by who made the mark, and by the room's subject, which ends the
//! history. Where the server has no stream management, or we were away for longer than it waits,
//! the channel reports that it [left](mpenc::channel::ChannelEvent::Left), so do the others'
//! channels of us, and a session with
//! [`auto_reenter`](mpenc::client::Client::auto_reenter) comes back.
//!
//! # Security
//!
//! The connection uses TLS and checks the server's certificate with the operating system's
//! authorities, and those of [`Account::trust_authorities`]. Without TLS only an address of this
//! machine is accepted, and only when asked for ([`Account::plaintext_on_loopback`]). Mechanisms
//! that prove no password are not used; where the server can, the proof is bound to the TLS
//! connection (RFC 9266). The server's own proof that it knows the password, which SCRAM has too,
//! is not looked at: who the server is, its certificate says and nothing else.
//! The server sees who is in the room, and the size and time of packets.
//!
//! What a server sends is bounded before it is parsed ([`limits::MAX_XML_DEPTH`],
//! [`limits::MAX_STANZA_LEN`]); what exceeds a bound breaks the connection. A room's members can
//! bring that about as well if the server passes such a message on.

extern crate alloc;

mod account;
mod bounded;
mod channel;
mod element;
mod error;
mod fragment;
mod handed;
#[cfg(test)]
mod hostile;
pub mod limits;
mod link;
mod login;
#[cfg(feature = "prosody")]
pub mod prosody;
mod roster;
mod scanner;
mod state;
mod tls;
mod wire;

#[cfg(test)]
use tokio_xmpp::minidom::rxml;

pub use account::{Account, AccountError, Password};
pub use channel::{ConnectionHandle, XmppChannel};
pub use element::NAMESPACE;
pub use error::ConnectError;
