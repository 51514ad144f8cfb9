use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;
use core::num::NonZeroU32;

use mpenc_types::MessageId;

/// Finds messages by identifier in the same time however many there are.
///
/// An open-addressed table of (tag, slot). Identifiers are hashes, so some of their bytes are
/// spread as evenly as anything computed from them would be. Whoever makes messages on purpose
/// whose identifiers share those bytes fills no more than [`PROBES`] cells in a row; the rest
/// goes to a search tree, so a look-up takes logarithmic time at worst (ATK-114).
///
/// The table does not hold the identifiers: the caller says which one a slot has. Its order is
/// never observable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Index {
    /// A power of two of cells, about half of them taken at most.
    cells: Vec<Cell>,
    taken: usize,
    /// 32 minus the binary logarithm of the number of cells.
    shift: u32,
    crowded: BTreeMap<MessageId, u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cell {
    tag: u32,
    /// One more than the slot; none if the cell is free.
    slot: Option<NonZeroU32>,
}

impl Cell {
    fn slot(self) -> Option<u32> {
        self.slot.map(|slot| slot.get().wrapping_sub(1))
    }
}

impl Index {
    pub(super) fn new() -> Self {
        Self::with_cells(FEWEST, BTreeMap::new())
    }

    /// The slot of an identifier.
    pub(super) fn get(
        &self,
        id: &MessageId,
        id_of: impl Fn(u32) -> Option<MessageId>,
    ) -> Option<u32> {
        let tag = tag(id);
        let (before, after) = self.cells.split_at_checked(self.home(tag))?;
        let probed = after.iter().chain(before).take(PROBES);
        for (cell_tag, slot) in probed.map_while(|cell| Some((cell.tag, cell.slot()?))) {
            if cell_tag == tag && id_of(slot).as_ref() == Some(id) {
                return Some(slot);
            }
        }
        self.crowded.get(id).copied()
    }

    /// Adds an identifier that is not there. The slot is not 2³² − 1.
    pub(super) fn insert(
        &mut self,
        id: MessageId,
        slot: u32,
        id_of: impl Fn(u32) -> Option<MessageId>,
    ) {
        if self.taken >= self.cells.len() / 2 && self.shift > 0 {
            self.grow(id_of);
        }
        if !self.place(tag(&id), slot) {
            self.crowded.insert(id, slot);
        }
    }

    fn with_cells(number: usize, crowded: BTreeMap<MessageId, u32>) -> Self {
        let shift = 32_u32.saturating_sub(number.trailing_zeros());
        Self { cells: vec![Cell { tag: 0, slot: None }; number], taken: 0, shift, crowded }
    }

    /// Doubles the table. What the tree holds stays there.
    fn grow(&mut self, id_of: impl Fn(u32) -> Option<MessageId>) {
        let crowded = core::mem::take(&mut self.crowded);
        let cells = core::mem::take(&mut self.cells);
        *self = Self::with_cells(cells.len().saturating_mul(2), crowded);
        for cell in cells {
            if let Some(slot) = cell.slot()
                && !self.place(cell.tag, slot)
                && let Some(id) = id_of(slot)
            {
                self.crowded.insert(id, slot);
            }
        }
    }

    /// The cell from which a tag is sought.
    fn home(&self, tag: u32) -> usize {
        usize::try_from(tag >> self.shift.min(31)).unwrap_or_default()
    }

    fn place(&mut self, tag: u32, slot: u32) -> bool {
        let home = self.home(tag);
        let Some((before, after)) = self.cells.split_at_mut_checked(home) else { return false };
        let mut probed = after.iter_mut().chain(before).take(PROBES);
        let Some(free) = probed.find(|cell| cell.slot.is_none()) else { return false };
        *free = Cell { tag, slot: NonZeroU32::new(slot.wrapping_add(1)) };
        self.taken = self.taken.saturating_add(1);
        true
    }
}

/// Some bytes of the identifier, spread in case it is no hash, as in tests.
fn tag(id: &MessageId) -> u32 {
    let mut bytes = [0; 8];
    for (to, from) in bytes.iter_mut().zip(id.as_bytes()) {
        *to = *from;
    }
    let spread = u64::from_le_bytes(bytes).wrapping_mul(SPREAD);
    u32::try_from(spread >> 32).unwrap_or_default()
}

/// Cells looked at before the search tree; hardly any identifier needs as many.
const PROBES: usize = 64;

const FEWEST: usize = 64;

/// 2⁶⁴ divided by the golden ratio.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ids: &[MessageId]) -> Index {
        let mut index = Index::new();
        for (slot, id) in ids.iter().enumerate() {
            let id_of = |slot: u32| ids.get(slot as usize).copied();
            assert_eq!(index.get(id, id_of), None);
            index.insert(*id, slot as u32, id_of);
            assert_eq!(index.get(id, id_of), Some(slot as u32));
        }
        for (slot, id) in ids.iter().enumerate() {
            let found = index.get(id, |slot| ids.get(slot as usize).copied());
            assert_eq!(found, Some(slot as u32));
        }
        index
    }

    #[test]
    fn even_identifiers_need_no_tree() {
        // Multiples of a large odd number are even enough, and so are counters.
        let hashes = (0..50_000_u64).map(|n| n.wrapping_mul(0xd6e8_feb8_6659_fd93).to_be_bytes());
        let hashes: Vec<MessageId> = hashes.map(|n| MessageId::new(&n).unwrap()).collect();
        assert!(check(&hashes).crowded.is_empty());
        let counters = (1..50_000_u32).map(|n| MessageId::new(&n.to_be_bytes()).unwrap());
        assert!(check(&counters.collect::<Vec<_>>()).crowded.len() < 10);
    }

    fn colliding(n: u32) -> MessageId {
        let mut bytes = [7; 20];
        bytes[16..].copy_from_slice(&n.to_be_bytes());
        MessageId::new(&bytes).unwrap()
    }

    //= docs/spec/attacks.md#ATK-114
    //= type=test
    #[test]
    fn identifiers_made_to_collide_go_to_the_tree() {
        let ids: Vec<MessageId> = (0..5_000).map(colliding).collect();
        let index = check(&ids);
        assert_eq!(index.crowded.len(), ids.len() - PROBES);
        assert!(index.cells.len() <= 4 * FEWEST, "the table does not grow for them");
    }

    #[test]
    fn the_tree_outlives_growth() {
        let spread = (1..3_000_u32).map(|n| MessageId::new(&n.to_be_bytes()).unwrap());
        let ids: Vec<MessageId> = (0..200).map(colliding).chain(spread).collect();
        assert!(check(&ids).cells.len() >= 4_096);
    }
}
