//! What others do at the same time, or against the rules, and what a session makes of it.

use mpenc::channel::ChannelRequest;
use mpenc::{
    BadMessage, Disposition, MemberId, MemberSet, MessageId, Notice, RejectReason, SessionState,
};

use crate::forge::Insider;
use crate::world::{World, id, set};

const NAMES: [&str; 3] = ["alice", "bob", "mallory"];

/// Three members who have nothing to say to each other yet.
fn quiet(make: impl FnOnce(&[&str]) -> World) -> World {
    let mut world = make(&NAMES);
    world.establish(&NAMES);
    world.pass_secs(120);
    world
}

/// A world in which Mallory has said one thing, and the packet in which she says something else
/// from the same position: in another world, made from the same seeds.
fn contradiction(make: impl Fn() -> World) -> (World, Vec<u8>) {
    let (mut world, mut twin) = (make(), make());
    world.say("mallory", "I love you all");
    twin.say("mallory", "I love only Bob");
    let by_mallory = |(from, _): &&(MemberId, Vec<u8>)| *from == id("mallory");
    let other = twin.packets.iter().rfind(by_mallory).unwrap().1.clone();
    (world, other)
}

fn bob_excludes_mallory(world: &mut World) {
    let nobody = MemberSet::new();
    let op = world.act("bob", |s, env| s.change(env, &nobody, &set(&["mallory"]))).unwrap();
    world.settle();
    assert_eq!(world.member("bob").ended[&op], Ok(()));
    world.assert_agree(&["alice", "bob"]);
}

#[test]
fn a_request_that_others_fulfil_meanwhile_ends_well() {
    //= docs/spec/protocol.md#SES-023
    //= type=test
    let names = ["alice", "bob", "carol", "dave"];
    let nobody = MemberSet::new();
    let mut world = World::v1(&names);
    world.establish(&["alice", "bob"]);
    for name in ["carol", "dave"] {
        world.act(name, |s, env| s.join(env)).unwrap();
    }
    world.settle();
    // Alice's operation is under way when Bob asks for something that overlaps with it.
    world.act("alice", |s, env| s.change(env, &set(&["carol"]), &nobody)).unwrap();
    world.deliver(&id("alice"));
    world.deliver(&id("bob"));
    let overlapping =
        world.act("bob", |s, env| s.change(env, &set(&["carol", "dave"]), &nobody)).unwrap();
    world.settle();
    world.pass_secs(30);
    assert_eq!(world.member("bob").ended[&overlapping], Ok(()));
    world.assert_agree(&names);
}

#[test]
fn an_author_that_contradicts_itself_ends_the_subsession_but_not_the_session() {
    //= docs/spec/protocol.md#SEC-021
    //= type=test
    //= docs/spec/protocol.md#TRN-022
    //= type=test
    //= docs/spec/protocol.md#TRN-023
    //= type=test
    let (mut world, other) = contradiction(|| quiet(World::v1));
    assert_eq!(world.inject("bob", "mallory", &other), Disposition::Rejected(RejectReason::Fork));
    let bob = world.member("bob");
    assert!(
        bob.notices
            .iter()
            .any(|n| matches!(n, Notice::AuthorFork { author, .. } if *author == id("mallory"))),
        "{:?}",
        bob.warnings()
    );
    assert_eq!(bob.session.state(), SessionState::Error);
    assert!(world.act("bob", |s, env| s.send(env, "what?")).is_err());
    // A copy is not reported again.
    let before = world.member("bob").notices.len();
    assert_eq!(world.inject("bob", "mallory", &other), Disposition::Ignored);
    assert_eq!(world.member("bob").notices.len(), before);
    // The way out: exclude the offender.
    bob_excludes_mallory(&mut world);
    world.say("bob", "without mallory");
    assert_eq!(world.texts("alice").last().unwrap(), "without mallory");
    assert!(!world.session("bob").is_consistent());
}

#[test]
fn a_message_of_another_subsession_is_no_parent() {
    // ATK-113
    //= docs/spec/protocol.md#TRN-006
    //= type=test
    let mut world = quiet(World::v1);
    let old = world.say("alice", "under the old keys");
    world.act("alice", |s, env| s.refresh(env)).unwrap();
    world.settle();
    let mallory = Insider::of(&world, "mallory");
    let refused = Disposition::Rejected(RejectReason::Message(BadMessage::ForeignParent));
    for name in ["alice", "bob"] {
        let packet = mallory.message(1, &[old], "as I said before you joined");
        assert_eq!(world.inject(name, "mallory", &packet), refused, "{name}");
        let blamed =
            Notice::BadMessage { author: id("mallory"), reason: BadMessage::ForeignParent };
        assert!(world.member(name).notices.contains(&blamed), "{name}");
        assert_eq!(world.session(name).deferred(), 0, "nothing waits for what never comes");
        assert_eq!(world.texts(name), ["under the old keys"]);
    }
}

#[test]
fn a_proposal_that_names_messages_which_never_were_wedges_nobody() {
    // ATK-063
    //= docs/spec/protocol.md#TRN-037
    //= type=test
    let mut world = World::v1(&NAMES);
    world.establish(&NAMES);
    world.say("alice", "before");
    world.pass_secs(60);
    let mallory = Insider::of(&world, "mallory");
    let proposal = world.act("mallory", |s, env| {
        s.refresh(env).unwrap();
        match s.poll_transmit() {
            Some(ChannelRequest::Send { bytes, .. }) => bytes,
            other => panic!("{other:?}"),
        }
    });
    let made_up = MessageId::from([7; 20]);
    let bad = mallory.rewrite(&proposal, |fields| {
        fields.metadata.as_mut().unwrap().heads = vec![made_up];
    });
    for name in ["alice", "bob"] {
        assert_eq!(world.inject(name, "mallory", &bad), Disposition::Accepted);
    }
    world.settle();
    // They have new keys and can talk, and nothing is shown as if its context were known.
    world.say("alice", "after");
    assert_eq!(world.texts("bob"), ["before"]);
    world.pass_secs(300);
    for name in ["alice", "bob"] {
        assert_eq!(world.texts(name), ["before", "after"], "{name}");
        let said = Notice::ContextIncomplete { missing: vec![made_up] };
        assert!(world.member(name).notices.contains(&said), "{name}");
        assert_eq!(world.session(name).state(), SessionState::Joined, "{name}");
    }
    bob_excludes_mallory(&mut world);
}

#[test]
fn nobody_is_included_unannounced() {
    // ATK-054
    let names = ["alice", "bob", "eve", "mallory"];
    let mut world = World::v1(&names);
    world.establish(&["alice", "bob", "mallory"]);
    world.act("eve", |s, env| s.join(env)).unwrap();
    world.settle();
    let before = ["alice", "bob"].map(|name| world.member(name).notices.len());
    world.act("mallory", |s, env| s.change(env, &set(&["eve"]), &MemberSet::new())).unwrap();
    world.settle();
    for (name, before) in ["alice", "bob"].into_iter().zip(before) {
        let told = &world.member(name).notices[before..];
        let announced = told.iter().position(|notice| {
            matches!(notice, Notice::OpStarted { change, initiator }
                if change.include == set(&["eve"]) && *initiator == id("mallory"))
        });
        let changed = told.iter().position(|n| matches!(n, Notice::MembersChanged { .. }));
        assert!(announced.expect("announced") < changed.unwrap(), "{name}: {told:?}");
    }
}

#[test]
fn losing_to_the_same_member_again_and_again_is_said() {
    // ATK-072: the channel puts Mallory's proposal first each time.
    let mut world = World::v1(&NAMES);
    world.establish(&NAMES);
    let suspicious = |world: &World| {
        let times = |notice: &Notice| match notice {
            Notice::RejectedRepeatedly { winner, times } if *winner == id("mallory") => {
                Some(*times)
            }
            _ => None,
        };
        world.member("bob").notices.iter().filter_map(times).collect::<Vec<_>>()
    };
    let lose = |world: &mut World, to: &str| {
        world.pass_secs(100);
        world.act(to, |s, env| s.refresh(env)).unwrap();
        world.act("bob", |s, env| s.refresh(env)).unwrap();
        world.settle();
        let lost =
            |n: &&Notice| matches!(n, Notice::OpRejected { winner, .. } if *winner == id(to));
        assert!(world.member("bob").notices.iter().any(|n| lost(&n)));
    };
    // Chance, more or less: not always the same member, or with a success between.
    for to in ["mallory", "mallory", "alice", "mallory", "mallory"] {
        lose(&mut world, to);
    }
    world.act("bob", |s, env| s.refresh(env)).unwrap();
    world.settle();
    lose(&mut world, "mallory");
    lose(&mut world, "mallory");
    assert!(suspicious(&world).is_empty());
    lose(&mut world, "mallory");
    lose(&mut world, "mallory");
    assert_eq!(suspicious(&world), [3, 4]);
}

#[test]
fn what_is_written_after_a_farewell_is_hidden_and_what_answers_it_is_not() {
    // ATK-137: and answering it wedges nobody.
    //= docs/spec/attacks.md#ATK-136
    //= type=test
    //= docs/spec/protocol.md#TRN-010
    //= type=test
    //= docs/spec/protocol.md#FIN-004
    //= type=test
    let mut world = World::v1(&NAMES);
    world.establish(&NAMES);
    world.say("alice", "before");
    let mallory = Insider::of(&world, "mallory");
    world.act("mallory", |s, env| s.part(env)).unwrap();
    // Mallory's farewell, and a text after it.
    world.settle();
    let last = world.session("mallory").heads().to_vec();
    let packet = mallory.message(7, &last, "one more thing");
    for name in ["alice", "bob"] {
        assert_eq!(world.inject(name, "mallory", &packet), Disposition::Accepted, "{name}");
        assert_eq!(world.texts(name), ["before"]);
        let told = Notice::BadMessage { author: id("mallory"), reason: BadMessage::AfterFin };
        assert!(world.member(name).notices.contains(&told), "{name}");
    }
    world.act("bob", |s, env| s.send(env, "what did you say?")).unwrap();
    world.settle();
    assert_eq!(world.texts("alice"), ["before", "what did you say?"]);
    let answer = world.session("alice").message_at(1).unwrap().id;
    let before = world.session("alice").message_at(0).unwrap().id;
    assert_eq!(world.session("alice").log_parents(&answer), Some(vec![before]));
    assert_ne!(world.session("alice").state(), SessionState::Error);
}

#[test]
fn an_author_that_contradicts_itself_keeps_nobody_from_leaving() {
    //= docs/spec/protocol.md#SES-033
    //= type=test
    let (mut world, other) = contradiction(|| quiet(World::v1));
    // Bob says farewell, and hears of the contradiction before all have acknowledged it.
    world.act("bob", |s, env| s.part(env)).unwrap();
    assert_eq!(world.inject("bob", "mallory", &other), Disposition::Rejected(RejectReason::Fork));
    world.members.get_mut(&id("bob")).unwrap().held = true;
    world.immovable = set(&["bob"]);
    world.pass_secs(100);
    assert!(!world.channel.contains(&id("bob")), "he waits for acknowledgements for ever");
    world.members.get_mut(&id("bob")).unwrap().held = false;
    world.settle();
    assert_eq!(world.session("bob").state(), SessionState::PartFailed);
}

#[test]
fn an_author_that_contradicts_itself_leaves_no_timer_behind() {
    // Found by the simulator: what was missing was still to be asked for, at a time long past.
    let (mut world, other) = contradiction(|| quiet(World::new));
    world.act("mallory", |s, env| s.send(env, "listen")).unwrap();
    let (_, lost) = world.packets.last().unwrap().clone();
    world.lose("bob", &lost);
    world.act("mallory", |s, env| s.send(env, "are you there?")).unwrap();
    world.settle();
    assert_eq!(world.session("bob").deferred(), 1);
    assert_eq!(world.inject("bob", "mallory", &other), Disposition::Rejected(RejectReason::Fork));
    world.members.get_mut(&id("bob")).unwrap().held = true;
    for _ in 0..60 {
        world.now = world.now + core::time::Duration::from_secs(1);
        world.act("bob", |s, env| s.handle_timeout(env));
        let next = world.session("bob").poll_timeout();
        assert!(next.is_none_or(|next| next.at > world.now), "{next:?}");
    }
}

//= docs/spec/attacks.md#ATK-119
//= type=test
#[test]
fn an_ack_of_what_was_never_read_counts_for_its_author_only() {
    let mut world = quiet(World::v1);
    for name in ["bob", "mallory"] {
        world.members.get_mut(&id(name)).unwrap().held = true;
    }
    let message = world.say("alice", "for you both");
    let mallory = Insider::of(&world, "mallory");
    assert_eq!(world.session("mallory").log_len(), 0, "never read");
    let lie = mallory.message(1, &[message], "I have read it, and so has bob");
    assert_eq!(world.inject("alice", "mallory", &lie), Disposition::Accepted);
    let alice = world.session("alice");
    assert_eq!(alice.unacked_by(&message), Some(set(&["bob"])));
    assert_eq!(alice.message(&message).unwrap().fully_acked_at, None);
    assert!(!world.member("alice").notices.contains(&Notice::MessageFullyAcked { id: message }));
}
