//! What is known of the conversation as a whole, and of who is there.

use mpenc::{MemberId, PresenceState, Session};

/// One line for each question that a person has (UIX-009).
pub(super) fn health(session: &Session) -> String {
    let health = session.health();
    let answer = |good: bool, yes: &str, no: &str| {
        if good { format!("  yes  {yes}") } else { format!("  ?    {no}") }
    };
    [
        answer(
            health.nothing_missing_before,
            "nothing is missing before what is shown here",
            "something before what is shown here has not arrived",
        ),
        answer(
            health.nothing_missing_after,
            "everybody has shown lately to be there",
            "not everybody has shown lately to be there; there may be more to read",
        ),
        answer(
            health.everybody_has_all,
            "everybody has what is shown here",
            "not everybody is known to have what is shown here",
        ),
        answer(
            health.order_verified,
            "everybody has confirmed the changes of membership and keys",
            "not everybody has confirmed the changes of membership and keys",
        ),
    ]
    .join("\n")
}

/// What is known of a member's presence, for the list of members.
pub(super) fn presence(session: &Session, member: &MemberId) -> String {
    let state = match session.presence(member) {
        PresenceState::Present => return String::new(),
        PresenceState::Unknown => "not heard of yet",
        PresenceState::NotPresent => "not known to be there",
        PresenceState::Absent => "away",
    };
    match session.unseen_for(member) {
        Some(time) => format!("({state}; was there {} s ago)  ", time.as_secs()),
        None => format!("({state})  "),
    }
}
