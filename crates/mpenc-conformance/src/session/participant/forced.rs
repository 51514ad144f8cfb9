//! Where the original does what we do not do, or the other way round: each case has a condition,
//! and what does not meet it is a fault.

use std::collections::BTreeSet;

use mpenc::security::Body;
use mpenc::{Change, Env, SessionState};
use mpenc_types::{MemberSet, MessageId, SubsessionId, Timestamp};

use super::super::recording::{Recording, What};
use super::{Before, Replay, Step};
use crate::departures::Departure;
use crate::json::{Checked, Node};
use crate::report::Tally;

impl<'a> Replay<'a> {
    /// Does what the original did instead of giving the input to the session, or before it.
    /// True if the input was left out.
    pub(super) fn replaced(
        &mut self,
        step: &Step<'a>,
        now: Timestamp,
        tally: &mut Tally,
    ) -> Checked<bool> {
        let input = step.node.get("in")?;
        if let Some(action) = input.opt("action") {
            return Ok(self.leaves_out_action(step, &action, tally));
        }
        let Some(seq) = input.opt("seq") else { return Ok(false) };
        match &self.recording.event(&seq)?.what {
            // B10: leaving ends the subsession in the ordinary way, into a channel that is gone.
            What::Members { leave, .. } if leave.contains(self.name) => {
                self.force_data(step, now, Departure::FinOutside, tally)?;
                self.deaf = false;
                self.dropped.clear();
                Ok(false)
            }
            // B3: the original is deaf to operations now.
            What::Packet { packet, .. } if self.deaf && step.is_silent() => {
                let packet = self.recording.packets.get(*packet);
                let is_greeting = packet.is_some_and(|packet| packet.node.has("greet"));
                if is_greeting && !step.node.has("order_accept") {
                    tally.depart(Departure::DeafNewcomer);
                    return Ok(true);
                }
                Ok(false)
            }
            What::Packet { .. } | What::Members { .. } => Ok(false),
        }
    }

    fn leaves_out_action(&self, step: &Step<'a>, action: &Node<'_>, tally: &mut Tally) -> bool {
        let outside = self.session.sid().is_none();
        if action.has("part") && step.is_silent() && outside {
            // B4
            tally.depart(Departure::PartWhileWaiting);
            return true;
        }
        let names = |key: &str| {
            action.opt(key).is_some_and(|set| set.items().is_ok_and(|set| !set.is_empty()))
        };
        if names("include") && names("exclude") && step.is_silent() {
            tally.depart(Departure::CombinedChange);
            return true;
        }
        false
    }

    /// Sends the recorded messages of a step by force.
    pub(super) fn force_data(
        &mut self,
        step: &Step<'a>,
        now: Timestamp,
        departure: Departure,
        tally: &mut Tally,
    ) -> Checked {
        for (out, index) in &step.packets {
            let packet = self.recording.packet(index)?;
            let Some(data) = packet.node.opt("data") else {
                return Err(out.fault("is no message"));
            };
            let body = body(&data)?;
            if departure == Departure::FinOutside && body != (Body::Consistency { close: true }) {
                return Err(out.fault("is no FIN"));
            }
            let sub = data.get("sub")?;
            let subsessions = self.recording.file.list("subsessions")?;
            let node = subsessions.get(sub.size()?).ok_or_else(|| sub.fault("is no subsession"))?;
            let sid = SubsessionId::new(node.get("sid")?.array()?);
            let env = &mut Env { now, rng: &mut self.draws };
            self.session
                .force_message(env, &sid, body)
                .map_err(|error| out.fault(format!("cannot be sent: {error}")))?;
            tally.depart(departure);
        }
        Ok(())
    }

    /// Compares what the session would propose of its own accord with what was recorded.
    pub(super) fn tasks(
        &mut self,
        step: &Step<'a>,
        before: &Before,
        now: Timestamp,
        tally: &mut Tally,
    ) -> Checked {
        self.note_dropped(step, before)?;
        let Some(members) = &step.proposes else {
            return match self.session.task() {
                Some(task) if before.task.as_ref() != Some(&task) => match self.excuse(&task) {
                    Some(departure) => {
                        tally.depart(departure);
                        Ok(())
                    }
                    None => {
                        let what = format!("we would propose {task:?}, which is not recorded");
                        Err(step.node.fault(what))
                    }
                },
                Some(_) | None => Ok(()),
            };
        };
        if self.session.is_proposing() {
            return Ok(());
        }
        let ours = self.session.members();
        let change =
            Change { include: members.difference(&ours), exclude: ours.difference(members) };
        let env = &mut Env { now, rng: &mut self.draws };
        let task = self.session.task();
        if task.as_ref() == Some(&change) {
            self.session.run_task(env);
            return Ok(());
        }
        let departure = self.other_proposal(&change, task.as_ref(), members);
        let departure = departure.ok_or_else(|| {
            step.node.fault(format!("{change:?} is not proposed; we would propose {task:?}"))
        })?;
        tally.depart(departure);
        let env = &mut Env { now, rng: &mut self.draws };
        self.session
            .force_proposal(env, change)
            .map_err(|error| step.node.fault(format!("cannot be proposed: {error}")))
    }

    /// Why the original proposes what we do not.
    fn other_proposal(
        &self,
        change: &Change,
        task: Option<&Change>,
        members: &MemberSet,
    ) -> Option<Departure> {
        if self.session.state() == SessionState::Parting
            && !change.exclude.is_empty()
            && change.exclude.is_subset(self.session.leaving_members())
        {
            return Some(Departure::ProposesWhileParting);
        }
        // B2: whoever left is still among the members.
        let channel = self.session.channel_members()?;
        let absent = members.difference(channel);
        if !absent.is_empty() && absent.is_subset(self.session.leaving_members()) {
            return Some(Departure::AbsentTarget);
        }
        // B9: those who entered at a bad moment are not included with others either.
        let task = task?;
        let left_out = task.include.difference(&change.include);
        let fits = task.exclude == change.exclude && change.include.is_subset(&task.include);
        (fits && left_out.is_subset(&self.dropped.entered)).then_some(Departure::NoInclusion)
    }

    /// Whom the original forgets in this step.
    fn note_dropped(&mut self, step: &Step<'a>, before: &Before) -> Checked {
        let leaving = self.session.leaving_members().difference(&before.leaving);
        let entered = self.session.candidates().difference(&before.candidates);
        if before.next_members.is_some() || self.session.operation().is_some() {
            self.dropped.left.extend(leaving);
        } else if before.busy {
            self.dropped.unlucky.extend(leaving);
        }
        if before.busy || before.waiting {
            self.dropped.entered.extend(entered);
        }
        let Some(seq) = step.node.get("in")?.opt("seq") else { return Ok(()) };
        if let What::Members { leave, .. } = &self.recording.event(&seq)?.what
            && before.next_members.as_ref().is_some_and(|next| !next.is_disjoint(leave))
            && !before.waiting
            && step.node.has("order_accept")
            && self.session.sid().is_none()
            && self.session.order().is_none()
        {
            self.deaf = true;
        }
        Ok(())
    }

    /// Why the original does not propose what we would.
    fn excuse(&self, task: &Change) -> Option<Departure> {
        if !task.exclude.is_empty() {
            if task.exclude.is_subset(&self.dropped.left) {
                return Some(Departure::NoExclusion);
            }
            let known = self.dropped.left.union(&self.dropped.unlucky);
            return task.exclude.is_subset(&known).then_some(Departure::NoRetry);
        }
        task.include.is_subset(&self.dropped.entered).then_some(Departure::NoInclusion)
    }
}

/// Payloads that come after a FIN of their author: the original shows them.
pub(super) fn after_fin(recording: &Recording<'_>) -> Checked<BTreeSet<MessageId>> {
    let mut ended = BTreeSet::new();
    let mut hidden = BTreeSet::new();
    for packet in recording.packets.iter().filter(|packet| !packet.injected) {
        let Some(data) = packet.node.opt("data") else { continue };
        let place = (data.get("sub")?.size()?, &packet.sender);
        match body(&data)? {
            Body::Consistency { close: true } => {
                ended.insert(place);
            }
            Body::Payload(_) if ended.contains(&place) => {
                hidden.insert(data.get("mid")?.message_id()?);
            }
            Body::Payload(_)
            | Body::ExplicitAck { .. }
            | Body::Consistency { .. }
            | Body::Heartbeat
            | Body::OrderConfirmation(_)
            | Body::Absence { .. }
            | Body::Error { .. }
            | Body::Part(_)
            | Body::Close
            | Body::Opaque { .. } => {}
        }
    }
    Ok(hidden)
}

/// Whom the original does not think of again, where we do.
#[derive(Debug, Default)]
pub(super) struct Dropped {
    /// Left while an operation was running (B2).
    left: MemberSet,
    /// Left while an own proposal was on its way, or in a proposal of ours that lost.
    unlucky: MemberSet,
    /// Entered at a bad moment (B9), or in a proposal of ours that lost.
    entered: MemberSet,
}

impl Dropped {
    /// An own proposal was overtaken.
    pub(super) fn lost(&mut self, change: &Change) {
        self.unlucky.extend(change.exclude.clone());
        self.entered.extend(change.include.clone());
    }

    /// Whether all of these are among them.
    pub(super) fn contains(&self, members: &MemberSet) -> bool {
        members.is_subset(&self.left.union(&self.unlucky).union(&self.entered))
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}

fn body(data: &Node<'_>) -> Checked<Body> {
    let body = data.get("body")?;
    let kind = body.get("type")?;
    Ok(match kind.text()? {
        "payload" => Body::Payload(body.get("content")?.text()?.into()),
        "ack" => Body::ExplicitAck { manual: body.get("manual")?.flag()? },
        "consistency" => Body::Consistency { close: body.get("close")?.flag()? },
        other => return Err(kind.fault(format!("is the unknown type `{other}`"))),
    })
}
