//! Warnings end with their cause, not before it, and not as if it had never been.

use std::collections::BTreeSet;

use mpenc::channel::ChannelEvent;
use mpenc::{Disposition, MemberSet, Notice, PresenceState, Profile, SubsessionId, Timing};
use mpenc_packet::v2::DataPacket;

use crate::world::{World, id, set};

const NAMES: [&str; 3] = ["alice", "bob", "carol"];

fn v2() -> World {
    let mut world = World::with(&NAMES, |config| config.profile(Profile::V2));
    world.establish(&NAMES);
    world.pass_secs(120);
    world
}

fn hold(world: &mut World, name: &str, held: bool) {
    world.members.get_mut(&id(name)).unwrap().held = held;
}

fn told(world: &World, name: &str, wanted: impl Fn(&Notice) -> bool) -> usize {
    world.member(name).notices.iter().filter(|notice| wanted(notice)).count()
}

fn warns(world: &World, name: &str, wanted: impl Fn(&Notice) -> bool) -> bool {
    world.session(name).warnings().iter().any(wanted)
}

fn is_missed(who: &str) -> impl Fn(&Notice) -> bool {
    move |notice| matches!(notice, Notice::UserNotPresent { member, .. } if *member == id(who))
}

fn is_back(who: &str) -> impl Fn(&Notice) -> bool {
    move |notice| matches!(notice, Notice::UserPresent { member } if *member == id(who))
}

/// What an application that listened to everything takes to be in force, by the contract of
/// [`Notice`].
fn in_force<'a>(notices: impl IntoIterator<Item = &'a Notice>) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for notice in notices {
        match notice {
            Notice::NotFullyAcked { id, .. } => all.insert(format!("unacked {id:?}")),
            Notice::MessageFullyAcked { id } => all.remove(&format!("unacked {id:?}")),
            Notice::NotAccepted { id, .. } => all.insert(format!("waits {id:?}")),
            Notice::NotAcceptedResolved { id, .. } => {
                all.remove(&format!("waits {id:?}")) | all.remove(&format!("lost {id:?}"))
            }
            Notice::MessageDiscarded { id, .. } => {
                all.remove(&format!("waits {id:?}")) | all.insert(format!("lost {id:?}"))
            }
            Notice::UserNotPresent { member, .. } => all.insert(format!("missed {member}")),
            Notice::UserPresent { member } | Notice::UserAbsent { member } => {
                all.remove(&format!("missed {member}"))
            }
            Notice::NotDecrypted { packet, .. } => all.insert(format!("unread {packet}")),
            Notice::NotDecryptedResolved { packet, .. } => all.remove(&format!("unread {packet}")),
            Notice::PacketDiscarded { packet, .. } => {
                all.remove(&format!("unread {packet}")) | all.insert(format!("gone {packet}"))
            }
            Notice::OrderNotConfirmed { .. } => all.insert("unconfirmed".to_owned()),
            Notice::OrderConfirmed { .. } => all.remove("unconfirmed"),
            Notice::KeyAge { .. } => all.insert("old keys".to_owned()),
            Notice::KeyRefreshed { .. } => all.remove("old keys"),
            Notice::MembersChanged { remain, include, exclude, .. } => {
                for gone in exclude {
                    all.remove(&format!("missed {gone}"));
                }
                if remain.len() == 1 && include.is_empty() {
                    all.remove("unconfirmed");
                }
                all.remove("old keys")
            }
            Notice::BadMessage { .. }
            | Notice::AuthorFork { .. }
            | Notice::OrderInconsistent { .. }
            | Notice::ContextIncomplete { .. }
            | Notice::ContentIncomplete { .. }
            | Notice::ErrorReported { .. } => all.insert(format!("{notice:?}")),
            _ => false,
        };
    }
    all
}

/// Whoever asks hears what whoever listened has heard.
#[track_caller]
fn asking_is_as_good_as_listening(world: &World) {
    for (name, member) in &world.members {
        assert_eq!(in_force(&member.session.warnings()), in_force(&member.notices), "{name}");
    }
}

/// A newcomer hears how the others end what was before it, and cannot read that.
//= docs/spec/protocol.md#MSG-021
//= type=test
//= docs/spec/protocol.md#UIX-009
//= type=test
//= docs/spec/attacks.md#ATK-164
//= type=test
#[test]
fn what_a_newcomer_cannot_read_is_neither_missed_nor_kept() {
    for profile in [Profile::V1, Profile::V2] {
        let mut world = World::with(&NAMES, |config| config.profile(profile));
        world.establish(&["alice", "bob"]);
        world.say("alice", "before carol");
        world.act("carol", |s, env| s.join(env)).unwrap();
        world.settle();
        world.act("alice", |s, env| s.change(env, &set(&["carol"]), &set(&[]))).unwrap();
        world.pass_secs(60);
        let carol = world.session("carol");
        assert!(carol.undecrypted() > 0, "{profile}: the others have wound up");
        assert!(carol.health().nothing_missing_before, "{profile}");
        world.pass_secs(60);
        assert_eq!(world.session("carol").undecrypted(), 0, "{profile}");
        // Somebody who is in the room but not in the session.
        let stranger = id("stranger");
        let (enter, leave) = (MemberSet::of(&stranger), MemberSet::new());
        world.tell("carol", ChannelEvent::Changed { enter, leave });
        world.settle();
        let mut other = World::with(&["alice", "bob"], |config| config.profile(profile));
        other.establish(&["alice", "bob"]);
        other.say("alice", "elsewhere");
        let (_, foreign) = other.packets.last().unwrap().clone();
        assert_eq!(world.inject("carol", "stranger", &foreign), Disposition::Deferred);
        assert!(world.session("carol").health().nothing_missing_before, "{profile}");
        world.pass_secs(120);
        assert_eq!(world.session("carol").undecrypted(), 0, "{profile}");
        assert!(world.member("carol").warnings().is_empty(), "{profile}");
        assert!(world.session("carol").warnings().is_empty(), "{profile}");
    }
}

//= docs/spec/protocol.md#MSG-021
//= type=test
//= docs/spec/protocol.md#UIX-015
//= type=test
#[test]
fn a_packet_that_is_given_up_was_not_read_after_all() {
    let mut world = World::new(&NAMES);
    world.establish(&NAMES);
    world.pass_secs(120);
    let mut other = World::new(&["alice", "carol"]);
    other.establish(&["alice", "carol"]);
    other.say("alice", "elsewhere");
    let (_, foreign) = other.packets.last().unwrap().clone();
    let _ = world.inject("bob", "alice", &foreign);
    let waits = |n: &Notice| matches!(n, Notice::NotDecrypted { .. });
    let resolved = |n: &Notice| matches!(n, Notice::NotDecryptedResolved { .. });
    let given_up = |n: &Notice| {
        matches!(n, Notice::PacketDiscarded { sender, size, .. }
            if *sender == id("alice") && *size == foreign.len())
    };
    world.pass_secs(6);
    assert_eq!(told(&world, "bob", waits), 1);
    assert!(warns(&world, "bob", waits) && !warns(&world, "bob", given_up));
    assert!(!world.session("bob").health().nothing_missing_before);
    asking_is_as_good_as_listening(&world);
    world.pass(Timing::default().fin_timeout());
    assert_eq!((told(&world, "bob", given_up), told(&world, "bob", resolved)), (1, 0));
    assert!(!warns(&world, "bob", waits) && warns(&world, "bob", given_up));
    assert_eq!(world.session("bob").undecrypted(), 0);
    // Had it been a message of this session, others would name it and wait for it.
    assert!(world.session("bob").health().nothing_missing_before);
    asking_is_as_good_as_listening(&world);
}

//= docs/spec/protocol.md#LIV-036
//= type=test
#[test]
fn nobody_is_missed_who_was_excluded() {
    let mut world = v2();
    hold(&mut world, "carol", true);
    world.pass_secs(200);
    assert!(warns(&world, "alice", is_missed("carol")));
    asking_is_as_good_as_listening(&world);
    world.act("alice", |s, env| s.change(env, &set(&[]), &set(&["carol"]))).unwrap();
    world.settle();
    assert_eq!(world.session("alice").members(), set(&["alice", "bob"]));
    for name in ["alice", "bob"] {
        assert!(!warns(&world, name, is_missed("carol")), "{name}");
        let gone = |n: &Notice| matches!(n, Notice::MembersChanged { exclude, .. } if exclude.contains(&id("carol")));
        assert_eq!(told(&world, name, gone), 1, "{name}: which is what withdraws it");
    }
    asking_is_as_good_as_listening(&world);
    world.act("alice", |s, env| s.part(env)).unwrap();
    world.pass_secs(200);
    assert!(!warns(&world, "alice", |n| matches!(n, Notice::UserNotPresent { .. })));
}

/// The channel passes on to Alice of all that Carol says only what new keys take.
//= docs/spec/protocol.md#LIV-036
//= type=test
#[test]
fn who_contributes_to_new_keys_is_back() {
    let mut world = v2();
    hold(&mut world, "carol", true);
    world.pass_secs(200);
    assert_eq!(world.session("alice").presence(&id("carol")), PresenceState::NotPresent);
    world.act("alice", |s, env| s.refresh(env)).unwrap();
    hold(&mut world, "carol", false);
    let refreshed = |n: &Notice| matches!(n, Notice::KeyRefreshed { .. });
    while told(&world, "alice", refreshed) == 0 {
        for name in ["carol", "bob", "alice"] {
            let inbox = &mut world.members.get_mut(&id("alice")).unwrap().inbox;
            inbox.retain(|event| {
                !matches!(event, ChannelEvent::Packet { sender, bytes }
                    if *sender == id("carol") && DataPacket::decode(bytes).is_ok())
            });
            if told(&world, "alice", refreshed) == 0 {
                world.deliver(&id(name));
            }
        }
    }
    assert_eq!(world.session("alice").presence(&id("carol")), PresenceState::Present);
    assert_eq!(told(&world, "alice", is_back("carol")), 1);
    asking_is_as_good_as_listening(&world);
}

/// A refresh of v1 takes no contribution of the others, and so proves nothing about them.
//= docs/spec/protocol.md#LIV-036
//= type=test
#[test]
fn who_is_missed_stays_missed_under_new_keys_that_prove_nothing() {
    let mut world = World::v1(&NAMES);
    world.establish(&NAMES);
    world.pass_secs(120);
    hold(&mut world, "carol", true);
    world.pass_secs(200);
    world.act("alice", |s, env| s.refresh(env)).unwrap();
    world.settle();
    assert_eq!(told(&world, "alice", |n| matches!(n, Notice::KeyRefreshed { .. })), 1);
    assert!(warns(&world, "alice", is_missed("carol")));
    world.pass_secs(200);
    assert_eq!(told(&world, "alice", is_missed("carol")), 1, "said once");
    asking_is_as_good_as_listening(&world);
    hold(&mut world, "carol", false);
    world.pass_secs(60);
    assert_eq!(told(&world, "alice", is_back("carol")), 1);
    asking_is_as_good_as_listening(&world);
}

//= docs/spec/protocol.md#LIV-036
//= type=test
//= docs/spec/protocol.md#LIV-031
//= type=test
#[test]
fn who_is_away_stays_so_under_new_keys_until_it_writes() {
    let mut world = v2();
    world.act("carol", |s, env| s.set_away(env, true)).unwrap();
    world.settle();
    world.act("alice", |s, env| s.refresh(env)).unwrap();
    world.settle();
    world.pass_secs(60);
    assert_eq!(world.session("alice").presence(&id("carol")), PresenceState::Absent);
    assert!(world.session("alice").health().nothing_missing_after, "its program answers");
    world.say("carol", "just a word");
    assert_eq!(world.session("alice").presence(&id("carol")), PresenceState::Present);
    assert_eq!(told(&world, "alice", is_back("carol")), 1);
}

/// Whoever said that it is away may have come back and written; that it has not takes proof.
//= docs/spec/protocol.md#UIX-009
//= type=test
//= docs/spec/protocol.md#SEC-001
//= type=test
#[test]
fn nothing_newer_is_missing_only_on_evidence() {
    let mut world = v2();
    assert!(world.session("alice").health().nothing_missing_after);
    world.act("carol", |s, env| s.set_away(env, true)).unwrap();
    world.settle();
    hold(&mut world, "carol", true);
    world.pass_secs(200);
    let alice = world.session("alice");
    assert_eq!(alice.presence(&id("carol")), PresenceState::Absent);
    assert!(!alice.health().nothing_missing_after);
    // Without heartbeats and without texts nobody shows anything.
    let mut quiet = World::with(&NAMES, |config| config.presence(false));
    quiet.establish(&NAMES);
    quiet.say("alice", "all well?");
    quiet.pass_secs(60);
    assert!(quiet.session("alice").health().nothing_missing_after);
    quiet.pass_secs(400);
    quiet.act("alice", |s, env| s.handle_timeout(env));
    let alice = quiet.session("alice");
    assert!(!alice.health().nothing_missing_after);
    assert_eq!(alice.presence(&id("bob")), PresenceState::NotPresent);
    assert!(quiet.member("alice").warnings().is_empty(), "nobody is missed");
    asking_is_as_good_as_listening(&quiet);
}

/// Alice writes twice; the first text never reaches Carol, the second waits for it. Then new keys
/// end the subsession. Returns it.
fn half_lost(world: &mut World) -> SubsessionId {
    let old = world.session("carol").sid().unwrap();
    world.act("alice", |s, env| s.send(env, "first")).unwrap();
    let packet = world.packets.last().unwrap().1.clone();
    world.lose("carol", &packet);
    world.say("alice", "second");
    assert!(world.session("carol").deferred() > 0);
    world.act("bob", |s, env| s.refresh(env)).unwrap();
    world.settle();
    assert_ne!(world.session("carol").sid(), Some(old));
    old
}

fn is_closed(of: SubsessionId) -> impl Fn(&Notice) -> bool {
    move |n| matches!(n, Notice::SubsessionClosed { sid, .. } if *sid == of)
}

//= docs/spec/protocol.md#TRN-044
//= type=test
//= docs/spec/attacks.md#ATK-106
//= type=test
#[test]
fn what_waited_in_vain_is_said_to_be_lost() {
    let mut world = v2();
    let old = half_lost(&mut world);
    let second = world.session("alice").log().last().unwrap();
    world.pass_secs(10);
    asking_is_as_good_as_listening(&world);
    world.pass_secs(200);
    let first = world.session("alice").log().next().unwrap();
    let lost = |n: &Notice| {
        matches!(n, Notice::MessageDiscarded { id: gone, author, missing }
            if *gone == second && *author == id("alice") && *missing == [first])
    };
    assert_eq!(told(&world, "carol", lost), 1);
    assert!(warns(&world, "carol", lost));
    let resolved =
        |n: &Notice| matches!(n, Notice::NotAcceptedResolved { id, .. } if *id == second);
    assert_eq!(told(&world, "carol", resolved), 0, "nothing was");
    let ended = Notice::SubsessionClosed { sid: old, consistent: false };
    assert!(world.member("carol").notices.contains(&ended));
    assert!(!world.session("carol").is_consistent());
    asking_is_as_good_as_listening(&world);
}

/// Carol is excluded, has acknowledged the end of the former subsession, and still writes in it.
//= docs/spec/protocol.md#FIN-005
//= type=test
#[test]
fn a_subsession_does_not_end_while_something_in_it_waits() {
    let mut world = v2();
    let old = world.session("alice").sid().unwrap();
    world.act("alice", |s, env| s.change(env, &set(&[]), &set(&["carol"]))).unwrap();
    world.pass_secs(3);
    world.act("carol", |s, env| s.send(env, "first")).unwrap();
    let packet = world.packets.last().unwrap().1.clone();
    world.lose("alice", &packet);
    world.say("carol", "second");
    assert!(world.session("alice").deferred() > 0);
    world.pass(2 * Timing::default().fin_grace());
    assert_eq!(told(&world, "alice", is_closed(old)), 0);
    // Alice goes on asking for it, and now the channel lets it through.
    world.lost.clear();
    world.pass_secs(120);
    assert_eq!(world.texts("alice"), ["first", "second"]);
    assert_eq!(told(&world, "alice", |n| matches!(n, Notice::MessageDiscarded { .. })), 0);
    assert_eq!(told(&world, "alice", is_closed(old)), 1);
    asking_is_as_good_as_listening(&world);
}

//= docs/spec/protocol.md#TRN-044
//= type=test
//= docs/spec/protocol.md#TRN-016
//= type=test
#[test]
fn what_has_to_make_room_is_said_to_be_lost_until_a_copy_is_accepted() {
    let mut world = v2();
    let start = world.packets.len();
    world.act("alice", |s, env| s.send(env, "first")).unwrap();
    let packet = world.packets.last().unwrap().1.clone();
    world.lose("carol", &packet);
    for n in 0..33 {
        world.say("alice", &format!("alice {n}"));
        world.say("bob", &format!("bob {n}"));
    }
    let lost = |n: &Notice| matches!(n, Notice::MessageDiscarded { .. });
    assert!(told(&world, "carol", lost) > 0);
    assert!(warns(&world, "carol", lost));
    asking_is_as_good_as_listening(&world);
    // Everything once more, from the beginning.
    let packets = world.packets[start..].to_vec();
    for (sender, packet) in packets.iter().filter(|(sender, _)| *sender != id("carol")) {
        let _ = world.inject("carol", &sender.to_string(), packet);
    }
    assert_eq!(world.texts("carol").len(), 67);
    assert!(world.session("carol").warnings().is_empty());
    asking_is_as_good_as_listening(&world);
}

/// A text that waits for the context of its subsession is overdue before it is shown.
//= docs/spec/protocol.md#SES-039
//= type=test
#[test]
fn what_is_overdue_when_it_is_shown_is_warned_of_then() {
    let mut world = v2();
    world.act("alice", |s, env| s.send(env, "old")).unwrap();
    let (_, late) = world.packets.last().unwrap().clone();
    world.lose("carol", &late);
    world.settle();
    world.act("alice", |s, env| s.refresh(env)).unwrap();
    world.settle();
    hold(&mut world, "alice", true);
    let new = world.say("bob", "new");
    world.pass(Timing::default().fa_intv());
    world.pass_secs(1);
    assert!(world.texts("carol").is_empty(), "withheld");
    let overdue = |n: &Notice| matches!(n, Notice::NotFullyAcked { id, .. } if *id == new);
    assert_eq!(told(&world, "carol", overdue), 0);
    let start = world.member("carol").notices.len();
    assert_eq!(world.inject("carol", "alice", &late), Disposition::Accepted);
    assert_eq!(world.texts("carol"), ["old", "new"]);
    let told = &world.member("carol").notices[start..];
    let place = |wanted: &dyn Fn(&Notice) -> bool| told.iter().position(wanted);
    let ready = place(&|n| matches!(n, Notice::MessageReady { id, .. } if *id == new));
    let warned = place(&overdue);
    assert!(ready.is_some() && ready < warned, "{told:?}");
    asking_is_as_good_as_listening(&world);
    hold(&mut world, "alice", false);
    world.lost.clear();
    world.pass_secs(120);
    asking_is_as_good_as_listening(&world);
    assert!(world.session("carol").warnings().is_empty());
}
