//! Texts too long for one message (v2).

use mpenc::content::{MAX_CONTENT, MAX_TEXT};
use mpenc::{BodyKind, Identity, Notice, Profile, SecretBytes, SendError, Timing};
use rand_chacha::rand_core::Rng;

use crate::world::{World, id, set};

const NAMES: [&str; 3] = ["alice", "bob", "carol"];

fn established() -> World {
    let mut world = World::with(&NAMES, |config| config.profile(Profile::V2));
    world.establish(&NAMES);
    world.pass_secs(60);
    world
}

fn text(len: usize) -> String {
    ('a'..='z').cycle().take(len).collect()
}

fn progress(world: &World, name: &str) -> Vec<usize> {
    let received = |notice: &Notice| match notice {
        Notice::ContentProgress { received, .. } => Some(*received),
        _ => None,
    };
    world.member(name).notices.iter().filter_map(received).collect()
}

fn incomplete(world: &World, name: &str) -> Vec<(String, usize, usize)> {
    let ended = |notice: &Notice| match notice {
        Notice::ContentIncomplete { author, received, total } => {
            Some((author.to_string(), *received, *total))
        }
        _ => None,
    };
    world.member(name).notices.iter().filter_map(ended).collect()
}

//= docs/spec/v2.md#V2-028
//= type=test
//= docs/spec/protocol.md#MSG-017
//= type=test
#[test]
fn a_long_text_arrives_whole_and_is_one_message_of_the_log() {
    let mut world = established();
    world.say("bob", "before");
    for len in [1, MAX_TEXT, MAX_TEXT + 1, 2 * MAX_TEXT, 100 * MAX_TEXT + 7] {
        let (long, before) = (text(len), world.packets.len());
        world.say("alice", &long);
        assert_eq!(world.packets.len() - before, len.div_ceil(MAX_TEXT));
        for name in NAMES {
            assert_eq!(*world.texts(name).last().unwrap(), long, "{name}: {len}");
        }
    }
    world.say("carol", "after");
    world.pass_secs(120);
    for name in NAMES {
        let session = world.session(name);
        assert_eq!(session.log_len(), 7);
        assert!(session.is_consistent() && world.member(name).warnings().is_empty());
        // Each answers the one before it, whatever parts it had.
        for index in 1..7 {
            let message = session.message_at(index).unwrap().id;
            let before = session.message_at(index - 1).unwrap().id;
            assert_eq!(session.log_parents(&message).unwrap(), [before]);
        }
        assert!(incomplete(&world, name).is_empty());
    }
    // The author needs no report, and the others get a bounded number of them.
    assert!(progress(&world, "alice").is_empty());
    let reports = progress(&world, "bob");
    assert!((20..40).contains(&reports.len()), "{reports:?}");
}

#[test]
fn a_text_longer_than_that_is_refused_before_anything_is_sent() {
    let mut world = established();
    let before = world.packets.len();
    let found = MAX_CONTENT + 1;
    let refused = world.act("alice", |s, env| s.send(env, &text(found)));
    assert_eq!(refused, Err(SendError::TooLarge { found, limit: MAX_CONTENT }));
    assert_eq!(world.packets.len(), before);
}

#[test]
fn who_takes_less_than_others_says_that_a_text_is_incomplete() {
    let names = ["alice", "bob"];
    let mut world =
        World::with(&names, |config| config.profile(Profile::V2).max_content(MAX_TEXT * 2));
    world.establish(&names);
    world.say("alice", &text(MAX_TEXT * 2));
    world.say("alice", &text(MAX_TEXT * 3));
    world.say("alice", "short");
    assert_eq!(world.session("bob").log_len(), 2);
    assert_eq!(*world.texts("bob").last().unwrap(), "short");
    assert_eq!(incomplete(&world, "bob").len(), 1);
    world.pass_secs(120);
    assert!(world.session("alice").is_consistent(), "acknowledged all the same");
}

//= docs/spec/v2.md#V2-028
//= type=test
#[test]
fn what_stops_in_the_middle_is_given_up_in_time() {
    let mut world = established();
    world.members.get_mut(&id("bob")).unwrap().held = true;
    world.act("alice", |s, env| s.send(env, &text(5 * MAX_TEXT))).unwrap();
    let parts: Vec<_> = world.packets.iter().rev().take(5).map(|(_, p)| p.clone()).collect();
    // The last three are lost on the way to bob.
    for part in &parts[..3] {
        world.lose("bob", part);
    }
    world.members.get_mut(&id("bob")).unwrap().held = false;
    world.settle();
    let total = 5 * MAX_TEXT;
    world.pass(Timing::default().content_timeout() - core::time::Duration::from_millis(1));
    assert!(incomplete(&world, "bob").is_empty());
    world.pass_secs(1);
    assert_eq!(incomplete(&world, "bob"), [("alice".to_owned(), 2 * MAX_TEXT, total)]);
    assert!(incomplete(&world, "carol").is_empty());
    assert_eq!(world.session("carol").log_len(), 1);
}

//= docs/spec/v2.md#V2-028
//= type=test
#[test]
fn a_change_of_keys_cuts_a_text_off() {
    let mut world = established();
    world.act("alice", |s, env| s.send(env, &text(3 * MAX_TEXT))).unwrap();
    let last = world.packets.last().unwrap().1.clone();
    world.lose("bob", &last);
    world.settle();
    assert_eq!(world.session("bob").log_len(), 0);
    world.act("carol", |s, env| s.refresh(env)).unwrap();
    world.pass_secs(200);
    assert_eq!(incomplete(&world, "bob").len(), 1);
    assert!(!world.session("bob").is_consistent() || world.session("bob").log_len() == 0);
}

#[test]
fn parts_are_no_payloads_but_the_last() {
    let mut world = established();
    let id = world.say("alice", &text(3 * MAX_TEXT));
    let bob = world.session("bob");
    assert_eq!(bob.kind(&id), Some(BodyKind::Payload));
    let parent = bob.message(&id).unwrap().parents[0];
    assert_eq!(bob.kind(&parent), Some(BodyKind::Part));
    assert!(bob.message(&parent).is_none());
}

//= docs/spec/protocol.md#FIN-005
//= type=test
#[test]
fn a_subsession_waits_for_the_rest_of_a_text() {
    let mut world = established();
    let nobody = mpenc::MemberSet::new();
    world.act("alice", |s, env| s.change(env, &nobody, &set(&["carol"]))).unwrap();
    // Carol is out of the next subsession, has acknowledged the end of the former one, and still
    // writes in it.
    world.pass_secs(3);
    for name in ["alice", "bob"] {
        world.members.get_mut(&id(name)).unwrap().held = true;
    }
    let long = text(2 * MAX_TEXT);
    world.act("carol", |s, env| s.send(env, &long)).unwrap();
    for name in ["alice", "bob"] {
        world.deliver(&id(name));
        assert_eq!(progress(&world, name), [MAX_TEXT], "{name}");
    }
    world.pass(2 * Timing::default().fin_grace());
    for name in ["alice", "bob"] {
        world.members.get_mut(&id(name)).unwrap().held = false;
    }
    world.pass_secs(120);
    for name in ["alice", "bob"] {
        assert!(incomplete(&world, name).is_empty(), "{name}");
        assert_eq!(world.texts(name), [long.as_str()], "{name}");
        assert!(!world.session(name).channel_members().unwrap().contains(&id("carol")));
    }
}

/// With the suite for tests: these texts are long.
fn light(names: &[&str]) -> World {
    let identity = |rng: &mut rand_chacha::ChaCha20Rng| {
        Identity::transparent(&SecretBytes::fill(|seed| rng.fill_bytes(seed)))
    };
    let configure = |config: mpenc::SessionConfig| config.profile(Profile::TransparentV2);
    let mut world = World::with_identities(names, identity, configure);
    world.establish(names);
    world.pass_secs(60);
    world
}

/// All of it goes out before anybody can acknowledge anything, and nobody else has it then.
//= docs/spec/protocol.md#LIV-021
//= type=test
//= docs/spec/v2.md#V2-028
//= type=test
#[test]
fn the_longest_text_can_be_repaired_from_its_first_part_on() {
    let names = ["alice", "bob"];
    let mut world = light(&names);
    let long = text(MAX_CONTENT);
    let before = world.packets.len();
    world.act("alice", |s, env| s.send(env, &long)).unwrap();
    let first = world.packets[before].1.clone();
    let sent: usize = world.packets[before..].iter().map(|(_, packet)| packet.len()).sum();
    assert!(sent > 16 << 20);
    world.lose_once("bob", &first);
    world.settle();
    assert!(world.texts("bob").is_empty());
    let copies = |world: &World| world.packets.iter().filter(|(_, p)| *p == first).count();
    world.pass_secs(3);
    assert_eq!(copies(&world), 2, "it was asked for, and is there");
    world.pass_secs(60);
    assert!(*progress(&world, "bob").last().unwrap() > 0);
}

/// Whoever writes so much that not all of it can be kept makes no room at others' cost.
//= docs/spec/attacks.md#ATK-108
//= type=test
//= docs/spec/protocol.md#LIV-016
//= type=test
#[test]
fn a_flood_by_one_keeps_nobody_from_repairing_what_another_wrote() {
    let names = ["alice", "bob", "carol", "mallory"];
    let mut world = light(&names);
    let before = world.packets.len();
    world.act("alice", |s, env| s.send(env, "one")).unwrap();
    let packet = world.packets[before].1.clone();
    world.lose_once("carol", &packet);
    world.members.get_mut(&id("carol")).unwrap().held = true;
    world.settle();
    world.say("mallory", &text(MAX_CONTENT));
    for (name, held) in [("alice", true), ("mallory", true), ("carol", false)] {
        world.members.get_mut(&id(name)).unwrap().held = held;
    }
    world.pass_secs(60);
    assert_eq!(world.texts("carol"), ["one"], "from bob");
    let bob = |(by, p): &&(_, Vec<u8>)| *by == id("bob") && *p == packet;
    assert!(world.packets.iter().any(|sent| bob(&sent)));
}
