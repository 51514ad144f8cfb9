//! What an operation is about: kind, members in order, metadata.

use alloc::vec::Vec;

use mpenc_types::{MemberId, MemberSet};

use crate::{Metadata, Operation};

/// Kind of an operation; it follows from the membership before and after (GRT-004).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `M′` = {initiator}.
    Establish,
    /// Somebody comes, nobody goes.
    Include,
    /// Somebody goes, nobody comes.
    Exclude,
    /// Nobody comes or goes.
    Refresh,
}

/// A recognised operation.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) kind: Kind,
    pub(crate) initiator: MemberId,
    /// Index of the initiator in `members`.
    pub(crate) initiator_at: usize,
    /// `M`, in the order of the lists.
    pub(crate) members: Vec<MemberId>,
    /// How many of them come first and take part already; newcomers follow.
    pub(crate) old: usize,
    /// `M′`, as far as the owner knows it.
    pub(crate) prev_members: MemberSet,
    pub(crate) metadata: Metadata,
}

impl Plan {
    /// Number of members after the operation.
    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// Index of a member.
    pub(crate) fn index_of(&self, member: &MemberId) -> Option<usize> {
        self.members.iter().position(|other| other == member)
    }

    /// Whether the initial packet is the whole operation (GRT-010).
    pub(crate) fn is_one_packet(&self) -> bool {
        match self.kind {
            Kind::Establish | Kind::Include => false,
            Kind::Exclude => self.len() == 1,
            Kind::Refresh => true,
        }
    }

    /// `M` as a set.
    pub(crate) fn next_members(&self) -> MemberSet {
        self.members.iter().collect()
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

/// The order of the member list after an operation by `owner`.
pub(crate) fn list_order(prev: &[MemberId], next: &MemberSet) -> Vec<MemberId> {
    //= docs/spec/protocol.md#GRT-006
    let mut order: Vec<MemberId> =
        prev.iter().filter(|member| next.contains(member)).cloned().collect();
    order.extend(next.iter().filter(|member| !prev.contains(member)).cloned());
    order
}

/// Whether `members` begins with `old` and goes on with newcomers, sorted, each once.
pub(crate) fn appends_sorted(members: &[MemberId], old: &[MemberId]) -> bool {
    members.strip_prefix(old).is_some_and(|newcomers| {
        newcomers.is_sorted_by(|a, b| a < b) && newcomers.iter().all(|name| !old.contains(name))
    })
}
