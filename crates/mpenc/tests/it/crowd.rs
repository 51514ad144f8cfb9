//! More members in the channel than a session follows (CHN-018).

use mpenc::channel::{ChannelEvent, ChannelRequest};
use mpenc::limits::MAX_CHANNEL_MEMBERS;
use mpenc::{Disposition, MemberId, MemberSet, Notice, RejectReason, Session};

use crate::world::{World, id, set};

const NAMES: [&str; 3] = ["alice", "bob", "carol"];
const FULL: Disposition = Disposition::Rejected(RejectReason::ChannelFull);

fn crowd(from: usize, to: usize) -> MemberSet {
    (from..to).map(|n| MemberId::new(format!("x{n:05}")).unwrap()).collect()
}

fn tell(world: &mut World, to: &str, enter: &MemberSet, leave: &MemberSet) -> Disposition {
    let event = ChannelEvent::Changed { enter: enter.clone(), leave: leave.clone() };
    world.act(to, |s, env| s.handle_input(env, event))
}

fn follows(session: &Session) -> usize {
    session.channel_members().map_or(0, MemberSet::len)
}

//= docs/spec/protocol.md#CHN-018
//= type=test
//= docs/spec/protocol.md#MOD-015
//= type=test
#[test]
fn no_more_than_so_many_are_followed() {
    let nobody = MemberSet::new();
    let mut world = World::new(&NAMES);
    world.establish(&NAMES);
    let room = MAX_CHANNEL_MEMBERS - NAMES.len();
    for name in NAMES {
        world.members.get_mut(&id(name)).unwrap().notices.clear();
        assert_eq!(tell(&mut world, name, &crowd(0, room), &nobody), Disposition::Accepted);
        let knocks = |n: &&Notice| matches!(n, Notice::EnterRequest { .. });
        assert_eq!(world.member(name).notices.iter().filter(knocks).count(), room);
        assert_eq!(tell(&mut world, name, &crowd(room, room + 5), &nobody), FULL, "{name}");
        assert_eq!(follows(world.session(name)), MAX_CHANNEL_MEMBERS);
        // The sender is not followed.
        let packet = world.inject(name, &format!("x{room:05}"), b"?");
        assert_eq!(packet, Disposition::Rejected(RejectReason::SenderNotInChannel));
        // Two of those that are not followed leave, then one of each.
        let two = crowd(room, room + 2);
        assert_eq!(tell(&mut world, name, &nobody, &two), Disposition::Ignored);
        let mixed = crowd(0, 1).union(&crowd(room + 2, room + 3));
        assert_eq!(tell(&mut world, name, &nobody, &mixed), Disposition::Accepted);
        assert_eq!(follows(world.session(name)), MAX_CHANNEL_MEMBERS - 1);
        // There is room for one, not for two; what leaves in the same event makes room first.
        assert_eq!(tell(&mut world, name, &crowd(8000, 8002), &nobody), FULL);
        assert_eq!(tell(&mut world, name, &crowd(8000, 8002), &crowd(1, 2)), Disposition::Accepted);
        assert_eq!(follows(world.session(name)), MAX_CHANNEL_MEMBERS);
        assert_eq!(
            tell(&mut world, name, &crowd(9000, 9002), &crowd(2, 3)),
            Disposition::Accepted,
            "it leaves, whoever else enters"
        );
        assert_eq!(follows(world.session(name)), MAX_CHANNEL_MEMBERS - 1);
        // Nobody can leave who never entered.
        let too_many = crowd(10_000, 10_007);
        let impossible = Disposition::Rejected(RejectReason::Impossible);
        assert_eq!(tell(&mut world, name, &nobody, &too_many), impossible);
    }
    // All follow the same, and go on.
    world.act("bob", |s, env| s.refresh(env)).unwrap();
    world.settle();
    world.assert_agree(&NAMES);
    world.say("alice", "quite a crowd");
    for name in NAMES {
        assert_eq!(world.texts(name), ["quite a crowd"], "{name}");
        assert!(world.member(name).warnings().is_empty(), "{name}");
    }
}

//= docs/spec/protocol.md#CHN-018
//= type=test
#[test]
fn who_finds_a_crowd_does_not_stay() {
    let mut world = World::new(&NAMES);
    world.establish(&["alice", "bob"]);
    world.unheard.insert(id("carol"), usize::MAX);
    world.act("carol", |s, env| s.join(env)).unwrap();
    let entered = |members: MemberSet| ChannelEvent::Entered { members };
    let many = crowd(0, MAX_CHANNEL_MEMBERS);
    let event = entered(many.clone());
    assert_eq!(world.act("carol", |s, env| s.handle_input(env, event)), FULL);
    assert_eq!(world.requests.last(), Some(&(id("carol"), ChannelRequest::Leave)));
    assert_eq!(world.session("carol").channel_members(), None);
    let event = entered(crowd(0, MAX_CHANNEL_MEMBERS - 1));
    let _ = world.act("carol", |s, env| s.handle_input(env, event));
    assert_eq!(follows(world.session("carol")), MAX_CHANNEL_MEMBERS);
    // Who is in the channel and has to enter again has lost it (CHN-011).
    let event = entered(many);
    let disposition = world.act("carol", |s, env| s.handle_input(env, event));
    assert_eq!(disposition, Disposition::Accepted);
    assert_eq!(world.session("carol").channel_members(), None);
    assert_eq!(world.session("alice").members(), set(&["alice", "bob"]));
}
