//! Those who cannot go on, those who are excluded, and those outside.

use alloc::sync::Arc;

use mpenc_crypto::{PublicKey, SigningKey};
use mpenc_greeting::{Greeter, GreetingReject as Reject, Inspection, StuckReason};
use mpenc_types::MemberId;

use crate::craft::{fields, rewrite};
use crate::group::{Group, first_ephemeral, metadata, name, names};
use crate::rejects::refuse;

//= docs/spec/protocol.md#GRT-022
//= type=test
//= docs/spec/protocol.md#SKE-008
//= type=test
#[test]
fn whoever_lacks_an_identity_key_is_stuck_and_the_operation_fails() {
    let (three, all) = (names(&["a", "b", "c"]), names(&["a", "b", "c", "d"]));
    for stuck in ["a", "b"] {
        let mut group = Group::new(&all);
        group.change(&name("a"), &three);
        let packet = group.propose(&name("a"), &all);
        let missing = name("d");
        group.get_mut(stuck).greeter.set_identity(&missing, None);
        group.send(&name("a"), packet);
        group.run();
        let expected = Some(StuckReason::NoIdentityKey(missing.clone()));
        assert_eq!(group.members[&name(stuck)].stuck, expected);
        // Nobody completes, and the stuck member reacts to nothing more.
        for (who, member) in &group.members {
            assert_ne!(member.greeter.members(), all, "{who}");
        }
        let later = group.log.last().unwrap().clone();
        assert!(group.deliver_to(&name(stuck), &later.0, &later.1).is_err());
        // It leaves, the operation fails, and the next one works.
        for member in group.members.values_mut() {
            member.greeter.fail();
            member.stuck = None;
        }
        let known = group.members[&missing].identity.public();
        group.get_mut(stuck).greeter.set_identity(&missing, Some(known));
        group.change(&name("a"), &all);
        group.assert_together(&all);
    }
}

/// As V2-030 has it: what members decide must not depend on directories that differ.
//= docs/spec/protocol.md#ORD-001
//= type=test
#[test]
fn members_keep_their_identity_keys_until_they_are_excluded() {
    let (two, three) = (names(&["a", "b"]), names(&["a", "b", "c"]));
    let other = first_ephemeral(&name("x")).public();
    for changed in [None, Some(other)] {
        let mut group = Group::established(&three);
        let told = |group: &mut Group, key| {
            for who in ["b", "c"] {
                group.get_mut(who).greeter.set_identity(&name("a"), key);
            }
        };
        told(&mut group, changed);
        // Every kind of operation goes on as before, whoever proposes it.
        for by in ["a", "b"] {
            group.change(&name(by), &three);
            group.change(&name(by), &two);
            group.assert_together(&two);
            group.get_mut("c").greeter.set_identity(&name("a"), Some(identity_of("a")));
            group.change(&name(by), &three);
            group.assert_together(&three);
            group.get_mut("c").greeter.set_identity(&name("a"), changed);
        }
        // Excluded and included again, `a` is taken for whom the directory says.
        group.change(&name("b"), &names(&["b", "c"]));
        let found = {
            let b = group.get_mut("b");
            b.greeter.propose(&mut *b.rng, &three, metadata(99)).map(|_| ())
        };
        assert_eq!(found.is_err(), changed.is_none());
        group.get_mut("b").greeter.withdraw();
        if changed.is_some() {
            group.change(&name("b"), &three);
            assert_eq!(group.get_mut("b").greeter.members(), names(&["b", "c"]));
            for member in group.members.values_mut() {
                member.greeter.fail();
            }
            group.queue.clear();
        }
        told(&mut group, Some(identity_of("a")));
        group.change(&name("b"), &three);
        group.assert_together(&three);
    }
}

/// A member's identity key as everybody knows it at first.
fn identity_of(who: &str) -> PublicKey {
    crate::group::identity_of(&name(who)).public()
}

/// ATK-011, ATK-012: such names make hashes ambiguous and screens lie.
//= docs/spec/protocol.md#MOD-013
//= type=test
#[test]
fn names_are_checked() {
    let members = names(&["a", "b", "c", "d"]);
    let bad: [&[u8]; 5] = [b"y\nc", b"", b"y\x7f", b"\xff", &[b'y'; 256]];
    for bad in bad.map(MemberId::from_wire) {
        // To outsiders, in an establishment.
        let mut group = Group::new(&members);
        let packet = group.propose(&name("a"), &members);
        let signer = first_ephemeral(&name("a"));
        let forged = rewrite(&packet, &signer, |p| p.members[3] = bad.clone());
        refuse(&mut group, &name("b"), &(name("a"), forged), Reject::BadMembers);
        // To members, in an inclusion.
        let mut group = Group::established(&names(&["a", "b"]));
        let (c, d) = (name("c"), name("d"));
        group.add(&c);
        group.add(&d);
        let packet = group.propose(&name("a"), &members);
        let signer = group.signer(&name("a"));
        let forged = rewrite(&packet, &*signer, |p| p.members[3] = bad.clone());
        refuse(&mut group, &name("b"), &(name("a"), forged), Reject::BadMembers);
    }
}

/// ATK-077: a packet that members refuse must not be remembered by those outside.
//= docs/spec/protocol.md#GKA-017
//= type=test
//= docs/spec/protocol.md#GKA-018
//= type=test
#[test]
fn outsiders_refuse_unusable_intermediate_keys_as_members_do() {
    let (two, three) = (names(&["a", "b"]), names(&["a", "b", "c"]));
    let four = names(&["a", "b", "c", "d"]);
    // The last newcomer, who takes part later, somebody uninvited, and what `a` tells them.
    for (before, next, outside) in [
        (None, &three, "c"),
        (None, &three, "d"),
        (Some(&two), &four, "d"),
        (Some(&two), &three, "d"),
        (Some(&three), &two, "d"),
        (Some(&three), &three, "d"),
    ] {
        let mut group = Group::new(&four);
        if let Some(before) = before {
            group.change(&name("a"), before);
        }
        let packet = group.propose(&name("a"), next);
        let signer: Arc<dyn SigningKey> = match before {
            Some(_) => group.signer(&name("a")),
            None => Arc::new(first_ephemeral(&name("a"))),
        };
        for index in 0..fields(&packet).int_keys.len() {
            let bad = rewrite(&packet, &*signer, |p| p.int_keys[index] = Some([0; 32]));
            for who in ["b", outside] {
                let bad = (name("a"), bad.clone());
                refuse(&mut group, &name(who), &bad, Reject::BadIntermediateKey);
            }
        }
        let short = rewrite(&packet, &*signer, |p| p.int_keys.truncate(1));
        for who in ["b", outside] {
            refuse(&mut group, &name(who), &(name("a"), short.clone()), Reject::BadLength);
        }
    }
}

//= docs/spec/protocol.md#SKE-026
//= type=test
#[test]
fn identity_keys_are_taken_at_the_start() {
    let all = names(&["a", "b", "c"]);
    let mut group = Group::new(&all);
    group.change_until(&name("a"), &all, 1);
    group.get_mut("a").greeter.set_identity(&name("b"), None);
    group.run();
    group.assert_together(&all);
}

//= docs/spec/protocol.md#SKE-024
//= type=test
//= docs/spec/protocol.md#SEC-013
//= type=test
//= docs/spec/protocol.md#GRT-026
//= type=test
#[test]
fn metadata_under_another_key_are_not_believed() {
    // ATK-062: `c` is shown a proposal with other metadata, signed by a key of the attacker's.
    let all = names(&["a", "b", "c", "d"]);
    for victim in ["c", "d"] {
        let mut group = Group::new(&all);
        let packet = group.propose(&name("a"), &all);
        let foreign = first_ephemeral(&name("x"));
        let forged = rewrite(&packet, &foreign, |p| {
            p.pub_keys[0] = foreign.public();
            p.metadata.as_mut().unwrap().prev_chain = metadata(7).prev_chain;
            p.metadata.as_mut().unwrap().prev_final = metadata(7).prev_final;
        });
        for who in &all {
            let shown = if *who == name(victim) { &forged } else { &packet };
            assert!(group.deliver_to(who, &name("a"), shown).is_ok());
        }
        group.run();
        let expected = Some(StuckReason::UnauthenticatedMetadata(name("a")));
        assert_eq!(group.members[&name(victim)].stuck, expected);
        for member in group.members.values() {
            assert!(member.keys.is_none());
        }
    }
}

//= docs/spec/protocol.md#SKE-024
//= type=test
#[test]
fn a_key_swapped_for_one_hop_only_is_noticed() {
    // ATK-045: `b` is shown another key of `a`; what it passes on does not fit what `a` sent.
    let all = names(&["a", "b", "c"]);
    let mut group = Group::new(&all);
    let packet = group.propose(&name("a"), &all);
    let foreign = first_ephemeral(&name("x"));
    let forged = rewrite(&packet, &foreign, |p| p.pub_keys[0] = foreign.public());
    for who in &all {
        let shown = if *who == name("b") { &forged } else { &packet };
        assert!(group.deliver_to(who, &name("a"), shown).is_ok());
    }
    group.run();
    for (who, member) in &group.members {
        assert!(member.keys.is_none(), "{who}");
    }
}

//= docs/spec/protocol.md#GRT-012
//= type=test
#[test]
fn the_excluded_look_on() {
    let (all, three) = (names(&["a", "b", "c", "d", "e"]), names(&["a", "b", "c"]));
    let mut group = Group::established(&all);
    group.change_until(&name("b"), &three, 1);
    for who in ["d", "e"] {
        let operation = group.members[&name(who)].greeter.running().unwrap();
        assert!(operation.bystander);
        assert_eq!(operation.next_members, three);
        assert_eq!(operation.prev_members, all);
    }
    while let Some((from, packet)) = group.queue.pop_front() {
        for who in ["d", "e"] {
            // It cannot recognise the final packet.
            let found = group.deliver_to(&name(who), &from, &packet);
            assert_eq!(found, Ok(Inspection::Middle));
        }
        group.broadcast(&(from, packet));
    }
    group.assert_together(&three);
    for who in ["d", "e"] {
        let member = group.get_mut(who);
        assert!(member.greeter.running().unwrap().bystander);
        assert_eq!(member.greeter.members(), all);
        member.greeter.fail();
        assert_eq!(member.greeter.running(), None);
        assert_eq!(member.greeter.members(), all);
    }
}

//= docs/spec/protocol.md#GRT-019
//= type=test
#[test]
fn outsiders_recognise_proposals_as_far_as_they_can() {
    let (all, most) = (names(&["a", "b", "c", "d", "e"]), names(&["a", "b", "c", "d"]));
    let mut group = Group::new(&all);
    let outside = |group: &mut Group, next: &[&str], verified: bool| {
        let packet = group.propose(&name("a"), &names(next));
        let e = group.get_mut("e");
        let Ok(Inspection::Initial(initial)) = e.greeter.inspect(&name("a"), &packet) else {
            panic!("not recognised")
        };
        assert_eq!(initial.verified, verified);
        assert_eq!(initial.next_members, names(next));
        let found = e.greeter.start(&mut *e.rng, &name("a"), &packet);
        assert!(matches!(found, Err(Reject::NotEntitled)));
        assert_eq!(e.greeter.running(), None);
        // With a key in it, it must verify under that key.
        let foreign = rewrite(&packet, &first_ephemeral(&name("x")), |_| ());
        let has_key = !fields(&packet).pub_keys.is_empty();
        assert_eq!(e.greeter.inspect(&name("a"), &foreign).is_err(), has_key);
        group.get_mut("a").greeter.withdraw();
    };
    outside(&mut group, &["a", "b"], true);
    group.change(&name("a"), &names(&["a", "b", "c"]));
    outside(&mut group, &["a", "b", "c", "d"], true);
    outside(&mut group, &["a", "b"], true);
    outside(&mut group, &["a", "b", "c"], false);
    // Taken for a member that it is no longer: nothing to take part with.
    group.change(&name("a"), &all);
    group.get_mut("e").greeter.reset();
    outside(&mut group, &["a", "b", "c", "e"], false);
    outside(&mut group, &["a", "b", "c", "d", "e"], false);
    group.change(&name("a"), &most);
    group.assert_together(&most);
}

#[test]
fn malformed_invitations_are_refused() {
    let all = names(&["a", "b", "c", "d"]);
    let mut group = Group::established(&names(&["a", "b"]));
    group.add(&name("c"));
    group.add(&name("d"));
    let packet = group.propose(&name("a"), &all);
    let signer = group.signer(&name("a"));
    let d = name("d");
    let bad = |change: &dyn Fn(&mut mpenc_packet::v1::GreetingFields)| {
        (name("a"), rewrite(&packet, &*signer, change))
    };
    refuse(&mut group, &d, &bad(&|p| p.members.swap(2, 3)), Reject::BadMembers);
    refuse(&mut group, &d, &bad(&|p| p.members[1] = name("a")), Reject::BadMembers);
    refuse(&mut group, &d, &bad(&|p| p.dest = Some(name("d"))), Reject::OutOfPlace);
    refuse(&mut group, &d, &bad(&|p| p.nonces.truncate(1)), Reject::BadLength);
    // Not an inclusion but an establishment, or into a session of one.
    let alone = bad(&|p| {
        p.nonces.truncate(1);
        p.pub_keys.truncate(1);
        p.int_keys.truncate(2);
        p.dest = Some(name("b"));
    });
    refuse(&mut group, &d, &alone, Reject::BadMembers);
    let late = bad(&|p| p.members.swap(0, 2));
    refuse(&mut group, &d, &late, Reject::BadMembers);
    assert_eq!(fields(&packet).members.len(), 4);
}
