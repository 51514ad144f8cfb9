//! Every kind of operation, and what it costs.

use mpenc_greeting::{Greeter, ProposeError};
use mpenc_types::MemberSet;

use crate::craft::fields;
use crate::group::{Group, metadata, name, names, numbered};

//= docs/spec/protocol.md#GKA-004
//= type=test
//= docs/spec/protocol.md#SKE-023
//= type=test
#[test]
fn everybody_derives_the_same_key() {
    for n in 2..=32 {
        let all = numbered(0..n);
        let mut group = Group::new(&all);
        group.change(&name("m000"), &all);
        group.assert_together(&all);
        //= docs/spec/protocol.md#GRT-004
        //= type=test
        assert_eq!(group.log.len(), 2 * n - 1);
    }
}

//= docs/spec/protocol.md#GRT-004
//= type=test
//= docs/spec/protocol.md#GKA-011
//= type=test
#[test]
fn several_are_included_or_excluded_at_the_cost_of_one_operation() {
    for old in 2..6 {
        for new in 1..4 {
            let (before, after) = (numbered(0..old), numbered(0..old + new));
            let mut group = Group::new(&after);
            group.change(&name("m000"), &before);
            let initiator = before.iter().next_back().unwrap();
            group.change(initiator, &after);
            group.assert_together(&after);
            assert_eq!(group.log.len(), old + new + new);
            group.change(initiator, &before);
            group.assert_together(&before);
            assert_eq!(group.log.len(), old);
        }
    }
}

//= docs/spec/protocol.md#GKA-009
//= type=test
//= docs/spec/protocol.md#GRT-005
//= type=test
//= docs/spec/protocol.md#SKE-005
//= type=test
//= docs/spec/protocol.md#GRT-004
//= type=test
//= docs/spec/protocol.md#GRT-025
//= type=test
#[test]
fn refresh_changes_the_group_key_and_nothing_else() {
    let all = numbered(0..5);
    let mut group = Group::established(&all);
    let mut seen = vec![group.assert_together(&all)];
    for by in &all {
        let authors = group.members[by].keys.as_ref().unwrap().authors.clone();
        group.change(by, &all);
        assert_eq!(group.log.len(), 1);
        let (sid, key) = group.assert_together(&all);
        assert_eq!(sid, seen[0].0);
        assert!(seen.iter().all(|(_, old)| *old != key));
        assert_eq!(group.members[by].keys.as_ref().unwrap().authors, authors);
        seen.push((sid, key));
    }
}

//= docs/spec/protocol.md#GRT-004
//= type=test
//= docs/spec/protocol.md#GRT-013
//= type=test
#[test]
fn excluding_everybody_else_takes_one_packet() {
    // ATK-068
    let all = numbered(0..4);
    let mut group = Group::established(&all);
    let who = name("m002");
    group.change_until(&who, &MemberSet::of(&who), 1);
    assert!(!group.step());
    assert!(group.members[&who].keys.is_none());
    assert_eq!(group.members[&who].greeter.members(), MemberSet::of(&who));
    for other in &all.without(&who) {
        assert!(group.members[other].ignored);
        // It keeps its subsession until it has left the channel.
        assert_eq!(group.members[other].greeter.members(), all);
    }
}

//= docs/spec/protocol.md#GRT-006
//= type=test
#[test]
fn lists_keep_their_order() {
    let mut group = Group::new(&names(&["a", "b", "c", "d", "e"]));
    let order = |group: &Group| -> Vec<String> {
        fields(&group.log[0].1).members.iter().map(ToString::to_string).collect()
    };
    group.change(&name("c"), &names(&["a", "c", "e"]));
    assert_eq!(order(&group), ["c", "a", "e"]);
    group.change(&name("e"), &names(&["a", "b", "c", "d", "e"]));
    assert_eq!(order(&group), ["c", "a", "e", "b", "d"]);
    group.change(&name("d"), &names(&["b", "c", "d", "e"]));
    assert_eq!(order(&group), ["c", "e", "b", "d"]);
    group.change(&name("b"), &names(&["b", "c", "d", "e"]));
    assert_eq!(order(&group), ["c", "e", "b", "d"]);
}

//= docs/spec/protocol.md#SKE-003
//= type=test
//= docs/spec/protocol.md#SKE-004
//= type=test
#[test]
fn nonces_and_keys_are_renewed_when_they_must() {
    let (both, all) = (names(&["a", "b"]), names(&["a", "b", "c"]));
    let mut group = Group::new(&all);
    let lists = |group: &Group, index: usize| {
        let fields = fields(&group.log.last().unwrap().1);
        (fields.nonces[index], fields.pub_keys[index])
    };
    group.change(&name("a"), &all);
    let (a, b, c) = (lists(&group, 0), lists(&group, 1), lists(&group, 2));
    group.change(&name("b"), &both);
    assert_eq!(lists(&group, 0), a);
    assert_eq!(lists(&group, 1).1, b.1);
    assert_ne!(lists(&group, 1).0, b.0);
    let b = lists(&group, 1);
    group.change(&name("a"), &all);
    assert_eq!(lists(&group, 0).1, a.1);
    assert_ne!(lists(&group, 0).0, a.0);
    assert_eq!(lists(&group, 1), b);
    assert_ne!(lists(&group, 2).0, c.0);
    assert_ne!(lists(&group, 2).1, c.1);
}

//= docs/spec/protocol.md#GRT-003
//= type=test
//= docs/spec/protocol.md#GRT-023
//= type=test
//= docs/spec/protocol.md#GRT-024
//= type=test
//= docs/spec/protocol.md#SKE-008
//= type=test
#[test]
fn impossible_proposals_are_refused() {
    let all = names(&["a", "b", "c", "d"]);
    let abc = names(&["a", "b", "c"]);
    let mut group = Group::new(&all);
    let check = |group: &mut Group, next: &MemberSet, expected: Result<(), ProposeError>| {
        let member = group.members.get_mut(&name("a")).unwrap();
        let found = member.greeter.propose(&mut *member.rng, next, metadata(99)).map(|_| ());
        assert_eq!(found, expected);
        assert_eq!(member.greeter.running(), None);
        if expected.is_ok() {
            assert_eq!(
                member.greeter.propose(&mut *member.rng, next, metadata(99)),
                Err(ProposeError::Outstanding)
            );
            member.greeter.withdraw();
        }
    };
    check(&mut group, &names(&["a"]), Err(ProposeError::Nobody));
    check(&mut group, &names(&["b", "c"]), Err(ProposeError::WithoutOwner));
    check(
        &mut group,
        &numbered(0..512).with(&name("a")),
        Err(ProposeError::TooMany { found: 513 }),
    );
    let stranger = ProposeError::NoIdentityKey(name("x"));
    check(&mut group, &names(&["a", "x"]), Err(stranger));
    check(&mut group, &abc, Ok(()));
    group.change(&name("a"), &abc);
    check(&mut group, &names(&["a", "b", "d"]), Err(ProposeError::Combined));
    check(&mut group, &names(&["b", "c"]), Err(ProposeError::WithoutOwner));
    check(&mut group, &names(&["a"]), Ok(()));
    check(&mut group, &abc, Ok(()));
}
