//! What must hold for any bytes whatever in the second profile. Fuzz targets and the replay of
//! their corpora can check the same, so this file depends on nothing beside it.

use std::sync::LazyLock;

use mpenc_crypto::{SecretBytes, Signed, SigningKey, Suite, V2};
use mpenc_packet::v2::{self, Greeting, PacketKind};

/// Checks bytes as everything that the second profile has: packets, what comes out of decryption,
/// and what is in it. What decodes is exactly what its own fields encode to (V2-005).
pub(crate) fn check_v2(bytes: &[u8]) {
    match v2::decode_greeting(bytes) {
        Ok(greeting) => check_v2_greeting(&greeting, bytes),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    if let Ok(packet) = v2::DataPacket::decode(bytes) {
        assert_eq!(v2::kind(bytes), Ok(PacketKind::Message));
        assert_eq!(packet.to_wire(), bytes);
        assert_eq!(bytes.get(..v2::AAD_LEN), Some(&packet.aad()[..]));
    }
    if let Ok(packet) = v2::PublicationPacket::decode(bytes) {
        assert_eq!(v2::kind(bytes), Ok(PacketKind::Publication));
        assert_eq!(packet.to_wire(), bytes);
    }
    let mut content = bytes;
    let plaintext = v2::Plaintext::decode(bytes);
    if let Ok(plaintext) = &plaintext {
        assert_eq!(plaintext.encode(), bytes);
        content = &plaintext.content;
    }
    match v2::Content::decode(content) {
        Ok(found) => assert_eq!(found.encode().as_deref(), Ok(content)),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    if let Ok(body) = v2::Body::decode(bytes) {
        assert_eq!(body.encode().as_deref(), Ok(bytes));
    }
}

fn check_v2_greeting(greeting: &Greeting, wire: &[u8]) {
    fn check(kind: PacketKind, packet: &impl Signed, again: &impl Signed, wire: &[u8]) {
        assert_eq!(v2::kind(wire), Ok(kind));
        assert_eq!(again.signed_bytes(), packet.signed_bytes(), "one encoding (ATK-006)");
        let (header, rest) = wire.split_at(v2::HEADER_LEN);
        let (signature, content) = rest.split_at(64);
        assert_eq!(packet.signature().as_bytes(), signature);
        assert_eq!(packet.signed_bytes(), [header, content].concat());
    }
    let key = &*KEY;
    match greeting {
        Greeting::Initial(packet) => {
            let packet = packet.peek();
            let again = packet.fields().clone().sign(key).expect("decoded, so encodable");
            check(PacketKind::Initial, packet, &again, wire);
            assert_eq!(packet.to_wire(), wire);
        }
        Greeting::Contribution(packet) => {
            let packet = packet.peek();
            let again = packet.fields().clone().sign(key).expect("decoded, so encodable");
            check(PacketKind::Contribution, packet, &again, wire);
            assert_eq!(packet.to_wire(), wire);
        }
        Greeting::Share(packet) => {
            let packet = packet.peek();
            let again = packet.fields().clone().sign(key, &[0; 32]);
            check(PacketKind::Share, packet, &again.expect("decoded, so encodable"), wire);
            assert_eq!(packet.to_wire(), wire);
        }
        Greeting::Confirmation(packet) => {
            let packet = packet.peek();
            let again = packet.fields().clone().sign(key).expect("decoded, so encodable");
            check(PacketKind::Confirmation, packet, &again, wire);
            assert_eq!(packet.to_wire(), wire);
        }
        Greeting::Abort(packet) => {
            let packet = packet.peek();
            let again = packet.fields().clone().sign(key).expect("decoded, so encodable");
            check(PacketKind::Abort, packet, &again, wire);
            assert_eq!(packet.to_wire(), wire);
        }
    }
}

static KEY: LazyLock<<V2 as Suite>::SigningKey> =
    LazyLock::new(|| SigningKey::from_seed(&SecretBytes::new([1; 32])));
