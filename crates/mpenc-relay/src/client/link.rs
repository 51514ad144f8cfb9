use alloc::sync::Arc;
use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use mpenc::MemberId;
use mpenc::channel::{ChannelError, ChannelEvent, ChannelRequest};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

use super::endpoint::{self, Endpoint, Socket};
use super::state::{Fault, State};
use crate::wire::{Hex, Welcome};

/// What the owner's side and the task that looks after the connection share.
#[derive(Debug)]
pub(super) struct Link {
    state: Mutex<State>,
    /// There is an event, or the channel has ended.
    incoming: Notify,
    /// The owner took an event.
    taken: Notify,
    /// There is something to write.
    outgoing: Notify,
    /// Something was written, or the channel has ended.
    written: Notify,
    command: watch::Sender<Command>,
}

/// What happens to the connection from outside; a later one is stronger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Command {
    /// Nothing.
    Keep,
    /// Break the connection once.
    Interrupt,
    /// The owner has dropped the channel.
    Drop,
    /// Break it for good.
    Cut,
}

/// Why a connection is not used any longer.
enum Outcome {
    /// It is to be restored; if possible the stay goes on.
    Lost(String),
    /// The channel ends.
    Over(String),
    /// The owner needs the channel no longer.
    Dropped,
}

impl Link {
    pub(super) fn new(owner: MemberId) -> Self {
        Self {
            state: Mutex::new(State::new(owner)),
            incoming: Notify::new(),
            taken: Notify::new(),
            outgoing: Notify::new(),
            written: Notify::new(),
            command: watch::Sender::new(Command::Keep),
        }
    }

    /// Takes a request, once there is room for it.
    pub(super) async fn request(&self, request: ChannelRequest) -> Result<(), ChannelError> {
        let mut ticket = [0; 16];
        if request == ChannelRequest::Enter {
            getrandom::fill(&mut ticket)
                .map_err(|_| ChannelError::new("the system has no randomness"))?;
        }
        loop {
            {
                let mut state = self.lock();
                if let Some(error) = state.ended() {
                    return Err(error.clone());
                }
                if state.unwritten_bytes() < OUTGOING_LIMIT {
                    state.request(request, Hex(ticket));
                    drop(state);
                    self.outgoing.notify_one();
                    return Ok(());
                }
            }
            self.written.notified().await;
        }
    }

    /// Cancel safe: an event is taken and returned without waiting in between.
    pub(super) async fn next_event(&self) -> Result<ChannelEvent, ChannelError> {
        loop {
            let next = self.lock().next_event();
            if let Some(next) = next {
                self.taken.notify_one();
                return next;
            }
            self.incoming.notified().await;
        }
    }

    pub(super) fn command(&self, command: Command) {
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
        self.outgoing.notify_one();
        self.written.notify_one();
        done
    }

    fn end(&self, reason: &str) {
        self.update(|state| state.end(ChannelError::new(reason)));
    }

    /// Uses a connection until it breaks or is not needed any longer.
    async fn serve(&self, socket: Socket, silence: Duration) -> Outcome {
        let (mut sink, mut stream) = socket.split();
        let mut commands = self.command.subscribe();
        let outcome = tokio::select! {
            outcome = self.read(&mut stream, silence) => outcome,
            reason = self.write(&mut sink, false) => Outcome::Lost(reason),
            command = wait_for_command(&mut commands, Command::Interrupt) => match command {
                Command::Cut => Outcome::Over("the connection was cut".to_owned()),
                Command::Drop => Outcome::Dropped,
                Command::Keep | Command::Interrupt => {
                    self.command.send_if_modified(|current| {
                        if *current == Command::Interrupt {
                            *current = Command::Keep;
                        }
                        false
                    });
                    Outcome::Lost("the connection was interrupted".to_owned())
                }
            },
        };
        if matches!(outcome, Outcome::Dropped) {
            // What the owner asked for still goes out, and a goodbye unless it stays.
            let goodbye = async {
                self.write(&mut sink, true).await;
                if !self.lock().is_staying() {
                    let _ = sink.close().await;
                }
            };
            let _ = timeout(GOODBYE_TIMEOUT, goodbye).await;
        }
        outcome
    }

    async fn read(&self, stream: &mut SplitStream<Socket>, silence: Duration) -> Outcome {
        loop {
            // The relay bounds what waits for us; not reading is how it learns.
            while self.lock().event_bytes() >= INCOMING_LIMIT {
                self.taken.notified().await;
            }
            let Ok(received) = timeout(silence, stream.next()).await else {
                return Outcome::Lost(format!("nothing heard for {silence:?}"));
            };
            let done = match received {
                Some(Ok(Message::Binary(frame))) => {
                    self.update(|state| state.receive_packet(&frame))
                }
                Some(Ok(Message::Text(text))) => {
                    self.update(|state| state.receive_control(text.as_str()))
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(()),
                Some(Ok(Message::Close(Some(frame)))) => {
                    let reason = endpoint::printable(frame.reason.as_str());
                    let reason = format!("the relay closed the connection: {reason}");
                    return if endpoint::is_final(frame.code.into()) {
                        Outcome::Over(reason)
                    } else {
                        Outcome::Lost(reason)
                    };
                }
                Some(Ok(Message::Close(None))) | None => {
                    return Outcome::Lost("the relay closed the connection".to_owned());
                }
                Some(Err(error)) => return Outcome::Lost(error.to_string()),
            };
            match done {
                Ok(()) => {}
                //= docs/spec/protocol.md#CHN-011
                Err(Fault::Gap) => {
                    self.update(State::lose_stay);
                    return Outcome::Lost("events are missing".to_owned());
                }
                Err(Fault::Violation(what)) => {
                    return Outcome::Over(format!("the relay breaks its protocol: {what}"));
                }
            }
        }
    }

    /// Writes what there is to write; then ends if `once`, else waits for more. Returns why it
    /// ended.
    async fn write(&self, sink: &mut SplitSink<Socket, Message>, once: bool) -> String {
        loop {
            let mut wrote = false;
            loop {
                let Some(frame) = self.lock().next_frame() else { break };
                self.written.notify_one();
                wrote = true;
                if let Err(error) = sink.feed(frame).await {
                    return error.to_string();
                }
            }
            if wrote && let Err(error) = sink.flush().await {
                return error.to_string();
            }
            if once {
                return String::new();
            }
            if !wrote {
                self.outgoing.notified().await;
            }
        }
    }

    /// Connects again, until it works or is in vain.
    async fn restore(&self, endpoint: &Endpoint, cause: &str, grace: Duration) -> Restored {
        let lost = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let resume = self.lock().resume();
            let passed = lost.elapsed();
            let within = match resume {
                Some(_) => grace.saturating_sub(passed).clamp(FIRST_PAUSE, CONNECT_TIMEOUT),
                None => CONNECT_TIMEOUT,
            };
            match endpoint.connect(resume, within).await {
                Ok((socket, welcome)) => {
                    return match self.update(|state| state.connected(&welcome)) {
                        Ok(()) => Ok((socket, welcome)),
                        Err(fault) => Err(format!("the relay breaks its protocol: {fault:?}")),
                    };
                }
                Err(error) if error.is_final() => return Err(error.to_string()),
                Err(error) if lost.elapsed() >= GIVE_UP => {
                    return Err(format!(
                        "lost the connection to the relay at {} ({cause}) and could not restore \
                         it within {GIVE_UP:?}: {error}",
                        endpoint.url()
                    ));
                }
                Err(error) => tracing::debug!(%error, "connecting again has failed"),
            }
            if lost.elapsed() >= grace {
                self.update(State::lose_stay);
            }
            sleep(pause).await;
            pause = pause.saturating_mul(2).min(LAST_PAUSE);
        }
    }
}

type Restored = Result<(Socket, Welcome), String>;

/// Looks after the connection of a channel until it ends.
pub(super) async fn drive(
    link: Arc<Link>,
    endpoint: Endpoint,
    mut socket: Socket,
    mut welcome: Welcome,
) {
    loop {
        let silence = Duration::from_millis(welcome.ping_ms).saturating_mul(3).max(LEAST_SILENCE);
        let cause = match link.serve(socket, silence).await {
            Outcome::Lost(cause) => cause,
            Outcome::Over(reason) => return link.end(&reason),
            Outcome::Dropped => return,
        };
        tracing::debug!(cause, "connecting to the relay again");
        let grace = Duration::from_millis(welcome.grace_ms);
        let mut commands = link.command.subscribe();
        let restored = tokio::select! {
            restored = link.restore(&endpoint, &cause, grace) => restored,
            command = wait_for_command(&mut commands, Command::Drop) => match command {
                Command::Cut => Err("the connection was cut".to_owned()),
                Command::Drop | Command::Keep | Command::Interrupt => return,
            },
        };
        match restored {
            Ok(restored) => (socket, welcome) = restored,
            Err(reason) => return link.end(&reason),
        }
    }
}

/// Waits for a command at least that strong.
async fn wait_for_command(commands: &mut watch::Receiver<Command>, least: Command) -> Command {
    match commands.wait_for(|command| *command >= least).await {
        Ok(command) => *command,
        // The link holds the sender as long as anybody waits.
        Err(_) => Command::Drop,
    }
}

/// How long connecting may take.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the connection is tried to be restored.
const GIVE_UP: Duration = Duration::from_secs(60);

/// Pauses between attempts: the first, then doubled, up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LAST_PAUSE: Duration = Duration::from_secs(2);

/// The relay is taken for gone if nothing comes for three of its pings, but not before this.
const LEAST_SILENCE: Duration = Duration::from_secs(2);

/// Time to finish writing after the owner has dropped the channel.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(2);

/// Bytes of events waiting for the owner, beyond which no more are read from the relay.
const INCOMING_LIMIT: usize = 16 << 20;

/// Bytes of requests waiting to be written, beyond which the owner has to wait.
const OUTGOING_LIMIT: usize = 8 << 20;
