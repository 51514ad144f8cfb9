//! Messages out of order, twice, late, or not at all.

use super::super::window::MAX_COPIES;
use super::*;

/// All orders of `0..n`.
fn permutations(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return [Vec::new()].into();
    }
    let shorter = permutations(n - 1);
    let insert = |order: &Vec<usize>, at: usize| {
        let mut order = order.clone();
        order.insert(at, n - 1);
        order
    };
    shorter.iter().flat_map(|order| (0..n).map(move |at| insert(order, at))).collect()
}

//= docs/spec/attacks.md#ATK-150
//= type=test
//= docs/spec/v2.md#V2-024
//= type=test
#[test]
fn six_messages_open_in_any_order() {
    fn check<S: MessageSuite>(n: usize) {
        let packets = series::<S>("alice", n);
        let orders = permutations(n);
        assert_eq!(orders.len(), (1..=n).product::<usize>());
        for order in orders {
            let mut bob = member::<S>("bob");
            for at in &order {
                let position = u64::try_from(*at).unwrap();
                assert_eq!(open(&mut bob, &packets[*at].packet), Ok((name("alice"), position)));
                // And again: as long as not everybody has it.
                bob.commit(&packets[*at].id);
                assert_eq!(bob.peek_id(&packets[*at].packet), Some(packets[*at].id));
            }
            for at in &order {
                bob.fully_acked(&packets[*at].id);
            }
            assert_eq!(bob.live.unwrap().authors[0].window.next(), u64::try_from(n).unwrap());
        }
    }
    (0..=6).for_each(check::<Transparent>);
    (0..=3).for_each(check::<V2>);
}

/// Two authors: the one's order does not matter to the other.
//= docs/spec/attacks.md#ATK-150
//= type=test
#[test]
fn authors_do_not_disturb_each_other() {
    let packets = [series::<Transparent>("alice", 3), series::<Transparent>("mallory", 3)].concat();
    for order in permutations(6) {
        let mut bob = member::<Transparent>("bob");
        for at in order {
            let author = name(if at < 3 { "alice" } else { "mallory" });
            let position = u64::try_from(at % 3).unwrap();
            assert_eq!(open(&mut bob, &packets[at].packet), Ok((author, position)));
        }
    }
}

//= docs/spec/attacks.md#ATK-150
//= type=test
//= docs/spec/v2.md#V2-024
//= type=test
#[test]
fn the_window_has_an_end_and_moves() {
    let window = usize::try_from(TAG_WINDOW).unwrap();
    let packets = series::<Transparent>("alice", 3 * window);
    let mut bob = member::<Transparent>("bob");
    assert_eq!(open(&mut bob, &packets[window].packet), Err(OpenReject::NotOurs));
    assert!(!bob.moved());
    assert!(open(&mut bob, &packets[window - 1].packet).is_ok());
    // What waited deserves another look.
    assert!(bob.moved());
    assert!(!bob.moved());
    assert!(open(&mut bob, &packets[2 * window].packet).is_err());
    assert!(open(&mut bob, &packets[2 * window - 1].packet).is_ok());
    // Everything that was skipped can still come, in any order.
    for packet in packets[..2 * window - 1].iter().rev() {
        assert!(open(&mut bob, &packet.packet).is_ok());
    }
}

/// Nobody makes us count to wherever a packet says it is: it says nothing of the kind. What a
/// dishonest author can do is jump to the end of the window again and again.
//= docs/spec/attacks.md#ATK-151
//= type=test
//= docs/spec/v2.md#V2-024
//= type=test
#[test]
fn while_too_many_are_missing_the_window_stays() {
    let packets = series::<Transparent>("alice", 1000);
    let jump = usize::try_from(TAG_WINDOW).unwrap();
    let mut bob = member::<Transparent>("bob");
    let mut opened = Vec::new();
    let mut at = jump - 1;
    while at < packets.len() && open(&mut bob, &packets[at].packet).is_ok() {
        opened.push(at);
        at += jump;
    }
    // 63 are skipped each time. Of the fifth 63, four still fit.
    assert_eq!(opened, [63, 127, 191, 255, 319]);
    let window = |bob: &V2Security<Transparent>| {
        usize::try_from(bob.live.as_ref().unwrap().authors[0].window.next()).unwrap()
    };
    assert_eq!(window(&bob), 256 + 4);
    assert_eq!(open(&mut bob, &packets[260 + jump].packet), Err(OpenReject::NotOurs));
    // One that was missing comes: the window moves by one.
    bob.moved();
    assert!(open(&mut bob, &packets[0].packet).is_ok());
    assert!(bob.moved());
    assert_eq!(window(&bob), 261);
    assert!(open(&mut bob, &packets[260 + jump].packet).is_ok());
    // All that were missing come: it moves over what was used meanwhile.
    for packet in &packets[1..324] {
        assert!(open(&mut bob, &packet.packet).is_ok());
    }
    assert_eq!(window(&bob), 325);
    assert!(open(&mut bob, &packets[325].packet).is_ok());
}

/// Messages that are evicted, or that break a rule, leave their position as good as missing: an
/// author cannot fill our memory with them.
//= docs/spec/protocol.md#MSG-012
//= type=test
#[test]
fn what_is_not_accepted_counts_as_missing() {
    type Undo = fn(&mut V2Security<Transparent>, &MessageId);
    let packets = series::<Transparent>("alice", 500);
    let undos: [Undo; 2] = [|bob, id| bob.release(id), |bob, id| bob.destroy(id)];
    for undo in undos {
        let mut bob = member::<Transparent>("bob");
        let mut count = 0;
        while count < packets.len() && open(&mut bob, &packets[count].packet).is_ok() {
            undo(&mut bob, &packets[count].id);
            count += 1;
        }
        // After so many the window stays, and this is what lies in it.
        assert_eq!(count, MAX_SKIP + usize::try_from(TAG_WINDOW).unwrap());
        // They can come again.
        for packet in &packets[..count] {
            assert!(open(&mut bob, &packet.packet).is_ok());
            bob.commit(&packet.id);
        }
        assert!(open(&mut bob, &packets[count].packet).is_ok());
    }
}

//= docs/spec/protocol.md#MSG-012
//= type=test
#[test]
fn the_evicted_are_unknown_and_the_rejected_known() {
    let packet = series::<Transparent>("alice", 1).pop().unwrap();
    let mut bob = member::<Transparent>("bob");
    assert_eq!(bob.peek_id(&packet.packet), None);
    for _ in 0..2 {
        assert!(open(&mut bob, &packet.packet).is_ok());
        assert_eq!(bob.peek_id(&packet.packet), Some(packet.id));
        bob.release(&packet.id);
        assert_eq!(bob.peek_id(&packet.packet), None);
    }
    assert!(open(&mut bob, &packet.packet).is_ok());
    bob.destroy(&packet.id);
    assert_eq!(bob.peek_id(&packet.packet), Some(packet.id));
}

/// An author that signs one message in many forms, or many messages for one position.
//= docs/spec/v2.md#V2-024
//= type=test
#[test]
fn a_position_remembers_a_limited_number_of_packets() {
    let mut bob = member::<Transparent>("bob");
    let mut ids = Vec::new();
    for n in 0..5 * MAX_COPIES {
        let body = text(&format!("version {n}"));
        let packet = Craft::new("mallory", 0, "mallory", &body).packet::<Transparent>();
        let opened = bob.open(&name("whoever"), &packet).unwrap();
        bob.destroy(&opened.id);
        ids.push((opened.id, packet));
    }
    assert_eq!(bob.places.len(), MAX_COPIES);
    let (forgotten, known) = ids.split_at(4 * MAX_COPIES);
    assert!(forgotten.iter().all(|(_, packet)| bob.peek_id(packet).is_none()));
    assert!(known.iter().all(|(id, packet)| bob.peek_id(packet) == Some(*id)));
    // Of those that wait none is forgotten, but no more are remembered.
    let mut bob = member::<Transparent>("bob");
    for (_, packet) in &ids {
        assert!(open(&mut bob, packet).is_ok());
    }
    let known = ids.iter().filter(|(id, packet)| bob.peek_id(packet) == Some(*id));
    assert_eq!(known.count(), MAX_COPIES);
    assert_eq!(bob.places.len(), MAX_COPIES);
}

//= docs/spec/v2.md#V2-025
//= type=test
#[test]
fn a_second_message_at_a_position_is_readable_until_the_first_is_fully_acked() {
    let first = series::<V2>("mallory", 1).pop().unwrap();
    let second = Craft::new("mallory", 0, "mallory", &text("or rather")).packet::<V2>();
    let third = Craft::new("mallory", 0, "mallory", &text("no")).packet::<V2>();
    let mut bob = member::<V2>("bob");
    assert!(open(&mut bob, &first.packet).is_ok());
    bob.commit(&first.id);
    let opened = bob.open(&name("mallory"), &second).unwrap();
    assert_eq!((opened.author, opened.position), (name("mallory"), Some(0)));
    assert_ne!(opened.id, first.id);
    bob.destroy(&opened.id);
    bob.fully_acked(&first.id);
    // Everybody has the first: this can split nobody any more.
    assert_eq!(open(&mut bob, &third), Err(OpenReject::Spent));
    assert_eq!(bob.peek_id(&third), None);
    assert_eq!(bob.peek_id(&second), Some(opened.id));
    assert_eq!(bob.peek_id(&first.packet), Some(first.id));
    assert_eq!(open(&mut bob, &first.packet), Err(OpenReject::Spent));
}

//= docs/spec/v2.md#V2-024
//= type=test
//= docs/spec/protocol.md#MSG-011
//= type=test
#[test]
fn our_own_packets_are_known_and_those_of_our_double_are_read() {
    let mut alice = member::<V2>("alice");
    let own = seal(&mut alice, &text("mine"));
    assert_eq!(alice.peek_id(&own.packet), Some(own.id));
    // The double started as we did, and says something else at a position we used, and at some
    // that we did not.
    let double = series::<V2>("alice", 4);
    assert_eq!(alice.peek_id(&double[0].packet), None);
    for (position, packet) in (0..).zip(&double) {
        assert_eq!(open(&mut alice, &packet.packet), Ok((name("alice"), position)));
        assert_eq!(alice.peek_id(&packet.packet), Some(packet.id));
        alice.destroy(&packet.id);
    }
    // It does not decide where our next message stands.
    let next = seal(&mut alice, &text("mine again"));
    assert_eq!(open(&mut member::<V2>("bob"), &next.packet), Ok((name("alice"), 1)));
    alice.fully_acked(&own.id);
    alice.fully_acked(&next.id);
    assert_eq!(open(&mut alice, &own.packet), Err(OpenReject::Spent));
}

//= docs/spec/v2.md#V2-024
//= type=test
//= docs/spec/protocol.md#LIV-018
//= type=test
#[test]
fn packets_of_an_ended_subsession_are_known_as_such() {
    let packets = series::<V2>("alice", 70);
    let mut bob = member::<V2>("bob");
    for packet in &packets[..3] {
        assert!(open(&mut bob, &packet.packet).is_ok());
        bob.commit(&packet.id);
    }
    bob.fully_acked(&packets[0].id);
    let own = seal(&mut bob, &text("mine"));
    bob.erase();
    for packet in packets[..3].iter().chain([&own]) {
        assert_eq!(bob.peek_id(&packet.packet), Some(packet.id));
        assert_eq!(open(&mut bob, &packet.packet), Err(OpenReject::Over));
    }
    // A last word that had not come yet.
    assert_eq!(bob.peek_id(&packets[4].packet), None);
    assert_eq!(open(&mut bob, &packets[4].packet), Err(OpenReject::Over));
    // Nobody's.
    assert_eq!(open(&mut bob, &packets[69].packet), Err(OpenReject::NotOurs));
    let header = MessageHeader { parents: &[], order: ORDER };
    let mut rng = ChaCha20Rng::seed_from_u64(0);
    assert_eq!(bob.seal(&mut rng, &header, &text("x")).unwrap_err(), SealError::Internal);
}
