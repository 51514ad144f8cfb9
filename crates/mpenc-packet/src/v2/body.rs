use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use mpenc_types::{BodyKind, MessageId, PacketId};

use super::error::EncodeError;
use super::part::Part;
use super::reader::{Reader, Writer};

/// Bytes of the longest text that one message holds; a longer one travels in parts.
pub const MAX_TEXT: usize = 16_384;

/// Bytes of the longest body, its kind not counted.
pub const MAX_BODY_LEN: usize = 16_448;

/// What a message is for, with its content (wire-v2.md section 5.4).
#[derive(Clone, PartialEq, Eq)]
pub enum Body {
    /// Text by a person: 1 to [`MAX_TEXT`] bytes.
    Payload(String),
    /// Only acknowledges.
    ExplicitAck {
        /// True if the user asked for it.
        manual: bool,
    },
    /// Proof of activity.
    Heartbeat,
    /// Asks for acknowledgement.
    Consistency {
        /// True for a FIN.
        close: bool,
    },
    /// The last final packet that the author accepted.
    OrderConfirmation(PacketId),
    /// The author goes away on purpose, or is back.
    Absence {
        /// True if it goes away.
        away: bool,
    },
    /// The author found something wrong.
    Error {
        /// What.
        code: ErrorCode,
        /// The message concerned; 32 bytes.
        subject: Option<MessageId>,
    },
    /// A piece of a long text.
    Part(Part),
    /// The author writes nothing more in this subsession, acknowledgements included.
    Close,
    /// Something that this version does not know.
    Opaque {
        /// The number of the kind: above `08`, or `06` for an error with an unknown code.
        kind: u8,
        /// What follows it.
        bytes: Vec<u8>,
    },
}

/// What an author found wrong (ORD-046).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorCode {
    /// Histories that contradict each other.
    InconsistentHistory,
    /// Two different messages by one author at one position.
    Fork,
    /// A message that breaks the rules.
    BadMessage,
}

/// Why bytes are not a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyError {
    /// More than [`MAX_BODY_LEN`] bytes.
    TooLong {
        /// Bytes found.
        found: usize,
    },
    /// A text without bytes, or with more than [`MAX_TEXT`].
    TextLen {
        /// Bytes found.
        found: usize,
    },
    /// A text that is not UTF-8 (MSG-008, ATK-020).
    NotUtf8,
    /// A value that is reserved.
    Reserved {
        /// Byte found.
        found: u8,
    },
    /// A part that breaks the rules of wire-v2.md section 5.5.
    Part,
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { found } => {
                write!(f, "a body has at most {MAX_BODY_LEN} bytes, found {found}")
            }
            Self::TextLen { found } => {
                write!(f, "a text has 1 to {MAX_TEXT} bytes, found {found}")
            }
            Self::NotUtf8 => f.write_str("text is not valid UTF-8"),
            Self::Reserved { found } => write!(f, "reserved value {found:#04x} in a body"),
            Self::Part => f.write_str("part breaks the rules of parts"),
        }
    }
}

impl core::error::Error for BodyError {}

impl Body {
    /// What the message is for. The last part counts as the payload.
    #[must_use]
    pub const fn kind(&self) -> BodyKind {
        match self {
            Self::Payload(_) => BodyKind::Payload,
            Self::ExplicitAck { manual } => BodyKind::ExplicitAck { manual: *manual },
            Self::Heartbeat => BodyKind::Heartbeat,
            Self::Consistency { close } => BodyKind::Consistency { close: *close },
            Self::OrderConfirmation(_) => BodyKind::OrderConfirmation,
            Self::Absence { away } => BodyKind::Absence { away: *away },
            Self::Error { .. } => BodyKind::Error,
            Self::Part(part) if part.is_last() => BodyKind::Payload,
            Self::Part(_) => BodyKind::Part,
            Self::Close => BodyKind::Close,
            Self::Opaque { kind, .. } => BodyKind::Opaque(*kind),
        }
    }

    /// Kind and body as they travel.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Text`], [`EncodeError::Identifier`], [`EncodeError::Part`],
    /// [`EncodeError::Opaque`].
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let mut out = Writer::new();
        self.write(&mut out)?;
        Ok(out.into_bytes())
    }

    /// Reads what [`encode`](Self::encode) wrote, and nothing else.
    ///
    /// # Errors
    ///
    /// As [`Content::decode`](super::Content::decode).
    pub fn decode(bytes: &[u8]) -> Result<Self, super::ContentError> {
        Self::read(Reader::new(bytes))
    }

    pub(crate) fn write(&self, out: &mut Writer) -> Result<(), EncodeError> {
        match self {
            Self::Payload(text) => {
                if text.is_empty() || text.len() > MAX_TEXT {
                    return Err(EncodeError::Text { found: text.len() });
                }
                out.u8(PAYLOAD).bytes(text.as_bytes());
            }
            Self::ExplicitAck { manual } => {
                out.u8(EXPLICIT_ACK).u8(u8::from(*manual));
            }
            Self::Heartbeat => {
                out.u8(HEARTBEAT);
            }
            Self::Consistency { close } => {
                out.u8(CONSISTENCY).u8(u8::from(*close));
            }
            Self::OrderConfirmation(id) => {
                out.u8(ORDER_CONFIRMATION).bytes(id.as_bytes());
            }
            Self::Absence { away } => {
                out.u8(ABSENCE).u8(u8::from(*away));
            }
            Self::Error { code, subject } => {
                out.u8(ERROR).u8(code.to_u8());
                if let Some(id) = subject {
                    let id = id.as_bytes();
                    if id.len() != 32 {
                        return Err(EncodeError::Identifier { found: id.len() });
                    }
                    out.bytes(id);
                }
            }
            Self::Part(part) => {
                out.u8(PART);
                part.write(out)?;
            }
            Self::Close => {
                out.u8(CLOSE);
            }
            Self::Opaque { kind, bytes } => {
                if bytes.len() > MAX_BODY_LEN || !is_opaque(*kind, bytes) {
                    return Err(EncodeError::Opaque);
                }
                out.u8(*kind).bytes(bytes);
            }
        }
        Ok(())
    }

    /// Reads kind and body: all that is left.
    pub(crate) fn read(mut reader: Reader<'_>) -> Result<Self, super::ContentError> {
        //= docs/spec/protocol.md#MOD-009
        let kind = reader.u8()?;
        let found = reader.left();
        if found > MAX_BODY_LEN {
            return Err(BodyError::TooLong { found }.into());
        }
        //= docs/spec/protocol.md#MOD-010
        if is_opaque(kind, reader.peek()) {
            return Ok(Self::Opaque { kind, bytes: reader.rest().to_vec() });
        }
        let body = match kind {
            PAYLOAD => Self::Payload(text(reader.rest())?),
            EXPLICIT_ACK => Self::ExplicitAck { manual: truth(&mut reader)? },
            HEARTBEAT => Self::Heartbeat,
            CONSISTENCY => Self::Consistency { close: truth(&mut reader)? },
            ORDER_CONFIRMATION => Self::OrderConfirmation(PacketId::new(reader.array()?)),
            ABSENCE => Self::Absence { away: truth(&mut reader)? },
            ERROR => {
                let code = reader.u8()?;
                let code = ErrorCode::from_u8(code).ok_or(BodyError::Reserved { found: code })?;
                let subject = match reader.left() {
                    0 => None,
                    _ => Some(MessageId::from(reader.array::<32>()?)),
                };
                Self::Error { code, subject }
            }
            PART => Self::Part(Part::read(&mut reader)?),
            CLOSE => Self::Close,
            _ => return Err(BodyError::Reserved { found: kind }.into()),
        };
        reader.finish()?;
        Ok(body)
    }
}

/// Shows sizes, never what people wrote.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Payload(text) => write!(f, "Payload({} bytes)", text.len()),
            Self::OrderConfirmation(id) => f.debug_tuple("OrderConfirmation").field(id).finish(),
            Self::Error { code, subject } => {
                f.debug_struct("Error").field("code", code).field("subject", subject).finish()
            }
            Self::Part(part) => part.fmt(f),
            Self::Opaque { kind, bytes } => {
                write!(f, "Opaque({kind:#04x}, {} bytes)", bytes.len())
            }
            Self::ExplicitAck { .. }
            | Self::Heartbeat
            | Self::Consistency { .. }
            | Self::Absence { .. }
            | Self::Close => self.kind().fmt(f),
        }
    }
}

impl ErrorCode {
    const fn to_u8(self) -> u8 {
        match self {
            Self::InconsistentHistory => 0,
            Self::Fork => 1,
            Self::BadMessage => 2,
        }
    }

    const fn from_u8(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::InconsistentHistory),
            1 => Some(Self::Fork),
            2 => Some(Self::BadMessage),
            _ => None,
        }
    }
}

/// Whether a body is of no kind that this version knows, so that its bytes mean nothing to it.
fn is_opaque(kind: u8, bytes: &[u8]) -> bool {
    kind > CLOSE
        || kind == ERROR && bytes.first().is_some_and(|&code| ErrorCode::from_u8(code).is_none())
}

fn text(bytes: &[u8]) -> Result<String, BodyError> {
    if bytes.is_empty() || bytes.len() > MAX_TEXT {
        return Err(BodyError::TextLen { found: bytes.len() });
    }
    //= docs/spec/protocol.md#MSG-008
    core::str::from_utf8(bytes).map(Into::into).map_err(|_| BodyError::NotUtf8)
}

fn truth(reader: &mut Reader<'_>) -> Result<bool, super::ContentError> {
    match reader.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        found => Err(BodyError::Reserved { found }.into()),
    }
}

const PAYLOAD: u8 = 0;
const EXPLICIT_ACK: u8 = 1;
const HEARTBEAT: u8 = 2;
const CONSISTENCY: u8 = 3;
const ORDER_CONFIRMATION: u8 = 4;
const ABSENCE: u8 = 5;
const ERROR: u8 = 6;
const PART: u8 = 7;
const CLOSE: u8 = 8;
