//! Fields of fixed width have no other (ATK-008, ATK-010).

use mpenc_packet::tlv::TlvError;
use mpenc_packet::v1::{DecodeError, GreetType, record};

use crate::support::{Broken, golden, greeting};

/// Widths that a record of this type may have; all of them if it is free.
fn widths(kind: u16, first: bool, greet_type: Option<GreetType>) -> Option<&'static [usize]> {
    match kind {
        record::PROTOCOL_VERSION
        | record::MESSAGE_TYPE
        | record::SIDKEY_HINT
        | record::SEVERITY => Some(&[1]),
        record::GREET_TYPE => Some(&[2]),
        record::MESSAGE_IV => Some(&[12]),
        record::LATEST_PM => Some(&[20]),
        record::INT_KEY if first && greet_type == Some(GreetType::StartInitial) => Some(&[0, 32]),
        record::INT_KEY
        | record::NONCE
        | record::PUB_KEY
        | record::PREV_PF
        | record::CHAIN_HASH => Some(&[32]),
        record::MESSAGE_SIGNATURE | record::SESSION_SIGNATURE => Some(&[64]),
        _ => None,
    }
}

#[test]
fn every_width_of_every_record() {
    for wire in golden() {
        let good = Broken::of(&wire);
        let greet_type =
            good.kinds().contains(&record::GREET_TYPE).then(|| greeting(&wire).fields().greet_type);
        for at in 0..good.0.len() {
            let (kind, value) = good.0[at].clone();
            let first = at == good.position(kind);
            let Some(allowed) = widths(kind, first, greet_type) else { continue };
            for width in (0..=66).filter(|&width| width != value.len()) {
                let mut bad = good.clone();
                bad.0[at].1 = value.iter().copied().cycle().take(width).collect();
                bad.0[at].1.resize(width, 0);
                let found = bad.decode();
                if allowed.contains(&width) {
                    assert!(found.is_ok(), "{kind:#06x} of {width} bytes");
                    continue;
                }
                let expected =
                    TlvError::Width { kind, expected: *allowed.last().unwrap(), found: width };
                assert_eq!(found, Err(DecodeError::Record(expected)));
            }
        }
    }
}

// Names are as wide as they are; whether they are names at all is for the session to judge.
#[test]
fn names_are_free() {
    for wire in golden() {
        let good = Broken::of(&wire);
        for kind in [record::SOURCE, record::MEMBER] {
            if !good.kinds().contains(&kind) {
                continue;
            }
            for width in 0..=300 {
                let mut other = good.clone();
                let at = other.position(kind);
                other.0[at].1 = vec![b'n'; width];
                assert!(other.decode().is_ok());
            }
        }
    }
}
