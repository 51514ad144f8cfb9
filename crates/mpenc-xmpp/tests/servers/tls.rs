//! Servers with TLS and without: whom a client believes to be the server of its account.

use std::fs;

use mpenc::PublicKey;
use mpenc_xmpp::prosody::{Options, Prosody, ROOMS};
use mpenc_xmpp::{Account, ConnectError, Password, XmppChannel};

use crate::channel::ACCOUNTS;
use crate::talk::{Talker, meet};

/// A server with a certificate for this name.
async fn server(name: &str) -> Prosody {
    let mut options = Options::default();
    options.certificate_for = Some(name.to_owned());
    Prosody::start(&options, &ACCOUNTS).await.unwrap()
}

/// Somebody on the server, over TLS or not at all.
fn account(server: &Prosody, i: usize) -> Account {
    let (user, password) = ACCOUNTS[i];
    let account = Account::new(&format!("{user}@localhost"), Password::new(password.to_owned()));
    account.unwrap().server("127.0.0.1", server.address().port())
}

fn authority(server: &Prosody) -> Vec<u8> {
    fs::read(server.authority().unwrap()).unwrap()
}

async fn connect(account: Account) -> Result<XmppChannel, ConnectError> {
    XmppChannel::connect(account, &format!("tea@{ROOMS}"), PublicKey::new([7; 32])).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_authority_is_trusted_is_talked_with() {
    let server = server("localhost").await;
    // The server would not take a password that is sent, so it is proved; and the server's own
    // authority is one of two.
    let other = self::server("localhost").await;
    let trusting = |i: usize| {
        let account = account(&server, i).trust_authorities(&authority(&other)).unwrap();
        account.trust_authorities(&authority(&server)).unwrap()
    };
    let room = format!("tea@{ROOMS}");
    let alice = Talker::new(trusting(0), &room, 2, |client| client).await;
    let bob = Talker::new(trusting(1), &room, 2, |client| client).await;
    meet(&[&alice, &bob]).await;
    alice.say("behind closed doors").await;
    bob.say(&"at length ".repeat(10_000)).await;
    assert_eq!(alice.transcript(), bob.transcript());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let (server, other) = (server("localhost").await, server("localhost").await);
    let refused = connect(account(&server, 0)).await;
    assert!(matches!(refused, Err(ConnectError::UnknownAuthority { .. })), "{refused:?}");
    // An authority that is called the same does not help.
    let strange = account(&server, 0).trust_authorities(&authority(&other)).unwrap();
    let Err(ConnectError::Tls { reason, .. }) = connect(strange).await else { panic!("refused") };
    assert!(reason.contains("a signature on its certificate is wrong"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_for_another_name_is_refused() {
    let server = server("elsewhere.example").await;
    let account = account(&server, 0).trust_authorities(&authority(&server)).unwrap();
    let refused = connect(account).await;
    let Err(ConnectError::Tls { reason, .. }) = refused else { panic!("{refused:?}") };
    assert!(reason.contains("elsewhere.example"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_is_also_the_server_is_refused_with_advice() {
    let mut server = server("localhost").await;
    let file = server.authority().unwrap();
    for kind in ["crt", "key"] {
        let own = file.with_file_name("server").with_extension(kind);
        fs::copy(file.with_extension(kind), own).unwrap();
    }
    server.restart().await.unwrap();
    let account = account(&server, 0).trust_authorities(&authority(&server)).unwrap();
    let Err(ConnectError::Tls { reason, .. }) = connect(account).await else { panic!("refused") };
    assert!(reason.contains("it needs one of its own"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_said_at_once_over_tls_too() {
    let server = server("localhost").await;
    let account = Account::new("alice@localhost", Password::new("wrong".to_owned())).unwrap();
    let account = account.server("127.0.0.1", server.address().port());
    let refused = connect(account.trust_authorities(&authority(&server)).unwrap()).await;
    assert!(matches!(refused, Err(ConnectError::NotAuthorized { .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_tls_nothing_is_said_unless_asked_for() {
    let server = Prosody::start(&Options::default(), &ACCOUNTS).await.unwrap();
    let refused = connect(account(&server, 0)).await;
    assert!(matches!(refused, Err(ConnectError::Tls { .. })), "{refused:?}");
}
