//! What members tell each other of what must not be.

use mpenc::security::ErrorCode;
use mpenc::{BadMessage, Disposition, MemberId, Notice, Profile, RejectReason};

use crate::forge_v2::{Insider, quiet};
use crate::world::{World, id};

const NAMES: [&str; 3] = ["alice", "bob", "carol"];

/// Who told this member of errors, and of which.
fn heard(world: &World, name: &str) -> Vec<(MemberId, ErrorCode)> {
    let error = |notice: &Notice| match notice {
        Notice::ErrorReported { member, code, .. } => Some((member.clone(), *code)),
        _ => None,
    };
    world.member(name).notices.iter().filter_map(error).collect()
}

/// A session in which alice says this to bob only, and its packet.
fn says(text: &str) -> (World, Vec<u8>) {
    let mut world = World::with(&NAMES, |config| config.profile(Profile::V2));
    world.establish(&NAMES);
    world.pass_secs(40);
    world.act("alice", |session, env| session.send(env, text)).unwrap();
    let packet = world.packets.last().unwrap().1.clone();
    world.lose_once("carol", &packet);
    world.settle();
    (world, packet)
}

//= docs/spec/protocol.md#TRN-023
//= type=test
//= docs/spec/attacks.md#ATK-104
//= type=test
#[test]
fn a_fork_that_one_sees_is_seen_by_all() {
    let (_, other) = says("I love only carol");
    let (mut world, one) = says("I love only bob");
    assert_eq!(world.inject("carol", "alice", &other), Disposition::Accepted);
    let sent = world.packets.len();
    // Somehow bob gets to see the other one.
    let fork = Disposition::Rejected(RejectReason::Fork);
    assert_eq!(world.inject("bob", "alice", &other), fork);
    world.settle();
    for name in ["bob", "carol"] {
        let forks = world.member(name).notices.iter().filter(
            |notice| matches!(notice, Notice::AuthorFork { author, .. } if *author == id("alice")),
        );
        assert_eq!(forks.count(), 1, "{name}");
        assert_eq!(world.session(name).fork_evidence().len(), 1, "{name}");
        // Both, once, and nothing ever after.
        let both = world.packets[sent..].iter().filter(|(from, _)| *from == id(name));
        let both: Vec<_> = both.map(|(_, packet)| packet.clone()).collect();
        assert_eq!(both.len(), 2, "{name}");
        assert!(both.contains(&one) && both.contains(&other), "{name}");
    }
    let sent = world.packets.len();
    assert_eq!(world.inject("bob", "carol", &other), Disposition::Ignored);
    world.pass_secs(20);
    let again = |(_, packet): &&(MemberId, Vec<u8>)| *packet == one || *packet == other;
    assert_eq!(world.packets[sent..].iter().filter(again).count(), 0);
}

//= docs/spec/protocol.md#ORD-046
//= type=test
#[test]
fn one_tells_the_others_of_a_bad_message_once() {
    let mut world = quiet();
    let mut insider = Insider::of(&world, "alice", "carol");
    let heads = world.session("bob").heads().to_vec();
    let bad = Disposition::Rejected(RejectReason::Message(BadMessage::Position));
    // Both see it, and one of them tells it.
    let first = insider.message(&heads, "out of turn");
    assert_eq!(world.inject("bob", "alice", &first), bad);
    assert_eq!(world.inject("carol", "alice", &first), bad);
    world.pass_secs(10);
    let told = [(id("bob"), ErrorCode::BadMessage)];
    assert_eq!(heard(&world, "alice"), told);
    assert_eq!(heard(&world, "carol"), told);
    // Nobody answers, and more of the same author is not told.
    for _ in 0..3 {
        insider.advance();
        let heads = world.session("bob").heads().to_vec();
        let next = insider.message(&heads, "out of turn");
        assert_eq!(world.inject("bob", "alice", &next), bad);
        world.pass_secs(10);
    }
    assert_eq!(heard(&world, "alice"), told);
    assert_eq!(heard(&world, "carol"), told);
    assert_eq!(heard(&world, "bob"), []);
    assert!(world.member("carol").warnings().len() == 1);
}
