//! What leaves the queue, and what does not fit into it.

use mpenc::content::MAX_CONTENT;
use mpenc::queue::{MAX_QUEUED_BYTES, MAX_QUEUED_TEXTS, QueueError, QueuedId, SendQueue};
use mpenc::{MessageId, Notice, SendError};

use super::desk::{established, others_inside, texts};
use crate::world::set;

//= docs/spec/protocol.md#SES-051
//= type=test
#[test]
fn what_everybody_has_leaves_the_queue_and_the_rest_is_ignored() {
    let mut desk = established(SendQueue::new());
    // Sent past the queue.
    desk.world.say("alice", "behind its back");
    let text = desk.say("yes");
    assert_eq!(desk.queue.texts().len(), 1);
    let unknown = MessageId::new(&[7; 20]).unwrap();
    for notice in [
        Notice::MessageFullyAcked { id: unknown },
        Notice::NotFullyAcked {
            id: unknown,
            unacked_by: set(&["bob"]),
            last_word: true,
            away: false,
        },
    ] {
        let queue = &mut desk.queue;
        desk.world.act("alice", |s, env| queue.on_notice(s, env, &notice));
    }
    assert_eq!(desk.queue.texts().map(|text| text.id()).collect::<Vec<_>>(), [text]);
    desk.pass_secs(60);
    assert_eq!(desk.queue.texts().len(), 0);
    // An acknowledgement is no text.
    assert!(desk.try_say("").is_ok());
    assert_eq!(desk.queue.texts().len(), 0);
    desk.go_out();
    assert_eq!(desk.try_say(""), Err(QueueError::Send(SendError::NoSubsession)));
}

#[test]
fn a_full_queue_says_so_and_loses_nothing() {
    let mut desk = others_inside(&["bob", "carol"], SendQueue::new());
    for n in 0..MAX_QUEUED_TEXTS {
        desk.try_say(&n.to_string()).unwrap();
    }
    let bytes = desk.queue.texts().map(|text| text.text().len()).sum();
    let full = QueueError::Full { texts: MAX_QUEUED_TEXTS, bytes };
    assert_eq!(desk.try_say("one more"), Err(full));
    desk.come_in();
    // Also a text that could be sent: it would not be watched over.
    assert_eq!(desk.try_say("one more"), Err(full));
    assert!(texts(&desk, "bob").is_empty());
    assert_eq!(desk.queue.texts().len(), MAX_QUEUED_TEXTS);
    assert!(desk.queue.discard(&QueuedId::Virtual(5)));
    let id = desk.say("one more");
    assert_eq!(texts(&desk, "bob"), ["one more"]);
    assert!(matches!(id, QueuedId::Message(_)));
}

#[test]
fn bytes_count_too() {
    let mut desk = others_inside(&["bob", "carol"], SendQueue::new());
    let long = "x".repeat(MAX_CONTENT);
    for _ in 0..MAX_QUEUED_BYTES / MAX_CONTENT {
        desk.try_say(&long).unwrap();
    }
    let full = QueueError::Full { texts: 2, bytes: MAX_QUEUED_BYTES };
    assert_eq!(desk.try_say("x"), Err(full));
    assert!(desk.queue.discard(&QueuedId::Virtual(1)));
    let found = MAX_CONTENT + 1;
    let too_large = QueueError::Send(SendError::TooLarge { found, limit: MAX_CONTENT });
    assert_eq!(desk.try_say(&"x".repeat(found)), Err(too_large));
    assert_eq!(desk.queue.texts().len(), 1);
}

/// An application that lost notices is not stuck with what everybody has.
#[test]
fn a_full_queue_looks_what_is_done_with() {
    let mut desk = others_inside(&["bob", "carol"], SendQueue::new());
    for n in 2..MAX_QUEUED_TEXTS {
        desk.try_say(&n.to_string()).unwrap();
    }
    desk.come_in();
    desk.try_say("one").unwrap();
    desk.world.pass_secs(60);
    desk.try_say("two").unwrap();
    assert_eq!(desk.queue.texts().len(), MAX_QUEUED_TEXTS);
    desk.try_say("three").unwrap();
    assert_eq!(desk.queue.texts().len(), MAX_QUEUED_TEXTS, "the first is done with");
    assert!(desk.try_say("four").is_err());
}

#[test]
fn texts_are_not_printed() {
    let mut desk = others_inside(&["bob", "carol"], SendQueue::new());
    desk.say("between us");
    let printed = format!("{:?}", desk.queue);
    assert!(printed.contains("bytes: 10") && !printed.contains("between"), "{printed}");
}
