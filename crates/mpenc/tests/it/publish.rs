//! Keys that are published when a subsession has ended, so that anybody could have written what
//! was written in it (decision 0029).

use mpenc::{
    BodyKind, Disposition, MemberId, MemberSet, MessageId, Notice, Profile, RejectReason,
    SubsessionId,
};
use mpenc_packet::v2::PublicationPacket;

use crate::forge_v2::Insider;
use crate::world::{World, id, set};

const NAMES: [&str; 3] = ["alice", "bob", "carol"];

/// A session of these, of whom some publish their keys.
fn session_of(names: &[&str], publishers: &[&str]) -> World {
    let mut world = World::with(names, |config| config.profile(Profile::V2));
    for name in publishers {
        world.crash(name, |config| config.profile(Profile::V2).publish_keys(true));
    }
    world.establish(names);
    world.say(names[0], "for nobody else");
    world.pass_secs(40);
    world
}

fn refresh(world: &mut World, name: &str) {
    world.act(name, |session, env| session.refresh(env)).unwrap();
    world.settle();
}

/// The packets with which keys were published, and who sent them.
fn publications(world: &World) -> Vec<(MemberId, PublicationPacket)> {
    let decoded = |(from, bytes): &(MemberId, Vec<u8>)| {
        Some((from.clone(), PublicationPacket::decode(bytes).ok()?))
    };
    world.packets.iter().filter_map(decoded).collect()
}

/// Whose keys of which subsession this member knows to be public.
fn told(world: &World, name: &str) -> Vec<(MemberId, SubsessionId)> {
    let published = |notice: &Notice| match notice {
        Notice::KeyPublished { member, sid } => Some((member.clone(), *sid)),
        _ => None,
    };
    let mut told: Vec<_> = world.member(name).notices.iter().filter_map(published).collect();
    told.sort_unstable();
    told
}

/// Whether the member still has the seed of a key.
fn has(world: &World, name: &str, seed: &[u8; 32]) -> bool {
    world.session(name).reveal().iter().any(|one| one.bytes.as_slice() == seed)
}

fn closed(world: &World, name: &str, of: &SubsessionId) -> Option<bool> {
    world.member(name).notices.iter().find_map(|notice| match notice {
        Notice::SubsessionClosed { sid, consistent } if sid == of => Some(*consistent),
        _ => None,
    })
}

/// What a member wrote in a subsession and not everybody has, with repetitions.
fn written(world: &World, name: &str, sid: &SubsessionId) -> Vec<MessageId> {
    let session = world.session(name);
    let own = world.packets.iter().filter(|(from, _)| *from == id(name));
    let found = own.filter_map(|(_, bytes)| session.rewrite(bytes, |_, _, _| {}));
    found.filter(|one| one.sid == *sid).map(|one| one.genuine).collect()
}

//= docs/spec/v2.md#V2-029
//= type=test
//= docs/spec/protocol.md#FIN-021
//= type=test
#[test]
fn everybody_publishes_when_everybody_has_closed() {
    for names in [&NAMES[..2], &NAMES[..]] {
        let mut world = session_of(names, names);
        let sid = world.session("alice").sid().unwrap();
        refresh(&mut world, "bob");
        world.pass_secs(30);
        let all: Vec<_> = names.iter().map(|name| (id(name), sid)).collect();
        for name in names {
            assert_eq!(told(&world, name), all, "{name}");
            assert_eq!(closed(&world, name, &sid), Some(true), "{name}");
            assert_eq!(world.member(name).warnings(), Vec::<&Notice>::new(), "{name}");
        }
        let published = publications(&world);
        assert_eq!(published.len(), names.len());
        for (from, packet) in published {
            assert_eq!((packet.sid, Some(packet.place as usize)), (sid, place(names, &from)));
            assert!(!has(&world, names[usize::from(packet.place)], &packet.seed));
        }
        // The conversation goes on, with other keys.
        world.say("alice", "next");
        world.pass_secs(40);
        assert_eq!(publications(&world).len(), names.len());
        world.assert_agree(names);
    }
}

fn place(names: &[&str], member: &MemberId) -> Option<usize> {
    names.iter().position(|name| id(name) == *member)
}

#[test]
fn one_can_publish_alone() {
    let mut world = session_of(&NAMES, &["bob"]);
    let sid = world.session("alice").sid().unwrap();
    refresh(&mut world, "alice");
    world.pass_secs(30);
    for name in NAMES {
        assert_eq!(told(&world, name), [(id("bob"), sid)], "{name}");
        assert_eq!(closed(&world, name, &sid), Some(true), "{name}");
    }
}

#[test]
fn nobody_publishes_unasked_or_in_v1() {
    for profile in [Profile::V1, Profile::V2] {
        let on = profile == Profile::V1;
        let mut world = World::with(&NAMES, |config| config.profile(profile).publish_keys(on));
        world.establish(&NAMES);
        refresh(&mut world, "alice");
        world.pass_secs(120);
        assert_eq!(publications(&world), []);
        assert_eq!(told(&world, "alice"), []);
    }
}

/// Keys of that subsession will not be published: how it ended is no reason to wait.
fn assert_destroyed(world: &World, name: &str, seed: &[u8; 32], sid: &SubsessionId) {
    assert_eq!(publications(world), []);
    assert!(!has(world, name, seed));
    assert!(closed(world, name, sid).is_some());
}

//= docs/spec/attacks.md#ATK-159
//= type=test
//= docs/spec/protocol.md#FIN-023
//= type=test
//= docs/spec/protocol.md#FIN-024
//= type=test
#[test]
fn without_everybodys_word_the_key_is_destroyed() {
    for heard in [false, true] {
        let mut world = session_of(&NAMES, &["alice"]);
        let sid = world.session("alice").sid().unwrap();
        let seed = Insider::of(&world, "alice", "bob").seed();
        refresh(&mut world, "bob");
        // From now on nothing reaches carol. What she has, she acknowledges.
        world.members.get_mut(&id("carol")).unwrap().held = true;
        world.pass_secs(60);
        assert!(close_of(&world, "alice", &sid).is_some());
        assert_eq!(publications(&world), []);
        assert!(has(&world, "alice", &seed));
        if heard {
            world.members.get_mut(&id("carol")).unwrap().held = false;
            world.pass_secs(5);
            assert_eq!(publications(&world).len(), 1);
        }
        world.pass_secs(20);
        assert_eq!(publications(&world).len(), usize::from(heard));
        if !heard {
            assert_destroyed(&world, "alice", &seed, &sid);
        }
    }
}

/// The `Close` of a member, as long as not everybody has it.
fn close_of(world: &World, name: &str, sid: &SubsessionId) -> Option<MessageId> {
    let written = written(world, name, sid);
    written.into_iter().find(|id| world.session(name).kind(id) == Some(BodyKind::Close))
}

#[test]
fn nobody_waits_for_the_word_of_the_excluded() {
    let mut world = session_of(&NAMES, &NAMES);
    let sid = world.session("alice").sid().unwrap();
    let seed = Insider::of(&world, "alice", "bob").seed();
    let carol = set(&["carol"]);
    world.act("alice", |s, env| s.change(env, &MemberSet::new(), &carol)).unwrap();
    world.settle();
    world.pass_secs(8);
    assert_eq!(world.channel, set(&["alice", "bob"]));
    assert_destroyed(&world, "alice", &seed, &sid);
}

#[test]
fn who_parts_publishes_before_it_leaves() {
    let mut world = session_of(&NAMES, &NAMES);
    let sid = world.session("alice").sid().unwrap();
    world.act("carol", mpenc::Session::part).unwrap();
    world.settle();
    world.pass_secs(30);
    assert_eq!(world.channel, set(&["alice", "bob"]));
    assert_eq!(world.member("carol").ended.values().last(), Some(&Ok(())));
    let all: Vec<_> = NAMES.iter().map(|name| (id(name), sid)).collect();
    for name in NAMES {
        assert_eq!(told(&world, name), all, "{name}");
    }
}

//= docs/spec/protocol.md#FIN-022
//= type=test
#[test]
fn what_a_published_key_signs_is_refused() {
    let mut world = session_of(&NAMES, &["alice"]);
    let sid = world.session("alice").sid().unwrap();
    let mut forger = Insider::of(&world, "alice", "bob");
    refresh(&mut world, "bob");
    world.pass_secs(2);
    let close = close_of(&world, "alice", &sid).unwrap();
    assert_eq!(publications(&world), []);
    world.pass_secs(1);
    let published = publications(&world);
    assert_eq!(published.len(), 1);
    assert_eq!(published[0].1.seed, forger.seed());
    // Anybody in it can write in her name now: in the place of what she wrote last, and after it.
    let refused = Disposition::Rejected(RejectReason::Closed);
    let before = world.member("bob").notices.len();
    let mut found = Vec::new();
    for _ in 0..6 {
        let forged = forger.message(&[close], "she never said that");
        // Who sends it does not matter, and the second time it is a copy.
        found.push(world.inject("bob", "carol", &forged));
        assert_eq!(world.inject("bob", "alice", &forged), Disposition::Ignored);
        forger.advance();
    }
    // What everybody has has no place any more.
    let after = found.iter().position(|one| *one == refused).unwrap();
    assert!((1..5).contains(&after), "{found:?}");
    assert!(found[..after].iter().all(|one| *one == Disposition::Ignored), "{found:?}");
    assert!(found[after..].iter().all(|one| *one == refused), "{found:?}");
    // It is not shown, proves nothing against her, and ends nothing.
    assert_eq!(world.member("bob").notices.len(), before);
    assert_eq!(world.session("bob").fork_evidence().len(), 0);
    world.pass_secs(30);
    assert_eq!(closed(&world, "bob", &sid), Some(true));
    assert_eq!(world.texts("bob"), ["for nobody else"]);
    world.assert_agree(&NAMES);
}

//= docs/spec/attacks.md#ATK-160
//= type=test
//= docs/spec/protocol.md#FIN-025
//= type=test
#[test]
fn a_key_that_is_stolen_and_shown_counts_for_nothing() {
    let mut world = session_of(&NAMES, &[]);
    let sid = world.session("alice").sid().unwrap();
    let forger = Insider::of(&world, "alice", "bob");
    let packet = |place, seed| PublicationPacket { sid, place, seed }.to_wire();
    // Whoever shows another one shows nothing.
    let other = [7; 32];
    for wrong in [packet(0, other), packet(1, forger.seed()), packet(3, forger.seed())] {
        assert_eq!(world.inject("bob", "carol", &wrong), Disposition::Ignored);
    }
    let elsewhere = PublicationPacket { sid: [7; 32].into(), place: 0, seed: forger.seed() };
    assert_eq!(world.inject("bob", "carol", &elsewhere.to_wire()), Disposition::Ignored);
    assert_eq!(told(&world, "bob"), []);
    // A message of hers waits at bob for another.
    let missing = [[9; 32].into()];
    let waiting = forger.message(&missing, "out of nowhere");
    assert_eq!(world.inject("bob", "alice", &waiting), Disposition::Deferred);
    let right = packet(0, forger.seed());
    assert_eq!(world.inject("bob", "carol", &right), Disposition::Accepted);
    assert_eq!(world.inject("bob", "alice", &right), Disposition::Ignored);
    assert_eq!(told(&world, "bob"), [(id("alice"), sid)]);
    assert_eq!(world.session("bob").deferred(), 0);
    // The real one is told as well, and cannot do anything about it but renew the keys.
    assert_eq!(world.inject("alice", "carol", &right), Disposition::Accepted);
    assert_eq!(told(&world, "alice"), [(id("alice"), sid)]);
    world.act("alice", |session, env| session.send(env, "is it me?")).unwrap();
    let (_, hers) = world.packets.last().unwrap().clone();
    world.lose_once("bob", &hers);
    let refused = Disposition::Rejected(RejectReason::Closed);
    assert_eq!(world.inject("bob", "alice", &hers), refused);
    assert_eq!(world.texts("bob"), ["for nobody else"]);
    // Her key can be trusted no more, so the others go on without it.
    world.pass_secs(5);
    assert_eq!(world.session("bob").members(), set(&["bob", "carol"]));
}

#[test]
fn a_key_can_come_when_its_subsession_has_ended() {
    let mut world = session_of(&NAMES, &[]);
    let sid = world.session("alice").sid().unwrap();
    let seed = Insider::of(&world, "alice", "bob").seed();
    refresh(&mut world, "alice");
    world.pass_secs(20);
    assert_eq!(closed(&world, "bob", &sid), Some(true));
    let wrong = PublicationPacket { sid, place: 1, seed }.to_wire();
    assert_eq!(world.inject("bob", "carol", &wrong), Disposition::Ignored);
    let right = PublicationPacket { sid, place: 0, seed }.to_wire();
    assert_eq!(world.inject("bob", "carol", &right), Disposition::Accepted);
    assert_eq!(world.inject("bob", "carol", &right), Disposition::Ignored);
    assert_eq!(told(&world, "bob"), [(id("alice"), sid)]);
    // Later nobody remembers what it could be.
    world.pass_secs(100);
    refresh(&mut world, "alice");
    world.pass_secs(100);
    assert_eq!(told(&world, "bob"), [(id("alice"), sid)]);
}
