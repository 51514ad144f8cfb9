use alloc::vec::Vec;
use core::fmt;

use mpenc_types::MessageId;

use super::body::{Body, BodyError};
use super::encode::EncodeError;
use super::{MESSAGE_ID_LEN, record};
use crate::padding::{MAX_RAW_LEN, TooLarge};
use crate::tlv::{Reader, TlvError, Writer, array};

/// What a message says under its encryption: its parents and its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Parents in the order of the author's choice; readers treat them as a set.
    pub parents: Vec<MessageId>,
    /// The body.
    pub body: Body,
}

/// Why decrypted bytes are not the content of a message (TRN-012).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentError {
    /// Not the records that are due (ATK-001, ATK-004 to ATK-006, ATK-008).
    Record(TlvError),
    /// The body cannot be read.
    Body(BodyError),
}

impl fmt::Display for ContentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(error) => error.fmt(f),
            Self::Body(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ContentError {}

impl From<TlvError> for ContentError {
    fn from(error: TlvError) -> Self {
        Self::Record(error)
    }
}

impl From<BodyError> for ContentError {
    fn from(error: BodyError) -> Self {
        Self::Body(error)
    }
}

impl Content {
    /// The records, not yet padded.
    ///
    /// # Errors
    ///
    /// [`EncodeError::EmptyText`], [`EncodeError::TooLarge`] if padding could not wrap them, and
    /// [`EncodeError::Misfit`] for parents that are not identifiers of this profile.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        //= docs/spec/protocol.md#MSG-007
        //= docs/spec/protocol.md#MSG-020
        let body = self.body.encode()?;
        let found = self
            .parents
            .len()
            .saturating_mul(PARENT_LEN)
            .saturating_add(BODY_OVERHEAD)
            .saturating_add(body.len());
        if found > MAX_RAW_LEN {
            return Err(EncodeError::TooLarge(TooLarge { found }));
        }
        let mut out = Writer::new();
        for parent in &self.parents {
            if parent.as_bytes().len() != MESSAGE_ID_LEN {
                return Err(EncodeError::Misfit { kind: record::MESSAGE_PARENT });
            }
            out.push(record::MESSAGE_PARENT, parent.as_bytes())?;
        }
        out.push(record::MESSAGE_BODY, &body)?;
        Ok(out.into_bytes())
    }

    /// Reads the records that padding wrapped.
    ///
    /// # Errors
    ///
    /// See [`ContentError`].
    pub fn decode(raw: &[u8]) -> Result<Self, ContentError> {
        let mut reader = Reader::new(raw);
        let mut parents = Vec::with_capacity(
            // By their true size: empty records must not multiply into identifiers (ATK-002).
            reader.count(record::MESSAGE_PARENT, usize::MAX)?.min(raw.len() / PARENT_LEN),
        );
        while let Some(value) = reader.take_if(record::MESSAGE_PARENT)? {
            let id: [u8; MESSAGE_ID_LEN] = array(record::MESSAGE_PARENT, value)?;
            parents.push(MessageId::from(id));
        }
        let body = reader.take(record::MESSAGE_BODY)?;
        reader.finish()?;
        Ok(Self { parents, body: Body::decode(body)? })
    }
}

const PARENT_LEN: usize = 4 + MESSAGE_ID_LEN;
const BODY_OVERHEAD: usize = 4;
