//! Requests that nobody may make, or that ask for what nobody misses.

use std::collections::BTreeSet;
use std::time::Duration;

use mpenc::{Disposition, MessageId, RejectReason, SecretBytes};
use mpenc_packet::v2::{DataPacket, Request, RequestPacket};

use super::{Keys, NAMES, copies_since, quiet, say_without, senders};
use crate::world::{World, id};

/// What a packet that is no message must not change.
fn state(world: &World, name: &str) -> String {
    let (session, member) = (world.session(name), world.member(name));
    format!(
        "{:?} {:?} {:?} {:?} {:?} {:?}",
        session.state(),
        session.members(),
        session.sid(),
        session.order(),
        world.texts(name),
        member.notices,
    )
}

/// A lie about what is missing, by somebody who may ask: all that was written since there were so
/// many packets.
fn lacks_everything(world: &World, since: usize, wanted: MessageId, attempt: u8) -> Request {
    let written = |name: &str| {
        let before = world.packets[..since].iter();
        let by = before.filter(|(from, p)| *from == id(name) && DataPacket::decode(p).is_ok());
        by.count() as u64
    };
    let accepted = NAMES.map(written).to_vec();
    Request { attempt, accepted, held: Vec::new(), wanted: vec![wanted] }
}

//= docs/spec/v2.md#V2-035
//= type=test
#[test]
fn what_nobody_may_ask_changes_nothing() {
    let mut world = quiet();
    let since = world.packets.len();
    world.say("alice", "one");
    let two = world.say("alice", "two");
    let keys = Keys::of(&world, "bob");
    let request = lacks_everything(&world, since, two, 3);
    let good = keys.seal(&request);
    let strange = Keys { key: SecretBytes::new([1; 32]), nonce_key: vec![2; 32] };
    let mut bad = vec![
        ("of an outsider", strange.seal(&request)),
        ("a count less", keys.seal(&Request { accepted: vec![0; 3], ..request.clone() })),
        ("a count more", keys.seal(&Request { accepted: vec![0; 5], ..request.clone() })),
        ("no counts", keys.seal(&Request { accepted: Vec::new(), ..request.clone() })),
        ("a place of nobody", keys.seal(&Request { held: vec![(4, 0)], ..request })),
        ("cut", good[..good.len() - 1].to_vec()),
    ];
    for at in 4..good.len() {
        let mut packet = good.clone();
        packet[at] ^= 0x10;
        bad.push(("a bit", packet));
    }
    let before: Vec<_> = NAMES.iter().map(|name| state(&world, name)).collect();
    let start = world.packets.len();
    for (what, packet) in &bad {
        for name in ["alice", "bob", "carol"] {
            let found = world.inject(name, "dave", packet);
            let malformed = ["a count less", "a count more", "no counts"].contains(what);
            let expected = if malformed {
                Disposition::Rejected(RejectReason::Malformed)
            } else {
                Disposition::Ignored
            };
            assert_eq!(found, expected, "{what}");
        }
    }
    let absent = world.inject("alice", "eve", &good);
    assert_eq!(absent, Disposition::Rejected(RejectReason::SenderNotInChannel));
    assert_eq!(world.inject("alice", "alice", &good), Disposition::Ignored, "an echo");
    world.settle();
    assert_eq!(NAMES.iter().map(|name| state(&world, name)).collect::<Vec<_>>(), before);
    world.pass_secs(10);
    assert_eq!(copies_since(&world, start, None), 0);
    // It is not that nobody listens.
    assert_eq!(world.inject("alice", "dave", &good), Disposition::Accepted);
    assert_eq!(state(&world, "alice"), before[0]);
    world.pass_secs(2);
    assert!(copies_since(&world, start, None) > 0);
}

//= docs/spec/v2.md#V2-035
//= type=test
//= docs/spec/attacks.md#ATK-130
//= type=test
#[test]
fn an_old_request_causes_a_copy_now_and_then() {
    let mut world = quiet();
    let start = world.packets.len();
    let (_, packet) = say_without(&mut world, "alice", "one", &["carol"]);
    world.say("alice", "two");
    world.pass_secs(3);
    let is_request = |packet: &Vec<u8>| RequestPacket::decode(packet).is_ok();
    let request = world.packets[start..].iter().find(|(_, p)| is_request(p)).unwrap().1.clone();
    let texts: Vec<_> = NAMES.iter().map(|name| world.texts(name)).collect();
    let before = senders(&world, &packet).len();
    for _ in 0..100 {
        for name in NAMES {
            let _ = world.inject(name, "dave", &request);
        }
        world.pass(Duration::from_millis(100));
    }
    // Ten seconds, and half of five between copies.
    let copies = senders(&world, &packet).len() - before;
    assert!((1..=4).contains(&copies), "{copies}");
    assert!(senders(&world, &packet).iter().all(|sender| sender == "alice"));
    assert_eq!(NAMES.iter().map(|name| world.texts(name)).collect::<Vec<_>>(), texts);
}

//= docs/spec/v2.md#V2-035
//= type=test
//= docs/spec/protocol.md#LIV-024
//= type=test
//= docs/spec/attacks.md#ATK-130
//= type=test
//= docs/spec/attacks.md#ATK-131
//= type=test
#[test]
fn a_flood_of_requests_is_answered_within_the_budget() {
    let mut world = quiet();
    let since = world.packets.len();
    let mut messages = Vec::new();
    for n in 0..80 {
        messages.push(world.say(NAMES[n % 2], &format!("{n}")));
    }
    let keys = Keys::of(&world, "bob");
    let start = world.packets.len();
    // One request is answered with a few messages.
    let all = keys.seal(&lacks_everything(&world, since, messages[79], 9));
    for name in &NAMES[..3] {
        let _ = world.inject(name, "dave", &all);
    }
    world.pass_secs(14);
    let again: BTreeSet<_> = world.packets[start..].iter().map(|(_, packet)| packet).collect();
    let repeated = world.packets[since..start].iter().filter(|(_, packet)| again.contains(packet));
    assert_eq!(repeated.count(), 64, "the oldest");
    // At one moment two can send the same.
    let copies = copies_since(&world, start, None);
    assert!(copies <= 80, "{copies}");
    let start = world.packets.len();
    let began = world.now;
    for round in 0..10 {
        for (at, message) in messages.iter().enumerate() {
            let attempt = u8::try_from((round + at) % 7).unwrap();
            let request = keys.seal(&lacks_everything(&world, since, *message, attempt));
            for name in &NAMES[..3] {
                let _ = world.inject(name, "dave", &request);
            }
        }
        world.pass(Duration::from_millis(500));
    }
    let time = world.now.since(began);
    // Eight packets in five seconds.
    let budget = usize::try_from(time.as_millis() / 625).unwrap() + 1;
    for name in &NAMES[..3] {
        let copies = copies_since(&world, start, Some(name));
        assert!(copies <= budget, "{name}: {copies} in {time:?}");
    }
    assert!(copies_since(&world, start, None) > 0);
}
