//! Long texts (wire-v2.md section 5.5).

use mpenc_crypto::{Suite, V2};
use mpenc_packet::v2::{
    Body, BodyError, ContentError, EncodeError, MAX_CONTENT, MAX_PARTS, MAX_TEXT, Part, PartStart,
    content_digest, split,
};

fn parts(text: &str) -> Result<Vec<Part>, EncodeError> {
    split::<V2>(text).map(Iterator::collect)
}

//= docs/spec/v2.md#V2-028
//= type=test
#[test]
fn a_text_is_cut_and_comes_together_again() {
    // Characters of two bytes at an odd place: cuts fall into the middle of them.
    let text: String = core::iter::once('x').chain(core::iter::repeat_n('é', 40_000)).collect();
    let parts = parts(&text).unwrap();
    assert_eq!(parts.len(), 5);
    let mut whole = Vec::new();
    for (i, part) in parts.iter().enumerate() {
        assert_eq!((usize::from(part.index), part.count), (i, 5));
        assert_eq!(part.is_last(), i == 4);
        let found = Body::decode(&Body::Part(part.clone()).encode().unwrap());
        assert_eq!(found, Ok(Body::Part(part.clone())));
        whole.extend_from_slice(&part.bytes);
    }
    assert_eq!(whole, text.as_bytes());
    let start = parts[0].start.unwrap();
    assert_eq!(start.size, 80_001);
    assert_eq!(start.digest, content_digest::<V2>(text.as_bytes()));
    assert!(parts[1..].iter().all(|part| part.start.is_none()));
}

#[test]
fn the_digest_is_the_one_of_the_specification() {
    let frame = [&[2, 2, 1, 7][..], b"content", &[0, 0, 0, 1, 0, 0, 0, 3], b"abc"].concat();
    assert_eq!(content_digest::<V2>(b"abc"), V2::hash(&[&frame]));
}

#[test]
fn only_long_texts_are_cut() {
    for found in [0, 1, MAX_TEXT, MAX_CONTENT + 1] {
        assert_eq!(parts(&"x".repeat(found)), Err(EncodeError::Text { found }));
    }
    assert_eq!((MAX_CONTENT, MAX_PARTS), (16 << 20, 1024));
    for (len, count, last) in [
        (MAX_TEXT + 1, 2, 1),
        (2 * MAX_TEXT, 2, MAX_TEXT),
        (2 * MAX_TEXT + 1, 3, 1),
        (MAX_CONTENT, MAX_PARTS, MAX_TEXT),
    ] {
        let parts = parts(&"x".repeat(len)).unwrap();
        assert_eq!((parts.len(), parts.last().unwrap().bytes.len()), (count, last));
        assert!(parts.iter().all(|part| Body::Part(part.clone()).encode().is_ok()));
    }
}

//= docs/spec/v2.md#V2-028
//= type=test
//= docs/spec/v2.md#V2-005
//= type=test
#[test]
fn parts_that_cannot_be_are_refused() {
    fn check(index: u16, count: u16, size: Option<u32>, len: usize, right: bool) {
        let start = size.map(|size| PartStart { size, digest: [7; 32] });
        let part = Part { index, count, start, bytes: vec![b'x'; len] };
        let found = Body::Part(part.clone()).encode();
        assert_eq!(found.is_ok(), right, "{part:?}");
        // The same written without looking.
        let mut bytes = vec![7];
        bytes.extend([index.to_be_bytes(), count.to_be_bytes()].concat());
        if let Some(size) = size {
            bytes.extend(size.to_be_bytes());
            bytes.extend([7; 32]);
        }
        bytes.extend(vec![b'x'; len]);
        if right {
            assert_eq!(found, Ok(bytes.clone()));
            assert_eq!(Body::decode(&bytes), Ok(Body::Part(part)));
        } else {
            assert_eq!(found, Err(EncodeError::Part));
            // If a start is there where none is due it counts as text, and the reverse.
            if size.is_some() == (index == 0) {
                let expected = ContentError::Body(BodyError::Part);
                assert_eq!(Body::decode(&bytes), Err(expected));
            }
        }
    }
    const FULL: usize = MAX_TEXT;
    let size = |len: usize| Some(u32::try_from(len).unwrap());
    check(0, 2, size(FULL + 1), FULL, true);
    check(0, 2, size(2 * FULL), FULL, true);
    check(0, 1024, size(MAX_CONTENT), FULL, true);
    check(1, 3, None, FULL, true);
    check(1, 2, None, FULL, true);
    check(1, 2, None, 1, true);
    check(1023, 1024, None, 5, true);
    // The size demands another number of parts.
    check(0, 2, size(FULL), FULL, false);
    check(0, 2, size(2 * FULL + 1), FULL, false);
    check(0, 2, size(0), FULL, false);
    check(0, 2, Some(u32::MAX), FULL, false);
    // A start too much, or none.
    check(0, 2, None, FULL, false);
    check(1, 2, size(FULL + 1), 5, false);
    // Lengths.
    check(0, 2, size(FULL + 1), FULL - 1, false);
    check(0, 2, size(FULL + 1), FULL + 1, false);
    check(1, 3, None, FULL - 1, false);
    check(1, 2, None, 0, false);
    check(1, 2, None, FULL + 1, false);
    // Numbers.
    check(0, 0, size(0), 0, false);
    check(0, 1, size(5), 5, false);
    check(1, 1, None, 5, false);
    check(2, 2, None, 5, false);
    check(1, 1025, None, FULL, false);
    check(0, 1025, size(MAX_CONTENT + 1), FULL, false);
    check(1024, 1025, None, 5, false);
    check(u16::MAX, u16::MAX, None, 5, false);
}
