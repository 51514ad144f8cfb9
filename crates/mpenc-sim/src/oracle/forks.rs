//! No silent fork (I5): whoever hears from somebody with another order of operations is warned.

use std::collections::BTreeMap;

use mpenc::channel::ChannelEvent;
use mpenc::{ChainHash, FailReason, MemberId, Notice, PacketId, SessionState};

use super::expect::Expect;
use super::{Life, Oracle};
use crate::plan::Sort;
use crate::server::{Parcel, sort_of};
use crate::world::Person;

/// An order of operations: the last packet that ended one, and the chain hash.
type Order = (PacketId, ChainHash);

/// A fork, as seen by one member towards another.
#[derive(Clone, Copy, Debug)]
struct Fork {
    since: u64,
    /// What each had when it began.
    orders: (Order, Order),
    /// Events made before it began say nothing about it.
    serial: u64,
    heard: Option<u64>,
}

/// A message was shown, whose author had accepted what its reader had not.
#[derive(Clone, Copy, Debug)]
struct Claim {
    reader: usize,
    author: usize,
    order: Order,
    due: u64,
}

/// Pairs of honest members with different orders.
#[derive(Debug, Default)]
pub(super) struct Forks {
    pairs: BTreeMap<(usize, usize), Fork>,
    claims: Vec<Claim>,
    serial: u64,
}

impl Oracle {
    /// The order of somebody, after a call.
    pub(super) fn orders_of(
        &mut self,
        people: &[Person],
        who: usize,
        now: u64,
    ) -> Result<(), String> {
        let order = people.get(who).and_then(|p| p.session.as_ref()?.order());
        let Some(life) = self.lives.get_mut(who) else { return Ok(()) };
        match order {
            Some(order) if life.orders.last() != Some(&order) => {
                life.orders.push(order);
                if let Some(ever) = self.ever.get_mut(who) {
                    ever.insert(order);
                }
            }
            None => {
                life.orders.clear();
                self.forks.claims.retain(|claim| claim.reader != who);
            }
            Some(_) => return Ok(()),
        }
        if self.expect.forks_noticed {
            self.forks.update(people, &self.lives, self.honest, now);
        }
        Ok(())
    }

    /// Somebody is shown a message whose author had this order. Within BC_LAT it has the same, or
    /// says that it has not.
    //= docs/spec/v2.md#V2-026
    pub(super) fn claims(&mut self, reader: usize, author: usize, order: Option<Order>, now: u64) {
        let Some(order) = order.filter(|_| self.expect.forks_noticed) else { return };
        let due = now + self.expect.claim_bound;
        if self.lives.get(reader).is_some_and(|life| !life.orders.contains(&order)) {
            self.forks.claims.push(Claim { reader, author, order, due });
        }
    }
}

/// What the two have last.
fn orders(one: &Life, other: &Life) -> Option<(Order, Order)> {
    one.orders.last().copied().zip(other.orders.last().copied())
}

/// Whether one of these two, which they had last, is something that the other never had.
fn differ(one: &Life, other: &Life, (mine, theirs): (Order, Order)) -> bool {
    !one.orders.is_empty()
        && !other.orders.is_empty()
        && (!other.orders.contains(&mine) || !one.orders.contains(&theirs))
}

/// Whether they are in a session together, as far as one of them knows.
fn together(people: &[Person], me: usize, other: usize) -> bool {
    let (Some(me), Some(other)) = (people.get(me), people.get(other)) else { return false };
    let (Some(session), Some(theirs)) = (&me.session, &other.session) else { return false };
    session.state() == SessionState::Joined
        && session.sid().is_some()
        && session.members().contains(&other.name)
        && theirs.sid().is_some()
}

/// Whether it matters to somebody what another has accepted: not of whom it is about to exclude,
/// who confirms nothing (ORD-036), and not to whoever is being excluded itself.
fn concerns(people: &[Person], me: usize, other: usize) -> bool {
    let (Some(me), Some(other)) = (people.get(me), people.get(other)) else { return false };
    me.session.as_ref().is_some_and(|session| {
        session.operation().is_none_or(|op| op.next_members.contains(&me.name))
            && !session.leaving_members().contains(&other.name)
    })
}

impl Life {
    /// Remembers whom a warning names as out of place, or as awaited in vain.
    pub(super) fn is_warned(&mut self, notice: &Notice, now: u64) {
        match notice {
            Notice::NotDecrypted { sender: member, .. }
            | Notice::NotAccepted { author: member, .. }
            | Notice::UserNotPresent { member, .. }
            | Notice::ErrorReported { member, .. } => {
                self.warned_of.insert(member.clone(), now);
            }
            Notice::OperationSlow { .. } => self.slow = true,
            Notice::OpFailed { reason: FailReason::Ended { waiting_for, .. }, .. } => {
                self.is_slow_no_more(now);
                self.warned_of.extend(waiting_for.iter().map(|member| (member.clone(), now)));
            }
            Notice::OpFailed { .. } | Notice::OpSucceeded { .. } | Notice::OpStarted { .. } => {
                self.is_slow_no_more(now);
            }
            _ => {}
        }
    }

    fn is_slow_no_more(&mut self, now: u64) {
        if core::mem::take(&mut self.slow) {
            self.slow_until = Some(now);
        }
    }

    /// Whether it was told until a moment ago that an operation hangs, so that who confirms the
    /// order after that has time for it still (ORD-036).
    fn has_just_been_slow(&self, expect: &Expect, now: u64) -> bool {
        let bound = u64::try_from(expect.ack_bound.as_millis()).unwrap_or(u64::MAX);
        self.slow_until.is_some_and(|at| now <= at.saturating_add(bound))
    }

    /// Whether a warning says that something is wrong between this member and another, since then
    /// or from before and still in force; that an operation hangs concerns all. Nothing withdraws
    /// `OrderInconsistent`, and neither it is said twice, nor that somebody has not confirmed an
    /// order.
    fn is_warned_of(&self, other: &MemberId, since: u64) -> bool {
        self.slow
            || self.order_inconsistent.contains(other)
            || self.not_confirmed_by.contains(other)
            || self.warned_of.get(other).is_some_and(|at| *at >= since)
    }
}

impl Forks {
    pub(super) fn forget(&mut self, who: usize) {
        self.pairs.retain(|(a, b), _| *a != who && *b != who);
        self.claims.retain(|claim| claim.reader != who);
    }

    pub(super) fn update(&mut self, people: &[Person], lives: &[Life], honest: usize, now: u64) {
        for a in 0..honest {
            for b in (0..honest).filter(|b| *b != a) {
                let (Some(one), Some(other)) = (lives.get(a), lives.get(b)) else { continue };
                if !together(people, a, b) {
                    self.pairs.remove(&(a, b));
                    continue;
                }
                // As long as each catches up, one after the other is behind.
                if self.pairs.get(&(a, b)).is_some_and(|f| !differ(one, other, f.orders)) {
                    self.pairs.remove(&(a, b));
                }
                if let Some(orders) = orders(one, other).filter(|o| differ(one, other, *o)) {
                    let begun = Fork { since: now, orders, serial: self.serial, heard: None };
                    self.pairs.entry((a, b)).or_insert(begun);
                }
            }
        }
    }

    pub(super) fn hear(&mut self, people: &[Person], who: usize, parcel: &Parcel, now: u64) {
        self.serial = self.serial.max(parcel.serial);
        if self.pairs.is_empty() || parcel.touched {
            return;
        }
        let ChannelEvent::Packet { sender, .. } = &parcel.event else { return };
        let by = people.iter().position(|person| person.name == *sender);
        let Some(by) = by else { return };
        if let Some(fork) = self.pairs.get_mut(&(who, by))
            && fork.heard.is_none()
            && parcel.serial > fork.serial
            && sort_of(true, &parcel.event) == Sort::Data
        {
            fork.heard = Some(now);
        }
    }

    pub(super) fn check(
        &mut self,
        people: &[Person],
        lives: &[Life],
        expect: &Expect,
        now: u64,
    ) -> Result<(), String> {
        self.pairs.retain(|(a, b), fork| {
            let lives = lives.get(*a).zip(lives.get(*b));
            lives.is_some_and(|(one, other)| differ(one, other, fork.orders))
                && together(people, *a, *b)
        });
        for ((me, other), fork) in &mut self.pairs {
            if !concerns(people, *me, *other) {
                fork.heard = None;
            }
        }
        for ((me, other), fork) in &self.pairs {
            let Some(heard) = fork.heard else { continue };
            let (Some(me), Some(other)) = (people.get(*me).zip(lives.get(*me)), people.get(*other))
            else {
                continue;
            };
            let (me, life) = me;
            let warned =
                life.is_warned_of(&other.name, fork.since) || life.has_just_been_slow(expect, now);
            if now > heard + expect.fork_bound && !warned {
                return Err(format!(
                    "I5: {} hears {}, whose operations differ since {} ms, and is not warned of it",
                    me.name, other.name, fork.since
                ));
            }
        }
        self.check_claims(people, lives, now)
    }

    //= docs/spec/v2.md#V2-026
    fn check_claims(&mut self, people: &[Person], lives: &[Life], now: u64) -> Result<(), String> {
        let (due, waiting) = self.claims.drain(..).partition(|claim| claim.due < now);
        self.claims = waiting;
        let due: Vec<Claim> = due;
        for Claim { reader, author, order, .. } in due {
            let (Some(life), Some(author)) = (lives.get(reader), people.get(author)) else {
                continue;
            };
            if !life.orders.contains(&order) && !life.order_inconsistent.contains(&author.name) {
                return Err(format!(
                    "V2-026: {} reads what {} wrote after other operations, and is not warned of it",
                    people.get(reader).map(|person| person.name.to_string()).unwrap_or_default(),
                    author.name
                ));
            }
        }
        Ok(())
    }
}
