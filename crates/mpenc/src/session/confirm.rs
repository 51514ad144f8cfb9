//! After each operation everybody says at once that it has accepted it, and whoever does not is named
//! (section 6.6).

use alloc::collections::{BTreeMap, VecDeque};

use mpenc_liveness::TimerKind;
use mpenc_types::{MemberId, MemberSet, PacketId, Timestamp, guard};

use super::message::Which;
use super::subsession::SubsessionState;
use super::{Env, Notice, Session};
use crate::security::Body;

/// Operations of one subsession whose confirmations are expected each in its own time. Further ones
/// are due together with the last of these, which is sooner than they would be.
const MAX_AWAITED: usize = 64;

/// The confirmations that the owner waits for (ORD-036).
#[derive(Debug)]
pub(super) struct Confirmations {
    /// The final packet of the last operation.
    last: PacketId,
    /// The numbers that the operations have in the current subsession, oldest first, and when
    /// everybody should have confirmed each.
    awaited: VecDeque<(u32, Timestamp)>,
    /// Who has not confirmed all of them, and the number of the first that it has not.
    missing: BTreeMap<MemberId, u32>,
    /// Those who are named in the warning in force.
    named: MemberSet,
    /// A warning was not withdrawn yet.
    warned: bool,
}

impl Confirmations {
    fn new(last: PacketId) -> Self {
        Self {
            last,
            awaited: VecDeque::new(),
            missing: BTreeMap::new(),
            named: MemberSet::new(),
            warned: false,
        }
    }

    /// The warning that is in force: those it named who are still missing, or whoever is.
    pub(super) fn warning(&self) -> Option<Notice> {
        let missing = || self.missing.keys().cloned().collect();
        let members = if self.named.is_empty() { missing() } else { self.named.clone() };
        self.warned.then_some(Notice::OrderNotConfirmed { last: self.last, members })
    }

    /// One more operation has ended, which these members are to confirm. Whoever lacks an earlier
    /// one still does.
    fn expect(&mut self, last: PacketId, number: u32, members: &MemberSet, due: Timestamp) {
        self.last = last;
        let many = self.awaited.len() >= MAX_AWAITED;
        match self.awaited.back_mut().filter(|_| many) {
            Some(latest) => latest.0 = number,
            None => self.awaited.push_back((number, due)),
        }
        self.missing.retain(|member, _| members.contains(member));
        for member in members {
            self.missing.entry(member.clone()).or_insert(number);
        }
    }

    /// A member stands where the owner stood after the operation with this number.
    fn confirmed(&mut self, member: &MemberId, number: u32) {
        let Some(first) = self.missing.get_mut(member) else { return };
        match self.awaited.iter().find(|(awaited, _)| *awaited > number) {
            // What it confirms now is not the first that it has not.
            Some((next, _)) => *first = (*first).max(*next),
            None => {
                self.missing.remove(member);
                self.named.remove(member);
            }
        }
    }

    fn not_expected_from(&mut self, gone: &MemberSet) {
        self.missing.retain(|member, _| !gone.contains(member));
        self.named = self.named.difference(gone);
    }

    /// When this operation should be confirmed.
    fn due(&self, number: u32) -> Option<Timestamp> {
        self.awaited.iter().find(|(awaited, _)| *awaited >= number).map(|(_, due)| *due)
    }

    fn overdue(&self, now: Timestamp) -> MemberSet {
        let late = |number: &u32| self.due(*number).is_some_and(|due| due <= now);
        self.missing.iter().filter(|(_, number)| late(number)).map(|(m, _)| m.clone()).collect()
    }

    /// The next moment at which somebody is late.
    fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        self.missing.values().filter_map(|number| self.due(*number)).filter(|due| *due > now).min()
    }
}

impl Session {
    /// An operation has ended: says so to those in the resulting subsession, and expects the same
    /// of them.
    //= docs/spec/protocol.md#ORD-035
    pub(super) fn confirm_order(&mut self, env: &mut Env<'_>) {
        if !self.rules.has_gated() {
            return;
        }
        let Some(last) = self.order.prev_final() else { return };
        let owner = self.owner().clone();
        let (expected, number) = match &self.current {
            //= docs/spec/protocol.md#ORD-036
            Some(current) if current.is_open() => {
                let others = current.members().without(&owner);
                (others.difference(&self.task_exclude), current.trail.point().number)
            }
            // We have closed it, and shall be out soon, with which a warning ends too.
            Some(_) => return,
            None => (MemberSet::new(), 0),
        };
        if !guard!("chain-ack") {
            return;
        }
        let due = self.now + self.timing().fa_intv();
        let mut waiting = match self.confirmations.take() {
            Some(old) if guard!("confirmation-deadline") => old,
            _ => Confirmations::new(last),
        };
        waiting.expect(last, number, &expected, due);
        self.confirmations = Some(waiting);
        self.all_confirmed();
        self.watch_confirmations();
        if !expected.is_empty() {
            // Its failure is an internal error, which is reported where it happens.
            let _ = self.emit(env, Which::Current, Body::OrderConfirmation(last));
        }
    }

    /// A new subsession began. Everybody in it has taken part in its making, for which it had to
    /// accept everything before (V2-030). Only whether a warning stands remains to be known.
    pub(super) fn confirmations_begin_anew(&mut self) {
        if let Some(waiting) = &mut self.confirmations {
            *waiting = Confirmations { warned: waiting.warned, ..Confirmations::new(waiting.last) };
        }
    }

    /// A message agrees with our order up to this number: as good as a confirmation of everything
    /// before (ORD-038).
    //= docs/spec/protocol.md#ORD-038
    pub(super) fn order_confirmed_by(&mut self, which: Which, member: &MemberId, number: u32) {
        if which != Which::Current {
            return;
        }
        if let Some(waiting) = &mut self.confirmations {
            waiting.confirmed(member, number);
            self.all_confirmed();
            self.watch_confirmations();
        }
    }

    /// Members that are gone confirm nothing any more.
    pub(super) fn expect_no_confirmation_from(&mut self, gone: &MemberSet) {
        if let Some(waiting) = &mut self.confirmations {
            waiting.not_expected_from(gone);
            self.all_confirmed();
            self.watch_confirmations();
        }
    }

    //= docs/spec/protocol.md#ORD-036
    fn all_confirmed(&mut self) {
        if let Some(waiting) = self.confirmations.take_if(|waiting| waiting.missing.is_empty())
            && waiting.warned
        {
            self.notify(Notice::OrderConfirmed { last: waiting.last });
        }
    }

    fn watch_confirmations(&mut self) {
        self.deadlines.cancel(&TimerKind::Confirmations);
        let next = self.confirmations.as_ref().and_then(|waiting| waiting.next_due(self.now));
        if let Some(next) = next {
            self.deadlines.set(TimerKind::Confirmations, next);
        }
    }

    /// Somebody is late: names all who are, unless they have been named.
    //= docs/spec/protocol.md#ORD-036
    pub(super) fn confirmations_due(&mut self) {
        let open =
            self.current.as_ref().is_some_and(|current| current.state == SubsessionState::Joined);
        let Some(waiting) = self.confirmations.as_mut().filter(|_| open) else { return };
        let overdue = waiting.overdue(self.now);
        if !overdue.is_subset(&waiting.named) {
            waiting.warned = true;
            waiting.named = overdue.clone();
            let last = waiting.last;
            self.notify(Notice::OrderNotConfirmed { last, members: overdue });
        }
        self.watch_confirmations();
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
