//! What an operation is about, as its initial packet says.

use alloc::vec::Vec;

use mpenc_crypto::PublicKey;
use mpenc_packet::v2::InitialFields;
use mpenc_types::{MemberId, MemberSet};

use crate::{Metadata, Operation};

/// A recognised operation.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// `M` in the order of names: the index is the member's place.
    pub(crate) members: Vec<MemberId>,
    /// Identity keys of `M` by place, as the initial packet lists them.
    pub(crate) identities: Vec<PublicKey>,
    pub(crate) initiator: MemberId,
    /// Place of the initiator.
    pub(crate) by: usize,
    /// `M′`.
    pub(crate) prev_members: MemberSet,
    pub(crate) metadata: Metadata,
}

impl Plan {
    /// What the fields of an initial packet say; `None` if the initiator has no place.
    pub(crate) fn of(fields: &InitialFields) -> Option<Self> {
        let (mut members, mut identities) = (Vec::new(), Vec::new());
        for entry in &fields.entries {
            if let Some(key) = entry.key {
                members.push(entry.name.clone());
                identities.push(key);
            }
        }
        let by = usize::from(fields.place);
        let initiator = members.get(by)?.clone();
        let metadata = Metadata {
            prev_final: fields.prev_final,
            prev_chain: fields.prev_chain,
            heads: fields.heads.clone(),
        };
        let prev_members = fields.prev_members();
        Some(Self { members, identities, initiator, by, prev_members, metadata })
    }

    /// Number of members after the operation.
    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// Place of a member.
    pub(crate) fn place_of(&self, member: &MemberId) -> Option<usize> {
        self.members.binary_search(member).ok()
    }

    /// `M` as a set.
    pub(crate) fn next_members(&self) -> MemberSet {
        self.members.iter().collect()
    }

    /// Whether the initial packet is the whole operation.
    pub(crate) fn is_one_packet(&self) -> bool {
        //= docs/spec/v2.md#V2-032
        self.members.len() == 1
    }

    /// Whether nobody is included, so that all members have the secret of the subsession before.
    pub(crate) fn includes_nobody(&self) -> bool {
        self.members.iter().all(|member| self.prev_members.contains(member))
    }

    /// Everybody who should react to a packet of this operation (ORD-021).
    pub(crate) fn recipients(&self) -> MemberSet {
        self.prev_members.union(&self.next_members())
    }

    /// The operation as others may see it.
    pub(crate) fn operation(&self, waiting_for: MemberSet, bystander: bool) -> Operation {
        Operation {
            initiator: self.initiator.clone(),
            prev_members: self.prev_members.clone(),
            next_members: self.next_members(),
            waiting_for,
            metadata: self.metadata.clone(),
            bystander,
        }
    }
}
