//! Members that deviate: what they send counts for nobody, or ends the operation for everybody
//! with the same packet.

use mpenc_crypto::testing::Transparent;
use mpenc_crypto::{BroadcastSuite, PublicKey, SigningKey, V2};
use mpenc_greeting::{Failure, FailureCause, Greeter, GreetingReject};
use mpenc_packet::v2::{OpId, ShareFields};
use mpenc_types::MemberId;

use super::puppet::{Draft, Puppet, Seen, infiltrated, scalar};
use super::room::{End, Room};
use crate::group::{name, names};

/// `a`, `b`, `c`, the puppet `m` and `x` share a subsession, and `b` has proposed to exclude `x`.
pub(super) fn scene<S: BroadcastSuite>() -> (Room<S>, Puppet<S>) {
    let honest = names(&["a", "b", "c", "x"]);
    let (mut room, puppet, _) = infiltrated::<S>(&honest, &name("m"));
    let packet = room.propose(&name("b"), &names(&["a", "b", "c", "m"]));
    room.send(&name("b"), packet);
    room.step();
    (room, puppet)
}

/// Nobody accepts it, and nothing changes.
fn refused<S: BroadcastSuite>(
    room: &mut Room<S>,
    from: &MemberId,
    packet: &[u8],
    reason: GreetingReject,
) {
    for who in room.everybody() {
        let before = format!("{:?}", room.members[&who].greeter);
        assert_eq!(room.deliver_to(&who, from, packet), Err(reason), "{who}");
        assert_eq!(format!("{:?}", room.members[&who].greeter), before, "{who}");
    }
    assert!(room.queue.is_empty());
}

/// The operation succeeds in spite of everything.
fn succeeds<S: BroadcastSuite>(mut room: Room<S>, mut puppet: Puppet<S>) {
    let derived = puppet.behave(&mut room);
    assert_eq!(room.assert_together(&names(&["a", "b", "c", "m"])).root, derived.root);
    assert_eq!(room.end_of(&name("x")).unwrap().1, End::Ignored);
}

/// What everybody says about the failure that the twisted packet leads to; `x` comes last.
fn failures<S: BroadcastSuite>(
    hasty: bool,
    mut twist: impl FnMut(&Puppet<S>, &Seen, Draft) -> Draft,
) -> Vec<Failure> {
    let (mut room, mut puppet) = scene::<S>();
    puppet.hasty = hasty;
    puppet.play(&mut room, |puppet, seen, draft| Some(twist(puppet, seen, draft)));
    let all = names(&["a", "b", "c", "m", "x"]);
    for who in room.everybody() {
        // The subsession before is as good as it was.
        assert_eq!(room.members[&who].greeter.members(), all);
        assert_eq!(room.members[&who].greeter.running(), None);
    }
    room.everybody().iter().map(|who| room.failure(who)).collect()
}

//= docs/spec/v2.md#V2-018
//= type=test
#[test]
fn our_members_compute_what_the_specification_says() {
    fn check<S: BroadcastSuite>() {
        for honest in [names(&["a"]), names(&["a", "b", "z"]), names(&["n", "o", "p", "q", "r"])] {
            let (mut room, mut puppet, derived) = infiltrated::<S>(&honest, &name("m"));
            let all = honest.with(&name("m"));
            assert_eq!(room.assert_together(&all).root, derived.root);
            // Another one, proposed by the puppet: now with the exporter.
            let packet =
                puppet.initial(&room, &all, &all).sign(&puppet.identity).unwrap().to_wire();
            room.send(&name("m"), packet);
            let derived = puppet.behave(&mut room);
            assert_eq!(room.assert_together(&all).root, derived.root);
        }
    }
    check::<Transparent>();
    check::<V2>();
}

//= docs/spec/v2.md#V2-010
//= type=test
//= docs/spec/v2.md#V2-012
//= type=test
//= docs/spec/v2.md#V2-032
//= type=test
#[test]
fn a_share_without_its_proof_ends_the_operation_and_names_its_sender() {
    // ATK-029, ATK-031, ATK-065
    fn check<S: BroadcastSuite>(spoil: impl Fn(&Puppet<S>, &Seen, &mut ShareFields)) {
        let expected = Failure {
            by: name("m"),
            cause: FailureCause::BadProof,
            bad: vec![name("m")],
            disagree: Vec::new(),
        };
        let found = failures::<S>(false, |puppet, seen, draft| match draft {
            Draft::Share(mut share) => {
                spoil(puppet, seen, &mut share);
                Draft::Share(share)
            }
            Draft::Contribution(_) | Draft::Confirmation(_) => draft,
        });
        assert!(found.iter().all(|failure| *failure == expected), "{found:?}");
    }
    fn all<S: BroadcastSuite>() {
        check::<S>(|_, _, share| share.challenge[0] ^= 1);
        check::<S>(|_, _, share| share.response[0] ^= 1);
        check::<S>(|_, _, share| share.response = [0xff; 32]);
        check::<S>(|_, _, share| share.challenge = [0xff; 32]);
        check::<S>(|_, _, share| share.share = [0xff; 32]);
        check::<S>(|puppet, seen, share| *share = puppet.share(seen, &S::identity()));
        check::<S>(|puppet, seen, share| *share = puppet.share(seen, &S::base()));
        check::<S>(|puppet, seen, share| {
            // Its own secret, but applied to another point.
            *share = puppet.share(seen, &S::mul(&puppet.scalar, &seen.point::<S>(0)));
        });
        check::<S>(|_, seen, share| share.share = seen.shares[0].unwrap());
        check::<S>(|puppet, seen, share| {
            // A good share, but the proof is of another secret.
            let good = S::mul(&puppet.scalar, &seen.base::<S>(3));
            let mut other = Puppet::<S>::new(&name("m"));
            other.scalar = scalar::<S>(b"other");
            *share = other.share(seen, &good);
        });
    }
    all::<Transparent>();
    all::<V2>();
}

//= docs/spec/v2.md#V2-032
//= type=test
#[test]
fn between_two_the_share_is_the_identity_and_its_proof_remains() {
    fn check<S: BroadcastSuite>(spoil: impl Fn(&Puppet<S>, &Seen, &mut ShareFields), fails: bool) {
        let (mut room, mut puppet, _) = infiltrated::<S>(&names(&["a"]), &name("m"));
        let packet = room.propose(&name("a"), &names(&["a", "m"]));
        room.send(&name("a"), packet);
        puppet.play(&mut room, |puppet, seen, draft| {
            Some(match draft {
                Draft::Share(mut share) => {
                    assert_eq!(share.share, [0; 32]);
                    spoil(puppet, seen, &mut share);
                    Draft::Share(share)
                }
                Draft::Contribution(_) | Draft::Confirmation(_) => draft,
            })
        });
        let (_, end) = room.end_of(&name("a")).unwrap();
        assert_eq!(matches!(end, End::Failed(_)), fails, "{end:?}");
    }
    fn all<S: BroadcastSuite>() {
        check::<S>(|_, _, _| {}, false);
        check::<S>(|_, _, share| share.response[0] ^= 1, true);
        check::<S>(|puppet, seen, share| *share = puppet.share(seen, &S::base()), true);
        check::<S>(|_, _, share| share.share[0] ^= 2, true);
    }
    all::<Transparent>();
    all::<V2>();
}

//= docs/spec/v2.md#V2-011
//= type=test
//= docs/spec/v2.md#V2-012
//= type=test
#[test]
fn another_key_is_told_by_name() {
    // ATK-029, ATK-032, ATK-065
    let twist = |_: &Puppet<Transparent>, _: &Seen, mut draft: Draft| {
        if let Draft::Confirmation(fields) = &mut draft {
            fields.check[0] ^= 1;
        }
        draft
    };
    for hasty in [false, true] {
        let found = failures(hasty, twist);
        // If the lie came first, the first honest confirmation is what does not fit.
        let by = if hasty { found[0].by.clone() } else { name("m") };
        assert_eq!(by == name("m"), !hasty);
        for (failure, who) in found.iter().zip(["a", "b", "c", "x"]) {
            // The excluded have no key to judge by.
            let bad = if who == "x" { Vec::new() } else { vec![name("m")] };
            let cause = FailureCause::Disagreement;
            let expected = Failure { by: by.clone(), cause, bad, disagree: Vec::new() };
            assert_eq!(*failure, expected, "{who}");
        }
    }
}

//= docs/spec/v2.md#V2-012
//= type=test
#[test]
fn another_transcript_is_no_proof_of_guilt() {
    for hasty in [false, true] {
        let found = failures::<Transparent>(hasty, |_, _, mut draft| {
            if let Draft::Confirmation(fields) = &mut draft {
                fields.transcript[31] ^= 1;
            }
            draft
        });
        let expected = Failure {
            by: name("m"),
            cause: FailureCause::Disagreement,
            bad: Vec::new(),
            disagree: vec![name("m")],
        };
        assert!(found.iter().all(|failure| *failure == expected), "{found:?}");
    }
}

//= docs/spec/v2.md#V2-006
//= type=test
#[test]
fn contributions_are_usable_and_distinct() {
    // ATK-024, ATK-027, ATK-028, ATK-038, ATK-066
    fn check<S: BroadcastSuite>() {
        type Spoil<'a> = &'a dyn Fn(&Seen, &mut mpenc_packet::v2::Contribution);
        let other = |seen: &Seen, place: usize| seen.contributions[place].clone().unwrap();
        let cases: [(Spoil<'_>, GreetingReject); 9] = [
            (&|_, one| one.point = [0; 32], GreetingReject::BadElement),
            (&|_, one| one.point = [0xff; 32], GreetingReject::BadElement),
            (&|_, one| one.ephemeral = PublicKey::new([0; 32]), GreetingReject::BadElement),
            (&|seen, one| one.point = other(seen, 0).point, GreetingReject::RepeatedValues),
            (&|seen, one| one.nonce = other(seen, 1).nonce, GreetingReject::RepeatedValues),
            (&|seen, one| one.ephemeral = other(seen, 2).ephemeral, GreetingReject::RepeatedValues),
            (&|seen, one| *one = other(seen, 1), GreetingReject::RepeatedValues),
            (&|seen, one| one.ephemeral = seen.identities[0], GreetingReject::RepeatedValues),
            (&|seen, one| one.ephemeral = seen.identities[3], GreetingReject::RepeatedValues),
        ];
        let (mut room, puppet) = scene::<S>();
        room.run();
        let (seen, draft) = puppet.turn(&room.log).unwrap();
        for (spoil, reason) in cases {
            let Draft::Contribution(mut fields) = draft.clone() else { panic!("{draft:?}") };
            spoil(&seen, &mut fields.contribution);
            let packet = puppet.sign(&seen, Draft::Contribution(fields));
            refused(&mut room, &name("m"), &packet, reason);
        }
        for member in room.members.values() {
            assert_eq!(member.greeter.running().unwrap().waiting_for, names(&["m"]));
        }
        succeeds(room, puppet);
    }
    check::<Transparent>();
    check::<V2>();
}

/// The puppet's draft with other operation and place.
fn moved(mut draft: Draft, op: Option<OpId>, place: Option<u16>) -> Draft {
    let (own_op, own_place) = match &mut draft {
        Draft::Contribution(fields) => (&mut fields.op, &mut fields.place),
        Draft::Share(fields) => (&mut fields.op, &mut fields.place),
        Draft::Confirmation(fields) => (&mut fields.op, &mut fields.place),
    };
    *own_op = op.unwrap_or(*own_op);
    *own_place = place.unwrap_or(*own_place);
    draft
}

//= docs/spec/v2.md#V2-010
//= type=test
//= docs/spec/v2.md#V2-031
//= type=test
#[test]
fn a_packet_counts_once_and_only_in_its_place() {
    // ATK-038, ATK-046, ATK-048, ATK-050, ATK-051
    let (mut room, mut puppet) = scene::<Transparent>();
    let former = Seen::of::<Transparent>(&room.log[..room.log.len() - 1]).unwrap().op;
    let mut earlier: Vec<Vec<u8>> = Vec::new();
    for _ in 0..3 {
        room.run();
        let (seen, draft) = puppet.turn(&room.log).unwrap();
        let other_op = puppet.sign(&seen, moved(draft.clone(), Some(former), None));
        refused(&mut room, &name("m"), &other_op, GreetingReject::OtherOperation);
        for place in [0, 1, 2, 4, 511] {
            let other_place = puppet.sign(&seen, moved(draft.clone(), None, Some(place)));
            refused(&mut room, &name("m"), &other_place, GreetingReject::WrongPlace);
        }
        // The same under other channel names; in the owner's name it is not the owner's.
        let packet = puppet.sign(&seen, draft.clone());
        for who in room.everybody() {
            for from in room.everybody() {
                let reason =
                    if who == from { GreetingReject::NotOurs } else { GreetingReject::WrongPlace };
                assert_eq!(room.deliver_to(&who, &from, &packet), Err(reason));
            }
        }
        // Under the signature of somebody who does not own the place.
        let mut other = Puppet::<Transparent>::new(&name("a"));
        other.name = name("m");
        let forged = other.sign(&seen, draft);
        refused(&mut room, &name("m"), &forged, GreetingReject::BadSignature);
        for packet in &earlier {
            refused(&mut room, &name("m"), packet, GreetingReject::PlaceTaken);
        }
        puppet.speak(&mut room);
        earlier.push(packet);
    }
    room.assert_together(&names(&["a", "b", "c", "m"]));
    for packet in &earlier {
        refused(&mut room, &name("m"), packet, GreetingReject::NoOperation);
    }
}

//= docs/spec/v2.md#V2-031
//= type=test
#[test]
fn nobody_says_a_second_thing_in_its_place() {
    // ATK-067
    let (mut room, mut puppet) = scene::<Transparent>();
    for _ in 0..3 {
        // Everybody else waits; the puppet's packet arrives first, then a second one.
        while puppet.turn(&room.log).is_none() {
            assert!(room.step());
        }
        let (seen, draft) = puppet.turn(&room.log).unwrap();
        let second = match draft {
            Draft::Contribution(mut fields) => {
                fields.contribution.nonce[0] ^= 1;
                Draft::Contribution(fields)
            }
            Draft::Share(fields) => Draft::Share(fields),
            Draft::Confirmation(mut fields) => {
                fields.check[0] ^= 1;
                Draft::Confirmation(fields)
            }
        };
        let second = puppet.sign(&seen, second);
        puppet.speak(&mut room);
        let waiting: Vec<_> = room.queue.drain(..).collect();
        refused(&mut room, &name("m"), &second, GreetingReject::PlaceTaken);
        room.queue.extend(waiting);
    }
    room.run();
    room.assert_together(&names(&["a", "b", "c", "m"]));
}

//= docs/spec/v2.md#V2-010
//= type=test
#[test]
fn packets_of_later_rounds_are_not_kept() {
    let (mut room, puppet) = scene::<Transparent>();
    room.run();
    // All of an undisturbed run, to have packets of each round.
    let (mut twin, mut honest) = scene::<Transparent>();
    honest.behave(&mut twin);
    let (early, late): (Vec<_>, Vec<_>) =
        twin.log.split_off(room.log.len()).into_iter().partition(|(from, _)| *from == name("m"));
    for (_, packet) in &early[1..] {
        refused(&mut room, &name("m"), packet, GreetingReject::OutOfPlace);
    }
    for (from, packet) in &late {
        for who in room.everybody() {
            let reason =
                if who == *from { GreetingReject::NotOurs } else { GreetingReject::OutOfPlace };
            assert_eq!(room.deliver_to(&who, from, packet), Err(reason));
        }
    }
    succeeds(room, puppet);
}

//= docs/spec/v2.md#V2-009
//= type=test
#[test]
fn signatures_for_other_purposes_do_not_count() {
    // ATK-015
    let (mut room, mut puppet) = scene::<V2>();
    for round in 0..3 {
        room.run();
        let (seen, draft) = puppet.turn(&room.log).unwrap();
        let packet = puppet.sign(&seen, draft);
        let signed = [&packet[..4], &packet[68..]].concat();
        let context = if round == 1 { seen.context::<V2>().to_vec() } else { Vec::new() };
        for label in mpenc_crypto::label::ALL_SIGN {
            let mut other = packet.clone();
            let parts: [&[u8]; 3] = [label.as_bytes(), &context, &signed];
            let signature =
                if round == 1 { puppet.signer.sign(&parts) } else { puppet.identity.sign(&parts) };
            other[4..68].copy_from_slice(signature.as_bytes());
            if other != packet {
                refused(&mut room, &name("m"), &other, GreetingReject::BadSignature);
            }
        }
        puppet.speak(&mut room);
    }
    room.run();
    room.assert_together(&names(&["a", "b", "c", "m"]));
}

/// Somebody with our identity key speaks in our name: to us it is not ours (GRT-018).
//= docs/spec/protocol.md#GRT-018
//= type=test
#[test]
fn what_a_twin_says_is_not_ours() {
    // ATK-049
    let (mut room, _) = scene::<Transparent>();
    let twin = Puppet::<Transparent>::new(&name("a"));
    let (seen, draft) = twin.turn(&room.log).unwrap();
    let packet = twin.sign(&seen, draft);
    let own = room.deliver_to(&name("a"), &name("a"), &packet);
    assert_eq!(own, Err(GreetingReject::NotOurs));
    // The channel decides which of the two the others take.
    assert!(room.deliver_to(&name("c"), &name("a"), &packet).is_ok());
}
