//! How a completed operation becomes the state that the next one starts from.

use alloc::sync::Arc;
use alloc::vec::Vec;

use mpenc_crypto::{BroadcastSuite, PublicKey, SecretBytes};
use mpenc_types::{MemberId, MemberSet, SubsessionId};

use super::plan::Plan;
use super::ring::{Keys, Transcript};
use super::state::Own;
use crate::{Staged, SubsessionKeys};

/// State of the last completed operation.
pub(crate) struct Committed<S: BroadcastSuite> {
    /// In the order of names.
    pub(crate) members: Vec<MemberId>,
    /// Their identity keys, which count until their members are excluded (V2-030).
    pub(super) identities: Vec<S::VerifyingKey>,
    /// Goes into the next operation, if that includes nobody. Wiped on drop.
    pub(crate) exporter: SecretBytes<32>,
}

/// A completed operation.
pub(crate) struct Completed<S: BroadcastSuite> {
    pub(crate) plan: Plan,
    pub(crate) identities: Vec<S::VerifyingKey>,
    pub(crate) sid: SubsessionId,
    /// None if the owner has remained alone.
    pub(crate) result: Option<Agreement<S>>,
}

/// What the members have agreed on.
pub(crate) struct Agreement<S: BroadcastSuite> {
    pub(crate) transcript: Transcript,
    /// Ephemeral keys by place.
    pub(crate) authors: Vec<PublicKey>,
    /// Packets in which they are signed, by place.
    pub(crate) statements: Vec<Vec<u8>>,
    pub(crate) own: Own<S>,
}

impl<S: BroadcastSuite> Committed<S> {
    /// A member's identity key when the operation completed.
    pub(crate) fn identity(&self, member: &MemberId) -> Option<&S::VerifyingKey> {
        let place = self.members.binary_search(member).ok()?;
        self.identities.get(place)
    }
}

impl<S: BroadcastSuite> Completed<S> {
    /// Whether `staged` was handed out for this operation.
    pub(crate) fn is(&self, staged: &Staged) -> bool {
        self.sid == staged.sid && self.plan.operation(MemberSet::new(), false) == staged.operation
    }

    /// The new state and the keys of its subsession; nothing if nobody else is left.
    pub(crate) fn commit(self) -> Option<(Committed<S>, SubsessionKeys)> {
        let Self { plan, identities, sid, result } = self;
        //= docs/spec/v2.md#V2-032
        let Agreement { transcript, authors, statements, own: Own { keys, signer } } = result?;
        let Keys { exporter, root, .. } = keys;
        let fingerprint = transcript.fingerprint::<S>(&plan.members, &plan.identities);
        let keys = SubsessionKeys {
            sid,
            secret: root,
            signer: Arc::<S::SigningKey>::clone(&signer),
            authors: plan.members.iter().cloned().zip(authors).collect(),
            fingerprint: Some(fingerprint),
            statements,
        };
        Some((Committed { members: plan.members, identities, exporter }, keys))
    }
}
