//! What a signature covers, and that one made for one purpose is none for another.

use mpenc_crypto::label::ALL_SIGN;
use mpenc_crypto::{SignLabel, Signature, Signed, SigningKey, Unverified, V2, VerifyingKey};
use mpenc_packet::v1;
use mpenc_packet::v2::{Greeting, PacketKind, decode_greeting};

use crate::v2::support::{CTX, covered, key, packets};

struct Bytes(Signature, Vec<u8>);

impl Signed for Bytes {
    fn signature(&self) -> &Signature {
        &self.0
    }

    fn signed_bytes(&self) -> &[u8] {
        &self.1
    }
}

fn verifies(greeting: &Greeting) -> bool {
    let key = VerifyingKey::import(&key().public()).unwrap();
    match greeting {
        Greeting::Initial(p) => p.verify::<V2>(&key, &[SignLabel::INITIAL.as_bytes()]).is_ok(),
        Greeting::Contribution(p) => {
            p.verify::<V2>(&key, &[SignLabel::CONTRIBUTION.as_bytes()]).is_ok()
        }
        Greeting::Share(p) => p.verify::<V2>(&key, &[SignLabel::SHARE.as_bytes(), &CTX]).is_ok(),
        Greeting::Confirmation(p) => {
            p.verify::<V2>(&key, &[SignLabel::CONFIRMATION.as_bytes()]).is_ok()
        }
        Greeting::Abort(p) => p.verify::<V2>(&key, &[SignLabel::ABORT.as_bytes()]).is_ok(),
    }
}

/// The greeting packets among the examples.
fn greetings() -> Vec<(PacketKind, Vec<u8>)> {
    packets().into_iter().filter(|(kind, _)| kind.is_greeting()).collect()
}

//= docs/spec/attacks.md#ATK-014
//= type=test
#[test]
fn every_bit_counts() {
    for (kind, packet) in greetings() {
        assert!(verifies(&decode_greeting(&packet).unwrap()), "{kind:?}");
        for at in 0..packet.len() {
            for bit in 0..8 {
                let mut packet = packet.clone();
                packet[at] ^= 1 << bit;
                if let Ok(found) = decode_greeting(&packet) {
                    assert!(!verifies(&found), "bit {bit} of byte {at} of {kind:?}");
                }
            }
        }
    }
}

//= docs/spec/attacks.md#ATK-014
//= type=test
#[test]
fn no_packet_verifies_as_another_kind() {
    for (kind, packet) in greetings() {
        for other in PacketKind::ALL {
            let mut packet = packet.clone();
            packet[3] = other.to_u8();
            if let Ok(found) = decode_greeting(&packet) {
                assert_eq!(verifies(&found), other == kind, "{kind:?} as {other:?}");
            }
        }
    }
}

//= docs/spec/attacks.md#ATK-015
//= type=test
//= docs/spec/v2.md#V2-009
//= type=test
#[test]
fn cross_verification_fails() {
    let key = key();
    let verifying = VerifyingKey::import(&key.public()).unwrap();
    // Each label of this profile and of the other, with what follows it before the bytes.
    let mut contexts: Vec<Vec<&[u8]>> = ALL_SIGN.iter().map(|l| vec![l.as_bytes()]).collect();
    contexts.push(vec![SignLabel::SHARE.as_bytes(), &CTX]);
    contexts.extend([v1::GREETING_CONTEXT, v1::DATA_CONTEXT, v1::ERROR_CONTEXT].map(|c| vec![c]));
    contexts.push(vec![v1::DATA_CONTEXT, &CTX]);
    contexts.push(vec![]);
    let made = |context: &[&[u8]], bytes: &[u8]| {
        let parts: Vec<&[u8]> = context.iter().copied().chain([bytes]).collect();
        Unverified::new(Bytes(key.sign(&parts), bytes.to_vec()))
    };
    // A signature under each label, over the bytes of each packet.
    for (_, packet) in greetings() {
        let (_, bytes) = covered(&decode_greeting(&packet).unwrap());
        for (i, one) in contexts.iter().enumerate() {
            let signed = made(one, &bytes);
            for (j, other) in contexts.iter().enumerate() {
                let found = signed.verify::<V2>(&verifying, other).is_ok();
                assert_eq!(found, i == j, "made in context {i}, verified in {j}");
            }
        }
    }
    // And the packets themselves, as they are made.
    for (kind, packet) in greetings() {
        let (signature, bytes) = covered(&decode_greeting(&packet).unwrap());
        let signed = Unverified::new(Bytes(Signature::new(signature), bytes));
        let fitting = contexts.iter().filter(|c| signed.verify::<V2>(&verifying, c).is_ok());
        let fitting: Vec<_> = fitting.collect();
        let label = match kind {
            PacketKind::Initial => vec![SignLabel::INITIAL.as_bytes()],
            PacketKind::Contribution => vec![SignLabel::CONTRIBUTION.as_bytes()],
            PacketKind::Share => vec![SignLabel::SHARE.as_bytes(), &CTX],
            PacketKind::Confirmation => vec![SignLabel::CONFIRMATION.as_bytes()],
            PacketKind::Abort => vec![SignLabel::ABORT.as_bytes()],
            PacketKind::Message | PacketKind::Publication | PacketKind::Request => {
                panic!("not signed")
            }
        };
        assert_eq!(fitting, [&label], "{kind:?}");
    }
}

#[test]
fn a_share_is_bound_to_its_context() {
    let verifying = VerifyingKey::import(&key().public()).unwrap();
    let (_, packet) = greetings().into_iter().find(|(kind, _)| *kind == PacketKind::Share).unwrap();
    let Ok(Greeting::Share(packet)) = decode_greeting(&packet) else { panic!("not a share") };
    let label = SignLabel::SHARE.as_bytes();
    assert!(packet.verify::<V2>(&verifying, &[label, &CTX]).is_ok());
    for at in 0..32 {
        let mut ctx = CTX;
        ctx[at] ^= 1;
        assert!(packet.verify::<V2>(&verifying, &[label, &ctx]).is_err());
    }
}
