//! What ends an operation against what else could: final packet, abort, leaving.

use mpenc::{Change, OperationError, Profile};

use super::{
    Ask, BOTH, ask, assert_quiet, assert_sound, deliver, ends, is_v2, joined, nobody, reunite,
    waiting, world,
};
use crate::world::{World, id, set};

const NAMES: [&str; 3] = ["alice", "bob", "carol"];
const ALL: [&str; 4] = ["alice", "bob", "carol", "dave"];

/// Whoever is in a session now has seen the last operation end like the others.
fn assert_same_last_end(world: &World, what: &str) {
    let inside = joined(world, &ALL);
    let last: Vec<_> = inside.iter().filter_map(|name| ends(world, name).pop()).collect();
    assert!(last.windows(2).all(|pair| pair[0] == pair[1]), "{what}: {inside:?} {last:?}");
}

/// Somebody ends the operation at every moment of it: the first final packet in the order of the
/// channel decides, for all.
//= docs/spec/protocol.md#ORD-042
//= type=test
//= docs/spec/protocol.md#ORD-044
//= type=test
//= docs/spec/attacks.md#ATK-074
//= type=test
#[test]
fn final_packet_against_abort() {
    let profile = Profile::TransparentV2;
    let (mut completed, mut aborted) = (0, 0);
    for change in [Ask::Include("dave"), Ask::Refresh, Ask::Exclude("carol")] {
        for by in ALL {
            for moment in 0..40 {
                let what = format!("{change:?}, {by} ends it after {moment} events");
                let mut world = waiting(profile, &NAMES, &["dave"]);
                let op = ask(&mut world, "alice", change).unwrap();
                deliver(&mut world, &ALL, moment);
                if world.act(by, |s, env| s.abort(env)).is_err() {
                    continue;
                }
                world.settle();
                match &world.member("alice").ended[&op] {
                    Ok(()) => completed += 1,
                    Err(OperationError::OperationFailed(_)) => aborted += 1,
                    Err(error) => panic!("{what}: {error}"),
                }
                world.pass_secs(150);
                assert_same_last_end(&world, &what);
                assert_sound(&mut world, &ALL, &what);
                assert_quiet(&world, &joined(&world, &ALL), &what);
            }
        }
    }
    assert!(completed > 10 && aborted > 10, "{completed} completed, {aborted} aborted");
}

/// Somebody leaves the channel at every moment of an operation: those who are left see it end in
/// the same way, whether it keeps, adds or excludes whoever leaves.
//= docs/spec/protocol.md#ORD-025
//= type=test
//= docs/spec/protocol.md#ORD-026
//= type=test
//= docs/spec/attacks.md#ATK-074
//= type=test
//= docs/spec/attacks.md#ATK-083
//= type=test
//= docs/spec/attacks.md#ATK-084
//= type=test
#[test]
fn final_packet_against_leaving() {
    for profile in BOTH {
        for change in [Ask::Include("dave"), Ask::Refresh, Ask::Exclude("carol")] {
            for leaver in ALL {
                let mut ended = [0; 2];
                for moment in (0..76).step_by(2) {
                    let what = format!("{profile}: {change:?}, {leaver} after {moment} events");
                    let mut world = waiting(profile, &NAMES, &["dave"]);
                    ask(&mut world, "alice", change).unwrap();
                    deliver(&mut world, &ALL, moment);
                    world.leave(&id(leaver));
                    world.settle();
                    world.pass_secs(200);
                    let others: Vec<_> = ALL.into_iter().filter(|name| *name != leaver).collect();
                    let expect: Vec<_> = NAMES.into_iter().filter(|n| others.contains(n)).collect();
                    let [first, .., last] = expect[..] else { panic!("two at least") };
                    let wanted = match change {
                        Ask::Include(name) => Change { include: set(&[name]), exclude: nobody() },
                        Ask::Exclude(name) => Change { include: nobody(), exclude: set(&[name]) },
                        Ask::Refresh | Ask::Part => Change::default(),
                    };
                    let end_of = |name| {
                        let ends = ends(&world, name);
                        ends.into_iter().rfind(|(change, _)| *change == wanted).map(|e| e.1)
                    };
                    // Whoever it excludes cannot tell in v1.
                    if joined(&world, &ALL).contains(&first) && joined(&world, &ALL).contains(&last)
                    {
                        assert_eq!(end_of(first), end_of(last), "{what}");
                    }
                    if let Some(well) = end_of(first) {
                        ended[usize::from(well)] += 1;
                    }
                    assert_sound(&mut world, &ALL, &what);
                    let quiet: Vec<_> = others.iter().copied().filter(|n| *n != "dave").collect();
                    assert_quiet(&world, &quiet, &what);
                    if moment % 10 == 0 {
                        reunite(&mut world, &ALL, &what);
                    }
                }
                let ends = format!("{profile}: {change:?}, {leaver}: {ended:?}");
                assert!(ended[1] > 0, "{ends}");
            }
        }
    }
}

/// Operations of one packet: there is no moment between its beginning and its end.
//= docs/spec/protocol.md#GRT-025
//= type=test
#[test]
fn operations_of_one_packet() {
    for profile in BOTH {
        for leaver in [None, Some("alice"), Some("bob"), Some("carol")] {
            for order in [["alice", "bob", "carol"], ["carol", "bob", "alice"]] {
                let mut changes = vec![Ask::Exclude("others")];
                if !is_v2(profile) {
                    changes.push(Ask::Refresh);
                }
                for change in changes {
                    let what = format!("{profile}: {change:?}, {leaver:?} leaves, {order:?}");
                    let mut world = world(profile, &NAMES);
                    world.establish(&NAMES);
                    world.pass_secs(60);
                    let before = world.packets.len();
                    let op = match change {
                        Ask::Exclude(_) => {
                            let others = set(&["bob", "carol"]);
                            world.act("alice", |s, env| s.change(env, &nobody(), &others))
                        }
                        _ => world.act("alice", |s, env| s.refresh(env)),
                    };
                    assert_eq!(world.packets.len() - before, 1, "{what}");
                    // After it in the channel, and before anybody has seen it.
                    if let Some(leaver) = leaver {
                        world.leave(&id(leaver));
                    }
                    for name in order {
                        while world.deliver(&id(name)) {}
                    }
                    world.settle();
                    assert_eq!(world.member("alice").ended[&op.unwrap()], Ok(()), "{what}");
                    world.pass_secs(200);
                    assert_sound(&mut world, &NAMES, &what);
                    reunite(&mut world, &NAMES, &what);
                }
            }
        }
    }
}
