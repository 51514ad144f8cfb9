//! Those who are being excluded, were, or should be: rules LS, EAL and IAL, bystanders, ghosts.

use std::time::Duration;

use mpenc::{Change, Notice, OperationError, SessionState, Timing};

use super::{
    Ask, BOTH, ask, assert_quiet, assert_sound, cast, deliver, is_v2, joined, nobody, reunite,
    waiting, world,
};
use crate::world::{World, id, set};

const NAMES: [&str; 3] = ["alice", "bob", "carol"];
const ALL: [&str; 4] = ["alice", "bob", "carol", "dave"];

/// Somebody drops out and is back at every moment before the others have excluded it: it is kept
/// out until they have, and then it can be included.
//= docs/spec/protocol.md#ORD-024
//= type=test
//= docs/spec/protocol.md#ORD-027
//= type=test
//= docs/spec/protocol.md#ORD-042
//= type=test
//= docs/spec/attacks.md#ATK-085
//= type=test
#[test]
fn leaving_and_returning_before_the_exclusion() {
    for profile in BOTH {
        for leaver in ALL {
            for moment in 0..30 {
                let what = format!("{profile}: {leaver} is back after {moment} events");
                let mut world = world(profile, &ALL);
                world.establish(&ALL);
                world.pass_secs(60);
                world.leave(&id(leaver));
                world.deliver(&id(leaver));
                deliver(&mut world, &ALL, moment);
                world.act(leaver, |s, env| s.join(env)).unwrap();
                world.settle();
                // No livelock: it is in the channel and can be included before ten OP_TIMEOUTs.
                let bound = Timing::default().op_timeout(5) * 10;
                world.pass(bound);
                assert!(world.channel.contains(&id(leaver)), "{what}");
                assert!(world.session(leaver).is_waiting(), "{what}");
                assert_eq!(joined(&world, &ALL).len(), 3, "{what}");
                assert_sound(&mut world, &ALL, &what);
                assert_quiet(&world, &ALL, &what);
                if moment % 3 == 0 {
                    reunite(&mut world, &ALL, &what);
                }
            }
        }
    }
}

/// Somebody was excluded, and is asked in again before it has been sent away, by somebody who knows
/// of that, and by somebody who does not.
//= docs/spec/protocol.md#ORD-028
//= type=test
//= docs/spec/protocol.md#ORD-042
//= type=test
//= docs/spec/attacks.md#ATK-086
//= type=test
#[test]
fn inclusion_before_the_former_member_has_gone() {
    for profile in BOTH {
        // One who excluded it: first it has to go, and then it is asked in and included.
        let what = format!("{profile}: by somebody who knows");
        let mut world = waiting(profile, &NAMES, &[]);
        ask(&mut world, "alice", Ask::Exclude("carol")).unwrap();
        world.settle();
        assert!(world.session("bob").lingering_members().contains(&id("carol")), "{what}");
        let op = ask(&mut world, "bob", Ask::Include("carol")).unwrap();
        world.settle();
        assert_eq!(world.member("bob").ended[&op], Ok(()), "{what}");
        world.assert_agree(&NAMES);
        assert_sound(&mut world, &NAMES, &what);

        // A newcomer takes it for somebody who waits: those who know send it away.
        let what = format!("{profile}: by somebody who does not know");
        let mut world = waiting(profile, &NAMES, &["dave"]);
        ask(&mut world, "alice", Ask::Exclude("carol")).unwrap();
        world.settle();
        ask(&mut world, "alice", Ask::Include("dave")).unwrap();
        world.settle();
        let op = ask(&mut world, "dave", Ask::Include("carol")).unwrap();
        world.settle();
        let failed = &world.member("dave").ended[&op];
        assert!(matches!(failed, Err(OperationError::OperationFailed(_))), "{what}: {failed:?}");
        assert!(!world.channel.contains(&id("carol")), "{what}");
        assert_sound(&mut world, &ALL, &what);
        reunite(&mut world, &ALL, &what);
    }
}

/// Whoever would send somebody away leaves, at every moment: the one that was to be excluded is
/// stuck in nothing, whether the exclusion took place or not.
//= docs/spec/protocol.md#ORD-034
//= type=test
//= docs/spec/protocol.md#ORD-042
//= type=test
//= docs/spec/attacks.md#ATK-087
//= type=test
#[test]
fn everybody_who_wanted_to_exclude_somebody_leaves() {
    for profile in BOTH {
        for moment in 0..30 {
            for leavers in [&["alice"][..], &["alice", "bob"], &["bob", "alice"]] {
                let what = format!("{profile}: {leavers:?} after {moment} events");
                let mut world = waiting(profile, &NAMES, &[]);
                ask(&mut world, "alice", Ask::Exclude("carol")).unwrap();
                deliver(&mut world, &NAMES, moment);
                for name in leavers {
                    world.leave(&id(name));
                }
                world.settle();
                world.pass_secs(300);
                let carol = world.session("carol");
                let stuck = carol.state() == SessionState::Joined
                    && !carol.members().is_subset(&world.channel);
                assert!(!stuck, "{what}: {:?} of {}", carol.state(), carol.members());
                assert_sound(&mut world, &NAMES, &what);
                reunite(&mut world, &NAMES, &what);
            }
        }
    }
}

/// The same with members that are there but do nothing any more: it leaves by itself, and with
/// auto-reenter it is back before long.
//= docs/spec/protocol.md#ORD-034
//= type=test
//= docs/spec/protocol.md#SES-052
//= type=test
//= docs/spec/attacks.md#ATK-087
//= type=test
#[test]
fn who_is_forgotten_leaves_and_returns() {
    for profile in BOTH {
        let what = profile.to_string();
        let mut world = super::world_with(profile, &NAMES, |config| {
            config.auto_reenter(true).patient_join(true)
        });
        world.establish(&NAMES);
        world.pass_secs(60);
        ask(&mut world, "alice", Ask::Exclude("carol")).unwrap();
        while world.session("carol").operation().is_none() {
            deliver(&mut world, &NAMES, 3);
        }
        // The exclusion succeeds, and then nobody sends Carol away.
        world.immovable = set(&["carol"]);
        world.settle();
        assert_eq!(world.session("bob").members(), set(&["alice", "bob"]), "{what}");
        let timing = Timing::default();
        let hops = if is_v2(profile) { 4 } else { 3 };
        let wait = timing.op_timeout(hops) + timing.fin_timeout();
        let before = world.member("carol").notices.len();
        world.pass(wait - Duration::from_secs(1));
        assert!(world.channel.contains(&id("carol")), "{what}");
        world.pass_secs(2);
        assert!(!world.channel.contains(&id("carol")), "{what}");
        world.pass_secs(40);
        let told = &world.member("carol").notices[before..];
        let left = |n: &Notice| matches!(n, Notice::MembersChanged { exclude, .. } if *exclude == set(&["alice", "bob"]));
        assert!(told.iter().any(left), "{what}: {told:?}");
        let carol = world.session("carol");
        assert_eq!(carol.state(), SessionState::Joining, "{what}");
        assert!(world.channel.contains(&id("carol")), "{what}: it came back by itself");
        world.immovable = nobody();
        reunite(&mut world, &NAMES, &what);
    }
}

/// A member that drops out comes back by itself if it may, and does not if it was sent away.
//= docs/spec/protocol.md#SES-052
//= type=test
#[test]
fn who_was_lost_returns_and_who_was_excluded_does_not() {
    for profile in BOTH {
        let what = profile.to_string();
        let mut world = super::world_with(profile, &ALL, |config| config.auto_reenter(true));
        world.establish(&ALL);
        world.pass_secs(60);
        world.leave(&id("dave"));
        world.settle();
        assert!(!world.channel.contains(&id("dave")), "{what}: not at once");
        world.pass_secs(35);
        assert!(world.channel.contains(&id("dave")), "{what}");
        let op = ask(&mut world, "bob", Ask::Include("dave")).unwrap();
        world.settle();
        assert_eq!(world.member("bob").ended[&op], Ok(()), "{what}");
        world.assert_agree(&ALL);
        ask(&mut world, "bob", Ask::Exclude("dave")).unwrap();
        world.settle();
        world.pass_secs(300);
        assert!(!world.channel.contains(&id("dave")), "{what}: it was meant");
        let told = Notice::EnterRequest { member: id("dave") };
        let times = world.member("alice").notices.iter().filter(|n| **n == told).count();
        assert_eq!(times, 2, "{what}: at first, and when it was back");
    }
}

/// A channel that removes nobody: whoever was excluded stays in it for ever. It reads nothing, and
/// nobody is hindered by it.
//= docs/spec/protocol.md#ORD-042
//= type=test
//= docs/spec/attacks.md#ATK-053
//= type=test
#[test]
fn ghosts_that_never_leave() {
    for profile in BOTH {
        let what = profile.to_string();
        let mut world = cast(profile, &NAMES, &[], &["dave"]);
        world.immovable = set(&["carol"]);
        world.members.get_mut(&id("carol")).unwrap().held = true;
        ask(&mut world, "alice", Ask::Exclude("carol")).unwrap();
        world.settle();
        world.pass_secs(200);
        assert!(world.channel.contains(&id("carol")), "{what}");
        let rest = ["alice", "bob"];
        world.assert_agree(&rest);
        // It cannot be included before it has gone, and asking for that ends.
        let op = ask(&mut world, "alice", Ask::Include("carol")).unwrap();
        world.pass_secs(100);
        assert_eq!(world.member("alice").ended[&op], Err(OperationError::Timeout), "{what}");
        // Everything else goes on: refresh, newcomers, and the newcomer's own requests.
        for (by, change) in
            [("bob", Ask::Refresh), ("alice", Ask::Include("dave")), ("bob", Ask::Refresh)]
        {
            let _ = world.act("dave", |s, env| s.join(env));
            world.settle();
            let op = ask(&mut world, by, change).unwrap();
            world.settle();
            world.pass_secs(60);
            assert_eq!(world.member(by).ended[&op], Ok(()), "{what}: {change:?}");
        }
        let three = ["alice", "bob", "dave"];
        world.assert_agree(&three);
        let said = world.say("dave", "without the ghost");
        world.pass_secs(60);
        assert_eq!(world.session("dave").unacked_by(&said), Some(nobody()), "{what}");
        // A newcomer takes the ghost for somebody who was there before it, and for nobody more.
        world.members.get_mut(&id("carol")).unwrap().held = false;
        world.immovable = nobody();
        world.settle();
        reunite(&mut world, &ALL, &what);
    }
}

/// A member drops out, and the channel brings it back each time it is sent away: its exclusion
/// takes place nevertheless.
//= docs/spec/protocol.md#ORD-027
//= type=test
#[test]
fn a_ghost_that_is_back_before_its_exclusion() {
    for profile in BOTH {
        let what = profile.to_string();
        let mut world = waiting(profile, &NAMES, &[]);
        world.immovable = set(&["carol"]);
        world.leave(&id("carol"));
        world.enter(&id("carol"));
        world.settle();
        world.pass_secs(100);
        world.assert_agree(&["alice", "bob"]);
        assert!(world.session("carol").is_waiting(), "{what}");
        assert_sound(&mut world, &NAMES, &what);
    }
}

/// Two drop out at once, while a third is being excluded.
#[test]
fn several_drop_out_during_an_exclusion() {
    let five = ["alice", "bob", "carol", "dave", "eve"];
    for profile in BOTH {
        for moment in 0..24 {
            let what = format!("{profile}: {moment}");
            let mut world = world(profile, &five);
            world.establish(&five);
            world.pass_secs(60);
            ask(&mut world, "alice", Ask::Exclude("eve")).unwrap();
            deliver(&mut world, &five, moment);
            world.leave(&id("carol"));
            deliver(&mut world, &five, moment % 5);
            world.leave(&id("dave"));
            world.settle();
            world.pass_secs(300);
            let inside = joined(&world, &five);
            assert!(inside.contains(&"alice") && inside.contains(&"bob"), "{what}: {inside:?}");
            assert!(!inside.contains(&"carol") && !inside.contains(&"dave"), "{what}");
            assert_sound(&mut world, &five, &what);
            reunite(&mut world, &five, &what);
        }
    }
}

/// The last but one is excluded although its author contradicts itself: nobody is left, and the
/// member that did it does not stay behind as if it waited for something.
//= docs/spec/protocol.md#SES-034
//= type=test
#[test]
fn excluding_the_last_one_after_a_contradiction() {
    let names = ["alice", "mallory"];
    let fork = |text| {
        let mut world = World::v1(&names);
        world.establish(&names);
        world.pass_secs(60);
        world.say("mallory", text);
        world
    };
    let (mut world, twin) = (fork("I love you"), fork("I hate you"));
    let (_, other) = twin.packets.last().unwrap().clone();
    let _ = world.inject("alice", "mallory", &other);
    assert_eq!(world.session("alice").state(), SessionState::Error);
    let op = ask(&mut world, "alice", Ask::Exclude("mallory")).unwrap();
    world.settle();
    assert_eq!(world.member("alice").ended[&op], Ok(()));
    world.pass_secs(10);
    assert!(world.channel.is_empty(), "{}", world.channel);
    let exclusion = Change { include: nobody(), exclude: set(&["mallory"]) };
    let done = Notice::OpSucceeded { change: exclusion, initiator: id("alice") };
    assert!(world.member("alice").notices.contains(&done));
    assert_eq!(world.session("alice").state(), SessionState::PartFailed);
}
