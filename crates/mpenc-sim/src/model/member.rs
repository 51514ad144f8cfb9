//! One member: the real server order, and around it the smallest session that the rules of
//! sections 5, 6 and 11 of protocol.md need. No keys, no messages, no clock.

use mpenc_types::{ChainHash, guard};

use super::group::Group;
use super::ids::{Renaming, start_id};
use super::order::Order;
use super::packet::{Event, Packet, Proposal, Request};
use super::turn::{PassedOver, Turn};

/// The operation in progress, as a member sees it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Running {
    pub(super) number: u16,
    pub(super) members: Group,
    pub(super) targets: Group,
    /// The owner was unsynced before it.
    pub(super) first: bool,
    /// The owner is being excluded.
    pub(super) bystander: bool,
    /// A bystander has seen the end.
    pub(super) over: bool,
    pub(super) round: u8,
    /// Whose packet of this round is there.
    pub(super) got: Group,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Member {
    pub(super) me: u8,
    /// Members of the channel, if the owner is in it.
    pub(super) channel: Option<Group>,
    seniors: Group,
    /// Targets of proposals that did not name the owner while it waited.
    pub(super) others: Group,
    pub(super) order: Order,
    /// Members of the session.
    pub(super) members: Group,
    /// The operation that made the current subsession.
    pub(super) subsession: Option<u16>,
    pub(super) running: Option<Running>,
    /// The own proposal that has not come back.
    pub(super) proposal: Option<u16>,
    pub(super) task_exclude: Group,
    pub(super) task_leave: Group,
    /// Those of `task_leave` that were asked to go.
    asked: Group,
    /// Whom the member has seen being excluded and not leaving since, whatever its tasks say.
    pub(super) witnessed: Group,
    /// Chain hashes since the subsession began.
    pub(super) trail: Vec<ChainHash>,
}

impl Member {
    pub(super) const fn new(me: u8) -> Self {
        Self {
            me,
            channel: None,
            seniors: Group::NOBODY,
            others: Group::NOBODY,
            order: Order::new(),
            members: Group::of(me),
            subsession: None,
            running: None,
            proposal: None,
            task_exclude: Group::NOBODY,
            task_leave: Group::NOBODY,
            asked: Group::NOBODY,
            witnessed: Group::NOBODY,
            trail: Vec::new(),
        }
    }

    /// A member of the session by more than its own belief: not in its first operation, not being
    /// excluded.
    pub(super) fn is_established(&self) -> bool {
        self.order.is_synced()
            && self.running.as_ref().is_none_or(|running| !running.first && !running.bystander)
    }

    /// Whether it should stand where everybody stands: also if it is being excluded, but no longer
    /// when it has been (GRT-012).
    pub(super) fn follows(&self) -> bool {
        let running = self.running.as_ref();
        self.order.is_synced() && running.is_none_or(|running| !running.first && !running.over)
    }

    pub(super) fn may_propose(&self) -> bool {
        self.channel.is_some()
            && self.order.is_synced()
            && self.running.is_none()
            && self.proposal.is_none()
    }

    /// Operations of which packets to or from this member matter.
    pub(super) fn live(&self) -> impl Iterator<Item = u16> {
        self.running.as_ref().map(|running| running.number).into_iter().chain(self.proposal)
    }

    pub(super) fn rename(&mut self, names: &mut Renaming<'_>) {
        self.order.rename(names);
        let numbers = self.subsession.iter_mut().chain(&mut self.proposal);
        numbers.for_each(|number| names.operation(number));
        self.running.iter_mut().for_each(|running| names.operation(&mut running.number));
        self.trail.iter_mut().for_each(|chain| names.chain(chain));
    }

    pub(super) fn hear(&mut self, turn: &mut Turn<'_>, event: &Event) {
        match event {
            Event::Entered(who, members) if *who == self.me => self.enter(turn, *members),
            Event::Entered(who, _) => self.entered(turn, *who),
            Event::Left(who) if *who == self.me => *self = Self::new(self.me),
            Event::Left(who) => self.left(turn, *who),
            Event::Packet(from, Packet::Initial(proposal)) => self.initial(turn, *from, proposal),
            Event::Packet(from, packet @ Packet::Part { operation, round }) => {
                self.part(turn, *from, packet, *operation, *round);
            }
            Event::Packet(from, packet @ Packet::Abort { operation }) => {
                self.aborted(turn, *from, packet, *operation);
            }
        }
        //= docs/spec/protocol.md#SES-018
        self.task_exclude = self.task_exclude.and(self.members);
        //= docs/spec/protocol.md#SES-019
        let here = self.channel.unwrap_or(Group::NOBODY);
        self.task_leave = self.task_leave.and(here).less(self.task_exclude);
        self.asked = self.asked.and(self.task_leave);
        turn.must(self.order.is_faithful(), "the model cannot put the server order together");
        self.check(turn);
    }

    /// What holds for each member by itself after every event.
    fn check(&self, turn: &mut Turn<'_>) {
        let here = self.channel.unwrap_or(Group::NOBODY);
        if let Some(running) = &self.running
            && !running.over
        {
            //= docs/spec/protocol.md#SES-014
            turn.must(running.targets.within(here), "an operation goes on without a target");
        }
        //= docs/spec/protocol.md#ORD-024
        let gone = self.members.less(here);
        turn.must(
            self.channel.is_none() || !self.is_established() || gone == self.task_exclude.and(gone),
            "a member of the session left and is not to be excluded",
        );
    }

    fn enter(&mut self, turn: &mut Turn<'_>, members: Group) {
        let me = Group::of(self.me);
        *self = Self::new(self.me);
        //= docs/spec/protocol.md#ORD-007
        self.seniors = members.less(me);
        self.channel = Some(members.or(me));
        self.sync_if_nobody_is_senior(turn);
    }

    //= docs/spec/protocol.md#ORD-006
    pub(super) fn sync_if_nobody_is_senior(&mut self, turn: &mut Turn<'_>) {
        if !self.order.is_synced() && self.seniors.is_empty() {
            let here = self.channel.unwrap_or(Group::NOBODY);
            turn.passed_over = !self.others.and(here).is_empty();
            //= docs/spec/protocol.md#ORD-047
            if guard!("passed-over")
                && turn.passed_over
                && turn.rules.passed_over == PassedOver::Returns
            {
                turn.requests.push(Request::Leave);
                return;
            }
            self.order.sync_new(start_id(turn.fresh()), &turn.rules.chains);
        }
    }

    fn entered(&mut self, turn: &mut Turn<'_>, who: u8) {
        let Some(channel) = self.channel else { return };
        self.channel = Some(channel.or(Group::of(who)));
        let bystander = self.running.as_ref().is_some_and(|running| running.bystander);
        if !self.order.is_synced() || bystander {
            return;
        }
        //= docs/spec/protocol.md#ORD-027
        if guard!("rule-eal") && self.task_exclude.has(who) {
            turn.requests.push(Request::Kick(Group::of(who)));
            return;
        }
        //= docs/spec/protocol.md#ORD-023
        let outsider = self
            .running
            .as_ref()
            .is_some_and(|running| !running.targets.or(running.members).has(who));
        if guard!("rule-eo") && outsider {
            turn.requests.push(Request::Kick(Group::of(who)));
        }
    }

    fn left(&mut self, turn: &mut Turn<'_>, who: u8) {
        let Some(channel) = self.channel else { return };
        let gone = Group::of(who);
        self.channel = Some(channel.less(gone));
        self.seniors = self.seniors.less(gone);
        self.task_leave = self.task_leave.less(gone);
        self.witnessed = self.witnessed.less(gone);
        //= docs/spec/protocol.md#ORD-024
        //= docs/spec/protocol.md#ORD-026
        if guard!("rule-ls") {
            self.task_exclude = self.task_exclude.or(self.members.and(gone));
        }
        self.end_operation_without(turn, gone);
        self.sync_if_nobody_is_senior(turn);
    }

    /// Proposes to change the membership to `targets`.
    pub(super) fn propose(&mut self, turn: &mut Turn<'_>, targets: Group) {
        let (Some(prev_final), Some(prev_chain)) = (self.order.prev_final(), self.order.chain())
        else {
            return;
        };
        let operation = turn.fresh();
        let members = self.members;
        self.proposal = Some(operation);
        turn.requests.push(Request::Send(Packet::Initial(Proposal {
            operation,
            members,
            targets,
            prev_final,
            prev_chain,
        })));
    }

    /// The next membership if those who left are excluded, if that is wanted.
    //= docs/spec/protocol.md#SES-020
    pub(super) fn exclusion_due(&self) -> Option<Group> {
        let due = self.may_propose() && self.subsession.is_some() && !self.task_exclude.is_empty();
        due.then(|| self.members.less(self.task_exclude))
    }

    /// Whether a user may ask for this membership now. Former members are asked to go first.
    pub(super) fn may_ask_for(&self, targets: Group) -> bool {
        let here = self.channel.unwrap_or(Group::NOBODY);
        self.may_propose()
            && self.task_exclude.is_empty()
            && targets.has(self.me)
            && targets.less(self.members).and(self.task_leave).is_empty()
            && targets.or(self.members).len() > 1
            && targets.within(here)
    }

    /// Asks former members to go, which the session does at the end of their subsession.
    //= docs/spec/protocol.md#ORD-033
    pub(super) fn lingering(&self) -> Group {
        self.task_leave.less(self.asked)
    }

    pub(super) fn ask_to_go(&mut self, turn: &mut Turn<'_>) {
        let lingering = self.lingering();
        self.asked = self.asked.or(lingering);
        turn.requests.push(Request::Kick(lingering));
    }

    /// The packet with which this member may end the operation.
    pub(super) fn abort(&self) -> Option<Packet> {
        let running = self.running.as_ref().filter(|running| !running.bystander)?;
        Some(Packet::Abort { operation: running.number })
    }
}
