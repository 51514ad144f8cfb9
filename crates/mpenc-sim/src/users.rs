//! What people do when nothing keeps them from it any more: whoever is not in the session enters,
//! whoever is in it includes those who wait, and whoever sees that something is wrong leaves and
//! enters again.

use std::time::Duration;

use mpenc::{MemberSet, SessionState};

use crate::dice::Dice;
use crate::world::World;

/// What somebody has in mind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Enter,
    /// Leave and enter again.
    Reenter,
    /// Leave without saying farewell: that takes too long.
    Vanish,
    Include,
    Speak,
}

/// One person's mind.
#[derive(Debug)]
pub(crate) struct User {
    dice: Dice,
    rank: u64,
    wish: Option<(Wish, u64)>,
    /// Inclusions that it asked for and that brought nothing.
    vain: u64,
    spoke: Option<u64>,
    /// Candidates are there since.
    waiting_since: Option<u64>,
    members: MemberSet,
}

/// Inclusions that fail one after the other until somebody tries another way.
const VAIN: u64 = 2;

/// How long something may look wrong before people act, in milliseconds: FA_INTV.
const PATIENCE: u64 = 26_000;

/// How often people say something.
const TALK: u64 = 30_000;

impl User {
    pub(crate) fn new(seed: u64, rank: usize) -> Self {
        let rank = rank as u64;
        Self {
            dice: Dice::new(seed.wrapping_mul(31).wrapping_add(rank), "user"),
            rank,
            wish: None,
            vain: 0,
            spoke: None,
            waiting_since: None,
            members: MemberSet::new(),
        }
    }
}

impl World {
    /// What somebody would like to do now.
    fn wish(&mut self, who: usize) -> Option<Wish> {
        let now = self.now;
        let op_timeout = self.op_timeout();
        let person = self.people.get_mut(who)?;
        // Who drops out without a farewell makes others warn (SEC-002).
        let harmless = self.options.adversary.is_harmless();
        let Some(session) = &person.session else { return Some(Wish::Enter) };
        let life = self.oracle.lives.get(who)?;
        let inside = session.channel_members().is_some();
        let members = session.members();
        if person.user.members != members {
            person.user.members = members.clone();
            person.user.vain = 0;
        }
        if !inside {
            person.user.vain = 0;
            person.user.waiting_since = None;
            return match session.state() {
                SessionState::Joining => None,
                _ => Some(Wish::Enter),
            };
        }
        match session.state() {
            SessionState::Parting => return (!harmless).then_some(Wish::Vanish),
            SessionState::Error => return Some(Wish::Reenter),
            SessionState::JoinFailed => return Some(Wish::Reenter),
            _ => {}
        }
        // A bystander is sent away, or leaves by itself in time (ORD-034): in v1 it cannot see the
        // end of its exclusion, and where nothing is wrong nobody has to lose patience.
        let waits = !self.options.v2 || harmless;
        let by_itself = if waits { self.timing.fin_timeout() } else { Duration::ZERO };
        let patience = Duration::from_millis(op_timeout + 10_000) + by_itself;
        let is_excluded = |op: &mpenc::OperationView| op.change.exclude.contains(&person.name);
        if let Some(running) = session.operation().filter(is_excluded)
            && waits
            && running.running_for <= patience
        {
            return None;
        }
        let unread = session.overdue().into_iter().any(|id| {
            session.message(&id).is_some_and(|m| {
                m.members.is_subset(&members)
                    && Some(m.sid) == session.sid()
                    && session.unacked_by(&id).is_some_and(|by| !by.is_disjoint(&members))
            })
        });
        let unreadable = life.undecrypted.values().any(|since| *since + PATIENCE < now);
        let unconfirmed = life.unconfirmed.is_some_and(|since| since + PATIENCE < now);
        if !life.order_inconsistent.is_empty()
            || life.author_fork
            || unread
            || unreadable
            || unconfirmed
        {
            return Some(Wish::Reenter);
        }
        if session.operation().is_some_and(|op| op.running_for > patience) {
            return Some(Wish::Reenter);
        }
        if u64::from(life.failed_inclusions) > VAIN && members.len() > 1 {
            return Some(Wish::Reenter);
        }
        let candidates = session.candidates();
        if candidates.is_empty() || session.is_waiting() {
            person.user.waiting_since = None;
        } else {
            let since = *person.user.waiting_since.get_or_insert(now);
            // They are in another session of their own, it seems. Those who come first in the
            // list of names wait longest.
            let patience = op_timeout * 2 + (8 - person.user.rank.min(8)) * 4_000;
            let idle = session.operation().is_none();
            if now > since + patience || (idle && person.user.vain > VAIN) {
                return Some(Wish::Reenter);
            }
            if idle && session.lingering_members().is_empty() {
                return Some(Wish::Include);
            }
        }
        let talk = person.user.spoke.is_none_or(|at| at + TALK < now);
        (session.state() == SessionState::Joined && talk).then_some(Wish::Speak)
    }

    /// Gives everybody honest a chance to act.
    pub(crate) fn users_act(&mut self) {
        for who in 0..self.people.len() {
            if self.failure.is_some() || self.people.get(who).is_none_or(|p| p.insider) {
                continue;
            }
            let wish = self.wish(who);
            let now = self.now;
            let Some(person) = self.people.get_mut(who) else { continue };
            let user = &mut person.user;
            let Some(wish) = wish else {
                user.wish = None;
                continue;
            };
            let due = match user.wish {
                Some((same, due)) if same == wish => due,
                _ => {
                    let wait = match wish {
                        Wish::Enter => 500 + user.dice.below(6_000),
                        Wish::Reenter => 1_000 + user.dice.below(20_000),
                        Wish::Vanish => 10_000 + user.dice.below(5_000),
                        Wish::Include => 500 + user.rank * 1_500 + user.dice.below(1_000),
                        Wish::Speak => user.dice.below(4_000),
                    };
                    user.wish = Some((wish, now + wait));
                    now + wait
                }
            };
            if due <= now {
                user.wish = None;
                self.fulfil(who, wish);
            }
        }
    }

    fn fulfil(&mut self, who: usize, wish: Wish) {
        self.say_trace(|| format!("-- user {who} wants to: {wish:?}"));
        self.server.now = self.now;
        match wish {
            Wish::Enter => {
                self.revive(who);
                self.ask(who, |s, env| s.join(env));
            }
            Wish::Reenter => {
                self.figures.recoveries += 1;
                if self.options.adversary.is_harmless() {
                    self.fail("I10: somebody has to recover though nothing was wrong");
                }
                if let Some(person) = self.people.get_mut(who) {
                    person.user.waiting_since = None;
                }
                self.ask(who, |s, env| s.part(env));
            }
            Wish::Vanish => {
                if let Some(name) = self.people.get(who).map(|p| p.name.clone()) {
                    self.server.leave(&name);
                }
            }
            Wish::Include => {
                let candidates = self
                    .people
                    .get(who)
                    .and_then(|p| Some(p.session.as_ref()?.candidates()))
                    .unwrap_or_default();
                self.oracle.wants(who, &candidates);
                self.ask(who, |s, env| s.change(env, &candidates, &MemberSet::new()));
                if let Some(person) = self.people.get_mut(who) {
                    person.user.vain += 1;
                }
            }
            Wish::Speak => {
                if let Some(person) = self.people.get_mut(who) {
                    person.user.spoke = Some(self.now);
                }
                self.speak(who, format!("hello from {who} at {}", self.now));
            }
        }
    }

    /// OP_TIMEOUT for everybody together, in milliseconds.
    pub(crate) fn op_timeout(&self) -> u64 {
        let hops = match self.options.v2 {
            true => crate::oracle::expect::HOPS,
            false => u32::try_from(self.people.len()).unwrap_or(u32::MAX).saturating_add(1),
        };
        u64::try_from(self.timing.op_timeout(hops).as_millis()).unwrap_or(u64::MAX)
    }
}
