//! A client made of nothing but a WebSocket and the page on the relay's protocol.

use futures_util::{SinkExt, StreamExt};
use mpenc::Identity;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::support::{TestRelay, identity, within};

/// The ticket of every stay here.
pub(crate) const TICKET: &str = "0123456789abcdef0123456789abcdef";

pub(crate) fn enter_frame() -> Value {
    json!({"type": "enter", "ticket": TICKET})
}

pub(crate) struct Raw {
    pub(crate) socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// What came from the relay.
#[derive(Debug)]
pub(crate) enum Got {
    Control(Value),
    Packet {
        seq: u64,
        sender: String,
        bytes: Vec<u8>,
    },
    Closed {
        code: u16,
        reason: String,
    },
    /// The connection ended without a close frame.
    Gone,
}

impl Raw {
    pub(crate) async fn open(relay: &TestRelay) -> Self {
        Self::open_as(relay, "mpenc-relay-v1").await.unwrap()
    }

    pub(crate) async fn open_as(relay: &TestRelay, protocol: &str) -> Result<Self, Error> {
        let request = ClientRequestBuilder::new(relay.url.parse().unwrap());
        let request = request.with_sub_protocol(protocol);
        let (socket, _) = within(connect_async(request)).await?;
        Ok(Self { socket })
    }

    /// Connects and says hello to the room `room`.
    pub(crate) async fn greet(relay: &TestRelay, name: &str) -> Self {
        let mut raw = Self::open(relay).await;
        let challenge = raw.challenge().await;
        raw.send(&hello(&identity(name), &challenge, "room", name)).await;
        let welcome = raw.control().await;
        assert_eq!(welcome["type"], "welcome");
        assert_eq!(welcome["resumed"], false);
        raw
    }

    /// The same, and enters.
    pub(crate) async fn enter(relay: &TestRelay, name: &str) -> Self {
        let mut raw = Self::greet(relay, name).await;
        raw.send(&enter_frame()).await;
        assert_eq!(raw.control().await["type"], "entered");
        raw
    }

    pub(crate) async fn challenge(&mut self) -> Vec<u8> {
        let challenge = self.control().await;
        assert_eq!(challenge["type"], "challenge");
        hex::decode(challenge["challenge"].as_str().unwrap()).unwrap()
    }

    pub(crate) async fn send(&mut self, control: &Value) {
        self.send_message(Message::text(control.to_string())).await;
    }

    pub(crate) async fn send_message(&mut self, message: Message) {
        within(self.socket.send(message)).await.unwrap();
    }

    pub(crate) async fn control(&mut self) -> Value {
        match self.next().await {
            Got::Control(control) => control,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn next(&mut self) -> Got {
        loop {
            match within(self.socket.next()).await {
                Some(Ok(Message::Text(text))) => {
                    return Got::Control(serde_json::from_str(text.as_str()).unwrap());
                }
                Some(Ok(Message::Binary(frame))) => {
                    let name_end = 9 + usize::from(frame[8]);
                    return Got::Packet {
                        seq: u64::from_be_bytes(frame[..8].try_into().unwrap()),
                        sender: String::from_utf8(frame[9..name_end].to_vec()).unwrap(),
                        bytes: frame[name_end..].to_vec(),
                    };
                }
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Got::Closed {
                        code: frame.code.into(),
                        reason: frame.reason.as_str().to_owned(),
                    };
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(None) | Message::Frame(_)) | Err(_)) | None => {
                    return Got::Gone;
                }
            }
        }
    }

    /// The code and reason with which the relay closes, after whatever comes before.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        loop {
            match self.next().await {
                Got::Closed { code, reason } => return (code, reason),
                Got::Gone => panic!("closed without a reason"),
                Got::Control(_) | Got::Packet { .. } => {}
            }
        }
    }
}

/// A hello as the page describes it.
pub(crate) fn hello(identity: &Identity, challenge: &[u8], room: &str, name: &str) -> Value {
    let key = identity.public();
    let mut signed = Vec::new();
    for part in [challenge, room.as_bytes(), name.as_bytes(), key.as_bytes()] {
        signed.extend_from_slice(&u32::try_from(part.len()).unwrap().to_be_bytes());
        signed.extend_from_slice(part);
    }
    let signature = identity.sign(b"mpenc-relay-hello-v1", &[&signed]);
    json!({
        "type": "hello",
        "room": room,
        "name": name,
        "key": key.to_string(),
        "signature": hex::encode(signature.as_bytes()),
    })
}
