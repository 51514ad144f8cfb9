//! Connections that break: a server that resumes streams (XEP-0198), and others.

use core::time::Duration;

use mpenc::channel::{ChannelEvent, ChannelRequest, GroupChannel as _};
use mpenc::{MemberSet, PublicKey};
use mpenc_xmpp::prosody::{Options, Prosody, ROOMS};
use mpenc_xmpp::{Account, XmppChannel};
use tokio::time::{Instant, sleep, timeout};

use crate::channel::ACCOUNTS;
use crate::ejabberd::Cluster;
use crate::line::{Line, a_moment};
use crate::talk::{PATIENCE, Talker, meet};

/// A server that keeps the place of a client for so long.
async fn server(hibernation: Option<u64>) -> Prosody {
    let mut options = Options::default();
    options.hibernation = hibernation.map(Duration::from_secs);
    Prosody::start(&options, &ACCOUNTS).await.unwrap()
}

/// Somebody in a room, reached over a line if there is one.
struct Guest {
    channel: XmppChannel,
    /// What the room said, but keys.
    events: Vec<ChannelEvent>,
}

impl Guest {
    async fn new(account: Account) -> Self {
        let room = format!("tea@{ROOMS}");
        let channel = XmppChannel::connect(account, &room, PublicKey::new([7; 32])).await.unwrap();
        Self { channel, events: Vec::new() }
    }

    async fn enter(&mut self) {
        self.channel.request(ChannelRequest::Enter).await.unwrap();
        let entered = |event: &ChannelEvent| matches!(event, ChannelEvent::Entered { .. });
        self.until("to be in the room", |events| events.iter().any(entered)).await;
    }

    async fn send(&mut self, bytes: Vec<u8>) {
        let send = ChannelRequest::Send { recipients: MemberSet::new(), bytes };
        self.channel.request(send).await.unwrap();
    }

    /// Reads events until they are as wanted.
    async fn until(&mut self, what: &str, ready: impl Fn(&[ChannelEvent]) -> bool) {
        while !ready(&self.events) {
            let event = timeout(PATIENCE, self.channel.next_event()).await;
            assert!(event.is_ok(), "{} waited for {what} in vain", self.channel.member());
            let event = event.unwrap().unwrap();
            if !matches!(event, ChannelEvent::Identity { .. }) {
                self.events.push(event);
            }
        }
    }

    fn packets(events: &[ChannelEvent]) -> Vec<(String, Vec<u8>)> {
        let packet = |event: &ChannelEvent| {
            let ChannelEvent::Packet { sender, bytes } = event else { return None };
            Some((sender.to_string(), bytes.clone()))
        };
        events.iter().filter_map(packet).collect()
    }

    /// Reads until so many packets have come in all.
    async fn until_packets(&mut self, count: usize) {
        let what = format!("{count} packets");
        self.until(&what, |events| Self::packets(events).len() >= count).await;
    }
}

fn account(server: &Prosody, i: usize) -> Account {
    let (user, password) = ACCOUNTS[i];
    server.account(user, "mpenc", password).unwrap()
}

/// Two in a room; the second comes over the line.
async fn two(near: Account, far: Account, line: &Line) -> (Guest, Guest) {
    let mut near = Guest::new(near).await;
    let mut far = Guest::new(far.plaintext_on_loopback(line.address()).unwrap()).await;
    near.enter().await;
    far.enter().await;
    near.until("somebody to enter", |events| events.len() == 2).await;
    (near, far)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_resumed_loses_nothing_and_repeats_nothing() {
    let server = server(Some(60)).await;
    let line = Line::to(server.address()).await;
    let (near, far) = two(account(&server, 0), account(&server, 1), &line).await;
    nothing_is_lost(&line, near, far, true).await;
}

/// Its way of resuming may change the order of what arrives at that very moment.
#[tokio::test(flavor = "multi_thread")]
async fn on_ejabberd_too_if_nothing_arrives_just_then() {
    let cluster = Cluster::start();
    let line = Line::to(cluster.address(0)).await;
    let account = |user: &str| cluster.account(user, "mpenc", 0);
    let (near, far) = two(account("alice"), account("bob"), &line).await;
    nothing_is_lost(&line, near, far, false).await;
}

/// Both talk while the line breaks and comes back, and `at_once` also when it does.
async fn nothing_is_lost(line: &Line, mut near: Guest, mut far: Guest, at_once: bool) {
    let (before, calls) = (near.events.len(), line.calls());

    // Each round: packets before, some that the line swallows both ways, some while it is cut, and
    // one in pieces that the breakdown or the return may meet half way.
    let (mut number, mut sent) = (0_u8, [Vec::new(), Vec::new()]);
    for round in 0..6 {
        for (stage, size) in [(0, 10), (1, 1000), (2, 100), (3, 100_000)] {
            match stage {
                1 => line.silence(),
                2 => line.cut(),
                3 => line.mend(),
                _ => {}
            }
            if stage == 3 && !at_once {
                let count = sent.iter().map(Vec::len).sum();
                near.until_packets(count).await;
                far.until_packets(count).await;
            }
            for (guest, sent) in [&mut near, &mut far].into_iter().zip(&mut sent) {
                for _ in 0..3 {
                    number = number.wrapping_add(1);
                    let bytes = vec![number; size + round];
                    sent.push(bytes.clone());
                    guest.send(bytes).await;
                }
            }
            if stage < 3 {
                a_moment().await;
            }
        }
        let count = sent.iter().map(Vec::len).sum();
        near.until_packets(count).await;
        far.until_packets(count).await;
    }
    // Anything that is repeated would have come before this.
    near.send(vec![0; 3]).await;
    sent[0].push(vec![0; 3]);
    let count = sent.iter().map(Vec::len).sum();
    near.until_packets(count).await;
    far.until_packets(count).await;

    assert!(line.calls() > calls, "there was a new connection");
    let of = |guest: &Guest| Guest::packets(&guest.events);
    assert!(of(&near) == of(&far), "one order for both");
    for (guest, sent) in [&near, &far].into_iter().zip(&sent) {
        let name = guest.channel.member().to_string();
        let own = of(&near).into_iter().filter(|(sender, _)| *sender == name);
        assert!(own.map(|(_, bytes)| bytes).eq(sent.iter().cloned()), "in order, each once");
    }
    let other = |event: &&ChannelEvent| !matches!(event, ChannelEvent::Packet { .. });
    assert_eq!(near.events[before..].iter().find(other), None, "nobody went");
    assert_eq!(far.events[1..].iter().find(other), None, "nor believed to have gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interruption_that_is_asked_for_is_resumed_too() {
    let server = server(Some(60)).await;
    let line = Line::to(server.address()).await;
    let (mut near, mut far) = two(account(&server, 0), account(&server, 1), &line).await;
    for round in 1..=5 {
        let calls = line.calls();
        far.send(vec![round]).await;
        far.channel.connection().interrupt();
        near.send(vec![round]).await;
        near.until_packets(2 * usize::from(round)).await;
        far.until_packets(2 * usize::from(round)).await;
        let begin = Instant::now();
        while line.calls() == calls {
            assert!(begin.elapsed() < PATIENCE, "no new connection");
            sleep(Duration::from_millis(10)).await;
        }
    }
    assert_eq!(near.events.len(), 12, "{:?}", near.events);
    assert_eq!(far.events.len(), 11, "{:?}", far.events);
}

/// What happens where the stream cannot be resumed: all know, and who was lost can come back.
async fn is_lost_and_comes_back(hibernation: Option<u64>, away: Duration) {
    let server = server(hibernation).await;
    let line = Line::to(server.address()).await;
    let (mut near, mut far) = two(account(&server, 0), account(&server, 1), &line).await;
    line.cut();
    near.send(b"who hears this?".to_vec()).await;
    sleep(away).await;
    line.mend();
    let left = |events: &[ChannelEvent]| events.last() == Some(&ChannelEvent::Left);
    far.until("to find out", left).await;
    assert_eq!(Guest::packets(&far.events), [], "what was lost does not come late");
    let leave = MemberSet::of(far.channel.member());
    let gone = ChannelEvent::Changed { enter: MemberSet::new(), leave };
    near.until("it to be gone", |events| events.contains(&gone)).await;

    far.events.clear();
    far.enter().await;
    far.send(b"back again".to_vec()).await;
    near.until_packets(2).await;
    far.until_packets(1).await;
    assert_eq!(far.events.len(), 2, "{:?}", far.events);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_stream_management_a_break_is_a_departure() {
    is_lost_and_comes_back(None, Duration::from_millis(300)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stays_away_for_too_long_is_gone() {
    is_lost_and_comes_back(Some(1), Duration::from_secs(4)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_goes_on_over_a_broken_line() {
    let server = server(Some(60)).await;
    let line = Line::to(server.address()).await;
    let room = format!("attic@{ROOMS}");
    let alice = Talker::new(account(&server, 0), &room, 2, |client| client).await;
    let far = account(&server, 1).plaintext_on_loopback(line.address()).unwrap();
    let bob = Talker::new(far, &room, 2, |client| client).await;
    meet(&[&alice, &bob]).await;
    let everybody = Talker::names(&[&alice, &bob]);
    for round in 0..3 {
        bob.session.send(&format!("{round}: do you hear me?")).unwrap();
        line.silence();
        alice.session.send(&format!("{round}: hardly")).unwrap();
        a_moment().await;
        line.cut();
        bob.session.send(&format!("{round}: what?")).unwrap();
        a_moment().await;
        line.mend();
        alice.say("hello?").await;
        bob.say("hello!").await;
        assert_eq!(alice.session.view(mpenc::Session::members), everybody);
    }
    assert_eq!(alice.transcript().len(), 15);
    assert_eq!(alice.transcript(), bob.transcript());
}
