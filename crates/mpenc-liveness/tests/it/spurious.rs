//! Timers that fire early, late, twice, or on a clock that jumps.

use alloc::collections::{BTreeMap, BTreeSet};

use mpenc_liveness::{AckAction, AckMonitor, TimerKind, Timing};
use mpenc_types::{BodyKind, MessageId, Timestamp};
use proptest::prelude::*;

use crate::id;

#[derive(Clone, Copy, Debug)]
enum Step {
    Accept { number: u64, kind: BodyKind, own: bool },
    FullyAck { number: u64 },
    Timeout,
}

fn kind() -> impl Strategy<Value = BodyKind> {
    prop_oneof![
        Just(BodyKind::Payload),
        any::<bool>().prop_map(|manual| BodyKind::ExplicitAck { manual }),
        any::<bool>().prop_map(|close| BodyKind::Consistency { close }),
        Just(BodyKind::OrderConfirmation),
        Just(BodyKind::Part),
        any::<u8>().prop_map(BodyKind::Opaque),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..24_u64, kind(), any::<bool>()).prop_map(|(number, kind, own)| Step::Accept {
            number,
            kind,
            own
        }),
        (0..24_u64).prop_map(|number| Step::FullyAck { number }),
        Just(Step::Timeout),
    ]
}

/// Steps with the reading of the clock: mostly onwards, at times far, at times backwards.
fn steps() -> impl Strategy<Value = Vec<(u64, Step)>> {
    let clock = prop_oneof![4 => 0..40_000_u64, 1 => 0..200_000_u64, 1 => Just(u64::MAX)];
    proptest::collection::vec((clock, step()), 0..80)
}

fn timing() -> impl Strategy<Value = Timing> {
    prop_oneof![
        Just(Timing::default()),
        Just(Timing::original(mpenc_liveness::Flow::default())),
        (0..70_usize).prop_map(Timing::loopback),
    ]
}

/// What must be true of a monitor, kept without any queue.
#[derive(Default)]
struct Model {
    now: u64,
    accepted: BTreeMap<MessageId, (u64, BodyKind)>,
    fully_acked: BTreeSet<MessageId>,
    warned: BTreeSet<MessageId>,
    order: Vec<MessageId>,
    /// When the first message came that the owner has not acknowledged.
    unacknowledged_since: Option<u64>,
}

impl Model {
    fn open(&self) -> Vec<MessageId> {
        let monitored = |id: &&MessageId| self.accepted[id].1.is_monitored();
        let open = self.order.iter().filter(monitored);
        open.filter(|id| !self.fully_acked.contains(id)).copied().collect()
    }
}

proptest! {
    //= docs/spec/protocol.md#LIV-002
    //= type=test
    #[test]
    fn only_notices_and_extra_packets_depend_on_timers(timing in timing(), steps in steps()) {
        let mut monitor = AckMonitor::new(timing);
        let mut untimed = AckMonitor::new(timing);
        let mut model = Model::default();
        for (clock, step) in steps {
            model.now = model.now.max(clock);
            let (now, reading) = (model.now, Timestamp::from_millis(clock));
            match step {
                Step::Accept { number, kind, own } => {
                    monitor.on_accepted(reading, id(number), kind, own);
                    untimed.on_accepted(reading, id(number), kind, own);
                    if model.accepted.contains_key(&id(number)) {
                        continue;
                    }
                    model.accepted.insert(id(number), (now, kind));
                    model.order.push(id(number));
                    if own {
                        model.unacknowledged_since = None;
                    } else if kind.is_monitored() {
                        model.unacknowledged_since.get_or_insert(now);
                    }
                }
                Step::FullyAck { number } => {
                    let was_open = model.open().contains(&id(number));
                    let cancelled = monitor.on_fully_acked(reading, id(number));
                    prop_assert_eq!(cancelled, was_open && model.warned.contains(&id(number)));
                    untimed.on_fully_acked(reading, id(number));
                    if model.accepted.contains_key(&id(number)) {
                        model.fully_acked.insert(id(number));
                    }
                }
                Step::Timeout => {
                    let due = monitor.next_timer();
                    let actions = monitor.handle_timeout(reading, &mut || 0);
                    let due = due.filter(|due| due.at <= Timestamp::from_millis(now));
                    // A resend may have to wait for its turn.
                    if due.is_none_or(|due| due.cause != TimerKind::Resend) {
                        prop_assert_eq!(
                            actions.is_empty(),
                            due.is_none(),
                            "something happens exactly if the announced deadline has passed"
                        );
                    }
                    for action in actions {
                        match action {
                            AckAction::SendAck => {
                                let since = model.unacknowledged_since;
                                prop_assert!(since.is_some(), "nothing to acknowledge");
                                let soonest = timing.prompt_ack().unwrap_or(timing.auto_ack());
                                let waited = Timestamp::from_millis(now)
                                    .since(Timestamp::from_millis(since.unwrap()));
                                prop_assert!(waited >= soonest || now == u64::MAX);
                            }
                            AckAction::NotFullyAcked(message) => {
                                prop_assert!(model.open().contains(&message));
                                prop_assert!(model.warned.insert(message), "warned twice");
                                let accepted = Timestamp::from_millis(model.accepted[&message].0);
                                let due = accepted + timing.fa_intv();
                                prop_assert!(Timestamp::from_millis(now) >= due);
                            }
                            AckAction::Resend(message) => {
                                prop_assert!(model.open().contains(&message));
                                prop_assert!(model.warned.contains(&message), "only overdue ones");
                            }
                        }
                    }
                }
            }
            let warned: Vec<_> = monitor.warned().collect();
            let expect: Vec<_> =
                model.open().into_iter().filter(|id| model.warned.contains(id)).collect();
            prop_assert_eq!(warned, expect);
        }
        for message in &model.order {
            let accepted = Timestamp::from_millis(model.accepted[message].0);
            prop_assert_eq!(monitor.times(message).map(|t| t.accepted_at), Some(accepted));
            let done = model.fully_acked.contains(message);
            prop_assert_eq!(monitor.times(message).and_then(|t| t.fully_acked_at).is_some(), done);
            prop_assert_eq!(untimed.times(message).and_then(|t| t.fully_acked_at).is_some(), done);
        }
        prop_assert_eq!(monitor.stop(), model.open());
        prop_assert_eq!(untimed.stop(), model.open());
    }
}
