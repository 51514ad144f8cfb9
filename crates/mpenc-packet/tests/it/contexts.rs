//! A signature made for one kind of packet is none for another (ATK-015).

use mpenc_crypto::{Signature, Signed, SigningKey, Unverified, V1, VerifyingKey};
use mpenc_packet::v1::{
    DATA_CONTEXT, DataFields, ERROR_CONTEXT, ErrorFields, GREETING_CONTEXT, Severity,
};
use mpenc_types::MemberId;

use crate::support::{GREET_PACKETS, greeting, key, text, vectors};

struct Bytes(Signature, Vec<u8>);

impl Signed for Bytes {
    fn signature(&self) -> &Signature {
        &self.0
    }

    fn signed_bytes(&self) -> &[u8] {
        &self.1
    }
}

impl Bytes {
    fn of(packet: &impl Signed) -> Self {
        Self(*packet.signature(), packet.signed_bytes().to_vec())
    }
}

//= docs/spec/protocol.md#SKE-007
//= type=test
#[test]
fn cross_verification_fails() {
    let key = key([1; 32]);
    let verifying = VerifyingKey::import(&key.public()).unwrap();
    let hash = [9; 32];
    let vectors = vectors(GREET_PACKETS);
    let fields = greeting(text(&vectors["cases"][0]["wire"]).as_bytes()).fields().clone();
    let greeting = fields.sign(&key).unwrap();
    let data = DataFields { iv: [0; 12], ciphertext: vec![0; 128] }.sign(&key, &hash).unwrap();
    let error = ErrorFields {
        source: MemberId::from_wire(b"alice"),
        severity: Severity::Info,
        text: Vec::new(),
    };
    let error = error.sign(Some(&key)).unwrap();
    let signed = [
        Bytes::of(&greeting),
        Bytes::of(&data),
        Bytes::of(error.signed().unwrap().peek()),
        // The fourth kind, a session signature, is over a hash that begins with "acksig".
        Bytes(key.sign(&[b"acksig"]), b"acksig".to_vec()),
    ]
    .map(Unverified::new);
    let contexts: [&[&[u8]]; 4] =
        [&[GREETING_CONTEXT], &[DATA_CONTEXT, &hash], &[ERROR_CONTEXT], &[]];
    for (i, packet) in signed.iter().enumerate() {
        for (j, context) in contexts.iter().enumerate() {
            assert_eq!(packet.verify::<V1>(&verifying, context).is_ok(), i == j, "{i} as {j}");
        }
    }
}

#[test]
fn no_context_begins_another() {
    let contexts = [GREETING_CONTEXT, DATA_CONTEXT, ERROR_CONTEXT, b"acksig"];
    for (i, a) in contexts.iter().enumerate() {
        for (j, b) in contexts.iter().enumerate() {
            assert!(i == j || !a.starts_with(b));
        }
    }
}
