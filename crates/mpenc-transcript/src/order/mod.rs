//! Which operation packets count: the server order (protocol.md section 6).
//!
//! Members never vote on the next operation. Everybody sees the packets in the channel's order,
//! and from that order alone decides which initial packet begins an operation and which final
//! packet ends it; all who see the same events decide the same (ORD-001).
//!
//! [`ServerOrder`] is that decision as a table. [`ServerOrder::decide`] is a pure function from
//! the state and an [`Event`] to a [`Decision`], in which everything that follows is data;
//! [`ServerOrder::apply`] writes it. The named methods, such as
//! [`accept_initial`](ServerOrder::accept_initial), do both.
//!
//! ```text
//!             SyncNew                    Initial            Initial that is final
//!  Unsynced ───────────> Idle ─────────────────────> InOperation     Idle ──> Idle
//!     │                  ^  ^     Final, Leave            │
//!     │                  │  └─────────────────────────────┘
//!     │ Initial (EII)    │ Initial (EII) that is final
//!     ├──────────────────┘
//!     └─────────────────────────────────────────────> InOperation
//!  Unsynced <── FirstFailed ── Idle;   Unsynced <── Reset ── anything
//! ```
//!
//! # Security
//!
//! Only verified packets may be given to it (GRT-019, ATK-064): an accepted packet decides what
//! counts from then on. The channel's operator chooses the order, and may show members different
//! ones; section 6.6 of protocol.md is about noticing that.

mod event;

use alloc::collections::VecDeque;

pub use mpenc_types::PacketRole;
use mpenc_types::{ChainHash, PacketId, guard};

pub use self::event::{Accepted, Event, InitialPacket, OrderHash, OrderReject, Verdict};

/// What is to follow from an event. Data: nothing has happened yet.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What the session is told.
    pub verdict: Verdict,
    change: Change,
}

/// Where the owner stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It does not know what has been accepted.
    Unsynced {
        /// The last final packet it saw before it lost track, with its own chain hash (ORD-014).
        last: Option<(PacketId, ChainHash)>,
    },
    /// No operation is in progress.
    Idle {
        /// The last accepted final packet.
        prev_final: PacketId,
        /// The chain hash up to it.
        chain: ChainHash,
        /// The final packet before the operation that ended with it, if there was one.
        before: Option<PacketId>,
    },
    /// An operation is in progress.
    InOperation {
        /// The final packet before it.
        prev_final: PacketId,
        /// Its initial packet.
        prev_initial: PacketId,
        /// The chain hash up to that one.
        chain: ChainHash,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Change {
    Nothing,
    /// Remember a predecessor of packets that do not concern the owner.
    Blacklist(PacketId),
    /// Go on as `phase`, an accepted packet's identifier added.
    Accept {
        id: PacketId,
        phase: Phase,
    },
    /// Become synced with nothing accepted.
    Begin(Phase),
    /// Become unsynced again with only this blacklisted.
    LoseTrack {
        blacklisted: PacketId,
        last: (PacketId, ChainHash),
    },
    /// As new.
    Reset,
}

/// The owner's view of the total order of operations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerOrder {
    phase: Phase,
    /// Predecessors of packets that were not for the owner, oldest first.
    blacklist: VecDeque<PacketId>,
    /// Packets accepted last, oldest first. Few enough to be searched one by one.
    accepted: VecDeque<PacketId>,
    count: u64,
}

/// Predecessors remembered while unsynced (rule EIO); the oldest is forgotten first (ATK-077).
pub const MAX_BLACKLIST: usize = 256;

/// Accepted packets whose identifiers are remembered.
///
/// A forgotten one is still refused, because an identifier covers the packet and the packet names
/// its predecessor: it would have to follow a packet accepted after it.
pub const MAX_REMEMBERED: usize = 256;

impl Default for ServerOrder {
    fn default() -> Self {
        Self::new()
    }
}

impl ServerOrder {
    /// The state of somebody that just entered the channel: unsynced.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            phase: Phase::Unsynced { last: None },
            blacklist: VecDeque::new(),
            accepted: VecDeque::new(),
            count: 0,
        }
    }

    /// Where the owner stands.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether the owner knows the order of operations.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        !matches!(self.phase, Phase::Unsynced { .. })
    }

    /// Whether an operation is in progress.
    #[must_use]
    pub fn in_operation(&self) -> bool {
        matches!(self.phase, Phase::InOperation { .. })
    }

    /// The last accepted final packet, which the next initial packet must follow; also during an
    /// operation, where it is the one before.
    #[must_use]
    pub fn prev_final(&self) -> Option<PacketId> {
        match self.phase {
            Phase::Unsynced { .. } => None,
            Phase::Idle { prev_final, .. } | Phase::InOperation { prev_final, .. } => {
                Some(prev_final)
            }
        }
    }

    /// The initial packet of the operation in progress.
    #[must_use]
    pub fn prev_initial(&self) -> Option<PacketId> {
        match self.phase {
            Phase::Unsynced { .. } | Phase::Idle { .. } => None,
            Phase::InOperation { prev_initial, .. } => Some(prev_initial),
        }
    }

    /// The chain hash over everything accepted.
    #[must_use]
    pub fn chain_hash(&self) -> Option<ChainHash> {
        match self.phase {
            Phase::Unsynced { .. } => None,
            Phase::Idle { chain, .. } | Phase::InOperation { chain, .. } => Some(chain),
        }
    }

    /// Number of packets accepted since the owner entered the channel, leave pseudo-packets
    /// included.
    #[must_use]
    pub fn accepted_count(&self) -> u64 {
        self.count
    }

    /// Predecessors of packets that were not for the owner, oldest first. Empty when synced.
    pub fn blacklist(&self) -> impl ExactSizeIterator<Item = PacketId> + '_ {
        self.blacklist.iter().copied()
    }

    /// Forgets a predecessor of packets that were not for the owner, so that it may be invited with
    /// a packet that has the same. False if it was not remembered.
    ///
    /// Only where operations end in time: whatever followed that predecessor has ended by then,
    /// and the members go on from another one (V2-030, ATK-077).
    pub fn forgive(&mut self, prev_final: &PacketId) -> bool {
        let before = self.blacklist.len();
        self.blacklist.retain(|blacklisted| blacklisted != prev_final);
        self.blacklist.len() < before
    }

    /// Begins a session (ORD-006). False, and nothing changes, if the owner is synced.
    pub fn sync_new(&mut self, prev_final: PacketId, hash: &dyn OrderHash) -> bool {
        self.handle(Event::SyncNew { prev_final }, hash) == Verdict::Done
    }

    /// Whether an initial packet would be accepted.
    ///
    /// # Errors
    ///
    /// The reason for which it would not.
    pub fn judge_initial(
        &self,
        id: PacketId,
        packet: InitialPacket<'_>,
    ) -> Result<(), OrderReject> {
        self.initial(id, &packet).map(|_| ())
    }

    /// Accepts an initial packet, or not.
    ///
    /// # Errors
    ///
    /// The reason for which it does not count. Nothing has changed, except that an unsynced owner
    /// remembers the packet's predecessor (ORD-011).
    pub fn accept_initial(
        &mut self,
        id: PacketId,
        packet: InitialPacket<'_>,
        hash: &dyn OrderHash,
    ) -> Result<Accepted, OrderReject> {
        self.packet(Event::Initial { id, packet }, hash)
    }

    /// Accepts a final packet, or not.
    ///
    /// That all targets are in the channel (ORD-009) was so when the operation began, and
    /// [`accept_leave`](Self::accept_leave) ends it as soon as it is no longer so.
    ///
    /// # Errors
    ///
    /// The reason for which it does not count; nothing has changed.
    pub fn accept_final(
        &mut self,
        id: PacketId,
        prev_initial: PacketId,
        hash: &dyn OrderHash,
    ) -> Result<Accepted, OrderReject> {
        self.packet(Event::Final { id, prev_initial }, hash)
    }

    /// Ends the operation because a target left the channel (ORD-025).
    ///
    /// # Errors
    ///
    /// [`OrderReject::NoOperation`], [`OrderReject::Unsynced`] or [`OrderReject::Repeated`];
    /// nothing has changed.
    pub fn accept_leave(
        &mut self,
        id: PacketId,
        hash: &dyn OrderHash,
    ) -> Result<Accepted, OrderReject> {
        self.packet(Event::Leave { id }, hash)
    }

    /// Makes the owner unsynced again after the operation that would have given it its first
    /// subsession failed and it is not alone (ORD-014). To be called after the packet that ended
    /// it was accepted. False, and nothing changes, if no operation has just ended.
    pub fn unsync_after_failed_first_op(&mut self) -> bool {
        let decision = self.first_failed();
        let done = decision.verdict == Verdict::Done;
        self.apply(decision);
        done
    }

    /// Forgets everything, because the owner left the channel (ORD-008).
    //= docs/spec/protocol.md#ORD-008
    pub fn reset(&mut self) {
        *self = Self::new();
    }

    /// Decides and applies.
    pub fn handle(&mut self, event: Event<'_>, hash: &dyn OrderHash) -> Verdict {
        let decision = self.decide(event, hash);
        let verdict = decision.verdict.clone();
        self.apply(decision);
        verdict
    }

    /// What follows from an event in this state. Changes nothing.
    //= docs/spec/protocol.md#ORD-001
    //= docs/spec/protocol.md#ORD-002
    pub fn decide(&self, event: Event<'_>, hash: &dyn OrderHash) -> Decision {
        match event {
            Event::SyncNew { prev_final } => self.begin(prev_final, hash),
            Event::Initial { id, packet } => match self.initial(id, &packet) {
                Ok((prev_chain, adopted)) => {
                    let role = if packet.is_final { PacketRole::Both } else { PacketRole::Initial };
                    let chain = hash.extend(&prev_chain, &id, role);
                    let prev_final = packet.prev_final;
                    let phase = if packet.is_final {
                        Phase::Idle { prev_final: id, chain, before: Some(prev_final) }
                    } else {
                        Phase::InOperation { prev_final, prev_initial: id, chain }
                    };
                    accept(Accepted { id, role, prev: prev_final, chain, adopted }, phase)
                }
                //= docs/spec/protocol.md#ORD-011
                Err(reject @ (OrderReject::NotForOwner | OrderReject::Superseded)) => Decision {
                    verdict: Verdict::Rejected(reject),
                    change: Change::Blacklist(packet.prev_final),
                },
                Err(reject) => refuse(reject),
            },
            Event::Final { id, prev_initial } => {
                self.end(id, Some(prev_initial), PacketRole::Final, hash)
            }
            //= docs/spec/protocol.md#ORD-025
            Event::Leave { id } => self.end(id, None, PacketRole::Leave, hash),
            Event::FirstFailed => self.first_failed(),
            Event::Reset => Decision { verdict: Verdict::Done, change: Change::Reset },
        }
    }

    /// Carries out a decision made in this state.
    //= docs/spec/protocol.md#ORD-017
    pub fn apply(&mut self, decision: Decision) {
        match decision.change {
            Change::Nothing => {}
            Change::Blacklist(prev_final) => {
                if !self.blacklist.contains(&prev_final) {
                    if guard!("eio-bound") && self.blacklist.len() >= MAX_BLACKLIST {
                        self.blacklist.pop_front();
                    }
                    self.blacklist.push_back(prev_final);
                }
            }
            Change::Accept { id, phase } => {
                self.phase = phase;
                self.blacklist.clear();
                self.count = self.count.saturating_add(1);
                if guard!("accepted-bound") && self.accepted.len() >= MAX_REMEMBERED {
                    self.accepted.pop_front();
                }
                self.accepted.push_back(id);
            }
            Change::Begin(phase) => {
                self.phase = phase;
                self.blacklist.clear();
            }
            Change::LoseTrack { blacklisted, last } => {
                self.phase = Phase::Unsynced { last: Some(last) };
                self.blacklist = VecDeque::from([blacklisted]);
            }
            Change::Reset => self.reset(),
        }
    }

    fn packet(&mut self, event: Event<'_>, hash: &dyn OrderHash) -> Result<Accepted, OrderReject> {
        match self.handle(event, hash) {
            Verdict::Accepted(accepted) => Ok(accepted),
            Verdict::Rejected(reject) => Err(reject),
            // Packets are accepted or rejected.
            Verdict::Done | Verdict::Void => Err(OrderReject::NoOperation),
        }
    }

    //= docs/spec/protocol.md#ORD-006
    fn begin(&self, prev_final: PacketId, hash: &dyn OrderHash) -> Decision {
        match self.phase {
            Phase::Unsynced { .. } => {
                let chain = hash.start(&prev_final);
                let change = Change::Begin(Phase::Idle { prev_final, chain, before: None });
                Decision { verdict: Verdict::Done, change }
            }
            Phase::Idle { .. } | Phase::InOperation { .. } => void(),
        }
    }

    /// The rules for initial packets in their order: the chain hash to extend, and whether it was
    /// adopted from the packet.
    fn initial(
        &self,
        id: PacketId,
        packet: &InitialPacket<'_>,
    ) -> Result<(ChainHash, bool), OrderReject> {
        //= docs/spec/protocol.md#ORD-009
        if guard!("rule-xp") && !packet.targets.is_subset(packet.channel) {
            return Err(OrderReject::TargetNotInChannel);
        }
        match self.phase {
            Phase::Unsynced { last } => {
                //= docs/spec/protocol.md#ORD-011
                if !packet.names_owner {
                    return Err(OrderReject::NotForOwner);
                }
                if guard!("rule-eio") && self.blacklist.contains(&packet.prev_final) {
                    return Err(OrderReject::Superseded);
                }
                //= docs/spec/protocol.md#ORD-014
                if let Some((prev_final, chain)) = last
                    && prev_final == packet.prev_final
                    && chain != packet.prev_chain
                    && guard!("chain-checked")
                {
                    return Err(OrderReject::Inconsistent);
                }
                //= docs/spec/protocol.md#ORD-015
                if self.is_repeated(&id) {
                    return Err(OrderReject::Repeated);
                }
                //= docs/spec/protocol.md#ORD-012
                Ok((packet.prev_chain, true))
            }
            //= docs/spec/protocol.md#ORD-013
            Phase::Idle { .. } | Phase::InOperation { .. }
                if guard!("initiator-is-member") && !packet.initiator_is_member =>
            {
                Err(OrderReject::NotAMember)
            }
            //= docs/spec/protocol.md#ORD-015
            Phase::Idle { .. } | Phase::InOperation { .. } if self.is_repeated(&id) => {
                Err(OrderReject::Repeated)
            }
            Phase::InOperation { .. } if guard!("accept-first") => Err(OrderReject::InOperation),
            Phase::Idle { prev_final, chain, .. }
            | Phase::InOperation { prev_final, chain, .. } => {
                if guard!("context-checked") && prev_final != packet.prev_final {
                    return Err(OrderReject::WrongPrevFinal);
                }
                //= docs/spec/v2.md#V2-030
                if packet.binds_chain && chain != packet.prev_chain && guard!("chain-checked") {
                    return Err(OrderReject::Inconsistent);
                }
                Ok((chain, false))
            }
        }
    }

    /// The rules for what ends an operation.
    fn end(
        &self,
        id: PacketId,
        claimed_initial: Option<PacketId>,
        role: PacketRole,
        hash: &dyn OrderHash,
    ) -> Decision {
        match self.phase {
            //= docs/spec/protocol.md#ORD-010
            Phase::Unsynced { .. } => refuse(OrderReject::Unsynced),
            //= docs/spec/protocol.md#ORD-016
            Phase::Idle { .. } | Phase::InOperation { .. } if self.is_repeated(&id) => {
                refuse(OrderReject::Repeated)
            }
            Phase::Idle { .. } => refuse(OrderReject::NoOperation),
            Phase::InOperation { prev_final, prev_initial, chain } => {
                if guard!("final-by-order")
                    && claimed_initial.is_some_and(|claimed| claimed != prev_initial)
                {
                    return refuse(OrderReject::WrongPrevInitial);
                }
                //= docs/spec/protocol.md#ORD-004
                let chain = hash.extend(&chain, &id, role);
                accept(
                    Accepted { id, role, prev: prev_initial, chain, adopted: false },
                    Phase::Idle { prev_final: id, chain, before: Some(prev_final) },
                )
            }
        }
    }

    /// Whether a packet with this identifier was accepted before.
    fn is_repeated(&self, id: &PacketId) -> bool {
        guard!("accept-once") && self.accepted.contains(id)
    }

    //= docs/spec/protocol.md#ORD-014
    fn first_failed(&self) -> Decision {
        match self.phase {
            Phase::Idle { prev_final, chain, before: Some(before) } => Decision {
                verdict: Verdict::Done,
                change: Change::LoseTrack { blacklisted: before, last: (prev_final, chain) },
            },
            Phase::Idle { before: None, .. }
            | Phase::Unsynced { .. }
            | Phase::InOperation { .. } => void(),
        }
    }
}

fn accept(accepted: Accepted, phase: Phase) -> Decision {
    let change = Change::Accept { id: accepted.id, phase };
    Decision { verdict: Verdict::Accepted(accepted), change }
}

fn refuse(reject: OrderReject) -> Decision {
    Decision { verdict: Verdict::Rejected(reject), change: Change::Nothing }
}

fn void() -> Decision {
    Decision { verdict: Verdict::Void, change: Change::Nothing }
}
