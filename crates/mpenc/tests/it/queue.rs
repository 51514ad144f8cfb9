//! Texts that wait, and texts that are sent again (protocol.md section 11.8).

use std::collections::BTreeSet;
use std::time::Duration;

use mpenc::content::{MAX_CONTENT, MAX_TEXT};
use mpenc::queue::{
    MAX_QUEUED_BYTES, MAX_QUEUED_TEXTS, QueueError, QueuedId, QueuedState, Reason, ResendError,
    Resent, SendQueue,
};
use mpenc::{
    Disposition, MemberId, MemberSet, MessageId, Notice, Profile, SendError, SessionState, Timing,
};

use crate::world::{World, id, set};

const NAMES: [&str; 3] = ["alice", "bob", "carol"];

fn nobody() -> MemberSet {
    MemberSet::new()
}

/// Alice at her desk: she sends through a queue, which hears every notice of hers.
struct Desk {
    world: World,
    queue: SendQueue,
    heard: usize,
    resent: Vec<Resent>,
}

impl Desk {
    fn new(world: World, queue: SendQueue) -> Self {
        let mut desk = Self { world, queue, heard: 0, resent: Vec::new() };
        desk.listen();
        desk
    }

    /// Everything that is on its way arrives, and the queue hears of it.
    fn listen(&mut self) {
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

    fn pass_secs(&mut self, secs: u64) {
        for _ in 0..secs {
            self.world.pass_secs(1);
            self.listen();
        }
    }

    fn try_say(&mut self, text: &str) -> Result<QueuedId, QueueError> {
        let queue = &mut self.queue;
        let sent = self.world.act("alice", |s, env| queue.send(s, env, text));
        while let Some(resent) = self.queue.poll_resent() {
            self.resent.push(resent);
        }
        sent
    }

    fn say(&mut self, text: &str) -> QueuedId {
        let id = self.try_say(text).unwrap();
        self.listen();
        id
    }

    fn resend(&mut self, id: &QueuedId) -> Result<Resent, ResendError> {
        let queue = &mut self.queue;
        let resent = self.world.act("alice", |s, env| queue.resend(s, env, id));
        self.listen();
        resent
    }

    fn pending(&self) -> Vec<(String, Reason)> {
        let pending = self.queue.pending(self.world.session("alice"));
        pending.into_iter().map(|(text, reason)| (text.text().to_owned(), reason)).collect()
    }

    /// Alice, who is outside, comes in; bob includes her.
    fn come_in(&mut self) {
        self.world.act("alice", |s, env| s.join(env)).unwrap();
        self.listen();
        self.world.act("bob", |s, env| s.change(env, &set(&["alice"]), &nobody())).unwrap();
        self.listen();
        assert_eq!(self.world.session("alice").state(), SessionState::Joined);
    }

    fn go_out(&mut self) {
        self.world.leave(&id("alice"));
        self.listen();
        assert_ne!(self.world.session("alice").state(), SessionState::Joined);
    }

    /// Carol hears nothing any more, and with that what alice says now reaches her no more.
    fn carol_falls_silent(&mut self) {
        self.world.members.get_mut(&id("carol")).unwrap().held = true;
    }

    /// The channel loses carol; the others exclude her, and their former subsession ends.
    fn carol_falls_out(&mut self) {
        // What was on its way to her is lost.
        self.world.members.get_mut(&id("carol")).unwrap().inbox.clear();
        self.world.leave(&id("carol"));
        self.listen();
        self.pass_secs(200);
        self.world.assert_agree(&["alice", "bob"]);
    }

    fn carol_returns(&mut self) {
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
fn established(queue: SendQueue) -> Desk {
    let mut world = World::new(&NAMES);
    world.establish(&NAMES);
    world.say("bob", "tea?");
    let mut desk = Desk::new(world, queue);
    desk.pass_secs(60);
    desk
}

fn message(id: QueuedId) -> MessageId {
    match id {
        QueuedId::Message(id) => id,
        QueuedId::Virtual(_) => panic!("it was not sent"),
    }
}

fn texts(desk: &Desk, name: &str) -> Vec<String> {
    desk.world.texts(name)
}

/// Bob and carol are in a session, and alice is outside.
fn others_inside(names: &[&str], queue: SendQueue) -> Desk {
    let mut world = World::new(&NAMES);
    world.establish(names);
    Desk::new(world, queue)
}

//= docs/spec/protocol.md#SES-049
//= type=test
#[test]
fn what_is_written_outside_waits_for_a_decision() {
    let mut desk = others_inside(&["bob", "carol"], SendQueue::new());
    assert_eq!(desk.say("hello?"), QueuedId::Virtual(1));
    assert_eq!(desk.say("anybody?"), QueuedId::Virtual(2));
    let text = desk.queue.get(&QueuedId::Virtual(1)).unwrap();
    assert_eq!((text.text(), text.sid(), text.people()), ("hello?", None, None));
    assert_eq!((text.context(), text.state()), (Some(&BTreeSet::new()), &QueuedState::Unsent));
    let waiting = |reason| vec![("hello?".to_owned(), reason), ("anybody?".to_owned(), reason)];
    assert_eq!(desk.pending(), waiting(Reason::NotJoined));
    assert_eq!(desk.resend(&QueuedId::Virtual(1)), Err(ResendError::Send(SendError::NotJoined)));
    desk.come_in();
    desk.pass_secs(60);
    assert_eq!(desk.pending(), waiting(Reason::Unsent));
    assert!(texts(&desk, "bob").is_empty() && desk.resent.is_empty());

    // The second is sent, the first is not wanted any more.
    let resent = desk.resend(&QueuedId::Virtual(2)).unwrap();
    let session = desk.world.session("alice");
    let message = session.message_at(-1).unwrap();
    let expect = Resent {
        old_sid: None,
        old_id: QueuedId::Virtual(2),
        new_sid: session.sid().unwrap(),
        new_id: message.id,
        automatic: false,
    };
    assert_eq!(resent, expect);
    assert_eq!(texts(&desk, "bob"), ["anybody?"]);
    assert_eq!(desk.pending(), [("hello?".to_owned(), Reason::Overtaken)]);
    assert!(desk.queue.get(&QueuedId::Virtual(2)).is_none());
    assert!(desk.queue.get(&QueuedId::Message(resent.new_id)).is_some());
    assert!(desk.queue.discard(&QueuedId::Virtual(1)));
    assert!(!desk.queue.discard(&QueuedId::Virtual(1)));
    desk.pass_secs(60);
    assert_eq!(desk.queue.texts().len(), 0);
}

//= docs/spec/protocol.md#SES-049
//= type=test
//= docs/spec/protocol.md#SES-051
//= type=test
#[test]
fn with_the_option_it_is_sent_on_joining_if_we_were_never_in() {
    let queue = SendQueue::new().auto_send_offline(true);
    let mut desk = others_inside(&["bob", "carol"], queue);
    desk.say("hello?");
    desk.say("anybody?");
    desk.come_in();
    assert_eq!(texts(&desk, "bob"), ["hello?", "anybody?"]);
    let session = desk.world.session("alice");
    let announced: Vec<Resent> = [1, 2]
        .into_iter()
        .zip(session.log())
        .map(|(number, new_id)| Resent {
            old_sid: None,
            old_id: QueuedId::Virtual(number),
            new_sid: session.sid().unwrap(),
            new_id,
            automatic: true,
        })
        .collect();
    assert_eq!(desk.resent, announced);
    assert!(desk.pending().is_empty());
    assert_eq!(desk.queue.texts().len(), 2, "on their way");
    desk.pass_secs(60);
    assert_eq!(desk.queue.texts().len(), 0);
}

/// Whoever sends before it has heard that it is in a session does not get ahead of itself.
#[test]
fn what_waited_goes_before_what_is_sent_on_joining() {
    let queue = SendQueue::new().auto_send_offline(true);
    let mut desk = others_inside(&["bob", "carol"], queue);
    desk.say("one");
    desk.world.act("alice", |s, env| s.join(env)).unwrap();
    desk.world.settle();
    desk.world.act("bob", |s, env| s.change(env, &set(&["alice"]), &nobody())).unwrap();
    desk.world.settle();
    desk.try_say("two").unwrap();
    desk.listen();
    assert_eq!(texts(&desk, "carol"), ["one", "two"]);
    assert_eq!(desk.resent.len(), 1);
}

//= docs/spec/protocol.md#SES-049
//= type=test
#[test]
fn who_was_in_before_writes_to_those_who_were_there() {
    for (returns_to, sent) in [(["alice", "bob"].as_slice(), true), (&NAMES, false)] {
        let mut world = World::new(&NAMES);
        world.establish(&["alice", "bob"]);
        let mut desk = Desk::new(world, SendQueue::new().auto_send_offline(true));
        desk.pass_secs(60);
        desk.go_out();
        desk.say("still there?");
        let text = desk.queue.texts().next().unwrap();
        assert_eq!(text.people(), Some(&set(&["alice", "bob"])));
        desk.pass_secs(60);
        if returns_to.contains(&"carol") {
            // Bob is alone, and has left.
            desk.world.act("bob", |s, env| s.join(env)).unwrap();
            desk.world.settle();
            desk.world.act("carol", |s, env| s.join(env)).unwrap();
            desk.world.settle();
            desk.world.act("bob", |s, env| s.change(env, &set(&["carol"]), &nobody())).unwrap();
        } else {
            desk.world.act("bob", |s, env| s.join(env)).unwrap();
        }
        desk.listen();
        desk.come_in();
        desk.world.assert_agree(returns_to);
        if sent {
            assert_eq!(texts(&desk, "bob"), ["still there?"]);
        } else {
            assert!(texts(&desk, "bob").is_empty());
            assert_eq!(desk.pending(), [("still there?".to_owned(), Reason::MembersChanged)]);
        }
    }
}

/// Others may have talked while we were outside: what answers something from before would not do
/// so any more.
//= docs/spec/protocol.md#SES-049
//= type=test
#[test]
fn who_comes_back_begins_without_a_context() {
    let mut desk = established(SendQueue::new().auto_send_offline(true));
    desk.go_out();
    desk.say("yes please");
    desk.pass_secs(60);
    desk.come_in();
    desk.pass_secs(60);
    desk.world.assert_agree(&NAMES);
    assert_eq!(desk.pending(), [("yes please".to_owned(), Reason::ContextChanged)]);
}

/// Those whom we excluded are not those for whom we wrote.
#[test]
fn what_is_written_after_excluding_everybody_is_for_nobody() {
    let names = ["alice", "bob"];
    let mut world = World::with(&NAMES, |config| config.stay_if_last(true));
    world.establish(&names);
    let mut desk = Desk::new(world, SendQueue::new().auto_send_offline(true));
    desk.pass_secs(60);
    desk.world.act("alice", |s, env| s.change(env, &nobody(), &set(&["bob"]))).unwrap();
    desk.pass_secs(120);
    assert!(desk.world.session("alice").is_alone());
    desk.say("what a bore");
    desk.world.act("bob", |s, env| s.join(env)).unwrap();
    desk.listen();
    desk.world.act("alice", |s, env| s.change(env, &set(&["bob"]), &nobody())).unwrap();
    desk.pass_secs(60);
    desk.world.assert_agree(&names);
    assert_eq!(desk.pending(), [("what a bore".to_owned(), Reason::MembersChanged)]);
}

//= docs/spec/protocol.md#SES-048
//= type=test
#[test]
fn a_text_knows_what_of_others_it_answers_and_for_whom_it_is() {
    let mut desk = established(SendQueue::new());
    let tea = desk.world.session("alice").message_at(0).unwrap().id;
    desk.carol_falls_silent();
    let written = ["yes", "no sugar", "thank you"].map(|text| desk.say(text));
    for text in &written {
        let text = desk.queue.get(text).unwrap();
        assert_eq!(text.context(), Some(&BTreeSet::from([tea])), "own texts are passed over");
        assert_eq!(text.people(), Some(&set(&NAMES)));
        assert_eq!(text.state(), &QueuedState::Sent);
        assert_eq!(text.sid(), desk.world.session("alice").sid());
    }
    // Bob and alice write at the same time: the next text answers him, and through her own what
    // was before, which is before his.
    desk.world.act("bob", |s, env| s.send(env, "milk?")).unwrap();
    desk.try_say("and milk").unwrap();
    desk.listen();
    let last = desk.say("as I said");
    let milk = desk
        .world
        .session("alice")
        .log()
        .find(|id| desk.world.session("alice").message(id).unwrap().text == "milk?");
    let context = desk.queue.get(&last).unwrap().context();
    assert_eq!(context, Some(&BTreeSet::from([milk.unwrap()])));
}

//= docs/spec/protocol.md#SES-050
//= type=test
//= docs/spec/protocol.md#SES-051
//= type=test
#[test]
fn what_did_not_reach_somebody_is_sent_again_when_it_comes_back() {
    let mut desk = established(SendQueue::new());
    desk.carol_falls_silent();
    let old = ["yes", "no sugar"].map(|text| desk.say(text));
    let old_sid = desk.world.session("alice").sid();
    desk.carol_falls_out();
    let unacked = QueuedState::NotFullyAcked { unacked_by: set(&["carol"]) };
    for text in desk.queue.texts() {
        assert_eq!(text.state(), &unacked);
    }
    let waiting = |reason| vec![("yes".to_owned(), reason), ("no sugar".to_owned(), reason)];
    assert_eq!(desk.pending(), waiting(Reason::MembersChanged));
    desk.pass_secs(60);
    assert!(desk.resent.is_empty());

    desk.carol_returns();
    assert_eq!(texts(&desk, "carol")[1..], ["yes", "no sugar"]);
    assert_eq!(texts(&desk, "bob"), ["tea?", "yes", "no sugar", "yes", "no sugar"]);
    let session = desk.world.session("alice");
    let new: Vec<MessageId> = session.log().skip(3).collect();
    let announced: Vec<Resent> = old
        .into_iter()
        .zip(new)
        .map(|(old_id, new_id)| Resent {
            old_sid,
            old_id,
            new_sid: session.sid().unwrap(),
            new_id,
            automatic: true,
        })
        .collect();
    assert_eq!(desk.resent, announced);
    for text in old {
        assert!(desk.queue.get(&text).is_none());
    }
    desk.pass_secs(60);
    assert_eq!(desk.queue.texts().len(), 0);
    assert_eq!(desk.resent.len(), 2, "once");
}

//= docs/spec/protocol.md#SES-050
//= type=test
//= docs/spec/v2.md#V2-028
//= type=test
#[test]
fn a_long_text_is_sent_again_as_a_whole() {
    if crate::world::profile() == Profile::V1 {
        return;
    }
    let mut desk = established(SendQueue::new());
    let long: String = ('a'..='z').cycle().take(3 * MAX_TEXT + 1).collect();
    desk.carol_falls_silent();
    desk.say(&long);
    desk.say("that is all");
    desk.carol_falls_out();
    desk.carol_returns();
    assert!(texts(&desk, "carol")[1..] == [long.as_str(), "that is all"]);
    assert_eq!(desk.resent.len(), 2);
    desk.pass_secs(60);
    assert_eq!(desk.queue.texts().len(), 0);
}

/// Somebody said something meanwhile, after which it would mean something else.
//= docs/spec/protocol.md#SES-050
//= type=test
//= docs/spec/protocol.md#SES-051
//= type=test
#[test]
fn what_would_answer_something_else_waits_for_a_decision() {
    let mut desk = established(SendQueue::new());
    desk.carol_falls_silent();
    let old_id = desk.say("yes");
    let old_sid = desk.world.session("alice").sid();
    desk.carol_falls_out();
    desk.world.say("bob", "shall we tell her to stay away?");
    desk.carol_returns();
    desk.pass_secs(60);
    assert!(desk.resent.is_empty());
    assert_eq!(desk.pending(), [("yes".to_owned(), Reason::ContextChanged)]);

    let resent = desk.resend(&old_id).unwrap();
    let session = desk.world.session("alice");
    let new_id = session.message_at(-1).unwrap().id;
    let new_sid = session.sid().unwrap();
    assert_eq!(resent, Resent { old_sid, old_id, new_sid, new_id, automatic: false });
    assert_eq!(*texts(&desk, "carol").last().unwrap(), "yes");
    assert_eq!(desk.resend(&old_id), Err(ResendError::Unknown));
    assert_eq!(desk.resend(&QueuedId::Message(new_id)), Err(ResendError::OnItsWay));
}

/// Nothing that was written first is sent last without being asked for.
//= docs/spec/protocol.md#SES-050
//= type=test
#[test]
fn what_is_behind_a_later_text_waits_for_a_decision() {
    let mut desk = established(SendQueue::new());
    desk.carol_falls_silent();
    desk.say("yes");
    desk.say("no sugar");
    desk.carol_falls_out();
    desk.say("she did not hear me");
    desk.carol_returns();
    desk.pass_secs(60);
    assert!(desk.resent.is_empty());
    let overtaken = ["yes", "no sugar"].map(|text| (text.to_owned(), Reason::Overtaken));
    assert_eq!(desk.pending(), overtaken);
}

/// Two texts, the second of which cannot be sent by itself: so neither can the first.
//= docs/spec/protocol.md#SES-050
//= type=test
#[test]
fn a_text_is_sent_with_all_after_it_or_not_at_all() {
    let mut desk = others_inside(&NAMES, SendQueue::new());
    desk.pass_secs(60);
    desk.carol_falls_silent();
    desk.say("tea?");
    desk.carol_falls_out();
    // This is for bob, and follows nothing of anybody else either.
    desk.go_out();
    let second = desk.say("coffee?");
    let pending = |first, second| [("tea?".to_owned(), first), ("coffee?".to_owned(), second)];
    assert_eq!(desk.pending(), pending(Reason::NotJoined, Reason::NotJoined));
    desk.pass_secs(60);
    desk.world.act("bob", |s, env| s.join(env)).unwrap();
    desk.listen();
    desk.come_in();
    assert_eq!(desk.pending(), pending(Reason::MembersChanged, Reason::Unsent));
    desk.carol_returns();
    desk.pass_secs(60);
    assert!(desk.resent.is_empty());
    assert_eq!(desk.pending(), pending(Reason::Later, Reason::MembersChanged));
    // The second is given up: nothing keeps the first back any more.
    assert!(desk.queue.discard(&second));
    assert_eq!(desk.pending(), [("tea?".to_owned(), Reason::Due)]);
    desk.try_say("").unwrap();
    desk.pass_secs(60);
    assert_eq!((desk.resent.len(), desk.queue.texts().len()), (1, 0));
    assert_eq!(texts(&desk, "carol"), ["tea?"]);
}

//= docs/spec/protocol.md#SES-048
//= type=test
//= docs/spec/protocol.md#SES-050
//= type=test
#[test]
fn another_device_of_the_same_human_is_no_change_of_people() {
    for same in [true, false] {
        let names = ["alice", "bob", "carol", "carol's phone"];
        let mut world = World::new(&names);
        world.establish(&NAMES);
        world.say("bob", "tea?");
        let person = move |member: &MemberId| {
            if same && *member == id("carol's phone") { id("carol") } else { member.clone() }
        };
        let mut desk = Desk::new(world, SendQueue::new().people(person));
        desk.pass_secs(60);
        desk.carol_falls_silent();
        desk.say("yes");
        desk.carol_falls_out();
        desk.world.act("carol's phone", |s, env| s.join(env)).unwrap();
        desk.listen();
        let phone = set(&["carol's phone"]);
        desk.world.act("bob", |s, env| s.change(env, &phone, &nobody())).unwrap();
        desk.listen();
        if same {
            assert_eq!(texts(&desk, "carol's phone"), ["yes"]);
        } else {
            assert!(texts(&desk, "carol's phone").is_empty());
            assert_eq!(desk.pending(), [("yes".to_owned(), Reason::MembersChanged)]);
        }
    }
}

/// As long as a subsession runs its messages may still arrive.
//= docs/spec/protocol.md#SES-050
//= type=test
#[test]
fn a_passing_warning_is_no_reason_to_send_again() {
    let mut desk = established(SendQueue::new());
    desk.carol_falls_silent();
    let late = desk.say("yes");
    desk.pass_secs(100);
    let warned = |notice: &Notice| {
        matches!(notice, Notice::NotFullyAcked { id, last_word: false, .. }
            if *id == message(late))
    };
    assert!(desk.world.member("alice").notices.iter().any(warned));
    assert!(desk.pending().is_empty());
    // Also with new keys, while the former subsession is still there.
    desk.world.act("bob", |s, env| s.refresh(env)).unwrap();
    desk.world.members.get_mut(&id("carol")).unwrap().held = false;
    desk.listen();
    assert!(desk.resent.is_empty());
    desk.pass_secs(60);
    assert_eq!(texts(&desk, "carol"), ["tea?", "yes"]);
    assert_eq!((desk.resent.len(), desk.queue.texts().len()), (0, 0));
}

/// Texts for which the keys are too old wait until an operation has completed.
//= docs/spec/v2.md#V2-033
//= type=test
#[test]
fn what_old_keys_may_not_carry_waits_for_new_ones() {
    let mut world = World::with(&NAMES, |config| config.profile(Profile::V2));
    world.establish(&NAMES);
    let mut desk = Desk::new(world, SendQueue::new());
    desk.carol_falls_silent();
    desk.world.pass(Timing::default().key_lifetime() + Duration::from_secs(1));
    desk.listen();
    assert_eq!(desk.say("too late"), QueuedId::Virtual(1));
    assert_eq!(desk.say("and more"), QueuedId::Virtual(2));
    let text = desk.queue.get(&QueuedId::Virtual(1)).unwrap();
    assert_eq!(text.state(), &QueuedState::KeysTooOld);
    assert_eq!(text.people(), Some(&set(&NAMES)));
    assert_eq!(desk.pending()[0], ("too late".to_owned(), Reason::Due), "the session refuses it");
    desk.world.members.get_mut(&id("carol")).unwrap().held = false;
    desk.listen();
    desk.world.act("bob", |s, env| s.refresh(env)).unwrap();
    desk.listen();
    assert_eq!(texts(&desk, "carol"), ["too late", "and more"]);
    assert_eq!(desk.resent.len(), 2);
    assert!(desk.resent.iter().all(|resent| resent.automatic && resent.old_sid.is_none()));
}

/// While it is not known what a subsession begins with, nothing is sent into it unasked.
#[test]
fn nothing_is_sent_into_an_unknown_context() {
    let mut world = World::new(&NAMES);
    world.establish(&NAMES);
    world.pass_secs(60);
    let mut desk = Desk::new(world, SendQueue::new());
    desk.world.act("bob", |s, env| s.send(env, "late")).unwrap();
    let (_, late) = desk.world.packets.last().cloned().unwrap();
    desk.world.lose("alice", &late);
    desk.world.settle();
    desk.world.act("bob", |s, env| s.refresh(env)).unwrap();
    desk.listen();
    assert!(!desk.world.session("alice").context_is_known());
    let text = desk.say("what?");
    assert_eq!(desk.queue.get(&text).unwrap().context(), None);
    assert_eq!(desk.world.inject("alice", "bob", &late), Disposition::Accepted);
    assert!(desk.world.session("alice").context_is_known());
    desk.pass_secs(60);
    assert_eq!(desk.queue.texts().len(), 0);
}

//= docs/spec/protocol.md#SES-051
//= type=test
#[test]
fn what_everybody_has_leaves_the_queue_and_the_rest_is_ignored() {
    let mut desk = established(SendQueue::new());
    // Sent past the queue.
    desk.world.say("alice", "behind its back");
    let text = desk.say("yes");
    assert_eq!(desk.queue.texts().len(), 1);
    let unknown = MessageId::new(&[7; 20]).unwrap();
    for notice in [
        Notice::MessageFullyAcked { id: unknown },
        Notice::NotFullyAcked {
            id: unknown,
            unacked_by: set(&["bob"]),
            last_word: true,
            away: false,
        },
    ] {
        let queue = &mut desk.queue;
        desk.world.act("alice", |s, env| queue.on_notice(s, env, &notice));
    }
    assert_eq!(desk.queue.texts().map(|text| text.id()).collect::<Vec<_>>(), [text]);
    desk.pass_secs(60);
    assert_eq!(desk.queue.texts().len(), 0);
    // An acknowledgement is no text.
    assert!(desk.try_say("").is_ok());
    assert_eq!(desk.queue.texts().len(), 0);
    desk.go_out();
    assert_eq!(desk.try_say(""), Err(QueueError::Send(SendError::NoSubsession)));
}

#[test]
fn a_full_queue_says_so_and_loses_nothing() {
    let mut desk = others_inside(&["bob", "carol"], SendQueue::new());
    for n in 0..MAX_QUEUED_TEXTS {
        desk.try_say(&n.to_string()).unwrap();
    }
    let bytes = desk.queue.texts().map(|text| text.text().len()).sum();
    let full = QueueError::Full { texts: MAX_QUEUED_TEXTS, bytes };
    assert_eq!(desk.try_say("one more"), Err(full));
    desk.come_in();
    // Also a text that could be sent: it would not be watched over.
    assert_eq!(desk.try_say("one more"), Err(full));
    assert!(texts(&desk, "bob").is_empty());
    assert_eq!(desk.queue.texts().len(), MAX_QUEUED_TEXTS);
    assert!(desk.queue.discard(&QueuedId::Virtual(5)));
    let id = desk.say("one more");
    assert_eq!(texts(&desk, "bob"), ["one more"]);
    assert!(matches!(id, QueuedId::Message(_)));
}

#[test]
fn bytes_count_too() {
    let mut desk = others_inside(&["bob", "carol"], SendQueue::new());
    let long = "x".repeat(MAX_CONTENT);
    for _ in 0..MAX_QUEUED_BYTES / MAX_CONTENT {
        desk.try_say(&long).unwrap();
    }
    let full = QueueError::Full { texts: 2, bytes: MAX_QUEUED_BYTES };
    assert_eq!(desk.try_say("x"), Err(full));
    assert!(desk.queue.discard(&QueuedId::Virtual(1)));
    let found = MAX_CONTENT + 1;
    let too_large = QueueError::Send(SendError::TooLarge { found, limit: MAX_CONTENT });
    assert_eq!(desk.try_say(&"x".repeat(found)), Err(too_large));
    assert_eq!(desk.queue.texts().len(), 1);
}

/// An application that lost notices is not stuck with what everybody has.
#[test]
fn a_full_queue_looks_what_is_done_with() {
    let mut desk = others_inside(&["bob", "carol"], SendQueue::new());
    for n in 2..MAX_QUEUED_TEXTS {
        desk.try_say(&n.to_string()).unwrap();
    }
    desk.come_in();
    desk.try_say("one").unwrap();
    desk.world.pass_secs(60);
    desk.try_say("two").unwrap();
    assert_eq!(desk.queue.texts().len(), MAX_QUEUED_TEXTS);
    desk.try_say("three").unwrap();
    assert_eq!(desk.queue.texts().len(), MAX_QUEUED_TEXTS, "the first is done with");
    assert!(desk.try_say("four").is_err());
}

#[test]
fn texts_are_not_printed() {
    let mut desk = others_inside(&["bob", "carol"], SendQueue::new());
    desk.say("between us");
    let printed = format!("{:?}", desk.queue);
    assert!(printed.contains("bytes: 10") && !printed.contains("between"), "{printed}");
}
