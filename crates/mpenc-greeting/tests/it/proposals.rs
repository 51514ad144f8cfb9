//! Broken proposals to members of a session.

use mpenc_crypto::{PublicKey, Signature, SigningKey};
use mpenc_greeting::{Greeter, GreetingReject as Reject, Initial, Inspection, StuckReason};
use mpenc_packet::v1::{GreetType, GreetingFields};
use mpenc_types::MemberSet;

use crate::craft::{fields, rewrite, session_signature};
use crate::group::{Group, Sent, first_ephemeral, metadata, name, names};
use crate::rejects::refuse;

/// `a`, `b`, `c`, `d` in a session; `e` outside.
fn group() -> Group {
    let mut group = Group::established(&names(&["a", "b", "c", "d"]));
    group.add(&name("e"));
    group
}

/// Lets `a` propose and sign something else; `b` and, if excluded, `d` refuse it, and accept the
/// genuine one afterwards.
#[track_caller]
fn forged(next: &[&str], expected: Reject, change: impl FnOnce(&mut GreetingFields)) {
    let next = names(next);
    let mut group = group();
    let packet = group.propose(&name("a"), &next);
    let bad = (name("a"), rewrite(&packet, &*group.signer(&name("a")), change));
    refuse(&mut group, &name("b"), &bad, expected);
    refuse(&mut group, &name("d"), &bad, expected);
    group.send(&name("a"), packet);
    group.run();
    if next.len() > 1 {
        group.assert_together(&next);
    }
}

const INCLUDE: &[&str] = &["a", "b", "c", "d", "e"];
const EXCLUDE: &[&str] = &["a", "b", "c"];
const REFRESH: &[&str] = &["a", "b", "c", "d"];

//= docs/spec/protocol.md#SKE-015
//= type=test
#[test]
fn old_values_are_unchanged() {
    for next in [INCLUDE, EXCLUDE] {
        forged(next, Reject::ChangedValues, |p| p.nonces[2] = [1; 32]);
        let other = first_ephemeral(&name("x")).public();
        forged(next, Reject::ChangedValues, |p| p.pub_keys[2] = other);
        // ATK-050: the initiator comes with its old nonce.
        let before = group_nonce("a");
        forged(next, Reject::ChangedValues, |p| p.nonces[0] = before);
    }
}

/// A member's nonce after [`group`] was established.
fn group_nonce(who: &str) -> [u8; 32] {
    let group = Group::established(&names(&["a", "b", "c", "d"]));
    let last = fields(&group.log.last().unwrap().1);
    let index = last.members.iter().position(|member| *member == name(who)).unwrap();
    last.nonces[index]
}

//= docs/spec/protocol.md#SKE-015
//= type=test
#[test]
fn old_values_are_unchanged_in_the_first_downflow() {
    // The newcomer is an insider and swaps an old member's key.
    let mut group = group();
    group.change_until(&name("a"), &names(INCLUDE), 1);
    let good = group.next();
    let other = first_ephemeral(&name("x")).public();
    let signer = first_ephemeral(&name("e"));
    let bad = (good.0.clone(), rewrite(&good.1, &signer, |p| p.pub_keys[1] = other));
    for who in ["a", "b", "c", "d"] {
        refuse(&mut group, &name(who), &bad, Reject::ChangedValues);
    }
    let bad = (good.0.clone(), rewrite(&good.1, &signer, |p| p.nonces[3] = [1; 32]));
    for who in ["a", "b", "c", "d"] {
        refuse(&mut group, &name(who), &bad, Reject::ChangedValues);
    }
    group.broadcast(&good);
    group.run();
    group.assert_together(&names(INCLUDE));
}

//= docs/spec/protocol.md#GKA-014
//= type=test
//= docs/spec/protocol.md#GKA-016
//= type=test
//= docs/spec/protocol.md#GRT-006
//= type=test
#[test]
fn member_lists_follow_from_the_previous_one() {
    for next in [INCLUDE, EXCLUDE, REFRESH] {
        forged(next, Reject::BadMembers, |p| p.members.swap(1, 2));
        forged(next, Reject::BadMembers, |p| p.members[2] = name("b"));
        forged(next, Reject::BadMembers, |p| p.members[2] = name("x"));
    }
    forged(INCLUDE, Reject::BadMembers, |p| drop(p.members.remove(2)));
}

//= docs/spec/protocol.md#GRT-004
//= type=test
#[test]
fn the_kind_of_operation_follows_from_the_members() {
    // ATK-047
    let four: Vec<_> = REFRESH.iter().map(|who| name(who)).collect();
    forged(EXCLUDE, Reject::BadMembers, |p| p.members = four.clone());
    forged(INCLUDE, Reject::BadMembers, |p| p.members = four.clone());
    let three: Vec<_> = EXCLUDE.iter().map(|who| name(who)).collect();
    forged(REFRESH, Reject::BadMembers, |p| p.members = three);
    forged(INCLUDE, Reject::NotEntitled, |p| p.greet_type = GreetType::StartInitial);
}

#[test]
fn an_exclusion_of_nobody_changes_nothing() {
    // ATK-047: `a` gives everybody else a key of its choice, under the name of an operation that
    // nobody would be told of, since the members stay the same.
    let mut group = group();
    let all = names(REFRESH);
    let (sid, key) = group.assert_together(&all);
    let last = fields(&group.log.last().unwrap().1);
    let packet = group.propose(&name("a"), &names(EXCLUDE));
    group.get_mut("a").greeter.withdraw();
    let chosen = |n: u8| fields(&packet).int_keys[usize::from(n) % 3];
    let bad = resigned(&group, &packet, "a", |p| {
        p.members = last.members.clone();
        p.nonces = last.nonces.clone();
        p.nonces[0] = [9; 32];
        p.pub_keys = last.pub_keys.clone();
        p.int_keys = (0..4).map(chosen).collect();
        p.session_signature = Some(session_signature(&name("a"), p));
    });
    for who in ["b", "c", "d"] {
        let _ = group.deliver_to(&name(who), &bad.0, &bad.1);
    }
    group.run();
    for who in ["b", "c", "d"] {
        let member = &group.members[&name(who)];
        let keys = member.keys.as_ref().unwrap();
        assert_eq!((keys.sid, keys.secret), (sid, key), "{who}");
        assert_eq!(member.greeter.running(), None, "{who}");
    }
    group.change(&name("a"), &all);
    group.assert_together(&all);
}

//= docs/spec/protocol.md#GRT-003
//= type=test
#[test]
fn nobody_excludes_itself() {
    forged(EXCLUDE, Reject::BadMembers, |p| drop(p.members.remove(0)));
}

//= docs/spec/protocol.md#GKA-015
//= type=test
#[test]
fn lists_have_exact_lengths() {
    for next in [INCLUDE, EXCLUDE, REFRESH] {
        forged(next, Reject::BadLength, |p| p.int_keys.push(p.int_keys[1]));
        forged(next, Reject::BadLength, |p| {
            p.int_keys.pop();
        });
    }
    for next in [INCLUDE, EXCLUDE] {
        forged(next, Reject::BadLength, |p| p.nonces.push([9; 32]));
        forged(next, Reject::BadLength, |p| p.pub_keys.push(PublicKey::new([9; 32])));
    }
}

//= docs/spec/protocol.md#GKA-017
//= type=test
#[test]
fn intermediate_keys_are_usable() {
    // ATK-027, ATK-028: also where the list is addressed to somebody else.
    for next in [INCLUDE, EXCLUDE, REFRESH] {
        forged(next, Reject::BadIntermediateKey, |p| p.int_keys[0] = Some([0; 32]));
    }
}

#[test]
fn upflow_goes_to_the_first_newcomer() {
    forged(INCLUDE, Reject::OutOfPlace, |p| p.dest = Some(name("b")));
}

#[test]
fn old_members_have_no_part_in_the_upflow() {
    let mut group = group();
    group.change_until(&name("a"), &names(INCLUDE), 1);
    let first = group.log[0].clone();
    let bad = resigned(&group, &first.1, "d", |p| {
        p.greet_type = GreetType::IncludeUpflow;
        p.source = name("d");
        p.metadata = None;
    });
    for who in ["a", "b", "c"] {
        refuse(&mut group, &name(who), &bad, Reject::NotEntitled);
    }
    group.run();
    group.assert_together(&names(INCLUDE));
}

//= docs/spec/protocol.md#SKE-019
//= type=test
#[test]
fn an_exclusion_carries_its_session_signature() {
    let wrong = Some(Signature::new([7; 64]));
    forged(EXCLUDE, Reject::BadSessionSignature, |p| p.session_signature = wrong);
    forged(&["a"], Reject::BadSessionSignature, |p| p.session_signature = wrong);
}

//= docs/spec/protocol.md#GRT-019
//= type=test
//= docs/spec/protocol.md#SKE-027
//= type=test
#[test]
fn proposals_are_signed_with_the_current_key_of_a_member() {
    // ATK-052, ATK-055
    for next in [INCLUDE, EXCLUDE, REFRESH] {
        let mut group = group();
        let packet = group.propose(&name("a"), &names(next));
        let stranger = rewrite(&packet, &first_ephemeral(&name("x")), |_| ());
        let other_member = rewrite(&packet, &*group.signer(&name("b")), |_| ());
        for bad in [stranger, other_member] {
            for who in ["b", "d"] {
                refuse(&mut group, &name(who), &(name("a"), bad.clone()), Reject::BadSignature);
            }
        }
        let outsider = rewrite(&packet, &first_ephemeral(&name("e")), |p| {
            p.source = name("e");
            p.members.retain(|who| *who != name("e"));
            p.members[1] = name("e");
        });
        refuse(&mut group, &name("d"), &(name("e"), outsider), Reject::NotEntitled);
    }
}

//= docs/spec/protocol.md#SKE-027
//= type=test
#[test]
fn a_former_member_cannot_refresh() {
    let mut group = group();
    let former = group.signer(&name("d"));
    group.change(&name("a"), &names(EXCLUDE));
    let packet = group.propose(&name("a"), &names(EXCLUDE));
    let bad = rewrite(&packet, &*former, |p| p.source = name("d"));
    refuse(&mut group, &name("b"), &(name("d"), bad), Reject::BadMembers);
    let bad = rewrite(&packet, &*former, |_| ());
    refuse(&mut group, &name("b"), &(name("a"), bad), Reject::BadSignature);
}

/// What `by` says, sent as it is.
fn resigned(
    group: &Group,
    packet: &[u8],
    by: &str,
    change: impl FnOnce(&mut GreetingFields),
) -> Sent {
    (name(by), rewrite(packet, &*group.signer(&name(by)), change))
}

//= docs/spec/protocol.md#SKE-017
//= type=test
#[test]
fn a_session_identifier_never_comes_again() {
    // ATK-050: `a` excludes `d` twice, the second time with the nonce of the first.
    let mut group = group();
    group.change(&name("a"), &names(EXCLUDE));
    let first = fields(&group.log[0].1);
    group.change(&name("a"), &names(REFRESH));
    let again = group.propose(&name("a"), &names(EXCLUDE));
    let metadata = fields(&again).metadata;
    let bad = resigned(&group, &again, "a", |p| {
        *p = GreetingFields { metadata, ..first.clone() };
    });
    for who in ["b", "c", "d"] {
        // `d` has a new nonce, but cannot know the identifier: it was not in that session.
        if who != "d" {
            stuck(&mut group, who, &bad);
        }
    }
    group.get_mut("a").greeter.withdraw();
    group.change(&name("a"), &names(EXCLUDE));
    group.assert_together(&names(EXCLUDE));
}

//= docs/spec/protocol.md#SKE-017
//= type=test
#[test]
fn a_session_identifier_of_a_failed_operation_does_not_come_again() {
    let mut group = group();
    group.change_until(&name("a"), &names(EXCLUDE), 1);
    group.queue.clear();
    let first = fields(&group.log[0].1);
    for member in group.members.values_mut() {
        member.greeter.fail();
    }
    let again = group.propose(&name("a"), &names(EXCLUDE));
    let metadata = fields(&again).metadata;
    let bad = resigned(&group, &again, "a", |p| *p = GreetingFields { metadata, ..first });
    for who in ["b", "c"] {
        stuck(&mut group, who, &bad);
    }
    group.get_mut("a").greeter.withdraw();
    group.change(&name("a"), &names(EXCLUDE));
    group.assert_together(&names(EXCLUDE));
}

/// ATK-030: the group key that `b` would derive is one of its earlier ones.
#[test]
fn earlier_intermediate_keys_never_come_again() {
    for next in [REFRESH, EXCLUDE] {
        let mut group = group();
        group.change(&name("a"), &names(REFRESH));
        let old = fields(&group.log[0].1).int_keys[1];
        group.change(&name("c"), &names(REFRESH));
        let again = group.propose(&name("a"), &names(next));
        let bad = resigned(&group, &again, "a", |p| p.int_keys[1] = old);
        // Only `b` can notice. The others go on, so it must not just look away.
        assert!(group.deliver_to(&name("c"), &bad.0, &bad.1).is_ok());
        assert_eq!(group.members[&name("c")].stuck, None);
        group.get_mut("c").greeter.fail();
        group.queue.clear();
        stuck(&mut group, "b", &bad);
    }
}

/// Delivers a proposal that `who` recognises like everybody else, but cannot go along with; then
/// lets the operation fail.
#[track_caller]
fn stuck(group: &mut Group, who: &str, bad: &Sent) {
    let members = group.members[&name(who)].greeter.members();
    let found = group.deliver_to(&name(who), &bad.0, &bad.1);
    assert!(matches!(found, Ok(Inspection::Initial(Initial { verified: true, .. }))), "{found:?}");
    let member = group.get_mut(who);
    assert_eq!(member.stuck.take(), Some(StuckReason::Replay(bad.0.clone())));
    assert!(member.greeter.running().is_some());
    member.greeter.fail();
    assert_eq!(member.greeter.members(), members);
    assert!(group.queue.is_empty());
}

#[test]
fn earlier_intermediate_keys_never_come_again_in_the_first_downflow() {
    // ATK-030: the newcomer brings the group back to a key that it knows from elsewhere.
    let mut group = group();
    group.change(&name("a"), &names(REFRESH));
    let old = fields(&group.log[0].1).int_keys[1];
    group.change_until(&name("a"), &names(INCLUDE), 1);
    let good = group.next();
    let signer = first_ephemeral(&name("e"));
    let bad = (good.0.clone(), rewrite(&good.1, &signer, |p| p.int_keys[1] = old));
    refuse(&mut group, &name("b"), &bad, Reject::ChangedValues);
    group.broadcast(&good);
    group.run();
    group.assert_together(&names(INCLUDE));
}

#[test]
fn a_renewed_contribution_makes_earlier_intermediate_keys_harmless() {
    let mut group = group();
    let mut seen = Vec::new();
    for by in ["a", "c", "b"] {
        group.change(&name(by), &names(REFRESH));
        let (_, key) = group.assert_together(&names(REFRESH));
        seen.push((fields(&group.log[0].1).int_keys[1], key));
    }
    let again = group.propose(&name("a"), &names(REFRESH));
    let odd = resigned(&group, &again, "a", |p| p.int_keys[1] = seen[0].0);
    assert!(group.deliver_to(&name("b"), &odd.0, &odd.1).is_ok());
    let key = group.members[&name("b")].keys.as_ref().unwrap().secret;
    assert!(seen.iter().all(|(_, old)| *old != key));
}

//= docs/spec/protocol.md#GRT-016
//= type=test
//= docs/spec/protocol.md#GRT-015
//= type=test
//= docs/spec/protocol.md#GRT-009
//= type=test
#[test]
fn inspecting_changes_nothing() {
    for next in [INCLUDE, EXCLUDE, REFRESH, &["a"][..]] {
        let mut group = group();
        let packet = group.propose(&name("a"), &names(next));
        for (who, member) in &group.members {
            for _ in 0..2 {
                let found = member.greeter.inspect(&name("a"), &packet);
                let Ok(Inspection::Initial(initial)) = found else { panic!("{who}: {found:?}") };
                assert_eq!(initial.initiator, name("a"));
                // Somebody outside only learns who stays.
                assert_eq!(initial.next_members, names(next));
                assert_eq!(initial.metadata, metadata(group.operations));
                assert_eq!(initial.is_final, next.len() == 1 || next == REFRESH);
                assert_eq!(initial.verified, next != REFRESH || *who != name("e"));
                assert_eq!(member.greeter.running(), None);
            }
        }
        group.send(&name("a"), packet);
        group.run();
        if next.len() > 1 {
            group.assert_together(&names(next));
        }
        assert_eq!(group.members[&name("a")].greeter.members(), names(next));
    }
}

#[test]
fn a_judgement_counts_only_while_nothing_has_changed() {
    let mut group = group();
    let packet = group.propose(&name("a"), &names(EXCLUDE));
    let b = group.get_mut("b");
    assert!(b.greeter.inspect(&name("a"), &packet).is_ok());
    b.greeter.reset();
    let found = b.greeter.start(&mut *b.rng, &name("a"), &packet);
    assert!(matches!(found, Err(Reject::NotEntitled)));
    let packet = group.propose(&name("c"), &MemberSet::of(&name("c")));
    let c = group.get_mut("c");
    assert!(c.greeter.inspect(&name("c"), &packet).is_ok());
    c.greeter.withdraw();
    assert!(matches!(c.greeter.start(&mut *c.rng, &name("c"), &packet), Err(Reject::NotOurs)));
}
