//! What former members, newcomers, and those who got hold of a member's state can compute.

use mpenc_crypto::testing::Transparent;
use mpenc_crypto::{BroadcastSuite, SigningKey, V2};
use mpenc_greeting::Greeter;
use mpenc_packet::v2::{Greeting, decode_greeting};

use super::puppet::{Puppet, Seen, derive, infiltrated};
use super::room::{Room, Sent, identity_of};
use crate::group::{name, names};

/// Somebody with scalars, exporters and a log who tries everything that our code could do with
/// them.
struct Attacker<'a, S: BroadcastSuite> {
    scalars: Vec<&'a S::Scalar>,
    salts: Vec<[u8; 32]>,
    log: &'a [Sent],
}

impl<S: BroadcastSuite> Attacker<'_, S> {
    /// All points that were ever sent, and their differences as the protocol takes them.
    fn points(&self) -> Vec<S::Element> {
        let mut points = Vec::new();
        let mut add = |bytes: &[u8; 32]| points.extend(S::import(bytes));
        for (_, packet) in self.log {
            match decode_greeting(packet) {
                Ok(Greeting::Initial(packet)) => {
                    let contribution = packet.peek().fields().contribution.clone();
                    contribution.iter().for_each(|one| add(&one.point));
                }
                Ok(Greeting::Contribution(packet)) => {
                    add(&packet.peek().fields().contribution.point);
                }
                Ok(Greeting::Share(packet)) => add(&packet.peek().fields().share),
                Ok(Greeting::Confirmation(_) | Greeting::Abort(_)) | Err(_) => {}
            }
        }
        points
    }

    /// Whether one of its candidates gives the root of the operation in `seen`.
    fn finds(&self, seen: &Seen, root: [u8; 32]) -> bool {
        let transcript = seen.transcript::<S>();
        let points = self.points();
        let mut candidates: Vec<S::Element> = points.clone();
        for scalar in &self.scalars {
            candidates.extend(points.iter().map(|point| S::mul(scalar, point)));
            // As a member at any place would compute it.
            candidates.extend((0..seen.n()).map(|place| seen.secret::<S>(place, scalar)));
        }
        let n = u32::try_from(seen.n()).unwrap();
        let multiples: Vec<S::Element> = candidates
            .iter()
            .flat_map(|one| (2..=n).map(|times| S::weighted_sum(&[(times, one)])))
            .collect();
        candidates.extend(multiples);
        candidates.iter().any(|secret| {
            self.salts.iter().any(|salt| derive::<S>(salt, secret, &transcript).root == root)
        })
    }
}

//= docs/spec/v2.md#V2-014
//= type=test
//= docs/spec/protocol.md#SEC-019
//= type=test
#[test]
fn the_excluded_cannot_derive_a_later_key() {
    // ATK-029, ATK-056
    fn check<S: BroadcastSuite>() {
        let honest = names(&["a", "b", "c"]);
        let (mut room, mut puppet, first) = infiltrated::<S>(&honest, &name("m"));
        let all = honest.with(&name("m"));
        let old = Puppet::<S>::new(&name("m"));
        let then = Seen::of::<S>(&room.log).unwrap();
        let packet = room.propose(&name("b"), &all);
        room.send(&name("b"), packet);
        let second = puppet.behave(&mut room);
        let last = Seen::of::<S>(&room.log).unwrap();
        let salts = vec![[0; 32], first.exporter, second.exporter];
        room.change(&name("a"), &honest);
        let root = room.assert_together(&honest).root;
        let now = Seen::of::<S>(&room.log).unwrap();
        let scalars = vec![&old.scalar, &puppet.scalar];
        let log = room.log.clone();
        let attacker = Attacker::<S> { scalars, salts, log: &log };
        // It knows how to find the keys that were its own.
        assert!(attacker.finds(&then, first.root));
        assert!(attacker.finds(&last, second.root));
        assert!(!attacker.finds(&now, root));
        // And later, when only the exporter is left of the earlier secrets.
        room.change(&name("c"), &honest);
        let root = room.assert_together(&honest).root;
        let now = Seen::of::<S>(&room.log).unwrap();
        let attacker = Attacker::<S> { log: &room.log, ..attacker };
        assert!(!attacker.finds(&now, root));
    }
    check::<Transparent>();
    check::<V2>();
}

//= docs/spec/v2.md#V2-014
//= type=test
#[test]
fn newcomers_cannot_derive_an_earlier_key() {
    // ATK-057
    let old = names(&["a", "b"]);
    let mut room = Room::<V2>::new(&old);
    room.introduce(&name("m"));
    room.change(&name("a"), &old);
    let before = room.assert_together(&old).root;
    let then = Seen::of::<V2>(&room.log).unwrap();
    let mut puppet = Puppet::<V2>::new(&name("m"));
    let packet = room.propose(&name("b"), &old.with(&name("m")));
    room.send(&name("b"), packet);
    let derived = puppet.behave(&mut room);
    let now = Seen::of::<V2>(&room.log).unwrap();
    let salts = vec![[0; 32], derived.exporter, derived.root];
    let attacker = Attacker::<V2> { scalars: vec![&puppet.scalar], salts, log: &room.log };
    assert!(attacker.finds(&now, derived.root));
    assert!(!attacker.finds(&then, before));
}

/// The state of a member between operations: its identity, the exporter, the keys of the
/// subsession. Contributions are gone (see `erasure`).
//= docs/spec/v2.md#V2-014
//= type=test
#[test]
fn a_leaked_state_opens_neither_earlier_nor_later_keys() {
    let honest = names(&["a", "b"]);
    let (mut room, mut puppet, first) = infiltrated::<V2>(&honest, &name("m"));
    let all = honest.with(&name("m"));
    let then = Seen::of::<V2>(&room.log).unwrap();
    let run = |room: &mut Room<V2>, puppet: &mut Puppet<V2>| {
        let packet = room.propose(&name("a"), &all);
        room.send(&name("a"), packet);
        let derived = puppet.behave(room);
        (derived, Seen::of::<V2>(&room.log).unwrap())
    };
    let (leaked, _) = run(&mut room, &mut puppet);
    puppet.draw();
    let (later, now) = run(&mut room, &mut puppet);
    let salts = vec![[0; 32], leaked.exporter, leaked.root];
    let attacker = Attacker::<V2> { scalars: Vec::new(), salts: salts.clone(), log: &room.log };
    assert!(!attacker.finds(&then, first.root));
    assert!(!attacker.finds(&now, later.root));
    // With what was erased it could.
    let attacker = Attacker::<V2> { scalars: vec![&puppet.scalar], salts, log: &room.log };
    assert!(attacker.finds(&now, later.root));
}

/// Even from the same contributions and the same secret, another operation makes other keys.
//= docs/spec/v2.md#V2-014
//= type=test
#[test]
fn keys_never_come_again() {
    // ATK-030, ATK-031, ATK-067
    let honest = names(&["a", "b"]);
    let (mut room, mut puppet, first) = infiltrated::<Transparent>(&honest, &name("m"));
    let mut roots = vec![first.root];
    for number in 0..4 {
        // The puppet repeats its values for ever.
        puppet = {
            let mut again = Puppet::new(&name("m"));
            again.salt = puppet.salt;
            again
        };
        let by = name(if number % 2 == 0 { "a" } else { "b" });
        let packet = room.propose(&by, &names(&["a", "b", "m"]));
        room.send(&by, packet);
        let derived = puppet.behave(&mut room);
        assert_eq!(room.assert_together(&names(&["a", "b", "m"])).root, derived.root);
        assert!(!roots.contains(&derived.root));
        roots.push(derived.root);
    }
}

/// A subsession that follows another one with the same members stands on its secret too: whoever
/// chooses all contributions of a refresh still needs the exporter.
//= docs/spec/v2.md#V2-018
//= type=test
#[test]
fn the_secret_before_goes_into_the_next() {
    let honest = names(&["a", "b"]);
    let (mut room, mut puppet, _) = infiltrated::<Transparent>(&honest, &name("m"));
    puppet.salt = [0; 32];
    let packet = room.propose(&name("a"), &names(&["a", "b", "m"]));
    room.send(&name("a"), packet);
    puppet.play(&mut room, |_, _, draft| Some(draft));
    // Without the exporter it does not know the key: its confirmation does not fit.
    assert_eq!(room.failure(&name("a")).bad, [name("m")]);
}

#[test]
fn printing_shows_no_secret() {
    // ATK-189
    let all = names(&["a", "b", "c"]);
    let mut room = Room::<V2>::established(&all);
    let keys = room.assert_together(&all);
    room.change_until(&name("a"), &names(&["a", "b"]), 5);
    let member = &room.members[&name("b")];
    assert!(member.greeter.running().is_some());
    let text = format!("{:?}", member.greeter);
    assert!(
        text.starts_with("BroadcastGreeter { owner: MemberId(b), members: {a, b, c}, running: ")
    );
    let bytes = format!("{:?}", keys.root);
    assert!(!text.contains(&hex::encode(keys.root)));
    assert!(!text.contains(bytes.trim_matches(['[', ']'])));
    assert!(!text.contains(&identity_of::<V2>(&name("b")).public().to_string()));
}
