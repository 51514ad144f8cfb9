//! What becomes of a packet, from the buffer of those no key fits to the rules of operations.

use mpenc::channel::{ChannelEvent, ChannelRequest};
use mpenc::{
    BadMessage, Disposition, FailReason, MemberSet, Notice, RejectReason, SessionState, Timing,
};
use mpenc_packet::v1::{Packet, decode};

use crate::world::{World, id, set};

const NAMES: [&str; 3] = ["alice", "bob", "carol"];

fn nobody() -> MemberSet {
    MemberSet::new()
}

fn established(names: &[&str]) -> World {
    let mut world = World::new(names);
    world.establish(names);
    world.pass_secs(60);
    world
}

fn established_v1(names: &[&str]) -> World {
    let mut world = World::v1(names);
    world.establish(names);
    world.pass_secs(60);
    world
}

fn last_packet(world: &World) -> Vec<u8> {
    world.packets.last().unwrap().1.clone()
}

#[test]
fn an_own_packet_that_we_did_not_write_is_reported_and_consumed() {
    //= docs/spec/protocol.md#MSG-011
    //= type=test
    //= docs/spec/protocol.md#TRN-012
    //= type=test
    let mut world = established(&NAMES);
    let mut twin = established(&NAMES);
    twin.say("alice", "from a copy of her keys");
    let stolen = last_packet(&twin);
    let own = Disposition::Rejected(RejectReason::Message(BadMessage::OwnUnknown));
    assert_eq!(world.inject("alice", "alice", &stolen), own);
    let report = Notice::BadMessage { author: id("alice"), reason: BadMessage::OwnUnknown };
    assert_eq!(world.member("alice").warnings(), [&report]);
    let alice = world.session("alice");
    assert_eq!((alice.undecrypted(), alice.deferred(), alice.log_len()), (0, 0, 0));
    // It is known now, whoever sends it.
    for sender in ["alice", "bob"] {
        assert_eq!(world.inject("alice", sender, &stolen), Disposition::Ignored);
    }
    assert_eq!(world.member("alice").warnings().len(), 1);
    // A packet that she did write is just a copy.
    world.say("alice", "from herself");
    let packet = last_packet(&world);
    assert_eq!(world.inject("alice", "alice", &packet), Disposition::Ignored);
}

#[test]
fn whoever_verifies_a_packet_keeps_it() {
    //= docs/spec/protocol.md#SES-009
    //= type=test
    let mut world = established(&NAMES);
    let mut twin = established(&NAMES);
    twin.say("carol", "another first");
    let fork = last_packet(&twin);
    twin.say("alice", "after it");
    let deferred = last_packet(&twin);
    world.say("carol", "first");
    assert_eq!(world.inject("bob", "alice", &deferred), Disposition::Deferred);
    assert_eq!((world.session("bob").deferred(), world.session("bob").undecrypted()), (1, 0));
    assert_eq!(world.inject("bob", "carol", &fork), Disposition::Rejected(RejectReason::Fork));
    assert_eq!(world.session("bob").undecrypted(), 0);
}

#[test]
fn nothing_is_decrypted_that_is_not_signed() {
    //= docs/spec/protocol.md#MSG-005
    //= type=test
    let mut world = established_v1(&["alice", "bob"]);
    world.act("alice", |s, env| s.send(env, "signed")).unwrap();
    let packet = last_packet(&world);
    world.lose("bob", &packet);
    world.settle();
    // Any of this would be malformed content (MSG-008), had it been looked at.
    let mut tried = 0;
    for at in (packet.len() - 120)..(packet.len() - 8) {
        let mut forged = packet.clone();
        forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
        if decode(&forged).is_ok() {
            assert_eq!(world.inject("bob", "alice", &forged), Disposition::Deferred, "{at}");
            tried += 1;
        }
    }
    assert!(tried > 50);
    assert!(world.session("bob").undecrypted() > 50, "as if no key fitted");
    assert!(world.member("bob").warnings().is_empty());
    assert_eq!(world.inject("bob", "alice", &packet), Disposition::Accepted);
}

#[test]
fn the_oldest_unreadable_packet_makes_room() {
    //= docs/spec/protocol.md#MSG-013
    //= type=test
    let mut world = established(&["alice", "bob"]);
    let mut other = established(&["alice", "carol"]);
    let capacity = Timing::default().trial_capacity(2);
    let foreign: Vec<_> = (0..=capacity)
        .map(|n| {
            other.say("alice", &n.to_string());
            last_packet(&other)
        })
        .collect();
    for packet in &foreign {
        assert_eq!(world.inject("bob", "alice", packet), Disposition::Deferred);
    }
    assert_eq!(world.session("bob").undecrypted(), capacity);
    assert_eq!(world.inject("bob", "alice", &foreign[1]), Disposition::Ignored, "still there");
    assert_eq!(world.inject("bob", "alice", &foreign[0]), Disposition::Deferred, "dropped");
    assert_eq!(world.inject("bob", "alice", &foreign[1]), Disposition::Deferred, "now dropped");
}

/// Everybody but Carol has new keys, and the final packet waits for her.
fn carol_is_behind(mut world: World) -> World {
    let last = |world: &World, name| world.session(name).order().unwrap().0;
    let before = last(&world, "alice");
    world.act("alice", |s, env| s.refresh(env)).unwrap();
    loop {
        while world.deliver(&id("alice")) || world.deliver(&id("bob")) {}
        let alice = world.session("alice");
        if last(&world, "alice") != before && alice.operation().is_none() {
            break;
        }
        assert!(world.deliver(&id("carol")));
    }
    assert_eq!(last(&world, "carol"), before);
    world
}

#[test]
fn a_packet_that_came_before_its_key_is_read_with_it() {
    //= docs/spec/protocol.md#MSG-014
    //= type=test
    let mut world = carol_is_behind(established(&NAMES));
    world.act("bob", |s, env| s.send(env, "with new keys")).unwrap();
    let packet = last_packet(&world);
    world.lose("carol", &packet);
    assert_eq!(world.inject("carol", "bob", &packet), Disposition::Deferred);
    assert_eq!(world.inject("carol", "bob", &packet), Disposition::Ignored);
    assert_eq!(world.session("carol").undecrypted(), 1);
    world.settle();
    assert_eq!(world.texts("carol"), ["with new keys"]);
    assert_eq!(world.session("carol").undecrypted(), 0);
}

#[test]
fn a_rotation_tells_its_parts_in_order() {
    //= docs/spec/protocol.md#SES-013
    //= type=test
    let mut world = carol_is_behind(established_v1(&NAMES));
    world.act("bob", |s, env| s.send(env, "with new keys")).unwrap();
    let packet = last_packet(&world);
    world.lose("carol", &packet);
    let _ = world.inject("carol", "bob", &packet);
    let before = world.member("carol").notices.len();
    while world.session("carol").order() != world.session("alice").order() {
        assert!(world.deliver(&id("carol")));
    }
    let told: Vec<_> = world.member("carol").notices[before..]
        .iter()
        .map(|notice| match notice {
            Notice::KeyRefreshed { log_position, .. } => {
                assert_eq!(*log_position, 0, "before what the new keys open");
                "refreshed"
            }
            Notice::OpStarted { .. } => "started",
            Notice::MessageReady { .. } => "message",
            Notice::OpSucceeded { .. } => "succeeded",
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, ["started", "refreshed", "message", "succeeded"]);
    // The shutdown of the old one had begun before that.
    let states: Vec<_> = world.session("carol").subsession_states().map(|(_, s)| s).collect();
    assert_eq!(
        states,
        [mpenc::session::SubsessionState::Joined, mpenc::session::SubsessionState::Parting]
    );
}

#[test]
fn greeting_packets_do_not_wait_for_keys() {
    //= docs/spec/protocol.md#SES-006
    //= type=test
    let mut world = established_v1(&NAMES);
    let other = established_v1(&["alice", "bob", "carol", "dave"]);
    let packets: Vec<_> = world.packets.iter().chain(&other.packets).cloned().collect();
    let mut tried = 0;
    for (sender, packet) in packets {
        if sender != id("dave") && matches!(decode(&packet), Ok(Packet::Greeting(_))) {
            let disposition = world.inject("bob", &sender.to_string(), &packet);
            let refused = matches!(
                disposition,
                Disposition::Rejected(RejectReason::Greeting(_) | RejectReason::Order(_))
            );
            assert!(refused, "{disposition:?}");
            assert_eq!(world.session("bob").undecrypted(), 0);
            tried += 1;
        }
    }
    assert!(tried > 6);
    assert!(world.session("bob").operation().is_none());
}

#[test]
fn who_leaves_ends_the_operation_before_who_enters_is_judged() {
    //= docs/spec/protocol.md#SES-005
    //= type=test
    let mut world = World::new(&["alice", "bob", "carol", "dave"]);
    world.establish(&["alice", "bob"]);
    world.act("carol", |s, env| s.join(env)).unwrap();
    world.settle();
    world.act("alice", |s, env| s.change(env, &set(&["carol"]), &nobody())).unwrap();
    world.deliver(&id("alice"));
    assert!(world.session("alice").operation().is_some());
    let before = world.member("alice").notices.len();
    let event = ChannelEvent::Changed { enter: set(&["dave"]), leave: set(&["carol"]) };
    let requests = world.act("alice", |s, env| {
        let _ = s.handle_input(env, event);
        core::iter::from_fn(|| s.poll_transmit()).collect::<Vec<_>>()
    });
    let told = &world.member("alice").notices[before..];
    let at = |wanted: &dyn Fn(&Notice) -> bool| told.iter().position(wanted).unwrap();
    let failed = at(
        &|notice| matches!(notice, Notice::OpFailed { reason: FailReason::MembersLeft(gone), .. } if *gone == set(&["carol"])),
    );
    let asks = at(&|notice| *notice == Notice::EnterRequest { member: id("dave") });
    assert!(failed < asks);
    // During an operation Dave would be sent away (rule EO).
    let kicks = |request: &ChannelRequest| matches!(request, ChannelRequest::Change { .. });
    assert!(!requests.iter().any(kicks), "{requests:?}");
}

#[test]
fn a_change_of_the_channel_goes_through_all_rules_in_their_order() {
    //= docs/spec/protocol.md#SES-005
    //= type=test
    let names = ["alice", "bob", "carol", "dave", "eve"];
    let mut world = World::new(&names);
    world.establish(&NAMES);
    // LS, then EAL: Carol is to be excluded before it comes back, and is no stranger then.
    world.members.get_mut(&id("bob")).unwrap().held = true;
    let before = world.member("alice").notices.len();
    let kicks = |world: &mut World, enter: &[&str], leave: &[&str]| {
        let event = ChannelEvent::Changed { enter: set(enter), leave: set(leave) };
        world.act("alice", |s, env| {
            assert_eq!(s.handle_input(env, event), Disposition::Accepted);
            let requests = core::iter::from_fn(|| s.poll_transmit());
            let kicked = requests.filter_map(|request| match request {
                ChannelRequest::Change { leave, .. } => Some(leave),
                _ => None,
            });
            kicked.fold(nobody(), |all, some| all.union(&some))
        })
    };
    let asks = |world: &World, name: &str| {
        let told = &world.member("alice").notices[before..];
        told.contains(&Notice::EnterRequest { member: id(name) })
    };
    assert_eq!(kicks(&mut world, &[], &["carol"]), nobody());
    assert!(world.session("alice").leaving_members().contains(&id("carol")));
    // ES alone does not send Dave away: no operation runs as far as Alice has seen.
    assert!(world.session("alice").operation().is_none());
    assert_eq!(kicks(&mut world, &["carol", "dave"], &[]), set(&["carol"]));
    assert!(asks(&world, "dave") && !asks(&world, "carol"));
    // The owner's own entering: whoever is there already decides (ORD-007).
    let members = set(&["alice", "bob", "eve"]);
    let entered = ChannelEvent::Entered { members };
    assert_eq!(world.act("eve", |s, env| s.handle_input(env, entered)), Disposition::Accepted);
    assert_eq!(world.session("eve").order(), None);
    let gone = ChannelEvent::Changed { enter: nobody(), leave: set(&["alice", "bob"]) };
    assert_eq!(world.act("eve", |s, env| s.handle_input(env, gone)), Disposition::Accepted);
    assert!(world.session("eve").order().is_some(), "nobody senior is left");
    // LI comes before everything else: told that it entered anew, it forgets the former channel.
    let members = set(&["bob", "eve"]);
    let again = ChannelEvent::Entered { members };
    assert_eq!(world.act("eve", |s, env| s.handle_input(env, again)), Disposition::Accepted);
    assert_eq!(world.session("eve").order(), None);
}

#[test]
fn members_after_an_operation_are_in_the_channel() {
    //= docs/spec/protocol.md#SES-014
    //= type=test
    let everybody = ["alice", "bob", "carol", "dave"];
    let mut successes = 0;
    for steps in 0..40 {
        for dropout in everybody {
            let mut world = World::new(&everybody);
            world.establish(&NAMES);
            world.act("dave", |s, env| s.join(env)).unwrap();
            world.settle();
            world.act("bob", |s, env| s.change(env, &set(&["dave"]), &nobody())).unwrap();
            for step in 0..400 {
                if step == steps {
                    world.leave(&id(dropout));
                }
                let name = everybody[step % 4];
                let before = world.member(name).notices.len();
                world.deliver(&id(name));
                let member = world.member(name);
                for notice in &member.notices[before..] {
                    let broken = matches!(notice, Notice::InternalError { .. });
                    assert!(!broken, "{dropout} after {steps}: {notice:?}");
                    if matches!(notice, Notice::OpSucceeded { .. }) {
                        let channel = member.session.channel_members().unwrap();
                        assert!(member.session.members().is_subset(channel));
                        successes += 1;
                    }
                }
            }
        }
    }
    assert!(successes > 100);
}

#[test]
fn a_former_member_leaves_before_it_is_included_again() {
    //= docs/spec/protocol.md#ORD-028
    //= type=test
    let mut world = World::new(&["alice", "bob", "carol", "dave"]);
    world.establish(&NAMES);
    world.act("dave", |s, env| s.join(env)).unwrap();
    world.settle();
    world.act("alice", |s, env| s.change(env, &nobody(), &set(&["carol"]))).unwrap();
    world.settle();
    world.act("alice", |s, env| s.change(env, &set(&["dave"]), &nobody())).unwrap();
    world.settle();
    world.assert_agree(&["alice", "bob", "dave"]);
    assert!(world.session("alice").lingering_members().contains(&id("carol")));
    // Dave was not there, and takes Carol for somebody who waits.
    world.act("dave", |s, env| s.change(env, &set(&["carol"]), &nobody())).unwrap();
    world.settle();
    assert!(!world.channel.contains(&id("carol")));
    for name in ["alice", "bob", "dave"] {
        let failed = |notice: &Notice| {
            matches!(notice, Notice::OpFailed { change, reason: FailReason::MembersLeft(gone), .. }
                if change.include == set(&["carol"]) && *gone == set(&["carol"]))
        };
        assert!(world.member(name).notices.iter().any(failed), "{name}");
    }
    world.assert_agree(&["alice", "bob", "dave"]);
}

#[test]
fn a_bystander_that_nobody_sends_away_leaves() {
    //= docs/spec/protocol.md#ORD-034
    //= type=test
    let mut world = established(&NAMES);
    world.act("alice", |s, env| s.change(env, &nobody(), &set(&["carol"]))).unwrap();
    for name in ["alice", "bob"] {
        world.members.get_mut(&id(name)).unwrap().held = true;
    }
    world.settle();
    let timing = Timing::default();
    world.pass(timing.op_timeout(0) + timing.fin_timeout());
    assert!(world.channel.contains(&id("carol")), "not yet");
    world.pass_secs(300);
    assert!(!world.channel.contains(&id("carol")));
    assert!(matches!(
        world.session("carol").state(),
        SessionState::Parted | SessionState::PartFailed
    ));
}

#[test]
fn a_bystander_is_told_of_the_operation_that_excludes_it() {
    //= docs/spec/protocol.md#SES-042
    //= type=test
    // In v1 an exclusion of all others has no part for them in the greeting.
    for profile in [mpenc::Profile::V1, mpenc::Profile::V2] {
        let mut world = World::with(&["alice", "bob"], |config| config.profile(profile));
        world.establish(&["alice", "bob"]);
        world.immovable = set(&["bob"]);
        world.act("alice", |s, env| s.change(env, &nobody(), &set(&["bob"]))).unwrap();
        world.settle();
        let seen = world.session("bob").operation().unwrap();
        assert_eq!(seen.change.exclude, set(&["bob"]), "{profile}");
    }
}
