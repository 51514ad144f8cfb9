//! Somebody drops out of the channel, at any moment: the others exclude it, and it can return.

use mpenc::{FailReason, Notice, OperationError, SessionState};

use crate::world::{World, id, set};

//= docs/spec/attacks.md#ATK-082
//= type=test
#[test]
fn whoever_drops_out_is_excluded_and_can_return() {
    //= docs/spec/protocol.md#ORD-024
    //= type=test
    //= docs/spec/protocol.md#SES-018
    //= type=test
    let names = ["alice", "bob", "carol"];
    let mut world = World::new(&names);
    world.establish(&names);
    world.say("carol", "all is well");
    world.pass_secs(40);
    world.leave(&id("carol"));
    world.settle();
    // The first in order proposes at once, nobody else (ORD-031).
    world.assert_agree(&["alice", "bob"]);
    let proposals = world
        .members
        .values()
        .flat_map(|m| &m.notices)
        .filter(|n| matches!(n, Notice::OpProposed { .. }))
        .count();
    assert_eq!(proposals, 2, "one to establish, one to exclude");
    assert_eq!(world.session("carol").state(), SessionState::Parted);
    // It returns.
    world.act("carol", |s, env| s.join(env)).unwrap();
    world.settle();
    let op = world.act("alice", |s, env| s.change(env, &set(&["carol"]), &set(&[]))).unwrap();
    world.settle();
    assert_eq!(world.member("alice").ended[&op], Ok(()));
    world.assert_agree(&names);
    world.say("carol", "back");
    assert_eq!(world.texts("carol"), ["all is well", "back"]);
    world.pass_secs(120);
    for name in ["alice", "bob"] {
        let warnings = world.member(name).warnings();
        assert!(warnings.is_empty(), "{name}: {warnings:?}");
    }
}

#[test]
fn what_the_dropout_never_acknowledged_stays_a_warning() {
    //= docs/spec/protocol.md#FIN-014
    //= type=test
    //= docs/spec/protocol.md#SES-043
    //= type=test
    let names = ["alice", "bob", "carol"];
    let mut world = World::new(&names);
    world.establish(&names);
    world.members.get_mut(&id("carol")).unwrap().held = true;
    let lost = world.say("alice", "carol never sees this");
    world.leave(&id("carol"));
    world.settle();
    world.assert_agree(&["alice", "bob"]);
    world.pass_secs(200);
    let session = world.session("alice");
    assert_eq!(session.unacked_by(&lost), Some(set(&["carol"])));
    assert!(!session.is_consistent());
    let last_word = Notice::NotFullyAcked {
        id: lost,
        unacked_by: set(&["carol"]),
        last_word: true,
        away: false,
    };
    assert!(world.member("alice").notices.contains(&last_word));
}

/// At every point of an operation, deliver some events, then let a member drop out: whoever is
/// left agrees, and the one that dropped out can be included again.
#[test]
fn dropping_out_at_every_moment_of_an_operation_wedges_nobody() {
    //= docs/spec/protocol.md#ORD-026
    //= type=test
    //= docs/spec/protocol.md#ORD-030
    //= type=test
    //= docs/spec/protocol.md#ORD-025
    //= type=test
    let everybody = ["alice", "bob", "carol", "dave"];
    for dropout in ["alice", "bob", "carol", "dave"] {
        for steps in 0..60 {
            let mut world = World::new(&everybody);
            world.establish(&["alice", "bob", "carol"]);
            world.act("dave", |s, env| s.join(env)).unwrap();
            world.settle();
            world.act("bob", |s, env| s.change(env, &set(&["dave"]), &set(&[]))).unwrap();
            // One event at a time, members in turn.
            for step in 0..steps {
                world.deliver(&id(everybody[step % 4]));
            }
            world.leave(&id(dropout));
            world.settle();
            world.pass_secs(300);
            let context = format!("{dropout} drops out after {steps} events");
            // It comes back, and waits to be included.
            world.act(dropout, |s, env| s.join(env)).unwrap();
            world.settle();
            world.pass_secs(10);
            for _ in 0..3 {
                let inviter = everybody
                    .iter()
                    .filter(|name| **name != dropout)
                    .find(|name| world.session(name).state() == SessionState::Joined);
                let Some(inviter) = inviter else { panic!("{context}: nobody is left") };
                let missing = set(&everybody).difference(&world.session(inviter).members());
                for name in &missing {
                    if !world.channel.contains(name) {
                        let _ = world.call(name, |s, env| s.join(env));
                    }
                }
                world.settle();
                let _ = world.act(inviter, |s, env| s.change(env, &missing, &set(&[])));
                world.settle();
                world.pass_secs(200);
            }
            for name in everybody {
                let session = world.session(name);
                assert_eq!(session.members(), set(&everybody), "{context}: {name}");
                assert_eq!(session.state(), SessionState::Joined, "{context}: {name}");
            }
            world.assert_agree(&everybody);
            world.say(dropout, "here again");
            for name in everybody {
                assert_eq!(world.texts(name).last().unwrap(), "here again", "{context}: {name}");
            }
        }
    }
}

#[test]
fn an_operation_ends_when_its_target_leaves() {
    let mut world = World::new(&["alice", "bob", "carol"]);
    world.establish(&["alice", "bob"]);
    world.act("carol", |s, env| s.join(env)).unwrap();
    world.settle();
    let op = world.act("alice", |s, env| s.change(env, &set(&["carol"]), &set(&[]))).unwrap();
    world.deliver(&id("alice"));
    world.deliver(&id("bob"));
    world.leave(&id("carol"));
    world.settle();
    let gone = FailReason::MembersLeft(set(&["carol"]));
    assert_eq!(world.member("alice").ended[&op], Err(OperationError::OperationFailed(gone)));
    world.assert_agree(&["alice", "bob"]);
    world.say("bob", "we go on");
    assert_eq!(world.texts("alice"), ["we go on"]);
}

#[test]
fn returning_before_the_exclusion_is_over_means_waiting() {
    //= docs/spec/protocol.md#ORD-027
    //= type=test
    //= docs/spec/protocol.md#SES-031
    //= type=test
    let names = ["alice", "bob", "carol"];
    let mut world = World::new(&names);
    world.establish(&names);
    // Carol is gone and back before the others have excluded it.
    world.leave(&id("carol"));
    world.members.get_mut(&id("alice")).unwrap().held = true;
    world.deliver(&id("carol"));
    world.act("carol", |s, env| s.join(env)).unwrap();
    world.members.get_mut(&id("alice")).unwrap().held = false;
    world.settle();
    world.pass_secs(30);
    world.assert_agree(&["alice", "bob"]);
    assert_eq!(world.channel, set(&names), "it entered again by itself");
    let op = world.act("bob", |s, env| s.change(env, &set(&["carol"]), &set(&[]))).unwrap();
    world.settle();
    assert_eq!(world.member("bob").ended[&op], Ok(()));
    world.assert_agree(&names);
}

/// Of two, one drops out and comes back: the other is still there to include it.
#[test]
fn the_last_one_stays_for_whoever_returns() {
    //= docs/spec/protocol.md#SES-035
    //= type=test
    let names = ["alice", "bob"];
    let mut world = World::with(&names, |config| config.stay_if_last(true).patient_join(true));
    world.establish(&names);
    world.say("bob", "one");
    world.pass_secs(40);
    world.leave(&id("bob"));
    world.settle();
    // Nobody is left who could acknowledge Alice's farewell: she does not wait for it.
    //= docs/spec/protocol.md#FIN-005
    //= type=test
    world.pass_secs(2);
    world.act("bob", |s, env| s.join(env)).unwrap();
    world.settle();
    assert_eq!(world.session("alice").state(), SessionState::Parting);
    world.pass_secs(4);
    assert!(world.session("alice").is_alone());
    assert_eq!(world.channel, set(&names));
    let op = world.act("alice", |s, env| s.change(env, &set(&["bob"]), &set(&[]))).unwrap();
    world.settle();
    assert_eq!(world.member("alice").ended[&op], Ok(()));
    world.assert_agree(&names);
    assert!(world.session("alice").is_consistent(), "bob had acknowledged everything");
}
