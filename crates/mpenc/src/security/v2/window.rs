//! Which positions of one author can be read (V2-024).
//!
//! ```text
//!          erased          held            next
//!   ─────────────────┬───────┬───┬───────┬─┬────────────── TAG_WINDOW ──┬─────────
//!    fully acked: no │ used  │ − │ used  │ │ tags known, keys come from │ nothing
//!    keys any more   │       │   │       │ │ the chain key at `next`    │ known
//!   ─────────────────┴───────┴───┴───────┴─┴────────────────────────────┴─────────
//!                              └ missing: skipped, at most MAX_SKIP
//! ```

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use mpenc_types::{MessageId, guard};

use super::MessageSuite;
use super::chain::{ChainKey, MessageKey, PacketKeys, Tag};

/// Positions after the highest one used for which an author's packets are recognised (V2-024).
pub const TAG_WINDOW: u64 = 64;

/// Positions of an author before the highest one used that may be missing; while so many are, the
/// window stays (V2-024).
pub const MAX_SKIP: usize = 256;

/// Verified packets at one position that are remembered, so that copies of them cost no
/// verification; only an author that signs again and again makes more than one.
pub(super) const MAX_COPIES: usize = 8;

/// The positions of one author.
#[derive(Debug)]
pub(super) struct Window {
    /// The first position whose keys come from the chain.
    next: u64,
    /// Keys of the message at `next`, and what comes after it: the chain is kept one step on, so
    /// that opening a message in its turn does not make a step twice.
    first: MessageKey,
    rest: ChainKey,
    /// Chain key at `next + TAG_WINDOW`, where the tags end.
    top: ChainKey,
    /// Positions that were used or skipped, until their keys are erased.
    held: BTreeMap<u64, Held>,
    /// Of those before `next`, how many are missing.
    missing: usize,
}

/// A position of which something is known.
#[derive(Debug, Default)]
struct Held {
    /// Known as soon as a packet used the position.
    tag: Option<Tag>,
    /// None while the window has not passed it: they come from the chain.
    key: Option<MessageKey>,
    used_by: Vec<Verified>,
}

/// A packet with a valid signature.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verified {
    pub(super) packet: [u8; 32],
    pub(super) id: MessageId,
    pub(super) fate: Fate,
}

/// Which messages have come and gone with a packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noted {
    /// The message of the packet is remembered.
    pub(super) kept: bool,
    /// A rejected message that is no longer, for want of room.
    pub(super) dropped: Option<MessageId>,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It waits for its ancestors.
    Pending,
    Accepted,
    /// It broke a rule: its position is as good as missing.
    Rejected,
}

impl Held {
    fn is_used(&self) -> bool {
        self.used_by.iter().any(|by| by.fate != Fate::Rejected)
    }
}

impl Window {
    /// The window at the beginning of a chain. `add` is told each tag with its position, here and
    /// below.
    pub(super) fn new<S: MessageSuite>(chain: &ChainKey, mut add: impl FnMut(Tag, u64)) -> Self {
        let (rest, first) = chain.step::<S>();
        add(first.tag::<S>(), 0);
        let mut top = None;
        for position in 1..TAG_WINDOW {
            let (next, key) = top.as_ref().unwrap_or(&rest).step::<S>();
            add(key.tag::<S>(), position);
            top = Some(next);
        }
        // A window of one position would end where its second begins.
        let top = top.unwrap_or_else(|| chain.step::<S>().0);
        Self { next: 0, first, rest, top, held: BTreeMap::new(), missing: 0 }
    }

    /// The first position that nothing has used, of those whose keys come from the chain.
    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    /// The keys of the message at a position whose tag is known.
    pub(super) fn keys<S: MessageSuite>(&self, position: u64) -> Option<PacketKeys> {
        if position == self.next {
            return Some(self.first.keys::<S>());
        }
        let Some(ahead) = position.checked_sub(self.next).and_then(|n| n.checked_sub(1)) else {
            return Some(self.held.get(&position)?.key.as_ref()?.keys::<S>());
        };
        if ahead >= TAG_WINDOW {
            return None;
        }
        let (mut chain, mut key) = self.rest.step::<S>();
        for _ in 0..ahead {
            (chain, key) = chain.step::<S>();
        }
        Some(key.keys::<S>())
    }

    /// Notes a packet whose signature is valid, and says for which messages that makes a
    /// difference.
    pub(super) fn note(
        &mut self,
        position: u64,
        tag: Tag,
        packet: [u8; 32],
        id: MessageId,
    ) -> Noted {
        let mut noted = Noted { kept: true, dropped: None };
        self.change(position, |held| {
            held.tag = Some(tag);
            let used_by = &mut held.used_by;
            if used_by.iter().any(|old| old.packet == packet) {
                return;
            }
            if used_by.len() >= MAX_COPIES {
                let Some(at) = used_by.iter().position(|by| by.fate == Fate::Rejected) else {
                    noted.kept = used_by.iter().any(|by| by.id == id);
                    return;
                };
                let old = used_by.remove(at).id;
                noted.dropped = Some(old).filter(|old| used_by.iter().all(|by| by.id != *old));
            }
            // Another form of a message shares its fate.
            let known = used_by.iter().find(|by| by.id == id).map(|by| by.fate);
            used_by.push(Verified { packet, id, fate: known.unwrap_or(Fate::Pending) });
        });
        noted
    }

    /// Notes what became of a message.
    pub(super) fn decide(&mut self, position: u64, id: &MessageId, fate: Fate) {
        self.change(position, |held| {
            held.used_by.iter_mut().filter(|by| by.id == *id).for_each(|by| by.fate = fate);
        });
    }

    /// Forgets a message that may come again.
    pub(super) fn forget(&mut self, position: u64, id: &MessageId) {
        self.change(position, |held| held.used_by.retain(|by| by.id != *id));
    }

    /// Erases the keys of a position; its tag and what it was used by come back.
    pub(super) fn erase(&mut self, position: u64) -> Option<(Tag, Vec<Verified>)> {
        // Before the window has passed it, nothing of it can be accepted.
        if position >= self.next || !self.is_used(position) {
            return None;
        }
        let held = self.held.remove(&position)?;
        Some((held.tag?, held.used_by))
    }

    /// The verified packets of a position.
    pub(super) fn used_by(&self, position: u64) -> &[Verified] {
        self.held.get(&position).map_or(&[], |held| &held.used_by)
    }

    /// All verified packets, with their tags.
    pub(super) fn all(&self) -> impl Iterator<Item = (Tag, &Verified)> {
        self.held.values().flat_map(|held| {
            held.tag.into_iter().flat_map(|tag| held.used_by.iter().map(move |by| (tag, by)))
        })
    }

    /// Moves as far as the positions used so far let it; whether it moved.
    //= docs/spec/v2.md#V2-024
    pub(super) fn settle<S: MessageSuite>(&mut self, mut add: impl FnMut(Tag, u64)) -> bool {
        let before = self.next;
        while self.held.range(self.next..).any(|(_, held)| held.is_used()) {
            if guard!("skip-window") && self.missing >= MAX_SKIP {
                break;
            }
            self.advance::<S>(&mut add);
        }
        self.next != before
    }

    /// Passes `next`, whether or not it was used.
    pub(super) fn advance<S: MessageSuite>(&mut self, add: &mut impl FnMut(Tag, u64)) {
        let (rest, first) = self.rest.step::<S>();
        self.rest = rest;
        let passed = core::mem::replace(&mut self.first, first);
        let held = self.held.entry(self.next).or_default();
        held.key = Some(passed);
        if !held.is_used() {
            self.missing = self.missing.saturating_add(1);
        }
        let (top, key) = self.top.step::<S>();
        self.top = top;
        add(key.tag::<S>(), self.next.saturating_add(TAG_WINDOW));
        self.next = self.next.saturating_add(1);
    }

    fn is_used(&self, position: u64) -> bool {
        self.held.get(&position).is_some_and(Held::is_used)
    }

    /// Changes what is known of a position, and keeps the count of missing ones right.
    fn change(&mut self, position: u64, change: impl FnOnce(&mut Held)) {
        let passed = position < self.next;
        let held = self.held.entry(position).or_default();
        let before = held.is_used();
        change(held);
        let after = held.is_used();
        if held.key.is_none() && held.used_by.is_empty() {
            self.held.remove(&position);
        } else if passed && before != after {
            self.missing =
                if after { self.missing.saturating_sub(1) } else { self.missing.saturating_add(1) };
        }
    }
}

#[cfg(test)]
impl Window {
    /// Everything from which keys follow.
    pub(super) fn secrets(&self) -> (Vec<&ChainKey>, Vec<&MessageKey>) {
        let held = self.held.values().filter_map(|held| held.key.as_ref());
        (alloc::vec![&self.rest, &self.top], held.chain([&self.first]).collect())
    }
}
