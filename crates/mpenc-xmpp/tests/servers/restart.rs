//! The server, and with it the service of the rooms, restarts in the middle of a conversation.

use mpenc_xmpp::prosody::{Options, Prosody, ROOMS};

use crate::channel::ACCOUNTS;
use crate::talk::{Talker, meet};

#[tokio::test(flavor = "multi_thread")]
async fn members_find_out_and_come_back() {
    let mut server = Prosody::start(&Options::default(), &ACCOUNTS).await.unwrap();
    let room = format!("station@{ROOMS}");
    let mut all = Vec::new();
    for (user, password) in ACCOUNTS.iter().take(3) {
        let account = server.account(user, "mpenc", password).unwrap();
        let back = |client: mpenc::client::Client| client.auto_reenter(true).auto_include(true);
        all.push(Talker::new(account, &room, 3, back).await);
    }
    let [alice, bob, carol] = all.as_slice() else { panic!("three") };
    meet(&[alice, bob, carol]).await;
    alice.say("before").await;
    bob.say("also before").await;
    let before = alice.transcript();
    // What bob said is acknowledged by everybody, so everybody has it.
    assert_eq!(carol.transcript(), before);

    server.restart().await.unwrap();
    let everybody = Talker::names(&[alice, bob, carol]);
    for talker in &all {
        let out = |session: &mpenc::Session| session.members() != everybody;
        talker.until("to find out", out).await;
    }
    for talker in &all {
        talker.until_in_room(&everybody).await;
        talker.until_members(&everybody).await;
    }
    carol.say("after").await;
    for talker in &all {
        let transcript = talker.transcript();
        assert!(transcript.is_superset(&before), "nothing acknowledged is lost");
        assert!(transcript.iter().any(|line| line.contains("\"after\"")));
    }
}
