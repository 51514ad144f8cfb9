//! Messages that arrive before their parents.

use mpenc_transcript::{Deferral, NotDeferredReason, TranscriptReject};
use mpenc_types::MessageId;

use crate::support::*;

fn nth(author: &str, n: usize) -> MessageId {
    id(&format!("{author}{n}"))
}

fn names(deferral: &Deferral<()>) -> Vec<MessageId> {
    deferral.iter().map(|message| message.id).collect()
}

//= docs/spec/protocol.md#TRN-014
//= type=test
#[test]
fn a_deferred_message_acknowledges_nothing() {
    let mut story = Story::of("a b c");
    story.say("a1", "", PAYLOAD);
    let reject = story.refuse("b1", "a1 c1");
    assert_eq!(reject, TranscriptReject::MissingParents(ids("c1")));
    assert_eq!(story.0.unacked_by(&id("a1")), members("b c"));
    assert!(!story.0.contains(&id("b1")));
}

//= docs/spec/protocol.md#TRN-015
//= type=test
//= docs/spec/protocol.md#TRN-017
//= type=test
#[test]
fn a_message_is_released_with_its_last_missing_parent() {
    let mut deferral = Deferral::new(3);
    deferral.insert(member("a"), id("a1"), &ids("x y"), "first").unwrap();
    deferral.insert(member("b"), id("b1"), &ids("y"), "second").unwrap();
    deferral.insert(member("c"), id("c1"), &ids("z"), "third").unwrap();
    assert_eq!(deferral.release(&id("x")), []);
    assert_eq!(deferral.get(&id("a1")).unwrap().missing, ids("y").into_iter().collect());
    assert_eq!(deferral.release(&id("unrelated")), []);
    let released = deferral.release(&id("y"));
    assert_eq!(released.iter().map(|m| m.value).collect::<Vec<_>>(), ["first", "second"]);
    assert!(released.iter().all(|m| m.missing.is_empty()));
    assert_eq!(deferral.len(), 1);
    assert!(deferral.contains(&id("c1")) && !deferral.contains(&id("a1")));
}

//= docs/spec/protocol.md#TRN-016
//= type=test
#[test]
fn capacity_grows_with_the_square_root_of_the_members() {
    fn check(members: usize, expect: usize) {
        assert_eq!(Deferral::<()>::new(members).capacity(), expect, "{members} members");
        // The formula as it is written.
        let root = (8.0 * (members as f64).sqrt()).ceil() as usize;
        assert_eq!(expect, 4 * root.max(16), "{members} members");
    }
    check(0, 64);
    check(1, 64);
    check(4, 64);
    check(5, 72);
    check(8, 92);
    check(64, 256);
    check(65, 260);
    check(512, 728);
}

//= docs/spec/protocol.md#TRN-016
//= type=test
//= docs/spec/attacks.md#ATK-107
//= type=test
#[test]
fn the_oldest_is_dropped_and_the_newest_kept() {
    let mut deferral = Deferral::new(2);
    for n in 0..deferral.capacity() {
        assert_eq!(deferral.insert(member("a"), nth("a", n), &ids("x"), ()).unwrap(), []);
    }
    let dropped = deferral.insert(member("a"), id("newest"), &ids("x"), ()).unwrap();
    assert_eq!(dropped.iter().map(|m| m.id).collect::<Vec<_>>(), ids("a0"));
    assert_eq!(deferral.len(), deferral.capacity());
    assert!(!deferral.contains(&id("a0")) && deferral.contains(&id("newest")));
    // The dropped one has left no trace, and may come again.
    assert!(!deferral.release(&id("x")).iter().any(|m| m.id == id("a0")));
    assert!(deferral.insert(member("a"), id("a0"), &ids("x"), ()).is_ok());
}

//= docs/spec/protocol.md#TRN-016
//= type=test
#[test]
fn of_equals_the_oldest_of_all_is_dropped() {
    let mut deferral = Deferral::new(3);
    for n in 0..deferral.capacity() {
        let author = if n % 2 == 0 { "b" } else { "a" };
        deferral.insert(member(author), nth(author, n), &ids("x"), ()).unwrap();
    }
    let dropped = deferral.insert(member("c"), id("c"), &ids("x"), ()).unwrap();
    assert_eq!(dropped.iter().map(|m| m.id).collect::<Vec<_>>(), ids("b0"));
    let dropped = deferral.insert(member("c"), id("cc"), &ids("x"), ()).unwrap();
    assert_eq!(dropped.iter().map(|m| m.id).collect::<Vec<_>>(), ids("a1"));
}

//= docs/spec/protocol.md#TRN-018
//= type=test
#[test]
fn waiting_for_a_waiting_message_is_waiting() {
    let mut deferral = Deferral::new(2);
    deferral.insert(member("a"), id("a3"), &ids("a2"), ()).unwrap();
    deferral.insert(member("a"), id("a2"), &ids("a1"), ()).unwrap();
    let first: Vec<_> = deferral.release(&id("a1")).iter().map(|m| m.id).collect();
    assert_eq!(first, ids("a2"));
    let second: Vec<_> = deferral.release(&id("a2")).iter().map(|m| m.id).collect();
    assert_eq!(second, ids("a3"));
}

//= docs/spec/protocol.md#TRN-019
//= type=test
//= docs/spec/attacks.md#ATK-108
//= type=test
#[test]
fn a_flood_drops_only_the_floods_messages() {
    for flooders in [&["f"][..], &["f", "g"], &["f", "g", "h"]] {
        let mut deferral = Deferral::new(8);
        let share = deferral.capacity() / 8;
        for n in 0..share {
            deferral.insert(member("a"), nth("a", n), &ids("x"), ()).unwrap();
        }
        for n in 0..10_000 {
            let by = flooders[n % flooders.len()];
            deferral.insert(member(by), nth(by, n), &ids("nowhere"), ()).unwrap();
            // Another author finds room at any time, and keeps it.
            if n % 1000 == 0 {
                deferral.insert(member("b"), nth("b", n), &ids("x"), ()).unwrap();
            }
            assert!(deferral.len() <= deferral.capacity());
        }
        let kept = names(&deferral);
        for n in 0..share {
            assert!(kept.contains(&nth("a", n)), "{flooders:?} displaced a{n}");
        }
        assert_eq!(deferral.iter().filter(|m| m.author == member("b")).count(), 10);
    }
}

//= docs/spec/protocol.md#TRN-019
//= type=test
#[test]
fn nobody_keeps_half_the_space_from_others() {
    let mut deferral = Deferral::new(2);
    let quota = 4.max(deferral.capacity() / 2);
    for n in 0..deferral.capacity() {
        deferral.insert(member("a"), nth("a", n), &ids("x"), ()).unwrap();
    }
    for n in 0..deferral.capacity() {
        deferral.insert(member("b"), nth("b", n), &ids("x"), ()).unwrap();
    }
    let by = |author: &str| deferral.iter().filter(|m| m.author == member(author)).count();
    assert_eq!((by("a"), by("b")), (quota, quota));
    // Everybody has lost its own oldest.
    assert!(!deferral.contains(&id("a0")) && deferral.contains(&nth("a", quota)));
}

//= docs/spec/protocol.md#TRN-024
//= type=test
#[test]
fn what_need_not_be_deferred_is_handed_back() {
    let mut deferral = Deferral::new(2);
    deferral.insert(member("a"), id("a1"), &ids("x"), 1).unwrap();
    let before = deferral.clone();
    let again = deferral.insert(member("a"), id("a1"), &ids("x"), 2).unwrap_err();
    assert_eq!((again.reason, again.value), (NotDeferredReason::Duplicate, 2));
    let complete = deferral.insert(member("a"), id("a2"), &[], 3).unwrap_err();
    assert_eq!((complete.reason, complete.value), (NotDeferredReason::NothingMissing, 3));
    assert_eq!(complete.to_string(), "no parent is missing");
    assert_eq!(deferral, before);
}

#[test]
fn who_waits_for_what_can_be_told_and_it_stays() {
    let mut deferral = Deferral::new(2);
    deferral.insert(member("a"), id("a1"), &ids("x y"), ()).unwrap();
    let waiting = deferral.get(&id("a1")).unwrap();
    assert_eq!(waiting.author, member("a"));
    assert_eq!(waiting.missing, ids("x y").into_iter().collect());
    assert!(deferral.contains(&id("a1")));
    assert_eq!(deferral.remove(&id("a1")).unwrap().id, id("a1"));
    assert_eq!(deferral.remove(&id("a1")), None);
    assert!(deferral.is_empty());
    deferral.insert(member("a"), id("a1"), &ids("x"), ()).unwrap();
    deferral.insert(member("b"), id("b1"), &ids("x"), ()).unwrap();
    let drained: Vec<_> = deferral.drain().iter().map(|m| m.id).collect();
    assert_eq!(drained, ids("a1 b1"));
    assert_eq!(deferral.release(&id("x")), []);
}
