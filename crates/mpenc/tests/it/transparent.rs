//! Whole sessions over the suite for tests: the rules are the same, and nothing is hidden.

use mpenc::{Identity, MemberSet, Profile, SecretBytes};
use rand_chacha::rand_core::Rng;

use crate::world::{World, set};

//= docs/spec/v2.md#V2-003
//= type=test
#[test]
fn the_rules_do_not_depend_on_the_suite() {
    for profile in [Profile::Transparent, Profile::TransparentV2] {
        play(profile);
    }
}

fn play(profile: Profile) {
    let names = ["alice", "bob", "carol"];
    let identity = |rng: &mut rand_chacha::ChaCha20Rng| {
        Identity::transparent(&SecretBytes::fill(|seed| rng.fill_bytes(seed)))
    };
    let mut world = World::with_identities(&names, identity, |config| config.profile(profile));
    world.establish(&names);
    let id = world.act("alice", |s, env| s.send(env, "plain to see")).unwrap();
    world.settle();
    world.pass_secs(120);
    for name in names {
        assert_eq!(world.session(name).unacked_by(&id), Some(MemberSet::new()), "{name}");
    }
    let shown = |packet: &[u8]| {
        // Packets of v1 are text; those of v2 are what they are.
        let bytes = mpenc_packet::armor::decode(packet).unwrap_or_else(|_| packet.to_vec());
        bytes.windows(12).any(|run| run == b"plain to see")
    };
    assert!(world.packets.iter().any(|(_, packet)| shown(packet)));
    world.act("alice", |s, env| s.change(env, &MemberSet::new(), &set(&["carol"]))).unwrap();
    world.settle();
    assert_eq!(world.session("bob").members(), set(&["alice", "bob"]));
}
