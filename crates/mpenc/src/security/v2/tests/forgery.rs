//! Packets that are not what their author made.

use super::toy::{Colliding, Loose};
use super::*;

/// Opens everything that is left in place after an attack: the genuine message, and the next.
fn undisturbed<S: MessageSuite>(bob: &mut V2Security<S>, packets: &[Sealed]) {
    for (position, packet) in (0..).zip(packets) {
        assert_eq!(bob.peek_id(&packet.packet), None);
        assert_eq!(open(bob, &packet.packet), Ok((name("alice"), position)));
    }
}

//= docs/spec/attacks.md#ATK-144
//= type=test
//= docs/spec/attacks.md#ATK-145
//= type=test
#[test]
fn no_bit_can_be_changed() {
    fn check<S: MessageSuite>() {
        let packets = series::<S>("alice", 2);
        let genuine = &packets[0].packet;
        let mut bob = member::<S>("bob");
        for bit in 0..8 * genuine.len() {
            let mut packet = genuine.clone();
            packet[bit / 8] ^= 1 << (bit % 8);
            let expected = match bit / 8 {
                0..4 => OpenReject::Malformed,
                4..20 => OpenReject::NotOurs,
                _ => OpenReject::Forged,
            };
            assert_eq!(open(&mut bob, &packet), Err(expected), "bit {bit}");
            assert_eq!(bob.peek_id(&packet), None, "bit {bit}");
        }
        assert!(!bob.moved());
        undisturbed(&mut bob, &packets);
    }
    check::<V2>();
    check::<Transparent>();
}

/// Somebody without keys, who saw everything on the channel: under tags that were used or
/// are its own invention, with an own key, or with what others encrypted.
//= docs/spec/attacks.md#ATK-141
//= type=test
//= docs/spec/attacks.md#ATK-126
//= type=test
#[test]
fn outsiders_write_nothing() {
    let packets = series::<V2>("alice", 3);
    let seen: Vec<DataPacket> =
        packets.iter().map(|sealed| DataPacket::decode(&sealed.packet).unwrap()).collect();
    let mut bob = member::<V2>("bob");
    let own = SecretBytes::new([9; 32]);
    let content = Content {
        parents: Vec::new(),
        number: ORDER.number,
        chain: ORDER.chain,
        body: encodable(&text("an invention")),
    };
    let signature = signer::<V2>("outsider").sign(&[SignLabel::MESSAGE.as_bytes(), &[0; 32]]);
    let plain = Plaintext { signature, content: content.encode().unwrap() }.encode();
    for (at, data) in seen.iter().enumerate() {
        let mut forged = DataPacket { ciphertext: Vec::new(), ..data.clone() };
        let mut text = plain.clone();
        V2::seal_in_place(&own, &forged.nonce, &forged.aad(), &mut text);
        forged.ciphertext = text;
        assert_eq!(open(&mut bob, &forged.to_wire()), Err(OpenReject::Forged));
        let mut spliced = seen[(at + 1) % seen.len()].clone();
        spliced.tag = data.tag;
        assert_eq!(open(&mut bob, &spliced.to_wire()), Err(OpenReject::Forged));
        forged.tag = [at as u8; 16];
        assert_eq!(open(&mut bob, &forged.to_wire()), Err(OpenReject::NotOurs));
    }
    undisturbed(&mut bob, &packets);
}

//= docs/spec/v2.md#V2-005
//= type=test
#[test]
fn no_byte_can_be_missing_or_too_many() {
    let packets = series::<Transparent>("alice", 2);
    let genuine = &packets[0].packet;
    let mut bob = member::<Transparent>("bob");
    for len in 0..genuine.len() {
        assert_eq!(open(&mut bob, &genuine[..len]), Err(OpenReject::Malformed));
        assert_eq!(bob.peek_id(&genuine[..len]), None);
    }
    let longer = [genuine, &[0][..]].concat();
    assert_eq!(open(&mut bob, &longer), Err(OpenReject::Malformed));
    undisturbed(&mut bob, &packets);
}

//= docs/spec/attacks.md#ATK-145
//= type=test
//= docs/spec/v2.md#V2-021
//= type=test
#[test]
fn header_tag_and_nonce_are_encrypted_with() {
    let craft = Craft::new("alice", 0, "alice", &text("hello"));
    let keys = craft.keys::<V2>();
    let plain = craft.plaintext::<V2>();
    let nonce = nonce::<V2>(&keys, &plain);
    let complete = DataPacket { tag: keys.tag.0, nonce, ciphertext: Vec::new() }.aad();
    let packet = |aad: &[u8]| {
        let mut text = plain.clone();
        V2::seal_in_place(&keys.key, &nonce, aad, &mut text);
        DataPacket { tag: keys.tag.0, nonce, ciphertext: text }.to_wire()
    };
    for len in 0..complete.len() {
        let opened = open(&mut member::<V2>("bob"), &packet(&complete[..len]));
        assert_eq!(opened, Err(OpenReject::Forged), "{len}");
    }
    assert!(open(&mut member::<V2>("bob"), &packet(&complete)).is_ok());
}

/// Every member knows every chain. Whoever fills it with junk before the author does gains
/// nothing.
//= docs/spec/attacks.md#ATK-142
//= type=test
//= docs/spec/attacks.md#ATK-126
//= type=test
//= docs/spec/v2.md#V2-022
//= type=test
//= docs/spec/v2.md#V2-024
//= type=test
#[test]
fn only_the_author_writes_in_its_name() {
    let packets = series::<V2>("alice", 2);
    let mut bob = member::<V2>("bob");
    for position in [0, 1, TAG_WINDOW - 1] {
        for forger in ["mallory", "bob"] {
            let forged = Craft::new("alice", position, forger, &text("pay him")).packet::<V2>();
            assert_eq!(open(&mut bob, &forged), Err(OpenReject::Forged));
            // The same again: it is not even remembered.
            assert_eq!(bob.peek_id(&forged), None);
            assert_eq!(open(&mut bob, &forged), Err(OpenReject::Forged));
        }
    }
    assert!(!bob.moved());
    undisturbed(&mut bob, &packets);
}

/// What Alice signed stands where she signed it: not at another position, in another name, in
/// another subsession.
//= docs/spec/attacks.md#ATK-143
//= type=test
//= docs/spec/v2.md#V2-022
//= type=test
#[test]
fn a_signed_message_has_one_place() {
    let plain = Craft::new("alice", 0, "alice", &text("yes")).plaintext::<V2>();
    let here = encrypted::<V2>(&keys_of::<V2>(SID, "alice", 0), plain.clone());
    assert!(open(&mut member::<V2>("bob"), &here).is_ok());
    let places = [(SID, "alice", 1), (SID, "mallory", 0), (SID + 1, "alice", 0)];
    for (sid, author, position) in places {
        let moved = encrypted::<V2>(&keys_of::<V2>(sid, author, position), plain.clone());
        let mut bob = member_of::<V2>("bob", sid, &["alice", "bob", "mallory"]);
        assert_eq!(open(&mut bob, &moved), Err(OpenReject::Forged));
    }
    // Signed anew it is another message, by somebody else.
    let mallory = Craft::new("mallory", 0, "mallory", &text("yes")).packet::<V2>();
    let mut bob = member::<V2>("bob");
    let (first, second) = (here, mallory);
    let first = bob.open(&name("mallory"), &first).unwrap();
    let second = bob.open(&name("alice"), &second).unwrap();
    assert_eq!([first.author, second.author], ["alice", "mallory"].map(name));
    assert_ne!(first.id, second.id);
}

/// Even if one ciphertext opened under the keys of two subsessions, the signature inside says
/// which one is meant.
//= docs/spec/attacks.md#ATK-033
//= type=test
//= docs/spec/v2.md#V2-021
//= type=test
#[test]
fn a_packet_opens_in_one_subsession() {
    let names = ["alice", "bob", "mallory"];
    let packet = seal(&mut member_of::<V2>("alice", 1, &names), &text("hello")).packet;
    for sid in 2..=64 {
        let mut other = member_of::<V2>("bob", sid, &names);
        assert_eq!(open(&mut other, &packet), Err(OpenReject::NotOurs));
    }
    let packet = seal(&mut member_of::<Colliding>("alice", 1, &names), &text("hello")).packet;
    for sid in 1..=64 {
        let mut other = member_of::<Colliding>("bob", sid, &names);
        let expected = if sid == 1 { Ok((name("alice"), 0)) } else { Err(OpenReject::Forged) };
        assert_eq!(open(&mut other, &packet), expected);
    }
}

//= docs/spec/attacks.md#ATK-105
//= type=test
//= docs/spec/v2.md#V2-023
//= type=test
#[test]
fn a_message_signed_twice_is_one_message() {
    let craft = Craft::new("mallory", 0, "mallory", &text("hello"));
    let mut bob = member::<Loose>("bob");
    let mut ids = BTreeSet::new();
    for form in 0..4 {
        let mut plain = craft.plaintext::<Loose>();
        plain[63] ^= form;
        let packet = encrypted::<Loose>(&craft.keys::<Loose>(), plain);
        assert_eq!(bob.peek_id(&packet), None);
        ids.insert(bob.open(&name("mallory"), &packet).unwrap().id);
    }
    assert_eq!(ids.len(), 1);
    assert_eq!(bob.places.len(), 1);
}

/// Two copies of one member, or one that lost its memory: the texts differ, so do the nonces.
//= docs/spec/attacks.md#ATK-035
//= type=test
//= docs/spec/attacks.md#ATK-174
//= type=test
//= docs/spec/v2.md#V2-021
//= type=test
#[test]
fn two_texts_never_have_the_same_key_and_nonce() {
    let mut seen = BTreeSet::new();
    let mut tags = BTreeSet::new();
    for copy in 0..64 {
        let mut alice = member::<V2>("alice");
        for n in 0..2 {
            let body = text(&format!("{n} by copy {copy}"));
            let packet = DataPacket::decode(&seal(&mut alice, &body).packet).unwrap();
            // The tag stands for the key.
            tags.insert(packet.tag);
            assert!(seen.insert((packet.tag, packet.nonce)));
        }
    }
    assert_eq!((tags.len(), seen.len()), (2, 128));
    // The same text again is the same packet.
    assert_eq!(series::<V2>("alice", 1)[0].packet, series::<V2>("alice", 1)[0].packet);
}

/// A member that chooses its nonces badly is not helped to keep doing so.
//= docs/spec/attacks.md#ATK-035
//= type=test
//= docs/spec/v2.md#V2-021
//= type=test
#[test]
fn a_nonce_that_does_not_belong_to_the_text_is_refused() {
    let craft = Craft::new("alice", 0, "alice", &text("hello"));
    let keys = craft.keys::<V2>();
    for nonce in [[0; 12], [7; 12], nonce::<V2>(&keys, b"another text")] {
        let mut text = craft.plaintext::<V2>();
        let mut data = DataPacket { tag: keys.tag.0, nonce, ciphertext: Vec::new() };
        V2::seal_in_place(&keys.key, &nonce, &associated(&data), &mut text);
        data.ciphertext = text;
        let opened = open(&mut member::<V2>("bob"), &data.to_wire());
        assert_eq!(opened, Err(OpenReject::Forged));
    }
}

//= docs/spec/v2.md#V2-027
//= type=test
#[test]
fn padding_is_zero_and_no_longer_than_it_must_be() {
    let craft = Craft::new("alice", 0, "alice", &text("hello"));
    let keys = craft.keys::<V2>();
    let plain = craft.plaintext::<V2>();
    assert_eq!(plain.len(), 128);
    for at in 68 + craft.content.len()..128 {
        let mut plain = plain.clone();
        plain[at] = 1;
        let packet = encrypted::<V2>(&keys, plain);
        assert_eq!(open(&mut member::<V2>("bob"), &packet), Err(OpenReject::Forged));
    }
    let longer = [plain.clone(), alloc::vec![0; 128]].concat();
    let packet = encrypted::<V2>(&keys, longer);
    assert_eq!(open(&mut member::<V2>("bob"), &packet), Err(OpenReject::Forged));
    assert!(open(&mut member::<V2>("bob"), &encrypted::<V2>(&keys, plain)).is_ok());
}

/// Signed by its author, but nonsense: that is the author's doing, and said so. Nothing of it is
/// handed out.
//= docs/spec/protocol.md#TRN-012
//= type=test
//= docs/spec/attacks.md#ATK-153
//= type=test
#[test]
fn bad_content_is_the_authors_fault() {
    let good = Craft::new("mallory", 0, "mallory", &text("hello"));
    let mut bob = member::<V2>("bob");
    let mut ids = BTreeSet::new();
    let bodies: [&[u8]; 4] = [b"", b"\x00", b"\x00\xff", b"\x02x"];
    for (position, body) in (0..).zip(bodies) {
        let content = [&good.content[..38], body].concat();
        let packet = Craft { position, content, ..Craft::new("mallory", 0, "mallory", &text("x")) };
        let packet = packet.packet::<V2>();
        let Err(OpenReject::BadContent { author, id }) = bob.open(&name("alice"), &packet) else {
            panic!("content {body:?} was read");
        };
        assert_eq!(author, name("mallory"));
        assert!(ids.insert(id));
        bob.destroy(&id);
        assert_eq!(bob.peek_id(&packet), Some(id));
    }
}

/// An insider encrypts a genuine looking text without the author's signature: whatever the reason
/// for the refusal, no part of it comes out.
//= docs/spec/attacks.md#ATK-153
//= type=test
#[test]
fn nothing_is_released_before_all_checks() {
    let genuine = Craft::new("alice", 0, "alice", &text("secret plan"));
    let plain = genuine.plaintext::<Transparent>();
    for at in 0..64 {
        let mut plain = plain.clone();
        plain[at] ^= 1;
        let packet = encrypted::<Transparent>(&genuine.keys::<Transparent>(), plain);
        let mut bob = member::<Transparent>("bob");
        // The error has no room for a text, and the state is as if nothing had come.
        assert_eq!(bob.open(&name("alice"), &packet).unwrap_err(), OpenReject::Forged);
        assert!(bob.places.is_empty());
        assert!(!format!("{bob:?}").contains("secret plan"));
    }
}
