//! What others do at the same time, or against the rules, and what a session makes of it.

use mpenc::{Disposition, MemberSet, Notice, RejectReason, SessionState};

use crate::world::{World, id, set};

#[test]
fn a_request_that_others_fulfil_meanwhile_ends_well() {
    //= docs/spec/protocol.md#SES-023
    //= type=test
    let names = ["alice", "bob", "carol", "dave"];
    let nobody = MemberSet::new();
    let mut world = World::new(&names);
    world.establish(&["alice", "bob"]);
    for name in ["carol", "dave"] {
        world.act(name, |s, env| s.join(env)).unwrap();
    }
    world.settle();
    // Alice's operation is under way when Bob asks for something that overlaps with it.
    world.act("alice", |s, env| s.change(env, &set(&["carol"]), &nobody)).unwrap();
    world.deliver(&id("alice"));
    world.deliver(&id("bob"));
    let overlapping =
        world.act("bob", |s, env| s.change(env, &set(&["carol", "dave"]), &nobody)).unwrap();
    world.settle();
    world.pass_secs(30);
    assert_eq!(world.member("bob").ended[&overlapping], Ok(()));
    world.assert_agree(&names);
}

#[test]
fn an_author_that_contradicts_itself_ends_the_subsession_but_not_the_session() {
    //= docs/spec/protocol.md#SEC-021
    //= type=test
    //= docs/spec/protocol.md#TRN-022
    //= type=test
    //= docs/spec/protocol.md#TRN-023
    //= type=test
    let names = ["alice", "bob", "mallory"];
    let mut world = World::new(&names);
    world.establish(&names);
    world.pass_secs(60);
    // Two worlds from the same seeds: Mallory says one thing in each, from the same position.
    let mut twin = World::new(&names);
    twin.establish(&names);
    twin.pass_secs(60);
    world.say("mallory", "I love you all");
    twin.say("mallory", "I love only Bob");
    let (_, other) = twin.packets.last().unwrap().clone();
    assert_eq!(world.inject("bob", "mallory", &other), Disposition::Rejected(RejectReason::Fork));
    let bob = world.member("bob");
    assert!(
        bob.notices
            .iter()
            .any(|n| matches!(n, Notice::AuthorFork { author, .. } if *author == id("mallory"))),
        "{:?}",
        bob.warnings()
    );
    assert_eq!(bob.session.state(), SessionState::Error);
    assert!(world.act("bob", |s, env| s.send(env, "what?")).is_err());
    // A copy is not reported again.
    let before = world.member("bob").notices.len();
    assert_eq!(world.inject("bob", "mallory", &other), Disposition::Ignored);
    assert_eq!(world.member("bob").notices.len(), before);
    // The way out: exclude the offender.
    let op =
        world.act("bob", |s, env| s.change(env, &MemberSet::new(), &set(&["mallory"]))).unwrap();
    world.settle();
    assert_eq!(world.member("bob").ended[&op], Ok(()));
    world.assert_agree(&["alice", "bob"]);
    world.say("bob", "without mallory");
    assert_eq!(world.texts("alice").last().unwrap(), "without mallory");
    assert!(!world.session("bob").is_consistent());
}
