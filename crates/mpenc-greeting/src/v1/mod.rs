//! The greeting of the original.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use mpenc_crypto::{GroupDiffieHellman, PublicKey, SigningKey};
use mpenc_types::{MemberId, MemberSet};
use rand_core::CryptoRng;

use crate::{
    Greeter, GreetingReject, Inspection, Metadata, Operation, Progress, ProposeError, Staged,
    SubsessionKeys,
};

/// CLIQUES with authenticated signature key exchange, over the suite `S`.
pub struct CliquesGreeter<S: GroupDiffieHellman> {
    owner: MemberId,
    _identity: Arc<dyn SigningKey>,
    directory: BTreeMap<MemberId, PublicKey>,
    suite: PhantomData<S>,
}

impl<S: GroupDiffieHellman> CliquesGreeter<S> {
    /// A greeter without any state.
    #[must_use]
    pub fn new(owner: MemberId, identity: Arc<dyn SigningKey>) -> Self {
        Self { owner, _identity: identity, directory: BTreeMap::new(), suite: PhantomData }
    }
}

impl<S: GroupDiffieHellman> fmt::Debug for CliquesGreeter<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CliquesGreeter").field("owner", &self.owner).finish_non_exhaustive()
    }
}

impl<S: GroupDiffieHellman> Greeter for CliquesGreeter<S> {
    fn combines(&self) -> bool {
        false
    }

    fn hops(&self, n: usize) -> u32 {
        //= docs/spec/protocol.md#LIV-001
        u32::try_from(n).unwrap_or(u32::MAX).saturating_add(1)
    }

    fn set_identity(&mut self, member: &MemberId, key: Option<PublicKey>) {
        match key {
            Some(key) => self.directory.insert(member.clone(), key),
            None => self.directory.remove(member),
        };
    }

    fn propose(
        &mut self,
        _: &mut dyn CryptoRng,
        _: &MemberSet,
        _: Metadata,
    ) -> Result<Vec<u8>, ProposeError> {
        Err(ProposeError::Internal)
    }

    fn withdraw(&mut self) {}

    fn inspect(&self, _: &MemberId, _: &[u8]) -> Result<Inspection, GreetingReject> {
        Err(GreetingReject::Malformed)
    }

    fn start(
        &mut self,
        _: &mut dyn CryptoRng,
        _: &MemberId,
        _: &[u8],
    ) -> Result<Progress, GreetingReject> {
        Err(GreetingReject::Malformed)
    }

    fn handle(
        &mut self,
        _: &mut dyn CryptoRng,
        _: &MemberId,
        _: &[u8],
    ) -> Result<Progress, GreetingReject> {
        Err(GreetingReject::Malformed)
    }

    fn running(&self) -> Option<Operation> {
        None
    }

    fn fail(&mut self) {}

    fn merge(&mut self, _: Staged) -> Option<SubsessionKeys> {
        None
    }

    fn members(&self) -> MemberSet {
        MemberSet::of(&self.owner)
    }

    fn reset(&mut self) {}
}
