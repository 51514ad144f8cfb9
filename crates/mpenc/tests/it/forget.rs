//! What a session forgets so that it can go on for ever, and what it still knows then.

use mpenc::{Disposition, Env, Identity, Notice, Profile, SecretBytes};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::Rng as _;

use crate::world::{World, id};

const NAMES: [&str; 3] = ["alice", "bob", "carol"];
const TEXTS: usize = 900;

/// A conversation long enough for the first of it to be forgotten, in one subsession; and how many
/// packets there were before it.
fn long(profile: Profile) -> (World, usize) {
    let identity = |rng: &mut ChaCha20Rng| {
        Identity::transparent(&SecretBytes::fill(|seed| rng.fill_bytes(seed)))
    };
    let mut world =
        World::with_identities(&NAMES, identity, |config| config.profile(profile).log_kept(20));
    world.establish(&NAMES);
    let before = world.packets.len();
    for n in 0..TEXTS {
        world.say(NAMES[n % 3], &format!("text {n}"));
        world.pass_secs(1);
    }
    (world, before)
}

//= docs/spec/protocol.md#TRN-043
//= type=test
//= docs/spec/attacks.md#ATK-168
//= type=test
#[test]
fn what_everybody_has_is_forgotten_and_places_stay() {
    for profile in [Profile::Transparent, Profile::TransparentV2] {
        let (mut world, before) = long(profile);
        let (first, early) = {
            let told = world.member("bob").notices.iter().filter_map(|notice| match notice {
                Notice::MessageReady { id, .. } => Some(*id),
                _ => None,
            });
            let told: Vec<_> = told.collect();
            assert_eq!(told.len(), TEXTS);
            (told[0], told[31])
        };
        let bob = world.session("bob");
        assert_eq!(bob.log_len(), TEXTS);
        let start = bob.log_start();
        assert!((TEXTS - 40..TEXTS - 20).contains(&start), "{start}");
        assert!(bob.message(&first).is_none() && bob.message_at(0).is_none());
        assert_eq!(bob.index_of(&first), None);
        assert_eq!(bob.message_at(start as isize).unwrap().text, format!("text {start}"));
        assert_eq!(bob.message_at(-1).unwrap().text, format!("text {}", TEXTS - 1));
        assert_eq!(bob.log().count(), TEXTS - start);
        // The order of messages that are forgotten is, too; nobody says that it is otherwise.
        let last = bob.message_at(-1).unwrap().id;
        assert_eq!(bob.kind(&first), None);
        assert_eq!(bob.is_before(&first, &last), Some(true));
        assert_eq!(bob.is_before(&early, &first), None);
        assert!(bob.unacked_by(&last).is_some());
        // Copies of what is forgotten are copies.
        let copies: Vec<_> = world.packets.iter().skip(before).take(200).cloned().collect();
        let notices = world.member("carol").notices.len();
        for (sender, bytes) in copies.iter().filter(|(sender, _)| *sender != id("carol")) {
            let found = world.inject("carol", &sender.to_string(), bytes);
            assert_eq!(found, Disposition::Ignored);
        }
        assert_eq!(world.member("carol").notices.len(), notices, "nothing to tell");
        world.pass_secs(300);
        for name in NAMES {
            assert!(world.session(name).is_consistent(), "{name}");
            assert!(world.session(name).overdue().is_empty(), "{name}");
        }
        // What is said now still answers what was said before.
        let answer = world.say("alice", "and so on");
        assert_eq!(world.session("bob").log_parents(&answer), Some(vec![last]));
    }
}

#[test]
fn texts_that_nobody_was_told_of_are_kept() {
    let (mut world, _) = long(Profile::Transparent);
    world.members.get_mut(&id("carol")).unwrap().held = true;
    for n in 0..200 {
        world.say(NAMES[n % 2], "said while carol does not look");
        world.pass_secs(1);
    }
    let now = world.now;
    let carol = world.members.get_mut(&id("carol")).unwrap();
    let before = carol.session.log_start();
    let mut env = Env { now, rng: &mut carol.rng };
    while let Some(event) = carol.inbox.pop_front() {
        let _ = carol.session.handle_input(&mut env, event);
    }
    // Now she has acknowledged everything, and so have the others.
    for _ in 0..2 {
        carol.session.send(&mut env, "what was that?").unwrap();
    }
    assert_eq!(carol.session.log_len(), TEXTS + 202);
    assert!(carol.session.log_start() <= before + 20, "all new ones are there");
    while carol.session.poll_notice().is_some() {}
    carol.session.send(&mut env, "ah").unwrap();
    assert!(carol.session.log_start() >= TEXTS + 150, "{}", carol.session.log_start());
}
