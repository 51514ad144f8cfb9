//! Texts that did not reach everybody.

use mpenc::content::MAX_TEXT;
use mpenc::queue::{QueuedId, QueuedState, Reason, ResendError, Resent, SendQueue};
use mpenc::{MemberId, MessageId, Notice, Profile};

use super::desk::{Desk, NAMES, established, message, nobody, others_inside, texts};
use crate::world::{World, id, set};

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
//= docs/spec/attacks.md#ATK-197
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
