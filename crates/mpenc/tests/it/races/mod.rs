//! Every race of the protocol, by name (ORD-042), each in both profiles where it applies.
//!
//! After each, people do what people do: who is outside enters, and somebody inside includes it.
//! Then everybody has to agree on members, keys and order, nobody waits for anything, and what is
//! said reaches everybody. Most run over the suite for tests, in which the rules are the same.

use mpenc::{
    Change, Identity, MemberSet, Notice, Profile, SecretBytes, SessionConfig, SessionState,
};
use rand_chacha::rand_core::Rng as _;

use crate::world::{World, id, set};

mod alone;
mod concurrent;
mod entering;
mod exclusions;
mod finals;
mod newcomers;
mod together;

/// Both profiles.
const BOTH: [Profile; 2] = [Profile::Transparent, Profile::TransparentV2];

fn is_v2(profile: Profile) -> bool {
    profile == Profile::TransparentV2
}

fn world(profile: Profile, names: &[&str]) -> World {
    world_with(profile, names, |config| config.patient_join(true))
}

fn world_with(
    profile: Profile,
    names: &[&str],
    configure: impl Fn(SessionConfig) -> SessionConfig,
) -> World {
    let identity = |rng: &mut rand_chacha::ChaCha20Rng| {
        Identity::transparent(&SecretBytes::fill(|seed| rng.fill_bytes(seed)))
    };
    World::with_identities(names, identity, |config| configure(config).profile(profile))
}

/// The first of these share a session, and the rest wait in the channel.
fn waiting(profile: Profile, inside: &[&str], outside: &[&str]) -> World {
    cast(profile, inside, outside, &[])
}

/// The same, with others who have not entered.
fn cast(profile: Profile, inside: &[&str], outside: &[&str], absent: &[&str]) -> World {
    let mut world = world(profile, &[inside, outside, absent].concat());
    world.establish(inside);
    world.pass_secs(60);
    for name in outside {
        world.act(name, |s, env| s.join(env)).unwrap();
    }
    world.settle();
    world
}

fn nobody() -> MemberSet {
    MemberSet::new()
}

/// Something that a member can ask for.
#[derive(Clone, Copy, Debug)]
enum Ask {
    Refresh,
    Include(&'static str),
    Exclude(&'static str),
    Part,
}

fn ask(world: &mut World, who: &str, what: Ask) -> Option<mpenc::OperationId> {
    world
        .act(who, |s, env| match what {
            Ask::Refresh => s.refresh(env),
            Ask::Include(name) => s.change(env, &set(&[name]), &nobody()),
            Ask::Exclude(name) => s.change(env, &nobody(), &set(&[name])),
            Ask::Part => s.part(env),
        })
        .ok()
}

/// Everybody in turn gets its next event, `count` in all.
fn deliver(world: &mut World, names: &[&str], count: usize) {
    for step in 0..count {
        world.deliver(&id(names[step % names.len()]));
    }
}

/// Those who are in a session with others.
fn joined<'a>(world: &World, names: &[&'a str]) -> Vec<&'a str> {
    let inside = |name: &&&str| world.session(name).state() == SessionState::Joined;
    names.iter().filter(inside).copied().collect()
}

/// How operations ended, in the order in which this member saw it.
fn ends(world: &World, name: &str) -> Vec<(Change, bool)> {
    let end = |notice: &Notice| match notice {
        Notice::OpSucceeded { change, .. } => Some((change.clone(), true)),
        Notice::OpFailed { change, .. } => Some((change.clone(), false)),
        _ => None,
    };
    world.member(name).notices.iter().filter_map(end).collect()
}

/// The session of everybody who is in one is the same, and works.
fn assert_sound(world: &mut World, names: &[&str], what: &str) {
    let inside = joined(world, names);
    for name in names {
        let member = world.member(name);
        let broken = member.notices.iter().find(|n| matches!(n, Notice::InternalError { .. }));
        assert_eq!(broken, None, "{what}: {name}");
        assert_eq!(member.session.operation(), None, "{what}: {name}");
        if !inside.contains(name) {
            assert_eq!(member.session.members(), set(&[name]), "{what}: {name}");
        }
    }
    if inside.len() < 2 {
        assert!(inside.is_empty(), "{what}: a session of {inside:?} alone");
        return;
    }
    for name in &inside {
        assert_eq!(world.session(name).members(), set(&inside), "{what}: {name}");
    }
    world.assert_agree(&inside);
    let said: Vec<_> = inside.iter().map(|name| world.say(name, "do you read me?")).collect();
    world.pass_secs(60);
    for name in &inside {
        let session = world.session(name);
        for id in &said {
            assert_eq!(session.unacked_by(id), Some(nobody()), "{what}: {name}");
        }
    }
}

/// People do what people do, until all are together; then all is well.
fn reunite(world: &mut World, names: &[&str], what: &str) {
    for _ in 0..8 {
        world.pass_secs(150);
        for name in names {
            if !world.channel.contains(&id(name)) && world.session(name).channel_members().is_none()
            {
                let _ = world.act(name, |s, env| s.join(env));
                world.settle();
            }
        }
        world.settle();
        let host = joined(world, names).first().copied();
        let alone = || names.iter().copied().find(|name| world.session(name).is_alone());
        let Some(host) = host.or_else(alone) else { continue };
        let missing = set(names).difference(&world.session(host).members());
        if missing.is_empty() {
            break;
        }
        let include = missing.intersection(&world.channel);
        let _ = world.act(host, |s, env| s.change(env, &include, &nobody()));
        world.settle();
    }
    world.pass_secs(100);
    for name in names {
        let session = world.session(name);
        assert_eq!(session.members(), set(names), "{what}: {name} {:?}", session.state());
        assert_eq!(session.state(), SessionState::Joined, "{what}: {name}");
    }
    assert_sound(world, names, what);
}

/// Nobody was warned: nothing was wrong.
fn assert_quiet(world: &World, names: &[&str], what: &str) {
    for name in names {
        let warnings = world.member(name).warnings();
        assert!(warnings.is_empty(), "{what}: {name}: {warnings:?}");
    }
}
