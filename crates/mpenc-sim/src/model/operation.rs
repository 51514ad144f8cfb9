//! How a member follows operations (sections 5 and 6 of protocol.md).

use mpenc_transcript::order::{InitialPacket, OrderReject};
use mpenc_types::guard;

use super::group::Group;
use super::ids::{foreign_id, leave_id, packet_id};
use super::member::{Member, Running};
use super::order::{Order, Place};
use super::packet::{Packet, Proposal, Request};
use super::turn::Turn;

impl Member {
    //= docs/spec/protocol.md#ORD-025
    pub(super) fn end_operation_without(&mut self, turn: &mut Turn<'_>, gone: Group) {
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

    pub(super) fn initial(&mut self, turn: &mut Turn<'_>, from: u8, proposal: &Proposal) {
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
    pub(super) fn part(
        &mut self,
        turn: &mut Turn<'_>,
        from: u8,
        packet: &Packet,
        number: u16,
        round: u8,
    ) {
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
    pub(super) fn aborted(&mut self, turn: &mut Turn<'_>, from: u8, packet: &Packet, number: u16) {
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
}
