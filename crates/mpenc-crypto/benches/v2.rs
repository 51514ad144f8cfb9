//! What the primitives of the v2 suite cost: the base line for every figure of the second profile.
//!
//! `cargo bench -p mpenc-crypto --bench v2`
#![expect(clippy::expect_used, reason = "a bench without its inputs has nothing to measure")]

use core::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mpenc_crypto::proof::{self, Proof, Statement};
use mpenc_crypto::{
    Aead, FramedHash, KeyDerivation, Label, PrimeOrderGroup, SecretBytes, SignLabel, SigningKey,
    Suite, V2, VerifyingKey,
};

/// Numbers of members.
const MEMBERS: [usize; 4] = [2, 8, 32, 128];

/// Bytes of what is hashed and encrypted: short, padded, long.
const SIZES: [usize; 3] = [100, 256, 16 * 1024];

fn scalar(number: u8) -> <V2 as PrimeOrderGroup>::Scalar {
    let wide = SecretBytes::new(V2::framed_wide(Label::HEDGED, &[&[number]]));
    V2::reduce(&wide).expect("not zero")
}

fn group(c: &mut Criterion) {
    let (a, b) = (scalar(1), scalar(2));
    let (p, q) = (V2::mul_base(&a), V2::mul_base(&b));
    let bytes = V2::export(&p);
    let wide = SecretBytes::new([7; 64]);

    let mut group = c.benchmark_group("ristretto");
    group.bench_function("mul_base", |bench| bench.iter(|| V2::mul_base(black_box(&a))));
    group.bench_function("mul", |bench| bench.iter(|| V2::mul(black_box(&a), &q)));
    group.bench_function("add", |bench| bench.iter(|| V2::add(black_box(&p), &q)));
    group.bench_function("import", |bench| bench.iter(|| V2::import(black_box(&bytes))));
    group.bench_function("export", |bench| bench.iter(|| V2::export(black_box(&p))));
    group.bench_function("reduce", |bench| bench.iter(|| V2::reduce(black_box(&wide))));
    for members in MEMBERS {
        let elements = vec![p.clone(); members];
        let terms: Vec<_> = (1..).zip(&elements).collect();
        group.bench_function(BenchmarkId::new("weighted_sum", members), |bench| {
            bench.iter(|| V2::weighted_sum(black_box(&terms)))
        });
    }
    group.finish();
}

fn proofs(c: &mut Criterion) {
    let r = scalar(1);
    // As they are in a greeting: contribution and share came over the wire, D was computed.
    let sent = |element| V2::import(&V2::export(&element)).expect("an honest element");
    let base = V2::sub(&V2::mul_base(&scalar(2)), &V2::mul_base(&scalar(3)));
    let (public, share) = (sent(V2::mul_base(&r)), sent(V2::mul(&r, &base)));
    let ctx = [7; 32];
    let statement = Statement { ctx: &ctx, place: 1, public: &public, base: &base, share: &share };
    let proof = proof::prove::<V2>(&statement, &r, scalar(4));

    let mut group = c.benchmark_group("proof");
    group.bench_function("prove", |bench| {
        bench.iter_batched(
            || scalar(4),
            |w| proof::prove::<V2>(black_box(&statement), &r, w),
            BatchSize::SmallInput,
        )
    });
    group.bench_function("verify", |bench| {
        bench.iter(|| proof::verify::<V2>(black_box(&statement), &proof))
    });
    group.finish();

    // So that what is measured is what succeeds.
    assert!(proof::verify::<V2>(&statement, &proof).is_ok());
    let other = Proof { response: proof.challenge, ..proof };
    assert!(proof::verify::<V2>(&statement, &other).is_err());
}

fn signatures(c: &mut Criterion) {
    let key = <V2 as Suite>::SigningKey::from_seed(&SecretBytes::new([7; 32]));
    let verifying = <V2 as Suite>::VerifyingKey::import(&key.public()).expect("an honest key");
    let signed: [&[u8]; 2] = [SignLabel::MESSAGE.as_bytes(), &[42; 32]];
    let signature = key.sign(&signed);

    let mut group = c.benchmark_group("v2-signature");
    group.bench_function("sign", |bench| bench.iter(|| key.sign(black_box(&signed))));
    group.bench_function("verify", |bench| {
        bench.iter(|| verifying.verify(black_box(&signed), &signature))
    });
    group.finish();
}

fn symmetric(c: &mut Criterion) {
    let key = SecretBytes::new([7; 32]);
    let prk = SecretBytes::new([7; 64]);

    let mut group = c.benchmark_group("v2-hash");
    for size in SIZES {
        let data = vec![42; size];
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::new("framed", size), |bench| {
            bench.iter(|| V2::framed(Label::MESSAGE_ID, &[black_box(&data)]))
        });
    }
    group.finish();

    let mut group = c.benchmark_group("v2-derivation");
    group.bench_function("extract", |bench| {
        bench.iter(|| V2::extract(&[0; 32], &[black_box(key.expose())]))
    });
    for len in [32, 80, 128] {
        let mut out = vec![0; len];
        group.bench_function(BenchmarkId::new("expand", len), |bench| {
            bench.iter(|| V2::expand(black_box(&prk), Label::CHAIN_STEP, &[], &mut out))
        });
    }
    group.finish();

    let mut group = c.benchmark_group("v2-aead");
    for size in SIZES {
        let mut text = Vec::with_capacity(size + V2::TAG_LEN);
        text.resize(size, 42);
        let mut sealed = text.clone();
        V2::seal_in_place(&key, &[1; 12], &[2; 32], &mut sealed);
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::new("seal", size), |bench| {
            bench.iter(|| {
                text.truncate(size);
                V2::seal_in_place(black_box(&key), &[1; 12], &[2; 32], &mut text);
            })
        });
        group.bench_function(BenchmarkId::new("open", size), |bench| {
            let mut data = Vec::with_capacity(sealed.len());
            bench.iter(|| {
                data.clear();
                data.extend_from_slice(&sealed);
                V2::open_in_place(black_box(&key), &[1; 12], &[2; 32], &mut data)
            })
        });
    }
    group.finish();
}

criterion_group!(benches, group, proofs, signatures, symmetric);
criterion_main!(benches);
