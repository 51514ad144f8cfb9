//! Judges a group channel: whether a transport keeps the contract that mpENC builds on
//! (`docs/spec/protocol.md`, section CHN), and which of the things that are only hoped for it
//! gives.
//!
//! Say how clients are made, and let the kit use them:
//!
//! ```
//! use mpenc::memory::{MemoryChannel, Room};
//! use mpenc::{MemberId, PublicKey};
//! use mpenc_testkit::{Client, Kit, Transport};
//!
//! struct Memory(std::collections::BTreeMap<String, Room>);
//!
//! impl Transport for Memory {
//!     type Channel = MemoryChannel;
//!
//!     async fn connect(&mut self, room: &str, who: &str) -> Result<Client<MemoryChannel>, String> {
//!         let room = self.0.entry(room.to_owned()).or_default();
//!         let member = MemberId::new(who).map_err(|error| error.to_string())?;
//!         let channel = room.channel(member.clone(), PublicKey::new([7; 32]));
//!         Ok(Client::new(channel.map_err(|error| error.to_string())?, member))
//!     }
//! }
//!
//! # #[tokio::main]
//! # async fn main() {
//! let report = Kit::new().quick().judge(&mut Memory(Default::default())).await;
//! println!("{report}");
//! assert!(report.keeps_the_contract(), "{report}");
//! # }
//! ```
//!
//! [`Guarantee`] lists what is looked at, and which of it a session needs.
//!
//! The kit sees what a channel does when it is used, on a good day and on a few bad ones. It proves
//! nothing about a server that lies; noticing that is the session's business.

extern crate alloc;

mod check;
mod packet;
mod probe;
mod report;

use core::fmt;
use core::future::Future;
use core::time::Duration;

use mpenc::MemberId;
use mpenc::channel::GroupChannel;

pub use report::{Finding, Guarantee, Report, Verdict};

/// A transport under test: makes clients.
pub trait Transport {
    /// What it gives to a session.
    type Channel: GroupChannel;

    /// A new client for a place in `room`, which nobody has used yet unless the kit itself has.
    /// `who` is a short name of lower case letters and digits, to log in with or to be called;
    /// at most one client of that name is in the room at a time. The client is still outside.
    fn connect(
        &mut self,
        room: &str,
        who: &str,
    ) -> impl Future<Output = Result<Client<Self::Channel>, String>>;
}

/// A client of a transport.
pub struct Client<C> {
    pub(crate) channel: C,
    pub(crate) member: MemberId,
    pub(crate) interrupt: Option<Box<dyn Fn() + Send>>,
    pub(crate) vanish: Option<Box<dyn FnOnce() + Send>>,
}

impl<C: GroupChannel> Client<C> {
    /// A channel, and the name under which its events speak of it.
    #[must_use]
    pub fn new(channel: C, member: MemberId) -> Self {
        Self { channel, member, interrupt: None, vanish: None }
    }

    /// The channel, for those who put another one around it.
    #[must_use]
    pub fn into_channel(self) -> C {
        self.channel
    }

    /// How to break its connection once, as a failing network would. It is called several times.
    /// Without it the kit cannot tell what happens then, and the report says so
    /// ([`Verdict::NotOffered`]).
    #[must_use]
    pub fn interrupt(mut self, interrupt: impl Fn() + Send + 'static) -> Self {
        self.interrupt = Some(Box::new(interrupt));
        self
    }

    /// How to cut it off for good without a word, as a crash or a network that is gone would: no
    /// goodbye reaches the others. Without it the kit drops the channel, and many channels say
    /// goodbye then, which is the easier case.
    #[must_use]
    pub fn vanish(mut self, vanish: impl FnOnce() + Send + 'static) -> Self {
        self.vanish = Some(Box::new(vanish));
        self
    }
}

impl<C> fmt::Debug for Client<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("member", &self.member).finish_non_exhaustive()
    }
}

/// Checks channels.
#[derive(Clone, Debug)]
pub struct Kit {
    pub(crate) patience: Duration,
    pub(crate) packets: u32,
    pub(crate) flood_bytes: usize,
}

impl Default for Kit {
    fn default() -> Self {
        Self::new()
    }
}

impl Kit {
    /// Waits for up to ten seconds for each thing, and sends a few megabytes.
    #[must_use]
    pub const fn new() -> Self {
        Self { patience: Duration::from_secs(10), packets: 40, flood_bytes: 4 << 20 }
    }

    /// Sends less, for channels inside one process and for slow ones.
    #[must_use]
    pub const fn quick(mut self) -> Self {
        self.packets = 12;
        self.flood_bytes = 256 << 10;
        self
    }

    /// How long to wait for what should come. A guarantee that is not kept costs this much time.
    #[must_use]
    pub const fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// How many bytes are sent at once to a reader that is slow, and to one that is not. To see
    /// what happens when queues are full it has to be more than they hold.
    #[must_use]
    pub const fn flood_bytes(mut self, bytes: usize) -> Self {
        self.flood_bytes = bytes;
        self
    }

    /// Uses clients of the transport, and tells what it found. Takes seconds, up to a few times
    /// the [`patience`](Self::patience) if much is lacking.
    pub async fn judge<T: Transport>(&self, transport: &mut T) -> Report {
        check::run(self, transport).await
    }
}
