//! Those who are in the channel and not yet in the session: rules EIO, EII, ES and EO.

use mpenc::{Disposition, Notice, OperationError, Profile, RejectReason, SessionState};

use super::{
    Ask, BOTH, ask, assert_quiet, assert_sound, cast, deliver, is_v2, nobody, reunite, waiting,
};
use crate::world::{World, id, set};

const NAMES: [&str; 3] = ["alice", "bob", "carol"];
const ALL: [&str; 4] = ["alice", "bob", "carol", "dave"];

fn in_touch(profile: Profile, moment: usize, change: Ask) -> World {
    let mut world = cast(profile, &NAMES, &[], &["dave"]);
    ask(&mut world, "alice", change).unwrap();
    deliver(&mut world, &NAMES, moment);
    world
}

/// A newcomer enters before, at every moment during, and after an operation that is none of its
/// business; then it is included.
//= docs/spec/protocol.md#ORD-011
//= type=test
//= docs/spec/protocol.md#ORD-012
//= type=test
//= docs/spec/protocol.md#ORD-022
//= type=test
//= docs/spec/protocol.md#ORD-042
//= type=test
//= docs/spec/attacks.md#ATK-076
//= type=test
#[test]
fn before_during_and_after_an_operation() {
    for profile in BOTH {
        for change in [Ask::Refresh, Ask::Exclude("carol")] {
            for moment in 0..40 {
                let what = format!("{profile}: {change:?}, enters after {moment} events");
                let mut world = in_touch(profile, moment, change);
                world.act("dave", |s, env| s.join(env)).unwrap();
                world.settle();
                world.pass_secs(100);
                // If it was sent away, it has come back by itself.
                assert!(world.channel.contains(&id("dave")), "{what}");
                let told = Notice::EnterRequest { member: id("dave") };
                assert!(world.member("bob").notices.contains(&told), "{what}");
                let op = ask(&mut world, "bob", Ask::Include("dave")).unwrap();
                world.settle();
                assert_eq!(world.member("bob").ended[&op], Ok(()), "{what}");
                assert_sound(&mut world, &ALL, &what);
                assert!(world.session("dave").state() == SessionState::Joined, "{what}");
                assert_quiet(&world, &ALL, &what);
            }
        }
    }
}

/// Two proposals on the same predecessor, the second for the newcomer: it refuses it like
/// everybody else, since the first counts.
//= docs/spec/protocol.md#ORD-011
//= type=test
#[test]
fn the_second_of_two_proposals_is_not_for_it() {
    for profile in BOTH {
        let what = profile.to_string();
        let mut world = waiting(profile, &NAMES, &["dave"]);
        let first = ask(&mut world, "bob", Ask::Exclude("carol")).unwrap();
        let second = ask(&mut world, "alice", Ask::Include("dave")).unwrap();
        world.settle();
        assert_eq!(world.member("bob").ended[&first], Ok(()), "{what}");
        let lost = OperationError::ProposalRejected { winner: id("bob") };
        assert_eq!(world.member("alice").ended[&second], Err(lost), "{what}");
        let refused = |d: &Disposition| matches!(d, Disposition::Rejected(RejectReason::Order(_)));
        assert!(world.member("dave").dispositions.iter().filter(|d| refused(d)).count() >= 2);
        assert_eq!(world.session("dave").operation(), None, "{what}");
        // The next has a predecessor of its own.
        let third = ask(&mut world, "alice", Ask::Include("dave")).unwrap();
        world.settle();
        assert_eq!(world.member("alice").ended[&third], Ok(()), "{what}");
        world.assert_agree(&["alice", "bob", "dave"]);
        reunite(&mut world, &ALL, &what);
    }
}

/// The operation that would have brought it in fails, by somebody's leaving at every moment of it:
/// it can be invited again without entering anew.
//= docs/spec/protocol.md#ORD-014
//= type=test
//= docs/spec/protocol.md#ORD-042
//= type=test
#[test]
fn a_join_whose_first_operation_fails() {
    for profile in BOTH {
        let mut failed = 0;
        for moment in 0..40 {
            let what = format!("{profile}: carol leaves after {moment} events");
            let mut world = waiting(profile, &NAMES, &["dave"]);
            let stays = world.member("dave").dispositions.len();
            ask(&mut world, "alice", Ask::Include("dave")).unwrap();
            deliver(&mut world, &ALL, moment);
            world.leave(&id("carol"));
            world.settle();
            if world.session("dave").state() == SessionState::Joined {
                continue;
            }
            failed += 1;
            assert!(world.session("dave").is_waiting(), "{what}");
            world.pass_secs(30);
            let op = ask(&mut world, "bob", Ask::Include("dave")).unwrap();
            world.settle();
            assert_eq!(world.member("bob").ended[&op], Ok(()), "{what}");
            world.assert_agree(&["alice", "bob", "dave"]);
            let entered =
                Notice::StateChanged { old: SessionState::Joining, new: SessionState::Joined };
            let times = world.member("dave").notices.iter().filter(|n| **n == entered).count();
            assert_eq!(times, 1, "{what}: after {stays} events");
            assert_sound(&mut world, &["alice", "bob", "dave"], &what);
            assert_quiet(&world, &["alice", "bob", "dave"], &what);
        }
        assert!(failed > 5, "{profile}: {failed}");
    }
}

/// The same, by an abort.
//= docs/spec/protocol.md#ORD-014
//= type=test
#[test]
fn a_join_whose_first_operation_is_aborted() {
    let profile = Profile::TransparentV2;
    for by in ALL {
        let mut world = waiting(profile, &NAMES, &["dave"]);
        ask(&mut world, "alice", Ask::Include("dave")).unwrap();
        while world.session(by).operation().is_none() {
            deliver(&mut world, &ALL, 4);
        }
        world.act(by, |s, env| s.abort(env)).unwrap();
        world.settle();
        assert!(world.session("dave").is_waiting(), "{by}");
        let op = ask(&mut world, "carol", Ask::Include("dave")).unwrap();
        world.settle();
        assert_eq!(world.member("carol").ended[&op], Ok(()), "{by}");
        assert_sound(&mut world, &ALL, by);
        assert_quiet(&world, &ALL, by);
    }
}

/// Two newcomers at the same time, invited by different members.
#[test]
fn two_newcomers_and_two_hosts() {
    let five = ["alice", "bob", "carol", "dave", "eve"];
    for profile in BOTH {
        for between in 0..12 {
            let what = format!("{profile}: {between}");
            let mut world = waiting(profile, &NAMES, &["dave", "eve"]);
            ask(&mut world, "alice", Ask::Include("dave")).unwrap();
            deliver(&mut world, &five, between);
            ask(&mut world, "bob", Ask::Include("eve")).unwrap();
            world.settle();
            world.pass_secs(60);
            let missing = set(&five).difference(&world.session("bob").members());
            if !missing.is_empty() {
                // The second came at the same time, and lost.
                assert_eq!(missing, set(&["eve"]), "{what}");
                let op = world.act("bob", |s, env| s.change(env, &missing, &nobody())).unwrap();
                world.settle();
                assert_eq!(world.member("bob").ended[&op], Ok(()), "{what}");
            }
            assert_sound(&mut world, &five, &what);
            assert_eq!(world.session("eve").members(), set(&five), "{what}");
            assert_quiet(&world, &five, &what);
        }
    }
}

/// Nobody waits for a newcomer that was invited and says nothing for ever: v2 ends the operation,
/// v1 says who is silent, and either goes on when it has gone.
#[test]
fn a_newcomer_that_never_answers() {
    for profile in BOTH {
        let what = profile.to_string();
        let mut world = waiting(profile, &NAMES, &["dave"]);
        world.members.get_mut(&id("dave")).unwrap().held = true;
        let op = ask(&mut world, "alice", Ask::Include("dave")).unwrap();
        world.settle();
        world.pass_secs(300);
        let slow = Notice::OperationSlow { waiting_for: set(&["dave"]) };
        assert!(world.member("bob").notices.contains(&slow), "{what}");
        assert_eq!(world.session("bob").operation().is_none(), is_v2(profile), "{what}");
        world.leave(&id("dave"));
        world.settle();
        let failed = &world.member("alice").ended[&op];
        // In v1 nothing ends the operation before dave is gone; who asked for it is told in time.
        let expected = match failed {
            Err(OperationError::OperationFailed(_)) => is_v2(profile),
            Err(OperationError::Timeout) => !is_v2(profile),
            _ => false,
        };
        assert!(expected, "{what}: {failed:?}");
        assert_sound(&mut world, &NAMES, &what);
        world.members.get_mut(&id("dave")).unwrap().held = false;
        reunite(&mut world, &ALL, &what);
    }
}
