//! Several monitors that hear each other with a delay.
//!
//! The group is a model of the layers around this one: a message carries the set of everything its
//! author had accepted, and so acknowledges it.

use alloc::collections::{BTreeMap, BTreeSet};
use core::time::Duration;

use mpenc_liveness::{AckAction, AckMonitor, Flow, Timing};
use mpenc_types::{BodyKind, MessageId, Timestamp};
use proptest::prelude::*;

use crate::{TICK, at, id};

#[derive(Clone)]
struct Message {
    id: MessageId,
    author: usize,
    kind: BodyKind,
    past: BTreeSet<MessageId>,
}

struct Member {
    monitor: AckMonitor,
    accepted: BTreeSet<MessageId>,
    /// Readers that have not acknowledged a message.
    missing: BTreeMap<MessageId, BTreeSet<usize>>,
    warnings: Vec<(Timestamp, MessageId)>,
    cancelled: Vec<(Timestamp, MessageId)>,
}

struct Group {
    members: Vec<Member>,
    /// Messages on the way: when, to whom, in which order they were sent.
    on_the_way: BTreeMap<(Timestamp, u64, usize), Message>,
    delay: Vec<Duration>,
    sent: u64,
    acks: usize,
}

impl Group {
    /// A group in which messages of member `i` take `delay[i]` to everybody.
    fn new(timing: Timing, delay: Vec<Duration>) -> Self {
        let member = || Member {
            monitor: AckMonitor::new(timing),
            accepted: BTreeSet::new(),
            missing: BTreeMap::new(),
            warnings: Vec::new(),
            cancelled: Vec::new(),
        };
        let members = delay.iter().map(|_| member()).collect();
        Self { members, on_the_way: BTreeMap::new(), delay, sent: 0, acks: 0 }
    }

    fn send(&mut self, now: Timestamp, author: usize, kind: BodyKind) -> MessageId {
        self.sent += 1;
        self.acks += usize::from(kind.is_explicit_ack());
        let past = self.members[author].accepted.clone();
        let message = Message { id: id(self.sent), author, kind, past };
        self.accept(now, author, &message);
        for reader in (0..self.members.len()).filter(|reader| *reader != author) {
            let arrival = now + self.delay[author];
            self.on_the_way.insert((arrival, self.sent, reader), message.clone());
        }
        message.id
    }

    fn accept(&mut self, now: Timestamp, reader: usize, message: &Message) {
        let everybody = 0..self.members.len();
        let member = &mut self.members[reader];
        let own = reader == message.author;
        member.monitor.on_accepted(now, message.id, message.kind, own);
        member.accepted.insert(message.id);
        let readers = everybody.filter(|other| *other != message.author).collect();
        member.missing.insert(message.id, readers);
        let mut fully_acked = Vec::new();
        for (id, missing) in &mut member.missing {
            if message.past.contains(id) && missing.remove(&message.author) && missing.is_empty() {
                fully_acked.push(*id);
            }
        }
        for id in fully_acked {
            if member.monitor.on_fully_acked(now, id) {
                member.cancelled.push((now, id));
            }
        }
    }

    /// Lets everything happen until nothing is left to happen, at most until `end`.
    fn run(&mut self, end: Timestamp) {
        loop {
            let arrival = self.on_the_way.keys().next().map(|key| key.0);
            let timers = self.members.iter().filter_map(|member| member.monitor.next_deadline());
            let Some(now) = timers.chain(arrival).min().filter(|at| *at <= end) else { return };
            while self.on_the_way.keys().next().is_some_and(|key| key.0 <= now) {
                let ((_, _, reader), message) = self.on_the_way.pop_first().unwrap();
                self.accept(now, reader, &message);
            }
            for reader in 0..self.members.len() {
                for action in self.members[reader].monitor.handle_timeout(now, &mut || 0) {
                    match action {
                        AckAction::SendAck => {
                            self.send(now, reader, BodyKind::ExplicitAck { manual: false });
                        }
                        AckAction::NotFullyAcked(id) => {
                            self.members[reader].warnings.push((now, id));
                        }
                        // Nothing is lost here.
                        AckAction::Resend(_) => {}
                    }
                }
            }
        }
    }
}

const FOREVER: Timestamp = Timestamp::from_millis(u64::MAX / 2);

//= docs/spec/protocol.md#LIV-004
//= type=test
#[test]
fn one_payload_causes_one_ack_of_every_reader_then_silence() {
    let timing = Timing::default();
    let mut group = Group::new(timing, vec![timing.bc_lat() / 2; 7]);
    let message = group.send(Timestamp::ZERO, 0, BodyKind::Payload);
    group.run(FOREVER);
    assert_eq!(group.acks, 6);
    for member in &group.members {
        assert!(member.monitor.times(&message).and_then(|t| t.fully_acked_at).is_some());
        assert_eq!(member.warnings, []);
    }
}

//= docs/spec/protocol.md#LIV-009
//= type=test
#[test]
fn with_maximal_delays_everything_is_acknowledged_just_in_time() {
    for timing in [Timing::default(), Timing::loopback(5), Timing::loopback(64)] {
        // One moment less than BC_LAT: A0 is a network with delays below it.
        let mut group = Group::new(timing, vec![timing.bc_lat() - TICK; 5]);
        let message = group.send(Timestamp::ZERO, 0, BodyKind::Payload);
        group.run(FOREVER);
        for member in &group.members {
            assert_eq!(member.warnings, []);
            assert!(
                member.monitor.times(&message).and_then(|t| t.fully_acked_at).unwrap()
                    < at(timing.fa_intv())
            );
        }
    }
}

#[test]
fn the_original_warns_falsely_when_delays_come_near_the_latency() {
    let timing = Timing::original(Flow::default());
    let mut group = Group::new(timing, vec![timing.bc_lat() - TICK; 3]);
    let message = group.send(Timestamp::ZERO, 0, BodyKind::Payload);
    group.run(FOREVER);
    assert_eq!(group.members[0].warnings, [(at(timing.fa_intv()), message)]);
    assert_eq!(group.members[0].cancelled.len(), 1);
}

//= docs/spec/protocol.md#LIV-007
//= type=test
#[test]
fn a_silent_reader_is_noticed_and_forgiven() {
    let timing = Timing::default();
    let slow = timing.fa_intv();
    let mut group = Group::new(timing, vec![TICK, TICK, slow]);
    let message = group.send(Timestamp::ZERO, 0, BodyKind::Payload);
    group.run(FOREVER);
    assert_eq!(group.members[0].warnings, [(at(timing.fa_intv()), message)]);
    let ack_arrives = at(TICK + timing.auto_ack() + slow);
    assert_eq!(group.members[0].cancelled, [(ack_arrives, message)]);
    // The slow reader hears everybody in time.
    assert_eq!(group.members[2].warnings, []);
}

//= docs/spec/protocol.md#LIV-011
//= type=test
#[test]
fn a_burst_of_a_hundred_causes_one_ack_of_every_reader() {
    let timing = Timing::default();
    let mut group = Group::new(timing, vec![timing.bc_lat() / 2; 4]);
    for millis in 0..100 {
        group.send(Timestamp::from_millis(millis), 0, BodyKind::Payload);
    }
    group.run(FOREVER);
    assert_eq!(group.acks, 3);
}

proptest! {
    /// A0: delays below BC_LAT, whoever writes whenever. Nobody is ever warned.
    #[test]
    fn an_honest_network_causes_no_warning(
        members in 2..6_usize,
        members_of_preset in 0..70_usize,
        loopback in any::<bool>(),
        delays in proptest::collection::vec(0.0..1.0_f64, 6),
        payloads in proptest::collection::vec((0..6_usize, 0..20_000_u64, any::<bool>()), 1..20),
    ) {
        let timing =
            if loopback { Timing::loopback(members_of_preset) } else { Timing::default() };
        let delay = delays.iter().take(members).map(|part| timing.bc_lat().mul_f64(*part));
        let mut group = Group::new(timing, delay.collect());
        let mut clock = Timestamp::ZERO;
        for (author, pause, request) in payloads {
            clock = clock + Duration::from_millis(pause);
            group.run(clock);
            let kind =
                if request { BodyKind::Consistency { close: false } } else { BodyKind::Payload };
            group.send(clock, author % members, kind);
        }
        group.run(FOREVER);
        for member in &mut group.members {
            prop_assert_eq!(&member.warnings, &vec![]);
            prop_assert_eq!(member.monitor.stop(), vec![]);
        }
    }
}
