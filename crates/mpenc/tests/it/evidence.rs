//! What can be shown to others when an author has written two messages for one place.

use mpenc::{
    BadEvidence, Disposition, ForkEvidence, Identity, Notice, Profile, PublicKey, RejectReason,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::world::{World, id};

const NAMES: [&str; 3] = ["alice", "bob", "carol"];

/// The identity key of the member with this number in a world.
fn identity(number: u64) -> PublicKey {
    Identity::generate(&mut ChaCha20Rng::seed_from_u64(number)).public()
}

/// A session in which `author` says this, and its packet.
fn says(author: &str, text: &str) -> (World, Vec<u8>) {
    let mut world = World::with(&NAMES, |config| config.profile(Profile::V2));
    world.establish(&NAMES);
    world.say(author, text);
    let (_, packet) = world.packets.iter().rev().find(|(from, _)| *from == id(author)).unwrap();
    let packet = packet.clone();
    (world, packet)
}

/// Bob's evidence after `author` said two things at once, like two copies of it.
fn fork(author: &str) -> ForkEvidence {
    // Everything up to here is the same, byte for byte.
    let (_, other) = says(author, "two");
    let (mut world, _) = says(author, "one");
    assert_eq!(world.session("carol").fork_evidence().len(), 0);
    let disposition = world.inject("carol", author, &other);
    assert_eq!(disposition, Disposition::Rejected(RejectReason::Fork));
    let fork = |notice: &&Notice| matches!(notice, Notice::AuthorFork { .. });
    let Some(Notice::AuthorFork { author: by, first, second }) =
        world.member("carol").notices.iter().find(fork)
    else {
        panic!("no fork")
    };
    let session = world.session("carol");
    let evidence = session.fork_evidence().next().unwrap().clone();
    assert_eq!(*by, id(author));
    assert_eq!(evidence.author, *by);
    assert_eq!(evidence.signed.map(|one| one.id), [*first, *second]);
    assert_eq!(Some(evidence.sid), session.sid());
    evidence
}

//= docs/spec/v2.md#V2-025
//= type=test
#[test]
fn a_fork_of_an_author_can_be_shown_to_anybody() {
    // ATK-104. Alice signed its key in the initial packet, bob in a contribution.
    for (number, author) in [(0, "alice"), (1, "bob")] {
        let evidence = fork(author);
        assert_eq!(evidence.verify(&identity(number)), Ok(()), "{author}");
        // It is nobody else's.
        assert_eq!(evidence.verify(&identity(2)), Err(BadEvidence::Statement));
        let mut other = evidence.clone();
        other.author = id("carol");
        assert!(other.verify(&identity(number)).is_err());
        // And holds for these two messages at this place.
        let mut other = evidence.clone();
        other.signed[1] = other.signed[0];
        assert_eq!(other.verify(&identity(number)), Err(BadEvidence::SameMessage));
        let mut other = evidence.clone();
        other.position += 1;
        assert_eq!(other.verify(&identity(number)), Err(BadEvidence::Signature));
        let mut other = evidence.clone();
        other.signed[1].id = [7; 32].into();
        assert_eq!(other.verify(&identity(number)), Err(BadEvidence::Signature));
        let mut other = evidence.clone();
        other.signed[0].tag[0] ^= 1;
        assert_eq!(other.verify(&identity(number)), Err(BadEvidence::Signature));
        let mut other = evidence.clone();
        other.sid = [7; 32].into();
        assert_eq!(other.verify(&identity(number)), Err(BadEvidence::Signature));
        for at in 0..evidence.statement.len() {
            let mut other = evidence.clone();
            other.statement[at] ^= 1;
            assert_eq!(other.verify(&identity(number)), Err(BadEvidence::Statement), "byte {at}");
        }
        // It tells nothing of what was said.
        let printed = format!("{evidence:?}");
        assert!(!printed.contains("one") && !printed.contains("two"));
    }
}
