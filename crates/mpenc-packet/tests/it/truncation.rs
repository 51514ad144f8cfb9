//! Every cut of every golden packet is refused (ATK-001).

use mpenc_crypto::{SigningKey, V1, VerifyingKey};
use mpenc_packet::armor;
use mpenc_packet::v1::{self, GREETING_CONTEXT, Packet, record};

use crate::support::{golden, golden_with_keys};

#[test]
fn every_cut_of_the_records() {
    for (wire, key) in golden_with_keys() {
        let bytes = armor::decode(&wire).unwrap();
        assert!(v1::decode(&wire).is_ok());
        for cut in 0..bytes.len() {
            match v1::decode(&armor::encode(&bytes[..cut])) {
                Err(_) => {}
                // Heads come last and there may be any number of them. Of a packet cut between two
                // of them only the signature tells that it was longer.
                Ok(Packet::Greeting(packet)) => {
                    assert_eq!(bytes[cut..cut + 2], record::LATEST_PM.to_be_bytes());
                    let key = VerifyingKey::import(&key.public()).unwrap();
                    assert!(packet.verify::<V1>(&key, &[GREETING_CONTEXT]).is_err());
                }
                Ok(other) => panic!("cut at {cut} of {}: {other:?}", bytes.len()),
            }
        }
    }
}

#[test]
fn every_cut_of_the_text() {
    for wire in golden() {
        for cut in 0..wire.len() {
            assert!(v1::decode(&wire[..cut]).is_err(), "cut at {cut} of {}", wire.len());
            let _ = v1::kind(&wire[..cut]);
        }
    }
}

#[test]
fn every_record_length_that_is_too_large() {
    for wire in golden() {
        let bytes = armor::decode(&wire).unwrap();
        let mut at = 0;
        while at < bytes.len() {
            let len = u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]);
            for wrong in [len.saturating_add(1), len ^ 0x8000, u16::MAX] {
                let mut bytes = bytes.clone();
                bytes[at + 2..at + 4].copy_from_slice(&wrong.to_be_bytes());
                assert!(v1::decode(&armor::encode(&bytes)).is_err(), "length at {at}");
            }
            at += 4 + usize::from(len);
        }
    }
}
