//! Long histories of the shapes that make naive algorithms slow or overflow the stack.

use mpenc_transcript::{Entry, Transcript};
use mpenc_types::{BodyKind, MemberId, MemberSet, MessageId};

use crate::support::*;

fn group(n: usize) -> Vec<MemberId> {
    (0..n).map(|i| member(&format!("member {i:03}"))).collect()
}

fn nth(round: usize, author: usize) -> MessageId {
    id(&format!("{round}.{author}"))
}

/// Every round everybody writes, knowing all of the round before and nothing of this one.
fn braid(n: usize, rounds: usize, kind: BodyKind) -> Transcript {
    let members = group(n);
    let mut transcript = Transcript::new(&members.iter().collect::<MemberSet>());
    let mut parents: Vec<MessageId> = vec![];
    for round in 0..rounds {
        let mut acked = vec![];
        for (at, author) in members.iter().enumerate() {
            let entry = Entry { id: nth(round, at), author, parents: &parents, kind };
            acked.extend(transcript.accept(entry).unwrap().fully_acked);
        }
        // A round is acknowledged by the next one, by its last author at the latest.
        assert_eq!(acked.len(), if round == 0 { 0 } else { n });
        parents = (0..n).map(|at| nth(round, at)).collect();
    }
    transcript
}

//= docs/spec/protocol.md#TRN-032
//= type=test
//= docs/spec/attacks.md#ATK-114
//= type=test
#[test]
fn a_dense_braid_of_two_authors() {
    let transcript = braid(2, 5_000, PAYLOAD);
    assert_eq!(transcript.len(), 10_000);
    assert_eq!(transcript.unacked().collect::<Vec<_>>(), [nth(4_999, 0), nth(4_999, 1)]);
    assert_eq!(transcript.is_ancestor_or_equal(&nth(0, 0), &nth(4_999, 1)), Ok(true));
    assert_eq!(transcript.is_ancestor_or_equal(&nth(4_999, 0), &nth(4_999, 1)), Ok(false));
    let ack = transcript.first_after(&group(2)[1], &nth(2_500, 0));
    assert_eq!(ack, Ok(Some(nth(2_501, 1))));
    assert_eq!(transcript.effective_parents(&nth(7, 0)).unwrap(), [nth(6, 0), nth(6, 1)]);
}

#[test]
fn queries_reach_through_a_braid_without_content() {
    let transcript = braid(2, 5_000, CONSISTENCY);
    assert_eq!(transcript.is_ancestor_or_equal(&nth(0, 0), &nth(4_000, 1)), Ok(true));
    assert_eq!(transcript.is_ancestor_or_equal(&nth(4_000, 0), &nth(4_000, 1)), Ok(false));
    let before = transcript.last_before(&group(2)[0], &nth(4_000, 1));
    assert_eq!(before, Ok(Some(nth(3_999, 0))));
    assert_eq!(transcript.would_be_parents(), []);
}

#[test]
fn a_wide_braid() {
    let transcript = braid(64, 20, PAYLOAD);
    assert_eq!(transcript.heads().len(), 64);
    assert_eq!(transcript.unacked().count(), 64);
    assert_eq!(transcript.would_be_parents().len(), 64);
}

//= docs/spec/attacks.md#ATK-114
//= type=test
#[test]
fn a_line_that_one_reader_never_acknowledges() {
    let members = group(3);
    let mut transcript = Transcript::new(&members.iter().collect::<MemberSet>());
    let mut parents = vec![];
    for round in 0..10_000 {
        let author = &members[round % 2];
        let entry = Entry { id: nth(round, 0), author, parents: &parents, kind: PAYLOAD };
        assert!(transcript.accept(entry).unwrap().fully_acked.is_empty());
        parents = vec![nth(round, 0)];
    }
    assert_eq!(transcript.unacked().count(), 10_000);
    // The silent member wakes up, and all becomes fully acknowledged at once but the last.
    let entry = Entry { id: id("awake"), author: &members[2], parents: &parents, kind: ACK };
    let acked = transcript.accept(entry).unwrap().fully_acked;
    assert_eq!(acked.len(), 9_999);
    assert_eq!(acked[0], nth(0, 0));
}
