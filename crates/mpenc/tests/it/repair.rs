//! What is lost comes again, whoever still has it; acks of which nobody heard are repeated.

use std::time::Duration;

use mpenc::{MemberSet, MessageId, Notice, Profile, Timing};

use crate::world::{World, id, set};

const NAMES: [&str; 3] = ["alice", "bob", "carol"];

fn established() -> World {
    let mut world = World::new(&NAMES);
    world.establish(&NAMES);
    world.pass_secs(60);
    world
}

fn v2() -> World {
    let mut world = World::with(&NAMES, |config| config.profile(Profile::V2));
    world.establish(&NAMES);
    world.pass_secs(60);
    world
}

fn last(world: &World) -> Vec<u8> {
    world.packets.last().unwrap().1.clone()
}

fn copies(world: &World, packet: &[u8]) -> Vec<String> {
    let copies = world.packets.iter().filter(|(_, bytes)| bytes == packet);
    copies.map(|(sender, _)| sender.to_string()).collect()
}

fn warned(world: &World, name: &str, message: MessageId) -> bool {
    let about = |n: &Notice| matches!(n, Notice::NotFullyAcked { id, .. } if *id == message);
    world.member(name).notices.iter().any(about)
}

//= docs/spec/protocol.md#LIV-015
//= type=test
//= docs/spec/protocol.md#LIV-020
//= type=test
//= docs/spec/protocol.md#SES-047
//= type=test
//= docs/spec/attacks.md#ATK-124
//= type=test
//= docs/spec/attacks.md#ATK-131
//= type=test
#[test]
fn what_was_lost_comes_again_and_the_warning_ends() {
    // In v2 Carol would ask for it as soon as somebody acknowledges it (V2-035).
    let mut world = World::v1(&NAMES);
    world.establish(&NAMES);
    world.pass_secs(60);
    let message = world.act("alice", |s, env| s.send(env, "hear this")).unwrap();
    let packet = last(&world);
    world.lose_once("carol", &packet);
    world.pass(Timing::default().fa_intv() - Duration::from_millis(1));
    assert!(world.texts("carol").is_empty());
    world.pass_secs(1);
    assert_eq!(world.texts("carol"), ["hear this"]);
    assert!(warned(&world, "alice", message));
    world.pass_secs(60);
    for name in NAMES {
        assert!(world.session(name).is_consistent(), "{name}");
        assert!(world.session(name).overdue().is_empty(), "{name}");
    }
    // Carol answers the second copy at once, since somebody waits for it.
    let copies = copies(&world, &packet);
    assert!((2..=4).contains(&copies.len()), "the same bytes, few times: {copies:?}");
}

//= docs/spec/protocol.md#LIV-016
//= type=test
#[test]
fn another_member_resends_what_its_author_cannot() {
    let mut world = v2();
    world.act("alice", |s, env| s.send(env, "my last words")).unwrap();
    let packet = last(&world);
    world.lose_once("carol", &packet);
    world.settle();
    assert_eq!(world.texts("bob"), ["my last words"]);
    // Alice is cut off without the channel noticing: nothing of hers is processed any more.
    let others: MemberSet = set(&["bob", "carol"]);
    let channel = core::mem::replace(&mut world.channel, others);
    world.pass_secs(45);
    world.channel = channel;
    assert_eq!(world.texts("carol"), ["my last words"]);
    assert_eq!(copies(&world, &packet)[1], "bob");
}

//= docs/spec/protocol.md#LIV-022
//= type=test
#[test]
fn in_v1_sessions_only_authors_resend() {
    let mut world = World::v1(&NAMES);
    world.establish(&NAMES);
    world.pass_secs(60);
    world.act("alice", |s, env| s.send(env, "one")).unwrap();
    let packet = last(&world);
    world.lose("carol", &packet);
    world.pass_secs(200);
    let copies = copies(&world, &packet);
    assert!(copies.len() > 3 && copies.iter().all(|sender| sender == "alice"), "{copies:?}");
}

//= docs/spec/protocol.md#LIV-018
//= type=test
#[test]
fn who_missed_an_ack_is_told_again() {
    // In v2 Alice would ask for the acks as well (V2-035).
    let mut world = World::v1(&NAMES);
    world.establish(&NAMES);
    world.pass_secs(60);
    let message = world.act("alice", |s, env| s.send(env, "do you hear me?")).unwrap();
    let packet = last(&world);
    world.settle();
    world.members.get_mut(&id("alice")).unwrap().held = true;
    world.pass_secs(17);
    let acks: Vec<_> = world.packets.iter().rev().take(2).map(|(_, p)| p.clone()).collect();
    acks.iter().for_each(|ack| world.lose_once("alice", ack));
    world.members.get_mut(&id("alice")).unwrap().held = false;
    world.settle();
    assert_eq!(world.session("alice").unacked_by(&message), Some(set(&["bob", "carol"])));
    world.pass_secs(30);
    assert!(copies(&world, &packet).len() > 1, "alice asks by sending it again");
    for ack in &acks {
        assert!(copies(&world, ack).len() > 1, "and is answered with the ack as it was");
    }
    assert_eq!(world.session("alice").unacked_by(&message), Some(MemberSet::new()));
}

//= docs/spec/protocol.md#LIV-018
//= type=test
#[test]
fn copies_that_nobody_needs_cause_nothing() {
    let mut world = established();
    let start = world.packets.len();
    world.say("alice", "one");
    // Not so long that heartbeats come in between.
    world.pass_secs(30);
    let packets = world.packets.clone();
    let before = packets.len();
    for (sender, packet) in &packets[start..] {
        for name in NAMES {
            // The owner's own packets are echoes to it.
            let _ = world.inject(name, &sender.to_string(), packet);
        }
    }
    world.settle();
    let answered = world.packets.len() - before;
    assert!(answered <= 2, "{answered}: at most the two explicit acks, and those once");
}

//= docs/spec/protocol.md#LIV-019
//= type=test
#[test]
fn the_acks_that_a_message_needs_come_with_it() {
    let mut world = v2();
    world.say("bob", "one");
    // Alice acknowledges, then writes; neither reaches carol.
    let ack = world.act("alice", |s, env| s.send(env, "")).unwrap();
    let ack_packet = last(&world);
    world.lose_once("carol", &ack_packet);
    let text = world.act("alice", |s, env| s.send(env, "two")).unwrap();
    let text_packet = last(&world);
    world.lose_once("carol", &text_packet);
    world.settle();
    assert_eq!(world.session("bob").message(&text).unwrap().parents, [ack]);
    world.pass_secs(40);
    assert_eq!(world.texts("carol"), ["one", "two"]);
    let position = |packet: &[u8]| world.packets.iter().rposition(|(_, p)| p == packet).unwrap();
    assert!(position(&ack_packet) < position(&text_packet), "ancestors first");
}

//= docs/spec/protocol.md#FIN-013
//= type=test
#[test]
fn who_still_winds_up_is_answered_after_our_end() {
    let mut world = established();
    world.act("bob", |s, env| s.refresh(env)).unwrap();
    world.settle();
    // Everything that alice and carol say in the old subsession from now on misses bob.
    let before = world.packets.len();
    world.members.get_mut(&id("bob")).unwrap().held = true;
    world.pass_secs(3);
    let late: Vec<_> = world.packets[before..].to_vec();
    for (sender, packet) in &late {
        if *sender != id("bob") {
            world.lose_once("bob", packet);
        }
    }
    world.members.get_mut(&id("bob")).unwrap().held = false;
    world.pass_secs(120);
    for name in NAMES {
        assert_eq!(world.session(name).subsession_states().count(), 1, "{name}");
        assert!(world.session(name).is_consistent(), "{name}");
    }
}

/// Eight in BC_LAT, and in v1 the author alone: the share of others is not used up by what they
/// cannot send.
//= docs/spec/protocol.md#LIV-024
//= type=test
//= docs/spec/protocol.md#LIV-022
//= type=test
#[test]
fn whatever_is_overdue_goes_out_at_the_rate_that_is_allowed() {
    let mut world = World::v1(&NAMES);
    world.establish(&NAMES);
    world.pass_secs(60);
    world.members.get_mut(&id("carol")).unwrap().held = true;
    let before = world.packets.len();
    for n in 0..20 {
        world.say("alice", &format!("{n}"));
    }
    let said = world.packets[before..].to_vec();
    let timing = mpenc::Timing::default();
    world.pass(timing.fa_intv());
    let start = world.packets.len();
    world.pass(timing.bc_lat() - std::time::Duration::from_millis(100));
    let copies: Vec<_> = world.packets[start - 1..].iter().filter(|p| said.contains(p)).collect();
    assert!((7..=9).contains(&copies.len()), "{}", copies.len());
    world.pass(timing.bc_lat() * 8);
    let by_bob = world.packets[start..]
        .iter()
        .filter(|(by, packet)| *by == id("bob") && said.iter().any(|(_, said)| said == packet));
    assert_eq!(by_bob.count(), 0);
}

//= docs/spec/attacks.md#ATK-129
//= type=test
//= docs/spec/attacks.md#ATK-093
//= type=test
#[test]
fn duplicates_of_everything_cause_no_storm() {
    let mut world = established();
    world.say("alice", "one");
    let before = world.packets.len();
    for _ in 0..50 {
        let packets = world.packets[before - 1..].to_vec();
        for (sender, packet) in packets {
            for name in NAMES {
                let _ = world.inject(name, &sender.to_string(), &packet);
            }
        }
        world.pass_secs(2);
    }
    // A hundred seconds: the acks and heartbeats that were due, and a few repeated acks.
    let sent = world.packets.len() - before;
    assert!(sent < 40, "{sent}");
}
