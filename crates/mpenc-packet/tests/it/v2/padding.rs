//! Lengths that messages have, and padding.

use alloc::collections::BTreeSet;

use mpenc_crypto::Signature;
use mpenc_packet::v2::{
    AUTHENTICATOR_LEN, Body, ContentError, DataPacket, DecodeError, FieldError, MAX_CONTENT_LEN,
    MAX_PLAINTEXT_LEN, MIN_PLAINTEXT_LEN, Plaintext, padded_len,
};

use crate::v2::contents::content;
use crate::v2::support::data;

/// As the paper that describes Padmé computes it, in floating point.
fn padme(len: usize) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "small numbers"
    )]
    fn floor_log2(n: usize) -> usize {
        (n as f64).log2().floor() as usize
    }
    let e = floor_log2(len);
    let s = floor_log2(e) + 1;
    let mask = (1 << (e - s)) - 1;
    (len + mask) & !mask
}

//= docs/spec/v2.md#V2-027
//= type=test
#[test]
fn lengths_by_formula() {
    for len in 0..=40_000 {
        let expected = if len <= 4096 {
            [128, 256, 512, 1024, 2048, 4096].into_iter().find(|bucket| *bucket >= len).unwrap()
        } else {
            padme(len)
        };
        assert_eq!(padded_len(len), expected, "{len}");
        assert_eq!(padded_len(expected), expected, "a padded length is padded to itself");
    }
}

//= docs/spec/v2.md#V2-027
//= type=test
#[test]
fn lengths_by_hand() {
    for (len, expected) in [
        (1, 128),
        (128, 128),
        (129, 256),
        (4096, 4096),
        (4097, 4352), // e = 12, s = 4: multiples of 256
        (4352, 4352),
        (5000, 5120),
        (8191, 8192),
        (8193, 8704),            // e = 13, s = 4: multiples of 512
        (16_491, 17_408),        // the longest text alone; e = 14, s = 4: multiples of 1024
        (32_939, 34_816),        // the longest content; e = 15, s = 4: multiples of 2048
        (65_537, 65_536 + 2048), // e = 16, s = 5: multiples of 2048
    ] {
        assert_eq!(padded_len(len), expected, "{len}");
    }
    assert_eq!((MIN_PLAINTEXT_LEN, MAX_CONTENT_LEN, MAX_PLAINTEXT_LEN), (128, 32_871, 34_816));
    assert_eq!(padded_len(usize::MAX), usize::MAX, "no overflow");
}

fn plaintext(content: Vec<u8>) -> Plaintext {
    Plaintext { signature: Signature::new([0x61; 64]), content }
}

//= docs/spec/attacks.md#ATK-155
//= type=test
//= docs/spec/v2.md#V2-027
//= type=test
#[test]
fn few_lengths_are_seen() {
    let seen: BTreeSet<usize> =
        (37..=MAX_CONTENT_LEN).map(|len| plaintext(vec![1; len]).encode().len()).collect();
    // Six powers of two, sixteen lengths in each of three octaves, one above.
    assert_eq!(seen.len(), 6 + 3 * 16 + 1);
    let sealed = |body: Body| plaintext(content(body).encode().unwrap()).encode().len();
    let short = sealed(Body::Payload("yes".into()));
    for body in [Body::ExplicitAck { manual: false }, Body::Heartbeat, Body::Close] {
        assert_eq!(sealed(body), short, "silence looks like words");
    }
}

#[test]
fn plaintexts_have_their_fields() {
    let bytes = plaintext(b"abc".to_vec()).encode();
    assert_eq!(bytes.len(), 128);
    assert_eq!(bytes[..64], [0x61; 64]);
    assert_eq!(bytes[64..71], *b"\0\0\0\x03abc");
    assert_eq!(bytes[71..], [0; 57]);
    assert!(bytes.capacity() >= 128 + AUTHENTICATOR_LEN, "room for the authenticator");
    assert_eq!(Plaintext::decode(&bytes), Ok(plaintext(b"abc".to_vec())));
    let shown = format!("{:?}", plaintext(b"abc".to_vec()));
    assert!(!shown.contains("97") && shown.contains("3 bytes"), "{shown}");
}

//= docs/spec/attacks.md#ATK-004
//= type=test
//= docs/spec/v2.md#V2-027
//= type=test
#[test]
fn padding_is_zeros_of_the_right_number() {
    for len in [0, 1, 60, 61, 188, 189, 4028, 4029, 16_423, MAX_CONTENT_LEN] {
        let expected = plaintext(vec![7; len]);
        let bytes = expected.encode();
        assert_eq!(Plaintext::decode(&bytes), Ok(expected));
        for at in 68 + len..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] = 1;
            assert_eq!(Plaintext::decode(&bytes), Err(ContentError::Padding));
        }
        // Another length that some message could have.
        let longer = padded_len(bytes.len() + 1);
        let mut other = bytes.clone();
        other.resize(longer, 0);
        assert_eq!(Plaintext::decode(&other), Err(ContentError::Padding));
        let unpadded = &bytes[..68 + len];
        assert_eq!(Plaintext::decode(unpadded).is_ok(), unpadded.len() == bytes.len());
        // Hidden zeros: a shorter length says that the last byte of the content is padding.
        if len > 0 {
            let mut bytes = bytes.clone();
            bytes[64..68].copy_from_slice(&u32::try_from(len - 1).unwrap().to_be_bytes());
            assert_eq!(Plaintext::decode(&bytes), Err(ContentError::Padding));
        }
    }
}

#[test]
fn a_content_is_not_longer_than_contents_are() {
    let mut bytes = plaintext(vec![0; MAX_CONTENT_LEN]).encode();
    for found in [MAX_CONTENT_LEN + 1, MAX_CONTENT_LEN + 2, usize::try_from(u32::MAX).unwrap()] {
        bytes[64..68].copy_from_slice(&u32::try_from(found).unwrap().to_be_bytes());
        let expected = FieldError::TooMany { found, limit: MAX_CONTENT_LEN };
        assert_eq!(Plaintext::decode(&bytes), Err(expected.into()));
    }
    for len in [61_u32, 0x8000] {
        let mut bytes = plaintext(vec![0; 60]).encode();
        bytes[64..68].copy_from_slice(&len.to_be_bytes());
        assert_eq!(Plaintext::decode(&bytes), Err(FieldError::Truncated.into()));
    }
}

/// Every length that a plaintext can have, and no other.
#[test]
fn packets_have_the_length_of_padded_messages() {
    let known: BTreeSet<usize> =
        (0..=68 + MAX_CONTENT_LEN).map(|len| padded_len(len) + AUTHENTICATOR_LEN).collect();
    for len in 0..40_000 {
        let packet = DataPacket { ciphertext: vec![0; len], ..data() };
        let found = DataPacket::decode(&packet.to_wire());
        if known.contains(&len) {
            assert_eq!(found, Ok(packet));
        } else {
            assert_eq!(found, Err(DecodeError::Length { found: len }));
        }
    }
}
