//! Nobody, one, or two: who begins, who waits for whom, and who goes last.

use mpenc::channel::ChannelEvent;
use mpenc::{SessionState, Timing};

use super::{
    Ask, BOTH, ask, assert_quiet, assert_sound, deliver, nobody, reunite, world, world_with,
};
use crate::world::{World, id, set};

const TWO: [&str; 2] = ["alice", "bob"];
const NAMES: [&str; 3] = ["alice", "bob", "carol"];

/// The last two leave at the same time: by farewell, by dropping out, one of each, at any distance.
//= docs/spec/protocol.md#SES-034
//= type=test
//= docs/spec/protocol.md#ORD-042
//= type=test
//= docs/spec/attacks.md#ATK-068
//= type=test
#[test]
fn the_last_two_leave_together() {
    for profile in BOTH {
        for between in 0..8 {
            for drops in [[false, false], [false, true], [true, false], [true, true]] {
                let what = format!("{profile}: {between} events between, drops: {drops:?}");
                let mut world = world(profile, &TWO);
                world.establish(&TWO);
                world.say("alice", "that was it");
                world.pass_secs(60);
                for (name, drops) in TWO.into_iter().zip(drops) {
                    if drops {
                        world.leave(&id(name));
                    } else {
                        ask(&mut world, name, Ask::Part).unwrap();
                    }
                    deliver(&mut world, &TWO, between);
                }
                world.settle();
                world.pass_secs(300);
                for name in TWO {
                    let state = world.session(name).state();
                    let out = matches!(state, SessionState::Parted | SessionState::PartFailed);
                    assert!(out, "{what}: {name}: {state:?}");
                }
                assert!(world.channel.is_empty(), "{what}");
                assert_quiet(&world, &TWO, &what);
                reunite(&mut world, &TWO, &what);
            }
        }
    }
}

/// Whoever entered first begins; if it leaves, the next one; at any moment.
//= docs/spec/protocol.md#ORD-006
//= type=test
//= docs/spec/protocol.md#ORD-007
//= type=test
#[test]
fn seniors_that_leave_make_room() {
    for profile in BOTH {
        for moment in 0..8 {
            let what = format!("{profile}: after {moment} events");
            let mut world = world(profile, &NAMES);
            for name in NAMES {
                world.act(name, |s, env| s.join(env)).unwrap();
            }
            deliver(&mut world, &NAMES, moment);
            world.leave(&id("alice"));
            world.settle();
            let alone: Vec<_> = NAMES.into_iter().filter(|n| world.session(n).is_alone()).collect();
            assert_eq!(alone, ["bob"], "{what}");
            assert!(world.session("carol").is_waiting(), "{what}");
            // Alice returns behind the others, and Bob goes as well.
            let _ = world.act("alice", |s, env| s.join(env));
            world.settle();
            world.leave(&id("bob"));
            world.settle();
            world.pass_secs(60);
            assert!(world.session("carol").is_alone(), "{what}");
            assert_quiet(&world, &NAMES, &what);
            reunite(&mut world, &NAMES, &what);
        }
    }
}

/// Somebody who is alone leaves at every moment of its first operation.
#[test]
fn the_first_operation_loses_its_initiator() {
    for profile in BOTH {
        for moment in 0..30 {
            let what = format!("{profile}: after {moment} events");
            let mut world = world(profile, &NAMES);
            for name in NAMES {
                world.act(name, |s, env| s.join(env)).unwrap();
                world.settle();
            }
            let others = set(&["bob", "carol"]);
            world.act("alice", |s, env| s.change(env, &others, &nobody())).unwrap();
            deliver(&mut world, &NAMES, moment);
            world.leave(&id("alice"));
            world.settle();
            world.pass_secs(200);
            assert_sound(&mut world, &NAMES, &what);
            let together = world.session("bob").members() == others;
            assert!(together || world.session("bob").is_alone(), "{what}");
            assert_quiet(&world, &NAMES, &what);
            reunite(&mut world, &NAMES, &what);
        }
    }
}

/// A channel that told each of two that the other had gone: each is alone, and neither can include
/// the other, since each follows an order of its own. It is said in time, nothing is broken by it,
/// and whoever leaves and returns is included.
//= docs/spec/protocol.md#ORD-013
//= type=test
//= docs/spec/protocol.md#ORD-042
//= type=test
#[test]
fn two_that_are_alone() {
    for profile in BOTH {
        let what = profile.to_string();
        let mut world =
            world_with(profile, &TWO, |config| config.stay_if_last(true).patient_join(true));
        world.establish(&TWO);
        world.pass_secs(60);
        for (name, other) in [("alice", "bob"), ("bob", "alice")] {
            let event = ChannelEvent::Changed { enter: nobody(), leave: set(&[other]) };
            world.channel = set(&[name]);
            world.tell(name, event);
            world.settle();
        }
        for name in TWO {
            world.channel = set(&[name]);
            world.pass_secs(20);
        }
        for (name, other) in [("alice", "bob"), ("bob", "alice")] {
            assert!(world.session(name).is_alone(), "{what}: {name}");
            world.tell(name, ChannelEvent::Changed { enter: set(&[other]), leave: nobody() });
        }
        world.channel = set(&TWO);
        world.settle();
        let op = ask(&mut world, "alice", Ask::Include("bob")).unwrap();
        world.settle();
        world.pass(Timing::default().op_timeout(4) * 2);
        assert_ne!(world.member("alice").ended.get(&op), Some(&Ok(())), "{what}");
        assert!(world.session("bob").is_alone(), "{what}");
        let said = world.member("alice").notices.iter().any(|notice| {
            matches!(notice, mpenc::Notice::OperationSlow { waiting_for }
                if *waiting_for == set(&["bob"]))
        });
        assert!(said, "{what}");
        // What a person does then.
        world.leave(&id("bob"));
        world.settle();
        reunite(&mut world, &TWO, &what);
    }
}

/// The last one stays, at whatever moment the other drops out and returns.
//= docs/spec/protocol.md#SES-035
//= type=test
#[test]
fn the_last_one_that_stays() {
    for profile in BOTH {
        for moment in 0..10 {
            let what = format!("{profile}: back after {moment} events");
            let mut world: World =
                world_with(profile, &TWO, |config| config.stay_if_last(true).patient_join(true));
            world.establish(&TWO);
            world.pass_secs(60);
            world.leave(&id("bob"));
            deliver(&mut world, &TWO, moment);
            world.act("bob", |s, env| s.join(env)).unwrap();
            world.settle();
            world.pass_secs(200);
            assert!(world.channel.contains(&id("alice")), "{what}");
            assert_quiet(&world, &TWO, &what);
            reunite(&mut world, &TWO, &what);
        }
    }
}
