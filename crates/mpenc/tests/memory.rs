//! What a session keeps in memory. A program of its own, because it counts every allocation of the
//! process.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    reason = "a test that cannot go on should stop"
)]

mod counted;
#[expect(dead_code, reason = "shared with other tests, which use more of it")]
#[path = "it/world.rs"]
mod world;

use std::sync::Arc;

use mpenc::security::{Body, MessageHeader, MessageSecurity, OrderPoint, V2Security};
use mpenc::{ChainHash, Identity, MemberId, Profile, SecretBytes, SubsessionId};
use mpenc_crypto::{SigningKey, Suite, V2};
use mpenc_greeting::SubsessionKeys;
use mpenc_types::limits::MAX_PREVIOUS;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::counted::{freed, kept};
use crate::world::World;

const MEMBERS: usize = 128;
const FEW: usize = 16;
const MIB: usize = 1 << 20;

fn names() -> Vec<String> {
    (0..MEMBERS).map(|i| format!("member-{i:03}@example.org")).collect()
}

fn security(owner: &str) -> V2Security<V2> {
    let key = |name: &String| {
        <V2 as Suite>::SigningKey::from_seed(&SecretBytes::new(V2::hash(&[name.as_bytes()])))
    };
    let names = names();
    let authors = names.iter().map(|name| (MemberId::new(name).unwrap(), key(name).public()));
    let keys = SubsessionKeys {
        sid: SubsessionId::new([1; 32]),
        secret: SecretBytes::new([2; 32]),
        signer: Arc::new(key(&owner.to_owned())),
        authors: authors.collect(),
        fingerprint: Some([3; 32]),
        // A contribution has 198 bytes, the initial packet one entry for each member.
        statements: (0..MEMBERS)
            .map(|i| vec![0; if i == 0 { 64 * MEMBERS } else { 198 }])
            .collect(),
    };
    V2Security::new(&MemberId::new(owner).unwrap(), keys).unwrap()
}

/// Keys and tags of one subsession: by far the largest part of it.
fn keys_of_a_subsession() {
    let names = names();
    let (mut reader, fresh) = kept(|| security(&names[0]));
    println!("keys and tags of a subsession of {MEMBERS}: {fresh} bytes");
    assert!(fresh < MIB, "{fresh}");
    // An author's messages, first kept and then acknowledged by all.
    let mut author = security(&names[1]);
    let header = MessageHeader {
        parents: &[],
        order: OrderPoint { number: 0, chain: ChainHash::new([0; 32]) },
    };
    let mut rng = ChaCha20Rng::seed_from_u64(0);
    let sealed: Vec<_> =
        (0..64).map(|_| author.seal(&mut rng, &header, &Body::Heartbeat).unwrap()).collect();
    let sender = MemberId::new(&names[1]).unwrap();
    let ((), open) = kept(|| {
        for one in &sealed {
            let opened = reader.open(&sender, &one.packet).unwrap();
            reader.commit(&opened.id);
        }
    });
    println!("for each message that is not fully acked: {} bytes", open / sealed.len());
    assert!(open / sealed.len() < 1024, "{open}");
    let in_use = freed(|| drop(reader));
    assert!(in_use < MIB, "{in_use}");
    let mut reader = security(&names[0]);
    let ((), acked) = kept(|| {
        for one in &sealed {
            let opened = reader.open(&sender, &one.packet).unwrap();
            reader.commit(&opened.id);
            reader.fully_acked(&opened.id);
        }
    });
    println!("for each message that is fully acked: {} bytes", acked / sealed.len());
    assert!(acked / sealed.len() < 512, "{acked}");
    let ids: Vec<_> = sealed.iter().map(|one| one.id).collect();
    let given_back = freed(|| ids.iter().for_each(|id| reader.forget(id)));
    let forgotten = acked.saturating_sub(given_back) / sealed.len();
    println!("for each message that is forgotten: {forgotten} bytes");
    reader.erase();
    let ended = freed(|| drop(reader));
    println!("of it when it has ended, with {} messages: {ended} bytes", sealed.len());
    assert!(ended < MIB, "{ended}");
}

/// Subsessions and memory of a member after an operation that included everybody and so many
/// refreshes, in whose subsessions nobody has acknowledged anything yet; over a suite that costs
/// little time. What is added to the keys above is the same with every suite.
fn session_after(members: usize, refreshes: usize) -> (usize, usize) {
    let names = names();
    let names: Vec<&str> = names.iter().take(members).map(String::as_str).collect();
    let identity = |rng: &mut ChaCha20Rng| {
        Identity::transparent(&SecretBytes::fill(|seed| rng.fill_bytes(seed)))
    };
    let mut world =
        World::with_identities(&names, identity, |config| config.profile(Profile::TransparentV2));
    world.establish(&names);
    for _ in 0..refreshes {
        world.act(names[0], |s, env| s.refresh(env)).unwrap();
        world.settle();
    }
    let member = world.members.remove(&world::id(names[1])).unwrap();
    let live = member.session.subsession_states().count();
    (live, freed(|| drop(member.session)))
}

fn sessions() {
    let (one, whole) = session_after(MEMBERS, 0);
    println!("a session of {MEMBERS}, one message of each waiting for acks: {whole} bytes");
    assert_eq!(one, 1);
    assert!(whole < MIB, "{whole}");
    // Previous ones are no larger than the current one with everything around it, and not more
    // than there may be. With fewer members, because it takes its time.
    let (_, whole) = session_after(FEW, 0);
    let (all, more) = session_after(FEW, MAX_PREVIOUS + 1);
    assert_eq!(all, 1 + MAX_PREVIOUS);
    let each = (more - whole) / MAX_PREVIOUS;
    println!("a session of {FEW}: {whole} bytes, with {MAX_PREVIOUS} previous ones {more}");
    println!("for each of them, all its messages waiting for acks: {each} bytes");
    assert!(each < 2 * whole, "{each}");
}

/// Bytes of a member's session after a conversation of so many texts that everybody has.
fn session_after_texts(profile: Profile, texts: usize) -> usize {
    let names = ["alice", "bob", "carol"];
    let identity = |rng: &mut ChaCha20Rng| {
        Identity::transparent(&SecretBytes::fill(|seed| rng.fill_bytes(seed)))
    };
    let mut world =
        World::with_identities(&names, identity, |config| config.profile(profile).log_kept(100));
    world.establish(&names);
    for n in 0..texts {
        world.say(names[n % 3], "something that was said");
        world.pass_secs(2);
    }
    world.pass_secs(200);
    for name in names.iter().chain(&names) {
        world.say(name, "good night");
        world.pass_secs(120);
    }
    let member = world.members.remove(&world::id("bob")).unwrap();
    assert_eq!(member.session.log_len(), texts + 6);
    assert!(member.session.overdue().is_empty());
    freed(|| drop(member.session))
}

/// What a message leaves behind that everybody has, acks counted as messages.
fn messages_that_everybody_has() {
    for profile in [Profile::Transparent, Profile::TransparentV2] {
        let (few, many) = (1_000, 4_000);
        let [at_first, later] = [few, many].map(|texts| session_after_texts(profile, texts));
        let each = later.saturating_sub(at_first) / (many - few);
        println!(
            "{profile}: {at_first} bytes after {few} texts, {later} after {many}: {each} each"
        );
        assert!(each < 100, "{each}");
    }
}

/// One test, because there is one counter.
//= docs/spec/protocol.md#MOD-004
//= type=test
#[test]
fn memory_is_bounded() {
    keys_of_a_subsession();
    sessions();
    messages_that_everybody_has();
}
