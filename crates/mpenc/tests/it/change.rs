//! Including, excluding, refreshing: who can read what, and what people are told.

use mpenc::{ChangeError, MemberSet, Notice, OperationError, SessionState};

use crate::world::{World, id, set};

fn nobody() -> MemberSet {
    MemberSet::new()
}

#[test]
fn newcomers_read_from_then_on() {
    //= docs/spec/protocol.md#ORD-022
    //= type=test
    //= docs/spec/protocol.md#ORD-041
    //= type=test
    let mut world = World::new(&["alice", "bob", "carol", "dave"]);
    world.establish(&["alice", "bob"]);
    world.say("alice", "before");
    for name in ["carol", "dave"] {
        world.act(name, |s, env| s.join(env)).unwrap();
    }
    world.settle();
    for member in ["carol", "dave"] {
        let asked = Notice::EnterRequest { member: id(member) };
        assert!(world.member("bob").notices.contains(&asked));
    }
    let op = world.act("bob", |s, env| s.change(env, &set(&["carol", "dave"]), &nobody())).unwrap();
    world.settle();
    assert_eq!(world.member("bob").ended[&op], Ok(()));
    let all = ["alice", "bob", "carol", "dave"];
    world.assert_agree(&all);
    let after = world.say("carol", "after");
    assert_eq!(world.texts("alice"), ["before", "after"]);
    assert_eq!(world.texts("dave"), ["after"]);
    // Old members see the newcomer's first message follow the last one before it; newcomers
    // know of nothing before (TRN-036).
    assert_eq!(world.session("alice").log_parents(&after).unwrap().len(), 1);
    assert!(world.session("dave").log_parents(&after).unwrap().is_empty());
    world.pass_secs(200);
    for name in all {
        assert!(world.member(name).warnings().is_empty(), "{:?}", world.member(name).warnings());
        assert!(world.session(name).is_consistent());
        assert_eq!(world.session(name).subsession_states().count(), 1, "old ones are closed");
    }
    // Joined means: from the newcomer's side everybody else is new (11.6).
    let joined = world.member("carol").notices.iter().find_map(|notice| match notice {
        Notice::MembersChanged { remain, include, exclude, .. } => Some((remain, include, exclude)),
        _ => None,
    });
    let expect = (&set(&["carol"]), &set(&["alice", "bob", "dave"]), &nobody());
    assert_eq!(joined, Some(expect));
}

#[test]
fn the_excluded_cannot_read_on_and_leave() {
    //= docs/spec/protocol.md#FIN-012
    //= type=test
    //= docs/spec/protocol.md#ORD-033
    //= type=test
    //= docs/spec/protocol.md#SES-019
    //= type=test
    let names = ["alice", "bob", "carol"];
    let mut world = World::new(&names);
    world.establish(&names);
    let op = world.act("alice", |s, env| s.change(env, &nobody(), &set(&["carol"]))).unwrap();
    world.settle();
    assert_eq!(world.member("alice").ended[&op], Ok(()));
    world.assert_agree(&["alice", "bob"]);
    assert!(world.session("alice").lingering_members().contains(&id("carol")));
    world.say("bob", "carol must not read this");
    assert!(world.texts("carol").is_empty());
    // Kicked once the old subsession has shut down (FIN-012).
    world.pass_secs(60);
    assert_eq!(world.channel, set(&["alice", "bob"]));
    assert_eq!(world.session("carol").state(), SessionState::Parted);
    for name in names {
        assert!(world.member(name).warnings().is_empty(), "{:?}", world.member(name).warnings());
        assert!(world.session(name).is_consistent(), "{name}");
    }
    assert!(world.session("alice").lingering_members().is_empty());
}

#[test]
fn an_excluded_member_can_be_included_again() {
    //= docs/spec/protocol.md#SES-021
    //= type=test
    let names = ["alice", "bob", "carol"];
    let mut world = World::new(&names);
    world.establish(&names);
    world.act("alice", |s, env| s.change(env, &nobody(), &set(&["carol"]))).unwrap();
    world.settle();
    // Still in the channel: it has to leave first (rule IAL), and is asked in again.
    let op = world.act("bob", |s, env| s.change(env, &set(&["carol"]), &nobody())).unwrap();
    world.settle();
    assert_eq!(world.member("bob").ended.get(&op), Some(&Ok(())));
    world.assert_agree(&names);
    world.say("carol", "back");
    assert_eq!(world.texts("alice"), ["back"]);
}

#[test]
fn a_refresh_changes_keys_and_nothing_else() {
    //= docs/spec/protocol.md#SES-027
    //= type=test
    let names = ["alice", "bob", "carol"];
    let mut world = World::new(&names);
    world.establish(&names);
    world.say("alice", "one");
    let before = world.session("alice").order();
    let op = world.act("bob", |s, env| s.refresh(env)).unwrap();
    world.settle();
    assert_eq!(world.member("bob").ended[&op], Ok(()));
    world.assert_agree(&names);
    assert_ne!(world.session("alice").order(), before);
    world.say("carol", "two");
    for name in names {
        assert_eq!(world.texts(name), ["one", "two"], "{name}");
        let refreshed = Notice::KeyRefreshed { initiator: id("bob"), log_position: 1 };
        assert!(world.member(name).notices.contains(&refreshed), "{name}");
    }
    world.pass_secs(200);
    for name in names {
        assert!(world.member(name).warnings().is_empty(), "{:?}", world.member(name).warnings());
    }
}

#[test]
fn swapping_a_member_takes_two_operations() {
    //= docs/spec/protocol.md#SES-026
    //= type=test
    let mut world = World::v1(&["alice", "bob", "carol"]);
    world.establish(&["alice", "bob"]);
    world.act("carol", |s, env| s.join(env)).unwrap();
    world.settle();
    let op = world.act("alice", |s, env| s.change(env, &set(&["carol"]), &set(&["bob"]))).unwrap();
    world.settle();
    world.pass_secs(60);
    assert_eq!(world.member("alice").ended[&op], Ok(()));
    world.assert_agree(&["alice", "carol"]);
    let changes: Vec<_> = world
        .member("alice")
        .notices
        .iter()
        .filter_map(|notice| match notice {
            Notice::MembersChanged { include, exclude, .. } => Some((include.len(), exclude.len())),
            _ => None,
        })
        .collect();
    assert_eq!(changes, [(1, 0), (0, 1), (1, 0)]);
}

#[test]
fn excluding_everybody_ends_the_session() {
    let names = ["alice", "bob", "carol"];
    let mut world = World::new(&names);
    world.establish(&names);
    let op =
        world.act("alice", |s, env| s.change(env, &nobody(), &set(&["bob", "carol"]))).unwrap();
    world.settle();
    assert_eq!(world.member("alice").ended[&op], Ok(()));
    assert_eq!(world.session("alice").state(), SessionState::Parting);
    //= docs/spec/protocol.md#FIN-011
    //= type=test
    // Shutdown ends by acknowledgements, well before FIN_TIMEOUT.
    world.pass_secs(30);
    assert_eq!(world.session("alice").state(), SessionState::Parted);
    assert_eq!(world.channel, nobody());
    for name in names {
        assert_eq!(world.session(name).state(), SessionState::Parted, "{name}");
        assert_eq!(world.session(name).members(), set(&[name]));
    }
}

#[test]
fn requests_that_make_no_sense_are_refused() {
    //= docs/spec/protocol.md#SES-022
    //= type=test
    //= docs/spec/protocol.md#SES-024
    //= type=test
    //= docs/spec/attacks.md#ATK-198
    //= type=test
    let mut world = World::new(&["alice", "bob", "carol"]);
    let change = |world: &mut World, include: &[&str], exclude: &[&str]| {
        world.act("alice", |s, env| s.change(env, &set(include), &set(exclude)))
    };
    assert_eq!(change(&mut world, &["bob"], &[]), Err(ChangeError::NotInChannel));
    world.establish(&["alice", "bob"]);
    assert_eq!(change(&mut world, &[], &["alice"]), Err(ChangeError::CannotExcludeSelf));
    assert_eq!(change(&mut world, &["carol"], &["carol"]), Err(ChangeError::Overlap(id("carol"))));
    let op = change(&mut world, &["bob"], &["carol"]).unwrap();
    assert_eq!(world.member("alice").ended[&op], Ok(()), "already so");
    // Somebody who never comes: the request ends (SES-025).
    let op = change(&mut world, &["nobody-there"], &[]).unwrap();
    assert_eq!(change(&mut world, &["carol"], &[]), Err(ChangeError::OperationInProgress));
    assert_eq!(change(&mut world, &["nobody-there"], &[]), Ok(op), "the same one is shared");
    world.pass_secs(61);
    assert_eq!(world.member("alice").ended[&op], Err(OperationError::Timeout));
}

#[test]
fn auto_include_lets_everybody_in() {
    //= docs/spec/protocol.md#ORD-022
    //= type=test
    //= docs/spec/protocol.md#SES-036
    //= type=test
    let names = ["alice", "bob", "carol", "dave"];
    let mut world = World::with(&names, |config| config.auto_include(true));
    for name in names {
        world.act(name, |s, env| s.join(env)).unwrap();
        world.pass_secs(8);
    }
    world.pass_secs(60);
    world.assert_agree(&names);
    for name in names {
        assert!(world.member(name).warnings().is_empty(), "{:?}", world.member(name).warnings());
    }
}
