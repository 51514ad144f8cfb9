//! Entering, leaving, being removed.

use core::time::Duration;

use mpenc::channel::{ChannelEvent, ChannelRequest, GroupChannel};
use mpenc_relay::RelayConfig;

use crate::support::{TestRelay, end, enter, identity, kick, next, request, send, within};

fn lasting() -> RelayConfig {
    RelayConfig { grace: Duration::from_secs(3600), ..RelayConfig::default() }
}

fn brief() -> RelayConfig {
    RelayConfig { grace: Duration::from_millis(50), ..RelayConfig::default() }
}

//= docs/spec/protocol.md#CHN-001
//= type=test
#[tokio::test]
async fn who_enters_learns_who_is_there() {
    let relay = TestRelay::start(lasting()).await;
    let mut alice = relay.enter("alice").await;
    let mut bob = relay.connect("bob").await;
    request(&mut bob, ChannelRequest::Enter).await;
    match within(bob.next_event()).await.unwrap() {
        ChannelEvent::Identity { member, key } => {
            assert_eq!((member.to_string().as_str(), key), ("alice", identity("alice").public()));
        }
        other => panic!("the key comes first, not {other:?}"),
    }
    assert_eq!(next(&mut bob).await, "entered alice, bob");
    match within(alice.next_event()).await.unwrap() {
        ChannelEvent::Identity { member, .. } => assert_eq!(member.to_string(), "bob"),
        other => panic!("the key comes first, not {other:?}"),
    }
    assert_eq!(next(&mut alice).await, "+bob");
}

#[tokio::test]
async fn leaving_and_coming_back() {
    let relay = TestRelay::start(lasting()).await;
    let mut alice = relay.enter("alice").await;
    let mut bob = relay.enter("bob").await;
    request(&mut bob, ChannelRequest::Leave).await;
    assert_eq!(next(&mut bob).await, "left");
    send(&mut bob, b"not heard").await;
    request(&mut bob, ChannelRequest::Enter).await;
    assert_eq!(next(&mut bob).await, "entered alice, bob");
    for expect in ["+bob", "-bob", "+bob"] {
        assert_eq!(next(&mut alice).await, expect);
    }
}

//= docs/spec/protocol.md#CHN-010
//= type=test
#[tokio::test]
async fn several_kicked_leave_one_by_one_alike_for_all() {
    let relay = TestRelay::start(lasting()).await;
    let mut alice = relay.enter("alice").await;
    let mut bob = relay.enter("bob").await;
    let mut carol = relay.enter("carol").await;
    let mut dave = relay.enter("dave").await;
    kick(&mut alice, &["bob", "carol", "nobody"]).await;
    for expect in ["+bob", "+carol", "+dave", "-bob", "-carol"] {
        assert_eq!(next(&mut alice).await, expect);
    }
    for expect in ["-bob", "-carol"] {
        assert_eq!(next(&mut dave).await, expect);
    }
    for expect in ["+carol", "+dave", "left"] {
        assert_eq!(next(&mut bob).await, expect);
    }
    for expect in ["+dave", "-bob", "left"] {
        assert_eq!(next(&mut carol).await, expect);
    }
    assert_eq!(enter(&mut bob).await, "entered alice, bob, dave");
}

#[tokio::test]
async fn dropped_without_a_word_is_a_leave_after_the_grace() {
    let relay = TestRelay::start(brief()).await;
    let mut alice = relay.enter("alice").await;
    let bob = relay.enter("bob").await;
    drop(bob);
    assert_eq!(next(&mut alice).await, "+bob");
    assert_eq!(next(&mut alice).await, "-bob");
    assert_eq!(relay.stats.counts().dropped, 1);
}

#[tokio::test]
async fn cut_is_the_end_of_the_channel() {
    let relay = TestRelay::start(brief()).await;
    let mut alice = relay.enter("alice").await;
    let mut bob = relay.enter("bob").await;
    bob.connection().cut();
    assert_eq!(next(&mut bob).await, "left");
    assert_eq!(end(&mut bob).await.to_string(), "the connection was cut");
    assert!(bob.request(ChannelRequest::Enter).await.is_err());
    assert_eq!(next(&mut alice).await, "+bob");
    assert_eq!(next(&mut alice).await, "-bob");
}

#[tokio::test]
async fn dropped_with_a_word_is_a_leave_at_once() {
    let relay = TestRelay::start(lasting()).await;
    let mut alice = relay.enter("alice").await;
    let mut bob = relay.enter("bob").await;
    send(&mut bob, b"bye").await;
    request(&mut bob, ChannelRequest::Leave).await;
    drop(bob);
    for expect in ["+bob", "bob: bye", "-bob"] {
        assert_eq!(next(&mut alice).await, expect);
    }
}

#[tokio::test]
async fn empty_rooms_vanish() {
    let relay = TestRelay::start(lasting()).await;
    let mut alice = relay.enter("alice").await;
    assert_eq!(relay.stats.counts().rooms.len(), 1);
    request(&mut alice, ChannelRequest::Leave).await;
    drop(alice);
    // The relay closes a client that is told to be elsewhere only after its room is settled.
    within(async {
        while !relay.stats.counts().rooms.is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
