//! Operations of every kind among honest members.

use mpenc_crypto::testing::Transparent;
use mpenc_crypto::{BroadcastSuite, SigningKey, V2};
use mpenc_greeting::{Greeter, ProposeError};
use mpenc_types::MemberSet;
use mpenc_types::limits::MAX_MEMBERS;

use super::room::{End, Room, identity_of};
use crate::group::{name, names, numbered};

/// Establishes, refreshes, includes, excludes, does both at once, and ends alone; counts packets.
fn every_kind<S: BroadcastSuite>(n: usize) {
    let all = numbered(0..n);
    let mut room = Room::<S>::new(&numbered(0..n + 3));
    let first = name("m000");
    //= docs/spec/protocol.md#GRT-004
    assert_eq!(room.change(&first, &all), 3 * n);
    let mut seen = vec![room.assert_together(&all)];
    let last = all.iter().next_back().unwrap().clone();
    // Refresh, by somebody else.
    assert_eq!(room.change(&last, &all), 3 * n);
    seen.push(room.assert_together(&all));
    // Include two.
    let more = numbered(0..n + 2);
    assert_eq!(room.change(&last, &more), 3 * (n + 2));
    seen.push(room.assert_together(&more));
    // Exclude two, the initiator of the first operation among them.
    let fewer = numbered(2..n + 2);
    assert_eq!(room.change(&name("m002"), &fewer), 3 * n);
    seen.push(room.assert_together(&fewer));
    assert_eq!(room.end_of(&first).unwrap().1, End::Ignored);
    // Both at once: a new one and a former member come, one goes.
    let mixed = numbered(3..n + 3).with(&first);
    let by = name(&format!("m{:03}", n + 1));
    assert_eq!(room.change(&by, &mixed), 3 * (n + 1));
    seen.push(room.assert_together(&mixed));
    for (i, one) in seen.iter().enumerate() {
        for other in &seen[..i] {
            assert_ne!(one.sid, other.sid);
            assert_ne!(one.root, other.root);
            assert_ne!(one.fingerprint, other.fingerprint);
            for (_, key) in &one.authors {
                assert!(other.authors.iter().all(|(_, former)| former != key));
            }
        }
    }
    // Everybody else.
    assert_eq!(room.change(&by, &MemberSet::of(&by)), 1);
    for who in &mixed {
        let expected = if *who == by { End::Complete } else { End::Ignored };
        assert_eq!(room.end_of(who).unwrap().1, expected, "{who}");
    }
    assert_eq!(room.members[&by].keys, None);
    assert_eq!(room.members[&by].greeter.members(), MemberSet::of(&by));
    // And on from there.
    let pair = MemberSet::of(&by).with(&first);
    assert_eq!(room.change(&by, &pair), 6);
    room.assert_together(&pair);
}

//= docs/spec/v2.md#V2-011
//= type=test
//= docs/spec/v2.md#V2-015
//= type=test
//= docs/spec/v2.md#V2-016
//= type=test
//= docs/spec/v2.md#V2-018
//= type=test
//= docs/spec/v2.md#V2-032
//= type=test
#[test]
fn every_kind_of_operation() {
    for n in 2..=8 {
        every_kind::<Transparent>(n);
    }
    for n in [2, 3, 5] {
        every_kind::<V2>(n);
    }
}

#[test]
fn larger_groups() {
    let all = numbered(0..32);
    let room = Room::<V2>::established(&all);
    assert_eq!(room.log.len(), 96);
}

//= docs/spec/v2.md#V2-017
//= type=test
#[test]
fn an_operation_takes_three_rounds_of_any_number_of_members() {
    let all = numbered(0..5);
    let mut room = Room::<Transparent>::new(&all);
    let greeter = &room.get(&name("m000")).greeter;
    assert!((2..200).all(|n| greeter.hops(n) == 4));
    assert!(greeter.combines());
    let packet = room.propose(&name("m000"), &all);
    room.send(&name("m000"), packet);
    let mut rounds = 0;
    while !room.queue.is_empty() {
        for _ in 0..room.queue.len() {
            room.step();
        }
        rounds += 1;
    }
    // The initial packet goes ahead of the other contributions.
    assert_eq!(rounds, 4);
    room.assert_together(&all);
}

//= docs/spec/attacks.md#ATK-152
//= type=test
//= docs/spec/v2.md#V2-011
//= type=test
#[test]
fn members_switch_with_the_last_confirmation_and_not_before() {
    let all = numbered(0..3);
    let mut room = Room::<Transparent>::established(&all);
    let before = room.assert_together(&all);
    room.change_until(&name("m001"), &all, 8);
    assert_eq!(room.assert_together(&all), before);
    for (who, member) in &room.members {
        let operation = member.greeter.running().unwrap();
        assert_eq!(operation.waiting_for.len(), 1, "{who}");
        assert!(!operation.bystander);
    }
    room.run();
    let after = room.assert_together(&all);
    assert_ne!(after.sid, before.sid);
}

#[test]
fn those_awaited_are_named() {
    let (all, left) = (numbered(0..4), numbered(0..3));
    let mut room = Room::<Transparent>::established(&all);
    room.change_until(&name("m001"), &left, 0);
    for round in 0..3 {
        for k in 0..3 {
            room.step();
            let missing: MemberSet = room.queue.iter().map(|(from, _)| from).collect();
            for member in room.members.values() {
                let Some(operation) = member.greeter.running() else {
                    assert_eq!((round, k), (2, 2));
                    continue;
                };
                // In between rounds the queue holds the packets of the next one.
                assert_eq!(operation.waiting_for, missing);
                assert_eq!(operation.prev_members, all);
                assert_eq!(operation.next_members, left);
            }
        }
    }
}

#[test]
fn what_cannot_be_proposed() {
    let all = names(&["a", "b"]);
    let mut room = Room::<Transparent>::established(&all);
    let metadata = room.metadata(&name("a"));
    let member = room.get(&name("a"));
    let mut propose =
        |next: &MemberSet| member.greeter.propose(&mut *member.rng, next, metadata.clone());
    assert_eq!(propose(&names(&["b"])), Err(ProposeError::WithoutOwner));
    let stranger = propose(&names(&["a", "b", "x"]));
    assert_eq!(stranger, Err(ProposeError::NoIdentityKey(name("x"))));
    let many = numbered(0..MAX_MEMBERS - 1).union(&all);
    assert_eq!(propose(&many), Err(ProposeError::TooMany { found: MAX_MEMBERS + 1 }));
    propose(&all).unwrap();
    assert_eq!(propose(&all), Err(ProposeError::Outstanding));
    member.greeter.reset();
    let alone = member.greeter.propose(&mut *member.rng, &names(&["a"]), metadata.clone());
    assert_eq!(alone, Err(ProposeError::Nobody));
    // Two members with one key: the second could be anybody.
    let key = identity_of::<Transparent>(&name("b")).public();
    member.greeter.set_identity(&name("c"), Some(key));
    let two = member.greeter.propose(&mut *member.rng, &names(&["a", "b", "c"]), metadata);
    assert_eq!(two, Err(ProposeError::NoIdentityKey(name("c"))));
}
