//! Members on a channel that lies: it shows each of them any packet in any order, as often as it
//! likes or never, and tells it what it wants about who is there.

use std::collections::BTreeSet;

use mpenc_types::{ChainHash, guard};

use super::group::{Group, name};
use super::member::Member;
use super::packet::{Event, Packet, Request};
use super::scene::Scene;
use super::search::Model;
use super::turn::{Rules, Turn};
use super::words::{say, show};

/// How often what may happen. Hearing packets is not counted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Lies {
    /// Proposals, by users and of themselves.
    pub proposals: u8,
    /// Operations that users abort.
    pub aborts: u8,
    /// Events about who enters and leaves.
    pub changes: u8,
}

/// The model.
#[derive(Debug)]
pub struct Divided {
    rules: Rules,
    members: u8,
    left: Lies,
    scenes: Vec<Scene>,
}

/// What everybody knows, and every packet ever sent.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State {
    members: Vec<Member>,
    packets: BTreeSet<(u8, Packet)>,
    left: Lies,
    /// Numbers used by each member.
    used: Vec<u16>,
}

/// A step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// The channel tells a member something.
    Tell(u8, Event),
    /// A member proposes this membership.
    Propose(u8, Group),
    /// A member aborts the operation.
    Abort(u8),
}

/// Numbers of operations for one member.
const NUMBERS: u16 = 64;

impl Divided {
    /// A model with this many members, up to eight. Of the scenes `Lingering` and `Empty` are as
    /// `Establish`.
    #[must_use]
    pub fn new(rules: Rules, members: u8, left: Lies, scenes: &[Scene]) -> Self {
        Self { rules, members: members.min(8), left, scenes: scenes.to_vec() }
    }

    fn begin(&self, scene: Scene) -> State {
        let all = Group::first(self.members);
        let rest = all.less(Group::of(self.members.saturating_sub(1)));
        let together = match scene {
            Scene::Together => all,
            Scene::Newcomer => rest,
            Scene::Apart => Group::first(2),
            Scene::Establish | Scene::Lingering | Scene::Empty => Group::NOBODY,
        };
        let mut state = State {
            members: (0..self.members).map(Member::new).collect(),
            packets: BTreeSet::new(),
            left: Lies { proposals: u8::MAX, aborts: 0, changes: u8::MAX },
            used: vec![0; usize::from(self.members)],
        };
        let mut script = Vec::new();
        let present = if scene == Scene::Apart { together } else { all };
        for one in present.iter() {
            let here = Group::first(one + 1);
            script.extend(here.iter().map(|to| Action::Tell(to, Event::Entered(one, here))));
        }
        if !together.is_empty() {
            script.push(Action::Propose(0, together));
        }
        for action in script {
            state = self.step(&state, action).unwrap_or(state);
        }
        if scene == Scene::Apart {
            // A sees somebody in the channel while it hears the proposal, B does not.
            let proposals = state.packets.clone().into_iter();
            let tell = |event| Action::Tell(0, event);
            let proposals = proposals.map(|(from, packet)| tell(Event::Packet(from, packet)));
            let (come, go) = (tell(Event::Entered(2, all)), tell(Event::Left(2)));
            for action in [come].into_iter().chain(proposals).chain([go]) {
                state = self.step(&state, action).unwrap_or(state);
            }
        }
        loop {
            let before = state.clone();
            for (from, packet) in before.packets.clone() {
                for to in all.iter() {
                    let tell = Action::Tell(to, Event::Packet(from, packet));
                    state = self.step(&state, tell).unwrap_or(state);
                }
            }
            if state == before {
                break;
            }
        }
        state.left = self.left;
        state
    }

    /// What holds for any two members, whatever the channel does.
    fn agreement(&self, state: &State) -> Result<(), String> {
        for (place, one) in state.members.iter().enumerate() {
            for other in state.members.iter().skip(place + 1) {
                let who = || format!("{} and {}", name(one.me), name(other.me));
                // Whoever is not in the same subsession cannot read the other, who will miss its
                // acknowledgements (LIV-026).
                let readable = one.subsession.is_some() && one.subsession == other.subsession;
                if readable && one.members != other.members {
                    return Err(format!("{} have one key, two memberships", who()));
                }
                let idle = |member: &Member| member.is_established() && member.running.is_none();
                let settled = one.is_established() && other.is_established();
                let equal = one.order.chain() == other.order.chain();
                if settled
                    && equal
                    && (one.members, one.subsession) != (other.members, other.subsession)
                {
                    return Err(format!("{} have one chain hash, two memberships", who()));
                }
                //= docs/spec/v2.md#V2-026
                let healthy = readable
                    && agrees(&one.trail, &other.trail)
                    && agrees(&other.trail, &one.trail);
                if idle(one) && idle(other) && healthy && !equal {
                    return Err(format!("{} have two histories and do not notice", who()));
                }
            }
        }
        Ok(())
    }
}

/// Whether a member with the first trail has nothing against a message by one with the second:
/// the last point of the sender's must be the receiver's at that number.
fn agrees(ours: &[ChainHash], theirs: &[ChainHash]) -> bool {
    let known = theirs.len().checked_sub(1).and_then(|number| ours.get(number));
    !guard!("order-compared") || known.is_some_and(|hash| Some(hash) == theirs.last())
}

impl Model for Divided {
    type State = State;
    type Action = Action;

    fn beginnings(&self) -> Vec<(&'static str, State)> {
        self.scenes.iter().map(|scene| (scene.name(), self.begin(*scene))).collect()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let all = Group::first(self.members);
        for member in &state.members {
            let me = member.me;
            let lies = state.left.changes > 0;
            let Some(channel) = member.channel else {
                if lies {
                    // Somebody who was there before is always claimed to be.
                    actions.push(Action::Tell(me, Event::Entered(me, all)));
                    actions.push(Action::Tell(me, Event::Entered(me, Group::of(me))));
                }
                continue;
            };
            let heard = state.packets.iter().filter(|(from, _)| channel.has(*from));
            actions.extend(
                heard.map(|(from, packet)| Action::Tell(me, Event::Packet(*from, *packet))),
            );
            if lies {
                actions.extend(channel.iter().map(|who| Action::Tell(me, Event::Left(who))));
                let absent = all.less(channel);
                actions.extend(
                    absent.iter().map(|who| Action::Tell(me, Event::Entered(who, channel))),
                );
            }
            if state.left.aborts > 0 && member.abort().is_some() {
                actions.push(Action::Abort(me));
            }
            if state.left.proposals > 0 {
                actions.extend(member.exclusion_due().map(|next| Action::Propose(me, next)));
                let targets = (1..1 << self.members).map(Group::from_bits);
                let wanted = targets.filter(|targets| member.may_ask_for(*targets));
                actions.extend(wanted.map(|targets| Action::Propose(me, targets)));
            }
        }
    }

    fn step(&self, state: &State, action: Action) -> Result<State, String> {
        let mut next = state.clone();
        let (Action::Tell(me, _) | Action::Propose(me, _) | Action::Abort(me)) = action;
        let place = usize::from(me);
        let used = next.used.get(place).copied().unwrap_or_default();
        let mut turn = Turn::new(&self.rules, u16::from(me) * NUMBERS + used);
        let Some(member) = next.members.get_mut(place) else { return Ok(next) };
        match action {
            Action::Tell(_, event) => {
                if !matches!(event, Event::Packet(..)) {
                    next.left.changes -= 1;
                }
                member.hear(&mut turn, &event);
            }
            Action::Propose(_, targets) => {
                next.left.proposals -= 1;
                member.propose(&mut turn, targets);
            }
            Action::Abort(_) => {
                next.left.aborts -= 1;
                turn.requests.extend(member.abort().map(Request::Send));
            }
        }
        if turn.used_fresh
            && let Some(used) = next.used.get_mut(place)
        {
            *used += 1;
        }
        if let Some(what) = turn.wrong {
            return Err(format!("{}: {what}", name(me)));
        }
        for request in turn.requests {
            // What else is asked for, the channel does if it feels like it.
            if let Request::Send(packet) = request {
                next.packets.insert((me, packet));
            }
        }
        self.agreement(&next)?;
        Ok(next)
    }

    /// Nothing need ever come to an end here.
    fn is_settled(&self, _: &State) -> bool {
        true
    }

    fn describe(&self, _: &State, action: Action) -> String {
        match action {
            Action::Tell(me, event) => format!("{} is told: {}", name(me), say(&event)),
            Action::Propose(me, targets) => format!("{} proposes {targets}", name(me)),
            Action::Abort(me) => format!("{} aborts", name(me)),
        }
    }

    fn show(&self, state: &State) -> String {
        let words = state.members.iter().map(|m| format!("{}: {}", name(m.me), show(m)));
        words.collect::<Vec<_>>().join("\n    ")
    }
}
