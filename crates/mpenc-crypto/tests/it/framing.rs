//! What is hashed: wire-v2.md section 1.2.

use alloc::collections::BTreeSet;

use mpenc_crypto::{FramedHash, KeyDerivation, Label, SecretBytes, Suite, V2, framing, label};
use proptest::prelude::*;

use crate::array;

fn frame(label: Label, parts: &[&[u8]]) -> Vec<u8> {
    let mut frame = Vec::new();
    framing::hashed::<V2>(label, parts, |piece| frame.extend_from_slice(piece));
    frame
}

/// RFC 7693 appendix A, and others from the BLAKE2b of Python.
#[test]
fn hash_known_answers() {
    let empty = "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8";
    let abc = "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319";
    assert_eq!(V2::hash(&[]), array::<32>(empty));
    assert_eq!(V2::hash(&[b"abc"]), array::<32>(abc));
    assert_eq!(V2::hash(&[b"a", b"", b"bc"]), array::<32>(abc));
}

/// Computed apart, with the BLAKE2b of Python.
//= docs/spec/v2.md#V2-002
//= type=test
//= docs/spec/v2.md#V2-004
//= type=test
#[test]
fn framed_known_answers() {
    let parts: [&[u8]; 3] = [b"one", b"", b"three"];
    assert_eq!(
        frame(Label::SID, &parts),
        b"\x02\x02\x01\x03sid\0\0\0\x03\0\0\0\x03one\0\0\0\0\0\0\0\x05three"
    );
    assert_eq!(frame(Label::SID, &parts), framing::derived::<V2>(Label::SID, &parts));
    assert_eq!(
        V2::framed(Label::SID, &parts),
        array("47e37c3bef8e6c6a6732e9714dd6985e474e301f732e017ecf02b75336619cb7")
    );
    assert_eq!(
        V2::framed_wide(Label::PROOF, &parts),
        array(
            "05a487050cb8622ad1985b4e1531147743f10f452fe1ccdfaa14583d39f8e566\
             5525c3cea0243aedbb12eb569868bd05b91e73fc2796d3efae0115ac76ad3354"
        )
    );
}

//= docs/spec/attacks.md#ATK-016
//= type=test
#[test]
fn labels_keep_uses_apart() {
    let hash = |label: &Label| V2::framed(*label, &[b"the same"]);
    let hashes: BTreeSet<[u8; 32]> = label::ALL.iter().map(hash).collect();
    assert_eq!(hashes.len(), label::ALL.len());
    let wide = |label: &Label| V2::framed_wide(*label, &[b"the same"]);
    let hashes: BTreeSet<[u8; 64]> = label::ALL.iter().map(wide).collect();
    assert_eq!(hashes.len(), label::ALL.len());
}

//= docs/spec/attacks.md#ATK-036
//= type=test
#[test]
fn labels_keep_derived_keys_apart() {
    let prk = SecretBytes::new([7; 64]);
    let derive = |label: &Label| {
        let mut key = [0; 32];
        V2::expand(&prk, *label, &[b"the same"], &mut key);
        key
    };
    let keys: BTreeSet<[u8; 32]> = label::ALL.iter().map(derive).collect();
    assert_eq!(keys.len(), label::ALL.len());
}

//= docs/spec/attacks.md#ATK-009
//= type=test
//= docs/spec/attacks.md#ATK-010
//= type=test
//= docs/spec/attacks.md#ATK-098
//= type=test
#[test]
fn where_parts_end_is_hashed() {
    // Names that join; a nonce that begins with a name; a part that looks like two; no part and an
    // empty one; roles and identifiers of a chain that move by one byte.
    let pairs: [[&[&[u8]]; 2]; 6] = [
        [&[b"ab", b"c"], &[b"a", b"bc"]],
        [&[b"A", b"B", b"Cnonce"], &[b"A", b"B", b"C", b"nonce"]],
        [&[b"a\0\0\0\x01b"], &[b"a", b"b"]],
        [&[], &[b""]],
        [&[b""], &[b"", b""]],
        [&[b"chain", b"id\x01"], &[b"chainid", b"\x01"]],
    ];
    for [one, other] in pairs {
        assert_ne!(V2::framed(Label::CHAIN, one), V2::framed(Label::CHAIN, other), "{one:?}");
        let prk = SecretBytes::new([7; 64]);
        let derive = |parts| {
            let mut key = [0; 32];
            V2::expand(&prk, Label::HEDGED, parts, &mut key);
            key
        };
        assert_ne!(derive(one), derive(other), "{one:?}");
    }
}

/// A reader that knows nothing but the bytes finds label and parts again: so no two inputs share
/// a frame.
fn unframe(bytes: &[u8]) -> Option<(Vec<u8>, Vec<Vec<u8>>)> {
    fn take<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
        let (head, tail) = rest.split_at_checked(len)?;
        *rest = tail;
        Some(head)
    }
    fn number(rest: &mut &[u8]) -> Option<usize> {
        Some(u32::from_be_bytes(take(rest, 4)?.try_into().ok()?) as usize)
    }
    let mut rest = bytes;
    if take(&mut rest, 3)? != [2, 2, 1] {
        return None;
    }
    let len = usize::from(take(&mut rest, 1)?[0]);
    let label = take(&mut rest, len)?.to_vec();
    let count = number(&mut rest)?;
    let mut parts = Vec::new();
    for _ in 0..count {
        let len = number(&mut rest)?;
        parts.push(take(&mut rest, len)?.to_vec());
    }
    rest.is_empty().then_some((label, parts))
}

proptest! {
    //= docs/spec/attacks.md#ATK-009
    //= type=test
    #[test]
    fn frames_are_injective(
        label in prop::sample::select(label::ALL),
        parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..10),
    ) {
        let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let read = unframe(&frame(label, &slices));
        prop_assert_eq!(read, Some((label.as_bytes().to_vec(), parts)));
    }

    //= docs/spec/attacks.md#ATK-009
    //= type=test
    #[test]
    fn equal_hashes_mean_equal_parts(
        one in prop::collection::vec("[ab]{0,3}", 0..4),
        other in prop::collection::vec("[ab]{0,3}", 0..4),
    ) {
        let hash = |parts: &[String]| {
            let slices: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
            V2::framed(Label::CONTRIBUTIONS, &slices)
        };
        prop_assert_eq!(hash(&one) == hash(&other), one == other);
    }
}
