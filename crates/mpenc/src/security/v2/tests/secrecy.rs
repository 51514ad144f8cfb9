//! What somebody can do who takes the state of a member, or who only watches.

use super::*;

/// The tags of all messages whose keys follow from what a member's state contains: of each chain
/// key the next 300, and of each message key its own. Whoever has the tag from a key has the rest.
fn derivable<S: MessageSuite>(state: &V2Security<S>) -> BTreeSet<Tag> {
    let mut tags = BTreeSet::new();
    for author in &state.live.as_ref().unwrap().authors {
        let (chains, keys) = author.window.secrets();
        tags.extend(keys.into_iter().map(|keys| keys.tag));
        for chain in chains {
            let (mut chain, mut key): (ChainKey, MessageKey) = chain.step::<S>();
            tags.insert(key.tag::<S>());
            for _ in 0..300 {
                (chain, key) = chain.step::<S>();
                tags.insert(key.tag::<S>());
            }
        }
    }
    tags
}

fn tag(sealed: &Sealed) -> Tag {
    Tag(DataPacket::decode(&sealed.packet).unwrap().tag)
}

//= docs/spec/attacks.md#ATK-147
//= type=test
//= docs/spec/v2.md#V2-020
//= type=test
//= docs/spec/v2.md#V2-024
//= type=test
#[test]
fn a_leak_does_not_open_what_was_fully_acked_before() {
    let packets = series::<V2>("alice", 12);
    let (mut bob, mut alice) = (member::<V2>("bob"), member::<V2>("alice"));
    for n in 0..12 {
        seal(&mut alice, &text(&format!("message {n}")));
    }
    // In another order, with the seventh missing, and the fifth only seen.
    for at in [1, 0, 3, 2, 5, 4, 7, 8, 9] {
        assert!(open(&mut bob, &packets[at].packet).is_ok());
        if at != 4 {
            bob.commit(&packets[at].id);
        }
    }
    let acked = [0, 1, 2, 3, 7];
    for state in [&mut bob, &mut alice] {
        let before = derivable(state);
        assert!(packets.iter().all(|packet| before.contains(&tag(packet))));
        for at in acked {
            state.fully_acked(&packets[at].id);
        }
        let after = derivable(state);
        for (at, packet) in packets.iter().enumerate() {
            assert_eq!(after.contains(&tag(packet)), !acked.contains(&at), "message {at}");
        }
        for at in acked {
            assert_eq!(open(state, &packets[at].packet), Err(OpenReject::Spent));
        }
    }
}

//= docs/spec/attacks.md#ATK-146
//= type=test
//= docs/spec/protocol.md#SEC-025
//= type=test
#[test]
fn of_an_ended_subsession_no_key_is_left() {
    let mut bob = member::<V2>("bob");
    for packet in series::<V2>("alice", 3) {
        assert!(open(&mut bob, &packet.packet).is_ok());
    }
    bob.erase();
    assert!(bob.live.is_none());
    bob.erase();
}

/// Only what is fully acked is forgotten, not what was merely accepted or shown.
//= docs/spec/v2.md#V2-024
//= type=test
#[test]
fn keys_go_with_the_full_ack_and_not_sooner() {
    let packet = series::<V2>("alice", 1).pop().unwrap();
    let mut bob = member::<V2>("bob");
    assert!(open(&mut bob, &packet.packet).is_ok());
    bob.commit(&packet.id);
    assert!(derivable(&bob).contains(&tag(&packet)));
    assert!(open(&mut bob, &packet.packet).is_ok());
    bob.fully_acked(&packet.id);
    assert!(!derivable(&bob).contains(&tag(&packet)));
    // Of something else, or again: nothing happens.
    bob.fully_acked(&packet.id);
    bob.fully_acked(&MessageId::from([9; 32]));
    bob.commit(&packet.id);
    bob.destroy(&packet.id);
    bob.release(&packet.id);
    assert_eq!(bob.peek_id(&packet.packet), Some(packet.id));
}

/// Outsiders see tags and nonces. None comes twice, whoever writes what in which subsession, so
/// that they tell nothing.
//= docs/spec/attacks.md#ATK-034
//= type=test
//= docs/spec/v2.md#V2-021
//= type=test
#[test]
fn tags_and_nonces_never_repeat() {
    let names = ["alice", "bob", "mallory"];
    let mut tags = BTreeSet::new();
    let mut nonces = BTreeSet::new();
    for sid in 0..4 {
        for author in names {
            let mut author = member_of::<V2>(author, sid, &names);
            for _ in 0..50 {
                let packet = seal(&mut author, &text("always the same")).packet;
                let data = DataPacket::decode(&packet).unwrap();
                tags.insert(data.tag);
                nonces.insert(data.nonce);
            }
        }
    }
    assert_eq!((tags.len(), nonces.len()), (600, 600));
}

//= docs/spec/attacks.md#ATK-155
//= type=test
//= docs/spec/v2.md#V2-027
//= type=test
#[test]
fn packets_have_few_lengths_and_acks_that_of_a_short_message() {
    let mut alice = member::<Transparent>("alice");
    let mut len = |body: &Body| seal(&mut alice, body).packet.len();
    let short = len(&text("ok"));
    assert_eq!(short, 32 + 128 + 16);
    for body in [
        Body::ExplicitAck { manual: false },
        Body::ExplicitAck { manual: true },
        Body::Heartbeat,
        Body::Consistency { close: true },
        Body::Absence { away: true },
        Body::Close,
    ] {
        assert_eq!(len(&body), short);
    }
    let texts = (1..64).chain((64..=16_384).rev().step_by(61));
    let lengths: BTreeSet<usize> = texts.map(|n| len(&text(&"x".repeat(n)))).collect();
    // Six powers of two up to 4 KiB, 16 steps from there to 8 KiB, 16 to 16 KiB, and one above.
    let padded: Vec<usize> = lengths.iter().map(|len| len - 48).collect();
    assert_eq!(padded[..6], [128, 256, 512, 1024, 2048, 4096]);
    assert_eq!(padded.len(), 6 + 16 + 16 + 1, "{padded:?}");
    assert!(padded.windows(2).skip(5).all(|pair| 9 * (pair[1] - pair[0]) <= 2 * pair[0]));
}
