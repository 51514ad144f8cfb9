//! Asking for messages again (wire-v2.md section 5.6).

use alloc::vec::Vec;
use core::fmt;

use mpenc_types::{MessageId, guard};

use super::content::ContentError;
use super::data::AUTHENTICATOR_LEN;
use super::error::DecodeError;
use super::header::{HEADER_LEN, PacketKind, open};
use super::plaintext::{MIN_PLAINTEXT_LEN, padded_len};
use super::reader::{FieldError, Reader, Writer};

/// Messages that one request can name.
pub const MAX_WANTED: usize = 32;

/// Messages that one request can say are there and wait for others.
pub const MAX_HELD: usize = 128;

/// Counts in a request: one for each member of a subsession, of which there are at most so many.
pub const MAX_COUNTS: usize = 512;

/// Bytes of the associated data: header and nonce.
pub const REQUEST_AAD_LEN: usize = HEADER_LEN + 12;

/// Bytes of [`RequestPacket::mark`].
pub const REQUEST_MARK_LEN: usize = 12 + AUTHENTICATOR_LEN;

/// Bytes of the longest plaintext.
const MAX_REQUEST_LEN: usize =
    padded_len(4 + 1 + 2 + 8 * MAX_COUNTS + 2 + 10 * MAX_HELD + 2 + 32 * MAX_WANTED);

/// What a member has, and what it wants to be sent again (V2-035).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// How often it has asked for one of these before, at most 255.
    pub attempt: u8,
    /// How many messages of each member it has accepted, in the order of their names.
    pub accepted: Vec<u64>,
    /// Messages that are here and wait for others: place of the author, below the number of
    /// members, and position; ascending.
    pub held: Vec<(u16, u64)>,
    /// What it wants, ascending; none for whatever others have.
    pub wanted: Vec<MessageId>,
}

impl Request {
    /// The padded bytes, with room for an authenticator of 16 bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut content = Writer::new();
        let count = |len: usize| u16::try_from(len).unwrap_or(u16::MAX);
        content.bytes(&[self.attempt]).u16(count(self.accepted.len()));
        for accepted in &self.accepted {
            content.bytes(&accepted.to_be_bytes());
        }
        content.u16(count(self.held.len()));
        for (place, position) in &self.held {
            content.u16(*place).bytes(&position.to_be_bytes());
        }
        content.u16(count(self.wanted.len()));
        for id in &self.wanted {
            content.bytes(id.as_bytes());
        }
        let content = content.into_bytes();
        //= docs/spec/v2.md#V2-035
        let len = padded_len(content.len().saturating_add(4));
        let mut out = Writer::with_capacity(len.saturating_add(AUTHENTICATOR_LEN));
        out.u32(u32::try_from(content.len()).unwrap_or(u32::MAX)).bytes(&content);
        let mut bytes = out.into_bytes();
        bytes.resize(len, 0);
        bytes
    }

    /// Reads what [`encode`](Self::encode) wrote, and nothing else.
    ///
    /// # Errors
    ///
    /// [`ContentError::Field`], [`ContentError::Padding`], [`ContentError::Place`].
    pub fn decode(bytes: &[u8]) -> Result<Self, ContentError> {
        let mut outer = Reader::new(bytes);
        let len = usize::try_from(outer.u32()?).unwrap_or(usize::MAX);
        if len > MAX_REQUEST_LEN {
            return Err(FieldError::TooMany { found: len, limit: MAX_REQUEST_LEN }.into());
        }
        let mut reader = Reader::new(outer.take(len)?);
        let zeros = outer.rest().iter().all(|&byte| byte == 0);
        if guard!("padding") && !(zeros && bytes.len() == padded_len(len.saturating_add(4))) {
            return Err(ContentError::Padding);
        }
        let attempt = reader.u8()?;
        let counts = usize::from(reader.u16()?);
        if counts > MAX_COUNTS {
            return Err(FieldError::TooMany { found: counts, limit: MAX_COUNTS }.into());
        }
        let mut accepted = Vec::new();
        for _ in 0..counts {
            accepted.push(u64::from_be_bytes(reader.array()?));
        }
        let held = reader.list(
            MAX_HELD,
            10,
            |reader| Ok::<_, FieldError>((reader.u16()?, u64::from_be_bytes(reader.array()?))),
            |place| place,
        )?;
        // They ascend, so the last place is the largest.
        if held.last().is_some_and(|(place, _)| usize::from(*place) >= counts) {
            return Err(ContentError::Place);
        }
        let wanted = reader.list(
            MAX_WANTED,
            32,
            |reader| Ok::<_, FieldError>(MessageId::from(reader.array::<32>()?)),
            |id| id,
        )?;
        reader.finish()?;
        Ok(Self { attempt, accepted, held, wanted })
    }
}

/// A request as outsiders see it: not one of them can read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestPacket {
    /// Nonce of the encryption.
    pub nonce: [u8; 12],
    /// The encrypted [`Request`] and its authenticator.
    pub ciphertext: Vec<u8>,
}

impl RequestPacket {
    /// The packet as the channel carries it.
    #[must_use]
    pub fn to_wire(&self) -> Vec<u8> {
        let mut out = Writer::packet(PacketKind::Request);
        out.bytes(&self.nonce).bytes(&self.ciphertext);
        out.into_bytes()
    }

    /// What tells a copy of it from other requests: nonce and authenticator. Another packet with the
    /// same opens nowhere.
    #[must_use]
    pub fn mark(&self) -> [u8; REQUEST_MARK_LEN] {
        let mut mark = [0; REQUEST_MARK_LEN];
        let tail = self.ciphertext.len().saturating_sub(AUTHENTICATOR_LEN);
        let from = self.nonce.iter().chain(self.ciphertext.iter().skip(tail));
        mark.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        mark
    }

    /// What the encryption authenticates besides the plaintext: header and nonce.
    #[must_use]
    pub fn aad(&self) -> [u8; REQUEST_AAD_LEN] {
        let mut aad = [0; REQUEST_AAD_LEN];
        let header = PacketKind::Request.header();
        let from = header.iter().chain(&self.nonce);
        aad.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        aad
    }

    /// Decodes what the channel carried.
    ///
    /// # Errors
    ///
    /// See [`DecodeError`]. [`DecodeError::Length`] for a ciphertext that can hold no padded
    /// request.
    pub fn decode(packet: &[u8]) -> Result<Self, DecodeError> {
        let (kind, mut reader) = open(packet)?;
        if kind != PacketKind::Request {
            return Err(DecodeError::OtherKind(kind));
        }
        let nonce = reader.array()?;
        let found = reader.left();
        let plain = found.saturating_sub(AUTHENTICATOR_LEN);
        let limits = MIN_PLAINTEXT_LEN..=MAX_REQUEST_LEN;
        if guard!("padding") && !(limits.contains(&plain) && padded_len(plain) == plain) {
            return Err(DecodeError::Length { found });
        }
        Ok(Self { nonce, ciphertext: reader.rest().to_vec() })
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "asks for {} messages, attempt {}", self.wanted.len(), self.attempt)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn request() -> Request {
        Request {
            attempt: 3,
            accepted: vec![1, 0, u64::MAX],
            held: vec![(0, 7), (2, 1), (2, 5)],
            wanted: vec![[1; 32].into(), [2; 32].into()],
        }
    }

    //= docs/spec/v2.md#V2-035
    //= type=test
    #[test]
    fn what_is_written_is_read_again_and_nothing_else() {
        let bytes = request().encode();
        assert_eq!(bytes.len(), 256);
        assert_eq!(Request::decode(&bytes).unwrap(), request());
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 1;
            assert!(Request::decode(&other).is_err() || Request::decode(&other) != Ok(request()));
        }
        for len in 0..bytes.len() {
            assert!(Request::decode(&bytes[..len]).is_err(), "{len}");
        }
    }

    #[test]
    fn lists_ascend_and_are_bounded() {
        for change in [
            |request: &mut Request| request.wanted.swap(0, 1),
            |request: &mut Request| request.held.swap(0, 1),
            |request: &mut Request| request.wanted = (0..33).map(|n| [n; 32].into()).collect(),
            |request: &mut Request| request.held = (0..129).map(|n| (0, n)).collect(),
            |request: &mut Request| request.held.push((3, 0)),
            |request: &mut Request| request.accepted.clear(),
            |request: &mut Request| request.accepted = vec![0; 513],
        ] {
            let mut bad = request();
            change(&mut bad);
            assert!(Request::decode(&bad.encode()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_packet_has_the_length_of_a_padded_request() {
        let packet = RequestPacket { nonce: [7; 12], ciphertext: vec![0; 128 + 16] };
        let wire = packet.to_wire();
        assert_eq!(RequestPacket::decode(&wire), Ok(packet.clone()));
        let mut other = packet.clone();
        other.ciphertext[0] = 1;
        assert_eq!(other.mark(), packet.mark(), "it opens nowhere");
        *other.ciphertext.last_mut().unwrap() = 1;
        assert_ne!(other.mark(), packet.mark());
        let short = wire.split_last().unwrap().1;
        assert!(matches!(RequestPacket::decode(short), Err(DecodeError::Length { .. })));
    }
}
