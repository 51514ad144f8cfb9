use alloc::vec::Vec;

use mpenc_types::MessageId;

use super::index::Index;
use super::to_usize;

/// What is left of pruned messages: their identifiers, whole, so that nothing can be made to look
/// like one of them, and their places in their authors' lines.
///
/// A message takes 41 bytes and 16 to 32 of the index. Blocks of fixed size grow without copying
/// what is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Past {
    blocks: Vec<Block>,
    len: u32,
    index: Option<Index>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Block {
    ids: Vec<MessageId>,
    places: Vec<Place>,
}

/// Where a message stands: by whom, and which of that member's messages it is, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) author: u32,
    pub(super) seq: u32,
}

impl Past {
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends a message; its slot is the number of those before it. It is not found before
    /// [`index`](Self::index).
    pub(super) fn push(&mut self, id: MessageId, place: Place) {
        if to_usize(self.len).is_multiple_of(BLOCK) {
            self.blocks
                .push(Block { ids: Vec::with_capacity(BLOCK), places: Vec::with_capacity(BLOCK) });
        }
        if let Some(block) = self.blocks.last_mut() {
            block.ids.push(id);
            block.places.push(place);
            self.len = self.len.saturating_add(1);
        }
    }

    /// Makes the messages from this slot on findable.
    ///
    /// Several at a time: each goes to another place of a large table, and the processor fetches
    /// these places side by side.
    pub(super) fn index(&mut self, from: u32) {
        let Self { blocks, len, index } = self;
        let index = index.get_or_insert_with(Index::new);
        for slot in from..*len {
            if let Some(id) = id(blocks, slot) {
                index.insert(id, slot, |slot| self::id(blocks, slot));
            }
        }
    }

    pub(super) fn slot_of(&self, id: &MessageId) -> Option<u32> {
        self.index.as_ref()?.get(id, |slot| self.id(slot))
    }

    pub(super) fn id(&self, slot: u32) -> Option<MessageId> {
        id(&self.blocks, slot)
    }

    pub(super) fn place(&self, slot: u32) -> Option<Place> {
        let slot = to_usize(slot);
        self.blocks.get(slot / BLOCK)?.places.get(slot % BLOCK).copied()
    }
}

fn id(blocks: &[Block], slot: u32) -> Option<MessageId> {
    let slot = to_usize(slot);
    blocks.get(slot / BLOCK)?.ids.get(slot % BLOCK).copied()
}

const BLOCK: usize = 1024;
