//! How fast a member works off what it has missed: 100,000 messages of 64 members, with
//! everything that a session of v2 does with each, and without cryptography.
//!
//! `cargo bench -p mpenc --bench backlog`; the same without cryptography:
//! `cargo bench -p mpenc-transcript -- backlog`.
//!
//! What the messages are made of is not measured, and they are made in pieces, since all keys of
//! one author run forwards.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    clippy::cast_precision_loss,
    reason = "a bench may stop at a surprise, and it measures time"
)]

use std::collections::VecDeque;
use std::env;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use mpenc::security::{Body, MessageHeader, MessageSecurity, OrderPoint, V2Security};
use mpenc::session::CLOSED_KEPT;
use mpenc::{ChainHash, MemberId, MemberSet, MessageId, SecretBytes, Signature, SubsessionId};
use mpenc_crypto::{SigningKey, Suite, V2, VerifyingKey};
use mpenc_greeting::SubsessionKeys;
use mpenc_transcript::{Entry, Transcript};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

type Key = <V2 as Suite>::SigningKey;

const MEMBERS: u8 = 64;
/// Messages that are done for so many more are forgotten, as after FA_INTV.
const REMEMBERED: usize = 1024;

fn name(n: u8) -> MemberId {
    MemberId::new(format!("member-{n:02}@example.org")).unwrap()
}

fn key(n: u8) -> Key {
    Key::from_seed(&SecretBytes::new([n + 1; 32]))
}

fn security(owner: u8) -> V2Security<V2> {
    let keys = SubsessionKeys {
        sid: SubsessionId::new([7; 32]),
        secret: SecretBytes::new([9; 32]),
        signer: Arc::new(key(owner)),
        authors: (0..MEMBERS).map(|n| (name(n), key(n).public())).collect(),
        fingerprint: None,
        statements: Vec::new(),
    };
    V2Security::new(&name(owner), keys).unwrap()
}

/// Everybody but the reader writes in turn, and knows the message before.
struct Writers {
    securities: Vec<(MemberId, V2Security<V2>)>,
    sent: VecDeque<(usize, MessageId)>,
    written: usize,
    rng: ChaCha20Rng,
}

impl Writers {
    fn write(&mut self, number: usize) -> Vec<(MemberId, Vec<u8>)> {
        let order = OrderPoint { number: 0, chain: ChainHash::new([0; 32]) };
        let mut packets = Vec::with_capacity(number);
        for _ in 0..number {
            let writers = self.securities.len();
            let at = self.written % writers;
            let parents: Vec<MessageId> = self.sent.back().map(|(_, id)| *id).into_iter().collect();
            let (name, security) = self.securities.get_mut(at).unwrap();
            let header = MessageHeader { parents: &parents, order };
            let body = Body::Payload("x".repeat(100));
            let sealed = security.seal(&mut self.rng, &header, &body).unwrap();
            packets.push((name.clone(), sealed.packet));
            security.commit(&sealed.id);
            self.sent.push_back((at, sealed.id));
            self.written += 1;
            if self.sent.len() > writers {
                let (at, done) = self.sent.pop_front().unwrap();
                self.securities.get_mut(at).unwrap().1.fully_acked(&done);
                self.securities.get_mut(at).unwrap().1.forget(&done);
            }
        }
        packets
    }
}

struct Reader {
    security: V2Security<V2>,
    transcript: Transcript,
    /// Acknowledged by all but the reader, who is too busy.
    done: VecDeque<MessageId>,
}

impl Reader {
    fn read(&mut self, packets: &[(MemberId, Vec<u8>)]) -> Duration {
        let begin = Instant::now();
        for (sender, packet) in packets {
            assert!(self.security.peek_id(packet).is_none());
            let opened = self.security.open(sender, packet).unwrap();
            let kind = opened.body.kind();
            let (id, parents) = (opened.id, &opened.parents);
            let entry = Entry { id, author: &opened.author, parents, kind };
            let accepted = self.transcript.accept(entry).unwrap();
            self.security.commit(&opened.id);
            for id in accepted.fully_acked {
                self.security.fully_acked(&id);
                self.done.push_back(id);
            }
            while self.done.len() > REMEMBERED {
                let forgotten = self.done.pop_front().unwrap();
                self.security.forget(&forgotten);
            }
            self.transcript.prune(CLOSED_KEPT, |_| false);
        }
        begin.elapsed()
    }
}

fn backlog(number: usize) {
    let mut writers = Writers {
        // The last one reads; a second copy of its keys lets it write, so that all is acknowledged.
        securities: (0..MEMBERS - 1).map(|n| (name(n), security(n))).collect(),
        sent: VecDeque::new(),
        written: 0,
        rng: ChaCha20Rng::seed_from_u64(1),
    };
    let members: MemberSet = (0..MEMBERS - 1).map(name).collect();
    let mut reader = Reader {
        security: security(MEMBERS - 1),
        transcript: Transcript::new(&members),
        done: VecDeque::new(),
    };
    let mut took = Duration::ZERO;
    let mut bytes = 0;
    let mut left = number;
    while left > 0 {
        let packets = writers.write(left.min(1_000));
        left -= packets.len();
        bytes += packets.iter().map(|(_, packet)| packet.len()).sum::<usize>();
        took += reader.read(&packets);
    }
    let each = took.as_nanos() as f64 / number as f64 / 1_000.0;
    println!(
        "{number} messages ({bytes} bytes) opened, verified and accepted in {:.2} s: {each:.1} µs each",
        took.as_secs_f64()
    );
}

/// What more threads could save: verifying signatures is the part that they could do beforehand.
fn verification(number: usize) {
    let signer = key(0);
    let verifier: <V2 as Suite>::VerifyingKey = VerifyingKey::import(&signer.public()).unwrap();
    let signed: Vec<([u8; 32], Signature)> =
        (0..64_u8).map(|n| ([n; 32], signer.sign(&[b"bench", &[n; 32]]))).collect();
    let verify = |number: usize| {
        for (part, signature) in signed.iter().cycle().take(number) {
            verifier.verify(&[b"bench", part], signature).unwrap();
        }
    };
    for threads in [1, 2] {
        let begin = Instant::now();
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| verify(number / threads));
            }
        });
        let took = begin.elapsed();
        let each = took.as_nanos() as f64 / number as f64 / 1_000.0;
        println!("{number} signatures verified by {threads} threads: {each:.1} µs each");
    }
}

fn main() {
    let arguments: Vec<String> = env::args().collect();
    let is_given = |name: &str| arguments.iter().any(|argument| argument == name);
    // Whoever only wants to know that it runs need not wait.
    let measure = is_given("--bench") && !is_given("--test");
    let number = if measure { 100_000 } else { 500 };
    backlog(number);
    verification(number / 5);
}
