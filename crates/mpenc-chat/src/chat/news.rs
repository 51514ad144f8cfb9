//! What a notice tells people, in a line among the messages.

use mpenc::{Change, MemberId, MemberSet, MessageId, Notice, Session, SessionState, SubsessionId};

use super::screen;
use crate::term;

/// What a notice tells people, unless it is a warning or a message.
// Every notice stands here, so that clippy objects to a new one about which nobody has decided.
pub(super) fn notice(session: &Session, notice: &Notice) -> Option<String> {
    let me = session.me();
    Some(match notice {
        Notice::StateChanged { new, .. } => match new {
            SessionState::Joining if session.is_alone() => "* you are alone in the room".to_owned(),
            SessionState::Joining => "* entering the room".to_owned(),
            SessionState::Parted => {
                "* you have left the room; what you wrote is known to have reached everybody"
                    .to_owned()
            }
            SessionState::PartFailed => "* you are out of the room, and it is not known whether \
                                         everybody has seen everything"
                .to_owned(),
            SessionState::JoinFailed => "* nobody included you; /join tries again".to_owned(),
            // What one wants to know of these, other notices and the answers to commands tell.
            SessionState::Joined | SessionState::Parting | SessionState::Error => return None,
            _ => return None,
        },
        Notice::MembersChanged { remain, include, exclude, .. } => {
            members_changed(session, me, remain, include, exclude)
        }
        Notice::UserAbsent { member } => format!("* {} is away", term::name(member)),
        Notice::UserPresent { member } => format!("* {} is there again", term::name(member)),
        Notice::KeyRefreshed { initiator, .. } => {
            format!("* {} renewed the keys", term::name(initiator))
        }
        Notice::OpRejected { change, winner, .. } => format!(
            "* a proposal of {} came first, so this one falls away: {}",
            term::name(winner),
            change_text(change)
        ),
        Notice::OpStarted { change, initiator } if initiator != me && !change.is_refresh() => {
            started(session, change, initiator)
        }
        Notice::OpFailed { change, reason, .. } => {
            format!("* could not {}: {}", change_text(change), term::escape(&reason.to_string()))
        }
        Notice::ContentProgress { author, received, total } => {
            let percent = received.saturating_mul(100).checked_div(*total).unwrap_or(100);
            format!("* a long text of {} is arriving: {percent} %", term::name(author))
        }
        Notice::Unrecognised { sender } => {
            format!("* something that is not of this protocol came from {}", term::name(sender))
        }
        Notice::KeyPublished { member, sid } if member != me => {
            return published(session, member, *sid);
        }
        // Shown with what they are about.
        Notice::MessageReady { .. } | Notice::EnterRequest { .. } => return None,
        // Warnings, and what withdraws them: see [`Warnings`](super::warnings::Warnings).
        Notice::RejectedRepeatedly { .. }
        | Notice::BadContribution { .. }
        | Notice::OperationDisagreement { .. }
        | Notice::OrderNotConfirmed { .. }
        | Notice::OrderConfirmed { .. }
        | Notice::KeyAge { .. }
        | Notice::ContentIncomplete { .. }
        | Notice::OperationSlow { .. }
        | Notice::MessageFullyAcked { .. }
        | Notice::NotFullyAcked { .. }
        | Notice::NotAccepted { .. }
        | Notice::NotAcceptedResolved { .. }
        | Notice::MessageDiscarded { .. }
        | Notice::UserNotPresent { .. }
        | Notice::NotDecrypted { .. }
        | Notice::NotDecryptedResolved { .. }
        | Notice::PacketDiscarded { .. }
        | Notice::BadMessage { .. }
        | Notice::AuthorFork { .. }
        | Notice::OrderInconsistent { .. }
        | Notice::ContextIncomplete { .. }
        | Notice::KeyPublished { .. }
        | Notice::ErrorReported { .. }
        | Notice::InternalError { .. } => return None,
        // Our own doing, of which the end is told.
        Notice::OpProposed { .. } | Notice::OpStarted { .. } => return None,
        // Told by the change itself, or by the answer to the command.
        Notice::OpSucceeded { .. } | Notice::OperationEnded { .. } => return None,
        // Texts that did not reach everybody are told one by one.
        Notice::SubsessionClosed { .. } => return None,
        _ => return None,
    })
}

/// That a key is public, if that is news for somebody who reads here: what was said under it
/// remains what it was, and what is said under it now is no longer anybody's.
fn published(session: &Session, member: &MemberId, sid: SubsessionId) -> Option<String> {
    let name = term::name(member);
    if session.sid() == Some(sid) {
        return Some(format!(
            "* the key under which {name} writes here is public; whatever comes under it from now \
             on proves nothing and is not shown, and {name} will be excluded"
        ));
    }
    let theirs = |id: &MessageId| {
        session.message(id).is_some_and(|message| message.sid == sid && message.author == member)
    };
    let last = screen::number(session, &session.log().rev().find(theirs)?)?;
    Some(format!(
        "* the key under which {name} wrote up to {last} is public now; that was still {name}, but \
         whatever comes under it from now on proves nothing"
    ))
}

/// What a change of membership is to do.
pub(super) fn change_text(change: &Change) -> String {
    let mut parts = Vec::new();
    if !change.include.is_empty() {
        parts.push(format!("include {}", term::names(&change.include)));
    }
    if !change.exclude.is_empty() {
        parts.push(format!("exclude {}", term::names(&change.exclude)));
    }
    if parts.is_empty() { "renew the keys".to_owned() } else { parts.join(" and ") }
}

fn members_changed(
    session: &Session,
    me: &MemberId,
    remain: &MemberSet,
    include: &MemberSet,
    exclude: &MemberSet,
) -> String {
    let alone = remain.len() == 1 && remain.contains(me);
    if alone && include.is_empty() {
        return format!("* you are no longer in a session with {}", term::names(exclude));
    }
    if alone && exclude.is_empty() && session.log_len() == 0 {
        return format!("* you are in a session with {}", term::names(include));
    }
    let mut line = "*".to_owned();
    if !include.is_empty() {
        line.push_str(&format!(" {} can read from now on;", term::names(include)));
    }
    if !exclude.is_empty() {
        line.push_str(&format!(" {} cannot read any more;", term::names(exclude)));
    }
    let others = remain.union(include).without(me);
    line.push_str(&format!(" in the session with you: {}", term::names(&others)));
    line
}

//= docs/spec/protocol.md#UIX-005
fn started(session: &Session, change: &Change, initiator: &MemberId) -> String {
    let who = term::name(initiator);
    let readers = term::names(&session.members().without(session.me()));
    let until = if readers.is_empty() {
        String::new()
    } else {
        format!("; until that is done, what you write goes to {readers}")
    };
    if change.include.contains(session.me()) {
        format!("* {who} is including you")
    } else if change.exclude.contains(session.me()) {
        format!("* {who} is excluding you; until that is done, you read what is written")
    } else {
        format!("* {who} is about to {}{until}", change_text(change))
    }
}

#[cfg(test)]
mod tests {
    use mpenc::memory::Room;

    use super::*;
    use crate::chat::screen::tests::{id, shows, two};

    //= docs/spec/v2.md#V2-029
    //= type=test
    #[tokio::test]
    async fn a_public_key_is_news_where_something_was_said_under_it() {
        let room = Room::new();
        let (ann, bob) = two(&room).await;
        let sid = ann.view(Session::sid).unwrap();
        let told = |who: &str| {
            let public = Notice::KeyPublished { member: id(who), sid };
            ann.view(|session| notice(session, &public))
        };
        ann.send("one").unwrap();
        shows(&bob, 1).await;
        bob.send("two").unwrap();
        shows(&ann, 2).await;
        assert_eq!(
            told("bob").unwrap(),
            "* the key under which bob writes here is public; whatever comes under it from now on \
             proves nothing and is not shown, and bob will be excluded"
        );
        ann.refresh().await.unwrap();
        assert_ne!(ann.view(Session::sid), Some(sid));
        ann.send("three").unwrap();
        assert_eq!(
            told("bob").unwrap(),
            "* the key under which bob wrote up to [2] is public now; that was still bob, but \
             whatever comes under it from now on proves nothing"
        );
        assert_eq!(told("cid"), None, "nothing was said under it");
        assert_eq!(told("ann"), None, "our own is a warning");
    }

    #[test]
    fn changes_read_as_sentences() {
        let change = |include: &[&str], exclude: &[&str]| Change {
            include: include.iter().map(|name| id(name)).collect(),
            exclude: exclude.iter().map(|name| id(name)).collect(),
        };
        assert_eq!(change_text(&change(&[], &[])), "renew the keys");
        assert_eq!(change_text(&change(&["b", "a"], &[])), "include a, b");
        assert_eq!(change_text(&change(&["a"], &["b"])), "include a and exclude b");
    }
}
