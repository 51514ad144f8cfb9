//! Whoever waits is passed over, and all who were there before leave: no second session begins.

use mpenc::{MemberSet, Profile, SessionState};

use crate::world::{World, id, set};

const NAMES: [&str; 3] = ["alice", "bob", "carol"];

/// Alice includes carol but not bob, and leaves.
fn passed_over(profile: Profile) -> World {
    let mut world =
        World::with(&NAMES, |config| config.profile(profile).patient_join(true).stay_if_last(true));
    for name in NAMES {
        world.act(name, |s, env| s.join(env)).unwrap();
        world.settle();
    }
    world.act("alice", |s, env| s.change(env, &set(&["carol"]), &MemberSet::new())).unwrap();
    world.settle();
    assert_eq!(world.session("carol").members(), set(&["alice", "carol"]));
    world.leave(&id("alice"));
    world.settle();
    world
}

//= docs/spec/protocol.md#ORD-047
//= type=test
#[test]
fn a_session_that_goes_on_is_joined_by_going_round_to_the_end() {
    for profile in Profile::ALL {
        let mut world = passed_over(profile);
        assert!(!world.session("bob").is_alone(), "{profile}: no session beside carol's");
        world.pass_secs(120);
        assert_eq!(world.session("bob").state(), SessionState::Joining, "{profile}");
        assert!(world.channel.contains(&id("bob")) && world.session("bob").is_waiting());
        world.act("carol", |s, env| s.change(env, &set(&["bob"]), &MemberSet::new())).unwrap();
        world.settle();
        world.assert_agree(&["bob", "carol"]);
    }
}

#[test]
fn whoever_was_passed_over_begins_if_nobody_of_those_is_left() {
    for profile in Profile::ALL {
        let mut world = World::with(&NAMES, |config| config.profile(profile).patient_join(true));
        for name in NAMES {
            world.act(name, |s, env| s.join(env)).unwrap();
            world.settle();
        }
        world.act("alice", |s, env| s.change(env, &set(&["carol"]), &MemberSet::new())).unwrap();
        world.settle();
        world.leave(&id("carol"));
        world.leave(&id("alice"));
        world.settle();
        assert!(world.session("bob").is_alone(), "{profile}");
    }
}
