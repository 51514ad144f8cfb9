//! Random runs without faults: whatever members do at the same time, and however slowly some are
//! served, they agree in the end and nobody is warned of anything (SEC-002).

use std::collections::BTreeSet;
use std::time::Duration;

use mpenc::{MemberId, MemberSet, Notice, SessionState, Timing};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::world::{World, id};

const NAMES: [&str; 5] = ["alice", "bob", "carol", "dave", "erin"];

struct Dice(ChaCha20Rng);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0.next_u32() as usize % n.max(1)
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        if from.is_empty() { None } else { from.get(self.below(from.len())) }
    }
}

/// One thing that somebody does; refusals are fine.
fn act(world: &mut World, dice: &mut Dice) {
    let name = id(NAMES[dice.below(NAMES.len())]);
    let session = &world.members[&name].session;
    let others: Vec<MemberId> = session.members().without(&name).iter().cloned().collect();
    let candidates: MemberSet = session.candidates();
    let excluded = session.operation().is_some_and(|op| !op.next_members.contains(&name));
    match dice.below(12) {
        0 | 1 => drop(world.call(&name, |s, env| s.join(env))),
        2 if !candidates.is_empty() => {
            drop(world.call(&name, |s, env| s.change(env, &candidates, &MemberSet::new())));
        }
        3 => {
            if let Some(other) = dice.pick(&others) {
                let exclude = MemberSet::of(other);
                drop(world.call(&name, |s, env| s.change(env, &MemberSet::new(), &exclude)));
            }
        }
        4 => drop(world.call(&name, |s, env| s.refresh(env))),
        // Whoever leaves while being included leaves at once, and others may have written to it.
        5 if session.sid().is_some() || session.operation().is_none() => {
            drop(world.call(&name, |s, env| s.part(env)))
        }
        // Who knows that it is being excluded says nothing more: nobody stays to acknowledge it.
        _ if excluded => {}
        _ => drop(world.call(&name, |s, env| s.send(env, "something"))),
    }
}

fn run(seed: u64) {
    let mut world = World::with(&NAMES, |config| {
        config
            .timing(Timing::new(Duration::from_secs(2), Duration::from_secs(6)))
            .patient_join(true)
    });
    let mut dice = Dice(ChaCha20Rng::seed_from_u64(seed));
    world.establish(&NAMES[..3]);
    for _ in 0..150 {
        act(&mut world, &mut dice);
        // Members are served at different speeds, but nothing takes longer than BC_LAT.
        for _ in 0..dice.below(40) {
            let name = id(NAMES[dice.below(NAMES.len())]);
            world.deliver(&name);
        }
        if dice.below(3) == 0 {
            world.settle();
            world.pass(Duration::from_millis(dice.below(4_000) as u64));
        }
    }
    world.pass_secs(200);
    let context = format!("seed {seed}");
    let mut sids = BTreeSet::new();
    for name in NAMES {
        let session = world.session(name);
        match session.state() {
            SessionState::Joined => {
                sids.insert(session.sid());
                for other in &session.members() {
                    let theirs = &world.members[other].session;
                    assert_eq!(session.members(), theirs.members(), "{context}: {name}, {other}");
                    assert_eq!(session.order(), theirs.order(), "{context}: {name}, {other}");
                }
            }
            SessionState::Parted | SessionState::PartFailed | SessionState::Joining => {}
            state => panic!("{context}: {name} is {state:?}"),
        }
        // Who is excluded while still writing cannot know what became of its last words.
        let member = world.member(name);
        let excluded = member.notices.iter().any(|notice| match notice {
            Notice::OpStarted { change, .. } => change.exclude.contains(&id(name)),
            _ => false,
        });
        if excluded {
            continue;
        }
        let warnings = member.warnings();
        assert!(warnings.is_empty(), "{context}: {name}: {warnings:?}");
        assert!(session.operation().is_none(), "{context}: {name}");
        assert!(session.is_consistent(), "{context}: {name}");
    }
    assert!(sids.len() <= 1, "{context}: {sids:?}");
}

//= docs/spec/protocol.md#SEC-002
//= type=test
#[test]
fn nobody_is_warned_when_nothing_is_wrong() {
    // One seed again, to look into it.
    match std::env::var("MPENC_TEST_SEED") {
        Ok(seed) => run(seed.parse().unwrap()),
        Err(_) => (0..60).for_each(run),
    }
}
