//! Whose a name is.

use mpenc_relay::{ConnectError, RelayConfig};

use crate::raw::{Raw, hello};
use crate::support::{TestRelay, end, enter, id, identity, next};

#[tokio::test]
async fn the_same_key_takes_the_name_over() {
    let relay = TestRelay::start(RelayConfig::default()).await;
    let mut bob = relay.enter("bob").await;
    let mut old = relay.enter("alice").await;
    let mut new = relay.connect("alice").await;
    assert_eq!(next(&mut old).await, "left");
    assert_eq!(
        end(&mut old).await.to_string(),
        "the relay closed the connection: a newer connection took the name over"
    );
    assert_eq!(enter(&mut new).await, "entered alice, bob");
    for expect in ["+alice", "-alice", "+alice"] {
        assert_eq!(next(&mut bob).await, expect);
    }
}

#[tokio::test]
async fn another_key_does_not() {
    let relay = TestRelay::start(RelayConfig::default()).await;
    let mut alice = relay.enter("alice").await;
    let error = relay.try_connect("room", "alice", identity("mallory")).await.unwrap_err();
    assert_eq!(error, ConnectError::NameTaken { name: id("alice"), room: "room".into() });
    assert_eq!(
        error.to_string(),
        "the name alice is taken in room \"room\" by somebody with another identity key"
    );
    let _bob = relay.enter("bob").await;
    assert_eq!(next(&mut alice).await, "+bob", "alice was not disturbed");
}

#[tokio::test]
async fn a_name_is_taken_before_its_owner_has_entered() {
    let relay = TestRelay::start(RelayConfig::default()).await;
    let _alice = relay.connect("alice").await;
    assert!(relay.try_connect("room", "alice", identity("mallory")).await.is_err());
    assert!(relay.try_connect("other", "alice", identity("mallory")).await.is_ok());
}

#[tokio::test]
async fn keys_must_be_proved() {
    async fn check(change: impl AsyncFnOnce(&TestRelay, &[u8]) -> serde_json::Value) {
        let relay = TestRelay::start(RelayConfig::default()).await;
        let mut alice = relay.enter("alice").await;
        let mut raw = Raw::open(&relay).await;
        let challenge = raw.challenge().await;
        raw.send(&change(&relay, &challenge).await).await;
        let (code, reason) = raw.closed().await;
        assert_eq!(
            (code, reason.as_str()),
            (4002, "the signature does not prove the identity key")
        );
        let _bob = relay.enter("bob").await;
        assert_eq!(next(&mut alice).await, "+bob", "alice was not disturbed");
    }
    // Another key's signature under alice's key.
    check(async |_, challenge| {
        let mut wrong = hello(&identity("mallory"), challenge, "room", "alice");
        wrong["key"] = identity("alice").public().to_string().into();
        wrong
    })
    .await;
    // Alice's signature for another room, and under another name.
    check(async |_, challenge| {
        let mut wrong = hello(&identity("alice"), challenge, "other", "alice");
        wrong["room"] = "room".into();
        wrong
    })
    .await;
    check(async |_, challenge| {
        let mut wrong = hello(&identity("alice"), challenge, "room", "alice2");
        wrong["name"] = "alice".into();
        wrong
    })
    .await;
    // Alice's valid answer to the challenge of another connection.
    check(async |relay, _| {
        let mut other = Raw::open(relay).await;
        let challenge = other.challenge().await;
        hello(&identity("alice"), &challenge, "room", "alice")
    })
    .await;
    // A key of small order, for which there are signatures of anything.
    check(async |_, challenge| {
        let mut wrong = hello(&identity("mallory"), challenge, "room", "alice");
        wrong["key"] = format!("01{}", "00".repeat(31)).into();
        wrong["signature"] = format!("01{}", "00".repeat(63)).into();
        wrong
    })
    .await;
}
