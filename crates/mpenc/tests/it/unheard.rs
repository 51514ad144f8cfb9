//! Requests of the channel that have no effect, or a late one (CHN-006): nobody is stuck for that.

use mpenc::channel::{ChannelEvent, ChannelRequest};
use mpenc::{MemberSet, OperationError, Profile, SessionState, Timing};

use crate::world::{World, id, set};

const NAMES: [&str; 3] = ["alice", "bob", "carol"];

fn nobody() -> MemberSet {
    MemberSet::new()
}

fn asked(world: &World, name: &str, what: &ChannelRequest) -> usize {
    world.requests.iter().filter(|(from, request)| *from == id(name) && request == what).count()
}

//= docs/spec/protocol.md#SES-054
//= type=test
//= docs/spec/protocol.md#CHN-006
//= type=test
#[test]
fn leaving_is_asked_for_until_it_happens() {
    for profile in Profile::ALL {
        let mut world = World::with(&NAMES, |config| config.profile(profile));
        world.establish(&NAMES);
        world.pass_secs(60);
        // Those who stay exclude whoever parts, and would send it away.
        world.immovable = set(&["carol"]);
        world.unheard.insert(id("carol"), 2);
        let part = world.act("carol", |s, env| s.part(env)).unwrap();
        world.settle();
        world.pass_secs(200);
        assert_eq!(world.member("carol").ended.get(&part), Some(&Ok(())), "{profile}");
        assert!(!world.channel.contains(&id("carol")), "{profile}");
        assert_eq!(asked(&world, "carol", &ChannelRequest::Leave), 3, "{profile}");
        // And nothing stays behind.
        world.immovable = nobody();
        world.act("carol", |s, env| s.join(env)).unwrap();
        world.settle();
        world.act("alice", |s, env| s.change(env, &set(&["carol"]), &nobody())).unwrap();
        world.settle();
        world.assert_agree(&NAMES);
        assert_eq!(asked(&world, "carol", &ChannelRequest::Leave), 3, "{profile}");
    }
}

/// A channel that never lets anybody go: the parting ends, the asking does not, and it is rare.
//= docs/spec/protocol.md#SES-054
//= type=test
//= docs/spec/protocol.md#SES-023
//= type=test
#[test]
fn a_channel_that_lets_nobody_go() {
    for profile in Profile::ALL {
        let mut world = World::with(&NAMES, |config| config.profile(profile));
        world.establish(&NAMES);
        world.pass_secs(60);
        world.immovable = set(&["carol"]);
        world.unheard.insert(id("carol"), usize::MAX);
        for _ in 0..2 {
            let part = world.act("carol", |s, env| s.part(env)).unwrap();
            world.pass_secs(200);
            let ended = world.member("carol").ended.get(&part);
            assert_eq!(ended, Some(&Err(OperationError::Timeout)), "{profile}");
            assert_eq!(world.session("carol").state(), SessionState::Parting, "{profile}");
        }
        let before = asked(&world, "carol", &ChannelRequest::Leave);
        world.pass_secs(3_600);
        assert_eq!(asked(&world, "carol", &ChannelRequest::Leave) - before, 60, "{profile}");
    }
}

/// Also for those who leave since nobody wanted them.
//= docs/spec/protocol.md#SES-054
//= type=test
#[test]
fn a_join_that_gave_up_can_be_tried_again() {
    let mut world = World::new(&NAMES);
    world.establish(&["alice", "bob"]);
    let join = world.act("carol", |s, env| s.join(env)).unwrap();
    world.settle();
    world.unheard.insert(id("carol"), 1);
    world.pass_secs(35);
    assert_eq!(world.member("carol").ended.get(&join), Some(&Err(OperationError::Timeout)));
    assert!(world.channel.contains(&id("carol")), "the request to leave was lost");
    world.pass_secs(60);
    assert!(!world.channel.contains(&id("carol")));
    let join = world.act("carol", |s, env| s.join(env)).unwrap();
    world.settle();
    world.act("alice", |s, env| s.change(env, &set(&["carol"]), &nobody())).unwrap();
    world.settle();
    assert_eq!(world.member("carol").ended.get(&join), Some(&Ok(())));
}

//= docs/spec/protocol.md#CHN-006
//= type=test
#[test]
fn entering_that_comes_to_nothing_ends_in_time_and_may_come_late() {
    let mut world = World::new(&NAMES);
    world.establish(&["alice", "bob"]);
    world.unheard.insert(id("carol"), 1);
    let join = world.act("carol", |s, env| s.join(env)).unwrap();
    world.pass(Timing::default().enter_timeout());
    assert_eq!(world.member("carol").ended.get(&join), Some(&Err(OperationError::Timeout)));
    let again = world.act("carol", |s, env| s.join(env)).unwrap();
    assert_ne!(join, again);
    world.settle();
    world.act("alice", |s, env| s.change(env, &set(&["carol"]), &nobody())).unwrap();
    world.settle();
    assert_eq!(world.member("carol").ended.get(&again), Some(&Ok(())));

    // Late, when nobody wants it any more: we leave again by ourselves.
    let mut world = World::new(&NAMES);
    world.establish(&["alice", "bob"]);
    world.unheard.insert(id("carol"), 1);
    world.act("carol", |s, env| s.join(env)).unwrap();
    world.pass_secs(100);
    world.enter(&id("carol"));
    world.pass_secs(100);
    assert!(!world.channel.contains(&id("carol")));
    assert_eq!(world.session("carol").state(), SessionState::JoinFailed);
}

/// Whoever waits as long as it takes, and is sent away, asks to enter until it may.
//= docs/spec/protocol.md#SES-054
//= type=test
#[test]
fn who_waits_for_ever_asks_to_enter_again() {
    let mut world = World::with(&NAMES, |config| config.patient_join(true));
    world.establish(&["alice", "bob"]);
    let join = world.act("carol", |s, env| s.join(env)).unwrap();
    world.settle();
    world.leave(&id("carol"));
    world.unheard.insert(id("carol"), 2);
    world.pass_secs(300);
    assert!(world.channel.contains(&id("carol")));
    assert_eq!(asked(&world, "carol", &ChannelRequest::Enter), 4);
    world.act("alice", |s, env| s.change(env, &set(&["carol"]), &nobody())).unwrap();
    world.settle();
    assert_eq!(world.member("carol").ended.get(&join), Some(&Ok(())));
}

/// Others to be asked in, or sent away first.
//= docs/spec/protocol.md#SES-025
//= type=test
//= docs/spec/protocol.md#CHN-006
//= type=test
#[test]
fn asking_for_others_in_vain_ends_in_time() {
    let mut world = World::new(&NAMES);
    world.establish(&["alice", "bob"]);
    world.unheard.insert(id("alice"), 1);
    let include = set(&["carol"]);
    let op = world.act("alice", |s, env| s.change(env, &include, &nobody())).unwrap();
    world.settle();
    world.pass(Timing::default().enter_timeout());
    assert_eq!(world.member("alice").ended.get(&op), Some(&Err(OperationError::Timeout)));
    let op = world.act("alice", |s, env| s.change(env, &include, &nobody())).unwrap();
    world.settle();
    assert_eq!(world.member("alice").ended.get(&op), Some(&Ok(())));
    world.assert_agree(&NAMES);

    // Nobody sends the excluded away: they leave by themselves.
    world.pass_secs(60);
    for name in ["alice", "bob"] {
        world.unheard.insert(id(name), usize::MAX);
    }
    world.act("alice", |s, env| s.change(env, &nobody(), &set(&["carol"]))).unwrap();
    world.settle();
    world.pass_secs(300);
    assert!(!world.channel.contains(&id("carol")));
    world.assert_agree(&["alice", "bob"]);
}

/// Whoever goes round to the end, and is not let go.
//= docs/spec/protocol.md#ORD-047
//= type=test
//= docs/spec/protocol.md#SES-054
//= type=test
#[test]
fn going_round_to_the_end_is_asked_for_until_it_happens() {
    for profile in Profile::ALL {
        let mut world = World::with(&["alice", "bob", "carol", "dave"], |config| {
            config.profile(profile).patient_join(true).stay_if_last(true)
        });
        for name in ["alice", "bob", "carol", "dave"] {
            world.act(name, |s, env| s.join(env)).unwrap();
            world.settle();
        }
        world.act("alice", |s, env| s.change(env, &set(&["carol"]), &nobody())).unwrap();
        world.settle();
        world.unheard.insert(id("bob"), 1);
        world.leave(&id("alice"));
        world.settle();
        assert!(world.channel.contains(&id("bob")), "{profile}: not let go");
        // Something else happens meanwhile: there is still no session beside carol's.
        world.leave(&id("dave"));
        world.settle();
        assert!(!world.session("bob").is_alone(), "{profile}");
        world.pass_secs(120);
        assert_eq!(asked(&world, "bob", &ChannelRequest::Leave), 2, "{profile}");
        assert!(world.session("bob").is_waiting(), "{profile}");
        world.act("carol", |s, env| s.change(env, &set(&["bob"]), &nobody())).unwrap();
        world.settle();
        world.assert_agree(&["bob", "carol"]);
    }
}

/// Those who passed us over have left, and one of them is back: it waits like us.
//= docs/spec/protocol.md#ORD-047
//= type=test
#[test]
fn who_comes_back_passes_nobody_over_any_more() {
    for profile in Profile::ALL {
        let mut world = World::with(&NAMES, |config| config.profile(profile).patient_join(true));
        for name in NAMES {
            world.act(name, |s, env| s.join(env)).unwrap();
            world.settle();
        }
        world.act("alice", |s, env| s.change(env, &set(&["carol"]), &nobody())).unwrap();
        world.settle();
        world.leave(&id("carol"));
        world.settle();
        let (enter, leave) = (set(&["carol"]), nobody());
        world.tell("bob", ChannelEvent::Changed { enter, leave });
        world.settle();
        world.leave(&id("alice"));
        world.settle();
        assert!(world.session("bob").is_alone(), "{profile}");
    }
}
