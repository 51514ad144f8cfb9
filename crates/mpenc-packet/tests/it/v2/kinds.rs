//! Profile, suite and kind are at one place, and nothing passes as something else.

use mpenc_packet::v1;
use mpenc_packet::v2::{
    DataPacket, DecodeError, FieldError, HEADER_LEN, PROFILE, PacketKind, PublicationPacket,
    RequestPacket, SUITE, decode_greeting, kind,
};

use crate::support::golden;
use crate::v2::support::{packets, rewrite};

//= docs/spec/v2.md#V2-001
//= type=test
#[test]
fn packets_of_the_other_profile_are_foreign() {
    for wire in golden() {
        assert_eq!(kind(&wire), Err(DecodeError::UnknownProfile { found: b'?' }));
        assert!(rewrite(&wire).unwrap_err().is_foreign());
    }
    for (_, packet) in packets() {
        assert!(v1::decode(&packet).is_err_and(|error| error.is_foreign()));
        assert!(v1::kind(&packet).is_err_and(|error| error.is_foreign()));
    }
    assert_eq!(kind(b""), Err(FieldError::Truncated.into()));
}

//= docs/spec/v2.md#V2-001
//= type=test
//= docs/spec/attacks.md#ATK-017
//= type=test
#[test]
fn there_is_one_profile() {
    for (_, packet) in packets() {
        for found in (0..=u8::MAX).filter(|found| *found != PROFILE) {
            let mut packet = packet.clone();
            packet[0] = found;
            assert_eq!(rewrite(&packet), Err(DecodeError::UnknownProfile { found }));
            assert_eq!(kind(&packet), Err(DecodeError::UnknownProfile { found }));
        }
    }
}

//= docs/spec/v2.md#V2-002
//= type=test
//= docs/spec/attacks.md#ATK-018
//= type=test
#[test]
fn there_is_one_suite() {
    for (_, packet) in packets() {
        for bit in 0..16 {
            let found = SUITE ^ (1 << bit);
            let mut packet = packet.clone();
            packet[1..3].copy_from_slice(&found.to_be_bytes());
            assert_eq!(rewrite(&packet), Err(DecodeError::UnknownSuite { found }));
            assert!(rewrite(&packet).unwrap_err().is_foreign());
        }
    }
}

#[test]
fn kinds_have_their_numbers() {
    let known: Vec<_> = (0..=u8::MAX).filter_map(|n| Some((n, PacketKind::from_u8(n)?))).collect();
    assert_eq!(
        known.iter().map(|(n, _)| *n).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5, 0x10, 0x11, 0x12]
    );
    for (number, kind) in known {
        assert_eq!(kind.to_u8(), number);
        assert_eq!(kind.header(), [2, 2, 1, number]);
        assert_eq!(kind.is_greeting(), number < 0x10);
    }
    assert_eq!(HEADER_LEN, 4);
}

//= docs/spec/attacks.md#ATK-014
//= type=test
#[test]
fn the_kind_is_what_its_byte_says() {
    for (kind_found, packet) in packets() {
        for number in 0..=u8::MAX {
            let mut packet = packet.clone();
            packet[3] = number;
            match PacketKind::from_u8(number) {
                None => {
                    let unknown = DecodeError::UnknownKind { found: number };
                    assert_eq!(rewrite(&packet), Err(unknown));
                    assert!(unknown.is_foreign());
                }
                Some(other) => {
                    assert_eq!(kind(&packet), Ok(other));
                    // The two of equal length and form are told apart by their signature.
                    let alike = [PacketKind::Contribution, PacketKind::Share];
                    let same = other == kind_found
                        || alike.contains(&other) && alike.contains(&kind_found);
                    assert_eq!(rewrite(&packet).is_ok(), same, "{kind_found:?} as {other:?}");
                }
            }
        }
    }
}

#[test]
fn decoders_take_their_own_kind_only() {
    for (kind, packet) in packets() {
        let other = Err(DecodeError::OtherKind(kind));
        if kind.is_greeting() {
            assert!(decode_greeting(&packet).is_ok());
        } else {
            assert_eq!(decode_greeting(&packet).map(|_| ()), other);
        }
        if kind != PacketKind::Message {
            assert_eq!(DataPacket::decode(&packet).map(|_| ()), other);
        }
        if kind != PacketKind::Publication {
            assert_eq!(PublicationPacket::decode(&packet).map(|_| ()), other);
        }
        if kind != PacketKind::Request {
            assert_eq!(RequestPacket::decode(&packet).map(|_| ()), other);
        }
    }
}
