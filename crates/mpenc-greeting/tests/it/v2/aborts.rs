//! Members end an operation; the channel's order decides what came first.

use mpenc_crypto::testing::Transparent;
use mpenc_greeting::{AbortReason, Failure, FailureCause, Greeter, GreetingReject};
use mpenc_packet::v2::{self as wire, AbortFields};

use super::insiders::scene;
use super::puppet::{Draft, Puppet, Seen};
use super::room::{End, Room};
use crate::group::{name, names, numbered};

fn aborted(by: &str, reason: AbortReason) -> Failure {
    let cause = FailureCause::Aborted(reason);
    Failure { by: name(by), cause, bad: Vec::new(), disagree: Vec::new() }
}

//= docs/spec/protocol.md#ORD-044
//= type=test
//= docs/spec/v2.md#V2-017
//= type=test
//= docs/spec/v2.md#V2-013
//= type=test
#[test]
fn any_member_may_end_it_at_any_time_and_everybody_takes_note() {
    // ATK-074
    let (all, left) = (numbered(0..4), numbered(0..3));
    let reasons = [
        AbortReason::Asked,
        AbortReason::TimedOut,
        AbortReason::IdentityKey(name("m002")),
        AbortReason::NoKey,
        AbortReason::Internal,
    ];
    for after in 1..9 {
        for by in &left {
            let reason = reasons[after % reasons.len()].clone();
            let mut room = Room::<Transparent>::established(&all);
            let before = room.assert_together(&all);
            room.change_until(&name("m000"), &left, after);
            let greeter = &mut room.get(by).greeter;
            let running = greeter.running();
            let out = greeter.abort(reason.clone()).unwrap();
            assert_eq!(out.recipients, all);
            // Nothing changes before it comes back, and asking again makes no second packet.
            assert_eq!(greeter.running(), running);
            assert_eq!(greeter.abort(AbortReason::Asked), Some(out.clone()));
            room.queue.push_front((by.clone(), out.packet.clone()));
            room.run();
            for who in &all {
                assert_eq!(
                    room.failure(who),
                    aborted(core::str::from_utf8(by.as_bytes()).unwrap(), reason.clone())
                );
            }
            assert_eq!(room.assert_together(&all), before);
            // It ends nothing twice, and not the next one.
            for who in &all {
                let again = room.deliver_to(who, by, &out.packet);
                assert_eq!(again, Err(GreetingReject::NoOperation));
            }
            room.change_until(&name("m001"), &left, after);
            for who in &all {
                let reason = if who == by {
                    GreetingReject::NotOurs
                } else {
                    GreetingReject::OtherOperation
                };
                assert_eq!(room.deliver_to(who, by, &out.packet), Err(reason));
            }
            room.run();
            room.assert_together(&left);
        }
    }
}

//= docs/spec/v2.md#V2-017
//= type=test
#[test]
fn what_comes_first_decides() {
    // ATK-074
    let all = numbered(0..3);
    let mut room = Room::<Transparent>::established(&all);
    room.change_until(&name("m000"), &all, 8);
    let out = room.get(&name("m001")).greeter.abort(AbortReason::Asked).unwrap();
    room.send(&name("m001"), out.packet);
    // The last confirmation is ahead.
    room.run();
    for who in &all {
        assert_eq!(room.end_of(who).unwrap().1, End::Complete);
    }
    room.assert_together(&all);
    assert_eq!(room.get(&name("m001")).greeter.abort(AbortReason::Asked), None);
}

//= docs/spec/v2.md#V2-017
//= type=test
#[test]
fn the_excluded_have_no_veto() {
    // The excluded signs its own abort, which names a place that it does not have.
    let (mut room, puppet) = scene::<Transparent>();
    assert_eq!(room.get(&name("x")).greeter.abort(AbortReason::Asked), None);
    let seen = Seen::of::<Transparent>(&room.log).unwrap();
    let excluded = Puppet::<Transparent>::new(&name("x"));
    for place in 0..5 {
        let reason = wire::AbortReason::Asked;
        let fields = AbortFields { op: seen.op, place, reason };
        let packet = fields.sign(&excluded.identity).unwrap().to_wire();
        for who in room.everybody() {
            let reason =
                if who == name("x") { GreetingReject::NotOurs } else { GreetingReject::WrongPlace };
            assert_eq!(room.deliver_to(&who, &name("x"), &packet), Err(reason));
            if who != name("m") && place < 3 {
                // Nor in the name of a member.
                let from = &seen.members[usize::from(place)];
                if who != *from {
                    let forged = room.deliver_to(&who, from, &packet);
                    assert_eq!(forged, Err(GreetingReject::BadSignature));
                }
            }
        }
    }
    let mut puppet = puppet;
    puppet.behave(&mut room);
    room.assert_together(&names(&["a", "b", "c", "m"]));
}

#[test]
fn the_subject_of_an_abort_takes_part() {
    let (mut room, puppet) = scene::<Transparent>();
    let seen = Seen::of::<Transparent>(&room.log).unwrap();
    let abort = |subject| {
        let reason = wire::AbortReason::IdentityKey(subject);
        AbortFields { op: seen.op, place: 3, reason }.sign(&puppet.identity).unwrap().to_wire()
    };
    for who in room.everybody() {
        let outside = room.deliver_to(&who, &name("m"), &abort(4));
        assert_eq!(outside, Err(GreetingReject::Malformed));
    }
    room.broadcast(&name("m"), &abort(1));
    assert_eq!(room.failure(&name("x")), aborted("m", AbortReason::IdentityKey(name("b"))));
    let greeter = &mut room.get(&name("a")).greeter;
    assert_eq!(greeter.abort(AbortReason::Asked), None);
}

#[test]
fn nobody_is_accused_of_what_is_not_among_the_members() {
    let (mut room, _) = scene::<Transparent>();
    let greeter = &mut room.get(&name("a")).greeter;
    assert_eq!(greeter.abort(AbortReason::IdentityKey(name("x"))), None);
    assert!(greeter.abort(AbortReason::IdentityKey(name("m"))).is_some());
}

/// The secret of a veto is no secret: each is by name.
//= docs/spec/v2.md#V2-012
//= type=test
#[test]
fn vetoes_are_by_name() {
    let (mut room, mut puppet) = scene::<Transparent>();
    puppet.play(&mut room, |_, _, draft| match draft {
        Draft::Contribution(_) => None,
        Draft::Share(_) | Draft::Confirmation(_) => Some(draft),
    });
    for member in room.members.values() {
        assert_eq!(member.greeter.running().unwrap().waiting_for, names(&["m"]));
    }
    let out = room.get(&name("b")).greeter.abort(AbortReason::TimedOut).unwrap();
    room.broadcast(&name("b"), &out.packet);
    assert_eq!(room.failure(&name("x")), aborted("b", AbortReason::TimedOut));
    // The next one excludes both; the silent cannot prevent it.
    assert_eq!(room.change(&name("c"), &names(&["a", "b", "c"])), 9);
    room.assert_together(&names(&["a", "b", "c"]));
}
