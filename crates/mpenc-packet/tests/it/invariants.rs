//! What must hold for any bytes whatever. The fuzz targets and the replay of their corpora check
//! the same, so this file depends on nothing beside it.

use std::sync::LazyLock;

use mpenc_crypto::testing::Transparent;
use mpenc_crypto::{SecretBytes, Signed, SigningKey, Suite, V1};
use mpenc_packet::armor;
use mpenc_packet::padding::{self, unpad};
use mpenc_packet::tlv::{Reader, Record, Records, TlvError, Writer};
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

/// Checks bytes as records of any kind, read in the order in which they are there.
pub(crate) fn check_records(bytes: &[u8]) {
    let mut reader = Reader::new(bytes);
    let mut writer = Writer::new();
    for found in Records::new(bytes) {
        assert_eq!(reader.peek(), found.map(Some));
        let Ok(Record { kind, value }) = found else { break };
        let before = reader.position();
        // The next record is the one that it is, and no other.
        let other = kind ^ 1;
        let unexpected = TlvError::Unexpected { expected: other, found: Some(kind) };
        assert_eq!(reader.take(other), Err(unexpected));
        assert_eq!(reader.take_if(other), Ok(None));
        assert_eq!(reader.position(), before);
        if value.len() != 4 {
            let width = TlvError::Width { kind, expected: 4, found: value.len() };
            assert_eq!(reader.clone().take_array::<4>(kind), Err(width));
        }
        if let Ok(run) = reader.count(kind, 3) {
            let mut ahead = reader.clone();
            let taken = (0..4).take_while(|_| matches!(ahead.take_if(kind), Ok(Some(_)))).count();
            assert_eq!(run, taken);
        }
        assert_eq!(reader.take(kind), Ok(value));
        assert_eq!(reader.position(), before + 4 + value.len());
        writer.push(kind, value).expect("read, so writable");
        assert_eq!(reader.clone().finish().is_ok(), reader.position() == bytes.len());
    }
    let position = reader.position();
    assert_eq!(writer.into_bytes(), bytes[..position], "one encoding");
    match reader.peek() {
        Ok(next) => assert_eq!((next, position), (None, bytes.len())),
        Err(error) => assert_eq!(error, TlvError::Truncated),
    }
}

/// Checks bytes as what comes out of decryption.
pub(crate) fn check_plaintext(bytes: &[u8]) {
    match padding::pad(bytes, padding::BASE) {
        Ok(padded) => assert_eq!(unpad(&padded), Ok(bytes)),
        Err(_) => assert!(bytes.len() > padding::MAX_RAW_LEN),
    }
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

/// Signs what is only compared, so any suite will do.
static KEY: LazyLock<<Transparent as Suite>::SigningKey> =
    LazyLock::new(|| SigningKey::from_seed(&SecretBytes::new([1; 32])));
