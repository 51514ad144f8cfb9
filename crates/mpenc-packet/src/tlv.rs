//! Records: `type (2 bytes) ‖ length (2 bytes) ‖ value`, integers big endian, one after another
//! without gaps (wire-v1.md section 3).

use alloc::vec::Vec;
use core::fmt;

use mpenc_types::guard;

use crate::work;

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// What the value is.
    pub kind: u16,
    /// The value, at most 65535 bytes.
    pub value: &'a [u8],
}

/// Why bytes are not the records that they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlvError {
    /// The bytes end inside a record (ATK-001).
    Truncated,
    /// Another record was due: the order is fixed and unknown types have no place in it
    /// (ATK-005, ATK-006).
    Unexpected {
        /// The type that was due.
        expected: u16,
        /// The type found; none at the end of the bytes.
        found: Option<u16>,
    },
    /// A value of fixed width has another one (ATK-008).
    Width {
        /// Type of the record.
        kind: u16,
        /// Bytes it should have.
        expected: usize,
        /// Bytes it has.
        found: usize,
    },
    /// Something follows the last record (ATK-004).
    Trailing,
}

impl fmt::Display for TlvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("bytes end inside a record"),
            Self::Unexpected { expected, found: Some(found) } => {
                write!(f, "expected record {expected:#06x}, found {found:#06x}")
            }
            Self::Unexpected { expected, found: None } => {
                write!(f, "expected record {expected:#06x}, found the end")
            }
            Self::Width { kind, expected, found } => {
                write!(f, "record {kind:#06x} must have {expected} bytes, found {found}")
            }
            Self::Trailing => f.write_str("bytes follow the last record"),
        }
    }
}

impl core::error::Error for TlvError {}

/// Reads records in a known order.
///
/// Nothing is copied or allocated. After an error the position is unchanged.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, position: 0 }
    }

    /// Bytes read so far.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }

    /// The record that comes next; none at the end.
    ///
    /// # Errors
    ///
    /// [`TlvError::Truncated`].
    pub fn peek(&self) -> Result<Option<Record<'a>>, TlvError> {
        work::step();
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (&[k0, k1, l0, l1], body) =
            self.rest.split_first_chunk::<HEADER_LEN>().ok_or(TlvError::Truncated)?;
        let len = usize::from(u16::from_be_bytes([l0, l1]));
        let whole = if guard!("tlv-length-check") { None } else { Some(body) };
        let value = body.get(..len).or(whole).ok_or(TlvError::Truncated)?;
        Ok(Some(Record { kind: u16::from_be_bytes([k0, k1]), value }))
    }

    /// Takes the next record if it is of type `kind`.
    ///
    /// # Errors
    ///
    /// [`TlvError::Truncated`].
    pub fn take_if(&mut self, kind: u16) -> Result<Option<&'a [u8]>, TlvError> {
        match self.peek()? {
            Some(record) if record.kind == kind => {
                self.skip(record);
                Ok(Some(record.value))
            }
            _ => Ok(None),
        }
    }

    /// Takes the next record, which must be of type `kind`.
    ///
    /// # Errors
    ///
    /// [`TlvError::Truncated`], [`TlvError::Unexpected`].
    pub fn take(&mut self, kind: u16) -> Result<&'a [u8], TlvError> {
        if !guard!("canonical-order") {
            self.skip_to(kind);
        }
        match self.peek()? {
            Some(record) if record.kind == kind => {
                self.skip(record);
                if !guard!("singleton") {
                    while self.take_if(kind)?.is_some() {}
                }
                Ok(record.value)
            }
            other => Err(TlvError::Unexpected { expected: kind, found: other.map(|r| r.kind) }),
        }
    }

    /// Takes the next record, which must be of type `kind` and have `N` bytes.
    ///
    /// # Errors
    ///
    /// [`TlvError::Truncated`], [`TlvError::Unexpected`], [`TlvError::Width`].
    pub fn take_array<const N: usize>(&mut self, kind: u16) -> Result<[u8; N], TlvError> {
        let before = self.clone();
        let value = self.take(kind)?;
        array(kind, value).inspect_err(|_| *self = before)
    }

    /// How many records of type `kind` come next, one after another. Reads on until the run ends
    /// or more than `limit` were seen, but takes nothing.
    ///
    /// # Errors
    ///
    /// [`TlvError::Truncated`].
    pub fn count(&self, kind: u16, limit: usize) -> Result<usize, TlvError> {
        let mut ahead = self.clone();
        let mut count: usize = 0;
        while count <= limit && ahead.take_if(kind)?.is_some() {
            count = count.saturating_add(1);
        }
        Ok(count)
    }

    /// Ends reading: nothing may be left.
    ///
    /// # Errors
    ///
    /// [`TlvError::Trailing`].
    pub fn finish(self) -> Result<(), TlvError> {
        if guard!("no-trailing") && !self.rest.is_empty() {
            return Err(TlvError::Trailing);
        }
        Ok(())
    }

    /// Passes over everything before the next record of this type, if there is one.
    fn skip_to(&mut self, kind: u16) {
        let mut ahead = self.clone();
        while let Ok(Some(record)) = ahead.peek() {
            if record.kind == kind {
                *self = ahead;
                return;
            }
            ahead.skip(record);
        }
    }

    fn skip(&mut self, record: Record<'_>) {
        let len = HEADER_LEN.saturating_add(record.value.len());
        self.rest = self.rest.get(len..).unwrap_or_default();
        self.position = self.position.saturating_add(len);
    }
}

/// Every record in turn, whatever its type; ends after the first error.
#[derive(Clone, Debug)]
pub struct Records<'a>(Reader<'a>);

impl<'a> Records<'a> {
    /// Starts at the first byte.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(Reader::new(bytes))
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, TlvError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.0.peek();
        match next {
            Ok(Some(record)) => self.0.skip(record),
            Ok(None) | Err(_) => self.0 = Reader::new(&[]),
        }
        next.transpose()
    }
}

/// The value of a record of fixed width.
pub(crate) fn array<const N: usize>(kind: u16, value: &[u8]) -> Result<[u8; N], TlvError> {
    if !guard!("fixed-width") {
        let mut padded = [0; N];
        padded.iter_mut().zip(value).for_each(|(to, from)| *to = *from);
        return Ok(padded);
    }
    value.try_into().map_err(|_| TlvError::Width { kind, expected: N, found: value.len() })
}

/// A value of more than 65535 bytes, which no record can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueTooLong {
    /// Bytes it has.
    pub found: usize,
}

impl fmt::Display for ValueTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a record holds at most {} bytes, found {}", u16::MAX, self.found)
    }
}

impl core::error::Error for ValueTooLong {}

/// Writes records one after another.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// Starts with no records.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: Vec::new() }
    }

    /// Appends a record.
    ///
    /// # Errors
    ///
    /// [`ValueTooLong`]; nothing is appended.
    pub fn push(&mut self, kind: u16, value: &[u8]) -> Result<(), ValueTooLong> {
        let len = u16::try_from(value.len()).map_err(|_| ValueTooLong { found: value.len() })?;
        self.bytes.extend_from_slice(&kind.to_be_bytes());
        self.bytes.extend_from_slice(&len.to_be_bytes());
        self.bytes.extend_from_slice(value);
        Ok(())
    }

    /// The records written.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

const HEADER_LEN: usize = 4;
