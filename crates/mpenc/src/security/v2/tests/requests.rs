//! Requests for copies: every member of the subsession can make and read them, nobody else.

use super::*;

fn request() -> Request {
    Request {
        attempt: 1,
        accepted: [4, 0, 9].to_vec(),
        held: [(2, 11)].to_vec(),
        wanted: [[7; 32].into()].to_vec(),
    }
}

fn asked<S: MessageSuite>() -> Vec<u8> {
    member::<S>("alice").seal_request(&request()).unwrap()
}

//= docs/spec/v2.md#V2-035
//= type=test
#[test]
fn what_one_member_asks_all_others_can_read() {
    let packet = asked::<V2>();
    for reader in ["alice", "bob", "mallory"] {
        let mut reader = member::<V2>(reader);
        assert_eq!(reader.open_request(&packet), Some(request()));
        // Nobody's chain goes on with it: it is no message, and nothing can be one at its place.
        assert_eq!(open(&mut reader, &packet), Err(OpenReject::Malformed));
        assert_eq!(reader.open_request(&packet), Some(request()));
    }
    assert_eq!(member::<V2>("bob").seal_request(&request()), Some(packet), "whoever asks");
}

//= docs/spec/v2.md#V2-035
//= type=test
#[test]
fn outsiders_can_neither_read_nor_make_one() {
    let packet = asked::<V2>();
    let names = ["alice", "bob", "mallory"];
    // Members of another subsession, even if they are the same people.
    let other = member_of::<V2>("bob", SID + 1, &names);
    assert_eq!(other.open_request(&packet), None);
    let theirs = other.seal_request(&request()).unwrap();
    assert_eq!(member::<V2>("bob").open_request(&theirs), None);
    assert_ne!(theirs, packet);
}

//= docs/spec/v2.md#V2-035
//= type=test
#[test]
fn one_altered_bit_anywhere_is_noticed() {
    fn check<S: MessageSuite>(bits: impl Iterator<Item = usize> + Clone) {
        let (packet, bob) = (asked::<S>(), member::<S>("bob"));
        for at in 0..packet.len() {
            for bit in bits.clone() {
                let mut bad = packet.clone();
                bad[at] ^= 1 << bit;
                assert_eq!(bob.open_request(&bad), None, "bit {bit} of byte {at}");
            }
        }
        for len in 0..packet.len() {
            assert_eq!(bob.open_request(&packet[..len]), None, "cut at {len}");
        }
    }
    check::<V2>(0..8);
    check::<Transparent>(0..1);
}

/// The encryption would open it, but its nonce is not the one that belongs to the content.
#[test]
fn a_nonce_that_was_chosen_is_refused() {
    let root = Root::new::<V2>(&SubsessionId::new([SID; 32]), &secret(SID));
    let keys = root.requests::<V2>();
    let mut text = request().encode();
    let mut packet = mpenc_packet::v2::RequestPacket { nonce: [9; 12], ciphertext: Vec::new() };
    V2::seal_in_place(&keys.key, &packet.nonce, &packet.aad(), &mut text);
    packet.ciphertext = text;
    assert_eq!(member::<V2>("bob").open_request(&packet.to_wire()), None);
}

//= docs/spec/v2.md#V2-035
//= type=test
//= docs/spec/attacks.md#ATK-146
//= type=test
#[test]
fn of_an_ended_subsession_requests_are_read_and_not_made() {
    let packet = asked::<V2>();
    let mut bob = member::<V2>("bob");
    bob.erase();
    assert_eq!(bob.open_request(&packet), Some(request()));
    assert_eq!(bob.seal_request(&request()), None);
}

/// The keys of requests say nothing about those of messages: nobody has one from the other.
#[test]
fn requests_have_keys_of_their_own() {
    let root = Root::new::<V2>(&SubsessionId::new([SID; 32]), &secret(SID));
    let requests = root.requests::<V2>();
    let mut all = BTreeSet::from([*requests.key.expose(), *requests.nonce_key.expose()]);
    for author in ["alice", "bob", "mallory"] {
        for position in 0..8 {
            let keys = keys_of::<V2>(SID, author, position);
            all.extend([*keys.key.expose(), *keys.nonce_key.expose()]);
        }
    }
    assert_eq!(all.len(), 2 + 2 * 3 * 8);
    assert!(!all.contains(root.identifier_key::<V2>().expose()));
    let printed = format!("{requests:?}");
    assert_eq!(printed.matches("[redacted]").count(), 2, "{printed}");
}
