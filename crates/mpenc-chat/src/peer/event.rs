//! Events, written as JSON.

use mpenc::channel::ChannelRequest;
use mpenc::{
    ChangeError, MemberId, MemberSet, MessageId, Notice, OperationError, Profile, SendError,
    Session, SessionState,
};
use serde_json::{Map, Value, json};

pub(super) fn hexed(bytes: &[u8]) -> String {
    hex::encode(bytes)
}

pub(super) fn names(members: &MemberSet) -> Vec<String> {
    members.iter().map(MemberId::to_string).collect()
}

fn ids<'a>(ids: impl IntoIterator<Item = &'a MessageId>) -> Vec<String> {
    ids.into_iter().map(|id| hexed(id.as_bytes())).collect()
}

/// What is asked of the channel. Packets of v1 are text; others are told in hex.
pub(super) fn request(request: &ChannelRequest, profile: Profile) -> Option<Value> {
    Some(match request {
        ChannelRequest::Send { recipients, bytes } => json!({
            "ev": "send",
            "pubtxt": match profile {
                Profile::V1 => String::from_utf8_lossy(bytes).into_owned(),
                Profile::V2 | _ => hexed(bytes),
            },
            "recipients": names(recipients),
        }),
        ChannelRequest::Enter => json!({ "ev": "control", "enter": true }),
        ChannelRequest::Leave => json!({ "ev": "control", "leave": true }),
        ChannelRequest::Change { enter, leave } => {
            let mut fields = Map::new();
            fields.insert("ev".to_owned(), json!("control"));
            for (name, members) in [("enter", enter), ("leave", leave)] {
                if !members.is_empty() {
                    fields.insert(name.to_owned(), json!(names(members)));
                }
            }
            Value::Object(fields)
        }
        _ => return None,
    })
}

/// A notice, if the peer protocol has it.
#[expect(clippy::wildcard_enum_match_arm, reason = "the peer protocol has the original's notices")]
pub(super) fn notice(session: &Session, notice: &Notice) -> Option<Value> {
    let notice = match notice {
        Notice::StateChanged { old, new } => json!({
            "type": "SNState",
            "newState": number(*new),
            "oldState": number(*old),
        }),
        Notice::MembersChanged { remain, include, exclude, context, .. } => json!({
            "type": "SNMembers",
            "remain": names(remain),
            "include": names(include),
            "exclude": names(exclude),
            "parents": ids(context),
        }),
        Notice::KeyRefreshed { .. } => json!({
            "type": "SNMembers",
            "remain": names(&session.members()),
            "include": [],
            "exclude": [],
            "parents": [],
        }),
        Notice::MessageReady { id, .. } => {
            let message = session.message(id)?;
            json!({
                "type": "MsgReady",
                "mid": hexed(id.as_bytes()),
                "author": message.author.to_string(),
                "readers": names(&message.readers()),
                "content": message.text,
                "parents": ids(message.parents),
            })
        }
        Notice::MessageFullyAcked { id } => {
            json!({ "type": "MsgFullyAcked", "mid": hexed(id.as_bytes()) })
        }
        Notice::NotFullyAcked { id, .. } => {
            json!({ "type": "NotFullyAcked", "mid": hexed(id.as_bytes()) })
        }
        Notice::NotAccepted { author, missing, .. } => json!({
            "type": "NotAccepted",
            "author": author.to_string(),
            "parents": ids(missing),
        }),
        Notice::NotDecrypted { sender, size, .. } => {
            json!({ "type": "NotDecrypted", "sender": sender.to_string(), "size": size })
        }
        Notice::InternalError { description } => {
            return Some(json!({ "ev": "error", "error": "internal", "detail": description }));
        }
        other => {
            tracing::info!(?other, "not part of the peer protocol");
            return None;
        }
    };
    Some(json!({ "ev": "notice", "notice": notice }))
}

/// How an action ended that did not end at once.
pub(super) fn ended(id: &Value, result: &Result<(), OperationError>) -> Value {
    match result {
        Ok(()) => json!({ "ev": "action_result", "id": id, "result": "resolved" }),
        Err(error) => json!({
            "ev": "action_result",
            "id": id,
            "result": "rejected",
            "error": operation_error(error),
            "detail": error.to_string(),
        }),
    }
}

pub(super) fn refused(id: &Value, (code, detail): (&'static str, String)) -> Value {
    json!({
        "ev": "action_result",
        "id": id,
        "result": "refused",
        "error": code,
        "detail": detail,
    })
}

pub(super) fn send_error(error: SendError) -> (&'static str, String) {
    let code = match error {
        SendError::NotJoined => "not_joined",
        SendError::TooLarge { .. } => "too_large",
        SendError::NoSubsession => "no_subsession",
        SendError::KeysTooOld => "keys_too_old",
        SendError::Internal | _ => "internal",
    };
    (code, error.to_string())
}

pub(super) fn change_error(error: &ChangeError) -> (&'static str, String) {
    let code = match error {
        ChangeError::NotInChannel => "not_in_channel",
        ChangeError::Busy => "busy",
        ChangeError::OperationInProgress => "operation_in_progress",
        ChangeError::Overlap(_) => "overlap",
        ChangeError::CannotExcludeSelf => "cannot_exclude_self",
        ChangeError::BadName(_) => "bad_name",
        ChangeError::MemberLeaving(_) => "member_leaving",
        ChangeError::NoSubsession => "no_subsession",
        ChangeError::Broken | _ => "internal",
    };
    (code, error.to_string())
}

fn operation_error(error: &OperationError) -> &'static str {
    match error {
        OperationError::ProposalRejected { .. } => "proposal_rejected",
        OperationError::OperationFailed(_) => "operation_failed",
        OperationError::Timeout => "timeout",
        OperationError::LeftChannel => "left_channel",
        OperationError::NotProposed(_) => "not_proposed",
        _ => "internal",
    }
}

/// The numbers of the original (wire-v1.md section 15).
fn number(state: SessionState) -> u8 {
    match state {
        SessionState::Joined => 1,
        SessionState::Parting => 2,
        SessionState::PartFailed => 3,
        SessionState::Parted => 4,
        SessionState::Joining => 5,
        SessionState::JoinFailed => 6,
        SessionState::Error | _ => 7,
    }
}
