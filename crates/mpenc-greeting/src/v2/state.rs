//! The running operation: one type for each round, consumed by the packet that ends it.
//!
//! ```text
//!  start ─> Contributing ─ on_contribution ─┬─> Contributing
//!                                           └─> Sharing          (the n-th contribution)
//!           Sharing ─ on_share ─┬─────────────> Sharing
//!                               └─────────────> Confirming       (the n-th share)
//!           Confirming ─ on_confirmation ─┬───> Confirming
//!                                         └───> Agreed           (the n-th confirmation)
//! ```
//!
//! Members and those who are being excluded go the same way; the latter have no secrets, send
//! nothing, and end with the same packet. Only values that `checks` made from verified packets come
//! in here, and nothing in here can fail for a reason that the packet's sender controls.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use mpenc_crypto::{BroadcastSuite, PublicKey, SecretBytes, SigningKey};
use mpenc_packet::v2::OpId;
use mpenc_types::{MemberId, MemberSet, guard};

use super::plan::Plan;
use super::ring::{Contribution, Keys, Ring, Transcript};
use crate::Outgoing;

/// What does not change while the operation runs.
pub(crate) struct Context<S: BroadcastSuite> {
    pub(crate) plan: Plan,
    pub(crate) op: OpId,
    /// Identity keys of `M` by place, imported: those that the initial packet lists.
    pub(crate) identities: Vec<S::VerifyingKey>,
    /// The owner's place; none if it is being excluded.
    pub(crate) own: Option<usize>,
    pub(crate) identity: Arc<dyn SigningKey>,
    /// Packets with the contributions that count, by place.
    pub(crate) statements: BTreeMap<usize, Vec<u8>>,
    /// Packets sent for this operation; the only ones in the owner's name that count (GRT-018).
    pub(crate) sent: Vec<Vec<u8>>,
    /// The one among them that ends it.
    pub(crate) abort: Option<Vec<u8>>,
}

/// The owner's secrets of one operation, wiped on drop.
pub(crate) struct Secrets<S: BroadcastSuite> {
    /// `r_i`
    pub(crate) scalar: S::Scalar,
    /// `e_i`
    pub(crate) signer: Arc<S::SigningKey>,
}

/// Round 1.
pub(crate) struct Contributing<S: BroadcastSuite> {
    contributions: BTreeMap<usize, Contribution<S>>,
    /// None if the owner does not take part.
    secrets: Option<Secrets<S>>,
}

/// Round 2.
pub(crate) struct Sharing<S: BroadcastSuite> {
    pub(crate) ring: Ring<S>,
    shares: BTreeMap<usize, S::Element>,
    pub(crate) secrets: Option<Secrets<S>>,
}

/// Round 3.
pub(crate) struct Confirming<S: BroadcastSuite> {
    pub(crate) agreed: Agreed<S>,
    /// Key-check values of those who have confirmed.
    confirmed: BTreeMap<usize, [u8; 32]>,
    /// Who was the first of them.
    first: Option<usize>,
}

/// What an operation makes.
pub(crate) struct Agreed<S: BroadcastSuite> {
    pub(crate) transcript: Transcript,
    /// Ephemeral keys by place.
    pub(crate) authors: Vec<PublicKey>,
    /// None if the owner does not take part.
    pub(crate) own: Option<Own<S>>,
}

/// The owner's part of it.
pub(crate) struct Own<S: BroadcastSuite> {
    pub(crate) keys: Keys,
    pub(crate) signer: Arc<S::SigningKey>,
}

/// What everybody waits for.
pub(crate) enum Step<S: BroadcastSuite> {
    Contributing(Contributing<S>),
    Sharing(Sharing<S>),
    Confirming(Confirming<S>),
}

/// What the last packet of a round leads to.
pub(crate) enum Counted<This, Next> {
    /// Some are missing.
    Waiting(This),
    /// That was the last one.
    All(Next),
}

impl<S: BroadcastSuite> Context<S> {
    /// Remembers a packet as sent and hands it out.
    pub(crate) fn send(&mut self, packet: Vec<u8>) -> Outgoing {
        if !self.sent.contains(&packet) {
            self.sent.push(packet.clone());
        }
        Outgoing { recipients: self.plan.recipients(), packet }
    }

    /// Those of `M` whose place is not among `taken`.
    fn without(&self, is_taken: impl Fn(&usize) -> bool) -> MemberSet {
        let missing = self.plan.members.iter().enumerate().filter(|(place, _)| !is_taken(place));
        missing.map(|(_, member)| member).collect()
    }
}

impl<S: BroadcastSuite> Contributing<S> {
    /// Begins with the contribution in the initial packet, and the owner's secrets if it has sent
    /// one or is about to.
    pub(crate) fn begin(by: usize, first: Contribution<S>, secrets: Option<Secrets<S>>) -> Self {
        Self { contributions: BTreeMap::from([(by, first)]), secrets }
    }

    /// Whether the member at `place` may still send one.
    pub(crate) fn is_open(&self, place: usize) -> bool {
        !self.contributions.contains_key(&place)
    }

    /// The owner's secrets, if it takes part.
    #[cfg(feature = "inspect")]
    pub(crate) fn secrets(&self) -> Option<&Secrets<S>> {
        self.secrets.as_ref()
    }

    /// Contributions so far.
    pub(crate) fn present(&self) -> impl Iterator<Item = &Contribution<S>> {
        self.contributions.values()
    }

    /// Counts a contribution; the last one closes the ring.
    pub(crate) fn on_contribution(
        mut self,
        context: &Context<S>,
        place: usize,
        contribution: Contribution<S>,
    ) -> Counted<Self, Sharing<S>> {
        self.contributions.insert(place, contribution);
        if self.contributions.len() < context.plan.len() {
            return Counted::Waiting(self);
        }
        //= docs/spec/v2.md#V2-018
        let contributions = self.contributions.into_values().collect();
        let ring = Ring::close(&context.plan, context.op.as_bytes(), contributions);
        Counted::All(Sharing { ring, shares: BTreeMap::new(), secrets: self.secrets })
    }
}

impl<S: BroadcastSuite> Sharing<S> {
    /// Whether the member at `place` may still send one.
    pub(crate) fn is_open(&self, place: usize) -> bool {
        !self.shares.contains_key(&place)
    }

    /// Counts a share; the last one fixes the transcript and, with the owner's secret, the keys.
    ///
    /// The secret of the contribution and the group secret are wiped here.
    pub(crate) fn on_share(
        mut self,
        context: &Context<S>,
        salt: &SecretBytes<32>,
        place: usize,
        share: S::Element,
    ) -> Counted<Self, Confirming<S>> {
        self.shares.insert(place, share);
        if self.shares.len() < context.plan.len() {
            return Counted::Waiting(self);
        }
        let Self { ring, shares, secrets } = self;
        let shares: Vec<S::Element> = shares.into_values().collect();
        let transcript = Transcript::of::<S>(&ring.context, &shares);
        //= docs/spec/v2.md#V2-014
        let own = context.own.zip(secrets).and_then(|(own, Secrets { scalar, signer })| {
            let secret = ring.secret(own, &scalar, &shares)?;
            Some(Own { keys: transcript.keys::<S>(salt, &secret), signer })
        });
        let authors = ring.contributions.iter().map(|one| one.key).collect();
        let agreed = Agreed { transcript, authors, own };
        Counted::All(Confirming { agreed, confirmed: BTreeMap::new(), first: None })
    }
}

impl<S: BroadcastSuite> Confirming<S> {
    /// Whether the member at `place` may still confirm.
    pub(crate) fn is_open(&self, place: usize) -> bool {
        !self.confirmed.contains_key(&place)
    }

    /// Whether one more confirmation completes the operation of `members`.
    pub(crate) fn lacks_one(&self, members: usize) -> bool {
        self.confirmed.len().saturating_add(1) >= needed(members)
    }

    /// The key-check value that the first who confirmed has sent.
    pub(crate) fn first_check(&self) -> Option<&[u8; 32]> {
        self.confirmed.get(&self.first?)
    }

    /// Those who have confirmed another key than the owner's, with one more confirmation.
    ///
    /// Nobody if the owner has no key to judge by.
    pub(crate) fn liars<'a>(
        &self,
        plan: &'a Plan,
        place: usize,
        check: &[u8; 32],
    ) -> Vec<&'a MemberId> {
        let Some(own) = &self.agreed.own else { return Vec::new() };
        let all = self.confirmed.iter().filter(|(other, _)| **other != place);
        let mut liars: Vec<&MemberId> = all
            .chain([(&place, check)])
            .filter(|(_, check)| **check != own.keys.check)
            .filter_map(|(place, _)| plan.members.get(*place))
            .collect();
        liars.sort();
        liars
    }

    /// Counts a confirmation.
    pub(crate) fn on_confirmation(
        mut self,
        context: &Context<S>,
        place: usize,
        check: [u8; 32],
    ) -> Counted<Self, Agreed<S>> {
        //= docs/spec/v2.md#V2-011
        self.first.get_or_insert(place);
        self.confirmed.insert(place, check);
        if self.confirmed.len() < needed(context.plan.len()) {
            return Counted::Waiting(self);
        }
        Counted::All(self.agreed)
    }
}

/// How many of them must have confirmed: all.
fn needed(members: usize) -> usize {
    if guard!("confirm-all") { members } else { members.saturating_sub(1) }
}

impl<S: BroadcastSuite> Step<S> {
    /// Members whose packet is awaited.
    pub(crate) fn waiting_for(&self, context: &Context<S>) -> MemberSet {
        match self {
            Self::Contributing(step) => context.without(|place| !step.is_open(*place)),
            Self::Sharing(step) => context.without(|place| !step.is_open(*place)),
            Self::Confirming(step) => context.without(|place| !step.is_open(*place)),
        }
    }
}
