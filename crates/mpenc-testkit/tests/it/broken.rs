//! Six channels, each broken in its own way: the kit says which.

use core::time::Duration;

use mpenc::channel::{ChannelError, ChannelEvent, ChannelRequest, GroupChannel};
use mpenc::memory::MemoryChannel;
use mpenc::{MemberId, MemberSet};
use mpenc_testkit::{Client, Guarantee, Kit, Report, Transport};

use crate::memory::Memory;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    NoEcho,
    Reordering,
    LostLeave,
    Duplicated,
    Truncated,
    Forged,
}

struct Broken {
    inner: MemoryChannel,
    owner: MemberId,
    fault: Fault,
    packets: u32,
    /// Delivered before anything else.
    ready: Vec<ChannelEvent>,
    /// Delivered after the next packet.
    held: Option<ChannelEvent>,
}

impl GroupChannel for Broken {
    async fn request(&mut self, request: ChannelRequest) -> Result<(), ChannelError> {
        self.inner.request(request).await
    }

    async fn next_event(&mut self) -> Result<ChannelEvent, ChannelError> {
        loop {
            if let Some(event) = self.ready.pop() {
                return Ok(event);
            }
            let event = self.inner.next_event().await?;
            if let Some(event) = self.spoil(event) {
                return Ok(event);
            }
        }
    }
}

impl Broken {
    fn spoil(&mut self, event: ChannelEvent) -> Option<ChannelEvent> {
        match (event, self.fault) {
            (ChannelEvent::Changed { enter, .. }, Fault::LostLeave) => {
                let leave = MemberSet::new();
                (!enter.is_empty()).then_some(ChannelEvent::Changed { enter, leave })
            }
            (ChannelEvent::Packet { sender, bytes }, fault) => {
                self.packets += 1;
                let often = self.packets.is_multiple_of(5);
                self.packet(sender, bytes, fault, often)
            }
            (event, _) => {
                // What was held back for a packet that does not come.
                match self.held.take() {
                    Some(held) => {
                        self.ready.push(event);
                        Some(held)
                    }
                    None => Some(event),
                }
            }
        }
    }

    fn packet(
        &mut self,
        sender: MemberId,
        mut bytes: Vec<u8>,
        fault: Fault,
        often: bool,
    ) -> Option<ChannelEvent> {
        match fault {
            Fault::NoEcho if sender == self.owner => return None,
            Fault::Truncated if often => {
                bytes.pop();
            }
            Fault::Duplicated if often => {
                let (sender, bytes) = (sender.clone(), bytes.clone());
                self.ready.push(ChannelEvent::Packet { sender, bytes });
            }
            Fault::Forged if often && sender != self.owner => {
                let sender = self.owner.clone();
                return Some(ChannelEvent::Packet { sender, bytes });
            }
            // One member out of all sees some packets later than another.
            Fault::Reordering if self.owner == MemberId::new("bob").unwrap() => {
                let event = ChannelEvent::Packet { sender, bytes };
                if let Some(held) = self.held.take() {
                    self.ready.push(held);
                    return Some(event);
                }
                // Not for ever: something has to come after it.
                if often && self.packets < 25 {
                    self.held = Some(event);
                    return None;
                }
                return Some(event);
            }
            _ => {}
        }
        Some(ChannelEvent::Packet { sender, bytes })
    }
}

struct Spoiling(Memory, Fault);

impl Transport for Spoiling {
    type Channel = Broken;

    async fn connect(&mut self, room: &str, who: &str) -> Result<Client<Broken>, String> {
        let inner = self.0.connect(room, who).await?.into_channel();
        let owner = MemberId::new(who).unwrap();
        let fault = self.1;
        let broken = Broken {
            inner,
            owner: owner.clone(),
            fault,
            packets: 0,
            ready: Vec::new(),
            held: None,
        };
        Ok(Client::new(broken, owner))
    }
}

async fn judge(fault: Fault) -> Report {
    let kit = Kit::new().quick().patience(Duration::from_millis(700));
    kit.judge(&mut Spoiling(Memory::default(), fault)).await
}

/// The kit finds this lacking, and besides at most what follows from it.
async fn check(fault: Fault, cause: Guarantee, consequences: &[Guarantee]) {
    let report = judge(fault).await;
    let lacking = report.lacking();
    assert!(lacking.contains(&cause), "{fault:?}\n{report}");
    assert!(!report.keeps_the_contract());
    let known = |guarantee: &Guarantee| *guarantee == cause || consequences.contains(guarantee);
    let others: Vec<_> = lacking.into_iter().filter(|guarantee| !known(guarantee)).collect();
    assert!(others.is_empty(), "{fault:?} is not {others:?}\n{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_echo() {
    check(Fault::NoEcho, Guarantee::OwnEcho, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reordering_between_members() {
    check(Fault::Reordering, Guarantee::OneOrder, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_leave() {
    let told = [Guarantee::DropTold, Guarantee::Completion, Guarantee::Kick, Guarantee::EnterTold];
    check(Fault::LostLeave, Guarantee::LeaveTold, &told).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duplicated_packet() {
    check(Fault::Duplicated, Guarantee::Once, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_packet() {
    check(Fault::Truncated, Guarantee::Intact, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_sender() {
    check(Fault::Forged, Guarantee::TrueSender, &[]).await;
}
