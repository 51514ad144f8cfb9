//! What a transcript can be asked.

use mpenc_transcript::NoRecord;

use crate::support::*;

fn diamond() -> Story {
    let mut story = Story::of("a b c");
    story.say("a1", "", PAYLOAD);
    story.say("c1", "", PAYLOAD);
    story.say("b1", "a1", PAYLOAD);
    story.say("c2", "c1 a1", ACK);
    story.say("a2", "c2 b1", PAYLOAD);
    story
}

//= docs/spec/protocol.md#TRN-029
//= type=test
#[test]
fn the_graph_can_be_walked() {
    let story = diamond();
    let t = &story.0;
    assert!(t.contains(&id("b1")) && !t.contains(&id("b2")));
    assert_eq!(t.author(&id("b1")), Some(&member("b")));
    assert_eq!(t.kind(&id("c2")), Ok(ACK));
    assert_eq!(t.seq(&id("c2")), Some(2));
    assert_eq!(t.parents(&id("a2")).unwrap(), ids("c2 b1"), "in the order of the message");
    assert_eq!(t.children(&id("a1")).unwrap(), ids("b1 c2"));
    assert_eq!(t.children(&id("c1")).unwrap(), ids("c2"), "of its own author too");
    assert_eq!(t.children(&id("a2")).unwrap(), []);
    assert_eq!(t.heads(), ids("a2"));
    assert_eq!(t.minimal(), ids("a1 c1"));
    assert_eq!(t.by(&member("c")).collect::<Vec<_>>(), ids("c1 c2"));
    assert_eq!(t.by(&member("x")).count(), 0);
    assert_eq!(t.last(&member("a")), Some(id("a2")));
    assert_eq!(t.nth_by(&member("c"), 2), Ok(id("c2")));
    assert_eq!(t.last_before(&member("c"), &id("a2")), Ok(Some(id("c2"))));
    assert_eq!(t.last_before(&member("a"), &id("a2")), Ok(Some(id("a1"))), "strictly");
    assert_eq!(t.last_before(&member("c"), &id("b1")), Ok(None));
    assert_eq!(t.first_after(&member("a"), &id("c1")), Ok(Some(id("a2"))));
    assert_eq!(t.first_after(&member("a"), &id("a1")), Ok(Some(id("a2"))), "strictly");
    assert_eq!(t.first_after(&member("b"), &id("c1")), Ok(None));
    assert_eq!(t.unacked().collect::<Vec<_>>(), ids("c1 b1 c2 a2"));
    assert_eq!(t.iter().map(|m| m.id()).collect::<Vec<_>>(), ids("a1 c1 b1 c2 a2"));
    assert_eq!(t.len(), 5);
    assert!(!t.is_empty());
    assert_eq!(t.members(), &members("a b c"));
}

#[test]
fn what_is_unknown_has_no_answer() {
    let story = diamond();
    let (t, x) = (&story.0, id("x"));
    let unknown = NoRecord::Unknown;
    assert_eq!(t.get(&x).map(|_| ()), Err(unknown));
    assert!(t.author(&x).is_none() && t.seq(&x).is_none() && t.last(&member("x")).is_none());
    assert_eq!(t.kind(&x), Err(unknown));
    assert_eq!(t.parents(&x), Err(unknown));
    assert_eq!(t.children(&x), Err(unknown));
    assert_eq!(t.effective_parents(&x), Err(unknown));
    assert_eq!(t.has_content(&x), Err(unknown));
    assert_eq!(t.last_before(&member("a"), &x), Err(unknown));
    assert_eq!(t.first_after(&member("a"), &x), Err(unknown));
    assert_eq!(t.first_after(&member("x"), &id("a1")), Err(unknown));
    assert_eq!(t.is_ancestor_or_equal(&x, &id("a1")), Err(unknown));
    assert_eq!(t.nth_by(&member("a"), 3), Err(unknown));
    assert!(!t.is_pruned(&x) && !t.is_closed(&x) && !t.acked_by(&member("a"), &x));
    assert!(!t.acked_by(&member("x"), &id("a1")));
}

#[test]
fn printing_a_message_shows_no_more_than_its_place() {
    let story = diamond();
    insta::assert_snapshot!(format!("{:?}", story.0.get(&id("c2")).unwrap()), @"Message { id: MessageId(6332), author: MemberId(c), seq: 2, kind: ExplicitAck { manual: false }, .. }");
}
