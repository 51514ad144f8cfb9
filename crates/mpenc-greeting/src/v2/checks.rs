//! What everybody checks on a packet of the running operation.
//!
//! All who follow the operation come to the same result, because everything they look at is in the
//! packets before it (V2-013); only whom a failure proves guilty depends on the owner's key.
//!
//! Source: wire-v2.md sections 3 and 4; v2.md V2-006, V2-010 to V2-012.

use alloc::vec::Vec;

use mpenc_crypto::proof::{self, Proof};
use mpenc_crypto::{
    BroadcastSuite, PublicKey, SignLabel, Signed, Unverified, Verified, VerifyingKey,
};
use mpenc_packet::v2::{
    self as wire, AbortPacket, ConfirmationPacket, ContributionPacket, Greeting, OpId, SharePacket,
};
use mpenc_types::{MemberId, guard};

use super::plan::Plan;
use super::ring::Contribution;
use super::state::{Confirming, Context, Sharing, Step};
use crate::{AbortReason, Failure, FailureCause, GreetingReject as Reject};

/// Content of a packet that passed its checks in its place. Only this module makes one.
pub(crate) struct Checked<T> {
    place: usize,
    value: T,
}

/// What a packet of the running operation means.
pub(crate) enum Middle<S: BroadcastSuite> {
    Contribution(Checked<Contribution<S>>),
    Share(Checked<S::Element>),
    /// With its key-check value.
    Confirmation {
        checked: Checked<[u8; 32]>,
        /// Whether it is the last one.
        completes: bool,
    },
    /// Ends the operation without success.
    Failing(Failure),
}

impl<T> Checked<T> {
    /// Place of the sender, and the content.
    pub(crate) fn into_parts(self) -> (usize, T) {
        (self.place, self.value)
    }
}

/// A packet with its sender as the channel names it.
struct Arrived<'a, S: BroadcastSuite> {
    context: &'a Context<S>,
    sender: &'a MemberId,
    /// Whether it is, byte for byte, one that the owner has sent.
    is_own: bool,
}

/// Judges a packet of the running operation.
pub(crate) fn middle<S: BroadcastSuite>(
    context: &Context<S>,
    step: &Step<S>,
    owner: &MemberId,
    sender: &MemberId,
    bytes: &[u8],
    packet: &Greeting,
) -> Result<Middle<S>, Reject> {
    let is_own = sender == owner && context.sent.iter().any(|sent| sent == bytes);
    //= docs/spec/protocol.md#GRT-018
    if guard!("own-echo-exact") && sender == owner && !is_own {
        return Err(Reject::NotOurs);
    }
    let arrived = Arrived { context, sender, is_own };
    match (packet, step) {
        (Greeting::Initial(_), _) => Err(Reject::OutOfPlace),
        (Greeting::Contribution(packet), Step::Contributing(step)) => {
            let place = arrived.place(&packet.peek().fields().op, packet.peek().fields().place)?;
            open(step.is_open(place))?;
            let others: Vec<&Contribution<S>> = step.present().collect();
            let value = arrived.contribution(packet, place, &others)?;
            Ok(Middle::Contribution(Checked { place, value }))
        }
        (Greeting::Share(packet), Step::Sharing(step)) => {
            let place = arrived.place(&packet.peek().fields().op, packet.peek().fields().place)?;
            open(step.is_open(place))?;
            arrived.share(packet, place, step)
        }
        (Greeting::Confirmation(packet), Step::Confirming(step)) => {
            let place = arrived.place(&packet.peek().fields().op, packet.peek().fields().place)?;
            open(step.is_open(place))?;
            arrived.confirmation(packet, place, step)
        }
        (Greeting::Abort(packet), _) => arrived.abort(packet).map(Middle::Failing),
        //= docs/spec/v2.md#V2-031
        (Greeting::Contribution(_), Step::Sharing(_) | Step::Confirming(_))
        | (Greeting::Share(_), Step::Confirming(_)) => Err(Reject::PlaceTaken),
        //= docs/spec/v2.md#V2-010
        (Greeting::Share(_) | Greeting::Confirmation(_), Step::Contributing(_))
        | (Greeting::Confirmation(_), Step::Sharing(_)) => Err(Reject::OutOfPlace),
    }
}

/// One packet of each round for each member.
fn open(is_open: bool) -> Result<(), Reject> {
    //= docs/spec/v2.md#V2-031
    if is_open || !guard!("one-share") { Ok(()) } else { Err(Reject::PlaceTaken) }
}

impl<S: BroadcastSuite> Arrived<'_, S> {
    /// The sender's place, if the packet is of this operation and names it.
    fn place(&self, op: &OpId, place: u16) -> Result<usize, Reject> {
        //= docs/spec/v2.md#V2-010
        if guard!("op-bound") && *op != self.context.op {
            return Err(Reject::OtherOperation);
        }
        let place = usize::from(place);
        match self.context.plan.members.get(place) {
            Some(named) if named == self.sender || !guard!("source-is-signer") => Ok(place),
            Some(_) | None => Err(Reject::WrongPlace),
        }
    }

    /// The content of a packet signed with `key`.
    fn verified<'p, T: Signed>(
        &self,
        packet: &'p Unverified<T>,
        key: &S::VerifyingKey,
        signed: &[&[u8]],
    ) -> Result<&'p T, Reject> {
        if self.is_own {
            return Ok(packet.peek());
        }
        //= docs/spec/v2.md#V2-010
        let verified: Result<Verified<&'p T>, _> = packet.verify::<S>(key, signed);
        verified.map(|packet| *packet).map_err(|_| Reject::BadSignature)
    }

    /// The identity key listed for a place.
    fn identity(&self, place: usize) -> Result<&S::VerifyingKey, Reject> {
        //= docs/spec/v2.md#V2-030
        self.context.identities.get(place).ok_or(Reject::WrongPlace)
    }

    fn contribution(
        &self,
        packet: &Unverified<ContributionPacket>,
        place: usize,
        others: &[&Contribution<S>],
    ) -> Result<Contribution<S>, Reject> {
        let signed = [SignLabel::CONTRIBUTION.as_bytes()];
        let packet = self.verified(packet, self.identity(place)?, &signed)?;
        let wire::Contribution { nonce, ephemeral, point } = &packet.fields().contribution;
        contribution::<S>(&self.context.plan, nonce, ephemeral, point, others)
    }

    fn share(
        &self,
        packet: &Unverified<SharePacket>,
        place: usize,
        step: &Sharing<S>,
    ) -> Result<Middle<S>, Reject> {
        let ring = &step.ring;
        let key = &ring.contributions.get(place).ok_or(Reject::WrongPlace)?.verifying;
        let signed: [&[u8]; 2] = [SignLabel::SHARE.as_bytes(), &ring.context];
        let fields = self.verified(packet, key, &signed)?.fields();
        // Whatever is wrong from here on, its sender has signed.
        let proof = Proof { challenge: fields.challenge, response: fields.response };
        let share = S::import_or_identity(&fields.share).ok().filter(|share| {
            let statement = ring.statement(place, share);
            //= docs/spec/v2.md#V2-032
            S::is_identity(share) == (self.context.plan.len() == 2)
                && statement.is_some_and(|statement| {
                    self.is_own || proof::verify::<S>(&statement, &proof).is_ok()
                })
        });
        let Some(value) = share else {
            //= docs/spec/v2.md#V2-012
            return Ok(Middle::Failing(Failure {
                by: self.sender.clone(),
                cause: FailureCause::BadProof,
                bad: Vec::from([self.sender.clone()]),
                disagree: Vec::new(),
            }));
        };
        Ok(Middle::Share(Checked { place, value }))
    }

    fn confirmation(
        &self,
        packet: &Unverified<ConfirmationPacket>,
        place: usize,
        step: &Confirming<S>,
    ) -> Result<Middle<S>, Reject> {
        let signed = [SignLabel::CONFIRMATION.as_bytes()];
        let fields = self.verified(packet, self.identity(place)?, &signed)?.fields();
        let plan = &self.context.plan;
        //= docs/spec/v2.md#V2-012
        let failing = |bad, disagree| {
            let by = self.sender.clone();
            Middle::Failing(Failure { by, cause: FailureCause::Disagreement, bad, disagree })
        };
        if guard!("confirm-names-op") && fields.transcript != step.agreed.transcript.hash {
            return Ok(failing(Vec::new(), Vec::from([self.sender.clone()])));
        }
        let differs = step.first_check().is_some_and(|first| *first != fields.check);
        if guard!("key-confirm") && differs {
            let bad = if guard!("blame") {
                step.liars(plan, place, &fields.check).into_iter().cloned().collect()
            } else {
                Vec::from([self.sender.clone()])
            };
            return Ok(failing(bad, Vec::new()));
        }
        let completes = step.lacks_one(plan.len());
        Ok(Middle::Confirmation { checked: Checked { place, value: fields.check }, completes })
    }

    fn abort(&self, packet: &Unverified<AbortPacket>) -> Result<Failure, Reject> {
        let fields = packet.peek().fields();
        //= docs/spec/v2.md#V2-017
        let place = self.place(&fields.op, fields.place)?;
        let signed = [SignLabel::ABORT.as_bytes()];
        let fields = self.verified(packet, self.identity(place)?, &signed)?.fields();
        let reason = match fields.reason {
            wire::AbortReason::Asked => AbortReason::Asked,
            wire::AbortReason::TimedOut => AbortReason::TimedOut,
            wire::AbortReason::IdentityKey(subject) => {
                let subject = self.context.plan.members.get(usize::from(subject));
                AbortReason::IdentityKey(subject.ok_or(Reject::Malformed)?.clone())
            }
            wire::AbortReason::NoKey => AbortReason::NoKey,
            wire::AbortReason::Internal => AbortReason::Internal,
        };
        let (by, cause) = (self.sender.clone(), FailureCause::Aborted(reason));
        Ok(Failure { by, cause, bad: Vec::new(), disagree: Vec::new() })
    }
}

/// Checks the content of a contribution against those before it.
pub(crate) fn contribution<S: BroadcastSuite>(
    plan: &Plan,
    nonce: &[u8; 32],
    key: &PublicKey,
    point: &[u8; 32],
    others: &[&Contribution<S>],
) -> Result<Contribution<S>, Reject> {
    //= docs/spec/v2.md#V2-006
    let point = S::import(point).map_err(|_| Reject::BadElement)?;
    let verifying = S::VerifyingKey::import(key).map_err(|_| Reject::BadElement)?;
    let repeats = |other: &&Contribution<S>| {
        other.nonce == *nonce || other.key == *key || other.point == point
    };
    let is_repeated = plan.identities.contains(key) || others.iter().any(repeats);
    if guard!("distinct-keys") && is_repeated {
        return Err(Reject::RepeatedValues);
    }
    Ok(Contribution { nonce: *nonce, key: *key, verifying, point })
}
