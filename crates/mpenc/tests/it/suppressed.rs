//! A channel that drops whatever it likes of a short conversation: what is said of its messages is
//! true at every moment, and in the end everybody has everything.

use std::time::Duration;

use mpenc::{Identity, MemberSet, MessageId, Profile, SecretBytes, Timing};
use rand_chacha::rand_core::Rng;

use crate::world::{World, id, set};

const NAMES: [&str; 3] = ["alice", "bob", "carol"];

/// Packets of which every pattern is lost.
const PACKETS: u32 = 6;

fn established() -> World {
    let identity = |rng: &mut rand_chacha::ChaCha20Rng| {
        Identity::transparent(&SecretBytes::fill(|seed| rng.fill_bytes(seed)))
    };
    let config = |config: mpenc::SessionConfig| config.profile(Profile::TransparentV2);
    let mut world = World::with_identities(&NAMES, identity, config);
    world.establish(&NAMES);
    world.pass_secs(30);
    world
}

/// Nobody is told that everybody has a message which somebody lacks, and whoever waits for too
/// long is told so.
fn check(world: &World, messages: &[MessageId], what: &str) {
    for message in messages {
        for name in NAMES {
            let session = world.session(name);
            let Some(shown) = session.message(message) else { continue };
            let unacked = session.unacked_by(message).unwrap();
            let lacking: MemberSet = NAMES
                .into_iter()
                .filter(|other| world.session(other).message(message).is_none())
                .map(id)
                .collect();
            assert!(lacking.is_subset(&unacked), "{what}: {name} is wrong about {lacking:?}");
            assert_eq!(shown.fully_acked_at.is_some(), unacked.is_empty(), "{what}: {name}");
            let late = world.now >= shown.accepted_at + Timing::default().fa_intv();
            let warned = session.overdue().contains(message);
            assert_eq!(late && !unacked.is_empty(), warned, "{what}: {name}");
        }
    }
}

fn play(lost: u32, victims: &MemberSet) {
    let what = format!("{lost:06b} to {victims:?}");
    let mut world = established();
    let whom = |n: u32| if lost >> n & 1 == 1 { victims.clone() } else { MemberSet::new() };
    world.missing = (0..PACKETS).map(whom).collect();
    let mut messages = Vec::new();
    for (name, text) in [("alice", "one"), ("bob", "two"), ("alice", "three")] {
        messages.push(world.say(name, text));
        check(&world, &messages, &what);
        world.pass_secs(2);
        check(&world, &messages, &what);
    }
    for _ in 0..60 {
        world.pass(Duration::from_millis(2_500));
        check(&world, &messages, &what);
    }
    assert!(world.missing.is_empty(), "{what}: fewer packets than that");
    for name in NAMES {
        let session = world.session(name);
        assert!(session.overdue().is_empty() && session.is_consistent(), "{what}: {name}");
        let mut texts = world.texts(name);
        texts.sort();
        assert_eq!(texts, ["one", "three", "two"], "{what}: {name}");
    }
}

//= docs/spec/attacks.md#ATK-128
//= type=test
#[test]
fn whatever_is_lost_nobody_is_said_to_have_what_it_has_not() {
    let groups = [&["alice"][..], &["bob"], &["carol"], &["bob", "carol"]];
    for victims in groups {
        for lost in 0..1 << PACKETS {
            play(lost, &set(victims));
        }
    }
}
