//! A group establishes a session, talks, and everybody knows that everybody has everything.

use mpenc::{Notice, SessionState};

use crate::world::World;

#[test]
fn three_members_talk_and_everything_is_acknowledged() {
    //= docs/spec/protocol.md#LIV-014
    //= type=test
    let names = ["alice", "bob", "carol"];
    let mut world = World::new(&names);
    world.establish(&names);
    world.assert_agree(&names);
    let hello = world.say("alice", "hello");
    let hi = world.say("bob", "hi");
    for name in names {
        assert_eq!(world.texts(name), ["hello", "hi"], "{name}");
        assert_eq!(world.session(name).log_parents(&hi).unwrap(), [hello], "{name}");
        assert_eq!(world.session(name).state(), SessionState::Joined);
    }
    world.pass_secs(40);
    for name in names {
        let session = world.session(name);
        assert!(session.unacked_by(&hello).unwrap().is_empty(), "{name}");
        assert!(session.unacked_by(&hi).unwrap().is_empty(), "{name}");
        assert!(session.is_consistent());
        let acked = Notice::MessageFullyAcked { id: hi };
        assert!(world.member(name).notices.contains(&acked), "{name}");
        assert!(world.member(name).warnings().is_empty(), "{:?}", world.member(name).warnings());
    }
}
