//! Every state and every event of the server order in one table.

use std::fmt::Write as _;

use mpenc_transcript::order::{Event, OrderHash, PacketRole, Phase, ServerOrder, Verdict};
use mpenc_types::{ChainHash, PacketId};

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
        ("unsynced, F1 blacklisted", wary),
        ("unsynced, saw F1 fail", lost),
        ("alone since F1", alone),
        ("idle after F1", idle),
        ("in operation I2", running),
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
        ("I2 after F1", named("I2"), base.clone()),
        ("X after F1", named("X"), base.clone()),
        ("X after F1, final too", named("X"), with(|p| p.is_final = true)),
        ("X after F1, other chain", named("X"), with(|p| p.prev_chain = chain(9))),
        ("X after F1, not for us", named("X"), with(|p| p.names_owner = false)),
        ("X after F1, by a stranger", named("X"), with(|p| p.by_member = false)),
        ("X after F1, target absent", named("X"), with(|p| p.channel = members("a b"))),
        ("X after F0", named("X"), with(|p| p.prev_final = named("F0"))),
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
        Phase::Idle { prev_final, chain, before } => {
            let before = before.map_or("nothing", name);
            format!("idle after {} #{}, before it {before}", name(prev_final), chain.as_bytes()[0])
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

fn row(before: &ServerOrder, event: Event<'_>) -> String {
    let decision = before.decide(event, &Counting);
    let mut after = before.clone();
    after.apply(decision.clone());
    let verdict = match &decision.verdict {
        Verdict::Accepted(accepted) => {
            assert_eq!(after.accepted_count(), before.accepted_count() + 1);
            let adopted = if accepted.adopted { " adopted" } else { "" };
            format!("{:?}{adopted}", accepted.role)
        }
        Verdict::Rejected(reject) => format!("- {reject:?}"),
        Verdict::Done => "done".to_owned(),
        Verdict::Void => {
            assert_eq!(after, *before);
            "void".to_owned()
        }
    };
    let state = if after == *before { String::new() } else { show(&after) };
    format!("{verdict:<22} {state}")
}

//= docs/spec/protocol.md#ORD-001
//= type=test
#[test]
fn every_cell() {
    let proposals = proposals();
    let mut events: Vec<(String, Event<'_>)> = vec![
        ("new session X".to_owned(), Event::SyncNew { prev_final: named("X") }),
        ("first op failed".to_owned(), Event::FirstFailed),
        ("owner left".to_owned(), Event::Reset),
        ("leave L".to_owned(), Event::Leave { id: named("L") }),
        ("leave F1".to_owned(), Event::Leave { id: named("F1") }),
    ];
    for (what, id, proposal) in &proposals {
        events.push(((*what).to_owned(), Event::Initial { id: *id, packet: proposal.packet() }));
    }
    for (id, prev) in [("F2", "I2"), ("F2", "I1"), ("F1", "I2"), ("I2", "I2")] {
        let event = Event::Final { id: named(id), prev_initial: named(prev) };
        events.push((format!("end {id} of {prev}"), event));
    }
    let mut table = String::new();
    for (state, order) in states() {
        writeln!(table, "{state}: {}", show(&order)).unwrap();
        for (what, event) in &events {
            writeln!(table, "  {what:<26} {}", row(&order, *event).trim_end()).unwrap();
        }
    }
    insta::assert_snapshot!(table);
}
