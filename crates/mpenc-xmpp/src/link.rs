//! The task that looks after a connection, and what it shares with the owner's side.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::StreamExt as _;
use mpenc::MemberId;
use mpenc::channel::{ChannelError, ChannelEvent, ChannelRequest};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_xmpp::jid::Jid;
use tokio_xmpp::stanzastream::{Connection, Event, StanzaStream, StreamEvent};

use crate::account::Account;
use crate::error::ConnectError;
use crate::handed::{Handed, QUEUE};
use crate::limits::{
    GIVE_UP, INCOMING_LIMIT, MAX_FAILED_RESUMPTIONS, MAX_RESETS, MAX_RESUMPTIONS, MAX_UNACKED,
    OUTGOING_LIMIT,
};
use crate::login::login;
use crate::state::State;
use crate::wire::Cutter;

#[derive(Debug)]
pub(crate) struct Link {
    state: Mutex<State>,
    /// What nicknames begin with.
    user: String,
    /// There is an event, or the channel has ended.
    incoming: Notify,
    /// The owner took an event.
    taken: Notify,
    /// There is something to write.
    outgoing: Notify,
    /// There is room for more to write, or the channel has ended.
    written: Notify,
    command: watch::Sender<Command>,
}

/// What happens to the connection from outside; a later one is stronger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Command {
    Keep,
    /// Break the connection once.
    Interrupt,
    /// The owner has dropped the channel.
    Drop,
    /// Close it for good.
    Cut,
}

/// The stream, and word of connections that could not be restored.
pub(crate) struct Stream {
    account: Account,
    stanzas: StanzaStream,
    failures: mpsc::UnboundedReceiver<ConnectError>,
    cutter: Cutter,
}

/// A nickname that nobody else has by accident. It means nothing; the first part is for people
/// who look into the room with other programs.
fn nickname(user: &str) -> String {
    let mut random = [0; 4];
    #[expect(clippy::disallowed_methods, reason = "the transport draws its own randomness")]
    // Without randomness a nickname may be taken; the next attempt then has another.
    let _ = getrandom::fill(&mut random);
    format!("{user}-{}", hex::encode(random))
}

/// Logs in and makes a stream of it that logs in again by itself.
pub(crate) async fn open(account: &Account) -> Result<Stream, ConnectError> {
    let cutter = Cutter::default();
    let first = login(account, &cutter).await?;
    Ok(Stream::new(account.clone(), cutter, Some(first)))
}

impl Stream {
    /// Uses the connection that there is, and logs in for all others.
    fn new(account: Account, cutter: Cutter, mut first: Option<Connection>) -> Self {
        let (failed, failures) = mpsc::unbounded_channel();
        let (logging_in, guard) = (account.clone(), cutter.clone());
        let connector = move |_: Option<String>, slot: oneshot::Sender<Connection>| {
            match first.take() {
                Some(connection) => {
                    // The other end is there, or not interested.
                    let _ = slot.send(connection);
                }
                None => {
                    let (account, failed) = (logging_in.clone(), failed.clone());
                    tokio::spawn(restore(account, guard.clone(), slot, failed));
                }
            }
        };
        let stanzas = StanzaStream::new(Box::new(connector), QUEUE);
        Self { account, stanzas, failures, cutter }
    }

    /// Forgets the stream, and what could be resumed of it.
    fn begin_anew(&mut self) {
        *self = Self::new(self.account.clone(), self.cutter.clone(), None);
    }
}

/// Logs in again, until it works or is in vain.
async fn restore(
    account: Account,
    cutter: Cutter,
    mut slot: oneshot::Sender<Connection>,
    failed: mpsc::UnboundedSender<ConnectError>,
) {
    let lost = now();
    let mut pause = FIRST_PAUSE;
    loop {
        tokio::select! {
            connection = login(&account, &cutter) => match connection {
                Ok(connection) => {
                    let _ = slot.send(connection);
                    return;
                }
                Err(error) if error.is_final() || lost.elapsed() >= GIVE_UP => {
                    let _ = failed.send(error);
                    // The stream takes a slot that is dropped for a fault of ours; it ends first.
                    slot.closed().await;
                    return;
                }
                Err(error) => tracing::debug!(%error, "logging in again has failed"),
            },
            () = slot.closed() => return,
        }
        sleep(pause).await;
        pause = pause.saturating_mul(2).min(LAST_PAUSE);
    }
}

/// Waits for the address that the server gives us.
pub(crate) async fn bound(stream: &mut Stream) -> Option<Jid> {
    loop {
        match stream.stanzas.next().await? {
            Event::Stream(StreamEvent::Reset { bound_jid, .. }) => return Some(bound_jid),
            Event::Stream(StreamEvent::Suspended | StreamEvent::Resumed) | Event::Stanza(_) => {}
        }
    }
}

impl Link {
    pub(crate) fn new(state: State, user: &str) -> Self {
        Self {
            state: Mutex::new(state),
            user: user.to_owned(),
            incoming: Notify::new(),
            taken: Notify::new(),
            outgoing: Notify::new(),
            written: Notify::new(),
            command: watch::Sender::new(Command::Keep),
        }
    }

    /// Takes a request, once there is room for it.
    pub(crate) async fn request(&self, request: ChannelRequest) -> Result<(), ChannelError> {
        loop {
            {
                let mut state = self.lock();
                if let Some(error) = state.ended() {
                    return Err(error.clone());
                }
                if state.outgoing_bytes() < OUTGOING_LIMIT {
                    state.request(request, &nickname(&self.user));
                    drop(state);
                    self.outgoing.notify_one();
                    return Ok(());
                }
            }
            self.written.notified().await;
        }
    }

    /// Cancel safe: an event is taken and returned without waiting in between.
    pub(crate) async fn next_event(&self) -> Result<ChannelEvent, ChannelError> {
        loop {
            let next = self.lock().next_event();
            if let Some(next) = next {
                self.taken.notify_one();
                return next;
            }
            self.incoming.notified().await;
        }
    }

    pub(crate) fn command(&self, command: Command) {
        self.command.send_if_modified(|current| {
            let stronger = command > *current;
            if stronger {
                *current = command;
            }
            stronger
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, and wakes whoever may wait for the change.
    fn update<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let done = act(&mut self.lock());
        self.incoming.notify_one();
        self.written.notify_one();
        done
    }

    fn end(&self, reason: impl Into<String>) {
        self.update(|state| state.end(reason));
    }
}

/// Ends the channel should its task end in a way that nobody planned.
struct Ending(Arc<Link>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.end("the task of the connection has ended");
    }
}

/// Looks after the connection of a channel until it ends.
pub(crate) async fn drive(link: Arc<Link>, mut stream: Stream) {
    let ending = Ending(link);
    let link = &ending.0;
    let mut handed = Handed::default();
    let mut resets: VecDeque<Instant> = VecDeque::new();
    let mut resumptions: VecDeque<Instant> = VecDeque::new();
    let mut commands = link.command.subscribe();
    // Since when the connection has not been usable, and how often it has come about and broken
    // since without being resumed.
    let mut lost: Option<Instant> = None;
    let mut failed = 0_u32;
    loop {
        hand_over(link, &stream.stanzas, &mut handed).await;
        let (reading, deadline) = {
            let state = link.lock();
            if state.ended().is_some() {
                break;
            }
            (state.event_bytes() < INCOMING_LIMIT, state.deadline())
        };
        let give_up = lost.and_then(|lost| lost.checked_add(GIVE_UP));
        let deadline = [deadline, give_up].into_iter().flatten().min();
        let deadline = deadline.or_else(|| now().checked_add(IDLE)).unwrap_or_else(now);
        tokio::select! {
            event = stream.stanzas.next(), if reading => match event {
                None => link.end(GONE),
                Some(Event::Stanza(stanza)) => link.update(|state| state.receive(stanza, now())),
                Some(Event::Stream(StreamEvent::Suspended)) => {
                    tracing::debug!("the connection is lost");
                    failed = if lost.is_some() { failed.saturating_add(1) } else { 0 };
                    lost.get_or_insert_with(now);
                    link.update(State::suspended);
                    if failed >= MAX_FAILED_RESUMPTIONS {
                        // The library would try it for ever. Among other things, it does not
                        // understand a server that does not know the stream any more and says so
                        // without a number, as it may (XEP-0198, 5).
                        tracing::debug!("the stream cannot be resumed");
                        failed = 0;
                        handed.clear();
                        stream.begin_anew();
                    }
                }
                Some(Event::Stream(StreamEvent::Resumed)) => {
                    lost = None;
                    resumed(link, &mut resumptions);
                }
                Some(Event::Stream(StreamEvent::Reset { bound_jid, .. })) => {
                    lost = None;
                    handed.clear();
                    reset(link, &bound_jid, &mut resets);
                }
            },
            Some(error) = stream.failures.recv() => link.end(format!("the connection was lost: {error}")),
            () = link.taken.notified(), if !reading => {}
            () = link.outgoing.notified() => {}
            () = handed.written(), if !handed.is_written() => {}
            () = sleep_until(deadline) => {
                if lost.is_some_and(|lost| lost.elapsed() >= GIVE_UP) {
                    link.end(format!("the connection was lost for {GIVE_UP:?}"));
                }
                link.update(|state| state.handle_timeout(now()));
            }
            command = wait_for_command(&mut commands) => match command {
                Command::Cut => link.end("the connection was cut"),
                Command::Drop => break,
                Command::Keep | Command::Interrupt => {
                    link.command.send_if_modified(|current| {
                        if *current == Command::Interrupt {
                            *current = Command::Keep;
                        }
                        false
                    });
                    stream.cutter.cut();
                }
            },
        }
    }
    // What was asked for before the channel was dropped still goes out.
    let goodbye = async {
        hand_over(link, &stream.stanzas, &mut handed).await;
        while !handed.is_written() {
            handed.written().await;
            hand_over(link, &stream.stanzas, &mut handed).await;
        }
        stream.stanzas.close().await;
    };
    let _ = tokio::time::timeout(GOODBYE_TIMEOUT, goodbye).await;
}

/// There is a new stream in place of a broken one.
fn reset(link: &Link, bound_jid: &Jid, resets: &mut VecDeque<Instant>) {
    let owner = link.lock().owner().clone();
    if MemberId::from_wire(bound_jid.as_str().as_bytes()) != owner {
        return link.end(format!("the server calls us {bound_jid} now, no longer {owner}"));
    }
    if !within(resets, MAX_RESETS) {
        return link.end(format!(
            "the connection broke {MAX_RESETS} times within {GIVE_UP:?}; is another client \
             logged in as {owner}?"
        ));
    }
    link.update(State::reset);
}

/// The stream goes on where it was.
fn resumed(link: &Link, resumptions: &mut VecDeque<Instant>) {
    if !within(resumptions, MAX_RESUMPTIONS) {
        return link.end(format!(
            "the connection broke and was resumed {MAX_RESUMPTIONS} times within {GIVE_UP:?}; does \
             the server send again and again what cannot be read?"
        ));
    }
    link.update(|state| state.resumed(now()));
}

/// Notes that something happened now. Whether it has not happened too often.
fn within(times: &mut VecDeque<Instant>, max: usize) -> bool {
    times.retain(|at| at.elapsed() < GIVE_UP);
    times.push_back(now());
    times.len() <= max
}

/// Gives the stream as much as it takes without making us wait.
async fn hand_over(link: &Link, stanzas: &StanzaStream, handed: &mut Handed) {
    loop {
        handed.settle();
        if handed.unacked_bytes() > MAX_UNACKED {
            return link.end(format!(
                "the server has acknowledged none of the last {MAX_UNACKED} bytes, as it said it \
                 would; connect again, or use another server"
            ));
        }
        if handed.is_full() {
            return;
        }
        let next = link.lock().next_stanza(now());
        let Some(stanza) = next else { return };
        if handed.give(stanzas, stanza).await.is_err() {
            return link.end(GONE);
        }
    }
}

/// Waits for a command other than to keep the connection.
async fn wait_for_command(commands: &mut watch::Receiver<Command>) -> Command {
    match commands.wait_for(|command| *command > Command::Keep).await {
        Ok(command) => *command,
        // The link holds the sender as long as anybody waits.
        Err(_) => Command::Drop,
    }
}

#[expect(clippy::disallowed_methods, reason = "the transport reads the clock; its state does not")]
fn now() -> Instant {
    Instant::now()
}

/// Why there is nothing more to read. The library's task fails where the server breaks some rules,
/// as by beginning a new session when asked to resume one.
const GONE: &str = "the task of the connection has failed; has the server broken a rule of XMPP?";

/// Pauses between attempts to log in: the first, then doubled, up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(4);

/// Time to finish writing after the owner has dropped the channel.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(2);

/// Longest sleep without a deadline.
const IDLE: Duration = Duration::from_secs(3600);
