//! Whoever misses a message that must exist asks for it, and gets it from somebody.

mod unreadable;
mod untrue;

use std::time::Duration;

use mpenc::{Disposition, MessageId, Profile, SecretBytes, Timing};
use mpenc_crypto::{Aead, FramedHash, Label, V2};
use mpenc_packet::v2::{DataPacket, Request, RequestPacket};

use crate::world::{World, id};

const NAMES: [&str; 4] = ["alice", "bob", "carol", "dave"];

/// Four members who have nothing to say to each other but what the protocol makes them say.
fn quiet() -> World {
    let mut world = World::with(&NAMES, |config| config.profile(Profile::V2));
    world.establish(&NAMES);
    world.pass_secs(60);
    world
}

/// Says something; all but these get it.
fn say_without(world: &mut World, name: &str, text: &str, lost: &[&str]) -> (MessageId, Vec<u8>) {
    let message = world.act(name, |s, env| s.send(env, text)).unwrap();
    let packet = world.packets.last().unwrap().1.clone();
    for name in lost {
        world.lose_once(name, &packet);
    }
    world.settle();
    (message, packet)
}

fn hold(world: &mut World, name: &str, held: bool) {
    world.members.get_mut(&id(name)).unwrap().held = held;
}

/// Who sent this packet, in order.
fn senders(world: &World, packet: &[u8]) -> Vec<String> {
    let copies = world.packets.iter().filter(|(_, bytes)| bytes == packet);
    copies.map(|(sender, _)| sender.to_string()).collect()
}

/// How many messages have been sent again since, by whoever is asked about.
fn copies_since(world: &World, start: usize, by: Option<&str>) -> usize {
    let new = world.packets.iter().enumerate().skip(start);
    let is_copy = |at: usize, packet: &[u8]| {
        DataPacket::decode(packet).is_ok()
            && world.packets[..at].iter().any(|(_, before)| before == packet)
    };
    new.filter(|(at, (sender, packet))| {
        by.is_none_or(|by| *sender == id(by)) && is_copy(*at, packet)
    })
    .count()
}

/// The keys with which all members ask.
struct Keys {
    key: SecretBytes<32>,
    nonce_key: Vec<u8>,
}

impl Keys {
    fn of(world: &World, name: &str) -> Self {
        let state = world.session(name).reveal();
        let found = |what: &str| state.iter().find(|one| one.what == what).unwrap().bytes.to_vec();
        let key = found("request key");
        Self {
            key: SecretBytes::fill(|to| to.copy_from_slice(&key)),
            nonce_key: found("request nonce key"),
        }
    }

    fn seal(&self, request: &Request) -> Vec<u8> {
        let mut text = request.encode();
        let nonce = V2::framed(Label::NONCE, &[&self.nonce_key, &text])[..12].try_into().unwrap();
        let mut packet = RequestPacket { nonce, ciphertext: Vec::new() };
        V2::seal_in_place(&self.key, &nonce, &packet.aad(), &mut text);
        packet.ciphertext = text;
        packet.to_wire()
    }

    /// What was asked since, and by whom.
    fn asked(&self, world: &World, start: usize) -> Vec<(String, Request)> {
        let packets = world.packets[start..].iter();
        packets
            .filter_map(|(sender, packet)| {
                let packet = RequestPacket::decode(packet).ok()?;
                let mut text = packet.ciphertext.clone();
                V2::open_in_place(&self.key, &packet.nonce, &packet.aad(), &mut text).ok()?;
                Some((sender.to_string(), Request::decode(&text).unwrap()))
            })
            .collect()
    }
}

//= docs/spec/v2.md#V2-035
//= type=test
//= docs/spec/attacks.md#ATK-124
//= type=test
#[test]
fn what_something_follows_is_asked_for_and_comes_from_its_author() {
    let mut world = quiet();
    let (keys, start) = (Keys::of(&world, "bob"), world.packets.len());
    let (one, packet) = say_without(&mut world, "alice", "one", &["carol"]);
    world.say("alice", "two");
    assert!(world.texts("carol").is_empty());
    world.pass_secs(2);
    assert!(Duration::from_secs(2) < Timing::default().fa_intv() / 4, "long before that");
    assert_eq!(world.texts("carol"), ["one", "two"]);
    let asked = keys.asked(&world, start);
    let [(asker, request)] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!((asker.as_str(), request.attempt), ("carol", 0));
    assert_eq!(request.wanted, [one]);
    assert_eq!(request.accepted.len(), 4);
    // Alice wrote as many before, then the one that is missing, then the one that waits.
    assert_eq!(request.held, [(0, request.accepted[0] + 1)]);
    assert_eq!(senders(&world, &packet), ["alice", "alice"]);
    assert_eq!(copies_since(&world, start, None), 1);
    // That was all.
    world.pass_secs(60);
    assert_eq!(keys.asked(&world, start).len(), 1);
    assert_eq!(senders(&world, &packet), ["alice", "alice"]);
    for name in NAMES {
        assert!(world.session(name).is_consistent(), "{name}");
        assert!(world.session(name).overdue().is_empty(), "{name}");
    }
}

//= docs/spec/v2.md#V2-035
//= type=test
#[test]
fn if_the_author_does_not_answer_others_do_the_second_time() {
    let mut world = quiet();
    let (keys, start) = (Keys::of(&world, "bob"), world.packets.len());
    let (_, packet) = say_without(&mut world, "alice", "one", &["carol"]);
    world.say("alice", "two");
    hold(&mut world, "alice", true);
    world.pass_secs(5);
    assert_eq!(keys.asked(&world, start).len(), 1);
    assert_eq!(senders(&world, &packet), ["alice"], "nobody else the first time");
    // Asked for again after five seconds and a quarter, answered within five.
    world.pass_secs(8);
    assert_eq!(world.texts("carol"), ["one", "two"]);
    let attempts: Vec<u8> = keys.asked(&world, start).iter().map(|(_, r)| r.attempt).collect();
    assert_eq!(attempts, [0, 1]);
    let senders = senders(&world, &packet);
    assert_eq!(senders.len(), 2, "{senders:?}");
    assert!(["bob", "dave"].contains(&senders[1].as_str()), "{senders:?}");
}

//= docs/spec/v2.md#V2-035
//= type=test
#[test]
fn of_many_who_could_answer_two_do() {
    let all = ["alice", "b", "bob", "c", "carol", "d", "dave", "e", "f", "g"];
    let mut world = World::with(&all, |config| config.profile(Profile::V2));
    world.establish(&all);
    world.pass_secs(60);
    let keys = Keys::of(&world, "bob");
    let (one, packet) = say_without(&mut world, "alice", "one", &[]);
    // Once a copy cannot be on its way any more.
    world.pass(Timing::default().resend().unwrap().throttle);
    let request =
        Request { attempt: 1, accepted: vec![0; 10], held: Vec::new(), wanted: vec![one] };
    let request = keys.seal(&request);
    for name in &all[1..] {
        // They do not hear each other either.
        hold(&mut world, name, true);
        let _ = world.inject(name, "carol", &request);
    }
    world.pass(Timing::default().bc_lat());
    assert_eq!(senders(&world, &packet).len(), 1 + 2, "{:?}", senders(&world, &packet));
}

//= docs/spec/v2.md#V2-035
//= type=test
#[test]
fn of_two_who_miss_the_same_one_asks() {
    let mut world = quiet();
    let (keys, start) = (Keys::of(&world, "bob"), world.packets.len());
    let (_, packet) = say_without(&mut world, "alice", "one", &["carol", "dave"]);
    world.say("alice", "two");
    // Until both would have asked, nothing answers.
    hold(&mut world, "alice", true);
    world.pass(Timing::default().bc_lat() / 4);
    assert_eq!(keys.asked(&world, start).len(), 1);
    hold(&mut world, "alice", false);
    world.pass_secs(1);
    for name in ["carol", "dave"] {
        assert_eq!(world.texts(name), ["one", "two"], "{name}");
    }
    assert_eq!(keys.asked(&world, start).len(), 1);
    assert_eq!(senders(&world, &packet), ["alice", "alice"]);
}

//= docs/spec/v2.md#V2-035
//= type=test
#[test]
fn what_is_there_is_not_sent_again() {
    let mut world = quiet();
    let (keys, start) = (Keys::of(&world, "bob"), world.packets.len());
    let (_, one) = say_without(&mut world, "alice", "one", &["carol"]);
    let (_, two) = say_without(&mut world, "bob", "two", &[]);
    let (three, last) = say_without(&mut world, "alice", "three", &["carol"]);
    world.say("dave", "four");
    world.pass_secs(2);
    assert_eq!(world.texts("carol"), ["one", "two", "three", "four"]);
    assert_eq!(senders(&world, &two), ["bob"], "it was there, and waited");
    assert_eq!(copies_since(&world, start, None), 2);
    // Somebody has everything but what is last, or says so, and gets that.
    let after = world.packets.len();
    let request = keys.asked(&world, start).remove(0).1;
    let (alice, bob) = (request.accepted[0], request.accepted[1]);
    let accepted = vec![alice + 1, bob, request.accepted[2], request.accepted[3]];
    let request = Request { attempt: 0, accepted, held: vec![(1, bob)], wanted: vec![three] };
    let packet = keys.seal(&request);
    assert_eq!(world.inject("alice", "dave", &packet), Disposition::Accepted);
    assert_eq!(world.inject("bob", "dave", &packet), Disposition::Accepted);
    world.pass_secs(2);
    assert_eq!((senders(&world, &one).len(), senders(&world, &two).len()), (2, 1));
    assert_eq!(senders(&world, &last).len(), 2, "a copy went out a moment before");
    world.pass_secs(3);
    let _ = world.inject("alice", "dave", &packet);
    world.pass_secs(2);
    assert_eq!(copies_since(&world, after, None), 1);
    assert_eq!(senders(&world, &last).len(), 3);
}

//= docs/spec/v2.md#V2-036
//= type=test
#[test]
fn only_what_nothing_follows_is_sent_again_unasked() {
    let mut world = quiet();
    hold(&mut world, "carol", true);
    let (_, one) = say_without(&mut world, "alice", "one", &[]);
    let (_, two) = say_without(&mut world, "bob", "two", &[]);
    let (_, three) = say_without(&mut world, "alice", "three", &[]);
    // Bob's was last before alice went on, so hers follows it.
    world.pass(Timing::default().fa_intv() + Duration::from_secs(12));
    assert!(world.session("alice").overdue().len() >= 3, "all of them are overdue");
    assert_eq!(senders(&world, &one), ["alice"]);
    assert_eq!(senders(&world, &two), ["bob"]);
    assert!(senders(&world, &three).len() > 1, "the last is sent again");
    hold(&mut world, "carol", false);
    world.pass_secs(40);
    assert_eq!(world.texts("carol"), ["one", "two", "three"]);
    for name in NAMES {
        assert!(world.session(name).is_consistent(), "{name}");
    }
}

//= docs/spec/v2.md#V2-036
//= type=test
#[test]
fn an_answer_asks_nobody_for_acks() {
    let mut world = quiet();
    let (_, packet) = say_without(&mut world, "alice", "one", &["carol"]);
    let (_, ack) = say_without(&mut world, "bob", "", &[]);
    world.pass_secs(3);
    assert_eq!(world.texts("carol"), ["one"]);
    assert_eq!(senders(&world, &packet), ["alice", "alice"]);
    world.pass_secs(10);
    assert_eq!(senders(&world, &ack), ["bob"], "nobody missed it");
}

/// Whoever repeats a request from the log of the channel puts it off, but not for ever.
//= docs/spec/v2.md#V2-035
//= type=test
#[test]
fn nobody_is_kept_from_asking() {
    let mut world = quiet();
    let start = world.packets.len();
    say_without(&mut world, "alice", "one", &["carol"]);
    world.say("alice", "two");
    hold(&mut world, "alice", true);
    world.pass_secs(2);
    let is_request = |packet: &Vec<u8>| RequestPacket::decode(packet).is_ok();
    let request = world.packets[start..].iter().find(|(_, p)| is_request(p)).unwrap().1.clone();
    for _ in 0..40 {
        let _ = world.inject("carol", "dave", &request);
        world.pass_secs(1);
    }
    assert_eq!(world.texts("carol"), ["one", "two"]);
}

//= docs/spec/v2.md#V2-035
//= type=test
#[test]
fn acks_are_asked_for_like_everything_else() {
    let mut world = quiet();
    world.say("alice", "one");
    let (_, ack) = say_without(&mut world, "bob", "", &["carol"]);
    world.say("bob", "two");
    world.pass_secs(2);
    assert_eq!(senders(&world, &ack), ["bob", "bob"]);
    assert_eq!(world.texts("carol"), ["one", "two"]);
}
