//! What accepting one message costs, 10³, 10⁵ and 10⁶ messages into the conversation, for 8 and 64
//! members, and what it leaves in memory. The aims: within 1.3 of each other, and less than 100
//! bytes for each message that everybody has.
//!
//! * `line`: everybody writes in turn, knowing the message before: full acknowledgement after
//!   one round.
//! * `braid`: everybody writes at the same time, knowing all of the round before: as many parents
//!   and as much acknowledged with each message as there can be.
//! * `silent`: a line of which one member never acknowledges anything, so that nothing is closed
//!   and nothing can be pruned. Not at 10⁶: that is 500 MB with 64 members.
//!
//! Three transcripts are grown to the three depths, pruning as a session does. Then each in turn
//! accepts `WINDOW` messages, `ROUNDS` times; the median counts. So whatever else keeps the machine
//! busy does so for all three.
//!
//! `cargo bench -p mpenc-transcript`; with `-- backlog`, accepting 10⁵ messages at once.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::std_instead_of_core,
    clippy::cast_precision_loss,
    reason = "a bench that cannot go on has failed, and it measures time"
)]

use std::alloc::System;
use std::env;
use std::hint::black_box;
use std::time::{Duration, Instant};

use mpenc_transcript::{Entry, Transcript};
use mpenc_types::{BodyKind, MemberId, MemberSet, MessageId};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static GLOBAL: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const WINDOW: usize = 1024;
const ROUNDS: usize = 21;
/// As a session does.
const KEPT: usize = 256;

#[derive(Clone, Copy, PartialEq, Eq)]
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

/// A transcript that is written to at one end and pruned at the other.
struct Growing {
    shape: Shape,
    group: Vec<MemberId>,
    transcript: Transcript,
    written: usize,
}

impl Growing {
    fn new(shape: Shape, members: usize) -> Self {
        let group = group(members);
        let transcript = Transcript::new(&group.iter().collect::<MemberSet>());
        Self { shape, group, transcript, written: 0 }
    }

    /// Accepts the next messages; how long it took, without making them.
    fn accept(&mut self, number: usize) -> Duration {
        let next = messages(self.shape, &self.group, self.written, self.written + number);
        self.written += number;
        let begin = Instant::now();
        for message in &next {
            let _ = black_box(self.transcript.accept(message.entry()).unwrap());
            self.transcript.prune(KEPT, |_| false);
        }
        begin.elapsed()
    }

    fn to(mut self, depth: usize) -> Self {
        while self.written < depth {
            self.accept((depth - self.written).min(WINDOW));
        }
        self
    }
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).unwrap().as_nanos() as f64 / WINDOW as f64
}

fn at_depths(depths: &[usize]) {
    println!("ns for each message, and its ratio to the first column");
    for (name, shape) in [("line", Shape::Line), ("braid", Shape::Braid), ("silent", Shape::Silent)]
    {
        for members in [8, 64] {
            let silent = |depth: &usize| shape != Shape::Silent || *depth <= 100_000;
            let depths: Vec<usize> = depths.iter().copied().filter(silent).collect();
            let mut grown: Vec<Growing> =
                depths.iter().map(|depth| Growing::new(shape, members).to(*depth)).collect();
            let mut times = vec![vec![]; grown.len()];
            for _ in 0..ROUNDS {
                for (grown, times) in grown.iter_mut().zip(&mut times) {
                    times.push(grown.accept(WINDOW));
                }
            }
            let medians: Vec<f64> = times.into_iter().map(median).collect();
            let first = *medians.first().unwrap();
            let row = depths.iter().zip(&medians).map(|(depth, median)| {
                format!("{depth:>8}: {median:>6.0} ns ({:.2})", median / first)
            });
            println!("{name:>7}, {members:>2} members  {}", row.collect::<Vec<_>>().join("  "));
        }
    }
}

fn memory(depths: &[usize]) {
    println!("bytes held for each message");
    for members in [8, 64] {
        for depth in depths {
            let region = Region::new(GLOBAL);
            let grown = Growing::new(Shape::Line, members).to(*depth);
            let change = region.change();
            let held = change.bytes_allocated - change.bytes_deallocated;
            let kept = depth - grown.transcript.pruned();
            println!(
                "{members:>2} members, {depth:>8}: {:>6.1}, {kept} kept",
                held as f64 / *depth as f64
            );
        }
    }
}

fn backlog(number: usize) {
    println!("a backlog of {number} messages of 64 members, accepted one after the other");
    for (name, shape) in [("line", Shape::Line), ("braid", Shape::Braid)] {
        let mut grown = Growing::new(shape, 64);
        let mut took = Duration::ZERO;
        while grown.written < number {
            took += grown.accept(WINDOW.min(number - grown.written));
        }
        let each = took.as_nanos() as f64 / number as f64;
        println!("{name:>7}: {:.3} s, {each:.0} ns each", took.as_secs_f64());
    }
}

fn main() {
    let arguments: Vec<String> = env::args().collect();
    let is_given = |name: &str| arguments.iter().any(|argument| argument == name);
    // Whoever only wants to know that it runs need not wait for the long histories.
    let measure = is_given("--bench") && !is_given("--test");
    if is_given("backlog") || !measure {
        backlog(if measure { 100_000 } else { 1_000 });
    }
    if !is_given("backlog") {
        let depths: &[usize] = if measure { &[1_000, 100_000, 1_000_000] } else { &[1_000] };
        at_depths(depths);
        memory(depths);
    }
}
