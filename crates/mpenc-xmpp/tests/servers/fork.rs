//! Two nodes of ejabberd on which two first entries make two rooms of one name: nobody lies, and
//! yet the members are divided.

use core::time::Duration;

use mpenc::client::RequestError;
use mpenc::{MemberSet, SessionState};
use tokio::time::timeout;

use crate::ejabberd::Cluster;
use crate::talk::{PATIENCE, Talker};

/// Two who enter a new room at the same moment on different nodes, and do not find each other.
async fn divided(cluster: &Cluster) -> Option<(Talker, Talker)> {
    for attempt in 0..20 {
        let room = format!("fork{attempt}@conference.localhost");
        // One device for each room, so that rooms do not disturb each other.
        let device = format!("fork{attempt}");
        let account = |user: &str, node: usize| cluster.account(user, &device, node);
        let alice = Talker::new(account("alice", 0), &room, 2, |client| client).await;
        let bob = Talker::new(account("bob", 1), &room, 2, |client| client).await;
        let (one, other) = (alice.session.join(), bob.session.join());
        let alone = |talker: &Talker| {
            let me = MemberSet::of(&talker.member);
            talker.session.view(|session| session.channel_members() == Some(&me))
        };
        // Both may be told that they made the room, and only one be its owner: then the other
        // cannot make it show addresses, and says so. That is no fork yet.
        if !(alice.enters().await && bob.enters().await) {
            continue;
        }
        // Should the other's presence be on its way.
        tokio::time::sleep(Duration::from_millis(500)).await;
        drop((one, other));
        if alone(&alice) && alone(&bob) {
            println!("divided at attempt {}", attempt + 1);
            return Some((alice, bob));
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn in_an_honest_fork_nothing_claims_consistency() {
    let cluster = Cluster::start();
    let Some((alice, bob)) = divided(&cluster).await else {
        panic!("the cluster made one room each time; the test shows nothing")
    };
    for (me, other) in [(&alice, &bob), (&bob, &alice)] {
        // The other is asked in, which it cannot be; the request ends and says so.
        let include = timeout(PATIENCE, me.session.include([other.member.clone()])).await;
        let include = include.expect("the request ends in time");
        println!("{}: {include:?}", me.member);
        let refused = matches!(include, Err(RequestError::Ended(_) | RequestError::Refused(_)));
        assert!(refused, "it must not succeed: {include:?}");
        me.session.view(|session| {
            assert!(!session.members().contains(&other.member));
            assert!(session.is_alone(), "{:?}", session.state());
            assert_ne!(session.state(), SessionState::Error);
            assert!(!session.channel_members().unwrap().contains(&other.member));
            assert!(session.log().next().is_none());
        });
    }
}
