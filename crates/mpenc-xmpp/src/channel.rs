use alloc::sync::Arc;
use core::fmt;

use mpenc::channel::{ChannelError, ChannelEvent, ChannelRequest, GroupChannel};
use mpenc::{MemberId, PublicKey};
use tokio::time::timeout;

use crate::account::{Account, parse_room};
use crate::error::ConnectError;
use crate::limits::CONNECT_TIMEOUT;
use crate::link::{self, Command, Link};
use crate::state::State;

/// A place in a room of XMPP multi-user chat, as a group channel.
///
/// A broken connection is restored by itself. If the server resumes the stream (XEP-0198),
/// nothing is lost, neither events nor packets. Else, and whenever something may have been lost,
/// the channel reports [`ChannelEvent::Left`] (CHN-011); the next [`ChannelRequest::Enter`]
/// enters again. If the server cannot be reached for [`GIVE_UP`](crate::limits::GIVE_UP), or
/// refuses us, or the room does for good, the channel ends with a sentence that says why.
///
/// Asking others in invites their accounts through the room. Removing others works where the
/// server takes us for a moderator, as it does those who created the room.
///
/// Dropping it closes the connection, and with it the stay.
pub struct XmppChannel {
    link: Arc<Link>,
    member: MemberId,
    description: String,
}

/// Breaks a channel's connection from outside, as a failing network would. For tests and
/// demonstrations.
#[derive(Clone)]
pub struct ConnectionHandle {
    link: Arc<Link>,
}

impl ConnectionHandle {
    /// Closes the connection for good; the channel ends.
    pub fn cut(&self) {
        self.link.command(Command::Cut);
    }

    /// Breaks the connection once, without a word to the server; the channel connects again.
    pub fn interrupt(&self) {
        self.link.command(Command::Interrupt);
    }
}

impl fmt::Debug for ConnectionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionHandle").finish_non_exhaustive()
    }
}

impl XmppChannel {
    /// Logs in, for a place in `room` (`ROOM@SERVICE`), and presents `key` as our identity key.
    /// The room is entered later, with [`ChannelRequest::Enter`]. A room that does not exist is
    /// created then, and set to show addresses to everybody.
    ///
    /// Must be called within a tokio runtime with network and time, on which a task then looks
    /// after the connection.
    ///
    /// # Errors
    ///
    /// One [`ConnectError`] for each thing that can go wrong.
    pub async fn connect(
        account: Account,
        room: &str,
        key: PublicKey,
    ) -> Result<Self, ConnectError> {
        let room = parse_room(room)
            .map_err(|reason| ConnectError::InvalidRoom { room: room.to_owned(), reason })?;
        let mut stream = link::open(&account).await?;
        let bound = timeout(CONNECT_TIMEOUT, link::bound(&mut stream)).await;
        let bound = match bound {
            Ok(bound) => bound,
            Err(_) => {
                let after = CONNECT_TIMEOUT;
                return Err(ConnectError::Timeout { account: account.address(), after });
            }
        };
        let problem = |reason: &str| ConnectError::Protocol {
            account: account.address(),
            reason: reason.to_owned(),
        };
        let bound = bound.ok_or_else(|| problem("it closed the stream"))?;
        if bound.to_bare() != account.jid.to_bare() {
            return Err(problem("it took us for somebody else"));
        }
        let member = MemberId::new(bound.as_str())
            .map_err(|_| problem("the address it gave us is too long"))?;
        let description = format!("{member} in {room}");
        let state = State::new(
            member.clone(),
            key,
            room,
            account.room_password.clone(),
            account.max_fragment,
        );
        let link = Arc::new(Link::new(state, account.user()));
        tokio::spawn(link::drive(Arc::clone(&link), stream));
        Ok(Self { link, member, description })
    }

    /// The name under which the channel knows us: the full address that the server gave us. The
    /// session must be opened under it.
    #[must_use]
    pub fn member(&self) -> &MemberId {
        &self.member
    }

    /// A handle with which the connection can be broken from outside.
    #[must_use]
    pub fn connection(&self) -> ConnectionHandle {
        ConnectionHandle { link: Arc::clone(&self.link) }
    }
}

impl GroupChannel for XmppChannel {
    async fn request(&mut self, request: ChannelRequest) -> Result<(), ChannelError> {
        self.link.request(request).await
    }

    async fn next_event(&mut self) -> Result<ChannelEvent, ChannelError> {
        self.link.next_event().await
    }
}

impl Drop for XmppChannel {
    fn drop(&mut self) {
        self.link.command(Command::Drop);
    }
}

impl fmt::Debug for XmppChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "XmppChannel({})", self.description)
    }
}
