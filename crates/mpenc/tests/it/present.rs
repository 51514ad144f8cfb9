//! Who is there, who says so, and what a person is told about the conversation as a whole.

use std::time::Duration;

use mpenc::{MemberSet, Notice, PresenceState, Profile, SendError, Timing};

use crate::world::{World, id};

const NAMES: [&str; 3] = ["alice", "bob", "carol"];

fn established() -> World {
    let mut world = World::new(&NAMES);
    world.establish(&NAMES);
    world
}

fn about(world: &World, name: &str, wanted: impl Fn(&Notice) -> bool) -> usize {
    world.member(name).notices.iter().filter(|notice| wanted(notice)).count()
}

fn is_gone(who: &str) -> impl Fn(&Notice) -> bool {
    move |notice| matches!(notice, Notice::UserNotPresent { member, .. } if *member == id(who))
}

//= docs/spec/protocol.md#LIV-026
//= type=test
//= docs/spec/protocol.md#LIV-030
//= type=test
#[test]
fn an_idle_group_stays_present_for_hours() {
    let mut world = established();
    world.pass_secs(60);
    let before = world.packets.len();
    world.pass_secs(6 * 3_600);
    for name in NAMES {
        assert!(world.member(name).warnings().is_empty(), "{name}");
        for other in NAMES.into_iter().filter(|other| *other != name) {
            let session = world.session(name);
            assert_eq!(session.presence(&id(other)), PresenceState::Present, "{name} {other}");
            let age = world.now.since(session.last_seen(&id(other)).unwrap());
            assert!(age <= Timing::default().presence_expiry().unwrap());
        }
    }
    // Each heartbeat every 104 s, and one ack of each for all of them together.
    let sent = world.packets.len() - before;
    assert!(sent < 6 * 3_600 / 104 * NAMES.len() * 4, "{sent}");
}

//= docs/spec/protocol.md#LIV-030
//= type=test
//= docs/spec/protocol.md#LIV-029
//= type=test
//= docs/spec/protocol.md#SEC-009
//= type=test
//= docs/spec/attacks.md#ATK-125
//= type=test
#[test]
fn who_is_cut_off_is_missed_and_welcomed_back() {
    let mut world = established();
    world.pass_secs(60);
    world.members.get_mut(&id("carol")).unwrap().held = true;
    world.pass_secs(60);
    assert_eq!(about(&world, "alice", is_gone("carol")), 0);
    world.pass_secs(100);
    for name in ["alice", "bob"] {
        assert_eq!(about(&world, name, is_gone("carol")), 1, "{name}: said once");
        assert_eq!(world.session(name).presence(&id("carol")), PresenceState::NotPresent);
        assert!(!world.session(name).health().nothing_missing_after);
    }
    world.members.get_mut(&id("carol")).unwrap().held = false;
    world.pass_secs(60);
    for name in NAMES {
        let back =
            |n: &Notice| matches!(n, Notice::UserPresent { member } if *member == id("carol"));
        assert_eq!(about(&world, name, back), usize::from(name != "carol"), "{name}");
        assert!(world.session(name).health().nothing_missing_after, "{name}");
    }
}

//= docs/spec/protocol.md#LIV-031
//= type=test
#[test]
fn who_parts_is_not_missed() {
    let mut world = established();
    world.pass_secs(60);
    world.act("carol", |s, env| s.part(env)).unwrap();
    world.settle();
    world.pass_secs(400);
    assert_eq!(about(&world, "alice", is_gone("carol")), 0);
}

//= docs/spec/protocol.md#LIV-031
//= type=test
//= docs/spec/protocol.md#LIV-032
//= type=test
#[test]
fn who_says_so_is_away_on_purpose() {
    let mut world = World::with(&NAMES, |config| config.profile(Profile::V2));
    world.establish(&NAMES);
    world.pass_secs(60);
    world.act("carol", |s, env| s.set_away(env, true)).unwrap();
    world.settle();
    let away = |n: &Notice| matches!(n, Notice::UserAbsent { member } if *member == id("carol"));
    assert_eq!(about(&world, "alice", away), 1);
    world.members.get_mut(&id("carol")).unwrap().held = true;
    let message = world.say("alice", "for later");
    world.pass_secs(400);
    assert_eq!(about(&world, "alice", is_gone("carol")), 0);
    let mild =
        |n: &Notice| matches!(n, Notice::NotFullyAcked { id, away: true, .. } if *id == message);
    assert_eq!(about(&world, "alice", mild), 1);
    world.members.get_mut(&id("carol")).unwrap().held = false;
    world.settle();
    world.act("carol", |s, env| s.set_away(env, false)).unwrap();
    world.pass_secs(60);
    assert_eq!(world.session("alice").presence(&id("carol")), PresenceState::Present);
    assert_eq!(world.session("alice").unacked_by(&message), Some(MemberSet::new()));
}

#[test]
fn absence_cannot_be_declared_in_v1() {
    let mut world = World::v1(&NAMES);
    world.establish(&NAMES);
    let refused = world.act("carol", |s, env| s.set_away(env, true));
    assert_eq!(refused, Err(SendError::Unsupported));
}

//= docs/spec/protocol.md#UIX-009
//= type=test
//= docs/spec/protocol.md#SEC-001
//= type=test
#[test]
fn health_is_good_only_on_evidence() {
    let mut world = established();
    for name in NAMES {
        let health = world.session(name).health();
        assert!(health.nothing_missing_before, "{name}");
        assert_eq!(health.is_good(), health.nothing_missing_after && health.order_verified);
    }
    world.pass_secs(60);
    let message = world.act("alice", |s, env| s.send(env, "one")).unwrap();
    let health = world.session("alice").health();
    assert!(!health.everybody_has_all, "nobody has said so");
    world.settle();
    world.pass_secs(30);
    let health = world.session("alice").health();
    assert!(health.everybody_has_all && health.nothing_missing_before);
    assert_eq!(world.session("alice").unacked_by(&message), Some(MemberSet::new()));
    let v2 = crate::world::profile() == Profile::V2;
    assert_eq!(health.order_verified, v2);
}

//= docs/spec/protocol.md#LIV-034
//= type=test
#[test]
fn a_fast_channel_warns_fast_and_a_slow_one_does_not_cry_wolf() {
    let mut world = World::with(&NAMES, |config| config.adaptive(true).presence(false));
    world.establish(&NAMES);
    // Everything arrives at once.
    for _ in 0..10 {
        world.say("alice", "quick");
        world.pass_secs(20);
    }
    world.members.get_mut(&id("carol")).unwrap().held = true;
    let missed = world.say("alice", "missed");
    let warned = |world: &World| {
        let about = |n: &Notice| matches!(n, Notice::NotFullyAcked { id, .. } if *id == missed);
        about_any(world, about)
    };
    // FA_INTV with the least latency is 17.25 s instead of 26 s.
    world.pass(Duration::from_millis(17_000));
    assert!(!warned(&world));
    world.pass(Duration::from_millis(1_500));
    assert!(warned(&world));
}

fn about_any(world: &World, wanted: impl Fn(&Notice) -> bool) -> bool {
    world.member("alice").notices.iter().any(wanted)
}
