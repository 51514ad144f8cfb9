//! Whole conversations over the relay.

use core::time::Duration;

use mpenc::client::{Client, Session};
use mpenc::{Notice, Timing};
use mpenc_relay::{ConnectionHandle, RelayConfig};

use crate::support::{TestRelay, id, identity, within};

async fn open(relay: &TestRelay, name: &str) -> (Session, ConnectionHandle) {
    let channel = relay.connect(name).await;
    let connection = channel.connection();
    let client = Client::new(id(name), identity(name)).unwrap().timing(Timing::loopback(3));
    (client.open(channel), connection)
}

async fn until(session: &Session, done: impl Fn(&Notice) -> bool) {
    within(async {
        while let Some(notice) = session.next_notice().await {
            if done(&notice) {
                return;
            }
        }
        panic!("{session:?} closed: {:?}", session.closed());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_does_not_notice_short_breaks() {
    let relay = TestRelay::start(RelayConfig::default()).await;
    let (alice, alice_connection) = open(&relay, "alice").await;
    let (bob, bob_connection) = open(&relay, "bob").await;
    let (carol, carol_connection) = open(&relay, "carol").await;
    within(alice.join()).await.unwrap();
    let (bob_in, carol_in) = (bob.join(), carol.join());
    let included = alice.include([id("bob"), id("carol")]);
    bob_connection.interrupt();
    within(included).await.unwrap();
    within(bob_in).await.unwrap();
    within(carol_in).await.unwrap();

    let refreshed = bob.refresh();
    alice_connection.interrupt();
    carol_connection.interrupt();
    within(refreshed).await.unwrap();

    let mut last = None;
    for number in 0..10 {
        last = Some(bob.send(&number.to_string()).unwrap());
        bob_connection.interrupt();
    }
    let last = last.unwrap();
    until(&bob, |notice| *notice == Notice::MessageFullyAcked { id: last }).await;
    let said: Vec<_> = (0..10).map(|number| (id("bob"), number.to_string())).collect();
    for session in [&alice, &bob, &carol] {
        assert_eq!(session.texts(), said);
    }
    let counts = relay.stats.counts();
    assert!(counts.resumed > 0);
    assert_eq!((counts.dropped, counts.lagging), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_drops_out_is_excluded_and_may_return() {
    let config = RelayConfig { grace: Duration::from_millis(50), ..RelayConfig::default() };
    let relay = TestRelay::start(config).await;
    let (alice, _) = open(&relay, "alice").await;
    let (bob, bob_connection) = open(&relay, "bob").await;
    let (carol, _) = open(&relay, "carol").await;
    within(alice.join()).await.unwrap();
    let (bob_in, carol_in) = (bob.join(), carol.join());
    within(alice.include([id("bob"), id("carol")])).await.unwrap();
    within(bob_in).await.unwrap();
    within(carol_in).await.unwrap();

    bob_connection.cut();
    let excluded = |notice: &Notice| matches!(notice, Notice::MembersChanged { exclude, .. } if exclude.contains(&id("bob")));
    until(&alice, excluded).await;
    assert_eq!(relay.stats.counts().dropped, 1);
    while within(bob.next_notice()).await.is_some() {}
    assert_eq!(bob.closed().unwrap().to_string(), "the connection was cut");

    let (bob, _) = open(&relay, "bob").await;
    let bob_in = bob.join();
    within(alice.include([id("bob")])).await.unwrap();
    within(bob_in).await.unwrap();
    let hello = alice.send("welcome back").unwrap();
    until(&alice, |notice| *notice == Notice::MessageFullyAcked { id: hello }).await;
    assert_eq!(bob.texts(), [(id("alice"), "welcome back".to_owned())]);
}
