use alloc::vec::Vec;

use mpenc_crypto::{PublicKey, SignLabel, SigningKey};
use mpenc_types::limits::MAX_MEMBERS;
use mpenc_types::{ChainHash, MemberId, MemberSet, MessageId, PacketId, guard};

use super::content::{MAX_PARENTS, read_ids, sorted_ids};
use super::contribution::Contribution;
use super::error::{DecodeError, EncodeError, Misfit};
use super::header::PacketKind;
use super::reader::{Reader, Writer};
use super::signed::{SignedBytes, signed_packet};

/// A member that an operation concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: MemberId,
    /// Whether it is in `M′`, the membership before.
    pub was: bool,
    /// Its identity key `S_i` if it is in `M`, the membership afterwards; none if it is excluded.
    /// Bytes as they travel, not validated.
    pub key: Option<PublicKey>,
}

/// What an initial packet says (wire-v2.md section 4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitialFields {
    /// Hash of the session's label ([`session_label`](super::session_label)).
    pub label: [u8; 32],
    /// Tells the processes of the initiator apart (V2-008).
    pub instance: [u8; 16],
    /// Place of the initiator in `M`, counted by names in ascending order.
    pub place: u16,
    /// Everybody in `M′` or `M`, names ascending.
    pub entries: Vec<Entry>,
    /// The final packet that the operation follows.
    pub prev_final: PacketId,
    /// The chain hash up to that packet.
    pub prev_chain: ChainHash,
    /// The initiator's heads, ascending; 32 bytes each.
    pub heads: Vec<MessageId>,
    /// The initiator's contribution, if `M` has at least two members.
    pub contribution: Option<Contribution>,
}

impl InitialFields {
    /// Sorts entries and heads, encodes, and signs with the identity key.
    ///
    /// # Errors
    ///
    /// [`EncodeError::TooMany`], [`EncodeError::Duplicate`], [`EncodeError::Name`],
    /// [`EncodeError::Identifier`], and [`EncodeError::Misfit`] if the fields contradict each other.
    pub fn sign(mut self, key: &dyn SigningKey) -> Result<InitialPacket, EncodeError> {
        //= docs/spec/v2.md#V2-016
        self.entries.sort_by(|a, b| a.name.cmp(&b.name));
        self.heads = sorted_ids(self.heads)?;
        let mut out = Writer::packet(PacketKind::Initial);
        out.bytes(&self.label).bytes(&self.instance).u16(self.place);
        let count = u16::try_from(self.entries.len()).unwrap_or(u16::MAX);
        if usize::from(count) > MAX_MEMBERS {
            let found = self.entries.len();
            return Err(EncodeError::TooMany { found, limit: MAX_MEMBERS });
        }
        out.u16(count);
        for (i, entry) in self.entries.iter().enumerate() {
            if self.entries.get(..i).and_then(<[_]>::last).is_some_and(|e| e.name == entry.name) {
                return Err(EncodeError::Duplicate);
            }
            entry.write(&mut out)?;
        }
        self.judge()?;
        out.bytes(self.prev_final.as_bytes()).bytes(self.prev_chain.as_bytes());
        super::content::write_ids(&mut out, &self.heads)?;
        if let Some(contribution) = &self.contribution {
            contribution.write(&mut out);
        }
        let signed = SignedBytes::sign(out, key, SignLabel::INITIAL, &[]);
        Ok(InitialPacket { fields: self, signed })
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let label = reader.array()?;
        let instance = reader.array()?;
        let place = reader.u16()?;
        let entries =
            reader.list(MAX_MEMBERS, MIN_ENTRY_LEN, Entry::read, |entry: &Entry| &entry.name)?;
        let prev_final = PacketId::new(reader.array()?);
        let prev_chain = ChainHash::new(reader.array()?);
        let heads = read_ids(reader, MAX_PARENTS)?;
        let shared = entries.iter().filter(|entry| entry.key.is_some()).nth(1).is_some();
        let contribution = if shared { Some(Contribution::read(reader)?) } else { None };
        let fields =
            Self { label, instance, place, entries, prev_final, prev_chain, heads, contribution };
        fields.judge()?;
        Ok(fields)
    }

    /// Whether the fields agree with each other.
    fn judge(&self) -> Result<(), Misfit> {
        match self.entries.as_slice() {
            [] => return Err(Misfit::Nobody),
            [_] => return Err(Misfit::Nothing),
            _ => {}
        }
        let initiator = self.targets().nth(usize::from(self.place));
        if !initiator.is_some_and(|(entry, _)| entry.was) {
            return Err(Misfit::Place);
        }
        if (self.targets().count() > 1) != self.contribution.is_some() {
            return Err(Misfit::Contribution);
        }
        Ok(())
    }

    /// `M′`, the membership before.
    #[must_use]
    pub fn prev_members(&self) -> MemberSet {
        self.entries.iter().filter(|entry| entry.was).map(|entry| entry.name.clone()).collect()
    }

    /// `M`, the membership afterwards.
    #[must_use]
    pub fn next_members(&self) -> MemberSet {
        self.targets().map(|(entry, _)| entry.name.clone()).collect()
    }

    /// The members of `M` with their identity keys, by place.
    pub fn targets(&self) -> impl Iterator<Item = (&Entry, &PublicKey)> {
        self.entries.iter().filter_map(|entry| Some((entry, entry.key.as_ref()?)))
    }

    /// Who has this place in `M`. Takes time linear in the number of members.
    #[must_use]
    pub fn member_at(&self, place: u16) -> Option<&MemberId> {
        self.targets().nth(usize::from(place)).map(|(entry, _)| &entry.name)
    }

    /// The place of a member in `M`.
    #[must_use]
    pub fn place_of(&self, name: &MemberId) -> Option<u16> {
        let place = self.targets().position(|(entry, _)| &entry.name == name)?;
        u16::try_from(place).ok()
    }

    /// The identity key listed for a member of `M`.
    #[must_use]
    pub fn key_of(&self, name: &MemberId) -> Option<&PublicKey> {
        let at = self.entries.binary_search_by(|entry| entry.name.cmp(name)).ok()?;
        self.entries.get(at)?.key.as_ref()
    }
}

signed_packet! {
    /// An initial packet, unchangeable. Signed with the identity key in [`SignLabel::INITIAL`].
    ///
    /// Lists are in ascending order, and the fields agree with each other.
    InitialPacket, InitialFields
}

impl Entry {
    fn write(&self, out: &mut Writer) -> Result<(), EncodeError> {
        self.name.check().map_err(EncodeError::Name)?;
        let len = u8::try_from(self.name.as_bytes().len()).unwrap_or(u8::MAX);
        out.u8(len).bytes(self.name.as_bytes());
        match (self.was, &self.key) {
            (true, None) => out.u8(EXCLUDED),
            (false, Some(key)) => out.u8(INCLUDED).bytes(key.as_bytes()),
            (true, Some(key)) => out.u8(STAYS).bytes(key.as_bytes()),
            (false, None) => return Err(Misfit::Neither.into()),
        };
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let len = reader.u8()?;
        let name = MemberId::from_wire(reader.take(usize::from(len))?);
        //= docs/spec/attacks.md#ATK-011
        //= docs/spec/attacks.md#ATK-012
        if guard!("name-validate") {
            name.check().map_err(DecodeError::Name)?;
        }
        let flags = reader.u8()?;
        let (was, is) = match flags {
            EXCLUDED => (true, false),
            INCLUDED => (false, true),
            STAYS => (true, true),
            _ => return Err(DecodeError::Flags { found: flags }),
        };
        let key = if is { Some(PublicKey::new(reader.array()?)) } else { None };
        Ok(Self { name, was, key })
    }
}

const EXCLUDED: u8 = 1;
const INCLUDED: u8 = 2;
const STAYS: u8 = 3;

/// Length of a name, one byte of it, and flags.
const MIN_ENTRY_LEN: usize = 3;
