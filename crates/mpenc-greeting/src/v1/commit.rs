//! How a completed operation becomes the state that the next one starts from.

use alloc::sync::Arc;
use alloc::vec::Vec;

use mpenc_crypto::{GroupDiffieHellman, SecretBytes};

use super::running::Completed;
use super::ske::{Nonce, Recent};
use super::state::{Agreed, Committed, Share};
use crate::{Staged, SubsessionKeys};
use mpenc_types::{MemberSet, SubsessionId};

impl<S: GroupDiffieHellman> Completed<S> {
    /// Whether `staged` was handed out for this operation.
    pub(super) fn is(&self, staged: &Staged) -> bool {
        self.agreed.sid == staged.sid
            && self.plan.operation(MemberSet::new(), false) == staged.operation
    }

    /// The new state and its group key; nothing if nobody else is left.
    ///
    /// The former share and what was made from it are wiped here, unless the owner kept them.
    pub(super) fn commit(
        self,
        former: Option<Committed<S>>,
        used_ids: &mut Recent<SubsessionId>,
        used_keys: &mut Recent<[u8; 32]>,
    ) -> Option<(Committed<S>, SecretBytes<32>)> {
        let Self { plan, own, identities, agreed } = self;
        let Agreed { sid, lists, verifying, int_keys, signer, share, group_key } = agreed;
        let nonce_of =
            |state: &Committed<S>| -> Option<Nonce> { state.lists.nonces.get(state.own).copied() };
        let former_nonce = former.as_ref().and_then(nonce_of);
        if plan.len() < 2 || former_nonce.as_ref() != lists.nonces.get(own) {
            used_ids.clear();
        }
        if plan.len() < 2 {
            used_keys.clear();
            return None;
        }
        used_ids.insert(sid);
        let pinned = former.as_ref().map(|former| former.identities.clone());
        let identities = identities.or(pinned)?;
        //= docs/spec/protocol.md#GKA-026
        let all = match share {
            Share::Renewed(all) => {
                used_keys.clear();
                all
            }
            Share::Kept => former?.all,
        };
        if let Some(key) = int_keys.get(own) {
            used_keys.insert(S::export(key));
        }
        let members = plan.members;
        let committed =
            Committed { members, own, sid, lists, verifying, identities, int_keys, signer, all };
        Some((committed, group_key))
    }
}

impl<S: GroupDiffieHellman> Committed<S> {
    /// What message security needs.
    pub(super) fn subsession_keys(&self, group_key: SecretBytes<32>) -> SubsessionKeys {
        let authors = self.members.iter().cloned().zip(self.lists.keys.iter().copied()).collect();
        SubsessionKeys {
            sid: self.sid,
            secret: group_key,
            signer: Arc::<S::SigningKey>::clone(&self.signer),
            authors,
            fingerprint: None,
            statements: Vec::new(),
        }
    }
}
