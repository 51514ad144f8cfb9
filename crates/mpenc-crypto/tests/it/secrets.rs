use aes::Aes256;
use blake2::Blake2bVarCore;
use blake2::digest::block_api::Buffer;
use chacha20poly1305::ChaCha20Poly1305;
use ctr::Ctr128BE;
use mpenc_crypto::{
    GroupDiffieHellman, PrimeOrderGroup, SecretBytes, SigningKey as _, V1, V2, VerifyingKey as _,
};
use sha2::{Sha256, Sha512};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{Accumulated, Contribution, Element, SigningKey, VerifyingKey, contribution, folded};

//= docs/spec/protocol.md#SEC-025
//= type=test
#[test]
fn secrets_are_wiped_on_drop() {
    const fn wiped<T: ZeroizeOnDrop>() {}
    wiped::<SecretBytes<32>>();
    wiped::<SigningKey>();
    wiped::<Contribution>();
    wiped::<Accumulated>();
    wiped::<Element>();
    wiped::<SecretBytes<64>>();
    wiped::<<V2 as PrimeOrderGroup>::Scalar>();
    wiped::<<V2 as PrimeOrderGroup>::Element>();
    // What works on secrets inside a call; fails if a feature of a dependency is lost.
    wiped::<Ctr128BE<Aes256>>();
    wiped::<Sha256>();
    wiped::<Sha512>();
    wiped::<Blake2bVarCore>();
    wiped::<Buffer<Blake2bVarCore>>();
    wiped::<ChaCha20Poly1305>();
    wiped::<ed25519_dalek::SigningKey>();
}

#[test]
fn wiping_leaves_zeros() {
    let mut secret = SecretBytes::new([7; 32]);
    secret.zeroize();
    assert_eq!(secret.expose(), &[0; 32]);
}

#[test]
fn secrets_are_redacted() {
    let seed = SecretBytes::<32>::new([7; 32]);
    let key = SigningKey::from_seed(&seed);
    let public = "ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c";
    let verifying = VerifyingKey::import(&key.public()).unwrap();
    let x = contribution([7; 32]);

    assert_eq!(format!("{seed:?}"), "SecretBytes<32>([redacted])");
    assert_eq!(format!("{key:?}"), format!("Ed25519SigningKey({public}, [redacted])"));
    assert_eq!(format!("{verifying:?}"), format!("Ed25519VerifyingKey({public})"));
    assert_eq!(format!("{x:?}"), "Contribution([redacted])");
    assert_eq!(format!("{:?}", folded([&x])), "Accumulated([redacted])");
    assert_eq!(format!("{:?}", V1::base()), "Element([redacted])");
    assert_eq!(format!("{:?}", crate::scalar(1)), "Scalar([redacted])");
    assert_eq!(format!("{:?}", V2::mul_base(&crate::scalar(1))), "Element([redacted])");
    assert_eq!(format!("{:?}", V1::group_key(V1::base())), "SecretBytes<32>([redacted])");
}
