//! The greeting of the second profile.

mod begin;
mod checks;
mod commit;
mod hedge;
mod initial;
mod plan;
#[cfg(feature = "inspect")]
mod reveal;
pub(crate) mod ring;
mod running;
mod state;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::fmt;

use mpenc_crypto::{BroadcastSuite, PublicKey, SigningKey, VerifyingKey};
use mpenc_packet::v2 as wire;
use mpenc_packet::v2::{Greeting, OpId};
use mpenc_types::{MemberId, MemberSet};
use rand_core::CryptoRng;

use self::begin::Proposal;
use self::checks::Middle;
use self::commit::Committed;
use self::hedge::Hedge;
use self::initial::{JudgedInitial, Part};
use self::running::Running;
use crate::{
    AbortReason, Greeter, GreetingReject, Initial, Inspection, Metadata, Operation, Outgoing,
    Progress, ProposeError, Staged, SubsessionKeys,
};

/// Authenticated Burmester–Desmedt key agreement with key confirmation by everybody, over the
/// suite `S`: three rounds of broadcasts, whatever the number of members.
///
/// Those who are being excluded follow the operation too, since everything that decides about it
/// is public, and end it with the same packet as the members (V2-013).
///
/// # Security
///
/// No packet changes anything before its signature, and its proof if it has one, are verified. All
/// of an operation's packets are verified under the identity keys that its initial packet lists,
/// which for members are those of the operation before (V2-030). Each operation has a secret of
/// every member in its key, drawn for it and wiped when the key is there.
///
/// What remains: a member can end any operation, each time by name, except the one that excludes
/// it. It can take a secret that others know, and two members that work together can choose the
/// key (v2.md section 2); neither is noticed, and neither is more than telling the key. The channel can copy a value out of a member's packet into one of a member
/// that works with it, and deliver that first; the honest packet then counts as the copy, and the
/// operation ends with a timeout.
pub struct BroadcastGreeter<S: BroadcastSuite> {
    owner: MemberId,
    identity: Arc<dyn SigningKey>,
    own_key: PublicKey,
    /// Hash of the session's label.
    label: [u8; 32],
    hedge: Hedge,
    directory: BTreeMap<MemberId, S::VerifyingKey>,
    committed: Option<Committed<S>>,
    proposal: Option<Proposal<S>>,
    running: Running<S>,
    /// Operations that the owner was to be included by and contributed to, oldest first.
    contributed: VecDeque<OpId>,
    /// The latest judgement, so that a packet is not verified twice. Whatever changes anything
    /// forgets it.
    memo: RefCell<Option<Memo<S>>>,
}

/// What judging an initial packet may look at.
struct View<'a, S: BroadcastSuite> {
    owner: &'a MemberId,
    own_key: &'a PublicKey,
    label: &'a [u8; 32],
    committed: Option<&'a Committed<S>>,
    directory: &'a BTreeMap<MemberId, S::VerifyingKey>,
    contributed: &'a VecDeque<OpId>,
}

/// Operations remembered that would have included the owner; the oldest is forgotten first. A
/// replayed one that is forgotten ends with a timeout.
const MAX_CONTRIBUTED: usize = 64;

/// A verified packet, ready to be applied.
enum Judged<S: BroadcastSuite> {
    Initial(Box<JudgedInitial<S>>),
    Middle(Box<Middle<S>>),
}

struct Memo<S: BroadcastSuite> {
    sender: MemberId,
    packet: Vec<u8>,
    judged: Judged<S>,
}

impl<S: BroadcastSuite> BroadcastGreeter<S> {
    /// A greeter for `owner`, who proves itself with `identity`, in the session with this label
    /// (SES-044); without any state.
    ///
    /// Signs once with `identity`, for the key that hedges its random values (V2-008).
    #[must_use]
    pub fn new(owner: MemberId, identity: Arc<dyn SigningKey>, label: &str) -> Self {
        Self {
            owner,
            own_key: identity.public(),
            label: wire::session_label::<S>(label),
            hedge: Hedge::new::<S>(&*identity),
            identity,
            directory: BTreeMap::new(),
            committed: None,
            proposal: None,
            running: Running::Idle,
            contributed: VecDeque::new(),
            memo: RefCell::new(None),
        }
    }

    fn view(&self) -> View<'_, S> {
        View {
            owner: &self.owner,
            own_key: &self.own_key,
            label: &self.label,
            committed: self.committed.as_ref(),
            directory: &self.directory,
            contributed: &self.contributed,
        }
    }

    /// Judges a packet; see [`Greeter::inspect`].
    fn judge(&self, sender: &MemberId, bytes: &[u8]) -> Result<Judged<S>, GreetingReject> {
        let packet = wire::decode_greeting(bytes).map_err(|_| GreetingReject::Malformed)?;
        if let Greeting::Initial(packet) = &packet {
            let judged = if *sender == self.owner {
                self.own_initial(bytes)
            } else {
                initial::judge(&self.view(), sender, bytes, packet)
            };
            return judged.map(|judged| Judged::Initial(Box::new(judged)));
        }
        let middle = match &self.running {
            //= docs/spec/protocol.md#GRT-021
            Running::Idle | Running::Complete(_) => Err(GreetingReject::NoOperation),
            Running::Stuck(_) => Err(GreetingReject::OutOfPlace),
            Running::Following(following) => {
                let (context, step) = (&following.context, &following.step);
                checks::middle(context, step, &self.owner, sender, bytes, &packet)
            }
        };
        middle.map(|middle| Judged::Middle(Box::new(middle)))
    }

    /// Recognises the owner's own proposal, and nothing else in its name.
    fn own_initial(&self, bytes: &[u8]) -> Result<JudgedInitial<S>, GreetingReject> {
        //= docs/spec/protocol.md#GRT-018
        if let Some(proposal) = self.proposal.as_ref().filter(|own| own.packet == bytes) {
            return Ok(JudgedInitial { plan: proposal.plan.clone(), part: Part::Own });
        }
        match &self.running {
            Running::Following(following)
                if following.context.sent.iter().any(|sent| sent == bytes) =>
            {
                Err(GreetingReject::OutOfPlace)
            }
            Running::Following(_) | Running::Idle | Running::Complete(_) | Running::Stuck(_) => {
                Err(GreetingReject::NotOurs)
            }
        }
    }

    /// The judgement of a packet that is about to be applied; made again only if it was not
    /// inspected just before.
    fn take_judgement(
        &mut self,
        sender: &MemberId,
        bytes: &[u8],
    ) -> Result<Judged<S>, GreetingReject> {
        match self.memo.take() {
            Some(memo) if memo.sender == *sender && memo.packet == bytes => Ok(memo.judged),
            Some(_) | None => self.judge(sender, bytes),
        }
    }
}

impl<S: BroadcastSuite> Judged<S> {
    fn inspection(&self) -> Inspection {
        //= docs/spec/protocol.md#GRT-016
        match self {
            Self::Initial(judged) => Inspection::Initial(Initial {
                initiator: judged.plan.initiator.clone(),
                next_members: judged.plan.next_members(),
                metadata: judged.plan.metadata.clone(),
                is_final: judged.plan.is_one_packet(),
                //= docs/spec/v2.md#V2-030
                verified: !matches!(judged.part, Part::Foreign),
                binds_chain: true,
            }),
            Self::Middle(middle) => match &**middle {
                //= docs/spec/v2.md#V2-011
                Middle::Confirmation { completes: true, .. } | Middle::Failing(_) => {
                    Inspection::Final
                }
                Middle::Confirmation { .. } | Middle::Contribution(_) | Middle::Share(_) => {
                    Inspection::Middle
                }
            },
        }
    }
}

impl<S: BroadcastSuite> fmt::Debug for BroadcastGreeter<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BroadcastGreeter")
            .field("owner", &self.owner)
            .field("members", &Greeter::members(self))
            .field("running", &self.running())
            .finish_non_exhaustive()
    }
}

impl<S: BroadcastSuite> Greeter for BroadcastGreeter<S> {
    fn combines(&self) -> bool {
        //= docs/spec/v2.md#V2-016
        true
    }

    /// 4, whatever the number of members: the initial packet, and a packet of everybody in each
    /// of three rounds (V2-017).
    fn hops(&self, _: usize) -> u32 {
        4
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
        //= docs/spec/protocol.md#GRT-024
        let proposal = self.draft(rng, next_members, metadata)?;
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
                Running::Idle => self.begin(rng, *judged, packet),
                Running::Following(_) | Running::Stuck(_) | Running::Complete(_) => {
                    Err(GreetingReject::OutOfPlace)
                }
            },
        }
    }

    fn handle(
        &mut self,
        rng: &mut dyn CryptoRng,
        sender: &MemberId,
        packet: &[u8],
    ) -> Result<Progress, GreetingReject> {
        let Judged::Middle(middle) = self.take_judgement(sender, packet)? else {
            return Err(GreetingReject::OutOfPlace);
        };
        let following = self.take_following().ok_or(GreetingReject::NoOperation)?;
        Ok(self.apply(rng, following, *middle, packet))
    }

    fn running(&self) -> Option<Operation> {
        self.running.operation()
    }

    fn abort(&mut self, reason: AbortReason) -> Option<Outgoing> {
        match &mut self.running {
            Running::Following(following) => following.context.abort(&reason),
            Running::Idle | Running::Stuck(_) | Running::Complete(_) => None,
        }
    }

    fn fail(&mut self) {
        self.memo.take();
        //= docs/spec/protocol.md#GKA-013
        //= docs/spec/protocol.md#GRT-001
        //= docs/spec/protocol.md#GRT-017
        //= docs/spec/v2.md#V2-014
        self.running = Running::Idle;
    }

    fn merge(&mut self, staged: Staged) -> Option<SubsessionKeys> {
        self.memo.take();
        let completed = self.take_completed(&staged)?;
        // A proposal stands on the state that ends here.
        self.proposal = None;
        self.committed = None;
        let (committed, keys) = completed.commit()?;
        self.committed = Some(committed);
        Some(keys)
    }

    fn members(&self) -> MemberSet {
        match &self.committed {
            Some(committed) => committed.members.iter().collect(),
            None => MemberSet::of(&self.owner),
        }
    }

    /// Keeps the instance and the count of its draws, which belong to the process, and to what the
    /// owner contributed: the packets are still there to be sent again.
    fn reset(&mut self) {
        self.memo.take();
        //= docs/spec/protocol.md#ORD-008
        self.committed = None;
        self.proposal = None;
        self.running = Running::Idle;
    }

    #[cfg(feature = "inspect")]
    fn reveal(&self, found: &mut dyn FnMut(&'static str, &[u8])) {
        self.reveal_all(found);
    }
}
