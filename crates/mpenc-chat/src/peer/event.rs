//! Events, written as JSON.

use mpenc::channel::ChannelRequest;
use mpenc::security::ErrorCode;
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
// Every notice stands here, so that clippy objects to a new one about which nobody has decided.
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
        Notice::KeyPublished { member, sid } => json!({
            "type": "KeyPublished",
            "member": member.to_string(),
            "sid": hexed(sid.as_bytes()),
        }),
        Notice::ErrorReported { member, code, subject } => json!({
            "type": "ErrorReported",
            "member": member.to_string(),
            "code": match code {
                ErrorCode::BadMessage => "bad_message",
                ErrorCode::Fork => "fork",
                ErrorCode::InconsistentHistory => "inconsistent_history",
            },
            "mid": subject.map(|id| hexed(id.as_bytes())),
        }),
        // Written as `action_result`.
        Notice::OperationEnded { .. } => return None,
        Notice::OpProposed { .. }
        | Notice::OpRejected { .. }
        | Notice::RejectedRepeatedly { .. }
        | Notice::OpStarted { .. }
        | Notice::OpFailed { .. }
        | Notice::BadContribution { .. }
        | Notice::OperationDisagreement { .. }
        | Notice::OrderNotConfirmed { .. }
        | Notice::OrderConfirmed { .. }
        | Notice::KeyAge { .. }
        | Notice::ContentProgress { .. }
        | Notice::ContentIncomplete { .. }
        | Notice::OpSucceeded { .. }
        | Notice::OperationSlow { .. }
        | Notice::EnterRequest { .. }
        | Notice::NotAcceptedResolved { .. }
        | Notice::MessageDiscarded { .. }
        | Notice::UserNotPresent { .. }
        | Notice::UserPresent { .. }
        | Notice::UserAbsent { .. }
        | Notice::NotDecryptedResolved { .. }
        | Notice::PacketDiscarded { .. }
        | Notice::BadMessage { .. }
        | Notice::AuthorFork { .. }
        | Notice::OrderInconsistent { .. }
        | Notice::ContextIncomplete { .. }
        | Notice::SubsessionClosed { .. }
        | Notice::Unrecognised { .. } => {
            tracing::info!(?notice, "not part of the peer protocol");
            return None;
        }
        _ => return None,
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

#[cfg(test)]
mod tests {
    use mpenc::{SessionConfig, SubsessionId};

    use super::*;
    use crate::keys::random_identity;

    #[test]
    fn public_keys_and_reported_errors_are_written() {
        let ann = MemberId::new("ann").unwrap();
        let config = SessionConfig::new(ann.clone(), random_identity().unwrap()).unwrap();
        let session = Session::new(config);
        let check = |given: Notice, expect: Value| {
            assert_eq!(notice(&session, &given), Some(json!({ "ev": "notice", "notice": expect })));
        };
        check(
            Notice::KeyPublished { member: ann.clone(), sid: SubsessionId::new([0xab; 32]) },
            json!({ "type": "KeyPublished", "member": "ann", "sid": "ab".repeat(32) }),
        );
        let error = |code, subject| Notice::ErrorReported { member: ann.clone(), code, subject };
        check(
            error(ErrorCode::BadMessage, MessageId::new(&[0xcd; 32]).ok()),
            json!({
                "type": "ErrorReported", "member": "ann", "code": "bad_message",
                "mid": "cd".repeat(32),
            }),
        );
        check(
            error(ErrorCode::InconsistentHistory, None),
            json!({
                "type": "ErrorReported", "member": "ann", "code": "inconsistent_history",
                "mid": null,
            }),
        );
    }
}
