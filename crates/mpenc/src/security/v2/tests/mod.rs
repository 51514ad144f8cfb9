use alloc::collections::BTreeSet;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

use mpenc_crypto::testing::Transparent;
use mpenc_crypto::{SecretBytes, SignLabel, SigningKey, Suite, V2};
use mpenc_greeting::SubsessionKeys;
use mpenc_packet::v2::{Content, DataPacket, Plaintext};
use mpenc_types::{ChainHash, MemberId, MessageId, SubsessionId};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::binding::{Whereabouts, associated, nonce};
use super::body::encodable;
use super::chain::{ChainKey, MessageKey, PacketKeys, Root, Tag};
use super::*;
use crate::security::OrderPoint;

mod cost;
mod forgery;
mod order;
mod requests;
mod secrecy;
mod toy;

/// The subsession that most tests have.
const SID: u8 = 1;

const ORDER: OrderPoint = OrderPoint { number: 3, chain: ChainHash::new([8; 32]) };

fn name(name: &str) -> MemberId {
    MemberId::new(name).unwrap()
}

fn signer<S: Suite>(owner: &str) -> S::SigningKey {
    S::SigningKey::from_seed(&SecretBytes::new(S::hash(&[owner.as_bytes()])))
}

fn secret(sid: u8) -> SecretBytes<32> {
    SecretBytes::new([sid.wrapping_add(100); 32])
}

/// What `owner` has of a subsession; everybody signs with the same key in all of them.
fn member_of<S: MessageSuite>(owner: &str, sid: u8, names: &[&str]) -> V2Security<S> {
    let authors = names.iter().map(|of| (name(of), signer::<S>(of).public())).collect();
    let keys = SubsessionKeys {
        sid: SubsessionId::new([sid; 32]),
        secret: secret(sid),
        signer: Arc::new(signer::<S>(owner)),
        authors,
        fingerprint: None,
        statements: Vec::new(),
    };
    V2Security::new(&name(owner), keys).unwrap()
}

fn member<S: MessageSuite>(owner: &str) -> V2Security<S> {
    member_of(owner, SID, &["alice", "bob", "mallory"])
}

fn text(text: &str) -> Body {
    Body::Payload(text.into())
}

fn seal<S: MessageSuite>(member: &mut V2Security<S>, body: &Body) -> Sealed {
    let header = MessageHeader { parents: &[], order: ORDER };
    let mut rng = ChaCha20Rng::seed_from_u64(0);
    let sealed = member.seal(&mut rng, &header, body).unwrap();
    member.commit(&sealed.id);
    sealed
}

/// The author's first messages.
fn series<S: MessageSuite>(author: &str, count: usize) -> Vec<Sealed> {
    let mut author = member::<S>(author);
    (0..count).map(|n| seal(&mut author, &text(&format!("message {n}")))).collect()
}

fn open<S: MessageSuite>(
    member: &mut V2Security<S>,
    packet: &[u8],
) -> Result<(MemberId, u64), OpenReject> {
    let opened = member.open(&name("whoever"), packet)?;
    Ok((opened.author, opened.position.unwrap()))
}

/// What an insider knows, who has no key of an author but the signing key: everything.
fn keys_of<S: MessageSuite>(sid: u8, author: &str, position: u64) -> PacketKeys {
    let root = Root::new::<S>(&SubsessionId::new([sid; 32]), &secret(sid));
    let (mut chain, mut key) = root.chain::<S>(&name(author)).step::<S>();
    for _ in 0..position {
        (chain, key) = chain.step::<S>();
    }
    key.keys::<S>()
}

/// A packet made by hand, at a position of `author`, with every choice open.
struct Craft<'a> {
    author: &'a str,
    position: u64,
    signer: &'a str,
    content: Vec<u8>,
}

impl<'a> Craft<'a> {
    fn new(author: &'a str, position: u64, signer: &'a str, body: &Body) -> Self {
        let content = Content {
            parents: Vec::new(),
            number: ORDER.number,
            chain: ORDER.chain,
            body: encodable(body),
        };
        Self { author, position, signer, content: content.encode().unwrap() }
    }

    fn keys<S: MessageSuite>(&self) -> PacketKeys {
        keys_of::<S>(SID, self.author, self.position)
    }

    fn plaintext<S: MessageSuite>(&self) -> Vec<u8> {
        let sid = SubsessionId::new([SID; 32]);
        let root = Root::new::<S>(&sid, &secret(SID));
        let author = name(self.author);
        let at = Whereabouts { sid: &sid, author: &author, position: self.position };
        let id = at.identifier::<S>(&root.identifier_key::<S>(), &self.content);
        let signed = at.signed::<S>(&id, &self.keys::<S>().tag);
        let signature = signer::<S>(self.signer).sign(&[SignLabel::MESSAGE.as_bytes(), &signed]);
        Plaintext { signature, content: self.content.clone() }.encode()
    }

    fn packet<S: MessageSuite>(&self) -> Vec<u8> {
        let text = self.plaintext::<S>();
        encrypted::<S>(&self.keys::<S>(), text)
    }
}

fn encrypted<S: MessageSuite>(keys: &PacketKeys, mut text: Vec<u8>) -> Vec<u8> {
    let nonce = nonce::<S>(keys, &text);
    let mut data = DataPacket { tag: keys.tag.0, nonce, ciphertext: Vec::new() };
    S::seal_in_place(&keys.key, &nonce, &associated(&data), &mut text);
    data.ciphertext = text;
    data.to_wire()
}

/// A mistake here would let other tests pass for the wrong reason.
#[test]
fn what_is_made_by_hand_is_what_the_author_makes() {
    let sealed = series::<V2>("alice", 3).pop().unwrap();
    let crafted = Craft::new("alice", 2, "alice", &text("message 2")).packet::<V2>();
    assert_eq!(crafted, sealed.packet);
}

#[test]
fn every_body_comes_back_as_it_went() {
    let part = mpenc_packet::v2::split::<V2>(&"x".repeat(20_000)).unwrap().next().unwrap();
    let bodies = [
        text("hello"),
        Body::ExplicitAck { manual: true },
        Body::ExplicitAck { manual: false },
        Body::Consistency { close: true },
        Body::Heartbeat,
        Body::OrderConfirmation([5; 32].into()),
        Body::Absence { away: true },
        Body::Error { code: crate::security::ErrorCode::Fork, subject: Some([6; 32].into()) },
        Body::Part(part),
        Body::Close,
        Body::Opaque { kind: 0x42, bytes: alloc::vec![1, 2] },
    ];
    let parents: Vec<MessageId> = [[1; 32], [2; 32]].map(Into::into).to_vec();
    let (mut alice, mut bob) = (member::<V2>("alice"), member::<V2>("bob"));
    for (position, body) in (0..).zip(&bodies) {
        let header = MessageHeader { parents: &parents, order: ORDER };
        let mut rng = ChaCha20Rng::seed_from_u64(0);
        let sealed = alice.seal(&mut rng, &header, body).unwrap();
        let opened = bob.open(&name("whoever"), &sealed.packet).unwrap();
        assert_eq!(opened.id, sealed.id);
        assert_eq!(opened.author, name("alice"));
        assert_eq!(opened.parents, parents);
        assert_eq!(opened.order, Some(ORDER));
        assert_eq!(opened.position, Some(position));
        assert_eq!(&opened.body, body);
        assert_eq!(opened.body.kind(), encodable(body).kind());
    }
}

#[test]
fn what_no_packet_carries_is_refused_and_uses_nothing_up() {
    let mut alice = member::<V2>("alice");
    let header = MessageHeader { parents: &[], order: ORDER };
    let mut rng = ChaCha20Rng::seed_from_u64(0);
    let long = text(&"x".repeat(16_385));
    let limit = SealError::TooLarge { found: 16_385, limit: 16_384 };
    assert_eq!(alice.seal(&mut rng, &header, &long).unwrap_err(), limit);
    let empty = SealError::TooLarge { found: 0, limit: 16_384 };
    assert_eq!(alice.seal(&mut rng, &header, &text("")).unwrap_err(), empty);
    let sealed = seal(&mut alice, &text(&"x".repeat(16_384)));
    assert_eq!(open(&mut member::<V2>("bob"), &sealed.packet), Ok((name("alice"), 0)));
}

#[test]
fn printing_tells_no_secret() {
    let mut alice = member::<V2>("alice");
    seal(&mut alice, &text("hello"));
    let printed = format!("{alice:?}");
    assert!(printed.starts_with("V2Security { owner: "), "{printed}");
    assert!(printed.len() < 400, "{printed}");
    let keys = format!("{:?}", keys_of::<V2>(SID, "alice", 0));
    assert_eq!(keys.matches("[redacted]").count(), 2, "{keys}");
}
