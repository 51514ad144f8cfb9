//! What the channel says about members, true or not, and what a session makes of it.

use mpenc::channel::ChannelEvent;
use mpenc::{Disposition, MemberSet, Notice, RejectReason, SendError, SessionState};

use crate::forge::malleated;
use crate::world::{World, id, set};

const NAMES: [&str; 3] = ["alice", "bob", "carol"];

fn established(names: &[&str]) -> World {
    let mut world = World::new(names);
    world.establish(names);
    world.pass_secs(60);
    world
}

fn established_v1(names: &[&str]) -> World {
    let mut world = World::v1(names);
    world.establish(names);
    world.pass_secs(60);
    world
}

#[test]
fn being_told_that_we_left_ends_everything() {
    // ATK-081: nobody else hears of it.
    //= docs/spec/protocol.md#ORD-008
    //= type=test
    let mut world = established(&NAMES);
    world.say("carol", "before");
    let sid = world.session("bob").sid();
    let keys = world.session("bob").key_check();
    let told = world.member("bob").notices.len();
    let left = world.act("bob", |s, env| s.handle_input(env, ChannelEvent::Left));
    assert_eq!(left, Disposition::Accepted);
    let bob = world.session("bob");
    assert_eq!((bob.sid(), bob.key_check()), (None, None));
    assert!(bob.secrets().is_none());
    assert_eq!((bob.members(), bob.order()), (set(&["bob"]), None));
    assert_eq!(bob.subsession_states().count(), 0);
    let gone = |n: &Notice| matches!(n, Notice::MembersChanged { exclude, .. } if *exclude == set(&["alice", "carol"]));
    assert!(world.member("bob").notices[told..].iter().any(gone), "the user is told");
    assert_eq!(world.act("bob", |s, env| s.send(env, "hello?")), Err(SendError::NotJoined));

    // Back in the channel, nothing of the former keys is used: not even to read.
    world.act("alice", |s, env| s.send(env, "behind his back")).unwrap();
    let (_, packet) = world.packets.last().unwrap().clone();
    world.lose("bob", &packet);
    world.settle();
    let members = world.channel.clone();
    let _ = world.act("bob", |s, env| s.handle_input(env, ChannelEvent::Entered { members }));
    assert_ne!(world.inject("bob", "alice", &packet), Disposition::Accepted);
    assert_eq!(world.texts("bob"), ["before"]);
    assert_eq!(world.session("bob").state(), SessionState::Joining, "it has to be included");

    // Once the others have seen it too, it comes in again with new keys.
    world.leave(&id("bob"));
    world.settle();
    world.act("bob", |s, env| s.join(env)).unwrap();
    world.settle();
    world.act("alice", |s, env| s.change(env, &set(&["bob"]), &MemberSet::new())).unwrap();
    world.settle();
    world.assert_agree(&NAMES);
    assert_ne!(world.session("bob").sid(), sid);
    assert_ne!(world.session("bob").key_check(), keys);
}

#[test]
fn a_ghost_in_the_channel_reads_nothing_and_is_no_member() {
    // ATK-053, ATK-079: the channel lets somebody in whom nobody asked for.
    //= docs/spec/protocol.md#ORD-022
    //= type=test
    let mut world = World::new(&["alice", "bob", "ghost"]);
    world.establish(&["alice", "bob"]);
    world.act("ghost", |s, env| s.join(env)).unwrap();
    world.settle();
    for name in ["alice", "bob"] {
        let asks = Notice::EnterRequest { member: id("ghost") };
        assert!(world.member(name).notices.contains(&asks), "{name} is told");
    }
    let message = world.say("alice", "between us");
    for name in ["alice", "bob"] {
        let session = world.session(name);
        assert_eq!(session.members(), set(&["alice", "bob"]), "{name}");
        assert_eq!(session.message(&message).unwrap().members, &set(&["alice", "bob"]));
        assert!(!session.unacked_by(&message).unwrap().contains(&id("ghost")));
    }
    assert!(world.texts("ghost").is_empty());
    // Everything that a new member would send, from a session of its own with the same names.
    let mut own = World::new(&["alice", "bob", "ghost"]);
    own.establish(&["ghost", "bob"]);
    own.say("ghost", "I belong here");
    let packets = own.packets.clone();
    for (sender, packet) in packets.iter().filter(|(sender, _)| *sender == id("ghost")) {
        for name in ["alice", "bob"] {
            let found = world.inject(name, &sender.to_string(), packet);
            assert_ne!(found, Disposition::Accepted, "{name}");
        }
    }
    world.settle();
    world.assert_agree(&["alice", "bob"]);
    assert_eq!(world.texts("bob"), ["between us"]);
}

#[test]
fn an_exclusion_goes_on_when_whoever_it_excludes_leaves() {
    // ATK-084
    //= docs/spec/protocol.md#ORD-026
    //= type=test
    let mut world = established(&NAMES);
    let op =
        world.act("alice", |s, env| s.change(env, &MemberSet::new(), &set(&["carol"]))).unwrap();
    world.deliver(&id("alice"));
    assert!(world.session("alice").operation().is_some());
    // Before Bob has confirmed it.
    world.leave(&id("carol"));
    world.settle();
    assert_eq!(world.member("alice").ended[&op], Ok(()));
    world.assert_agree(&["alice", "bob"]);
    for name in ["alice", "bob"] {
        let failed = |n: &Notice| matches!(n, Notice::OpFailed { .. });
        assert!(!world.member(name).notices.iter().any(failed), "{name}");
    }
}

#[test]
fn if_the_exclusion_fails_those_who_left_are_excluded_all_the_same() {
    // ATK-084, second half: a target of the operation leaves as well.
    let names = ["alice", "bob", "carol", "dave"];
    let mut world = established(&names);
    world.members.get_mut(&id("carol")).unwrap().held = true;
    world.act("alice", |s, env| s.change(env, &MemberSet::new(), &set(&["dave"]))).unwrap();
    world.settle();
    world.leave(&id("dave"));
    world.leave(&id("carol"));
    world.settle();
    let failed = |n: &Notice| matches!(n, Notice::OpFailed { .. });
    assert!(world.member("bob").notices.iter().any(failed));
    world.pass_secs(60);
    world.assert_agree(&["alice", "bob"]);
}

#[test]
fn another_form_of_a_signature_makes_no_second_message() {
    // ATK-022, ATK-023, ATK-105: the channel shows Bob one form, Carol the other, and then both.
    let mut world = established_v1(&NAMES);
    let message = world.act("alice", |s, env| s.send(env, "once")).unwrap();
    let (_, packet) = world.packets.last().unwrap().clone();
    let other = malleated(&packet);
    assert_ne!(world.inject("bob", "alice", &other), Disposition::Accepted);
    world.settle();
    assert_ne!(world.inject("carol", "alice", &other), Disposition::Accepted);
    assert_ne!(
        world.inject("alice", "alice", &other),
        Disposition::Rejected(RejectReason::Fork),
        "nobody is framed"
    );
    for name in NAMES {
        assert_eq!(world.session(name).heads(), [message], "{name}");
        assert_eq!(world.texts(name), ["once"], "{name}");
        let fork = |n: &Notice| matches!(n, Notice::AuthorFork { .. });
        assert!(!world.member(name).notices.iter().any(fork), "{name}");
    }
    world.say("bob", "read it");
    assert_eq!(world.texts("carol"), ["once", "read it"]);
}
