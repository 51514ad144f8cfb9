//! Requests whose operation has begun and does not end.

use std::time::Duration;

use mpenc::{Disposition, MemberSet, Notice, OperationError, OperationId, Profile, Timing};

use crate::world::{World, id, set};

const NAMES: [&str; 3] = ["alice", "bob", "carol"];

fn nobody() -> MemberSet {
    MemberSet::new()
}

/// Alice includes Dave, who does not answer.
fn stalled(profile: Profile) -> (World, OperationId) {
    let names = ["alice", "bob", "carol", "dave"];
    let mut world =
        World::with(&names, |config| config.profile(profile).patient_join(true).presence(false));
    world.establish(&NAMES);
    world.act("dave", |s, env| s.join(env)).unwrap();
    world.settle();
    world.pass_secs(60);
    world.members.get_mut(&id("dave")).unwrap().held = true;
    let op = world.act("alice", |s, env| s.change(env, &set(&["dave"]), &nobody())).unwrap();
    world.settle();
    (world, op)
}

/// Time passes in a channel that takes no packets.
fn deaf(world: &mut World, time: Duration) {
    let channel = std::mem::take(&mut world.channel);
    world.pass(time);
    world.channel = channel;
}

//= docs/spec/protocol.md#SES-023
//= type=test
//= docs/spec/protocol.md#ORD-042
//= type=test
#[test]
fn a_request_does_not_wait_for_the_silent() {
    let (mut world, op) = stalled(Profile::V1);
    let timing = Timing::default();
    let timeout = timing.op_timeout(5);
    world.pass(timeout - Duration::from_millis(1));
    assert_eq!(world.member("alice").ended.get(&op), None);
    world.pass(Duration::from_millis(1));
    assert_eq!(world.member("alice").ended.get(&op), Some(&Err(OperationError::Timeout)));
    assert!(world.session("alice").operation().is_some(), "v1 has no way to end it (ORD-043)");

    // The next request waits for its turn, and not for ever either.
    let next = world.act("alice", |s, env| s.refresh(env)).unwrap();
    world.pass(timeout + timing.enter_timeout());
    assert_eq!(world.member("alice").ended.get(&next), Some(&Err(OperationError::Timeout)));

    // The answer comes at last: the operation is as good as any.
    world.members.get_mut(&id("dave")).unwrap().held = false;
    world.settle();
    world.assert_agree(&["alice", "bob", "carol", "dave"]);
    let told = |n: &Notice| matches!(n, Notice::MembersChanged { include, .. } if *include == set(&["dave"]));
    assert!(world.member("alice").notices.iter().any(told));
    let last = world.act("alice", |s, env| s.refresh(env)).unwrap();
    world.settle();
    assert_eq!(world.member("alice").ended.get(&last), Some(&Ok(())));
}

/// What somebody asked for in vain comes about while the same is asked for again.
//= docs/spec/protocol.md#SES-023
//= type=test
#[test]
fn the_same_request_again_ends_with_the_operation_of_the_first() {
    let (mut world, first) = stalled(Profile::V1);
    world.pass(Timing::default().op_timeout(5));
    assert!(world.member("alice").ended.contains_key(&first));
    let again = world.act("alice", |s, env| s.change(env, &set(&["dave"]), &nobody())).unwrap();
    world.members.get_mut(&id("dave")).unwrap().held = false;
    world.settle();
    assert_eq!(world.member("alice").ended.get(&again), Some(&Ok(())));
}

/// Everything that would end the operation is lost: it is sent again, ever more rarely.
//= docs/spec/protocol.md#ORD-045
//= type=test
//= docs/spec/protocol.md#SES-023
//= type=test
#[test]
fn an_abort_that_is_lost_is_sent_again() {
    let (mut world, op) = stalled(Profile::V2);
    let timing = Timing::default();
    world.pass(timing.op_timeout(4) - Duration::from_millis(1));
    let before = world.packets.len();
    // Those of all three.
    deaf(&mut world, Duration::from_millis(1) + timing.proposal_timeout());
    assert_eq!(world.member("alice").ended.get(&op), Some(&Err(OperationError::Timeout)));
    for name in NAMES {
        assert!(world.session(name).operation().is_some(), "{name}");
    }
    deaf(&mut world, timing.fa_intv() - timing.proposal_timeout() - Duration::from_millis(1));
    assert_eq!(world.packets.len(), before);
    world.pass(Duration::from_millis(1));
    let aborts = || world.packets[before..].iter().filter(|(sender, _)| *sender == id("alice"));
    let abort = aborts().next().unwrap().1.clone();
    for name in NAMES {
        assert!(world.session(name).operation().is_none(), "{name}");
    }
    world.pass_secs(120);
    for name in NAMES {
        assert!(world.session(name).order_verified(), "{name}");
    }
    // Further copies change nothing, not in the next operation either.
    world.act("alice", |s, env| s.refresh(env)).unwrap();
    for name in NAMES {
        world.deliver(&id(name));
        let order = world.session(name).order();
        let late = world.inject(name, "alice", &abort);
        assert!(matches!(late, Disposition::Rejected(_)), "{name}: {late:?}");
        assert_eq!(world.session(name).order(), order, "{name}");
    }
    world.settle();
    world.assert_agree(&NAMES);
    world.pass_secs(60);
    for name in NAMES {
        assert!(world.session(name).order_verified(), "{name}");
    }
}

/// One member alone never gets it: each member asks again, and never more than so often.
//= docs/spec/protocol.md#ORD-045
//= type=test
#[test]
fn aborts_are_no_storm() {
    let (mut world, _) = stalled(Profile::V2);
    let sent = |world: &World| world.packets.len();
    for name in NAMES {
        world.members.get_mut(&id(name)).unwrap().held = true;
    }
    let before = sent(&world);
    world.pass_secs(24 * 3_600);
    let aborts: Vec<_> = world.packets[before..].iter().filter(|(_, p)| p[3] == 0x05).collect();
    // At 45 s, then after 26 s and twice that each time, and each hour in the end.
    assert!(aborts.len() <= 3 * 40, "{}", aborts.len());
    for name in NAMES {
        let mut own = aborts.iter().filter(|(sender, _)| *sender == id(name)).map(|(_, p)| p);
        let first = own.next().unwrap();
        assert!(own.clone().count() >= 8 && own.all(|packet| packet == first), "{name}");
    }
}
