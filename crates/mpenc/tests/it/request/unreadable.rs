//! Packets that nobody can read, and what they make members ask for.

use mpenc::{Disposition, Timing};
use mpenc_packet::v2::{DataPacket, Request, RequestPacket};

use super::{Keys, NAMES, copies_since, quiet, senders};
use crate::world::{World, id};

/// A packet with the form of a message, of no key, as everybody in the channel gets it.
fn junk(world: &mut World, sender: &str, filler: u8) {
    let is_message = |packet: &&Vec<u8>| DataPacket::decode(packet).is_ok();
    let mut packet =
        world.packets.iter().map(|(_, packet)| packet).find(is_message).unwrap().clone();
    packet[4..].fill(filler);
    for name in NAMES {
        if name != sender {
            assert_eq!(world.inject(name, sender, &packet), Disposition::Deferred);
        }
    }
}

fn requests(world: &World, start: usize, by: &str) -> usize {
    let new = world.packets[start..].iter().filter(|(sender, _)| *sender == id(by));
    new.filter(|(_, packet)| RequestPacket::decode(packet).is_ok()).count()
}

/// They take no key to make: an old one from before a renewal will do.
//= docs/spec/v2.md#V2-035
//= type=test
//= docs/spec/attacks.md#ATK-130
//= type=test
#[test]
fn one_packet_that_nobody_can_read_is_asked_about_four_times() {
    let mut world = quiet();
    // A newcomer expects that it cannot read how what was before it ends.
    world.pass_secs(60);
    let start = world.packets.len();
    junk(&mut world, "dave", 7);
    // People go on, and everything of that arrives.
    for n in 0..150 {
        world.say(NAMES[n % 4], "something");
        world.pass_secs(2);
    }
    for name in &NAMES[..3] {
        let asked = requests(&world, start, name);
        assert!((1..=4).contains(&asked), "{name}: {asked}");
    }
    assert_eq!(copies_since(&world, start, None), 0, "nobody missed anything");
    // A hundred more of them at a time count as one.
    let start = world.packets.len();
    (0..100).for_each(|n| junk(&mut world, "dave", 8 + n));
    world.pass_secs(300);
    for name in &NAMES[..3] {
        assert!(requests(&world, start, name) <= 4, "{name}");
    }
    world.assert_agree(&NAMES);
}

/// Whoever asks for anything may only have to wait.
//= docs/spec/v2.md#V2-035
//= type=test
//= docs/spec/attacks.md#ATK-130
//= type=test
#[test]
fn what_is_on_its_way_for_the_first_time_is_not_sent_again() {
    let mut world = quiet();
    let keys = Keys::of(&world, "bob");
    world.say("alice", "one");
    let packet = world.packets.last().unwrap().1.clone();
    let anything = |attempt| {
        let accepted = vec![0; 4];
        keys.seal(&Request { attempt, accepted, held: Vec::new(), wanted: Vec::new() })
    };
    let bc_lat = Timing::default().bc_lat();
    let _ = world.inject("alice", "dave", &anything(0));
    world.pass(bc_lat);
    assert_eq!(senders(&world, &packet), ["alice"]);
    let _ = world.inject("alice", "dave", &anything(1));
    world.pass(bc_lat);
    assert_eq!(senders(&world, &packet), ["alice", "alice"]);
}

//= docs/spec/v2.md#V2-035
//= type=test
//= docs/spec/attacks.md#ATK-162
//= type=test
#[test]
fn a_copy_of_a_request_is_not_looked_at_again() {
    let mut world = quiet();
    let keys = Keys::of(&world, "bob");
    let one = world.say("alice", "one");
    let request = |attempt| {
        let accepted = vec![0; 4];
        keys.seal(&Request { attempt, accepted, held: Vec::new(), wanted: vec![one] })
    };
    let first = request(0);
    assert_eq!(world.inject("alice", "dave", &first), Disposition::Accepted);
    for sender in ["dave", "carol"] {
        assert_eq!(world.inject("alice", sender, &first), Disposition::Ignored);
    }
    // One that was altered is no copy, and nothing else either; another one is.
    let mut altered = first.clone();
    *altered.last_mut().unwrap() ^= 1;
    assert_eq!(world.inject("alice", "dave", &altered), Disposition::Ignored);
    assert_eq!(world.inject("alice", "dave", &request(1)), Disposition::Accepted);
    world.pass(Timing::default().resend().unwrap().throttle);
    assert_eq!(world.inject("alice", "dave", &first), Disposition::Accepted);
    // So many others in between that it is forgotten.
    for attempt in 2..80 {
        assert_eq!(world.inject("alice", "dave", &request(attempt)), Disposition::Accepted);
    }
    assert_eq!(world.inject("alice", "dave", &first), Disposition::Accepted);
}
