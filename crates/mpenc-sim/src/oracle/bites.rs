//! The oracle is told something that is not so, or is not told something that is: it has to
//! notice.

use std::time::Duration;

use mpenc::channel::ChannelEvent;
use mpenc::{ChainHash, Disposition, MemberSet, MessageId, Notice, PacketId};

use super::Oracle;
use crate::options::{Adversary, Options};
use crate::plan::Deed;
use crate::server::Parcel;
use crate::world::World;

/// Three in a session, with an adversary that has nothing to do.
fn world(v2: bool) -> World {
    let adversary = Adversary::Dropping;
    let options = Options { seed: 5, v2, mock: true, adversary, members: 3, acts: 0 };
    let mut world = World::new(options, false);
    for who in 0..3 {
        world.deed(who, Deed::Join, 0);
        world.pass(4_000);
    }
    for _ in 0..3 {
        let candidates = world.people[0].session.as_ref().unwrap().candidates();
        if !candidates.is_empty() {
            world.deed(0, Deed::Include, 0);
        }
        world.pass(20_000);
    }
    for person in &world.people {
        assert_eq!(person.session.as_ref().unwrap().members().len(), 3, "{}", person.name);
    }
    assert_eq!(world.failure, None);
    world
}

/// What is found wrong after something was said and `lie` told.
fn said(v2: bool, lie: impl FnOnce(&mut Oracle, &MessageId)) -> String {
    let mut world = world(v2);
    world.speak(0, "what is true".to_owned());
    let id = world.people[0].session.as_ref().unwrap().message_at(-1).unwrap().id;
    lie(&mut world.oracle, &id);
    world.pass(60_000);
    world.failure.expect("the oracle notices")
}

fn bites(found: &str, what: &str) {
    assert!(found.contains(what), "{found}");
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    for v2 in [false, true] {
        let mut world = world(v2);
        world.speak(0, "hello".to_owned());
        world.deed(1, Deed::Refresh, 0);
        world.pass(200_000);
        assert_eq!(world.failure, None);
        for who in 0..3 {
            assert!(world.oracle.order_is_verified(&world.people, who).is_ok());
            assert!(world.oracle.rules_are_kept(&world.people, who).is_ok());
        }
    }
}

#[test]
fn authorship() {
    //= docs/spec/protocol.md#SEC-006
    //= type=test
    for v2 in [false, true] {
        bites(&said(v2, |oracle, _| oracle.sent.clear()), "never sent");
        bites(
            &said(v2, |oracle, id| oracle.sent.get_mut(id).unwrap().text.push('!')),
            "wrote another text",
        );
        bites(
            &said(v2, |oracle, id| oracle.sent.get_mut(id).unwrap().members = MemberSet::new()),
            "wrote to others",
        );
        let mut world = world(v2);
        world.call(0, |session, env| session.send(env, "unheard of").unwrap());
        bites(&world.failure.unwrap(), "that we did not write");
    }
}

#[test]
fn parents() {
    //= docs/spec/protocol.md#SEC-007
    //= type=test
    for v2 in [false, true] {
        let lie = |oracle: &mut Oracle, id: &MessageId| {
            oracle.sent.get_mut(id).unwrap().parents.push(*id);
        };
        bites(&said(v2, lie), "answered other messages");
    }
}

#[test]
fn insiders_that_break_the_rules() {
    //= docs/spec/protocol.md#SEC-021
    //= type=test
    let mut world = world(true);
    world.speak(0, "one".to_owned());
    world.speak(0, "two".to_owned());
    let session = world.people[0].session.as_ref().unwrap();
    let ids = [-2, -1].map(|at| session.message_at(at).unwrap().id);
    world.oracle.contradict(ids[0], ids[1]);
    bites(&world.oracle.rules_are_kept(&world.people, 0).unwrap_err(), "one is a lie");
    world.oracle.forbid(ids[0], "is bad");
    bites(&world.oracle.rules_are_kept(&world.people, 0).unwrap_err(), "which is bad");
    assert!(world.oracle.rules_are_kept(&world.people, 1).is_ok(), "not there yet");
}

#[test]
fn acknowledgements() {
    //= docs/spec/protocol.md#SEC-022
    //= type=test
    let mut world = world(false);
    world.speak(0, "anybody?".to_owned());
    let id = world.people[0].session.as_ref().unwrap().message_at(-1).unwrap().id;
    bites(&world.oracle.is_fully_acked(&world.people, 0, &id).unwrap_err(), "I4");
    // Nobody gets it, and the author is to be warned sooner than it can be.
    for name in world.people[1..].iter().map(|person| person.name.clone()).collect::<Vec<_>>() {
        world.server.inbox_mut(&name).unwrap().held = true;
    }
    world.oracle.expect.ack_bound = Duration::from_secs(10);
    world.pass(15_000);
    bites(&world.failure.unwrap(), "SEC-022");
}

#[test]
fn agreement() {
    //= docs/spec/protocol.md#SEC-011
    //= type=test
    let again = |lie: &dyn Fn(&mut Oracle)| {
        let mut world = world(true);
        world.oracle.holders.clear();
        world.oracle.lives[1].current = None;
        lie(&mut world.oracle);
        world.oracle.keys_of(&world.people, 1, true)
    };
    assert_eq!(again(&|_| {}), Ok(()));
    let members = |oracle: &mut Oracle| {
        oracle.completed.values_mut().for_each(|c| c.members = MemberSet::new());
    };
    bites(&again(&members).unwrap_err(), "I2: completes with");
    let keys = |oracle: &mut Oracle| oracle.completed.values_mut().for_each(|c| c.key = None);
    bites(&again(&keys).unwrap_err(), "I2: has other keys");
    let chains = |oracle: &mut Oracle| {
        oracle.expect.same_order = true;
        oracle.completed.values_mut().for_each(|c| c.chain = None);
    };
    bites(&again(&chains).unwrap_err(), "I2: has another order");
}

#[test]
fn keys() {
    let mut world = world(true);
    world.oracle.lives[1].current = None;
    bites(&world.oracle.keys_of(&world.people, 1, false).unwrap_err(), "I8");
    bites(&world.oracle.keys_of(&world.people, 1, true).unwrap_err(), "I7: the same key again");
    // A key that only two are said to have.
    world.oracle.lives[1].current = None;
    world.oracle.holders.clear();
    world.oracle.keys_of(&world.people, 1, true).unwrap();
    for holders in world.oracle.holders.values_mut() {
        holders.members = Some(MemberSet::of(&world.people[1].name));
    }
    world.oracle.lives[0].current = None;
    bites(&world.oracle.keys_of(&world.people, 0, true).unwrap_err(), "I3, I6");
}

#[test]
fn confirmations() {
    //= docs/spec/protocol.md#SEC-010
    //= type=test
    for (v2, deed) in [(true, Deed::Refresh), (false, Deed::Exclude)] {
        let mut world = world(v2);
        world.deed(0, deed, 0);
        for _ in 0..200 {
            // What Alice makes is not known to be hers.
            world.oracle.made[0].clear();
            for who in 0..3 {
                world.deliver(who);
            }
        }
        bites(&world.failure.unwrap(), "alice never confirmed this");
    }
}

#[test]
fn orders_that_are_called_verified() {
    //= docs/spec/protocol.md#SEC-001
    //= type=test
    let mut world = world(true);
    world.pass(60_000);
    world.oracle.ever[1].clear();
    bites(&world.oracle.order_is_verified(&world.people, 0).unwrap_err(), "SEC-001");
}

#[test]
fn what_excuses_the_excluded() {
    let mut world = world(true);
    world.pass(60_000);
    world.oracle.ever[1].clear();
    let alice = world.people[0].name.clone();
    let change = mpenc::Change { include: MemberSet::new(), exclude: MemberSet::of(&alice) };
    let initiator = world.people[1].name.clone();
    let told = |world: &mut World, notice: Notice| {
        world.oracle.observe(&world.people, 0, &[notice], world.now)
    };
    let verified = |world: &World| world.oracle.order_is_verified(&world.people, 0);
    bites(&verified(&world).unwrap_err(), "SEC-001");
    let (begun, by) = (change.clone(), initiator.clone());
    let started = Notice::OpStarted { change: begun, initiator: by };
    told(&mut world, started).unwrap();
    assert_eq!(verified(&world), Ok(()), "nobody tells it any more");
    // Another subsession than that which it was excluded from.
    let from = core::mem::take(&mut world.oracle.lives[0].excluded_from);
    world.oracle.lives[0].excluded_from = [mpenc::SubsessionId::new([9; 32])].into();
    bites(&verified(&world).unwrap_err(), "SEC-001");
    world.oracle.lives[0].excluded_from = from;
    // Both are excused until the exclusion has failed.
    world.oracle.expect.quiet = true;
    let warning = Notice::RejectedRepeatedly { winner: initiator.clone(), times: 3 };
    assert_eq!(told(&mut world, warning), Ok(()), "chance");
    let warning = Notice::NotDecrypted { packet: 1, sender: initiator.clone(), size: 9 };
    assert_eq!(told(&mut world, warning.clone()), Ok(()));
    let failed = Notice::OpFailed { change, initiator, reason: mpenc::FailReason::WeLeft };
    told(&mut world, failed).unwrap();
    bites(&told(&mut world, warning).unwrap_err(), "I10");
    bites(&verified(&world).unwrap_err(), "SEC-001");
}

#[test]
fn requests_that_never_end() {
    //= docs/spec/protocol.md#SES-023
    //= type=test
    let mut world = world(true);
    let id = world.call(0, |session, env| session.refresh(env)).unwrap().unwrap();
    world.oracle.asked(0, id, world.now);
    assert!(world.oracle.awaits_an_end(&world.people));
    world.pass(60_000);
    assert!(!world.oracle.awaits_an_end(&world.people));
    let again = Notice::OperationEnded { id, result: Ok(()) };
    bites(&world.oracle.observe(&world.people, 0, &[again], world.now).unwrap_err(), "SES-023");
    // It is not known that it has ended.
    world.oracle.lives[0].requests = super::Requests::default();
    world.oracle.asked(0, id, world.now);
    let late = world.now + world.oracle.expect.request_bound + 1;
    assert_eq!(world.oracle.requests_end(&world.people, late), Ok(()), "something may be wrong");
    world.oracle.calm(world.now);
    assert_eq!(world.oracle.requests_end(&world.people, late - 1), Ok(()));
    bites(&world.oracle.requests_end(&world.people, late).unwrap_err(), "SES-023");
}

#[test]
fn accusations() {
    //= docs/spec/attacks.md#ATK-065
    //= type=test
    let mut world = world(true);
    world.speak(0, "one".to_owned());
    world.speak(0, "two".to_owned());
    let session = world.people[0].session.as_ref().unwrap();
    let [first, second] = [-2, -1].map(|at| session.message_at(at).unwrap().id);
    let bob = world.people[1].name.clone();
    let accusations = [
        Notice::BadContribution { member: bob.clone() },
        Notice::BadMessage { author: bob.clone(), reason: mpenc::BadMessage::Content },
        Notice::AuthorFork { author: bob, first, second },
    ];
    for notice in accusations {
        let told = |world: &mut World| {
            world.oracle.observe(&world.people, 0, core::slice::from_ref(&notice), world.now)
        };
        bites(&told(&mut world).unwrap_err(), "ATK-065");
        world.people[1].insider = true;
        assert_eq!(told(&mut world), Ok(()));
        world.people[1].insider = false;
    }
}

#[test]
fn forks() {
    let mut world = world(true);
    world.pass(60_000);
    // Bob is said to have another order than he has.
    world.oracle.lives[1].orders = vec![(PacketId::new([9; 32]), ChainHash::new([9; 32]))];
    world.oracle.forks.update(&world.people, &world.oracle.lives, 3, world.now);
    let event = ChannelEvent::Packet { sender: world.people[1].name.clone(), bytes: Vec::new() };
    let parcel = Parcel { due: 0, serial: u64::MAX, event, touched: false };
    world.oracle.hear(&world.people, 0, &parcel, world.now);
    let now = world.now;
    assert_eq!(world.oracle.time_passed(&world.people, now + 1_000), Ok(()));
    bites(&world.oracle.time_passed(&world.people, now + 200_000).unwrap_err(), "I5");
    // Neither a warning about somebody else will do, nor an earlier one.
    let [bob, carol] = [1, 2].map(|who: usize| world.people[who].name.clone());
    world.oracle.lives[0].warned_of = [(carol, now + 2_000), (bob.clone(), now - 1)].into();
    bites(&world.oracle.time_passed(&world.people, now + 200_000).unwrap_err(), "I5");
    world.oracle.lives[0].warned_of.insert(bob, now + 2_000);
    assert_eq!(world.oracle.time_passed(&world.people, now + 200_000), Ok(()));
}

#[test]
fn members_that_are_behind() {
    let mut world = world(true);
    world.pass(60_000);
    // Bob has accepted something that nobody else has.
    world.oracle.lives[1].orders.push((PacketId::new([9; 32]), ChainHash::new([9; 32])));
    world.oracle.forks.update(&world.people, &world.oracle.lives, 3, world.now);
    world.speak(1, "do you know what happened?".to_owned());
    world.pass(200_000);
    bites(&world.failure.unwrap(), "I5");
}

#[test]
fn messages_across_a_fork() {
    //= docs/spec/v2.md#V2-026
    //= type=test
    let other = Some((PacketId::new([9; 32]), ChainHash::new([9; 32])));
    let lie = |oracle: &mut Oracle, id: &MessageId| {
        oracle.sent.get_mut(id).unwrap().order = other;
    };
    bites(&said(true, lie), "V2-026");
}

#[test]
fn operations() {
    let mut world = world(true);
    let before = world.oracle.digest(&world.people, 0).unwrap();
    world.deed(1, Deed::Refresh, 0);
    let made = world.oracle.made[1].iter();
    let initial = made.max_by_key(|bytes| bytes.len()).unwrap().clone();
    let alice = world.people[0].name.clone();
    let bob = world.people[1].name.clone();
    let judged = |world: &mut World, sender, before: &super::Digest, after: &super::Digest| {
        let event = ChannelEvent::Packet { sender, bytes: initial.clone() };
        world.oracle.turn = super::conduct::Turn::default();
        let seen = (before, after);
        world.oracle.judge(&world.people, 0, &event, seen, &Disposition::Accepted, world.now)
    };
    let found = judged(&mut world, alice.clone(), &before, &before).unwrap_err();
    bites(&found, "GRT-018");
    let mut changed = before.clone();
    changed.channel = Some(MemberSet::of(&alice));
    bites(&judged(&mut world, bob.clone(), &changed, &before).unwrap_err(), "ORD-009");
    bites(&judged(&mut world, bob.clone(), &before, &before).unwrap_err(), "I7");
    let fresh = |world: &mut World| world.oracle.conduct[0] = super::Conduct::default();
    type Change<'a> = &'a dyn Fn(&mut super::Digest);
    let member: Change<'_> = &|d| d.members = MemberSet::of(&alice);
    let last: Change<'_> = &|d| d.order = Some((PacketId::new([1; 32]), d.order.unwrap().1));
    let chain: Change<'_> = &|d| d.order = Some((d.order.unwrap().0, ChainHash::new([1; 32])));
    let busy: Change<'_> =
        &|d| d.running = Some((bob.clone(), d.members.clone(), MemberSet::new()));
    for (what, change) in
        [("ORD-013", member), ("follows another", last), ("V2-030", chain), ("ORD-015", busy)]
    {
        fresh(&mut world);
        let mut changed = before.clone();
        change(&mut changed);
        bites(&judged(&mut world, bob.clone(), &changed, &before).unwrap_err(), what);
    }
    fresh(&mut world);
    let mut changed = before.clone();
    changed.channel = Some(before.channel.as_ref().unwrap().without(&bob));
    bites(&judged(&mut world, bob.clone(), &before, &changed).unwrap_err(), "ORD-024");
    fresh(&mut world);
    assert_eq!(judged(&mut world, bob, &before, &before), Ok(()));
}

#[test]
fn entering_and_leaving() {
    let mut world = world(true);
    let before = world.oracle.digest(&world.people, 0).unwrap();
    let carol = MemberSet::of(&world.people[2].name);
    let event = ChannelEvent::Changed { enter: carol.clone(), leave: MemberSet::new() };
    let judged = |world: &mut World, before: &super::Digest| {
        world.oracle.turn = super::conduct::Turn::default();
        let after = world.oracle.digest(&world.people, 0).unwrap();
        let seen = (before, &after);
        world.oracle.conduct[0].asked = MemberSet::new();
        world.oracle.judge(&world.people, 0, &event, seen, &Disposition::Accepted, world.now)
    };
    bites(&judged(&mut world, &before).unwrap_err(), "ORD-022");
    let mut changed = before;
    changed.leaving = carol.clone();
    bites(&judged(&mut world, &changed).unwrap_err(), "ORD-027");
    changed.leaving = MemberSet::new();
    changed.members = changed.members.difference(&carol);
    changed.running =
        Some((world.people[0].name.clone(), changed.members.clone(), MemberSet::new()));
    bites(&judged(&mut world, &changed).unwrap_err(), "ORD-023");
}
