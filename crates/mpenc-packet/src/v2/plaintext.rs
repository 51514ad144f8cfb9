//! What a message is before encryption: signature, content and padding (wire-v2.md section 5.2).

use alloc::vec::Vec;
use core::fmt;

use mpenc_crypto::Signature;
use mpenc_types::guard;

use super::content::{ContentError, MAX_CONTENT_LEN};
use super::reader::{FieldError, Reader, Writer};

/// Bytes of the shortest plaintext.
pub const MIN_PLAINTEXT_LEN: usize = 128;

/// Bytes of the longest plaintext.
pub const MAX_PLAINTEXT_LEN: usize = padded_len(OVERHEAD + MAX_CONTENT_LEN);

/// The content of a message with its author's signature.
#[derive(Clone, PartialEq, Eq)]
pub struct Plaintext {
    /// By the author's ephemeral key.
    pub signature: Signature,
    /// An encoded [`Content`](super::Content); at most [`MAX_CONTENT_LEN`] bytes.
    pub content: Vec<u8>,
}

impl Plaintext {
    /// The padded bytes, in memory of their own with room for an authenticator of 16 bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        //= docs/spec/v2.md#V2-027
        //= docs/spec/attacks.md#ATK-155
        let needed = OVERHEAD.saturating_add(self.content.len());
        let len = if guard!("padding") { padded_len(needed) } else { needed };
        let mut out = Writer::with_capacity(len.saturating_add(16));
        out.bytes(self.signature.as_bytes());
        out.u32(u32::try_from(self.content.len()).unwrap_or(u32::MAX)).bytes(&self.content);
        let mut bytes = out.into_bytes();
        bytes.resize(len, 0);
        bytes
    }

    /// Reads what [`encode`](Self::encode) wrote, and nothing else: the length must be the one
    /// that follows from the content's, and the rest zeros.
    ///
    /// # Errors
    ///
    /// [`ContentError::Field`], [`ContentError::Padding`].
    pub fn decode(bytes: &[u8]) -> Result<Self, ContentError> {
        let mut reader = Reader::new(bytes);
        let signature = Signature::new(reader.array()?);
        let len = usize::try_from(reader.u32()?).unwrap_or(usize::MAX);
        if len > MAX_CONTENT_LEN {
            return Err(FieldError::TooMany { found: len, limit: MAX_CONTENT_LEN }.into());
        }
        let content = reader.take(len)?.to_vec();
        //= docs/spec/v2.md#V2-027
        let zeros = reader.rest().iter().all(|&byte| byte == 0);
        let length = bytes.len() == padded_len(OVERHEAD.saturating_add(len));
        if guard!("padding") && !(zeros && length) {
            return Err(ContentError::Padding);
        }
        Ok(Self { signature, content })
    }
}

/// Shows the size of the content, never the content.
impl fmt::Debug for Plaintext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plaintext")
            .field("signature", &self.signature)
            .field("content", &format_args!("{} bytes", self.content.len()))
            .finish()
    }
}

/// The length to which `len` bytes are padded: up to 4,096 the next power of two that is at least
/// 128; above, Padmé (Nikitin et al. 2019), which leaves of a length only its leading bits and
/// adds less than a sixteenth.
#[must_use]
pub const fn padded_len(len: usize) -> usize {
    if len <= MIN_PLAINTEXT_LEN {
        return MIN_PLAINTEXT_LEN;
    }
    if len <= 4096 {
        return len.next_power_of_two();
    }
    let e = len.ilog2();
    let s = e.ilog2().saturating_add(1);
    // Of lengths near the end of the address space nothing exists.
    let step = 1_usize << e.saturating_sub(s);
    match len.checked_next_multiple_of(step) {
        Some(padded) => padded,
        None => len,
    }
}

/// Signature and length of the content.
const OVERHEAD: usize = 64 + 4;
