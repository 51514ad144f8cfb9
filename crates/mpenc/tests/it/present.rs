//! Who is there, who says so, and what a person is told about the conversation as a whole.

use std::time::Duration;

use mpenc::channel::ChannelEvent;
use mpenc::{MemberSet, Notice, PresenceState, Profile, SendError, Timing};

use crate::world::{World, id, set};

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

/// The same on a channel on which everything takes longer than BC_LAT: no warning is wrong, but
/// all are useless.
//= docs/spec/protocol.md#LIV-034
//= type=test
#[test]
fn a_channel_that_is_always_slow_causes_no_warnings_for_ever() {
    let warnings = |adaptive| {
        let mut world = World::with(&NAMES, |config| config.adaptive(adaptive).presence(false));
        world.establish(&NAMES);
        world.pass_secs(120);
        world.members.values_mut().for_each(|member| member.held = true);
        let mut last = Vec::new();
        for round in 0..100 {
            if round % 10 == 0 {
                last.push(world.act("alice", |s, env| s.send(env, "slow")).unwrap());
            }
            world.pass_secs(12);
            // What came of it is on its way as long again.
            for name in NAMES.map(id) {
                for _ in 0..world.members[&name].inbox.len() {
                    world.deliver(&name);
                }
            }
        }
        let late = last.split_off(last.len() / 2);
        let about = |n: &Notice| matches!(n, Notice::NotFullyAcked { id, .. } if late.contains(id));
        let acked = |id| world.session("alice").unacked_by(id) == Some(MemberSet::new());
        assert!(late.iter().all(acked), "nothing was lost");
        about_any(&world, about)
    };
    assert!(warnings(false), "which the configured latency does not allow for");
    assert!(!warnings(true));
}

fn about_any(world: &World, wanted: impl Fn(&Notice) -> bool) -> bool {
    world.member("alice").notices.iter().any(wanted)
}

/// With new keys everybody has proven to be there since the contribution to them that it has seen.
//= docs/spec/protocol.md#LIV-028
//= type=test
#[test]
fn a_new_subsession_begins_with_what_its_keys_prove() {
    for profile in [Profile::V1, Profile::V2] {
        let mut world = World::with(&NAMES, |config| config.profile(profile));
        world.establish(&NAMES);
        world.pass_secs(60);
        let before = world.session("alice").last_seen(&id("bob")).unwrap();
        let sid = world.session("alice").sid();
        let keys = |world: &World| {
            let refreshed = |n: &&Notice| matches!(n, Notice::KeyRefreshed { .. });
            world.member("alice").notices.iter().filter(refreshed).count()
        };
        world.members.get_mut(&id("carol")).unwrap().held = true;
        world.act("alice", |s, env| s.refresh(env)).unwrap();
        world.deliver(&id("alice"));
        let contributed = world.now;
        world.pass_secs(3);
        world.members.get_mut(&id("carol")).unwrap().held = false;
        // Only until Alice has the new keys: nothing said with them has reached her.
        while keys(&world) == 0 {
            for name in ["carol", "bob", "alice"] {
                if keys(&world) == 0 {
                    world.deliver(&id(name));
                }
            }
        }
        let seen = world.session("alice").last_seen(&id("bob")).unwrap();
        if profile == Profile::V2 {
            assert_ne!(world.session("alice").sid(), sid);
            assert_eq!(seen, contributed, "everybody's contribution is new");
        } else {
            // A refresh of v1 renews the initiator's secret only: what was known stays known.
            assert!(before <= seen && seen <= contributed, "{seen:?}");
        }
        assert!(seen < world.now);
        assert_eq!(world.session("alice").presence(&id("bob")), PresenceState::Present);
    }
}

/// The channel says that somebody is there, and passes on what it said before.
//= docs/spec/protocol.md#LIV-033
//= type=test
//= docs/spec/protocol.md#LIV-029
//= type=test
#[test]
fn the_channels_word_is_no_sign_of_life() {
    let mut world = established();
    world.pass_secs(60);
    world.members.get_mut(&id("carol")).unwrap().held = true;
    world.pass_secs(200);
    let seen = world.session("alice").last_seen(&id("carol"));
    assert_eq!(world.session("alice").presence(&id("carol")), PresenceState::NotPresent);
    let enter = ChannelEvent::Changed { enter: set(&["carol"]), leave: MemberSet::new() };
    let _ = world.act("alice", |s, env| s.handle_input(env, enter));
    let from_carol: Vec<_> =
        world.packets.iter().filter(|(sender, _)| *sender == id("carol")).cloned().collect();
    for (_, packet) in &from_carol {
        let _ = world.inject("alice", "carol", packet);
    }
    let alice = world.session("alice");
    assert_eq!(alice.last_seen(&id("carol")), seen);
    assert_eq!(alice.presence(&id("carol")), PresenceState::NotPresent);
    assert!(!alice.health().nothing_missing_after);
    let back = |n: &Notice| matches!(n, Notice::UserPresent { member } if *member == id("carol"));
    assert_eq!(about(&world, "alice", back), 0);
}

//= docs/spec/protocol.md#SES-042
//= type=test
//= docs/spec/protocol.md#UIX-008
//= type=test
#[test]
fn of_each_member_can_be_asked_whether_and_since_when_it_is_missed() {
    let mut world = established();
    world.pass_secs(60);
    world.members.get_mut(&id("carol")).unwrap().held = true;
    world.pass_secs(200);
    let alice = world.session("alice");
    for (name, state) in [("bob", PresenceState::Present), ("carol", PresenceState::NotPresent)] {
        assert_eq!(alice.presence(&id(name)), state, "{name}");
        let seen = alice.last_seen(&id(name)).unwrap();
        let ago = alice.unseen_for(&id(name)).unwrap();
        assert!(world.now.since(seen) >= ago, "as of the latest call");
        let expiry = Timing::default().presence_expiry().unwrap();
        assert_eq!(ago > expiry, name == "carol", "{name}: {ago:?}");
    }
    let told = world.member("alice").notices.iter().find(|n| is_gone("carol")(n)).unwrap();
    let since = alice.last_seen(&id("carol"));
    assert_eq!(*told, Notice::UserNotPresent { member: id("carol"), since });
    // Nothing is known of strangers, nor outside a session.
    assert_eq!(alice.presence(&id("dave")), PresenceState::Unknown);
    assert_eq!((alice.last_seen(&id("dave")), alice.unseen_for(&id("dave"))), (None, None));
    let outside = World::new(&NAMES);
    assert_eq!(outside.session("bob").presence(&id("alice")), PresenceState::Unknown);
    assert_eq!(outside.session("bob").last_seen(&id("alice")), None);
}
