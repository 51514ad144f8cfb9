use mpenc_crypto::{SecretBytes, StreamCipher, Suite, V1};
use proptest::prelude::*;

use crate::{array, unhex};

/// FIPS 180-4, from its example values.
#[test]
fn hash_known_answers() {
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(V1::hash(&[]), array::<32>(empty));
    assert_eq!(V1::hash(&[b"abc"]), array::<32>(abc));
    assert_eq!(V1::hash(&[b"a", b"", b"bc"]), array::<32>(abc));
}

/// RFC 3686 test vectors 7 and 8, whose counter starts at 1: ours is one block ahead.
#[test]
fn cipher_known_answers() {
    fn check(key: &str, iv: &str, plain: &str, cipher: &str) {
        let mut data = vec![0; 16];
        data.extend(unhex(plain));
        V1::apply_keystream(&SecretBytes::new(array(key)), &array(iv), &mut data);
        assert_eq!(data[16..], unhex(cipher));
    }
    check(
        "776beff2851db06f4c8a0542c8696f6c6a81af1eec96b4d37fc1d689e6c1c104",
        "00000060db5672c97aa8f0b2",
        "53696e676c6520626c6f636b206d7367",
        "145ad01dbf824ec7560863dc71e3e0c0",
    );
    check(
        "f6d66d6bd52d59bb0796365879eff886c66dd51a5b6a99744b50590c87a23884",
        "00faac24c1585ef15a43d875",
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "f05e231b3894612c49ee000b804eb2a9b8306b508f839d6a5530831d9344af1c",
    );
}

/// A payload of the original: an empty record sequence, padded to 32 bytes (its `padding.json`).
#[test]
fn cipher_of_the_original() {
    let key =
        SecretBytes::new(array("2c58da7ee7a67f5357642558cc3ede232eec4f3d40bba2a9f430d104e1c07ce8"));
    let mut data = [0; 32];
    V1::apply_keystream(&key, &array("6202c04bb3d02ab71ceb52e2"), &mut data);
    let cipher = "3fbe423cca7f9f18aba171c4697f76d6cff11356766c3d80ff521505ed3166a1";
    assert_eq!(data, array::<32>(cipher));
}

proptest! {
    #[test]
    fn decrypting_undoes_encrypting(
        key in any::<[u8; 32]>(),
        iv in any::<[u8; 12]>(),
        data in prop::collection::vec(any::<u8>(), 0..1000),
    ) {
        let key = SecretBytes::new(key);
        let mut there_and_back = data.clone();
        V1::apply_keystream(&key, &iv, &mut there_and_back);
        prop_assert!(data.len() < 16 || there_and_back != data);
        V1::apply_keystream(&key, &iv, &mut there_and_back);
        prop_assert_eq!(there_and_back, data);
    }

    #[test]
    fn hash_ignores_where_parts_end(
        data in prop::collection::vec(any::<u8>(), 0..300),
        cut in any::<prop::sample::Index>(),
    ) {
        let (head, tail) = data.split_at(cut.index(data.len() + 1));
        prop_assert_eq!(V1::hash(&[head, tail]), V1::hash(&[&data]));
    }
}
