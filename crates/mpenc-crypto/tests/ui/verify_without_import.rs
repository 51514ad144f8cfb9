use mpenc_crypto::{PublicKey, Signature, VerifyingKey};

fn main() {
    let key = PublicKey::new([0; 32]);
    let _ = key.verify(&[b"label"], &Signature::new([0; 64]));
}
