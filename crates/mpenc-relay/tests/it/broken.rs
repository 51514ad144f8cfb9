//! Frames against the protocol, and addresses where there is no relay.

use futures_util::{SinkExt, StreamExt};
use mpenc::channel::ChannelRequest;
use mpenc_relay::{ConnectError, RelayChannel, RelayConfig};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{
    Callback, ErrorResponse, Request, Response,
};

use crate::raw::{Raw, enter_frame, hello};
use crate::support::{TestRelay, end, id, identity, next, request, within};

#[tokio::test]
async fn malformed_frames_get_a_reason() {
    let relay = TestRelay::start(RelayConfig::default()).await;
    let mut alice = relay.enter("alice").await;
    let check = async |message: Message, expect: &str| {
        let mut raw = Raw::enter(&relay, "bob").await;
        raw.send_message(message).await;
        let (code, reason) = raw.closed().await;
        assert_eq!(code, 4000);
        assert!(reason.starts_with(expect), "{reason}");
    };
    let text = |text: &str| Message::text(text.to_owned());
    check(text(""), "not a control frame: expected a JSON object").await;
    check(text("enter"), "not a control frame: expected a JSON object").await;
    check(text(r#"["leave"]"#), "not a control frame: expected a JSON object").await;
    check(text("{"), "not a control frame: EOF").await;
    check(text(r#"{"type":"dance"}"#), "not a control frame: unknown variant").await;
    check(text(r#"{"type":"kick"}"#), "not a control frame: missing field `name`").await;
    check(text(r#"{"type":"leave"} {"#), "not a control frame: trailing").await;
    check(text(r#"{"type":"enter"}"#), "not a control frame: missing field `ticket`").await;
    let deep = format!(r#"{{"type":"leave","x":{}"#, "[".repeat(8000));
    check(text(&deep), "not a control frame: recursion").await;
    let again = hello(&identity("bob"), &[0; 32], "room", "bob").to_string();
    check(text(&again), "a second hello").await;
    for _ in 0..10 {
        assert_eq!(next(&mut alice).await, "+bob");
        assert_eq!(next(&mut alice).await, "-bob");
    }
    let mut raw = Raw::enter(&relay, "bob").await;
    raw.send_message(text(&" ".repeat(8193))).await;
    assert_eq!(raw.closed().await, (1009, "a control frame is too large".into()));
}

#[tokio::test]
async fn malformed_hellos_get_a_reason() {
    let relay = TestRelay::start(RelayConfig::default()).await;
    let check = async |change: fn(&mut Value), expect: &str| {
        let mut raw = Raw::open(&relay).await;
        let challenge = raw.challenge().await;
        let mut hello = hello(&identity("bob"), &challenge, "room", "bob");
        change(&mut hello);
        raw.send(&hello).await;
        let (code, reason) = raw.closed().await;
        assert_eq!(code, 4000);
        assert!(reason.contains(expect), "{reason}");
    };
    check(|it| *it = enter_frame(), "the first frame must be a hello").await;
    check(|it| it["room"] = "".into(), "a room name must not be empty").await;
    check(|it| it["room"] = "x".repeat(256).into(), "a room name has at most 255 bytes").await;
    check(|it| it["room"] = "a\nb".into(), "a room name must not contain control").await;
    check(|it| it["name"] = "".into(), "a member name must not be empty").await;
    check(|it| it["name"] = "\u{7f}".into(), "a member name must not contain control").await;
    check(|it| it["name"] = "x".repeat(256).into(), "a member name has at most 255 bytes").await;
    check(|it| it["name"] = 7.into(), "invalid type").await;
    check(|it| it["key"] = "00".into(), "expected 64 lower-case hexadecimal digits").await;
    check(|it| it["signature"] = Value::Null, "invalid type").await;
    check(|it| it["resume"] = json!({"ticket": "", "seq": 1}), "expected 32 lower-case").await;
    check(|it| it["resume"] = json!({"seq": -1}), "invalid value").await;

    let mut raw = Raw::open(&relay).await;
    raw.send_message(Message::binary(vec![1])).await;
    raw.challenge().await;
    assert_eq!(raw.closed().await, (4000, "the first frame must be a hello".into()));
    assert_eq!(relay.stats.counts().rooms.len(), 0, "nothing is kept of them");
}

#[tokio::test]
async fn bytes_that_are_no_websocket_do_no_harm() {
    let relay = TestRelay::start(RelayConfig::default()).await;
    let mut alice = relay.enter("alice").await;
    let mut plain = TcpStream::connect(("127.0.0.1", relay.port())).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    within(plain.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 426 Upgrade Required"), "{answer}");
    assert!(answer.ends_with("this is an mpENC relay; connect to it with a WebSocket client\n"));

    // Garbage in the middle of a WebSocket: an unmasked frame with reserved bits.
    let mut raw = Raw::enter(&relay, "bob").await;
    let stream = raw.socket.get_mut();
    stream.write_all(&[0xff; 64]).await.unwrap();
    let (code, reason) = raw.closed().await;
    assert_eq!(code, 4000);
    assert!(reason.starts_with("not WebSocket: "), "{reason}");
    assert_eq!(next(&mut alice).await, "+bob");
    assert_eq!(next(&mut alice).await, "-bob");
}

async fn connect(url: &str) -> ConnectError {
    within(RelayChannel::connect(url, "room", id("bob"), identity("bob"))).await.unwrap_err()
}

#[tokio::test]
async fn where_there_is_no_relay() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", free.local_addr().unwrap());
    drop(free);
    assert_eq!(
        connect(&url).await.to_string(),
        format!("cannot reach the relay at {url}: connection refused; is it running?")
    );

    let answering = async |answer: &'static [u8]| {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await;
            stream.write_all(answer).await.unwrap();
        });
        let error = connect(&url).await.to_string();
        error.replace(&url, "URL")
    };
    assert_eq!(
        answering(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await,
        "what answers at URL is not a relay of this version: \
         it answered with HTTP status 404 Not Found"
    );
    let error = answering(b"SSH-2.0-OpenSSH\r\n").await;
    assert!(error.starts_with("what answers at URL is not a relay of this version: "), "{error}");
    assert_eq!(answering(b"").await, "cannot reach the relay at URL: it closed the connection");
}

/// The time stands still and jumps to the end as soon as there is nothing else to do.
#[tokio::test(start_paused = true)]
async fn who_does_not_answer_is_not_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let error = RelayChannel::connect(&url, "room", id("bob"), identity("bob")).await.unwrap_err();
    assert_eq!(error.to_string(), format!("the relay at {url} did not answer within 10s"));
}

#[tokio::test]
async fn names_are_checked_before_anything_is_sent() {
    let check = async |room: &str, name: mpenc::MemberId, expect: &str| {
        let error = RelayChannel::connect("ws://127.0.0.1:1", room, name, identity("bob"))
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), expect);
    };
    check("", id("bob"), "a room name must not be empty").await;
    check("a\tb", id("bob"), "a room name must not contain control characters").await;
    let bell = mpenc::MemberId::from_wire(b"bob\x07");
    check("room", bell, "a member name must not contain control characters").await;
}

/// A relay that contradicts itself is not believed.
#[tokio::test]
async fn a_lying_relay_ends_the_channel() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    tokio::spawn(lie(listener));
    let mut bob =
        within(RelayChannel::connect(&url, "room", id("bob"), identity("bob"))).await.unwrap();
    request(&mut bob, ChannelRequest::Enter).await;
    assert_eq!(next(&mut bob).await, "entered bob");
    assert_eq!(
        end(&mut bob).await.to_string(),
        "the relay breaks its protocol: somebody left who was not in the room"
    );
}

/// Lets bob enter, and reports that somebody leaves who was not there.
async fn lie(listener: TcpListener) {
    let (stream, _) = listener.accept().await.unwrap();
    let mut socket = accept_hdr_async(stream, SelectProtocol).await.unwrap();
    let say = |control: Value| Message::text(control.to_string());
    let challenge = json!({"type": "challenge", "challenge": "00".repeat(32)});
    socket.send(say(challenge)).await.unwrap();
    socket.next().await;
    let welcome = json!({"type": "welcome", "resumed": false, "received": 0,
        "max_packet": 1, "grace_ms": 0, "ping_ms": 1000});
    socket.send(say(welcome)).await.unwrap();
    let enter = socket.next().await.unwrap().unwrap();
    assert!(enter.to_text().unwrap().starts_with(r#"{"type":"enter","ticket":""#));
    let members = json!([{"name": "bob", "key": identity("bob").public().to_string()}]);
    let entered = json!({"type": "entered", "seq": 1, "members": members});
    socket.send(say(entered)).await.unwrap();
    let left = json!({"type": "member-left", "seq": 2, "name": "eve", "reason": "left"});
    socket.send(say(left)).await.unwrap();
    while let Some(Ok(_)) = socket.next().await {}
}

struct SelectProtocol;

impl Callback for SelectProtocol {
    fn on_request(
        self,
        _request: &Request,
        mut response: Response,
    ) -> Result<Response, ErrorResponse> {
        let protocol = "mpenc-relay-v1".parse().unwrap();
        response.headers_mut().insert("sec-websocket-protocol", protocol);
        Ok(response)
    }
}
