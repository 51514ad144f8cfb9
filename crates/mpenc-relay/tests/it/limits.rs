//! Every limit has a reason that the client is told.

use core::time::Duration;

use mpenc_relay::{ConnectError, RelayConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::raw::Raw;
use crate::support::{TestRelay, identity, next, send};

#[tokio::test]
async fn who_lags_is_closed_and_the_others_go_on() {
    let config = RelayConfig { backlog: 1 << 20, ..RelayConfig::default() };
    let relay = TestRelay::start(config).await;
    let mut alice = relay.enter("alice").await;
    let mut carol = relay.enter("carol").await;
    // Bob enters and stops reading.
    let mut bob = Raw::enter(&relay, "bob").await;
    assert_eq!(next(&mut alice).await, "+carol");
    assert_eq!(next(&mut alice).await, "+bob");
    assert_eq!(next(&mut carol).await, "+bob");
    let packet = vec![b'x'; 200_000];
    let mut said = 0;
    loop {
        send(&mut alice, &packet).await;
        said += 1;
        let heard = [next(&mut alice).await, next(&mut carol).await];
        assert_eq!(heard[0], heard[1]);
        if heard[0] == "-bob" {
            break;
        }
        assert!(said < 1000, "the relay keeps more than it may");
    }
    let (code, reason) = bob.closed().await;
    assert_eq!(code, 4006);
    assert_eq!(reason, "too far behind: more than the room keeps is waiting to be read");
    let counts = relay.stats.counts();
    assert_eq!(counts.lagging, 1);
    assert_eq!(counts.packets, said);
    // Bob may come back.
    Raw::enter(&relay, "bob").await;
}

#[tokio::test]
async fn large_packets_are_refused_with_a_reason() {
    let config = RelayConfig { max_packet: 1000, ..RelayConfig::default() };
    let relay = TestRelay::start(config).await;
    let mut alice = relay.enter("alice").await;
    let mut bob = Raw::enter(&relay, "bob").await;
    bob.send_message(Message::binary(vec![0; 1000])).await;
    bob.send_message(Message::binary(vec![0; 1001])).await;
    let (code, reason) = bob.closed().await;
    assert_eq!(code, 1009);
    assert_eq!(reason, "a packet of 1001 bytes, where the relay takes at most 1000");
    assert_eq!(next(&mut alice).await, "+bob");
    assert!(next(&mut alice).await.starts_with("bob: "));
    assert_eq!(next(&mut alice).await, "-bob", "at once, not after the grace");
}

#[tokio::test]
async fn huge_frames_are_not_even_read() {
    let relay = TestRelay::start(RelayConfig::default()).await;
    let mut alice = relay.enter("alice").await;
    let mut bob = Raw::enter(&relay, "bob").await;
    assert_eq!(next(&mut alice).await, "+bob");
    // The connection may break while this is being written.
    let message = Message::binary(vec![0; 16 << 20]);
    let _ = crate::support::within(futures_util::SinkExt::send(&mut bob.socket, message)).await;
    assert_eq!(next(&mut alice).await, "-bob");
}

#[tokio::test]
async fn rooms_and_places_are_limited() {
    let config = RelayConfig { max_rooms: 1, max_room_members: 1, ..RelayConfig::default() };
    let relay = TestRelay::start(config).await;
    let _alice = relay.connect("alice").await;
    let refused = async |room: &str| match relay.try_connect(room, "bob", identity("bob")).await {
        Err(ConnectError::Refused { code, reason }) => (code, reason),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused("room").await, (4004, "the room is full".into()));
    assert_eq!(refused("other").await, (4004, "the relay has too many rooms".into()));
}

#[tokio::test]
async fn connections_are_limited() {
    let config = RelayConfig { max_connections: 1, ..RelayConfig::default() };
    let relay = TestRelay::start(config).await;
    let _alice = relay.connect("alice").await;
    let error = relay.try_connect("room", "bob", identity("bob")).await.unwrap_err();
    assert!(error.to_string().ends_with("it answered with HTTP status 503 Service Unavailable"));
    assert_eq!(relay.stats.counts().connections, 1);
}

#[tokio::test]
async fn a_hello_must_come_in_time() {
    let config = RelayConfig { hello_timeout: Duration::from_millis(50), ..RelayConfig::default() };
    let relay = TestRelay::start(config).await;
    let mut raw = Raw::open(&relay).await;
    assert_eq!(raw.closed().await, (4005, "no hello came in time".into()));
}

#[tokio::test]
async fn a_relay_that_ends_says_so() {
    let relay = TestRelay::start(RelayConfig::default()).await;
    let mut greeted = Raw::enter(&relay, "bob").await;
    let mut silent = Raw::open(&relay).await;
    silent.challenge().await;
    let stopping = tokio::spawn(relay.stop());
    let expect = (1001, "the relay is shutting down".to_owned());
    assert_eq!(greeted.closed().await, expect);
    assert_eq!(silent.closed().await, expect);
    // The relay ends when the last connection has.
    drop((greeted, silent));
    stopping.await.unwrap();
}

#[tokio::test]
async fn a_relay_that_is_abandoned_says_so_too() {
    let relay = TestRelay::start(RelayConfig::default()).await;
    let mut bob = Raw::enter(&relay, "bob").await;
    relay.abandon();
    assert_eq!(bob.closed().await, (1001, "the relay is shutting down".into()));
}

#[tokio::test]
async fn another_protocol_is_refused() {
    let relay = TestRelay::start(RelayConfig::default()).await;
    match Raw::open_as(&relay, "mpenc-relay-v9").await {
        Err(Error::Http(response)) => {
            assert_eq!(response.status(), 400);
        }
        other => panic!("{:?}", other.map(|_| ())),
    }
}
