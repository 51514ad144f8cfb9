//! The greeting of the original.

mod begin;
mod checks;
pub(crate) mod cliques;
mod commit;
mod fresh;
mod initial;
mod packets;
mod plan;
mod propose;
mod running;
pub(crate) mod ske;
mod state;
#[cfg(test)]
mod testing;
mod verified;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::fmt;

use mpenc_crypto::{GroupDiffieHellman, PublicKey, SigningKey, VerifyingKey};
use mpenc_types::{MemberId, MemberSet, SubsessionId, guard};
use rand_core::CryptoRng;

use self::checks::Middle;
use self::initial::{JudgedInitial, Part};
use self::packets::Role;
use self::propose::Proposal;
use self::running::{Move, Participant, Running};
use self::ske::Recent;
use self::state::Committed;
use crate::{
    Greeter, GreetingReject, Initial, Inspection, Metadata, Operation, Outcome, Progress,
    ProposeError, Staged, SubsessionKeys,
};

/// CLIQUES with authenticated signature key exchange, over the suite `S`.
///
/// # Security
///
/// Every packet passes all checks of protocol.md section 4.3 before it changes anything, and an
/// initial or final packet before it is reported as one. The wire format leaves some attacks by
/// members open: it does not bind the group key to what is signed (GKA-030), so a member can give
/// others different keys, which then shows as messages that are never acknowledged (SEC-022).
pub struct CliquesGreeter<S: GroupDiffieHellman> {
    owner: MemberId,
    identity: Arc<dyn SigningKey>,
    directory: BTreeMap<MemberId, S::VerifyingKey>,
    committed: Option<Committed<S>>,
    proposal: Option<Proposal<S>>,
    running: Running<S>,
    /// Session identifiers computed since the owner's nonce is what it is.
    used_ids: Recent<SubsessionId>,
    /// The owner's intermediate keys since its contributions are what they are.
    used_keys: Recent<[u8; 32]>,
    /// The latest judgement, so that a packet is not verified twice. Whatever changes anything
    /// forgets it.
    memo: RefCell<Option<Memo<S>>>,
}

/// What judging a packet may look at.
struct View<'a, S: GroupDiffieHellman> {
    owner: &'a MemberId,
    committed: Option<&'a Committed<S>>,
    directory: &'a BTreeMap<MemberId, S::VerifyingKey>,
    used_ids: &'a Recent<SubsessionId>,
    used_keys: &'a Recent<[u8; 32]>,
}

/// A verified packet, ready to be applied.
enum Judged<S: GroupDiffieHellman> {
    Initial(Box<JudgedInitial<S>>),
    Middle(Box<Middle<S>>),
}

struct Memo<S: GroupDiffieHellman> {
    sender: MemberId,
    packet: Vec<u8>,
    judged: Judged<S>,
}

impl<S: GroupDiffieHellman> View<'_, S> {
    /// Whether an intermediate key of the owner's would bring back no earlier group key.
    ///
    /// Beyond the specification's checks: attacks.md ATK-030 as far as v1 allows.
    fn is_unused(&self, own_key: Option<[u8; 32]>) -> bool {
        !guard!("fresh-contrib") || own_key.is_some_and(|key| !self.used_keys.contains(&key))
    }
}

impl<S: GroupDiffieHellman> CliquesGreeter<S> {
    /// A greeter for `owner`, who proves itself with `identity`; without any state.
    #[must_use]
    pub fn new(owner: MemberId, identity: Arc<dyn SigningKey>) -> Self {
        Self {
            owner,
            identity,
            directory: BTreeMap::new(),
            committed: None,
            proposal: None,
            running: Running::Idle,
            used_ids: Recent::new(),
            used_keys: Recent::new(),
            memo: RefCell::new(None),
        }
    }

    fn view(&self) -> View<'_, S> {
        View {
            owner: &self.owner,
            committed: self.committed.as_ref(),
            directory: &self.directory,
            used_ids: &self.used_ids,
            used_keys: &self.used_keys,
        }
    }

    /// Judges a packet; see [`Greeter::inspect`].
    fn judge(&self, sender: &MemberId, wire: &[u8]) -> Result<Judged<S>, GreetingReject> {
        let packet = packets::decode(wire)?;
        let fields = packet.peek().fields();
        //= docs/spec/protocol.md#GRT-028
        let (kind, role) = packets::place(fields.greet_type).ok_or(GreetingReject::Departure)?;
        //= docs/spec/protocol.md#GRT-019
        if guard!("source-is-signer") && fields.source != *sender {
            return Err(GreetingReject::SourceIsNotSender);
        }
        let is_own = *sender == self.owner;
        let view = self.view();
        if role == Role::Initial {
            let judged =
                if is_own { self.own_initial(wire) } else { initial::judge(&view, kind, &packet) };
            return judged.map(|judged| Judged::Initial(Box::new(judged)));
        }
        let middle = match &self.running {
            //= docs/spec/protocol.md#GRT-021
            Running::Idle | Running::Complete(_) => Err(GreetingReject::NoOperation),
            Running::Stuck(_) => Err(GreetingReject::OutOfPlace),
            Running::Looking(_) if is_own => Err(GreetingReject::NotOurs),
            //= docs/spec/protocol.md#GRT-012
            Running::Looking(_) => Ok(Middle::Nothing),
            Running::Taking(part) if is_own => checks::own(&part.context, &part.step, wire),
            Running::Taking(part) => checks::middle(&view, &part.context, &part.step, &packet),
        };
        middle.map(|middle| Judged::Middle(Box::new(middle)))
    }

    /// Recognises the owner's own proposal, and nothing else in its name.
    fn own_initial(&self, wire: &[u8]) -> Result<JudgedInitial<S>, GreetingReject> {
        //= docs/spec/protocol.md#GRT-018
        if let Some(proposal) = self.proposal.as_ref().filter(|own| own.packet == wire) {
            return Ok(JudgedInitial { plan: proposal.plan.clone(), part: Part::Own });
        }
        match &self.running {
            Running::Taking(part) if part.context.sent.iter().any(|sent| sent == wire) => {
                Err(GreetingReject::OutOfPlace)
            }
            Running::Taking(_)
            | Running::Idle
            | Running::Complete(_)
            | Running::Looking(_)
            | Running::Stuck(_) => Err(GreetingReject::NotOurs),
        }
    }

    /// The judgement of a packet that is about to be applied; made again only if it was not
    /// inspected just before.
    fn take_judgement(
        &mut self,
        sender: &MemberId,
        wire: &[u8],
    ) -> Result<Judged<S>, GreetingReject> {
        match self.memo.take() {
            Some(memo) if memo.sender == *sender && memo.packet == wire => Ok(memo.judged),
            Some(_) | None => self.judge(sender, wire),
        }
    }
}

impl<S: GroupDiffieHellman> Judged<S> {
    fn inspection(&self) -> Inspection {
        //= docs/spec/protocol.md#GRT-016
        match self {
            Self::Initial(judged) => Inspection::Initial(Initial {
                initiator: judged.plan.initiator.clone(),
                next_members: judged.plan.next_members(),
                metadata: judged.plan.metadata.clone(),
                is_final: judged.plan.is_one_packet(),
                verified: !matches!(judged.part, Part::Foreign { verified: false }),
                binds_chain: false,
            }),
            Self::Middle(middle) => match &**middle {
                Middle::Confirmation(confirmation) if confirmation.completes() => Inspection::Final,
                Middle::Confirmation(_)
                | Middle::Nothing
                | Middle::Passing(_)
                | Middle::Upflow(_)
                | Middle::Downflow(_)
                | Middle::Echo => Inspection::Middle,
            },
        }
    }
}

impl<S: GroupDiffieHellman> fmt::Debug for CliquesGreeter<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CliquesGreeter")
            .field("owner", &self.owner)
            .field("members", &Greeter::members(self))
            .field("running", &self.running())
            .finish_non_exhaustive()
    }
}

impl<S: GroupDiffieHellman> Greeter for CliquesGreeter<S> {
    fn combines(&self) -> bool {
        false
    }

    /// `n + 1` (protocol.md section 8.1).
    fn hops(&self, n: usize) -> u32 {
        u32::try_from(n).unwrap_or(u32::MAX).saturating_add(1)
    }

    fn set_identity(&mut self, member: &MemberId, key: Option<PublicKey>) {
        self.memo.take();
        match key.and_then(|key| S::VerifyingKey::import(&key).ok()) {
            Some(key) => self.directory.insert(member.clone(), key),
            None => self.directory.remove(member),
        };
    }

    fn propose(
        &mut self,
        rng: &mut dyn CryptoRng,
        next_members: &MemberSet,
        metadata: Metadata,
    ) -> Result<Vec<u8>, ProposeError> {
        //= docs/spec/protocol.md#GRT-023
        if self.proposal.is_some() {
            return Err(ProposeError::Outstanding);
        }
        let committed = self.committed.as_ref();
        let (plan, own) = propose::plan(&self.owner, committed, next_members, metadata)?;
        if !plan.is_one_packet() {
            //= docs/spec/protocol.md#SKE-008
            let missing = |member: &&MemberId| {
                **member != self.owner
                    && !self.directory.contains_key(*member)
                    && committed.is_none_or(|committed| !committed.members.contains(member))
            };
            if let Some(member) = plan.members.iter().find(missing) {
                return Err(ProposeError::NoIdentityKey(member.clone()));
            }
        }
        let proposal = Proposal::make(rng, plan, own, committed, &*self.identity)?;
        //= docs/spec/protocol.md#GRT-024
        let packet = proposal.packet.clone();
        self.memo.take();
        self.proposal = Some(proposal);
        Ok(packet)
    }

    fn withdraw(&mut self) {
        self.memo.take();
        self.proposal = None;
    }

    fn inspect(&self, sender: &MemberId, packet: &[u8]) -> Result<Inspection, GreetingReject> {
        //= docs/spec/protocol.md#GRT-015
        // What was derived from an earlier packet is not kept longer than needed (SEC-025).
        self.memo.take();
        let judged = self.judge(sender, packet)?;
        let inspection = judged.inspection();
        self.memo.replace(Some(Memo { sender: sender.clone(), packet: packet.to_vec(), judged }));
        Ok(inspection)
    }

    fn start(
        &mut self,
        rng: &mut dyn CryptoRng,
        sender: &MemberId,
        packet: &[u8],
    ) -> Result<Progress, GreetingReject> {
        match self.take_judgement(sender, packet)? {
            Judged::Middle(_) => Err(GreetingReject::OutOfPlace),
            Judged::Initial(judged) => match self.running {
                Running::Idle => self.begin(rng, *judged),
                Running::Taking(_)
                | Running::Looking(_)
                | Running::Stuck(_)
                | Running::Complete(_) => Err(GreetingReject::OutOfPlace),
            },
        }
    }

    fn handle(
        &mut self,
        rng: &mut dyn CryptoRng,
        sender: &MemberId,
        packet: &[u8],
    ) -> Result<Progress, GreetingReject> {
        //= docs/spec/protocol.md#SKE-025
        let Judged::Middle(middle) = self.take_judgement(sender, packet)? else {
            return Err(GreetingReject::OutOfPlace);
        };
        let packet = Move::prepare(rng, *middle)?;
        let Some(participant) = self.take_participant() else {
            // A bystander.
            return Ok(Progress { outgoing: Vec::new(), outcome: Outcome::Continues });
        };
        let Participant { mut context, step } = participant;
        let moved = step.apply(&mut context, packet);
        Ok(self.settle(context, moved))
    }

    fn running(&self) -> Option<Operation> {
        self.running.operation()
    }

    fn fail(&mut self) {
        self.memo.take();
        //= docs/spec/protocol.md#GKA-013
        //= docs/spec/protocol.md#GRT-001
        //= docs/spec/protocol.md#GRT-017
        self.running = Running::Idle;
    }

    fn merge(&mut self, staged: Staged) -> Option<SubsessionKeys> {
        self.memo.take();
        let completed = self.take_completed(&staged)?;
        // A proposal stands on the state that ends here.
        self.proposal = None;
        let former = self.committed.take();
        let (committed, group_key) =
            completed.commit(former, &mut self.used_ids, &mut self.used_keys)?;
        let keys = committed.subsession_keys(group_key);
        self.committed = Some(committed);
        Some(keys)
    }

    fn members(&self) -> MemberSet {
        match &self.committed {
            Some(committed) => committed.members.iter().collect(),
            None => MemberSet::of(&self.owner),
        }
    }

    fn reset(&mut self) {
        self.memo.take();
        //= docs/spec/protocol.md#ORD-008
        self.committed = None;
        self.proposal = None;
        self.running = Running::Idle;
        self.used_ids.clear();
        self.used_keys.clear();
    }

    #[cfg(feature = "inspect")]
    fn lay_open(&self) -> Option<crate::LaidOpen> {
        let committed = self.committed.as_ref()?;
        Some(crate::LaidOpen {
            members: committed.members.clone(),
            nonces: committed.lists.nonces.clone(),
            keys: committed.lists.keys.clone(),
            int_keys: committed.int_keys.iter().map(S::export).collect(),
            nonce: *committed.lists.nonces.get(committed.own)?,
            seed: committed.signer.seed(),
        })
    }

    /// Without those of a running operation.
    #[cfg(feature = "inspect")]
    fn reveal(&self, found: &mut dyn FnMut(&'static str, &[u8])) {
        if let Some(seed) = self.identity.seed() {
            found("identity", seed.expose());
        }
        let Some(committed) = &self.committed else { return };
        if let Some(shares) = S::reveal(&committed.all) {
            found("shares", shares.expose());
        }
        if let Some(seed) = committed.signer.seed() {
            found("ephemeral", seed.expose());
        }
        for element in &committed.int_keys {
            found("intermediate key", &S::export(element));
        }
    }
}
