//! Servers that do what no server should: nothing but the channel may end by it.

mod server;

use core::time::Duration;

use mpenc::PublicKey;
use mpenc::channel::GroupChannel as _;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::rustls::RootCertStore;
use tokio_xmpp::xmlstream::{StreamHeader, Timeouts};

use crate::limits::{MAX_STANZA_LEN, MAX_XML_DEPTH};
use crate::wire::Cutter;
use crate::{Account, ConnectError, Password, XmppChannel, tls};
use server::{BIND, HEADER, Peer, Server};

/// More than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

async fn connect(server: &Server) -> Result<XmppChannel, ConnectError> {
    let account = Account::new("alice@localhost", Password::new("secret".to_owned())).unwrap();
    let account = account.plaintext_on_loopback(server.address()).unwrap();
    let connected = XmppChannel::connect(account, "tea@rooms.localhost", PublicKey::new([1; 32]));
    timeout(PATIENCE, connected).await.unwrap()
}

/// Why the channel ends.
async fn end(channel: &mut XmppChannel) -> String {
    let end = async {
        loop {
            if let Err(error) = channel.next_event().await {
                return error.to_string();
            }
        }
    };
    timeout(PATIENCE, end).await.unwrap()
}

fn nested(levels: usize) -> String {
    format!("<message>{}", "<a>".repeat(levels))
}

fn long(bytes: usize) -> String {
    format!("<message><body>{}", "x".repeat(bytes))
}

/// What is beyond a bound, and the sentence it ends with.
fn excesses() -> [(String, String); 3] {
    [
        (nested(10_000), format!("the server sent elements nested more than {MAX_XML_DEPTH} deep")),
        (
            long(MAX_STANZA_LEN),
            format!("the server sent a stanza of more than {MAX_STANZA_LEN} bytes"),
        ),
        (
            "<!-- hello -->".to_owned(),
            "the server sent a comment or an instruction, which XMPP forbids".to_owned(),
        ),
    ]
}

#[tokio::test]
async fn excess_before_tls_ends_the_login() {
    for (excess, sentence) in excesses() {
        let excess = excess.replace("<message>", "<stream:features>");
        let server = Server::start(move |mut peer: Peer| {
            let excess = excess.clone();
            async move {
                peer.until("version='1.0'>").await?;
                peer.say(&format!("{HEADER}{excess}")).await?;
                peer.rest().await
            }
        })
        .await;
        let wire = Cutter::default().guard(TcpStream::connect(server.address()).await.unwrap());
        let (header, roots) = (StreamHeader::default(), RootCertStore::empty());
        let started = tls::start(wire, "localhost", header, Timeouts::tight(), roots);
        let error = timeout(PATIENCE, started).await.unwrap().unwrap_err().to_string();
        assert!(error.ends_with(&sentence), "{error}");
    }
}

#[tokio::test]
async fn excess_before_the_password_ends_the_login() {
    for (excess, sentence) in excesses() {
        let excess = excess.replace("<message>", "<stream:features>");
        let server = Server::start(move |mut peer: Peer| {
            let excess = excess.clone();
            async move {
                peer.until("version='1.0'>").await?;
                peer.say(&format!("{HEADER}{excess}")).await?;
                peer.rest().await
            }
        })
        .await;
        let Err(ConnectError::Protocol { reason, .. }) = connect(&server).await else {
            panic!("it must fail: {sentence}")
        };
        assert!(reason.ends_with(&sentence), "{reason}");
    }
}

#[tokio::test]
async fn excess_behind_the_password_counts_for_the_new_stream() {
    let (_, header) = HEADER.split_once("?>").unwrap();
    for (excess, sentence) in excesses() {
        let excess = excess.replace("<message>", "<stream:features>");
        let server = Server::start(move |mut peer: Peer| {
            let excess = excess.clone();
            async move {
                // The rest comes at once with the consent, before anybody asked for it.
                peer.prove(&format!("{header}{excess}")).await?;
                peer.rest().await
            }
        })
        .await;
        let Err(ConnectError::Protocol { reason, .. }) = connect(&server).await else {
            panic!("it must fail: {sentence}")
        };
        assert!(reason.ends_with(&sentence), "{reason}");
    }
}

#[tokio::test]
async fn excess_in_the_stream_breaks_the_connection_and_at_last_ends_the_channel() {
    for (excess, _) in excesses() {
        let server = Server::start(move |mut peer: Peer| {
            let excess = excess.clone();
            async move {
                peer.log_in(BIND).await?;
                peer.say(&excess).await?;
                peer.rest().await
            }
        })
        .await;
        let mut channel = connect(&server).await.unwrap();
        let reason = end(&mut channel).await;
        assert!(reason.contains("the connection broke 8 times"), "{reason}");
    }
}
