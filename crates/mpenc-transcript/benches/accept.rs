//! Cost of accepting one message, 10³ and 10⁵ messages into the conversation, for 8 and 64
//! members. The aim: the same at both depths.
//!
//! * `line`: everybody writes in turn, knowing the message before: full acknowledgement after
//!   one round.
//! * `braid`: everybody writes at the same time, knowing all of the round before: as many parents
//!   and as much acknowledged with each message as there can be.
//! * `silent`: a line of which one member never acknowledges anything, so that nothing is closed.
//!
//! A sample accepts the next `WINDOW` messages into a copy of the history. The copy is made,
//! warmed with some messages (the first one moves what the copy has no room to append to) and
//! dropped outside the measured time. Cost of a message = time / `WINDOW`.
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

use core::hint::black_box;
use std::env;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use mpenc_transcript::{Entry, Transcript};
use mpenc_types::{BodyKind, MemberId, MemberSet, MessageId};

const WARM_UP: usize = 64;
const WINDOW: usize = 256;

#[derive(Clone, Copy)]
enum Shape {
    Line,
    Braid,
    Silent,
}

struct Message {
    id: MessageId,
    author: MemberId,
    parents: Vec<MessageId>,
    kind: BodyKind,
}

impl Message {
    fn entry(&self) -> Entry<'_> {
        Entry { id: self.id, author: &self.author, parents: &self.parents, kind: self.kind }
    }
}

/// Identifiers are hashes; this spreads a counter over 20 bytes just as evenly.
fn id(n: usize) -> MessageId {
    let mut state = u64::try_from(n).unwrap();
    let mut bytes = [0; 24];
    for chunk in bytes.chunks_exact_mut(8) {
        // The finalizer of SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes());
    }
    MessageId::new(bytes.get(..20).unwrap()).unwrap()
}

fn group(members: usize) -> Vec<MemberId> {
    (0..members).map(|i| MemberId::new(format!("member-{i:02}@example.org")).unwrap()).collect()
}

/// The messages `from..to` of a conversation.
fn messages(shape: Shape, group: &[MemberId], from: usize, to: usize) -> Vec<Message> {
    let writers = if matches!(shape, Shape::Silent) { group.len() - 1 } else { group.len() };
    let message = |n: usize| {
        let parents = match shape {
            Shape::Line | Shape::Silent => n.checked_sub(1).map(id).into_iter().collect(),
            Shape::Braid => {
                let round = n / writers * writers;
                (round.saturating_sub(writers)..round).map(id).collect()
            }
        };
        // Half of the messages say something.
        let payload = n / writers % 2 == n % 2;
        let ack = BodyKind::ExplicitAck { manual: false };
        let kind = if payload { BodyKind::Payload } else { ack };
        Message { id: id(n), author: group.get(n % writers).unwrap().clone(), parents, kind }
    };
    (from..to).map(message).collect()
}

fn history(shape: Shape, group: &[MemberId], depth: usize) -> Transcript {
    let mut transcript = Transcript::new(&group.iter().collect::<MemberSet>());
    for message in messages(shape, group, 0, depth) {
        let _ = transcript.accept(message.entry()).unwrap();
    }
    transcript
}

fn accept(c: &mut Criterion) {
    // Whoever only wants to know that it runs need not wait for the long histories.
    let arguments: Vec<String> = env::args().collect();
    let measure = arguments.iter().any(|a| a == "--bench");
    let measure = measure && !arguments.iter().any(|a| a == "--test");
    let depths: &[usize] = if measure { &[1_000, 100_000] } else { &[1_000] };
    let shapes = [("line", Shape::Line), ("braid", Shape::Braid), ("silent", Shape::Silent)];
    for (name, shape) in shapes {
        for members in [8, 64] {
            let mut bench = c.benchmark_group(format!("accept/{name}/{members}_members"));
            bench.throughput(Throughput::Elements(WINDOW as u64)).sample_size(10);
            for depth in depths.iter().copied() {
                let group = group(members);
                let history = history(shape, &group, depth);
                let next = messages(shape, &group, depth, depth + WARM_UP + WINDOW);
                let (warm_up, window) = next.split_at(WARM_UP);
                bench.bench_function(format!("at_{depth}"), |b| {
                    b.iter_batched_ref(
                        || {
                            let mut transcript = history.clone();
                            for message in warm_up {
                                let _ = transcript.accept(message.entry()).unwrap();
                            }
                            transcript
                        },
                        |transcript| {
                            for message in window {
                                let _ = black_box(transcript.accept(message.entry()).unwrap());
                            }
                        },
                        BatchSize::PerIteration,
                    );
                });
            }
        }
    }
}

criterion_group!(benches, accept);
criterion_main!(benches);
