//! Random sequences of operations keep everybody agreed.

use alloc::collections::BTreeSet;

use mpenc_types::{MemberId, MemberSet};
use proptest::prelude::*;

use crate::group::{Group, numbered};

/// A wish: who initiates, whom to include or exclude, in which order packets overtake each other.
type Wish = (prop::sample::Index, Vec<prop::sample::Index>, u8, u64);

fn wish() -> impl Strategy<Value = Wish> {
    (
        any::<prop::sample::Index>(),
        prop::collection::vec(any::<prop::sample::Index>(), 1..4),
        0..4u8,
        any::<u64>(),
    )
}

/// The membership that a wish asks for; the same again stands for a refresh.
fn next(
    group: &Group,
    now: &MemberSet,
    by: &MemberId,
    targets: &[prop::sample::Index],
    kind: u8,
) -> MemberSet {
    let outside: Vec<MemberId> =
        group.everybody().into_iter().filter(|who| !now.contains(who)).collect();
    let others: Vec<MemberId> = now.without(by).into_iter().collect();
    let chosen = |from: &[MemberId]| -> MemberSet {
        if from.is_empty() {
            return MemberSet::new();
        }
        targets.iter().map(|index| from[index.index(from.len())].clone()).collect()
    };
    match kind {
        0 | 1 => now.union(&chosen(&outside)),
        2 => now.difference(&chosen(&others)),
        _ => now.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    //= docs/spec/protocol.md#GKA-006
    //= type=test
    //= docs/spec/protocol.md#GKA-021
    //= type=test
    //= docs/spec/protocol.md#GRT-010
    //= type=test
    #[test]
    fn members_stay_agreed(wishes in prop::collection::vec(wish(), 1..12)) {
        let mut group = Group::new(&numbered(0..8));
        let mut now = numbered(0..1);
        let mut keys = BTreeSet::new();
        for (who, targets, kind, seed) in wishes {
            let members: Vec<MemberId> = now.iter().cloned().collect();
            let by = members[who.index(members.len())].clone();
            let next = next(&group, &now, &by, &targets, kind);
            if now.len() == 1 && next == now {
                continue;
            }
            // Packets of different members overtake each other.
            let mut state = seed;
            group.pick = Box::new(move |queue| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                usize::try_from(state >> 33).unwrap() % queue.len()
            });
            group.change(&by, &next);
            if next.len() > 1 {
                let (_, key) = group.assert_together(&next);
                // No group key ever comes again.
                prop_assert!(keys.insert(key));
            }
            now = next;
        }
    }

    #[test]
    fn arbitrary_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), greeting in any::<bool>()) {
        // ATK-166
        let mut group = Group::established(&numbered(0..2));
        let mut packet = bytes;
        if greeting {
            packet = mpenc_packet::armor::encode(&packet);
        }
        for who in group.everybody() {
            for from in group.everybody() {
                prop_assert!(group.deliver_to(&who, &from, &packet).is_err());
            }
        }
    }

    /// A spoilt byte anywhere never completes anything, and never gets in the way.
    #[test]
    fn spoilt_packets_change_nothing(step in 0..5usize, at in any::<prop::sample::Index>(), bit in 0..8u8) {
        let all = numbered(0..3);
        let mut group = Group::new(&all);
        group.change_until(&all.iter().next().unwrap().clone(), &all, step);
        let good = group.next();
        let mut bytes = mpenc_packet::armor::decode(&good.1).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let bad = mpenc_packet::armor::encode(&bytes);
        for who in group.everybody() {
            let _ = group.deliver_to(&who, &good.0, &bad);
            prop_assert!(group.members[&who].keys.is_none());
        }
        group.broadcast(&good);
        group.run();
        group.assert_together(&all);
    }
}
