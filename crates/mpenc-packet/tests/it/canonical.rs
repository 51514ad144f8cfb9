//! One packet, one byte string: nothing may follow, repeat, move, or be strange (ATK-004 to
//! ATK-006, ATK-014).

use mpenc_packet::armor;
use mpenc_packet::tlv::TlvError;
use mpenc_packet::v1::{self, DecodeError, PacketKind, record};

use crate::support::{Broken, golden};

/// Records that may stand several times in a row.
const REPEATED: [u16; 5] =
    [record::MEMBER, record::INT_KEY, record::NONCE, record::PUB_KEY, record::LATEST_PM];

/// Every record type of the protocol, one never sent, and two that do not exist.
const KINDS: [u16; 24] = [
    record::PROTOCOL_VERSION,
    record::MESSAGE_TYPE,
    record::MESSAGE_SIGNATURE,
    record::MESSAGE_PAYLOAD,
    record::MESSAGE_IV,
    record::SIDKEY_HINT,
    record::MESSAGE_PARENT,
    record::MESSAGE_BODY,
    record::SOURCE,
    record::DEST,
    record::MEMBER,
    record::INT_KEY,
    record::NONCE,
    record::PUB_KEY,
    record::SESSION_SIGNATURE,
    0x0107,
    record::GREET_TYPE,
    record::SEVERITY,
    record::PREV_PF,
    record::CHAIN_HASH,
    record::LATEST_PM,
    0x0000,
    0x0304,
    0xffff,
];

// ATK-004; wire-v1.md section 18 says that old peers ignore such bytes and never send them.
#[test]
fn nothing_may_follow() {
    for wire in golden() {
        let bytes = armor::decode(&wire).unwrap();
        for tail in [&b"\0"[..], b"\0\0\0", b"\0\0\0\0", b"\x03\x04\0\x01x", b"\xff\xff\0\0"] {
            let found = v1::decode(&armor::encode(&[&bytes, tail].concat()));
            assert!(matches!(found, Err(DecodeError::Record(_))), "{found:?}");
        }
        assert!(v1::decode(&[&wire, &b"."[..]].concat()).is_err());
        assert!(v1::decode(&[&wire, &wire[..]].concat()).is_err());
    }
}

// ATK-005
#[test]
fn singletons_stand_once() {
    for wire in golden() {
        let good = Broken::of(&wire);
        for at in 0..good.0.len() {
            let mut bad = good.clone();
            bad.0.insert(at, bad.0[at].clone());
            let (kind, value) = &good.0[at];
            if REPEATED.contains(kind) && *kind != record::LATEST_PM && !value.is_empty() {
                assert!(bad.decode().is_ok(), "lists are for the greeting to judge: {kind:#06x}");
            } else {
                assert!(bad.decode().is_err(), "{kind:#06x} twice");
            }
        }
    }
}

// ATK-006
#[test]
fn records_keep_their_order() {
    for wire in golden() {
        let good = Broken::of(&wire);
        for a in 0..good.0.len() {
            for b in a + 1..good.0.len() {
                let mut bad = good.clone();
                bad.0.swap(a, b);
                let same_list = good.0[a].0 == good.0[b].0 && good.0[a].0 != record::LATEST_PM;
                // Swapping a short first intermediate key puts it where it may not stand.
                let same_shape = good.0[a].1.len() == good.0[b].1.len();
                if same_list && same_shape || bad == good {
                    assert!(bad.decode().is_ok());
                } else if !same_list {
                    assert!(bad.decode().is_err(), "{:#06x} and {:#06x}", good.0[a].0, good.0[b].0);
                }
            }
        }
    }
}

// ATK-006
#[test]
fn no_record_is_dispensable() {
    for wire in golden() {
        let good = Broken::of(&wire);
        for at in 0..good.0.len() {
            let mut bad = good.clone();
            let (kind, _) = bad.0.remove(at);
            let others_stay = bad.kinds().contains(&kind);
            let unsigned_error =
                kind == record::MESSAGE_SIGNATURE && good.kinds().contains(&record::SEVERITY);
            let first_base = kind == record::INT_KEY && good.0[at].1.is_empty();
            let in_list = REPEATED.contains(&kind) && others_stay || kind == record::LATEST_PM;
            let expected = in_list || unsigned_error || first_base;
            assert_eq!(bad.decode().is_ok(), expected, "{kind:#06x} at {at}");
        }
    }
}

// ATK-006
#[test]
fn no_stranger_is_let_in() {
    for wire in golden() {
        let good = Broken::of(&wire);
        for at in 0..=good.0.len() {
            for kind in KINDS {
                let neighbours = [at.checked_sub(1), Some(at)];
                let in_list = neighbours
                    .into_iter()
                    .flatten()
                    .filter_map(|i| good.0.get(i))
                    .any(|(next, _)| *next == kind);
                if in_list {
                    continue;
                }
                for len in [0, 1, 2, 12, 20, 32, 64] {
                    let mut bad = good.clone();
                    bad.0.insert(at, (kind, vec![1; len]));
                    let new_head = kind == record::LATEST_PM
                        && len == 20
                        && at > 0
                        && good.0[at - 1].0 == record::CHAIN_HASH;
                    let error_signed = kind == record::MESSAGE_SIGNATURE
                        && len == 64
                        && at == 0
                        && good.kinds().contains(&record::SEVERITY);
                    assert_eq!(
                        bad.decode().is_ok(),
                        new_head || error_signed,
                        "{kind:#06x} of {len} bytes at {at}"
                    );
                }
            }
        }
    }
}

#[test]
fn the_destination_fits_the_flow() {
    for wire in golden() {
        let good = Broken::of(&wire);
        if !good.kinds().contains(&record::DEST) {
            continue;
        }
        let at = good.position(record::DEST);
        let mut bad = good.clone();
        bad.0[at].1 = if good.0[at].1.is_empty() { b"bob".to_vec() } else { Vec::new() };
        assert_eq!(bad.decode(), Err(DecodeError::Destination));
    }
}

// ATK-014
#[test]
fn the_type_has_one_place() {
    for wire in golden() {
        let good = Broken::of(&wire);
        let at = good.position(record::MESSAGE_TYPE);
        for number in (0..=255).filter(|n| good.0[at].1 != [*n]) {
            let mut bad = good.clone();
            bad.0[at].1 = vec![number];
            let found = bad.decode();
            match PacketKind::from_u8(number) {
                None => assert_eq!(found, Err(DecodeError::UnknownType { found: number })),
                Some(_) => assert!(matches!(found, Err(DecodeError::Record(_)))),
            }
        }
        // The original takes the first type record it finds, wherever it is; we do not look.
        let mut bad = good.clone();
        bad.0.insert(0, (record::MESSAGE_TYPE, vec![3]));
        assert!(bad.decode().is_err());
        assert!(v1::kind(&armor::encode(&bad.bytes())).is_err());
    }
}

// ATK-017
#[test]
fn there_is_one_version() {
    for wire in golden() {
        let good = Broken::of(&wire);
        let at = good.position(record::PROTOCOL_VERSION);
        for number in (0..=255).filter(|&n| n != 1) {
            let mut bad = good.clone();
            bad.0[at].1 = vec![number];
            assert_eq!(bad.decode(), Err(DecodeError::UnknownVersion { found: number }));
        }
    }
}

#[test]
fn queries_are_recognised_and_refused() {
    let query = b"\0\x01\0\x01\x01\0\x02\0\x01\x01";
    assert_eq!(v1::kind(&armor::encode(query)), Ok(PacketKind::Query));
    assert_eq!(v1::decode(&armor::encode(query)), Err(DecodeError::Query));
    let hint = v1::decode(&armor::encode(&[b"\0\x12\0\x01\x07", &query[..]].concat()));
    assert!(matches!(hint, Err(DecodeError::Record(TlvError::Unexpected { .. }))));
    let tail = v1::decode(&armor::encode(&[&query[..], b"\0\x01\0\0"].concat()));
    assert_eq!(tail, Err(DecodeError::Record(TlvError::Trailing)));
}

#[test]
fn kind_and_decoding_agree() {
    for wire in golden() {
        let kind = match v1::decode(&wire).unwrap() {
            v1::Packet::Greeting(_) => PacketKind::Greeting,
            v1::Packet::Data(_) => PacketKind::Data,
            v1::Packet::Error(_) => PacketKind::Error,
        };
        assert_eq!(v1::kind(&wire), Ok(kind));
    }
}

//= docs/spec/protocol.md#SES-007
//= type=test
#[test]
fn what_is_not_ours_is_told_from_what_is_broken() {
    let foreign = |wire: &[u8]| v1::decode(wire).unwrap_err().is_foreign();
    assert!(foreign(b""));
    assert!(foreign(b"hello"));
    assert!(foreign(b"?mpENCv2?"));
    assert!(foreign(&armor::encode(b"\0\x01\0\x01\x01\0\x02\0\x01\x01")));
    assert!(foreign(&armor::encode(b"\0\x01\0\x01\x01\0\x02\0\x01\x09")));
    assert!(foreign(&armor::encode(b"\0\x01\0\x01\x02\0\x02\0\x01\x02")));
    assert!(!foreign(b"?mpENC:!!!!."));
    assert!(!foreign(&armor::encode(b"\0\x01\0\x01\x01\0\x02\0\x01\x02")));
}
