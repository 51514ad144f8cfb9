//! The one line that people read.

use mpenc_transcript::{LogError, MessageLog, NoContext};
use mpenc_types::SubsessionId;

use crate::support::*;

const FIRST: SubsessionId = SubsessionId::new([1; 32]);
const SECOND: SubsessionId = SubsessionId::new([2; 32]);

/// Puts the payloads of a story into a log, given the context of its subsession.
fn publish(log: &mut MessageLog, story: &Story, sid: SubsessionId, context: &str) {
    for message in story.0.iter().filter(|message| message.has_content()) {
        let parents = MessageLog::or_context(message.effective_parents().collect(), &ids(context));
        log.push(sid, message.id(), &parents).unwrap();
    }
}

//= docs/spec/protocol.md#TRN-033
//= type=test
//= docs/spec/protocol.md#TRN-034
//= type=test
#[test]
fn the_log_has_the_payloads_in_order_of_delivery() {
    let mut story = Story::of("a b");
    story.say("a1", "", PAYLOAD);
    story.say("b1", "a1", ACK);
    story.say("b2", "b1", PAYLOAD);
    story.say("a2", "a1", PAYLOAD);
    let mut log = MessageLog::new();
    assert!(log.is_empty());
    publish(&mut log, &story, FIRST, "");
    let order: Vec<_> = log.entries().map(|entry| entry.id).collect();
    assert_eq!(order, ids("a1 b2 a2"));
    let before = log.clone();
    assert_eq!(log.push(FIRST, id("a1"), &[]), Err(LogError::Duplicate));
    assert_eq!(log.push(SECOND, id("a1"), &[]), Err(LogError::Duplicate));
    let unknown = log.push(FIRST, id("a3"), &ids("a2 x"));
    assert_eq!(unknown, Err(LogError::UnknownParent(id("x"))), "never before its parents");
    assert_eq!(log, before);
}

//= docs/spec/protocol.md#TRN-035
//= type=test
#[test]
fn messages_without_content_are_skipped_without_losing_order() {
    // The example of the requirement: O←A, A←C(ack), A←B, {B,C}←D(ack), D←E.
    let mut story = Story::of("a b c d e o");
    story.say("o", "", PAYLOAD);
    story.say("a", "o", PAYLOAD);
    story.say("c", "a", ACK);
    story.say("b", "a", PAYLOAD);
    story.say("d", "b c", ACK);
    story.say("e", "d", PAYLOAD);
    assert_eq!(story.0.effective_parents(&id("e")).unwrap(), ids("b"));
    assert_eq!(story.0.effective_parents(&id("d")).unwrap(), ids("b"), "of an ack too");
    assert_eq!(story.0.effective_parents(&id("b")).unwrap(), ids("a"));
    assert_eq!(story.0.effective_parents(&id("o")).unwrap(), []);
}

#[test]
fn effective_parents_survive_that_messages_are_closed() {
    let mut story = Story::of("a b c");
    story.say("a1", "", PAYLOAD);
    // c answers a1 without having seen more; meanwhile everything else is closed.
    story.say("c1", "a1", ACK);
    story.say("b1", "a1", PAYLOAD);
    story.say("c2", "c1 b1", ACK);
    story.say("a2", "b1", ACK);
    story.say("b2", "a2 c2", ACK);
    story.say("a3", "b2", ACK);
    story.say("c3", "b2", ACK);
    assert!(story.0.is_closed(&id("b1")) && story.0.is_closed(&id("c1")));
    story.say("b3", "a3 c3", PAYLOAD);
    assert_eq!(story.0.effective_parents(&id("b3")).unwrap(), ids("b1"));
    // Of closed messages that keep no vector the frontier is remembered.
    assert_eq!(story.0.effective_parents(&id("c2")).unwrap(), ids("b1"));
    assert_eq!(story.0.maximal_payloads(&ids("c1 c2")), Ok(ids("b1")));
    assert_eq!(story.0.maximal_payloads(&ids("c1")), Ok(ids("a1")));
}

//= docs/spec/protocol.md#TRN-036
//= type=test
#[test]
fn the_first_payload_after_a_change_follows_the_last_before_it() {
    let mut old = Story::of("a b");
    old.say("a1", "", PAYLOAD);
    old.say("a2", "a1", PAYLOAD);
    old.say("b1", "a1", PAYLOAD);
    old.say("b2", "b1", FIN);
    let mut log = MessageLog::new();
    publish(&mut log, &old, FIRST, "");
    // The initial packet named the heads a2 and b2.
    let context = old.0.maximal_payloads(&ids("a2 b2")).unwrap();
    assert_eq!(context, ids("a2 b1"));

    let mut new = Story::of("a b c");
    new.say("a3", "", PAYLOAD);
    new.say("c1", "a3", PAYLOAD);
    publish(&mut log, &new, SECOND, "a2 b1");
    assert_eq!(log.parents(&id("a3")), ids("a2 b1"));
    assert_eq!(log.parents(&id("c1")), ids("a3"));
    assert_eq!(log.get(&id("c1")).unwrap().subsession, SECOND);

    // For a newcomer the session begins here.
    let mut newcomer = MessageLog::new();
    publish(&mut newcomer, &new, SECOND, "");
    assert_eq!(newcomer.parents(&id("a3")), []);
}

#[test]
fn a_context_that_has_not_arrived_is_named() {
    let mut old = Story::of("a b");
    old.say("a1", "", PAYLOAD);
    assert_eq!(old.0.maximal_payloads(&ids("a1 b1")), Err(NoContext::Missing(ids("b1"))));
    old.say("b1", "a1", PAYLOAD);
    assert_eq!(old.0.maximal_payloads(&ids("b1")), Ok(ids("b1")));
    assert_eq!(old.0.maximal_payloads(&[]), Ok(vec![]));
}

//= docs/spec/protocol.md#TRN-038
//= type=test
//= docs/spec/protocol.md#TRN-039
//= type=test
#[test]
fn a_message_that_does_not_answer_the_one_before_is_highlighted() {
    fn check(log: &mut MessageLog, name: &str, parents: &str, par_idx: &[usize], highlight: bool) {
        let place = log.push(FIRST, id(name), &ids(parents)).unwrap();
        assert_eq!(place.r_idx, 0);
        assert_eq!(place.par_idx.iter().copied().collect::<Vec<_>>(), par_idx, "{name}");
        assert_eq!(place.highlight(), highlight, "{name}");
        assert_eq!(log.get(&id(name)).unwrap().place, place);
    }
    let mut log = MessageLog::new();
    check(&mut log, "o", "", &[], false);
    check(&mut log, "a", "o", &[1], false);
    check(&mut log, "b", "o", &[2], true);
    check(&mut log, "c", "b a", &[1, 2], true);
    check(&mut log, "d", "c", &[1], false);
    check(&mut log, "e", "", &[], true);
}

//= docs/spec/protocol.md#TRN-040
//= type=test
#[test]
fn the_log_can_be_asked() {
    let mut log = MessageLog::new();
    for (name, parents) in [("a", ""), ("b", "a"), ("c", "a"), ("d", "c b")] {
        log.push(FIRST, id(name), &ids(parents)).unwrap();
    }
    assert_eq!(log.len(), 4);
    assert_eq!((log.id_at(0), log.id_at(3), log.id_at(4)), (Some(id("a")), Some(id("d")), None));
    assert_eq!((log.id_at(-1), log.id_at(-4)), (Some(id("d")), Some(id("a"))));
    assert_eq!((log.id_at(-5), log.id_at(isize::MIN)), (None, None));
    assert_eq!((log.index_of(&id("c")), log.index_of(&id("x"))), (Some(2), None));
    assert!(log.contains(&id("c")) && !log.contains(&id("x")));
    assert_eq!(log.parents(&id("d")), ids("b c"), "in the order of the log");
    assert_eq!(log.parents(&id("x")), []);
    let cut = |start, end| log.slice(start, end).map(|e| e.id).collect::<Vec<_>>();
    assert_eq!(cut(1, 3), ids("b c"));
    assert_eq!(cut(2, usize::MAX), ids("c d"));
    assert_eq!(cut(3, 1), []);
    assert_eq!(log.in_order(ids("d x a d")), ids("a d"));

    let mut story = Story::of("a b");
    story.say("b1", "", PAYLOAD);
    story.say("a1", "", PAYLOAD);
    assert_eq!(story.0.would_be_parents(), ids("b1 a1"), "in the order of acceptance");
    story.say("a2", "a1 b1", ACK);
    assert_eq!(story.0.would_be_parents(), ids("b1 a1"));
    story.say("b2", "a2", PAYLOAD);
    assert_eq!(story.0.would_be_parents(), ids("b2"));
}
