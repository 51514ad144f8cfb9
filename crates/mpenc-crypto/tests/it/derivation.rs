//! HKDF with HMAC-BLAKE2b-512.

use blake2::{Blake2b512, Digest};
use mpenc_crypto::{KeyDerivation, Label, SecretBytes, V2, framing};
use proptest::prelude::*;

use crate::{array, unhex};

/// Computed apart, with `hmac` and `hashlib` of Python: a salt of zeros, and one longer than the
/// block of 128 bytes.
#[test]
fn extraction_known_answers() {
    let input: [&[u8]; 2] = [b"input key ", b"material"];
    assert_eq!(
        V2::extract(&[0; 32], &input).expose(),
        &array(
            "0b0835420ba7a90ad24a9e7a8d259641d1c137dc90d971029274997f50f74c97\
             0d4334cacbb2cd369bbc29e52cd78c6b38156515b3affae065455332f24436b5"
        )
    );
    assert_eq!(
        V2::extract(&[b'x'; 200], &input).expose(),
        &array(
            "ca47153c4ad107518ba488ad3d313cf07915c038724f327e2880c16d0115ba46\
             fb77717d4e73bc7c66b8a80c9b554d3fad325b4a3feb60a74dce3a36f7aa42a2"
        )
    );
}

/// Computed apart, as above.
#[test]
fn expansion_known_answers() {
    fn check(label: Label, parts: &[&[u8]], expected: &str) {
        let expected = unhex(expected);
        let prk = V2::extract(&[0; 32], &[b"input key material"]);
        let mut out = vec![0; expected.len()];
        V2::expand(&prk, label, parts, &mut out);
        assert_eq!(out, expected);
    }
    check(
        Label::CHAIN_STEP,
        &[],
        "32e52607627ba7b9b6ccaaaf46e3969d9fbda7ae4c7becc39bc8723b4fc341ac\
         f5ac71ebfd700d03ffec94422b18d882a5917a6d38ab0dcd64d95799787eabf9\
         c00dde536a7b8db7583c1b9f2c6116832f8d68c216e5e8e95974a9b9fbb37e1f\
         d235f8468c300ced7e1018ac296562fa6a3ebf1b83717954f08946dea8c7268c",
    );
    check(
        Label::MESSAGE_KEYS,
        &[b"bob", &[1, 2]],
        "a2032a0262b0346608e9595d71b967f27b50195463cb5f969864bb19c13f2ecd\
         76a36e9bba738e2557d9463d68c10d4cfb00726b839336e9de2e867f9084d1b4\
         9f806a0b2e54254bb4ddbdb4a663b720",
    );
}

/// RFC 2104, from its definition.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut block = [0; 128];
    if key.len() > block.len() {
        block[..64].copy_from_slice(&Blake2b512::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let padded = |pad: u8, text: &[u8]| {
        let mut hash = Blake2b512::new();
        hash.update(block.map(|byte| byte ^ pad));
        hash.update(text);
        hash.finalize()
    };
    padded(0x5c, &padded(0x36, text)).to_vec()
}

/// RFC 5869, from its definition.
fn hkdf_expand(prk: &[u8], info: &[u8], len: usize) -> Vec<u8> {
    let (mut out, mut block) = (Vec::new(), Vec::new());
    for count in 1..=255_u8 {
        block = hmac(prk, &[&block, info, &[count]].concat());
        out.extend_from_slice(&block);
    }
    out.truncate(len);
    out
}

#[test]
fn the_longest_output() {
    let prk = SecretBytes::new([7; 64]);
    let mut out = vec![0; 255 * 64];
    V2::expand(&prk, Label::HEDGED, &[], &mut out);
    let info = framing::derived::<V2>(Label::HEDGED, &[]);
    assert_eq!(out, hkdf_expand(&[7; 64], &info, 255 * 64));
}

#[test]
#[should_panic(expected = "up to 16320 bytes")]
fn a_longer_output_is_a_fault_of_the_caller() {
    V2::expand(&SecretBytes::new([7; 64]), Label::HEDGED, &[], &mut [0; 255 * 64 + 1]);
}

proptest! {
    #[test]
    fn derivation_is_hkdf(
        salt in prop::collection::vec(any::<u8>(), 0..200),
        ikm in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 0..4),
        part in prop::collection::vec(any::<u8>(), 0..100),
        len in 0_usize..300,
    ) {
        let slices: Vec<&[u8]> = ikm.iter().map(Vec::as_slice).collect();
        let prk = V2::extract(&salt, &slices);
        let expected = hmac(&salt, &ikm.concat());
        prop_assert_eq!(prk.expose().as_slice(), expected.as_slice());
        let mut out = vec![0; len];
        V2::expand(&prk, Label::EXPORTER, &[&part], &mut out);
        let info = framing::derived::<V2>(Label::EXPORTER, &[&part]);
        prop_assert_eq!(out, hkdf_expand(&expected, &info, len));
    }
}
