//! Who has acknowledged what.

use mpenc_types::MemberSet;

use crate::support::*;

//= docs/spec/protocol.md#TRN-026
//= type=test
#[test]
fn a_later_message_of_a_reader_is_its_ack() {
    let mut story = Story::of("a b c");
    story.say("a1", "", PAYLOAD);
    assert_eq!(story.0.unacked_by(&id("a1")), members("b c"));
    story.say("b1", "a1", PAYLOAD);
    assert_eq!(story.0.unacked_by(&id("a1")), members("c"));
    assert!(story.0.acked_by(&member("b"), &id("a1")));
    assert!(!story.0.acked_by(&member("c"), &id("a1")));
    assert!(!story.0.acked_by(&member("a"), &id("a1")), "authors are no readers");
    // Indirectly too, and an explicit ack is as good as a payload.
    story.say("c1", "b1", ACK);
    assert_eq!(story.0.unacked_by(&id("a1")), MemberSet::new());
    assert_eq!(story.0.unacked_by(&id("b1")), members("a"));
    assert_eq!(story.0.unacked_by(&id("unknown")), MemberSet::new());
    assert_eq!(story.0.seen(&member("a"), &member("c")), 1);
    assert_eq!(story.0.seen(&member("b"), &member("a")), 0);
    assert_eq!(story.0.seen(&member("a"), &member("x")), 0);
}

//= docs/spec/protocol.md#TRN-027
//= type=test
#[test]
fn full_acks_are_reported_once_and_in_order_of_acceptance() {
    let mut story = Story::of("a b c");
    story.say("b1", "", PAYLOAD);
    story.say("a1", "", PAYLOAD);
    story.say("b2", "b1 a1", PAYLOAD);
    assert_eq!(story.tell("a2", "b2", ACK).fully_acked, []);
    assert_eq!(story.tell("c1", "b2", ACK).fully_acked, ids("b1 a1 b2"));
    assert_eq!(story.tell("c2", "c1 a2", ACK).fully_acked, []);
    assert_eq!(story.0.unacked().collect::<Vec<_>>(), ids("a2 c1 c2"));
    assert!(story.0.is_fully_acked(&id("b2")) && !story.0.is_fully_acked(&id("a2")));
    assert!(!story.0.is_fully_acked(&id("unknown")));
}

//= docs/spec/protocol.md#TRN-030
//= type=test
#[test]
fn consistency_is_about_payloads() {
    let mut story = Story::of("a b");
    assert!(story.0.is_consistent());
    story.say("a1", "", CONSISTENCY);
    assert!(story.0.is_consistent(), "other messages do not matter");
    story.say("a2", "a1", PAYLOAD);
    assert!(!story.0.is_consistent());
    story.say("b1", "a2", ACK);
    assert!(story.0.is_consistent());
}

//= docs/spec/protocol.md#TRN-031
//= type=test
#[test]
fn a_message_is_closed_when_fully_acked_and_not_its_authors_last() {
    let mut story = Story::of("a b");
    story.say("a1", "", ACK);
    story.say("b1", "a1", ACK);
    assert!(story.0.is_fully_acked(&id("a1")) && !story.0.is_closed(&id("a1")));
    // It is its author's last, so the author may still follow it.
    story.say("a2", "b1", ACK);
    assert!(story.0.is_closed(&id("a1")));
    // b1 was acknowledged with a2 and becomes closed with b2.
    assert!(story.0.is_fully_acked(&id("b1")) && !story.0.is_closed(&id("b1")));
    story.say("b2", "a2", ACK);
    assert!(story.0.is_closed(&id("b1")));
    // What it said is still known.
    let b1 = story.0.get(&id("b1")).unwrap();
    assert_eq!((b1.seq(), b1.parents().collect::<Vec<_>>()), (1, ids("a1")));
    assert!(b1.is_closed() && b1.is_fully_acked());
}

#[test]
fn alone_everything_is_acknowledged_at_once() {
    let mut story = Story::of("a");
    assert_eq!(story.tell("a1", "", PAYLOAD).fully_acked, ids("a1"));
    assert_eq!(story.tell("a2", "a1", PAYLOAD).fully_acked, ids("a2"));
    assert!(story.0.is_consistent());
    assert_eq!(story.0.unacked().count(), 0);
}
