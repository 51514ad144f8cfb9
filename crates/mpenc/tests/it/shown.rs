//! What people can see at any time, whether or not somebody has listened to what was told.

use std::time::Duration;

use mpenc::{Env, Notice, PresenceState, Timing};

use crate::world::{World, id, set};

const NAMES: [&str; 3] = ["alice", "bob", "carol"];

/// An application that asks for no notices while somebody is cut off and a message is lost.
//= docs/spec/attacks.md#ATK-195
//= type=test
//= docs/spec/protocol.md#UIX-015
//= type=test
#[test]
fn warnings_wait_for_whoever_asks_late_and_stay_true() {
    let mut world = World::new(&NAMES);
    world.establish(&NAMES);
    world.pass_secs(60);
    let message = world.act("alice", |s, env| s.send(env, "not for carol")).unwrap();
    let packet = world.packets.last().unwrap().1.clone();
    world.lose("carol", &packet);
    world.settle();
    world.members.get_mut(&id("carol")).unwrap().held = true;
    let start = world.member("alice").notices.len();
    // Nothing is polled for a while.
    let alice = world.members.get_mut(&id("alice")).unwrap();
    let end = world.now + Duration::from_secs(400);
    let mut now = world.now;
    while now < end {
        now = now + Duration::from_secs(1);
        alice.session.handle_timeout(&mut Env { now, rng: &mut alice.rng });
        while alice.session.poll_transmit().is_some() {}
    }
    world.now = end;
    let state = |world: &World| {
        let alice = world.session("alice");
        assert!(alice.overdue().contains(&message));
        assert!(alice.unacked_by(&message).unwrap().contains(&id("carol")));
        assert!(!alice.is_consistent());
        assert_eq!(alice.presence(&id("carol")), PresenceState::NotPresent);
        assert!(!alice.health().is_good());
        let warnings = alice.warnings();
        let unacked_by = alice.unacked_by(&message).unwrap();
        let overdue =
            Notice::NotFullyAcked { id: message, unacked_by, last_word: false, away: false };
        let since = alice.last_seen(&id("carol"));
        let gone = Notice::UserNotPresent { member: id("carol"), since };
        assert!(warnings.contains(&overdue) && warnings.contains(&gone), "{warnings:?}");
    };
    state(&world);
    // The next call brings all that was said meanwhile, once.
    world.act("alice", |_, _| ());
    let told = &world.member("alice").notices[start..];
    let overdue = |n: &&Notice| matches!(n, Notice::NotFullyAcked { id, .. } if *id == message);
    let gone =
        |n: &&Notice| matches!(n, Notice::UserNotPresent { member, .. } if *member == id("carol"));
    assert_eq!(told.iter().filter(overdue).count(), 1);
    assert_eq!(told.iter().filter(gone).count(), 1);
    // Having been told changes nothing.
    state(&world);
}

/// A message is not shown with less than what there is to know of it.
//= docs/spec/attacks.md#ATK-193
//= type=test
#[test]
fn every_message_says_who_wrote_it_for_whom_and_who_has_it() {
    let mut world = World::new(&NAMES);
    world.establish(&NAMES);
    world.pass_secs(60);
    let before = world.say("alice", "to both");
    let old = world.session("bob").sid().unwrap();
    world.act("alice", |s, env| s.change(env, &set(&[]), &set(&["carol"]))).unwrap();
    world.settle();
    let after = world.say("bob", "to one");
    for name in ["alice", "bob"] {
        let session = world.session(name);
        let first = session.message(&before).unwrap();
        assert_eq!((first.author, first.sid), (&id("alice"), old), "{name}");
        assert_eq!(first.readers(), set(&["bob", "carol"]), "{name}: also after the change");
        let second = session.message(&after).unwrap();
        assert_eq!((second.author, Some(second.sid)), (&id("bob"), session.sid()), "{name}");
        assert_eq!(second.readers(), set(&["alice"]), "{name}");
        assert_eq!(second.fully_acked_at, None, "{name}");
        assert_eq!(session.unacked_by(&after), Some(set(&["alice"])), "{name}");
    }
    world.pass(Timing::default().fa_intv());
    for name in ["alice", "bob"] {
        let session = world.session(name);
        assert_eq!(session.unacked_by(&after), Some(set(&[])), "{name}");
        assert!(session.message(&after).unwrap().fully_acked_at.is_some(), "{name}");
    }
}
