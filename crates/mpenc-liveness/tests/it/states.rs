//! The state diagram of a monitor (protocol.md section 8.5): every event in every state.

use mpenc_liveness::{AckAction, AckMonitor, Timing};
use mpenc_types::{BodyKind, Timestamp};

use crate::{at, id};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Overdue,
    Done,
    Stopped,
}

#[derive(Clone, Copy, Debug)]
enum Event {
    AcceptedAgain,
    FullAckInterval,
    FullyAcked,
    Stop,
}

/// A monitor of one own message, in this state.
fn monitor_in(state: State) -> AckMonitor {
    let timing = Timing::default();
    let mut monitor = AckMonitor::new(timing);
    monitor.on_accepted(Timestamp::ZERO, id(1), BodyKind::Payload, true);
    match state {
        State::Waiting => {}
        State::Overdue => {
            let _ = monitor.handle_timeout(at(timing.fa_intv()), &mut || 0);
        }
        State::Done => {
            monitor.on_fully_acked(Timestamp::ZERO, id(1));
        }
        State::Stopped => {
            let _ = monitor.stop();
        }
    }
    monitor
}

/// The state as it can be told from outside.
fn state_of(monitor: &AckMonitor) -> State {
    if monitor.times(&id(1)).and_then(|t| t.fully_acked_at).is_some() {
        State::Done
    } else if monitor.is_stopped() {
        State::Stopped
    } else if monitor.warned().any(|warned| warned == id(1)) {
        State::Overdue
    } else {
        State::Waiting
    }
}

/// What the monitor says about the message in answer to the event.
fn apply(monitor: &mut AckMonitor, event: Event) -> &'static str {
    let now = at(Timing::default().fa_intv() + Timing::default().bc_lat());
    let said = match event {
        Event::AcceptedAgain => {
            monitor.on_accepted(now, id(1), BodyKind::Payload, true);
            ""
        }
        Event::FullAckInterval => match monitor.handle_timeout(now, &mut || 0).as_slice() {
            [] => "",
            [AckAction::NotFullyAcked(_), AckAction::Resend(_)] => "warning, resend",
            [AckAction::Resend(_)] => "resend",
            _ => "something else",
        },
        Event::FullyAcked if monitor.on_fully_acked(now, id(1)) => "cancelled",
        Event::FullyAcked => "",
        Event::Stop if monitor.stop().is_empty() => "",
        Event::Stop => "final warning",
    };
    assert_eq!(
        monitor.times(&id(1)).map(|t| t.accepted_at),
        Some(Timestamp::ZERO),
        "the first acceptance counts"
    );
    said
}

//= docs/spec/protocol.md#LIV-025
//= type=test
#[test]
fn every_event_in_every_state() {
    use Event::{AcceptedAgain, FullAckInterval, FullyAcked, Stop};
    use State::{Done, Overdue, Stopped, Waiting};
    let table = [
        (Waiting, AcceptedAgain, Waiting, ""),
        (Waiting, FullAckInterval, Overdue, "warning, resend"),
        (Waiting, FullyAcked, Done, ""),
        (Waiting, Stop, Stopped, "final warning"),
        (Overdue, AcceptedAgain, Overdue, ""),
        (Overdue, FullAckInterval, Overdue, "resend"),
        (Overdue, FullyAcked, Done, "cancelled"),
        (Overdue, Stop, Stopped, "final warning"),
        (Done, AcceptedAgain, Done, ""),
        (Done, FullAckInterval, Done, ""),
        (Done, FullyAcked, Done, ""),
        (Done, Stop, Done, ""),
        (Stopped, AcceptedAgain, Stopped, ""),
        (Stopped, FullAckInterval, Stopped, ""),
        (Stopped, FullyAcked, Stopped, ""),
        (Stopped, Stop, Stopped, ""),
    ];
    for (before, event, after, said) in table {
        let mut monitor = monitor_in(before);
        assert_eq!(state_of(&monitor), before);
        assert_eq!(apply(&mut monitor, event), said, "{before:?}, {event:?}");
        assert_eq!(state_of(&monitor), after, "{before:?}, {event:?}");
    }
}

#[test]
fn nothing_happens_after_the_end() {
    let mut monitor = monitor_in(State::Stopped);
    monitor.on_accepted(Timestamp::ZERO, id(2), BodyKind::Payload, false);
    assert_eq!(monitor.times(&id(2)).map(|t| t.accepted_at), None);
    assert_eq!(monitor.next_deadline(), None);
    assert_eq!(monitor.handle_timeout(Timestamp::from_millis(u64::MAX), &mut || 0), []);
}

#[test]
fn unknown_messages_are_ignored() {
    let mut monitor = AckMonitor::new(Timing::default());
    assert!(!monitor.on_fully_acked(Timestamp::ZERO, id(1)));
    assert_eq!(monitor.times(&id(1)).and_then(|t| t.fully_acked_at), None);
}

//= docs/spec/protocol.md#LIV-002
//= type=test
//= docs/spec/attacks.md#ATK-132
//= type=test
#[test]
fn a_clock_that_jumps_back_makes_nothing_early_or_late() {
    let timing = Timing::default();
    let mut monitor = AckMonitor::new(timing);
    let start = Timestamp::from_millis(1_000_000);
    monitor.on_accepted(start, id(1), BodyKind::Payload, false);
    monitor.on_accepted(Timestamp::from_millis(5), id(2), BodyKind::Payload, true);
    assert_eq!(monitor.times(&id(2)).map(|times| times.accepted_at), Some(start));
    assert_eq!(monitor.handle_timeout(Timestamp::from_millis(6), &mut || 0), []);
    assert_eq!(monitor.next_deadline(), Some(start + timing.fa_intv()));
}
