//! What a session relies on, and what it does not: clocks, recipients, the order of messages.

use mpenc::channel::{ChannelEvent, ChannelRequest};
use mpenc::{BodyKind, Disposition, Env, MemberSet, Notice, Session, SessionState, Timestamp};
use mpenc_packet::v1::{Packet, decode};

use crate::world::{World, id, set};

const NAMES: [&str; 3] = ["alice", "bob", "carol"];

fn nobody() -> MemberSet {
    MemberSet::new()
}

fn established(names: &[&str]) -> World {
    let mut world = World::new(names);
    world.establish(names);
    world
}

fn established_v1(names: &[&str]) -> World {
    let mut world = World::v1(names);
    world.establish(names);
    world
}

type Action = fn(&mut Session, &mut Env<'_>);

/// One run in which each member's clock is ahead by so many seconds.
fn with_clocks(ahead: [u64; 3]) -> World {
    let mut world = World::new(&NAMES);
    let start = world.now;
    let clocks: Vec<_> = NAMES.iter().zip(ahead.map(core::time::Duration::from_secs)).collect();
    let mut script: Vec<(u64, &str, Action)> = vec![
        (0, "alice", |s, env| {
            s.join(env).unwrap();
        }),
        (1, "bob", |s, env| {
            s.join(env).unwrap();
        }),
        (2, "carol", |s, env| {
            s.join(env).unwrap();
        }),
        (4, "alice", |s, env| {
            s.change(env, &set(&["bob", "carol"]), &nobody()).unwrap();
        }),
        (8, "bob", |s, env| {
            s.send(env, "what time is it?").unwrap();
        }),
        (40, "carol", |s, env| {
            s.refresh(env).unwrap();
        }),
        (50, "carol", |s, env| {
            s.send(env, "late").unwrap();
        }),
    ];
    for second in 0..120 {
        let now = start + core::time::Duration::from_secs(second);
        for (name, ahead) in &clocks {
            world.now = now + *ahead;
            world.act(name, |s, env| s.handle_timeout(env));
        }
        while script.first().is_some_and(|(at, ..)| *at == second) {
            let (_, name, action) = script.remove(0);
            let ahead = clocks.iter().find(|(n, _)| **n == name).unwrap().1;
            world.now = now + ahead;
            world.act(name, action);
        }
        let mut busy = true;
        while busy {
            busy = false;
            for (name, ahead) in &clocks {
                world.now = now + *ahead;
                busy |= world.deliver(&id(name));
            }
        }
    }
    world
}

#[test]
fn clocks_that_disagree_make_no_difference() {
    //= docs/spec/protocol.md#MOD-011
    //= type=test
    //= docs/spec/attacks.md#ATK-132
    //= type=test
    //= docs/spec/attacks.md#ATK-135
    //= type=test
    let same = with_clocks([0, 0, 0]);
    let years = with_clocks([0, 400_000_000, 7_000]);
    assert_eq!(same.texts("alice"), ["what time is it?", "late"]);
    assert!(same.packets == years.packets, "byte for byte");
    for name in NAMES {
        assert_eq!(same.member(name).notices, years.member(name).notices, "{name}");
    }
}

/// A clock that is set back by years, and right again.
//= docs/spec/protocol.md#LIV-002
//= type=test
//= docs/spec/attacks.md#ATK-132
//= type=test
#[test]
fn a_clock_that_jumps_back_stands_still_instead() {
    let play = |jump: bool| {
        let mut world = World::new(&NAMES);
        world.now = Timestamp::from_millis(2_000_000_000_000);
        world.establish(&NAMES);
        world.pass_secs(60);
        let now = world.now;
        world.act("bob", |s, env| s.handle_timeout(env));
        if jump {
            world.now = Timestamp::from_millis(1_000);
        }
        world.act("bob", |s, env| s.handle_timeout(env));
        let message = world.act("bob", |s, env| s.send(env, "what year is it?")).unwrap();
        let shown = world.session("bob").message(&message).unwrap().accepted_at;
        assert_eq!(shown, now, "no time before what it had seen");
        let due = world.session("bob").poll_timeout().unwrap().at;
        assert!(due >= now, "{due:?}");
        world.now = now;
        world.settle();
        world.pass_secs(300);
        world
    };
    let (steady, jumped) = (play(false), play(true));
    assert!(steady.packets == jumped.packets, "byte for byte");
    for name in NAMES {
        assert_eq!(steady.member(name).notices, jumped.member(name).notices, "{name}");
        assert!(jumped.member(name).warnings().is_empty(), "{name}");
    }
}

#[test]
fn who_sent_a_packet_is_not_who_wrote_it() {
    //= docs/spec/protocol.md#MOD-006
    //= type=test
    //= docs/spec/attacks.md#ATK-193
    //= type=test
    let mut world = established(&NAMES);
    world.pass_secs(60);
    let message = world.act("alice", |s, env| s.send(env, "by alice")).unwrap();
    let (_, packet) = world.packets.last().unwrap().clone();
    world.lose("bob", &packet);
    world.settle();
    let _ = world.inject("bob", "carol", &packet);
    let bob = world.session("bob");
    assert_eq!(bob.message(&message).unwrap().author, &id("alice"));
    assert_eq!(bob.message(&message).unwrap().readers(), set(&["bob", "carol"]));
}

#[test]
fn nothing_unknown_to_v1_is_sent() {
    //= docs/spec/protocol.md#MOD-016
    //= type=test
    let mut world = established_v1(&NAMES);
    let mut seen = 0;
    let check = |world: &World, seen: &mut usize| {
        for (_, packet) in &world.packets[*seen..] {
            match decode(packet) {
                Ok(Packet::Greeting(_)) => {}
                Ok(Packet::Data(data)) => {
                    let message = data.peek().message_id::<mpenc_crypto::V1>();
                    let mut sessions = world.members.values().map(|member| &member.session);
                    let kind = sessions.find_map(|session| session.kind(&message));
                    let known = matches!(
                        kind,
                        Some(
                            BodyKind::Payload
                                | BodyKind::ExplicitAck { .. }
                                | BodyKind::Consistency { .. }
                        )
                    );
                    assert!(known, "{kind:?}");
                }
                other => panic!("{other:?}"),
            }
        }
        *seen = world.packets.len();
    };
    world.say("alice", "hello");
    world.act("bob", |s, env| s.send(env, "")).unwrap();
    world.settle();
    check(&world, &mut seen);
    // Nobody says anything for long: no heartbeats.
    for _ in 0..600 {
        world.pass_secs(1);
        check(&world, &mut seen);
    }
    world.act("alice", |s, env| s.refresh(env)).unwrap();
    world.settle();
    check(&world, &mut seen);
    world.act("carol", |s, env| s.part(env)).unwrap();
    world.settle();
    check(&world, &mut seen);
    assert!(seen > 10);
}

#[test]
fn messages_may_come_in_any_order_or_not_at_all() {
    //= docs/spec/protocol.md#CHN-012
    //= type=test
    let mut world = established(&NAMES);
    world.pass_secs(60);
    let start = world.packets.len();
    for (name, text) in [("alice", "one"), ("bob", "two"), ("alice", "three"), ("bob", "four")] {
        world.act(name, |s, env| s.send(env, text)).unwrap();
        for other in ["alice", "bob"] {
            while world.deliver(&id(other)) {}
        }
    }
    let packets = world.packets[start..].to_vec();
    packets.iter().for_each(|(_, packet)| world.lose("carol", packet));
    for (sender, packet) in packets.iter().rev() {
        let _ = world.inject("carol", &sender.to_string(), packet);
    }
    world.settle();
    assert_eq!(world.texts("carol"), ["one", "two", "three", "four"]);
    assert_eq!(world.texts("carol"), world.texts("alice"));
    world.pass_secs(60);
    assert!(NAMES.iter().all(|name| world.session(name).is_consistent()));
    // One that never comes is missed, and hinders no operation.
    let lost = world.act("alice", |s, env| s.send(env, "lost")).unwrap();
    let (_, packet) = world.packets.last().unwrap().clone();
    world.lose("carol", &packet);
    world.pass_secs(60);
    assert!(world.session("alice").overdue().contains(&lost));
    let op = world.act("bob", |s, env| s.refresh(env)).unwrap();
    world.settle();
    assert_eq!(world.member("bob").ended[&op], Ok(()));
    world.assert_agree(&NAMES);
}

#[test]
fn packets_for_some_may_reach_everybody() {
    //= docs/spec/protocol.md#CHN-007
    //= type=test
    let mut world = World::with(&NAMES, |config| config.patient_join(true));
    world.establish(&["alice", "bob"]);
    world.act("carol", |s, env| s.join(env)).unwrap();
    world.settle();
    let sent = world.act("alice", |s, env| {
        s.send(env, "for bob").unwrap();
        s.poll_transmit()
    });
    let Some(ChannelRequest::Send { recipients, bytes }) = sent else { panic!("{sent:?}") };
    assert_eq!(recipients, set(&["bob"]));
    let event = ChannelEvent::Packet { sender: id("alice"), bytes };
    world.order(&event);
    world.settle();
    world.pass_secs(30);
    assert_eq!(world.texts("bob"), ["for bob"]);
    assert!(world.texts("carol").is_empty());
    assert!(NAMES.iter().all(|name| world.member(name).warnings().is_empty()));
    let op = world.act("bob", |s, env| s.change(env, &set(&["carol"]), &nobody())).unwrap();
    world.settle();
    assert_eq!(world.member("bob").ended[&op], Ok(()));
    world.assert_agree(&NAMES);
}

#[test]
fn a_change_has_its_place_among_the_messages() {
    //= docs/spec/protocol.md#UIX-006
    //= type=test
    let mut world = established(&NAMES);
    world.say("alice", "one");
    world.say("bob", "two");
    world.act("alice", |s, env| s.change(env, &nobody(), &set(&["carol"]))).unwrap();
    world.settle();
    let after = world.say("bob", "three");
    for name in ["alice", "bob"] {
        let place = world.member(name).notices.iter().rev().find_map(|notice| match notice {
            Notice::MembersChanged { log_position, .. } => Some(*log_position),
            _ => None,
        });
        assert_eq!(place, Some(2), "{name}");
        assert_eq!(world.session(name).index_of(&after), Some(2), "{name}");
    }
}

#[test]
fn a_late_message_is_shown_as_what_it_was() {
    //= docs/spec/protocol.md#FIN-008
    //= type=test
    //= docs/spec/attacks.md#ATK-193
    //= type=test
    let mut world = established(&NAMES);
    world.pass_secs(60);
    let old = world.session("alice").sid().unwrap();
    world.members.get_mut(&id("carol")).unwrap().held = true;
    world.act("alice", |s, env| s.change(env, &nobody(), &set(&["carol"]))).unwrap();
    world.settle();
    // Carol does not know yet, and writes to all; Bob never gets it.
    let late = world.act("carol", |s, env| s.send(env, "to all")).unwrap();
    let (_, packet) = world.packets.last().unwrap().clone();
    world.lose("bob", &packet);
    world.settle();
    let message = world.session("alice").message(&late).unwrap();
    assert!(message.after_own_fin);
    assert_eq!((message.sid, message.members.clone()), (old, set(&NAMES)));
    let current = world.say("bob", "without carol");
    assert!(!world.session("alice").message(&current).unwrap().after_own_fin);
    world.pass_secs(300);
    let last_word =
        Notice::NotFullyAcked { id: late, unacked_by: set(&["bob"]), last_word: true, away: false };
    assert!(
        world.member("alice").notices.contains(&last_word),
        "{:?}",
        world.member("alice").warnings()
    );
}

#[test]
fn whoever_is_parting_says_so_again_after_an_operation() {
    //= docs/spec/protocol.md#FIN-027
    //= type=test
    let mut world = World::new(&["alice", "bob", "carol", "dave"]);
    world.establish(&NAMES);
    world.pass_secs(60);
    world.act("dave", |s, env| s.join(env)).unwrap();
    world.settle();
    world.act("alice", |s, env| s.change(env, &set(&["dave"]), &nobody())).unwrap();
    NAMES.iter().for_each(|name| {
        world.deliver(&id(name));
    });
    assert!(world.session("bob").operation().is_some());
    let part = world.act("bob", |s, env| s.part(env)).unwrap();
    while world.session("bob").operation().is_some() {
        for name in ["alice", "carol", "dave", "bob"] {
            world.deliver(&id(name));
        }
    }
    let bob = world.session("bob");
    assert_eq!(bob.members(), set(&["alice", "bob", "carol", "dave"]));
    assert_eq!(bob.state(), SessionState::Parting);
    let fin = Some(BodyKind::Consistency { close: true });
    assert_eq!(bob.heads().first().and_then(|head| bob.kind(head)), fin, "at once");
    world.settle();
    world.pass_secs(60);
    assert_eq!(world.member("bob").ended[&part], Ok(()));
    assert_eq!(world.session("bob").state(), SessionState::Parted);
    world.assert_agree(&["alice", "carol", "dave"]);
}

#[test]
fn nothing_is_inferred_from_what_the_channel_says() {
    //= docs/spec/protocol.md#MOD-006
    //= type=test
    //= docs/spec/attacks.md#ATK-121
    //= type=test
    //= docs/spec/attacks.md#ATK-193
    //= type=test
    let names = ["alice", "bob", "carol", "stranger"];
    let mut world = World::new(&names);
    world.establish(&NAMES);
    world.pass_secs(120);
    world.enter(&id("stranger"));
    world.settle();
    // Whoever passes it on, and whomever the channel had it for, author and readers stay.
    let message = world.act("alice", |s, env| s.send(env, "by alice")).unwrap();
    let (_, packet) = world.packets.last().unwrap().clone();
    world.lose("bob", &packet);
    world.settle();
    assert_eq!(world.inject("bob", "stranger", &packet), Disposition::Accepted);
    let found = world.session("bob").message(&message).unwrap();
    assert_eq!(found.author, &id("alice"));
    assert_eq!(found.readers(), set(&["bob", "carol"]));
    // What cannot be verified has no author: the sender is reported as sender, nothing is shown.
    let mut other = World::new(&["alice", "dave"]);
    other.establish(&["alice", "dave"]);
    other.say("alice", "elsewhere");
    let (_, foreign) = other.packets.last().unwrap().clone();
    let shown = world.session("bob").log_len();
    assert_eq!(world.inject("bob", "alice", &foreign), Disposition::Deferred);
    world.pass_secs(10);
    assert_eq!(world.session("bob").log_len(), shown);
    let reported =
        |n: &Notice| matches!(n, Notice::NotDecrypted { sender, .. } if *sender == id("alice"));
    assert!(world.member("bob").notices.iter().any(reported));
}

#[test]
fn messages_and_acks_may_come_in_any_order_and_several_times() {
    //= docs/spec/protocol.md#CHN-012
    //= type=test
    let mut world = established(&NAMES);
    world.pass_secs(60);
    let start = world.packets.len();
    for (name, text) in [("alice", "one"), ("bob", "two"), ("carol", "three"), ("alice", "four")] {
        world.say(name, text);
    }
    world.act("bob", |s, env| s.send(env, "")).unwrap();
    world.settle();
    world.pass_secs(60);
    let packets: Vec<_> = world.packets[start..].to_vec();
    assert!(packets.len() > 5, "acks are among them");
    // The same once more, for somebody who got nothing of it at first.
    for stride in [1, 3, 5, 7] {
        let mut late = established(&NAMES);
        late.pass_secs(60);
        assert_eq!(late.packets.len(), start, "the same history");
        let count = packets.len();
        for round in 0..2 * count {
            let (sender, packet) = &packets[(round * stride + count - 1) % count];
            let _ = late.inject("carol", &sender.to_string(), packet);
        }
        for (sender, packet) in packets.iter().rev().filter(|(sender, _)| *sender != id("carol")) {
            let _ = late.inject("carol", &sender.to_string(), packet);
        }
        let carol = late.session("carol");
        let others = |world: &World| {
            let texts = world.texts("carol").into_iter();
            texts.filter(|text| text != "three" && text != "four").collect::<Vec<_>>()
        };
        assert_eq!(others(&late), others(&world), "stride {stride}");
        assert!(carol.sid().is_some());
    }
}
