//! A server with stream management keeps a client that vanished in the room.

use core::time::Duration;

use mpenc::client::RequestError;
use mpenc::{FailReason, OperationError};
use mpenc_xmpp::prosody::{Options, Prosody, ROOMS};
use tokio::time::Instant;

use crate::channel::ACCOUNTS;
use crate::line::Line;
use crate::talk::{Talker, meet};

#[tokio::test(flavor = "multi_thread")]
async fn a_ghost_is_named_and_excluded() {
    let mut options = Options::default();
    options.hibernation = Some(Duration::from_secs(600));
    let server = Prosody::start(&options, &ACCOUNTS).await.unwrap();
    let room = format!("attic@{ROOMS}");
    let account = |i: usize| server.account(ACCOUNTS[i].0, "mpenc", ACCOUNTS[i].1).unwrap();
    let alice = Talker::new(account(0), &room, 3, |client| client).await;
    let bob = Talker::new(account(1), &room, 3, |client| client).await;
    let line = Line::to(server.address()).await;
    let far = account(2).plaintext_on_loopback(line.address()).unwrap();
    let carol = Talker::new(far, &room, 3, |client| client).await;
    meet(&[&alice, &bob, &carol]).await;
    carol.say("boo").await;

    line.cut();
    // It is still there for the room, and an operation waits for it, but not for ever.
    let begin = Instant::now();
    let refresh = alice.session.refresh().await;
    let took = begin.elapsed();
    let Err(RequestError::Ended(OperationError::OperationFailed(reason))) = refresh else {
        panic!("{refresh:?}")
    };
    println!("the operation ended after {took:?}: {reason}");
    let FailReason::Ended { waiting_for, .. } = &reason else { panic!("{reason:?}") };
    assert!(waiting_for.contains(&carol.member), "the ghost is named: {reason}");
    assert!(took < Duration::from_secs(30), "in time");
    let all = Talker::names(&[&alice, &bob, &carol]);
    assert!(alice.session.view(|session| session.channel_members() == Some(&all)), "still there");

    alice.session.exclude([carol.member.clone()]).await.unwrap();
    let two = Talker::names(&[&alice, &bob]);
    for talker in [&alice, &bob] {
        talker.until_members(&two).await;
        talker.until_in_room(&two).await;
    }
    bob.say("and the conversation goes on").await;
    assert_eq!(alice.transcript(), bob.transcript());
}
