//! Members who find themselves in the channel without having asked for it.

use mpenc::channel::ChannelEvent;

use crate::world::{World, set};

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
