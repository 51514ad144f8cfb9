//! The running operation: one type for each step, consumed by the packet it waits for.
//!
//! ```text
//!  newcomer                        AwaitUpflow ─ on_upflow ─┬──────> AwaitDownflow
//!  last newcomer                                            └──────> AwaitEcho
//!  initiator, old member (include)                     start ──────> AwaitDownflow
//!  AwaitDownflow ─ on_downflow ─┬─────────────────────────────────> AwaitConfirmations
//!  AwaitEcho ─ on_echo ─────────┤
//!  remaining member (exclude)   ┘ start
//!  AwaitConfirmations ─ on_confirmation ─┬─> AwaitConfirmations
//!                                        └─> Agreed      (the n-th signature)
//!  refresh, exclude all others     start ──> Agreed      (one packet)
//! ```
//!
//! Only values that `checks` made from verified packets come in here, and nothing in here can
//! fail for a reason that the packet's sender controls.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;

use mpenc_crypto::{GroupDiffieHellman, PublicKey, SecretBytes, SigningKey};
use mpenc_types::{MemberId, MemberSet, SubsessionId, guard};

use super::checks::VerifiedConfirmation;
use super::fresh::{Fresh, Turn};
use super::packets;
use super::plan::Plan;
use super::ske::{Claim, Lists};
use super::verified::VerifiedDownflow;
use crate::{Outgoing, StuckReason};

/// The owner's contribution after the operation.
pub(crate) enum Share<S: GroupDiffieHellman> {
    /// As before.
    Kept,
    /// Begun or renewed in this operation.
    Renewed(S::Accumulated),
}

/// State of the last completed operation.
pub(crate) struct Committed<S: GroupDiffieHellman> {
    pub(crate) members: Vec<MemberId>,
    /// Index of the owner.
    pub(crate) own: usize,
    pub(crate) sid: SubsessionId,
    pub(crate) lists: Lists,
    pub(crate) verifying: Vec<S::VerifyingKey>,
    /// Identity keys that signed for it; they count until their members are excluded.
    pub(crate) identities: Vec<S::VerifyingKey>,
    pub(crate) int_keys: Vec<S::Element>,
    pub(crate) signer: Arc<S::SigningKey>,
    pub(crate) all: S::Accumulated,
}

impl<S: GroupDiffieHellman> Committed<S> {
    /// A member's identity key when the operation completed.
    pub(crate) fn identity(&self, member: &MemberId) -> Option<&S::VerifyingKey> {
        let index = self.members.iter().position(|other| other == member)?;
        self.identities.get(index)
    }
}

/// What the operation will have made once everybody has signed it.
pub(crate) struct Agreed<S: GroupDiffieHellman> {
    pub(crate) sid: SubsessionId,
    pub(crate) lists: Lists,
    pub(crate) verifying: Vec<S::VerifyingKey>,
    pub(crate) int_keys: Vec<S::Element>,
    pub(crate) signer: Arc<S::SigningKey>,
    pub(crate) share: Share<S>,
    pub(crate) group_key: SecretBytes<32>,
}

/// What does not change while a participant's operation runs.
pub(crate) struct Context<S: GroupDiffieHellman> {
    pub(crate) owner: MemberId,
    pub(crate) plan: Plan,
    /// Index of the owner.
    pub(crate) own: usize,
    /// Identity keys of `M`, in list order: of members those of the operation before, of others
    /// as the directory had them at the start.
    pub(crate) identities: Vec<S::VerifyingKey>,
    pub(crate) identity: Arc<dyn SigningKey>,
    /// Packets sent for this operation; the only ones in the owner's name that count (SKE-022).
    pub(crate) sent: Vec<Vec<u8>>,
}

/// What a participant waits for.
pub(crate) enum Step<S: GroupDiffieHellman> {
    Upflow(AwaitUpflow),
    Downflow(AwaitDownflow<S>),
    Echo(AwaitEcho<S>),
    Confirmations(AwaitConfirmations<S>),
}

/// What a counted signature leads to.
pub(crate) enum Counted<S: GroupDiffieHellman> {
    /// Some are missing.
    Waiting(AwaitConfirmations<S>),
    /// That was the last one.
    All(Agreed<S>),
}

/// Key under which the initial packet was verified before anybody vouched for it.
#[derive(Clone, Copy)]
pub(crate) struct Evidence {
    pub(crate) initial: PublicKey,
}

/// A newcomer's wait for its predecessor.
pub(crate) struct AwaitUpflow {
    pub(crate) evidence: Evidence,
    /// Index of the newcomer whose upflow packet is due, as far as the channel tells.
    pub(crate) due: usize,
}

/// The wait for the first downflow.
pub(crate) struct AwaitDownflow<S: GroupDiffieHellman> {
    pub(crate) evidence: Evidence,
    pub(crate) due: usize,
    pub(crate) signer: Arc<S::SigningKey>,
    pub(crate) share: Share<S>,
    /// What the first downflow's lists must begin with (SKE-014 to SKE-016).
    pub(crate) expected: Lists,
}

/// The last newcomer's wait for its own first downflow.
pub(crate) struct AwaitEcho<S: GroupDiffieHellman> {
    pub(crate) agreed: Agreed<S>,
    pub(crate) packet: Vec<u8>,
}

/// The wait for everybody's session signature.
pub(crate) struct AwaitConfirmations<S: GroupDiffieHellman> {
    pub(crate) agreed: Agreed<S>,
    /// Indexes of those whose signature counts already.
    pub(crate) confirmed: BTreeSet<usize>,
    /// The owner's confirmation; none if it signed the first downflow.
    pub(crate) packet: Option<Vec<u8>>,
}

impl Evidence {
    /// Whether the key that verified the initial packet is the one that the lists give.
    ///
    /// From here on a packet counts only if it agrees with these lists and is signed by the keys
    /// in them, so what holds for the lists now holds for what is authenticated at the end. All
    /// other packets that influenced the owner were verified under keys that the lists must begin
    /// with (SKE-016).
    fn check(self, plan: &Plan, lists: &Lists) -> Result<(), StuckReason> {
        //= docs/spec/protocol.md#SKE-024
        //= docs/spec/protocol.md#GRT-026
        let is_same = lists.keys.get(plan.initiator_at) == Some(&self.initial);
        if !guard!("key-continuity") || is_same {
            Ok(())
        } else {
            Err(StuckReason::UnauthenticatedMetadata(plan.initiator.clone()))
        }
    }
}

impl<S: GroupDiffieHellman> Context<S> {
    /// Remembers a packet as sent and hands it out.
    fn send(&mut self, packet: Vec<u8>) -> Outgoing {
        self.sent.push(packet.clone());
        Outgoing { recipients: self.plan.recipients(), packet }
    }

    /// The owner's session signature.
    fn sign_session(
        &self,
        lists: &Lists,
        sid: &SubsessionId,
    ) -> Result<mpenc_crypto::Signature, StuckReason> {
        let claim = claim(&self.plan, lists, self.own, sid).ok_or(StuckReason::Internal)?;
        Ok(claim.sign::<S>(&*self.identity))
    }

    /// Confirms what has been agreed, after the first downflow by `by`.
    pub(crate) fn confirm(
        &mut self,
        agreed: Agreed<S>,
        by: usize,
    ) -> Result<(Step<S>, Outgoing), StuckReason> {
        //= docs/spec/protocol.md#SKE-011
        //= docs/spec/protocol.md#SKE-012
        let signature = self.sign_session(&agreed.lists, &agreed.sid)?;
        let packet = packets::confirmation(self, &agreed, signature)?;
        let next = AwaitConfirmations {
            agreed,
            confirmed: BTreeSet::from([by]),
            packet: Some(packet.clone()),
        };
        Ok((Step::Confirmations(next), self.send(packet)))
    }
}

/// What the session signature of the member at `index` states.
pub(crate) fn claim<'a>(
    plan: &'a Plan,
    lists: &'a Lists,
    index: usize,
    sid: &'a SubsessionId,
) -> Option<Claim<'a>> {
    Some(Claim {
        member: plan.members.get(index)?,
        key: lists.keys.get(index)?,
        nonce: lists.nonces.get(index)?,
        sid,
    })
}

impl AwaitUpflow {
    /// Takes part: passes the lists on, or, as last newcomer, sends the first downflow.
    pub(crate) fn on_upflow<S: GroupDiffieHellman>(
        self,
        context: &mut Context<S>,
        fresh: Fresh<S>,
    ) -> Result<(Step<S>, Outgoing), StuckReason> {
        //= docs/spec/protocol.md#GKA-003
        let Fresh { keys, all, turn, signer, lists } = fresh;
        let (verifying, group_key) = match turn {
            Turn::Last { verifying, group_key } => (verifying, group_key),
            Turn::Next(cardinal) => {
                let packet = packets::upflow(context, &keys, &cardinal, &lists, &*signer)?;
                let next = AwaitDownflow {
                    evidence: self.evidence,
                    due: context.own,
                    signer,
                    share: Share::Renewed(all),
                    expected: lists,
                };
                return Ok((Step::Downflow(next), context.send(packet)));
            }
        };
        //= docs/spec/protocol.md#SKE-010
        self.evidence.check(&context.plan, &lists)?;
        let sid = super::ske::session_id::<S>(&context.plan.members, &lists.nonces);
        let signature = context.sign_session(&lists, &sid)?;
        let agreed = Agreed {
            sid,
            lists,
            verifying,
            int_keys: keys,
            signer,
            share: Share::Renewed(all),
            group_key,
        };
        let packet = packets::first_downflow(context, &agreed, signature)?;
        let next = AwaitEcho { agreed, packet: packet.clone() };
        Ok((Step::Echo(next), context.send(packet)))
    }
}

impl<S: GroupDiffieHellman> AwaitDownflow<S> {
    /// Accepts the first downflow and confirms it.
    pub(crate) fn on_downflow(
        self,
        context: &mut Context<S>,
        downflow: VerifiedDownflow<S>,
    ) -> Result<(Step<S>, Outgoing), StuckReason> {
        //= docs/spec/protocol.md#GKA-012
        self.evidence.check(&context.plan, downflow.lists())?;
        let (by, agreed) = downflow.into_agreed(self.signer, self.share);
        context.confirm(agreed, by)
    }
}

impl<S: GroupDiffieHellman> AwaitEcho<S> {
    /// Counts the owner's own signature, now that everybody has it.
    pub(crate) fn on_echo(self, own: usize) -> AwaitConfirmations<S> {
        //= docs/spec/protocol.md#SKE-022
        AwaitConfirmations { agreed: self.agreed, confirmed: BTreeSet::from([own]), packet: None }
    }
}

impl<S: GroupDiffieHellman> AwaitConfirmations<S> {
    /// Counts a signature.
    pub(crate) fn on_confirmation(
        mut self,
        confirmation: &VerifiedConfirmation,
        members: usize,
    ) -> Counted<S> {
        //= docs/spec/protocol.md#SKE-023
        //= docs/spec/protocol.md#GRT-010
        self.confirmed.insert(confirmation.index());
        if self.confirmed.len() >= needed(members) {
            Counted::All(self.agreed)
        } else {
            Counted::Waiting(self)
        }
    }
}

/// How many of them must have confirmed: all (SKE-023).
pub(crate) fn needed(members: usize) -> usize {
    if guard!("confirm-all") { members } else { members.saturating_sub(1) }
}

impl<S: GroupDiffieHellman> Step<S> {
    /// Members whose packet is awaited.
    pub(crate) fn waiting_for(&self, context: &Context<S>) -> MemberSet {
        let members = &context.plan.members;
        match self {
            Self::Upflow(AwaitUpflow { due, .. }) | Self::Downflow(AwaitDownflow { due, .. }) => {
                members.get(*due).into_iter().collect()
            }
            Self::Echo(_) => MemberSet::of(&context.owner),
            Self::Confirmations(step) => members
                .iter()
                .enumerate()
                .filter(|(index, _)| !step.confirmed.contains(index))
                .map(|(_, member)| member)
                .collect(),
        }
    }

    /// Notes that the newcomer at `index` has sent its upflow packet to somebody else.
    pub(crate) fn on_passing(&mut self, index: usize) {
        match self {
            Self::Upflow(AwaitUpflow { due, .. }) | Self::Downflow(AwaitDownflow { due, .. }) => {
                if *due == index {
                    *due = index.saturating_add(1);
                }
            }
            Self::Echo(_) | Self::Confirmations(_) => {}
        }
    }
}
