//! Sessions over a simulated channel: one order for all, every event delivered, a virtual clock,
//! and for each member a random stream of its own.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use mpenc::channel::{ChannelEvent, ChannelRequest};
use mpenc::{
    Disposition, Env, Identity, MemberId, MemberSet, MessageId, Notice, OperationError,
    OperationId, Profile, Session, SessionConfig, Timestamp, Timing,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

pub(crate) fn id(name: &str) -> MemberId {
    MemberId::new(name).unwrap()
}

pub(crate) fn set(names: &[&str]) -> MemberSet {
    names.iter().map(|name| id(name)).collect()
}

pub(crate) struct Member {
    pub(crate) session: Session,
    pub(crate) rng: ChaCha20Rng,
    identity: Identity,
    pub(crate) notices: Vec<Notice>,
    pub(crate) ended: BTreeMap<OperationId, Result<(), OperationError>>,
    /// Events that the channel has ordered but not delivered yet.
    pub(crate) inbox: VecDeque<ChannelEvent>,
    /// Delivery stands still.
    pub(crate) held: bool,
    pub(crate) dispositions: Vec<Disposition>,
    /// How often it asked the channel to remove somebody.
    pub(crate) kicks: usize,
}

pub(crate) struct World {
    pub(crate) members: BTreeMap<MemberId, Member>,
    pub(crate) channel: MemberSet,
    /// Those whom the channel does not remove, whoever asks for it.
    pub(crate) immovable: MemberSet,
    pub(crate) now: Timestamp,
    /// Every packet that was broadcast, in order, with its sender.
    pub(crate) packets: Vec<(MemberId, Vec<u8>)>,
    /// What never reaches these members, however often it is sent.
    pub(crate) lost: Vec<(MemberId, Vec<u8>)>,
    /// Whom the next packets do not reach, one entry for each packet.
    pub(crate) missing: VecDeque<MemberSet>,
    /// Members whose next requests other than packets have no effect (CHN-006), so many of each.
    pub(crate) unheard: BTreeMap<MemberId, usize>,
    /// Requests other than packets, in order, with effect or without.
    pub(crate) requests: Vec<(MemberId, ChannelRequest)>,
}

/// The profile of worlds that do not say which: what is tested here holds for every profile, and
/// `MPENC_TEST_PROFILE` chooses another than the default.
pub(crate) fn profile() -> Profile {
    match std::env::var("MPENC_TEST_PROFILE") {
        Ok(name) => name.parse().unwrap(),
        Err(_) => Profile::default(),
    }
}

impl World {
    pub(crate) fn new(names: &[&str]) -> Self {
        Self::with(names, |config| config)
    }

    /// For what holds in v1 sessions only, or looks into the packets of v1.
    pub(crate) fn v1(names: &[&str]) -> Self {
        Self::with(names, |config| config.profile(Profile::V1))
    }

    pub(crate) fn with(names: &[&str], configure: impl Fn(SessionConfig) -> SessionConfig) -> Self {
        Self::with_identities(names, |rng| Identity::generate(rng), configure)
    }

    pub(crate) fn with_identities(
        names: &[&str],
        identity: impl Fn(&mut ChaCha20Rng) -> Identity,
        configure: impl Fn(SessionConfig) -> SessionConfig,
    ) -> Self {
        let mut rngs: Vec<_> =
            (0..names.len()).map(|i| ChaCha20Rng::seed_from_u64(i as u64)).collect();
        let identities: Vec<_> = rngs.iter_mut().map(identity).collect();
        let mut members = BTreeMap::new();
        for ((name, identity), rng) in names.iter().zip(&identities).zip(rngs) {
            let config = SessionConfig::new(id(name), identity.clone()).unwrap();
            // Moments are those of the configuration; see `latency.rs` for what adapts.
            let config = config.timing(Timing::default()).adaptive(false).profile(profile());
            let mut session = Session::new(configure(config));
            for (name, identity) in names.iter().zip(&identities) {
                session.set_identity(&id(name), Some(identity.public()));
            }
            let member = Member {
                session,
                rng,
                identity: identity.clone(),
                notices: Vec::new(),
                ended: BTreeMap::new(),
                inbox: VecDeque::new(),
                held: false,
                dispositions: Vec::new(),
                kicks: 0,
            };
            members.insert(id(name), member);
        }
        Self {
            members,
            channel: MemberSet::new(),
            immovable: MemberSet::new(),
            now: Timestamp::from_millis(1_000),
            packets: Vec::new(),
            lost: Vec::new(),
            missing: VecDeque::new(),
            unheard: BTreeMap::new(),
            requests: Vec::new(),
        }
    }

    pub(crate) fn member(&self, name: &str) -> &Member {
        &self.members[&id(name)]
    }

    pub(crate) fn session(&self, name: &str) -> &Session {
        &self.member(name).session
    }

    /// Calls a member's session, and carries its requests to the channel.
    pub(crate) fn call<R>(
        &mut self,
        name: &MemberId,
        action: impl FnOnce(&mut Session, &mut Env<'_>) -> R,
    ) -> R {
        let member = self.members.get_mut(name).unwrap();
        let result = action(&mut member.session, &mut Env { now: self.now, rng: &mut member.rng });
        while let Some(notice) = member.session.poll_notice() {
            if let Notice::OperationEnded { id, result } = &notice {
                member.ended.insert(*id, result.clone());
            }
            member.notices.push(notice);
        }
        let mut requests = Vec::new();
        while let Some(request) = member.session.poll_transmit() {
            requests.push(request);
        }
        for request in requests {
            self.request(name, request);
        }
        result
    }

    pub(crate) fn act<R>(
        &mut self,
        name: &str,
        action: impl FnOnce(&mut Session, &mut Env<'_>) -> R,
    ) -> R {
        self.call(&id(name), action)
    }

    fn request(&mut self, from: &MemberId, request: ChannelRequest) {
        let inside = self.channel.contains(from);
        if !matches!(request, ChannelRequest::Send { .. }) {
            self.requests.push((from.clone(), request.clone()));
            if let Some(left) = self.unheard.get_mut(from).filter(|left| **left > 0) {
                *left -= 1;
                return;
            }
        }
        match request {
            ChannelRequest::Enter => self.enter(from),
            ChannelRequest::Leave => self.leave(from),
            ChannelRequest::Send { bytes, .. } if inside => {
                self.packets.push((from.clone(), bytes.clone()));
                self.order(&ChannelEvent::Packet { sender: from.clone(), bytes });
            }
            ChannelRequest::Change { enter, leave } if inside => {
                self.members.get_mut(from).unwrap().kicks += leave.len();
                let leave = leave.difference(&self.immovable);
                leave.iter().for_each(|member| self.leave(member));
                enter.iter().for_each(|member| self.enter(member));
            }
            _ => {}
        }
    }

    pub(crate) fn order(&mut self, event: &ChannelEvent) {
        let missing = match event {
            ChannelEvent::Packet { .. } => self.missing.pop_front().unwrap_or_default(),
            _ => MemberSet::new(),
        };
        for name in self.channel.difference(&missing).iter() {
            let lost = self.lost.iter().any(|(to, packet)| {
                to == name && matches!(event, ChannelEvent::Packet { bytes, .. } if bytes == packet)
            });
            if !lost {
                self.members.get_mut(name).unwrap().inbox.push_back(event.clone());
            }
        }
    }

    /// The channel tells one member something, after what it has told it before.
    pub(crate) fn tell(&mut self, name: &str, event: ChannelEvent) {
        self.members.get_mut(&id(name)).unwrap().inbox.push_back(event);
    }

    pub(crate) fn enter(&mut self, name: &MemberId) {
        if self.channel.contains(name) || !self.members.contains_key(name) {
            return;
        }
        let (enter, leave) = (MemberSet::of(name), MemberSet::new());
        self.order(&ChannelEvent::Changed { enter, leave });
        self.channel.insert(name.clone());
        let members = self.channel.clone();
        let inbox = &mut self.members.get_mut(name).unwrap().inbox;
        inbox.push_back(ChannelEvent::Entered { members });
    }

    pub(crate) fn leave(&mut self, name: &MemberId) {
        if !self.channel.remove(name) {
            return;
        }
        self.members.get_mut(name).unwrap().inbox.push_back(ChannelEvent::Left);
        let (enter, leave) = (MemberSet::new(), MemberSet::of(name));
        self.order(&ChannelEvent::Changed { enter, leave });
    }

    /// Delivers one event to one member, if one waits.
    pub(crate) fn deliver(&mut self, name: &MemberId) -> bool {
        let member = self.members.get_mut(name).unwrap();
        let Some(event) = member.inbox.pop_front() else { return false };
        let disposition = self.call(name, |session, env| session.handle_input(env, event));
        self.members.get_mut(name).unwrap().dispositions.push(disposition);
        true
    }

    /// Delivers one event to everybody for whom one waits.
    pub(crate) fn settle_one(&mut self) {
        let names: Vec<_> = self.members.keys().cloned().collect();
        for name in names {
            if !self.members[&name].held {
                self.deliver(&name);
            }
        }
    }

    /// Delivers everything that waits, without time passing, except to members that are held.
    pub(crate) fn settle(&mut self) {
        let names: Vec<_> = self.members.keys().cloned().collect();
        loop {
            let mut busy = false;
            for name in &names {
                if !self.members[name].held {
                    busy |= self.deliver(name);
                }
            }
            if !busy {
                return;
            }
        }
    }

    /// The channel tells one member that somebody sent this.
    pub(crate) fn inject(&mut self, to: &str, sender: &str, bytes: &[u8]) -> Disposition {
        let event = ChannelEvent::Packet { sender: id(sender), bytes: bytes.to_vec() };
        self.act(to, |session, env| session.handle_input(env, event))
    }

    /// Removes a packet from what waits for one member, and every later copy: it never reaches it.
    pub(crate) fn lose(&mut self, name: &str, bytes: &[u8]) {
        self.lose_once(name, bytes);
        self.lost.push((id(name), bytes.to_vec()));
    }

    /// Removes a packet from what waits for one member: lost on its way to it.
    pub(crate) fn lose_once(&mut self, name: &str, bytes: &[u8]) {
        let inbox = &mut self.members.get_mut(&id(name)).unwrap().inbox;
        let before = inbox.len();
        inbox.retain(|event| !matches!(event, ChannelEvent::Packet { bytes: b, .. } if b == bytes));
        assert_eq!(inbox.len(), before - 1);
    }

    /// A member loses everything but its identity, and with that the channel.
    pub(crate) fn crash(&mut self, name: &str, configure: impl Fn(SessionConfig) -> SessionConfig) {
        let name = id(name);
        let identity = self.members[&name].identity.clone();
        let config = SessionConfig::new(name.clone(), identity).unwrap();
        let mut session = Session::new(configure(config.timing(Timing::default())));
        for (other, member) in &self.members {
            session.set_identity(other, Some(member.identity.public()));
        }
        self.leave(&name);
        let member = self.members.get_mut(&name).unwrap();
        member.session = session;
        member.inbox.clear();
    }

    /// Two packets of one sender that wait for a member change places, if there are two.
    pub(crate) fn swap_two_of_one_sender(&mut self, name: &str) -> bool {
        let inbox = &mut self.members.get_mut(&id(name)).unwrap().inbox;
        let sender = |event: &ChannelEvent| match event {
            ChannelEvent::Packet { sender, .. } => Some(sender.clone()),
            _ => None,
        };
        for first in 0..inbox.len() {
            let Some(from) = sender(&inbox[first]) else { continue };
            let same = |at: &usize| sender(&inbox[*at]).as_ref() == Some(&from);
            if let Some(second) = (first + 1..inbox.len()).find(same) {
                inbox.swap(first, second);
                return true;
            }
        }
        false
    }

    /// Lets time pass; timers fire when they are due.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        self.settle();
        loop {
            let due = self.members.values().filter_map(|m| m.session.poll_timeout()).map(|d| d.at);
            match due.min().filter(|at| *at <= end) {
                Some(at) => {
                    self.now = self.now.max(at);
                    let names: Vec<_> = self.members.keys().cloned().collect();
                    for name in names {
                        self.call(&name, |session, env| session.handle_timeout(env));
                    }
                    self.settle();
                }
                None => break,
            }
        }
        self.now = end;
    }

    pub(crate) fn pass_secs(&mut self, secs: u64) {
        self.pass(Duration::from_secs(secs));
    }

    /// Everybody enters, and the first includes the others.
    pub(crate) fn establish(&mut self, names: &[&str]) {
        self.act(names[0], |session, env| session.join(env)).unwrap();
        self.settle();
        for name in &names[1..] {
            self.act(name, |session, env| session.join(env)).unwrap();
        }
        self.settle();
        if names.len() > 1 {
            let others = set(&names[1..]);
            self.act(names[0], |s, env| s.change(env, &others, &MemberSet::new())).unwrap();
            self.settle();
        }
        for name in names {
            assert_eq!(self.session(name).members(), set(names), "{name}");
        }
    }

    pub(crate) fn say(&mut self, name: &str, text: &str) -> MessageId {
        let id = self.act(name, |session, env| session.send(env, text)).unwrap();
        self.settle();
        id
    }

    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let session = self.session(name);
        session.log().map(|id| session.message(&id).unwrap().text.to_owned()).collect()
    }

    /// Members, keys and order agree among these.
    pub(crate) fn assert_agree(&self, names: &[&str]) {
        let first = self.session(names[0]);
        for name in names {
            let session = self.session(name);
            assert_eq!(session.members(), set(names), "{name}");
            assert_eq!(session.sid(), first.sid(), "{name}");
            assert_eq!(session.order(), first.order(), "{name}");
        }
    }
}

impl Member {
    /// Security notices, which should not appear when nothing is wrong.
    pub(crate) fn warnings(&self) -> Vec<&Notice> {
        let is_warning = |notice: &&Notice| {
            matches!(
                notice,
                Notice::NotFullyAcked { .. }
                    | Notice::UserNotPresent { .. }
                    | Notice::NotAccepted { .. }
                    | Notice::NotDecrypted { .. }
                    | Notice::BadMessage { .. }
                    | Notice::AuthorFork { .. }
                    | Notice::ContextIncomplete { .. }
                    | Notice::OrderInconsistent { .. }
                    | Notice::InternalError { .. }
            )
        };
        self.notices.iter().filter(is_warning).collect()
    }
}
