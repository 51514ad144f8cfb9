//! Every cut of every packet, and everything longer, is refused.

use mpenc_packet::v2::{DecodeError, FieldError, Plaintext, kind};

use crate::v2::contents::contents;
use crate::v2::support::{packets, rewrite};

//= docs/spec/attacks.md#ATK-001
//= type=test
#[test]
fn every_cut() {
    for (kind, packet) in packets() {
        assert_eq!(rewrite(&packet), Ok(packet.clone()));
        for cut in 0..packet.len() {
            let found = rewrite(&packet[..cut]);
            assert!(found.is_err(), "{kind:?} of {} cut at {cut}", packet.len());
        }
    }
}

#[test]
fn what_is_cut_is_called_so() {
    for (kind, packet) in packets().into_iter().filter(|(kind, _)| kind.is_greeting()) {
        for cut in 0..packet.len() {
            let found = rewrite(&packet[..cut]);
            assert_eq!(found, Err(FieldError::Truncated.into()), "{kind:?} cut at {cut}");
        }
    }
}

//= docs/spec/attacks.md#ATK-004
//= type=test
#[test]
fn nothing_may_follow() {
    for (kind, packet) in packets() {
        for byte in 0..=u8::MAX {
            let found = rewrite(&[&packet[..], &[byte]].concat());
            assert!(found.is_err(), "{kind:?} and {byte}");
        }
        let found = rewrite(&[&packet[..], &packet].concat());
        assert!(found.is_err(), "{kind:?} twice");
        if kind.is_greeting() {
            assert_eq!(found, Err(FieldError::Trailing.into()));
        }
    }
}

//= docs/spec/attacks.md#ATK-001
//= type=test
//= docs/spec/attacks.md#ATK-004
//= type=test
#[test]
fn every_cut_and_every_addition_to_a_plaintext() {
    let signature = mpenc_crypto::Signature::new([0x61; 64]);
    for content in contents() {
        let bytes = Plaintext { signature, content: content.encode().unwrap() }.encode();
        assert!(Plaintext::decode(&bytes).is_ok());
        for cut in (0..bytes.len()).rev().take(400).chain(0..100) {
            assert!(Plaintext::decode(&bytes[..cut]).is_err(), "{} cut at {cut}", bytes.len());
        }
        for byte in [0, 1, u8::MAX] {
            assert!(Plaintext::decode(&[&bytes[..], &[byte]].concat()).is_err());
        }
        assert!(Plaintext::decode(&[&bytes[..], &vec![0; bytes.len()]].concat()).is_err());
    }
}

/// Every count and every length is followed by less than it says.
#[test]
fn every_number_that_is_too_large() {
    for (_, packet) in packets().into_iter().filter(|(kind, _)| kind.is_greeting()) {
        for at in 68..packet.len() {
            let mut packet = packet.clone();
            packet[at] = u8::MAX;
            // Whatever it was, it is refused or what it says.
            if let Ok(again) = rewrite(&packet) {
                assert_eq!(again, packet);
            }
        }
    }
}

#[test]
fn a_look_at_the_header_needs_the_header() {
    for (expected, packet) in packets() {
        for cut in 0..4 {
            assert_eq!(kind(&packet[..cut]), Err(DecodeError::Field(FieldError::Truncated)));
        }
        for cut in 4..packet.len() {
            assert_eq!(kind(&packet[..cut]), Ok(expected));
        }
    }
}
