//! Members who find themselves in the channel without having asked for it, or cannot get out.

use mpenc::MemberSet;
use mpenc::channel::ChannelEvent;

use crate::world::{World, id, set};

#[test]
fn whoever_did_not_ask_to_enter_does_not_wait_for_ever() {
    //= docs/spec/protocol.md#ORD-034
    //= type=test
    // The channel says to all of them that they left and entered (CHN-011). Each now waits for
    // the others to include it, and none of them can.
    let names = ["alice", "bob", "carol"];
    let mut world = World::new(&names);
    world.establish(&names);
    for name in names {
        let members = set(&names);
        for event in [ChannelEvent::Left, ChannelEvent::Entered { members }] {
            let _ = world.act(name, |s, env| s.handle_input(env, event));
        }
        assert!(world.session(name).is_waiting(), "{name}");
    }
    world.pass_secs(300);
    for name in names {
        assert!(!world.session(name).is_waiting(), "{name}");
    }
}

#[test]
fn whoever_parts_does_not_wait_for_somebody_to_be_included() {
    //= docs/spec/protocol.md#SES-033
    //= type=test
    // Bob is excluded and Carol included; she never answers, and Alice, whose former session is
    // shutting down, wants to leave.
    let mut world = World::v1(&["alice", "bob", "carol"]);
    world.establish(&["alice", "bob"]);
    world.act("carol", |s, env| s.join(env)).unwrap();
    world.settle();
    world.members.get_mut(&id("carol")).unwrap().held = true;
    world.act("alice", |s, env| s.change(env, &set(&["carol"]), &set(&["bob"]))).unwrap();
    world.settle();
    assert_eq!(world.session("alice").members(), MemberSet::of(&id("alice")));
    assert!(world.session("alice").operation().is_some());
    world.act("alice", |s, env| s.part(env)).unwrap();
    world.pass_secs(200);
    assert_eq!(world.session("alice").channel_members(), None);
}
