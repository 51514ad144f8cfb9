//! Sealing and opening messages, next to the bare primitives that the format demands: one
//! signature or verification, the cipher over the padded text, and the hashes.
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

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mpenc::security::{Body, MessageHeader, MessageSecurity, OrderPoint, V1Security};
use mpenc::{ChainHash, MemberId, MessageId, SecretBytes, SubsessionId};
use mpenc_crypto::{SigningKey, StreamCipher, Suite, V1, VerifyingKey};
use mpenc_greeting::SubsessionKeys;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

type Key = <V1 as Suite>::SigningKey;

const SIZES: [usize; 3] = [100, 1024, 16 * 1024];

fn security(owner: &str, seeds: [u8; 2]) -> V1Security<V1> {
    let name = |name| MemberId::new(name).unwrap();
    let key = |seed| Key::from_seed(&SecretBytes::new([seed; 32]));
    let own = if owner == "alice" { seeds[0] } else { seeds[1] };
    let keys = SubsessionKeys {
        sid: SubsessionId::new([7; 32]),
        secret: SecretBytes::new([9; 32]),
        signer: Arc::new(key(own)),
        authors: vec![
            (name("alice"), key(seeds[0]).public()),
            (name("bob"), key(seeds[1]).public()),
        ],
        fingerprint: None,
    };
    V1Security::new(&name(owner), keys).unwrap()
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
}

fn messages(c: &mut Criterion) {
    let alice_name = MemberId::new("alice").unwrap();
    let parents = [MessageId::new(&[1; 20]).unwrap()];
    let order = OrderPoint { number: 0, chain: ChainHash::new([0; 32]) };
    let header = MessageHeader { parents: &parents, order };
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    for size in SIZES {
        let body = Body::Payload("x".repeat(size));
        let mut alice = security("alice", [1, 2]);
        let mut bob = security("bob", [1, 2]);
        let bare = Bare::new(size);

        let mut group = c.benchmark_group("seal");
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::new("bare primitives", size), |b| {
            b.iter(|| black_box(&bare).seal());
        });
        group.bench_function(BenchmarkId::new("v1", size), |b| {
            b.iter(|| alice.seal(&mut rng, &header, black_box(&body)).unwrap());
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
        group.finish();
    }
}

criterion_group!(benches, messages);
criterion_main!(benches);
