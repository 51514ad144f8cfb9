use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use mpenc_types::BodyKind;

use super::encode::EncodeError;
use super::json::{self, Element};

/// What a message is for, with its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Text by a person, not empty.
    Payload(String),
    /// Only acknowledges.
    ExplicitAck {
        /// True if the user asked for it.
        manual: bool,
    },
    /// Asks for acknowledgement.
    Consistency {
        /// True for a FIN.
        close: bool,
    },
}

/// Why bytes are not a body. A v1 session drops such a message, as old peers do (MOD-010).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// There are no bytes.
    Empty,
    /// A kind that v1 does not have, the reserved heartbeat included.
    UnknownKind(u8),
    /// Not UTF-8 (MSG-008).
    NotUtf8,
    /// Not a JSON array.
    NotArray,
    /// The first element of the array is not what the kind demands: a text with characters, all
    /// of which exist, or a truth value.
    Element,
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("body is empty"),
            Self::UnknownKind(kind) => write!(f, "unknown kind of body {kind:#04x}"),
            Self::NotUtf8 => f.write_str("body is not valid UTF-8"),
            Self::NotArray => f.write_str("body is not a JSON array"),
            Self::Element => f.write_str("body lacks the element its kind demands"),
        }
    }
}

impl core::error::Error for BodyError {}

impl Body {
    /// What the message is for.
    #[must_use]
    pub const fn kind(&self) -> BodyKind {
        match *self {
            Self::Payload(_) => BodyKind::Payload,
            Self::ExplicitAck { manual } => BodyKind::ExplicitAck { manual },
            Self::Consistency { close } => BodyKind::Consistency { close },
        }
    }

    /// `kind (1 byte) ‖ JSON array of one element`, exactly as the original writes it.
    ///
    /// # Errors
    ///
    /// [`EncodeError::EmptyText`]. The length is not judged here.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        //= docs/spec/protocol.md#MOD-009
        let (kind, element) = match self {
            Self::Payload(text) if text.is_empty() => return Err(EncodeError::EmptyText),
            Self::Payload(text) => (PAYLOAD, json::quote(text)),
            Self::ExplicitAck { manual } => (EXPLICIT_ACK, json::truth(*manual)),
            Self::Consistency { close } => (CONSISTENCY, json::truth(*close)),
        };
        let mut value = Vec::with_capacity(element.len().saturating_add(3));
        value.push(kind);
        value.push(b'[');
        value.extend_from_slice(element.as_bytes());
        value.push(b']');
        Ok(value)
    }

    /// Reads a body as old peers do: any JSON text that is an array with the right first element,
    /// whatever white space, escapes and further elements it has.
    ///
    /// This is more than [`encode`](Self::encode) writes, on purpose. A body comes from a member,
    /// under its signature; if we refused what the other members accept, our transcript would
    /// part from theirs.
    ///
    /// # Errors
    ///
    /// See [`BodyError`]. A text with an escaped half of a surrogate pair is refused as
    /// [`BodyError::Element`]: it has no UTF-8 (MSG-008).
    pub fn decode(value: &[u8]) -> Result<Self, BodyError> {
        let (&kind, json) = value.split_first().ok_or(BodyError::Empty)?;
        if ![PAYLOAD, EXPLICIT_ACK, CONSISTENCY].contains(&kind) {
            return Err(BodyError::UnknownKind(kind));
        }
        //= docs/spec/protocol.md#MSG-008
        let json = core::str::from_utf8(json).map_err(|_| BodyError::NotUtf8)?;
        let first = json::first_element(json).ok_or(BodyError::NotArray)?;
        match (kind, first) {
            (PAYLOAD, Element::Text(text)) if !text.is_empty() => Ok(Self::Payload(text)),
            (EXPLICIT_ACK, Element::Truth(manual)) => Ok(Self::ExplicitAck { manual }),
            (CONSISTENCY, Element::Truth(close)) => Ok(Self::Consistency { close }),
            _ => Err(BodyError::Element),
        }
    }
}

const PAYLOAD: u8 = 0;
const EXPLICIT_ACK: u8 = 1;
const CONSISTENCY: u8 = 3;
