//! Texts too long for one message, in parts (V2-028).
//!
//! The sender cuts with [`split`] and sends the bodies one after another. Receivers hand the parts
//! of accepted messages to a [`ContentAssembler`], which gives back the whole, or says why there
//! will be none. The messages stay what they are either way: part of the transcript.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use mpenc_crypto::FramedHash;
pub use mpenc_packet::v2::{MAX_CONTENT, MAX_TEXT, Part, PartStart};
use mpenc_types::{Timestamp, guard};

use crate::security::Body;

/// Texts of all authors together may have so many times the bytes of the longest (V2-028).
pub const MAX_CONTENTS: usize = 4;

/// A text without bytes, or with more than [`MAX_CONTENT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentSize {
    /// Bytes found.
    pub found: usize,
}

impl fmt::Display for ContentSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a text has 1 to {MAX_CONTENT} bytes, found {}", self.found)
    }
}

impl core::error::Error for ContentSize {}

/// The bodies of the messages in which a text travels, in their order: one payload if that holds
/// it, else parts, the last of which counts as the payload.
///
/// # Errors
///
/// [`ContentSize`] if it is empty or too long.
pub fn split<S: FramedHash>(text: &str) -> Result<Vec<Body>, ContentSize> {
    let found = text.len();
    match found {
        0 => Err(ContentSize { found }),
        1..=MAX_TEXT => Ok([Body::Payload(text.into())].into()),
        _ => mpenc_packet::v2::split::<S>(text)
            .map(|parts| parts.map(Body::Part).collect())
            .map_err(|_| ContentSize { found }),
    }
}

/// What one more part makes of a text.
#[derive(Clone, PartialEq, Eq)]
pub enum Progress {
    /// More is to come.
    Receiving(Amount),
    /// The whole text, as its author sent it.
    Complete(String),
    /// There will be no text: what came is forgotten.
    Broken(Incomplete),
    /// Of a text whose beginning is not here, or that broke before.
    Stray,
}

/// How much of a text is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount {
    /// Bytes received so far.
    pub received: usize,
    /// Bytes of the whole.
    pub total: usize,
}

/// A text of which no more than a part came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incomplete {
    /// How much had come.
    pub amount: Amount,
    /// Why it ended.
    pub reason: Break,
}

/// Why a text came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Break {
    /// Its author wrote something else in between, or left out a part.
    Interrupted,
    /// Its parts have other numbers or another length than the first one said.
    Inconsistent,
    /// The parts are not what the digest in the first one says.
    Digest,
    /// It is not UTF-8.
    NotUtf8,
    /// Longer than we take.
    TooLong,
    /// The unfinished texts of all authors together are longer than we keep.
    NoRoom,
    /// Nothing more of it came in time.
    TimedOut,
    /// Its subsession ended first.
    CutOff,
}

/// Puts parts together: one text at a time for each author `K`, where a member in another
/// subsession is another author.
///
/// # Security
///
/// Bounded: a text by `max_content`, all together by [`MAX_CONTENTS`] times as much, counted in
/// bytes received, so that nobody reserves space by saying a number. Whoever fills that keeps long
/// texts of others from arriving until [`expire`](Self::expire).
pub struct ContentAssembler<K> {
    digest: fn(&[u8]) -> [u8; 32],
    max_content: usize,
    texts: BTreeMap<K, Unfinished>,
    /// Bytes in all of them.
    held: usize,
}

/// A text of which parts are here.
struct Unfinished {
    count: u16,
    next: u16,
    start: PartStart,
    /// Joined only when all are here, so that memory grows with what came.
    parts: Vec<Vec<u8>>,
    received: usize,
    last: Timestamp,
}

impl Unfinished {
    fn amount(&self) -> Amount {
        Amount { received: self.received, total: total(self.start) }
    }
}

impl<K: Ord + Clone> ContentAssembler<K> {
    /// An assembler for texts of up to `max_content` bytes, at most [`MAX_CONTENT`], verified with
    /// the profile's digest, [`content_digest`](mpenc_packet::v2::content_digest).
    #[must_use]
    pub fn new(digest: fn(&[u8]) -> [u8; 32], max_content: usize) -> Self {
        Self { digest, max_content, texts: BTreeMap::new(), held: 0 }
    }

    /// Takes the part in an accepted message. The parts of one author must come in the order of
    /// its messages, and [`interrupt`](Self::interrupt) must be called for its other payloads.
    ///
    /// What comes first in the result is the author's former text, if this begins a new one before
    /// that was finished.
    //= docs/spec/v2.md#V2-028
    #[must_use]
    pub fn accept(
        &mut self,
        author: &K,
        part: Part,
        now: Timestamp,
    ) -> (Option<Incomplete>, Progress) {
        let Part { index, count, start, bytes } = part;
        let former = match start {
            Some(_) => self.end(author, Break::Interrupted),
            None => None,
        };
        let progress = match start {
            Some(start) => {
                let text =
                    Unfinished { count, next: 0, start, parts: Vec::new(), received: 0, last: now };
                self.extend(author, text, index, count, bytes, now)
            }
            None => match self.texts.remove(author) {
                Some(text) => self.extend(author, text, index, count, bytes, now),
                None => Progress::Stray,
            },
        };
        (former, progress)
    }

    /// The author has written something else that people read: its unfinished text ends.
    pub fn interrupt(&mut self, author: &K) -> Option<Incomplete> {
        self.end(author, Break::Interrupted)
    }

    /// Ends the texts of which nothing came since `before`.
    #[must_use]
    pub fn expire(&mut self, before: Timestamp) -> Vec<(K, Incomplete)> {
        self.end_all(Break::TimedOut, |_, text| text.last < before)
    }

    /// Ends the texts of these authors, since their subsession has ended.
    #[must_use]
    pub fn cut_off(&mut self, whose: impl Fn(&K) -> bool) -> Vec<(K, Incomplete)> {
        self.end_all(Break::CutOff, |author, _| whose(author))
    }

    /// When the oldest of the last parts came: what decides about the next
    /// [`expire`](Self::expire).
    #[must_use]
    pub fn oldest(&self) -> Option<Timestamp> {
        self.texts.values().map(|text| text.last).min()
    }

    /// Those of whom a part of a text is here, and not yet the rest.
    pub fn authors(&self) -> impl Iterator<Item = &K> {
        self.texts.keys()
    }

    /// How much of the author's unfinished text is here, if there is one.
    #[must_use]
    pub fn amount(&self, author: &K) -> Option<Amount> {
        self.texts.get(author).map(Unfinished::amount)
    }

    /// Adds a part to a text that is not among the others meanwhile, but is still counted.
    fn extend(
        &mut self,
        author: &K,
        mut text: Unfinished,
        index: u16,
        count: u16,
        bytes: Vec<u8>,
        now: Timestamp,
    ) -> Progress {
        let amount = text.amount();
        let received = text.received.saturating_add(bytes.len());
        let held = self.held.saturating_add(bytes.len());
        let is_last = text.next.saturating_add(1) == text.count;
        let broken = if amount.total > self.max_content {
            Some(Break::TooLong)
        } else if index != text.next {
            Some(Break::Interrupted)
        } else if count != text.count
            || received > amount.total
            || is_last != (received == amount.total)
        {
            Some(Break::Inconsistent)
        } else if guard_room(held, self.max_content) {
            None
        } else {
            Some(Break::NoRoom)
        };
        if let Some(reason) = broken {
            self.held = self.held.saturating_sub(text.received);
            return Progress::Broken(Incomplete { amount, reason });
        }
        text.received = received;
        text.parts.push(bytes);
        text.next = text.next.saturating_add(1);
        text.last = now;
        if !is_last {
            self.held = held;
            let amount = text.amount();
            self.texts.insert(author.clone(), text);
            return Progress::Receiving(amount);
        }
        self.held = held.saturating_sub(received);
        let amount = text.amount();
        let whole = text.parts.concat();
        if (self.digest)(&whole) == text.start.digest || !guard!("content-digest") {
            match String::from_utf8(whole) {
                Ok(whole) => Progress::Complete(whole),
                Err(_) => Progress::Broken(Incomplete { amount, reason: Break::NotUtf8 }),
            }
        } else {
            Progress::Broken(Incomplete { amount, reason: Break::Digest })
        }
    }

    fn end(&mut self, author: &K, reason: Break) -> Option<Incomplete> {
        let text = self.texts.remove(author)?;
        self.held = self.held.saturating_sub(text.received);
        Some(Incomplete { amount: text.amount(), reason })
    }

    fn end_all(
        &mut self,
        reason: Break,
        which: impl Fn(&K, &Unfinished) -> bool,
    ) -> Vec<(K, Incomplete)> {
        let texts = self.texts.iter().filter(|(author, text)| which(author, text));
        let authors: Vec<K> = texts.map(|(author, _)| author.clone()).collect();
        let ended = authors.into_iter();
        ended.filter_map(|author| Some((author.clone(), self.end(&author, reason)?))).collect()
    }
}

fn total(start: PartStart) -> usize {
    usize::try_from(start.size).unwrap_or(usize::MAX)
}

/// Whether so many bytes of unfinished texts may be kept.
fn guard_room(held: usize, max_content: usize) -> bool {
    !guard!("content-bound") || held <= max_content.saturating_mul(MAX_CONTENTS)
}

/// Shows sizes, never content.
impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Receiving(amount) => f.debug_tuple("Receiving").field(amount).finish(),
            Self::Complete(text) => write!(f, "Complete({} bytes)", text.len()),
            Self::Broken(incomplete) => f.debug_tuple("Broken").field(incomplete).finish(),
            Self::Stray => f.write_str("Stray"),
        }
    }
}

/// Shows sizes, never content.
impl<K: fmt::Debug> fmt::Debug for ContentAssembler<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts = self.texts.iter().map(|(author, text)| (author, text.amount()));
        f.debug_map().entries(texts).finish()
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec;

    use mpenc_crypto::V2;
    use mpenc_packet::v2::content_digest;

    use super::*;

    /// Takes texts of up to eight parts.
    fn assembler() -> ContentAssembler<u8> {
        ContentAssembler::new(content_digest::<V2>, 8 * MAX_TEXT)
    }

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn parts(text: &str) -> Vec<Part> {
        let bodies = split::<V2>(text).unwrap();
        bodies
            .into_iter()
            .map(|body| if let Body::Part(part) = body { part } else { panic!("one") })
            .collect()
    }

    /// A text of so many parts, the last of which has one byte.
    fn long(parts: usize) -> String {
        let mut text = "abcdefg".repeat(parts * MAX_TEXT / 7 + 1);
        text.truncate((parts - 1) * MAX_TEXT + 1);
        text
    }

    fn receive(
        assembler: &mut ContentAssembler<u8>,
        author: u8,
        parts: Vec<Part>,
    ) -> Vec<Progress> {
        let accept = |part| {
            let (former, progress) = assembler.accept(&author, part, at(0));
            assert_eq!(former, None);
            progress
        };
        parts.into_iter().map(accept).collect()
    }

    fn broken(progress: Option<&Progress>) -> Break {
        match progress {
            Some(Progress::Broken(incomplete)) => incomplete.reason,
            other => panic!("{other:?} is not broken"),
        }
    }

    //= docs/spec/v2.md#V2-028
    //= type=test
    //= docs/spec/protocol.md#MSG-017
    //= type=test
    #[test]
    fn what_was_cut_is_put_together() {
        for count in 2..=8 {
            let text = long(count);
            let mut assembler = assembler();
            let progress = receive(&mut assembler, 0, parts(&text));
            assert_eq!(progress.len(), count);
            let total = text.len();
            for (at, progress) in progress.iter().take(count - 1).enumerate() {
                let received = (at + 1) * MAX_TEXT;
                assert_eq!(*progress, Progress::Receiving(Amount { received, total }));
            }
            assert_eq!(progress.last(), Some(&Progress::Complete(text)));
            assert_eq!((assembler.held, assembler.texts.len()), (0, 0));
        }
    }

    #[test]
    fn what_fits_is_not_cut() {
        assert_eq!(split::<V2>(""), Err(ContentSize { found: 0 }));
        for len in [1, MAX_TEXT] {
            let text = "x".repeat(len);
            assert_eq!(split::<V2>(&text), Ok(vec![Body::Payload(text)]));
        }
        assert_eq!(split::<V2>(&"x".repeat(MAX_TEXT + 1)).unwrap().len(), 2);
        let text = "x".repeat(MAX_CONTENT + 1);
        assert_eq!(split::<V2>(&text), Err(ContentSize { found: MAX_CONTENT + 1 }));
        assert_eq!(split::<V2>(&text[1..]).unwrap().len(), 1024);
    }

    /// A character may lie across a cut.
    #[test]
    fn characters_survive_the_cut() {
        let text = format!("x{}", "€".repeat(MAX_TEXT));
        let progress = receive(&mut assembler(), 0, parts(&text));
        assert_eq!(progress.last(), Some(&Progress::Complete(text)));
    }

    //= docs/spec/v2.md#V2-028
    //= type=test
    #[test]
    fn authors_do_not_mix() {
        let texts = [long(3), long(2).to_uppercase()];
        let mut assembler = assembler();
        let [a, b] = texts.clone().map(|text| parts(&text));
        for (a, b) in a.iter().zip(&b).take(1) {
            assert!(matches!(assembler.accept(&0, a.clone(), at(0)).1, Progress::Receiving(_)));
            assert!(matches!(assembler.accept(&1, b.clone(), at(0)).1, Progress::Receiving(_)));
        }
        let done = receive(&mut assembler, 1, b[1..].to_vec());
        assert_eq!(done.last(), Some(&Progress::Complete(texts[1].clone())));
        let done = receive(&mut assembler, 0, a[1..].to_vec());
        assert_eq!(done.last(), Some(&Progress::Complete(texts[0].clone())));
    }

    //= docs/spec/v2.md#V2-028
    //= type=test
    #[test]
    fn what_does_not_fit_ends_the_text() {
        type Spoil = fn(&mut Vec<Part>);
        let cases: [(Break, Spoil); 8] = [
            (Break::Interrupted, |parts| drop(parts.remove(1))),
            (Break::Interrupted, |parts| parts.swap(1, 2)),
            (Break::Interrupted, |parts| parts.insert(1, parts[1].clone())),
            (Break::Inconsistent, |parts| parts[1].count = 5),
            (Break::Inconsistent, |parts| parts[3].bytes.push(b'x')),
            (Break::Inconsistent, |parts| parts[0].start.as_mut().unwrap().size += 1),
            (Break::Digest, |parts| parts[2].bytes[7] ^= 1),
            (Break::Digest, |parts| parts[0].start.as_mut().unwrap().digest[0] ^= 1),
        ];
        for (at, (reason, spoil)) in cases.into_iter().enumerate() {
            let mut parts = parts(&long(4));
            spoil(&mut parts);
            let mut assembler = assembler();
            let progress = receive(&mut assembler, 0, parts);
            let end =
                progress.iter().position(|progress| !matches!(progress, Progress::Receiving(_)));
            let end = end.unwrap();
            assert_eq!(broken(progress.get(end)), reason, "case {at}");
            // What follows belongs to nothing.
            assert!(progress[end + 1..].iter().all(|progress| *progress == Progress::Stray));
            assert_eq!((assembler.held, assembler.texts.len()), (0, 0));
        }
    }

    #[test]
    fn only_text_is_text() {
        let whole = vec![0xff; MAX_TEXT + 1];
        let size = u32::try_from(whole.len()).unwrap();
        let start = Some(PartStart { size, digest: content_digest::<V2>(&whole) });
        let (head, tail) = whole.split_at(MAX_TEXT);
        let parts = vec![
            Part { index: 0, count: 2, start, bytes: head.to_vec() },
            Part { index: 1, count: 2, start: None, bytes: tail.to_vec() },
        ];
        let progress = receive(&mut assembler(), 0, parts);
        assert_eq!(broken(progress.last()), Break::NotUtf8);
    }

    //= docs/spec/v2.md#V2-028
    //= type=test
    //= docs/spec/attacks.md#ATK-002
    //= type=test
    #[test]
    fn memory_is_bounded() {
        // One text.
        let progress = receive(&mut assembler(), 0, parts(&long(9)));
        assert_eq!(broken(progress.first()), Break::TooLong);
        // All together: four times eight parts less the last of each, so one fits that is short.
        let mut assembler = assembler();
        for author in 0..4 {
            let mut all = parts(&long(8));
            all.pop();
            let progress = receive(&mut assembler, author, all);
            assert!(progress.iter().all(|progress| matches!(progress, Progress::Receiving(_))));
        }
        for author in 4..8 {
            let progress = receive(&mut assembler, author, parts(&long(5))[..1].to_vec());
            assert!(matches!(progress[0], Progress::Receiving(_)));
        }
        assert_eq!(assembler.held, 32 * MAX_TEXT);
        let progress = receive(&mut assembler, 8, parts(&long(2)));
        assert_eq!(broken(progress.first()), Break::NoRoom);
        assert_eq!(progress.last(), Some(&Progress::Stray));
        // Somebody's ends, and there is room again.
        assert!(assembler.interrupt(&0).is_some());
        let progress = receive(&mut assembler, 8, parts(&long(2)));
        assert!(matches!(progress.last(), Some(Progress::Complete(_))));
    }

    //= docs/spec/v2.md#V2-028
    //= type=test
    #[test]
    fn other_payloads_time_and_rotation_end_a_text() {
        let mut assembler = assembler();
        let parts = parts(&long(3));
        let begin = |assembler: &mut ContentAssembler<u8>, author, ms| {
            assembler.accept(&author, parts[0].clone(), at(ms))
        };
        let amount = Amount { received: MAX_TEXT, total: long(3).len() };
        let ended = |reason| Incomplete { amount, reason };
        assert_eq!(begin(&mut assembler, 0, 10), (None, Progress::Receiving(amount)));
        assert_eq!(assembler.amount(&0), Some(amount));
        // It begins anew.
        let (former, progress) = begin(&mut assembler, 0, 20);
        assert_eq!(former, Some(ended(Break::Interrupted)));
        assert_eq!(progress, Progress::Receiving(amount));
        // It writes something else.
        assert_eq!(assembler.interrupt(&0), Some(ended(Break::Interrupted)));
        assert_eq!(assembler.interrupt(&0), None);
        // It falls silent.
        let _ = (begin(&mut assembler, 0, 30), begin(&mut assembler, 1, 40));
        assert_eq!(assembler.oldest(), Some(at(30)));
        assert_eq!(assembler.expire(at(30)), []);
        assert_eq!(assembler.expire(at(31)), [(0, ended(Break::TimedOut))]);
        assert_eq!(assembler.oldest(), Some(at(40)));
        // Its subsession ends.
        assert_eq!(assembler.cut_off(|author| *author == 0), []);
        assert_eq!(assembler.cut_off(|_| true), [(1, ended(Break::CutOff))]);
        assert_eq!((assembler.held, assembler.oldest()), (0, None));
    }

    #[test]
    fn printing_shows_no_text() {
        let mut assembler = assembler();
        let part = parts(&long(2)).remove(0);
        assert!(!format!("{part:?}").contains("abc"));
        let (_, progress) = assembler.accept(&0, part, at(0));
        assert!(!format!("{progress:?} {assembler:?}").contains("abc"));
        assert_eq!(format!("{:?}", Progress::Complete("abc".into())), "Complete(3 bytes)");
    }
}
