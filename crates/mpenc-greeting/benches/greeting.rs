//! Cost of establishing and including, for one member and for everybody together, in both profiles;
//! and for the second, what the primitives alone cost a member (`primitives`).
#![expect(clippy::unwrap_used, clippy::panic, reason = "a bench that cannot go on stops")]

extern crate alloc;

use alloc::sync::Arc;
use core::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use mpenc_crypto::proof::{self, Proof, Statement};
use mpenc_crypto::{PrimeOrderGroup, SecretBytes, SigningKey, Suite, V1, V2, VerifyingKey};
use mpenc_greeting::{BroadcastGreeter, CliquesGreeter, Greeter, Inspection, Metadata, Outcome};
use mpenc_types::{ChainHash, MemberId, MemberSet, PacketId};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

struct Member {
    who: MemberId,
    greeter: Box<dyn Greeter>,
    rng: ChaCha20Rng,
}

type Sent = (MemberId, Vec<u8>);

fn names(n: usize) -> MemberSet {
    (0..n).map(|i| MemberId::new(format!("m{i:03}")).unwrap()).collect()
}

/// Both suites have the same signatures.
type Key = <V2 as Suite>::SigningKey;

fn key(who: &MemberId) -> Key {
    Key::from_seed(&SecretBytes::new(V1::hash(&[b"identity", who.as_bytes()])))
}

/// Makes the greeter of a profile.
type Make = fn(&MemberId) -> Box<dyn Greeter>;

fn v1(who: &MemberId) -> Box<dyn Greeter> {
    let identity = SecretBytes::new(V1::hash(&[b"identity", who.as_bytes()]));
    let identity = <V1 as Suite>::SigningKey::from_seed(&identity);
    Box::new(CliquesGreeter::<V1>::new(who.clone(), Arc::new(identity)))
}

fn v2(who: &MemberId) -> Box<dyn Greeter> {
    Box::new(BroadcastGreeter::<V2>::new(who.clone(), Arc::new(key(who)), "bench"))
}

const PROFILES: [(&str, Make); 2] = [("v1", v1), ("v2", v2)];

fn members(make: Make, n: usize) -> Vec<Member> {
    let all = names(n);
    all.iter()
        .map(|who| {
            let mut greeter = make(who);
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

/// Establishing: by everybody, and by the last member alone.
fn establish(c: &mut Criterion) {
    let mut group = c.benchmark_group("establish");
    group.sample_size(10);
    for n in SIZES {
        let next = names(n);
        for (profile, make) in PROFILES {
            group.bench_function(BenchmarkId::new(format!("{profile} everybody"), n), |b| {
                b.iter_batched(
                    || {
                        let mut all = members(make, n);
                        let first = propose(all.first_mut().unwrap(), &next);
                        (all, first)
                    },
                    |(mut all, first)| run(&mut all, first),
                    BatchSize::PerIteration,
                );
            });
            let mut all = members(make, n);
            let first = propose(all.first_mut().unwrap(), &next);
            let log = run(&mut all, first);
            group.bench_function(BenchmarkId::new(format!("{profile} one member"), n), |b| {
                // The last one draws the same as before, so the recorded packets fit.
                b.iter_batched(
                    || members(make, n).pop().unwrap(),
                    |member| replay(member, &log),
                    BatchSize::PerIteration,
                );
            });
        }
        let material = Material::new(n);
        group.bench_function(BenchmarkId::new("v2 primitives", n), |b| {
            b.iter(|| material.spend());
        });
    }
    group.finish();
}

/// Including one: by everybody, and by an old member that did not propose it.
fn include(c: &mut Criterion) {
    let mut group = c.benchmark_group("include");
    group.sample_size(10);
    for n in SIZES.into_iter().filter(|n| *n > 2) {
        let (before, next) = (names(n - 1), names(n));
        for (profile, make) in PROFILES {
            let mut all = members(make, n);
            let first = propose(all.first_mut().unwrap(), &before);
            let established = run(&mut all, first);
            let first = propose(all.first_mut().unwrap(), &next);
            let included = run(&mut all, first.clone());
            group.bench_function(BenchmarkId::new(format!("{profile} everybody"), n), |b| {
                b.iter_batched(
                    || {
                        let mut all = members(make, n);
                        let begin = propose(all.first_mut().unwrap(), &before);
                        run(&mut all, begin);
                        let first = propose(all.first_mut().unwrap(), &next);
                        (all, first)
                    },
                    |(mut all, first)| run(&mut all, first),
                    BatchSize::PerIteration,
                );
            });
            group.bench_function(BenchmarkId::new(format!("{profile} one member"), n), |b| {
                b.iter_batched(
                    || {
                        let old = members(make, n).remove(1);
                        replay(old, &established)
                    },
                    |member| replay(member, &included),
                    BatchSize::PerIteration,
                );
            });
        }
    }
    group.finish();
}

/// What a member of the second profile gets from one other.
struct Other {
    identity: <V2 as Suite>::VerifyingKey,
    ephemeral: mpenc_crypto::PublicKey,
    point: [u8; 32],
    share: [u8; 32],
    proof: Proof,
    signatures: [mpenc_crypto::Signature; 3],
}

/// Inputs of the primitives of one member in an operation (v2.md section 2, "Cost").
struct Material {
    n: u32,
    secret: SecretBytes<64>,
    own: Key,
    others: Vec<Other>,
}

const CTX: [u8; 32] = [3; 32];
const SIGNED: [u8; 130] = [4; 130];

type Element = <V2 as PrimeOrderGroup>::Element;

impl Material {
    fn new(n: usize) -> Self {
        let all = names(n);
        let others = all.iter().skip(1).map(|who| {
            let wide =
                SecretBytes::fill(|out| out[..32].copy_from_slice(&V1::hash(&[who.as_bytes()])));
            let r = V2::reduce(&wide).unwrap();
            let w = V2::reduce(&SecretBytes::new([5; 64])).unwrap();
            let base = V2::base();
            let point = V2::mul_base(&r);
            let statement =
                Statement { ctx: &CTX, place: 0, public: &point, base: &base, share: &point };
            let ephemeral = Key::from_seed(&SecretBytes::new(V1::hash(&[b"e", who.as_bytes()])));
            Other {
                identity: VerifyingKey::import(&key(who).public()).unwrap(),
                ephemeral: ephemeral.public(),
                point: V2::export(&point),
                share: V2::export(&point),
                proof: proof::prove::<V2>(&statement, &r, w),
                signatures: [
                    key(who).sign(&[&SIGNED]),
                    ephemeral.sign(&[&SIGNED]),
                    key(who).sign(&[&SIGNED]),
                ],
            }
        });
        let others = others.collect();
        let own = key(all.iter().next().unwrap());
        Self { n: u32::try_from(n).unwrap(), secret: SecretBytes::new([6; 64]), own, others }
    }

    /// Each primitive as often as it takes, and nothing else.
    fn spend(&self) -> Element {
        let base = V2::base();
        let r = V2::reduce(&self.secret).unwrap();
        let own = V2::mul_base(&r);
        for _ in 0..3 {
            black_box(self.own.sign(&[&SIGNED]));
        }
        let mut shares = vec![own.clone()];
        for other in &self.others {
            let point = <V2 as PrimeOrderGroup>::import(&other.point).unwrap();
            let share = V2::import_or_identity(&other.share).unwrap();
            let ephemeral = <V2 as Suite>::VerifyingKey::import(&other.ephemeral).unwrap();
            let [first, second, third] = &other.signatures;
            other.identity.verify(&[&SIGNED], first).unwrap();
            ephemeral.verify(&[&SIGNED], second).unwrap();
            other.identity.verify(&[&SIGNED], third).unwrap();
            let statement =
                Statement { ctx: &CTX, place: 0, public: &point, base: &base, share: &share };
            proof::verify::<V2>(&statement, &other.proof).unwrap();
            shares.push(share);
        }
        let share = V2::mul(&r, &own);
        let statement = Statement { ctx: &CTX, place: 0, public: &own, base: &base, share: &share };
        let w = V2::reduce(&SecretBytes::new([7; 64])).unwrap();
        black_box(proof::prove::<V2>(&statement, &r, w));
        let terms: Vec<_> = (1..self.n).rev().zip(&shares).collect();
        V2::add(&V2::mul(&r, &own), &V2::weighted_sum(&terms))
    }
}

criterion_group!(benches, establish, include);
criterion_main!(benches);
