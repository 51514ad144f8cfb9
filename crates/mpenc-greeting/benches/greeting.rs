//! Cost of establishing and including, for one member and for everybody together.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a bench that cannot go on stops")]

extern crate alloc;

use alloc::sync::Arc;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use mpenc_crypto::{SecretBytes, SigningKey, Suite, V1};
use mpenc_greeting::{CliquesGreeter, Greeter, Inspection, Metadata, Outcome};
use mpenc_types::{ChainHash, MemberId, MemberSet, PacketId};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

struct Member {
    who: MemberId,
    greeter: CliquesGreeter<V1>,
    rng: ChaCha20Rng,
}

type Sent = (MemberId, Vec<u8>);

fn names(n: usize) -> MemberSet {
    (0..n).map(|i| MemberId::new(format!("m{i:03}")).unwrap()).collect()
}

fn members(n: usize) -> Vec<Member> {
    let key = |who: &MemberId| {
        let seed = SecretBytes::new(V1::hash(&[b"identity", who.as_bytes()]));
        <V1 as Suite>::SigningKey::from_seed(&seed)
    };
    let all = names(n);
    all.iter()
        .map(|who| {
            let mut greeter = CliquesGreeter::new(who.clone(), Arc::new(key(who)));
            for other in &all {
                greeter.set_identity(other, Some(key(other).public()));
            }
            let rng = ChaCha20Rng::from_seed(V1::hash(&[b"rng", who.as_bytes()]));
            Member { who: who.clone(), greeter, rng }
        })
        .collect()
}

fn propose(member: &mut Member, next: &MemberSet) -> Sent {
    let metadata = Metadata {
        prev_final: PacketId::new([1; 32]),
        prev_chain: ChainHash::new([2; 32]),
        heads: Vec::new(),
    };
    (member.who.clone(), member.greeter.propose(&mut member.rng, next, metadata).unwrap())
}

/// One packet, the way a session treats it.
fn deliver(member: &mut Member, (from, packet): &Sent, out: &mut Vec<Sent>) {
    let progress = match member.greeter.inspect(from, packet) {
        Ok(Inspection::Initial(initial)) if initial.next_members.contains(&member.who) => {
            member.greeter.start(&mut member.rng, from, packet).unwrap()
        }
        Ok(Inspection::Middle | Inspection::Final) => {
            member.greeter.handle(&mut member.rng, from, packet).unwrap()
        }
        Ok(Inspection::Initial(_)) | Err(_) => return,
    };
    out.extend(progress.outgoing.into_iter().map(|sent| (member.who.clone(), sent.packet)));
    match progress.outcome {
        Outcome::Continues => {}
        Outcome::Complete(staged) => drop(member.greeter.merge(staged)),
        other @ (Outcome::Ignored | Outcome::Failed(_) | Outcome::Stuck(_)) => panic!("{other:?}"),
    }
}

/// A whole operation; every packet in order.
fn run(members: &mut [Member], first: Sent) -> Vec<Sent> {
    let mut log = vec![first];
    let mut next = 0;
    while let Some(sent) = log.get(next).cloned() {
        for member in &mut *members {
            deliver(member, &sent, &mut log);
        }
        next += 1;
    }
    log
}

/// What one member spends on all packets of an operation.
fn replay(mut member: Member, log: &[Sent]) -> Member {
    for sent in log {
        deliver(&mut member, sent, &mut Vec::new());
    }
    member
}

const SIZES: [usize; 4] = [2, 8, 32, 128];

fn establish(c: &mut Criterion) {
    let mut group = c.benchmark_group("establish");
    group.sample_size(10);
    for n in SIZES {
        let next = names(n);
        group.bench_function(BenchmarkId::new("everybody", n), |b| {
            b.iter_batched(
                || {
                    let mut all = members(n);
                    let first = propose(all.first_mut().unwrap(), &next);
                    (all, first)
                },
                |(mut all, first)| run(&mut all, first),
                BatchSize::PerIteration,
            );
        });
        let mut all = members(n);
        let first = propose(all.first_mut().unwrap(), &next);
        let log = run(&mut all, first);
        group.bench_function(BenchmarkId::new("one member", n), |b| {
            // The last one draws the same as before, so the recorded packets fit.
            b.iter_batched(
                || members(n).pop().unwrap(),
                |member| replay(member, &log),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

fn include(c: &mut Criterion) {
    let mut group = c.benchmark_group("include");
    group.sample_size(10);
    for n in SIZES.into_iter().filter(|n| *n > 2) {
        let (before, next) = (names(n - 1), names(n));
        let mut all = members(n);
        let first = propose(all.first_mut().unwrap(), &before);
        let established = run(&mut all, first);
        let first = propose(all.first_mut().unwrap(), &next);
        let included = run(&mut all, first.clone());
        group.bench_function(BenchmarkId::new("everybody", n), |b| {
            b.iter_batched(
                || {
                    let mut all = members(n);
                    let begin = propose(all.first_mut().unwrap(), &before);
                    run(&mut all, begin);
                    let first = propose(all.first_mut().unwrap(), &next);
                    (all, first)
                },
                |(mut all, first)| run(&mut all, first),
                BatchSize::PerIteration,
            );
        });
        group.bench_function(BenchmarkId::new("one member", n), |b| {
            b.iter_batched(
                || {
                    let old = members(n).remove(1);
                    replay(old, &established)
                },
                |member| replay(member, &included),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, establish, include);
criterion_main!(benches);
