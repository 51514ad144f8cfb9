//! What somebody outside took for the past of others, and believes again some time later.

use mpenc::{Disposition, MemberSet, Profile, RejectReason};

use crate::world::{World, id, set};

const ALL: [&str; 4] = ["alice", "bob", "carol", "dave"];

/// Alice and bob have a session; carol and dave are in the channel and wait.
fn waiting() -> World {
    let mut world = World::with(&ALL, |config| config.profile(Profile::V2).patient_join(true));
    world.establish(&ALL[..2]);
    // Patiently: others give up before this takes so long.
    for name in &ALL[2..] {
        world.act(name, |s, env| s.join(env)).unwrap();
    }
    world.settle();
    world
}

fn include(world: &mut World, whom: &str) {
    let nobody = MemberSet::new();
    world.act("alice", |s, env| s.change(env, &set(&[whom]), &nobody)).unwrap();
}

/// A proposal that includes carol, which nobody in the session ever sees, makes dave refuse
/// everything that follows the same operation; but not for ever, because it may have been a lie of
/// the channel's, and nothing else would end that.
//= docs/spec/v2.md#V2-030
//= type=test
//= docs/spec/protocol.md#ORD-011
//= type=test
#[test]
fn what_was_refused_for_a_proposal_of_others_is_believed_after_a_while() {
    // ATK-077
    // The same session, up to here and byte for byte, in which alice did propose it.
    let mut other = waiting();
    include(&mut other, "carol");
    let (_, proposal) = other.packets.last().unwrap().clone();

    for (wait, believed) in [(0, false), (60, true)] {
        let mut world = waiting();
        let disposition = world.inject("dave", "alice", &proposal);
        assert!(
            matches!(disposition, Disposition::Rejected(RejectReason::Order(_))),
            "{disposition:?}"
        );
        world.pass_secs(wait);
        assert!(world.channel.contains(&id("dave")));
        include(&mut world, "dave");
        world.settle();
        let members = world.session("dave").members();
        assert_eq!(members.contains(&id("alice")), believed, "after {wait} s");
    }
}
