//! Somebody who writes through a queue.

use mpenc::queue::{QueueError, QueuedId, Reason, ResendError, Resent, SendQueue};
use mpenc::{MemberSet, MessageId, SessionState};

use crate::world::{World, id, set};

pub(super) const NAMES: [&str; 3] = ["alice", "bob", "carol"];

pub(super) fn nobody() -> MemberSet {
    MemberSet::new()
}

/// Alice at her desk: she sends through a queue, which hears every notice of hers.
pub(super) struct Desk {
    pub(super) world: World,
    pub(super) queue: SendQueue,
    heard: usize,
    pub(super) resent: Vec<Resent>,
}

impl Desk {
    pub(super) fn new(world: World, queue: SendQueue) -> Self {
        let mut desk = Self { world, queue, heard: 0, resent: Vec::new() };
        desk.listen();
        desk
    }

    /// Everything that is on its way arrives, and the queue hears of it.
    pub(super) fn listen(&mut self) {
        loop {
            self.world.settle();
            let Some(notice) = self.world.member("alice").notices.get(self.heard).cloned() else {
                return;
            };
            self.heard += 1;
            let queue = &mut self.queue;
            self.world.act("alice", |s, env| queue.on_notice(s, env, &notice));
            while let Some(resent) = self.queue.poll_resent() {
                self.resent.push(resent);
            }
        }
    }

    pub(super) fn pass_secs(&mut self, secs: u64) {
        for _ in 0..secs {
            self.world.pass_secs(1);
            self.listen();
        }
    }

    pub(super) fn try_say(&mut self, text: &str) -> Result<QueuedId, QueueError> {
        let queue = &mut self.queue;
        let sent = self.world.act("alice", |s, env| queue.send(s, env, text));
        while let Some(resent) = self.queue.poll_resent() {
            self.resent.push(resent);
        }
        sent
    }

    pub(super) fn say(&mut self, text: &str) -> QueuedId {
        let id = self.try_say(text).unwrap();
        self.listen();
        id
    }

    pub(super) fn resend(&mut self, id: &QueuedId) -> Result<Resent, ResendError> {
        let queue = &mut self.queue;
        let resent = self.world.act("alice", |s, env| queue.resend(s, env, id));
        self.listen();
        resent
    }

    pub(super) fn pending(&self) -> Vec<(String, Reason)> {
        let pending = self.queue.pending(self.world.session("alice"));
        pending.into_iter().map(|(text, reason)| (text.text().to_owned(), reason)).collect()
    }

    /// Alice, who is outside, comes in; bob includes her.
    pub(super) fn come_in(&mut self) {
        self.world.act("alice", |s, env| s.join(env)).unwrap();
        self.listen();
        self.world.act("bob", |s, env| s.change(env, &set(&["alice"]), &nobody())).unwrap();
        self.listen();
        assert_eq!(self.world.session("alice").state(), SessionState::Joined);
    }

    pub(super) fn go_out(&mut self) {
        self.world.leave(&id("alice"));
        self.listen();
        assert_ne!(self.world.session("alice").state(), SessionState::Joined);
    }

    /// Carol hears nothing any more, and with that what alice says now reaches her no more.
    pub(super) fn carol_falls_silent(&mut self) {
        self.world.members.get_mut(&id("carol")).unwrap().held = true;
    }

    /// The channel loses carol; the others exclude her, and their former subsession ends.
    pub(super) fn carol_falls_out(&mut self) {
        // What was on its way to her is lost.
        self.world.members.get_mut(&id("carol")).unwrap().inbox.clear();
        self.world.leave(&id("carol"));
        self.listen();
        self.pass_secs(200);
        self.world.assert_agree(&["alice", "bob"]);
    }

    pub(super) fn carol_returns(&mut self) {
        self.world.members.get_mut(&id("carol")).unwrap().held = false;
        self.listen();
        self.world.act("carol", |s, env| s.join(env)).unwrap();
        self.listen();
        self.world.act("bob", |s, env| s.change(env, &set(&["carol"]), &nobody())).unwrap();
        self.listen();
        self.world.assert_agree(&NAMES);
    }
}

/// All three are in a session, and bob has said something that everybody has.
pub(super) fn established(queue: SendQueue) -> Desk {
    let mut world = World::new(&NAMES);
    world.establish(&NAMES);
    world.say("bob", "tea?");
    let mut desk = Desk::new(world, queue);
    desk.pass_secs(60);
    desk
}

pub(super) fn message(id: QueuedId) -> MessageId {
    match id {
        QueuedId::Message(id) => id,
        QueuedId::Virtual(_) => panic!("it was not sent"),
    }
}

pub(super) fn texts(desk: &Desk, name: &str) -> Vec<String> {
    desk.world.texts(name)
}

/// Bob and carol are in a session, and alice is outside.
pub(super) fn others_inside(names: &[&str], queue: SendQueue) -> Desk {
    let mut world = World::new(&NAMES);
    world.establish(names);
    Desk::new(world, queue)
}
