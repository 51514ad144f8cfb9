//! Commands, read from JSON.

use mpenc::channel::ChannelEvent;
use mpenc::{MemberId, MemberSet};
use serde_json::{Map, Value, json};

use super::setup::Setup;

/// What a line asks for.
#[derive(Debug)]
pub(super) enum Command {
    Init(Box<Setup>),
    Channel(ChannelEvent),
    Action(Action),
    Advance(u64),
    State { secrets: bool },
    Quit,
}

/// What the user wants.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    Join,
    Part,
    Change { include: MemberSet, exclude: MemberSet },
    Refresh,
    Say(String),
}

/// Why a command was not carried out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    code: &'static str,
    detail: String,
}

impl Refusal {
    pub(super) fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }

    pub(super) fn field(name: &str) -> Self {
        Self::new("bad_field", format!("{name} is missing or not what it should be"))
    }

    pub(super) fn event(&self, id: &Value) -> Value {
        json!({ "ev": "error", "error": self.code, "detail": self.detail, "id": id })
    }
}

/// The `id` of a line, and what it asks for.
pub(super) fn parse(line: &[u8]) -> (Value, Result<Command, Refusal>) {
    let value: Value = match serde_json::from_slice(line) {
        Ok(value) => value,
        Err(error) => return (Value::Null, Err(Refusal::new("bad_json", error.to_string()))),
    };
    let Value::Object(fields) = value else {
        return (Value::Null, Err(Refusal::new("bad_json", "a command is an object")));
    };
    let id = match fields.get("id") {
        Some(id @ (Value::String(_) | Value::Number(_))) => id.clone(),
        Some(_) | None => Value::Null,
    };
    (id, command(&fields))
}

fn command(fields: &Map<String, Value>) -> Result<Command, Refusal> {
    Ok(match text(fields, "cmd")? {
        "init" => Command::Init(Box::new(Setup::read(fields)?)),
        "channel" => Command::Channel(channel_event(object(fields, "event")?)?),
        "action" => Command::Action(action(object(fields, "action")?)?),
        "refresh" => Command::Action(Action::Refresh),
        "advance" => {
            let millis = fields.get("ms").and_then(Value::as_u64);
            Command::Advance(millis.ok_or_else(|| Refusal::field("ms"))?)
        }
        "state" => Command::State { secrets: flag(fields, "secrets")? },
        "quit" => Command::Quit,
        other => return Err(Refusal::new("unknown_command", format!("no command {other:?}"))),
    })
}

fn channel_event(event: &Map<String, Value>) -> Result<ChannelEvent, Refusal> {
    Ok(match text(event, "type")? {
        "packet" => ChannelEvent::Packet {
            sender: MemberId::from_wire(text(event, "sender")?.as_bytes()),
            bytes: text(event, "pubtxt")?.as_bytes().to_vec(),
        },
        "enter_self" => ChannelEvent::Entered { members: members(event, "members")? },
        "leave_self" => ChannelEvent::Left,
        "members" => ChannelEvent::Changed {
            enter: members(event, "enter")?,
            leave: members(event, "leave")?,
        },
        other => {
            return Err(Refusal::new("unknown_channel_event", format!("no event {other:?}")));
        }
    })
}

fn action(action: &Map<String, Value>) -> Result<Action, Refusal> {
    let asked = |name: &str| action.get(name) == Some(&Value::Bool(true));
    if action.contains_key("content") {
        return Ok(Action::Say(text(action, "content")?.to_owned()));
    }
    if action.contains_key("include") || action.contains_key("exclude") {
        return Ok(Action::Change {
            include: members(action, "include")?,
            exclude: members(action, "exclude")?,
        });
    }
    match (asked("join"), asked("part")) {
        (true, false) => Ok(Action::Join),
        (false, true) => Ok(Action::Part),
        (true, true) | (false, false) => {
            Err(Refusal::new("unknown_action", "exactly one action is needed"))
        }
    }
}

pub(super) fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<&'a str, Refusal> {
    fields.get(name).and_then(Value::as_str).ok_or_else(|| Refusal::field(name))
}

pub(super) fn object<'a>(
    fields: &'a Map<String, Value>,
    name: &str,
) -> Result<&'a Map<String, Value>, Refusal> {
    fields.get(name).and_then(Value::as_object).ok_or_else(|| Refusal::field(name))
}

/// A flag; false if it is missing.
pub(super) fn flag(fields: &Map<String, Value>, name: &str) -> Result<bool, Refusal> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(on)) => Ok(*on),
        Some(_) => Err(Refusal::field(name)),
    }
}

/// A list of member ids, unchecked; empty if it is missing.
fn members(fields: &Map<String, Value>, name: &str) -> Result<MemberSet, Refusal> {
    let list = match fields.get(name) {
        None | Some(Value::Null) => return Ok(MemberSet::new()),
        Some(list) => list.as_array().ok_or_else(|| Refusal::field(name))?,
    };
    let member = |value: &Value| Some(MemberId::from_wire(value.as_str()?.as_bytes()));
    list.iter().map(member).collect::<Option<_>>().ok_or_else(|| Refusal::field(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(line: &str) -> String {
        parse(line.as_bytes()).1.unwrap_err().code.to_owned()
    }

    #[test]
    fn actions_are_told_apart() {
        let read = |json: &str| match parse(json.as_bytes()) {
            (_, Ok(Command::Action(action))) => action,
            other => panic!("{other:?}"),
        };
        assert_eq!(read(r#"{"cmd":"action","action":{"join":true}}"#), Action::Join);
        assert_eq!(read(r#"{"cmd":"action","action":{"part":true}}"#), Action::Part);
        assert_eq!(read(r#"{"cmd":"refresh"}"#), Action::Refresh);
        assert_eq!(read(r#"{"cmd":"action","action":{"content":""}}"#), Action::Say(String::new()));
        let exclude: MemberSet = [MemberId::new("bob").unwrap()].iter().collect();
        assert_eq!(
            read(r#"{"cmd":"action","action":{"exclude":["bob"]}}"#),
            Action::Change { include: MemberSet::new(), exclude }
        );
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        assert_eq!(refused("{"), "bad_json");
        assert_eq!(refused("[1]"), "bad_json");
        assert_eq!(refused(r#"{"cmd":7}"#), "bad_field");
        assert_eq!(refused(r#"{"cmd":"dance"}"#), "unknown_command");
        assert_eq!(refused(r#"{"cmd":"action","action":{}}"#), "unknown_action");
        assert_eq!(refused(r#"{"cmd":"action","action":{"include":"bob"}}"#), "bad_field");
        assert_eq!(refused(r#"{"cmd":"advance","ms":-1}"#), "bad_field");
        assert_eq!(refused(r#"{"cmd":"channel","event":{"type":"x"}}"#), "unknown_channel_event");
    }

    #[test]
    fn ids_are_given_back_even_if_the_rest_is_wrong() {
        assert_eq!(parse(br#"{"id":7,"cmd":"dance"}"#).0, json!(7));
        assert_eq!(parse(br#"{"id":"x","cmd":"quit"}"#).0, json!("x"));
        assert_eq!(parse(br#"{"cmd":"quit"}"#).0, Value::Null);
    }
}
