//! Requests for copies, good and bad.

use mpenc::security::Request;
use mpenc_packet::v2::{MAX_COUNTS, MAX_HELD, MAX_WANTED, padded_len};
use mpenc_types::MessageId;
use serde_json::{Value, json};

use super::super::hx;
use super::super::keyed::{Keys, RequestKeys};
use super::super::requests::sealed;
use super::messages::flip;
use super::{Dice, plain};
use crate::json::Checked;

pub(super) fn requests(dice: &mut Dice) -> Checked<Value> {
    let (sid, root): ([u8; 32], [u8; 32]) = (dice.array(), dice.array());
    let mut keys = vec![json!({"label": "any", "sid": hx(sid), "root": hx(root)})];
    keys.push(json!({"label": "same root, another sid", "sid": dice.hex(32), "root": hx(root)}));
    keys.push(json!({"label": "same sid, another root", "sid": hx(sid), "root": dice.hex(32)}));
    let mut plaintexts = Vec::new();
    for (label, request) in good(dice) {
        plaintexts.push(json!({"label": label, "plaintext": hx(request.encode()),
            "expect": "accept"}));
    }
    for (label, reason, plaintext) in bad(dice) {
        plaintexts.push(json!({"label": label, "plaintext": hx(plaintext), "expect": "refuse",
            "reason": reason}));
    }
    let cases = packets(dice, sid, root);
    let lists = vec![("keys", keys), ("plaintexts", plaintexts), ("cases", cases)];
    plain("mpenc-v2-requests/1", lists)
}

fn ids(dice: &mut Dice, count: usize) -> Vec<MessageId> {
    let mut ids: Vec<_> = (0..count).map(|_| MessageId::from(dice.array::<32>())).collect();
    ids.sort_unstable();
    ids
}

/// Of three members, of whom the second wrote something that is here and waits.
fn usual(dice: &mut Dice) -> Request {
    Request { attempt: 0, accepted: vec![5, 0, 7], held: vec![(1, 2)], wanted: ids(dice, 1) }
}

fn good(dice: &mut Dice) -> Vec<(&'static str, Request)> {
    let usual = usual(dice);
    let largest = (0..).zip([u64::MAX; MAX_HELD]);
    vec![
        ("one is wanted", usual.clone()),
        ("whatever others have is wanted", Request { wanted: Vec::new(), ..usual.clone() }),
        ("the third attempt", Request { attempt: 2, ..usual.clone() }),
        ("attempts without number", Request { attempt: 255, ..usual.clone() }),
        ("nothing is held", Request { held: Vec::new(), ..usual.clone() }),
        (
            "several of several are held",
            Request { held: vec![(0, 6), (0, 7), (2, 8), (2, u64::MAX)], ..usual.clone() },
        ),
        (
            "numbers of eight bytes",
            Request { accepted: vec![u64::MAX, 0x0102_0304_0506_0708], ..usual.clone() },
        ),
        ("nobody else, and nothing accepted", {
            Request { accepted: vec![0], held: Vec::new(), ..usual.clone() }
        }),
        // 4 + 1 + 2 + 24 + 2 + 10·h + 2 + 32 is 127 for h = 6.
        ("a byte of padding", {
            Request { held: (0..6).map(|n| (1, n)).collect(), ..usual.clone() }
        }),
        ("as many as can be wanted", Request { wanted: ids(dice, MAX_WANTED), ..usual }),
        (
            "as long as can be",
            Request {
                attempt: 1,
                accepted: vec![u64::MAX; MAX_COUNTS],
                held: largest.collect(),
                wanted: ids(dice, MAX_WANTED),
            },
        ),
    ]
}

/// A plaintext around any content.
fn padded(content: &[u8]) -> Vec<u8> {
    let len = u32::try_from(content.len()).unwrap_or(u32::MAX);
    let mut plaintext = [&len.to_be_bytes()[..], content].concat();
    plaintext.resize(padded_len(plaintext.len()), 0);
    plaintext
}

/// Fields of a request as bytes, right or wrong.
#[derive(Clone)]
struct Raw {
    attempt: Vec<u8>,
    accepted: (u16, Vec<u8>),
    held: (u16, Vec<u8>),
    wanted: (u16, Vec<u8>),
    end: Vec<u8>,
}

impl Raw {
    fn content(&self) -> Vec<u8> {
        let mut content = self.attempt.clone();
        for (count, entries) in [&self.accepted, &self.held, &self.wanted] {
            content.extend(count.to_be_bytes());
            content.extend(entries);
        }
        content.extend(&self.end);
        content
    }
}

type Bad = (String, &'static str, Vec<u8>);

fn bad(dice: &mut Dice) -> Vec<Bad> {
    let mut cases = bad_fields(dice);
    cases.extend(bad_padding(dice));
    cases
}

fn bad_fields(dice: &mut Dice) -> Vec<Bad> {
    let held = |list: &[(u16, u64)]| -> (u16, Vec<u8>) {
        let bytes = list.iter().flat_map(|(place, position)| {
            [&place.to_be_bytes()[..], &position.to_be_bytes()].concat()
        });
        (u16::try_from(list.len()).unwrap_or(u16::MAX), bytes.collect())
    };
    let many = |list: &[[u8; 32]]| (u16::try_from(list.len()).unwrap_or(u16::MAX), list.concat());
    let good = Raw {
        attempt: vec![0],
        accepted: (3, dice.bytes(24)),
        held: held(&[(0, 1), (2, 3)]),
        wanted: many(&[[1; 32], [2; 32]]),
        end: Vec::new(),
    };
    let mut cases = Vec::new();
    let mut put = |label: &str, reason: &'static str, alter: &dyn Fn(&mut Raw)| {
        let mut raw = good.clone();
        alter(&mut raw);
        cases.push((label.to_owned(), reason, padded(&raw.content())));
    };
    put("wanted in another order", "order", &|r| r.wanted = many(&[[2; 32], [1; 32]]));
    put("wanted twice", "order", &|r| r.wanted = many(&[[2; 32], [2; 32]]));
    put("33 are wanted", "limit", &|r| {
        r.wanted = many(&(0..33).map(|n| [n; 32]).collect::<Vec<_>>());
    });
    put("held: places in another order", "order", &|r| r.held = held(&[(2, 1), (1, 3)]));
    put("held: positions in another order", "order", &|r| r.held = held(&[(1, 3), (1, 2)]));
    put("held: twice", "order", &|r| r.held = held(&[(1, 3), (1, 3)]));
    put("held: positions as numbers of another order of bytes", "order", &|r| {
        r.held = held(&[(1, 0x0100), (1, 0x0001)]);
    });
    put("held: a place that nobody has", "place", &|r| r.held = held(&[(0, 1), (3, 1)]));
    put("held: the largest place", "place", &|r| r.held = held(&[(u16::MAX, 1)]));
    put("129 are held", "limit", &|r| {
        r.held = held(&(0..129).map(|n| (1, n)).collect::<Vec<_>>());
    });
    put("numbers of 513 members", "limit", &|r| r.accepted = (513, vec![0; 513 * 8]));
    put("numbers of one member more than there are", "short", &|r| {
        r.accepted.0 = 500;
    });
    put("one more held than there are", "short", &|r| r.held.0 = 127);
    put("one more wanted than there are", "short", &|r| r.wanted.0 = 3);
    put("half an identifier", "short", &|r| r.wanted.1.truncate(48));
    put("a byte more", "long", &|r| r.end = vec![0]);
    put("another identifier behind the last", "long", &|r| r.end = vec![3; 32]);
    let whole = good.content();
    let cut = whole.get(..49).unwrap_or_default();
    cases.push(("nothing behind what is held".to_owned(), "short", padded(cut)));
    cases.push(("no content".to_owned(), "short", padded(&[])));
    cases.push(("an attempt only".to_owned(), "short", padded(&[0])));
    cases
}

fn bad_padding(dice: &mut Dice) -> Vec<Bad> {
    let good = usual(dice).encode();
    let resized = |len| {
        let mut bytes = good.clone();
        bytes.resize(len, 0);
        bytes
    };
    let altered = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        if let Some(to) = bytes.get_mut(at) {
            *to = byte;
        }
        bytes
    };
    // The usual request has a content of 73 bytes.
    let cases: Vec<(&str, &'static str, Vec<u8>)> = vec![
        ("nothing", "short", Vec::new()),
        ("half a length", "short", vec![0, 0]),
        ("no padding", "padding", resized(77)),
        ("a byte less", "padding", resized(127)),
        ("a byte more", "padding", resized(129)),
        ("padded to the next length but one", "padding", resized(256)),
        ("padding that ends in one", "padding", altered(127, 1)),
        ("padding that begins with 80", "padding", altered(77, 0x80)),
        ("a length that ends before the content", "padding", altered(3, 72)),
        ("a length that ends in the padding", "long", altered(3, 74)),
        ("a length of more than everything", "short", altered(3, 125)),
        ("the largest length", "short", [&[0xff; 4][..], &[0; 124]].concat()),
    ];
    cases.into_iter().map(|(label, reason, bytes)| (label.to_owned(), reason, bytes)).collect()
}

/// What a member of a subsession of three makes of packets.
fn packets(dice: &mut Dice, sid: [u8; 32], root: [u8; 32]) -> Vec<Value> {
    let keys = Keys::new(&sid, &root).requests();
    let request = usual(dice);
    let plaintext = request.encode();
    let good = sealed(&keys, &plaintext, None);
    let end = good.len();
    let mut cases = Vec::new();
    let mut put = |label: &str, reason: Option<&str>, packet: &[u8]| {
        cases.push(json!({"label": label, "sid": hx(sid), "root": hx(root), "members": 3,
            "packet": hx(packet), "expect": if reason.is_none() { "accept" } else { "refuse" },
            "reason": reason}));
    };
    put("good", None, &good);
    let again = Request { attempt: 1, ..request.clone() };
    put("asked for again", None, &sealed(&keys, &again.encode(), None));
    let long = Request { wanted: ids(dice, MAX_WANTED), ..request.clone() };
    put("as many as can be wanted", None, &sealed(&keys, &long.encode(), None));
    put("another profile", Some("header"), &flip(&good, 0));
    put("an unknown kind", Some("header"), &flip(&good, 3));
    for (label, at) in [
        ("first byte of the nonce", 4),
        ("last byte of the nonce", 15),
        ("first byte of the ciphertext", 16),
        ("byte of the padding", 130),
        ("first byte of the authenticator", end.saturating_sub(16)),
        ("last byte of the authenticator", end.saturating_sub(1)),
    ] {
        put(label, Some("authenticator"), &flip(&good, at));
    }
    put("a byte less", Some("length"), good.get(..end.saturating_sub(1)).unwrap_or_default());
    put("a byte more", Some("length"), &[&good[..], &[0]].concat());
    put("twice the length", Some("authenticator"), &[&good[..], &[0; 128]].concat());
    let other = |sid: &[u8; 32], root: &[u8; 32]| {
        sealed(&Keys::new(sid, root).requests(), &plaintext, None)
    };
    put("of another subsession", Some("authenticator"), &other(&dice.array(), &root));
    put("of another key agreement", Some("authenticator"), &other(&sid, &dice.array()));
    put("another nonce", Some("nonce"), &sealed(&keys, &plaintext, Some([9; 12])));
    let swapped = RequestKeys { nonce_key: dice.array(), ..Keys::new(&sid, &root).requests() };
    put("the nonce of another key", Some("nonce"), &sealed(&swapped, &plaintext, None));
    for (label, reason, plaintext) in [
        ("padding that is not zero", "padding", flip(&plaintext, 127)),
        ("padded too far", "padding", [&plaintext[..], &[0; 128]].concat()),
        ("a place of nobody", "place", Request { held: vec![(3, 0)], ..request.clone() }.encode()),
        ("numbers of two members", "members", {
            Request { accepted: vec![5, 0], ..request.clone() }.encode()
        }),
        ("numbers of four members", "members", {
            Request { accepted: vec![5, 0, 7, 0], ..request }.encode()
        }),
    ] {
        put(label, Some(reason), &sealed(&keys, &plaintext, None));
    }
    cases
}
