use alloc::sync::Arc;
use core::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{FutureExt, SinkExt, StreamExt};
use mpenc::{MemberId, PublicKey};
use tokio::sync::{oneshot, watch};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_tungstenite::tungstenite;

use crate::RelayConfig;
use crate::log::ConnectionId;
use crate::registry::{Registry, SharedRoom};
use crate::room::{Ending, Feed};
use crate::wire::{self, Closing, Hello, Hex, LeaveReason, ToClient, ToRelay, Welcome};

/// A client that said who it is.
struct Connection {
    id: ConnectionId,
    name: MemberId,
    room_name: String,
    room: Arc<SharedRoom>,
    registry: Arc<Registry>,
}

/// Why a connection ends: what becomes of its member, and what the client is told, if it can be.
struct End {
    ending: Ending,
    closing: Option<Closing>,
}

/// Serves one connection from its first frame to its last.
pub(crate) async fn serve(mut socket: WebSocket, registry: Arc<Registry>) {
    let mut stopping = registry.stopping();
    let (closer, told) = oneshot::channel();
    let greeted = tokio::select! {
        greeted = timeout(registry.config().hello_timeout, greet(&mut socket, &registry, closer)) => {
            greeted.unwrap_or_else(|_| {
                Err(Some(Closing::new(Closing::HELLO_TIMEOUT, "no hello came in time")))
            })
        }
        _ = stopping.wait_for(|stop| *stop) => Err(Some(going_away())),
    };
    let closing = match greeted {
        Ok((connection, welcome)) => {
            let end = connection.run(&mut socket, welcome, told, &mut stopping).await;
            connection.finish(end)
        }
        Err(closing) => closing,
    };
    if let Some(closing) = closing {
        tracing::debug!(code = closing.code, reason = closing.reason, "closing a connection");
        // Reading on until the client answers keeps the system from discarding the reason
        // together with what the client sent meanwhile.
        let _ = timeout(registry.config().close_timeout, async {
            if socket.send(close_frame(closing)).await.is_ok() {
                while let Some(Ok(_)) = socket.recv().await {}
            }
        })
        .await;
    }
}

/// Challenges a client, checks its hello and gives it its place.
async fn greet(
    socket: &mut WebSocket,
    registry: &Arc<Registry>,
    closer: oneshot::Sender<Closing>,
) -> Result<(Connection, Message), Option<Closing>> {
    let challenge = random()?;
    let frame = Message::Text(wire::encode(&ToClient::Challenge { challenge }).into());
    socket.send(frame).await.map_err(|error| broken(error).closing)?;

    let hello = receive_hello(socket).await?;
    wire::check_room(&hello.room).map_err(Closing::malformed)?;
    let name = MemberId::new(&hello.name).map_err(|error| Closing::malformed(error.to_string()))?;
    if !wire::is_proved(&hello, &challenge.0) {
        let reason = "the signature does not prove the identity key";
        return Err(Some(Closing::new(Closing::NOT_PROVED, reason)));
    }

    let id = registry.next_connection();
    let key = PublicKey::new(hello.key.0);
    let (room, admission) = registry
        .in_room(&hello.room, |room| room.admit(id, closer, &name, key, hello.resume.as_ref()))?;
    let connection =
        Connection { id, name, room_name: hello.room, room, registry: Arc::clone(registry) };
    let resumed = admission.resumed.is_some();
    tracing::debug!(room = connection.room_name, name = %connection.name, resumed, "connected");
    let config = registry.config();
    let welcome = ToClient::Welcome(Welcome {
        resumed,
        received: admission.resumed.unwrap_or(0),
        max_packet: config.max_packet,
        grace_ms: millis(config.grace),
        ping_ms: millis(config.ping_interval),
    });
    // From here on the place is ours to give back, so nothing may wait before `run`.
    Ok((connection, Message::Text(wire::encode(&welcome).into())))
}

async fn receive_hello(socket: &mut WebSocket) -> Result<Hello, Option<Closing>> {
    loop {
        match socket.recv().await {
            Some(Ok(Message::Text(text))) => match parse(text.as_str())? {
                ToRelay::Hello(hello) => return Ok(hello),
                ToRelay::Enter { .. } | ToRelay::Leave | ToRelay::Kick { .. } => {
                    return Err(Some(Closing::malformed("the first frame must be a hello")));
                }
            },
            Some(Ok(Message::Binary(_))) => {
                return Err(Some(Closing::malformed("the first frame must be a hello")));
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Close(_))) | None => return Err(None),
            Some(Err(error)) => return Err(broken(error).closing),
        }
    }
}

impl Connection {
    async fn run(
        &self,
        socket: &mut WebSocket,
        welcome: Message,
        told: oneshot::Receiver<Closing>,
        stopping: &mut watch::Receiver<bool>,
    ) -> End {
        let (mut sink, mut stream) = socket.split();
        // Side by side, so that neither direction waits for the other.
        tokio::select! {
            end = self.read(&mut stream) => end,
            end = self.write(&mut sink, welcome) => end,
            Ok(closing) = told => End { ending: Ending::Broken, closing: Some(closing) },
            _ = stopping.wait_for(|stop| *stop) => {
                End { ending: Ending::Broken, closing: Some(going_away()) }
            }
        }
    }

    /// Carries out what the client asks, until it stops asking.
    async fn read(&self, stream: &mut SplitStream<&mut WebSocket>) -> End {
        let config = self.registry.config();
        loop {
            let Ok(received) = timeout(config.ping_timeout, stream.next()).await else {
                let reason = format!("nothing heard for {:?}", config.ping_timeout);
                let closing = Closing::new(Closing::SILENT, reason);
                return End { ending: Ending::Broken, closing: Some(closing) };
            };
            let done = match received {
                Some(Ok(Message::Binary(packet))) => self.packet(&packet, config),
                Some(Ok(Message::Text(text))) => parse(text.as_str()).and_then(|it| self.obey(it)),
                Some(Ok(Message::Pong(payload))) => {
                    if let Some(seq) = wire::decode_confirmation(&payload) {
                        self.room.with(|room| room.confirm(self.id, &self.name, seq));
                    }
                    Ok(())
                }
                Some(Ok(Message::Ping(_))) => Ok(()),
                Some(Ok(Message::Close(_))) => {
                    return End { ending: Ending::Left(LeaveReason::Left), closing: None };
                }
                Some(Err(error)) => return broken(error),
                None => return End { ending: Ending::Broken, closing: None },
            };
            if let Err(closing) = done {
                return End {
                    ending: Ending::Left(LeaveReason::Malformed),
                    closing: Some(closing),
                };
            }
        }
    }

    fn packet(&self, packet: &[u8], config: &RelayConfig) -> Result<(), Closing> {
        if packet.len() > config.max_packet {
            let reason = format!(
                "a packet of {} bytes, where the relay takes at most {}",
                packet.len(),
                config.max_packet
            );
            return Err(Closing::new(Closing::TOO_LARGE, reason));
        }
        self.room.with(|room| room.packet(self.id, &self.name, packet));
        Ok(())
    }

    fn obey(&self, control: ToRelay) -> Result<(), Closing> {
        match control {
            ToRelay::Enter { ticket } => {
                self.room.with(|room| room.enter(self.id, &self.name, ticket));
            }
            ToRelay::Leave => self.room.with(|room| room.leave(self.id, &self.name)),
            ToRelay::Kick { name } => {
                let target = MemberId::from_wire(name.as_bytes());
                self.room.with(|room| room.kick(self.id, &self.name, &target));
            }
            ToRelay::Hello(_) => return Err(Closing::malformed("a second hello")),
        }
        Ok(())
    }

    /// Sends the welcome, then what happens in the room, and pings, until sending fails.
    async fn write(&self, sink: &mut SplitSink<&mut WebSocket, Message>, welcome: Message) -> End {
        if let Err(error) = sink.send(welcome).await {
            return broken(error);
        }
        let mut head = self.room.watch();
        let mut ping = interval(self.registry.config().ping_interval);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ping.reset();
        let mut sent = 0_u64;
        loop {
            head.borrow_and_update();
            let feed = self.room.with(|room| room.feed(self.id, &self.name, BATCH));
            let mut ping_due = ping.tick().now_or_never().is_some();
            match feed {
                Feed::Frames { frames, last } => {
                    sent = last;
                    for frame in frames {
                        if let Err(error) = sink.feed(frame).await {
                            return broken(error);
                        }
                    }
                }
                Feed::UpToDate if !ping_due => {
                    tokio::select! {
                        // Fails only without a room, which this connection holds.
                        _ = head.changed() => continue,
                        _ = ping.tick() => ping_due = true,
                    }
                }
                Feed::UpToDate => {}
                // Whoever took the place has told why.
                Feed::Over => return core::future::pending().await,
            }
            if ping_due {
                let payload = Bytes::copy_from_slice(&sent.to_be_bytes());
                if let Err(error) = sink.feed(Message::Ping(payload)).await {
                    return broken(error);
                }
            }
            if let Err(error) = sink.flush().await {
                return broken(error);
            }
        }
    }

    /// Settles what becomes of the member, and returns what the client is to be told.
    fn finish(self, end: End) -> Option<Closing> {
        let Self { id, name, room_name, room, registry } = self;
        let away = room.with(|room| room.disconnected(id, &name, end.ending));
        tracing::debug!(room = room_name, %name, away, "disconnected");
        if away {
            tokio::spawn(async move {
                sleep(registry.config().grace).await;
                room.with(|room| room.expire(id, &name));
                registry.prune(&room_name);
            });
        } else {
            registry.prune(&room_name);
        }
        end.closing
    }
}

/// What a failure of the connection means: a broken network, or a client that breaks rules.
fn broken(error: axum::Error) -> End {
    let inner = error.into_inner();
    let violation = match inner.downcast_ref::<tungstenite::Error>() {
        Some(tungstenite::Error::Capacity(_)) => {
            Some(Closing::new(Closing::TOO_LARGE, "a frame is too large"))
        }
        Some(tungstenite::Error::Utf8(_)) => Some(Closing::malformed("a text frame is not UTF-8")),
        Some(tungstenite::Error::Protocol(
            tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
        )) => None,
        Some(tungstenite::Error::Protocol(error)) => {
            Some(Closing::malformed(format!("not WebSocket: {error}")))
        }
        // Everything else is the network's doing.
        Some(_) | None => None,
    };
    match violation {
        None => End { ending: Ending::Broken, closing: None },
        Some(closing) => {
            End { ending: Ending::Left(LeaveReason::Malformed), closing: Some(closing) }
        }
    }
}

fn parse(text: &str) -> Result<ToRelay, Closing> {
    if text.len() > wire::MAX_CONTROL_LEN {
        return Err(Closing::new(Closing::TOO_LARGE, "a control frame is too large"));
    }
    wire::decode(text).map_err(|error| Closing::malformed(format!("not a control frame: {error}")))
}

fn going_away() -> Closing {
    Closing::new(Closing::GOING_AWAY, "the relay is shutting down")
}

fn close_frame(closing: Closing) -> Message {
    Message::Close(Some(CloseFrame { code: closing.code, reason: closing.reason.into() }))
}

fn random<const N: usize>() -> Result<Hex<N>, Closing> {
    let mut bytes = [0; N];
    match getrandom::fill(&mut bytes) {
        Ok(()) => Ok(Hex(bytes)),
        Err(_) => Err(Closing::new(Closing::FAILED, "the relay has no randomness")),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Bytes gathered before they are handed to the system together.
const BATCH: usize = 256 * 1024;
