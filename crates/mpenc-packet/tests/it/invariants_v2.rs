//! What must hold for any bytes as packets and messages of the second profile. The fuzz targets and
//! the replay of their corpora check the same, so this file depends on nothing beside it.

use std::sync::LazyLock;

use mpenc_crypto::testing::Transparent;
use mpenc_crypto::{SecretBytes, Signed, SigningKey, Suite, Unverified};
use mpenc_packet::v2::{
    self, Body, Content, DataPacket, DecodeError, Greeting, PacketKind, Plaintext,
    PublicationPacket, Request, RequestPacket,
};

/// Checks bytes as a packet.
pub(crate) fn check_packet(wire: &[u8]) {
    let greeting = v2::decode_greeting(wire);
    let message = DataPacket::decode(wire);
    let publication = PublicationPacket::decode(wire);
    let request = RequestPacket::decode(wire);
    match v2::kind(wire) {
        Err(error) => {
            // Everybody looks at the header first, and finds the same.
            assert!(!error.to_string().is_empty());
            assert_eq!(greeting, Err(error));
            assert_eq!(message, Err(error));
            assert_eq!(publication, Err(error));
            assert_eq!(request, Err(error));
        }
        Ok(kind) => {
            // Each decoder leaves what is not its own to the others.
            let other = Some(DecodeError::OtherKind(kind));
            assert_eq!(wire[..v2::HEADER_LEN], kind.header());
            assert_eq!(greeting.as_ref().err().copied() == other, !kind.is_greeting());
            let is_message = kind == PacketKind::Message;
            assert_eq!(message.as_ref().err().copied() == other, !is_message);
            let is_publication = kind == PacketKind::Publication;
            assert_eq!(publication.as_ref().err().copied() == other, !is_publication);
            let is_request = kind == PacketKind::Request;
            assert_eq!(request.as_ref().err().copied() == other, !is_request);
        }
    }
    if let Ok(message) = message {
        assert_eq!(message.to_wire(), wire, "one encoding (ATK-006)");
    }
    if let Ok(request) = request {
        assert_eq!(request.to_wire(), wire, "one encoding (ATK-006)");
    }
    if let Ok(publication) = publication {
        assert_eq!(publication.to_wire(), wire, "one encoding (ATK-006)");
    }
    match greeting {
        Ok(Greeting::Initial(packet)) => {
            let packet = same(&packet, wire, |packet| packet.to_wire());
            let again = packet.fields().clone().sign(&*KEY).expect("decoded, so encodable");
            assert_eq!(again.signed_bytes(), packet.signed_bytes(), "one encoding (ATK-006)");
            // Every name has one place, and every place one name.
            let next = again.fields().next_members();
            assert!(next.len() <= 512 && again.fields().prev_members().len() <= 512);
            for (place, name) in (0..).zip(&next) {
                assert_eq!(again.fields().member_at(place), Some(name));
                assert_eq!(again.fields().place_of(name), Some(place));
            }
        }
        Ok(Greeting::Contribution(packet)) => {
            let packet = same(&packet, wire, |packet| packet.to_wire());
            let again = packet.fields().clone().sign(&*KEY).expect("decoded, so encodable");
            assert_eq!(again.signed_bytes(), packet.signed_bytes(), "one encoding (ATK-006)");
        }
        Ok(Greeting::Share(packet)) => {
            let packet = same(&packet, wire, |packet| packet.to_wire());
            let again = packet.fields().clone().sign(&*KEY, &[0; 32]);
            let again = again.expect("decoded, so encodable");
            assert_eq!(again.signed_bytes(), packet.signed_bytes(), "one encoding (ATK-006)");
        }
        Ok(Greeting::Confirmation(packet)) => {
            let packet = same(&packet, wire, |packet| packet.to_wire());
            let again = packet.fields().clone().sign(&*KEY).expect("decoded, so encodable");
            assert_eq!(again.signed_bytes(), packet.signed_bytes(), "one encoding (ATK-006)");
        }
        Ok(Greeting::Abort(packet)) => {
            let packet = same(&packet, wire, |packet| packet.to_wire());
            let again = packet.fields().clone().sign(&*KEY).expect("decoded, so encodable");
            assert_eq!(again.signed_bytes(), packet.signed_bytes(), "one encoding (ATK-006)");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Checks bytes as what comes out of decryption, and as what is inside that.
pub(crate) fn check_plaintext(bytes: &[u8]) {
    if let Ok(plaintext) = Plaintext::decode(bytes) {
        assert_eq!(plaintext.encode(), bytes, "one encoding (V2-027)");
        check_content(&plaintext.content);
    }
    if let Ok(request) = Request::decode(bytes) {
        assert_eq!(request.encode(), bytes, "one encoding (V2-035)");
    }
    check_content(bytes);
    if let Ok(body) = Body::decode(bytes) {
        assert_eq!(body.encode().as_deref(), Ok(bytes), "one encoding (ATK-006)");
    }
}

fn check_content(bytes: &[u8]) {
    if let Ok(content) = Content::decode(bytes) {
        assert_eq!(content.encode().as_deref(), Ok(bytes), "one encoding (ATK-006)");
    }
}

/// The packet, which writes itself as it was read.
fn same<'a, P: Signed>(
    packet: &'a Unverified<P>,
    wire: &[u8],
    write: impl Fn(&P) -> Vec<u8>,
) -> &'a P {
    let packet = packet.peek();
    assert_eq!(write(packet), wire);
    packet
}

/// Signs what is only compared, so any suite will do.
static KEY: LazyLock<<Transparent as Suite>::SigningKey> =
    LazyLock::new(|| SigningKey::from_seed(&SecretBytes::new([1; 32])));
