//! Sealing and opening messages, next to the bare primitives that the format demands: one
//! signature or verification, the cipher over the padded text, and two hashes.
//!
//! For v2, opening includes accepting and, as if everybody had the message at once, erasing its
//! keys; so does sealing. What v2 does beyond the bare primitives is deriving keys: that is what
//! its forward secrecy costs.
//!
//! `cargo bench -p mpenc`
#![expect(
    clippy::unwrap_used,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    reason = "a bench may stop at a surprise"
)]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mpenc::security::{
    Body, MessageHeader, MessageSecurity, OrderPoint, Sealed, V1Security, V2Security,
};
use mpenc::{ChainHash, MemberId, MessageId, SecretBytes, Signature, SubsessionId};
use mpenc_crypto::{
    Aead, FramedHash, Label, SignLabel, SigningKey, StreamCipher, Suite, V1, V2, VerifyingKey,
};
use mpenc_greeting::SubsessionKeys;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

type Key = <V1 as Suite>::SigningKey;

const SIZES: [usize; 3] = [100, 1024, 16 * 1024];

fn keys(owner: &str) -> SubsessionKeys {
    let name = |name| MemberId::new(name).unwrap();
    let key = |seed| Key::from_seed(&SecretBytes::new([seed; 32]));
    let own = if owner == "alice" { 1 } else { 2 };
    SubsessionKeys {
        sid: SubsessionId::new([7; 32]),
        secret: SecretBytes::new([9; 32]),
        signer: Arc::new(key(own)),
        authors: vec![(name("alice"), key(1).public()), (name("bob"), key(2).public())],
        fingerprint: None,
        statements: Vec::new(),
    }
}

fn v1(owner: &str) -> V1Security<V1> {
    V1Security::new(&MemberId::new(owner).unwrap(), keys(owner)).unwrap()
}

fn v2(owner: &str) -> V2Security<V2> {
    V2Security::new(&MemberId::new(owner).unwrap(), keys(owner)).unwrap()
}

/// What any implementation of the format has to do at least, for a text that pads to `len`.
struct Bare {
    signer: Key,
    verifier: <V1 as Suite>::VerifyingKey,
    cipher_key: SecretBytes<32>,
    signed: Vec<u8>,
}

impl Bare {
    fn new(text: usize) -> Self {
        let signer = Key::from_seed(&SecretBytes::new([1; 32]));
        let verifier = VerifyingKey::import(&signer.public()).unwrap();
        let padded = (text + 64).max(128).next_power_of_two();
        let signed = vec![0x5a; padded + 40];
        Self { signer, verifier, cipher_key: SecretBytes::new([9; 32]), signed }
    }

    fn seal(&self) -> [u8; 32] {
        let mut data = self.signed.clone();
        V1::apply_keystream(&self.cipher_key, &[3; 12], &mut data);
        let signature = self.signer.sign(&[b"datamsgsig", &[4; 32], &data]);
        V1::hash(&[signature.as_bytes(), &data])
    }

    fn seal_v2(&self) -> ([u8; 32], Vec<u8>) {
        let id = V2::framed(Label::MESSAGE_ID, &[&[4; 32], &self.signed]);
        self.signer.sign(&[SignLabel::MESSAGE.as_bytes(), &id]);
        V2::framed(Label::NONCE, &[&[5; 32], &self.signed]);
        let mut data = self.signed.clone();
        V2::seal_in_place(&self.cipher_key, &[3; 12], &[6; 32], &mut data);
        (id, data)
    }

    fn open_v2(&self, packet: &(Vec<u8>, Signature)) -> [u8; 32] {
        let mut data = packet.0.clone();
        V2::open_in_place(&self.cipher_key, &[3; 12], &[6; 32], &mut data).unwrap();
        V2::framed(Label::NONCE, &[&[5; 32], &data]);
        let id = V2::framed(Label::MESSAGE_ID, &[&[4; 32], &data]);
        self.verifier.verify(&[SignLabel::MESSAGE.as_bytes(), &id], &packet.1).unwrap();
        id
    }
}

/// Everybody has the message.
fn done(member: &mut V2Security<V2>, id: &MessageId) {
    member.commit(id);
    member.fully_acked(id);
}

fn messages(c: &mut Criterion) {
    let alice_name = MemberId::new("alice").unwrap();
    let order = OrderPoint { number: 0, chain: ChainHash::new([0; 32]) };
    // Identifiers have 20 bytes in v1 and 32 in v2.
    let parents = [&[1; 20][..], &[1; 32]].map(|id| [MessageId::new(id).unwrap()]);
    let [header, header2] = parents.each_ref().map(|parents| MessageHeader { parents, order });
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    for size in SIZES {
        let body = Body::Payload("x".repeat(size));
        let (mut alice, mut bob) = (v1("alice"), v1("bob"));
        let (mut alice2, mut bob2) = (v2("alice"), v2("bob"));
        let bare = Bare::new(size);

        let mut group = c.benchmark_group("seal");
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::new("bare primitives", size), |b| {
            b.iter(|| black_box(&bare).seal());
        });
        group.bench_function(BenchmarkId::new("v1", size), |b| {
            b.iter(|| alice.seal(&mut rng, &header, black_box(&body)).unwrap());
        });
        group.bench_function(BenchmarkId::new("bare primitives of v2", size), |b| {
            b.iter(|| black_box(&bare).seal_v2());
        });
        group.bench_function(BenchmarkId::new("v2", size), |b| {
            b.iter(|| {
                let sealed = alice2.seal(&mut rng, &header2, black_box(&body)).unwrap();
                done(&mut alice2, &sealed.id);
                sealed
            });
        });
        group.finish();

        let packet = alice.seal(&mut rng, &header, &body).unwrap().packet;
        let signature = bare.signer.sign(&[b"datamsgsig", &[4; 32], &bare.signed]);
        let mut group = c.benchmark_group("open");
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::new("bare primitives", size), |b| {
            b.iter(|| {
                let mut data = black_box(&bare.signed).clone();
                bare.verifier.verify(&[b"datamsgsig", &[4; 32], &data], &signature).unwrap();
                let id = V1::hash(&[signature.as_bytes(), &data]);
                V1::apply_keystream(&bare.cipher_key, &[3; 12], &mut data);
                (id, data)
            });
        });
        group.bench_function(BenchmarkId::new("v1", size), |b| {
            b.iter(|| bob.open(&alice_name, black_box(&packet)).unwrap());
        });
        let (id, data) = bare.seal_v2();
        let packet = (data, bare.signer.sign(&[SignLabel::MESSAGE.as_bytes(), &id]));
        group.bench_function(BenchmarkId::new("bare primitives of v2", size), |b| {
            b.iter(|| black_box(&bare).open_v2(black_box(&packet)));
        });
        let mut alice2 = v2("alice");
        let mut next = || -> Sealed {
            let sealed = alice2.seal(&mut rng, &header2, &body).unwrap();
            done(&mut alice2, &sealed.id);
            sealed
        };
        group.bench_function(BenchmarkId::new("v2", size), |b| {
            let open = |sealed: Sealed| {
                let opened = bob2.open(&alice_name, &sealed.packet).unwrap();
                done(&mut bob2, &opened.id);
                opened
            };
            b.iter_batched(&mut next, open, BatchSize::SmallInput);
        });
        group.finish();
    }
}

criterion_group!(benches, messages);
criterion_main!(benches);
