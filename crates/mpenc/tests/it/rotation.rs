//! What a completed operation does, part by part (SES-013).

use mpenc::channel::{ChannelEvent, ChannelRequest};
use mpenc::session::SubsessionState;
use mpenc::{Disposition, MemberSet, Notice, OperationId, Profile};
use mpenc_packet::v1::{Packet, decode};

use crate::world::{World, id, set};

/// `alice` excludes `carol` while `dave` waits to be included by itself; before her, `bob` has
/// the new keys, and what he writes with them is with her already. Everything up to the event
/// that completes it for her has been delivered.
fn about_to_complete() -> (World, OperationId, ChannelEvent) {
    let names = ["alice", "bob", "carol", "dave"];
    let mut world = World::with(&names, |config| config.auto_include(true).profile(Profile::V1));
    world.act("alice", |s, env| s.join(env)).unwrap();
    for name in ["bob", "carol"] {
        world.settle();
        world.act(name, |s, env| s.join(env)).unwrap();
    }
    world.settle();
    world.pass_secs(100);
    assert_eq!(world.session("alice").members(), set(&["alice", "bob", "carol"]));
    world.members.get_mut(&id("alice")).unwrap().held = true;
    let exclude = set(&["carol"]);
    let op = world.act("alice", |s, env| s.change(env, &MemberSet::new(), &exclude)).unwrap();
    world.settle();
    // Bob's confirmation completes it.
    let (sender, last) = world
        .packets
        .iter()
        .rev()
        .find(|(_, packet)| matches!(decode(packet), Ok(Packet::Greeting(_))))
        .unwrap()
        .clone();
    assert_eq!(sender, id("bob"));
    assert_eq!(world.session("bob").members(), set(&["alice", "bob"]));
    world.act("bob", |s, env| s.send(env, "only for you")).unwrap();
    let (_, early) = world.packets.last().unwrap().clone();
    // Alice gets everything but the last confirmation, and Bob's message before it.
    world.lose("alice", &last);
    world.lose("alice", &early);
    while world.deliver(&id("alice")) {}
    assert!(world.session("alice").operation().is_some());
    // Dave enters, and nobody carries out that he is to leave again for now (rule EO).
    world.act("alice", |s, env| {
        let (enter, leave) = (set(&["dave"]), MemberSet::new());
        let event = ChannelEvent::Changed { enter, leave };
        assert_eq!(s.handle_input(env, event), Disposition::Accepted);
        while s.poll_transmit().is_some() {}
    });
    assert_eq!(world.inject("alice", "bob", &early), Disposition::Deferred);
    assert_eq!(world.session("alice").undecrypted(), 1);
    (world, op, ChannelEvent::Packet { sender, bytes: last })
}

#[test]
fn everything_happens_in_its_order() {
    //= docs/spec/protocol.md#SES-013
    //= type=test
    let (mut world, op, event) = about_to_complete();
    let old = world.session("alice").sid().unwrap();
    let at_first = world.session("alice").metadata_authenticated();
    let (mut sent, mut told) = (Vec::new(), Vec::new());
    world.act("alice", |s, env| {
        assert_eq!(s.handle_input(env, event), Disposition::Accepted);
        while let Some(request) = s.poll_transmit() {
            sent.push(request);
        }
        while let Some(notice) = s.poll_notice() {
            told.push(notice);
        }
        // Tasks are reconsidered when the other calls have been made, too.
        assert_eq!(s.metadata_authenticated(), Some(true), "before: {at_first:?}");
        assert_eq!(s.leaving_members(), &MemberSet::new(), "excluded, not to be excluded");
        assert_eq!(s.lingering_members(), &set(&["carol"]));
        let states: Vec<_> = s.subsession_states().collect();
        assert_eq!(states[0].1, SubsessionState::Joined);
        assert_eq!((states[1].0, states[1].1), (old, SubsessionState::Parting));
    });
    let what: Vec<_> = told
        .iter()
        .map(|notice| match notice {
            Notice::MembersChanged { exclude, log_position: 0, .. } => {
                assert_eq!(*exclude, set(&["carol"]));
                "members"
            }
            Notice::MessageReady { .. } => "message kept for the new keys",
            Notice::OpSucceeded { .. } => "success",
            Notice::OpProposed { change } => {
                assert_eq!(change.include, set(&["dave"]));
                "task"
            }
            Notice::OperationEnded { id, result: Ok(()) } if *id == op => "own request",
            other => panic!("{other:?}"),
        })
        .collect();
    let expected = ["members", "message kept for the new keys", "success", "task", "own request"];
    assert_eq!(what, expected);
    // The old subsession's farewell goes out under the old keys, before anything else.
    let kinds: Vec<_> = sent
        .iter()
        .map(|request| match request {
            ChannelRequest::Send { recipients, bytes } => match decode(bytes) {
                Ok(Packet::Data(_)) => {
                    assert_eq!(*recipients, set(&["bob", "carol"]));
                    "farewell"
                }
                Ok(Packet::Greeting(_)) => "proposal",
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(kinds, ["farewell", "proposal"]);
}
