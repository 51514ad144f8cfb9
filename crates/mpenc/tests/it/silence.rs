//! Who says nothing, and what never arrives: named in time, and never more than that.

use mpenc::{MemberSet, Notice, OperationError, Timing};

use crate::world::{World, id, set};

fn nobody() -> MemberSet {
    MemberSet::new()
}

fn slow(world: &World, name: &str) -> Option<MemberSet> {
    world.member(name).notices.iter().find_map(|notice| match notice {
        Notice::OperationSlow { waiting_for } => Some(waiting_for.clone()),
        _ => None,
    })
}

/// Every set of members that can be silent while `alice` includes `dave`.
#[test]
fn a_stalled_operation_names_the_silent_and_nobody_else() {
    // ATK-060, ATK-094
    //= docs/spec/protocol.md#GRT-027
    //= type=test
    let others = ["bob", "carol", "dave"];
    let everybody = ["alice", "bob", "carol", "dave"];
    for choice in 1..8 {
        let silent: Vec<_> =
            others.into_iter().enumerate().filter(|(i, _)| choice >> i & 1 == 1).collect();
        let silent: Vec<_> = silent.into_iter().map(|(_, name)| name).collect();
        let mut world = World::with(&everybody, |config| config.patient_join(true));
        world.establish(&["alice", "bob", "carol"]);
        world.act("dave", |s, env| s.join(env)).unwrap();
        world.settle();
        for name in &silent {
            world.members.get_mut(&id(name)).unwrap().held = true;
        }
        let op = world.act("alice", |s, env| s.change(env, &set(&["dave"]), &nobody())).unwrap();
        world.settle();
        // As long as an operation may take, with its four hops.
        world.pass(Timing::default().op_timeout(8));
        let honest: Vec<_> = everybody.into_iter().filter(|name| !silent.contains(name)).collect();
        for name in &honest {
            let named = slow(&world, name).unwrap_or_else(|| panic!("{silent:?}: {name}"));
            assert!(!named.is_empty() && named.is_subset(&set(&silent)), "{silent:?}: {named:?}");
        }
        // What can be done: they are taken out of the channel, and everything goes on.
        for name in &silent {
            world.leave(&id(name));
        }
        world.settle();
        world.pass_secs(60);
        let ended = world.member("alice").ended[&op].clone();
        // In v1 nothing can end it in time, so the request ends before it (SES-023).
        let v1 = crate::world::profile() == mpenc::Profile::V1;
        let in_time = v1 && ended == Err(OperationError::Timeout);
        assert!(in_time || matches!(ended, Err(OperationError::OperationFailed(_))), "{ended:?}");
        let together: Vec<_> = honest.into_iter().filter(|name| *name != "dave").collect();
        if together.len() > 1 {
            world.assert_agree(&together);
        }
    }
}

#[test]
fn an_invitation_that_never_comes_to_an_end_ends_the_joining() {
    // ATK-094: the newcomer's side of it.
    //= docs/spec/protocol.md#SES-030
    //= type=test
    let mut world = World::new(&["alice", "bob", "carol"]);
    world.establish(&["alice", "bob"]);
    let join = world.act("carol", |s, env| s.join(env)).unwrap();
    world.settle();
    for name in ["alice", "bob"] {
        world.members.get_mut(&id(name)).unwrap().held = true;
    }
    world.act("alice", |s, env| s.change(env, &set(&["carol"]), &nobody())).unwrap();
    world.settle();
    world.pass_secs(600);
    assert_eq!(world.member("carol").ended.get(&join), Some(&Err(OperationError::Timeout)));
    assert!(!world.channel.contains(&id("carol")), "it can try again");
}

fn unacked(world: &World, name: &str) -> Vec<MemberSet> {
    let warning = |notice: &Notice| match notice {
        Notice::NotFullyAcked { unacked_by, .. } => Some(unacked_by.clone()),
        _ => None,
    };
    world.member(name).notices.iter().filter_map(warning).collect()
}

#[test]
fn a_message_lost_on_its_way_to_one_member_warns_everybody_in_time() {
    // ATK-124
    let names = ["alice", "bob", "carol"];
    let mut world = World::new(&names);
    world.establish(&names);
    world.pass_secs(100);
    let message = world.act("alice", |s, env| s.send(env, "not for carol")).unwrap();
    let (_, packet) = world.packets.last().unwrap().clone();
    world.lose("carol", &packet);
    world.pass(Timing::default().fa_intv());
    for name in ["alice", "bob"] {
        assert!(unacked(&world, name).contains(&set(&["carol"])), "{name}");
        assert_eq!(world.session(name).unacked_by(&message), Some(set(&["carol"])));
    }
    // It arrives after all, and the warning is withdrawn.
    let _ = world.inject("carol", "alice", &packet);
    world.pass_secs(60);
    let withdrawn = Notice::MessageFullyAcked { id: message };
    for name in ["alice", "bob"] {
        assert!(world.member(name).notices.contains(&withdrawn), "{name}");
        assert!(world.session(name).is_consistent(), "{name}");
    }
}

#[test]
fn whoever_never_acknowledges_is_named() {
    // ATK-120
    let names = ["alice", "bob", "mallory"];
    let mut world = World::new(&names);
    world.establish(&names);
    world.pass_secs(100);
    world.members.get_mut(&id("mallory")).unwrap().held = true;
    world.say("alice", "do you read me?");
    world.pass(Timing::default().fa_intv());
    for name in ["alice", "bob"] {
        assert_eq!(unacked(&world, name), [set(&["mallory"])], "{name}");
    }
}

/// Everything that Carol gets comes so late, again and again.
//= docs/spec/attacks.md#ATK-139
//= type=test
#[test]
fn somebody_who_gets_everything_late_is_named_only_when_it_is_too_late() {
    let names = ["alice", "bob", "carol"];
    let timing = Timing::default();
    let mut world = World::new(&names);
    world.establish(&names);
    world.pass_secs(100);
    let pass = |world: &mut World, late, texts| {
        for n in 0..texts {
            world.members.get_mut(&id("carol")).unwrap().held = true;
            world.act(names[n % 2], |s, env| s.send(env, "soon?")).unwrap();
            world.pass(late);
            world.members.get_mut(&id("carol")).unwrap().held = false;
            world.settle();
        }
    };
    pass(&mut world, timing.bc_lat() - core::time::Duration::from_millis(1), 60);
    world.pass_secs(30);
    for name in names {
        assert!(world.member(name).warnings().is_empty(), "{name}");
        assert!(world.session(name).is_consistent(), "{name}");
    }
    pass(&mut world, timing.fa_intv(), 1);
    for name in ["alice", "bob"] {
        assert_eq!(unacked(&world, name), [set(&["carol"])], "{name}");
    }
    world.pass_secs(30);
    assert!(names.iter().all(|name| world.session(name).overdue().is_empty()));
    assert_eq!(world.texts("carol").len(), 61);
}

#[test]
fn each_half_of_a_divided_group_is_warned() {
    // ATK-089: both halves are kept alive, and hear nothing of each other.
    let names = ["alice", "bob", "carol", "dave"];
    let halves = [["alice", "bob"], ["carol", "dave"]];
    // Without heartbeats, since the test keeps those who write outside from hearing each other.
    let mut world = World::with(&names, |config| config.presence(false));
    world.establish(&names);
    world.pass_secs(100);
    for (own, other) in [(halves[0], halves[1]), (halves[1], halves[0])] {
        let channel = world.channel.clone();
        // Nobody of the other half gets anything.
        world.channel = set(&own);
        world.say(own[0], "is everybody here?");
        world.pass(Timing::default().fa_intv());
        for name in own {
            assert!(unacked(&world, name).contains(&set(&other)), "{name}");
        }
        world.channel = channel;
    }
}
