//! Every request in every situation, as a table.

use std::fmt::Write as _;

use mpenc::{Identity, MemberSet, Profile, SecretBytes};
use rand_chacha::rand_core::Rng as _;

use crate::drawn::assert_drawn;
use crate::world::{World, set};

const NAMES: [&str; 3] = ["alice", "bob", "carol"];
const ALL: [&str; 4] = ["alice", "bob", "carol", "dave"];

fn nobody() -> MemberSet {
    MemberSet::new()
}

fn world(profile: Profile) -> World {
    let identity = |rng: &mut rand_chacha::ChaCha20Rng| {
        Identity::transparent(&SecretBytes::fill(|seed| rng.fill_bytes(seed)))
    };
    World::with_identities(&ALL, identity, |config| config.profile(profile))
}

/// Alice, Bob and Carol share a session.
fn established(profile: Profile) -> World {
    let mut world = world(profile);
    world.establish(&NAMES);
    world.pass_secs(60);
    world
}

fn join(world: &mut World, who: &str) {
    world.act(who, |s, env| s.join(env)).unwrap();
    world.settle();
}

fn exclude(world: &mut World, by: &str, who: &[&str]) {
    let who = set(who);
    world.act(by, |s, env| s.change(env, &nobody(), &who)).unwrap();
}

/// Delivers events until Bob knows of an operation.
fn until_it_runs(world: &mut World) {
    while world.session("bob").operation().is_none() {
        world.settle_one();
    }
}

/// The situations that Bob can be in.
const SITUATIONS: [&str; 15] = [
    "outside",
    "entering",
    "waiting to be included",
    "gave up waiting",
    "alone",
    "alone, its proposal on its way",
    "being included",
    "in a session",
    "in a session, its proposal on its way",
    "in a session, its operation running",
    "in a session, an operation of another running",
    "being excluded",
    "saying farewell",
    "last one, the former session shutting down",
    "a member has contradicted itself",
];

fn situation(number: usize, profile: Profile) -> World {
    let mut world = match number {
        0..=6 => world(profile),
        _ => established(profile),
    };
    match number {
        1 => drop(world.act("bob", |s, env| s.join(env))),
        2 | 3 | 6 => {
            join(&mut world, "alice");
            join(&mut world, "bob");
            if number == 3 {
                world.pass_secs(100);
            } else if number == 6 {
                let bob = set(&["bob"]);
                world.act("alice", |s, env| s.change(env, &bob, &nobody())).unwrap();
                until_it_runs(&mut world);
            }
        }
        4 | 5 => {
            join(&mut world, "bob");
            if number == 5 {
                join(&mut world, "alice");
                let alice = set(&["alice"]);
                world.act("bob", |s, env| s.change(env, &alice, &nobody())).unwrap();
            }
        }
        8 => exclude(&mut world, "bob", &["alice"]),
        9 => {
            exclude(&mut world, "bob", &["alice"]);
            until_it_runs(&mut world);
        }
        10 => {
            exclude(&mut world, "alice", &["carol"]);
            until_it_runs(&mut world);
        }
        11 => {
            exclude(&mut world, "alice", &["bob"]);
            until_it_runs(&mut world);
        }
        12 => drop(world.act("bob", |s, env| s.part(env))),
        13 => {
            exclude(&mut world, "bob", &["alice", "carol"]);
            world.settle();
        }
        14 => {
            let mut twin = established(profile);
            twin.say("carol", "one thing");
            let (_, other) = twin.packets.last().unwrap().clone();
            world.say("carol", "another thing");
            let _ = world.inject("bob", "carol", &other);
        }
        _ => {}
    }
    world
}

const REQUESTS: [&str; 8] = [
    "join",
    "part",
    "include dave",
    "exclude carol",
    "refresh",
    "abort",
    "send a text",
    "acknowledge",
];

/// What is answered, and the state that follows at once.
fn answer(number: usize, world: &mut World) -> String {
    fn told<T, E: core::fmt::Debug>(result: Result<T, E>) -> String {
        match result {
            Ok(_) => "**ok**".to_owned(),
            Err(error) => format!("{error:?}"),
        }
    }
    let before = world.session("bob").state();
    let text = world.act("bob", |s, env| match number {
        0 => told(s.join(env)),
        1 => told(s.part(env)),
        2 => told(s.change(env, &set(&["dave"]), &nobody())),
        3 => told(s.change(env, &nobody(), &set(&["carol"]))),
        4 => told(s.refresh(env)),
        5 => told(s.abort(env)),
        6 => told(s.send(env, "text")),
        _ => told(s.send(env, "")),
    });
    match world.session("bob").state() {
        same if same == before => text,
        new => format!("{text} → {new:?}"),
    }
}

fn row(number: usize, profile: Profile) -> Vec<String> {
    (0..REQUESTS.len()).map(|request| answer(request, &mut situation(number, profile))).collect()
}

//= docs/spec/protocol.md#SES-001
//= type=test
//= docs/spec/protocol.md#SES-024
//= type=test
//= docs/spec/protocol.md#SES-033
//= type=test
#[test]
fn request_tables() {
    let mut table = "| Situation |".to_owned();
    for request in REQUESTS {
        write!(table, " {request} |").unwrap();
    }
    writeln!(table, "\n|{}", " --- |".repeat(REQUESTS.len() + 1)).unwrap();
    for (number, name) in SITUATIONS.iter().enumerate() {
        let state = situation(number, Profile::TransparentV2).session("bob").state();
        let cells = row(number, Profile::TransparentV2);
        writeln!(table, "| {name}: {state:?} | {} |", cells.join(" | ")).unwrap();
        // The other profile cannot end operations, and that is all.
        let mut v1 = row(number, Profile::Transparent);
        let abort = REQUESTS.iter().position(|request| *request == "abort").unwrap();
        assert!(!v1[abort].contains("ok"), "{name}: {}", v1[abort]);
        v1[abort].clone_from(&cells[abort]);
        assert_eq!(v1, cells, "{name}");
        assert!(cells[1].starts_with("**ok**"), "{name}: parting is always possible");
    }
    assert_drawn("requests", &table);
}
