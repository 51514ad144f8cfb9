//! All states of small sessions, with the real server order. See `docs/model-check.md`.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, and tests have a standard library"
)]

use mpenc_sim::model::{Found, KNOWN, Run, SMALL};

/// States that a test looks at where there are too many for it; the program looks at all.
const SOME: usize = 20_000;

/// Enough for all states, or for those in which a planted fault shows.
const MOST: usize = 50_000;

fn look(run: &Run, limit: usize) -> Found {
    run.search(limit, &mut |_| {})
}

/// Nothing may be wrong in the first `limit` states.
fn holds(name: &str, limit: usize) -> Found {
    let run = SMALL.iter().find(|run| run.name == name).unwrap();
    let found = look(run, limit);
    if let Some(way) = &found.wrong {
        panic!("{}:\n{}", way.what, way.steps.join("\n"));
    }
    found
}

/// Nothing may be wrong anywhere.
fn holds_everywhere(name: &str, states: usize) {
    let found = holds(name, MOST);
    assert_eq!((found.complete, found.states), (true, states));
}

//= docs/spec/protocol.md#ORD-001
//= type=test
//= docs/spec/protocol.md#ORD-015
//= type=test
//= docs/spec/attacks.md#ATK-073
//= type=test
//= docs/spec/attacks.md#ATK-076
//= type=test
#[test]
fn of_concurrent_proposals_one_counts_also_for_newcomers() {
    holds("race", SOME);
}

//= docs/spec/attacks.md#ATK-073
//= type=test
#[test]
fn of_concurrent_proposals_one_counts_whoever_excludes_whom() {
    holds("race-together", SOME);
}

//= docs/spec/protocol.md#ORD-007
//= type=test
#[test]
fn whoever_waits_is_included_or_begins() {
    holds_everywhere("race-establish", 21_486);
}

//= docs/spec/protocol.md#ORD-016
//= type=test
//= docs/spec/protocol.md#ORD-044
//= type=test
//= docs/spec/attacks.md#ATK-074
//= type=test
#[test]
fn an_abort_ends_its_own_operation_everywhere_or_nowhere() {
    holds("abort", SOME);
}

//= docs/spec/protocol.md#ORD-009
//= type=test
//= docs/spec/protocol.md#ORD-025
//= type=test
//= docs/spec/protocol.md#ORD-026
//= type=test
//= docs/spec/protocol.md#ORD-030
//= type=test
//= docs/spec/attacks.md#ATK-075
//= type=test
//= docs/spec/attacks.md#ATK-083
//= type=test
//= docs/spec/attacks.md#ATK-084
//= type=test
#[test]
fn whoever_leaves_at_any_moment_is_excluded_in_the_end() {
    holds_everywhere("leave", 44_959);
}

//= docs/spec/protocol.md#ORD-014
//= type=test
//= docs/spec/protocol.md#ORD-027
//= type=test
//= docs/spec/attacks.md#ATK-085
//= type=test
#[test]
fn whoever_leaves_and_returns_at_any_moment_wedges_nobody() {
    holds("return", MOST);
}

//= docs/spec/protocol.md#ORD-028
//= type=test
//= docs/spec/attacks.md#ATK-086
//= type=test
//= docs/spec/attacks.md#ATK-103
//= type=test
#[test]
fn an_exclusion_is_undone_by_an_inclusion_only() {
    holds_everywhere("linger", 12_652);
}

//= docs/spec/v2.md#V2-026
//= type=test
//= docs/spec/attacks.md#ATK-088
//= type=test
#[test]
fn no_two_histories_look_like_one_whatever_the_channel_shows() {
    holds_everywhere("lies", 4_174);
}

//= docs/spec/attacks.md#ATK-058
//= type=test
//= docs/spec/attacks.md#ATK-061
//= type=test
//= docs/spec/attacks.md#ATK-088
//= type=test
#[test]
fn no_two_memberships_share_a_key_whoever_is_said_to_come_and_go() {
    holds_everywhere("lies-newcomer", 12_688);
}

//= docs/spec/v2.md#V2-030
//= type=test
//= docs/spec/attacks.md#ATK-088
//= type=test
#[test]
fn nobody_goes_along_with_another_history() {
    holds_everywhere("lies-apart", 36);
}

/// Without ORD-047 the search finds two sessions in one channel; with it, it finds nothing.
//= docs/spec/protocol.md#ORD-047
//= type=test
#[test]
fn whoever_was_passed_over_begins_no_second_session() {
    let way = look(&KNOWN, MOST).wrong.unwrap();
    assert!(way.what.contains("heard the same and disagree"), "{way:?}");
    holds_everywhere("passed-over", 18_549);
}
