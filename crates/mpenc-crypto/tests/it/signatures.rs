use mpenc_crypto::{
    PublicKey, SecretBytes, Signature, SigningKey as _, VerifyError, VerifyingKey as _,
};
use proptest::prelude::*;

use crate::{SigningKey, VerifyingKey, array, unhex};

/// RFC 8032 section 7.1.
#[test]
fn known_answers() {
    fn check(seed: &str, public: &str, message: &str, signature: &str) {
        let key = SigningKey::from_seed(&SecretBytes::new(array(seed)));
        let signature = Signature::new(array(signature));
        let message = unhex(message);
        assert_eq!(key.public(), PublicKey::new(array(public)));
        assert_eq!(key.sign(&[&message]), signature);
        let verifying = VerifyingKey::import(&key.public()).unwrap();
        assert_eq!(verifying.export(), key.public());
        assert_eq!(verifying.verify(&[&message], &signature), Ok(()));
        assert_eq!(verifying.verify(&[&message, b"."], &signature), Err(VerifyError));
    }
    check(
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155\
         5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    );
    check(
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
         085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    );
    check(
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac\
         18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    );
}

proptest! {
    #[test]
    fn parts_are_signed_as_one(
        seed in any::<[u8; 32]>(),
        message in prop::collection::vec(any::<u8>(), 0..300),
        cut in any::<prop::sample::Index>(),
    ) {
        let key = SigningKey::from_seed(&SecretBytes::new(seed));
        let verifying = VerifyingKey::import(&key.public()).unwrap();
        let (head, tail) = message.split_at(cut.index(message.len() + 1));
        let signature = key.sign(&[&message]);
        prop_assert_eq!(key.sign(&[head, tail]), signature);
        prop_assert_eq!(verifying.verify(&[&message], &signature), Ok(()));
        prop_assert_eq!(verifying.verify(&[head, &[], tail], &signature), Ok(()));
    }

    #[test]
    fn one_changed_bit_is_refused(
        seed in any::<[u8; 32]>(),
        message in prop::collection::vec(any::<u8>(), 1..50),
        bit in any::<prop::sample::Index>(),
    ) {
        let key = SigningKey::from_seed(&SecretBytes::new(seed));
        let verifying = VerifyingKey::import(&key.public()).unwrap();
        let signature = key.sign(&[&message]);

        let mut changed = message.clone();
        let at = bit.index(8 * changed.len());
        changed[at / 8] ^= 1 << (at % 8);
        prop_assert_eq!(verifying.verify(&[&changed], &signature), Err(VerifyError));

        let mut forged = *signature.as_bytes();
        let at = bit.index(512);
        forged[at / 8] ^= 1 << (at % 8);
        prop_assert_eq!(verifying.verify(&[&message], &Signature::new(forged)), Err(VerifyError));
    }
}
