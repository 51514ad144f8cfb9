//! Connections that break and come back.

use core::time::Duration;

use mpenc::channel::GroupChannel;
use mpenc_relay::{RelayChannel, RelayConfig};
use serde_json::json;

use crate::raw::{Got, Raw, TICKET, enter_frame, hello};
use crate::support::{TestRelay, describe, enter, identity, next, send, within};

fn lasting() -> RelayConfig {
    RelayConfig { grace: Duration::from_secs(60), ..RelayConfig::default() }
}

/// Sends numbered packets, breaking the own connection now and then, until those of `others` are
/// there too. Returns everything heard.
async fn talk(mut channel: RelayChannel, packets: usize, all: usize) -> Vec<String> {
    let mut heard = Vec::new();
    let connection = channel.connection();
    for number in 0..packets {
        if number % 10 == 5 {
            connection.interrupt();
        }
        send(&mut channel, number.to_string().as_bytes()).await;
        if number % 10 == 7 {
            heard.push(next(&mut channel).await);
        }
    }
    while heard.len() < all {
        heard.push(next(&mut channel).await);
    }
    heard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_within_the_grace() {
    const PACKETS: usize = 60;
    let relay = TestRelay::start(lasting()).await;
    let mut alice = relay.enter("alice").await;
    let mut bob = relay.enter("bob").await;
    let carol = relay.enter("carol").await;
    assert_eq!(next(&mut alice).await, "+bob");
    assert_eq!(next(&mut alice).await, "+carol");
    assert_eq!(next(&mut bob).await, "+carol");
    let alice = tokio::spawn(talk(alice, PACKETS, 3 * PACKETS));
    let bob = tokio::spawn(talk(bob, PACKETS, 3 * PACKETS));
    let carol = tokio::spawn(talk(carol, PACKETS, 3 * PACKETS));
    let (alice, bob, carol) =
        (within(alice).await.unwrap(), within(bob).await.unwrap(), within(carol).await.unwrap());
    assert_eq!(alice, bob);
    assert_eq!(alice, carol);
    for name in ["alice", "bob", "carol"] {
        let prefix = format!("{name}: ");
        let said: Vec<_> = alice.iter().filter_map(|it| it.strip_prefix(&prefix)).collect();
        let expect: Vec<_> = (0..PACKETS).map(|number| number.to_string()).collect();
        assert_eq!(said, expect, "{name}");
    }
    let counts = relay.stats.counts();
    assert!(counts.resumed > 0);
    assert_eq!((counts.dropped, counts.lagging), (0, 0));
}

#[tokio::test]
async fn without_grace_a_break_is_a_leave() {
    let config = RelayConfig { grace: Duration::ZERO, ..RelayConfig::default() };
    let relay = TestRelay::start(config).await;
    let mut alice = relay.enter("alice").await;
    drop(Raw::enter(&relay, "bob").await);
    assert_eq!(next(&mut alice).await, "+bob");
    assert_eq!(next(&mut alice).await, "-bob");
}

//= docs/spec/protocol.md#CHN-011
//= type=test
#[tokio::test]
async fn another_relay_in_its_place_is_a_leave() {
    let relay = TestRelay::start(lasting()).await;
    let port = relay.port();
    let mut bob = relay.enter("bob").await;
    relay.stop().await;
    let _relay = TestRelay::start_at(port, lasting()).await;
    assert_eq!(next(&mut bob).await, "left");
    assert_eq!(enter(&mut bob).await, "entered bob");
}

//= docs/spec/protocol.md#CHN-011
//= type=test
#[tokio::test]
async fn missed_events_that_are_gone_are_a_leave() {
    let config = RelayConfig { backlog: 20_000, ..lasting() };
    let relay = TestRelay::start(config).await;
    let mut alice = relay.enter("alice").await;
    let mut raw = Raw::greet(&relay, "bob").await;
    raw.send(&enter_frame()).await;
    let entered = raw.control().await;
    drop(raw);
    assert_eq!(next(&mut alice).await, "+bob");
    for _ in 0..100 {
        send(&mut alice, &[b'x'; 1000]).await;
        next(&mut alice).await;
    }
    let mut raw = Raw::open(&relay).await;
    let challenge = raw.challenge().await;
    let mut again = hello(&identity("bob"), &challenge, "room", "bob");
    again["resume"] = json!({"ticket": TICKET, "seq": entered["seq"]});
    raw.send(&again).await;
    assert_eq!(raw.control().await["resumed"], false);
    assert_eq!(next(&mut alice).await, "-bob");
}

#[tokio::test]
async fn a_stranger_may_resume_as_the_page_says() {
    let relay = TestRelay::start(lasting()).await;
    let mut alice = relay.enter("alice").await;
    let mut raw = Raw::greet(&relay, "bob").await;
    raw.send(&enter_frame()).await;
    let entered = raw.control().await;
    raw.send(&json!({"type": "kick", "name": "nobody"})).await;
    raw.send_message(b"one".to_vec().into()).await;
    assert_eq!(next(&mut alice).await, "+bob");
    assert_eq!(next(&mut alice).await, "bob: one");
    drop(raw);
    send(&mut alice, b"two").await;

    let mut raw = Raw::open(&relay).await;
    let challenge = raw.challenge().await;
    let mut again = hello(&identity("bob"), &challenge, "room", "bob");
    again["resume"] = json!({"ticket": TICKET, "seq": entered["seq"]});
    raw.send(&again).await;
    let welcome = raw.control().await;
    assert_eq!((&welcome["resumed"], &welcome["received"]), (&json!(true), &json!(2)));
    for expect in [(3, "bob", "one"), (4, "alice", "two")] {
        match raw.next().await {
            Got::Packet { seq, sender, bytes } => {
                assert_eq!(
                    (seq, sender.as_str(), bytes.as_slice()),
                    (expect.0, expect.1, expect.2.as_bytes())
                );
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn silent_connections_are_broken_ones() {
    let config = RelayConfig {
        ping_interval: Duration::from_millis(100),
        ping_timeout: Duration::from_secs(1),
        grace: Duration::from_millis(50),
        ..RelayConfig::default()
    };
    let relay = TestRelay::start(config).await;
    let mut alice = relay.enter("alice").await;
    // Who does not read does not answer pings either.
    let mut raw = Raw::enter(&relay, "bob").await;
    assert_eq!(next(&mut alice).await, "+bob");
    assert_eq!(next(&mut alice).await, "-bob");
    let (code, reason) = raw.closed().await;
    assert_eq!((code, reason.as_str()), (4007, "nothing heard for 1s"));
    // Who does stays, though it says nothing.
    send(&mut alice, b"still here").await;
    assert_eq!(next(&mut alice).await, "alice: still here");
}

#[tokio::test]
async fn waiting_for_an_event_may_be_given_up() {
    let relay = TestRelay::start(lasting()).await;
    let mut alice = relay.enter("alice").await;
    let mut heard = Vec::new();
    for number in 0..100 {
        send(&mut alice, number.to_string().as_bytes()).await;
        // Dropped at a random moment, often before the event is there.
        tokio::select! {
            biased;
            event = alice.next_event() => heard.push(describe(event.unwrap())),
            () = tokio::task::yield_now() => {}
        }
    }
    while heard.len() < 100 {
        heard.push(next(&mut alice).await);
    }
    let expect: Vec<_> = (0..100).map(|number| format!("alice: {number}")).collect();
    assert_eq!(heard, expect);
}
