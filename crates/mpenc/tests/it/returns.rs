//! Coming back after nobody wanted us, after having been sent away, and after having been lost; and
//! proposals that the channel lost.

use std::time::Duration;

use mpenc::channel::ChannelEvent;
use mpenc::{MemberSet, Notice, OperationError, Profile, SessionState, Timing};

use crate::world::{World, id, set};

const BOTH: [Profile; 2] = [Profile::V1, Profile::V2];
const NAMES: [&str; 3] = ["alice", "bob", "carol"];

fn nobody() -> MemberSet {
    MemberSet::new()
}

/// How often a member was told that somebody entered.
fn knocks(world: &World, at: &str, who: &str) -> usize {
    let told = Notice::EnterRequest { member: id(who) };
    world.member(at).notices.iter().filter(|notice| **notice == told).count()
}

//= docs/spec/protocol.md#SES-030
//= type=test
#[test]
fn who_is_not_included_tries_three_times_more() {
    for profile in BOTH {
        for auto_reenter in [false, true] {
            let what = format!("{profile}: {auto_reenter}");
            let mut world =
                World::with(&NAMES, |config| config.profile(profile).auto_reenter(auto_reenter));
            world.establish(&["alice", "bob"]);
            let join = world.act("carol", |s, env| s.join(env)).unwrap();
            world.settle();
            world.pass_secs(600);
            let ended = world.member("carol").ended.get(&join);
            assert_eq!(ended, Some(&Err(OperationError::Timeout)), "{what}");
            assert_eq!(world.session("carol").state(), SessionState::JoinFailed, "{what}");
            assert!(!world.channel.contains(&id("carol")), "{what}");
            assert_eq!(
                knocks(&world, "alice", "carol"),
                if auto_reenter { 4 } else { 1 },
                "{what}"
            );
        }
    }
}

//= docs/spec/protocol.md#SES-030
//= type=test
#[test]
fn who_tries_again_is_included_the_second_time() {
    for profile in BOTH {
        let mut world = World::with(&NAMES, |config| config.profile(profile).auto_reenter(true));
        world.establish(&["alice", "bob"]);
        let join = world.act("carol", |s, env| s.join(env)).unwrap();
        world.settle();
        while knocks(&world, "alice", "carol") < 2 {
            world.pass_secs(5);
        }
        assert_eq!(world.member("carol").ended.get(&join), None, "the same join");
        world.act("alice", |s, env| s.change(env, &set(&["carol"]), &nobody())).unwrap();
        world.settle();
        assert_eq!(world.member("carol").ended.get(&join), Some(&Ok(())));
        world.assert_agree(&NAMES);
    }
}

/// A channel that sends somebody away each time it enters.
//= docs/spec/protocol.md#SES-031
//= type=test
//= docs/spec/protocol.md#SES-023
//= type=test
#[test]
fn who_is_always_sent_away_gives_up() {
    for profile in BOTH {
        let mut world = World::with(&NAMES, |config| config.profile(profile));
        world.establish(&["alice", "bob"]);
        let join = world.act("carol", |s, env| s.join(env)).unwrap();
        let mut entered = 0;
        for _ in 0..2000 {
            world.settle();
            if world.channel.contains(&id("carol")) {
                entered += 1;
                world.leave(&id("carol"));
            }
            world.pass_secs(1);
        }
        assert_eq!(entered, 11, "{profile}");
        assert_eq!(world.member("carol").ended.get(&join), Some(&Err(OperationError::Timeout)));
        assert_eq!(world.session("carol").state(), SessionState::JoinFailed, "{profile}");
    }
}

/// A stranger enters and leaves again and again during an operation: it goes on, and no member
/// answers with more than so many requests.
//= docs/spec/attacks.md#ATK-080
//= type=test
//= docs/spec/protocol.md#ORD-023
//= type=test
#[test]
fn a_stranger_that_enters_again_and_again() {
    for profile in BOTH {
        let mut world =
            World::with(&["alice", "bob", "carol", "eve"], |config| config.profile(profile));
        world.establish(&NAMES);
        world.pass_secs(60);
        // Nothing of the operation reaches Alice and Bob but that it began.
        let op = world.act("alice", |s, env| s.change(env, &nobody(), &set(&["carol"]))).unwrap();
        let requests = |world: &World| world.member("alice").kicks;
        world.deliver(&id("alice"));
        assert!(world.session("alice").operation().is_some());
        let before = requests(&world);
        let mut asked = 0;
        for _ in 0..500 {
            for (enter, leave) in [(set(&["eve"]), nobody()), (nobody(), set(&["eve"]))] {
                let event = ChannelEvent::Changed { enter, leave };
                let _ = world.act("alice", |s, env| s.handle_input(env, event));
            }
            asked += 1;
            world.now = world.now + Duration::from_millis(10);
        }
        assert_eq!((asked, requests(&world) - before), (500, 32), "{profile}");
        world.settle();
        assert_eq!(world.member("alice").ended[&op], Ok(()), "{profile}");
        world.assert_agree(&["alice", "bob"]);
        // After a while it is sent away as before.
        world.pass(Timing::default().enter_timeout());
        world.act("alice", |s, env| s.refresh(env)).unwrap();
        world.deliver(&id("alice"));
        if world.session("alice").operation().is_some() {
            let before = requests(&world);
            let event = ChannelEvent::Changed { enter: set(&["eve"]), leave: nobody() };
            let _ = world.act("alice", |s, env| s.handle_input(env, event));
            assert_eq!(requests(&world) - before, 1, "{profile}");
        }
    }
}

/// The channel loses a proposal: the request ends, and what comes later is not held up by it.
//= docs/spec/protocol.md#SES-053
//= type=test
//= docs/spec/protocol.md#SES-025
//= type=test
#[test]
fn a_lost_proposal_holds_nothing_up() {
    for profile in BOTH {
        let what = profile.to_string();
        let mut world = World::with(&NAMES, |config| config.profile(profile).presence(false));
        world.establish(&NAMES);
        world.pass_secs(60);
        let channel = std::mem::take(&mut world.channel);
        let op = world.act("alice", |s, env| s.refresh(env)).unwrap();
        world.channel = channel;
        world.pass(Timing::default().proposal_timeout());
        assert_eq!(world.member("alice").ended[&op], Err(OperationError::Timeout), "{what}");
        // Nobody asked for anything since: it is not sent again.
        let before = world.packets.len();
        world.pass_secs(300);
        assert_eq!(world.packets.len(), before, "{what}");

        // Bob goes, and has to be excluded: nobody but Alice is first among those who could.
        world.leave(&id("bob"));
        world.settle();
        world.assert_agree(&["alice", "carol"]);
        // And a request of hers.
        let op = world.act("alice", |s, env| s.refresh(env)).unwrap();
        world.settle();
        assert_eq!(world.member("alice").ended[&op], Ok(()), "{what}");
        world.pass_secs(60);
        assert!(world.member("alice").warnings().is_empty(), "{what}");
    }
}

/// The same between two, where nobody else could do it, and a request instead of a task.
//= docs/spec/protocol.md#SES-053
//= type=test
#[test]
fn of_two_one_proposal_is_lost() {
    for profile in BOTH {
        let what = profile.to_string();
        let mut world = World::with(&["alice", "bob"], |config| config.profile(profile));
        world.establish(&["alice", "bob"]);
        world.pass_secs(60);
        let channel = std::mem::take(&mut world.channel);
        world.act("bob", |s, env| s.refresh(env)).unwrap();
        world.channel = channel;
        world.pass_secs(60);
        let op = world.act("bob", |s, env| s.change(env, &nobody(), &set(&["alice"]))).unwrap();
        world.settle();
        world.pass_secs(60);
        assert_eq!(world.member("bob").ended.get(&op), Some(&Ok(())), "{what}");
    }
}

/// It comes late after all, and once more: it counts once.
//= docs/spec/protocol.md#SES-053
//= type=test
//= docs/spec/protocol.md#GRT-023
//= type=test
#[test]
fn a_copy_of_a_proposal_that_was_only_late() {
    for profile in BOTH {
        let what = profile.to_string();
        let mut world = World::with(&NAMES, |config| config.profile(profile));
        world.establish(&NAMES);
        world.pass_secs(60);
        let before = world.packets.len();
        // Everybody's connection stands still.
        for name in NAMES {
            world.members.get_mut(&id(name)).unwrap().held = true;
        }
        let late = world.act("alice", |s, env| s.refresh(env)).unwrap();
        world.pass_secs(11);
        assert_eq!(world.member("alice").ended[&late], Err(OperationError::Timeout), "{what}");
        let next = world.act("alice", |s, env| s.change(env, &nobody(), &set(&["carol"]))).unwrap();
        let copies = &world.packets[before..];
        assert_eq!(copies.len(), 2, "{what}");
        assert_eq!(copies[0], copies[1], "{what}");
        for name in NAMES {
            world.members.get_mut(&id(name)).unwrap().held = false;
        }
        world.settle();
        world.pass_secs(60);
        assert_eq!(world.member("alice").ended[&next], Ok(()), "{what}");
        world.assert_agree(&["alice", "bob"]);
        let refreshes = |n: &&Notice| matches!(n, Notice::KeyRefreshed { .. });
        for name in ["alice", "bob"] {
            let times = world.member(name).notices.iter().filter(refreshes).count();
            assert_eq!(times, 1, "{what}: {name}");
            assert!(world.member(name).warnings().is_empty(), "{what}: {name}");
        }
    }
}

/// An operation of somebody else's that never ends keeps a request waiting, but not for ever.
//= docs/spec/protocol.md#SES-023
//= type=test
#[test]
fn a_request_does_not_wait_for_ever() {
    let mut world = World::with(&["alice", "bob", "carol", "dave"], |config| {
        config.profile(Profile::V1).patient_join(true)
    });
    world.establish(&NAMES);
    world.act("dave", |s, env| s.join(env)).unwrap();
    world.settle();
    world.members.get_mut(&id("dave")).unwrap().held = true;
    world.act("alice", |s, env| s.change(env, &set(&["dave"]), &nobody())).unwrap();
    world.settle();
    let op = world.act("bob", |s, env| s.refresh(env)).unwrap();
    let timing = Timing::default();
    let patience = timing.op_timeout(5) + timing.enter_timeout();
    world.pass(patience - Duration::from_secs(1));
    assert_eq!(world.member("bob").ended.get(&op), None);
    world.pass_secs(2);
    assert_eq!(world.member("bob").ended.get(&op), Some(&Err(OperationError::Timeout)));
    assert!(world.session("bob").operation().is_some(), "v1 has no way to end it (ORD-043)");
}

/// A farewell is not cut short by a proposal that the channel lost before.
#[test]
fn a_lost_proposal_does_not_end_the_farewell() {
    for profile in BOTH {
        let mut world = World::with(&NAMES, |config| config.profile(profile));
        world.establish(&NAMES);
        world.pass_secs(60);
        let channel = std::mem::take(&mut world.channel);
        world.act("alice", |s, env| s.refresh(env)).unwrap();
        world.channel = channel;
        // Bob does not acknowledge the farewell at once.
        world.members.get_mut(&id("bob")).unwrap().held = true;
        let part = world.act("alice", |s, env| s.part(env)).unwrap();
        world.pass_secs(12);
        assert_eq!(world.member("alice").ended.get(&part), None, "{profile}: still parting");
        world.members.get_mut(&id("bob")).unwrap().held = false;
        world.settle();
        world.pass_secs(120);
        assert_eq!(world.member("alice").ended.get(&part), Some(&Ok(())), "{profile}");
    }
}
