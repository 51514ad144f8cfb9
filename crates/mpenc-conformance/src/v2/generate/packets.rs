//! Packets of each kind, good and bad.

use mpenc_crypto::{PublicKey, SignLabel, SigningKey as _, Suite, V2};
use mpenc_packet::v2::{
    AbortFields, AbortReason, ConfirmationFields, Contribution, ContributionFields, DataPacket,
    EncodeError, Entry, InitialFields, OpId, PacketKind, PublicationPacket, RequestPacket,
    ShareFields,
};
use mpenc_types::{ChainHash, MemberId, MessageId, PacketId, SubsessionId};
use serde_json::{Value, json};

use super::super::hx;
use super::{Dice, plain};
use crate::json::{Checked, Fault};

type Key = <V2 as Suite>::SigningKey;

pub(super) fn packets(dice: &mut Dice) -> Checked<Value> {
    let mut cases = Vec::new();
    good_initials(dice, &mut cases)?;
    good_others(dice, &mut cases)?;
    bad_headers(dice, &mut cases);
    bad_initials(dice, &mut cases);
    bad_others(dice, &mut cases);
    requests(dice, &mut cases);
    plain("mpenc-v2-packets/1", vec![("cases", cases)])
}

pub(super) fn unable(error: EncodeError) -> Fault {
    Fault::new("packet", format!("is not made: {error}"))
}

fn contribution(dice: &mut Dice) -> Contribution {
    Contribution {
        nonce: dice.array(),
        ephemeral: PublicKey::new(dice.array()),
        point: dice.array(),
    }
}

/// Members as in `a` both, `-b` excluded, `+c` included.
fn entries(dice: &mut Dice, members: &[&str]) -> Vec<Entry> {
    members
        .iter()
        .map(|member| {
            let name = member.trim_start_matches(['-', '+']);
            Entry {
                name: MemberId::from_wire(name.as_bytes()),
                was: !member.starts_with('+'),
                key: (!member.starts_with('-')).then(|| PublicKey::new(dice.array())),
            }
        })
        .collect()
}

fn initial(dice: &mut Dice, place: u16, members: &[&str], heads: usize) -> InitialFields {
    let entries = entries(dice, members);
    let shared = entries.iter().filter(|entry| entry.key.is_some()).count() > 1;
    InitialFields {
        label: dice.array(),
        instance: dice.array(),
        place,
        entries,
        prev_final: PacketId::new(dice.array()),
        prev_chain: ChainHash::new(dice.array()),
        heads: (0..heads).map(|_| MessageId::from(dice.array::<32>())).collect(),
        contribution: shared.then(|| contribution(dice)),
    }
}

fn good_initials(dice: &mut Dice, cases: &mut Vec<Value>) -> Checked {
    let long = "n".repeat(255);
    let many: Vec<String> = (0..511).map(|i| format!("-m{i:03}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).chain(["z"]).collect();
    let runs: Vec<(&str, u16, Vec<&str>, usize)> = vec![
        ("establish for two", 0, vec!["ann", "+bob"], 0),
        ("establish for three, the initiator last", 2, vec!["+ann", "+bob", "cat"], 0),
        ("include one", 1, vec!["ann", "bob", "+cat"], 1),
        ("include three", 0, vec!["ann", "+bob", "+cat", "+dan"], 0),
        ("exclude one", 0, vec!["ann", "bob", "-cat"], 2),
        ("exclude two", 1, vec!["-ann", "bob", "cat", "-dan"], 3),
        ("include and exclude", 0, vec!["ann", "-bob", "+cat", "dan"], 1),
        ("refresh", 1, vec!["ann", "bob", "cat"], 2),
        ("exclude everybody else", 0, vec!["-ann", "bob", "-cat"], 1),
        ("names: a prefix first", 0, vec!["a", "aa", "+ab", "b"], 0),
        ("names: not ASCII", 1, vec!["Ωμέγα", "+żółw", "龍"], 0),
        ("a name of one byte and one of 255", 0, vec!["a", &long], 0),
        ("512 members, all but one excluded", 0, many, 0),
        ("40 heads", 0, vec!["ann", "bob"], 40),
    ];
    for (label, place, members, heads) in runs {
        let (seed, key) = dice.key();
        let packet = initial(dice, place, &members, heads).sign(&key).map_err(unable)?;
        cases.push(json!({"label": label, "packet": hx(packet.to_wire()), "signer": hx(seed),
            "expect": "accept"}));
    }
    Ok(())
}

fn good_others(dice: &mut Dice, cases: &mut Vec<Value>) -> Checked {
    for place in [0, 1, 511] {
        let (seed, key) = dice.key();
        let op = OpId::new(dice.array());
        let contribution = contribution(dice);
        let packet = ContributionFields { op, place, contribution }.sign(&key).map_err(unable)?;
        let mut put = |kind, packet: Vec<u8>| {
            cases.push(json!({"label": format!("{kind}, place {place}"), "packet": hx(packet),
                "signer": hx(seed), "expect": "accept"}));
        };
        put("contribution", packet.to_wire());
        let (transcript, check) = (dice.array(), dice.array());
        let packet = ConfirmationFields { op, place, transcript, check };
        put("confirmation", packet.sign(&key).map_err(unable)?.to_wire());
        let (ctx, share) = (dice.array(), dice.array());
        let (challenge, response) = (dice.array(), dice.array());
        let packet = ShareFields { op, place, share, challenge, response };
        let packet = packet.sign(&key, &ctx).map_err(unable)?;
        cases
            .push(json!({"label": format!("share, place {place}"), "packet": hx(packet.to_wire()),
            "signer": hx(seed), "ctx": hx(ctx), "expect": "accept"}));
    }
    for (label, reason) in [
        ("abort: asked for", AbortReason::Asked),
        ("abort: timeout", AbortReason::TimedOut),
        ("abort: identity key of place 0", AbortReason::IdentityKey(0)),
        ("abort: identity key of place 511", AbortReason::IdentityKey(511)),
        ("abort: no key", AbortReason::NoKey),
        ("abort: internal error", AbortReason::Internal),
    ] {
        let (seed, key) = dice.key();
        let packet = AbortFields { op: OpId::new(dice.array()), place: 2, reason };
        let packet = packet.sign(&key).map_err(unable)?.to_wire();
        cases.push(json!({"label": label, "packet": hx(packet), "signer": hx(seed),
            "expect": "accept"}));
    }
    for len in [128, 256, 4096, 4352, 17_408] {
        let packet =
            DataPacket { tag: dice.array(), nonce: dice.array(), ciphertext: dice.bytes(len + 16) };
        if len < 10_000 {
            cases.push(json!({"label": format!("message of {len} bytes"),
                "packet": hx(packet.to_wire()), "expect": "accept"}));
        }
    }
    for place in [0, 511] {
        let sid = SubsessionId::new(dice.array());
        let packet = PublicationPacket { sid, place, seed: dice.array() };
        cases.push(json!({"label": format!("publication, place {place}"),
            "packet": hx(packet.to_wire()), "expect": "accept"}));
    }
    Ok(())
}

fn refuse(cases: &mut Vec<Value>, label: &str, reason: &str, packet: &[u8]) {
    cases.push(json!({"label": label, "packet": hx(packet), "expect": "refuse",
        "reason": reason}));
}

fn bad_headers(dice: &mut Dice, cases: &mut Vec<Value>) {
    let rest = dice.bytes(194);
    for (label, header) in [
        ("the first profile", [0x01, 0x02, 0x01, 0x02]),
        ("a later profile", [0x03, 0x02, 0x01, 0x02]),
        ("another suite", [0x02, 0x02, 0x02, 0x02]),
        ("suite in the other order of bytes", [0x02, 0x01, 0x02, 0x02]),
        ("suite zero", [0x02, 0x00, 0x00, 0x02]),
        ("kind 00", [0x02, 0x02, 0x01, 0x00]),
        ("kind 06", [0x02, 0x02, 0x01, 0x06]),
        ("kind 0f", [0x02, 0x02, 0x01, 0x0f]),
        ("kind 13", [0x02, 0x02, 0x01, 0x13]),
        ("kind ff", [0x02, 0x02, 0x01, 0xff]),
    ] {
        refuse(cases, label, "header", &[&header[..], &rest].concat());
    }
    refuse(cases, "nothing", "header", &[]);
    refuse(cases, "three bytes", "header", &[2, 2, 1]);
    refuse(cases, "a packet of v1", "header", b"?mpENC:AAAA");
}

/// A signed packet with this content, whatever it is.
fn raw(key: &Key, kind: PacketKind, label: SignLabel, content: &[u8]) -> Vec<u8> {
    let signature = key.sign(&[label.as_bytes(), &kind.header(), content]);
    [&kind.header()[..], signature.as_bytes(), content].concat()
}

/// Fields of an initial packet as bytes, right or wrong.
#[derive(Clone)]
struct RawInitial {
    start: Vec<u8>,
    place: u16,
    count: u16,
    entries: Vec<Vec<u8>>,
    order: Vec<u8>,
    heads_count: u16,
    heads: Vec<u8>,
    contribution: Vec<u8>,
    end: Vec<u8>,
}

impl RawInitial {
    fn bytes(&self) -> Vec<u8> {
        [
            &self.start[..],
            &self.place.to_be_bytes(),
            &self.count.to_be_bytes(),
            &self.entries.concat(),
            &self.order,
            &self.heads_count.to_be_bytes(),
            &self.heads,
            &self.contribution,
            &self.end,
        ]
        .concat()
    }
}

fn raw_entry(name: &[u8], flags: u8, key: &[u8]) -> Vec<u8> {
    let len = u8::try_from(name.len()).unwrap_or(u8::MAX);
    [&[len], name, &[flags], key].concat()
}

fn bad_initials(dice: &mut Dice, cases: &mut Vec<Value>) {
    let (_, key) = dice.key();
    let keys: Vec<[u8; 32]> = (0..3).map(|_| dice.array()).collect();
    let entry = |at: usize, name: &[u8], flags: u8| {
        let key = keys.get(at).map_or(&[][..], |key| key);
        raw_entry(name, flags, if flags == 1 { &[] } else { key })
    };
    let (ann, bob, cat) = (entry(0, b"ann", 3), entry(1, b"bob", 3), entry(2, b"cat", 2));
    let good = RawInitial {
        start: dice.bytes(48),
        place: 0,
        count: 3,
        entries: vec![ann.clone(), bob.clone(), cat.clone()],
        order: dice.bytes(64),
        heads_count: 0,
        heads: Vec::new(),
        contribution: dice.bytes(96),
        end: Vec::new(),
    };
    let mut put = |label: &str, reason: &str, alter: &dyn Fn(&mut RawInitial)| {
        let mut bad = good.clone();
        alter(&mut bad);
        let packet = raw(&key, PacketKind::Initial, SignLabel::INITIAL, &bad.bytes());
        refuse(cases, &format!("initial: {label}"), reason, &packet);
    };
    put("place outside the membership", "place", &|p| p.place = 3);
    put("the largest place", "place", &|p| p.place = u16::MAX);
    put("place of somebody included", "place", &|p| p.place = 2);
    put("nobody remains", "place", &|p| {
        p.entries = vec![entry(0, b"ann", 1), entry(1, b"bob", 1)];
        p.count = 2;
        p.contribution.clear();
    });
    put("nobody at all", "limit", &|p| {
        p.entries.clear();
        p.count = 0;
        p.contribution.clear();
    });
    put("513 members", "limit", &|p| {
        p.entries = (0..513).map(|i| entry(0, format!("{i:03}").as_bytes(), 1)).collect();
        p.count = 513;
    });
    for flags in [0, 4, 5, 0x83] {
        put(&format!("flags {flags:02x}"), "value", &|p| {
            p.entries = vec![ann.clone(), entry(1, b"bob", flags), cat.clone()];
        });
    }
    put("names in another order", "order", &|p| {
        p.entries = vec![bob.clone(), ann.clone(), cat.clone()];
    });
    put("a name twice", "order", &|p| p.entries = vec![ann.clone(), ann.clone(), cat.clone()]);
    put("a name twice, kept and excluded", "order", &|p| {
        p.entries = vec![entry(0, b"ann", 3), entry(0, b"ann", 1), cat.clone()];
    });
    put("a prefix behind the longer name", "order", &|p| {
        p.entries = vec![entry(0, b"ann", 3), entry(1, b"an", 3), cat.clone()];
    });
    for (label, name) in [
        ("an empty name", &b""[..]),
        ("a name with a line feed", b"b\nb"),
        ("a name with a zero byte", b"b\0"),
        ("a name with U+007F", b"b\x7f"),
        ("a name with U+0085", b"b\xc2\x85"),
        ("a name that is no UTF-8", b"b\xff"),
        ("a name with a surrogate", b"b\xed\xa0\x80"),
        ("a name in a longer form than needed", b"b\xc1\xa1"),
        ("a name cut inside a character", b"b\xe9\xbe"),
    ] {
        put(label, "name", &|p| p.entries = vec![ann.clone(), entry(1, name, 3), cat.clone()]);
    }
    put("one member more than there are", "short", &|p| {
        p.count = 100;
        p.contribution.clear();
        p.order.clear();
        p.heads_count = 0x3031;
    });
    put("alone before and after", "members", &|p| {
        p.entries = vec![ann.clone()];
        p.count = 1;
        p.contribution.clear();
    });
    put("no contribution for three", "short", &|p| p.contribution.clear());
    put("half a contribution", "short", &|p| p.contribution.truncate(48));
    put("a contribution for one", "long", &|p| {
        p.entries = vec![ann.clone(), entry(1, b"bob", 1)];
        p.count = 2;
    });
    put("a byte more", "long", &|p| p.end = vec![0]);
    put("32 bytes more", "long", &|p| p.end = vec![0; 32]);
    put("heads in another order", "order", &|p| {
        p.heads_count = 2;
        p.heads = [[2; 32], [1; 32]].concat();
    });
    put("a head twice", "order", &|p| {
        p.heads_count = 2;
        p.heads = [[2; 32], [2; 32]].concat();
    });
    put("513 heads", "limit", &|p| p.heads_count = 513);
    put("fewer heads than counted", "short", &|p| {
        p.heads_count = 4;
        p.heads = vec![1; 31];
        p.contribution.clear();
    });
    put("a key missing", "short", &|p| {
        p.entries = vec![ann.clone(), bob.clone(), entry(9, b"cat", 2)];
        p.contribution.clear();
        p.order.truncate(31);
        p.heads_count = 0;
    });
    let whole = raw(&key, PacketKind::Initial, SignLabel::INITIAL, &good.bytes());
    for (label, len) in [
        ("nothing behind the header", 4),
        ("half a signature", 36),
        ("no content", 68),
        ("a byte less", whole.len().saturating_sub(1)),
    ] {
        let cut = whole.get(..len).unwrap_or_default();
        refuse(cases, &format!("initial: {label}"), "short", cut);
    }
}

fn bad_others(dice: &mut Dice, cases: &mut Vec<Value>) {
    let (_, key) = dice.key();
    let op = dice.bytes(32);
    for (kind, label, name, len) in [
        (PacketKind::Contribution, SignLabel::CONTRIBUTION, "contribution", 96),
        (PacketKind::Share, SignLabel::SHARE, "share", 96),
        (PacketKind::Confirmation, SignLabel::CONFIRMATION, "confirmation", 64),
    ] {
        let rest = dice.bytes(len);
        let mut put = |what: &str, reason, content: &[u8]| {
            refuse(cases, &format!("{name}: {what}"), reason, &raw(&key, kind, label, content));
        };
        let good = [&op, &[0, 1][..], &rest].concat();
        put("place 512", "place", &[&op, &[2, 0][..], &rest].concat());
        put("place 65535", "place", &[&op, &[255, 255][..], &rest].concat());
        put("a byte less", "short", good.get(..good.len().saturating_sub(1)).unwrap_or_default());
        put("a byte more", "long", &[&good[..], &[0]].concat());
        put("no content", "short", &[]);
    }
    let mut abort = |what: &str, reason, rest: &[u8]| {
        let content = [&op, rest].concat();
        let packet = raw(&key, PacketKind::Abort, SignLabel::ABORT, &content);
        refuse(cases, &format!("abort: {what}"), reason, &packet);
    };
    abort("reason 05", "value", &[0, 0, 5, 255, 255]);
    abort("reason ff", "value", &[0, 0, 255, 255, 255]);
    abort("a subject where there is none", "subject", &[0, 0, 0, 0, 0]);
    abort("timeout with a subject", "subject", &[0, 0, 1, 0, 1]);
    abort("no subject where one is due", "subject", &[0, 0, 2, 255, 255]);
    abort("subject 512", "place", &[0, 0, 2, 2, 0]);
    abort("place 512", "place", &[2, 0, 0, 255, 255]);
    abort("a byte less", "short", &[0, 0, 0, 255]);
    abort("a byte more", "long", &[0, 0, 0, 255, 255, 0]);
    let header = PacketKind::Message.header();
    let front = [&header[..], &dice.bytes(28)].concat();
    for (what, reason, len) in [
        ("no ciphertext", "length", 0),
        ("an authenticator only", "length", 16),
        ("a byte less than the shortest", "length", 143),
        ("a byte more than the shortest", "length", 145),
        ("between two lengths", "length", 200),
        ("4,097 bytes", "length", 4113),
    ] {
        let packet = [front.clone(), dice.bytes(len)].concat();
        refuse(cases, &format!("message: {what}"), reason, &packet);
    }
    refuse(cases, "message: half a nonce", "short", front.get(..26).unwrap_or_default());
    refuse(cases, "message: header only", "short", &header);
    let good = [&PacketKind::Publication.header()[..], &op, &[0, 1], &dice.bytes(32)].concat();
    refuse(cases, "publication: a byte less", "short", good.get(..69).unwrap_or_default());
    refuse(cases, "publication: a byte more", "long", &[&good[..], &[0]].concat());
    let mut bad = good;
    if let Some(place) = bad.get_mut(36) {
        *place = 2;
    }
    refuse(cases, "publication: place 513", "place", &bad);
}

fn requests(dice: &mut Dice, cases: &mut Vec<Value>) {
    for len in [128, 4096, 6656] {
        let packet = RequestPacket { nonce: dice.array(), ciphertext: dice.bytes(len + 16) };
        cases.push(json!({"label": format!("request of {len} bytes"),
            "packet": hx(packet.to_wire()), "expect": "accept"}));
    }
    let header = PacketKind::Request.header();
    let front = [&header[..], &dice.bytes(12)].concat();
    for (what, len) in [
        ("no ciphertext", 0),
        ("an authenticator only", 16),
        ("a byte less than the shortest", 143),
        ("a byte more than the shortest", 145),
        ("between two lengths", 200),
        ("longer than the longest", 6800),
    ] {
        let packet = [front.clone(), dice.bytes(len)].concat();
        refuse(cases, &format!("request: {what}"), "length", &packet);
    }
    refuse(cases, "request: half a nonce", "short", front.get(..10).unwrap_or_default());
    refuse(cases, "request: header only", "short", &header);
}
