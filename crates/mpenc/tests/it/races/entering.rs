//! Somebody enters or leaves the channel while others are busy.

use mpenc::channel::ChannelEvent;
use mpenc::{FailReason, Notice, OperationError};

use super::{
    Ask, BOTH, ask, assert_quiet, assert_sound, cast, deliver, ends, joined, nobody, reunite,
    waiting,
};
use crate::world::{id, set};

const NAMES: [&str; 3] = ["alice", "bob", "carol"];
const ALL: [&str; 4] = ["alice", "bob", "carol", "dave"];
const FIVE: [&str; 5] = ["alice", "bob", "carol", "dave", "eve"];

/// A stranger enters at every stage of an operation, and leaves again a moment later or stays: the
/// operation is as if it had not been there.
//= docs/spec/protocol.md#ORD-023
//= type=test
//= docs/spec/protocol.md#ORD-042
//= type=test
//= docs/spec/attacks.md#ATK-080
//= type=test
#[test]
fn a_stranger_during_each_stage() {
    for profile in BOTH {
        for change in [Ask::Include("dave"), Ask::Refresh, Ask::Exclude("carol")] {
            for moment in (0..36).step_by(2) {
                for stays in [0, 3, 500] {
                    let what = format!("{profile}: {change:?}, {moment}, {stays}");
                    let mut world = cast(profile, &NAMES, &["dave"], &["eve"]);
                    let op = ask(&mut world, "alice", change).unwrap();
                    deliver(&mut world, &ALL, moment);
                    world.enter(&id("eve"));
                    deliver(&mut world, &FIVE, stays);
                    if stays < 500 {
                        world.leave(&id("eve"));
                    }
                    world.settle();
                    assert_eq!(world.member("alice").ended[&op], Ok(()), "{what}");
                    world.pass_secs(100);
                    assert_sound(&mut world, &FIVE, &what);
                    assert_quiet(&world, &FIVE, &what);
                }
            }
        }
    }
}

/// A target leaves between sending and echo: everybody refuses the proposal, and it is nobody's
/// fault.
//= docs/spec/protocol.md#ORD-009
//= type=test
//= docs/spec/protocol.md#ORD-042
//= type=test
//= docs/spec/attacks.md#ATK-075
//= type=test
#[test]
fn membership_changed_between_sending_and_echo() {
    for profile in BOTH {
        for (change, leaver) in [
            (Ask::Include("dave"), "dave"),
            (Ask::Include("dave"), "bob"),
            (Ask::Refresh, "carol"),
            (Ask::Exclude("carol"), "bob"),
        ] {
            for returns in [false, true] {
                let what = format!("{profile}: {change:?}, {leaver} leaves, returns: {returns}");
                let mut world = waiting(profile, &NAMES, &["dave"]);
                let started = NAMES.map(|name| ends(&world, name).len());
                // In the channel's order before the proposal, but Alice has not seen it.
                world.leave(&id(leaver));
                let op = ask(&mut world, "alice", change).unwrap();
                if returns {
                    world.enter(&id(leaver));
                }
                world.settle();
                let gone = FailReason::MembersLeft(set(&[leaver]));
                let failed = Err(OperationError::OperationFailed(gone));
                assert_eq!(world.member("alice").ended[&op], failed, "{what}");
                for (name, started) in NAMES.into_iter().zip(started) {
                    let began = |n: &Notice| {
                        matches!(n, Notice::OpStarted { initiator, change }
                            if *initiator == id("alice") && change.exclude != set(&[leaver]))
                    };
                    let told = &world.member(name).notices;
                    let times = told.iter().filter(|n| began(n)).count();
                    assert!(times <= 1, "{what}: {name} began it after {started} others");
                }
                world.pass_secs(150);
                assert_sound(&mut world, &ALL, &what);
                assert_quiet(&world, &joined(&world, &ALL), &what);
                reunite(&mut world, &ALL, &what);
            }
        }
    }
}

/// The same, but whoever left is back before the proposal has its place: it is in the channel, and
/// knows nothing of the session any more.
//= docs/spec/protocol.md#ORD-042
//= type=test
#[test]
fn a_target_that_is_back_has_forgotten_everything() {
    for profile in BOTH {
        for (change, leaver) in [
            (Ask::Include("dave"), "dave"),
            (Ask::Include("dave"), "bob"),
            (Ask::Refresh, "carol"),
            (Ask::Exclude("carol"), "bob"),
            (Ask::Exclude("carol"), "carol"),
        ] {
            let what = format!("{profile}: {change:?}, {leaver} leaves and returns");
            let mut world = waiting(profile, &NAMES, &["dave"]);
            world.leave(&id(leaver));
            world.enter(&id(leaver));
            ask(&mut world, "alice", change).unwrap();
            world.settle();
            world.pass_secs(300);
            assert_sound(&mut world, &ALL, &what);
            reunite(&mut world, &ALL, &what);
        }
    }
}

/// One event says that somebody left and somebody else entered, at every stage of an inclusion.
//= docs/spec/protocol.md#ORD-029
//= type=test
#[test]
fn leaving_and_entering_in_one_event() {
    for profile in BOTH {
        for moment in (0..32).step_by(2) {
            let what = format!("{profile}: {moment}");
            let mut world = cast(profile, &NAMES, &["dave"], &["eve"]);
            ask(&mut world, "alice", Ask::Include("dave")).unwrap();
            deliver(&mut world, &ALL, moment);
            // Dave goes as Eve comes.
            let event = ChannelEvent::Changed { enter: set(&["eve"]), leave: set(&["dave"]) };
            world.channel.remove(&id("dave"));
            world.order(&event);
            world.channel.insert(id("eve"));
            world.tell("eve", ChannelEvent::Entered { members: world.channel.clone() });
            world.tell("dave", ChannelEvent::Left);
            world.settle();
            world.pass_secs(200);
            assert_sound(&mut world, &FIVE, &what);
            assert!(!world.session("alice").members().contains(&id("eve")), "{what}");
            assert_eq!(world.session("alice").leaving_members(), &nobody(), "{what}");
            reunite(&mut world, &FIVE, &what);
        }
    }
}
