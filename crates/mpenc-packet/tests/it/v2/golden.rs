//! The bytes of one example of each packet, put together here by hand as wire-v2.md says, and
//! signatures made over bytes put together by hand.

use mpenc_crypto::SigningKey;

use crate::v2::support::{
    CTX, abort, alone, confirmation, contribution_fields, data, initial, key, publication, share,
};

fn cat(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// A packet of section 4.
fn signed(kind: u8, label: &str, context: &[u8], content: &[u8]) -> Vec<u8> {
    let header = [0x02, 0x02, 0x01, kind];
    let message = cat(&[label.as_bytes(), &[0], context, &header, content]);
    let signature = key().sign(&[&message]);
    cat(&[&header, signature.as_bytes(), content])
}

//= docs/spec/v2.md#V2-002
//= type=test
//= docs/spec/v2.md#V2-016
//= type=test
#[test]
fn an_initial_packet() {
    let content = cat(&[
        &[0x31; 32], // label
        &[0x32; 16], // instance
        &[0, 0],     // place of bob in {bob, carol}
        &[0, 3],
        b"\x05alice\x01",
        b"\x03bob\x03",
        &[0x33; 32],
        b"\x05carol\x02",
        &[0x34; 32],
        &[0x35; 32], // prev_pF
        &[0x36; 32], // prev_CH
        &[0, 2],
        &[0x37; 32],
        &[0x38; 32],
        &[0x41; 32], // nonce
        &[0x42; 32], // ephemeral key
        &[0x43; 32], // point
    ]);
    let expected = signed(0x01, "mpENC-2 initial", &[], &content);
    assert_eq!(initial().sign(&key()).unwrap().to_wire(), expected);
}

#[test]
fn an_initial_packet_that_is_final_too() {
    let content = cat(&[
        &[0x31; 32],
        &[0x32; 16],
        &[0, 0],
        &[0, 2],
        b"\x05alice\x01",
        b"\x03bob\x03",
        &[0x33; 32],
        &[0x35; 32],
        &[0x36; 32],
        &[0, 0],
    ]);
    let expected = signed(0x01, "mpENC-2 initial", &[], &content);
    assert_eq!(alone().sign(&key()).unwrap().to_wire(), expected);
}

#[test]
fn a_contribution() {
    let content = cat(&[&[0x21; 32], &[0, 1], &[0x41; 32], &[0x42; 32], &[0x43; 32]]);
    let expected = signed(0x02, "mpENC-2 contribution", &[], &content);
    assert_eq!(expected.len(), 198);
    assert_eq!(contribution_fields().sign(&key()).unwrap().to_wire(), expected);
}

#[test]
fn a_share() {
    let content = cat(&[&[0x21; 32], &[0, 2], &[0x44; 32], &[0x45; 32], &[0x46; 32]]);
    let expected = signed(0x03, "mpENC-2 share", &CTX, &content);
    assert_eq!(expected.len(), 198);
    assert_eq!(share().sign(&key(), &CTX).unwrap().to_wire(), expected);
}

#[test]
fn a_confirmation() {
    let content = cat(&[&[0x21; 32], &[1, 2], &[0x47; 32], &[0x48; 32]]);
    let expected = signed(0x04, "mpENC-2 confirmation", &[], &content);
    assert_eq!(expected.len(), 166);
    assert_eq!(confirmation().sign(&key()).unwrap().to_wire(), expected);
}

#[test]
fn an_abort() {
    let content = cat(&[&[0x21; 32], &[0, 3], &[2], &[0, 1]]);
    let expected = signed(0x05, "mpENC-2 abort", &[], &content);
    // Header, signature and content: 4 + 64 + 37.
    assert_eq!(expected.len(), 105);
    assert_eq!(abort().sign(&key()).unwrap().to_wire(), expected);
}

//= docs/spec/v2.md#V2-021
//= type=test
#[test]
fn a_message() {
    let outside = cat(&[&[0x02, 0x02, 0x01, 0x10], &[0x51; 16], &[0x52; 12]]);
    assert_eq!(data().aad()[..], outside, "header, tag and nonce are associated data");
    assert_eq!(data().to_wire(), cat(&[&outside, &[0x53; 144]]));
}

#[test]
fn a_publication() {
    let expected = cat(&[&[0x02, 0x02, 0x01, 0x11], &[0x54; 32], &[0, 4], &[0x55; 32]]);
    assert_eq!(publication().to_wire(), expected);
    assert!(!format!("{:?}", publication()).contains("85"), "the seed is not shown");
}
