//! Long texts in parts (wire-v2.md section 5.5).

use alloc::vec::Vec;
use core::fmt;

use mpenc_crypto::{FramedHash, Label};

use super::body::{BodyError, MAX_TEXT};
use super::error::EncodeError;
use super::reader::{FieldError, Reader, Writer};

/// Bytes of the longest text in parts: MAX_CONTENT, 16 MiB (V2-028).
pub const MAX_CONTENT: usize = MAX_TEXT * MAX_PARTS;

/// Parts of the longest text.
pub const MAX_PARTS: usize = 1024;

/// A piece of a long text.
///
/// What one part can show is judged when it is written and read: its numbers fit each other, and
/// every part except the last has exactly [`MAX_TEXT`] bytes. Whether parts fit together is for
/// whoever puts them together.
#[derive(Clone, PartialEq, Eq)]
pub struct Part {
    /// Which one it is, from 0.
    pub index: u16,
    /// How many there are: 2 to [`MAX_PARTS`].
    pub count: u16,
    /// In the first part only: what the whole is to be.
    pub start: Option<PartStart>,
    /// Its piece of the text.
    pub bytes: Vec<u8>,
}

/// What a long text is to be as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartStart {
    /// Bytes of the whole, at most [`MAX_CONTENT`].
    pub size: u32,
    /// [`content_digest`] of the whole.
    pub digest: [u8; 32],
}

/// `H("content"; whole)`.
#[must_use]
pub fn content_digest<S: FramedHash>(whole: &[u8]) -> [u8; 32] {
    S::framed(Label::CONTENT, &[whole])
}

/// Cuts a text of [`MAX_TEXT`]` + 1` to [`MAX_CONTENT`] bytes into parts, each made when asked for.
///
/// # Errors
///
/// [`EncodeError::Text`] for any other length.
pub fn split<S: FramedHash>(text: &str) -> Result<impl Iterator<Item = Part>, EncodeError> {
    //= docs/spec/v2.md#V2-028
    let whole = text.as_bytes();
    let found = whole.len();
    let count = u16::try_from(found.div_ceil(MAX_TEXT));
    let (Ok(count @ 2..), Ok(size), true) = (count, u32::try_from(found), found <= MAX_CONTENT)
    else {
        return Err(EncodeError::Text { found });
    };
    let start = PartStart { size, digest: content_digest::<S>(whole) };
    Ok((0..count).zip(whole.chunks(MAX_TEXT)).map(move |(index, bytes)| Part {
        index,
        count,
        start: (index == 0).then_some(start),
        bytes: bytes.to_vec(),
    }))
}

impl Part {
    /// Whether no other part follows.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        self.index.saturating_add(1) >= self.count
    }

    pub(crate) fn write(&self, out: &mut Writer) -> Result<(), EncodeError> {
        if !self.is_right() {
            return Err(EncodeError::Part);
        }
        out.u16(self.index).u16(self.count);
        if let Some(start) = &self.start {
            out.u32(start.size).bytes(&start.digest);
        }
        out.bytes(&self.bytes);
        Ok(())
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, super::ContentError> {
        let index = reader.u16()?;
        let count = reader.u16()?;
        let start = if index == 0 { Some(PartStart::read(reader)?) } else { None };
        let part = Self { index, count, start, bytes: reader.rest().to_vec() };
        if part.is_right() { Ok(part) } else { Err(BodyError::Part.into()) }
    }

    /// Whether what one part can show is as it should be.
    fn is_right(&self) -> bool {
        let count = usize::from(self.count);
        let numbers = (2..=MAX_PARTS).contains(&count) && self.index < self.count;
        let length = match self.bytes.len() {
            0 => false,
            len if self.is_last() => len <= MAX_TEXT,
            len => len == MAX_TEXT,
        };
        let start = match &self.start {
            None => self.index != 0,
            Some(start) => {
                let size = usize::try_from(start.size).unwrap_or(usize::MAX);
                self.index == 0 && size.div_ceil(MAX_TEXT) == count
            }
        };
        numbers && length && start
    }
}

/// Shows numbers, never what people wrote.
impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Part({} of {}, {} bytes)", self.index, self.count, self.bytes.len())
    }
}

impl PartStart {
    fn read(reader: &mut Reader<'_>) -> Result<Self, FieldError> {
        Ok(Self { size: reader.u32()?, digest: reader.array()? })
    }
}
