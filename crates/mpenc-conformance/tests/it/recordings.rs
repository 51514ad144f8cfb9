//! Every file in every role.

use mpenc_conformance::{Line, check_folder};

use crate::folder;

fn lines(role: &str) -> Vec<Line> {
    let lines: Vec<Line> =
        check_folder(&folder()).into_iter().filter(|line| line.role.starts_with(role)).collect();
    assert!(!lines.is_empty());
    lines
}

fn passes(role: &str) {
    for line in lines(role) {
        assert!(line.passed(), "{line}");
    }
}

#[test]
fn calculations_are_those_of_the_original() {
    passes("primitive");
}

/// Every data packet is made again from parents, body and keys alone.
//= docs/spec/protocol.md#TRN-013
//= type=test
#[test]
fn observers_understand_everything() {
    passes("observer");
}

/// Every member, alone, sends byte for byte what it sent then, at the same times, and asks the
/// channel for the same; membership and order of operations agree after every step. What is cited
/// here changes packets, requests or membership in at least one of the recordings if it is broken.
//= docs/spec/protocol.md#TRN-003
//= type=test
//= docs/spec/protocol.md#MSG-001
//= type=test
//= docs/spec/protocol.md#LIV-020
//= type=test
//= docs/spec/protocol.md#FIN-001
//= type=test
//= docs/spec/protocol.md#FIN-007
//= type=test
//= docs/spec/protocol.md#FIN-009
//= type=test
//= docs/spec/protocol.md#FIN-012
//= type=test
//= docs/spec/protocol.md#FIN-016
//= type=test
//= docs/spec/protocol.md#FIN-018
//= type=test
//= docs/spec/protocol.md#FIN-019
//= type=test
//= docs/spec/protocol.md#ORD-024
//= type=test
//= docs/spec/protocol.md#ORD-033
//= type=test
//= docs/spec/protocol.md#SES-008
//= type=test
//= docs/spec/protocol.md#SES-010
//= type=test
//= docs/spec/protocol.md#SES-011
//= type=test
//= docs/spec/protocol.md#SES-015
//= type=test
//= docs/spec/protocol.md#SES-016
//= type=test
//= docs/spec/protocol.md#SES-020
//= type=test
//= docs/spec/protocol.md#SES-021
//= type=test
//= docs/spec/protocol.md#SES-025
//= type=test
//= docs/spec/protocol.md#SES-032
//= type=test
//= docs/spec/protocol.md#SES-034
//= type=test
#[test]
fn members_send_what_the_original_sent() {
    passes("participant");
}

/// A departure is counted where it happens, and nowhere else.
#[test]
fn departures_are_few() {
    let all = lines("participant");
    let departures: usize = all.iter().flat_map(|line| line.tally.departures().values()).sum();
    let sent_anyway = ["more-previous", "ask-present", "wider-recipients"];
    let forced = departures - sent_anyway.iter().map(|id| count(&all, id)).sum::<usize>();
    assert_eq!(forced, count(&all, "fin-outside"), "nothing else is sent by force");
}

fn count(lines: &[Line], id: &str) -> usize {
    let departures = lines.iter().flat_map(|line| line.tally.departures());
    departures.filter(|(departure, _)| departure.id() == id).map(|(_, number)| number).sum()
}
