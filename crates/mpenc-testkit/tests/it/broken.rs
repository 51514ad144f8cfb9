//! Channels, each broken in its own way: the kit says which.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::future::ready;
use core::sync::atomic::{AtomicBool, Ordering};
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
    /// After an interruption it repeats what had arrived.
    Repeating,
    /// After an interruption what the owner sends is lost for a while.
    LosingOwn,
    /// After an interruption what others sent is missing.
    Gap,
    /// After an interruption two packets come in another order than at others.
    Overtaking,
    /// Of what a slow reader has not taken, only so much is kept.
    DroppingQueue,
}

/// Packets that the queue holds which drops what is more.
const QUEUE: usize = 64;

/// Packets that something goes wrong with after an interruption.
const AFFECTED: u32 = 3;

struct Broken {
    inner: MemoryChannel,
    owner: MemberId,
    fault: Fault,
    packets: u32,
    /// Delivered before anything else.
    ready: Vec<ChannelEvent>,
    /// Delivered after the next packet.
    held: Option<ChannelEvent>,
    /// The connection has broken and been restored.
    interrupted: Arc<AtomicBool>,
    /// What arrived last.
    recent: VecDeque<ChannelEvent>,
    /// Packets that something still goes wrong with.
    affected: u32,
    /// What the owner has not taken yet.
    queue: VecDeque<ChannelEvent>,
}

impl GroupChannel for Broken {
    async fn request(&mut self, request: ChannelRequest) -> Result<(), ChannelError> {
        let sends = matches!(request, ChannelRequest::Send { .. });
        if sends && self.fault == Fault::LosingOwn && self.is_affected() {
            return Ok(());
        }
        self.inner.request(request).await
    }

    async fn next_event(&mut self) -> Result<ChannelEvent, ChannelError> {
        loop {
            if let Some(event) = self.ready.pop() {
                return Ok(event);
            }
            let event = self.next_inner().await?;
            if let Some(event) = self.spoil(event) {
                return Ok(event);
            }
        }
    }
}

impl Broken {
    async fn next_inner(&mut self) -> Result<ChannelEvent, ChannelError> {
        if self.fault == Fault::DroppingQueue {
            loop {
                tokio::select! {
                    biased;
                    event = self.inner.next_event() => {
                        let event = event?;
                        let is_packet = matches!(event, ChannelEvent::Packet { .. });
                        if !is_packet || self.queue.len() < QUEUE {
                            self.queue.push_back(event);
                        }
                    }
                    () = ready(()) => break,
                }
            }
            if let Some(event) = self.queue.pop_front() {
                return Ok(event);
            }
        }
        self.inner.next_event().await
    }

    /// Whether something goes wrong with the next packet because of an interruption.
    fn is_affected(&mut self) -> bool {
        if self.interrupted.swap(false, Ordering::SeqCst) {
            self.affected = AFFECTED;
        }
        let is_affected = self.affected > 0;
        self.affected = self.affected.saturating_sub(1);
        is_affected
    }

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
            Fault::Repeating => {
                let event = ChannelEvent::Packet { sender, bytes };
                if self.is_affected() {
                    self.affected = 0;
                    self.ready.push(event);
                    self.ready.extend(self.recent.drain(..).rev());
                    return None;
                }
                self.recent.push_back(event.clone());
                if self.recent.len() > 3 {
                    self.recent.pop_front();
                }
                return Some(event);
            }
            Fault::Gap if sender != self.owner && self.is_affected() => return None,
            Fault::Overtaking => {
                let event = ChannelEvent::Packet { sender, bytes };
                if let Some(held) = self.held.take() {
                    self.ready.push(held);
                    return Some(event);
                }
                if self.is_affected() {
                    self.affected = 0;
                    self.held = Some(event);
                    return None;
                }
                return Some(event);
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
            interrupted: Arc::default(),
            recent: VecDeque::new(),
            affected: 0,
            queue: VecDeque::new(),
        };
        let interrupted = Arc::clone(&broken.interrupted);
        let interrupt = move || interrupted.store(true, Ordering::SeqCst);
        Ok(Client::new(broken, owner).interrupt(interrupt))
    }
}

fn kit() -> Kit {
    Kit::new().quick().patience(Duration::from_millis(700))
}

async fn judge(fault: Fault) -> Report {
    kit().judge(&mut Spoiling(Memory::default(), fault)).await
}

/// The kit finds this lacking, and besides at most what follows from it.
async fn check(fault: Fault, cause: Guarantee, consequences: &[Guarantee]) {
    check_report(&judge(fault).await, fault, cause, consequences);
}

fn check_report(report: &Report, fault: Fault, cause: Guarantee, consequences: &[Guarantee]) {
    let lacking = report.lacking();
    assert!(lacking.contains(&cause), "{fault:?}\n{report}");
    assert!(!report.keeps_the_contract());
    let known = |guarantee: &Guarantee| *guarantee == cause || consequences.contains(guarantee);
    let others: Vec<_> = lacking.into_iter().filter(|guarantee| !known(guarantee)).collect();
    assert!(others.is_empty(), "{fault:?} is not {others:?}\n{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_echo() {
    check(Fault::NoEcho, Guarantee::OwnEcho, &[Guarantee::HonestReconnect]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reordering_between_members() {
    // What is held back when nothing follows is missing.
    check(Fault::Reordering, Guarantee::OneOrder, &[Guarantee::HonestReconnect]).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn packets_repeated_after_an_interruption() {
    check(Fault::Repeating, Guarantee::Once, &[]).await;
}

//= docs/spec/protocol.md#CHN-011
//= type=test
#[tokio::test(flavor = "multi_thread")]
async fn own_packets_lost_at_an_interruption() {
    check(Fault::LosingOwn, Guarantee::HonestReconnect, &[]).await;
}

//= docs/spec/protocol.md#CHN-011
//= type=test
#[tokio::test(flavor = "multi_thread")]
async fn packets_of_others_lost_at_an_interruption() {
    check(Fault::Gap, Guarantee::HonestReconnect, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_order_after_an_interruption() {
    check(Fault::Overtaking, Guarantee::OneOrder, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_drops_what_it_cannot_hold() {
    // As long as the queue is not full nothing is wrong with it.
    let report = judge(Fault::DroppingQueue).await;
    assert!(report.keeps_the_contract(), "{report}");
    let kit = kit().flood_bytes(2 * QUEUE * (8 << 10));
    let report = kit.judge(&mut Spoiling(Memory::default(), Fault::DroppingQueue)).await;
    let cause = Guarantee::SlowReader;
    check_report(&report, Fault::DroppingQueue, cause, &[Guarantee::Flood]);
}
