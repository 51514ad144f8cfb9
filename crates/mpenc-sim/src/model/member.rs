//! One member: the real server order, and around it the smallest session that the rules of
//! sections 5, 6 and 11 of protocol.md need. No keys, no messages, no clock.

use mpenc_transcript::order::{InitialPacket, OrderReject};
use mpenc_types::{ChainHash, guard};

use super::group::{Group, Sets};
use super::ids::{Chains, Renaming, foreign_id, leave_id, packet_id, start_id};
use super::order::{Order, Place};
use super::packet::{Event, Packet, Proposal, Request};

/// What is fixed while a model is searched.
#[derive(Debug)]
pub struct Rules {
    /// Rounds of an operation in which each of `M` sends one packet.
    pub rounds: u8,
    /// Whether members remember their chain hashes since the last change of keys.
    pub trails: bool,
    /// What a member does whose seniors have left, although it has seen others being included.
    pub passed_over: PassedOver,
    pub(super) chains: Chains,
    pub(super) sets: Sets,
}

impl Rules {
    /// See the fields.
    #[must_use]
    pub fn new(rounds: u8, trails: bool, passed_over: PassedOver) -> Self {
        let (chains, sets) = (Chains::default(), Sets::new());
        Self { rounds, trails, passed_over, chains, sets }
    }
}

/// What a member does that waits to be included, has seen others that entered after it being
/// included, and whose seniors have left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PassedOver {
    /// It begins a session of its own, beside the one that it has seen, as before ORD-047.
    Begins,
    /// The same, and the search goes no further there.
    Unexamined,
    /// It leaves the channel and enters it again, so that those others are its seniors (ORD-047).
    Returns,
}

/// What a member does while it handles something.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    pub(super) rules: &'a Rules,
    /// A number that no operation has yet.
    pub(super) fresh: u16,
    pub(super) used_fresh: bool,
    pub(super) requests: Vec<Request>,
    /// What must never happen, if it just has.
    pub(super) wrong: Option<&'static str>,
    /// It was said that accounts of the order differ (`OrderInconsistent`).
    pub(super) warned: bool,
    /// Nobody senior is left, and others were included in front of it.
    pub(super) passed_over: bool,
}

impl<'a> Turn<'a> {
    pub(super) const fn new(rules: &'a Rules, fresh: u16) -> Self {
        let (used_fresh, wrong, warned, passed_over) = (false, None, false, false);
        Self { rules, fresh, used_fresh, requests: Vec::new(), wrong, warned, passed_over }
    }

    fn must(&mut self, holds: bool, what: &'static str) {
        if !holds {
            self.wrong.get_or_insert(what);
        }
    }

    fn fresh(&mut self) -> u16 {
        self.used_fresh = true;
        self.fresh
    }
}

/// The operation in progress, as a member sees it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Running {
    pub(super) number: u16,
    members: Group,
    pub(super) targets: Group,
    /// The owner was unsynced before it.
    pub(super) first: bool,
    /// The owner is being excluded.
    pub(super) bystander: bool,
    /// A bystander has seen the end.
    pub(super) over: bool,
    round: u8,
    /// Whose packet of this round is there.
    got: Group,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Member {
    pub(super) me: u8,
    /// Members of the channel, if the owner is in it.
    pub(super) channel: Option<Group>,
    seniors: Group,
    /// Targets of proposals that did not name the owner while it waited.
    others: Group,
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
    fn sync_if_nobody_is_senior(&mut self, turn: &mut Turn<'_>) {
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

    //= docs/spec/protocol.md#ORD-025
    fn end_operation_without(&mut self, turn: &mut Turn<'_>, gone: Group) {
        let Some(running) = &self.running else { return };
        let concerned =
            if guard!("rule-lox") { running.targets } else { running.targets.or(running.members) };
        if concerned.and(gone).is_empty() || !guard!("rule-loi") {
            return;
        }
        let stays = !running.targets.and(gone).is_empty();
        let Some(initial) = self.order.prev_initial() else { return };
        turn.must(stays, "the leaving of somebody being excluded ended the exclusion");
        let remaining = self.channel.unwrap_or(Group::NOBODY);
        let id = leave_id(&initial, gone, remaining);
        let ended = self.order.leave(id, &turn.rules.chains);
        turn.must(ended.is_ok(), "a leave pseudo-packet was refused");
        self.went_on(turn);
        self.fail(turn);
    }

    fn initial(&mut self, turn: &mut Turn<'_>, from: u8, proposal: &Proposal) {
        let Some(channel) = self.channel else { return };
        let Some(verified) = self.recognise(from, proposal) else { return };
        let id = packet_id(from, channel, &Packet::Initial(*proposal));
        let rules = turn.rules;
        let packet = InitialPacket {
            prev_final: proposal.prev_final,
            prev_chain: proposal.prev_chain,
            binds_chain: true,
            names_owner: verified && proposal.targets.has(self.me),
            initiator_is_member: verified && self.members.has(from),
            is_final: proposal.is_final(),
            targets: rules.sets.get(proposal.targets),
            channel: rules.sets.get(channel),
        };
        let before = self.order.clone();
        match self.order.initial(id, packet, &rules.chains) {
            Ok(_) => self.accepted(turn, proposal, &before),
            Err(reason) => {
                turn.warned |= reason == OrderReject::Inconsistent;
                if !self.order.is_synced() {
                    self.others = self.others.or(proposal.targets);
                }
                let first = before.prev_initial().is_none()
                    && before.prev_final() == Some(proposal.prev_final);
                let fits = verified && proposal.targets.within(channel);
                turn.must(
                    !(first && fits) || reason == OrderReject::Inconsistent,
                    "the first proposal after an operation was refused",
                );
                if from == self.me {
                    self.proposal = None;
                }
            }
        }
    }

    /// Whether the greeter recognises an initial packet (V2-030, GRT-019), and whether it could
    /// verify it.
    fn recognise(&self, from: u8, proposal: &Proposal) -> Option<bool> {
        if from == self.me {
            //= docs/spec/protocol.md#GRT-018
            return (self.proposal == Some(proposal.operation)).then_some(true);
        }
        if self.subsession.is_some() {
            let ours = proposal.members == self.members && self.members.has(from);
            return ours.then_some(true);
        }
        let newcomer = proposal.targets.has(self.me) && !proposal.members.has(self.me);
        Some(newcomer)
    }

    fn accepted(&mut self, turn: &mut Turn<'_>, proposal: &Proposal, before: &Order) {
        let first = !before.is_synced();
        // What acceptance promises, said again in other words than the table's.
        turn.must(before.prev_initial().is_none(), "two proposals were accepted at once");
        turn.must(
            first || before.prev_final() == Some(proposal.prev_final),
            "a proposal was accepted that does not follow the last operation",
        );
        turn.must(
            first || before.chain() == Some(proposal.prev_chain),
            "a member takes part in an operation of another history",
        );
        if let Place::Unsynced(Some((last, chain))) = before.place() {
            //= docs/spec/protocol.md#ORD-014
            turn.must(
                last != proposal.prev_final || chain == proposal.prev_chain,
                "a member comes back into another history than the one it knows",
            );
        }
        self.went_on(turn);
        self.proposal = None;
        let targets = proposal.targets;
        let bystander = !targets.has(self.me);
        self.running = Some(Running {
            number: proposal.operation,
            members: proposal.members,
            targets,
            first,
            bystander,
            over: false,
            round: 0,
            got: Group::NOBODY,
        });
        //= docs/spec/protocol.md#ORD-028
        let lingering = targets.and(self.task_leave);
        if !lingering.is_empty() {
            turn.requests.push(Request::Kick(lingering));
        }
        if proposal.is_final() {
            self.complete(turn);
        } else if !bystander {
            let part = Packet::Part { operation: proposal.operation, round: 0 };
            turn.requests.push(Request::Send(part));
        }
    }

    /// One of the packets that the greeting waits for.
    fn part(&mut self, turn: &mut Turn<'_>, from: u8, packet: &Packet, number: u16, round: u8) {
        let Some(running) = &mut self.running else { return };
        let expected = running.targets.has(from) && !running.got.has(from);
        if running.over || running.number != number || running.round != round || !expected {
            return;
        }
        running.got = running.got.or(Group::of(from));
        if running.got != running.targets {
            return;
        }
        //= docs/spec/protocol.md#GRT-010
        if running.round + 1 < turn.rules.rounds {
            running.round += 1;
            running.got = Group::NOBODY;
            if !running.bystander {
                let part = Packet::Part { operation: number, round: running.round };
                turn.requests.push(Request::Send(part));
            }
            return;
        }
        let Some(initial) = self.order.prev_initial() else { return };
        let id = packet_id(from, self.channel.unwrap_or(Group::NOBODY), packet);
        let ended = self.order.end(id, initial, &turn.rules.chains);
        turn.must(ended.is_ok(), "the packet that completes an operation was refused");
        self.went_on(turn);
        self.complete(turn);
    }

    //= docs/spec/protocol.md#ORD-044
    fn aborted(&mut self, turn: &mut Turn<'_>, from: u8, packet: &Packet, number: u16) {
        let Some(channel) = self.channel else { return };
        let ours = match &self.running {
            Some(running) if running.number == number => {
                //= docs/spec/v2.md#V2-017
                if running.over || !running.targets.has(from) {
                    return;
                }
                true
            }
            // The greeter would refuse it already; the order has to as well (ORD-016).
            Some(_) | None => false,
        };
        let claimed = match self.order.prev_initial() {
            Some(initial) if ours => initial,
            Some(_) | None => foreign_id(number),
        };
        let id = packet_id(from, channel, packet);
        if self.order.end(id, claimed, &turn.rules.chains).is_ok() {
            turn.must(ours, "an operation was ended by a packet of another one");
            self.went_on(turn);
            self.fail(turn);
        } else {
            turn.must(!ours, "an abort of the operation in progress was refused");
        }
    }

    //= docs/spec/protocol.md#SES-013
    fn complete(&mut self, turn: &mut Turn<'_>) {
        let Some(running) = self.running.as_mut() else { return };
        if running.bystander {
            //= docs/spec/protocol.md#GRT-013
            running.over = true;
            return;
        }
        let Some(running) = self.running.take() else { return };
        turn.must(
            running.first || running.members == self.members,
            "an operation was completed that began from another membership",
        );
        let excluded = running.members.less(running.targets);
        let here = self.channel.unwrap_or(Group::NOBODY);
        self.task_exclude = self.task_exclude.less(excluded);
        self.witnessed = self.witnessed.or(excluded.and(here));
        if guard!("rule-ial") {
            self.task_leave = self.task_leave.or(excluded.and(here));
        }
        self.members = running.targets;
        self.subsession = (running.targets.len() > 1).then_some(running.number);
        self.trail.clear();
        self.trail.extend(self.order.chain().filter(|_| turn.rules.trails));
    }

    fn fail(&mut self, turn: &mut Turn<'_>) {
        let Some(running) = self.running.take() else { return };
        //= docs/spec/protocol.md#ORD-014
        if running.first && self.subsession.is_none() {
            self.order.unsync();
            self.sync_if_nobody_is_senior(turn);
        }
    }

    /// A packet of an operation was accepted.
    fn went_on(&mut self, turn: &Turn<'_>) {
        if turn.rules.trails && self.subsession.is_some() {
            self.trail.extend(self.order.chain());
        }
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
