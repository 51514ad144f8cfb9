//! What must hold for any bytes whatever. The fuzz targets and the replay of their corpora check
//! the same, so this file depends on nothing beside it.

use std::sync::LazyLock;

use mpenc_crypto::{SecretBytes, Signed, SigningKey, Suite, V1};
use mpenc_packet::armor;
use mpenc_packet::padding::unpad;
use mpenc_packet::v1::{self, Body, Content, DataFields, DecodeError, Packet, PacketKind};

/// Checks bytes as the text form of a packet.
pub(crate) fn check_armor(wire: &[u8]) {
    if let Ok(bytes) = armor::decode(wire) {
        assert_eq!(armor::encode(&bytes), wire, "armour has one form (ATK-007)");
        assert_eq!(armor::armored_len(bytes.len()), wire.len());
    }
    assert_eq!(armor::decode(&armor::encode(wire)), Ok(wire.to_vec()));
    check_kind(wire);
}

/// Checks bytes as a packet.
pub(crate) fn check_wire(wire: &[u8]) {
    check_kind(wire);
    match v1::decode(wire) {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(Packet::Greeting(packet)) => {
            let packet = packet.peek();
            assert_eq!(packet.to_wire(), wire);
            let again = packet.fields().clone().sign(&*KEY).expect("decoded, so encodable");
            assert_eq!(again.signed_bytes(), packet.signed_bytes(), "one encoding (ATK-006)");
        }
        Ok(Packet::Data(packet)) => {
            let packet = packet.peek();
            assert_eq!(packet.to_wire(), wire);
            let fields = DataFields { iv: *packet.iv(), ciphertext: packet.ciphertext().to_vec() };
            let again = fields.sign(&*KEY, &[packet.hint(); 32]).expect("decoded, so encodable");
            assert_eq!(again.signed_bytes(), packet.signed_bytes(), "one encoding (ATK-006)");
            let id = packet.message_id::<V1>();
            assert_eq!(id.as_bytes().len(), v1::MESSAGE_ID_LEN);
        }
        Ok(Packet::Error(packet)) => {
            let packet = packet.peek();
            assert_eq!(packet.to_wire(), wire);
            let again = packet.fields().clone().sign(Some(&*KEY)).expect("decoded, so encodable");
            if let (Some(signed), Some(again)) = (packet.signed(), again.signed()) {
                assert_eq!(again.peek().signed_bytes(), signed.peek().signed_bytes());
            }
        }
    }
}

/// Checks bytes as what comes out of decryption.
pub(crate) fn check_plaintext(bytes: &[u8]) {
    let raw = unpad(bytes).unwrap_or(bytes);
    if let Ok(content) = Content::decode(raw) {
        // Bodies are read more loosely than they are written, but meaning survives writing.
        if let Ok(again) = content.encode() {
            assert_eq!(Content::decode(&again), Ok(content));
        }
    }
    if let Ok(body) = Body::decode(bytes) {
        let again = body.encode().expect("decoded, so encodable");
        assert_eq!(Body::decode(&again), Ok(body));
    }
}

/// The look at the first bytes never contradicts the look at all of them.
fn check_kind(wire: &[u8]) {
    let expected = match v1::decode(wire) {
        Ok(Packet::Greeting(_)) => PacketKind::Greeting,
        Ok(Packet::Data(_)) => PacketKind::Data,
        Ok(Packet::Error(_)) => PacketKind::Error,
        Err(DecodeError::Query) => PacketKind::Query,
        Err(_) => return,
    };
    assert_eq!(v1::kind(wire), Ok(expected));
}

static KEY: LazyLock<<V1 as Suite>::SigningKey> =
    LazyLock::new(|| SigningKey::from_seed(&SecretBytes::new([1; 32])));
