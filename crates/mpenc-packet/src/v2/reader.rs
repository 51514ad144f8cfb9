use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;

use mpenc_types::guard;

use super::header::PacketKind;
use crate::work;

/// Why bytes are not the fields that they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldError {
    /// The bytes end before the last field does (ATK-001).
    Truncated,
    /// Something follows the last field (ATK-004).
    Trailing,
    /// More entries in a list than it can have (GKA-031).
    TooMany {
        /// Entries it says it has.
        found: usize,
        /// Entries it may have.
        limit: usize,
    },
    /// The entries of a list are not in ascending order, or one is there twice (ATK-005, ATK-006).
    Order,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("bytes end inside a field"),
            Self::Trailing => f.write_str("bytes follow the last field"),
            Self::TooMany { found, limit } => {
                write!(f, "a list has at most {limit} entries, this one has {found}")
            }
            Self::Order => f.write_str("entries of a list do not ascend strictly"),
        }
    }
}

impl core::error::Error for FieldError {}

/// Reads fields one after another: what is read is never read again, so that work is linear in
/// the number of bytes (ATK-003). Nothing is copied except numbers and arrays.
//= docs/spec/v2.md#V2-005
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next `len` bytes.
    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], FieldError> {
        work::step();
        //= docs/spec/attacks.md#ATK-001
        let (head, rest) = match self.rest.split_at_checked(len) {
            Some(parts) => parts,
            None if guard!("tlv-length-check") => return Err(FieldError::Truncated),
            None => (self.rest, &[][..]),
        };
        self.rest = rest;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], FieldError> {
        let mut array = [0; N];
        array.iter_mut().zip(self.take(N)?).for_each(|(to, from)| *to = *from);
        Ok(array)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, FieldError> {
        self.array().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, FieldError> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, FieldError> {
        self.array().map(u32::from_be_bytes)
    }

    /// A list: its number of entries in two bytes, then the entries, strictly ascending by `order`.
    /// An entry has at least `least` bytes, so that a lie about their number allocates nothing.
    pub(crate) fn list<T, K: Ord, E: From<FieldError>>(
        &mut self,
        limit: usize,
        least: usize,
        mut entry: impl FnMut(&mut Self) -> Result<T, E>,
        order: impl Fn(&T) -> &K,
    ) -> Result<Vec<T>, E> {
        let count = usize::from(self.u16()?);
        //= docs/spec/protocol.md#GKA-031
        if guard!("max-members") && count > limit {
            return Err(FieldError::TooMany { found: count, limit }.into());
        }
        //= docs/spec/attacks.md#ATK-002
        if guard!("alloc-cap") && self.rest.len() / least.max(1) < count {
            return Err(FieldError::Truncated.into());
        }
        let mut entries: Vec<T> = Vec::with_capacity(count);
        for _ in 0..count {
            let next = entry(self)?;
            if let Some(last) = entries.last() {
                ascends(order(last), order(&next))?;
            }
            entries.push(next);
        }
        Ok(entries)
    }

    /// How many bytes are left.
    pub(crate) const fn left(&self) -> usize {
        self.rest.len()
    }

    /// What is left, without taking it.
    pub(crate) const fn peek(&self) -> &'a [u8] {
        self.rest
    }

    /// Everything that is left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.rest)
    }

    /// Ends reading: nothing may be left.
    pub(crate) fn finish(self) -> Result<(), FieldError> {
        //= docs/spec/attacks.md#ATK-004
        if guard!("no-trailing") && !self.rest.is_empty() {
            return Err(FieldError::Trailing);
        }
        Ok(())
    }
}

/// Writes fields one after another.
#[derive(Debug)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn with_capacity(len: usize) -> Self {
        Self(Vec::with_capacity(len))
    }

    /// Begins a packet.
    pub(crate) fn packet(kind: PacketKind) -> Self {
        Self(kind.header().to_vec())
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn u8(&mut self, number: u8) -> &mut Self {
        self.bytes(&[number])
    }

    pub(crate) fn u16(&mut self, number: u16) -> &mut Self {
        self.bytes(&number.to_be_bytes())
    }

    pub(crate) fn u32(&mut self, number: u32) -> &mut Self {
        self.bytes(&number.to_be_bytes())
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// Refuses an entry that does not belong behind `last`.
fn ascends<K: Ord>(last: &K, next: &K) -> Result<(), FieldError> {
    match last.cmp(next) {
        //= docs/spec/attacks.md#ATK-005
        Ordering::Equal if guard!("singleton") => Err(FieldError::Order),
        //= docs/spec/attacks.md#ATK-006
        Ordering::Greater if guard!("canonical-order") => Err(FieldError::Order),
        Ordering::Less | Ordering::Equal | Ordering::Greater => Ok(()),
    }
}
