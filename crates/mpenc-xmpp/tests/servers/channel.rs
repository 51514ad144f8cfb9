use core::time::Duration;

use mpenc::channel::{ChannelEvent, ChannelRequest, GroupChannel as _};
use mpenc::{MemberSet, PublicKey};
use mpenc_xmpp::prosody::{Options, Prosody, ROOMS};
use mpenc_xmpp::{ConnectError, XmppChannel};
use tokio::time::timeout;

pub(crate) const ACCOUNTS: [(&str, &str); 5] =
    [("alice", "pw-a"), ("bob", "pw-b"), ("carol", "pw-c"), ("dave", "pw-d"), ("erin", "pw-e")];

async fn open(server: &Prosody, i: usize, room: &str) -> XmppChannel {
    let (user, password) = ACCOUNTS[i];
    let account = server.account(user, "mpenc", password).unwrap();
    let room = format!("{room}@{ROOMS}");
    XmppChannel::connect(account, &room, PublicKey::new([7; 32])).await.unwrap()
}

async fn next(channel: &mut XmppChannel) -> ChannelEvent {
    loop {
        let event = timeout(Duration::from_secs(10), channel.next_event()).await;
        let event = event.expect("an event in time").unwrap();
        if !matches!(event, ChannelEvent::Identity { .. }) {
            return event;
        }
    }
}

fn members(channels: &[&XmppChannel]) -> MemberSet {
    channels.iter().map(|channel| channel.member()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_meet_talk_and_one_is_removed() {
    let server = Prosody::start(&Options::default(), &ACCOUNTS).await.unwrap();
    let mut alice = open(&server, 0, "tea").await;
    let mut bob = open(&server, 1, "tea").await;
    alice.request(ChannelRequest::Enter).await.unwrap();
    let entered = next(&mut alice).await;
    assert_eq!(entered, ChannelEvent::Entered { members: members(&[&alice]) });
    bob.request(ChannelRequest::Enter).await.unwrap();
    let entered = next(&mut bob).await;
    assert_eq!(entered, ChannelEvent::Entered { members: members(&[&alice, &bob]) });
    let changed = next(&mut alice).await;
    let enter = members(&[&bob]);
    assert_eq!(changed, ChannelEvent::Changed { enter, leave: MemberSet::new() });
    for size in [0, 1, 100_000, 256 * 1024] {
        let bytes = vec![42; size];
        let send = ChannelRequest::Send { recipients: MemberSet::new(), bytes: bytes.clone() };
        bob.request(send).await.unwrap();
        let packet = ChannelEvent::Packet { sender: bob.member().clone(), bytes };
        assert!(next(&mut bob).await == packet, "{size} bytes come back");
        assert!(next(&mut alice).await == packet, "{size} bytes arrive");
    }
    let kick = ChannelRequest::Change { enter: MemberSet::new(), leave: members(&[&bob]) };
    alice.request(kick).await.unwrap();
    assert_eq!(next(&mut bob).await, ChannelEvent::Left);
    let leave = members(&[&bob]);
    assert_eq!(next(&mut alice).await, ChannelEvent::Changed { enter: MemberSet::new(), leave });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_said_at_once() {
    let server = Prosody::start(&Options::default(), &ACCOUNTS).await.unwrap();
    for (user, password) in [("alice", "wrong"), ("nobody", "pw-a")] {
        let account = server.account(user, "mpenc", password).unwrap();
        let room = format!("tea@{ROOMS}");
        let refused = XmppChannel::connect(account, &room, PublicKey::new([7; 32])).await;
        assert!(matches!(refused, Err(ConnectError::NotAuthorized { .. })), "{refused:?}");
    }
}
