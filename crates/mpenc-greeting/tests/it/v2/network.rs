//! A channel that alters, repeats and mixes packets: nothing it makes has any effect.

use alloc::sync::Arc;

use mpenc_crypto::testing::Transparent;
use mpenc_crypto::{BroadcastSuite, SigningKey, V2};
use mpenc_greeting::{AbortReason, BroadcastGreeter, Greeter, GreetingReject, Inspection};

use proptest::prelude::*;

use super::room::{End, Room, Sent, identity_of};
use crate::group::{name, numbered};

/// Runs an exclusion and inclusion at once among four with one more being excluded; before each
/// packet, everybody gets what `mutants` makes of it, and must refuse that.
fn unaffected<S: BroadcastSuite>(mutants: impl Fn(&Sent) -> Vec<Sent>) {
    let (before, after) = (numbered(0..4), numbered(1..5));
    let run = |disturbed: bool| {
        let mut room = Room::<S>::new(&numbered(0..5));
        room.change(&name("m000"), &before);
        let packet = room.propose(&name("m001"), &after);
        room.send(&name("m001"), packet);
        while let Some((from, packet)) = room.queue.pop_front() {
            if disturbed {
                for (sender, mutant) in mutants(&(from.clone(), packet.clone())) {
                    for who in room.everybody() {
                        let found = room.deliver_to(&who, &sender, &mutant);
                        assert!(found.is_err(), "{who}: {found:?}");
                    }
                }
            }
            room.broadcast(&from, &packet);
        }
        for who in &after {
            assert_eq!(room.end_of(who).unwrap().1, End::Complete);
        }
        assert_eq!(room.end_of(&name("m000")).unwrap().1, End::Ignored);
        let keys = room.assert_together(&after);
        (room.log, keys)
    };
    assert!(run(true) == run(false), "the run is the same, byte for byte");
}

//= docs/spec/v2.md#V2-005
//= type=test
//= docs/spec/v2.md#V2-010
//= type=test
//= docs/spec/protocol.md#SKE-025
//= type=test
#[test]
fn altered_packets_count_for_nothing() {
    // ATK-043, ATK-044, ATK-045, ATK-064
    unaffected::<Transparent>(|(from, packet)| {
        let flipped = (0..packet.len()).map(|at| {
            let mut mutant = packet.clone();
            mutant[at] ^= 1 << (at % 8);
            (from.clone(), mutant)
        });
        flipped.collect()
    });
    unaffected::<V2>(|(from, packet)| {
        // One in each field, and the sign bits of signature and points.
        let places = [0, 2, 3, 4, 35, 36, 67, 68, 84, 99, 100, 101, 102, 133, 134, 165, 166, 197];
        let flipped = places.into_iter().filter(|at| *at < packet.len()).map(|at| {
            let mut mutant = packet.clone();
            mutant[at] ^= 0x80;
            (from.clone(), mutant)
        });
        flipped.collect()
    });
}

#[test]
fn packets_without_signature_count_for_nothing() {
    // ATK-043
    unaffected::<V2>(|(from, packet)| {
        let mut zeros = packet.clone();
        zeros[4..68].fill(0);
        let stripped = [&packet[..4], &packet[68..]].concat();
        let cut = packet[..packet.len() - 1].to_vec();
        let longer = [packet.as_slice(), &[0]].concat();
        [zeros, stripped, cut, longer, Vec::new()].map(|mutant| (from.clone(), mutant)).to_vec()
    });
}

//= docs/spec/protocol.md#GRT-019
//= type=test
#[test]
fn packets_count_for_their_signer_only() {
    // ATK-048
    unaffected::<Transparent>(|(from, packet)| {
        let others = numbered(0..5);
        others.iter().filter(|who| *who != from).map(|who| (who.clone(), packet.clone())).collect()
    });
}

/// Everything that the same people ever said to each other, at every point of a new operation.
//= docs/spec/v2.md#V2-014
//= type=test
#[test]
fn old_packets_count_for_nothing() {
    // ATK-030, ATK-050, ATK-051, ATK-069
    let all = numbered(0..3);
    let mut room = Room::<Transparent>::established(&all);
    room.change(&name("m001"), &all);
    // One that failed, with packets left over.
    room.change_until(&name("m002"), &all, 5);
    let out = room.get(&name("m000")).greeter.abort(AbortReason::Asked).unwrap();
    room.broadcast(&name("m000"), &out.packet);
    let left_over: Vec<Sent> = room.queue.drain(..).collect();
    assert!(!left_over.is_empty());
    let mut old: Vec<Sent> = room.log.clone();
    old.extend(left_over);
    let packet = room.propose(&name("m000"), &all);
    room.send(&name("m000"), packet);
    let mut replays = 0;
    loop {
        for (from, packet) in &old {
            for who in &all {
                match room.deliver_to(who, from, packet) {
                    // Initial packets are recognised; the order of operations refuses them.
                    Ok(Inspection::Initial(initial)) => {
                        assert_ne!(Some(initial.metadata.prev_final), room.members[who].at);
                    }
                    Ok(other) => panic!("{other:?}"),
                    Err(
                        GreetingReject::NotOurs
                        | GreetingReject::NoOperation
                        | GreetingReject::OutOfPlace
                        | GreetingReject::OtherOperation
                        | GreetingReject::PlaceTaken
                        | GreetingReject::BadMembers,
                    ) => {}
                    Err(other) => panic!("{other:?}"),
                }
                replays += 1;
            }
        }
        if !room.step() {
            break;
        }
    }
    assert!(replays > 500);
    room.assert_together(&all);
}

/// Packets of another session between the same people.
//= docs/spec/v2.md#V2-009
//= type=test
#[test]
fn sessions_do_not_mix() {
    // ATK-051
    let all = numbered(0..2);
    let mut room = Room::<Transparent>::new(&all);
    let packet = room.propose(&name("m000"), &all);
    let identity = identity_of::<Transparent>(&name("m001"));
    let mut other: BroadcastGreeter<Transparent> =
        BroadcastGreeter::new(name("m001"), Arc::new(identity), "another");
    let key = identity_of::<Transparent>(&name("m000"));
    other.set_identity(&name("m000"), Some(key.public()));
    let found = other.inspect(&name("m000"), &packet);
    assert_eq!(found, Err(GreetingReject::OtherSession));
}

#[test]
fn arbitrary_bytes_are_refused() {
    // ATK-166
    let room = Room::<Transparent>::established(&numbered(0..2));
    proptest!(|(bytes in prop::collection::vec(any::<u8>(), 0..300), kind in 0..7_u8)| {
        let mut packet = bytes;
        if kind > 0 {
            packet.splice(0..0, [2, 2, 1, kind]);
        }
        for who in room.everybody() {
            for from in room.everybody() {
                prop_assert!(room.members[&who].greeter.inspect(&from, &packet).is_err());
            }
        }
    });
}
