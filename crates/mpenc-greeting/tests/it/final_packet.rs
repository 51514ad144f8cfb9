//! Which packet is final, and who is waited for meanwhile.

use mpenc_greeting::{Greeter, Inspection};
use mpenc_types::MemberSet;

use crate::group::{Group, name, names, numbered};

fn permutations(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for shorter in permutations(n - 1) {
        for place in 0..n {
            let mut longer = shorter.clone();
            longer.insert(place, n - 1);
            all.push(longer);
        }
    }
    all
}

/// `assert_together` compares the packet that each member took for the final one.
//= docs/spec/protocol.md#GRT-010
//= type=test
//= docs/spec/protocol.md#SKE-022
//= type=test
#[test]
fn everybody_names_the_same_final_packet_in_every_order() {
    let (four, all) = (numbered(0..4), numbered(0..5));
    for order in permutations(4) {
        let mut group = Group::new(&all);
        let deliver = |group: &mut Group, before: usize, next: &MemberSet| {
            group.change_until(&name("m000"), next, before);
            let waiting: Vec<_> = group.queue.drain(..).collect();
            let last = order.iter().rfind(|index| **index < waiting.len());
            for index in order.iter().filter(|index| **index < waiting.len()) {
                group.broadcast(&waiting[*index]);
            }
            group.assert_together(next);
            let last = &waiting[*last.unwrap()].1;
            assert!(group.members.iter().all(|(who, member)| {
                !next.contains(who) || member.last_final.as_ref() == Some(last)
            }));
        };
        deliver(&mut group, 4, &four);
        deliver(&mut group, 2, &all);
        deliver(&mut group, 1, &four);
    }
}

//= docs/spec/protocol.md#SKE-022
//= type=test
#[test]
fn without_its_own_echo_a_member_does_not_complete() {
    let all = numbered(0..3);
    let mut group = Group::new(&all);
    group.change_until(&name("m000"), &all, 3);
    let withheld = group.next();
    let other = group.next();
    assert_eq!(withheld.0, name("m000"));
    group.broadcast(&other);
    let operation = group.members[&withheld.0].greeter.running().unwrap();
    assert_eq!(operation.waiting_for, MemberSet::of(&withheld.0));
    group.broadcast(&withheld);
    group.assert_together(&all);
}

#[test]
fn those_waited_for_are_named() {
    let (two, all) = (names(&["a", "b"]), names(&["a", "b", "c", "d", "e"]));
    let mut group = Group::established(&two);
    for who in &all {
        if !two.contains(who) {
            group.add(who);
        }
    }
    let packet = group.propose(&name("b"), &all);
    group.send(&name("b"), packet);
    let expected: [&[&str]; 7] =
        [&["c"], &["d"], &["e"], &["a", "b", "c", "d"], &["b", "c", "d"], &["c", "d"], &["d"]];
    for waiting_for in expected {
        let sent = group.next();
        group.broadcast(&sent);
        for (who, member) in &group.members {
            let operation = member.greeter.running().unwrap();
            assert_eq!(operation.waiting_for, names(waiting_for), "{who}");
            assert_eq!(operation.initiator, name("b"));
            assert_eq!(operation.prev_members, two);
            assert_eq!(operation.next_members, all);
            assert!(!operation.bystander);
        }
    }
    let (from, packet) = group.next();
    for who in &all {
        assert_eq!(group.deliver_to(who, &from, &packet), Ok(Inspection::Final));
    }
    group.assert_together(&all);
}
