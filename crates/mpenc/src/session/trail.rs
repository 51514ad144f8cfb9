//! Whether others have accepted the same operations: each message says where its author stands
//! (V2-026), and after each operation everybody says so at once (section 6.6).

use alloc::collections::{BTreeMap, VecDeque};

use mpenc_liveness::TimerKind;
use mpenc_types::{ChainHash, MemberId, MemberSet, PacketId, Timestamp, guard};

use super::message::Which;
use super::subsession::SubsessionState;
use super::{Env, Notice, Session};
use crate::security::{Body, ErrorCode, OrderPoint};

/// Chain hashes that a subsession remembers. Who refers to an older one is not judged by it.
const MAX_TRAIL: usize = 4096;

/// The owner's chain hash after each operation packet it accepted since the final packet of a
/// subsession, that one included.
#[derive(Debug)]
pub(super) struct OrderTrail {
    /// The number of the first hash that is remembered.
    first: u32,
    hashes: VecDeque<ChainHash>,
    /// Claims that the owner cannot judge yet: one for each member, the first.
    ahead: BTreeMap<MemberId, (OrderPoint, Timestamp)>,
}

/// How a member's account of the order compares with the owner's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    Different,
    /// It has seen more.
    Ahead,
    /// It refers to what the owner has forgotten.
    TooOld,
}

impl OrderTrail {
    pub(super) fn new(chain: ChainHash) -> Self {
        Self { first: 0, hashes: VecDeque::from([chain]), ahead: BTreeMap::new() }
    }

    fn push(&mut self, chain: ChainHash) {
        self.hashes.push_back(chain);
        if self.hashes.len() > MAX_TRAIL {
            self.hashes.pop_front();
            self.first = self.first.saturating_add(1);
        }
    }

    /// Where the owner stands.
    pub(super) fn point(&self) -> OrderPoint {
        let len = u32::try_from(self.hashes.len()).unwrap_or(u32::MAX);
        OrderPoint {
            number: self.first.saturating_add(len).saturating_sub(1),
            chain: self.hashes.back().copied().unwrap_or(ChainHash::new([0; 32])),
        }
    }

    fn compare(&self, point: &OrderPoint) -> Comparison {
        let Some(index) = point.number.checked_sub(self.first) else { return Comparison::TooOld };
        match usize::try_from(index).ok().and_then(|index| self.hashes.get(index)) {
            Some(own) if *own == point.chain => Comparison::Equal,
            Some(_) => Comparison::Different,
            None => Comparison::Ahead,
        }
    }
}

/// The confirmations that the owner waits for (ORD-036).
#[derive(Debug)]
pub(super) struct Confirmations {
    last: PacketId,
    /// The number that the last operation's final packet has in the current subsession.
    number: u32,
    missing: MemberSet,
    warned: bool,
}

impl Confirmations {
    /// The warning about it that is in force.
    pub(super) fn warning(&self) -> Option<Notice> {
        let members = self.missing.clone();
        self.warned.then_some(Notice::OrderNotConfirmed { last: self.last, members })
    }
}

impl Session {
    /// An operation packet was accepted.
    pub(super) fn trail_order(&mut self) {
        let Some(chain) = self.order.chain_hash() else { return };
        let Some(current) = &mut self.current else { return };
        current.trail.push(chain);
        let known: alloc::vec::Vec<_> = current
            .trail
            .ahead
            .iter()
            .filter(|(_, (point, _))| current.trail.compare(point) != Comparison::Ahead)
            .map(|(member, (point, _))| (member.clone(), *point))
            .collect();
        for (member, point) in known {
            if let Some(current) = &mut self.current {
                current.trail.ahead.remove(&member);
            }
            self.compare_order(Which::Current, &member, &point);
        }
    }

    /// A message was accepted whose author says where it stands.
    //= docs/spec/v2.md#V2-026
    pub(super) fn compare_order(&mut self, which: Which, author: &MemberId, point: &OrderPoint) {
        if *author == *self.owner() || !guard!("order-compared") {
            return;
        }
        let now = self.now;
        let overdue = now + self.timing().bc_lat();
        let Some(sub) = self.subsession_mut(which) else { return };
        match sub.trail.compare(point) {
            Comparison::Equal => self.order_confirmed_by(which, author, point.number),
            Comparison::Different => self.order_differs(author),
            Comparison::Ahead => {
                sub.trail.ahead.entry(author.clone()).or_insert((*point, now));
                self.deadlines.set_earliest(TimerKind::OrderAhead, overdue);
            }
            Comparison::TooOld => {}
        }
    }

    /// Claims of operations that we have not seen, and that no honest channel could have kept
    /// from us for so long.
    pub(super) fn order_still_ahead(&mut self) {
        let now = self.now;
        let grace = self.timing().bc_lat();
        let mut overdue = MemberSet::new();
        let mut next: Option<Timestamp> = None;
        for sub in self.current.iter_mut().chain(&mut self.previous) {
            sub.trail.ahead.retain(|member, (_, since)| {
                let due = *since + grace;
                if due <= now {
                    overdue.insert(member.clone());
                } else {
                    next = Some(next.map_or(due, |next| next.min(due)));
                }
                due > now
            });
        }
        for member in &overdue {
            self.order_differs(member);
        }
        if let Some(next) = next {
            self.deadlines.set(TimerKind::OrderAhead, next);
        }
    }

    //= docs/spec/protocol.md#ORD-037
    fn order_differs(&mut self, member: &MemberId) {
        if !self.order_inconsistent.contains(member) {
            self.order_inconsistent.insert(member.clone());
            self.notify(Notice::OrderInconsistent { member: member.clone() });
            self.have_to_tell(Which::Current, ErrorCode::InconsistentHistory, None, member);
        }
    }

    /// An operation has ended: says so to those in the resulting subsession, and expects the same
    /// of them.
    //= docs/spec/protocol.md#ORD-035
    pub(super) fn confirm_order(&mut self, env: &mut Env<'_>) {
        if !self.rules.has_gated() {
            return;
        }
        self.deadlines.cancel(&TimerKind::Confirmations);
        self.confirmations = None;
        let Some(last) = self.order.prev_final() else { return };
        let owner = self.owner().clone();
        let Some(current) = self.current.as_ref().filter(|current| current.is_open()) else {
            return;
        };
        let gone = &self.task_exclude;
        //= docs/spec/protocol.md#ORD-036
        let missing = current.members().without(&owner).difference(gone);
        let number = current.trail.point().number;
        if missing.is_empty() || !guard!("chain-ack") {
            return;
        }
        self.confirmations = Some(Confirmations { last, number, missing, warned: false });
        let due = self.now + self.timing().fa_intv();
        self.deadlines.set(TimerKind::Confirmations, due);
        // Its failure is an internal error, which is reported where it happens.
        let _ = self.emit(env, Which::Current, Body::OrderConfirmation(last));
    }

    /// A message agrees with our order up to this number: as good as a confirmation of everything
    /// before (ORD-038).
    //= docs/spec/protocol.md#ORD-038
    fn order_confirmed_by(&mut self, which: Which, member: &MemberId, number: u32) {
        if which != Which::Current {
            return;
        }
        let Some(waiting) = &mut self.confirmations else { return };
        if number < waiting.number || !waiting.missing.remove(member) {
            return;
        }
        self.all_confirmed();
    }

    /// Members that are gone confirm nothing any more.
    pub(super) fn expect_no_confirmation_from(&mut self, gone: &MemberSet) {
        if let Some(waiting) = &mut self.confirmations {
            waiting.missing = waiting.missing.difference(gone);
            self.all_confirmed();
        }
    }

    fn all_confirmed(&mut self) {
        if let Some(waiting) = self.confirmations.take_if(|waiting| waiting.missing.is_empty()) {
            self.deadlines.cancel(&TimerKind::Confirmations);
            if waiting.warned {
                self.notify(Notice::OrderConfirmed { last: waiting.last });
            }
        }
    }

    //= docs/spec/protocol.md#ORD-036
    pub(super) fn confirmations_due(&mut self) {
        let open =
            self.current.as_ref().is_some_and(|current| current.state == SubsessionState::Joined);
        let Some(waiting) = self.confirmations.as_mut().filter(|waiting| !waiting.warned && open)
        else {
            return;
        };
        waiting.warned = true;
        let (last, members) = (waiting.last, waiting.missing.clone());
        self.notify(Notice::OrderNotConfirmed { last, members });
    }

    /// Whether everybody in the session is known to have accepted the same operations as the
    /// owner; never in a v1 session, which has no means to find out (ORD-040), nor after the owner
    /// has closed its part of the session, as nobody tells it any more.
    #[must_use]
    pub fn order_verified(&self) -> bool {
        self.rules.has_gated()
            && self.current.as_ref().is_some_and(|current| current.is_open())
            && self.confirmations.is_none()
            && self.order_inconsistent.is_empty()
    }
}
