//! Things that happen at the same time.

use mpenc::{MemberSet, Notice, OperationError, SessionState};

use crate::world::{World, id, set};

#[test]
fn of_two_proposals_exactly_one_is_accepted() {
    //= docs/spec/protocol.md#ORD-015
    //= type=test
    //= docs/spec/protocol.md#ORD-018
    //= type=test
    let names = ["alice", "bob", "carol"];
    let mut world = World::v1(&names);
    world.establish(&names);
    let nobody = MemberSet::new();
    let first = world.act("bob", |s, env| s.change(env, &nobody, &set(&["carol"]))).unwrap();
    let second = world.act("alice", |s, env| s.refresh(env)).unwrap();
    world.settle();
    assert_eq!(world.member("bob").ended[&first], Ok(()));
    assert_eq!(
        world.member("alice").ended[&second],
        Err(OperationError::ProposalRejected { winner: id("bob") })
    );
    world.assert_agree(&["alice", "bob"]);
    // The loser is not stuck.
    let again = world.act("alice", |s, env| s.refresh(env)).unwrap();
    world.settle();
    assert_eq!(world.member("alice").ended[&again], Ok(()));
    world.assert_agree(&["alice", "bob"]);
}

#[test]
fn the_first_two_in_the_channel_find_each_other() {
    //= docs/spec/protocol.md#SES-029
    //= type=test
    //= docs/spec/protocol.md#ORD-007
    //= type=test
    let mut world = World::new(&["alice", "bob"]);
    world.act("alice", |s, env| s.join(env)).unwrap();
    world.act("bob", |s, env| s.join(env)).unwrap();
    world.settle();
    assert!(world.session("alice").is_alone());
    assert_eq!(world.session("bob").state(), SessionState::Joining);
    // Alice leaves: bob has nobody senior left, and becomes alone.
    world.act("alice", |s, env| s.part(env)).unwrap();
    world.settle();
    assert!(world.session("bob").is_alone());
}

#[test]
fn concurrent_messages_are_marked() {
    //= docs/spec/protocol.md#UIX-001
    //= type=test
    let names = ["alice", "bob", "carol"];
    let mut world = World::new(&names);
    world.establish(&names);
    let opening = world.say("alice", "shall we?");
    let yes = world.act("bob", |s, env| s.send(env, "yes")).unwrap();
    let no = world.act("carol", |s, env| s.send(env, "no")).unwrap();
    world.settle();
    let both = world.say("alice", "hm");
    for name in names {
        let session = world.session(name);
        assert_eq!(session.log_parents(&yes).unwrap(), [opening], "{name}");
        assert_eq!(session.log_parents(&no).unwrap(), [opening], "{name}");
        let mut parents = session.log_parents(&both).unwrap();
        parents.sort();
        let mut expect = vec![yes, no];
        expect.sort();
        assert_eq!(parents, expect);
        assert_eq!(session.is_before(&yes, &no), Some(false));
        assert_eq!(session.is_before(&opening, &both), Some(true));
        //= docs/spec/protocol.md#TRN-039
        //= type=test
        let marked: Vec<_> = world
            .member(name)
            .notices
            .iter()
            .filter_map(|notice| match notice {
                Notice::MessageReady { id, par_idx, .. } => Some((*id, par_idx.clone())),
                _ => None,
            })
            .collect();
        let second = &marked[2];
        assert_eq!(second.1, [2], "the second of two concurrent messages answers the one before");
        assert_eq!(marked[3].1, [1, 2]);
    }
}

#[test]
fn messages_written_during_an_operation_go_to_the_former_members() {
    //= docs/spec/protocol.md#TRN-041
    //= type=test
    //= docs/spec/protocol.md#UIX-005
    //= type=test
    //= docs/spec/protocol.md#SES-017
    //= type=test
    let names = ["alice", "bob", "carol"];
    let mut world = World::new(&names);
    world.establish(&names);
    world.act("alice", |s, env| s.change(env, &MemberSet::new(), &set(&["carol"]))).unwrap();
    world.deliver(&id("alice"));
    let view = world.session("alice").operation().expect("running");
    assert_eq!(view.next_members, set(&["alice", "bob"]));
    let sent = world.say("bob", "carol still reads this");
    world.settle();
    assert_eq!(world.texts("carol"), ["carol still reads this"]);
    let session = world.session("alice");
    assert_eq!(session.message(&sent).unwrap().members, &set(&names));
    assert_eq!(session.members(), set(&["alice", "bob"]));
}

#[test]
fn equal_inputs_give_equal_bytes() {
    //= docs/spec/protocol.md#MOD-012
    //= type=test
    let run = || {
        let names = ["alice", "bob", "carol"];
        let mut world = World::new(&names);
        world.establish(&names);
        world.say("alice", "one");
        world.act("bob", |s, env| s.refresh(env)).unwrap();
        world.settle();
        world.say("carol", "two");
        world.pass_secs(100);
        world.packets
    };
    assert_eq!(run(), run());
}
