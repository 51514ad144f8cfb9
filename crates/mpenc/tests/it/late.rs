//! Packets that come late, twice, altered, or not at all.

use mpenc::{Disposition, MemberSet, Notice, Profile, RejectReason};
use mpenc_packet::v2::DataPacket;

use crate::world::{World, id, set};

fn data_packet(world: &World, back: usize) -> (mpenc::MemberId, Vec<u8>) {
    world.packets[world.packets.len() - back].clone()
}

/// Alice's two messages reach Bob in the wrong order.
#[test]
fn a_message_waits_for_its_ancestors() {
    //= docs/spec/protocol.md#UIX-007
    //= type=test
    //= docs/spec/protocol.md#SES-040
    //= type=test
    //= docs/spec/protocol.md#TRN-014
    //= type=test
    //= docs/spec/protocol.md#TRN-020
    //= type=test
    //= docs/spec/protocol.md#TRN-021
    //= type=test
    //= docs/spec/attacks.md#ATK-106
    //= type=test
    let mut world = World::new(&["alice", "bob"]);
    world.establish(&["alice", "bob"]);
    world.pass_secs(60);
    // Sent into a channel that does not carry them.
    let channel = std::mem::take(&mut world.channel);
    world.say("alice", "first");
    world.say("alice", "second");
    world.channel = channel;
    // World drops packets of non-members, so take them from a second run with the same seeds.
    let mut twin = World::new(&["alice", "bob"]);
    twin.establish(&["alice", "bob"]);
    twin.pass_secs(60);
    twin.say("alice", "first");
    let (_, first) = data_packet(&twin, 1);
    twin.say("alice", "second");
    let (_, second) = data_packet(&twin, 1);

    // Alice does not hear that she is asked for the first.
    world.members.get_mut(&id("alice")).unwrap().held = true;
    assert_eq!(world.inject("bob", "alice", &second), Disposition::Deferred);
    assert!(world.texts("bob").is_empty());
    assert_eq!(world.session("bob").deferred(), 1);
    assert_eq!(world.inject("bob", "alice", &second), Disposition::Ignored, "a copy");
    world.pass_secs(6);
    assert!(
        matches!(world.member("bob").warnings()[..], [Notice::NotAccepted { .. }]),
        "{:?}",
        world.member("bob").warnings()
    );
    assert_eq!(world.inject("bob", "alice", &first), Disposition::Accepted);
    assert_eq!(world.texts("bob"), ["first", "second"]);
    let resolved = |n: &Notice| matches!(n, Notice::NotAcceptedResolved { .. });
    assert!(world.member("bob").notices.iter().any(resolved));
}

#[test]
fn copies_and_forgeries_have_no_effect() {
    //= docs/spec/protocol.md#MSG-010
    //= type=test
    //= docs/spec/protocol.md#TRN-024
    //= type=test
    let mut world = World::new(&["alice", "bob", "carol"]);
    world.establish(&["alice", "bob", "carol"]);
    world.say("alice", "once");
    let (_, packet) = data_packet(&world, 1);
    assert_eq!(world.inject("bob", "alice", &packet), Disposition::Ignored);
    // Resent by somebody else: still alice's message.
    assert_eq!(world.inject("bob", "carol", &packet), Disposition::Ignored);
    assert_eq!(world.texts("bob"), ["once"]);
    // Every position of the packet altered: never accepted.
    for at in 0..packet.len() {
        let mut forged = packet.clone();
        forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
        let disposition = world.inject("bob", "alice", &forged);
        let harmless = matches!(
            disposition,
            Disposition::Rejected(_) | Disposition::Deferred | Disposition::Ignored
        );
        assert!(harmless, "{at}: {disposition:?}");
    }
    assert_eq!(world.texts("bob"), ["once"]);
    assert!(world.session("bob").undecrypted() <= 72, "bounded");
}

#[test]
fn foreign_packets_are_reported_once() {
    // ATK-154
    //= docs/spec/protocol.md#SES-007
    //= type=test
    let mut world = World::new(&["alice", "bob"]);
    world.establish(&["alice", "bob"]);
    for _ in 0..3 {
        assert_eq!(
            world.inject("bob", "alice", b"hello in the clear"),
            Disposition::Rejected(RejectReason::Unrecognised)
        );
    }
    assert!(world.texts("bob").is_empty());
    let reported = Notice::Unrecognised { sender: id("alice") };
    assert_eq!(world.member("bob").notices.iter().filter(|n| **n == reported).count(), 1);
    assert_eq!(
        world.inject("bob", "mallory", b"?mpENC:AAAA."),
        Disposition::Rejected(RejectReason::SenderNotInChannel)
    );
    let huge = vec![b'A'; mpenc::limits::MAX_PACKET_LEN + 1];
    assert_eq!(world.inject("bob", "alice", &huge), Disposition::Rejected(RejectReason::TooLarge));
}

/// A message of the old subsession arrives after the new one has begun, and the new one's
/// messages refer to it: they wait for it (TRN-037).
#[test]
fn a_new_subsession_waits_for_the_context_it_names() {
    //= docs/spec/protocol.md#TRN-037
    //= type=test
    let names = ["alice", "bob", "carol"];
    let mut world = World::new(&names);
    world.establish(&names);
    world.pass_secs(60);
    let old = world.act("alice", |s, env| s.send(env, "old")).unwrap();
    let position = world.packets.len() - 1;
    let (_, late) = world.packets[position].clone();
    // Carol's copy is lost; everything else goes its way.
    world.lose("carol", &late);
    world.settle();
    world.act("alice", |s, env| s.refresh(env)).unwrap();
    world.settle();
    let new = world.say("bob", "new");
    assert_eq!(world.texts("alice"), ["old", "new"]);
    assert!(world.texts("carol").is_empty(), "withheld: {:?}", world.texts("carol"));
    assert_eq!(world.inject("carol", "alice", &late), Disposition::Accepted);
    world.settle();
    assert_eq!(world.texts("carol"), ["old", "new"]);
    for name in names {
        assert_eq!(world.session(name).log_parents(&new).unwrap(), [old], "{name}");
    }
}

/// The same, but the old message never comes.
#[test]
fn a_context_that_never_comes_is_reported() {
    let names = ["alice", "bob", "carol"];
    let mut world = World::new(&names);
    world.establish(&names);
    world.pass_secs(60);
    world.act("alice", |s, env| s.send(env, "old")).unwrap();
    let (_, late) = data_packet(&world, 1);
    world.lose("carol", &late);
    world.settle();
    world.act("alice", |s, env| s.refresh(env)).unwrap();
    world.settle();
    world.say("bob", "new");
    world.pass_secs(300);
    assert_eq!(world.texts("carol"), ["new"]);
    let incomplete = |n: &Notice| matches!(n, Notice::ContextIncomplete { .. });
    assert!(world.member("carol").notices.iter().any(incomplete));
    assert!(!world.session("alice").is_consistent(), "carol never had it");
}

#[test]
fn the_longest_text_fits_and_one_byte_more_does_not() {
    //= docs/spec/protocol.md#MSG-007
    //= type=test
    let mut world = World::v1(&["alice", "bob"]);
    world.establish(&["alice", "bob"]);
    world.pass_secs(100);
    let heads = world.session("alice").heads().len();
    // 32 766 bytes hold 24 for each parent, 4 of record header, kind, brackets and quotes.
    let room = 32_766 - 24 * heads - 4 - 5;
    let longest = "x".repeat(room);
    assert!(world.act("alice", |s, env| s.send(env, &format!("{longest}y"))).is_err());
    world.say("alice", &longest);
    assert_eq!(world.texts("bob"), [longest]);
}

/// What is written at the same time may stand in another order on each member's screen; what
/// answers something never stands before it.
//= docs/spec/attacks.md#ATK-122
//= type=test
//= docs/spec/attacks.md#ATK-196
//= type=test
#[test]
fn orders_may_differ_but_an_answer_comes_after_what_it_answers() {
    let names = ["alice", "bob", "carol", "dave"];
    let mut world = World::new(&names);
    world.establish(&names);
    world.pass_secs(60);
    let start = world.packets.len();
    let hold = |world: &mut World, name: &str, held| {
        world.members.get_mut(&id(name)).unwrap().held = held;
    };
    names.iter().for_each(|name| hold(&mut world, name, true));
    let one = world.act("alice", |s, env| s.send(env, "one")).unwrap();
    let two = world.act("bob", |s, env| s.send(env, "two")).unwrap();
    hold(&mut world, "carol", false);
    world.settle();
    let three = world.act("carol", |s, env| s.send(env, "three")).unwrap();
    // To Dave the channel shows everything the other way round.
    let packets = world.packets[start..].to_vec();
    assert_eq!(packets.len(), 3);
    packets.iter().for_each(|(_, packet)| world.lose("dave", packet));
    for (at, (sender, packet)) in packets.iter().rev().enumerate() {
        let _ = world.inject("dave", &sender.to_string(), packet);
        assert_eq!(world.texts("dave").len(), [0, 1, 3][at], "the answer waits for both");
    }
    names.iter().for_each(|name| hold(&mut world, name, false));
    world.settle();
    for (name, first) in [("alice", one), ("bob", two), ("carol", one), ("dave", two)] {
        let session = world.session(name);
        let second = if first == one { two } else { one };
        assert_eq!(session.log().collect::<Vec<_>>(), [first, second, three], "{name}");
        assert_eq!(session.log_parents(&three).unwrap(), [first, second], "{name}");
        for (earlier, later) in [(one, two), (two, one), (three, one), (three, two)] {
            assert_eq!(session.is_before(&earlier, &later), Some(false), "{name}");
        }
    }
}

/// Everything that was said before somebody left, once more after it has come back.
//= docs/spec/attacks.md#ATK-118
//= type=test
#[test]
fn what_was_said_before_a_member_left_is_not_said_again() {
    let names = ["alice", "bob", "carol"];
    let nobody = MemberSet::new();
    for profile in [Profile::V1, Profile::V2] {
        let mut world = World::with(&names, |config| config.profile(profile));
        world.establish(&names);
        world.pass_secs(60);
        world.say("carol", "one");
        world.say("alice", "two");
        world.pass_secs(60);
        let old = world.packets.clone();
        let carol = set(&["carol"]);
        world.act("alice", |s, env| s.change(env, &nobody, &carol)).unwrap();
        world.settle();
        world.pass_secs(120);
        world.act("bob", |s, env| s.change(env, &carol, &nobody)).unwrap();
        world.settle();
        world.act("carol", |s, env| s.join(env)).unwrap();
        world.settle();
        world.assert_agree(&names);
        world.say("carol", "three");
        world.pass_secs(60);
        let texts = names.map(|name| world.texts(name));
        let order = world.session("alice").order();
        for (sender, packet) in &old {
            for name in names.into_iter().filter(|name| id(name) != *sender) {
                let disposition = world.inject(name, &sender.to_string(), packet);
                let greeting = DataPacket::decode(packet).is_err() && profile == Profile::V2;
                assert!(greeting || disposition != Disposition::Accepted, "{profile}: {name}");
            }
        }
        world.settle();
        world.pass_secs(60);
        assert_eq!(names.map(|name| world.texts(name)), texts, "{profile}");
        assert_eq!(world.session("alice").order(), order, "{profile}");
        world.assert_agree(&names);
    }
}
