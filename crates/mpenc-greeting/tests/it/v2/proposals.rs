//! Which initial packets members recognise.

use mpenc_crypto::testing::Transparent;
use mpenc_crypto::{BroadcastSuite, PublicKey, SigningKey, V2};
use mpenc_greeting::{
    AbortReason, Failure, FailureCause, Greeter, GreetingReject, Initial, Inspection, StuckReason,
};
use mpenc_packet::v2::{Contribution, InitialFields, session_label};
use mpenc_types::{ChainHash, MemberId, MemberSet, MessageId, PacketId};

use super::puppet::{Puppet, infiltrated};
use super::room::{End, Room, chain, identity_of, start};
use crate::group::{name, names};

/// `a`, `b`, `c` and the puppet `m` share a subsession; `d` is in the room.
fn scene<S: BroadcastSuite>() -> (Room<S>, Puppet<S>, MemberSet) {
    let honest = names(&["a", "b", "c"]);
    let (mut room, puppet, _) = infiltrated::<S>(&honest, &name("m"));
    room.add(&name("d"));
    for who in ["a", "b", "c", "d", "m"] {
        room.introduce(&name(who));
    }
    (room, puppet, names(&["a", "b", "c", "m"]))
}

fn wire(fields: InitialFields, key: &dyn SigningKey) -> Vec<u8> {
    fields.sign(key).unwrap().to_wire()
}

fn initial(found: Result<Inspection, GreetingReject>) -> Initial {
    match found {
        Ok(Inspection::Initial(initial)) => initial,
        other => panic!("{other:?}"),
    }
}

//= docs/spec/v2.md#V2-006
//= type=test
//= docs/spec/v2.md#V2-009
//= type=test
//= docs/spec/v2.md#V2-010
//= type=test
//= docs/spec/v2.md#V2-030
//= type=test
#[test]
fn members_recognise_only_what_fits_what_they_know() {
    // ATK-038, ATK-052, ATK-062, ATK-070
    fn check<S: BroadcastSuite>() {
        let (mut room, puppet, all) = scene::<S>();
        let key = |who: &str| Some(identity_of::<S>(&name(who)).public());
        let with_d = all.with(&name("d"));
        let honest = |room: &Room<S>| puppet.initial(room, &all, &with_d);
        type Spoil<'a> = &'a dyn Fn(&mut InitialFields);
        // Entries are those of a, b, c, d, m.
        let cases: [(Spoil<'_>, GreetingReject); 15] = [
            (&|f| f.label = session_label::<S>("other"), GreetingReject::OtherSession),
            (&|f| f.place = 0, GreetingReject::SourceIsNotSender),
            (&|f| f.entries[0].key = key("x"), GreetingReject::WrongIdentityKey),
            (&|f| f.entries[4].key = key("x"), GreetingReject::WrongIdentityKey),
            (&|f| f.entries[0].was = false, GreetingReject::BadMembers),
            (&|f| f.entries[3].was = true, GreetingReject::BadMembers),
            (&|f| drop(f.entries.remove(0)), GreetingReject::BadMembers),
            (&|f| f.entries[3].key = key("a"), GreetingReject::RepeatedValues),
            (&|f| f.entries[3].key = key("m"), GreetingReject::RepeatedValues),
            (
                &|f| f.entries[3].key = Some(PublicKey::new([0; 32])),
                GreetingReject::WrongIdentityKey,
            ),
            (&|f| contribution(f).point = [0; 32], GreetingReject::BadElement),
            (&|f| contribution(f).point = [0xff; 32], GreetingReject::BadElement),
            (&|f| contribution(f).ephemeral = PublicKey::new([0; 32]), GreetingReject::BadElement),
            (&|f| contribution(f).ephemeral = key("d").unwrap(), GreetingReject::RepeatedValues),
            (&|f| contribution(f).ephemeral = key("m").unwrap(), GreetingReject::RepeatedValues),
        ];
        for (number, (spoil, reason)) in cases.into_iter().enumerate() {
            let mut fields = honest(&room);
            spoil(&mut fields);
            if number == 6 {
                fields.place -= 1;
            }
            let packet = wire(fields, &puppet.identity);
            for who in ["a", "b", "c"] {
                let found = room.deliver_to(&name(who), &name("m"), &packet);
                assert_eq!(found, Err(reason), "{number} {who}");
            }
        }
        // Not by the initiator, or not with its key.
        let good = honest(&room);
        let forged = wire(good.clone(), &identity_of::<S>(&name("x")));
        let good = wire(good, &puppet.identity);
        for who in ["a", "b", "c", "d"] {
            let who = name(who);
            let found = room.deliver_to(&who, &name("m"), &forged);
            assert_eq!(found, Err(GreetingReject::BadSignature));
            let found = room.deliver_to(&who, &who, &good);
            assert_eq!(found, Err(GreetingReject::NotOurs));
            let other = name(if who == name("a") { "b" } else { "a" });
            let found = room.deliver_to(&who, &other, &good);
            assert_eq!(found, Err(GreetingReject::SourceIsNotSender));
            let found = initial(room.deliver_to(&who, &name("m"), &good));
            assert_eq!(found.next_members, with_d);
            assert!(found.verified && found.binds_chain && !found.is_final);
        }
        let mut puppet = puppet;
        room.log.push((name("m"), good));
        let derived = puppet.behave(&mut room);
        assert_eq!(room.assert_together(&with_d).root, derived.root);
    }
    check::<Transparent>();
    check::<V2>();
}

fn contribution(fields: &mut InitialFields) -> &mut Contribution {
    fields.contribution.as_mut().unwrap()
}

//= docs/spec/protocol.md#GRT-003
//= type=test
#[test]
fn strangers_propose_nothing_to_members() {
    // ATK-052, ATK-055
    let (mut room, _, all) = scene::<Transparent>();
    let stranger = Puppet::<Transparent>::new(&name("d"));
    // It names itself alone, as somebody without a subsession, or pretends to be a member.
    for prev in [names(&["d"]), all.with(&name("d"))] {
        let fields = stranger.initial(&room, &prev, &all.with(&name("d")));
        let packet = wire(fields, &stranger.identity);
        for who in ["a", "b", "c"] {
            let found = room.deliver_to(&name(who), &name("d"), &packet);
            assert_eq!(found, Err(GreetingReject::BadMembers));
        }
    }
}

//= docs/spec/v2.md#V2-013
//= type=test
#[test]
fn metadata_are_reported_as_they_are_signed() {
    let (mut room, puppet, all) = scene::<Transparent>();
    let mut fields = puppet.initial(&room, &all, &all);
    fields.prev_final = PacketId::new([8; 32]);
    fields.prev_chain = ChainHash::new([9; 32]);
    fields.heads = vec![MessageId::new(&[7; 32]).unwrap()];
    let heads = fields.heads.clone();
    let packet = wire(fields, &puppet.identity);
    let found = initial(room.deliver_to(&name("a"), &name("m"), &packet));
    assert_eq!(found.metadata.prev_final, PacketId::new([8; 32]));
    assert_eq!(found.metadata.prev_chain, ChainHash::new([9; 32]));
    assert_eq!(found.metadata.heads, heads);
    assert_eq!(room.members[&name("a")].greeter.running(), None);
}

//= docs/spec/v2.md#V2-030
//= type=test
#[test]
fn identity_keys_are_pinned() {
    // ATK-059
    let all = names(&["a", "b", "c"]);
    let mut room = Room::<Transparent>::established(&all);
    let other = identity_of::<Transparent>(&name("x")).public();
    for who in ["a", "b"] {
        room.get(&name(who)).greeter.set_identity(&name("c"), Some(other));
    }
    room.get(&name("b")).greeter.set_identity(&name("a"), None);
    assert_eq!(room.change(&name("a"), &all), 9);
    room.assert_together(&all);
    room.add(&name("d"));
    for who in ["a", "b", "c"] {
        let key = identity_of::<Transparent>(&name("d")).public();
        room.get(&name(who)).greeter.set_identity(&name("d"), Some(key));
        let key = identity_of::<Transparent>(&name(who)).public();
        room.get(&name("d")).greeter.set_identity(&name(who), Some(key));
    }
    let four = all.with(&name("d"));
    room.change(&name("b"), &four);
    room.assert_together(&four);
    // Until they were excluded: then the directory counts again, and `d` has the other key.
    room.change(&name("a"), &names(&["a", "b", "d"]));
    room.change(&name("a"), &four);
    let expected = End::Failed(Failure {
        by: name("d"),
        cause: FailureCause::Aborted(AbortReason::IdentityKey(name("c"))),
        bad: Vec::new(),
        disagree: Vec::new(),
    });
    for who in ["a", "b", "d"] {
        assert_eq!(room.end_of(&name(who)).unwrap().1, expected);
    }
}

/// Whoever knows another key, or none, for one of those it has to check ends the operation.
//= docs/spec/v2.md#V2-030
//= type=test
//= docs/spec/protocol.md#GRT-022
//= type=test
#[test]
fn who_knows_another_key_does_not_take_part() {
    // ATK-039, ATK-059
    let (old, all) = (names(&["a", "b", "c"]), names(&["a", "b", "c", "d", "e"]));
    // Who, about whom: old members check the newcomers, newcomers everybody but the initiator,
    // whom they would not even believe.
    for (who, about) in [("b", "d"), ("c", "e"), ("d", "b"), ("d", "e"), ("e", "c")] {
        for key in [None, Some(identity_of::<Transparent>(&name("x")).public())] {
            let mut room = Room::<Transparent>::new(&all);
            room.change(&name("a"), &old);
            let before = room.assert_together(&old);
            room.get(&name(who)).greeter.set_identity(&name(about), key);
            room.change(&name("a"), &all);
            for member in &all {
                let failure = room.failure(member);
                assert_eq!(failure.by, name(who));
                let reason = AbortReason::IdentityKey(name(about));
                assert_eq!(failure.cause, FailureCause::Aborted(reason));
                assert!(failure.bad.is_empty() && failure.disagree.is_empty());
            }
            assert_eq!(room.assert_together(&old), before);
            let contributed = room
                .log
                .iter()
                .filter(|(from, packet)| *from == name(who) && packet.get(3) == Some(&2));
            // The one of establishing, if it took part in that.
            assert_eq!(contributed.count(), usize::from(old.contains(&name(who))));
        }
    }
}

//= docs/spec/v2.md#V2-030
//= type=test
#[test]
fn outsiders_believe_initiators_that_they_know() {
    // ATK-077
    let (old, all) = (names(&["a", "b"]), names(&["a", "b", "d"]));
    let mut room = Room::<Transparent>::new(&names(&["a", "b", "d", "e"]));
    room.change(&name("a"), &old);
    room.get(&name("d")).greeter.set_identity(&name("a"), None);
    let packet = room.propose(&name("a"), &all);
    let inspect = |room: &Room<Transparent>, who: &str, packet: &[u8]| {
        room.members[&name(who)].greeter.inspect(&name("a"), packet)
    };
    assert_eq!(inspect(&room, "d", &packet), Err(GreetingReject::WrongIdentityKey));
    let other = identity_of::<Transparent>(&name("x")).public();
    room.get(&name("d")).greeter.set_identity(&name("a"), Some(other));
    assert_eq!(inspect(&room, "d", &packet), Err(GreetingReject::WrongIdentityKey));
    room.introduce(&name("a"));
    assert!(initial(inspect(&room, "d", &packet)).verified);
    // Not named, or named as somebody who is a member already: only for remembering.
    assert!(!initial(inspect(&room, "e", &packet)).verified);
    let puppet = Puppet::<Transparent>::new(&name("a"));
    let claimed = wire(puppet.initial(&room, &all, &all), &puppet.identity);
    assert!(!initial(inspect(&room, "d", &claimed)).verified);
    let left = wire(puppet.initial(&room, &all, &old), &puppet.identity);
    assert!(!initial(inspect(&room, "d", &left)).verified);
    let start = |room: &mut Room<Transparent>, who: &str, packet: &[u8]| {
        let member = room.get(&name(who));
        member.greeter.start(&mut *member.rng, &name("a"), packet).map(|_| ())
    };
    assert_eq!(start(&mut room, "d", &left), Err(GreetingReject::NotEntitled));
    assert_eq!(start(&mut room, "e", &packet), Err(GreetingReject::NotEntitled));
    assert_eq!(room.members[&name("d")].greeter.running(), None);
}

/// Listed with a key that is not its own, a newcomer can neither confirm nor refuse.
//= docs/spec/protocol.md#GRT-022
//= type=test
#[test]
fn a_newcomer_under_a_foreign_key_leaves() {
    // ATK-039
    let old = names(&["a", "b"]);
    let mut room = Room::<Transparent>::new(&names(&["a", "b", "d"]));
    room.change(&name("a"), &old);
    let other = identity_of::<Transparent>(&name("x")).public();
    for who in ["a", "b"] {
        room.get(&name(who)).greeter.set_identity(&name("d"), Some(other));
    }
    room.change(&name("a"), &names(&["a", "b", "d"]));
    let reason = StuckReason::NoIdentityKey(name("d"));
    assert_eq!(room.end_of(&name("d")).unwrap().1, End::Stuck(reason));
    let greeter = &mut room.get(&name("d")).greeter;
    assert!(greeter.running().is_some());
    assert_eq!(greeter.abort(AbortReason::Asked), None);
    greeter.fail();
    assert_eq!(greeter.running(), None);
}

//= docs/spec/v2.md#V2-032
//= type=test
#[test]
fn one_packet_suffices_only_for_remaining_alone() {
    // ATK-047, ATK-068
    let (mut room, puppet, all) = scene::<Transparent>();
    let alone = puppet.initial(&room, &all, &names(&["m"]));
    let packet = wire(alone.clone(), &puppet.identity);
    for who in ["a", "b", "c"] {
        let who = name(who);
        assert!(initial(room.members[&who].greeter.inspect(&name("m"), &packet)).is_final);
    }
    // With anybody else in it, it is not the whole operation.
    for next in [&all, &names(&["a", "m"])] {
        let packet = wire(puppet.initial(&room, &all, next), &puppet.identity);
        assert!(!initial(room.members[&name("a")].greeter.inspect(&name("m"), &packet)).is_final);
    }
    // Nobody proposes nothing.
    let nothing = puppet.initial(&room, &names(&["m"]), &names(&["m"]));
    assert!(nothing.sign(&puppet.identity).is_err());
    room.broadcast(&name("m"), &packet);
    for who in ["a", "b", "c"] {
        assert_eq!(room.end_of(&name(who)).unwrap().1, End::Ignored);
    }
}

//= docs/spec/protocol.md#GRT-018
//= type=test
//= docs/spec/protocol.md#GRT-023
//= type=test
#[test]
fn proposals_in_our_name_are_ours() {
    // ATK-049
    let (mut room, _, all) = scene::<Transparent>();
    let own = room.propose(&name("a"), &all);
    let twin = Puppet::<Transparent>::new(&name("a"));
    let other = wire(twin.initial(&room, &all, &all), &twin.identity);
    let greeter = &mut room.get(&name("a")).greeter;
    assert_eq!(greeter.inspect(&name("a"), &other), Err(GreetingReject::NotOurs));
    assert!(initial(greeter.inspect(&name("a"), &own)).verified);
    greeter.withdraw();
    assert_eq!(greeter.inspect(&name("a"), &own), Err(GreetingReject::NotOurs));
    // Another proposal for the same place takes it.
    let own = room.propose(&name("a"), &all);
    let packet = room.propose(&name("b"), &all);
    room.broadcast(&name("b"), &packet);
    let greeter = &mut room.get(&name("a")).greeter;
    assert_eq!(greeter.inspect(&name("a"), &own), Err(GreetingReject::NotOurs));
    assert_eq!(greeter.inspect(&name("b"), &packet).map(|_| ()), Ok(()));
    let member = room.get(&name("a"));
    let again = member.greeter.start(&mut *member.rng, &name("b"), &packet).map(|_| ());
    assert_eq!(again, Err(GreetingReject::OutOfPlace));
}

/// The order of operations needs both.
#[test]
fn proposals_bind_the_chain() {
    let who: MemberId = name("a");
    let mut room = Room::<Transparent>::new(&names(&["a", "b"]));
    let packet = room.propose(&who, &names(&["a", "b"]));
    let found = initial(room.members[&name("b")].greeter.inspect(&who, &packet));
    assert_eq!((found.metadata.prev_final, found.metadata.prev_chain), (start(), chain()));
    assert!(found.binds_chain);
}

/// The channel can give a newcomer the same proposal under another membership, so that the order
/// of operations does not know it again.
//= docs/spec/v2.md#V2-031
//= type=test
//= docs/spec/attacks.md#ATK-069
//= type=test
#[test]
fn a_newcomer_contributes_to_an_operation_once() {
    let (mut room, _, all) = scene::<Transparent>();
    let with_d = all.with(&name("d"));
    room.change_until(&name("a"), &with_d, 1);
    let (from, packet) = room.log.last().unwrap().clone();
    let own =
        |room: &Room<Transparent>| room.queue.iter().filter(|(by, _)| *by == name("d")).count();
    assert_eq!(own(&room), 1);
    for again in [false, true] {
        for who in ["b", "d"] {
            let greeter = &mut room.get(&name(who)).greeter;
            greeter.fail();
            // Also after it has left and come back.
            if again && who == "d" {
                greeter.reset();
            }
        }
        let found = room.get(&name("d")).greeter.inspect(&from, &packet);
        assert_eq!(found, Err(GreetingReject::PlaceTaken));
        // Members recognise what all recognise; their order of operations refuses it.
        initial(room.get(&name("b")).greeter.inspect(&from, &packet));
    }
    // Another one into the same members is another operation.
    room.get(&name("a")).greeter.fail();
    let packet = room.propose(&name("a"), &with_d);
    initial(room.get(&name("d")).greeter.inspect(&from, &packet));
}
