//! Members and those being excluded come to the same decision from the same packets.

use alloc::collections::BTreeMap;

use mpenc_crypto::testing::Transparent;
use mpenc_greeting::{AbortReason, Greeter};
use mpenc_types::{MemberId, MemberSet};
use proptest::prelude::*;

use super::room::{End, Room};
use crate::group::{names, numbered};

/// What happens next.
#[derive(Clone, Debug)]
enum Act {
    /// Somebody proposes a change: who and which members of eight, by bits.
    Propose(usize, u8),
    /// So many packets are delivered, picked from those that wait.
    Deliver(Vec<usize>),
    /// Somebody ends the operation.
    Abort(usize),
    /// A packet of the log comes again, from somebody, with a bit flipped if there is one.
    Replay(usize, usize, Option<usize>),
    /// A packet on its way is lost.
    Lose(usize),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..8_usize, any::<u8>()).prop_map(|(who, bits)| Act::Propose(who, bits)),
        6 => prop::collection::vec(any::<usize>(), 1..30).prop_map(Act::Deliver),
        1 => (0..8_usize).prop_map(Act::Abort),
        2 => (any::<usize>(), 0..8_usize, prop::option::of(any::<usize>()))
            .prop_map(|(which, from, bit)| Act::Replay(which, from, bit)),
        1 => any::<usize>().prop_map(Act::Lose),
    ]
}

/// Delivers one of the waiting packets; one member's stay in order.
fn deliver(room: &mut Room<Transparent>, pick: usize) {
    if room.queue.is_empty() {
        return;
    }
    let from = room.queue[pick % room.queue.len()].0.clone();
    let index = room.queue.iter().position(|(sender, _)| *sender == from).unwrap();
    let (from, packet) = room.queue.remove(index).unwrap();
    room.broadcast(&from, &packet);
}

/// All who were concerned ended the last operation with the same packet, the members with the
/// same keys.
fn agree(room: &Room<Transparent>) {
    let mut at: BTreeMap<usize, Vec<(&MemberId, &End)>> = BTreeMap::new();
    for (who, member) in &room.members {
        for (position, end) in &member.ends {
            at.entry(*position).or_default().push((who, end));
        }
    }
    for ends in at.values() {
        let failed = ends.iter().filter(|(_, end)| matches!(end, End::Failed(_))).count();
        assert!(failed == 0 || failed == ends.len(), "{ends:?}");
        for (_, end) in ends {
            let End::Failed(failure) = end else { continue };
            assert!(failure.bad.is_empty() && failure.disagree.is_empty());
        }
    }
    // Whoever has the same keys has them with the same others.
    for (who, member) in &room.members {
        for (other, its) in &room.members {
            let (Some(keys), Some(others)) = (&member.keys, &its.keys) else { continue };
            if keys.sid == others.sid {
                assert_eq!(keys, others, "{who} {other}");
            }
        }
    }
}

/// Plays a script with eight people, of whom five share a subsession at the beginning, and checks
/// after each act that they agree.
fn play(acts: &[Act]) -> Room<Transparent> {
    let everybody: Vec<MemberId> = numbered(0..8).iter().cloned().collect();
    let mut room = Room::<Transparent>::established(&numbered(0..5));
    for who in &everybody[5..] {
        room.add(who);
    }
    for who in &everybody {
        room.introduce(who);
    }
    for act in acts {
        perform(&mut room, &everybody, act);
        agree(&room);
        agree_on_what_runs(&room);
    }
    room
}

fn perform(room: &mut Room<Transparent>, everybody: &[MemberId], act: &Act) {
    match act {
        Act::Propose(who, bits) => {
            let by = &everybody[*who];
            let next: MemberSet = everybody
                .iter()
                .enumerate()
                .filter(|(i, _)| bits & (1 << i) != 0 || i == who)
                .map(|(_, member)| member)
                .collect();
            let metadata = room.metadata(by);
            let member = room.get(by);
            // Who is being included for the first time has nothing to propose for (ORD-013).
            if member.keys.is_none() || member.at.is_none() {
                return;
            }
            if let Ok(packet) = member.greeter.propose(&mut *member.rng, &next, metadata) {
                room.send(by, packet);
            }
        }
        Act::Deliver(picks) => picks.iter().for_each(|pick| deliver(room, *pick)),
        Act::Abort(who) => {
            let by = &everybody[*who];
            if let Some(out) = room.get(by).greeter.abort(AbortReason::Asked) {
                room.send(by, out.packet);
            }
        }
        Act::Replay(which, from, bit) => {
            let mut packet = room.log[which % room.log.len()].1.clone();
            if packet[3] == 1 && bit.is_none() {
                // Newcomers could believe it; a timeout would end that (V2-030).
                return;
            }
            if let Some(bit) = bit {
                let bit = bit % (packet.len() * 8);
                packet[bit / 8] ^= 1 << (bit % 8);
            }
            room.broadcast(&everybody[*from], &packet);
        }
        Act::Lose(which) if !room.queue.is_empty() => {
            let at = which % room.queue.len();
            room.queue.remove(at);
        }
        Act::Lose(_) => {}
    }
}

/// Whoever is in an operation is in the same one, and waits for the same.
fn agree_on_what_runs(room: &Room<Transparent>) {
    let running: Vec<_> =
        room.members.values().filter_map(|member| member.greeter.running()).collect();
    for operation in &running {
        assert_eq!(operation.metadata, running[0].metadata);
        assert_eq!(operation.waiting_for, running[0].waiting_for);
        assert_eq!(operation.next_members, running[0].next_members);
    }
    let concerned: usize = running
        .first()
        .map_or(0, |operation| operation.prev_members.union(&operation.next_members).len());
    assert_eq!(running.len(), concerned);
}

//= docs/spec/v2.md#V2-013
//= type=test
//= docs/spec/protocol.md#ORD-032
//= type=test
#[test]
fn everybody_decides_alike() {
    proptest!(ProptestConfig::with_cases(200), |(acts in prop::collection::vec(act(), 1..40))| {
        play(&acts);
    });
}

/// Once found by the property above. Somebody was excluded, was being included again, and proposed
/// in that operation, as a session does not let it: what it names as the operation before is that
/// of the one in progress. Whoever was excluded meanwhile knew of nothing and believed it.
//= docs/spec/protocol.md#ORD-013
//= type=test
#[test]
fn whoever_is_being_included_again_proposes_nothing_meanwhile() {
    let acts = [
        Act::Propose(1, 86),
        Act::Deliver([vec![0; 11], vec![22_720_421_441]].concat()),
        Act::Propose(1, 193),
        Act::Deliver(vec![
            18_150_518_433_504_069_400,
            3_412_551_687_511_199_676,
            8_582_820_155_811_336_306,
            17_947_171_433_708_948_202,
            11_827_677_198_783_258_886,
            15_031_856_143_628_002_271,
            11_256_570_450_292_353_901,
            4_652_804_913_937_489_048,
            5_227_341_549_857_186_526,
        ]),
        Act::Propose(0, 49),
        Act::Deliver(vec![
            6_085_210_585_862_469_772,
            14_805_925_426_328_199_895,
            14_299_923_832_366_161_974,
            1_482_224_828_811_940_940,
            7_107_778_070_806_648_434,
            9_530_214_953_346_083_300,
            14_555_612_973_329_603_325,
        ]),
    ];
    let room = play(&acts);
    // The second operation came to its end.
    room.assert_together(&names(&["m000", "m001", "m006", "m007"]));
}

//= docs/spec/v2.md#V2-013
//= type=test
#[test]
fn bystanders_know_the_final_packet() {
    let (all, left) = (numbered(0..5), numbered(0..3));
    let mut room = Room::<Transparent>::established(&all);
    room.change(&numbered(1..2).iter().next().unwrap().clone(), &left);
    let last = room.log.len() - 1;
    for who in &all {
        let expected = if left.contains(who) { End::Complete } else { End::Ignored };
        assert_eq!(room.end_of(who), Some(&(last, expected)));
    }
}
