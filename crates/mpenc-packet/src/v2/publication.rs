use alloc::vec::Vec;
use core::fmt;

use mpenc_types::SubsessionId;

use super::error::DecodeError;
use super::greeting::read_place;
use super::header::{PacketKind, open};
use super::reader::Writer;

/// Publishes the key under which a member signed its messages, so that from then on anybody could
/// have written them (wire-v2.md section 6, V2-029).
///
/// Not signed: whoever knows `E_u` can tell whether the seed is its own.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicationPacket {
    /// The subsession.
    pub sid: SubsessionId,
    /// Place of the member in it, below 512.
    pub place: u16,
    /// The seed of `e_u`. Secret until this packet is sent.
    pub seed: [u8; 32],
}

impl PublicationPacket {
    /// The packet as the channel carries it.
    #[must_use]
    pub fn to_wire(&self) -> Vec<u8> {
        let mut out = Writer::packet(PacketKind::Publication);
        out.bytes(self.sid.as_bytes()).u16(self.place).bytes(&self.seed);
        out.into_bytes()
    }

    /// Decodes what the channel carried.
    ///
    /// # Errors
    ///
    /// See [`DecodeError`].
    pub fn decode(packet: &[u8]) -> Result<Self, DecodeError> {
        let (kind, mut reader) = open(packet)?;
        if kind != PacketKind::Publication {
            return Err(DecodeError::OtherKind(kind));
        }
        let sid = SubsessionId::new(reader.array()?);
        let place = read_place(&mut reader)?;
        let seed = reader.array()?;
        reader.finish()?;
        Ok(Self { sid, place, seed })
    }
}

/// Does not show the seed.
impl fmt::Debug for PublicationPacket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicationPacket")
            .field("sid", &self.sid)
            .field("place", &self.place)
            .field("seed", &format_args!("[redacted]"))
            .finish()
    }
}
