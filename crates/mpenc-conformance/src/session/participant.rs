//! A member, played again alone: the real session engine gets what the member got, when it got it,
//! draws what it drew, and has to send what it sent.

use std::collections::BTreeSet;

use mpenc::channel::{ChannelEvent, ChannelRequest};
use mpenc::{Env, Identity, Session, SessionConfig, Timing};
use mpenc_crypto::SecretBytes;
use mpenc_types::{MemberId, MemberSet, Timestamp};

use super::recording::{Member, Recording, What};
use crate::draws::Draws;
use crate::json::{Checked, Fault, Node};
use crate::report::Tally;

/// Timeouts that may fall between two recorded steps.
const MAX_TIMEOUTS: usize = 10_000;

pub(super) fn replay(recording: &Recording<'_>, name: &MemberId) -> Tally {
    let mut tally = Tally::default();
    let Some(member) = recording.members.get(name) else { return tally };
    let checked = Replay::new(recording, name, member).and_then(|mut replay| {
        let result = replay.run(&mut tally);
        result.and_then(|()| replay.finish(member, &mut tally))
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
            .timing(Timing::original(recording.flow))
            .padding(recording.padding)
            .auto_include(member.auto_include)
            .stay_if_last(member.stay_if_last)
            // The original reports a join that took too long as a success, and stays (B5).
            .patient_join(true);
        let mut session = Session::new(config);
        for (name, member) in &recording.members {
            session.set_identity(name, Some(member.public));
        }
        Ok(Self { recording, name, steps: &member.steps, session, draws: Draws::default() })
    }

    fn run(&mut self, tally: &mut Tally) -> Checked {
        let steps = self.steps;
        let mut at = 0;
        while let Some(step) = steps.get(at) {
            let time = Timestamp::from_millis(step.get("t")?.number()?);
            self.pass_time(step, time)?;
            // Timers that are due at the same moment are one call here.
            let is_timer = |step: &Node<'_>| -> Checked<bool> {
                Ok(step.get("in")?.get("kind")?.text()? == "timer")
            };
            let mut together = vec![step];
            if is_timer(step)? {
                while let Some(next) = steps.get(at + together.len()) {
                    if !is_timer(next)? || next.get("t")?.number()? != time.as_millis() {
                        break;
                    }
                    together.push(next);
                }
            }
            at += together.len();
            for step in &together {
                self.draws.extend(&step.list("rand")?)?;
            }
            self.input(step, time)?;
            self.compare(&together, tally)?;
            tally.add("steps", together.len());
        }
        Ok(())
    }

    /// Fires what is due before a step; the original had nothing to say then.
    fn pass_time(&mut self, step: &Node<'_>, until: Timestamp) -> Checked {
        for _ in 0..MAX_TIMEOUTS {
            let Some(deadline) = self.session.poll_timeout().filter(|next| next.at < until) else {
                return Ok(());
            };
            self.session.handle_timeout(&mut Env { now: deadline.at, rng: &mut self.draws });
            self.drain_notices();
            while let Some(request) = self.session.poll_transmit() {
                return Err(step.fault(format!(
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
        Err(step.fault("timeouts before it do not end"))
    }

    fn input(&mut self, step: &Node<'_>, now: Timestamp) -> Checked {
        let input = step.get("in")?;
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
            "action" => self.action(&input.get("action")?, now),
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

    fn action(&mut self, action: &Node<'_>, now: Timestamp) -> Checked {
        let env = &mut Env { now, rng: &mut self.draws };
        let set = |key: &str| match action.opt(key) {
            Some(set) => set.member_set(),
            None => Ok(MemberSet::new()),
        };
        // Whether it is refused shows in what is sent.
        if let Some(content) = action.opt("content") {
            let _ = self.session.send(env, content.text()?);
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

    fn compare(&mut self, steps: &[&Node<'_>], tally: &mut Tally) -> Checked {
        let mut packets = Vec::new();
        let mut controls = Controls::default();
        while let Some(request) = self.session.poll_transmit() {
            match request {
                ChannelRequest::Send { bytes, .. } => packets.push(bytes),
                ChannelRequest::Enter => controls.enter = true,
                ChannelRequest::Leave => controls.leave = true,
                ChannelRequest::Change { enter, leave } => {
                    controls.ask.extend(enter);
                    controls.kick.extend(leave);
                }
                _ => {}
            }
        }
        let mut found = packets.iter();
        let mut recorded = Controls::default();
        let mut last = None;
        for step in steps {
            last = Some(step);
            for out in step.list("out")? {
                if let Some(index) = out.opt("packet") {
                    let packet = self.recording.packet(&index)?;
                    let wire = packet.node.get("pubtxt")?;
                    let Some(found) = found.next() else {
                        let kind = packet.node.get("kind")?.text()?;
                        return Err(out.fault(format!("this {kind} packet is not sent")));
                    };
                    wire.expect_text(found).map_err(|fault| {
                        Fault::new(format!("{}: {}", out.place(), fault.place), fault.what)
                    })?;
                    tally.count("packets");
                } else {
                    for (key, value) in out.fields()? {
                        match (key, value.is_true()) {
                            ("enter", true) => recorded.enter = true,
                            ("leave", true) => recorded.leave = true,
                            ("enter", false) => recorded.ask.extend(value.members()?),
                            ("leave", false) => recorded.kick.extend(value.members()?),
                            _ => return Err(value.fault("is nothing that can be sent")),
                        }
                    }
                }
            }
        }
        let Some(last) = last else { return Ok(()) };
        if let Some(more) = found.next() {
            return Err(last.fault(format!(
                "we send a packet more: {}",
                String::from_utf8_lossy(more).chars().take(80).collect::<String>()
            )));
        }
        if let Err(fault) = self.draws.finish() {
            return Err(fault);
        }
        self.drain_notices();
        if recorded != controls {
            return Err(last.fault_at("out", format!("expected {recorded:?}, found {controls:?}")));
        }
        Ok(())
    }

    fn drain_notices(&mut self) {
        while let Some(notice) = self.session.poll_notice() {
            if std::env::var_os("TRACE").is_some() {
                eprintln!("{}: {notice:?}", self.name);
            }
        }
    }

    fn finish(&mut self, member: &Member<'_>, tally: &mut Tally) -> Checked {
        let Some(last) = &member.last else { return Ok(()) };
        if let Some(log) = last.opt("message_log") {
            let found: Vec<_> = self.session.log().collect();
            log.expect(&log.message_ids()?, &found)?;
            tally.add("logged messages", found.len());
        }
        if let Some(members) = last.opt("members") {
            members.expect(&members.member_set()?, &self.session.members())?;
        }
        Ok(())
    }
}

fn describe(request: &ChannelRequest) -> String {
    match request {
        ChannelRequest::Send { bytes, .. } => {
            String::from_utf8_lossy(bytes).chars().take(60).collect()
        }
        other => format!("{other:?}"),
    }
}
