//! One member's session with its clock and randomness, as it is recorded and played again.

use std::collections::{BTreeMap, VecDeque};

use core::convert::Infallible;

use mpenc::channel::{ChannelEvent, ChannelRequest};
use mpenc::{Env, Identity, Profile, Session, SessionConfig, Timestamp};
use mpenc_crypto::SecretBytes;
use mpenc_types::{MemberId, MemberSet};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, TryCryptoRng, TryRng};
use serde_json::{Value, json};

use super::super::greeting::texts;
use super::super::hx;
use super::super::keyed::{name, names};
use crate::json::{Checked, Fault, Node};

/// Randomness: bytes as hex, numbers as numbers.
#[derive(Default)]
pub(in super::super) struct Tape {
    recorded: VecDeque<Value>,
    pub(in super::super) dice: Option<ChaCha20Rng>,
    pub(in super::super) drawn: Vec<Value>,
}

impl Tape {
    /// The next recorded value, or one that the dice make.
    fn next(&mut self, make: impl FnOnce(&mut ChaCha20Rng) -> Value) -> Value {
        let value = match &mut self.dice {
            Some(dice) => make(dice),
            None => self.recorded.pop_front().unwrap_or_default(),
        };
        self.drawn.push(value.clone());
        value
    }
}

impl TryRng for Tape {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let value = self.next(|dice| json!(dice.next_u32()));
        Ok(value.as_u64().and_then(|number| u32::try_from(number).ok()).unwrap_or_default())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.next(|dice| json!(dice.next_u64())).as_u64().unwrap_or_default())
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        let len = dst.len();
        let value = self.next(|dice| {
            let mut bytes = vec![0; len];
            dice.fill_bytes(&mut bytes);
            hx(bytes)
        });
        dst.fill(0);
        let bytes = value.as_str().and_then(|text| hex::decode(text).ok()).unwrap_or_default();
        dst.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        Ok(())
    }
}

impl TryCryptoRng for Tape {}

/// A member.
pub(in super::super) struct Seat {
    who: MemberId,
    pub(in super::super) session: Session,
    pub(in super::super) tape: Tape,
    /// What was said of the state last.
    state: Value,
}

impl Seat {
    pub(in super::super) fn new(
        label: &str,
        identities: &BTreeMap<MemberId, [u8; 32]>,
        who: &MemberId,
    ) -> Checked<Self> {
        let missing = || Fault::new("identities", format!("{who} has none"));
        let identity = |seed: &[u8; 32]| Identity::from_seed(&SecretBytes::new(*seed));
        let own = identity(identities.get(who).ok_or_else(missing)?);
        let config = SessionConfig::new(who.clone(), own)
            .map_err(|error| Fault::new("identities", error.to_string()))?
            .profile(Profile::V2)
            .stay_if_last(true)
            .session_id(label);
        let mut session = Session::new(config);
        for (name, seed) in identities {
            session.set_identity(name, Some(identity(seed).public()));
        }
        Ok(Self { who: who.clone(), session, tape: Tape::default(), state: Value::Null })
    }

    /// Texts in the order of the log.
    pub(in super::super) fn texts(&self) -> Vec<String> {
        let text = |id| self.session.message(&id).map(|message| message.text.to_owned());
        self.session.log().filter_map(text).collect()
    }

    /// Does one thing; what it asked of the channel, and the step as far as it is known.
    pub(in super::super) fn perform(
        &mut self,
        at: u64,
        input: &Value,
        log: &[Node<'_>],
    ) -> Checked<(Vec<ChannelRequest>, Value)> {
        self.tape.drawn.clear();
        let node = Node::root(input);
        let mut env = Env { now: Timestamp::from_millis(at), rng: &mut self.tape };
        match node.get("kind")?.text()? {
            "timeout" => self.session.handle_timeout(&mut env),
            "event" => {
                let seq = node.get("seq")?;
                let entry = log.get(seq.size()?).ok_or_else(|| seq.fault("is not in the log"))?;
                let event = event(entry, &self.who)?;
                let _ = self.session.handle_input(&mut env, event);
            }
            "action" => act(&mut self.session, &mut env, &node)?,
            _ => return Err(node.fault_at("kind", "is unknown")),
        }
        while self.session.poll_notice().is_some() {}
        let requests: Vec<_> = core::iter::from_fn(|| self.session.poll_transmit()).collect();
        let mut step = json!({"t": at, "in": input});
        let state = json!({
            "members": texts(&self.session.members()),
            "sid": self.session.sid().map(|sid| hx(sid.as_bytes())),
            "order": self.session.order().map(|(pid, chain)| {
                json!([hx(pid.as_bytes()), hx(chain.as_bytes())])
            }),
        });
        if let Some(step) = step.as_object_mut() {
            if !self.tape.drawn.is_empty() {
                step.insert("rand".to_owned(), self.tape.drawn.clone().into());
            }
            if state != self.state {
                step.insert("state".to_owned(), state.clone());
                self.state = state;
            }
        }
        Ok((requests, step))
    }

    /// Does a recorded step again.
    pub(super) fn replay(&mut self, step: &Node<'_>, log: &[Node<'_>]) -> Checked {
        let at = step.get("t")?.number()?;
        let input = step.get("in")?;
        let due = self.session.poll_timeout().map(|deadline| deadline.at.as_millis());
        let is_timeout = input.get("kind")?.text()? == "timeout";
        if is_timeout && due.is_none_or(|due| due > at) {
            return Err(input.fault("comes before its time"));
        }
        if due.is_some_and(|due| due < at) {
            return Err(step.fault(format!("comes after a timeout that was due at {due:?}")));
        }
        for draw in step.list("rand")? {
            self.tape.recorded.push_back(draw.value().clone());
        }
        let (requests, mut again) = self.perform(at, input.value(), log)?;
        if !self.tape.recorded.is_empty() {
            return Err(step.fault_at("rand", "is not drawn in full"));
        }
        let mut out = Vec::new();
        let recorded = step.list("out")?;
        for (i, request) in requests.iter().enumerate() {
            let same = recorded.get(i).map(|one| asked(one, request, log)).transpose()?;
            if same != Some(true) {
                let what = format!("has another request at {i}: {request:?}");
                return Err(step.fault_at("out", what.chars().take(200).collect::<String>()));
            }
            out.push(recorded.get(i).map(|one| one.value().clone()).unwrap_or_default());
        }
        if let (Some(again), false) = (again.as_object_mut(), out.is_empty()) {
            again.insert("out".to_owned(), out.into());
        }
        step.expect(&step.value().to_string(), &again.to_string())
    }
}

/// Whether a recorded request is this one.
fn asked(recorded: &Node<'_>, request: &ChannelRequest, log: &[Node<'_>]) -> Checked<bool> {
    if let (Some(at), ChannelRequest::Send { bytes, .. }) = (recorded.opt("packet"), request) {
        let entry = log.get(at.size()?).ok_or_else(|| at.fault("is not in the log"))?;
        return Ok(entry.get("packet")?.hex()? == *bytes);
    }
    Ok(recorded.value() == &described(request))
}

/// A request that is no packet of the log.
pub(in super::super) fn described(request: &ChannelRequest) -> Value {
    match request {
        ChannelRequest::Enter => json!({"control": "enter"}),
        ChannelRequest::Leave => json!({"control": "leave"}),
        ChannelRequest::Change { enter, leave } => {
            json!({"enter": texts(enter), "leave": texts(leave)})
        }
        ChannelRequest::Send { bytes, .. } => json!({"lost": hx(bytes)}),
        &_ => Value::Null,
    }
}

fn event(entry: &Node<'_>, who: &MemberId) -> Checked<ChannelEvent> {
    if let Some(packet) = entry.opt("packet") {
        let sender = name(&entry.get("from")?)?;
        return Ok(ChannelEvent::Packet { sender, bytes: packet.hex()? });
    }
    let (enter, leave): (MemberSet, MemberSet) =
        (names(&entry.get("enter")?)?, names(&entry.get("leave")?)?);
    Ok(if enter.contains(who) {
        ChannelEvent::Entered { members: names(&entry.get("channel")?)? }
    } else if leave.contains(who) {
        ChannelEvent::Left
    } else {
        ChannelEvent::Changed { enter, leave }
    })
}

fn act(session: &mut Session, env: &mut Env<'_>, node: &Node<'_>) -> Checked {
    let action = node.get("action")?;
    let refused = |error: String| action.fault(error);
    let set = |key: &str| -> Checked<MemberSet> {
        node.opt(key).map_or(Ok(MemberSet::new()), |list| names(&list))
    };
    match action.text()? {
        "join" => session.join(env).map(|_| ()).map_err(|e| refused(e.to_string())),
        "part" => session.part(env).map(|_| ()).map_err(|e| refused(e.to_string())),
        "refresh" => session.refresh(env).map(|_| ()).map_err(|e| refused(e.to_string())),
        "change" => {
            let (include, exclude) = (set("include")?, set("exclude")?);
            let changed = session.change(env, &include, &exclude);
            changed.map(|_| ()).map_err(|e| refused(e.to_string()))
        }
        "send" => {
            let sent = session.send(env, node.get("text")?.text()?);
            sent.map(|_| ()).map_err(|e| refused(e.to_string()))
        }
        _ => Err(action.fault("is unknown")),
    }
}
