//! The world: members with their sessions, the server between them, and time.

mod acts;
mod altered;
mod forged;
mod insider;

use std::fmt::Write as _;
use std::time::Duration;

use mpenc::channel::ChannelEvent;
use mpenc::{
    ChangeError, Disposition, Env, Identity, MemberId, Notice, OperationId, SecretBytes, Session,
    SessionConfig, Timestamp, Timing,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::dice::{Dice, Tally};
use crate::options::{Adversary, NAMES, Options};
use crate::oracle::Oracle;
use crate::plan::Sort;
use crate::report::Figures;
use crate::server::{Server, sort_of};
use crate::users::User;

use insider::Tricks;

/// Somebody with a session, or without one after a crash.
pub(crate) struct Person {
    pub(crate) name: MemberId,
    pub(crate) session: Option<Session>,
    identity: Identity,
    /// Of the identity.
    seed: SecretBytes<32>,
    rng: ChaCha20Rng,
    /// Thousandths of true time by which this clock advances in a thousandth.
    rate: u64,
    /// Its identity and what it sends are the adversary's.
    pub(crate) insider: bool,
    /// When its session wants to be called, in true time.
    next: Option<u64>,
    pub(crate) user: User,
}

impl Person {
    /// What its clock says.
    pub(crate) fn local(&self, now: u64) -> Timestamp {
        Timestamp::from_millis(BEGIN + now * self.rate / 1_000)
    }
}

/// Everything that exists in a run.
pub(crate) struct World {
    pub(crate) options: Options,
    pub(crate) now: u64,
    pub(crate) people: Vec<Person>,
    pub(crate) server: Server,
    pub(crate) oracle: Oracle,
    pub(crate) figures: Figures,
    pub(crate) timing: Timing,
    tricks: Tricks,
    auto_include: bool,
    stay_if_last: bool,
    auto_reenter: bool,
    /// LIV-034 lets intervals follow what was observed. With few observations they fall below what
    /// SEC-002 allows a channel to take, so runs that must be quiet keep the configured ones.
    adaptive: bool,
    /// Why the run fails, as soon as it does.
    pub(crate) failure: Option<String>,
    /// What happened, as one number (ATK-203).
    pub(crate) digest: Tally,
    trace: bool,
}

/// Events after which a run counts as running away.
const MAX_EVENTS: u64 = 400_000;

/// Where everybody's clock begins, in milliseconds.
const BEGIN: u64 = 1_000;

impl World {
    pub(crate) fn new(options: Options, trace: bool) -> Self {
        let mut dice = Dice::new(options.seed, "world");
        let names: Vec<_> = NAMES
            .iter()
            .take(options.members)
            .filter_map(|name| MemberId::new(name).ok())
            .collect();
        let clocks = matches!(options.adversary, Adversary::Faulty | Adversary::All);
        let insiders = match options.adversary {
            Adversary::Insider | Adversary::All if names.len() > 2 => {
                1 + usize::from(names.len() > 4 && dice.chance(500))
            }
            _ => 0,
        };
        let honest = names.len() - insiders;
        let people = names
            .iter()
            .enumerate()
            .map(|(i, name)| {
                let mut rng = ChaCha20Rng::seed_from_u64(dice.next());
                let seed = SecretBytes::fill(|seed| rng.fill_bytes(seed));
                let identity = match options.mock {
                    true => Identity::transparent(&seed),
                    false => Identity::from_seed(&seed),
                };
                Person {
                    name: name.clone(),
                    session: None,
                    identity,
                    seed,
                    rng,
                    rate: if clocks { 900 + dice.below(201) } else { 1_000 },
                    insider: i >= honest,
                    next: None,
                    user: User::new(options.seed, i),
                }
            })
            .collect::<Vec<_>>();
        let server = Server::new(options.v2, names, Dice::new(options.seed, "server"));
        let mut world = Self {
            options,
            now: 0,
            oracle: Oracle::new(&options, honest),
            people,
            server,
            figures: Figures::default(),
            timing: Timing::default(),
            tricks: Tricks::default(),
            auto_include: dice.chance(250),
            // Who was excluded and stays may begin a second session beside the first (SES-035), and
            // people have to sort that out.
            stay_if_last: dice.chance(300) && !options.adversary.is_harmless(),
            auto_reenter: dice.chance(500),
            adaptive: !options.adversary.is_harmless(),
            failure: None,
            digest: Tally::default(),
            trace,
        };
        for who in 0..world.people.len() {
            world.found(who);
        }
        world
    }

    /// Gives somebody a new session.
    pub(crate) fn found(&mut self, who: usize) {
        let options = self.options;
        let keys: Vec<_> =
            self.people.iter().map(|p| (p.name.clone(), p.identity.public())).collect();
        let Some(person) = self.people.get_mut(who) else { return };
        let Ok(config) = SessionConfig::new(person.name.clone(), person.identity.clone()) else {
            return;
        };
        let config = config
            .profile(options.profile())
            .timing(self.timing)
            .session_id("simulation")
            .auto_include(self.auto_include)
            .stay_if_last(self.stay_if_last)
            .auto_reenter(self.auto_reenter)
            .patient_join(options.adversary.is_harmless())
            .adaptive(self.adaptive);
        let mut session = Session::new(config);
        for (name, key) in keys {
            session.set_identity(&name, Some(key));
        }
        person.session = Some(session);
        self.oracle.born(who);
    }

    pub(crate) fn say_trace(&self, what: impl FnOnce() -> String) {
        if self.trace {
            eprintln!("{:>8.3} {}", Duration::from_millis(self.now).as_secs_f64(), what());
        }
    }

    pub(crate) fn fail(&mut self, why: impl Into<String>) {
        if self.failure.is_none() {
            self.failure = Some(why.into());
        }
    }

    /// Calls somebody's session, and carries what comes of it to the server and the oracle.
    pub(crate) fn call<R>(
        &mut self,
        who: usize,
        action: impl FnOnce(&mut Session, &mut Env<'_>) -> R,
    ) -> Option<R> {
        self.figures.events += 1;
        if self.figures.events > MAX_EVENTS {
            self.fail("runs away: too many events");
            return None;
        }
        let now = self.now;
        let local = self.people.get(who).map(|person| person.local(now))?;
        let person = self.people.get_mut(who)?;
        let session = person.session.as_mut()?;
        let result = action(session, &mut Env { now: local, rng: &mut person.rng });
        let notices: Vec<Notice> = core::iter::from_fn(|| session.poll_notice()).collect();
        let requests: Vec<_> = core::iter::from_fn(|| session.poll_transmit()).collect();
        person.next = session.poll_timeout().map(|deadline| {
            let at = deadline.at.as_millis().saturating_sub(BEGIN);
            (at * 1_000).div_ceil(person.rate).max(now)
        });
        let name = person.name.clone();
        self.digest.add(&now.to_le_bytes());
        self.digest.add(&who.to_le_bytes());
        for notice in &notices {
            // Adding to a number never fails.
            let _ = write!(self.digest, "{notice:?}");
            self.say_trace(|| format!("{name}: {notice:?}"));
        }
        self.figures.count(&notices);
        if let Err(why) = self.oracle.observe(&self.people, who, &notices, now) {
            self.fail(format!("{name}: {why}"));
        }
        for request in requests {
            match &request {
                mpenc::channel::ChannelRequest::Send { bytes, .. } => self.digest.add(bytes),
                other => drop(write!(self.digest, "{other:?}")),
            }
            self.say_trace(|| match &request {
                mpenc::channel::ChannelRequest::Send { bytes, .. } => {
                    format!(
                        "{name} sends {} bytes {:?}",
                        bytes.len(),
                        crate::server::label(self.options.v2, bytes)
                    )
                }
                other => format!("{name} asks {other:?}"),
            });
            self.server.now = now;
            if !self.people.get(who).is_some_and(|person| person.insider) {
                self.oracle.sends(who, &request);
            }
            self.transmit(who, &name, request);
        }
        Some(result)
    }

    /// Asks somebody's session for something that takes time; refusals are fine.
    pub(crate) fn ask(
        &mut self,
        who: usize,
        action: impl FnOnce(&mut Session, &mut Env<'_>) -> Result<OperationId, ChangeError>,
    ) {
        if let Some(Ok(id)) = self.call(who, action)
            && self.people.get(who).is_some_and(|person| !person.insider)
        {
            self.oracle.asked(who, id, self.now);
        }
    }

    /// Delivers the next event that waits for somebody.
    pub(crate) fn deliver(&mut self, who: usize) -> bool {
        let Some(name) = self.people.get(who).map(|person| person.name.clone()) else {
            return false;
        };
        let Some(parcel) = self.server.inbox_mut(&name).and_then(|inbox| inbox.pop(&name)) else {
            return false;
        };
        if self.people.get(who).is_none_or(|person| person.session.is_none()) {
            return true;
        }
        self.oracle.hear(&self.people, who, &parcel, self.now);
        match &parcel.event {
            ChannelEvent::Packet { bytes, .. } => self.digest.add(bytes),
            other => drop(write!(self.digest, "{other:?}")),
        }
        let before = self.oracle.digest(&self.people, who);
        let event = parcel.event.clone();
        self.say_trace(|| match &event {
            ChannelEvent::Packet { sender, bytes } => format!(
                "{name} <- {sender}{} {:?}",
                if parcel.touched { " (touched)" } else { "" },
                crate::server::label(self.options.v2, bytes)
            ),
            other => format!("{name} <- {other:?}"),
        });
        let greeting = sort_of(self.options.v2, &event) == Sort::Greeting;
        let own = matches!(&event, ChannelEvent::Packet { sender, .. } if *sender == name);
        let disposition = self.call(who, |session, env| session.handle_input(env, event));
        let Some(disposition) = disposition else { return true };
        self.say_trace(|| format!("    {disposition:?}"));
        if self.failure.is_some() {
            return true;
        }
        if self.people.get(who).is_none_or(|person| person.insider) {
            if let ChannelEvent::Packet { sender, bytes } = &parcel.event
                && !greeting
                && !own
            {
                self.server.now = self.now;
                self.imitate(who, sender, bytes);
            }
            return true;
        }
        let after = self.oracle.digest(&self.people, who);
        if let Disposition::Rejected(reason) = &disposition
            && !own
            && before != after
            && *reason != mpenc::RejectReason::Fork
        {
            self.fail(format!(
                "I8: {name} rejected an input ({reason}) and changed: {before:?} to {after:?} (operation packet: {greeting})"
            ));
        }
        if let (Some(before), Some(after)) = (before, after) {
            let seen = (&before, &after);
            let judged =
                self.oracle.judge(&self.people, who, &parcel.event, seen, &disposition, self.now);
            if let Err(why) = judged {
                self.fail(format!("{name}: {why}"));
            }
        }
        true
    }

    /// Lets time pass; what is due happens.
    pub(crate) fn pass(&mut self, millis: u64) {
        let end = self.now + millis;
        while self.failure.is_none() {
            let due = self.server.next_due();
            let timer = self
                .people
                .iter()
                .enumerate()
                .filter(|(_, person)| person.session.is_some())
                .filter_map(|(who, person)| Some((person.next?, who)))
                .min();
            let first = due.iter().map(|(at, _)| *at).chain(timer.map(|(at, _)| at)).min();
            if let Some(at) = self.server.next_errand()
                && at <= end
                && first.is_none_or(|first| at <= first)
            {
                self.now = self.now.max(at);
                self.server.now = self.now;
                self.server.run_errand();
                continue;
            }
            let packet_first = match (&due, timer) {
                (Some((at, _)), Some((timer, _))) => *at <= timer,
                (Some(_), None) => true,
                (None, _) => false,
            };
            match (due, timer) {
                (Some((at, name)), _) if packet_first && at <= end => {
                    self.now = self.now.max(at);
                    self.server.now = self.now;
                    let who = self.people.iter().position(|person| person.name == name);
                    self.deliver(who.unwrap_or(usize::MAX));
                }
                (_, Some((at, who))) if !packet_first && at <= end => {
                    self.now = self.now.max(at);
                    self.server.now = self.now;
                    let before = self.people.get(who).and_then(|person| person.next);
                    self.call(who, |session, env| session.handle_timeout(env));
                    // A deadline that stays where it was would stop time.
                    if let Some(person) = self.people.get_mut(who)
                        && person.next.is_some()
                        && person.next <= before
                    {
                        person.next = Some(self.now + 1);
                    }
                }
                _ => break,
            }
        }
        self.now = end;
        self.server.now = end;
        if self.failure.is_none()
            && let Err(why) = self.oracle.time_passed(&self.people, self.now)
        {
            self.fail(why);
        }
    }

    /// Who loses all state is out of the channel, and can come back later as somebody new.
    pub(crate) fn crash(&mut self, who: usize) {
        self.oracle.died(&self.people, who);
        let Some(person) = self.people.get_mut(who) else { return };
        person.session = None;
        person.next = None;
        let name = person.name.clone();
        self.server.forget_requests(&name);
        self.server.leave(&name);
        self.server.reachable.remove(&name);
        if let Some(inbox) = self.server.inbox_mut(&name) {
            inbox.clear();
            inbox.held = false;
        }
    }

    /// Begins anew after a crash.
    pub(crate) fn revive(&mut self, who: usize) {
        if self.people.get(who).is_some_and(|person| person.session.is_none()) {
            self.found(who);
            if let Some(person) = self.people.get(who) {
                self.server.reachable.insert(person.name.clone());
            }
        }
    }
}
