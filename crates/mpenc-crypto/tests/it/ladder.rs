//! From received to verified.

use mpenc_crypto::{
    SecretBytes, Signature, Signed, SigningKey as _, Unverified, V1, VerifyError, VerifyingKey as _,
};

use crate::{SigningKey, VerifyingKey};

#[derive(Debug, PartialEq)]
struct Letter {
    text: Vec<u8>,
    signature: Signature,
}

impl Signed for Letter {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn signed_bytes(&self) -> &[u8] {
        &self.text
    }
}

fn key(seed: u8) -> (SigningKey, VerifyingKey) {
    let key = SigningKey::from_seed(&SecretBytes::new([seed; 32]));
    let verifying = VerifyingKey::import(&key.public()).unwrap();
    (key, verifying)
}

fn letter(key: &SigningKey) -> Unverified<Letter> {
    let text = b"hello".to_vec();
    let signature = key.sign(&[b"letter", b"v1", &text]);
    Unverified::new(Letter { text, signature })
}

#[test]
fn what_verifies_can_be_read() {
    let (signing, verifying) = key(1);
    let letter = letter(&signing);
    let verified = letter.verify::<V1>(&verifying, &[b"letter", b"v1"]).unwrap();
    assert_eq!(verified.text, b"hello");
    assert_eq!(letter.peek().text, b"hello");
}

//= docs/spec/attacks.md#ATK-040
//= type=test
#[test]
fn another_context_key_or_text_does_not_verify() {
    let (signing, verifying) = key(1);
    let letter = letter(&signing);
    assert_eq!(letter.verify::<V1>(&verifying, &[b"letter"]), Err(VerifyError));
    assert_eq!(letter.verify::<V1>(&verifying, &[]), Err(VerifyError));
    assert_eq!(letter.verify::<V1>(&key(2).1, &[b"letter", b"v1"]), Err(VerifyError));

    let signature = *letter.peek().signature();
    let forged = Unverified::new(Letter { text: b"hullo".to_vec(), signature });
    assert_eq!(forged.verify::<V1>(&verifying, &[b"letter", b"v1"]), Err(VerifyError));
}
