use mpenc_crypto::{Aead, AeadError, SecretBytes, V2};
use proptest::prelude::*;

use crate::{array, unhex};

/// RFC 8439 section 2.8.2, and an empty text (computed apart, by the RFC).
#[test]
fn known_answers() {
    fn check(key: &str, nonce: &str, aad: &str, plain: &[u8], sealed: &str) {
        let (key, nonce) = (SecretBytes::new(array(key)), array(nonce));
        let mut data = plain.to_vec();
        V2::seal_in_place(&key, &nonce, &unhex(aad), &mut data);
        assert_eq!(data, unhex(sealed));
        assert_eq!(V2::open_in_place(&key, &nonce, &unhex(aad), &mut data), Ok(()));
        assert_eq!(data, plain);
    }
    check(
        "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
        "070000004041424344454647",
        "50515253c0c1c2c3c4c5c6c7",
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the \
          future, sunscreen would be it.",
        "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6\
         3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36\
         92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc\
         3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691",
    );
    check(
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "000102030405060708090a0b",
        "",
        b"",
        "295a498b8841a1c5f55d4d606f731159",
    );
}

#[test]
fn what_does_not_open_stays_as_it_is() {
    let (key, nonce) = (SecretBytes::new([7; 32]), [9; 12]);
    let mut sealed = b"text".to_vec();
    V2::seal_in_place(&key, &nonce, b"data", &mut sealed);
    for (at, cut) in [(0, 0), (3, 0), (4, 0), (19, 0), (0, 1), (0, 4), (0, 5), (0, 19), (0, 20)] {
        let mut spoilt = sealed.clone();
        if cut == 0 {
            spoilt[at] ^= 0x10;
        }
        spoilt.truncate(sealed.len() - cut);
        let before = spoilt.clone();
        assert_eq!(V2::open_in_place(&key, &nonce, b"data", &mut spoilt), Err(AeadError));
        assert_eq!(spoilt, before);
    }
}

#[test]
fn sealing_moves_only_when_it_must() {
    let key = SecretBytes::new([7; 32]);
    let mut roomy = Vec::with_capacity(4 + V2::TAG_LEN);
    roomy.extend(b"text");
    let before = roomy.as_ptr();
    V2::seal_in_place(&key, &[9; 12], b"", &mut roomy);
    assert_eq!(roomy.as_ptr(), before);
    let mut tight = Vec::with_capacity(4);
    tight.extend(b"text");
    V2::seal_in_place(&key, &[9; 12], b"", &mut tight);
    assert_eq!(tight, roomy);
}

proptest! {
    #[test]
    fn opening_undoes_sealing(
        key in any::<[u8; 32]>(),
        nonce in any::<[u8; 12]>(),
        aad in prop::collection::vec(any::<u8>(), 0..50),
        text in prop::collection::vec(any::<u8>(), 0..500),
        bit in any::<prop::sample::Index>(),
    ) {
        let key = SecretBytes::new(key);
        let mut data = text.clone();
        V2::seal_in_place(&key, &nonce, &aad, &mut data);
        prop_assert_eq!(data.len(), text.len() + V2::TAG_LEN);
        let mut spoilt = data.clone();
        let at = bit.index(8 * spoilt.len());
        spoilt[at / 8] ^= 1 << (at % 8);
        prop_assert_eq!(V2::open_in_place(&key, &nonce, &aad, &mut spoilt), Err(AeadError));
        prop_assert_eq!(V2::open_in_place(&key, &nonce, &aad, &mut data), Ok(()));
        prop_assert_eq!(data, text);
    }
}
