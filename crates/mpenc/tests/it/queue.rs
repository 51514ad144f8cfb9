//! Texts that wait (protocol.md section 11.8).

mod again;
mod desk;
mod limits;

use std::collections::BTreeSet;
use std::time::Duration;

use mpenc::queue::{QueuedId, QueuedState, Reason, ResendError, Resent, SendQueue};
use mpenc::{Disposition, Profile, SendError, Timing};

use crate::world::{World, id, set};
use desk::{Desk, NAMES, established, nobody, others_inside, texts};

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
