//! Keys that grow old (v2).

use std::time::Duration;

use mpenc::{Notice, Profile, SendError, Timing};

use crate::world::{World, id, set};

const NAMES: [&str; 3] = ["alice", "bob", "carol"];
const HOUR: u64 = 3600;

fn established(profile: Profile) -> World {
    let mut world = World::with(&NAMES, |config| config.profile(profile));
    world.establish(&NAMES);
    world
}

fn refreshed(world: &World, name: &str) -> usize {
    let is_refresh = |notice: &&Notice| matches!(notice, Notice::KeyRefreshed { .. });
    world.member(name).notices.iter().filter(is_refresh).count()
}

/// How many renewals have begun, as `name` sees it.
fn attempts(world: &World, name: &str) -> usize {
    let is_attempt = |notice: &&Notice| matches!(notice, Notice::OpStarted { change, .. } if change.is_refresh());
    world.member(name).notices.iter().filter(is_attempt).count()
}

fn ages(world: &World, name: &str) -> Vec<(Vec<String>, bool)> {
    let age = |notice: &Notice| match notice {
        Notice::KeyAge { waiting_for, stopped } => {
            Some((waiting_for.iter().map(ToString::to_string).collect(), *stopped))
        }
        _ => None,
    };
    world.member(name).notices.iter().filter_map(age).collect()
}

//= docs/spec/v2.md#V2-015
//= type=test
//= docs/spec/protocol.md#GKA-029
//= type=test
//= docs/spec/protocol.md#GKA-028
//= type=test
#[test]
fn keys_are_renewed_every_hour_by_one_of_all() {
    let mut world = established(Profile::V2);
    world.pass_secs(HOUR - 60);
    assert_eq!(refreshed(&world, "alice"), 0);
    world.pass_secs(120);
    for name in NAMES {
        assert_eq!(refreshed(&world, name), 1, "{name}");
    }
    world.pass_secs(5 * HOUR);
    for name in NAMES {
        let refreshed = refreshed(&world, name);
        assert!((5..=6).contains(&refreshed), "{name}: {refreshed}");
        assert!(world.member(name).warnings().is_empty());
        assert!(ages(&world, name).is_empty());
    }
    world.assert_agree(&NAMES);
}

#[test]
fn a_v1_session_renews_nothing_by_itself() {
    let mut world = established(Profile::V1);
    world.pass_secs(30 * HOUR);
    assert_eq!(refreshed(&world, "alice"), 0);
    assert!(ages(&world, "alice").is_empty());
    world.say("alice", "still possible");
}

//= docs/spec/v2.md#V2-015
//= type=test
#[test]
fn keys_are_renewed_after_a_thousand_messages() {
    let mut world = established(Profile::V2);
    for n in 0..1_100 {
        world.say(NAMES[n % 3], "another one");
        if n == 900 {
            assert_eq!(refreshed(&world, "alice"), 0);
        }
    }
    world.pass_secs(60);
    for name in NAMES {
        assert_eq!(refreshed(&world, name), 1, "{name}");
        assert!(world.member(name).warnings().is_empty());
    }
}

//= docs/spec/v2.md#V2-015
//= type=test
//= docs/spec/attacks.md#ATK-124
//= type=test
#[test]
fn whoever_is_behind_catches_up_before_keys_are_renewed() {
    let mut world = established(Profile::V2);
    world.pass_secs(HOUR - 180);
    world.members.get_mut(&id("carol")).unwrap().held = true;
    world.act("alice", |s, env| s.send(env, "did you get this?")).unwrap();
    world.pass_secs(600);
    assert_eq!(attempts(&world, "alice"), 0);
    world.members.get_mut(&id("carol")).unwrap().held = false;
    world.pass_secs(120);
    assert_eq!(world.texts("carol"), ["did you get this?"]);
    for name in NAMES {
        assert_eq!(refreshed(&world, name), 1, "{name}");
        assert!(world.session(name).is_consistent(), "{name}");
    }
}

//= docs/spec/v2.md#V2-033
//= type=test
//= docs/spec/attacks.md#ATK-149
//= type=test
#[test]
fn keys_that_cannot_be_renewed_stop_being_used() {
    let mut world = established(Profile::V2);
    // Carol stays in the channel, and takes no part in anything.
    world.members.get_mut(&id("carol")).unwrap().held = true;
    let lifetime = Timing::default().key_lifetime();
    world.pass(lifetime / 2 + Duration::from_secs(1));
    for name in ["alice", "bob"] {
        assert_eq!(refreshed(&world, name), 0, "{name}");
        assert_eq!(ages(&world, name), [(vec!["carol".to_owned()], false)], "{name}");
    }
    world.say("alice", "not stopped yet");
    world.pass(lifetime / 2);
    assert_eq!(ages(&world, "alice").last().unwrap(), &(vec!["carol".to_owned()], true));
    let aged = |world: &World| {
        let warnings = world.session("alice").warnings();
        warnings.iter().any(|n| matches!(n, Notice::KeyAge { stopped: true, .. }))
    };
    assert!(aged(&world), "which can be asked for (UIX-015)");
    let stopped = world.act("alice", |s, env| s.send(env, "too late"));
    assert_eq!(stopped, Err(SendError::KeysTooOld));
    // Acks and operations go on: the one who does not answer can be excluded.
    let carol = set(&["carol"]);
    world.act("alice", |s, env| s.change(env, &set(&[]), &carol)).unwrap();
    world.pass_secs(60);
    world.assert_agree(&["alice", "bob"]);
    assert!(!aged(&world));
    world.say("alice", "new keys");
    assert_eq!(world.texts("bob"), ["not stopped yet", "new keys"]);
}

//= docs/spec/v2.md#V2-015
//= type=test
#[test]
fn failed_attempts_are_repeated_after_ever_longer_delays() {
    let mut world = established(Profile::V2);
    world.members.get_mut(&id("carol")).unwrap().held = true;
    // What Carol does not acknowledge makes the first one wait as long again.
    world.pass_secs(2 * HOUR);
    let mut before = attempts(&world, "alice");
    let mut hourly = Vec::new();
    for _ in 0..6 {
        world.pass_secs(HOUR);
        let now = attempts(&world, "alice");
        hourly.push(now - before);
        before = now;
    }
    // Two members try; in the end each once an hour.
    assert!(hourly[0] > 4, "{hourly:?}");
    assert!(*hourly.last().unwrap() <= 3, "{hourly:?}");
}
