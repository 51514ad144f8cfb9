//! How an operation is proposed, and how an accepted proposal starts it.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;

use mpenc_crypto::{BroadcastSuite, PublicKey, SecretBytes, SigningKey, VerifyingKey};
use mpenc_packet::v2::{self as wire, ContributionFields, Entry, InitialFields, operation_id};
use mpenc_types::limits::MAX_MEMBERS;
use mpenc_types::{MemberId, MemberSet, SubsessionId};
use rand_core::CryptoRng;

use super::checks;
use super::commit::Completed;
use super::hedge::Purpose;
use super::initial::{Consent, JudgedInitial, Part, Terms};
use super::plan::Plan;
use super::running::{Following, Running};
use super::state::{Context, Contributing, Secrets, Step};
use super::{BroadcastGreeter, MAX_CONTRIBUTED};
use crate::{AbortReason, GreetingReject, Metadata, Outcome, Progress, ProposeError, StuckReason};

/// An initial packet of the owner's that has not come back yet, with its secrets.
pub(crate) struct Proposal<S: BroadcastSuite> {
    pub(crate) packet: Vec<u8>,
    pub(crate) plan: Plan,
    terms: Terms<S>,
    /// None if the owner would remain alone.
    pub(super) secrets: Option<Secrets<S>>,
}

impl<S: BroadcastSuite> BroadcastGreeter<S> {
    /// Draws a contribution, in the order of wire-v2.md section 7.
    fn contribute(
        &mut self,
        rng: &mut dyn CryptoRng,
        of: &[u8; 32],
    ) -> (Secrets<S>, wire::Contribution) {
        //= docs/spec/v2.md#V2-014
        let scalar = self.hedge.scalar::<S>(rng, Purpose::Contribution, &[of], &[]);
        let nonce = *self.hedge.bytes::<S>(rng, Purpose::Nonce, &[of]).expose();
        let seed: SecretBytes<32> = self.hedge.bytes::<S>(rng, Purpose::Ephemeral, &[of]);
        let signer = Arc::new(S::SigningKey::from_seed(&seed));
        let point = S::export(&S::mul_base(&scalar));
        let contribution = wire::Contribution { nonce, ephemeral: signer.public(), point };
        (Secrets { scalar, signer }, contribution)
    }

    /// Makes a proposal.
    pub(super) fn draft(
        &mut self,
        rng: &mut dyn CryptoRng,
        next_members: &MemberSet,
        metadata: Metadata,
    ) -> Result<Proposal<S>, ProposeError> {
        let prev_members = crate::Greeter::members(self);
        let entries = self.entries(&prev_members, next_members)?;
        let place = next_members.iter().position(|member| *member == self.owner);
        let place = place.and_then(|place| u16::try_from(place).ok());
        let instance = self.hedge.instance(rng);
        let (secrets, contribution) = if next_members.len() < 2 {
            //= docs/spec/v2.md#V2-032
            (None, None)
        } else {
            let (secrets, contribution) = self.contribute(rng, metadata.prev_final.as_bytes());
            (Some(secrets), Some(contribution))
        };
        //= docs/spec/v2.md#V2-015
        //= docs/spec/v2.md#V2-016
        let fields = InitialFields {
            label: self.label,
            instance,
            place: place.ok_or(ProposeError::WithoutOwner)?,
            entries,
            prev_final: metadata.prev_final,
            prev_chain: metadata.prev_chain,
            heads: metadata.heads,
            contribution,
        };
        let packet = fields.sign(&*self.identity).map_err(|_| ProposeError::Internal)?;
        self.remember(packet.to_wire(), packet.fields(), secrets).ok_or(ProposeError::Internal)
    }

    fn remember(
        &self,
        packet: Vec<u8>,
        fields: &InitialFields,
        secrets: Option<Secrets<S>>,
    ) -> Option<Proposal<S>> {
        let plan = Plan::of(fields)?;
        let import = |key| S::VerifyingKey::import(key).ok();
        let identities = plan.identities.iter().map(import).collect::<Option<Vec<_>>>()?;
        let contribution = match &fields.contribution {
            Some(one) => Some(
                checks::contribution::<S>(&plan, &one.nonce, &one.ephemeral, &one.point, &[])
                    .ok()?,
            ),
            None => None,
        };
        let terms = Terms { op: operation_id::<S>(&packet), identities, contribution };
        Some(Proposal { packet, plan, terms, secrets })
    }

    /// Everybody whom the operation concerns, with identity keys.
    fn entries(
        &self,
        prev_members: &MemberSet,
        next_members: &MemberSet,
    ) -> Result<Vec<Entry>, ProposeError> {
        if !next_members.contains(&self.owner) {
            return Err(ProposeError::WithoutOwner);
        }
        let all = prev_members.union(next_members);
        if all.len() < 2 {
            return Err(ProposeError::Nobody);
        }
        if all.len() > MAX_MEMBERS {
            return Err(ProposeError::TooMany { found: all.len() });
        }
        let mut used = BTreeSet::new();
        let mut entries = Vec::with_capacity(all.len());
        for name in &all {
            let key = if next_members.contains(name) {
                //= docs/spec/protocol.md#SKE-008
                let key = self.known_key(name);
                // Of two members with one key, the second could be anybody.
                let key = key.filter(|key| used.insert(*key.as_bytes()));
                Some(key.ok_or_else(|| ProposeError::NoIdentityKey(name.clone()))?)
            } else {
                None
            };
            entries.push(Entry { name: name.clone(), was: prev_members.contains(name), key });
        }
        Ok(entries)
    }

    /// The identity key under which the owner would list a member.
    fn known_key(&self, member: &MemberId) -> Option<PublicKey> {
        if *member == self.owner {
            return Some(self.own_key);
        }
        //= docs/spec/v2.md#V2-030
        let pinned = self.committed.as_ref().and_then(|committed| committed.identity(member));
        pinned.or_else(|| self.directory.get(member)).map(VerifyingKey::export)
    }

    /// Starts the operation of a judged initial packet.
    pub(super) fn begin(
        &mut self,
        rng: &mut dyn CryptoRng,
        judged: JudgedInitial<S>,
        bytes: &[u8],
    ) -> Result<Progress, GreetingReject> {
        //= docs/spec/protocol.md#GRT-002
        let JudgedInitial { plan, part } = judged;
        match part {
            Part::Foreign => Err(GreetingReject::NotEntitled),
            Part::Own => {
                let proposal = self.proposal.take().ok_or(GreetingReject::NotOurs)?;
                let Proposal { packet, plan, terms, secrets } = proposal;
                let mut context = self.context(plan, &terms, bytes);
                context.sent.push(packet);
                Ok(self.follow(context, terms, secrets, Vec::new()))
            }
            Part::Concerned { terms, consent } => {
                self.supersede(&plan);
                Ok(self.join(rng, plan, terms, consent, bytes))
            }
        }
    }

    /// Begins an operation of somebody else's.
    fn join(
        &mut self,
        rng: &mut dyn CryptoRng,
        plan: Plan,
        terms: Terms<S>,
        consent: Consent,
        bytes: &[u8],
    ) -> Progress {
        let mut context = self.context(plan, &terms, bytes);
        let mut outgoing = Vec::new();
        let mut secrets = None;
        match consent {
            Consent::NotAsked => context.own = None,
            Consent::Impossible => {
                //= docs/spec/protocol.md#GRT-022
                let reason = StuckReason::NoIdentityKey(self.owner.clone());
                self.running = Running::Stuck(context.plan);
                return Progress { outgoing, outcome: Outcome::Stuck(reason) };
            }
            Consent::Refused(member) => {
                //= docs/spec/v2.md#V2-030
                outgoing.extend(context.abort(&AbortReason::IdentityKey(member)));
            }
            Consent::Given => {
                if self.committed.is_none() {
                    if self.contributed.len() >= MAX_CONTRIBUTED {
                        self.contributed.pop_front();
                    }
                    self.contributed.push_back(context.op);
                }
                let (drawn, contribution) = self.contribute(rng, context.op.as_bytes());
                match contribution_packet(&context, contribution) {
                    Some(packet) => {
                        secrets = Some(drawn);
                        outgoing.push(context.send(packet));
                    }
                    None => outgoing.extend(context.abort(&AbortReason::Internal)),
                }
            }
        }
        self.follow(context, terms, secrets, outgoing)
    }

    /// Goes along with an operation, or has seen the whole of it.
    fn follow(
        &mut self,
        context: Context<S>,
        terms: Terms<S>,
        secrets: Option<Secrets<S>>,
        outgoing: Vec<crate::Outgoing>,
    ) -> Progress {
        let Some(contribution) = terms.contribution else {
            //= docs/spec/v2.md#V2-032
            //= docs/spec/protocol.md#GRT-025
            if context.own.is_none() {
                //= docs/spec/protocol.md#GRT-013
                return Progress { outgoing, outcome: Outcome::Ignored };
            }
            let sid = SubsessionId::new(*context.op.as_bytes());
            let Context { plan, identities, .. } = context;
            return self.complete(Completed { plan, identities, sid, result: None });
        };
        let salt = self.salt(&context.plan);
        let step = Contributing::begin(context.plan.by, contribution, secrets);
        let following = Following { context, step: Step::Contributing(step), salt };
        self.running = Running::Following(Box::new(following));
        Progress { outgoing, outcome: Outcome::Continues }
    }

    fn context(&self, plan: Plan, terms: &Terms<S>, initial: &[u8]) -> Context<S> {
        Context {
            statements: BTreeMap::from([(plan.by, initial.to_vec())]),
            own: plan.place_of(&self.owner),
            plan,
            op: terms.op,
            identities: terms.identities.clone(),
            identity: self.identity.clone(),
            sent: Vec::new(),
            abort: None,
        }
    }

    /// Forgets the own proposal if the accepted packet takes its place.
    fn supersede(&mut self, accepted: &Plan) {
        //= docs/spec/protocol.md#GRT-023
        let same =
            |own: &mut Proposal<S>| own.plan.metadata.prev_final == accepted.metadata.prev_final;
        drop(self.proposal.take_if(same));
    }
}

fn contribution_packet<S: BroadcastSuite>(
    context: &Context<S>,
    contribution: wire::Contribution,
) -> Option<Vec<u8>> {
    let place = u16::try_from(context.own?).ok()?;
    let fields = ContributionFields { op: context.op, place, contribution };
    Some(fields.sign(&*context.identity).ok()?.to_wire())
}
