//! Leaving properly: farewell, acknowledgement, exclusion by the others.

use mpenc::{MemberSet, Notice, SendError, SessionState};

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
