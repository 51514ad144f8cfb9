//! What a FIN means for the graph.

use crate::support::*;

//= docs/spec/protocol.md#TRN-010
//= type=test
//= docs/spec/protocol.md#FIN-004
//= type=test
#[test]
fn a_payload_after_the_authors_fin_stays_hidden() {
    let mut story = Story::of("a b");
    story.say("a1", "", PAYLOAD);
    assert!(!story.tell("a2", "a1", FIN).after_fin);
    assert!(!story.tell("a3", "a2", ACK).after_fin, "acks are allowed");
    let hidden = story.tell("a4", "a3", PAYLOAD);
    assert!(hidden.after_fin);
    assert_eq!(story.0.has_content(&id("a4")), Ok(false));
    assert_eq!(story.0.has_content(&id("a1")), Ok(true));
    assert_eq!(story.0.kind(&id("a4")), Ok(PAYLOAD));
    // Others may refer to it, and are shown; what they answer is the last message that is shown.
    story.say("b1", "a4", PAYLOAD);
    assert_eq!(story.0.has_content(&id("b1")), Ok(true), "another author's FIN does not bind");
    assert_eq!(story.0.effective_parents(&id("b1")).unwrap(), ids("a1"));
    // It does not count for consistency.
    story.say("a5", "b1", ACK);
    assert!(story.0.is_consistent());
    story.say("a6", "a5", PAYLOAD);
    assert!(story.0.is_consistent());
}

//= docs/spec/protocol.md#FIN-017
//= type=test
#[test]
fn two_fins_in_direct_succession_announce_departure() {
    let mut story = Story::of("a b");
    assert!(!story.tell("a1", "", PAYLOAD).leave_intent);
    assert!(!story.tell("a2", "a1", FIN).leave_intent, "a single FIN only ends the subsession");
    assert!(story.tell("a3", "a2", FIN).leave_intent);
    // One author's FIN after another's is no departure.
    assert!(!story.tell("b1", "a3", FIN).leave_intent);
    // Nor one with something between.
    story.say("b2", "b1", ACK);
    assert!(!story.tell("b3", "b2", FIN).leave_intent);
    // Nor one that has more parents.
    story.say("a4", "a3", ACK);
    assert!(!story.tell("b4", "b3 a4", FIN).leave_intent);
    assert!(!story.tell("b5", "b4", ACK).leave_intent);
}
