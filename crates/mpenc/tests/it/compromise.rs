//! Somebody recorded the channel from the beginning and then got hold of a member's whole memory.
//! What it can read of what was said before, and of what is said after, in both profiles: the
//! difference is why there is a second one.
//!
//! What the memory of a member contains is told by [`Session::reveal`](mpenc::Session::reveal),
//! keys of a running operation and of former subsessions included. The texts that a member has
//! shown are in its memory as well, whatever the keys; the attack is on what the channel carried.

use std::collections::BTreeSet;

use mpenc::{MemberSet, Profile, Revealed};

use crate::breaking::{v1, v2};
use crate::world::{World, set};

const ALL: [&str; 3] = ["alice", "bob", "carol"];

/// Long enough for a subsession to shut down, too short for a refresh that nobody asked for.
const SHUTDOWN: u64 = 300;

/// Keys in memory.
type State = Vec<Revealed>;

/// Somebody's memory at some time.
struct Leak {
    member: &'static str,
    /// How many talks had been held.
    talks: usize,
    state: State,
}

/// A recorded session: three talks with an operation between each two, and one after the last.
struct Story {
    log: Vec<Vec<u8>>,
    /// Between operations, of everybody who is still a member.
    leaks: Vec<Leak>,
    /// In the middle of each operation, of bob.
    amid: Vec<State>,
}

/// The two things that are said in a talk.
fn said(talk: usize) -> [String; 2] {
    ["asks", "answers"].map(|what| format!("secret number {talk}, somebody {what}"))
}

/// Of the texts that an attack yields, those of one talk; all or nothing is what is expected.
fn knows(found: &BTreeSet<String>, talk: usize) -> bool {
    let known = said(talk).iter().filter(|text| found.contains(*text)).count();
    assert!(known == 0 || known == 2, "half of talk {talk}");
    known == 2
}

/// Alice refreshes, alice excludes carol, and at last `by` refreshes.
fn story(profile: Profile, by: &'static str) -> Story {
    let mut world = World::with(&ALL, |config| config.profile(profile));
    world.establish(&ALL);
    let mut story = Story { log: Vec::new(), leaks: Vec::new(), amid: Vec::new() };
    let mut members = ALL.to_vec();
    for talk in 0..3 {
        let [asks, answers] = said(talk);
        world.say("alice", &asks);
        world.say("bob", &answers);
        leak(&mut story, &mut world, &members, talk);
        let nobody = MemberSet::new();
        let id = match talk {
            0 => world.act("alice", |s, env| s.refresh(env)),
            1 => world.act("alice", |s, env| s.change(env, &nobody, &set(&["carol"]))),
            _ => world.act(by, |s, env| s.refresh(env)),
        };
        if talk == 1 {
            members.pop();
        }
        // Half of the operation, in which bob has drawn what it contributes and nobody has keys.
        for _ in 0..2 {
            world.settle_one();
        }
        story.amid.push(world.session("bob").reveal());
        world.settle();
        world.pass_secs(SHUTDOWN);
        world.assert_agree(&members);
        assert!(id.is_ok());
        for name in &members {
            assert_eq!(world.session(name).subsession_states().count(), 1, "{name}: shut down");
        }
    }
    // What is said at the end, which is after every operation.
    let [asks, answers] = said(3);
    world.say("alice", &asks);
    world.say("bob", &answers);
    leak(&mut story, &mut world, &members, 3);
    story.log = world.packets.iter().map(|(_, packet)| packet.clone()).collect();
    story
}

/// Time passes after a talk, until everybody has acknowledged everything; then memories leak.
fn leak(story: &mut Story, world: &mut World, members: &[&'static str], talk: usize) {
    world.pass_secs(SHUTDOWN);
    for name in members {
        assert_eq!(world.session(name).not_fully_acked().count(), 0, "{name}");
        let state = world.session(name).reveal();
        story.leaks.push(Leak { member: name, talks: talk + 1, state });
    }
}

impl Story {
    /// Each leak between operations, with what an attack on it and the whole log yields.
    fn attack(
        &self,
        read: impl Fn(&[Vec<u8>], &[Revealed]) -> BTreeSet<String>,
    ) -> Vec<(&'static str, usize, Vec<usize>)> {
        let yields = |leak: &Leak| {
            let found = read(&self.log, &leak.state);
            let talks = (0..4).filter(|talk| knows(&found, *talk)).collect();
            (leak.member, leak.talks, talks)
        };
        self.leaks.iter().map(yields).collect()
    }
}

/// The last operation ends everything: who takes a memory after it, and has recorded everything,
/// still reads all that was said before in v1, and nothing in v2.
///
/// The other direction is healing: what a memory from before an operation tells of what is said
/// after it. In v1 that depends on who initiates, in v2 on nothing.
//= docs/spec/protocol.md#SEC-018
//= type=test
//= docs/spec/protocol.md#SEC-019
//= type=test
//= docs/spec/v2.md#V2-014
//= type=test
//= docs/spec/v2.md#V2-020
//= type=test
#[test]
fn with_the_whole_log_a_stolen_state_opens_the_past_of_v1_and_nothing_of_v2() {
    // ATK-030, ATK-056, ATK-146, ATK-147, ATK-148
    let profile_1 = story(Profile::V1, "alice");
    // Bob never initiated anything. Its shares open every list that was ever sent, so its memory
    // opens all talks, those before and those after it leaked, whenever that was.
    let all = vec![0, 1, 2, 3];
    for (member, talks, read) in profile_1.attack(v1::read) {
        match (member, talks) {
            ("bob", _) => assert_eq!(read, all, "bob, after {talks} talks"),
            // Alice replaced its shares with each operation, and only what they still open is lost.
            ("alice", _) => assert_eq!(read, [talks - 1], "alice, after {talks} talks"),
            // Carol was excluded by somebody else and had initiated nothing: what came before.
            (_, _) => assert_eq!(read, [0, 1], "carol, after {talks} talks"),
        }
    }
    // When bob itself initiates, that operation heals it, and closes the past behind it.
    for (member, talks, read) in story(Profile::V1, "bob").attack(v1::read) {
        match (member, talks) {
            ("bob", 4) => assert_eq!(read, [3]),
            ("bob", _) => assert_eq!(read, [0, 1, 2]),
            _ => {}
        }
    }

    for by in ["alice", "bob"] {
        let profile_2 = story(Profile::V2, by);
        // Between operations and with everything acknowledged, nobody's memory opens any talk:
        // none before, none after, and not even that of the subsession it is in.
        assert_eq!(profile_2.leaks.len(), 3 + 3 + 2 + 2);
        for (member, talks, read) in profile_2.attack(v2::read) {
            assert_eq!(read, Vec::<usize>::new(), "{member}, after {talks} talks");
        }
        for leak in &profile_2.leaks {
            assert_eq!(v2::earlier_secrets(&leak.state, &profile_2.later(leak)), [""; 0]);
        }
        // The attack is one: in the middle of an operation a memory holds what the keys come from,
        // and opens what is said after it, and nothing before.
        for (operation, state) in profile_2.amid.iter().enumerate() {
            let found = v2::read(&profile_2.log, state);
            let read: Vec<usize> = (0..4).filter(|talk| knows(&found, *talk)).collect();
            assert_eq!(read, [operation + 1], "amid operation {operation}");
        }
    }
}

impl Story {
    /// What the same member has in memory one operation later.
    fn later(&self, leak: &Leak) -> State {
        let next = |other: &&Leak| other.member == leak.member && other.talks == leak.talks + 1;
        self.leaks.iter().find(next).map_or_else(Vec::new, |leak| leak.state.clone())
    }
}

/// Identity keys sign, and nothing that is read depends on them: whoever has those of all members
/// reads neither what was said before nor what is said until the next change.
//= docs/spec/protocol.md#SEC-014
//= type=test
//= docs/spec/protocol.md#SEC-015
//= type=test
#[test]
fn identity_keys_alone_open_nothing() {
    for (profile, what) in [(Profile::V1, "identity"), (Profile::V2, "hedging key")] {
        let story = story(profile, "bob");
        let all = story.leaks.iter().flat_map(|leak| &leak.state);
        let identities: State = all.filter(|secret| secret.what == what).cloned().collect();
        // In v2 the memory has what is derived from the identity, to draw numbers with.
        assert!(identities.len() >= ALL.len(), "{profile}");
        for found in [v1::read(&story.log, &identities), v2::read(&story.log, &identities)] {
            assert!(found.is_empty(), "{profile}: {found:?}");
        }
    }
}
