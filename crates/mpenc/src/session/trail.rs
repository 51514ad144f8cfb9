//! Whether others have accepted the same operations: each message says where its author stands
//! (V2-026), and after each operation everybody says so at once (section 6.6).

use alloc::collections::{BTreeMap, VecDeque};

use mpenc_liveness::TimerKind;
use mpenc_types::{ChainHash, MemberId, MemberSet, Timestamp, guard};

use super::message::Which;
use super::{Notice, Session};
use crate::security::{ErrorCode, OrderPoint};

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
}
