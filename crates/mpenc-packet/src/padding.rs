//! Padding hides the length of a message: `length (2 bytes, big endian) ‖ raw ‖ zeros`, up to
//! `base · 2^j` bytes for the smallest `j` that fits (MSG-006, wire-v1.md section 7).

use alloc::vec::Vec;
use core::fmt;

/// The smallest padded length, in bytes, that sessions use.
pub const BASE: usize = 128;

/// The largest padded length, in bytes: the next one would not fit a record (MSG-007).
pub const MAX_PADDED_LEN: usize = 32_768;

/// The most bytes that padding can wrap: all records of a message together (MSG-007).
pub const MAX_RAW_LEN: usize = MAX_PADDED_LEN - LENGTH_LEN;

/// More than a message can hold (MSG-007).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge {
    /// Bytes found.
    pub found: usize,
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a message holds at most {MAX_RAW_LEN} bytes, this one needs {}", self.found)
    }
}

impl core::error::Error for TooLarge {}

/// The length that padded data states is more than there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnpadError;

impl fmt::Display for UnpadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("padded data is shorter than it says")
    }
}

impl core::error::Error for UnpadError {}

/// The padded length of `raw_len` bytes; a `base` of 0 means no padding beyond the length itself.
///
/// # Errors
///
/// [`TooLarge`] if it would exceed [`MAX_PADDED_LEN`].
pub const fn padded_len(raw_len: usize, base: usize) -> Result<usize, TooLarge> {
    let needed = raw_len.saturating_add(LENGTH_LEN);
    let mut len = if base == 0 { needed } else { base };
    while len < needed && len <= MAX_PADDED_LEN {
        len = len.saturating_mul(2);
    }
    if len > MAX_PADDED_LEN { Err(TooLarge { found: raw_len }) } else { Ok(len) }
}

/// Pads `raw` to `base · 2^j` bytes; a `base` of 0 adds the length only.
///
/// # Errors
///
/// [`TooLarge`] if the result would exceed [`MAX_PADDED_LEN`].
pub fn pad(raw: &[u8], base: usize) -> Result<Vec<u8>, TooLarge> {
    //= docs/spec/protocol.md#MSG-006
    //= docs/spec/protocol.md#MSG-007
    let padded_len = padded_len(raw.len(), base)?;
    let len = u16::try_from(raw.len()).map_err(|_| TooLarge { found: raw.len() })?;
    let mut padded = Vec::with_capacity(padded_len);
    padded.extend_from_slice(&len.to_be_bytes());
    padded.extend_from_slice(raw);
    padded.resize(padded_len, 0);
    Ok(padded)
}

/// What was padded. The values of the padding bytes and their number are ignored (MSG-006): the
/// author chose them, and another reader must not judge them differently than old peers do.
///
/// # Errors
///
/// [`UnpadError`] if there is less than the stated length.
pub fn unpad(padded: &[u8]) -> Result<&[u8], UnpadError> {
    let (&len, rest) = padded.split_first_chunk::<LENGTH_LEN>().ok_or(UnpadError)?;
    rest.get(..usize::from(u16::from_be_bytes(len))).ok_or(UnpadError)
}

const LENGTH_LEN: usize = 2;
