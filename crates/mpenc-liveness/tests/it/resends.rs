//! When a packet that is not fully acknowledged is sent again, and when not.

use core::time::Duration;

use mpenc_liveness::{AckAction, AckMonitor, Timing};
use mpenc_types::{BodyKind, Timestamp};

use crate::{TICK, at, id};

/// The moments until `end` at which the monitor wants the message to be sent again.
fn resends(monitor: &mut AckMonitor, end: Duration, random: u32) -> Vec<Duration> {
    let mut found = Vec::new();
    while let Some(now) = monitor.next_deadline().filter(|due| *due <= at(end)) {
        for action in monitor.handle_timeout(now, &mut || random) {
            if let AckAction::Resend(_) = action {
                found.push(now.since(Timestamp::ZERO));
            }
        }
    }
    found
}

fn secs(secs: &[u64]) -> Vec<Duration> {
    secs.iter().map(|secs| Duration::from_secs(*secs)).collect()
}

fn monitor(own: bool) -> AckMonitor {
    let mut monitor = AckMonitor::new(Timing::default());
    monitor.on_accepted(Timestamp::ZERO, id(1), BodyKind::Payload, own);
    monitor
}

//= docs/spec/protocol.md#LIV-015
//= type=test
#[test]
fn intervals_double_up_to_the_longest() {
    let end = Duration::from_secs(1_400);
    // FA_INTV is 26 s, RESEND_BASE 5 s, RESEND_MAX 320 s.
    let expected = secs(&[26, 31, 41, 61, 101, 181, 341, 661, 981, 1_301]);
    assert_eq!(resends(&mut monitor(true), end, 0), expected);
}

//= docs/spec/protocol.md#LIV-016
//= type=test
#[test]
fn others_than_the_author_resend_later_and_everybody_at_random_moments() {
    let end = Duration::from_secs(100);
    assert_eq!(resends(&mut monitor(false), end, 0), secs(&[31, 36, 46, 66]));
    let spread = resends(&mut monitor(false), end, u32::MAX);
    let expected = [32_249, 38_498, 50_997, 75_996];
    assert_eq!(spread, expected.map(Duration::from_millis), "up to a quarter later");
}

//= docs/spec/protocol.md#LIV-015
//= type=test
#[test]
fn nothing_is_resent_once_everybody_has_it_or_the_end_has_come() {
    for stop in [false, true] {
        let mut monitor = monitor(true);
        assert_eq!(resends(&mut monitor, Duration::from_secs(32), 0).len(), 2);
        if stop {
            let _ = monitor.stop();
        } else {
            monitor.on_fully_acked(at(Duration::from_secs(32)), id(1));
        }
        assert_eq!(resends(&mut monitor, Duration::from_secs(4_000), 0), []);
        assert_eq!(monitor.next_deadline(), None);
    }
}

//= docs/spec/protocol.md#LIV-017
//= type=test
#[test]
fn a_copy_seen_a_moment_ago_takes_the_place_of_ours() {
    let mut monitor = monitor(true);
    monitor.on_copy(at(Duration::from_millis(23_501)), id(1));
    // The one at 26 s is left out, as another went by less than RESEND_THROTTLE before.
    assert_eq!(resends(&mut monitor, Duration::from_secs(45), 0), secs(&[31, 41]));
}

//= docs/spec/protocol.md#LIV-024
//= type=test
#[test]
fn a_pile_of_overdue_messages_goes_out_one_by_one_oldest_first() {
    let timing = Timing::default();
    let mut monitor = AckMonitor::new(timing);
    for number in 0..100 {
        monitor.on_accepted(Timestamp::ZERO, id(100 - number), BodyKind::Payload, true);
    }
    // Asleep for a day (ATK-133): no burst.
    let mut now = at(Duration::from_secs(86_400));
    let mut order = Vec::new();
    while order.len() < 100 {
        let actions = monitor.handle_timeout(now, &mut || 0);
        let sent = actions.iter().filter_map(|action| match action {
            AckAction::Resend(id) => Some(*id),
            AckAction::SendAck | AckAction::NotFullyAcked(_) => None,
        });
        let before = order.len();
        order.extend(sent);
        assert!(order.len() <= before + 1, "one at a time");
        now = now + timing.bc_lat() / 8;
    }
    let first_round: Vec<_> = (0..8).map(|number| id(100 - number)).collect();
    assert_eq!(order[..8], first_round);
}

/// What is not sent costs nothing, and what is sent costs what it is.
//= docs/spec/protocol.md#LIV-024
//= type=test
#[test]
fn only_what_goes_out_counts() {
    let timing = Timing::default();
    let share = timing.bc_lat() / 8;
    let mut monitor = AckMonitor::new(timing);
    for number in 1..=3 {
        monitor.on_accepted(Timestamp::ZERO, id(number), BodyKind::Payload, true);
    }
    let now = at(timing.fa_intv());
    let nothing = monitor.handle_timeout_where(now, &mut || 0, &|_| false);
    assert!(!nothing.iter().any(|action| matches!(action, AckAction::Resend(_))));
    assert!(monitor.may_send(now), "none of them");
    assert_eq!(monitor.copied_at(&id(1)), Some(Timestamp::ZERO), "not a copy");
    // At the next turn one of them may go.
    let later = at(timing.fa_intv() + timing.resend().unwrap().base);
    let resent = |actions: Vec<AckAction>| -> Vec<_> {
        let sent = actions.into_iter().filter(|action| matches!(action, AckAction::Resend(_)));
        sent.collect()
    };
    assert_eq!(resent(monitor.handle_timeout(later, &mut || 0)), [AckAction::Resend(id(1))]);
    assert!(monitor.may_send(later), "it has not gone yet");
    monitor.on_resent(later, id(1));
    assert_eq!(monitor.free_at(), later + share, "once");
    let next = monitor.next_deadline().unwrap();
    assert_eq!(next, later + share);
    assert_eq!(resent(monitor.handle_timeout(next, &mut || 0)), [AckAction::Resend(id(2))]);
}

/// With intervals so short that a share of them is no time at all, nothing stands still.
#[test]
fn the_shortest_latency_is_no_trouble() {
    let mut monitor = AckMonitor::new(Timing::new(Duration::ZERO, Duration::ZERO));
    for number in 1..=3 {
        monitor.on_accepted(Timestamp::ZERO, id(number), BodyKind::Payload, true);
    }
    assert!(!monitor.handle_timeout(at(Duration::from_secs(1)), &mut || 0).is_empty());
}

//= docs/spec/protocol.md#LIV-018
//= type=test
#[test]
fn an_answer_is_throttled_like_a_resend() {
    let timing = Timing::default();
    let mut monitor = AckMonitor::new(timing);
    let ack = BodyKind::ExplicitAck { manual: false };
    monitor.on_accepted(Timestamp::ZERO, id(1), ack, true);
    let throttle = timing.resend().unwrap().throttle;
    assert!(!monitor.may_answer(at(throttle - TICK), &id(1)), "it was sent a moment ago");
    assert!(monitor.may_answer(at(throttle), &id(1)));
    assert!(!monitor.may_answer(at(throttle), &id(2)), "unknown");
    monitor.on_resent(at(throttle), id(1));
    assert!(!monitor.may_answer(at(throttle), &id(1)));
    assert!(monitor.may_answer(at(throttle * 2), &id(1)));
}

//= docs/spec/protocol.md#LIV-023
//= type=test
#[test]
fn for_those_away_on_purpose_resending_slows_down_but_goes_on() {
    let mut monitor = monitor(true);
    assert_eq!(resends(&mut monitor, Duration::from_secs(26), 0), secs(&[26]));
    monitor.slow_down(at(Duration::from_secs(26)), &id(1));
    assert_eq!(resends(&mut monitor, Duration::from_secs(700), 0), secs(&[346, 666]));
    monitor.hurry(at(Duration::from_secs(700)));
    assert_eq!(resends(&mut monitor, Duration::from_secs(720), 0), secs(&[705, 710, 720]));
}

//= docs/spec/protocol.md#LIV-021
//= type=test
#[test]
fn what_is_done_is_remembered_for_another_full_ack_interval() {
    let timing = Timing::default();
    let mut monitor = monitor(true);
    monitor.on_fully_acked(at(Duration::from_secs(1)), id(1));
    let end = Duration::from_secs(1) + timing.fa_intv();
    assert_eq!(monitor.forget(at(end - TICK)), []);
    assert_eq!(monitor.forget(at(end)), [id(1)]);
    assert_eq!(monitor.times(&id(1)), None);
}

#[test]
fn an_interval_that_grew_counts_for_what_is_watched_already() {
    let timing = Timing::default();
    let mut monitor = monitor(true);
    let slower = timing.with_bc_lat(timing.bc_lat() * 2);
    monitor.set_timing(slower);
    assert_eq!(monitor.handle_timeout(at(timing.fa_intv()), &mut || 0), []);
    let due = monitor.handle_timeout(at(slower.fa_intv()), &mut || 0);
    assert_eq!(due.first(), Some(&AckAction::NotFullyAcked(id(1))));
}

#[test]
fn the_original_never_resends() {
    let mut monitor = AckMonitor::new(Timing::original(mpenc_liveness::Flow::default()));
    monitor.on_accepted(Timestamp::ZERO, id(1), BodyKind::Payload, true);
    assert_eq!(resends(&mut monitor, Duration::from_secs(100_000), 0), []);
    assert!(!monitor.may_answer(at(Duration::from_secs(1_000)), &id(1)));
}
