//! What members still do for others in a subsession that has ended for themselves.

use std::time::Duration;

use mpenc::{Profile, Timing};
use mpenc_packet::v2::{PacketKind, kind};

use crate::world::{World, id};

const NAMES: [&str; 3] = ["alice", "bob", "carol"];

fn subsessions(world: &World, name: &str) -> usize {
    world.session(name).subsession_states().count()
}

fn hold(world: &mut World, name: &str, held: bool) {
    world.members.get_mut(&id(name)).unwrap().held = held;
}

fn is_message(packet: &[u8]) -> bool {
    kind(packet) == Ok(PacketKind::Message)
}

/// The messages that Alice has sent since there were so many packets.
fn by_alice(world: &World, start: usize) -> Vec<Vec<u8>> {
    let new = world.packets[start..].iter();
    let by_her = new.filter(|(sender, packet)| *sender == id("alice") && is_message(packet));
    by_her.map(|(_, packet)| packet.clone()).collect()
}

/// Alice and Carol have ended a subsession. Bob has not, since he misses an ack of Alice's, and all
/// copies of it up to now, and Carol's ack names it.
fn left_behind() -> World {
    left_behind_after(0)
}

/// The same after so many texts of Bob's that Alice acknowledged, each by itself.
fn left_behind_after(texts: usize) -> World {
    let mut world = World::with(&NAMES, |config| config.profile(Profile::V2));
    world.establish(&NAMES);
    world.pass_secs(60);
    for n in 0..texts {
        world.say("bob", &format!("{n}"));
        world.say("alice", "");
    }
    world.act("alice", |s, env| s.refresh(env)).unwrap();
    while subsessions(&world, "alice") < 2 {
        world.settle_one();
    }
    // So that she acknowledges after Alice has.
    hold(&mut world, "carol", true);
    world.settle();
    let begun = world.packets.len();
    hold(&mut world, "bob", true);
    while by_alice(&world, begun).is_empty() {
        world.pass(Duration::from_millis(10));
    }
    for ack in by_alice(&world, begun) {
        world.lose("bob", &ack);
    }
    hold(&mut world, "bob", false);
    hold(&mut world, "carol", false);
    let begun = world.now;
    while subsessions(&world, "alice") > 1 || subsessions(&world, "carol") > 1 {
        world.pass(Duration::from_millis(10));
        assert!(world.now < begun + Timing::default().fa_intv(), "not because they gave up");
    }
    assert!(world.session("bob").deferred() > 0 && subsessions(&world, "bob") == 2);
    world.lost.clear();
    world
}

//= docs/spec/v2.md#V2-035
//= type=test
//= docs/spec/protocol.md#FIN-013
//= type=test
#[test]
fn whoever_still_misses_something_gets_it_from_those_who_have_ended() {
    let mut world = left_behind();
    let timing = Timing::default();
    // Before he would repeat anything himself.
    world.pass(timing.bc_lat() * 3);
    assert_eq!(subsessions(&world, "bob"), 1);
    assert!(world.session("bob").is_consistent());
}

/// Copies take no key: nobody can make a member send more than its share with them, nor use that up
/// so that who misses something does not get it.
//= docs/spec/protocol.md#LIV-024
//= type=test
//= docs/spec/protocol.md#FIN-013
//= type=test
//= docs/spec/attacks.md#ATK-130
//= type=test
#[test]
fn copies_of_what_has_ended_use_up_nobodys_share() {
    let mut world = left_behind_after(60);
    let (timing, start, begun) = (Timing::default(), world.packets.len(), world.now);
    let old: Vec<_> =
        world.packets.iter().filter(|(_, packet)| is_message(packet)).cloned().collect();
    for _ in 0..150 {
        for (sender, packet) in &old {
            for name in ["alice", "carol"] {
                let _ = world.inject(name, &sender.to_string(), packet);
            }
        }
        world.pass(timing.bc_lat() / 50);
    }
    let shares = world.now.since(begun).as_millis() / (timing.bc_lat() / 8).as_millis() + 2;
    let repeated = by_alice(&world, start).len();
    assert!(repeated > 8, "{repeated}: she answers");
    assert!(repeated as u128 <= shares, "{repeated} of {shares}");
    assert_eq!(subsessions(&world, "bob"), 1, "he got what he asked for");
}

/// The last acks of a subsession are named by nothing, and what they answer is followed by much.
//= docs/spec/v2.md#V2-035
//= type=test
#[test]
fn whoever_lacks_acks_that_nothing_names_asks_for_anything() {
    let mut world = World::with(&NAMES, |config| config.profile(Profile::V2));
    world.establish(&NAMES);
    world.pass_secs(60);
    world.act("alice", |s, env| s.refresh(env)).unwrap();
    world.settle();
    let (start, begun) = (world.packets.len(), world.now);
    hold(&mut world, "bob", true);
    while by_alice(&world, start).is_empty() {
        world.pass(Duration::from_millis(10));
    }
    for ack in by_alice(&world, start) {
        world.lose("bob", &ack);
    }
    hold(&mut world, "bob", false);
    let timing = Timing::default();
    world.pass(timing.fa_intv() / 2);
    assert_eq!((world.session("bob").deferred(), subsessions(&world, "bob")), (0, 2));
    world.lost.clear();
    // What he repeats reaches nobody.
    let messages = world.packets.iter().filter(|(_, packet)| is_message(packet));
    let messages: Vec<_> = messages.map(|(_, packet)| packet.clone()).collect();
    for message in messages {
        world.lost.push((id("alice"), message.clone()));
        world.lost.push((id("carol"), message));
    }
    world.pass(timing.fa_intv() / 2 + timing.bc_lat() * 3);
    assert_eq!(subsessions(&world, "bob"), 1);
    assert!(world.now < begun + timing.fin_timeout());
}

//= docs/spec/v2.md#V2-024
//= type=test
#[test]
fn nothing_of_it_stays_for_longer() {
    let count = |world: &World, what: &str| {
        let state = world.session("alice").reveal();
        state.iter().filter(|one| one.what == what).count()
    };
    let mut world = left_behind();
    assert_eq!(count(&world, "request key"), 2);
    assert_eq!(count(&world, "identifier key"), 1);
    world.pass(Timing::default().fin_timeout());
    assert_eq!(count(&world, "request key"), 1);
}
