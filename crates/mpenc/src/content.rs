//! Texts too long for one message, in parts (V2-028).

use alloc::vec::Vec;
use core::fmt;

/// One part of a text too long for one message (wire-v2.md section 5.5).
#[derive(Clone, PartialEq, Eq)]
pub struct Part {
    /// Its number, from 0.
    pub index: u16,
    /// How many parts there are; 2 to 1,024.
    pub count: u16,
    /// About the whole; in the part with index 0 only.
    pub start: Option<PartStart>,
    /// Its share of the text.
    pub bytes: Vec<u8>,
}

/// What the first part says about the whole text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartStart {
    /// Bytes of the whole.
    pub size: u32,
    /// `H("content"; the whole)`.
    pub digest: [u8; 32],
}

impl Part {
    /// Whether the text ends with it: that message counts as the payload.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.index.checked_add(1) == Some(self.count)
    }
}

/// Shows sizes, never content.
impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Part({} of {}, {} bytes)", self.index, self.count, self.bytes.len())
    }
}
