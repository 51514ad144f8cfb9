//! When the owner has to acknowledge what others wrote.

use mpenc_liveness::{AckAction, AckMonitor, Flow, Timing};
use mpenc_types::{BodyKind, Timestamp};

use crate::{TICK, at, id};

const AUTO: BodyKind = BodyKind::ExplicitAck { manual: false };
const MANUAL: BodyKind = BodyKind::ExplicitAck { manual: true };
const REQUEST: BodyKind = BodyKind::Consistency { close: false };
const FIN: BodyKind = BodyKind::Consistency { close: true };

/// Expects one ack, due `delay` after a message of this kind by somebody else.
fn check_delay(timing: Timing, kind: BodyKind, delay: core::time::Duration) {
    let mut monitor = AckMonitor::new(timing);
    monitor.on_accepted(Timestamp::ZERO, id(1), kind, false);
    assert_eq!(monitor.next_deadline(), Some(at(delay)), "{kind:?}");
    assert_eq!(monitor.handle_timeout(at(delay - TICK), &mut || 0), [], "{kind:?}: early");
    assert_eq!(monitor.handle_timeout(at(delay), &mut || 0), [AckAction::SendAck], "{kind:?}");
    monitor.on_accepted(at(delay), id(2), AUTO, true);
    assert_eq!(
        monitor.handle_timeout(at(timing.fa_intv() - TICK), &mut || 0),
        [],
        "{kind:?}: once"
    );
}

//= docs/spec/protocol.md#LIV-009
//= type=test
#[test]
fn an_ack_is_due_auto_ack_after_the_message() {
    let timing = Timing::default();
    for kind in [
        BodyKind::Payload,
        BodyKind::Heartbeat,
        BodyKind::Absence { away: true },
        BodyKind::Error,
        BodyKind::Part,
        BodyKind::Opaque(0x7f),
    ] {
        check_delay(timing, kind, timing.auto_ack());
    }
}

//= docs/spec/protocol.md#LIV-010
//= type=test
#[test]
fn consistency_messages_are_acknowledged_promptly() {
    let timing = Timing::default();
    // Keys wait for the ack of a Close (FIN-023).
    for kind in [REQUEST, FIN, BodyKind::OrderConfirmation, BodyKind::Close] {
        check_delay(timing, kind, timing.prompt_ack().unwrap());
    }
}

#[test]
fn the_original_waits_equally_for_every_kind() {
    let timing = Timing::original(Flow::default());
    for kind in [BodyKind::Payload, REQUEST, FIN] {
        check_delay(timing, kind, timing.fa_intv() - timing.bc_lat());
    }
}

#[test]
fn a_request_hastens_the_ack_that_is_pending() {
    let timing = Timing::default();
    let mut monitor = AckMonitor::new(timing);
    monitor.on_accepted(Timestamp::ZERO, id(1), BodyKind::Payload, false);
    let later = at(timing.bc_lat());
    monitor.on_accepted(later, id(2), REQUEST, false);
    assert_eq!(monitor.next_deadline(), Some(later + timing.prompt_ack().unwrap()));
    // And a payload after it does not delay it again.
    monitor.on_accepted(later, id(3), BodyKind::Payload, false);
    assert_eq!(monitor.next_deadline(), Some(later + timing.prompt_ack().unwrap()));
}

//= docs/spec/protocol.md#LIV-004
//= type=test
#[test]
fn explicit_acks_are_known_but_cause_nothing() {
    for own in [false, true] {
        for kind in [AUTO, MANUAL] {
            let mut monitor = AckMonitor::new(Timing::default());
            monitor.on_accepted(Timestamp::ZERO, id(1), kind, own);
            assert_eq!(monitor.next_deadline(), None);
            assert_eq!(monitor.handle_timeout(Timestamp::from_millis(u64::MAX), &mut || 0), []);
            assert_eq!(monitor.times(&id(1)).map(|t| t.accepted_at), Some(Timestamp::ZERO));
            assert_eq!(monitor.stop(), []);
        }
    }
}

//= docs/spec/protocol.md#LIV-006
//= type=test
#[test]
fn any_own_message_acknowledges_everything_before_it() {
    for own in [BodyKind::Payload, AUTO, MANUAL, REQUEST, FIN] {
        let timing = Timing::default();
        let mut monitor = AckMonitor::new(timing);
        monitor.on_accepted(Timestamp::ZERO, id(1), BodyKind::Payload, false);
        monitor.on_accepted(at(TICK), id(2), FIN, false);
        monitor.on_accepted(at(TICK * 2), id(3), own, true);
        let actions = monitor.handle_timeout(at(timing.auto_ack() * 10), &mut || 0);
        assert!(!actions.contains(&AckAction::SendAck), "{own:?}: {actions:?}");
    }
}

//= docs/spec/protocol.md#LIV-011
//= type=test
//= docs/spec/attacks.md#ATK-138
//= type=test
#[test]
fn a_burst_needs_one_ack_due_with_the_first_message() {
    let timing = Timing::default();
    let mut monitor = AckMonitor::new(timing);
    for n in 0..100 {
        monitor.on_accepted(Timestamp::from_millis(n), id(n), BodyKind::Payload, false);
    }
    assert_eq!(monitor.next_deadline(), Some(at(timing.auto_ack())));
    assert_eq!(monitor.handle_timeout(at(timing.auto_ack()), &mut || 0), [AckAction::SendAck]);
    monitor.on_accepted(at(timing.auto_ack()), id(100), AUTO, true);
    assert_eq!(monitor.next_deadline(), Some(at(timing.fa_intv())), "only warnings remain");
}

//= docs/spec/protocol.md#LIV-012
//= type=test
#[test]
fn acks_are_still_due_after_the_owners_fin() {
    let timing = Timing::default();
    let mut monitor = AckMonitor::new(timing);
    monitor.on_accepted(Timestamp::ZERO, id(1), FIN, true);
    monitor.on_accepted(at(TICK), id(2), FIN, false);
    let due = at(TICK + timing.prompt_ack().unwrap());
    assert_eq!(monitor.handle_timeout(due, &mut || 0), [AckAction::SendAck]);
}

#[test]
fn an_ack_that_was_not_sent_stays_owed() {
    let timing = Timing::default();
    let mut monitor = AckMonitor::new(timing);
    monitor.on_accepted(Timestamp::ZERO, id(1), BodyKind::Payload, false);
    let due = at(timing.auto_ack());
    assert_eq!(monitor.handle_timeout(due, &mut || 0), [AckAction::SendAck]);
    assert_eq!(monitor.handle_timeout(due, &mut || 0), [], "twice at one moment");
    let again = due + timing.auto_ack();
    assert!(monitor.handle_timeout(again, &mut || 0).contains(&AckAction::SendAck));
}
