//! What enters the transcript and what is refused, for which reason.

use mpenc_transcript::{Deferral, Entry, TranscriptReject};

use crate::support::*;

//= docs/spec/protocol.md#TRN-001
//= type=test
//= docs/spec/protocol.md#TRN-006
//= type=test
//= docs/spec/attacks.md#ATK-115
//= type=test
#[test]
fn a_message_needs_its_parents() {
    let mut story = Story::of("a b c");
    story.say("a1", "", PAYLOAD);
    let reject = story.refuse("b1", "x1 a1 x2");
    assert_eq!(reject, TranscriptReject::MissingParents(ids("x1 x2")));
    assert_eq!(story.0.missing_parents(&ids("x1 a1 x2")), ids("x1 x2"));
    assert_eq!(story.0.len(), 1);
}

//= docs/spec/protocol.md#TRN-002
//= type=test
#[test]
fn the_order_is_reflexive_antisymmetric_and_transitive() {
    let mut story = Story::of("a b c");
    story.say("a1", "", PAYLOAD);
    story.say("b1", "a1", PAYLOAD);
    story.say("c1", "b1", PAYLOAD);
    story.say("a2", "a1", PAYLOAD);
    let le = |x: &str, y: &str| story.0.is_ancestor_or_equal(&id(x), &id(y)) == Ok(true);
    for x in ["a1", "b1", "c1", "a2"] {
        assert!(le(x, x));
    }
    assert!(le("a1", "b1") && le("b1", "c1") && le("a1", "c1"));
    assert!(!le("b1", "a1") && !le("c1", "a1"));
    assert!(!le("a2", "c1") && !le("c1", "a2"));
    assert!(!le("a1", "unknown") && !le("unknown", "a1") && !le("unknown", "unknown"));
}

//= docs/spec/protocol.md#TRN-004
//= type=test
#[test]
fn own_messages_have_the_heads_as_parents_and_pass_the_same_checks() {
    let mut story = Story::of("a b c");
    story.say("a1", "", PAYLOAD);
    story.say("b1", "", PAYLOAD);
    story.say("c1", "a1", PAYLOAD);
    // Most recently accepted first.
    assert_eq!(story.0.heads(), ids("c1 b1"));
    let heads = story.0.heads().to_vec();
    let me = member("a");
    let own = Entry { id: id("a2"), author: &me, parents: &heads, kind: PAYLOAD };
    assert_eq!(story.0.accept(own).unwrap().seq, 2);
    assert_eq!(story.0.heads(), ids("a2"));
    // Accepted at once: the next own message follows it.
    assert!(story.0.contains(&id("a2")));
}

//= docs/spec/protocol.md#TRN-005
//= type=test
//= docs/spec/attacks.md#ATK-111
//= type=test
//= docs/spec/attacks.md#ATK-115
//= type=test
#[test]
fn a_message_is_not_its_own_parent() {
    let mut story = Story::of("a b");
    story.say("a1", "", PAYLOAD);
    assert_eq!(story.refuse("b1", "a1 b1"), TranscriptReject::SelfParent);
    // Not deferred either: no waiting would help.
    assert_eq!(story.refuse("b1", "b1 unknown"), TranscriptReject::SelfParent);
}

//= docs/spec/protocol.md#TRN-007
//= type=test
//= docs/spec/attacks.md#ATK-111
//= type=test
//= docs/spec/attacks.md#ATK-109
//= type=test
#[test]
fn parents_form_an_antichain() {
    let mut story = Story::of("a b c");
    story.say("a1", "", PAYLOAD);
    story.say("b1", "a1", PAYLOAD);
    story.say("a2", "a1", PAYLOAD);
    let implied = |name: &str| TranscriptReject::NotAntichain { redundant: id(name) };
    assert_eq!(story.refuse("c1", "b1 a1"), implied("a1"), "an ancestor of another parent");
    assert_eq!(story.refuse("c1", "a1 b1"), implied("a1"), "whatever their order");
    assert_eq!(story.refuse("c1", "a1 a2"), implied("a1"), "two by one author");
    assert_eq!(story.refuse("c1", "b1 b1"), implied("b1"), "one of them twice");
    story.say("c1", "b1 a2", PAYLOAD);
}

//= docs/spec/attacks.md#ATK-112
//= type=test
#[test]
fn more_parents_than_members_are_too_many() {
    let mut story = Story::of("a b");
    story.say("a1", "", PAYLOAD);
    let expect = TranscriptReject::TooManyParents { found: 3, max: 2 };
    assert_eq!(story.refuse("b1", "a1 x y"), expect, "refused without waiting for x and y");
}

//= docs/spec/protocol.md#TRN-008
//= type=test
//= docs/spec/protocol.md#TRN-022
//= type=test
//= docs/spec/attacks.md#ATK-111
//= type=test
//= docs/spec/attacks.md#ATK-110
//= type=test
#[test]
fn an_author_that_ignores_its_own_last_message_has_forked() {
    let mut story = Story::of("a b");
    story.say("a1", "", PAYLOAD);
    story.say("b1", "a1", PAYLOAD);
    story.say("b2", "b1", PAYLOAD);
    let fork = |first: &str| TranscriptReject::AuthorFork { first: id(first) };
    assert_eq!(story.refuse("b3", "b1"), fork("b2"), "another child of an older own message");
    assert_eq!(story.refuse("b3", "a1"), fork("b2"), "a context from before its own messages");
    assert_eq!(story.refuse("b3", ""), fork("b2"), "no context at all");
    assert_eq!(story.0.last(&member("b")), Some(id("b2")), "the first stays");
    // Its own last message may lie behind somebody else's.
    story.say("a2", "b2", PAYLOAD);
    story.say("b3", "a2", PAYLOAD);
}

#[test]
fn a_fork_is_reported_as_one_even_if_more_is_wrong() {
    let mut story = Story::of("a b");
    story.say("a1", "", PAYLOAD);
    story.say("b1", "a1", PAYLOAD);
    story.say("a2", "b1", PAYLOAD);
    story.say("b2", "a2", PAYLOAD);
    story.say("a3", "b2", PAYLOAD);
    assert!(story.0.is_closed(&id("a1")));
    let fork = TranscriptReject::AuthorFork { first: id("b2") };
    assert_eq!(story.refuse("b3", "a1"), fork, "not just a closed parent");
    assert_eq!(story.refuse("b3", "a2 b1"), fork, "not just parents that are no antichain");
}

//= docs/spec/protocol.md#TRN-009
//= type=test
//= docs/spec/attacks.md#ATK-121
//= type=test
#[test]
fn strangers_do_not_write() {
    let mut story = Story::of("a b");
    assert_eq!(story.refuse("x1", ""), TranscriptReject::NotAMember);
    story.say("a1", "", PAYLOAD);
    assert_eq!(story.0.get(&id("a1")).unwrap().readers(), members("b"));
}

/// Identifiers are hashes, so nobody can make such messages; were there any, none would count.
//= docs/spec/attacks.md#ATK-115
//= type=test
#[test]
fn messages_that_name_each_other_wait_for_ever() {
    let mut story = Story::of("a b");
    story.say("a1", "", PAYLOAD);
    let before = story.0.clone();
    let mut deferral = Deferral::new(2);
    for (name, parent) in [("b1", "b2"), ("b2", "b1")] {
        let TranscriptReject::MissingParents(missing) = story.refuse(name, parent) else {
            panic!("{name} was judged")
        };
        deferral.insert(member("b"), id(name), &missing, ()).unwrap();
    }
    assert_eq!(deferral.release(&id("a1")), []);
    assert_eq!((deferral.len(), &story.0), (2, &before));
}

//= docs/spec/protocol.md#TRN-011
//= type=test
//= docs/spec/attacks.md#ATK-110
//= type=test
#[test]
fn closed_messages_are_no_parents() {
    let mut story = Story::of("a b c");
    story.say("a1", "", PAYLOAD);
    story.say("b1", "a1", PAYLOAD);
    story.say("a2", "b1", PAYLOAD);
    story.say("c1", "b1", ACK);
    assert!(story.0.is_closed(&id("a1")));
    let closed = TranscriptReject::ClosedParent(id("a1"));
    assert_eq!(story.refuse("c2", "c1 a1"), closed);
    // Known at once, without waiting for the unknown parent.
    assert_eq!(story.refuse("c2", "a1 unknown"), closed);
}

//= docs/spec/protocol.md#TRN-024
//= type=test
//= docs/spec/protocol.md#TRN-025
//= type=test
//= docs/spec/attacks.md#ATK-116
//= type=test
#[test]
fn identifiers_are_remembered_for_ever() {
    let mut story = Story::of("a b");
    story.say("a1", "", PAYLOAD);
    assert_eq!(story.refuse("a1", ""), TranscriptReject::Duplicate);
    for round in 2..100 {
        story.say(&format!("b{round}"), &format!("a{}", round - 1), PAYLOAD);
        story.say(&format!("a{round}"), &format!("b{round}"), PAYLOAD);
    }
    assert!(story.0.is_closed(&id("a1")));
    // A replay is a duplicate, not a fork.
    assert_eq!(story.refuse("a1", ""), TranscriptReject::Duplicate);
}

#[test]
fn reasons_are_told_in_one_line() {
    let all = [
        TranscriptReject::Duplicate,
        TranscriptReject::NotAMember,
        TranscriptReject::SelfParent,
        TranscriptReject::TooManyParents { found: 4, max: 3 },
        TranscriptReject::MissingParents(ids("x y")),
        TranscriptReject::AuthorFork { first: id("a1") },
        TranscriptReject::ClosedParent(id("a1")),
        TranscriptReject::NotAntichain { redundant: id("a1") },
        TranscriptReject::Full,
    ];
    insta::assert_snapshot!(all.map(|reject| reject.to_string()).join("\n"), @r"
    accepted before (TRN-024)
    author is not a member of the subsession (TRN-009)
    names itself as parent (TRN-005)
    at most 3 parents expected, found 4 (TRN-007)
    2 parents have not arrived (TRN-001)
    does not follow its author's last message 6131 (TRN-022)
    names the closed message 6131 as parent (TRN-011)
    parent 6131 is implied by another parent (TRN-007)
    the transcript is full
    ");
}
