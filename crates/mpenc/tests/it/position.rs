//! An author's messages have numbers, which its signature covers.

use mpenc::{BadMessage, Disposition, Notice};

use crate::forge_v2::{Insider, quiet};
use crate::world::id;

//= docs/spec/v2.md#V2-025
//= type=test
//= docs/spec/attacks.md#ATK-104
//= type=test
#[test]
fn an_author_cannot_leave_out_a_position() {
    // In its turn the message is as good as any.
    let mut world = quiet();
    let insider = Insider::of(&world, "alice", "bob");
    let before = world.say("alice", "the one before");
    let packet = insider.message(&[before], "in its turn");
    assert_eq!(world.inject("bob", "alice", &packet), Disposition::Accepted);
    assert_eq!(world.texts("bob"), ["the one before", "in its turn"]);

    // Without the one before, which would tell what its author does not want to have said.
    let mut world = quiet();
    let insider = Insider::of(&world, "alice", "bob");
    let heads = world.session("bob").heads().to_vec();
    let packet = insider.message(&heads, "out of turn");
    let disposition = world.inject("bob", "alice", &packet);
    assert!(matches!(disposition, Disposition::Rejected(_)), "{disposition:?}");
    let reason = BadMessage::Position;
    let bad = Notice::BadMessage { author: id("alice"), reason };
    assert!(world.member("bob").notices.contains(&bad));
    assert!(world.texts("bob").is_empty());
}
