//! Members on an honest channel: one order of events, each member as far behind as it likes.
//!
//! A request takes its place in the order when it is made. Nothing is lost by that: whoever is
//! behind makes its requests out of what it knew, and they come after everything it had not seen.

use std::collections::BTreeSet;

use super::group::{Group, name};
use super::ids::Renaming;
use super::member::Member;
use super::packet::{Event, Packet, Request};
use super::scene::{Budget, Scene};
use super::search::Model;
use super::turn::{PassedOver, Rules, Turn};
use super::words::{say, show};

/// The model.
#[derive(Debug)]
pub struct Honest {
    rules: Rules,
    members: u8,
    budget: Budget,
    scenes: Vec<Scene>,
}

/// A state of the channel and of everybody.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State {
    pub(super) members: Vec<Member>,
    /// How many events of `log` each has heard; nothing for those who do not listen.
    pub(super) heard: Vec<Option<u8>>,
    /// What somebody has not heard yet.
    log: Vec<Event>,
    /// Who is in the channel after `log`.
    pub(super) present: Group,
    left: Budget,
    /// Who leaves only to come back.
    returning: Group,
    /// Nothing further is looked at from here.
    unexamined: bool,
    fresh: u16,
}

/// A step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// A member hears the next event.
    Hear(u8),
    /// A user proposes this membership.
    Propose(u8, Group),
    /// A member proposes to exclude those who left.
    Exclude(u8),
    /// A member asks former members to go.
    AskToGo(u8),
    /// A user aborts the operation.
    Abort(u8),
    /// A member leaves the channel.
    Leave(u8),
    /// A member enters the channel.
    Enter(u8),
    /// Nothing more is under way, and a member still waits for an operation to end: it aborts it
    /// or, if it was being excluded, leaves.
    TimeOut(u8),
}

impl Honest {
    /// A model with this many members, up to eight.
    #[must_use]
    pub fn new(rules: Rules, members: u8, budget: Budget, scenes: &[Scene]) -> Self {
        Self { rules, members: members.min(8), budget, scenes: scenes.to_vec() }
    }

    fn begin(&self, scene: Scene) -> State {
        let mut state = State {
            members: (0..self.members).map(Member::new).collect(),
            heard: vec![None; usize::from(self.members)],
            log: Vec::new(),
            present: Group::NOBODY,
            left: Budget { proposals: u8::MAX, leaves: u8::MAX, enters: u8::MAX, aborts: 0 },
            returning: Group::NOBODY,
            unexamined: false,
            fresh: 0,
        };
        let all = Group::first(self.members);
        let last = self.members.saturating_sub(1);
        let rest = all.less(Group::of(last));
        let mut actions = Vec::new();
        if scene != Scene::Empty {
            actions.extend(all.iter().map(Action::Enter));
        }
        match scene {
            Scene::Empty | Scene::Establish | Scene::Apart => {}
            Scene::Together => actions.push(Action::Propose(0, all)),
            Scene::Newcomer => actions.push(Action::Propose(0, rest)),
            Scene::Lingering => actions.extend([
                Action::Propose(0, all),
                Action::Propose(0, rest),
                Action::Leave(1),
                Action::Exclude(0),
                Action::Enter(1),
                Action::Propose(0, rest),
            ]),
        }
        for action in actions {
            state = self.step(&state, action).unwrap_or(state);
            while let Some(member) = all.iter().find(|member| state.is_behind(*member)) {
                state = self.step(&state, Action::Hear(member)).unwrap_or(state);
            }
        }
        state.left = self.budget;
        state
    }

    /// Gives everything new names; forgets what everybody has heard.
    fn tidy(&self, state: &mut State) {
        let heard = state.heard.iter().flatten().min().copied();
        let done = heard.unwrap_or(u8::try_from(state.log.len()).unwrap_or(u8::MAX));
        state.log.drain(..usize::from(done).min(state.log.len()));
        state.heard.iter_mut().flatten().for_each(|heard| *heard -= done);
        let mut live: BTreeSet<u16> = state.members.iter().flat_map(Member::live).collect();
        live.extend(state.log.iter().filter_map(|event| match event {
            Event::Packet(_, packet) => Some(packet.operation()),
            Event::Entered(..) | Event::Left(_) => None,
        }));
        let mut names = Renaming::new(&self.rules.chains, live);
        state.members.iter_mut().for_each(|member| member.rename(&mut names));
        for event in &mut state.log {
            match event {
                Event::Entered(..) | Event::Left(_) => {}
                Event::Packet(_, Packet::Initial(proposal)) => {
                    names.operation(&mut proposal.operation);
                    names.id(&mut proposal.prev_final);
                    names.chain(&mut proposal.prev_chain);
                }
                Event::Packet(_, Packet::Part { operation, .. } | Packet::Abort { operation }) => {
                    names.operation(operation);
                }
            }
        }
        state.fresh = names.fresh();
    }

    /// A member does something, and the channel what it asks for.
    fn turn(
        &self,
        state: &mut State,
        member: u8,
        act: impl FnOnce(&mut Member, &mut Turn<'_>),
    ) -> Result<(), String> {
        let mut turn = Turn::new(&self.rules, state.fresh);
        if let Some(member) = state.members.get_mut(usize::from(member)) {
            act(member, &mut turn);
        }
        if turn.used_fresh {
            state.fresh += 1;
        }
        if let Some(what) = turn.wrong {
            return Err(format!("{}: {what}", name(member)));
        }
        if turn.warned {
            return Err(format!("{} warns, but the channel is honest", name(member)));
        }
        if turn.passed_over {
            state.unexamined = self.rules.passed_over == PassedOver::Unexamined;
            if self.rules.passed_over == PassedOver::Returns {
                state.returning = state.returning.or(Group::of(member));
            }
        }
        for request in turn.requests {
            // Whoever has been let go has no say.
            if state.present.has(member) {
                match request {
                    Request::Send(packet) => state.log.push(Event::Packet(member, packet)),
                    Request::Kick(members) => {
                        members.iter().for_each(|member| state.let_go(member));
                    }
                    Request::Leave => state.let_go(member),
                }
            }
        }
        Ok(())
    }
}

impl State {
    /// Whether everybody has heard everything.
    pub(super) fn is_quiet(&self) -> bool {
        (0..8).all(|member| !self.is_behind(member))
    }

    fn is_behind(&self, member: u8) -> bool {
        let heard = self.heard.get(usize::from(member)).copied().flatten();
        heard.is_some_and(|heard| usize::from(heard) < self.log.len())
    }

    fn let_go(&mut self, member: u8) {
        if self.present.has(member) {
            self.present = self.present.less(Group::of(member));
            self.log.push(Event::Left(member));
        }
    }

    pub(super) fn of(&self, member: u8) -> Option<&Member> {
        self.members.get(usize::from(member))
    }
}

impl Model for Honest {
    type State = State;
    type Action = Action;

    fn beginnings(&self) -> Vec<(&'static str, State)> {
        self.scenes.iter().map(|scene| (scene.name(), self.begin(*scene))).collect()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.unexamined {
            return;
        }
        let quiet = state.is_quiet();
        for member in &state.members {
            let me = member.me;
            if member.channel.is_none() {
                let may = state.left.enters > 0 || state.returning.has(me);
                if may && !state.present.has(me) && !state.is_behind(me) {
                    actions.push(Action::Enter(me));
                }
                continue;
            }
            if state.is_behind(me) {
                actions.push(Action::Hear(me));
            }
            if state.left.leaves > 0 && state.present.has(me) {
                actions.push(Action::Leave(me));
            }
            if member.exclusion_due().is_some() {
                actions.push(Action::Exclude(me));
            }
            if !member.lingering().is_empty() {
                actions.push(Action::AskToGo(me));
            }
            if state.left.aborts > 0 && member.abort().is_some() {
                actions.push(Action::Abort(me));
            }
            if quiet && member.running.is_some() {
                actions.push(Action::TimeOut(me));
            }
            if state.left.proposals > 0 {
                let targets = (1..1 << self.members).map(Group::from_bits);
                let wanted = targets.filter(|targets| member.may_ask_for(*targets));
                actions.extend(wanted.map(|targets| Action::Propose(me, targets)));
            }
        }
    }

    fn step(&self, state: &State, action: Action) -> Result<State, String> {
        let mut next = state.clone();
        match action {
            Action::Hear(me) => {
                let heard = next.heard.get_mut(usize::from(me));
                let Some(heard) = heard.and_then(Option::as_mut) else { return Ok(next) };
                let event = next.log.get(usize::from(*heard)).copied();
                *heard += 1;
                if event == Some(Event::Left(me))
                    && let Some(heard) = next.heard.get_mut(usize::from(me))
                {
                    *heard = None;
                }
                if let Some(event) = event {
                    self.turn(&mut next, me, |member, turn| member.hear(turn, &event))?;
                }
            }
            Action::Propose(me, targets) => {
                next.left.proposals -= 1;
                self.turn(&mut next, me, |member, turn| member.propose(turn, targets))?;
            }
            Action::Exclude(me) => {
                if let Some(targets) = state.of(me).and_then(Member::exclusion_due) {
                    self.turn(&mut next, me, |member, turn| member.propose(turn, targets))?;
                }
            }
            Action::AskToGo(me) => self.turn(&mut next, me, Member::ask_to_go)?,
            Action::Abort(me) => {
                next.left.aborts -= 1;
                let abort = state.of(me).and_then(|member| member.abort());
                let abort = abort.map(Request::Send);
                self.turn(&mut next, me, |_, turn| turn.requests.extend(abort))?;
            }
            Action::TimeOut(me) => {
                let abort = state.of(me).and_then(|member| member.abort());
                let request = abort.map_or(Request::Leave, Request::Send);
                self.turn(&mut next, me, |_, turn| turn.requests.push(request))?;
            }
            Action::Leave(me) => {
                next.left.leaves -= 1;
                next.let_go(me);
            }
            Action::Enter(me) => {
                if next.returning.has(me) {
                    next.returning = next.returning.less(Group::of(me));
                } else {
                    next.left.enters -= 1;
                }
                next.present = next.present.or(Group::of(me));
                let event = Event::Entered(me, next.present);
                next.log.push(event);
                if let Some(heard) = next.heard.get_mut(usize::from(me)) {
                    *heard = u8::try_from(next.log.len()).ok();
                }
                self.turn(&mut next, me, |member, turn| member.hear(turn, &event))?;
            }
        }
        self.tidy(&mut next);
        if !next.unexamined {
            self.agreement(&next)?;
        }
        Ok(next)
    }

    /// Everybody has heard everything; no operation is in progress and none is due; those in the
    /// session agree about it and are in the channel; and whoever waits has somebody to wait for.
    fn is_settled(&self, state: &State) -> bool {
        if state.unexamined {
            return true;
        }
        let here = || state.members.iter().filter(|member| member.channel.is_some());
        let mut synced = here().filter(|member| member.order.is_synced());
        let Some(first) = synced.next() else { return state.present.is_empty() };
        state.is_quiet()
            && here().all(|m| m.running.is_none() && m.proposal.is_none())
            && here().all(|m| m.task_exclude.is_empty() && m.task_leave.is_empty())
            && first.members.within(state.present)
            && first.members
                == here()
                    .filter(|m| m.order.is_synced())
                    .fold(Group::NOBODY, |g, m| g.or(Group::of(m.me)))
            && synced.all(|m| m.order.chain() == first.order.chain() && m.members == first.members)
    }

    fn describe(&self, state: &State, action: Action) -> String {
        match action {
            Action::Hear(me) => {
                let heard = state.heard.get(usize::from(me)).copied().flatten();
                let event = heard.and_then(|heard| state.log.get(usize::from(heard)));
                let event = event.map_or_else(|| "nothing".to_owned(), say);
                format!("{} hears: {event}", name(me))
            }
            Action::Propose(me, targets) => format!("{} proposes {targets}", name(me)),
            Action::Exclude(me) => {
                let gone = state.of(me).map_or(Group::NOBODY, |member| member.task_exclude);
                format!("{} proposes to exclude {gone}, who left", name(me))
            }
            Action::AskToGo(me) => {
                let who = state.of(me).map_or(Group::NOBODY, Member::lingering);
                format!("{} kicks {who}, who was excluded", name(me))
            }
            Action::Abort(me) => format!("{} aborts", name(me)),
            Action::Leave(me) => format!("{} leaves the channel", name(me)),
            Action::Enter(me) => format!("{} enters the channel", name(me)),
            Action::TimeOut(me) => format!("{} gives up waiting", name(me)),
        }
    }

    fn show(&self, state: &State) -> String {
        let mut text = format!("in the channel: {}", state.present);
        for member in state.members.iter().filter(|member| member.channel.is_some()) {
            text += &format!("\n    {}: {}", name(member.me), show(member));
        }
        text
    }
}
