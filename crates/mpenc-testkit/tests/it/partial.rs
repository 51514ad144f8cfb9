//! Transports with which the kit cannot look at everything, and what the report says then.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;

use mpenc::channel::{ChannelError, ChannelEvent, ChannelRequest, GroupChannel};
use mpenc::memory::MemoryChannel;
use mpenc_testkit::{Client, Guarantee, Kit, Report, Transport, Verdict};

use crate::memory::Memory;

/// What goes wrong in all rooms but the first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Later {
    NoClient,
    NotLetIn,
}

struct FirstRoomOnly(Memory, Later);

struct Shut {
    inner: MemoryChannel,
    opens: bool,
}

impl GroupChannel for Shut {
    async fn request(&mut self, request: ChannelRequest) -> Result<(), ChannelError> {
        if self.opens { self.inner.request(request).await } else { Ok(()) }
    }

    async fn next_event(&mut self) -> Result<ChannelEvent, ChannelError> {
        self.inner.next_event().await
    }
}

impl Transport for FirstRoomOnly {
    type Channel = Shut;

    async fn connect(&mut self, room: &str, who: &str) -> Result<Client<Shut>, String> {
        let is_first = room == "kit1";
        if !is_first && self.1 == Later::NoClient {
            return Err("one room is enough".to_owned());
        }
        let member = mpenc::MemberId::new(who).unwrap();
        let inner = self.0.connect(room, who).await?.into_channel();
        Ok(Client::new(Shut { inner, opens: is_first }, member))
    }
}

fn kit() -> Kit {
    Kit::new().quick().patience(Duration::from_millis(200))
}

fn says_what_was_not_seen(report: &Report, why: &str) {
    assert!(!report.keeps_the_contract(), "{report}");
    assert_eq!(report.lacking(), [], "{report}");
    let unseen = [
        Guarantee::LargePackets,
        Guarantee::OversizeDropped,
        Guarantee::DropTold,
        Guarantee::HonestReconnect,
        Guarantee::SlowReader,
        Guarantee::Flood,
    ];
    for guarantee in unseen {
        assert!(report.not_seen().contains(&guarantee), "{report}");
        let verdict = report.verdict(guarantee);
        let says_why = matches!(verdict, Verdict::NotSeen(found) if found.contains(why));
        assert!(says_why, "{report}");
    }
    // What the first room has shown remains, if nothing else had to show it.
    assert_eq!(report.verdict(Guarantee::OwnEcho), Verdict::Given, "{report}");
    let text = report.to_string();
    assert!(text.contains("UNSEEN   many packets at once pass"), "{text}");
    assert!(text.contains("unseen   others are told who vanished"), "{text}");
    assert!(text.ends_with("the contract IS BROKEN"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_room_that_cannot_be_had() {
    let report = kit().judge(&mut FirstRoomOnly(Memory::default(), Later::NoClient)).await;
    says_what_was_not_seen(&report, "no client: one room is enough");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_room_that_lets_nobody_in() {
    let report = kit().judge(&mut FirstRoomOnly(Memory::default(), Later::NotLetIn)).await;
    says_what_was_not_seen(&report, "alice could not enter: it was not let in");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_transport_does_not_offer_is_not_held_against_it() {
    let report = kit().judge(&mut Memory::default()).await;
    assert!(report.keeps_the_contract(), "{report}");
    let text = report.to_string();
    assert!(text.contains("no way   a broken connection loses nothing silently"), "{text}");
    assert_eq!(report.not_seen(), [], "{report}");
}

/// Clients that say goodbye when they are dropped, and can be cut off without.
struct Polite(Memory, Arc<AtomicUsize>);

impl Transport for Polite {
    type Channel = MemoryChannel;

    async fn connect(&mut self, room: &str, who: &str) -> Result<Client<MemoryChannel>, String> {
        let calls = Arc::clone(&self.1);
        let client = self.0.connect(room, who).await?;
        // The room does not notice.
        Ok(client.vanish(move || {
            calls.fetch_add(1, Ordering::SeqCst);
        }))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_goodbye_does_not_count_where_there_is_a_way_without() {
    let report = kit().judge(&mut Memory::default()).await;
    assert_eq!(report.verdict(Guarantee::DropTold), Verdict::Given, "{report}");
    let calls = Arc::default();
    let report = kit().judge(&mut Polite(Memory::default(), Arc::clone(&calls))).await;
    assert_eq!(report.lacking(), [Guarantee::DropTold], "{report}");
    assert!(report.keeps_the_contract(), "a session can do without");
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}
