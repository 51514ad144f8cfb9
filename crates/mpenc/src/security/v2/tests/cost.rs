//! What packets cost to judge, and members to keep.

use super::toy::{Count, Counted, cost};
use super::*;

/// Packets without a tag of ours cost one look-up.
//= docs/spec/attacks.md#ATK-034
//= type=test
//= docs/spec/attacks.md#ATK-162
//= type=test
//= docs/spec/v2.md#V2-024
//= type=test
#[test]
fn a_packet_of_nobody_costs_no_cryptography() {
    let mut bob = member::<Counted>("bob");
    let stranger = member_of::<Counted>("alice", SID + 1, &["alice", "bob"]);
    let mut stranger = stranger;
    for _ in 0..100 {
        let packet = seal(&mut stranger, &text("hello")).packet;
        let (result, spent) = cost(|| (bob.peek_id(&packet), open(&mut bob, &packet)));
        assert_eq!(result, (None, Err(OpenReject::NotOurs)));
        assert_eq!(spent, Count::default());
    }
}

//= docs/spec/attacks.md#ATK-034
//= type=test
//= docs/spec/attacks.md#ATK-162
//= type=test
//= docs/spec/protocol.md#MSG-005
//= type=test
#[test]
fn cheap_checks_come_first() {
    let genuine = series::<Counted>("alice", 1).pop().unwrap();
    let mut bob = member::<Counted>("bob");
    // An outsider has seen the tag.
    let mut altered = genuine.packet.clone();
    altered[40] ^= 1;
    let (result, spent) = cost(|| open(&mut bob, &altered));
    assert_eq!(result, Err(OpenReject::Forged));
    assert_eq!(spent, Count { decryptions: 1, ..Count::default() });
    // A member encrypts junk.
    let keys = keys_of::<Counted>(SID, "alice", 0);
    let junk = encrypted::<Counted>(&keys, alloc::vec![0xff; 128]);
    let (result, spent) = cost(|| open(&mut bob, &junk));
    assert_eq!(result, Err(OpenReject::Forged));
    let decrypted = Count { hashes: 1, derivations: 0, decryptions: 1, verifications: 0 };
    assert_eq!(spent, decrypted);
    // A member forges a message.
    let forged = Craft::new("alice", 0, "mallory", &text("hello")).packet::<Counted>();
    let (result, spent) = cost(|| open(&mut bob, &forged));
    assert_eq!(result, Err(OpenReject::Forged));
    assert_eq!(spent, Count { hashes: 3, verifications: 1, ..decrypted });
    // The genuine one: one verification, and two steps of the chain with a new tag.
    let (result, spent) = cost(|| open(&mut bob, &genuine.packet));
    assert!(result.is_ok());
    let opened = Count { hashes: 4, derivations: 4, decryptions: 1, verifications: 1 };
    assert_eq!(spent, opened);
    // Copies: one hash.
    let (result, spent) = cost(|| bob.peek_id(&genuine.packet));
    assert_eq!(result, Some(genuine.id));
    assert_eq!(spent, Count { hashes: 1, ..Count::default() });
    bob.commit(&genuine.id);
    bob.fully_acked(&genuine.id);
    let (result, spent) = cost(|| (bob.peek_id(&genuine.packet), open(&mut bob, &altered)));
    assert_eq!(result, (Some(genuine.id), Err(OpenReject::Spent)));
    assert_eq!(spent, Count { hashes: 1, ..Count::default() });
}

/// At the far end of the window it takes that many steps to find the keys. Moving there takes two
/// steps, new keys and a new tag for each position, and no more: a position is not something that
/// a packet can claim.
//= docs/spec/attacks.md#ATK-151
//= type=test
#[test]
fn a_jump_costs_no_more_than_the_window() {
    let window = usize::try_from(TAG_WINDOW).unwrap();
    let packets = series::<Counted>("alice", 4 * window);
    let mut bob = member::<Counted>("bob");
    let most = 5 * u32::try_from(TAG_WINDOW).unwrap();
    for (jump, packet) in (1..).zip(packets.iter().skip(window - 1).step_by(window)) {
        // Without a valid signature there is no move.
        let position = jump * TAG_WINDOW - 1;
        let forged = Craft::new("alice", position, "mallory", &text("x")).packet::<Counted>();
        let (opened, spent) = cost(|| open(&mut bob, &forged));
        assert_eq!(opened, Err(OpenReject::Forged));
        assert_eq!(spent.derivations, most / 5);
        let (opened, spent) = cost(|| open(&mut bob, &packet.packet));
        assert!(opened.is_ok());
        assert_eq!(spent.derivations, most);
        assert_eq!((spent.decryptions, spent.verifications), (1, 1));
    }
}

/// Bytes that a `BTreeMap` with so many entries takes at most: its nodes have room for 11, and at
/// least 5 are in each but the root; one node in 6 at most has children.
fn map_bytes<K, V>(len: usize) -> usize {
    let leaf = 11 * (size_of::<K>() + size_of::<V>()) + 16;
    let nodes = len / 5 + 1;
    nodes * leaf + (nodes / 6 + 1) * 12 * 8
}

/// Authors that have written nothing yet, or whose messages everybody has.
//= docs/spec/v2.md#V2-024
//= type=test
#[test]
fn the_state_of_128_authors_stays_below_a_mebibyte() {
    let names: Vec<_> = (0..128).map(|n| format!("member {n:0>20}")).collect();
    let names: Vec<&str> = names.iter().map(|name| &**name).collect();
    let mut bob = member_of::<Transparent>(names[0], SID, &names);
    let idle = |bob: &V2Security<Transparent>| {
        let live = bob.live.as_ref().unwrap();
        assert_eq!(live.authors.len(), 128);
        // Those that are fully acked leave nothing but a place among the spent.
        for author in &live.authors {
            let made_ahead = if author.name == bob.owner { 64 } else { 1 };
            assert_eq!(author.window.secrets().1.len(), made_ahead);
        }
        assert!(bob.places.is_empty());
        let tags = bob.tags.len();
        assert_eq!(tags, 128 * usize::try_from(TAG_WINDOW).unwrap());
        let authors = live.authors.capacity() * size_of::<Author<V2>>();
        let keys = (128 * 4 + 64) * size_of::<PacketKeys>();
        authors + 128 * 32 + keys + map_bytes::<Tag, Place>(tags)
    };
    let before = idle(&bob);
    assert!(before < 1 << 20, "{before} bytes");
    for author in &names {
        for position in 0..3 {
            let id = if *author == names[0] {
                seal(&mut bob, &text("hello")).id
            } else {
                let packet = Craft::new(author, position, author, &text("hello"));
                bob.open(&name("whoever"), &packet.packet::<Transparent>()).unwrap().id
            };
            bob.commit(&id);
            bob.fully_acked(&id);
        }
    }
    assert_eq!(idle(&bob), before);
    assert_eq!(bob.spent.len(), 3 * 128);
}

/// What an author adds at most by leaving out messages.
//= docs/spec/v2.md#V2-024
//= type=test
#[test]
fn skipped_positions_take_bounded_memory() {
    let window = usize::try_from(TAG_WINDOW).unwrap();
    let packets = series::<Transparent>("alice", 1000);
    let mut bob = member::<Transparent>("bob");
    for packet in packets.iter().skip(window - 1).step_by(window) {
        let _ = open(&mut bob, &packet.packet);
    }
    assert_eq!(bob.tags.len(), 3 * window + MAX_SKIP + 4);
    let (_, keys) = bob.live.as_ref().unwrap().authors[0].window.secrets();
    // Those skipped, those used, and the one made ahead.
    assert_eq!(keys.len(), MAX_SKIP + 4 + 1);
}
