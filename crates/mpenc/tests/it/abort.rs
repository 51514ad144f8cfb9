//! Operations that end before they are done, for everybody alike (v2).

use std::time::Duration;

use mpenc::{
    AbortError, AbortReason, FailReason, FailureCause, MemberSet, Notice, OperationError, Profile,
    Timing,
};

use crate::world::{World, id, set};

const NAMES: [&str; 3] = ["alice", "bob", "carol"];

fn world() -> World {
    let names = ["alice", "bob", "carol", "dave"];
    let mut world = World::with(&names, |config| config.profile(Profile::V2).patient_join(true));
    world.establish(&NAMES);
    world.act("dave", |s, env| s.join(env)).unwrap();
    world.settle();
    world.pass_secs(60);
    world
}

fn failed(world: &World, name: &str) -> Vec<FailReason> {
    let reason = |notice: &Notice| match notice {
        Notice::OpFailed { reason, .. } => Some(reason.clone()),
        _ => None,
    };
    world.member(name).notices.iter().filter_map(reason).collect()
}

fn usable(world: &mut World) {
    world.assert_agree(&NAMES);
    world.say("bob", "still here");
    world.pass_secs(120);
    for name in NAMES {
        assert_eq!(world.texts(name).last().unwrap(), "still here");
        assert!(world.session(name).operation().is_none());
        assert!(world.session(name).order_verified(), "{name}");
    }
}

//= docs/spec/protocol.md#ORD-045
//= type=test
//= docs/spec/protocol.md#ORD-044
//= type=test
//= docs/spec/attacks.md#ATK-060
//= type=test
#[test]
fn a_stuck_operation_ends_in_time_and_names_those_it_waited_for() {
    let mut world = world();
    world.members.get_mut(&id("dave")).unwrap().held = true;
    let include = set(&["dave"]);
    let op = world.act("alice", |s, env| s.change(env, &include, &MemberSet::new())).unwrap();
    world.settle();
    let timeout = Timing::default().op_timeout(4);
    assert_eq!(timeout, Duration::from_secs(45), "5·(BC_LAT + 1 s), and half of it (V2-017)");
    world.pass(timeout - Duration::from_millis(1));
    assert!(world.session("alice").operation().is_some());
    world.pass(Duration::from_millis(1));
    let expect = FailReason::Ended {
        by: id("alice"),
        cause: FailureCause::Aborted(AbortReason::TimedOut),
        waiting_for: set(&["dave"]),
    };
    for name in NAMES {
        assert_eq!(failed(&world, name), std::slice::from_ref(&expect), "{name}");
    }
    let error = OperationError::OperationFailed(expect);
    assert_eq!(world.member("alice").ended.get(&op), Some(&Err(error)));
    usable(&mut world);
}

//= docs/spec/protocol.md#ORD-045
//= type=test
#[test]
fn if_its_initiator_does_not_end_it_somebody_else_does() {
    let mut world = world();
    let include = set(&["dave"]);
    world.act("alice", |s, env| s.change(env, &include, &MemberSet::new())).unwrap();
    for name in ["alice", "dave"] {
        world.members.get_mut(&id(name)).unwrap().held = true;
    }
    world.settle();
    // The silent initiator's clock does not tell it, since it has not seen its proposal come back.
    world.pass_secs(51);
    for name in ["bob", "carol"] {
        let reasons = failed(&world, name);
        assert!(
            matches!(&reasons[..], [FailReason::Ended { by, .. }] if *by != id("alice")),
            "{name}: {reasons:?}"
        );
    }
    for name in ["alice", "dave"] {
        world.members.get_mut(&id(name)).unwrap().held = false;
    }
    world.settle();
    world.pass_secs(60);
    usable(&mut world);
}

//= docs/spec/protocol.md#SES-038
//= type=test
#[test]
fn anybody_may_end_it_and_the_first_final_packet_decides() {
    let mut world = world();
    assert_eq!(world.act("bob", |s, env| s.abort(env)), Err(AbortError::NoOperation));
    world.act("alice", |s, env| s.refresh(env)).unwrap();
    for name in NAMES {
        world.deliver(&id(name));
    }
    world.act("bob", |s, env| s.abort(env)).unwrap();
    world.act("carol", |s, env| s.abort(env)).unwrap();
    world.settle();
    for name in NAMES {
        let reasons = failed(&world, name);
        assert!(
            matches!(&reasons[..], [FailReason::Ended { by, .. }] if *by == id("bob")),
            "{name}: {reasons:?}"
        );
    }
    usable(&mut world);

    // Too late: the operation is complete before the abort has a place in the order.
    world.act("alice", |s, env| s.refresh(env)).unwrap();
    while world.session("bob").operation().is_none() {
        world.settle_one();
    }
    let sid = world.session("alice").sid();
    while world.session("alice").sid() == sid {
        world.settle_one();
    }
    world.settle();
    assert_eq!(world.act("bob", |s, env| s.abort(env)), Err(AbortError::NoOperation));
    usable(&mut world);
}

//= docs/spec/v2.md#V2-017
//= type=test
#[test]
fn who_is_being_excluded_cannot_end_it() {
    let mut world = world();
    let carol = set(&["carol"]);
    world.act("alice", |s, env| s.change(env, &MemberSet::new(), &carol)).unwrap();
    while world.session("carol").operation().is_none() {
        world.settle_one();
    }
    assert_eq!(world.act("carol", |s, env| s.abort(env)), Err(AbortError::NotPossible));
    world.settle();
    world.pass_secs(60);
    world.assert_agree(&["alice", "bob"]);
    assert!(!world.channel.contains(&id("carol")));
}

//= docs/spec/protocol.md#ORD-043
//= type=test
#[test]
fn a_v1_operation_cannot_be_ended() {
    let names = ["alice", "bob"];
    let mut world = World::with(&names, |config| config.profile(Profile::V1));
    world.act("alice", |s, env| s.join(env)).unwrap();
    world.settle();
    world.act("bob", |s, env| s.join(env)).unwrap();
    world.settle();
    let bob = set(&["bob"]);
    world.act("alice", |s, env| s.change(env, &bob, &MemberSet::new())).unwrap();
    world.deliver(&id("alice"));
    assert!(world.session("alice").operation().is_some());
    assert_eq!(world.act("alice", |s, env| s.abort(env)), Err(AbortError::NotPossible));
    world.settle();
    world.assert_agree(&names);
}

/// V2-030: somebody who knows another key of a member does not take part, and says why.
#[test]
fn another_identity_key_than_expected_ends_it_with_that_reason() {
    //= docs/spec/v2.md#V2-030
    //= type=test
    let mut world = world();
    let other = mpenc::Identity::from_seed(&mpenc::SecretBytes::new([9; 32])).public();
    world.act("bob", |s, _| s.set_identity(&id("dave"), Some(other)));
    let include = set(&["dave"]);
    world.act("alice", |s, env| s.change(env, &include, &MemberSet::new())).unwrap();
    world.settle();
    let expect = FailReason::Ended {
        by: id("bob"),
        cause: FailureCause::Aborted(AbortReason::IdentityKey(id("dave"))),
        waiting_for: set(&["bob", "carol", "dave"]),
    };
    for name in NAMES {
        let reasons = failed(&world, name);
        assert!(
            matches!(&reasons[..], [FailReason::Ended { by, cause, .. }]
                if *by == id("bob") && *cause == FailureCause::Aborted(AbortReason::IdentityKey(id("dave")))),
            "{name}: {reasons:?}, not {expect:?}"
        );
    }
    usable(&mut world);
}
