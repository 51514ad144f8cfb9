//! The member itself: a session, a clock, and a stream of randomness.

use alloc::collections::BTreeMap;

use mpenc::channel::ChannelEvent;
use mpenc::{
    ChangeError, Disposition, Env, Identity, MemberId, OperationId, Profile, RejectReason, Session,
    SessionConfig, Timestamp, Timing,
};
use rand_chacha::ChaCha20Rng;
use serde_json::{Value, json};

use super::command::{Action, Refusal};
use super::event::{self, hexed, names};
use super::setup::{Clock, Setup};

pub(super) struct Member {
    session: Session,
    rng: ChaCha20Rng,
    clock: Clock,
    profile: Profile,
    /// Milliseconds since `init`.
    now: u64,
    identity: mpenc::PublicKey,
    /// Actions that have not ended, by what the session calls them.
    waiting: BTreeMap<OperationId, Vec<Value>>,
}

impl Member {
    pub(super) fn new(setup: Setup) -> Result<Self, Refusal> {
        let identity = Identity::from_seed(&setup.seed);
        let public = identity.public();
        let config = SessionConfig::new(setup.owner, identity)
            .map_err(|error| Refusal::new("bad_field", error.to_string()))?
            .profile(setup.profile)
            .session_id(setup.session_id)
            .timing(Timing::original(setup.flow))
            .auto_include(setup.auto_include)
            .stay_if_last(setup.stay_if_last)
            .padding(setup.padding)
            // The original waits for its inclusion as long as it takes.
            .patient_join(true);
        let mut session = Session::new(config);
        for (member, key) in &setup.identities {
            session.set_identity(member, Some(*key));
        }
        Ok(Self {
            session,
            rng: setup.rng,
            clock: setup.clock,
            profile: setup.profile,
            now: 0,
            identity: public,
            waiting: BTreeMap::new(),
        })
    }

    pub(super) fn clock(&self) -> Clock {
        self.clock
    }

    pub(super) fn now(&self) -> u64 {
        self.now
    }

    /// When the next timer is due.
    pub(super) fn next_timer(&self) -> Option<u64> {
        self.session.poll_timeout().map(|deadline| deadline.at.as_millis())
    }

    pub(super) fn ready(&self) -> Value {
        json!({
            "ev": "ready",
            "uid": self.session.me().to_string(),
            "identity_pub": hexed(self.identity.as_bytes()),
            "impl": concat!("mpenc ", env!("CARGO_PKG_VERSION")),
            "protocol_version": match self.profile {
                Profile::V1 => 1,
                Profile::V2 | _ => 2,
            },
        })
    }

    pub(super) fn channel_event(
        &mut self,
        mut event: ChannelEvent,
        events: &mut Vec<Value>,
    ) -> Result<(), Refusal> {
        if let ChannelEvent::Packet { bytes, .. } = &mut event
            && self.profile != Profile::V1
        {
            *bytes = hex::decode(&*bytes).map_err(|_| Refusal::field("pubtxt"))?;
        }
        let disposition = self.call(|session, env| session.handle_input(env, event));
        self.drain(events);
        match disposition {
            Disposition::Rejected(reason @ RejectReason::Impossible) => {
                Err(Refusal::new("impossible_event", reason.to_string()))
            }
            Disposition::Busy => Err(Refusal::new("busy", "too much is waiting to be sent")),
            // What the protocol does not accept is no error: others may send anything.
            Disposition::Rejected(reason) => {
                tracing::info!(%reason, "without effect");
                Ok(())
            }
            Disposition::Accepted | Disposition::Deferred | Disposition::Ignored => Ok(()),
        }
    }

    pub(super) fn act(&mut self, action: Action, id: &Value, events: &mut Vec<Value>) {
        let begun = match action {
            Action::Say(text) => {
                // Empty text is a manual ack.
                let sent = self.call(|session, env| session.send(env, &text));
                let result = match sent {
                    Ok(_) => json!({ "ev": "action_result", "id": id, "result": "sent" }),
                    Err(error) => event::refused(id, event::send_error(error)),
                };
                self.drain(events);
                events.push(result);
                return;
            }
            Action::Join => self.call(Session::join),
            Action::Part => self.call(Session::part),
            Action::Refresh => self.call(Session::refresh),
            Action::Change { include, exclude } => {
                match exclude.iter().find(|id| id.check().is_err()) {
                    Some(bad) => Err(ChangeError::BadName(bad.clone())),
                    None => self.call(|session, env| session.change(env, &include, &exclude)),
                }
            }
        };
        match begun {
            Ok(operation) => self.waiting.entry(operation).or_default().push(id.clone()),
            Err(error) => events.push(event::refused(id, event::change_error(&error))),
        }
        self.drain(events);
    }

    /// Lets time pass, with a virtual clock.
    pub(super) fn advance(&mut self, millis: u64, events: &mut Vec<Value>) -> Result<(), Refusal> {
        if self.clock == Clock::Real {
            return Err(Refusal::new("clock_is_real", "only a virtual clock can be advanced"));
        }
        self.pass_until(self.now.saturating_add(millis), events);
        Ok(())
    }

    /// Fires timers in their order, each at its time, until it is `until`.
    pub(super) fn pass_until(&mut self, until: u64, events: &mut Vec<Value>) {
        while let Some(at) = self.next_timer().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.call(Session::handle_timeout);
            self.drain(events);
            if self.next_timer() == Some(at) && at <= self.now {
                tracing::warn!(at, "a timer stays due");
                break;
            }
        }
        self.now = self.now.max(until);
    }

    /// What needs no time.
    pub(super) fn settle(&mut self, events: &mut Vec<Value>) {
        self.pass_until(self.now, events);
    }

    fn call<R>(&mut self, act: impl FnOnce(&mut Session, &mut Env<'_>) -> R) -> R {
        let mut env = Env { now: Timestamp::from_millis(self.now), rng: &mut self.rng };
        act(&mut self.session, &mut env)
    }

    /// Takes out what the session has to say.
    fn drain(&mut self, events: &mut Vec<Value>) {
        while let Some(notice) = self.session.poll_notice() {
            if let mpenc::Notice::OperationEnded { id, result } = &notice {
                for action in self.waiting.remove(id).unwrap_or_default() {
                    events.push(event::ended(&action, result));
                }
            } else {
                events.extend(event::notice(&self.session, &notice));
            }
        }
        while let Some(request) = self.session.poll_transmit() {
            events.extend(event::request(&request, self.profile));
        }
    }

    pub(super) fn state(&self, with_secrets: bool) -> Value {
        let session = &self.session;
        let ids = |ids: &mut dyn Iterator<Item = mpenc::MessageId>| -> Vec<String> {
            ids.map(|id| hexed(id.as_bytes())).collect()
        };
        let mut state = json!({
            "ev": "state",
            "now": self.now,
            "state": internal_state(session),
            "members": names(&session.members()),
            "channel": session.channel_members().map(names),
            "greeting": session.operation().map(|running| json!({
                "next": names(&running.next_members),
            })),
            "own_proposal": session.has_proposal(),
            "task_exclude": names(session.leaving_members()),
            "task_leave": names(session.lingering_members()),
            "consistent": session.is_consistent(),
            "order": session.order().map(|(prev_final, chain)| json!({
                "prev_pf": hexed(prev_final.as_bytes()),
                "chain_hash": hexed(chain.as_bytes()),
                "ongoing": session.operation().is_some(),
            })),
            "messages": ids(&mut session.log()),
        });
        let Value::Object(fields) = &mut state else { return state };
        if let Some(sid) = session.sid() {
            fields.insert("sid".to_owned(), json!(hexed(sid.as_bytes())));
            let check = session.key_check().map(|check| hexed(&check));
            fields.insert("sidkey_hash".to_owned(), json!(check));
            let mut heads = session.heads().iter().copied();
            fields.insert("heads".to_owned(), json!(ids(&mut heads)));
        }
        if with_secrets {
            fields.insert("secrets".to_owned(), secrets(session));
        }
        state
    }
}

/// The keys of the current subsession, or null.
fn secrets(session: &Session) -> Value {
    let Some(secrets) = session.secrets() else { return Value::Null };
    let all = |values: &[[u8; 32]]| -> Vec<String> { values.iter().map(|v| hexed(v)).collect() };
    json!({
        "group_key": hexed(secrets.group_key.expose()),
        "eph_seed": hexed(secrets.ephemeral_seed.expose()),
        "nonce": hexed(&secrets.nonce),
        // The shares are condensed to their product as they are drawn (GKA-022).
        "dh_privs": null,
        "members": secrets.members.iter().map(MemberId::to_string).collect::<Vec<_>>(),
        "nonces": all(&secrets.nonces),
        "eph_pubs": secrets.ephemeral_keys.iter().map(|k| hexed(k.as_bytes())).collect::<Vec<_>>(),
        "int_keys": all(&secrets.int_keys),
    })
}

/// The state in the letters of wire-v1.md section 12.
fn internal_state(session: &Session) -> &'static str {
    match session.channel_members() {
        None => "cos_",
        Some(_) if session.order().is_none() => "Cos_",
        Some(_) if session.sid().is_some() => "COS_",
        Some(channel) if channel.len() == 1 => "COsJ",
        Some(_) => "COsj",
    }
}
