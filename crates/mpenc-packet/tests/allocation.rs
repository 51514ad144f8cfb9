//! What decoding may allocate (ATK-002). A program of its own, because it counts every
//! allocation of the process.
#![expect(clippy::expect_used, reason = "a test that cannot go on should stop")]

use std::alloc::System;

use mpenc_packet::armor;
use mpenc_packet::tlv::Writer;
use mpenc_packet::v1::{self, Content, GreetType, record};
use mpenc_packet::v2;
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

//= docs/spec/attacks.md#ATK-021
//= type=test
/// One test, because there is one counter.
//= docs/spec/attacks.md#ATK-002
//= type=test
#[test]
fn decoding_is_frugal() {
    the_first_profile_is_frugal();
    the_second_profile_is_frugal();
}

fn the_first_profile_is_frugal() {
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

/// An initial packet of the second profile with this many members and heads, and what it says
/// their numbers are.
fn initial(names: impl Iterator<Item = Vec<u8>>, heads: u64, numbers: (u16, u16)) -> Vec<u8> {
    let mut bytes = vec![2, 2, 1, 1];
    bytes.extend([0; 64 + 32 + 16 + 2]);
    bytes.extend(numbers.0.to_be_bytes());
    for (i, name) in names.enumerate() {
        bytes.push(u8::try_from(name.len()).expect("short"));
        bytes.extend(name);
        // One stays, all others are excluded: the shortest entries there are.
        bytes.push(if i == 0 { 3 } else { 1 });
        bytes.extend([7; 32].iter().take(if i == 0 { 32 } else { 0 }));
    }
    bytes.extend([0; 64]);
    bytes.extend(numbers.1.to_be_bytes());
    (0..heads).for_each(|i| bytes.extend([[0; 8], [0; 8], [0; 8], i.to_be_bytes()].concat()));
    bytes
}

fn the_second_profile_is_frugal() {
    let short = |n: u32| (0..n).map(|i| format!("{i:03}").into_bytes());
    let long = |n: u32| (0..n).map(|i| format!("{i:0>255}").into_bytes());
    let runs = [
        (initial(short(512), 0, (512, 0)), 512),
        (initial(short(512), 512, (512, 512)), 512),
        (initial(long(512), 512, (512, 512)), 512),
        (initial(short(2), 512, (2, 512)), 2),
        // Numbers that are a lie: nobody is named.
        (initial(short(0), 0, (512, 0)), 0),
        (initial(short(1), 0, (512, 0)), 0),
        (initial(short(0), 0, (u16::MAX, 0)), 0),
        (initial(short(2), 0, (2, 512)), 0),
        (initial(short(2), 1, (2, u16::MAX)), 0),
        (initial(short(513), 0, (513, 0)), 0),
    ];
    for (at, (packet, members)) in runs.iter().enumerate() {
        let (result, found) = allocated(|| v2::decode_greeting(packet));
        assert_eq!(result.is_ok(), *members > 0, "run {at}: {result:?}");
        // Besides the bytes: a name, its key and flags for each member.
        let bound = 4 * packet.len() + 4096 + 80 * members;
        assert!(found <= bound, "run {at}: {found} bytes for {}, bound {bound}", packet.len());
        let (_, found) = allocated(|| v2::kind(packet));
        assert_eq!(found, 0);
    }

    let content = |parents: u64, number: u16, body: &[u8]| {
        let mut bytes = number.to_be_bytes().to_vec();
        (0..parents).for_each(|i| bytes.extend([[0; 8], [0; 8], [0; 8], i.to_be_bytes()].concat()));
        bytes.extend([0; 36]);
        bytes.extend(body);
        bytes
    };
    for (bytes, right) in [
        (content(512, 512, &[2]), true),
        (content(512, 512, &vec![b'\0'; 16_385]), true),
        (content(0, 0, &vec![9; 16_449]), true),
        (content(0, 512, &[2]), false),
        (content(1, 512, &[2]), false),
        (content(0, u16::MAX, &[2]), false),
    ] {
        let (result, found) = allocated(|| v2::Content::decode(&bytes));
        assert_eq!(result.is_ok(), right, "{result:?}");
        assert!(found <= 2 * bytes.len() + 64, "{found} bytes for {}", bytes.len());
    }

    // A length that is a lie, and one that is not.
    for len in [0_u32, 60, 61, u32::MAX] {
        let plaintext = [&[0; 64][..], &len.to_be_bytes(), &[0; 60]].concat();
        let (_, found) = allocated(|| v2::Plaintext::decode(&plaintext));
        assert!(found <= 128, "{found}");
    }
}
