use alloc::vec::Vec;

use mpenc_crypto::{SignLabel, Signature, SigningKey};

use super::error::DecodeError;
use super::header::{HEADER_LEN, PacketKind, open};
use super::reader::{Reader, Writer};
use crate::v1::purpose;

/// Signature of a packet, and what it covers: header and content, which the packet has on both
/// sides of the signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SignedBytes {
    signature: Signature,
    bytes: Vec<u8>,
}

impl SignedBytes {
    /// Signs what was written under a label, which `context` follows.
    pub(crate) fn sign(
        written: Writer,
        key: &dyn SigningKey,
        label: SignLabel,
        context: &[u8],
    ) -> Self {
        //= docs/spec/v2.md#V2-009
        let bytes = written.into_bytes();
        let signature = key.sign(&[purpose(label.as_bytes()), context, &bytes]);
        Self { signature, bytes }
    }

    /// Takes a packet apart. What comes back reads the content.
    pub(crate) fn read(packet: &[u8]) -> Result<(PacketKind, Self, Reader<'_>), DecodeError> {
        let (kind, mut reader) = open(packet)?;
        if !kind.is_greeting() {
            return Err(DecodeError::OtherKind(kind));
        }
        let signature = Signature::new(reader.array()?);
        let content = reader.rest();
        let mut bytes = Vec::with_capacity(HEADER_LEN.saturating_add(content.len()));
        bytes.extend_from_slice(packet.get(..HEADER_LEN).unwrap_or_default());
        bytes.extend_from_slice(content);
        Ok((kind, Self { signature, bytes }, Reader::new(content)))
    }

    pub(crate) const fn signature(&self) -> &Signature {
        &self.signature
    }

    pub(crate) fn covered(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn to_wire(&self) -> Vec<u8> {
        let (header, content) = self.bytes.split_at_checked(HEADER_LEN).unwrap_or_default();
        [header, self.signature.as_bytes(), content].concat()
    }
}

/// A packet of fields that are signed.
macro_rules! signed_packet {
    ($(#[$doc:meta])* $packet:ident, $fields:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $packet {
            fields: $fields,
            signed: $crate::v2::signed::SignedBytes,
        }

        impl $packet {
            /// What it says.
            #[must_use]
            pub const fn fields(&self) -> &$fields {
                &self.fields
            }

            /// The packet as the channel carries it.
            #[must_use]
            pub fn to_wire(&self) -> alloc::vec::Vec<u8> {
                self.signed.to_wire()
            }

            pub(crate) fn read(
                signed: $crate::v2::signed::SignedBytes,
                mut reader: $crate::v2::reader::Reader<'_>,
            ) -> Result<Self, $crate::v2::DecodeError> {
                let fields = $fields::read(&mut reader)?;
                reader.finish()?;
                Ok(Self { fields, signed })
            }
        }

        impl mpenc_crypto::Signed for $packet {
            fn signature(&self) -> &mpenc_crypto::Signature {
                self.signed.signature()
            }

            fn signed_bytes(&self) -> &[u8] {
                self.signed.covered()
            }
        }
    };
}

pub(crate) use signed_packet;
