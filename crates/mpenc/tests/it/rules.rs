//! Rules that hold whatever happens: one operation at a time, fixed memberships, proposals only
//! when they can succeed.

use mpenc::channel::{ChannelEvent, ChannelRequest};
use mpenc::session::SubsessionState;
use mpenc::{ChangeError, MemberSet, Notice, SendError, SessionState};

use crate::world::{World, id, set};

fn nobody() -> MemberSet {
    MemberSet::new()
}

fn proposals(world: &World, name: &str) -> usize {
    let notices = &world.member(name).notices;
    notices.iter().filter(|notice| matches!(notice, Notice::OpProposed { .. })).count()
}

#[test]
fn one_operation_at_a_time_and_memberships_that_stay() {
    //= docs/spec/protocol.md#MOD-003
    //= type=test
    //= docs/spec/protocol.md#MOD-005
    //= type=test
    //= docs/spec/protocol.md#MOD-008
    //= type=test
    let names = ["alice", "bob", "carol"];
    let mut world = World::new(&names);
    world.establish(&names);
    let before = world.say("alice", "to all three");
    let sid = world.session("alice").sid();
    world.act("alice", |s, env| s.change(env, &nobody(), &set(&["carol"]))).unwrap();
    world.deliver(&id("alice"));
    let refused = world.act("alice", |s, env| s.change(env, &nobody(), &set(&["bob"])));
    assert_eq!(refused, Err(ChangeError::OperationInProgress));
    assert_eq!(world.session("alice").sid(), sid, "nothing has changed before it succeeds");
    world.settle();
    let after = world.say("alice", "to bob");
    let alice = world.session("alice");
    assert_ne!(alice.sid(), sid);
    let current = |(_, state): &(_, SubsessionState)| *state == SubsessionState::Joined;
    assert_eq!(alice.subsession_states().filter(current).count(), 1);
    assert_eq!(alice.message(&before).unwrap().readers(), set(&["bob", "carol"]), "as it was");
    assert_eq!(alice.message(&after).unwrap().readers(), set(&["bob"]));
}

#[test]
fn a_proposal_that_lost_is_not_repeated() {
    //= docs/spec/protocol.md#ORD-019
    //= type=test
    let names = ["alice", "bob", "carol"];
    let mut world = World::new(&names);
    world.establish(&names);
    let before = proposals(&world, "alice");
    world.act("bob", |s, env| s.refresh(env)).unwrap();
    world.act("alice", |s, env| s.change(env, &nobody(), &set(&["carol"]))).unwrap();
    world.settle();
    world.pass_secs(300);
    assert_eq!(proposals(&world, "alice"), before + 1);
    world.assert_agree(&names);
}

#[test]
fn nothing_is_proposed_before_it_can_be_accepted() {
    //= docs/spec/protocol.md#ORD-020
    //= type=test
    let mut world = World::new(&["alice", "bob", "carol"]);
    world.establish(&["alice", "bob"]);
    let before = proposals(&world, "alice");
    // Carol is not there yet, and is asked in first.
    let op = world.act("alice", |s, env| s.change(env, &set(&["carol"]), &nobody())).unwrap();
    assert_eq!(proposals(&world, "alice"), before);
    world.settle();
    assert_eq!(world.member("alice").ended[&op], Ok(()));
}

#[test]
fn proposals_go_to_all_whom_they_concern() {
    //= docs/spec/protocol.md#ORD-021
    //= type=test
    let mut world = World::new(&["alice", "bob", "carol"]);
    world.establish(&["alice", "bob", "carol"]);
    let exclude = set(&["carol"]);
    let sent = world.act("alice", |s, env| {
        s.change(env, &nobody(), &exclude).unwrap();
        s.poll_transmit()
    });
    let Some(ChannelRequest::Send { recipients, .. }) = sent else { panic!("{sent:?}") };
    assert_eq!(recipients, set(&["bob", "carol"]), "the excluded one too");
}

#[test]
fn who_leaves_is_dealt_with_before_who_enters() {
    //= docs/spec/protocol.md#ORD-029
    //= type=test
    let mut world = World::with(&["alice", "bob", "carol"], |config| config.auto_include(true));
    world.establish(&["alice", "bob"]);
    world.pass_secs(100);
    let before = world.member("alice").notices.len();
    let event = ChannelEvent::Changed { enter: set(&["carol"]), leave: set(&["bob"]) };
    let _ = world.act("alice", |s, env| s.handle_input(env, event));
    let first = world.member("alice").notices[before..].iter().find_map(|notice| match notice {
        Notice::OpProposed { change } => Some(change.clone()),
        _ => None,
    });
    let first = first.expect("a proposal at once");
    assert_eq!((first.exclude, first.include), (set(&["bob"]), nobody()));
}

#[test]
fn the_order_of_a_v1_session_is_not_verified() {
    //= docs/spec/protocol.md#ORD-040
    //= type=test
    let names = ["alice", "bob"];
    let mut world = World::v1(&names);
    world.establish(&names);
    world.pass_secs(100);
    assert!(!world.session("alice").order_verified());
}

#[test]
fn a_slow_operation_is_reported_with_those_it_waits_for() {
    //= docs/spec/protocol.md#GRT-027
    //= type=test
    let mut world = World::with(&["alice", "bob", "carol"], |config| config.patient_join(true));
    world.establish(&["alice", "bob"]);
    world.act("carol", |s, env| s.join(env)).unwrap();
    world.settle();
    world.members.get_mut(&id("carol")).unwrap().held = true;
    world.act("alice", |s, env| s.change(env, &set(&["carol"]), &nobody())).unwrap();
    world.settle();
    world.pass_secs(100);
    let names_carol = |notice: &Notice| matches!(notice, Notice::OperationSlow { waiting_for } if waiting_for.contains(&id("carol")));
    assert!(world.member("bob").notices.iter().any(names_carol));
    // The way out: the operation fails when whoever is slow leaves.
    world.leave(&id("carol"));
    world.settle();
    world.assert_agree(&["alice", "bob"]);
}

#[test]
fn a_former_subsession_delays_nothing() {
    //= docs/spec/protocol.md#FIN-010
    //= type=test
    //= docs/spec/protocol.md#MOD-004
    //= type=test
    //= docs/spec/protocol.md#SES-004
    //= type=test
    let names = ["alice", "bob", "carol"];
    let mut world = World::new(&names);
    world.establish(&names);
    world.members.get_mut(&id("carol")).unwrap().held = true;
    world.say("alice", "carol has not acknowledged this");
    world.act("alice", |s, env| s.change(env, &nobody(), &set(&["carol"]))).unwrap();
    world.settle();
    let states: Vec<_> = world.session("alice").subsession_states().map(|(_, s)| s).collect();
    assert!(
        states.contains(&SubsessionState::Parting) && states.contains(&SubsessionState::Joined)
    );
    world.say("bob", "and yet we go on");
    assert_eq!(world.texts("alice").last().unwrap(), "and yet we go on");
    let op = world.act("bob", |s, env| s.refresh(env)).unwrap();
    world.settle();
    assert_eq!(world.member("bob").ended[&op], Ok(()));
    assert_eq!(world.session("alice").subsession_states().count(), 3, "both wind up");
}

#[test]
fn arguments_are_judged_before_anything_happens() {
    //= docs/spec/protocol.md#SES-045
    //= type=test
    //= docs/spec/attacks.md#ATK-198
    //= type=test
    let mut world = World::new(&["alice", "bob"]);
    world.establish(&["alice", "bob"]);
    world.pass_secs(100);
    let (notices, packets) = (world.member("alice").notices.len(), world.packets.len());
    let both = set(&["bob"]);
    assert!(world.act("alice", |s, env| s.change(env, &both, &both)).is_err());
    assert!(world.act("alice", |s, env| s.change(env, &nobody(), &set(&["alice"]))).is_err());
    let long = "x".repeat(mpenc::content::MAX_CONTENT + 1);
    let refused = world.act("alice", |s, env| s.send(env, &long));
    assert!(matches!(refused, Err(SendError::TooLarge { .. })), "{refused:?}");
    assert_eq!((world.member("alice").notices.len(), world.packets.len()), (notices, packets));
}

#[test]
fn every_member_may_propose_every_change() {
    //= docs/spec/protocol.md#POL-001
    //= type=test
    let names = ["alice", "bob", "carol"];
    let mut world = World::new(&names);
    world.establish(&names);
    for (by, whom) in [("carol", "alice"), ("bob", "carol")] {
        let exclude = set(&[whom]);
        let op = world.act(by, |s, env| s.change(env, &nobody(), &exclude)).unwrap();
        world.settle();
        assert_eq!(world.member(by).ended[&op], Ok(()), "{by} excludes {whom}");
    }
    assert_eq!(world.session("bob").state(), SessionState::Parting, "only bob is left");
}
