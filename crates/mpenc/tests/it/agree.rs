//! Whether all have accepted the same operations: said after each, and in every message (v2).

use mpenc::channel::ChannelEvent;
use mpenc::{BodyKind, MemberSet, Notice, Profile};

use crate::world::{World, id, set};

const NAMES: [&str; 3] = ["alice", "bob", "carol"];

fn established() -> World {
    let mut world = World::with(&NAMES, |config| config.profile(Profile::V2));
    world.establish(&NAMES);
    world
}

fn inconsistent(world: &World, name: &str) -> Vec<String> {
    let notices = &world.member(name).notices;
    let member = |notice: &Notice| match notice {
        Notice::OrderInconsistent { member } => Some(member.to_string()),
        _ => None,
    };
    notices.iter().filter_map(member).collect()
}

//= docs/spec/protocol.md#ORD-035
//= type=test
//= docs/spec/v2.md#V2-026
//= type=test
#[test]
fn each_confirms_each_operation_once() {
    let mut world = established();
    for round in 1..3 {
        for name in NAMES {
            let session = world.session(name);
            assert!(session.order_verified(), "{name}");
            let confirmations = world.member(name).session.heads().iter();
            let kinds: Vec<_> = confirmations.filter_map(|id| session.kind(id)).collect();
            assert!(kinds.contains(&BodyKind::OrderConfirmation), "{round} {name}: {kinds:?}");
            assert!(world.member(name).warnings().is_empty());
        }
        let before = world.packets.len();
        world.act("alice", |s, env| s.refresh(env)).unwrap();
        world.settle();
        // One contribution, share and confirmation of each; a request for acks and a FIN in the
        // old subsession; and the confirmation of the order.
        assert_eq!(world.packets.len() - before, 6 * NAMES.len());
    }
}

/// Bob renews the keys, and Carol's confirmation of that does not reach Alice.
fn refreshed_without_confirmation(world: &mut World) -> Vec<u8> {
    world.pass_secs(60);
    world.act("bob", |s, env| s.refresh(env)).unwrap();
    for _ in 0..200 {
        for name in NAMES {
            if world.session("carol").operation().is_some() || name != "alice" {
                world.deliver(&id(name));
            }
        }
    }
    let operation_done = world.packets.len();
    assert!(operation_done > 0);
    let said: Vec<_> = world
        .packets
        .iter()
        .filter(|(sender, bytes)| *sender == id("carol") && bytes[3] == 0x10)
        .map(|(_, bytes)| bytes.clone())
        .collect();
    let last = said.last().unwrap().clone();
    world.lose("alice", &last);
    world.settle();
    last
}

//= docs/spec/protocol.md#ORD-038
//= type=test
#[test]
fn a_later_confirmation_counts_for_all_before() {
    let mut world = established();
    refreshed_without_confirmation(&mut world);
    assert!(!world.session("alice").order_verified());
    world.act("bob", |s, env| s.refresh(env)).unwrap();
    world.settle();
    assert!(world.session("alice").order_verified());
    world.pass_secs(60);
    let missing = |notice: &Notice| matches!(notice, Notice::OrderNotConfirmed { .. });
    for name in NAMES {
        assert!(!world.member(name).notices.iter().any(missing), "{name}");
        assert!(world.session(name).order_verified(), "{name}");
    }
}

#[test]
fn nothing_is_said_to_be_verified_after_the_own_part_is_closed() {
    // Found by the simulator.
    //= docs/spec/protocol.md#SEC-001
    //= type=test
    let mut world = established();
    assert!(world.session("alice").order_verified());
    world.act("alice", |s, env| s.part(env)).unwrap();
    world.members.get_mut(&id("alice")).unwrap().held = true;
    world.pass_secs(100);
    assert!(world.session("alice").channel_members().is_some());
    assert!(!world.session("alice").order_verified());
}

//= docs/spec/protocol.md#ORD-036
//= type=test
#[test]
fn who_does_not_confirm_is_named_until_it_does() {
    let mut world = established();
    let last = refreshed_without_confirmation(&mut world);
    world.pass_secs(10);
    assert!(!world.session("alice").order_verified());
    assert!(world.session("bob").order_verified());
    let missing = |notice: &Notice| matches!(notice, Notice::OrderNotConfirmed { members, .. } if *members == set(&["carol"]));
    assert!(!world.member("alice").notices.iter().any(missing), "not at once");
    world.pass_secs(16);
    assert!(world.member("alice").notices.iter().any(missing));
    assert!(world.session("alice").warnings().iter().any(missing));
    // It arrives after all.
    let _ = world.inject("alice", "carol", &last);
    world.settle();
    assert!(world.session("alice").order_verified());
    let confirmed = |notice: &Notice| matches!(notice, Notice::OrderConfirmed { .. });
    assert!(world.member("alice").notices.iter().any(confirmed));
    assert!(!world.session("alice").warnings().iter().any(missing));
}

//= docs/spec/protocol.md#ORD-037
//= type=test
//= docs/spec/attacks.md#ATK-083
//= type=test
#[test]
fn a_fork_of_the_order_shows_with_the_first_message_that_crosses_it() {
    let mut world = established();
    world.pass_secs(60);
    // The channel shows bob an operation that it keeps from alice and carol, and its end.
    world.members.get_mut(&id("bob")).unwrap().held = true;
    world.act("bob", |s, env| s.refresh(env)).unwrap();
    let proposal = world.packets.last().unwrap().1.clone();
    for name in ["alice", "carol"] {
        world.lose(name, &proposal);
    }
    world.members.get_mut(&id("bob")).unwrap().held = false;
    world.settle();
    world.act("bob", |s, env| s.abort(env)).unwrap();
    world.settle();
    for name in NAMES {
        assert!(inconsistent(&world, name).is_empty() || name != "bob", "not yet");
    }
    world.say("alice", "all well?");
    world.say("bob", "all well");
    world.pass_secs(6);
    assert_eq!(inconsistent(&world, "alice"), ["bob"]);
    assert_eq!(inconsistent(&world, "carol"), ["bob"]);
    world.pass_secs(60);
    for name in NAMES {
        assert!(!world.session(name).order_verified(), "{name}");
        assert!(inconsistent(&world, name).len() <= 2, "each is named once");
    }
}

#[test]
fn messages_written_during_an_operation_are_no_cause_for_alarm() {
    let mut world = established();
    world.pass_secs(60);
    for name in NAMES {
        world.act(name, |s, env| s.send(env, "before")).unwrap();
    }
    world.act("alice", |s, env| s.refresh(env)).unwrap();
    for step in 0..60 {
        let name = NAMES[step % 3];
        let _ = world.act(name, |s, env| s.send(env, "during"));
        world.deliver(&id(NAMES[(step + 1) % 3]));
        world.deliver(&id(NAMES[(step + 2) % 3]));
    }
    world.settle();
    world.pass_secs(120);
    for name in NAMES {
        let warnings = world.member(name).warnings();
        assert!(warnings.is_empty(), "{name}: {warnings:?}");
        assert!(world.session(name).order_verified() && world.session(name).is_consistent());
    }
}

//= docs/spec/protocol.md#ORD-040
//= type=test
#[test]
fn a_v1_session_never_claims_a_verified_order() {
    let mut world = World::with(&NAMES, |config| config.profile(Profile::V1));
    world.establish(&NAMES);
    world.say("alice", "hello");
    world.pass_secs(120);
    for name in NAMES {
        assert!(!world.session(name).order_verified());
        let nobody = MemberSet::new();
        let leave = set(&["carol"]);
        let event = ChannelEvent::Changed { enter: nobody, leave };
        let _ = (name != "carol").then(|| world.act(name, |s, env| s.handle_input(env, event)));
        assert!(!world.session(name).order_verified());
    }
}

fn hold(world: &mut World, held: bool) {
    world.members.get_mut(&id("carol")).unwrap().held = held;
}

/// An operation that fails, of which Carol does not hear.
fn fail_one(world: &mut World) {
    hold(world, true);
    world.act("bob", |s, env| s.refresh(env)).unwrap();
    for name in ["alice", "bob"] {
        world.deliver(&id(name));
    }
    world.act("bob", |s, env| s.abort(env)).unwrap();
    world.settle();
}

/// Everything reaches everybody, but for messages of Carol's to Alice.
fn settle_unheard(world: &mut World) {
    hold(world, false);
    while world.members.values().any(|member| !member.inbox.is_empty()) {
        world.members.get_mut(&id("alice")).unwrap().inbox.retain(|event| {
            !matches!(event, ChannelEvent::Packet { sender, bytes }
                if *sender == id("carol") && bytes[3] == 0x10)
        });
        world.settle_one();
    }
}

fn confirmations(world: &World, name: &str) -> Vec<Option<MemberSet>> {
    let told = |notice: &Notice| match notice {
        Notice::OrderNotConfirmed { members, .. } => Some(Some(members.clone())),
        Notice::OrderConfirmed { .. } => Some(None),
        _ => None,
    };
    world.member(name).notices.iter().filter_map(told).collect()
}

/// Operations that fail one after the other put the warning off for nobody, and end none.
//= docs/spec/protocol.md#ORD-036
//= type=test
#[test]
fn further_operations_neither_put_a_warning_off_nor_drop_it() {
    let mut world = established();
    world.pass_secs(60);
    fail_one(&mut world);
    for _ in 0..2 {
        world.pass_secs(10);
        fail_one(&mut world);
    }
    world.pass_secs(5);
    assert_eq!(confirmations(&world, "alice"), []);
    world.pass_secs(1);
    assert_eq!(confirmations(&world, "alice"), [Some(set(&["carol"]))], "FA_INTV after the first");
    // Nobody is named for what is not due, or named twice.
    fail_one(&mut world);
    world.pass_secs(60);
    assert_eq!(confirmations(&world, "alice").len(), 1);
    // What was missing arrives.
    hold(&mut world, false);
    world.pass_secs(120);
    assert_eq!(confirmations(&world, "alice"), [Some(set(&["carol"])), None]);
    for name in NAMES {
        assert!(world.session(name).order_verified(), "{name}");
    }
}

/// A warning ends also when an operation succeeds, and when those who were missing go.
//= docs/spec/protocol.md#ORD-036
//= type=test
#[test]
fn every_warning_ends() {
    let mut world = established();
    world.pass_secs(60);
    fail_one(&mut world);
    world.pass_secs(30);
    assert_eq!(confirmations(&world, "alice"), [Some(set(&["carol"]))]);
    let keys = world.session("alice").sid();
    settle_unheard(&mut world);
    world.act("bob", |s, env| s.refresh(env)).unwrap();
    settle_unheard(&mut world);
    assert_ne!(world.session("alice").sid(), keys);
    assert_eq!(confirmations(&world, "alice").len(), 1, "not yet");
    world.pass_secs(25);
    assert_eq!(confirmations(&world, "alice"), [Some(set(&["carol"])), None], "new keys");

    fail_one(&mut world);
    world.pass_secs(30);
    let keys = world.session("alice").sid();
    world.leave(&id("carol"));
    world.settle();
    let told = confirmations(&world, "alice");
    assert_eq!(told[2..], [Some(set(&["carol"])), None], "gone");
    assert_ne!(world.session("alice").sid(), keys);
    assert!(world.session("alice").order_verified());
}

/// Excluding everybody else.
//= docs/spec/protocol.md#ORD-036
//= type=test
#[test]
fn a_warning_ends_when_nobody_else_is_left() {
    let mut world = established();
    world.pass_secs(60);
    fail_one(&mut world);
    world.pass_secs(30);
    let others = set(&["bob", "carol"]);
    world.act("alice", |s, env| s.change(env, &MemberSet::new(), &others)).unwrap();
    world.settle();
    assert_eq!(world.session("alice").members(), set(&["alice"]));
    assert_eq!(confirmations(&world, "alice"), [Some(set(&["carol"])), None]);
}

/// With the session it ends without being withdrawn: nobody has confirmed anything.
//= docs/spec/protocol.md#ORD-036
//= type=test
#[test]
fn a_warning_ends_with_the_session() {
    let mut world = established();
    world.pass_secs(60);
    fail_one(&mut world);
    world.pass_secs(30);
    world.leave(&id("alice"));
    world.settle();
    assert_eq!(confirmations(&world, "alice"), [Some(set(&["carol"]))]);
    let ended = |n: &Notice| matches!(n, Notice::MembersChanged { remain, include, .. } if *remain == set(&["alice"]) && include.is_empty());
    assert!(world.member("alice").notices.iter().any(ended));
}
