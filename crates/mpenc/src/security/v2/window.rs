//! Which positions of one author can be read (V2-024).
//!
//! ```text
//!          erased          held            next
//!   ─────────────────┬───────┬───┬───────┬─┬────────────── TAG_WINDOW ──┬─────────
//!    fully acked: no │ used  │ − │ used  │ │ tags known, keys come from │ nothing
//!    keys any more   │       │   │       │ │ the chain after `next`     │ known
//!   ─────────────────┴───────┴───┴───────┴─┴────────────────────────────┴─────────
//!                              └ missing: skipped, at most MAX_SKIP
//! ```

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use mpenc_crypto::Signature;
use mpenc_types::{MessageId, guard};

use super::MessageSuite;
use super::chain::{ChainKey, PacketKeys, Tag};

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
    /// The first position that nothing has passed.
    next: u64,
    /// Keys of the messages from `next` on, as many as are made ahead: at least one, so that a
    /// message in its turn does not wait for a step of the chain.
    ahead: VecDeque<PacketKeys>,
    /// The chain after them, unless they reach to the end of the window.
    rest: Option<ChainKey>,
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
    /// None while the window has not passed it.
    keys: Option<PacketKeys>,
    used_by: Vec<Verified>,
}

/// A packet with a valid signature.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verified {
    pub(super) packet: [u8; 32],
    pub(super) id: MessageId,
    pub(super) signature: Signature,
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
    /// The window at the beginning of a chain, with keys made ahead for some positions or for all.
    /// `add` is told each tag with its position, here and below.
    pub(super) fn new<S: MessageSuite>(
        chain: ChainKey,
        all: bool,
        mut add: impl FnMut(Tag, u64),
    ) -> Self {
        let (mut top, first) = chain.step::<S>();
        let mut ahead = VecDeque::from([first.keys::<S>()]);
        ahead.iter().for_each(|keys| add(keys.tag, 0));
        let mut rest = None;
        for position in 1..TAG_WINDOW {
            let (next, key) = top.step::<S>();
            let former = core::mem::replace(&mut top, next);
            if all {
                let keys = key.keys::<S>();
                add(keys.tag, position);
                ahead.push_back(keys);
            } else {
                add(key.tag::<S>(), position);
                rest.get_or_insert(former);
            }
        }
        Self { next: 0, ahead, rest, top, held: BTreeMap::new(), missing: 0 }
    }

    /// The first position that nothing has passed.
    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    /// Does something with the keys of the message at a position whose tag is known.
    pub(super) fn with_keys<S: MessageSuite, T>(
        &self,
        position: u64,
        run: impl FnOnce(&PacketKeys) -> T,
    ) -> Option<T> {
        let Some(ahead) = position.checked_sub(self.next) else {
            return Some(run(self.held.get(&position)?.keys.as_ref()?));
        };
        if ahead >= TAG_WINDOW {
            return None;
        }
        let ahead = usize::try_from(ahead).ok()?;
        if let Some(keys) = self.ahead.get(ahead) {
            return Some(run(keys));
        }
        let (mut chain, mut key) = self.rest.as_ref()?.step::<S>();
        for _ in self.ahead.len()..ahead {
            (chain, key) = chain.step::<S>();
        }
        Some(run(&key.keys::<S>()))
    }

    /// Notes a packet whose signature is valid, and says for which messages that makes a
    /// difference.
    pub(super) fn note(
        &mut self,
        position: u64,
        packet: [u8; 32],
        id: MessageId,
        signature: Signature,
    ) -> Noted {
        let mut noted = Noted { kept: true, dropped: None };
        self.change(position, |held| {
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
            let fate = known.unwrap_or(Fate::Pending);
            // Almost always there is one for each position.
            used_by.reserve_exact(1);
            used_by.push(Verified { packet, id, signature, fate });
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
        Some((held.keys?.tag, held.used_by))
    }

    /// The verified packets of a position.
    pub(super) fn used_by(&self, position: u64) -> &[Verified] {
        self.held.get(&position).map_or(&[], |held| &held.used_by)
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
        let end = self.next.saturating_add(TAG_WINDOW);
        let (top, key) = self.top.step::<S>();
        self.top = top;
        let new = if let Some(rest) = &mut self.rest {
            add(key.tag::<S>(), end);
            let (next, key) = rest.step::<S>();
            *rest = next;
            key.keys::<S>()
        } else {
            let keys = key.keys::<S>();
            add(keys.tag, end);
            keys
        };
        self.ahead.push_back(new);
        let held = self.held.entry(self.next).or_default();
        held.keys = self.ahead.pop_front();
        if !held.is_used() {
            self.missing = self.missing.saturating_add(1);
        }
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
        if held.keys.is_none() && held.used_by.is_empty() {
            self.held.remove(&position);
        } else if passed && before != after {
            self.missing =
                if after { self.missing.saturating_sub(1) } else { self.missing.saturating_add(1) };
        }
    }
}

#[cfg(feature = "inspect")]
impl Window {
    pub(super) fn reveal(&self, found: &mut dyn FnMut(&'static str, &[u8])) {
        let Self { next: _, ahead, rest, top, held, missing: _ } = self;
        for chain in rest.iter().chain([top]) {
            found("chain key", chain.expose());
        }
        let held = held.values().filter_map(|Held { keys, used_by: _ }| keys.as_ref());
        for PacketKeys { tag: _, key, nonce_key } in held.chain(ahead) {
            found("message key", key.expose());
            found("nonce key", nonce_key.expose());
        }
    }
}

#[cfg(test)]
impl Window {
    /// Everything from which keys follow: of chains, and of single messages.
    pub(super) fn secrets(&self) -> (Vec<&ChainKey>, Vec<&PacketKeys>) {
        let held = self.held.values().filter_map(|held| held.keys.as_ref());
        (self.rest.iter().chain([&self.top]).collect(), held.chain(&self.ahead).collect())
    }
}
