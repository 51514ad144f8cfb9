//! Every state and every event of the server order in one table, and every combination of what a
//! packet can be against the rules as they stand in the specification.

use std::fmt::Write as _;

use mpenc_transcript::order::{
    Event, InitialPacket, OrderHash, OrderReject, PacketRole, Phase, ServerOrder, Verdict,
};
use mpenc_types::{ChainHash, PacketId};

use crate::drawn::assert_drawn;
use crate::order::{Proposal, chain, pid};
use crate::support::*;

/// Chain hashes that can be read: the first byte counts what was accepted.
struct Counting;

impl OrderHash for Counting {
    fn start(&self, _: &PacketId) -> ChainHash {
        chain(0)
    }

    fn extend(&self, prev: &ChainHash, _: &PacketId, _: PacketRole) -> ChainHash {
        chain(prev.as_bytes()[0] + 1)
    }
}

/// Packets of the past, the present and the future have names.
const NAMES: [&str; 8] = ["F0", "I1", "F1", "I2", "F2", "X", "Y", "L"];

fn named(name: &str) -> PacketId {
    pid(u32::try_from(NAMES.iter().position(|n| *n == name).unwrap()).unwrap())
}

fn name(id: PacketId) -> &'static str {
    NAMES.into_iter().find(|name| named(name) == id).unwrap()
}

fn states() -> Vec<(&'static str, ServerOrder)> {
    let unsynced = ServerOrder::new();
    let mut wary = ServerOrder::new();
    let others = Proposal { names_owner: false, ..Proposal::after(named("F1")) };
    let _ = wary.accept_initial(named("X"), others.packet(), &Counting);

    let mut idle = ServerOrder::new();
    assert!(idle.sync_new(named("F0"), &Counting));
    let first = Proposal::after(named("F0"));
    let _ = idle.accept_initial(named("I1"), first.packet(), &Counting).unwrap();
    let mut lost = idle.clone();
    let _ = idle.accept_final(named("F1"), named("I1"), &Counting).unwrap();
    let mut running = idle.clone();
    let second = Proposal::after(named("F1"));
    let _ = running.accept_initial(named("I2"), second.packet(), &Counting).unwrap();
    let _ = lost.accept_final(named("F1"), named("I1"), &Counting).unwrap();
    assert!(lost.unsync_after_failed_first_op());
    let mut alone = ServerOrder::new();
    assert!(alone.sync_new(named("F1"), &Counting));
    vec![
        ("unsynced", unsynced),
        ("unsynced, saw a packet after F1 for others", wary),
        ("unsynced, its first operation ended with F1", lost),
        ("alone since F1", alone),
        ("idle after F1", idle),
        ("in operation I2 after F1", running),
    ]
}

fn proposals() -> Vec<(&'static str, PacketId, Proposal)> {
    let base = Proposal { prev_chain: chain(2), ..Proposal::after(named("F1")) };
    let with = |change: fn(&mut Proposal)| {
        let mut proposal = base.clone();
        change(&mut proposal);
        proposal
    };
    vec![
        ("X after F1", named("X"), base.clone()),
        ("X after F1, final too", named("X"), with(|p| p.is_final = true)),
        ("X after F1, other chain hash (v1)", named("X"), with(|p| p.prev_chain = chain(9))),
        (
            "X after F1, other chain hash (v2)",
            named("X"),
            with(|p| (p.prev_chain, p.binds_chain) = (chain(9), true)),
        ),
        ("X after F1, not for us", named("X"), with(|p| p.names_owner = false)),
        ("X after F1, by a stranger", named("X"), with(|p| p.by_member = false)),
        ("X after F1, a target is absent", named("X"), with(|p| p.channel = members("a b"))),
        ("X after F0", named("X"), with(|p| p.prev_final = named("F0"))),
        ("I2 after F1", named("I2"), base.clone()),
        ("I1 after F1", named("I1"), base.clone()),
        ("F1 after F1", named("F1"), base),
    ]
}

fn show(order: &ServerOrder) -> String {
    let mut text = match order.phase() {
        Phase::Unsynced { last: None } => "unsynced".to_owned(),
        Phase::Unsynced { last: Some((last, hash)) } => {
            format!("unsynced, saw {} #{}", name(last), hash.as_bytes()[0])
        }
        Phase::Idle { prev_final, chain, .. } => {
            format!("idle after {} #{}", name(prev_final), chain.as_bytes()[0])
        }
        Phase::InOperation { prev_final, prev_initial, chain } => {
            let (final_, initial) = (name(prev_final), name(prev_initial));
            format!("in operation {initial} #{} after {final_}", chain.as_bytes()[0])
        }
    };
    for id in order.blacklist() {
        write!(text, ", not after {}", name(id)).unwrap();
    }
    text
}

/// What is said of an event, and the state it leads to if that is another one.
fn cell(before: &ServerOrder, event: Event<'_>) -> String {
    let decision = before.decide(event, &Counting);
    let mut after = before.clone();
    after.apply(decision.clone());
    let verdict = match &decision.verdict {
        Verdict::Accepted(accepted) => {
            assert_eq!(after.accepted_count(), before.accepted_count() + 1);
            let adopted = if accepted.adopted { ", adopted" } else { "" };
            format!("**{:?}**{adopted}", accepted.role)
        }
        Verdict::Rejected(reject) => format!("{reject:?}"),
        Verdict::Done => "**done**".to_owned(),
        Verdict::Void => {
            assert_eq!(after, *before);
            "–".to_owned()
        }
    };
    if after == *before { verdict } else { format!("{verdict} → {}", show(&after)) }
}

//= docs/spec/protocol.md#ORD-001
//= type=test
//= docs/spec/protocol.md#ORD-042
//= type=test
#[test]
fn every_cell() {
    let proposals = proposals();
    let mut events: Vec<(String, Event<'_>)> = vec![
        ("nobody is senior, new session X".to_owned(), Event::SyncNew { prev_final: named("X") }),
        ("our first operation failed".to_owned(), Event::FirstFailed),
        ("we left the channel".to_owned(), Event::Reset),
        ("a target left, L".to_owned(), Event::Leave { id: named("L") }),
        ("a target left, F1".to_owned(), Event::Leave { id: named("F1") }),
    ];
    for (what, id, proposal) in &proposals {
        let event = Event::Initial { id: *id, packet: proposal.packet() };
        events.push((format!("initial {what}"), event));
    }
    for (id, prev) in [("F2", "I2"), ("F2", "I1"), ("F1", "I2"), ("I2", "I2")] {
        let event = Event::Final { id: named(id), prev_initial: named(prev) };
        events.push((format!("final {id} of {prev}"), event));
    }
    let states = states();
    let mut table = "| Event |".to_owned();
    for (state, order) in &states {
        write!(table, " {state}: {} |", show(order)).unwrap();
    }
    writeln!(table, "\n|{}", " --- |".repeat(states.len() + 1)).unwrap();
    for (what, event) in &events {
        write!(table, "| {what} |").unwrap();
        for (_, order) in &states {
            write!(table, " {} |", cell(order, *event)).unwrap();
        }
        table.push('\n');
    }
    assert_drawn("server order", &table);
}

/// The rules of section 6.3 for initial packets, in their order and in their words.
fn by_the_book(
    order: &ServerOrder,
    accepted: &[&str],
    id: &str,
    packet: &InitialPacket<'_>,
) -> Result<bool, OrderReject> {
    if !packet.targets.iter().all(|target| packet.channel.contains(target)) {
        return Err(OrderReject::TargetNotInChannel); // ORD-009
    }
    let repeated = accepted.contains(&id);
    let (prev_final, own_chain) = match order.phase() {
        Phase::Unsynced { last } => {
            if !packet.names_owner {
                return Err(OrderReject::NotForOwner); // ORD-011
            }
            if order.blacklist().any(|seen| seen == packet.prev_final) {
                return Err(OrderReject::Superseded); // ORD-011
            }
            if last.is_some_and(|(id, hash)| id == packet.prev_final && hash != packet.prev_chain) {
                return Err(OrderReject::Inconsistent); // ORD-014
            }
            // ORD-012, ORD-015
            return if repeated { Err(OrderReject::Repeated) } else { Ok(true) };
        }
        Phase::Idle { prev_final, chain, .. } => (Some(prev_final), chain),
        Phase::InOperation { chain, .. } => (None, chain),
    };
    if !packet.initiator_is_member {
        return Err(OrderReject::NotAMember); // ORD-013
    }
    if repeated {
        return Err(OrderReject::Repeated); // ORD-015
    }
    let Some(prev_final) = prev_final else { return Err(OrderReject::InOperation) };
    if prev_final != packet.prev_final {
        return Err(OrderReject::WrongPrevFinal); // ORD-015
    }
    if packet.binds_chain && own_chain != packet.prev_chain {
        return Err(OrderReject::Inconsistent); // V2-030
    }
    Ok(false)
}

/// Every state with every combination of what an initial packet can be: 6 × 2 304 decisions.
//= docs/spec/protocol.md#ORD-009
//= type=test
//= docs/spec/protocol.md#ORD-015
//= type=test
#[test]
fn every_combination() {
    // What each of the states has accepted.
    let accepted: [&[&str]; 6] = [&[], &[], &["I1", "F1"], &[], &["I1", "F1"], &["I1", "F1", "I2"]];
    let mut decided = 0;
    for ((state, order), accepted) in states().iter().zip(accepted) {
        for bits in 0_u32..64 {
            let bit = |n: u32| bits >> n & 1 == 1;
            for prev_final in ["F0", "F1", "X", "Y"] {
                for prev_chain in [0, 2, 9] {
                    for id in ["I1", "I2", "Y"] {
                        let proposal = Proposal {
                            prev_final: named(prev_final),
                            prev_chain: chain(prev_chain),
                            binds_chain: bit(0),
                            names_owner: bit(1),
                            by_member: bit(2),
                            is_final: bit(3),
                            targets: members(if bit(4) { "a b c" } else { "a b" }),
                            channel: members(if bit(5) { "a b c d" } else { "a b d" }),
                        };
                        let packet = proposal.packet();
                        let what = format!("{state}: {id} {packet:?}");
                        let expect = by_the_book(order, accepted, id, &packet);
                        let event = Event::Initial { id: named(id), packet };
                        let decision = order.decide(event, &Counting);
                        let mut after = order.clone();
                        after.apply(decision.clone());
                        match (&decision.verdict, expect) {
                            (Verdict::Accepted(is), Ok(adopted)) => {
                                assert_eq!(is.adopted, adopted, "{what}");
                                let both = is.role == PacketRole::Both;
                                assert_eq!(both, proposal.is_final, "{what}");
                                assert_eq!(after.in_operation(), !proposal.is_final, "{what}");
                                assert_eq!(after.blacklist().len(), 0, "{what}");
                            }
                            (Verdict::Rejected(is), Err(expect)) => {
                                assert_eq!(*is, expect, "{what}");
                                assert_eq!(after.phase(), order.phase(), "{what}");
                                let remembers = matches!(
                                    expect,
                                    OrderReject::NotForOwner | OrderReject::Superseded
                                );
                                assert!(remembers || after == *order, "{what}");
                            }
                            (is, expect) => panic!("{what}: {is:?}, not {expect:?}"),
                        }
                        decided += 1;
                    }
                }
            }
        }
    }
    assert_eq!(decided, 6 * 2_304);
}
