//! Padding: every vector, down to the ciphertext (wire-v1.md section 7).

use mpenc_crypto::{SecretBytes, StreamCipher, Suite, V1};
use mpenc_packet::padding::{
    BASE, MAX_PADDED_LEN, MAX_RAW_LEN, TooLarge, UnpadError, pad, padded_len, unpad,
};

use crate::support::{PADDING, array, hex, hex_array, number, vectors};

//= docs/spec/protocol.md#MSG-006
//= type=test
#[test]
fn vectors_are_met() {
    let file = vectors(PADDING);
    let key = SecretBytes::new(hex_array(&file["group_key"]));
    for case in array(&file["cases"]) {
        let (raw_len, base) = (number(&case["raw_len"]), number(&case["padding"]));
        let raw: Vec<u8> = if case["raw"].is_string() {
            hex(&case["raw"])
        } else {
            (0..raw_len).map(|i| (7 * i + raw_len).to_le_bytes()[0]).collect()
        };
        assert_eq!(raw.len(), raw_len);
        let mut data = pad(&raw, base).unwrap();
        assert_eq!(data.len(), number(&case["padded_len"]));
        assert_eq!(padded_len(raw_len, base), Ok(data.len()));
        assert_eq!(unpad(&data), Ok(&raw[..]));
        V1::apply_keystream(&key, &hex_array(&case["iv"]), &mut data);
        if case["ciphertext"].is_string() {
            assert_eq!(data, hex(&case["ciphertext"]));
        } else {
            assert_eq!(&V1::hash(&[&data])[..], hex(&case["ciphertext_sha256"]));
        }
    }
}

//= docs/spec/protocol.md#SEC-005
//= type=test
#[test]
fn lengths_fall_into_buckets() {
    let mut bucket = BASE;
    for raw_len in 0..=MAX_RAW_LEN {
        if raw_len + 2 > bucket {
            bucket *= 2;
        }
        assert_eq!(padded_len(raw_len, BASE), Ok(bucket));
    }
    assert_eq!(bucket, MAX_PADDED_LEN);
}

//= docs/spec/protocol.md#MSG-007
//= type=test
#[test]
fn the_next_bucket_does_not_exist() {
    let found = MAX_RAW_LEN + 1;
    for base in [0, 1, 32, 100, BASE, MAX_PADDED_LEN] {
        assert_eq!(pad(&vec![0; found], base), Err(TooLarge { found }), "{base}");
    }
    for base in [0, 32, BASE] {
        assert!(pad(&vec![0; MAX_RAW_LEN], base).is_ok());
    }
    assert!(padded_len(usize::MAX, BASE).is_err());
    assert!(padded_len(0, usize::MAX).is_err());
    assert!(padded_len(MAX_RAW_LEN, 100).is_err(), "100 · 2^9 is too much");
}

//= docs/spec/protocol.md#MSG-006
//= type=test
#[test]
fn padding_bytes_are_ignored_and_lengths_are_not() {
    assert_eq!(unpad(b"\0\x02ab"), Ok(&b"ab"[..]));
    assert_eq!(unpad(b"\0\x02ab\0\xff\x01"), Ok(&b"ab"[..]));
    assert_eq!(unpad(b"\0\0"), Ok(&b""[..]));
    // ATK-001
    for short in [&b""[..], b"\0", b"\0\x01", b"\0\x03ab", b"\xff\xffab"] {
        assert_eq!(unpad(short), Err(UnpadError));
    }
}
