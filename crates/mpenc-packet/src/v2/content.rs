use alloc::vec::Vec;
use core::fmt;

use mpenc_types::limits::MAX_MEMBERS;
use mpenc_types::{ChainHash, MessageId};

use super::body::{Body, BodyError, MAX_BODY_LEN};
use super::error::EncodeError;
use super::reader::{FieldError, Reader, Writer};

/// Parents that a message can have, and heads that an initial packet can name.
pub const MAX_PARENTS: usize = MAX_MEMBERS;

/// Bytes of the longest content.
pub const MAX_CONTENT_LEN: usize = 2 + MAX_PARENTS * ID_LEN + 4 + 32 + 1 + MAX_BODY_LEN;

/// What a message says (wire-v2.md section 5.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Parents, ascending; 32 bytes each.
    pub parents: Vec<MessageId>,
    /// How many operation packets the author has accepted since the final packet of this
    /// subsession (V2-026).
    pub number: u32,
    /// The author's chain hash at that number.
    pub chain: ChainHash,
    /// What the message is for.
    pub body: Body,
}

/// Why decrypted bytes are not a message (TRN-012).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContentError {
    /// Not the fields that are due (ATK-001, ATK-004 to ATK-006).
    Field(FieldError),
    /// Padding that is too short, too long, or not zero (V2-027).
    Padding,
    /// The body cannot be read.
    Body(BodyError),
    /// A place that no member has.
    Place,
}

impl fmt::Display for ContentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(error) => error.fmt(f),
            Self::Padding => f.write_str("padding is not what the length demands"),
            Self::Body(error) => error.fmt(f),
            Self::Place => f.write_str("place is outside the membership"),
        }
    }
}

impl core::error::Error for ContentError {}

impl From<FieldError> for ContentError {
    fn from(error: FieldError) -> Self {
        Self::Field(error)
    }
}

impl From<BodyError> for ContentError {
    fn from(error: BodyError) -> Self {
        Self::Body(error)
    }
}

impl Content {
    /// The bytes, with the parents in ascending order. They are what the message's identifier is
    /// a hash of.
    ///
    /// # Errors
    ///
    /// [`EncodeError::TooMany`], [`EncodeError::Duplicate`] or [`EncodeError::Identifier`] for
    /// parents, and those of [`Body::encode`].
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        //= docs/spec/v2.md#V2-022
        let mut out = Writer::new();
        write_ids(&mut out, &sorted_ids(self.parents.clone())?)?;
        //= docs/spec/v2.md#V2-026
        out.u32(self.number).bytes(self.chain.as_bytes());
        self.body.write(&mut out)?;
        Ok(out.into_bytes())
    }

    /// Reads what [`encode`](Self::encode) wrote, and nothing else.
    ///
    /// # Errors
    ///
    /// See [`ContentError`].
    pub fn decode(content: &[u8]) -> Result<Self, ContentError> {
        let mut reader = Reader::new(content);
        let parents = read_ids(&mut reader, MAX_PARENTS)?;
        let number = reader.u32()?;
        let chain = ChainHash::new(reader.array()?);
        let body = Body::read(reader)?;
        Ok(Self { parents, number, chain, body })
    }
}

/// Reads a list of message identifiers.
pub(crate) fn read_ids(
    reader: &mut Reader<'_>,
    limit: usize,
) -> Result<Vec<MessageId>, FieldError> {
    reader.list(
        limit,
        ID_LEN,
        |reader| reader.array::<ID_LEN>().map(MessageId::from),
        |id: &MessageId| id,
    )
}

/// Writes a list of message identifiers that are in order.
pub(crate) fn write_ids(out: &mut Writer, ids: &[MessageId]) -> Result<(), EncodeError> {
    let found = ids.len();
    match u16::try_from(found) {
        Ok(count) if found <= MAX_PARENTS => out.u16(count),
        Ok(_) | Err(_) => return Err(EncodeError::TooMany { found, limit: MAX_PARENTS }),
    };
    for id in ids {
        out.bytes(id.as_bytes());
    }
    Ok(())
}

/// The identifiers in the order in which they travel.
pub(crate) fn sorted_ids(mut ids: Vec<MessageId>) -> Result<Vec<MessageId>, EncodeError> {
    ids.sort_unstable();
    if let Some(id) = ids.iter().find(|id| id.as_bytes().len() != ID_LEN) {
        return Err(EncodeError::Identifier { found: id.as_bytes().len() });
    }
    if ids.is_sorted_by(|a, b| a < b) { Ok(ids) } else { Err(EncodeError::Duplicate) }
}

/// Bytes of a message identifier in this profile.
const ID_LEN: usize = 32;
