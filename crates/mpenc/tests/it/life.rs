//! From the outside in and out again: what is told on the way.

use mpenc::{BodyKind, ChangeError, Notice, SessionState};

use crate::world::{World, id, set};

fn states(world: &World, name: &str) -> Vec<SessionState> {
    let mut states = vec![SessionState::Parted];
    for notice in &world.member(name).notices {
        if let Notice::StateChanged { old, new } = notice {
            assert_eq!(states.last(), Some(old), "each change begins where the last one ended");
            assert_ne!(old, new);
            states.push(*new);
        }
    }
    states
}

#[test]
fn each_change_of_state_is_announced() {
    //= docs/spec/protocol.md#SES-001
    //= type=test
    //= docs/spec/protocol.md#SES-003
    //= type=test
    //= docs/spec/protocol.md#SES-028
    //= type=test
    let mut world = World::new(&["alice", "bob"]);
    assert_eq!(world.session("bob").state(), SessionState::Parted);
    world.act("alice", |s, env| s.join(env)).unwrap();
    world.settle();
    let join = world.act("bob", |s, env| s.join(env)).unwrap();
    assert_eq!(world.act("bob", |s, env| s.join(env)), Ok(join), "the same request");
    assert_eq!(world.session("bob").state(), SessionState::Joining);
    world.settle();
    world.act("alice", |s, env| s.change(env, &set(&["bob"]), &set(&[]))).unwrap();
    world.settle();
    assert_eq!(world.member("bob").ended[&join], Ok(()));
    let again = world.act("bob", |s, env| s.join(env)).unwrap();
    assert_eq!(world.member("bob").ended[&again], Ok(()), "it is in");
    world.act("bob", |s, env| s.part(env)).unwrap();
    assert_eq!(world.act("bob", |s, env| s.join(env)), Err(ChangeError::Busy));
    world.settle();
    world.pass_secs(30);
    let expect = [
        SessionState::Parted,
        SessionState::Joining,
        SessionState::Joined,
        SessionState::Parting,
        SessionState::Parted,
    ];
    assert_eq!(states(&world, "bob"), expect);
}

#[test]
fn alone_looks_like_outside() {
    //= docs/spec/protocol.md#MOD-002
    //= type=test
    let mut world = World::new(&["alice", "bob"]);
    assert_eq!(world.session("alice").members(), set(&["alice"]), "outside");
    world.act("alice", |s, env| s.join(env)).unwrap();
    assert_eq!(world.session("alice").members(), set(&["alice"]), "entering");
    world.settle();
    assert_eq!(world.session("alice").members(), set(&["alice"]), "alone");
    assert_eq!(world.session("alice").sid(), None);
    world.establish(&["alice", "bob"]);
    assert_eq!(world.session("alice").members(), set(&["alice", "bob"]));
    world.leave(&id("alice"));
    world.settle();
    assert_eq!(world.session("alice").members(), set(&["alice"]), "outside again");
    assert_eq!(world.session("alice").sid(), None);
}

#[test]
fn leaving_with_something_unacknowledged_is_said() {
    //= docs/spec/protocol.md#FIN-015
    //= type=test
    //= docs/spec/protocol.md#FIN-006
    //= type=test
    let names = ["alice", "bob"];
    let mut world = World::new(&names);
    world.establish(&names);
    world.pass_secs(60);
    world.members.get_mut(&id("bob")).unwrap().held = true;
    let lost = world.say("alice", "bob never acknowledges this");
    let before = world.member("alice").notices.len();
    world.leave(&id("alice"));
    world.settle();
    let told = &world.member("alice").notices[before..];
    let last_word =
        Notice::NotFullyAcked { id: lost, unacked_by: set(&["bob"]), last_word: true, away: false };
    let warned = told.iter().position(|notice| *notice == last_word).expect("a last word");
    let closed = told
        .iter()
        .position(|notice| matches!(notice, Notice::SubsessionClosed { consistent: false, .. }));
    assert!(warned < closed.expect("closed at once"));
    assert_eq!(world.session("alice").state(), SessionState::PartFailed);
    assert_eq!(world.session("alice").subsession_states().count(), 0);
}

#[test]
fn empty_text_is_an_acknowledgement_by_a_person() {
    //= docs/spec/protocol.md#LIV-013
    //= type=test
    let names = ["alice", "bob"];
    let mut world = World::new(&names);
    world.establish(&names);
    world.say("alice", "seen?");
    let ack = world.act("bob", |s, env| s.send(env, "")).unwrap();
    let manual = Some(BodyKind::ExplicitAck { manual: true });
    assert_eq!(world.session("bob").kind(&ack), manual);
    world.settle();
    assert_eq!(world.session("alice").kind(&ack), manual);
    assert_eq!(world.texts("alice"), ["seen?"], "it is not shown");
}

#[test]
fn what_is_said_of_a_message_follows_the_message() {
    //= docs/spec/protocol.md#SES-039
    //= type=test
    //= docs/spec/protocol.md#SES-041
    //= type=test
    let names = ["alice", "bob", "carol"];
    let mut world = World::new(&names);
    world.establish(&names);
    world.say("alice", "one");
    world.act("bob", |s, env| s.refresh(env)).unwrap();
    world.say("bob", "two");
    world.settle();
    world.say("carol", "three");
    world.pass_secs(100);
    for name in names {
        let notices = &world.member(name).notices;
        let ready = |wanted| {
            notices.iter().position(
                |notice| matches!(notice, Notice::MessageReady { id, .. } if *id == wanted),
            )
        };
        let mut acked = 0;
        for (at, notice) in notices.iter().enumerate() {
            if let Notice::MessageFullyAcked { id } = notice {
                assert!(ready(*id).expect("only what was shown") < at, "{name}");
                acked += 1;
            }
        }
        assert_eq!(acked, 3, "{name}: payloads, and nothing else");
        // The change comes before what is written after it.
        let third = ready(world.session(name).log().last().unwrap()).unwrap();
        let refreshed =
            notices.iter().position(|notice| matches!(notice, Notice::KeyRefreshed { .. }));
        assert!(refreshed.unwrap() < third, "{name}");
    }
}

#[test]
fn whoever_enters_during_an_operation_is_sent_away() {
    //= docs/spec/protocol.md#ORD-023
    //= type=test
    let mut world = World::new(&["alice", "bob", "carol", "dave"]);
    world.establish(&["alice", "bob"]);
    world.act("carol", |s, env| s.join(env)).unwrap();
    world.settle();
    world.act("alice", |s, env| s.change(env, &set(&["carol"]), &set(&[]))).unwrap();
    world.deliver(&id("alice"));
    world.deliver(&id("bob"));
    assert!(world.session("bob").operation().is_some());
    world.act("dave", |s, env| s.join(env)).unwrap();
    world.settle();
    world.assert_agree(&["alice", "bob", "carol"]);
    assert!(!world.channel.contains(&id("dave")), "it tries again later (SES-031)");
    let told = Notice::EnterRequest { member: id("dave") };
    assert!(world.member("bob").notices.contains(&told));
}

#[test]
fn a_packet_that_no_key_opens_is_reported() {
    //= docs/spec/protocol.md#MSG-015
    //= type=test
    //= docs/spec/protocol.md#MSG-016
    //= type=test
    let mut world = World::new(&["alice", "bob", "carol"]);
    world.establish(&["alice", "bob"]);
    // Long enough for what may have been before Bob.
    world.pass_secs(120);
    // Something of a session that Bob is not in.
    let mut other = World::new(&["alice", "carol"]);
    other.establish(&["alice", "carol"]);
    other.say("alice", "not for bob");
    let (_, foreign) = other.packets.last().unwrap().clone();
    let reports = |world: &World, name: &str| {
        let notices = &world.member(name).notices;
        notices.iter().filter(|notice| matches!(notice, Notice::NotDecrypted { .. })).count()
    };
    let _ = world.inject("bob", "alice", &foreign);
    // Carol waits to be included, and is told nothing about what is not for it.
    world.act("carol", |s, env| s.join(env)).unwrap();
    world.settle();
    let _ = world.inject("carol", "alice", &foreign);
    world.pass_secs(4);
    assert_eq!(reports(&world, "bob"), 0, "BC_LAT has not passed");
    world.pass_secs(2);
    assert_eq!((reports(&world, "bob"), reports(&world, "carol")), (1, 0));
}

#[test]
fn the_label_is_the_applications() {
    //= docs/spec/protocol.md#SES-044
    //= type=test
    let world = World::with(&["alice"], |config| config.session_id("lunch"));
    assert_eq!(world.session("alice").session_id(), "lunch");
    assert_eq!(world.session("alice").sid(), None, "which is not the sid");
}
