//! What a channel, or a member, can do to the order of operations, and how far it gets: sections 4
//! and 10 of the catalogue, as far as one scenario can show it.

use std::time::Duration;

use mpenc::channel::ChannelEvent;
use mpenc::{
    Disposition, FailReason, FailureCause, MemberSet, Notice, OperationError, Profile,
    RejectReason, SessionState, Timing,
};

use crate::world::{World, id, set};

const NAMES: [&str; 3] = ["alice", "bob", "carol"];
const ALL: [&str; 4] = ["alice", "bob", "carol", "dave"];
const BOTH: [Profile; 2] = [Profile::V1, Profile::V2];

fn nobody() -> MemberSet {
    MemberSet::new()
}

fn world(profile: Profile, names: &[&str]) -> World {
    World::with(names, |config| config.profile(profile).patient_join(true))
}

fn established(profile: Profile, names: &[&str], waiting: &[&str]) -> World {
    let mut world = world(profile, &[names, waiting].concat());
    world.establish(names);
    world.pass_secs(60);
    for name in waiting {
        world.act(name, |s, env| s.join(env)).unwrap();
    }
    world.settle();
    world
}

fn inconsistent(world: &World, name: &str) -> MemberSet {
    let member = |notice: &Notice| match notice {
        Notice::OrderInconsistent { member } => Some(member.clone()),
        _ => None,
    };
    world.member(name).notices.iter().filter_map(member).collect()
}

/// Full-ack interval and operation timeout: how long a fork may go unnoticed (SEC-012).
fn in_time() -> Duration {
    let timing = Timing::default();
    timing.fa_intv() + timing.op_timeout(4)
}

/// Whoever finds that its session is not what the others have leaves and comes back.
fn start_over(world: &mut World, who: &str, host: &str, all: &[&str]) {
    world.leave(&id(who));
    world.settle();
    world.pass_secs(150);
    world.act(who, |s, env| s.join(env)).unwrap();
    world.settle();
    let include = set(&[who]);
    world.act(host, |s, env| s.change(env, &include, &nobody())).unwrap();
    world.settle();
    world.assert_agree(all);
    let said = world.say(who, "here again");
    world.pass_secs(60);
    assert_eq!(world.session(host).unacked_by(&said), Some(nobody()));
}

/// An insider proposes two different things at once, and the channel shows each half one of them:
/// neither is completed, and the halves learn of it.
//= docs/spec/attacks.md#ATK-058
//= type=test
#[test]
fn two_views_of_one_operation() {
    let five = ["alice", "bob", "mallory", "dave", "eve"];
    let scene = || established(Profile::V2, &five[..3], &five[3..]);
    let (mut world, mut twin) = (scene(), scene());
    let sid = world.session("alice").sid();
    world.act("mallory", |s, env| s.change(env, &set(&["dave"]), &nobody())).unwrap();
    twin.act("mallory", |s, env| s.change(env, &set(&["eve"]), &nobody())).unwrap();
    let (_, one) = world.packets.last().unwrap().clone();
    let (_, other) = twin.packets.last().unwrap().clone();
    for name in ["bob", "eve"] {
        world.lose(name, &one);
        assert_eq!(world.inject(name, "mallory", &other), Disposition::Accepted, "{name}");
    }
    world.settle();
    for name in ["alice", "bob"] {
        assert_eq!(world.session(name).sid(), sid, "{name}: nothing is completed");
    }
    world.pass_secs(1);
    world.say("alice", "who comes?");
    world.say("bob", "and who?");
    world.pass(in_time());
    for (name, other) in [("alice", "bob"), ("bob", "alice")] {
        let session = world.session(name);
        assert_eq!((session.sid(), session.operation()), (sid, None), "{name}");
        assert!(inconsistent(&world, name).contains(&id(other)), "{name}");
        assert!(!session.order_verified(), "{name}");
    }
}

/// The packet that completes an operation reaches some members only, in every division: those who
/// have it miss a confirmation, those who have not keep what they had and learn that others are
/// ahead, all in time; and who is behind can start over.
//= docs/spec/attacks.md#ATK-061
//= type=test
//= docs/spec/attacks.md#ATK-099
//= type=test
//= docs/spec/protocol.md#SEC-012
//= type=test
//= docs/spec/protocol.md#ORD-036
//= type=test
#[test]
fn half_the_group_completes() {
    for behind in [&["bob"][..], &["carol"], &["bob", "carol"]] {
        let mut world = established(Profile::V2, &NAMES, &[]);
        let sid = world.session("alice").sid();
        let before = world.packets.len();
        world.act("alice", |s, env| s.refresh(env)).unwrap();
        // One of them holds back what would complete it for those behind.
        let kind = |bytes: &[u8]| mpenc_packet::v2::kind(bytes);
        let confirmation = Ok(mpenc_packet::v2::PacketKind::Confirmation);
        let mut last = Vec::new();
        while world.session("alice").sid() == sid {
            for name in NAMES {
                let sent = world.packets[before..].iter().map(|(_, bytes)| bytes);
                let confirmations: Vec<_> = sent.filter(|b| kind(b) == confirmation).collect();
                if confirmations.len() == 3 {
                    last = confirmations[2].clone();
                }
                if last.is_empty() || !behind.contains(&name) {
                    world.deliver(&id(name));
                }
            }
        }
        for name in behind {
            world.lose(name, &last);
        }
        world.settle();
        world.pass(in_time());
        for name in NAMES {
            let session = world.session(name);
            assert_eq!(session.sid() == sid, behind.contains(&name), "{behind:?}: {name}");
            assert_eq!(session.operation(), None, "{behind:?}: {name}");
            let notices = &world.member(name).notices;
            if behind.contains(&name) {
                assert!(inconsistent(&world, name).contains(&id("alice")), "{behind:?}: {name}");
            } else {
                let missing = |n: &Notice| matches!(n, Notice::OrderNotConfirmed { members, .. } if *members == set(behind));
                assert!(notices.iter().any(missing), "{behind:?}: {name}: {notices:?}");
            }
            assert!(!session.order_verified(), "{behind:?}: {name}");
        }
        for name in behind {
            if world.channel.contains(&id(name)) {
                world.leave(&id(name));
            }
        }
        world.settle();
        world.pass_secs(150);
        for name in behind {
            let host = NAMES.into_iter().find(|n| !behind.contains(n)).unwrap();
            if world.session(host).members().len() == 1 {
                break;
            }
            let together: Vec<_> = NAMES
                .into_iter()
                .filter(|n| world.session(host).members().contains(&id(n)) || n == name)
                .collect();
            start_over(&mut world, name, host, &together);
        }
    }
}

/// The channel shows somebody who has come back the proposal by which it was included the first
/// time: it believes it as far as it has to, and gets out of it.
//= docs/spec/attacks.md#ATK-078
//= type=test
//= docs/spec/protocol.md#ORD-012
//= type=test
#[test]
fn an_old_proposal_for_somebody_who_is_back() {
    for profile in BOTH {
        let mut world = established(profile, &NAMES, &["dave"]);
        world.act("alice", |s, env| s.change(env, &set(&["dave"]), &nobody())).unwrap();
        let (_, old) = world.packets.last().unwrap().clone();
        world.settle();
        world.assert_agree(&ALL);
        world.leave(&id("dave"));
        world.settle();
        world.pass_secs(100);
        // Not patient here: it gives up like anybody whose invitation comes to nothing.
        let join = world.act("dave", |s, env| s.join(env)).unwrap();
        world.settle();
        let _ = world.inject("dave", "alice", &old);
        world.settle();
        assert_ne!(world.session("dave").state(), SessionState::Joined, "{profile}");
        if profile == Profile::V2 {
            world.pass_secs(100);
            assert_eq!(world.session("dave").operation(), None, "it has ended by itself");
        } else {
            // v1 cannot end it: whoever waits in vain enters anew.
            world.leave(&id("dave"));
            world.settle();
            world.pass_secs(100);
        }
        assert!(world.channel.contains(&id("dave")), "{profile}");
        let op = world.act("bob", |s, env| s.change(env, &set(&["dave"]), &nobody())).unwrap();
        world.settle();
        assert_eq!(world.member("bob").ended[&op], Ok(()), "{profile}");
        assert_eq!(world.member("dave").ended[&join], Ok(()), "{profile}");
        world.assert_agree(&ALL);
    }
}

/// Two halves are shown operations in different orders, and are merged again.
//= docs/spec/attacks.md#ATK-088
//= type=test
//= docs/spec/protocol.md#SEC-012
//= type=test
#[test]
fn two_orders_of_the_same_proposals() {
    let mut world = established(Profile::V2, &NAMES, &[]);
    for name in NAMES {
        world.members.get_mut(&id(name)).unwrap().held = true;
    }
    world.act("alice", |s, env| s.refresh(env)).unwrap();
    world.act("bob", |s, env| s.change(env, &nobody(), &set(&["carol"]))).unwrap();
    let [.., (_, first), (_, second)] = &world.packets[..] else { panic!("two proposals") };
    let (first, second) = (first.clone(), second.clone());
    // Bob and Carol see Bob's proposal first.
    for name in ["bob", "carol"] {
        world.lose(name, &first);
        world.tell(name, ChannelEvent::Packet { sender: id("alice"), bytes: first.clone() });
    }
    for name in NAMES {
        world.members.get_mut(&id(name)).unwrap().held = false;
    }
    assert!(world.packets.iter().any(|(_, bytes)| *bytes == second));
    world.settle();
    world.say("alice", "renewed?");
    world.say("bob", "without carol?");
    world.pass(in_time());
    assert!(inconsistent(&world, "alice").contains(&id("bob")));
    assert!(inconsistent(&world, "bob").contains(&id("alice")));
    for name in NAMES {
        assert_eq!(world.session(name).operation(), None, "{name}");
        assert!(!world.session(name).order_verified(), "{name}");
    }
}

/// Bob is told of somebody in the channel whom the others do not see: the same packets have other
/// identifiers for him, and that shows.
//= docs/spec/attacks.md#ATK-090
//= type=test
//= docs/spec/protocol.md#ORD-003
//= type=test
#[test]
fn a_channel_that_shows_members_different_members() {
    let mut world = established(Profile::V2, &NAMES, &[]);
    world.tell("bob", ChannelEvent::Changed { enter: set(&["eve"]), leave: nobody() });
    world.settle();
    world.act("alice", |s, env| s.refresh(env)).unwrap();
    world.settle();
    world.pass(in_time());
    let [alice, bob] = ["alice", "bob"].map(|name| world.session(name));
    assert_eq!(alice.sid(), bob.sid(), "the operation itself is not concerned");
    assert_ne!(alice.order(), bob.order());
    assert_eq!(inconsistent(&world, "alice"), set(&["bob"]));
    assert_eq!(inconsistent(&world, "bob"), set(&["alice", "carol"]));
    assert_eq!(inconsistent(&world, "carol"), set(&["bob"]));
}

/// Two packets of one sender change places on their way to one member, at every place of an
/// operation and what is said around it: it gets where the others are, or says that it is not.
//= docs/spec/attacks.md#ATK-092
//= type=test
#[test]
fn packets_of_one_sender_in_another_order() {
    let (mut same, mut told) = (0, 0);
    for profile in BOTH {
        for at in 0..24 {
            let what = format!("{profile}: {at}");
            let mut world = established(profile, &NAMES, &[]);
            world.act("alice", |s, env| s.send(env, "one")).unwrap();
            world.act("alice", |s, env| s.refresh(env)).unwrap();
            world.act("alice", |s, env| s.send(env, "two")).unwrap();
            let mut swapped = false;
            for step in 0..400 {
                if step >= at && !swapped {
                    swapped = world.swap_two_of_one_sender("bob");
                }
                world.deliver(&id(NAMES[step % 3]));
            }
            world.settle();
            world.pass_secs(400);
            for name in NAMES {
                let broken = |n: &Notice| matches!(n, Notice::InternalError { .. });
                assert!(!world.member(name).notices.iter().any(broken), "{what}: {name}");
            }
            let orders = NAMES.map(|name| world.session(name).order());
            if orders[0] == orders[1] {
                assert_eq!(world.session("bob").sid(), world.session("alice").sid(), "{what}");
                same += 1;
            } else {
                let slow = |n: &Notice| {
                    matches!(n, Notice::OperationSlow { .. } | Notice::OrderNotConfirmed { .. })
                };
                let warned = NAMES.iter().any(|name| {
                    world.member(name).notices.iter().any(slow)
                        || !world.member(name).warnings().is_empty()
                });
                assert!(warned, "{what}: nobody says anything");
                told += 1;
            }
        }
    }
    assert!(same > 10, "{same} the same, {told} told");
}

/// Every packet comes again and again, long after its time.
//= docs/spec/attacks.md#ATK-093
//= type=test
//= docs/spec/attacks.md#ATK-103
//= type=test
#[test]
fn what_was_before_an_exclusion_does_not_come_back() {
    for profile in BOTH {
        let mut world = established(profile, &NAMES, &["dave"]);
        world.act("alice", |s, env| s.change(env, &set(&["dave"]), &nobody())).unwrap();
        world.settle();
        world.say("dave", "hello");
        world.act("bob", |s, env| s.change(env, &nobody(), &set(&["dave"]))).unwrap();
        world.settle();
        world.pass_secs(200);
        let packets = world.packets.clone();
        let order = world.session("alice").order();
        let sent = world.packets.len();
        world.channel.insert(id("dave"));
        for name in NAMES {
            world.tell(name, ChannelEvent::Changed { enter: set(&["dave"]), leave: nobody() });
        }
        world.settle();
        let mut answered = Vec::new();
        for _ in 0..3 {
            for (sender, packet) in &packets {
                for name in NAMES {
                    let said = world.inject(name, &sender.to_string(), packet);
                    assert_ne!(said, Disposition::Accepted, "{profile}: {name}");
                    assert_eq!(world.session(name).operation(), None, "{profile}: {name}");
                }
            }
            answered.push(world.packets.len() - sent);
        }
        for name in NAMES {
            assert_eq!(world.session(name).order(), order, "{profile}: {name}");
            assert_eq!(world.session(name).members(), set(&NAMES), "{profile}: {name}");
        }
        // Whoever might be missing something gets it again (LIV-018), but no storm follows.
        assert!(answered[0] < packets.len(), "{profile}: {answered:?}");
        assert_eq!(answered, [answered[0]; 3], "{profile}");
    }
}

/// Whoever ends an operation is named, whatever it says, and can be excluded by one that it cannot
/// end.
//= docs/spec/attacks.md#ATK-095
//= type=test
//= docs/spec/protocol.md#ORD-044
//= type=test
#[test]
fn ending_everything_is_attributed_and_does_not_keep_anybody_in() {
    let mut world = established(Profile::V2, &NAMES, &["dave"]);
    for round in 0..3 {
        let op = world.act("alice", |s, env| s.change(env, &set(&["dave"]), &nobody())).unwrap();
        while world.session("carol").operation().is_none() {
            world.settle_one();
        }
        world.act("carol", |s, env| s.abort(env)).unwrap();
        world.settle();
        let ended = world.member("alice").ended[&op].clone();
        let by_carol = matches!(
            &ended,
            Err(OperationError::OperationFailed(FailReason::Ended { by, cause, .. }))
                if *by == id("carol") && matches!(cause, FailureCause::Aborted(_))
        );
        assert!(by_carol, "{round}: {ended:?}");
    }
    let op = world.act("alice", |s, env| s.change(env, &nobody(), &set(&["carol"]))).unwrap();
    while world.session("carol").operation().is_none() {
        world.settle_one();
    }
    assert!(world.act("carol", |s, env| s.abort(env)).is_err());
    world.settle();
    assert_eq!(world.member("alice").ended[&op], Ok(()));
    world.assert_agree(&["alice", "bob"]);
}

/// What somebody who is being excluded can do against it, at every moment of it: proposals of its
/// own, leaving, entering again. The exclusion takes place within three attempts.
//= docs/spec/attacks.md#ATK-096
//= type=test
#[test]
fn who_is_being_excluded_cannot_prevent_it() {
    for profile in BOTH {
        for moment in (0..24).step_by(3) {
            for strategy in 0..5 {
                let what = format!("{profile}: strategy {strategy} at {moment}");
                let mut world = established(profile, &NAMES, &[]);
                let mut attempts = 0;
                while world.session("alice").members().contains(&id("carol")) {
                    attempts += 1;
                    assert!(attempts <= 3, "{what}");
                    let exclude = set(&["carol"]);
                    let _ = world.act("alice", |s, env| s.change(env, &nobody(), &exclude));
                    for step in 0..moment {
                        world.deliver(&id(NAMES[step % 3]));
                    }
                    let alice = set(&["alice"]);
                    match strategy {
                        0 => drop(world.act("carol", |s, env| s.refresh(env))),
                        1 => drop(world.act("carol", |s, env| s.change(env, &nobody(), &alice))),
                        2 => drop(world.act("carol", |s, env| s.abort(env))),
                        3 => world.leave(&id("carol")),
                        _ => {
                            world.leave(&id("carol"));
                            world.enter(&id("carol"));
                        }
                    }
                    world.settle();
                    world.pass_secs(60);
                    if !world.session("bob").members().contains(&id("alice")) {
                        // She was faster, in the channel's order: that is a change like any other.
                        break;
                    }
                }
                let inside: Vec<_> = NAMES
                    .into_iter()
                    .filter(|name| world.session(name).state() == SessionState::Joined)
                    .collect();
                world.assert_agree(&inside);
            }
        }
    }
}

/// Two sessions of the same people begin with the same random value: packets of the one mean
/// nothing in the other.
//= docs/spec/attacks.md#ATK-097
//= type=test
#[test]
fn two_sessions_that_begin_alike() {
    let begin = |label: &str| {
        let mut world = World::with(&NAMES, |config| {
            config.profile(Profile::V2).session_id(label).patient_join(true)
        });
        for name in NAMES {
            world.act(name, |s, env| s.join(env)).unwrap();
            world.settle();
        }
        world
    };
    let (mut lunch, mut dinner) = (begin("lunch"), begin("dinner"));
    let [one, other] = [&lunch, &dinner].map(|world| world.session("alice").order().unwrap());
    assert_eq!(one.0, other.0, "the same random value");
    let others = set(&["bob", "carol"]);
    lunch.act("alice", |s, env| s.change(env, &others, &nobody())).unwrap();
    let (_, proposal) = lunch.packets.last().unwrap().clone();
    for name in ["bob", "carol"] {
        let said = dinner.inject(name, "alice", &proposal);
        assert!(matches!(said, Disposition::Rejected(RejectReason::Greeting(_))), "{said:?}");
        assert_eq!(dinner.session(name).operation(), None);
    }
    // And the other session can begin as if nothing had been.
    dinner.act("alice", |s, env| s.change(env, &others, &nobody())).unwrap();
    dinner.settle();
    dinner.assert_agree(&NAMES);
    lunch.settle();
    lunch.assert_agree(&NAMES);
    assert_ne!(lunch.session("alice").sid(), dinner.session("alice").sid());
}

/// A message written before the keys changed arrives after it: it belongs to where it was written,
/// and to those who were there; once that has shut down it is not taken any more.
//= docs/spec/attacks.md#ATK-101
//= type=test
//= docs/spec/attacks.md#ATK-100
//= type=test
//= docs/spec/attacks.md#ATK-181
//= type=test
#[test]
fn late_messages_belong_to_where_they_were_written() {
    for profile in BOTH {
        let mut world = established(profile, &NAMES, &[]);
        let late = ["one", "two"].map(|text| {
            let message = world.act("carol", |s, env| s.send(env, text)).unwrap();
            let (_, packet) = world.packets.last().unwrap().clone();
            world.lose("alice", &packet);
            (message, packet)
        });
        world.act("bob", |s, env| s.change(env, &nobody(), &set(&["carol"]))).unwrap();
        world.settle();
        world.assert_agree(&["alice", "bob"]);
        assert!(world.texts("alice").is_empty(), "{profile}");
        assert_eq!(world.inject("alice", "bob", &late[0].1), Disposition::Accepted, "{profile}");
        let message = world.session("alice").message(&late[0].0).unwrap();
        assert_eq!(message.members, &set(&NAMES), "{profile}: as it was sent");
        assert_ne!(Some(message.sid), world.session("alice").sid(), "{profile}");
        world.pass_secs(200);
        assert_ne!(world.inject("alice", "bob", &late[1].1), Disposition::Accepted, "{profile}");
        assert_eq!(world.texts("alice"), ["one"], "{profile}");
        // Its reader who did get it knows that not everybody has.
        assert_eq!(world.session("bob").unacked_by(&late[1].0), Some(set(&["alice"])), "{profile}");
    }
}

/// A member crashes at every moment of an operation and loses everything but its identity: to the
/// others it is one that left, and it comes in again with new keys.
//= docs/spec/attacks.md#ATK-172
//= type=test
//= docs/spec/protocol.md#ORD-008
//= type=test
#[test]
fn a_crash_at_every_moment() {
    for profile in BOTH {
        for moment in (0..30).step_by(2) {
            for who in ["alice", "bob", "dave"] {
                let what = format!("{profile}: {who} crashes after {moment} events");
                let mut world = established(profile, &NAMES, &["dave"]);
                world.act("alice", |s, env| s.change(env, &set(&["dave"]), &nobody())).unwrap();
                for step in 0..moment {
                    world.deliver(&id(ALL[step % 4]));
                }
                world.crash(who, |config| config.profile(profile).patient_join(true));
                world.settle();
                world.pass_secs(150);
                let sids: Vec<_> = ALL.iter().map(|name| world.session(name).sid()).collect();
                world.act(who, |s, env| s.join(env)).unwrap();
                world.settle();
                let host = if who == "alice" { "bob" } else { "alice" };
                for _ in 0..2 {
                    let missing = set(&ALL).difference(&world.session(host).members());
                    let _ = world.act(host, |s, env| s.change(env, &missing, &nobody()));
                    world.settle();
                    world.pass_secs(60);
                }
                world.assert_agree(&ALL);
                let new = world.session(who).sid();
                assert!(!sids.contains(&new), "{what}: new keys");
                let said = world.say(who, "what did I miss?");
                world.pass_secs(60);
                assert_eq!(world.session(host).unacked_by(&said), Some(nobody()), "{what}");
                for name in ALL {
                    let fork = |n: &Notice| {
                        matches!(n, Notice::AuthorFork { .. } | Notice::InternalError { .. })
                    };
                    assert!(!world.member(name).notices.iter().any(fork), "{what}: {name}");
                }
            }
        }
    }
}
