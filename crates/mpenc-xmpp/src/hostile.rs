//! Servers that do what no server should: nothing but the channel may end by it.

mod server;

use core::time::Duration;

use mpenc::channel::{ChannelEvent, ChannelRequest, GroupChannel as _};
use mpenc::{MemberSet, PublicKey};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::rustls::RootCertStore;
use tokio_xmpp::xmlstream::{StreamHeader, Timeouts};

use crate::limits::{MAX_PACKET_LEN, MAX_STANZA_LEN, MAX_UNACKED, MAX_XML_DEPTH};
use crate::wire::Cutter;
use crate::{Account, ConnectError, Password, XmppChannel, tls};
use server::{BIND, HEADER, MANAGEMENT, Peer, Server};

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

#[tokio::test]
async fn a_stream_that_breaks_whenever_it_is_resumed_ends_the_channel() {
    let server = Server::start(|mut peer: Peer| async move {
        if peer.is_first() {
            peer.log_in(MANAGEMENT).await?;
            peer.enable().await?;
        } else {
            peer.prove("").await?;
            peer.open(MANAGEMENT).await?;
            peer.until("<resume").await?;
            peer.say("<resumed xmlns='urn:xmpp:sm:3' previd='a' h='0'/>").await?;
        }
        peer.say(&nested(100)).await?;
        peer.rest().await
    })
    .await;
    let mut channel = connect(&server).await.unwrap();
    let reason = end(&mut channel).await;
    assert!(reason.contains("the connection broke and was resumed 32 times"), "{reason}");
}

//= docs/spec/protocol.md#CHN-011
//= type=test
#[tokio::test]
async fn a_stream_that_the_server_does_not_know_any_more_is_begun_anew() {
    let server = Server::start(|mut peer: Peer| async move {
        if peer.is_first() {
            peer.log_in(MANAGEMENT).await?;
            peer.enable().await?;
            // Into the room, and gone.
            peer.let_in().await?;
            return Ok(());
        }
        peer.prove("").await?;
        peer.open(MANAGEMENT).await?;
        if peer.until(">").await?.contains("<resume") {
            let condition = "<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>";
            peer.say(&format!("<failed xmlns='urn:xmpp:sm:3'>{condition}</failed>")).await?;
            return peer.rest().await;
        }
        peer.bind().await?;
        peer.enable().await?;
        peer.let_in().await?;
        peer.rest().await
    })
    .await;
    let mut channel = connect(&server).await.unwrap();
    channel.request(ChannelRequest::Enter).await.unwrap();
    let is_in = |event: &ChannelEvent| matches!(event, ChannelEvent::Entered { .. });
    assert!(is_in(&timeout(PATIENCE, channel.next_event()).await.unwrap().unwrap()));
    let left = timeout(PATIENCE, channel.next_event()).await.unwrap().unwrap();
    assert_eq!(left, ChannelEvent::Left);
    channel.request(ChannelRequest::Enter).await.unwrap();
    assert!(is_in(&timeout(PATIENCE, channel.next_event()).await.unwrap().unwrap()));
}

/// The library's task panics here.
#[tokio::test]
async fn a_new_session_in_answer_to_a_resumption_ends_the_channel() {
    let server = Server::start(|mut peer: Peer| async move {
        if peer.is_first() {
            peer.log_in(MANAGEMENT).await?;
            return peer.enable().await;
        }
        peer.prove("").await?;
        peer.open(MANAGEMENT).await?;
        peer.until("<resume").await?;
        peer.say("<enabled xmlns='urn:xmpp:sm:3' id='b' resume='true'/>").await?;
        peer.rest().await
    })
    .await;
    let mut channel = connect(&server).await.unwrap();
    let reason = end(&mut channel).await;
    assert!(reason.contains("has the server broken a rule of XMPP"), "{reason}");
    // It is told the owner whatever it asks for.
    channel.request(ChannelRequest::Enter).await.unwrap_err();
}

/// Sends packets over a server that echoes them until as many were echoed, or the channel ends.
async fn talk(server: &Server, packets: usize) -> Result<(), String> {
    let mut channel = connect(server).await.unwrap();
    channel.request(ChannelRequest::Enter).await.map_err(|error| error.to_string())?;
    let (mut sent, mut echoed) = (0, 0);
    let all = async {
        while echoed < packets {
            let event = channel.next_event().await.map_err(|error| error.to_string())?;
            echoed += usize::from(matches!(event, ChannelEvent::Packet { .. }));
            while sent < packets && sent < echoed + 2 {
                let packet = ChannelRequest::Send {
                    recipients: MemberSet::default(),
                    bytes: vec![7; MAX_PACKET_LEN],
                };
                channel.request(packet).await.map_err(|error| error.to_string())?;
                sent += 1;
            }
        }
        Ok(())
    };
    timeout(PATIENCE, all).await.unwrap()
}

/// More than a server may leave unacknowledged, as base64 makes a third more of it.
const MANY: usize = MAX_UNACKED / MAX_PACKET_LEN;

#[tokio::test]
async fn a_server_that_never_acknowledges_does_not_fill_the_memory() {
    let server = Server::start(|mut peer: Peer| async move {
        peer.log_in(MANAGEMENT).await?;
        peer.enable().await?;
        peer.echo(false).await
    })
    .await;
    let reason = talk(&server, MANY).await.unwrap_err();
    assert!(reason.contains("the server has acknowledged none of the last"), "{reason}");
}

#[tokio::test]
async fn a_server_that_acknowledges_or_never_promised_to_is_used_for_ever() {
    let acknowledging = Server::start(|mut peer: Peer| async move {
        peer.log_in(MANAGEMENT).await?;
        peer.enable().await?;
        peer.echo(true).await
    })
    .await;
    assert_eq!(talk(&acknowledging, MANY).await, Ok(()));
    let plain = Server::start(|mut peer: Peer| async move {
        peer.log_in(BIND).await?;
        peer.echo(false).await
    })
    .await;
    assert_eq!(talk(&plain, MANY).await, Ok(()));
}
