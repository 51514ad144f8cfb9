use super::options;
use crate::options::Adversary;
use crate::plan::plan;
use crate::run::run;

/// Nothing may be wrong in runs with these adversaries; what would be, the tests of the oracle show.
fn nothing_is_wrong(adversaries: &[Adversary], seeds: core::ops::Range<u64>) {
    for seed in seeds {
        for adversary in adversaries {
            let options = options(seed, seed % 2 == 0, *adversary);
            let outcome = run(options, &plan(&options), false);
            assert_eq!(outcome.failure, None, "cargo xtask sim {options}");
        }
    }
}

#[test]
fn a_server_makes_nobody_accept_what_was_not_written() {
    //= docs/spec/protocol.md#SEC-006
    //= type=test
    //= docs/spec/protocol.md#SEC-007
    //= type=test
    //= docs/spec/protocol.md#SEC-010
    //= type=test
    //= docs/spec/protocol.md#SEC-011
    //= type=test
    nothing_is_wrong(
        &[
            Adversary::Mutating,
            Adversary::Spoofing,
            Adversary::Replaying,
            Adversary::Equivocating,
            Adversary::Reordering,
        ],
        2_000..2_012,
    );
}

#[test]
fn insiders_act_in_their_own_names_only() {
    // They sign with identity keys, ephemeral keys and group keys of their own sessions: all
    // that leaks of a member.
    //= docs/spec/protocol.md#SEC-016
    //= type=test
    //= docs/spec/protocol.md#SEC-017
    //= type=test
    //= docs/spec/protocol.md#SEC-020
    //= type=test
    //= docs/spec/protocol.md#SEC-021
    //= type=test
    //= docs/spec/protocol.md#SEC-022
    //= type=test
    nothing_is_wrong(&[Adversary::Insider], 3_000..3_040);
}

#[test]
fn everything_at_once() {
    // ATK-102
    //= docs/spec/attacks.md#ATK-102
    //= type=test
    nothing_is_wrong(&[Adversary::All], 4_000..4_030);
}
