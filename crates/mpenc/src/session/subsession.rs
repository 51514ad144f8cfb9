use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;

use mpenc_liveness::{AckMonitor, PacketCache, Presence, Repair};
use mpenc_transcript::{Deferral, Transcript};
use mpenc_types::{MemberId, MemberSet, MessageId, SubsessionId, Timestamp, guard};

use super::complain::Complained;
use super::fingerprint::Fingerprint;
use super::trail::OrderTrail;
use crate::security::{MessageSecurity, Opened};

/// The state of one subsession (SES-004).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubsessionState {
    /// In use.
    Joined,
    /// Our FIN is out; others' messages are still accepted and acknowledged.
    Parting,
    /// Ended, and everybody is known to have seen everything.
    Parted,
    /// Ended without that knowledge.
    PartFailed,
    /// An author contradicted itself here: nothing more is sent or accepted in it. The session
    /// goes on with a new subsession, best without that author (TRN-023).
    Error,
}

/// The part of a session with fixed membership and fixed keys.
#[derive(Debug)]
pub(super) struct Subsession {
    pub(super) sid: SubsessionId,
    members: Arc<MemberSet>,
    pub(super) fingerprint: Option<Fingerprint>,
    pub(super) security: Box<dyn MessageSecurity>,
    pub(super) transcript: Transcript,
    pub(super) deferral: Deferral<Waiting>,
    pub(super) acks: AckMonitor,
    pub(super) packets: PacketCache,
    pub(super) repair: Repair,
    /// The last message of each member that is monitored (LIV-003).
    pub(super) last_watched: BTreeMap<MemberId, MessageId>,
    pub(super) presence: Presence,
    pub(super) trail: OrderTrail,
    pub(super) state: SubsessionState,
    pub(super) context: LogContext,
    pub(super) shutdown: Option<Shutdown>,
    /// The last message of each other member that has said to write no more (FIN-021).
    pub(super) closes: BTreeMap<MemberId, MessageId>,
    /// Whose keys are public: nothing new is theirs for sure.
    pub(super) published: MemberSet,
    pub(super) complained: Complained,
    /// Deferred messages for which `NotAccepted` is out.
    pub(super) not_accepted: BTreeSet<MessageId>,
    /// Those that were dropped for others, or could not be accepted any more.
    pub(super) discarded: BTreeSet<MessageId>,
    /// Identifiers of refused messages, so that copies cost nothing and are not reported again.
    refused: BTreeSet<MessageId>,
    /// Payloads that are not in the log: texts that never became complete.
    pub(super) unshown: BTreeSet<MessageId>,
}

/// Refused messages whose identifiers a subsession remembers; copies of later ones are judged
/// anew.
const MAX_REFUSED: usize = 1024;

/// Discarded messages that a subsession remembers, so that each is told of once.
pub(super) const MAX_DISCARDED: usize = 1024;

/// Payloads without a text that a subsession remembers as such; later ones count as forgotten by
/// the log once that forgets anything.
const MAX_UNSHOWN: usize = 1024;

/// A verified message that waits for its ancestors (TRN-014).
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) opened: Opened,
    pub(super) since: Timestamp,
}

/// How far the shutdown of a subsession has come (FIN-005).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shutdown {
    /// The own FIN; the second one after a leave-intent.
    pub(super) fin: MessageId,
    /// Stop at this time whatever happens.
    pub(super) give_up: Timestamp,
    /// Set once the FIN is fully acked: stop then.
    pub(super) stop: Option<Timestamp>,
    /// Our last message, after which we write nothing more (FIN-021).
    pub(super) close: Option<MessageId>,
}

impl Shutdown {
    pub(super) fn new(fin: MessageId, give_up: Timestamp) -> Self {
        Self { fin, give_up, stop: None, close: None }
    }

    pub(super) fn deadline(&self) -> Timestamp {
        self.stop.unwrap_or(self.give_up)
    }
}

/// What the first messages of a subsession answer (TRN-036).
#[derive(Debug)]
pub(super) enum LogContext {
    /// Known: these messages of the log.
    Known(Vec<MessageId>),
    /// Some messages named as context have not been accepted yet; payloads wait (TRN-037).
    Waiting {
        /// The heads that the initial packet named.
        heads: Vec<MessageId>,
        /// Payloads accepted meanwhile, in order of acceptance.
        withheld: Vec<MessageId>,
    },
}

impl Subsession {
    pub(super) fn new(
        sid: SubsessionId,
        members: MemberSet,
        security: Box<dyn MessageSecurity>,
        acks: AckMonitor,
        presence: Presence,
        trail: OrderTrail,
        context: LogContext,
    ) -> Self {
        Self {
            sid,
            transcript: Transcript::new(&members),
            deferral: Deferral::new(members.len()),
            members: Arc::new(members),
            fingerprint: None,
            security,
            acks,
            packets: PacketCache::new(),
            repair: Repair::new(),
            last_watched: BTreeMap::new(),
            presence,
            trail,
            state: SubsessionState::Joined,
            context,
            shutdown: None,
            closes: BTreeMap::new(),
            published: MemberSet::new(),
            complained: Complained::default(),
            not_accepted: BTreeSet::new(),
            discarded: BTreeSet::new(),
            refused: BTreeSet::new(),
            unshown: BTreeSet::new(),
        }
    }

    pub(super) fn members(&self) -> &Arc<MemberSet> {
        &self.members
    }

    /// Everybody but `author`: who can read its messages (MOD-008).
    pub(super) fn readers(&self, author: &MemberId) -> MemberSet {
        self.members.without(author)
    }

    /// How many messages of this author have been accepted.
    pub(super) fn written_by(&self, author: &MemberId) -> u64 {
        self.transcript.seen(author, author)
    }

    /// Whether messages may be accepted and acknowledged.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, SubsessionState::Joined | SubsessionState::Parting)
    }

    /// Our last message in it, if we have written that.
    pub(super) fn own_close(&self) -> Option<MessageId> {
        self.shutdown.as_ref()?.close
    }

    /// When it stops, if it is shutting down. An author that contradicts itself stops no clock.
    //= docs/spec/protocol.md#SES-033
    pub(super) fn stops_at(&self) -> Option<Timestamp> {
        let over = matches!(self.state, SubsessionState::Parted | SubsessionState::PartFailed);
        let shutdown = self.shutdown.as_ref().filter(|_| !over);
        shutdown.filter(|shut| shut.stop.is_some() || guard!("fin-timeout")).map(Shutdown::deadline)
    }

    /// A copy of something accepted, deferred or refused already (TRN-024).
    pub(super) fn knows(&self, id: &MessageId) -> bool {
        self.transcript.contains(id) || self.deferral.contains(id) || self.refused.contains(id)
    }

    /// Whether it knows of messages that it does not have: something was written in answer to them.
    pub(super) fn misses_something(&self) -> bool {
        !self.deferral.is_empty() || !self.discarded.is_empty()
    }

    pub(super) fn not_shown(&mut self, id: MessageId) {
        if self.unshown.len() < MAX_UNSHOWN {
            self.unshown.insert(id);
        }
    }

    pub(super) fn refuse(&mut self, id: MessageId) {
        self.packets.remove(&id);
        if self.refused.len() < MAX_REFUSED {
            self.refused.insert(id);
        }
    }
}
