//! An operation that does not succeed leaves nothing behind.

use mpenc_greeting::{Greeter, GreetingReject, Outcome, Staged};
use mpenc_types::MemberSet;

use crate::group::{Group, name, numbered};

/// What is visible of everybody's state.
fn state(group: &Group, who: &MemberSet) -> Vec<(MemberSet, Option<[u8; 32]>)> {
    who.iter()
        .map(|who| {
            let member = &group.members[who];
            (member.greeter.members(), member.keys.as_ref().map(|keys| keys.secret))
        })
        .collect()
}

//= docs/spec/attacks.md#ATK-178
//= type=test
//= docs/spec/protocol.md#GRT-001
//= type=test
//= docs/spec/protocol.md#GKA-013
//= type=test
//= docs/spec/protocol.md#GRT-017
//= type=test
#[test]
fn failing_at_any_step_leaves_the_state_as_it_was() {
    let (four, six) = (numbered(0..4), numbered(0..6));
    // Establish, include, exclude; one packet short of completing at most.
    for (before, next, packets) in
        [(None, &four, 7), (Some(&four), &six, 8), (Some(&six), &four, 4)]
    {
        for cut in 1..packets {
            let mut group = Group::new(&six);
            if let Some(before) = before {
                group.change(&name("m000"), before);
            }
            let earlier = state(&group, &six);
            group.change_until(&name("m000"), next, cut);
            assert_eq!(state(&group, &six), earlier);
            group.queue.clear();
            for member in group.members.values_mut() {
                member.greeter.fail();
                assert_eq!(member.greeter.running(), None);
            }
            assert_eq!(state(&group, &six), earlier);
            // The same again by somebody else: everybody starts from the state before.
            let by = if before.is_some() { "m001" } else { "m000" };
            group.change(&name(by), next);
            group.assert_together(next);
        }
    }
}

//= docs/spec/protocol.md#GRT-021
//= type=test
#[test]
fn packets_of_a_failed_operation_are_not_kept() {
    // ATK-051
    let all = numbered(0..4);
    let mut group = Group::new(&all);
    group.change_until(&name("m000"), &all, 4);
    let stale: Vec<_> = group.queue.drain(..).collect();
    assert_eq!(stale.len(), 3);
    for member in group.members.values_mut() {
        member.greeter.fail();
    }
    for (from, packet) in &stale {
        for who in &all {
            assert_eq!(group.deliver_to(who, from, packet), Err(GreetingReject::NoOperation));
        }
    }
    // Nor do they count in the next one, even at the right moment.
    group.change_until(&name("m000"), &all, 4);
    for (from, packet) in &stale {
        for who in &all {
            let expected =
                if who == from { GreetingReject::NotOurs } else { GreetingReject::ChangedValues };
            assert_eq!(group.deliver_to(who, from, packet), Err(expected));
        }
    }
    group.run();
    group.assert_together(&all);
}

//= docs/spec/protocol.md#GRT-002
//= type=test
//= docs/spec/protocol.md#GRT-021
//= type=test
#[test]
fn one_operation_at_a_time() {
    let all = numbered(0..3);
    let mut group = Group::established(&all);
    let first = group.propose(&name("m000"), &numbered(0..2));
    let second = group.propose(&name("m001"), &numbered(0..2));
    group.send(&name("m000"), first);
    assert!(group.step());
    assert_eq!(
        group.deliver_to(&name("m000"), &name("m001"), &second),
        Err(GreetingReject::OutOfPlace)
    );
    group.run();
    group.assert_together(&numbered(0..2));
}

//= docs/spec/protocol.md#GRT-023
//= type=test
#[test]
fn a_proposal_ends_when_another_takes_its_place() {
    let all = numbered(0..3);
    let mut group = Group::established(&all);
    let refused = Err(GreetingReject::NotOurs);
    // With the same predecessor as soon as the other begins, else when the other has completed.
    for same in [true, false] {
        let mine = group.propose(&name("m001"), &numbered(0..2));
        if same {
            group.operations -= 1;
            group.change_until(&name("m000"), &numbered(0..2), 1);
        } else {
            group.change(&name("m000"), &all);
        }
        assert_eq!(group.deliver_to(&name("m001"), &name("m001"), &mine), refused);
        group.queue.clear();
        for member in group.members.values_mut() {
            member.greeter.fail();
        }
    }
    group.change(&name("m001"), &numbered(0..2));
    group.assert_together(&numbered(0..2));
}

/// Runs the exclusion of `m002` at `m001`, who completes but does not merge.
fn unmerged(group: &mut Group, packet: &[u8]) -> Staged {
    let member = group.get_mut("m001");
    let progress = member.greeter.start(&mut *member.rng, &name("m000"), packet).unwrap();
    let echo = &progress.outgoing[0].packet;
    let last = member.greeter.handle(&mut *member.rng, &name("m001"), echo).unwrap();
    match last.outcome {
        Outcome::Complete(staged) => staged,
        other
        @ (Outcome::Continues | Outcome::Ignored | Outcome::Failed(_) | Outcome::Stuck(_)) => {
            panic!("{other:?}")
        }
    }
}

//= docs/spec/protocol.md#GRT-001
//= type=test
#[test]
fn only_the_operation_that_completed_last_can_be_merged() {
    let next = numbered(0..2);
    for same_metadata in [false, true] {
        let mut group = Group::established(&numbered(0..3));
        let packet = group.propose(&name("m000"), &next);
        let stale = unmerged(&mut group, &packet);
        let member = group.get_mut("m001");
        assert_eq!(member.greeter.members(), numbered(0..3));
        // Neither merged nor failed: nothing else can begin.
        let again = member.greeter.start(&mut *member.rng, &name("m000"), &packet);
        assert!(again.is_err());
        member.greeter.fail();
        group.get_mut("m000").greeter.withdraw();
        group.operations -= u64::from(same_metadata);
        let packet = group.propose(&name("m000"), &next);
        let staged = unmerged(&mut group, &packet);
        let member = group.get_mut("m001");
        assert!(member.greeter.merge(stale).is_none());
        assert_eq!(member.greeter.members(), numbered(0..3));
        let sid = staged.sid();
        assert_eq!(member.greeter.merge(staged).unwrap().sid, sid);
        assert_eq!(member.greeter.members(), next);
    }
}

#[test]
fn a_refresh_that_was_not_merged_cannot_be_merged_later() {
    // The session identifier is the same for both.
    let all = numbered(0..2);
    let mut group = Group::established(&all);
    let mut staged = Vec::new();
    for _ in 0..2 {
        let packet = group.propose(&name("m000"), &all);
        let member = group.get_mut("m001");
        let progress = member.greeter.start(&mut *member.rng, &name("m000"), &packet).unwrap();
        let Outcome::Complete(done) = progress.outcome else { panic!("one packet") };
        staged.push(done);
        if staged.len() == 1 {
            member.greeter.fail();
        }
        group.get_mut("m000").greeter.withdraw();
    }
    let member = group.get_mut("m001");
    let (second, first) = (staged.pop().unwrap(), staged.pop().unwrap());
    assert_eq!(first.sid(), second.sid());
    assert!(member.greeter.merge(first).is_none());
    assert!(member.greeter.merge(second).is_some());
}
