use mpenc_xmpp::prosody::{Options, Prosody, ROOMS};

use crate::channel::ACCOUNTS;
use crate::talk::{Talker, meet};

#[tokio::test(flavor = "multi_thread")]
async fn five_members_and_all_operations() {
    let server = Prosody::start(&Options::default(), &ACCOUNTS).await.unwrap();
    let room = format!("tea@{ROOMS}");
    let mut all = Vec::new();
    for (user, password) in ACCOUNTS {
        let account = server.account(user, "mpenc", password).unwrap();
        all.push(Talker::new(account, &room, 5, |client| client).await);
    }
    let [alice, bob, carol, dave, erin] = all.as_slice() else { panic!("five") };

    // In one operation, then one more.
    meet(&[alice, bob, carol, dave]).await;
    alice.say("who comes to dinner?").await;
    let join = erin.session.join();
    alice.until_in_room(&Talker::names(&[alice, bob, carol, dave, erin])).await;
    bob.until_in_room(&Talker::names(&[alice, bob, carol, dave, erin])).await;
    bob.session.include([erin.member.clone()]).await.unwrap();
    join.await.unwrap();
    let everybody = Talker::names(&[alice, bob, carol, dave, erin]);
    for talker in &all {
        talker.until_members(&everybody).await;
    }
    for talker in &all {
        talker.session.send(&format!("{} does", talker.member)).unwrap();
    }
    erin.say("a long text ").await;
    carol.say(&"bread ".repeat(10_000)).await;
    let words = alice.session.view(mpenc::Session::fingerprint);
    for talker in &all {
        assert_eq!(talker.session.view(mpenc::Session::fingerprint), words);
    }

    carol.session.refresh().await.unwrap();
    dave.say("with new keys").await;
    // Alice created the room, and may send people out.
    alice.session.exclude([erin.member.clone()]).await.unwrap();
    let four = Talker::names(&[alice, bob, carol, dave]);
    for talker in [alice, bob, carol, dave] {
        talker.until_members(&four).await;
        talker.until_in_room(&four).await;
    }
    bob.say("not for everybody").await;
    dave.session.part().await.unwrap();
    let three = Talker::names(&[alice, bob, carol]);
    for talker in [alice, bob, carol] {
        talker.until_members(&three).await;
    }
    carol.say("three are left").await;

    let transcript = alice.transcript();
    assert_eq!(transcript.len(), 11);
    assert_eq!(bob.transcript(), transcript);
    assert_eq!(carol.transcript(), transcript);
    assert!(dave.transcript().is_subset(&transcript));
    assert!(!erin.transcript().iter().any(|line| line.contains("not for everybody")));
}
