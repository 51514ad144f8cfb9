//! What the acts of a plan do.

use mpenc::{MemberId, MemberSet};

use super::World;
use crate::dice::Dice;
use crate::plan::{Act, Deed, Fault, InWords, Views, pick};

impl World {
    /// Most runs begin with a session that some are in already.
    pub(crate) fn begin(&mut self) {
        let mut dice = Dice::new(self.options.seed, "begin");
        if dice.chance(300) {
            return;
        }
        let count = self.people.len() as u64;
        let some = usize::try_from(2 + dice.below(count - 1)).unwrap_or(2);
        for who in 0..some {
            self.deed(who, Deed::Join, 0);
            self.pass(3_000);
        }
        self.deed(0, Deed::Include, 0);
        self.pass(4_000 + dice.below(20_000));
    }

    /// One act of the plan.
    pub(crate) fn act(&mut self, act: Act) {
        let members = self.people.len();
        self.server.now = self.now;
        self.say_trace(|| format!("== {}", InWords(act, members)));
        match act {
            Act::User { who, deed, arg } => self.deed(pick(who, members), deed, arg),
            Act::Deliver { to, count } => {
                let to = pick(to, members);
                for _ in 0..count {
                    if self.failure.is_some() || !self.deliver(to) {
                        break;
                    }
                }
            }
            Act::Pass { millis } => self.pass(u64::from(millis)),
            Act::Fault { who, fault } => self.fault(pick(who, members), fault),
            Act::Tamper { to, how, sort, count, arg } => {
                if let Some(name) = self.name(pick(to, members)) {
                    self.server.begin_tampering(&name, how, sort, count, arg);
                }
            }
            Act::Views(views) => match views {
                Views::Split { mask, link } => self.server.split(mask, link),
                Views::Move { who, view } => {
                    if let Some(name) = self.name(pick(who, members)) {
                        self.server.relocate(&name, usize::from(view));
                    }
                }
                Views::Order { view, pick } => {
                    self.server.order_pending(usize::from(view), usize::from(pick));
                }
                Views::Merge => self.server.merge(),
            },
            Act::Replay { mask, pick, rename } => self.server.replay(mask, pick, rename),
            Act::Relive { who, back } => {
                let who = pick(who, members);
                self.crash(who);
                self.deed(who, Deed::Join, 0);
                while self.failure.is_none() && self.deliver(who) {}
                if let Some(name) = self.name(who) {
                    self.server.relive(&name, usize::from(back));
                }
            }
            Act::Lie { mask, whom, lie } => {
                if let Some(name) = self.name(pick(whom, members)) {
                    self.server.lie(mask, &name, lie);
                }
            }
            Act::Insider { which, trick, count, arg } => self.begin_trick(which, trick, count, arg),
        }
    }

    fn name(&self, who: usize) -> Option<MemberId> {
        self.people.get(who).map(|person| person.name.clone())
    }

    fn fault(&mut self, who: usize, fault: Fault) {
        let Some(name) = self.name(who) else { return };
        match fault {
            Fault::Crash => self.crash(who),
            Fault::Disconnect => {
                self.server.forget_requests(&name);
                self.server.leave(&name);
            }
            Fault::Hold | Fault::Release => {
                if let Some(inbox) = self.server.inbox_mut(&name) {
                    inbox.held = fault == Fault::Hold;
                }
                if fault == Fault::Release {
                    self.server.release_requests(Some(&name));
                }
            }
        }
    }

    /// What a user does; refusals are fine.
    pub(crate) fn deed(&mut self, who: usize, deed: Deed, arg: u32) {
        if deed == Deed::Join {
            self.revive(who);
        }
        let Some(person) = self.people.get(who) else { return };
        let Some(session) = &person.session else { return };
        let me = person.name.clone();
        let others: Vec<MemberId> = session.members().without(&me).iter().cloned().collect();
        let other = usize::try_from(arg).unwrap_or(0).checked_rem(others.len());
        let other = other.and_then(|at| others.get(at)).map(MemberSet::of);
        let candidates = session.candidates();
        let nobody = MemberSet::new();
        let quiet = self.options.adversary.is_harmless();
        let excluded = session.operation().is_some_and(|op| !op.next_members.contains(&me));
        // SEC-002 promises nothing about the last words of those who are being excluded, nor about
        // whoever leaves at once while being included.
        let settled = session.sid().is_some() || session.operation().is_none();
        if quiet && (excluded || (deed == Deed::Part && !settled)) {
            return;
        }
        match deed {
            Deed::Join => {
                self.ask(who, |s, env| s.join(env));
            }
            Deed::Include if !candidates.is_empty() => {
                self.oracle.wants(who, &candidates);
                self.ask(who, |s, env| s.change(env, &candidates, &nobody));
            }
            Deed::Exclude | Deed::Swap => {
                let include = if deed == Deed::Swap { candidates } else { MemberSet::new() };
                if let Some(exclude) = other {
                    self.oracle.wants(who, &include);
                    self.ask(who, |s, env| s.change(env, &include, &exclude));
                }
            }
            Deed::Include | Deed::Refresh => {
                self.ask(who, |s, env| s.refresh(env));
            }
            Deed::Part => {
                self.ask(who, |s, env| s.part(env));
            }
            Deed::Say => self.speak(who, format!("{me} at {}: {arg}", self.now)),
            Deed::SayMuch => self.speak(who, format!("{me} {} {arg:>20000}", self.now)),
            Deed::Ack => {
                self.call(who, |s, env| s.send(env, "").is_ok());
            }
            Deed::Abort => {
                self.call(who, |s, env| s.abort(env).is_ok());
            }
        }
    }

    /// Somebody says something, which the oracle remembers.
    pub(crate) fn speak(&mut self, who: usize, text: String) {
        let heads = self.people.get(who).and_then(|p| Some(p.session.as_ref()?.heads().to_vec()));
        self.oracle.about_to_speak(who, &text);
        let said = self.call(who, |session, env| session.send(env, &text));
        if let Some(Ok(id)) = said
            && let Err(why) = self.oracle.spoke(&self.people, who, id, &text, heads.as_deref())
        {
            self.fail(why);
        }
    }
}
