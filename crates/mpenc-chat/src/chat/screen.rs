//! How things look, line by line.

use mpenc::{MemberId, Message, MessageId, Session};

use super::status;
use crate::keys::{Alarm, KnownKeys, Trust, fingerprint};
use crate::term::{self, Paint, Style};

/// How a message is called: by its number in the log, from 1; none if it is not shown.
pub(super) fn number(session: &Session, id: &MessageId) -> Option<String> {
    session.index_of(id).map(|index| format!("[{}]", index.saturating_add(1)))
}

/// A message: `[7] bob: text`, and `[7 -> 4, 5] bob: text` if it does not just answer the one
/// shown before it.
pub(super) fn message(session: &Session, id: &MessageId, paint: Paint) -> Option<String> {
    let message = session.message(id)?;
    let index = session.index_of(id)?;
    let answers = answers(session, id);
    let place = index.saturating_add(1);
    //= docs/spec/protocol.md#TRN-039
    let head = if index == 0 || answers == [index] {
        format!("[{place}]")
    } else {
        paint.paint(Style::Warn, &format!("[{place} -> {}]", list(&answers)))
    };
    let name = paint.paint(Style::Name, &term::name(message.author));
    let mut line = format!("{head} {name}: {}", term::escape(message.text));
    //= docs/spec/protocol.md#UIX-002
    if *message.members != session.members() {
        let readers = term::names(&message.readers());
        line.push_str(&paint.paint(Style::Warn, &format!("  (for {readers})")));
    }
    Some(line)
}

/// Everything about a message.
pub(super) fn info(session: &Session, place: usize, paint: Paint) -> Option<String> {
    let index = isize::try_from(place.checked_sub(1)?).ok()?;
    let message: Message<'_> = session.message_at(index)?;
    let answers = answers(session, &message.id);
    let answers = if answers.is_empty() { "nothing here".to_owned() } else { list(&answers) };
    let unacked = session.unacked_by(&message.id).unwrap_or_default();
    let acked = if message.fully_acked_at.is_some() || unacked.is_empty() {
        paint.paint(Style::Good, "acknowledged by every reader")
    } else {
        let text = format!("not known to have reached: {}", term::names(&unacked));
        paint.paint(Style::Warn, &text)
    };
    Some(format!(
        "[{place}] {}: {}\n      answers: {answers}\n      readers: {}\n      {acked}\n      \
         identifier: {}",
        term::name(message.author),
        term::escape(message.text),
        term::names(&message.readers()),
        message.id,
    ))
}

/// Who can read, who waits, and their keys.
pub(super) fn members(session: &Session, own: &str, keys: &KnownKeys) -> String {
    let me = session.me();
    let members = session.members();
    let mut lines = Vec::new();
    for member in &members {
        if member == me {
            lines.push(format!("  {}  (you)  {own}", term::name(member)));
        } else {
            let presence = status::presence(session, member);
            let name = term::name(member);
            lines.push(format!("  {name}  {presence}{}", key_text(keys, member)));
        }
    }
    let waiting = session.candidates();
    if !waiting.is_empty() {
        lines.push("  in the room, but not in the session:".to_owned());
        for member in &waiting {
            lines.push(format!("  {}  {}", term::name(member), key_text(keys, member)));
        }
    }
    let leaving = session.leaving_members();
    if !leaving.is_empty() {
        lines.push(format!("  gone, and about to be excluded: {}", term::names(leaving)));
    }
    lines.join("\n")
}

/// What all members can compare with each other.
pub(super) fn session_fingerprint(session: &Session) -> Option<String> {
    let fingerprint = session.fingerprint()?;
    Some(format!(
        "  {fingerprint}\n  Members: {}. Read the digits to each other by another way, such as \
         a call. If all have the same,\n  nobody else is in between. They change with every change \
         of members or keys, so compare at the same time.",
        term::names(&session.members()),
    ))
}

/// Who waits, and the command that lets it in.
pub(super) fn enter_request(member: &MemberId, keys: &KnownKeys, auto_include: bool) -> String {
    let name = term::name(member);
    if keys.is_refused(member) {
        format!("* {name} is in the room with a key that is not the one you know, and is refused")
    } else if auto_include {
        format!("* {name} is in the room and is being included")
    } else {
        format!("* {name} is in the room and waits; to include: /include {name}")
    }
}

/// What happened to keys.
pub(super) fn alarm(alarm: &Alarm, keys: &KnownKeys, paint: Paint) -> String {
    match alarm {
        Alarm::New { member, key } => format!(
            "* first meeting with {0}, unverified; compare with {0} by another way, then /verify \
             {0}\n  {1}",
            term::name(member),
            fingerprint(key)
        ),
        Alarm::Changed { member, known, offered } => {
            let name = term::name(member);
            let trust = trust_text(keys.get(member).map(|(_, trust)| trust));
            paint.paint(
                Style::Alarm,
                &format!(
                    "!!! THE IDENTITY KEY OF {name} HAS CHANGED, AND IS REFUSED\n\
                     !!!   known ({trust}): {}\n\
                     !!!   now offered: {}\n\
                     !!! Somebody may pose as {name}. If you know by another way that the new key \
                     is right,\n!!! leave, remove the line of {name} from {}, and come again.",
                    fingerprint(known),
                    fingerprint(offered),
                    term::escape(&keys.path().display().to_string()),
                ),
            )
        }
        Alarm::Unsaved { reason } => {
            paint.paint(Style::Alarm, &format!("! {}", term::escape(reason)))
        }
    }
}

/// A name with what is known of its key.
pub(super) fn named(keys: &KnownKeys, member: &MemberId) -> String {
    let trust = trust_text(keys.get(member).map(|(_, trust)| trust));
    format!("{} ({trust})", term::name(member))
}

fn key_text(keys: &KnownKeys, member: &MemberId) -> String {
    match keys.get(member) {
        Some((key, trust)) => format!("{}  {}", trust_text(Some(trust)), fingerprint(&key)),
        None => trust_text(None).to_owned(),
    }
}

fn trust_text(trust: Option<Trust>) -> &'static str {
    match trust {
        Some(Trust::Verified) => "verified",
        Some(Trust::Unverified) => "unverified",
        None => "key unknown",
    }
}

/// The numbers of the messages that a message answers.
fn answers(session: &Session, id: &MessageId) -> Vec<usize> {
    let parents = session.log_parents(id).unwrap_or_default();
    let mut numbers: Vec<usize> = parents
        .iter()
        .filter_map(|parent| session.index_of(parent))
        .map(|index| index.saturating_add(1))
        .collect();
    numbers.sort_unstable();
    numbers
}

fn list(numbers: &[usize]) -> String {
    match numbers {
        [] => "nothing here".to_owned(),
        some => some.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use mpenc::Timing;
    use mpenc::client::{Client, Session as Handle};
    use mpenc::memory::Room;

    use super::*;
    use crate::keys::random_identity;

    pub(in crate::chat) fn id(name: &str) -> MemberId {
        MemberId::new(name).unwrap()
    }

    async fn enter(room: &Room, name: &str) -> Handle {
        let identity = random_identity().unwrap();
        let channel = room.channel(id(name), identity.public()).unwrap();
        let client = Client::new(id(name), identity).unwrap();
        let client = client.timing(Timing::loopback(3)).patient_join(true).stay_if_last(true);
        client.open(channel)
    }

    /// Ann and bob, in a session.
    pub(in crate::chat) async fn two(room: &Room) -> (Handle, Handle) {
        let ann = enter(room, "ann").await;
        ann.join().await.unwrap();
        let bob = enter(room, "bob").await;
        let joined = bob.join();
        while ann.view(|session| session.candidates().is_empty()) {
            tokio::task::yield_now().await;
        }
        ann.include([id("bob")]).await.unwrap();
        joined.await.unwrap();
        (ann, bob)
    }

    /// Waits until a session shows this many messages.
    pub(in crate::chat) async fn shows(session: &Handle, count: usize) {
        while session.view(|session| session.log_len()) < count {
            tokio::task::yield_now().await;
        }
    }

    fn line(session: &Handle, place: isize) -> String {
        session.view(|session| {
            let found = session.message_at(place - 1).unwrap().id;
            message(session, &found, Paint::default()).unwrap()
        })
    }

    //= docs/spec/protocol.md#TRN-039
    //= type=test
    //= docs/spec/protocol.md#UIX-002
    //= type=test
    #[tokio::test]
    async fn messages_show_what_they_answer_and_for_whom_they_are() {
        let room = Room::new();
        let (ann, bob) = two(&room).await;
        ann.send("one\u{1b}[2J").unwrap();
        shows(&bob, 1).await;
        assert_eq!(line(&bob, 1), "[1] ann: one\\u{1b}[2J");

        // Nothing is delivered between these two, so neither has seen the other.
        ann.send("two").unwrap();
        bob.send("three").unwrap();
        shows(&ann, 3).await;
        assert_eq!(line(&ann, 2), "[2] ann: two", "it answers what was shown before it");
        assert_eq!(line(&ann, 3), "[3 -> 1] bob: three");
        ann.send("four").unwrap();
        shows(&bob, 4).await;
        assert_eq!(line(&bob, 4), "[4 -> 2, 3] ann: four");

        let text = ann.view(|session| info(session, 3, Paint::default())).unwrap();
        assert!(
            text.starts_with("[3] bob: three\n      answers: 1\n      readers: ann\n"),
            "{text}"
        );
        assert!(ann.view(|session| info(session, 5, Paint::default())).is_none());
        assert!(ann.view(|session| info(session, 0, Paint::default())).is_none());

        let cid = enter(&room, "cid").await;
        let joined = cid.join();
        while ann.view(|session| session.candidates().is_empty()) {
            tokio::task::yield_now().await;
        }
        ann.include([id("cid")]).await.unwrap();
        joined.await.unwrap();
        assert_eq!(line(&ann, 1), "[1] ann: one\\u{1b}[2J  (for bob)");
    }

    #[test]
    fn whoever_waits_is_announced_with_the_command_that_lets_it_in() {
        let directory = tempfile::tempdir().unwrap();
        let mut keys = KnownKeys::load(&directory.path().join("known")).unwrap();
        let clown = id("First Clown");
        keys.identify(&clown, Some(&mpenc::PublicKey::new([1; 32])));
        let text = enter_request(&clown, &keys, false);
        assert!(text.ends_with("/include \"First Clown\""), "{text}");
        assert!(enter_request(&clown, &keys, true).ends_with("is being included"));
        assert_eq!(named(&keys, &clown), "\"First Clown\" (unverified)");
        keys.identify(&clown, Some(&mpenc::PublicKey::new([2; 32])));
        assert!(enter_request(&clown, &keys, true).ends_with("and is refused"));
    }
}
