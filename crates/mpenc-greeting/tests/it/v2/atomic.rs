//! An operation that does not succeed leaves nothing behind.

use mpenc_crypto::testing::Transparent;
use mpenc_greeting::{Greeter, GreetingReject, Inspection, Outcome};

use super::room::Room;
use crate::group::{name, numbered};

//= docs/spec/attacks.md#ATK-178
//= type=test
//= docs/spec/protocol.md#GRT-001
//= type=test
//= docs/spec/protocol.md#GRT-017
//= type=test
#[test]
fn failing_at_any_step_leaves_the_state_as_it_was() {
    let (before, after) = (numbered(0..4), numbered(1..6));
    for cut in 1..15 {
        let mut room = Room::<Transparent>::new(&numbered(0..6));
        room.change(&name("m000"), &before);
        let keys = room.assert_together(&before);
        room.change_until(&name("m001"), &after, cut);
        assert_eq!(room.assert_together(&before), keys);
        room.queue.clear();
        for member in room.members.values_mut() {
            member.greeter.fail();
            assert_eq!(member.greeter.running(), None);
            if member.keys.is_none() {
                member.at = None;
            }
        }
        assert_eq!(room.assert_together(&before), keys);
        // The same again by somebody else: everybody starts from the state before.
        room.change(&name("m002"), &after);
        room.assert_together(&after);
    }
}

//= docs/spec/protocol.md#GRT-015
//= type=test
//= docs/spec/protocol.md#GRT-021
//= type=test
//= docs/spec/protocol.md#GRT-024
//= type=test
#[test]
fn looking_changes_nothing() {
    let all = numbered(0..3);
    let mut room = Room::<Transparent>::new(&all);
    let packet = room.propose(&name("m000"), &all);
    room.send(&name("m000"), packet);
    let mut inspected = 0;
    while let Some((from, packet)) = room.queue.pop_front() {
        for who in &all {
            let greeter = &room.members[who].greeter;
            let running = greeter.running();
            let first = greeter.inspect(&from, &packet).unwrap();
            assert_eq!(greeter.inspect(&from, &packet).unwrap(), first);
            let other = greeter.inspect(&name("x"), &packet);
            assert!(other.is_err());
            assert_eq!(greeter.running(), running);
            inspected += 1;
        }
        room.broadcast(&from, &packet);
    }
    assert_eq!(inspected, 27);
    room.assert_together(&all);
}

#[test]
fn calls_in_the_wrong_order_are_refused() {
    let all = numbered(0..2);
    let mut room = Room::<Transparent>::new(&all);
    let initial = room.propose(&name("m000"), &all);
    let member = room.get(&name("m001"));
    // Not inspected before: judged now.
    let middle = member.greeter.handle(&mut *member.rng, &name("m000"), &initial).map(|_| ());
    assert_eq!(middle, Err(GreetingReject::OutOfPlace));
    let progress = member.greeter.start(&mut *member.rng, &name("m000"), &initial).unwrap();
    assert!(matches!(progress.outcome, Outcome::Continues));
    let contribution = progress.outgoing[0].packet.clone();
    let start = member.greeter.start(&mut *member.rng, &name("m001"), &contribution).map(|_| ());
    assert_eq!(start, Err(GreetingReject::OutOfPlace));
    let found = member.greeter.inspect(&name("m001"), &contribution);
    assert_eq!(found, Ok(Inspection::Middle));
}

//= docs/spec/protocol.md#ORD-008
//= type=test
#[test]
fn a_reset_forgets_everything_but_who_is_who() {
    let all = numbered(0..3);
    let mut room = Room::<Transparent>::established(&all);
    room.change_until(&name("m000"), &all, 4);
    for member in room.members.values_mut() {
        member.greeter.reset();
        assert_eq!(member.greeter.members().len(), 1);
        assert_eq!(member.greeter.running(), None);
        member.at = None;
    }
    room.queue.clear();
    room.change(&name("m001"), &all);
    room.assert_together(&all);
}
