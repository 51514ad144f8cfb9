//! What is reported when acknowledgements stay away.

use mpenc_liveness::{AckAction, AckMonitor, Timing};
use mpenc_types::{BodyKind, MessageId, Timestamp};

use crate::{TICK, at, id};

fn warned(monitor: &AckMonitor) -> Vec<MessageId> {
    monitor.warned().collect()
}

//= docs/spec/protocol.md#LIV-003
//= type=test
//= docs/spec/protocol.md#LIV-007
//= type=test
#[test]
fn own_messages_and_those_of_others_are_monitored_until_fully_acked() {
    for own in [false, true] {
        for kind in [
            BodyKind::Payload,
            BodyKind::Heartbeat,
            BodyKind::Consistency { close: false },
            BodyKind::Consistency { close: true },
            BodyKind::OrderConfirmation,
            BodyKind::Absence { away: false },
            BodyKind::Error,
            BodyKind::Part,
            BodyKind::Close,
            BodyKind::Opaque(9),
        ] {
            let timing = Timing::default();
            let mut monitor = AckMonitor::new(timing);
            monitor.on_accepted(Timestamp::ZERO, id(1), kind, own);
            let due = at(timing.fa_intv());
            let warning = AckAction::NotFullyAcked(id(1));
            assert!(
                !monitor.handle_timeout(at(timing.fa_intv() - TICK), &mut || 0).contains(&warning)
            );
            assert_eq!(warned(&monitor), []);
            let actions = monitor.handle_timeout(due, &mut || 0);
            assert_eq!(actions.first(), Some(&warning), "{kind:?}, own: {own}");
            assert_eq!(actions.contains(&AckAction::Resend(id(1))), own, "others wait a little");
            assert_eq!(warned(&monitor), [id(1)]);
            assert!(!monitor.handle_timeout(due, &mut || 0).contains(&warning), "one warning");
            assert!(monitor.on_fully_acked(due + TICK, id(1)), "the warning is cancelled");
            assert_eq!(warned(&monitor), []);
            assert!(!monitor.on_fully_acked(due + TICK, id(1)), "once");
        }
    }
}

#[test]
fn a_message_acknowledged_in_time_causes_no_warning() {
    let timing = Timing::default();
    let mut monitor = AckMonitor::new(timing);
    monitor.on_accepted(Timestamp::ZERO, id(1), BodyKind::Payload, true);
    assert!(!monitor.on_fully_acked(at(timing.fa_intv() - TICK), id(1)));
    assert_eq!(monitor.next_deadline(), None);
    assert_eq!(monitor.handle_timeout(at(timing.fa_intv() * 2), &mut || 0), []);
}

//= docs/spec/protocol.md#LIV-005
//= type=test
#[test]
fn times_are_kept_for_every_message() {
    let mut monitor = AckMonitor::new(Timing::default());
    monitor.on_accepted(Timestamp::from_millis(10), id(1), BodyKind::Payload, true);
    let ack = BodyKind::ExplicitAck { manual: false };
    monitor.on_accepted(Timestamp::from_millis(20), id(2), ack, false);
    assert_eq!(monitor.times(&id(1)).map(|t| t.accepted_at), Some(Timestamp::from_millis(10)));
    assert_eq!(monitor.times(&id(2)).map(|t| t.accepted_at), Some(Timestamp::from_millis(20)));
    assert_eq!(monitor.times(&id(3)).map(|t| t.accepted_at), None);
    assert_eq!(monitor.times(&id(1)).and_then(|t| t.fully_acked_at), None);
    monitor.on_fully_acked(Timestamp::from_millis(30), id(1));
    monitor.on_fully_acked(Timestamp::from_millis(40), id(2));
    monitor.on_fully_acked(Timestamp::from_millis(50), id(1));
    assert_eq!(
        monitor.times(&id(1)).and_then(|t| t.fully_acked_at),
        Some(Timestamp::from_millis(30))
    );
    assert_eq!(
        monitor.times(&id(2)).and_then(|t| t.fully_acked_at),
        Some(Timestamp::from_millis(40))
    );
    let _ = monitor.stop();
    assert_eq!(
        monitor.times(&id(1)).and_then(|t| t.fully_acked_at),
        Some(Timestamp::from_millis(30)),
        "kept"
    );
}

//= docs/spec/protocol.md#LIV-008
//= type=test
#[test]
fn what_is_missing_at_the_end_is_reported_once_more() {
    let timing = Timing::default();
    let mut monitor = AckMonitor::new(timing);
    // Identifiers fall while time rises: the order is that of acceptance.
    for (millis, number) in [(0, 9), (1, 8), (2, 7)] {
        let kind = BodyKind::Payload;
        monitor.on_accepted(Timestamp::from_millis(millis), id(number), kind, true);
    }
    monitor.on_fully_acked(Timestamp::from_millis(3), id(8));
    let actions = monitor.handle_timeout(at(timing.fa_intv()), &mut || 0);
    assert_eq!(actions, [AckAction::NotFullyAcked(id(9)), AckAction::Resend(id(9))]);
    assert_eq!(monitor.stop(), [id(9), id(7)], "the one that was reported before, too");
    assert_eq!(monitor.stop(), [], "once");
}

#[test]
fn a_late_call_does_everything_in_the_order_in_which_it_was_due() {
    let timing = Timing::default();
    let mut monitor = AckMonitor::new(timing);
    monitor.on_accepted(Timestamp::ZERO, id(5), BodyKind::Payload, true);
    monitor.on_accepted(at(timing.bc_lat()), id(4), BodyKind::Payload, false);
    // Acks of message 4 are due at 21 s, warnings at 26 s and 31 s.
    assert_eq!(
        monitor.handle_timeout(at(timing.fa_intv() * 100), &mut || 0),
        [
            AckAction::SendAck,
            AckAction::NotFullyAcked(id(5)),
            AckAction::NotFullyAcked(id(4)),
            AckAction::Resend(id(5)),
        ],
        "one packet at a time is sent again"
    );
}
