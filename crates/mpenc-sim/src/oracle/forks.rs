//! No silent fork (I5): whoever hears from somebody with another order of operations is warned.

use std::collections::BTreeMap;

use mpenc::SessionState;
use mpenc::channel::ChannelEvent;

use super::expect::Expect;
use super::{Life, Oracle};
use crate::plan::Sort;
use crate::server::{Parcel, sort_of};
use crate::world::Person;

/// A fork, as seen by one member towards another.
#[derive(Clone, Copy, Debug)]
struct Fork {
    since: u64,
    /// Events made before it began say nothing about it.
    serial: Option<u64>,
    heard: Option<u64>,
}

/// Pairs of honest members with different orders.
#[derive(Debug, Default)]
pub(super) struct Forks {
    pairs: BTreeMap<(usize, usize), Fork>,
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
            None => life.orders.clear(),
            Some(_) => return Ok(()),
        }
        if self.expect.forks_noticed {
            self.forks.update(people, &self.lives, self.honest, now);
        }
        Ok(())
    }
}

/// Whether each has something that the other never had.
fn differ(one: &Life, other: &Life) -> bool {
    match (one.orders.last(), other.orders.last()) {
        (Some(a), Some(b)) => !other.orders.contains(a) && !one.orders.contains(b),
        _ => false,
    }
}

fn concerns(people: &[Person], me: usize, other: usize) -> bool {
    let (Some(me), Some(other)) = (people.get(me), people.get(other)) else { return false };
    let (Some(session), Some(theirs)) = (&me.session, &other.session) else { return false };
    session.state() == SessionState::Joined
        && session.sid().is_some()
        && session.members().contains(&other.name)
        && theirs.sid().is_some()
}

impl Forks {
    pub(super) fn forget(&mut self, who: usize) {
        self.pairs.retain(|(a, b), _| *a != who && *b != who);
    }

    pub(super) fn update(&mut self, people: &[Person], lives: &[Life], honest: usize, now: u64) {
        for a in 0..honest {
            for b in (0..honest).filter(|b| *b != a) {
                let forked = match (lives.get(a), lives.get(b)) {
                    (Some(one), Some(other)) => differ(one, other) && concerns(people, a, b),
                    _ => false,
                };
                if forked {
                    let serial = Some(self.serial);
                    self.pairs.entry((a, b)).or_insert(Fork { since: now, serial, heard: None });
                } else {
                    self.pairs.remove(&(a, b));
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
            && fork.serial.is_none_or(|serial| parcel.serial > serial)
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
        self.pairs.retain(|(a, b), _| {
            matches!((lives.get(*a), lives.get(*b)), (Some(x), Some(y)) if differ(x, y))
                && concerns(people, *a, *b)
        });
        for ((me, other), fork) in &self.pairs {
            let Some(heard) = fork.heard else { continue };
            let warned = lives.get(*me).and_then(|life| life.warned);
            // Nothing withdraws OrderInconsistent, and neither it is said twice, nor that somebody
            // has not confirmed an order.
            let standing = lives.get(*me).zip(people.get(*other)).is_some_and(|(life, other)| {
                life.order_inconsistent || life.not_confirmed_by.contains(&other.name)
            });
            if !standing
                && now > heard + expect.fork_bound
                && warned.is_none_or(|at| at < fork.since)
            {
                let name = |who: &usize| people.get(*who).map(|p| p.name.to_string());
                return Err(format!(
                    "I5: {:?} hears {:?}, whose operations differ since {} ms, and is not warned",
                    name(me),
                    name(other),
                    fork.since
                ));
            }
        }
        Ok(())
    }
}
