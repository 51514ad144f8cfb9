//! A member, played again alone: the real session engine gets what the member got, when it got it,
//! draws what it drew, and has to send what it sent.

use std::collections::BTreeSet;

use mpenc::channel::{ChannelEvent, ChannelRequest};
use mpenc::{
    Change, Env, Identity, Notice, Profile, SendError, Session, SessionConfig, SessionState, Timing,
};
use mpenc_crypto::SecretBytes;
use mpenc_types::{MemberId, MemberSet, MessageId, Timestamp};

use super::recording::{Member, Recording, What};
use crate::departures::Departure;
use crate::draws::Draws;
use crate::json::{Checked, Fault, Node};
use crate::report::Tally;

mod forced;
mod state;
mod told;

/// Timeouts that may fall between two recorded steps.
const MAX_TIMEOUTS: usize = 10_000;

/// Previous subsessions that the original keeps (wire-v1.md section 12).
const PREVIOUS: usize = 1;

pub(super) fn replay(recording: &Recording<'_>, name: &MemberId) -> Tally {
    let mut tally = Tally::default();
    let Some(member) = recording.members.get(name) else { return tally };
    let checked = Replay::new(recording, name, member).and_then(|mut replay| {
        replay.run(&mut tally)?;
        replay.finish(member, &mut tally)
    });
    if let Err(fault) = checked {
        // What follows builds on it.
        tally.fault(fault);
    }
    tally
}

struct Replay<'a> {
    recording: &'a Recording<'a>,
    name: &'a MemberId,
    steps: &'a [Node<'a>],
    session: Session,
    draws: Draws,
    /// Whether the file says what members were told.
    tells: bool,
    /// What we told since the last step.
    told: told::Told,
    /// Payloads that the original shows and we do not.
    hidden: BTreeSet<MessageId>,
    /// Whom the original does not think of again.
    dropped: forced::Dropped,
    /// The first operation of this newcomer was given up: the original ignores all others.
    deaf: bool,
}

/// What a step sent besides packets.
#[derive(Debug, Default, PartialEq, Eq)]
struct Controls {
    enter: bool,
    leave: bool,
    ask: BTreeSet<MemberId>,
    kick: BTreeSet<MemberId>,
}

impl<'a> Replay<'a> {
    fn new(
        recording: &'a Recording<'a>,
        name: &'a MemberId,
        member: &'a Member<'a>,
    ) -> Checked<Self> {
        let identity = Identity::from_seed(&SecretBytes::new(member.seed));
        let config = SessionConfig::new(name.clone(), identity)
            .map_err(|error| recording.file.fault_at("members", format!("{name}: {error}")))?
            .profile(Profile::V1)
            .timing(Timing::original(recording.flow))
            .padding(recording.padding)
            .auto_include(member.auto_include)
            .stay_if_last(member.stay_if_last)
            // The original reports a join that took too long as a success, and stays (B5).
            .patient_join(true);
        let mut session = Session::new(config);
        // What it would do of its own accord is compared after each step.
        session.hold_tasks();
        for (name, member) in &recording.members {
            session.set_identity(name, Some(member.public));
        }
        Ok(Self {
            recording,
            name,
            steps: &member.steps,
            session,
            draws: Draws::default(),
            tells: recording
                .members
                .values()
                .any(|member| member.steps.iter().any(|step| step.has("notices"))),
            told: told::Told::default(),
            hidden: forced::after_fin(recording)?,
            dropped: forced::Dropped::default(),
            deaf: false,
        })
    }

    fn run(&mut self, tally: &mut Tally) -> Checked {
        let steps = self.steps;
        in_order(steps)?;
        let mut at = 0;
        while let Some(first) = steps.get(at) {
            let time = Timestamp::from_millis(first.get("t")?.number()?);
            // Timers that are due at the same moment are one call here.
            let same = |step: &&Node<'a>| {
                is_timer(step)
                    && step.opt("t").map(|t| t.number()) == first.opt("t").map(|t| t.number())
            };
            let more = match is_timer(first) {
                true => steps.iter().skip(at + 1).take_while(same).count(),
                false => 0,
            };
            let together: Vec<&Node<'a>> = steps.iter().skip(at).take(1 + more).collect();
            at += together.len();
            let step = Step::read(self.recording, self.name, &together)?;
            self.pass_time(&step, time)?;
            self.draws.extend(&step.draws)?;
            let before = Before::of(&self.session);
            if !self.replaced(&step, time, tally)? {
                self.input(&step, time, tally)?;
            }
            self.tasks(&step, &before, time, tally)?;
            self.compare(step, tally)?;
            let told = std::mem::take(&mut self.told);
            if self.tells {
                told.compare(&together, &self.hidden, tally)?;
            }
            for step in &together {
                self.compare_state(step)?;
            }
            // Fields say how it is when all of them are over.
            for (at, step) in together.iter().enumerate() {
                let last = at + 1 == together.len();
                if tally.departures().keys().any(|departure| departure.lasts()) {
                    break;
                }
                self.compare_sub_states(step, tally)?;
                if let Some(state) = step.opt("state").filter(|_| last) {
                    self.compare_fields(&state, tally)?;
                }
            }
            tally.add("steps", together.len());
            if self.session.keep_previous(PREVIOUS) > 0 {
                tally.depart(Departure::MorePrevious);
            }
        }
        Ok(())
    }

    /// Fires what is due before a step; the original had nothing to say then.
    fn pass_time(&mut self, step: &Step<'a>, until: Timestamp) -> Checked {
        for _ in 0..MAX_TIMEOUTS {
            let Some(deadline) = self.session.poll_timeout().filter(|next| next.at < until) else {
                return Ok(());
            };
            self.session.handle_timeout(&mut Env { now: deadline.at, rng: &mut self.draws });
            self.read_notices();
            if let Some(request) = self.session.poll_transmit() {
                return Err(step.node.fault(format!(
                    "before it, at {}, {:?} makes us send {}, which is not recorded",
                    deadline.at.as_millis(),
                    deadline.cause,
                    describe(&request)
                )));
            }
            if let Some(fault) = self.draws.take_fault() {
                return Err(fault);
            }
        }
        Err(step.node.fault("timeouts before it do not end"))
    }

    fn input(&mut self, step: &Step<'a>, now: Timestamp, tally: &mut Tally) -> Checked {
        let input = step.node.get("in")?;
        let kind = input.get("kind")?;
        match kind.text()? {
            "timer" => {
                self.session.handle_timeout(&mut Env { now, rng: &mut self.draws });
                Ok(())
            }
            "event" => {
                let event = self.event(&input.get("seq")?)?;
                let _ = self.session.handle_input(&mut Env { now, rng: &mut self.draws }, event);
                Ok(())
            }
            "action" => self.action(step, &input.get("action")?, now, tally),
            other => Err(kind.fault(format!("is the unknown input `{other}`"))),
        }
    }

    fn event(&self, seq: &Node<'_>) -> Checked<ChannelEvent> {
        Ok(match &self.recording.event(seq)?.what {
            What::Packet { sender, packet, .. } => {
                let packet = self.recording.packets.get(*packet);
                let wire = packet.map_or("", |packet| packet.wire);
                ChannelEvent::Packet { sender: sender.clone(), bytes: wire.as_bytes().to_vec() }
            }
            What::Members { enter, leave, after, .. } => {
                if leave.contains(self.name) {
                    ChannelEvent::Left
                } else if enter.contains(self.name) {
                    ChannelEvent::Entered { members: after.clone() }
                } else {
                    ChannelEvent::Changed { enter: enter.clone(), leave: leave.clone() }
                }
            }
        })
    }

    fn action(
        &mut self,
        step: &Step<'a>,
        action: &Node<'_>,
        now: Timestamp,
        tally: &mut Tally,
    ) -> Checked {
        let env = &mut Env { now, rng: &mut self.draws };
        let set = |key: &str| match action.opt(key) {
            Some(set) => set.member_set(),
            None => Ok(MemberSet::new()),
        };
        // Whether it is refused shows in what is sent.
        if let Some(content) = action.opt("content") {
            let found = self.session.send(env, content.text()?);
            if found == Err(SendError::NotJoined) && self.session.state() == SessionState::Parting {
                self.force_data(step, now, Departure::AfterFin, tally)?;
            }
        } else if action.has("join") {
            let _ = self.session.join(env);
        } else if action.has("part") {
            let _ = self.session.part(env);
        } else if action.has("refresh") {
            let _ = self.session.refresh(env);
        } else if action.has("include") || action.has("exclude") {
            let _ = self.session.change(env, &set("include")?, &set("exclude")?);
        } else {
            return Err(action.fault("is an unknown action"));
        }
        Ok(())
    }

    fn compare(&mut self, step: Step<'a>, tally: &mut Tally) -> Checked {
        let mut packets = Vec::new();
        let mut controls = Controls::default();
        while let Some(request) = self.session.poll_transmit() {
            match request {
                ChannelRequest::Send { bytes, recipients } => packets.push((bytes, recipients)),
                ChannelRequest::Enter => controls.enter = true,
                ChannelRequest::Leave => controls.leave = true,
                ChannelRequest::Change { enter, leave } => {
                    controls.ask.extend(enter);
                    controls.kick.extend(leave);
                }
                other => return Err(step.node.fault(format!("we ask for {other:?}"))),
            }
        }
        if packets.len() <= step.packets.len()
            && let Some(fault) = self.draws.take_fault()
        {
            let what = format!("{}: {}", fault.place, fault.what);
            return Err(step.node.fault(what));
        }
        let mut found = packets.iter();
        for (out, packet) in &step.packets {
            let packet = self.recording.packet(packet)?;
            let Some((found, recipients)) = found.next() else {
                let kind = packet.node.get("kind")?.text()?;
                return Err(out.fault(format!("this {kind} packet is not sent")));
            };
            packet.node.get("pubtxt")?.expect_text(found).map_err(|fault| {
                Fault::new(format!("{}: {}", out.place(), fault.place), fault.what)
            })?;
            if let Some(recorded) = packet.node.opt("recipients") {
                // Whether its sender is among them makes no difference.
                let expected = recorded.member_set()?.without(self.name);
                let found = recipients.without(self.name);
                let wider = packet.node.has("greet") && expected.is_subset(&found);
                if wider && expected != found {
                    tally.depart(Departure::WiderRecipients);
                } else {
                    recorded.expect(&expected, &found)?;
                }
            }
            tally.count("packets");
        }
        if let Some((more, _)) = found.next() {
            let shown: String = String::from_utf8_lossy(more).chars().take(60).collect();
            return Err(step.node.fault(format!("we send a packet more: {shown}")));
        }
        self.draws.finish()?;
        self.read_notices();
        let mut recorded = step.controls;
        if let Some(channel) = self.session.channel_members() {
            let present = |member: &MemberId| channel.contains(member);
            let surplus = recorded.ask.difference(&controls.ask).filter(|member| present(member));
            let surplus: Vec<MemberId> = surplus.cloned().collect();
            if !surplus.is_empty() {
                tally.depart(Departure::AskPresent);
                recorded.ask.retain(|member| !surplus.contains(member));
            }
        }
        if recorded != controls {
            let what = format!("expected {recorded:?}, found {controls:?}");
            return Err(step.node.fault_at("out", what));
        }
        Ok(())
    }

    /// Messages, membership and the order of operations, where the step changed them.
    fn compare_state(&self, step: &Node<'_>) -> Checked {
        if self.session.channel_members().is_some() {
            for id in step.list("accepted")? {
                id.expect(&true, &self.session.kind(&id.message_id()?).is_some())?;
            }
            for id in step.list("fully_acked")? {
                let known = self.session.kind(&id.message_id()?).is_some();
                let unacked = self.session.unacked_by(&id.message_id()?);
                id.expect(&true, &(known && unacked.is_none_or(|by| by.is_empty())))?;
            }
        }
        let Some(state) = step.opt("state") else { return Ok(()) };
        if let Some(members) = state.opt("members") {
            members.expect(&members.member_set()?, &self.session.members())?;
        }
        let Some(order) = state.opt("order").filter(|order| order.has("chain_hash") && !self.deaf)
        else {
            return Ok(());
        };
        match self.session.order() {
            Some((prev_final, chain)) => {
                order.get("prev_pf")?.expect_hex(prev_final.as_bytes())?;
                order.get("chain_hash")?.expect_hex(chain.as_bytes())
            }
            None => Err(order.fault("we are not synchronised")),
        }
    }

    fn finish(&mut self, member: &Member<'_>, tally: &mut Tally) -> Checked {
        let Some(last) = &member.last else { return Ok(()) };
        if let Some(log) = last.opt("message_log") {
            let mut recorded = log.message_ids()?;
            recorded.retain(|id| !self.hidden.contains(id));
            let found: Vec<_> = self.session.log().collect();
            log.expect(&recorded, &found)?;
            tally.add("logged messages", found.len());
        }
        if let Some(members) = last.opt("members") {
            members.expect(&members.member_set()?, &self.session.members())?;
        }
        let departed = tally.departures().keys().any(|departure| departure.lasts());
        if let Some(consistent) = last.opt("consistent").filter(|_| !departed) {
            consistent.expect_flag(self.session.is_consistent())?;
        }
        Ok(())
    }

    fn read_notices(&mut self) {
        while let Some(notice) = self.session.poll_notice() {
            if let Notice::OpRejected { change, .. } = &notice {
                self.dropped.lost(change);
            }
            self.told.note(&self.session, notice);
        }
    }
}

/// One step, or several timer steps of one moment, with what was recorded of them.
struct Step<'a> {
    node: Node<'a>,
    draws: Vec<Node<'a>>,
    /// Entry of `out` and the index in it.
    packets: Vec<(Node<'a>, Node<'a>)>,
    controls: Controls,
    /// The membership that an initial packet of our own proposes.
    proposes: Option<MemberSet>,
}

impl<'a> Step<'a> {
    fn read(recording: &Recording<'a>, name: &MemberId, together: &[&Node<'a>]) -> Checked<Self> {
        let Some(node) = together.last() else {
            return Err(Fault::new("steps", "is empty"));
        };
        let mut step = Self {
            node: (*node).clone(),
            draws: Vec::new(),
            packets: Vec::new(),
            controls: Controls::default(),
            proposes: None,
        };
        for node in together {
            step.draws.extend(node.list("rand")?);
            for out in node.list("out")? {
                step.read_out(recording, name, &out)?;
            }
        }
        Ok(step)
    }

    fn read_out(&mut self, recording: &Recording<'a>, name: &MemberId, out: &Node<'a>) -> Checked {
        if let Some(index) = out.opt("packet") {
            let packet = recording.packet(&index)?;
            packet.node.get("sender")?.expect(name, &packet.sender)?;
            if let Some(greet) = packet.node.opt("greet")
                && greet.get("greet_type")?.number()? & INITIAL != 0
            {
                self.proposes = Some(greet.get("members")?.member_set()?);
            }
            self.packets.push((out.clone(), index));
            return Ok(());
        }
        for (key, value) in out.fields()? {
            match (key, value.is_true()) {
                ("enter", true) => self.controls.enter = true,
                ("leave", true) => self.controls.leave = true,
                ("enter", false) => self.controls.ask.extend(value.members()?),
                ("leave", false) => self.controls.kick.extend(value.members()?),
                _ => return Err(value.fault("is nothing that can be sent")),
            }
        }
        Ok(())
    }

    fn is_silent(&self) -> bool {
        self.packets.is_empty() && self.controls == Controls::default()
    }
}

/// The bit of a greeting type that marks the first packet of an operation.
const INITIAL: u64 = 0x80;

/// What has to be known of the moment before a step.
struct Before {
    task: Option<Change>,
    /// An operation runs, or an own proposal is on its way.
    busy: bool,
    next_members: Option<MemberSet>,
    /// Waits to be included.
    waiting: bool,
    leaving: MemberSet,
    candidates: MemberSet,
}

impl Before {
    fn of(session: &Session) -> Self {
        Self {
            task: session.task(),
            busy: session.operation().is_some() || session.is_proposing(),
            next_members: session.operation().map(|running| running.next_members),
            waiting: session.sid().is_none() && session.order().is_none(),
            leaving: session.leaving_members().clone(),
            candidates: session.candidates(),
        }
    }
}

/// Time does not go back, and nobody sees an event of the channel twice or out of order.
fn in_order(steps: &[Node<'_>]) -> Checked {
    let (mut time, mut seen) = (0, None);
    for step in steps {
        let t = step.get("t")?;
        if t.number()? < time {
            return Err(t.fault("goes back"));
        }
        time = t.number()?;
        if let Some(seq) = step.get("in")?.opt("seq") {
            if seen.is_some_and(|seen| seq.number().is_ok_and(|seq| seq <= seen)) {
                return Err(seq.fault("is out of order"));
            }
            seen = Some(seq.number()?);
        }
    }
    Ok(())
}

fn is_timer(step: &Node<'_>) -> bool {
    let kind = step.opt("in").and_then(|input| input.opt("kind"));
    kind.is_some_and(|kind| kind.text() == Ok("timer"))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "every other request is short")]
fn describe(request: &ChannelRequest) -> String {
    match request {
        ChannelRequest::Send { bytes, .. } => {
            String::from_utf8_lossy(bytes).chars().take(60).collect()
        }
        other => format!("{other:?}"),
    }
}
