//! One run, from its options alone.

use mpenc::{MemberSet, MessageId, SessionState};

use crate::options::Options;
use crate::oracle::expect::Expect;
use crate::plan::Act;
use crate::report::Figures;
use crate::world::World;

/// What became of a run.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) figures: Figures,
    pub(crate) digest: u64,
    pub(crate) failure: Option<String>,
}

/// Runs those acts of a plan; a panic is a failure.
pub(crate) fn run(options: Options, acts: &[Act], trace: bool) -> Outcome {
    let result = std::panic::catch_unwind(|| {
        let mut world = World::new(options, trace);
        world.begin();
        for act in acts {
            if world.failure.is_some() {
                break;
            }
            world.act(*act);
        }
        if world.failure.is_none() {
            world.settle_down();
        }
        Outcome { figures: world.figures, digest: world.digest.value(), failure: world.failure }
    });
    result.unwrap_or_else(|panic| {
        let what = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
            .unwrap_or_default();
        Outcome { figures: Figures::default(), digest: 0, failure: Some(format!("panic: {what}")) }
    })
}

impl World {
    /// The adversary goes quiet, and everybody wants to be in a session (I9).
    fn settle_down(&mut self) {
        self.say_trace(|| "== from now on nothing is wrong".to_owned());
        self.server.now = self.now;
        for who in 0..self.people.len() {
            if self.people.get(who).is_some_and(|person| person.insider) {
                self.crash(who);
            }
        }
        self.server.repent();
        self.oracle.calm(self.now);
        let begin = self.now;
        let bound = self.op_timeout() * Expect::of(&self.options).liveness;
        let mut proof: Option<Vec<(usize, MessageId)>> = None;
        let mut proven = None;
        while self.failure.is_none() {
            if proven.is_some() && !self.oracle.awaits_an_end(&self.people) {
                return;
            }
            if proven.is_none() && self.now > begin + bound {
                let why = self.disagreement().unwrap_or_else(|| {
                    "everybody agrees, but what they say is not fully acknowledged".to_owned()
                });
                self.fail(format!("I9: after {} s {why}", bound / 1_000));
                return;
            }
            self.users_act();
            self.pass(1_000);
            if self.disagreement().is_some() {
                proof = None;
                continue;
            }
            // What was said under former keys proves nothing.
            let sid = self.honest().next().and_then(mpenc::Session::sid);
            match &proof {
                Some(said) if !said.iter().all(|(who, id)| self.sid_of(*who, id) == sid) => {
                    proof = None;
                }
                None => proof = Some(self.everybody_speaks()),
                // What somebody asked for meanwhile is waited for (SES-023).
                Some(said) if proven.is_none() && self.all_acked(said) => {
                    proven = Some(self.now);
                    self.figures.slowest = self.now - begin;
                }
                Some(_) => {}
            }
        }
    }

    fn everybody_speaks(&mut self) -> Vec<(usize, MessageId)> {
        let mut said = Vec::new();
        for who in 0..self.people.len() {
            if self.people.get(who).is_none_or(|person| person.insider) {
                continue;
            }
            self.speak(who, format!("all is well, {who} says at {}", self.now));
            let last =
                self.people.get(who).and_then(|p| p.session.as_ref()?.message_at(-1).map(|m| m.id));
            said.extend(last.map(|id| (who, id)));
        }
        said
    }

    fn sid_of(&self, who: usize, id: &MessageId) -> Option<mpenc::SubsessionId> {
        let session = self.people.get(who).and_then(|person| person.session.as_ref())?;
        session.message(id).map(|message| message.sid)
    }

    fn all_acked(&self, said: &[(usize, MessageId)]) -> bool {
        let sessions: Vec<_> = self.honest().collect();
        said.iter().all(|(_, id)| {
            sessions.iter().all(|s| s.unacked_by(id).is_some_and(|unacked| unacked.is_empty()))
        })
    }

    fn honest(&self) -> impl Iterator<Item = &mpenc::Session> {
        self.people.iter().filter(|p| !p.insider).filter_map(|p| p.session.as_ref())
    }

    /// Why honest members are not all in one session.
    fn disagreement(&self) -> Option<String> {
        let all: MemberSet =
            self.people.iter().filter(|p| !p.insider).map(|p| p.name.clone()).collect();
        let first = self.honest().next()?;
        for person in self.people.iter().filter(|person| !person.insider) {
            let name = &person.name;
            let Some(session) = &person.session else { return Some(format!("{name} is away")) };
            let state = session.state();
            let members = session.members();
            if state != SessionState::Joined || members != all {
                let channel = session.channel_members();
                let op = session.operation().map(|op| (op.initiator, op.change, op.waiting_for));
                return Some(format!(
                    "{name} is {state:?} with {members}, channel {channel:?}, waiting {}, operation {op:?}, leaving {}, lingering {}",
                    session.is_waiting(),
                    session.leaving_members(),
                    session.lingering_members()
                ));
            }
            if session.sid() != first.sid() || session.key_check() != first.key_check() {
                return Some(format!("{name} has other keys"));
            }
            if self.options.v2 && session.order() != first.order() {
                return Some(format!("{name} has another order"));
            }
            if session.operation().is_some()
                || !session.leaving_members().is_empty()
                || !session.lingering_members().is_empty()
            {
                return Some(format!("{name} has not finished"));
            }
        }
        None
    }
}
