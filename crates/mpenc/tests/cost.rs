//! What one packet, and one dishonest member, can make a session keep and send (MOD-015). A program
//! of its own, because it counts every allocation of the process. How many signatures it can make a
//! session verify is counted where that is decided: `security/v2/tests/cost.rs`.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    reason = "a test that cannot go on should stop"
)]

#[expect(dead_code, reason = "shared with other tests, which use more of it")]
mod counted;
#[expect(dead_code, reason = "shared with other tests, which use more of it")]
#[path = "it/world.rs"]
mod world;

use mpenc::channel::ChannelEvent;
use mpenc::limits::MAX_PACKET_LEN;
use mpenc::session::MAX_TRIAL_BYTES;
use mpenc::{Disposition, Identity, Profile, SecretBytes};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::counted::freed;
use crate::world::{World, id};

const NAMES: [&str; 8] = ["alice", "bob", "carol", "dave", "eve", "frank", "grace", "mallory"];

fn world(profile: Profile) -> World {
    let identity = |rng: &mut ChaCha20Rng| {
        Identity::transparent(&SecretBytes::fill(|seed| rng.fill_bytes(seed)))
    };
    let mut world = World::with_identities(&NAMES, identity, |config| config.profile(profile));
    world.establish(&NAMES);
    world.pass_secs(300);
    world
}

/// Bytes that become free with bob's session so many seconds after an attack, and packets that he
/// has sent by then.
fn bob_after(profile: Profile, attack: impl FnOnce(&mut World), aftermath: u64) -> (usize, usize) {
    let mut world = world(profile);
    let sent = |world: &World| world.packets.iter().filter(|(from, _)| *from == id("bob")).count();
    let before = sent(&world);
    attack(&mut world);
    world.pass_secs(aftermath);
    let sent = sent(&world) - before;
    let session = world.members.remove(&id("bob")).unwrap().session;
    (freed(|| drop(session)), sent)
}

/// Virtual seconds in which members may send because of an attack.
const AFTERMATH: u64 = 300;

/// What an attack adds to as much time without it: bytes when it ends or a while after, whichever
/// is more, and packets until then.
fn costs(what: &str, profile: Profile, mut attack: impl FnMut(&mut World)) -> (usize, usize) {
    let (quiet, _) = bob_after(profile, |_| {}, 0);
    let (held, _) = bob_after(profile, &mut attack, 0);
    let (quiet_later, usual) = bob_after(profile, |_| {}, AFTERMATH);
    let (held_later, sent) = bob_after(profile, &mut attack, AFTERMATH);
    let (at_once, sent) = (held.saturating_sub(quiet), sent.saturating_sub(usual));
    let later = held_later.saturating_sub(quiet_later);
    println!("{what}: {at_once} bytes kept, {later} later, {sent} packets sent");
    (at_once.max(later), sent)
}

/// Anything, as long as packets may be, with a header that says what kind of packet it is.
fn junk(world: &World, rng: &mut ChaCha20Rng, n: usize, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    rng.fill_bytes(&mut bytes);
    bytes[..3].copy_from_slice(&world.packets[0].1[..3]);
    // Mostly messages, which may be of a subsession that is yet to come.
    bytes[3] = [0x10, 0x01, 0x10, 0x02, 0x10, 0x03, 0x10, 0x12][n % 8];
    bytes
}

/// Packets that anybody in the channel can send.
fn outsiders() {
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let (kept, sent) = costs("20,000 packets of junk", Profile::TransparentV2, |world| {
        for n in 0..20_000 {
            let bytes = junk(world, &mut rng, n, 40 + n % 400);
            let _ = world.inject("bob", "mallory", &bytes);
        }
    });
    assert!(sent <= 4, "it is asked about, and given up: {sent}");
    assert!(kept < 256 << 10, "{kept}");
    // Long ones: in v1, where a packet with one text may be as long as packets may be.
    let mut stranger = world(Profile::Transparent);
    let text = "something else ".repeat(2_000);
    let before = stranger.packets.len();
    for _ in 0..120 {
        stranger.say("mallory", &text);
    }
    let said = stranger.packets.drain(before..).map(|(_, bytes)| bytes);
    let long: Vec<Vec<u8>> = said.filter(|bytes| bytes.len() > 40_000).collect();
    assert!(long.len() >= 120, "{}", long.len());
    drop(stranger);
    let (kept, sent) =
        costs("120 long packets of another session", Profile::Transparent, |world| {
            // The other session had the same seeds.
            world.act("alice", |session, env| session.refresh(env)).unwrap();
            world.pass_secs(300);
            for bytes in &long {
                assert!(bytes.len() > 40_000);
                let _ = world.inject("bob", "mallory", bytes);
            }
            assert!(world.session("bob").undecrypted() > 20);
            let larger = vec![0; MAX_PACKET_LEN + 1];
            assert!(matches!(world.inject("bob", "mallory", &larger), Disposition::Rejected(_)));
        });
    assert!(sent < 10, "{sent}");
    assert!(kept > MAX_TRIAL_BYTES / 2 && kept < MAX_TRIAL_BYTES + (256 << 10), "{kept}");
}

/// Packets that a member has sent, as often as anybody likes.
fn copies() {
    let (kept, sent) =
        costs("20,000 copies of one message in a minute", Profile::TransparentV2, |world| {
            world.say("mallory", "again");
            let packet = world.packets.last().unwrap().1.clone();
            let packet = world
                .packets
                .iter()
                .rfind(|(from, _)| *from == id("mallory"))
                .map_or(packet, |(_, bytes)| bytes.clone());
            for _ in 0..60 {
                for _ in 0..333 {
                    let found = world.inject("bob", "mallory", &packet);
                    assert_eq!(found, Disposition::Ignored);
                }
                world.pass_secs(1);
            }
        });
    assert!(sent < 40, "{sent}");
    assert!(kept < 16 << 10, "{kept}");
}

/// What a member can do that writes as it should not.
fn insiders() {
    let texts = 2_000;
    let (kept, sent) =
        costs("2,000 texts that only their author and bob get", Profile::TransparentV2, |world| {
            for name in NAMES {
                world.members.get_mut(&id(name)).unwrap().held =
                    !["bob", "mallory"].contains(&name);
            }
            for _ in 0..texts {
                world.say("mallory", "for bob alone");
            }
        });
    println!("  {} for each", kept / texts);
    assert!(kept / texts < 4096, "{kept}");
    assert!(sent < texts / 4, "{sent}");
    let (kept, sent) =
        costs("1,000 messages whose parents never come", Profile::TransparentV2, |world| {
            world.members.get_mut(&id("bob")).unwrap().held = true;
            for _ in 0..2_000 {
                world.say("mallory", "first, or not");
            }
            let bob = world.members.get_mut(&id("bob")).unwrap();
            let packets = bob.inbox.iter().filter(|event| {
            matches!(event, ChannelEvent::Packet { sender, .. } if *sender == id("mallory"))
        });
            let packets: Vec<ChannelEvent> = packets.step_by(2).skip(1).cloned().collect();
            bob.inbox.clear();
            for event in packets {
                let _ = world.act("bob", |session, env| session.handle_input(env, event));
            }
            assert!(world.session("bob").deferred() <= 92);
            assert!(world.session("bob").deferred() > 0);
        });
    assert!(kept < 1 << 20, "{kept}");
    assert!(sent < 300, "{sent}");
}

/// One test, because there is one counter.
//= docs/spec/protocol.md#MOD-015
//= type=test
//= docs/spec/attacks.md#ATK-164
//= type=test
#[test]
fn nobody_makes_others_keep_or_send_much() {
    outsiders();
    copies();
    insiders();
}
