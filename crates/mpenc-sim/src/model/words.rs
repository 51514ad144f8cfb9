//! Events and members in words.

use super::group::name;
use super::member::Member;
use super::packet::{Event, Packet};

/// An event in words.
pub(super) fn say(event: &Event) -> String {
    match event {
        Event::Entered(who, _) => format!("{} entered", name(*who)),
        Event::Left(who) => format!("{} left", name(*who)),
        Event::Packet(from, Packet::Initial(p)) => {
            format!("{}: proposal {}, {} to {}", name(*from), p.operation, p.members, p.targets)
        }
        Event::Packet(from, Packet::Part { operation, round }) => {
            format!("{}: packet of round {round} of {operation}", name(*from))
        }
        Event::Packet(from, Packet::Abort { operation }) => {
            format!("{}: abort of {operation}", name(*from))
        }
    }
}

/// A member in words.
pub(super) fn show(member: &Member) -> String {
    let mut text = format!("session {}", member.members);
    if !member.order.is_synced() {
        text = "waits to be included".to_owned();
    }
    if let Some(running) = &member.running {
        let role = match (running.over, running.bystander, running.first) {
            (true, ..) => "excluded by",
            (false, true, _) => "looks on at",
            (false, false, true) => "joins by",
            (false, false, false) => "takes part in",
        };
        text += &format!(", {role} operation {} to {}", running.number, running.targets);
    }
    if member.proposal.is_some() {
        text += ", has proposed";
    }
    if !member.task_exclude.is_empty() {
        text += &format!(", is to exclude {}", member.task_exclude);
    }
    if !member.task_leave.is_empty() {
        text += &format!(", is to see {} off", member.task_leave);
    }
    text
}
