use alloc::vec::Vec;

use mpenc_crypto::{PublicKey, Signature, Signed, SigningKey};
use mpenc_types::limits::MAX_MEMBERS;
use mpenc_types::{ChainHash, MemberId, MessageId, PacketId};

use super::decode::{DecodeError, Header, PacketKind, list};
use super::encode::{EncodeError, assemble, purpose, signed_part};
use super::{GREETING_CONTEXT, GreetType, MESSAGE_ID_LEN, record};
use crate::armor;
use crate::tlv::{Reader, TlvError, Writer, array};

/// What a greeting packet says (wire-v1.md section 5).
///
/// Which fields a packet has follows from its type; the numbers of entries are for the greeting
/// to judge, up to the limit of a session's size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GreetingFields {
    /// What the packet is for.
    pub greet_type: GreetType,
    /// Who says so.
    pub source: MemberId,
    /// Who must answer, in an upflow; none in a downflow.
    pub dest: Option<MemberId>,
    /// The membership after the operation, in the order of its lists.
    pub members: Vec<MemberId>,
    /// Intermediate keys; none stands for the base point and is possible only for the first key
    /// of [`GreetType::StartInitial`].
    pub int_keys: Vec<Option<[u8; 32]>>,
    /// Nonces of the members that contributed so far.
    pub nonces: Vec<[u8; 32]>,
    /// Their ephemeral public keys.
    pub pub_keys: Vec<PublicKey>,
    /// Where the operation belongs, in its first packet.
    pub metadata: Option<GreetingMetadata>,
    /// By the identity key of the source.
    pub session_signature: Option<Signature>,
}

/// Where an operation belongs (GRT-009).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GreetingMetadata {
    /// The final packet that it follows.
    pub prev_final: PacketId,
    /// The chain hash up to that packet.
    pub prev_chain: ChainHash,
    /// The initiator's heads, strictly ascending.
    pub heads: Vec<MessageId>,
}

impl GreetingFields {
    /// Encodes and signs.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Misfit`] if fields do not belong to the type of greeting,
    /// [`EncodeError::TooMany`], [`EncodeError::ValueTooLong`], [`EncodeError::PacketTooLong`].
    pub fn sign(self, key: &dyn SigningKey) -> Result<GreetingPacket, EncodeError> {
        //= docs/spec/protocol.md#SKE-006
        let signed = self.encode()?;
        let signature = key.sign(&[purpose(GREETING_CONTEXT), &signed]);
        let (bytes, signed_from) = assemble(None, Some(&signature), &signed)?;
        Ok(GreetingPacket { fields: self, signature, bytes, signed_from })
    }

    /// The signed part of the packet.
    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        self.check()?;
        let mut out = signed_part(PacketKind::Greeting)?;
        out.push(record::GREET_TYPE, &self.greet_type.to_u16().to_be_bytes())?;
        out.push(record::SOURCE, self.source.as_bytes())?;
        out.push(record::DEST, self.dest.as_ref().map(MemberId::as_bytes).unwrap_or_default())?;
        push_all(&mut out, record::MEMBER, self.members.iter().map(MemberId::as_bytes))?;
        push_all(
            &mut out,
            record::INT_KEY,
            self.int_keys.iter().map(|key| key.as_ref().map_or(&[][..], |key| key)),
        )?;
        push_all(&mut out, record::NONCE, self.nonces.iter().map(|nonce| &nonce[..]))?;
        push_all(&mut out, record::PUB_KEY, self.pub_keys.iter().map(|key| &key.as_bytes()[..]))?;
        if let Some(metadata) = &self.metadata {
            out.push(record::PREV_PF, metadata.prev_final.as_bytes())?;
            out.push(record::CHAIN_HASH, metadata.prev_chain.as_bytes())?;
            push_all(&mut out, record::LATEST_PM, metadata.heads.iter().map(MessageId::as_bytes))?;
        }
        if let Some(signature) = &self.session_signature {
            out.push(record::SESSION_SIGNATURE, signature.as_bytes())?;
        }
        Ok(out.into_bytes())
    }

    /// Whether decoding would accept what these fields encode to.
    fn check(&self) -> Result<(), EncodeError> {
        let t = self.greet_type;
        let heads = self.metadata.as_ref().map_or(&[][..], |metadata| &metadata.heads);
        for (kind, found, limit) in [
            (record::MEMBER, self.members.len(), MAX_MEMBERS),
            (record::INT_KEY, self.int_keys.len(), MAX_INT_KEYS),
            (record::NONCE, self.nonces.len(), MAX_MEMBERS),
            (record::PUB_KEY, self.pub_keys.len(), MAX_MEMBERS),
            (record::LATEST_PM, heads.len(), MAX_MEMBERS),
        ] {
            if found > limit {
                return Err(EncodeError::TooMany { kind, found });
            }
        }
        let has_dest = self.dest.as_ref().is_some_and(|dest| !dest.as_bytes().is_empty());
        for (kind, right) in [
            (record::DEST, has_dest == t.is_upflow() && self.dest.is_some() == t.is_upflow()),
            (record::MEMBER, self.members.is_empty() != t.has_members()),
            (record::INT_KEY, self.int_keys.is_empty() != t.has_int_keys()),
            (
                record::INT_KEY,
                self.int_keys.iter().enumerate().all(|(i, k)| k.is_some() || may_be_base(t, i)),
            ),
            (record::NONCE, self.nonces.is_empty() != t.has_ske()),
            (record::PUB_KEY, self.pub_keys.is_empty() != t.has_ske()),
            (record::PREV_PF, self.metadata.is_some() == t.has_metadata()),
            (record::LATEST_PM, heads.is_sorted_by(|a, b| a < b)),
            (record::LATEST_PM, heads.iter().all(|id| id.as_bytes().len() == MESSAGE_ID_LEN)),
            (
                record::SESSION_SIGNATURE,
                self.session_signature.is_some() == t.has_session_signature(),
            ),
        ] {
            if !right {
                return Err(EncodeError::Misfit { kind });
            }
        }
        Ok(())
    }
}

/// A greeting packet, unchangeable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GreetingPacket {
    fields: GreetingFields,
    signature: Signature,
    bytes: Vec<u8>,
    signed_from: usize,
}

impl GreetingPacket {
    /// What it says.
    #[must_use]
    pub const fn fields(&self) -> &GreetingFields {
        &self.fields
    }

    /// The packet as the channel carries it.
    #[must_use]
    pub fn to_wire(&self) -> Vec<u8> {
        armor::encode(&self.bytes)
    }

    pub(crate) fn read(header: Header, mut reader: Reader<'_>) -> Result<Parts, DecodeError> {
        let signature = header.signature()?;
        let r = &mut reader;
        let number = u16::from_be_bytes(r.take_array(record::GREET_TYPE)?);
        let t =
            GreetType::from_u16(number).ok_or(DecodeError::UnknownGreetType { found: number })?;
        let source = MemberId::from_wire(r.take(record::SOURCE)?);
        let dest = match (r.take(record::DEST)?, t.is_upflow()) {
            (&[], false) => None,
            (&[], true) | (_, false) => return Err(DecodeError::Destination),
            (dest, true) => Some(MemberId::from_wire(dest)),
        };
        let members = demanded(r, t.has_members(), record::MEMBER, MAX_MEMBERS, |value, _| {
            Ok(MemberId::from_wire(value))
        })?;
        let int_keys = demanded(r, t.has_int_keys(), record::INT_KEY, MAX_INT_KEYS, |value, i| {
            if value.is_empty() && may_be_base(t, i) {
                return Ok(None);
            }
            Ok(Some(array(record::INT_KEY, value)?))
        })?;
        let nonces = demanded(r, t.has_ske(), record::NONCE, MAX_MEMBERS, |value, _| {
            Ok(array(record::NONCE, value)?)
        })?;
        let pub_keys = demanded(r, t.has_ske(), record::PUB_KEY, MAX_MEMBERS, |value, _| {
            Ok(PublicKey::new(array(record::PUB_KEY, value)?))
        })?;
        let metadata = if t.has_metadata() { Some(GreetingMetadata::read(r)?) } else { None };
        let session_signature = if t.has_session_signature() {
            Some(Signature::new(r.take_array(record::SESSION_SIGNATURE)?))
        } else {
            None
        };
        reader.finish()?;
        let fields = GreetingFields {
            greet_type: t,
            source,
            dest,
            members,
            int_keys,
            nonces,
            pub_keys,
            metadata,
            session_signature,
        };
        Ok(Parts { fields, signature, signed_from: header.signed_from })
    }
}

impl Signed for GreetingPacket {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn signed_bytes(&self) -> &[u8] {
        self.bytes.get(self.signed_from..).unwrap_or_default()
    }
}

impl GreetingMetadata {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let prev_final = PacketId::new(reader.take_array(record::PREV_PF)?);
        let prev_chain = ChainHash::new(reader.take_array(record::CHAIN_HASH)?);
        let heads = list(reader, record::LATEST_PM, MAX_MEMBERS, |value, _| {
            Ok(MessageId::from(array::<MESSAGE_ID_LEN>(record::LATEST_PM, value)?))
        })?;
        if !heads.is_sorted_by(|a, b| a < b) {
            return Err(DecodeError::Unsorted);
        }
        Ok(Self { prev_final, prev_chain, heads })
    }
}

/// A decoded packet without its bytes.
pub(crate) struct Parts {
    fields: GreetingFields,
    signature: Signature,
    signed_from: usize,
}

impl Parts {
    pub(crate) fn into_packet(self, bytes: Vec<u8>) -> GreetingPacket {
        let Self { fields, signature, signed_from } = self;
        GreetingPacket { fields, signature, bytes, signed_from }
    }
}

/// A list that the type of greeting demands, with at least one entry; or nothing.
fn demanded<'a, T>(
    reader: &mut Reader<'a>,
    present: bool,
    kind: u16,
    limit: usize,
    entry: impl FnMut(&'a [u8], usize) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    if !present {
        return Ok(Vec::new());
    }
    let entries = list(reader, kind, limit, entry)?;
    if entries.is_empty() {
        let found = reader.peek()?.map(|next| next.kind);
        return Err(TlvError::Unexpected { expected: kind, found }.into());
    }
    Ok(entries)
}

fn push_all<'a>(
    out: &mut Writer,
    kind: u16,
    values: impl Iterator<Item = &'a [u8]>,
) -> Result<(), EncodeError> {
    for value in values {
        out.push(kind, value)?;
    }
    Ok(())
}

/// Where the short form of the base point may stand: only the starter has nothing to send for
/// itself yet.
const fn may_be_base(greet_type: GreetType, index: usize) -> bool {
    matches!(greet_type, GreetType::StartInitial) && index == 0
}

/// One for each member and, in an upflow, the cardinal key.
const MAX_INT_KEYS: usize = MAX_MEMBERS + 1;
