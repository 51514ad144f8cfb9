//! One broken packet for each check: no effect, and the operation goes on with the genuine one.

use mpenc_crypto::{PublicKey, Signature, SigningKey};
use mpenc_greeting::{Greeter, GreetingReject as Reject};
use mpenc_packet::v1::{DATA_CONTEXT, ERROR_CONTEXT, GreetType, GreetingFields};
use mpenc_types::{MemberId, MemberSet};

use crate::craft::{fields, flip_signature, rewrite, session_signature, strip_signature};
use crate::group::{Group, Sent, first_ephemeral, name, names, numbered};

/// Delivers `bad` to one member; it is refused and nothing visible changes.
#[track_caller]
pub(crate) fn refuse(group: &mut Group, who: &MemberId, bad: &Sent, expected: Reject) {
    let before = group.members[who].greeter.running();
    let members = group.members[who].greeter.members();
    let found = group.deliver_to(who, &bad.0, &bad.1);
    assert_eq!(found, Err(expected), "{who}");
    assert_eq!(group.members[who].greeter.running(), before);
    assert_eq!(group.members[who].greeter.members(), members);
    assert!(group.queue.iter().all(|(from, _)| from != who || before.is_some()));
}

/// What becomes of a packet that does not verify; nothing at all if its contents do not matter.
fn unverified(group: &Group, who: &MemberId, (from, packet): &Sent) -> Option<Reject> {
    let fields = fields(packet);
    if who == from {
        return Some(Reject::NotOurs);
    }
    if fields.greet_type.is_initial() {
        return Some(Reject::BadSignature);
    }
    match group.members[who].greeter.running() {
        None => Some(Reject::NoOperation),
        Some(operation) if operation.bystander => None,
        Some(_) if fields.dest.is_some_and(|dest| dest != *who) => None,
        Some(_) => Some(Reject::BadSignature),
    }
}

/// Runs every kind of operation and shows everybody a spoilt copy of each packet first.
fn spoil_everything(
    spoil: impl Fn(&[u8]) -> Vec<u8>,
    expected: impl Fn(&Group, &MemberId, &Sent) -> Option<Reject>,
) {
    let (four, six) = (numbered(0..4), numbered(0..6));
    let mut group = Group::new(&six);
    for next in [&four, &six, &six, &four] {
        let packet = group.propose(&name("m001"), next);
        group.send(&name("m001"), packet);
        while let Some(good) = group.queue.pop_front() {
            let bad = (good.0.clone(), spoil(&good.1));
            for who in group.everybody() {
                match expected(&group, &who, &good) {
                    Some(reason) => refuse(&mut group, &who, &bad, reason),
                    None => assert!(group.deliver_to(&who, &bad.0, &bad.1).is_ok()),
                }
            }
            group.broadcast(&good);
        }
        group.assert_together(next);
        for (who, member) in &mut group.members {
            if !next.contains(who) {
                member.greeter.reset();
            }
        }
    }
}

//= docs/spec/protocol.md#SKE-006
//= type=test
//= docs/spec/protocol.md#SKE-025
//= type=test
#[test]
fn packets_need_their_signature() {
    // ATK-043
    spoil_everything(flip_signature, unverified);
    spoil_everything(strip_signature, |_, _, _| Some(Reject::Malformed));
}

//= docs/spec/protocol.md#SKE-007
//= type=test
#[test]
fn signatures_for_other_purposes_do_not_count() {
    // ATK-015
    for count in [FIRST_UP, SECOND_UP, FIRST_DOWN, CONFIRM] {
        let (mut group, good) = establishing(count);
        let victim = fields(&good.1).dest.unwrap_or_else(|| name("b"));
        let mut bytes = mpenc_packet::armor::decode(&good.1).unwrap();
        for context in [DATA_CONTEXT, ERROR_CONTEXT, b"acksig", b""] {
            let signature = first_ephemeral(&good.0).sign(&[context, &bytes[68..]]);
            bytes[4..68].copy_from_slice(signature.as_bytes());
            let bad = (good.0.clone(), mpenc_packet::armor::encode(&bytes));
            refuse(&mut group, &victim, &bad, Reject::BadSignature);
        }
        // Nor does a packet signature count as a session signature.
        if count >= FIRST_DOWN {
            let signer = first_ephemeral(&good.0);
            let signature = Signature::new(bytes[4..68].try_into().unwrap());
            let bad = rewrite(&good.1, &signer, |p| p.session_signature = Some(signature));
            refuse(&mut group, &victim, &(good.0.clone(), bad), Reject::BadSessionSignature);
        }
    }
}

/// Establishes among `a`, `b`, `c` up to `count` packets; the next one is handed back.
fn establishing(count: usize) -> (Group, Sent) {
    let all = names(&["a", "b", "c"]);
    let mut group = Group::new(&all);
    group.change_until(&name("a"), &all, count);
    let next = group.next();
    (group, next)
}

/// Changes the next packet in the hands of its sender, who signs it.
#[track_caller]
fn forged(count: usize, victim: &str, expected: Reject, change: impl FnOnce(&mut GreetingFields)) {
    let (mut group, good) = establishing(count);
    let signer = first_ephemeral(&good.0);
    let bad = (good.0.clone(), rewrite(&good.1, &signer, change));
    refuse(&mut group, &name(victim), &bad, expected);
    group.broadcast(&good);
    group.run();
    group.assert_together(&names(&["a", "b", "c"]));
}

const FIRST_UP: usize = 0;
const SECOND_UP: usize = 1;
const FIRST_DOWN: usize = 2;
const CONFIRM: usize = 3;

//= docs/spec/protocol.md#GKA-014
//= type=test
#[test]
fn member_lists_name_everybody_once() {
    forged(FIRST_UP, "b", Reject::BadMembers, |p| p.members[2] = name("b"));
    forged(FIRST_UP, "b", Reject::BadMembers, |p| p.members[0] = name("x"));
}

//= docs/spec/protocol.md#GKA-016
//= type=test
//= docs/spec/protocol.md#GRT-014
//= type=test
#[test]
fn member_lists_never_change() {
    // ATK-046
    forged(SECOND_UP, "c", Reject::BadMembers, |p| p.members.swap(0, 1));
    forged(FIRST_DOWN, "a", Reject::BadMembers, |p| p.members.swap(0, 1));
    forged(CONFIRM, "b", Reject::BadMembers, |p| p.members.swap(0, 1));
    forged(CONFIRM, "c", Reject::BadMembers, |p| drop(p.members.pop()));
}

//= docs/spec/protocol.md#GRT-006
//= type=test
#[test]
fn initial_member_lists_are_in_order() {
    forged(FIRST_UP, "b", Reject::BadMembers, |p| p.members.swap(1, 2));
    forged(FIRST_UP, "b", Reject::BadMembers, |p| p.members.swap(0, 1));
}

//= docs/spec/protocol.md#GKA-015
//= type=test
//= docs/spec/protocol.md#SKE-013
//= type=test
#[test]
fn lists_have_exact_lengths() {
    for (count, victim) in [(FIRST_UP, "b"), (SECOND_UP, "c"), (FIRST_DOWN, "a")] {
        forged(count, victim, Reject::BadLength, |p| p.int_keys.push(p.int_keys[1]));
        forged(count, victim, Reject::BadLength, |p| {
            p.int_keys.pop();
        });
        forged(count, victim, Reject::BadLength, |p| p.nonces.push([9; 32]));
        forged(count, victim, Reject::BadLength, |p| p.pub_keys.push(PublicKey::new([9; 32])));
    }
    forged(SECOND_UP, "c", Reject::BadLength, |p| {
        p.nonces.pop();
    });
    forged(FIRST_DOWN, "b", Reject::BadLength, |p| {
        p.nonces.pop();
    });
}

//= docs/spec/protocol.md#GKA-017
//= type=test
//= docs/spec/protocol.md#GKA-018
//= type=test
#[test]
fn intermediate_keys_are_usable() {
    // ATK-027, ATK-028
    for (count, victim) in [(FIRST_UP, "b"), (SECOND_UP, "c"), (FIRST_DOWN, "a"), (FIRST_DOWN, "b")]
    {
        forged(count, victim, Reject::BadIntermediateKey, |p| p.int_keys[1] = Some([0; 32]));
        forged(count, victim, Reject::BadIntermediateKey, |p| p.int_keys[0] = Some([0xff; 32]));
    }
}

//= docs/spec/protocol.md#GKA-001
//= type=test
#[test]
fn the_first_list_begins_with_the_base_point() {
    forged(FIRST_UP, "b", Reject::BadIntermediateKey, |p| p.int_keys[0] = p.int_keys[1]);
}

//= docs/spec/protocol.md#SKE-014
//= type=test
#[test]
fn own_values_come_back_unchanged() {
    for (index, victim) in [(0, "a"), (1, "b")] {
        forged(FIRST_DOWN, victim, Reject::ChangedValues, |p| p.nonces[index] = [1; 32]);
        let other = first_ephemeral(&name("x")).public();
        forged(FIRST_DOWN, victim, Reject::ChangedValues, |p| p.pub_keys[index] = other);
    }
}

//= docs/spec/protocol.md#SKE-016
//= type=test
#[test]
fn values_passed_on_come_back_unchanged() {
    // ATK-045: `b` passed on the values of `a`.
    forged(FIRST_DOWN, "b", Reject::ChangedValues, |p| p.nonces[0] = [1; 32]);
    let other = first_ephemeral(&name("x")).public();
    forged(FIRST_DOWN, "b", Reject::ChangedValues, |p| p.pub_keys[0] = other);
}

#[test]
fn nonces_and_keys_are_distinct() {
    // ATK-038, ATK-066
    forged(FIRST_DOWN, "a", Reject::RepeatedValues, |p| p.nonces[2] = p.nonces[1]);
    forged(FIRST_DOWN, "a", Reject::RepeatedValues, |p| p.pub_keys[1] = p.pub_keys[2]);
    forged(SECOND_UP, "c", Reject::RepeatedValues, |p| p.pub_keys[0] = p.pub_keys[1]);
}

//= docs/spec/protocol.md#SKE-018
//= type=test
#[test]
fn only_the_last_newcomer_sends_the_first_downflow() {
    let (mut group, good) = establishing(FIRST_DOWN);
    let b = name("b");
    let bad = rewrite(&good.1, &first_ephemeral(&b), |p| p.source = b.clone());
    refuse(&mut group, &name("a"), &(b, bad), Reject::NotEntitled);
    // A second one, even by the one entitled to it, comes too late.
    group.broadcast(&good);
    let signer = first_ephemeral(&good.0);
    let second = rewrite(&good.1, &signer, |p| p.session_signature = Some(Signature::new([0; 64])));
    for who in ["a", "b"] {
        refuse(&mut group, &name(who), &(good.0.clone(), second.clone()), Reject::NotEntitled);
        refuse(&mut group, &name(who), &good, Reject::NotEntitled);
    }
    group.run();
    group.assert_together(&names(&["a", "b", "c"]));
}

#[test]
fn a_newcomer_out_of_turn_does_not_wedge_the_operation() {
    // ATK-047: `b` knows the lists and has every right to sign them, but not to come first. Were
    // its packet taken as the first downflow, that of `c` would come too late.
    let (mut group, good) = establishing(FIRST_DOWN);
    let b = name("b");
    let early = rewrite(&good.1, &first_ephemeral(&b), |p| {
        p.source = b.clone();
        p.session_signature = Some(session_signature(&b, p));
    });
    let _ = group.deliver_to(&name("a"), &b, &early);
    group.broadcast(&good);
    group.run();
    group.assert_together(&names(&["a", "b", "c"]));
}

//= docs/spec/protocol.md#SKE-019
//= type=test
//= docs/spec/protocol.md#GRT-020
//= type=test
#[test]
fn session_signatures_are_verified_before_a_packet_counts_as_final() {
    // ATK-064: `refuse` goes through `inspect`, which must not report the packet at all.
    let wrong = Some(Signature::new([7; 64]));
    forged(FIRST_DOWN, "a", Reject::BadSessionSignature, |p| p.session_signature = wrong);
    forged(CONFIRM, "b", Reject::BadSessionSignature, |p| p.session_signature = wrong);
    forged(CONFIRM, "c", Reject::BadSessionSignature, |p| p.session_signature = wrong);
    let (mut group, first) = establishing(CONFIRM);
    group.broadcast(&first);
    let last = group.next();
    let bad = rewrite(&last.1, &first_ephemeral(&last.0), |p| p.session_signature = wrong);
    for who in ["a", "c"] {
        let bad = (last.0.clone(), bad.clone());
        refuse(&mut group, &name(who), &bad, Reject::BadSessionSignature);
    }
    group.broadcast(&last);
    group.assert_together(&names(&["a", "b", "c"]));
}

//= docs/spec/protocol.md#SKE-020
//= type=test
#[test]
fn confirmations_repeat_the_lists() {
    forged(CONFIRM, "b", Reject::ChangedValues, |p| p.nonces[2] = [1; 32]);
    forged(CONFIRM, "c", Reject::ChangedValues, |p| p.pub_keys.swap(0, 1));
    forged(CONFIRM, "c", Reject::ChangedValues, |p| {
        p.nonces.pop();
    });
}

//= docs/spec/protocol.md#SKE-021
//= type=test
//= docs/spec/protocol.md#SKE-012
//= type=test
#[test]
fn everybody_confirms_once_and_not_too_early() {
    let all = numbered(0..4);
    let mut group = Group::new(&all);
    group.change_until(&name("m000"), &all, 4);
    let confirmation = group.next();
    assert_eq!(confirmation.0, name("m000"));
    group.broadcast(&confirmation);
    for who in &all.without(&confirmation.0) {
        refuse(&mut group, who, &confirmation, Reject::NotEntitled);
    }
    let (first_downflow, stays) = (group.log[3].clone(), group.log[2].clone());
    group.run();
    group.assert_together(&all);
    // Nobody sent a second confirmation.
    assert_eq!(group.log.len(), 7);
    // Too early: before the first downflow.
    let mut group = Group::new(&all);
    group.change_until(&name("m000"), &all, 3);
    assert_eq!(group.log[2], stays);
    assert_eq!(group.queue[0], first_downflow);
    for who in &all.without(&confirmation.0) {
        refuse(&mut group, who, &confirmation, Reject::OutOfPlace);
    }
    group.run();
    group.assert_together(&all);
}

//= docs/spec/protocol.md#SKE-022
//= type=test
//= docs/spec/protocol.md#GRT-018
//= type=test
#[test]
fn packets_in_our_name_are_ours_byte_for_byte() {
    // ATK-049
    for count in [FIRST_UP, SECOND_UP, FIRST_DOWN, CONFIRM] {
        let (mut group, good) = establishing(count);
        let bad = (good.0.clone(), flip_signature(&good.1));
        refuse(&mut group, &good.0, &bad, Reject::NotOurs);
        // Even correctly signed.
        let resigned = rewrite(&good.1, &first_ephemeral(&name("x")), |_| ());
        refuse(&mut group, &good.0, &(good.0.clone(), resigned), Reject::NotOurs);
        group.broadcast(&good);
        group.run();
        group.assert_together(&names(&["a", "b", "c"]));
    }
}

//= docs/spec/protocol.md#GRT-018
//= type=test
#[test]
fn a_proposal_in_our_name_is_not_recognised() {
    let all = numbered(0..3);
    let mut group = Group::established(&all);
    let genuine = group.propose(&name("m000"), &all);
    group.get_mut("m000").greeter.withdraw();
    refuse(&mut group, &name("m000"), &(name("m000"), genuine), Reject::NotOurs);
}

//= docs/spec/attacks.md#ATK-091
//= type=test
//= docs/spec/protocol.md#GRT-019
//= type=test
#[test]
fn source_is_sender() {
    // ATK-048
    for count in [FIRST_UP, SECOND_UP, FIRST_DOWN, CONFIRM] {
        let (mut group, good) = establishing(count);
        for who in ["a", "b", "c"] {
            let spoofed = (name("b"), good.1.clone());
            if spoofed.0 != good.0 {
                refuse(&mut group, &name(who), &spoofed, Reject::SourceIsNotSender);
            }
        }
    }
}

//= docs/spec/protocol.md#GRT-011
//= type=test
#[test]
fn packets_fit_the_operation() {
    forged(FIRST_DOWN, "a", Reject::OutOfPlace, |p| p.greet_type = GreetType::IncludeDownflow);
    forged(SECOND_UP, "c", Reject::OutOfPlace, |p| p.greet_type = GreetType::IncludeUpflow);
    forged(CONFIRM, "b", Reject::OutOfPlace, |p| p.greet_type = GreetType::ExcludeConfirm);
    forged(SECOND_UP, "c", Reject::NotEntitled, |p| p.dest = Some(name("b")));
}

//= docs/spec/protocol.md#GRT-028
//= type=test
#[test]
fn departure_packets_are_refused() {
    let all = names(&["a", "b", "c"]);
    let quit = |group: &Group, who: &MemberId| {
        let fields = GreetingFields {
            greet_type: GreetType::Quit,
            source: who.clone(),
            dest: None,
            members: Vec::new(),
            int_keys: Vec::new(),
            nonces: Vec::new(),
            pub_keys: Vec::new(),
            metadata: None,
            session_signature: None,
        };
        let signer = group.members[who].keys.as_ref().unwrap().signer.clone();
        (who.clone(), fields.sign(&*signer).unwrap().to_wire())
    };
    let mut group = Group::established(&all);
    let bad = quit(&group, &name("b"));
    refuse(&mut group, &name("a"), &bad, Reject::Departure);
    group.change_until(&name("a"), &names(&["a", "b"]), 1);
    refuse(&mut group, &name("a"), &bad, Reject::Departure);
}

//= docs/spec/protocol.md#GKA-031
//= type=test
#[test]
fn too_many_members_are_not_even_looked_at() {
    // ATK-163
    let most = numbered(0..511).with(&name("a"));
    let mut group = Group::new(&MemberSet::of(&name("a")));
    for who in &most {
        group.get_mut("a").greeter.set_identity(who, Some(first_ephemeral(who).public()));
    }
    let packet = group.propose(&name("a"), &most);
    group.add(&name("m000"));
    assert!(group.members[&name("m000")].greeter.inspect(&name("a"), &packet).is_ok());
    let mut bytes = mpenc_packet::armor::decode(&packet).unwrap();
    let record = [&[0x01, 0x02, 0, 4][..], b"m000"].concat();
    let at = bytes.windows(record.len()).position(|window| window == record).unwrap();
    bytes.splice(at..at, [&[0x01, 0x02, 0, 1][..], b"b"].concat());
    let bad = (name("a"), mpenc_packet::armor::encode(&bytes));
    refuse(&mut group, &name("m000"), &bad, Reject::TooMany);
}
