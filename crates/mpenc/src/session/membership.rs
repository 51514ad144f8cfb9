//! The integration rules: how channel membership drives session membership (section 6.4).

use alloc::vec::Vec;

use mpenc_liveness::TimerKind;
use mpenc_types::limits::MAX_CHANNEL_MEMBERS;
use mpenc_types::{MemberId, MemberSet, PacketId, guard};

use super::input::{Disposition, RejectReason};
use super::own::Ended;
use super::{Env, FailReason, Notice, Session, SessionState};
use crate::channel::ChannelRequest;

/// Removals by which newcomers are sent away that are asked for within ENTER_TIMEOUT (ATK-080).
/// Everybody in a session asks for each, so that this is far more than honest members need.
const MAX_SENT_AWAY: usize = 32;

impl Session {
    pub(super) fn entered(&mut self, env: &mut Env<'_>, members: MemberSet) -> Disposition {
        let members = members.with(self.owner());
        let was_inside = self.channel.is_some();
        if was_inside {
            //= docs/spec/protocol.md#CHN-011
            // Entering twice means that something was missed in between.
            let _ = self.left(env);
        }
        if members.len() > MAX_CHANNEL_MEMBERS && guard!("channel-limit") {
            //= docs/spec/protocol.md#CHN-018
            self.transmit(ChannelRequest::Leave);
            return match was_inside {
                true => Disposition::Accepted,
                false => Disposition::Rejected(RejectReason::ChannelFull),
            };
        }
        //= docs/spec/protocol.md#ORD-007
        self.seniors = members.without(self.owner());
        self.channel = Some(members);
        self.sync_if_nobody_is_senior(env);
        self.own_entered();
        Disposition::Accepted
    }

    //= docs/spec/protocol.md#ORD-006
    pub(super) fn sync_if_nobody_is_senior(&mut self, env: &mut Env<'_>) {
        if self.channel.is_some() && !self.order.is_synced() && self.seniors.is_empty() {
            // Once we have asked to leave we may be out any moment: no session begins then.
            if self.going_round || self.was_passed_over() {
                self.go_round_to_the_end(env);
                return;
            }
            let mut random = [0; 32];
            env.rng.fill_bytes(&mut random);
            self.order.sync_new(PacketId::new(random), self.rules.order_hash());
            self.own_alone();
        }
    }

    //= docs/spec/protocol.md#ORD-008
    pub(super) fn left(&mut self, env: &mut Env<'_>) -> Disposition {
        let Some(before) = self.channel.take() else {
            return Disposition::Rejected(RejectReason::Impossible);
        };
        let excluded = self.operation.as_ref().is_some_and(|running| running.bystander);
        if !guard!("rule-li") {
            return Disposition::Accepted;
        }
        if let Some(running) = self.operation.take()
            && !running.bystander
        {
            self.notify(Notice::OpFailed {
                change: running.change,
                initiator: running.initiator,
                reason: FailReason::WeLeft,
            });
        }
        let others = self.session_members().without(self.owner());
        let was_parting = self.parting || self.leaving();
        self.greeter.reset();
        self.order.reset();
        self.blacklisted.clear();
        self.lost_to = None;
        self.seniors.clear();
        self.passed_over_for.clear();
        self.task_exclude.clear();
        self.task_leave.clear();
        self.proposal = None;
        self.confirmations = None;
        self.order_inconsistent.clear();
        self.auto_include_failed.clear();
        self.deadlines.clear();
        self.forget_undecrypted();
        //= docs/spec/protocol.md#FIN-015
        let consistent = self.stop_everything();
        self.parting = false;
        self.leave_requested = false;
        self.going_round = false;
        self.surplus = 0;
        self.broken = false;
        //= docs/spec/protocol.md#SES-002
        self.state_out = match consistent {
            true => SessionState::Parted,
            false => SessionState::PartFailed,
        };
        if !others.is_empty() {
            self.notify(Notice::MembersChanged {
                remain: MemberSet::of(self.owner()),
                include: MemberSet::new(),
                exclude: others,
                context: Vec::new(),
                log_position: self.log.len(),
            });
        }
        self.own_left(env, before.len(), was_parting);
        let stranded = core::mem::take(&mut self.stranded);
        if stranded || !(was_parting || excluded) {
            self.return_by_itself(env, before.len());
        }
        Disposition::Accepted
    }

    pub(super) fn changed(
        &mut self,
        env: &mut Env<'_>,
        enter: &MemberSet,
        leave: &MemberSet,
    ) -> Disposition {
        let Some(channel) = &self.channel else {
            return Disposition::Rejected(RejectReason::NotInChannel);
        };
        //= docs/spec/protocol.md#CHN-003
        let unfollowed = leave.difference(channel).len();
        let impossible = !enter.is_disjoint(leave)
            || (enter.is_empty() && leave.is_empty())
            || enter.contains(self.owner())
            || leave.contains(self.owner())
            || !enter.is_disjoint(channel)
            || unfollowed > self.surplus;
        if impossible {
            return Disposition::Rejected(RejectReason::Impossible);
        }
        let leave = leave.intersection(channel);
        let remaining = channel.difference(&leave);
        //= docs/spec/protocol.md#CHN-018
        let after = remaining.len().saturating_add(enter.len());
        let full = after > MAX_CHANNEL_MEMBERS && guard!("channel-limit");
        self.surplus = self.surplus.saturating_sub(unfollowed);
        let nobody = MemberSet::new();
        let enter = if full {
            self.surplus = self.surplus.saturating_add(enter.len());
            &nobody
        } else {
            enter
        };
        if leave.is_empty() && enter.is_empty() {
            return match full {
                true => Disposition::Rejected(RejectReason::ChannelFull),
                false => Disposition::Ignored,
            };
        }
        self.channel = Some(remaining.union(enter));
        //= docs/spec/protocol.md#ORD-029
        if !leave.is_empty() {
            self.others_left(env, &leave, &remaining);
        }
        if !enter.is_empty() {
            self.others_entered(enter);
        }
        Disposition::Accepted
    }

    fn others_left(&mut self, env: &mut Env<'_>, leave: &MemberSet, remaining: &MemberSet) {
        for member in leave {
            self.seniors.remove(member);
            self.task_leave.remove(member);
            self.auto_include_failed.remove(member);
            // Whoever leaves loses its session (ORD-008): if it comes back it waits like us.
            self.passed_over_for.remove(member);
        }
        //= docs/spec/protocol.md#ORD-024
        //= docs/spec/protocol.md#ORD-026
        let members = self.session_members();
        if guard!("rule-ls") {
            self.task_exclude.extend(members.intersection(leave));
        }
        self.expect_no_confirmation_from(leave);
        self.recheck_shutdown = true;
        self.end_operation_without(env, leave, remaining);
        self.sync_if_nobody_is_senior(env);
    }

    //= docs/spec/protocol.md#ORD-025
    fn end_operation_without(
        &mut self,
        env: &mut Env<'_>,
        leave: &MemberSet,
        remaining: &MemberSet,
    ) {
        let Some(running) = &self.operation else { return };
        let concerned = if guard!("rule-lox") {
            running.next_members.clone()
        } else {
            running.next_members.union(&running.change.exclude)
        };
        let gone = concerned.intersection(leave);
        if gone.is_empty() || !guard!("rule-loi") {
            return;
        }
        let Some(prev_initial) = self.order.prev_initial() else { return };
        // The pseudo-packet names everybody who left in this event (wire-v1.md section 9).
        let id = self.rules.leave_id(remaining, &prev_initial, leave);
        if self.order.accept_leave(id, self.rules.order_hash()).is_err() {
            self.internal_error("a leave pseudo-packet was refused");
            return;
        }
        self.trail_order();
        self.fail_operation(env, FailReason::MembersLeft(gone));
    }

    fn others_entered(&mut self, enter: &MemberSet) {
        //= docs/spec/protocol.md#GRT-012
        let bystander = self.operation.as_ref().is_some_and(|running| running.bystander);
        if !self.order.is_synced() || bystander {
            // Whoever waits to be included, or to be gone, has no say.
            return;
        }
        for member in enter {
            if guard!("rule-eal") && self.task_exclude.contains(member) {
                //= docs/spec/protocol.md#ORD-027
                self.send_away(member);
                continue;
            }
            let outsider = match &self.operation {
                Some(running) => {
                    !running.next_members.contains(member)
                        && !running.change.exclude.contains(member)
                }
                None => false,
            };
            if guard!("rule-eo") && outsider && !self.own_expects(member) {
                //= docs/spec/protocol.md#ORD-023
                self.send_away(member);
            }
            //= docs/spec/protocol.md#ORD-022
            if guard!("rule-es") && !self.own_expects(member) {
                self.notify(Notice::EnterRequest { member: member.clone() });
            }
        }
    }

    /// Asks the channel to remove somebody who has just entered; not more than [`MAX_SENT_AWAY`]
    /// times in ENTER_TIMEOUT, so that whoever enters again and again does not keep the channel
    /// busy with us (ATK-080). Whoever stays for that reason is no member, as before, and
    /// whatever it disturbs ends as if it were a slow member.
    fn send_away(&mut self, member: &MemberId) {
        let (now, window) = (self.now, self.timing().enter_timeout());
        while self.sent_away.front().is_some_and(|at| *at + window <= now) {
            self.sent_away.pop_front();
        }
        if self.sent_away.len() < MAX_SENT_AWAY {
            self.sent_away.push_back(now);
        } else if guard!("kick-rate") {
            return;
        }
        self.kick(MemberSet::of(member));
    }

    pub(super) fn leaving(&self) -> bool {
        self.leave_requested || (self.current.is_none() && !self.previous.is_empty())
    }

    /// What happens when an own request that enters the channel gave up.
    pub(super) fn join_failed(&mut self, env: &mut Env<'_>) {
        self.deadlines.cancel(&TimerKind::Join);
        self.deadlines.cancel(&TimerKind::Reenter);
        if self.try_to_join_again(env) {
            return;
        }
        self.join_gave_up = true;
        self.end_own(Ended::TimedOut);
        self.request_leave(env);
    }
}
