//! The async half over a room in memory.

use std::collections::BTreeMap;

use mpenc::channel::{ChannelError, ChannelEvent, ChannelRequest, GroupChannel};
use mpenc::client::{Client, Directory, RequestError, Session, TrustOnFirstUse};
use mpenc::memory::Room;
use mpenc::{ChangeError, Identity, Notice, Timing};

use crate::world::{id, set};

fn open(room: &Room, name: &str) -> Session {
    let identity = Identity::random().unwrap();
    let channel = room.channel(id(name), identity.public()).unwrap();
    Client::new(id(name), identity).unwrap().timing(Timing::loopback(3)).open(channel)
}

async fn until(session: &Session, done: impl Fn(&Notice) -> bool) {
    while let Some(notice) = session.next_notice().await {
        if done(&notice) {
            return;
        }
    }
    panic!("{session:?} closed: {:?}", session.closed());
}

#[tokio::test(start_paused = true)]
async fn requests_resolve_with_their_operation() {
    let room = Room::new();
    let (alice, bob, carol) = (open(&room, "alice"), open(&room, "bob"), open(&room, "carol"));
    alice.join().await.unwrap();
    let (bob_in, carol_in) = (bob.join(), carol.join());
    alice.include([id("bob"), id("carol")]).await.unwrap();
    bob_in.await.unwrap();
    carol_in.await.unwrap();
    let hello = bob.send("hello").unwrap();
    until(&bob, |notice| *notice == Notice::MessageFullyAcked { id: hello }).await;
    assert_eq!(alice.texts(), [(id("bob"), "hello".to_owned())]);
    carol.refresh().await.unwrap();
    alice.exclude([id("carol")]).await.unwrap();
    assert_eq!(alice.view(|session| session.members()), set(&["alice", "bob"]));
    bob.part().await.unwrap();
    assert_eq!(bob.view(|session| session.members()), set(&["bob"]));
    assert_eq!(bob.refresh().await, Err(RequestError::Refused(ChangeError::NotInChannel)));
}

#[tokio::test(start_paused = true)]
async fn closing_looks_like_dropping_out() {
    let room = Room::new();
    let (alice, bob) = (open(&room, "alice"), open(&room, "bob"));
    alice.join().await.unwrap();
    let bob_in = bob.join();
    alice.include([id("bob")]).await.unwrap();
    bob_in.await.unwrap();
    drop(bob);
    let gone = |notice: &Notice| matches!(notice, Notice::MembersChanged { exclude, .. } if exclude.contains(&id("bob")));
    until(&alice, gone).await;
    alice.close();
    while alice.next_notice().await.is_some() {}
    assert!(alice.closed().is_some());
    assert!(matches!(alice.join().await, Err(RequestError::Closed(_))));
}

/// A channel that ends at the first request.
struct Broken;

impl GroupChannel for Broken {
    async fn request(&mut self, _: ChannelRequest) -> Result<(), ChannelError> {
        Err(ChannelError::new("the line is dead"))
    }

    async fn next_event(&mut self) -> Result<ChannelEvent, ChannelError> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_channel_ends_requests() {
    let session = Client::new(id("alice"), Identity::random().unwrap()).unwrap().open(Broken);
    let error = session.join().await.unwrap_err();
    assert_eq!(error.to_string(), "the line is dead");
    assert!(session.closed().is_some());
}

#[test]
fn the_first_key_stays() {
    let (one, two) = (Identity::random().unwrap().public(), Identity::random().unwrap().public());
    let mut directory = TrustOnFirstUse::new();
    assert_eq!(directory.identity_key(&id("bob"), None), None);
    assert_eq!(directory.identity_key(&id("bob"), Some(&one)), Some(one));
    assert_eq!(directory.identity_key(&id("bob"), Some(&two)), Some(one));
    let mut fixed = BTreeMap::from([(id("bob"), two)]);
    assert_eq!(fixed.identity_key(&id("bob"), Some(&one)), Some(two));
    assert_eq!(fixed.identity_key(&id("carol"), Some(&one)), None);
}
