//! What the primitives of the v1 suite cost, next to the bare ones underneath: the base line for
//! every figure above (seal, open, greeting).
//!
//! `cargo bench -p mpenc-crypto`
#![expect(clippy::expect_used, reason = "a bench without its inputs has nothing to measure")]

use core::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ed25519_dalek::Signer;
use mpenc_crypto::{
    GroupDiffieHellman, PublicKey, SecretBytes, Signature, SigningKey, StreamCipher, Suite, V1,
    VerifyingKey,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

/// Bytes of a short, a middling and a long message.
const SIZES: [usize; 3] = [100, 1024, 16 * 1024];

fn signatures(c: &mut Criterion) {
    let seed = [7; 32];
    let bare = ed25519_dalek::SigningKey::from_bytes(&seed);
    let key = <V1 as Suite>::SigningKey::from_seed(&SecretBytes::new(seed));
    let public = key.public();
    let verifying = <V1 as Suite>::VerifyingKey::import(&public).expect("an honest key");

    let mut group = c.benchmark_group("signature");
    for size in SIZES {
        let message = vec![42; size];
        let signature = key.sign(&[b"label", &message]);
        let bare_signature = bare.sign(&message);
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_with_input(BenchmarkId::new("sign", size), &message, |b, message| {
            b.iter(|| key.sign(&[b"label", black_box(message)]))
        });
        group.bench_with_input(BenchmarkId::new("sign-bare", size), &message, |b, message| {
            b.iter(|| bare.sign(black_box(message)))
        });
        group.bench_with_input(BenchmarkId::new("verify", size), &message, |b, message| {
            b.iter(|| verifying.verify(&[b"label", black_box(message)], &signature))
        });
        group.bench_with_input(BenchmarkId::new("verify-bare", size), &message, |b, message| {
            b.iter(|| bare.verify_strict(black_box(message), &bare_signature))
        });
    }
    group.finish();

    let mut group = c.benchmark_group("signing-key");
    group.bench_function("from_seed", |b| {
        let seed = SecretBytes::new(seed);
        b.iter(|| <V1 as Suite>::SigningKey::from_seed(black_box(&seed)))
    });
    group.bench_function("import", |b| {
        b.iter(|| <V1 as Suite>::VerifyingKey::import(black_box(&public)))
    });
    group.finish();

    // So that what is measured is what succeeds.
    let refused = Signature::new([0; 64]);
    assert!(verifying.verify(&[b"label"], &refused).is_err());
    assert!(<V1 as Suite>::VerifyingKey::import(&PublicKey::new([0; 32])).is_err());
}

fn diffie_hellman(c: &mut Criterion) {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let x = V1::contribute(&mut rng);
    let y = V1::contribute(&mut rng);
    let all = V1::fold(Some(&V1::fold(None, &x)), &y);
    let element = V1::apply(&x, &V1::base()).expect("an honest element");
    let bytes = V1::export(&element);

    let mut group = c.benchmark_group("diffie-hellman");
    group.bench_function("import", |b| b.iter(|| V1::import(black_box(&bytes))));
    group.bench_function("apply", |b| b.iter(|| V1::apply(&y, black_box(&element))));
    group.bench_function("apply-base", |b| b.iter(|| V1::apply(&y, black_box(&V1::base()))));
    group.bench_function("fold", |b| b.iter(|| V1::fold(Some(black_box(&all)), &x)));
    group.bench_function("apply_all", |b| b.iter(|| V1::apply_all(&all, black_box(&element))));
    group.bench_function("group_key", |b| b.iter(|| V1::group_key(black_box(&element).clone())));
    group.finish();
}

fn symmetric(c: &mut Criterion) {
    let key = SecretBytes::new([7; 32]);
    for (name, cipher) in [("hash", false), ("cipher", true)] {
        let mut group = c.benchmark_group(name);
        for size in SIZES {
            let mut data = vec![42; size];
            group.throughput(Throughput::Bytes(size as u64));
            group.bench_function(BenchmarkId::from_parameter(size), |b| {
                if cipher {
                    b.iter(|| V1::apply_keystream(black_box(&key), &[1; 12], &mut data));
                } else {
                    b.iter(|| V1::hash(&[black_box(&data)]));
                }
            });
        }
        group.finish();
    }
}

criterion_group!(benches, signatures, diffie_hellman, symmetric);
criterion_main!(benches);
