//! Several ask for something at the same time.

use mpenc::OperationError;

use super::{
    Ask, BOTH, ask, assert_quiet, assert_sound, deliver, ends, joined, reunite, waiting, world,
};
use crate::world::{World, id};

const NAMES: [&str; 3] = ["alice", "bob", "carol"];
const ALL: [&str; 4] = ["alice", "bob", "carol", "dave"];

/// Everybody who was there all the time has seen the same operations end in the same way.
fn assert_same_ends(world: &World, names: &[&str], before: &[usize], what: &str) {
    let seen: Vec<_> = names
        .iter()
        .zip(before)
        .filter(|(name, _)| joined(world, &ALL).contains(name))
        .map(|(name, before)| (name, ends(world, name)[*before..].to_vec()))
        .collect();
    for pair in seen.windows(2) {
        assert_eq!(pair[0].1, pair[1].1, "{what}: {} and {}", pair[0].0, pair[1].0);
    }
}

/// Two ask for something, with any number of events delivered between, in any order after.
fn two(first: Ask, second: Ask) {
    // Whose events are delivered first, as long as there are some.
    let orders: [&[&str]; 3] = [&ALL, &["dave", "carol", "bob", "alice"], &["bob", "alice"]];
    for profile in BOTH {
        for between in 0..=10 {
            for order in orders {
                let what = format!("{profile}: {first:?}, {between} events, {second:?}");
                let mut world = waiting(profile, &NAMES, &["dave"]);
                let before = NAMES.map(|name| ends(&world, name).len());
                let one = ask(&mut world, "alice", first);
                deliver(&mut world, order, between);
                let other = ask(&mut world, "bob", second);
                for name in order {
                    while world.deliver(&id(name)) {}
                }
                world.settle();
                world.pass_secs(150);
                // One is accepted, and the other proposer is told.
                let mut well = 0;
                for (name, op) in [("alice", one), ("bob", other)] {
                    let Some(op) = op else { continue };
                    match &world.member(name).ended[&op] {
                        Ok(()) => well += 1,
                        Err(
                            OperationError::ProposalRejected { .. } | OperationError::LeftChannel,
                        ) => {}
                        Err(error) => panic!("{what}: {name}: {error}"),
                    }
                }
                assert!(well > 0, "{what}");
                assert_same_ends(&world, &NAMES, &before, &what);
                assert_sound(&mut world, &ALL, &what);
                assert_quiet(&world, &joined(&world, &ALL), &what);
                if between == 0 {
                    reunite(&mut world, &ALL, &what);
                }
            }
        }
    }
}

//= docs/spec/protocol.md#ORD-042
//= type=test
//= docs/spec/protocol.md#ORD-015
//= type=test
//= docs/spec/protocol.md#ORD-018
//= type=test
//= docs/spec/attacks.md#ATK-073
//= type=test
#[test]
fn two_refresh() {
    two(Ask::Refresh, Ask::Refresh);
}

#[test]
fn two_include_the_same() {
    two(Ask::Include("dave"), Ask::Include("dave"));
}

#[test]
fn two_exclude_the_same() {
    two(Ask::Exclude("carol"), Ask::Exclude("carol"));
}

#[test]
fn one_includes_and_one_excludes() {
    two(Ask::Include("dave"), Ask::Exclude("carol"));
}

#[test]
fn one_excludes_and_one_includes() {
    two(Ask::Exclude("carol"), Ask::Include("dave"));
}

//= docs/spec/attacks.md#ATK-068
//= type=test
#[test]
fn two_exclude_each_other() {
    two(Ask::Exclude("bob"), Ask::Exclude("alice"));
}

#[test]
fn one_excludes_another_that_refreshes() {
    two(Ask::Exclude("bob"), Ask::Refresh);
}

#[test]
fn one_excludes_another_that_includes() {
    two(Ask::Exclude("bob"), Ask::Include("dave"));
}

/// A refresh of v1 takes one packet, so that it may be over before the other proposal comes.
#[test]
fn one_packet_against_many() {
    two(Ask::Refresh, Ask::Include("dave"));
    two(Ask::Include("dave"), Ask::Refresh);
}

#[test]
fn one_parts_while_another_changes_something() {
    for change in [Ask::Refresh, Ask::Include("dave"), Ask::Exclude("carol"), Ask::Exclude("alice")]
    {
        two(Ask::Part, change);
    }
}

/// Proposals of everybody at once, in every order.
//= docs/spec/attacks.md#ATK-073
//= type=test
#[test]
fn everybody_proposes_at_once() {
    let asks = [
        ("alice", Ask::Exclude("bob")),
        ("bob", Ask::Exclude("carol")),
        ("carol", Ask::Exclude("alice")),
    ];
    for profile in BOTH {
        for (a, b, c) in [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)] {
            let what = format!("{profile}: {a} {b} {c}");
            let mut world = world(profile, &NAMES);
            world.establish(&NAMES);
            world.pass_secs(60);
            let ops = [a, b, c].map(|n| (asks[n].0, ask(&mut world, asks[n].0, asks[n].1)));
            world.settle();
            world.pass_secs(150);
            let ended = ops.map(|(name, op)| world.member(name).ended[&op.unwrap()].clone());
            assert!(ended[0].is_ok(), "{what}: the first in the channel's order: {ended:?}");
            assert_eq!(ended.iter().filter(|end| end.is_ok()).count(), 1, "{what}: {ended:?}");
            assert_sound(&mut world, &NAMES, &what);
            assert_eq!(joined(&world, &NAMES).len(), 2, "{what}");
            reunite(&mut world, &NAMES, &what);
        }
    }
}

/// All but one say farewell at the same time; nobody is left behind in a session of shadows.
#[test]
fn several_part_at_once() {
    for profile in BOTH {
        for parting in [vec!["alice", "bob"], vec!["bob", "carol", "dave"], vec!["carol", "alice"]]
        {
            for between in 0..=6 {
                let what = format!("{profile}: {parting:?}, {between} events between");
                let mut world = world(profile, &ALL);
                world.establish(&ALL);
                world.say("dave", "good night");
                world.pass_secs(60);
                let mut ops = Vec::new();
                for name in &parting {
                    ops.push((*name, ask(&mut world, name, Ask::Part).unwrap()));
                    deliver(&mut world, &ALL, between);
                }
                world.settle();
                world.pass_secs(300);
                for (name, op) in ops {
                    assert_eq!(world.member(name).ended[&op], Ok(()), "{what}: {name}");
                    assert!(!world.channel.contains(&id(name)), "{what}: {name}");
                }
                assert_sound(&mut world, &ALL, &what);
                assert_quiet(&world, &ALL, &what);
                reunite(&mut world, &ALL, &what);
            }
        }
    }
}
