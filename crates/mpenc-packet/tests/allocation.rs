//! What decoding may allocate (ATK-002). A program of its own, because it counts every
//! allocation of the process.
#![expect(clippy::expect_used, reason = "a test that cannot go on should stop")]

use std::alloc::System;

use mpenc_packet::armor;
use mpenc_packet::tlv::Writer;
use mpenc_packet::v1::{self, Content, GreetType, record};
use mpenc_types::limits::MAX_MEMBERS;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static GLOBAL: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Four bytes for each byte of the packet, 4 KiB, and for each of the members that a session can
/// have at most two words and the head of a shared string.
const fn bound(packet: usize, members: usize) -> usize {
    4 * packet + 4096 + 40 * members
}

/// All bytes ever allocated during the call, whether they were given back or not.
fn allocated<T>(call: impl FnOnce() -> T) -> (T, usize) {
    let region = Region::new(GLOBAL);
    let result = call();
    (result, region.change().bytes_allocated)
}

fn header(signature: bool) -> Writer {
    let mut out = Writer::new();
    let mut push = |kind, value: &[u8]| out.push(kind, value).expect("fits");
    if signature {
        push(record::MESSAGE_SIGNATURE, &[0; 64]);
    }
    push(record::PROTOCOL_VERSION, &[1]);
    push(record::MESSAGE_TYPE, &[2]);
    out
}

/// An upflow that names many members, and keys if there are to be any.
fn greeting(names: impl Iterator<Item = Vec<u8>>, keys: usize) -> Vec<u8> {
    let mut out = header(true);
    let mut push = |kind, value: &[u8]| out.push(kind, value).expect("fits");
    push(record::GREET_TYPE, &GreetType::StartUpflow.to_u16().to_be_bytes());
    push(record::SOURCE, b"a");
    push(record::DEST, b"b");
    names.for_each(|name| push(record::MEMBER, &name));
    for kind in [record::INT_KEY, record::NONCE, record::PUB_KEY] {
        (0..keys).for_each(|_| push(kind, &[7; 32]));
    }
    armor::encode(&out.into_bytes())
}

#[test]
fn decoding_is_frugal() {
    let short = |n: usize| (0..n).map(|i| i.to_be_bytes().get(6..).unwrap_or_default().to_vec());
    let long = |n: usize| (0..n).map(|i| format!("{i:0>255}").into_bytes());
    let empty = |n: usize| (0..n).map(|_| Vec::new());
    let n = MAX_MEMBERS;
    let mut runs = vec![
        (greeting(short(n), n), true),
        (greeting(short(n), 1), true),
        (greeting(empty(n), 1), true),
        (greeting(long(n), n), true),
        (greeting(short(n + 1), 1), false),
        (greeting(empty(40_000), 1), false),
        (greeting(short(2), n + 2), false),
        (greeting(empty(0), 0), false),
    ];
    // Records that fit nowhere, as many as a packet holds.
    for kind in [record::MEMBER, record::LATEST_PM, record::MESSAGE_PAYLOAD, 0xffff] {
        let mut out = header(true);
        (0..45_000).for_each(|_| out.push(kind, b"").expect("fits"));
        runs.push((armor::encode(&out.into_bytes()), false));
    }
    // A length that is a lie.
    let mut lie = header(true).into_bytes();
    lie.extend_from_slice(b"\x01\xff\xff\xff");
    runs.push((armor::encode(&lie), false));
    for (wire, accepted) in runs {
        let (result, found) = allocated(|| v1::decode(&wire));
        assert_eq!(result.is_ok(), accepted);
        let bound = bound(wire.len(), MAX_MEMBERS);
        assert!(found <= bound, "{found} bytes for a packet of {}, bound {bound}", wire.len());
        let (_, found) = allocated(|| v1::kind(&wire));
        assert!(found <= 4096);
    }

    let deep = [b"\0[\"a\",", &vec![b'['; 30_000][..], &vec![b']'; 30_000], b"]"].concat();
    let mut bodies = vec![deep, [b"\0[\"", &vec![b'x'; 60_000][..], b"\"]"].concat()];
    bodies.push([b"\0[\"", &b"\\u00e9".repeat(10_000)[..], b"\"]"].concat());
    for body in bodies {
        let mut out = Writer::new();
        (0..1000).for_each(|_| out.push(record::MESSAGE_PARENT, &[1; 20]).expect("fits"));
        out.push(record::MESSAGE_BODY, &body).expect("fits");
        let raw = out.into_bytes();
        let (result, found) = allocated(|| Content::decode(&raw));
        assert!(result.is_ok());
        assert!(found <= bound(raw.len(), 0), "{found} bytes for {}", raw.len());
    }

    // Parents without identifiers must not be paid for as if they had some.
    for count in [1, 1000, 16_000] {
        let mut out = Writer::new();
        (0..count).for_each(|_| out.push(record::MESSAGE_PARENT, b"").expect("fits"));
        let raw = out.into_bytes();
        let (result, found) = allocated(|| Content::decode(&raw));
        assert!(result.is_err());
        assert!(found <= 2 * raw.len() + 64, "{found} bytes for {}", raw.len());
    }
}
