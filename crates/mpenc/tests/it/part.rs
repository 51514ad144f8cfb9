//! Leaving properly: farewell, acknowledgement, exclusion by the others.

use mpenc::{MemberSet, Notice, SendError, SessionState, Timing};
use mpenc_types::limits::MAX_PREVIOUS;

use crate::world::{World, id, set};

#[test]
fn a_parting_member_leaves_with_everything_acknowledged() {
    //= docs/spec/protocol.md#FIN-002
    //= type=test
    //= docs/spec/protocol.md#FIN-003
    //= type=test
    //= docs/spec/protocol.md#SES-002
    //= type=test
    //= docs/spec/protocol.md#SES-032
    //= type=test
    //= docs/spec/protocol.md#SES-037
    //= type=test
    //= docs/spec/attacks.md#ATK-136
    //= type=test
    //= docs/spec/attacks.md#ATK-198
    //= type=test
    let names = ["alice", "bob", "carol"];
    let mut world = World::new(&names);
    world.establish(&names);
    world.say("bob", "goodbye");
    let op = world.act("bob", |s, env| s.part(env)).unwrap();
    assert_eq!(world.session("bob").state(), SessionState::Parting);
    assert_eq!(
        world.act("bob", |s, env| s.send(env, "too late")),
        Err(SendError::NotJoined),
        "no payload after FIN (FIN-003)"
    );
    assert!(world.act("bob", |s, env| s.send(env, "")).is_ok(), "a manual ack is allowed");
    world.settle();
    world.pass_secs(30);
    assert_eq!(world.member("bob").ended[&op], Ok(()));
    assert_eq!(world.session("bob").state(), SessionState::Parted);
    world.assert_agree(&["alice", "carol"]);
    world.say("carol", "bob cannot read this");
    assert_eq!(world.texts("bob"), ["goodbye"]);
    world.pass_secs(120);
    for name in names {
        assert!(world.member(name).warnings().is_empty(), "{:?}", world.member(name).warnings());
        assert!(world.session(name).is_consistent(), "{name}");
    }
}

#[test]
fn the_farewell_of_a_rotation_excludes_nobody() {
    //= docs/spec/protocol.md#FIN-017
    //= type=test
    let names = ["alice", "bob"];
    let mut world = World::new(&names);
    world.establish(&names);
    world.act("alice", |s, env| s.refresh(env)).unwrap();
    world.settle();
    world.pass_secs(100);
    world.assert_agree(&names);
}

#[test]
fn parting_works_from_every_state() {
    //= docs/spec/protocol.md#SES-033
    //= type=test
    let mut world = World::new(&["alice", "bob", "carol"]);
    // Outside the channel.
    let op = world.act("alice", |s, env| s.part(env)).unwrap();
    assert_eq!(world.member("alice").ended[&op], Ok(()));
    // Alone.
    world.act("alice", |s, env| s.join(env)).unwrap();
    world.settle();
    assert!(world.session("alice").is_alone());
    let op = world.act("alice", |s, env| s.part(env)).unwrap();
    world.settle();
    assert_eq!(world.member("alice").ended[&op], Ok(()));
    assert_eq!(world.session("alice").state(), SessionState::Parted);
    // Waiting to be included; the join it interrupts ends too.
    world.establish(&["alice", "bob"]);
    let join = world.act("carol", |s, env| s.join(env)).unwrap();
    world.settle();
    let part = world.act("carol", |s, env| s.part(env)).unwrap();
    world.settle();
    assert!(world.member("carol").ended[&join].is_err());
    assert_eq!(world.member("carol").ended[&part], Ok(()));
    assert_eq!(world.channel, set(&["alice", "bob"]));
}

#[test]
fn everybody_parts_at_once() {
    let names = ["alice", "bob", "carol"];
    let mut world = World::new(&names);
    world.establish(&names);
    world.say("alice", "enough");
    let ops: Vec<_> =
        names.iter().map(|name| world.act(name, |s, env| s.part(env)).unwrap()).collect();
    world.settle();
    world.pass_secs(200);
    for (name, op) in names.iter().zip(ops) {
        assert_eq!(world.member(name).ended[&op], Ok(()), "{name}");
        assert_eq!(world.session(name).state(), SessionState::Parted, "{name}");
    }
    assert_eq!(world.channel, MemberSet::new());
}

#[test]
fn somebody_who_waits_gives_up_and_says_so() {
    //= docs/spec/protocol.md#ORD-022
    //= type=test
    //= docs/spec/protocol.md#SES-030
    //= type=test
    let mut world = World::new(&["alice", "bob"]);
    world.act("alice", |s, env| s.join(env)).unwrap();
    world.settle();
    let op = world.act("bob", |s, env| s.join(env)).unwrap();
    world.settle();
    world.pass_secs(120);
    assert!(world.member("bob").ended[&op].is_err());
    assert_eq!(world.session("bob").state(), SessionState::JoinFailed);
    assert_eq!(world.channel, set(&["alice"]));
    let told = Notice::EnterRequest { member: id("bob") };
    assert!(world.member("alice").notices.contains(&told));
}

/// The farewell, or every answer to it, is lost, or comes twice, while somebody else parts too.
//= docs/spec/attacks.md#ATK-136
//= type=test
#[test]
fn a_farewell_ends_in_time_whatever_happens_to_it() {
    let names = ["alice", "bob", "carol"];
    // Who does not get it; whether Bob gets answers; whether it comes twice; who else parts.
    for lost in [&[][..], &["alice"], &["carol"], &["alice", "carol"]] {
        for (deaf, twice, both) in [
            (false, false, false),
            (true, false, false),
            (false, true, false),
            (false, false, true),
        ] {
            let what = format!("{lost:?} {deaf} {twice} {both}");
            let mut world = World::new(&names);
            world.establish(&names);
            world.pass_secs(60);
            // Nobody sends Bob away before he goes.
            world.immovable = set(&["bob"]);
            world.members.get_mut(&id("bob")).unwrap().held = deaf;
            let last = world.act("bob", |s, env| s.send(env, "one last word")).unwrap();
            let before = world.packets.len();
            world.act("bob", |s, env| s.part(env)).unwrap();
            let farewell = world.packets[before].1.clone();
            lost.iter().for_each(|name| world.lose(name, &farewell));
            if twice {
                for name in ["alice", "carol"] {
                    let _ = world.inject(name, "bob", &farewell);
                }
            }
            if both {
                world.act("alice", |s, env| s.part(env)).unwrap();
            }
            world.pass(Timing::default().fin_timeout());
            world.pass_secs(1);
            assert!(!world.channel.contains(&id("bob")), "{what}: he is still there");
            world.members.get_mut(&id("bob")).unwrap().held = false;
            world.settle();
            let bob = world.session("bob");
            let unconfirmed: Vec<_> = bob.not_fully_acked().collect();
            match bob.state() {
                SessionState::Parted => assert!(unconfirmed.is_empty(), "{what}"),
                SessionState::PartFailed => assert!(!bob.is_consistent(), "{what}"),
                other => panic!("{what}: {other:?}"),
            }
            assert_eq!(deaf, unconfirmed.contains(&last), "{what}");
            assert!(!deaf || bob.state() == SessionState::PartFailed, "{what}");
        }
    }
}

/// Its own subsession has ended, and the others go on without knowing: it is not in theirs any
/// more, and has nothing to end once more.
#[test]
fn whoever_waits_to_be_let_out_sees_the_others_go_on() {
    //= docs/spec/protocol.md#MOD-004
    //= type=test
    let names = ["alice", "bob", "carol"];
    let mut world = World::v1(&names);
    world.establish(&names);
    world.pass_secs(60);
    world.members.get_mut(&id("carol")).unwrap().held = true;
    for _ in 0..2 * MAX_PREVIOUS {
        world.act("alice", |s, env| s.refresh(env)).unwrap();
        world.settle();
    }
    let op = world.act("carol", |s, env| s.part(env)).unwrap();
    // Carol hears nothing, gives up, and asks to leave; what comes first is the others' changes.
    world.pass(Timing::default().fin_timeout());
    assert!(!world.channel.contains(&id("carol")));
    world.members.get_mut(&id("carol")).unwrap().held = false;
    world.settle();
    assert_eq!(world.session("carol").state(), SessionState::Parted);
    assert!(world.member("carol").ended.contains_key(&op));
    world.pass_secs(200);
    world.assert_agree(&["alice", "bob"]);
}
