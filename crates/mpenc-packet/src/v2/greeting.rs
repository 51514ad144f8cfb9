use mpenc_crypto::Unverified;
use mpenc_types::limits::MAX_MEMBERS;

use super::abort::AbortPacket;
use super::confirmation::ConfirmationPacket;
use super::contribution::ContributionPacket;
use super::error::{DecodeError, Misfit};
use super::header::PacketKind;
use super::initial::InitialPacket;
use super::reader::Reader;
use super::share::SharePacket;
use super::signed::SignedBytes;

/// A decoded packet of an operation. Nothing in it is known to be true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Greeting {
    /// Proposes the operation.
    Initial(Unverified<InitialPacket>),
    /// First round.
    Contribution(Unverified<ContributionPacket>),
    /// Second round.
    Share(Unverified<SharePacket>),
    /// Third round.
    Confirmation(Unverified<ConfirmationPacket>),
    /// Ends the operation without success.
    Abort(Unverified<AbortPacket>),
}

/// Decodes a packet of an operation.
///
/// What only the operation itself can tell is not judged: whether a place is inside its
/// membership, and whether keys and points are usable.
///
/// # Errors
///
/// The first thing found wrong; see [`DecodeError`]. [`DecodeError::OtherKind`] for messages and
/// publications.
pub fn decode_greeting(packet: &[u8]) -> Result<Greeting, DecodeError> {
    let (kind, signed, reader) = SignedBytes::read(packet)?;
    match kind {
        PacketKind::Initial => {
            InitialPacket::read(signed, reader).map(|p| Greeting::Initial(Unverified::new(p)))
        }
        PacketKind::Contribution => ContributionPacket::read(signed, reader)
            .map(|p| Greeting::Contribution(Unverified::new(p))),
        PacketKind::Share => {
            SharePacket::read(signed, reader).map(|p| Greeting::Share(Unverified::new(p)))
        }
        PacketKind::Confirmation => ConfirmationPacket::read(signed, reader)
            .map(|p| Greeting::Confirmation(Unverified::new(p))),
        PacketKind::Abort => {
            AbortPacket::read(signed, reader).map(|p| Greeting::Abort(Unverified::new(p)))
        }
        PacketKind::Message | PacketKind::Publication | PacketKind::Request => {
            Err(DecodeError::OtherKind(kind))
        }
    }
}

/// A place in a membership, which is below the size of the largest there can be.
pub(crate) fn read_place(reader: &mut Reader<'_>) -> Result<u16, DecodeError> {
    let place = reader.u16()?;
    check_place(place)?;
    Ok(place)
}

pub(crate) fn check_place(place: u16) -> Result<(), Misfit> {
    if usize::from(place) < MAX_MEMBERS { Ok(()) } else { Err(Misfit::Place) }
}
